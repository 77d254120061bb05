package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/backend/keyring"
	"latchkey/shared"
)

// TestPasswordHash checks that a hash matches its own password, and that a
// broken hash matches none.
func TestPasswordHash(t *testing.T) {
	const password = "correct horse battery staple"
	phc := OWASP.hash(password)
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash: %s", phc)
	}
	if phc == OWASP.hash(password) {
		t.Error("two hashes share a salt")
	}
	if !matches(phc, password) || matches(phc, password+" ") {
		t.Error("the hash does not match its password, or it matches another one")
	}
	weaker := "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" +
		base64.RawStdEncoding.EncodeToString(Cost{8, 1, 1}.argon(password, []byte("saltsaltsaltsalt")))
	if !matches(weaker, password) {
		t.Error("a hash with other parameters does not match")
	}
	for _, broken := range []string{
		"", "$argon2id$", phc[:len(phc)-1], phc + "A",
		strings.Replace(phc, "m=19456", "m=8", 1), strings.Replace(phc, "argon2id", "argon2i", 1),
	} {
		if matches(broken, password) {
			t.Errorf("the broken hash %q matches", broken)
		}
	}
}

// TestBetterAuthHash checks a hash that Better Auth 1.7.25 produced.
func TestBetterAuthHash(t *testing.T) {
	const password = "correct horse battery 1"
	const hash = "38845ea470bdb59056e9652af9c85818:" +
		"4777bd05cece81882b1c2d6fcc1f80a58f63cfae126da415bc12815345d1b1fdc2f4792cd9f3fd4c90839e7eb3ed9ab3d292c124d359eec3d68ddfcfd7b2cf97"
	if !matches(hash, password) || !matches(hash, "correct horse battery １") {
		t.Error("the hash does not match its password, or does not match the NFKC form")
	}
	if matches(hash, password+" ") || matches(hash, "") || matches(hash[:len(hash)-1]+"0", password) ||
		matches(hash[1:], password) || matches(strings.ToUpper(hash), password) {
		t.Error("the hash matches another password, or another hash matches the password")
	}
	h := &Hasher{cost: OWASP}
	if !h.outdated(hash) || !h.outdated(Cost{8, 1, 1}.hash(password)) || h.outdated(OWASP.hash(password)) {
		t.Error("a current hash is outdated, or an old one is not")
	}
}

// TestCommonPasswords checks that the list is long, and that a valid password
// can match each entry.
func TestCommonPasswords(t *testing.T) {
	if n := len(commonPasswords()); n < 10_000 {
		t.Errorf("the list has %d common passwords; want at least 10,000", n)
	}
	for p := range commonPasswords() {
		if len([]rune(p)) < minPassword || p != strings.ToLower(p) {
			t.Fatalf("no valid password matches %q", p)
		}
	}
}

// TestHasherIsBounded checks that the number of concurrent hashes is the number
// of processors. A caller that waits too long gets an error that says when to
// try again.
func TestHasherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(OWASP, HashWait)
		slots := int32(runtime.GOMAXPROCS(0))
		calls := 10 * slots
		var working, most, refused atomic.Int32
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				done, err := h.turn(context.Background())
				if err != nil {
					e, ok := errors.AsType[*shared.Error](err)
					if !ok || !errors.Is(err, shared.ErrUnavailable) || e.RetryAfter < 1 {
						t.Errorf("turn: %v", err)
					}
					refused.Add(1)
					return
				}
				defer done()
				if n := working.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second) // on the fake clock, a hash takes a second
				working.Add(-1)
			})
		}
		start := time.Now()
		wg.Wait()
		if most.Load() != slots {
			t.Errorf("%d hashes ran at once; want %d", most.Load(), slots)
		}
		// The calls whose turn comes within HashWait succeed. Those whose turn comes
		// at its end may succeed.
		rounds := int32(HashWait / time.Second)
		if served := calls - refused.Load(); served < rounds*slots || served > (rounds+1)*slots {
			t.Errorf("%d calls succeeded; want %d or %d rounds of %d", served, rounds, rounds+1, slots)
		}
		if waited := time.Since(start); waited > HashWait+time.Second {
			t.Errorf("the last call waited %v", waited)
		}
	})
}

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

