package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	// mailLease is how long handing a mail on may take before another server
	// tries.
	mailLease = time.Minute
	// mailLifetime is how long a mail is tried. What it tells of is old news then.
	mailLifetime = 3 * day
	// maxMailBackoff is the longest pause between two tries, unless who carries
	// mails asks for a longer one.
	maxMailBackoff = time.Hour
)

// mailBackoff is how long to wait after a mail was not handed on that often
// before.
func mailBackoff(tries int) time.Duration {
	return min(time.Second<<min(tries, 12), maxMailBackoff)
}

// send puts an email into the outbox.
func (s *Service) send(ctx context.Context, tx Store, m mail.Mail) error {
	return tx.AddMail(ctx, m.Sealed(s.Keys))
}

// origin returns where this service is found: links in emails begin with it.
func (s *Service) origin() string { return s.RelyingParty.Origins[0] }

// compose returns a notice to a user about what client did. It is in the language
// that the user has chosen, or else in that of the client.
func (s *Service) compose(user User, client Client, n mail.Notice) mail.Mail {
	sender := mail.Sender{Name: s.Settings.Now().AppName, Origin: s.origin()}
	reader := mail.Reader{Address: user.Email, Language: cmp.Or(user.Language, client.Language)}
	return sender.Compose(reader, mail.RequestContext{At: s.Now(), IP: client.IP, UserAgent: client.UserAgent}, n)
}

// ErrMailDiscarded is why a mail was not handed on, and will not be.
var ErrMailDiscarded = fmt.Errorf("it was dropped after %d days", mailLifetime/day)

// DeliverMail hands on a mail that waits, if there is one, and reports whether
// there was. One that is not handed on is tried again after a pause, which grows
// from a second to an hour. After three days it is dropped, which the error then
// says by [ErrMailDiscarded].
func (s *Service) DeliverMail(ctx context.Context, deliver func(mail.Mail) error) (bool, error) {
	now := s.Now()
	leased, found, err := s.Store.LeaseMail(ctx, now, now.Add(mailLease))
	if err != nil || !found {
		return false, err
	}
	m := leased
	if m.Request != "" {
		m, found, err = s.composeRequested(ctx, m)
	}
	if err == nil && found {
		if m, err = m.Unsealed(s.Keys); err == nil {
			err = deliver(m)
		}
	}
	if err != nil {
		return true, s.reschedule(ctx, leased, err)
	}
	return true, s.Store.DeleteMail(ctx, leased.ID)
}

// reschedule puts off a mail that was not handed on, or drops it if it has been
// tried for long enough. It returns why it was not.
func (s *Service) reschedule(ctx context.Context, m mail.Mail, why error) error {
	now, end := s.Now(), m.CreatedAt.Add(mailLifetime)
	if !now.Before(end) {
		return errors.Join(why, s.discard(ctx, m))
	}
	pause := mailBackoff(m.Tries)
	if refused, ok := errors.AsType[*mail.RefusedError](why); ok {
		pause = max(pause, refused.RetryAfter)
	}
	return errors.Join(why, s.Store.RescheduleMail(ctx, m, earlier(now.Add(pause), end)))
}

// discard deletes a mail that nobody took, and has the log tell. It returns
// [ErrMailDiscarded] if it was there to be dropped.
func (s *Service) discard(ctx context.Context, m mail.Mail) error {
	user, _, err := s.Store.UserByEmail(ctx, m.Recipient)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	dropped := false
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if dropped, err = tx.DiscardMail(ctx, m); err != nil || !dropped {
			return err
		}
		e := s.event(audit.EventMailDiscarded, user.ID, Client{})
		e.Subject = m.Subject
		return tx.AddEvent(ctx, s.Keys, e)
	})
	if err == nil && dropped {
		err = ErrMailDiscarded
	}
	return err
}

// TestEmailLimit is per account.
var TestEmailLimit = RateLimit{"test mail", 5, 15 * time.Minute}

// SendTestMail hands a mail to the user on at once, past the outbox, so that the
// answer can say what became of it. It fails with [shared.ErrMailRefused], which
// says why, if who carries mails does not take it, and with
// [shared.ErrTooManyRequests] after too many.
func (s *Service) SendTestMail(ctx context.Context, actor Actor, deliver func(context.Context, mail.Mail) error) error {
	if err := s.Allow(ctx, TestEmailLimit, actor.User.ID); err != nil {
		return err
	}
	err := deliver(ctx, s.compose(actor.User, actor.Client, mail.Test{}))
	if refused, ok := errors.AsType[*mail.RefusedError](err); ok {
		return shared.ErrMailRefused.Saying(refused.Reason)
	}
	return err
}

type mailStore interface {
	AddMail(ctx context.Context, m mail.Mail) error
	// LeaseMail takes the mail that waits for longest, if nobody has it, until
	// the given time. Of several who see it, one takes it.
	LeaseMail(ctx context.Context, now, until time.Time) (m mail.Mail, found bool, err error)
	// RescheduleMail counts a try of a mail, and says when the next is due, if the
	// lease that m was taken by is still the last: else somebody else has it.
	RescheduleMail(ctx context.Context, m mail.Mail, due time.Time) error
	// DiscardMail deletes a mail, and reports whether it did, if the lease that m was
	// taken by is still the last.
	DiscardMail(ctx context.Context, m mail.Mail) (bool, error)
	DeleteMail(ctx context.Context, id string) error
	// WriteMail puts what a mail says in the place of what was asked for. It
	// fails with [ErrNotFound] unless it still waits to be written under the
	// same lease: of several who write it, one does.
	WriteMail(ctx context.Context, m mail.Mail) error
}
