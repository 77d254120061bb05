package mailer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/resend/resend-go/v3"

	"latchkey/backend/address"
	"latchkey/backend/mail"
)

const (
	// timeout is well below the lease time of an email.
	timeout = 10 * time.Second
	// maxResponse, in bytes, exceeds any response of Resend to an email.
	maxResponse = 64 << 10
	// maxRefusal, in characters, limits the reason that an administrator reads.
	maxRefusal = 200
	// maxWait limits the wait that a provider can request.
	maxWait = 24 * time.Hour
)

// ParseAPI parses the URL of a provider's API. It refuses URLs that would send
// the API key unencrypted over a network.
func ParseAPI(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/") + "/") // the endpoints are relative to it
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not of the form https://api.resend.com", s)
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return nil, fmt.Errorf("%q is not encrypted, so an attacker in the network could read the API key", s)
	}
	return u, nil
}

func newClient() *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: limitResponse{http.DefaultTransport},
		// A redirect must not send the key to another server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limitResponse limits the body of responses to maxResponse bytes.
type limitResponse struct{ http.RoundTripper }

func (l limitResponse) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponse), response.Body}
	}
	return response, err
}

// send sends an email to the provider.
func (m *Mailer) send(ctx context.Context, e mail.Mail, from, key string) error {
	provider := resend.NewCustomClient(m.client, key)
	provider.BaseURL = m.API
	// The idempotency key is unique to the email: an email that is sent twice,
	// because a server stopped in between or a response was lost, arrives once.
	taken, err := provider.Emails.SendWithOptions(ctx,
		&resend.SendEmailRequest{From: from, To: []string{address.SMTP(e.Recipient)}, Subject: e.Subject, Text: e.Text, Html: e.HTML},
		&resend.SendEmailOptions{IdempotencyKey: e.ID})
	if err == nil && taken.Id == "" {
		err = errors.New("it has no email ID")
	}
	if err != nil {
		return refusal(err, key)
	}
	m.Log.Info("email sent", "subject", e.Subject, "id", taken.Id)
	return nil
}

// refusal returns a [mail.RefusedError] that explains err, an error of the SDK.
// It removes the API key from the text.
func refusal(err error, key string) error {
	why, wait := "The email provider sent an unexpected response: "+err.Error(), time.Duration(0)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		why = "The email provider did not respond in time."
	} else if unreached, ok := errors.AsType[*url.Error](err); ok {
		why = "The email provider cannot be reached: " + unreached.Err.Error()
	} else if limited, ok := errors.AsType[*resend.RateLimitError](err); ok {
		why, wait = "The email provider says: "+limited.Message, retryAfter(limited.RetryAfter, time.Now())
	} else if said, ok := strings.CutPrefix(err.Error(), "[ERROR]: "); ok {
		why = "The email provider says: " + said
	}
	return &mail.RefusedError{Reason: sentence(why, key), RetryAfter: wait}
}

// sentence returns a reason as one line of limited length, without the secrets.
func sentence(why string, secrets ...string) string {
	for _, secret := range secrets {
		why = strings.ReplaceAll(why, secret, "…")
	}
	why = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(why, ""))
	if long := []rune(why); len(long) > maxRefusal {
		why = string(long[:maxRefusal]) + "…"
	}
	return why
}

// retryAfter parses a Retry-After header (RFC 9110, section 10.2.3).
func retryAfter(after string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(after, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxWait)
	}
	if at, err := http.ParseTime(after); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
