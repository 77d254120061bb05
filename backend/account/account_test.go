package account

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/keyring"
	"latchkey/backend/setting"
)

// TestParseToken checks that ParseToken accepts only well-formed tokens, and
// that formatting does not reveal a token.
func TestParseToken(t *testing.T) {
	token := NewToken()
	if got, ok := ParseToken(string(token)); !ok || got != token {
		t.Error("ParseToken does not return the token")
	}
	if fmt.Sprintf("%v %s", token, token) != "[token] [token]" {
		t.Error("formatting reveals the token")
	}
	for _, broken := range []string{
		"", string(token)[1:], string(token) + "A", string(token)[:42] + "+", string(token)[:42] + "=", "\n" + string(token)[1:],
	} {
		if _, ok := ParseToken(broken); ok {
			t.Errorf("ParseToken(%q) succeeds", broken)
		}
	}
}

// TestKnownDeviceTokens checks that a known-device token is bound to a user, a
// password and a key. A token recognizes four accounts at most.
func TestKnownDeviceTokens(t *testing.T) {
	s := &Service{Keys: keyring.New()}
	isKnown := func(s *Service, b KnownDeviceTokens, user, hash string) bool {
		_, ok := s.knownDevice(b, user, hash)
		return ok
	}
	b := s.addKnownDevice("ann", "hash", "", false)
	for what, test := range map[string]struct {
		s          *Service
		b          KnownDeviceTokens
		user, hash string
		known      bool
	}{
		"its own account":  {s, b, "ann", "hash", true},
		"another user":     {s, b, "bob", "hash", false},
		"another password": {s, b, "ann", "other", false},
		"another key":      {&Service{Keys: keyring.New()}, b, "ann", "hash", false},
		"no token":         {s, "", "ann", "hash", false},
		"a short token":    {s, "AAAA", "ann", "hash", false},
		"invalid base64":   {s, "!.!", "ann", "hash", false},
	} {
		if isKnown(test.s, test.b, test.user, test.hash) != test.known {
			t.Errorf("%s: known is %t; want %t", what, !test.known, test.known)
		}
	}
	if renewed := s.addKnownDevice("ann", "hash", b, false); renewed != b {
		t.Error("a known browser gets another token")
	}
	for _, user := range []string{"bob", "cid", "dot"} {
		b = s.addKnownDevice(user, "hash", b, false)
	}
	if !isKnown(s, b, "ann", "hash") || !isKnown(s, b, "dot", "hash") {
		t.Error("four accounts do not know the browser")
	}
	if b = s.addKnownDevice("eve", "hash", b, false); isKnown(s, b, "ann", "hash") || len(strings.Split(string(b), ".")) != 4 {
		t.Error("more than four accounts know the browser")
	}
}

// TestNewDeviceToken checks that a browser is known at once after a sign-in that is new, but
// stays new for a week.
func TestNewDeviceToken(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := &Service{Keys: keyring.New(), Now: func() time.Time { return now }}
	b := s.addKnownDevice("ann", "hash", "", true)
	first, ok := s.knownDevice(b, "ann", "hash")
	if !ok || !first.New || s.addKnownDevice("ann", "hash", b, true) != b {
		t.Errorf("at once: %+v, %t", first, ok)
	}
	if _, ok := s.knownDevice(b, "bob", "hash"); ok {
		t.Error("another user knows the browser")
	}
	now = now.Add(newDeviceWindow)
	if d, ok := s.knownDevice(b, "ann", "hash"); !ok || d.New || d.ID != first.ID {
		t.Errorf("after a week: %+v, %t", d, ok)
	}
	if d, ok := s.knownDevice(s.addKnownDevice("ann", "hash", "", false), "ann", "hash"); !ok || d.New {
		t.Errorf("after a sign-in that is not new: %+v, %t", d, ok)
	}
}

