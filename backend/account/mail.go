package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/language"
	"latchkey/shared"
	"latchkey/shared/message"
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
	LeasedUntil time.Time // whoever hands it on has until then, and nobody tries before; after a try that failed, when the next is due
	Tries       int       // how often it was not handed on
}

const (
	// mailLease is how long handing a mail on may take before another server
	// tries.
	mailLease = time.Minute
	// mailKept is how long a mail is tried. What it tells of is old news then.
	mailKept = 3 * day
	// maxMailPause is the longest pause between two tries, unless who carries
	// mails asks for a longer one.
	maxMailPause = time.Hour
)

// mailPause is how long to wait after a mail was not handed on that often
// before.
func mailPause(tries int) time.Duration {
	return min(time.Second<<min(tries, 12), maxMailPause)
}

// aad binds a sealed part of the email to its row: an attacker who can write to
// the database can neither send it to another address nor send another text.
func (m Mail) aad(part string) string {
	return "mails|" + part + "|" + m.ID + "|" + m.Recipient + "|" + m.Subject
}

// send puts a mail into the outbox.
func (s *Service) send(ctx context.Context, tx Store, m Mail) error {
	m.Text, m.HTML = s.Keys.Seal(m.Text, m.aad("text")), s.Keys.Seal(m.HTML, m.aad("html"))
	return tx.AddMail(ctx, m)
}

// unsealed is the mail as it is to be read.
func (s *Service) unsealed(m Mail) (Mail, error) {
	text, err := s.Keys.Unseal(m.Text, m.aad("text"))
	if err != nil {
		return m, err
	}
	html, err := s.Keys.Unseal(m.HTML, m.aad("html"))
	m.Text, m.HTML = text, html
	return m, err
}

// A paragraph is one of a mail, in the language of its reader.
type paragraph struct {
	words func(*message.Language) string
	link  bool // the words are an address of this service
}

// say returns a sentence with values in the place of its verbs. A value that is a
// paragraph is put into the language of the reader, too.
func say(id message.ID, values ...any) paragraph {
	return paragraph{words: func(l *message.Language) string {
		said := slices.Clone(values)
		for i, v := range said {
			if p, ok := v.(paragraph); ok {
				said[i] = p.words(l)
			}
		}
		return l.T(id, said...)
	}}
}

// verbatim returns a text that is the same in every language.
func verbatim(text string) paragraph {
	return paragraph{words: func(*message.Language) string { return text }}
}

// open is a link to a place of this service.
func open(address string) paragraph {
	return paragraph{words: func(*message.Language) string { return address }, link: true}
}

// moment is a time of day and a date.
func moment(t time.Time) paragraph {
	return paragraph{words: func(l *message.Language) string { return t.Format(l.T(message.DateTimeLayout)) }}
}

// occasion says when, from where and with what something was done.
func (s *Service) occasion(client Client) paragraph {
	var where any = client.IP
	if where == "" {
		where = say(message.AnUnknownAddress)
	}
	return say(message.MailOccasion, moment(s.Now()), where, deviceInMail(client.UserAgent))
}

// origin is where this service is found: links in mails begin with it.
func (s *Service) origin() string { return s.RelyingParty.Origins[0] }

// mail is a mail to a user about what was done from there. It is in the language
// that the user has chosen, or else in that of whoever did it.
func (s *Service) mail(user User, client Client, about message.ID, paragraphs ...paragraph) Mail {
	type said struct {
		Words string
		Link  bool
	}
	l := language.Of(cmp.Or(user.Language, client.Language), "")
	now, name, origin := s.Now(), s.Settings.Now().AppName, s.origin()
	subject := l.T(about)
	var text strings.Builder
	var all []said
	for _, p := range paragraphs {
		words := p.words(l)
		text.WriteString(words + "\n\n")
		all = append(all, said{words, p.link})
	}
	text.WriteString("-- \n" + name + "\n" + origin + "\n")
	var b strings.Builder
	err := htmlMail.Execute(&b, struct {
		Language, Subject, Name, Origin string
		Paragraphs                      []said
	}{l.Tag, subject, name, origin, all})
	if err != nil {
		panic(err) // a template of ours, and strings
	}
	return Mail{
		ID: rand.Text(), Recipient: user.Email, Subject: subject, CreatedAt: now, LeasedUntil: now, Text: text.String(), HTML: b.String(),
	}
}

