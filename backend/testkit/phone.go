package testkit

import (
	"fmt"
	"net/url"
	"time"

	"github.com/pquerna/otp/hotp"
)

// A Phone has an account's authenticator app on it (RFC 6238: SHA-1, six digits,
// steps of 30 seconds).
type Phone struct {
	URI    string           // the otpauth URI that was scanned; empty if the key was typed
	Secret string           // in base32
	Now    func() time.Time // the server's clock
	Wait   func(time.Duration)

	last int64 // the step of the newest code that was given
}

// Scan returns a phone that has scanned an otpauth URI of a time-based code. It
// goes by the machine's clock.
func Scan(uri string) (*Phone, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	secret := u.Query().Get("secret")
	if u.Scheme != "otpauth" || u.Host != "totp" || secret == "" {
		return nil, fmt.Errorf("%q is not the URI of a time-based authenticator", uri)
	}
	return &Phone{URI: uri, Secret: secret, Now: time.Now, Wait: time.Sleep}, nil
}

// TypeKey returns a phone into which a base32 secret was typed.
func TypeKey(secret string) *Phone {
	return &Phone{Secret: secret, Now: time.Now, Wait: time.Sleep}
}

// StepNow returns the step of the code that the app shows now.
func (p *Phone) StepNow() int64 { return stepAt(p.Now()) }

func stepAt(t time.Time) int64 { return t.Unix() / int64(Step/time.Second) }

// CodeOf returns the code of a step.
func (p *Phone) CodeOf(step int64) string {
	code, err := hotp.GenerateCode(p.Secret, uint64(step))
	if err != nil {
		panic(fmt.Sprintf("testkit: the secret %q: %v", p.Secret, err))
	}
	return code
}

// Code returns the code that the app shows now, or did or will some steps away.
// It does not count as used.
func (p *Phone) Code(away int) string { return p.CodeOf(p.StepNow() + int64(away)) }

// CodeAt returns the code that the app shows at a time.
func (p *Phone) CodeAt(t time.Time) string { return p.CodeOf(stepAt(t)) }

// margin is how long a code may be under way to the server. The server takes the
// code of the step before the present one, too: of that one, only if the present
// step lasts that long.
const margin = 15 * time.Second

// Next returns the earliest code that the server still takes and that was not
// returned before: each is good once. Three can be had at once; for a fourth the
// phone waits until its step is at most one away.
func (p *Phone) Next() string {
	step := max(p.last+1, stepAt(p.Now().Add(margin))-1)
	if early := time.Unix((step-1)*int64(Step/time.Second), 0).Sub(p.Now()); early > 0 {
		p.Wait(early)
	}
	p.last = step
	return p.CodeOf(step)
}

// Current is [Phone.Next] for a code that is not older than the present one.
func (p *Phone) Current() string {
	p.last = max(p.last, stepAt(p.Now().Add(margin))-1)
	return p.Next()
}

// Use counts all codes up to a step as used.
func (p *Phone) Use(step int64) { p.last = max(p.last, step) }

// Last returns the code that [Phone.Next] returned last.
func (p *Phone) Last() string { return p.CodeOf(p.last) }

// Wrong returns six digits that are the code of no step within ten minutes of
// now, for any of the phones.
func Wrong(phones ...*Phone) string {
	near := map[string]bool{}
	for _, p := range phones {
		for away := -20; away <= 20; away++ {
			near[p.Code(away)] = true
		}
	}
	n := 271828
	for near[fmt.Sprintf("%06d", n)] {
		n++
	}
	return fmt.Sprintf("%06d", n)
}
