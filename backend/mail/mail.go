// Package mail composes the emails that the server sends. Each kind of email is a
// type of [Notice] with the data that it needs; a [Sender] puts it into the
// language of its reader. The rules decide who gets which notice and when.
package mail

import (
	"time"

	"latchkey/backend/keyring"
)

// Mail is an email in the outbox. It is written in the transaction of the change
// that it reports. Its content is sealed while it waits, because it may hold a
// code or a link that opens something.
type Mail struct {
	ID          string `bun:",pk"`
	Recipient   string
	Subject     string // never holds a secret: it is logged
	Text        string
	HTML        string `bun:"html"`
	Request     string `bun:"asked"` // sealed: the request for an email that is not composed yet; empty once it is
	CreatedAt   time.Time
	LeasedUntil time.Time // until when a server has it; after a failed try, when the next is due
	Tries       int       // how many have failed
}

// AAD binds a sealed part of the email to its row: an attacker who can write to
// the database can neither send it to another address nor send another text.
func (m Mail) AAD(part string) string {
	return "mails|" + part + "|" + m.ID + "|" + m.Recipient + "|" + m.Subject
}

// Sealed returns the email with its content sealed.
func (m Mail) Sealed(keys keyring.Keys) Mail {
	m.Text, m.HTML = keys.Seal(m.Text, m.AAD("text")), keys.Seal(m.HTML, m.AAD("html"))
	return m
}

// Unsealed returns the email with its content in clear.
func (m Mail) Unsealed(keys keyring.Keys) (Mail, error) {
	text, err := keys.Unseal(m.Text, m.AAD("text"))
	if err != nil {
		return m, err
	}
	html, err := keys.Unseal(m.HTML, m.AAD("html"))
	m.Text, m.HTML = text, html
	return m, err
}

// RefusedError is the reason why the mail provider refused an email.
type RefusedError struct {
	Reason     string        // a sentence for administrators, without secrets
	RetryAfter time.Duration // how long the provider asks to wait
}

func (e *RefusedError) Error() string { return e.Reason }
