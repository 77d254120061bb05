package testkit

import (
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/pquerna/otp/hotp"
)

// An AuthenticatorApp computes the codes of one account (RFC 6238: SHA-1, six digits,
// steps of 30 seconds).
type AuthenticatorApp struct {
	URI    string           // the scanned otpauth URI; empty if the key was typed
	Secret string           // in base32
	Now    func() time.Time // the server's clock
	Wait   func(time.Duration)

	last int64 // the step of the newest code that counts as used
}

// Scan returns an app that has scanned the otpauth URI of a time-based code. It uses the
// machine's clock.
func Scan(uri string) (*AuthenticatorApp, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	secret := u.Query().Get("secret")
	if u.Scheme != "otpauth" || u.Host != "totp" || secret == "" {
		return nil, fmt.Errorf("%q is not the URI of a time-based authenticator", uri)
	}
	return &AuthenticatorApp{URI: uri, Secret: secret, Now: time.Now, Wait: time.Sleep}, nil
}

// TypeKey returns an app with a typed base32 secret.
func TypeKey(secret string) *AuthenticatorApp {
	return &AuthenticatorApp{Secret: secret, Now: time.Now, Wait: time.Sleep}
}

// StepNow returns the step of the code that the app shows now.
func (app *AuthenticatorApp) StepNow() int64 { return stepAt(app.Now()) }

func stepAt(t time.Time) int64 { return t.Unix() / int64(Step/time.Second) }

// CodeOf returns the code of a step.
func (app *AuthenticatorApp) CodeOf(step int64) string {
	code, err := hotp.GenerateCode(app.Secret, uint64(step))
	if err != nil {
		panic(fmt.Sprintf("testkit: the secret %q: %v", app.Secret, err))
	}
	return code
}

// Code returns the code of the current step, or of the step that many steps later, or
// earlier if away is negative. The code does not count as used.
func (app *AuthenticatorApp) Code(away int) string { return app.CodeOf(app.StepNow() + int64(away)) }

// CodeAt returns the code that the app shows at a time.
func (app *AuthenticatorApp) CodeAt(t time.Time) string { return app.CodeOf(stepAt(t)) }

// margin is how long a code may take to reach the server. The server also accepts the code
// of the previous step, so Next uses that code if the current step lasts this much longer.
const margin = 15 * time.Second

// Next returns the earliest code that the server still accepts and that is not used: each
// code is valid once. Two or three codes are available without a wait. For a further one,
// Next waits until the code is at most one step early.
func (app *AuthenticatorApp) Next() string {
	step := max(app.last+1, stepAt(app.Now().Add(margin))-1)
	if early := time.Unix((step-1)*int64(Step/time.Second), 0).Sub(app.Now()); early > 0 {
		app.Wait(early)
	}
	app.last = step
	return app.CodeOf(step)
}

// Current is [AuthenticatorApp.Next] without the code of the previous step.
func (app *AuthenticatorApp) Current() string {
	app.last = max(app.last, stepAt(app.Now().Add(margin))-1)
	return app.Next()
}

// Use counts all codes up to a step as used.
func (app *AuthenticatorApp) Use(step int64) { app.last = max(app.last, step) }

// Last returns the code that [AuthenticatorApp.Next] returned last.
func (app *AuthenticatorApp) Last() string { return app.CodeOf(app.last) }

// Wrong returns six digits that are not a code of any of the apps within ten minutes: the
// server tells a user whose code is of another time that the clock is off.
func Wrong(apps ...*AuthenticatorApp) string {
	near := map[string]bool{}
	for _, app := range apps {
		for away := -20; away <= 20; away++ {
			near[app.Code(away)] = true
		}
	}
	n := 271828
	for near[fmt.Sprintf("%06d", n)] {
		n++
	}
	return fmt.Sprintf("%06d", n)
}

// Scanned are the apps that a test has. Its methods may be called at the same time.
type Scanned struct {
	mu   sync.Mutex
	apps []*AuthenticatorApp
}

// Add adds an app.
func (s *Scanned) Add(app *AuthenticatorApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = append(s.apps, app)
}

// Wrong returns a code that is wrong for each of the apps, as [Wrong] does.
func (s *Scanned) Wrong() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Wrong(s.apps...)
}
