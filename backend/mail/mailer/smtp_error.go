package mailer

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/mail/smtpurl"
)

// smtpRefusal returns a [mail.RefusedError] that explains why the email server did not accept
// an email. It removes the password from the text. ctx is the delivery's.
func smtpRefusal(ctx context.Context, err error, server smtpurl.Server) error {
	why, wait := smtpReason(ctx, err, server.Address()), time.Duration(0)
	if late, ok := errors.AsType[unansweredError](err); ok && timedOut(ctx, late) {
		wait = unansweredWait
	}
	return &mail.RefusedError{Reason: sentence(why, secretsOf(server)...), RetryAfter: wait}
}

// smtpReason returns a sentence that explains err. server is an address.
func smtpReason(ctx context.Context, err error, server string) string {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Sprintf("The email server %s says: %d %s", server, reply.Code, reply.Msg)
	}
	if wrong, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("The email server %s has no valid certificate: %v", server, wrong.Err)
	}
	dialing, dialed := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, errNotPrivate):
		return fmt.Sprintf("SMTP_URL has tls=none, and the email server %s is not in a private network. Nothing was sent.", server)
	case errors.Is(err, errNoTLS):
		return fmt.Sprintf("The email server %s does not offer STARTTLS, which SMTP_URL requires. Nothing was sent.", server)
	case errors.Is(err, errNoAuth):
		return fmt.Sprintf("The email server %s does not offer a kind of sign-in that Latchkey supports. Nothing was sent.", server)
	case errors.Is(err, errFlood):
		return fmt.Sprintf("The email server %s sends too much.", server)
	case timedOut(ctx, err):
		return fmt.Sprintf("The email server %s did not respond in time.", server)
	case dialed && dialing.Op == "dial":
		return fmt.Sprintf("The email server %s cannot be reached: %v", server, dialing.Err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("The email server %s closed the connection.", server)
	default:
		return fmt.Sprintf("The connection to the email server %s failed: %v", server, err)
	}
}

// timedOut reports whether err is that a time limit has passed.
func timedOut(ctx context.Context, err error) bool {
	limit, ok := errors.AsType[net.Error](err)
	return ok && limit.Timeout() || ctx.Err() != nil
}

// secretsOf returns the texts that must not appear in an error: the password, and the forms
// in which it is sent, which a server may repeat.
func secretsOf(server smtpurl.Server) []string {
	if server.Password == "" {
		return nil
	}
	encode := base64.StdEncoding.EncodeToString
	return []string{encode([]byte("\x00" + server.User + "\x00" + server.Password)), encode([]byte(server.Password)), server.Password}
}
