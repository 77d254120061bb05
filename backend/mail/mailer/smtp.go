package mailer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"latchkey/backend/address"
	"latchkey/backend/mail"
	"latchkey/backend/mail/smtpurl"
)

const (
	// smtpTimeout limits the delivery of one email by SMTP. It is well below the lease time
	// of an email, and otherwise generous: the longer this server waits for the answer to an
	// email, the less likely it is to send the email twice.
	smtpTimeout = 45 * time.Second
	// smtpStep limits each step before the email server has the email.
	smtpStep = 10 * time.Second
	// unansweredWait is the wait after an email server has received an email and has not
	// answered in time. It may well deliver the email, so sending it again soon, and again,
	// would fill a mailbox.
	unansweredWait = 10 * time.Minute
)

// sendSMTP sends an email to the email server at the URL.
func (m *Mailer) sendSMTP(ctx context.Context, e mail.Mail, from, url string) error {
	server, err := smtpurl.Parse(url)
	if err != nil {
		return err
	}
	sender, content, err := message(e, from, m.Host)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
	defer cancel()
	c, err := m.connections.take(ctx, url, server, hostLiteral(m.Host))
	if err != nil {
		return smtpRefusal(ctx, err, server)
	}
	answer, err := c.transmit(ctx, sender, address.SMTP(e.Recipient), content)
	m.connections.put(url, c, err)
	if err != nil {
		return smtpRefusal(ctx, err, server)
	}
	m.Log.Info("email sent", "subject", e.Subject, "id", e.ID, "response", sentence(answer, secretsOf(server)...))
	return nil
}

// message returns an email in the Internet Message Format (RFC 5322), and the address of its
// sender for the envelope. An email that is sent twice, because a server stopped in between
// or an answer was lost, has the same Message-ID and Date both times.
func message(e mail.Mail, from, host string) (sender string, content []byte, err error) {
	parsed, err := netmail.ParseAddress(from)
	if err != nil {
		return "", nil, &mail.RefusedError{Reason: "The server's host is not valid in the sender of an email: set MAIL_FROM."}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(parsed)
	msg.ToMailAddress(&netmail.Address{Address: e.Recipient}) // its String method quotes
	msg.Subject(e.Subject)
	msg.SetMessageIDWithValue(e.ID + "@" + hostLiteral(host))
	msg.SetDateWithValue(e.CreatedAt)
	// RFC 3834, section 5: programs that answer emails do not answer this one.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, e.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, e.HTML)
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return "", nil, fmt.Errorf("formatting an email: %w", err)
	}
	return address.SMTP(parsed.Address), b.Bytes(), nil
}

// hostLiteral returns a host in the form that SMTP has for it: an IP address is in brackets
// (RFC 5321, section 4.1.3).
func hostLiteral(host string) string {
	switch ip := net.ParseIP(host); {
	case ip == nil:
		return host
	case strings.Contains(host, ":"):
		return "[IPv6:" + host + "]"
	default:
		return "[" + host + "]"
	}
}
