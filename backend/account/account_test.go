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
	"unicode/utf8"

	"latchkey/shared"
)

func TestPasswordHash(t *testing.T) {
	const password = "correct horse battery staple"
	phc := OWASP.hash(password)
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash: %s", phc)
	}
	if phc == OWASP.hash(password) {
		t.Error("two hashes have one salt")
	}
	if !matches(phc, password) || matches(phc, password+" ") {
		t.Error("the hash matches another password, or not its own")
	}
	weaker := "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + base64.RawStdEncoding.EncodeToString(Cost{8, 1, 1}.argon(password, []byte("saltsaltsaltsalt")))
	if !matches(weaker, password) {
		t.Error("a hash of other parameters does not match")
	}
	for _, broken := range []string{"", "$argon2id$", phc[:len(phc)-1], phc + "A", strings.Replace(phc, "m=19456", "m=8", 1), strings.Replace(phc, "argon2id", "argon2i", 1)} {
		if matches(broken, password) {
			t.Errorf("%q matches", broken)
		}
	}
}

// TestBetterAuthHash holds the vector that Better Auth 1.7.25 itself has written.
func TestBetterAuthHash(t *testing.T) {
	const password, hash = "correct horse battery 1", "38845ea470bdb59056e9652af9c85818:4777bd05cece81882b1c2d6fcc1f80a58f63cfae126da415bc12815345d1b1fdc2f4792cd9f3fd4c90839e7eb3ed9ab3d292c124d359eec3d68ddfcfd7b2cf97"
	if !matches(hash, password) || !matches(hash, "correct horse battery １") {
		t.Error("the hash does not match its password, or not its NFKC form")
	}
	if matches(hash, password+" ") || matches(hash, "") || matches(hash[:len(hash)-1]+"0", password) || matches(hash[1:], password) || matches(strings.ToUpper(hash), password) {
		t.Error("the hash matches another password, or another hash matches")
	}
	h := &Hasher{cost: OWASP}
	if !h.outdated(hash) || !h.outdated(Cost{8, 1, 1}.hash(password)) || h.outdated(OWASP.hash(password)) {
		t.Error("what is outdated is not, or the other way about")
	}
}

func TestCommonPasswords(t *testing.T) {
	if n := len(commonPasswords()); n < 10_000 {
		t.Errorf("%d common passwords; want at least 10 000", n)
	}
	for p := range commonPasswords() {
		if len([]rune(p)) < minPassword || p != strings.ToLower(p) {
			t.Fatalf("%q is never met", p)
		}
	}
}

// TestHasherIsBounded holds that no more hashes are worked at once than there
// are processors, and that who waits too long is told to come back (W10).
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
				time.Sleep(time.Second) // of the test's own clock: a hash that takes a second
				working.Add(-1)
			})
		}
		start := time.Now()
		wg.Wait()
		if most.Load() != slots {
			t.Errorf("%d hashes at once; want %d", most.Load(), slots)
		}
		// Those that began at 0 s and at 1 s were served, those for 2 s may be.
		if served := calls - refused.Load(); served < 2*slots || served > 3*slots {
			t.Errorf("%d were served; want two or three rounds of %d", served, slots)
		}
		if waited := time.Since(start); waited > HashWait+time.Second {
			t.Errorf("the last waited %v", waited)
		}
	})
}

// TestBackupCodesUnderLoad holds that the wait for ten hashes takes nothing from
// the time that the database has, and does not last for ever.
func TestBackupCodesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Service{Hasher: NewHasher(OWASP, HashWait), Keys: NewKeys()}
		// codesWhile makes codes in a call that has 4 s, while all turns are taken for as
		// long as busy lasts.
		codesWhile := func(busy time.Duration, keep func(context.Context, [][]byte) error) ([]string, error) {
			for range runtime.GOMAXPROCS(0) {
				done, err := s.Hasher.turn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(busy, done)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			return s.withBackupCodes(ctx, "ann", keep)
		}
		kept := 0
		codes, err := codesWhile(backupCodesWait-time.Second, func(ctx context.Context, digests [][]byte) error {
			kept = len(digests)
			if deadline, ok := ctx.Deadline(); !ok || ctx.Err() != nil || time.Until(deadline) != 4*time.Second {
				t.Errorf("the database has %v, %v; want 4 s", time.Until(deadline), ctx.Err())
			}
			return nil
		})
		if err != nil || len(codes) != backupCodes || kept != backupCodes {
			t.Errorf("%d codes, %d kept: %v", len(codes), kept, err)
		}
		_, err = codesWhile(backupCodesWait+time.Second, func(context.Context, [][]byte) error {
			t.Error("codes are kept that waited for too long")
			return nil
		})
		if !errors.Is(err, shared.ErrUnavailable) {
			t.Errorf("after too long a wait: %v", err)
		}
		time.Sleep(2 * time.Second) // until all turns are given back
	})
}

