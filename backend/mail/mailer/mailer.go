// Package mailer delivers emails to an email server by SMTP, to Resend, to another provider
// with Resend's API, or to files. It neither composes emails nor queues them.
package mailer

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"latchkey/backend/atomicfile"
	"latchkey/backend/mail"
)

// Settings are the settings that an administrator can change while the server runs.
type Settings struct {
	Name   string // of the service
	Sender string // an address, with or without a name; empty for no-reply at Host
	SMTP   string // the URL of an email server; empty for none
	APIKey string // of the provider; empty for none
}

// Config is the configuration of a [Mailer].
type Config struct {
	Settings func() Settings
	Host     string   // of the service; the default sender is no-reply at this host
	API      *url.URL // of the provider, as [ParseAPI] returns it
	Folder   string   // for emails that go to files
	Log      *slog.Logger
}

// A Mailer delivers emails.
type Mailer struct {
	Config
	client      *http.Client
	connections connections
}

// New returns a Mailer.
func New(c Config) *Mailer { return &Mailer{Config: c, client: newClient()} }

// Deliver sends an email to the email server, or else to the provider. If there is neither,
// it writes the email to a file, and logs only the recipient and the subject. It fails with
// [mail.RefusedError] if the server or the provider does not accept the email.
func (m *Mailer) Deliver(ctx context.Context, e mail.Mail) error {
	set := m.Settings()
	from := set.Sender
	if from == "" {
		from = sender(set.Name, m.Host)
	}
	switch {
	case set.SMTP != "":
		return m.sendSMTP(ctx, e, from, set.SMTP)
	case set.APIKey != "":
		return m.send(ctx, e, from, set.APIKey)
	}
	return m.writeFile(e, from)
}

// sender returns the From address of the service. It quotes or removes the characters of
// the name that have a meaning in an address.
func sender(name, host string) string {
	plain := func(r rune) bool { return r == ' ' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	if strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		name = `"` + strings.NewReplacer(`"`, "", `\`, "", "<", "", ">", "").Replace(name) + `"`
	}
	return name + " <no-reply@" + host + ">"
}

// writeFile writes an email to a JSON file in the folder.
func (m *Mailer) writeFile(e mail.Mail, from string) error {
	line, err := json.Marshal(struct {
		To      string    `json:"to"`
		From    string    `json:"from"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		HTML    string    `json:"html"`
		At      time.Time `json:"at"`
	}{e.Recipient, from, e.Subject, e.Text, e.HTML, e.CreatedAt})
	if err != nil {
		return err
	}
	// The file name is unique to the email: an email that is delivered twice, because a
	// server stopped in between, makes one file.
	name := filepath.Join(m.Folder, e.CreatedAt.Format("20060102T150405.000Z")+"-"+e.ID+".json")
	if _, err := atomicfile.Create(name, string(line)+"\n"); err != nil {
		return err
	}
	m.Log.Info("email written to a file", "to", e.Recipient, "subject", e.Subject)
	return nil
}