// htmlMail is plain, in the reader's own font and colours, and loads nothing.
var htmlMail = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Subject}}</title>
</head>
<body style="max-width: 36em; margin: 0 auto; padding: 1em; font: 16px/1.5 system-ui, sans-serif">
{{range .Paragraphs}}<p>{{if .Link}}<a href="{{.Words}}">{{.Words}}</a>{{else}}{{.Words}}{{end}}</p>
{{end}}<hr>
<p><a href="{{.Origin}}">{{.Name}}</a></p>
</body>
</html>
`))

// RefusedError is why somebody who carries mails did not take one.
type RefusedError struct {
	Why  string        // a sentence for administrators, without secrets
	Wait time.Duration // how long they ask to be left alone
}

func (e *RefusedError) Error() string { return e.Why }

// ErrMailDropped is why a mail was not handed on, and will not be.
var ErrMailDropped = fmt.Errorf("it was dropped after %d days", mailKept/day)

// HandOnMail hands on a mail that waits, if there is one, and reports whether
// there was. One that is not handed on is tried again after a pause, which grows
// from a second to an hour. After three days it is dropped, which the error then
// says by [ErrMailDropped].
func (s *Service) HandOnMail(ctx context.Context, handOn func(Mail) error) (bool, error) {
	now := s.Now()
	leased, found, err := s.Store.LeaseMail(ctx, now, now.Add(mailLease))
	if err != nil || !found {
		return false, err
	}
	m := leased
	if m.Asked != "" {
		m, found, err = s.write(ctx, m)
	}
	if err == nil && found {
		if m, err = s.unsealed(m); err == nil {
			err = handOn(m)
		}
	}
	if err != nil {
		return true, s.putOff(ctx, leased, err)
	}
	return true, s.Store.DeleteMail(ctx, leased.ID)
}

// putOff puts off a mail that was not handed on, or drops it if it has been
// tried for long enough. It returns why it was not.
func (s *Service) putOff(ctx context.Context, m Mail, why error) error {
	now, end := s.Now(), m.CreatedAt.Add(mailKept)
	if !now.Before(end) {
		return errors.Join(why, s.drop(ctx, m))
	}
	pause := mailPause(m.Tries)
	if refused, ok := errors.AsType[*RefusedError](why); ok {
		pause = max(pause, refused.Wait)
	}
	return errors.Join(why, s.Store.PutOffMail(ctx, m, earlier(now.Add(pause), end)))
}

// drop deletes a mail that nobody took, and has the log tell. It returns
// [ErrMailDropped] if it was there to be dropped.
func (s *Service) drop(ctx context.Context, m Mail) error {
	user, _, err := s.Store.UserByEmail(ctx, m.Recipient)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	dropped := false
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if dropped, err = tx.DropMail(ctx, m); err != nil || !dropped {
			return err
		}
		e := s.event(audit.EventMailDropped, user.ID, Client{})
		e.Subject = m.Subject
		return tx.AddEvent(ctx, s.Keys, e)
	})
	if err == nil && dropped {
		err = ErrMailDropped
	}
	return err
}

// TestMails is per account.
var TestMails = Limit{"test mail", 5, 15 * time.Minute}

// SendTestMail hands a mail to the user on at once, past the outbox, so that the
// answer can say what became of it. It fails with [shared.ErrMailRefused], which
// says why, if who carries mails does not take it, and with
// [shared.ErrTooManyRequests] after too many.
func (s *Service) SendTestMail(ctx context.Context, actor Actor, handOn func(context.Context, Mail) error) error {
	if err := s.Count(ctx, TestMails, actor.User.ID); err != nil {
		return err
	}
	err := handOn(ctx, s.mail(actor.User, actor.Client, message.MailTestSubject, say(message.MailTest), s.occasion(actor.Client)))
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return shared.ErrMailRefused.Saying(refused.Why)
	}
	return err
}

type mailStore interface {
	AddMail(ctx context.Context, m Mail) error
	// LeaseMail takes the mail that waits for longest, if nobody has it, until
	// the given time. Of several who see it, one takes it.
	LeaseMail(ctx context.Context, now, until time.Time) (m Mail, found bool, err error)
	// PutOffMail counts a try of a mail, and says when the next is due, if the
	// lease that m was taken by is still the last: else somebody else has it.
	PutOffMail(ctx context.Context, m Mail, due time.Time) error
	// DropMail deletes a mail, and reports whether it did, if the lease that m was
	// taken by is still the last.
	DropMail(ctx context.Context, m Mail) (bool, error)
	DeleteMail(ctx context.Context, id string) error
	// WriteMail puts what a mail says in the place of what was asked for. It
	// fails with [ErrNotFound] unless it still waits to be written under the
	// same lease: of several who write it, one does.
	WriteMail(ctx context.Context, m Mail) error
}