func TestKeys(t *testing.T) {
	ks := NewKeys()
	read, err := ParseKeys(ks.Text())
	if err != nil {
		t.Fatal(err)
	}
	id, value := ks.Check()
	if !read.Knows(id, value) || NewKeys().Knows(id, value) || read.Knows("other", value) {
		t.Error("a check value is known to another key, or not to its own")
	}
	rotated, err := ParseKeys(NewKeys().Text() + ks.Text())
	if err != nil || !rotated.Knows(id, value) {
		t.Errorf("after another key came first: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %s", ks, ks, ks); strings.Contains(text, strings.Fields(ks.Text())[len(strings.Fields(ks.Text()))-1]) {
		t.Errorf("keys print themselves: %s", text)
	}
	for _, broken := range []string{"", "# nothing", "k1", "k1 " + base64.StdEncoding.EncodeToString(make([]byte, 31)), "k1 !!!"} {
		if _, err := ParseKeys(broken); err == nil {
			t.Errorf("ParseKeys(%q) is nil", broken)
		}
	}
	if string(ks.mac("a", "bc")) == string(ks.mac("ab", "c")) {
		t.Error("two purposes have one key")
	}
}

func TestParseToken(t *testing.T) {
	token := NewToken()
	if got, ok := ParseToken(string(token)); !ok || got != token {
		t.Error("a token is not read back")
	}
	if fmt.Sprintf("%v %s", token, token) != "[token] [token]" {
		t.Error("a token prints itself")
	}
	for _, broken := range []string{"", string(token)[1:], string(token) + "A", string(token)[:42] + "+", string(token)[:42] + "=", "\n" + string(token)[1:]} {
		if _, ok := ParseToken(broken); ok {
			t.Errorf("ParseToken(%q) is right", broken)
		}
	}
}

func TestKnownBrowser(t *testing.T) {
	s := &Service{Keys: NewKeys()}
	knows := func(s *Service, b KnownBrowser, user, hash string) bool {
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
		"its own":          {s, b, "ann", "hash", true},
		"another user":     {s, b, "bob", "hash", false},
		"another password": {s, b, "ann", "other", false},
		"another key":      {&Service{Keys: NewKeys()}, b, "ann", "hash", false},
		"nothing":          {s, "", "ann", "hash", false},
		"short":            {s, "AAAA", "ann", "hash", false},
		"no base64":        {s, "!.!", "ann", "hash", false},
	} {
		if knows(test.s, test.b, test.user, test.hash) != test.known {
			t.Errorf("%s: known is %t; want %t", what, !test.known, test.known)
		}
	}
	if again := s.newBrowser("ann", "hash", b); again != b {
		t.Error("a known browser is given another value")
	}
	for _, user := range []string{"bob", "cid", "dot"} {
		b = s.newBrowser(user, "hash", b)
	}
	if !knows(s, b, "ann", "hash") || !knows(s, b, "dot", "hash") {
		t.Error("a browser is not known to four accounts")
	}
	if b = s.newBrowser("eve", "hash", b); knows(s, b, "ann", "hash") || len(strings.Split(string(b), ".")) != 4 {
		t.Error("a browser is known to more than four accounts")
	}
}

func TestSessionSeen(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	here, set := Client{IP: "192.0.2.1", UserAgent: "UA"}, presets(t).Now()
	session := Session{CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(SessionIdle), IP: here.IP, UserAgent: here.UserAgent, Remember: true}
	for _, test := range []struct {
		what    string
		after   time.Duration
		from    Client
		change  func(*Session)
		worth   bool
		expires time.Duration
	}{
		{"at once", 0, here, nil, false, SessionIdle},
		{"just before a minute", time.Minute - time.Millisecond, here, nil, false, SessionIdle},
		{"after a minute", time.Minute, here, nil, true, SessionIdle},
		{"from elsewhere", 0, Client{IP: "192.0.2.2", UserAgent: "UA"}, nil, true, SessionIdle},
		{"with another browser", 0, Client{IP: "192.0.2.1", UserAgent: "UB"}, nil, true, SessionIdle},
		{"after a day", 24 * time.Hour, here, nil, true, SessionIdle + 24*time.Hour},
		{"a brief one", 20 * time.Hour, here, func(s *Session) { s.Remember = false; s.ExpiresAt = now.Add(BriefLifetime) }, true, BriefLifetime},
		{"near its end", 28 * 24 * time.Hour, here, func(s *Session) { s.ExpiresAt = now.Add(29 * 24 * time.Hour) }, true, SessionLifetime},
		{"at its last", 29 * 24 * time.Hour, here, func(s *Session) {
			s.ExpiresAt, s.LastActiveAt = now.Add(SessionLifetime), now.Add(29*24*time.Hour)
		}, false, SessionLifetime},
	} {
		s := session
		if test.change != nil {
			test.change(&s)
		}
		got, worth := s.seen(now.Add(test.after), test.from, set)
		if worth != test.worth || !got.ExpiresAt.Equal(now.Add(test.expires)) {
			t.Errorf("%s: worth writing %t, expires after %v; want %t, %v", test.what, worth, got.ExpiresAt.Sub(now), test.worth, test.expires)
		}
		if worth && (got.IP != test.from.IP || got.UserAgent != test.from.UserAgent || !got.LastActiveAt.Equal(now.Add(test.after))) {
			t.Errorf("%s: %+v", test.what, got)
		}
	}
}

func TestFresh(t *testing.T) {
	confirmed := time.Now()
	at := func(after time.Duration) *Service {
		return &Service{Settings: presets(t), Now: func() time.Time { return confirmed.Add(after) }}
	}
	session := Session{ConfirmedAt: confirmed}
	if !at(FreshWindow-1).Fresh(session) || at(FreshWindow).Fresh(session) {
		t.Error("fresh ends elsewhere than at 15 minutes")
	}
}

func TestEnrolBy(t *testing.T) {
	joined := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	by := func(required string, since time.Time, user User, method string, permissions ...string) time.Time {
		live := presets(t)
		if _, err := live.apply([]Setting{{Key: "REQUIRE_TWO_FACTOR", Value: required, Revision: 1, UpdatedAt: since}}, Keys{}); err != nil {
			t.Fatal(err)
		}
		user.CreatedAt = joined
		return (&Service{Settings: live}).EnrolBy(Session{Method: method, Permissions: permissions}, user)
	}
	with := User{TwoFactorEnabled: true}
	for what, test := range map[string]struct{ got, want time.Time }{
		"nobody has to":                        {by(Off, joined, User{}, MethodPassword, "x"), time.Time{}},
		"it was required before they joined":   {by(OfAll, joined.Add(-day), User{}, MethodPassword), joined.Add(7 * day)},
		"it was required after they joined":    {by(OfAll, joined.Add(day), User{}, MethodPassword), joined.Add(8 * day)},
		"they have it":                         {by(OfAll, joined, with, MethodPassword), time.Time{}},
		"they used a passkey":                  {by(OfAll, joined, User{}, MethodPasskey), time.Time{}},
		"they used one that did not look":      {by(OfAll, joined, User{}, MethodSecurityKey), joined.Add(7 * day)},
		"they used two, and have one now":      {by(OfAll, joined, User{}, MethodPassword+"+totp"), joined.Add(7 * day)},
		"administrators have to, this is one":  {by(OfAdmins, joined, User{}, MethodPassword, PermissionAudit), joined.Add(7 * day)},
		"administrators have to, this is none": {by(OfAdmins, joined, User{}, MethodPassword), time.Time{}},
	} {
		if !test.got.Equal(test.want) {
			t.Errorf("%s: by %v; want %v", what, test.got, test.want)
		}
	}
}

// presets are the system keys of a server on which nobody has set any.
func presets(t *testing.T) *Live {
	t.Helper()
	live, err := NewLive(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func FuzzValidEmail(f *testing.F) {
	for _, s := range []string{"a@b.co", "a..b@c.de", "a@b", " a@b.co", "ä@b.co", "a@b.co\n", "o'brien+x@sub.example.test"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ValidEmail(s) && (strings.Count(s, "@") != 1 || strings.ContainsAny(s, " \r\n\t\x00<>\"") || len(s) > maxEmail || !utf8.ValidString(s)) {
			t.Errorf("%q is an address", s)
		}
	})
}