// TestSessionTouched checks when a request updates its session, and when the
// session then expires.
func TestSessionTouched(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	client, set := Client{IP: "192.0.2.1", UserAgent: "UA"}, presets(t).Now()
	session := Session{
		CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(setting.SessionIdle), IP: client.IP, UserAgent: client.UserAgent, Remember: true,
	}
	for _, test := range []struct {
		what    string
		after   time.Duration
		from    Client
		change  func(*Session)
		update  touch
		expires time.Duration
	}{
		{"at once", 0, client, nil, noTouch, setting.SessionIdle},
		{"just before a minute", time.Minute - time.Millisecond, client, nil, noTouch, setting.SessionIdle},
		{"after a minute", time.Minute, client, nil, timeTouch, setting.SessionIdle},
		{"from another address", 0, Client{IP: "192.0.2.2", UserAgent: "UA"}, nil, clientTouch, setting.SessionIdle},
		{"with another browser", 0, Client{IP: "192.0.2.1", UserAgent: "UB"}, nil, clientTouch, setting.SessionIdle},
		{"after a day", 24 * time.Hour, client, nil, clientTouch, setting.SessionIdle + 24*time.Hour},
		{"a session that is not remembered", 20 * time.Hour, client, func(s *Session) {
			s.Remember, s.ExpiresAt = false, now.Add(BriefLifetime)
		}, timeTouch, BriefLifetime},
		{"near its maximum lifetime", 28 * 24 * time.Hour, client, func(s *Session) {
			s.ExpiresAt = now.Add(29 * 24 * time.Hour)
		}, clientTouch, setting.SessionLifetime},
		{"at its maximum lifetime", 29 * 24 * time.Hour, client, func(s *Session) {
			s.ExpiresAt, s.LastActiveAt = now.Add(setting.SessionLifetime), now.Add(29*24*time.Hour)
		}, noTouch, setting.SessionLifetime},
	} {
		s := session
		if test.change != nil {
			test.change(&s)
		}
		got, update := s.touched(now.Add(test.after), test.from, set)
		if update != test.update || !got.ExpiresAt.Equal(now.Add(test.expires)) {
			t.Errorf("%s: touch is %d, expires after %v; want %d, %v",
				test.what, update, got.ExpiresAt.Sub(now), test.update, test.expires)
		}
		if update != noTouch && (got.IP != test.from.IP || got.UserAgent != test.from.UserAgent || !got.LastActiveAt.Equal(now.Add(test.after))) {
			t.Errorf("%s: the session is %+v", test.what, got)
		}
	}
}

// TestFresh checks that a session is fresh for 15 minutes after a confirmation.
func TestFresh(t *testing.T) {
	confirmed := time.Now()
	at := func(after time.Duration) *Service {
		return &Service{Settings: presets(t), Now: func() time.Time { return confirmed.Add(after) }}
	}
	session := Session{ConfirmedAt: confirmed}
	if !at(setting.FreshWindow-1).Fresh(session) || at(setting.FreshWindow).Fresh(session) {
		t.Error("a session is not fresh for exactly 15 minutes")
	}
}

// TestEnrollmentDeadline checks the deadline by which a user has to enroll a second
// factor.
func TestEnrollmentDeadline(t *testing.T) {
	joined := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	by := func(required string, since time.Time, user User, method string, permissions ...string) time.Time {
		settings := presets(t)
		if _, err := settings.Apply([]setting.Setting{{Key: "REQUIRE_TWO_FACTOR", Value: required, Revision: 1, UpdatedAt: since}},
			keyring.Keys{}); err != nil {
			t.Fatal(err)
		}
		user.CreatedAt = joined
		return (&Service{Settings: settings}).EnrollmentDeadline(Actor{Session: Session{Method: method, Permissions: permissions}, User: user})
	}
	enrolled := User{TwoFactorEnabled: true}
	for what, test := range map[string]struct{ got, want time.Time }{
		"not required":                                   {by(setting.Off, joined, User{}, MethodPassword, "x"), time.Time{}},
		"required before the user joined":                {by(setting.All, joined.Add(-day), User{}, MethodPassword), joined.Add(7 * day)},
		"required after the user joined":                 {by(setting.All, joined.Add(day), User{}, MethodPassword), joined.Add(8 * day)},
		"the user has two-factor authentication":         {by(setting.All, joined, enrolled, MethodPassword), time.Time{}},
		"signed in with a passkey":                       {by(setting.All, joined, User{}, MethodPasskey), time.Time{}},
		"signed in without user verification":            {by(setting.All, joined, User{}, MethodSecurityKey), joined.Add(7 * day)},
		"signed in with a second factor that is now off": {by(setting.All, joined, User{}, MethodPassword+"+totp"), joined.Add(7 * day)},
		"required of administrators, for an administrator": {by(setting.Admins, joined, User{}, MethodPassword, PermissionAudit),
			joined.Add(7 * day)},
		"required of administrators, for another user": {by(setting.Admins, joined, User{}, MethodPassword), time.Time{}},
	} {
		if !test.got.Equal(test.want) {
			t.Errorf("%s: enroll by %v; want %v", what, test.got, test.want)
		}
	}
}

// presets returns the settings of a server without configuration.
func presets(t *testing.T) *setting.Cache {
	t.Helper()
	settings, err := setting.NewCache(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// TestCallerError checks that a failure that could not be recorded does not reach the caller.
func TestCallerError(t *testing.T) {
	failed, recorded := errors.New("wrong password"), errors.New("the log cannot be written")
	if got := callerError(nil, failed); !errors.Is(got, failed) {
		t.Errorf("a recorded failure: %v; want %v", got, failed)
	}
	if got := callerError(recorded, failed); !errors.Is(got, recorded) || errors.Is(got, failed) {
		t.Errorf("an unrecorded failure: %v; want %v alone", got, recorded)
	}
}
