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
)

const (
	// postEvery is how often the outbox is looked into.
	postEvery = time.Second
	// mailsAtOnce is how many mails are handed on at once: more than one, so that
	// a slow one does not hold up the others, and few, because providers take few
	// in a second.
	mailsAtOnce = 4
	// mailTimeout is well under the time for which a mail is leased.
	mailTimeout = 10 * time.Second
	// maxMailAnswer is longer than what Resend says to a mail, in bytes.
	maxMailAnswer = 64 << 10
	// maxRefusal is how much of it a person reads, in characters.
	maxRefusal = 200
	// maxMailWait is how long a provider can ask to be left alone.
	maxMailWait = 24 * time.Hour
)

// A carrier hands mails on.
type carrier struct {
	config
	client *http.Client
	outbox *outage
}

func newCarrier(c config) carrier {
	return carrier{c, &http.Client{
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

// post hands on the mails of the outbox until ctx ends, and then ends with those
// that are on their way.
func post(ctx context.Context, c carrier, accounts *account.Service) {
	var hands sync.WaitGroup
	for range mailsAtOnce {
		hands.Go(func() {
			for ctx.Err() == nil {
				if c.handOnNext(context.WithoutCancel(ctx), accounts) {
					continue
				}
				select {
				case <-ctx.Done():
				case <-time.After(postEvery):
				}
			}
		})
	}
	hands.Wait()
}

// handOnNext hands on a mail of the outbox, and reports whether there was one.
func (c carrier) handOnNext(ctx context.Context, accounts *account.Service) bool {
	var subject string
	found, err := accounts.HandOnMail(ctx, func(m account.Mail) error {
		subject = m.Subject
		return c.handOn(ctx, m)
	})
	var unread error
	if !found {
		unread = err
	}
	c.outbox.note(c.log, unread, "the outbox cannot be read", "the outbox can be read again")
	switch {
	case unread != nil:
	case errors.Is(err, account.ErrMailDropped):
		c.log.Error("a mail was dropped", "subject", subject, "err", err)
	case err != nil:
		c.log.Warn("a mail was not handed on, and will be tried again", "subject", subject, "err", err)
	}
	return found
}

// handOn hands a mail on: to Resend, if there is a key; else to the log,
// addressee and subject only, and to a file in -mail-dir. It fails with
// [account.RefusedError] if Resend did not take it.
func (c carrier) handOn(ctx context.Context, m account.Mail) error {
	set := c.settings.Now()
	from := set.MailFrom
	if from == "" {
		from = sender(set.AppName, c.origin.Hostname())
	}
	if set.MailAPIKey == "" {
		return c.keep(m, from)
	}
	provider := resend.NewCustomClient(c.client, set.MailAPIKey)
	provider.BaseURL = c.resendURL
	// The key is the mail's: one that is sent twice, because a server ended in
	// between or an answer was lost, comes once.
	taken, err := provider.Emails.SendWithOptions(ctx,
		&resend.SendEmailRequest{From: from, To: []string{address.SMTP(m.Recipient)}, Subject: m.Subject, Text: m.Text, Html: m.HTML},
		&resend.SendEmailOptions{IdempotencyKey: m.ID})
	if err == nil && taken.Id == "" {
		err = errors.New("it gave the mail no ID")
	}
	if err != nil {
		return refusal(err, set.MailAPIKey)
	}
	c.log.Info("a mail was sent", "subject", m.Subject, "id", taken.Id)
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
	return &account.RefusedError{Why: why, Wait: wait}
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

// keep writes a mail to a file, for want of who sends it.
func (c carrier) keep(m account.Mail, from string) error {
	line, err := json.Marshal(struct {
		To      string    `json:"to"`
		From    string    `json:"from"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		HTML    string    `json:"html"`
		At      time.Time `json:"at"`
	}{m.Recipient, from, m.Subject, m.Text, m.HTML, m.CreatedAt})
	if err != nil {
		return err
	}
	// The name is the mail's: one that is handed on twice, because a server
	// ended in between, is still one file.
	name := filepath.Join(c.mailDir, m.CreatedAt.Format("20060102T150405.000Z")+"-"+m.ID+".json")
	if _, err := writeOnce(name, string(line)+"\n"); err != nil {
		return err
	}
	c.log.Info("mail", "to", m.Recipient, "subject", m.Subject)
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
