package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/resend/resend-go/v3"

	"latchkey/backend/account"
	"latchkey/backend/address"
	"latchkey/backend/mail"
)

const (
	// mailEvery is how often an idle server looks into the outbox.
	mailEvery = time.Second
	// mailWorkers is how many emails are delivered at once: more than one, so that a slow
	// one does not delay the others, and few, because providers take few in a second.
	mailWorkers = 4
	// mailTimeout is well under the time for which a mail is leased.
	mailTimeout = 10 * time.Second
	// maxMailAnswer is longer than what Resend says to a mail, in bytes.
	maxMailAnswer = 64 << 10
	// maxRefusal is how much of it a person reads, in characters.
	maxRefusal = 200
	// maxMailWait is how long a provider can ask to be left alone.
	maxMailWait = 24 * time.Hour
)

// A mailer delivers emails.
type mailer struct {
	config
	client *http.Client
	outbox *outage
}

func newMailer(c config) mailer {
	return mailer{c, &http.Client{
		Timeout:       mailTimeout,
		Transport:     brief{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key is for nobody else
	}, new(outage)}
}

// brief reads no more of an answer than there is to one.
type brief struct{ http.RoundTripper }

func (b brief) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxMailAnswer), answer.Body}
	}
	return answer, err
}

// deliverMails delivers the emails of the outbox until ctx ends, and then finishes those
// that are under way.
//
// One worker at a time looks into the outbox, so that an idle server asks the database once
// a second. As soon as it has found an email, the next worker looks, so that waiting emails
// are delivered by all workers at once.
func deliverMails(ctx context.Context, m mailer, accounts *account.Service) {
	looking := make(chan struct{}, 1) // has a value while a worker looks
	var workers sync.WaitGroup
	for range mailWorkers {
		workers.Go(func() {
			for ctx.Err() == nil {
				select {
				case looking <- struct{}{}:
				case <-ctx.Done():
					return
				}
				letNext := sync.OnceFunc(func() { <-looking })
				if !m.deliverNext(context.WithoutCancel(ctx), accounts, letNext) {
					sleep(ctx, m.outbox.pause(mailEvery))
				}
				letNext()
			}
		})
	}
	workers.Wait()
}

// deliverNext delivers an email of the outbox, and reports whether there was one. It calls
// found before the delivery.
func (m mailer) deliverNext(ctx context.Context, accounts *account.Service, found func()) bool {
	var subject string
	exists, err := accounts.HandOnMail(ctx, func(e mail.Mail) error {
		found()
		subject = e.Subject
		return m.deliver(ctx, e)
	})
	var unread error
	if !exists {
		unread = err
	}
	m.outbox.note(m.log, unread, "the outbox cannot be read", "the outbox can be read again")
	switch {
	case unread != nil:
	case errors.Is(err, account.ErrMailDropped):
		m.log.Error("a mail was dropped", "subject", subject, "err", err)
	case err != nil:
		m.log.Warn("a mail was not handed on, and will be tried again", "subject", subject, "err", err)
	}
	return exists
}

// deliver delivers an email: by Resend, if there is a key; else to a file in -mail-dir, and to
// the log, addressee and subject only. It fails with [mail.RefusedError] if Resend does
// not accept the email.
func (m mailer) deliver(ctx context.Context, e mail.Mail) error {
	set := m.settings.Now()
	from := set.MailFrom
	if from == "" {
		from = sender(set.AppName, m.origin.Hostname())
	}
	if set.MailAPIKey == "" {
		return m.save(e, from)
	}
	provider := resend.NewCustomClient(m.client, set.MailAPIKey)
	provider.BaseURL = m.resendURL
	// The key is the email's: one that is sent twice, because a server ended in between or
	// an answer was lost, arrives once.
	accepted, err := provider.Emails.SendWithOptions(ctx, &resend.SendEmailRequest{
		From: from, To: []string{address.SMTP(e.Recipient)}, Subject: e.Subject, Text: e.Text, Html: e.HTML,
	}, &resend.SendEmailOptions{IdempotencyKey: e.ID})
	if err == nil && accepted.Id == "" {
		err = errors.New("it gave the mail no ID")
	}
	if err != nil {
		return refusal(err, set.MailAPIKey)
	}
	m.log.Info("a mail was sent", "subject", e.Subject, "id", accepted.Id)
	return nil
}

// sender is a service as mails are from it. Mail programs read some signs of its
// name as others than a name's.
func sender(name, host string) string {
	plain := func(r rune) bool { return r == ' ' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	if strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		name = `"` + strings.NewReplacer(`"`, "", `\`, "", "<", "", ">", "").Replace(name) + `"`
	}
	return name + " <no-reply@" + host + ">"
}

// refusal is what it means that Resend did not take a mail, as far as the SDK
// tells.
func refusal(err error, key string) error {
	why, wait := "The mail provider’s answer is not one of Resend’s: "+err.Error(), time.Duration(0)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		why = "The mail provider did not answer in time."
	} else if unreached, ok := errors.AsType[*url.Error](err); ok {
		why = "The mail provider cannot be reached: " + unreached.Err.Error()
	} else if limited, ok := errors.AsType[*resend.RateLimitError](err); ok {
		why, wait = "The mail provider says: "+limited.Message, mailWait(limited.RetryAfter, time.Now())
	} else if said, ok := strings.CutPrefix(err.Error(), "[ERROR]: "); ok {
		why = "The mail provider says: " + said
	}
	why = strings.ReplaceAll(why, key, "…")
	why = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(why, ""))
	if long := []rune(why); len(long) > maxRefusal {
		why = string(long[:maxRefusal]) + "…"
	}
	return &mail.RefusedError{Why: why, Wait: wait}
}

// mailWait reads a Retry-After (RFC 9110, section 10.2.3).
func mailWait(after string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(after, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxMailWait)
	}
	if at, err := http.ParseTime(after); err == nil {
		return min(max(at.Sub(now), 0), maxMailWait)
	}
	return 0
}

// save writes an email to a file, because no provider sends it.
func (m mailer) save(e mail.Mail, from string) error {
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
	// The name is the email's: one that is delivered twice, because a server ended in
	// between, is still one file.
	name := filepath.Join(m.mailDir, e.CreatedAt.Format("20060102T150405.000Z")+"-"+e.ID+".json")
	if _, err := writeOnce(name, string(line)+"\n"); err != nil {
		return err
	}
	m.log.Info("mail", "to", e.Recipient, "subject", e.Subject)
	return nil
}

// parseAPI reads the URL of a provider's API. Its key must not cross a network
// in clear.
func parseAPI(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/") + "/") // what is asked for stands below it
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not of the form https://api.resend.com", s)
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return nil, fmt.Errorf("%q is not encrypted, so anybody on the way could read the key", s)
	}
	return u, nil
}