// TestKnownBrowser checks that a known-device token is bound to a user, a
// password and a key. A token recognizes four accounts at most.
func TestKnownBrowser(t *testing.T) {
	s := &Service{Keys: keyring.New()}
	isKnown := func(s *Service, b KnownBrowser, user, hash string) bool {
		_, ok := s.browserID(b, user, hash)
		return ok
	}
	b := s.newBrowser("ann", "hash", "")
	for what, test := range map[string]struct {
		s          *Service
		b          KnownBrowser
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
	if renewed := s.newBrowser("ann", "hash", b); renewed != b {
		t.Error("a known browser gets another token")
	}
	for _, user := range []string{"bob", "cid", "dot"} {
		b = s.newBrowser(user, "hash", b)
	}
	if !isKnown(s, b, "ann", "hash") || !isKnown(s, b, "dot", "hash") {
		t.Error("four accounts do not know the browser")
	}
	if b = s.newBrowser("eve", "hash", b); isKnown(s, b, "ann", "hash") || len(strings.Split(string(b), ".")) != 4 {
		t.Error("more than four accounts know the browser")
	}
}

// TestSessionSeen checks when a request updates its session, and when the
// session then expires.
func TestSessionSeen(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	client, set := Client{IP: "192.0.2.1", UserAgent: "UA"}, presets(t).Now()
	session := Session{
		CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(SessionIdle), IP: client.IP, UserAgent: client.UserAgent, Remember: true,
	}
	for _, test := range []struct {
		what    string
		after   time.Duration
		from    Client
		change  func(*Session)
		update  bool
		expires time.Duration
	}{
		{"at once", 0, client, nil, false, SessionIdle},
		{"just before a minute", time.Minute - time.Millisecond, client, nil, false, SessionIdle},
		{"after a minute", time.Minute, client, nil, true, SessionIdle},
		{"from another address", 0, Client{IP: "192.0.2.2", UserAgent: "UA"}, nil, true, SessionIdle},
		{"with another browser", 0, Client{IP: "192.0.2.1", UserAgent: "UB"}, nil, true, SessionIdle},
		{"after a day", 24 * time.Hour, client, nil, true, SessionIdle + 24*time.Hour},
		{"a session that is not remembered", 20 * time.Hour, client, func(s *Session) {
			s.Remember, s.ExpiresAt = false, now.Add(BriefLifetime)
		}, true, BriefLifetime},
		{"near its maximum lifetime", 28 * 24 * time.Hour, client, func(s *Session) {
			s.ExpiresAt = now.Add(29 * 24 * time.Hour)
		}, true, SessionLifetime},
		{"at its maximum lifetime", 29 * 24 * time.Hour, client, func(s *Session) {
			s.ExpiresAt, s.LastActiveAt = now.Add(SessionLifetime), now.Add(29*24*time.Hour)
		}, false, SessionLifetime},
	} {
		s := session
		if test.change != nil {
			test.change(&s)
		}
		got, update := s.seen(now.Add(test.after), test.from, set)
		if update != test.update || !got.ExpiresAt.Equal(now.Add(test.expires)) {
			t.Errorf("%s: update is %t, expires after %v; want %t, %v",
				test.what, update, got.ExpiresAt.Sub(now), test.update, test.expires)
		}
		if update && (got.IP != test.from.IP || got.UserAgent != test.from.UserAgent || !got.LastActiveAt.Equal(now.Add(test.after))) {
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
	if !at(FreshWindow-1).Fresh(session) || at(FreshWindow).Fresh(session) {
		t.Error("a session is not fresh for exactly 15 minutes")
	}
}

// TestEnrolBy checks the deadline by which a user has to enroll a second
// factor.
func TestEnrolBy(t *testing.T) {
	joined := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	by := func(required string, since time.Time, user User, method string, permissions ...string) time.Time {
		settings := presets(t)
		if _, err := settings.apply([]Setting{{Key: "REQUIRE_TWO_FACTOR", Value: required, Revision: 1, UpdatedAt: since}}, keyring.Keys{}); err != nil {
			t.Fatal(err)
		}
		user.CreatedAt = joined
		return (&Service{Settings: settings}).EnrolBy(Actor{Session: Session{Method: method, Permissions: permissions}, User: user})
	}
	enrolled := User{TwoFactorEnabled: true}
	for what, test := range map[string]struct{ got, want time.Time }{
		"not required":                                     {by(Off, joined, User{}, MethodPassword, "x"), time.Time{}},
		"required before the user joined":                  {by(OfAll, joined.Add(-day), User{}, MethodPassword), joined.Add(7 * day)},
		"required after the user joined":                   {by(OfAll, joined.Add(day), User{}, MethodPassword), joined.Add(8 * day)},
		"the user has two-factor authentication":           {by(OfAll, joined, enrolled, MethodPassword), time.Time{}},
		"signed in with a passkey":                         {by(OfAll, joined, User{}, MethodPasskey), time.Time{}},
		"signed in without user verification":              {by(OfAll, joined, User{}, MethodSecurityKey), joined.Add(7 * day)},
		"signed in with a second factor that is now off":   {by(OfAll, joined, User{}, MethodPassword+"+totp"), joined.Add(7 * day)},
		"required of administrators, for an administrator": {by(OfAdmins, joined, User{}, MethodPassword, PermissionAudit), joined.Add(7 * day)},
		"required of administrators, for another user":     {by(OfAdmins, joined, User{}, MethodPassword), time.Time{}},
	} {
		if !test.got.Equal(test.want) {
			t.Errorf("%s: enroll by %v; want %v", what, test.got, test.want)
		}
	}
}

// presets returns the settings of a server without configuration.
func presets(t *testing.T) *Live {
	t.Helper()
	settings, err := NewLive(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return settings
}
