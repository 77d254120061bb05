// Package mail composes the emails that the server sends. Each kind of email is a
// type that implements [Notice] and holds the data of the email. A [Sender]
// composes it in the language of its reader. Package mail does not deliver
// emails, and does not decide who gets which.
package mail

import (
	"time"

	"latchkey/backend/keyring"
)

// A Mail is an email in the outbox. It is stored in the transaction of the change
// that it reports. While it waits, its content is encrypted, because it may
// contain a code or a link that grants access.
type Mail struct {
	ID          string `bun:",pk"`
	Recipient   string
	Subject     string // never contains a secret, because it is logged
	Text        string
	HTML        string `bun:"html"`
	Request     string `bun:"asked"` // encrypted: the request for an email that is still to be composed; empty once it is composed
	CreatedAt   time.Time
	LeasedUntil time.Time // when the lease of a server ends; after a failed attempt, when the next one is due
	Tries       int       // failed attempts
}

// AAD returns the additional authenticated data that binds an encrypted part of
// the email to its row. An attacker who can write to the database can neither
// redirect the email to another address nor replace its text.
func (m Mail) AAD(part string) string {
	return "mails|" + part + "|" + m.ID + "|" + m.Recipient + "|" + m.Subject
}

// Sealed returns the email with its content encrypted.
func (m Mail) Sealed(keys keyring.Keys) Mail {
	m.Text, m.HTML = keys.Seal(m.Text, m.AAD("text")), keys.Seal(m.HTML, m.AAD("html"))
	return m
}

// Unsealed returns the email with its content decrypted.
func (m Mail) Unsealed(keys keyring.Keys) (Mail, error) {
	text, err := keys.Unseal(m.Text, m.AAD("text"))
	if err != nil {
		return m, err
	}
	html, err := keys.Unseal(m.HTML, m.AAD("html"))
	m.Text, m.HTML = text, html
	return m, err
}

// A RefusedError is returned if the mail provider does not accept an email.
type RefusedError struct {
	Reason     string        // a sentence for administrators, without secrets
	RetryAfter time.Duration // the wait that the provider requests
}

func (e *RefusedError) Error() string { return e.Reason }
