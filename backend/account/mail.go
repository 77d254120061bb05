package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"strings"
	"time"
)

// Mail is a mail that waits to be handed on. It is written in the transaction
// of the thing that it tells of. What it says is sealed while it waits: it may
// be a code that opens something.
type Mail struct {
	ID          string `bun:",pk"`
	Recipient   string
	Subject     string // no secret, ever: the log tells it
	Text        string
	HTML        string `bun:"html"`
	Asked       string // sealed: what somebody asked for, if it is not written yet; empty if it is
	CreatedAt   time.Time
	LeasedUntil time.Time // whoever hands it on has until then, and nobody tries before
	Tries       int       // how often it was not handed on
}

// mailLease is how long handing a mail on may take before another server
// tries.
const mailLease = time.Minute

// place is where a part of the mail is sealed for: nobody who can write to the
// database can send other mails by it, or to others.
func (m Mail) place(part string) string {
	return "mails|" + part + "|" + m.ID + "|" + m.Recipient + "|" + m.Subject
}

// send puts a mail into the outbox.
func (s *Service) send(ctx context.Context, tx Store, m Mail) error {
	m.Text, m.HTML = s.Keys.seal(m.Text, m.place("text")), s.Keys.seal(m.HTML, m.place("html"))
	return tx.AddMail(ctx, m)
}

// unsealed is the mail as it is to be read.
func (s *Service) unsealed(m Mail) (Mail, error) {
	text, err := s.Keys.unseal(m.Text, m.place("text"))
	if err != nil {
		return m, err
	}
	html, err := s.Keys.unseal(m.HTML, m.place("html"))
	m.Text, m.HTML = text, html
	return m, err
}

// notice is a mail to a user that something about their account has changed.
func (s *Service) notice(user User, from Client, subject, what string) Mail {
	return s.mail(user, subject, what, s.occasion(from),
		"If this was you, there is nothing to do. If it was not, ask whoever runs this service for help at once.")
}

// occasion says when and from where something was done.
func (s *Service) occasion(from Client) string {
	where := from.IP
	if where == "" {
		where = "an unknown address"
	}
	return fmt.Sprintf("It was at %s UTC, from %s.", s.Now().Format("15:04 on 2 January 2006"), where)
}

// mail is a mail to a user.
func (s *Service) mail(user User, subject string, paragraphs ...string) Mail {
	now := s.Now()
	var b strings.Builder
	for _, p := range paragraphs {
		fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(p))
	}
	return Mail{
		ID: rand.Text(), Recipient: user.Email, Subject: subject, CreatedAt: now, LeasedUntil: now,
		Text: strings.Join(paragraphs, "\n\n") + "\n", HTML: b.String(),
	}
}

// HandOnMail hands on a mail that waits, if there is one, and reports whether
// there was. One that could not be handed on is tried again after a minute.
func (s *Service) HandOnMail(ctx context.Context, handOn func(Mail) error) (bool, error) {
	now := s.Now()
	m, found, err := s.Store.LeaseMail(ctx, now, now.Add(mailLease))
	if err != nil || !found {
		return false, err
	}
	if m.Asked != "" {
		if m, found, err = s.write(ctx, m); err != nil || !found {
			return true, err
		}
	}
	if m, err = s.unsealed(m); err != nil {
		return true, err
	}
	if err := handOn(m); err != nil {
		return true, err
	}
	return true, s.Store.DeleteMail(ctx, m.ID)
}

type mailStore interface {
	AddMail(ctx context.Context, m Mail) error
	// LeaseMail takes the mail that waits for longest, if nobody has it, until
	// the given time. Of several who see it, one takes it.
	LeaseMail(ctx context.Context, now, until time.Time) (m Mail, found bool, err error)
	DeleteMail(ctx context.Context, id string) error
	// WriteMail puts what a mail says in the place of what was asked for. It
	// fails with [ErrNotFound] unless it still waits to be written under the
	// same lease: of several who write it, one does.
	WriteMail(ctx context.Context, m Mail) error
}
