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
// of the thing that it tells of, and holds no secret of what happened.
type Mail struct {
	ID          string `bun:",pk"`
	Recipient   string
	Subject     string
	Text        string
	HTML        string `bun:"html"`
	CreatedAt   time.Time
	LeasedUntil time.Time // whoever hands it on has until then
}

// mailLease is how long handing a mail on may take before another server
// tries.
const mailLease = time.Minute

// notice is a mail to a user that something about their account has changed.
func (s *Service) notice(user User, from Client, subject, what string) Mail {
	now := s.Now()
	where := from.IP
	if where == "" {
		where = "an unknown address"
	}
	paragraphs := []string{
		fmt.Sprintf("%s at %s UTC, from %s.", what, now.Format("15:04 on 2 January 2006"), where),
		"If this was you, there is nothing to do. If it was not, ask whoever runs this service for help at once.",
	}
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
}
