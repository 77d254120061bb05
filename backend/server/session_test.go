package server_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// An endpoint is an endpoint of the API, with a valid body.
type endpoint struct {
	method, path string
	in           any // nil for none
}

// openEndpoints lists the endpoints that any client may call.
var openEndpoints = []endpoint{
	{"GET", "/ok", nil},
	{"GET", "/api/about", nil},
	{"POST", "/sign-up/email", body{"email": ann, "name": "", "password": testkit.Password}},
	{"POST", "/sign-in/email", body{"email": ann, "password": testkit.Password}},
	{"GET", "/get-session", nil},
	{"POST", "/sign-out", body{}},
	{"GET", "/passkey/generate-authenticate-options", nil},
	{"POST", "/passkey/verify-authentication", body{"response": body{}}},
	{"POST", "/request-password-reset", body{"email": ann}},
	{"GET", "/reset-password/x", nil},
	{"POST", "/reset-password", body{"newPassword": testkit.Password, "token": "x"}},
	{"POST", "/check-link", body{"token": "x", "purpose": "reset"}},
	{"POST", "/send-verification-email", body{"email": ann}},
	{"GET", "/verify-email", nil},
	{"GET", "/delete-user/callback", nil},
	{"POST", "/disown", body{"token": "x"}},
	{"GET", "/error", nil},
}

// signedInEndpoints lists the endpoints that require a session.
var signedInEndpoints = []endpoint{
	{"GET", "/list-sessions", nil},
	{"POST", "/revoke-session", body{"token": "x"}},
	{"POST", "/revoke-sessions", body{}},
	{"POST", "/revoke-other-sessions", body{}},
	{"GET", "/list-accounts", nil},
	{"GET", "/overview", nil},
	{"POST", "/confirm-sign-in", body{"token": "x"}},
	{"POST", "/report-sign-in", body{"token": "x"}},
	{"POST", "/update-user", body{"name": "Mallory"}},
	{"POST", "/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}},
	{"POST", "/verify-password", body{"password": testkit.Password}},
	{"POST", "/step-up", body{"password": testkit.Password}},
	{"POST", "/delete-user", body{"password": testkit.Password}},
	{"GET", "/list-events", nil},
	{"POST", "/change-email", body{"newEmail": "new@example.test"}},
	{"POST", "/resend-email-change", body{}},
	{"POST", "/cancel-email-change", body{}},
	{"GET", "/two-factor/status", nil},
	{"POST", "/two-factor/enable", body{"password": testkit.Password}},
	{"POST", "/two-factor/disable", body{"password": testkit.Password}},
	{"POST", "/two-factor/get-totp-uri", body{"password": testkit.Password}},
	{"POST", "/two-factor/generate-backup-codes", body{"password": testkit.Password}},
	{"POST", "/two-factor/trust-device", body{}},
	{"GET", "/list-trusted-devices", nil},
	{"POST", "/revoke-trusted-device", body{"id": "x"}},
	{"POST", "/revoke-trusted-devices", body{}},
	{"GET", "/passkey/generate-register-options", nil},
	{"POST", "/passkey/verify-registration", body{"response": body{}}},
	{"GET", "/passkey/list-user-passkeys", nil},
	{"POST", "/passkey/update-passkey", body{"id": "x", "name": "Key"}},
	{"POST", "/passkey/delete-passkey", body{"id": "x"}},
}

// permittedEndpoints lists the endpoints that also require a permission.
var permittedEndpoints = []endpoint{
	{"GET", "/api/passkey-check", nil},
	{"GET", "/api/settings", nil},
	{"PUT", "/api/settings", body{"key": "APP_NAME", "value": "Mallory's"}},
	{"POST", "/api/settings/test-mail", body{}},
	{"GET", "/api/server-keys", nil},
	{"POST", "/api/server-keys", body{"name": "Mallory's"}},
	{"POST", "/api/server-keys/revoke", body{"id": "x"}},
	{"GET", "/api/users", nil},
	{"POST", "/api/users/x/reset-factors", body{}},
	{"POST", "/api/users/x/end-sessions", body{}},
	{"POST", "/api/users/x/disable", body{}},
	{"POST", "/api/users/x/enable", body{}},
	{"GET", "/api/events", nil},
	{"GET", "/api/events.csv", nil},
}

// signingInEndpoints lists the endpoints that require a session or a pending sign-in. The
// codes in their bodies are wrong.
var signingInEndpoints = []endpoint{
	{"POST", "/two-factor/verify-totp", body{"code": "000000"}},
	{"POST", "/two-factor/verify-backup-code", body{"code": "aaaaa-bbbbb"}},
	{"POST", "/two-factor/send-otp", body{}},
	{"POST", "/two-factor/verify-otp", body{"code": "000000"}},
	{"GET", "/two-factor/pending", nil},
}

// full returns the full path. Paths of Better Auth's endpoints begin with /api/auth.
func (e endpoint) full() string {
	if strings.HasPrefix(e.path, "/api/") {
		return e.path
	}
	return "/api/auth" + e.path
}

func (b *browser) callEndpoint(e endpoint) testkit.Answer { return b.Call(e.method, e.full(), e.in) }

// variable matches a wildcard in a path.
var variable = regexp.MustCompile(`\{\w+\}`)

// endpoints returns the routes of the API, with x for each wildcard in a path.
func endpoints() (all []server.Route) {
	for _, r := range server.Routes() {
		if r.Path = variable.ReplaceAllString(r.Path, "x"); !r.Form && !r.Link && !r.Page {
			all = append(all, r)
		}
	}
	return all
}

// TestEveryPolicyIsTested tests that the lists of endpoints above agree with the route
// table, so that no endpoint can lose its policy unnoticed.
func TestEveryPolicyIsTested(t *testing.T) {
	policies := map[string]string{}
	for list, endpoints := range map[string][]endpoint{
		"anyone": openEndpoints, "signedIn fresh": signedInEndpoints, "signingIn": signingInEndpoints, "permitted": permittedEndpoints,
	} {
		for _, e := range endpoints {
			policies[e.method+" "+e.full()] = list
		}
	}
	all := endpoints()
	for _, r := range all {
		if !slices.Contains(strings.Fields(policies[r.Method+" "+r.Path]), r.Policy) {
			t.Errorf("%s %s has the policy %s; no list of this test for that policy has it", r.Method, r.Path, r.Policy)
		}
	}
	if len(all) != len(policies) {
		t.Errorf("%d routes; want %d", len(all), len(policies))
	}
}

// TestStrangers tests that every endpoint that requires a session or a pending sign-in
// refuses clients without one, and clears an invalid cookie.
func TestStrangers(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		for _, e := range signingInEndpoints {
			b := s.holding(t, "latchkey.two_factor", base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
			want(t, s.browser(t).callEndpoint(e), 401, "INVALID_TWO_FACTOR_COOKIE")
			a := b.callEndpoint(e)
			want(t, a, 401, "INVALID_TWO_FACTOR_COOKIE")
			if got := a.Header.Get("Set-Cookie"); got != "latchkey.two_factor=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
				t.Errorf("%s: Set-Cookie %q", e.path, got)
			}
		}
		for _, e := range slices.Concat(signedInEndpoints, permittedEndpoints) {
			want(t, s.browser(t).callEndpoint(e), 401, "UNAUTHORIZED")
			// The server never issued this token.
			forged := s.holding(t, "latchkey.session_token", base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
			a := forged.callEndpoint(e)
			want(t, a, 401, "UNAUTHORIZED")
			if got := a.Header.Get("Set-Cookie"); got != "latchkey.session_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
				t.Errorf("%s: Set-Cookie %q", e.path, got)
			}
		}
	})
}

// TestListSessions tests that the list contains only the user's own sessions, and no
// token of a cookie. The current session must come first, and the others by their last
// activity.
func TestListSessions(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		phone := s.signUp(t, "ann@example.test")
		s.clock.Advance(time.Minute)
		laptop := s.signIn(t, "ann@example.test")
		s.clock.Advance(time.Minute)
		tablet := s.signIn(t, "ann@example.test")
		bob := s.signUp(t, "bob@example.test")

		a := laptop.Get("/list-sessions")
		want(t, a, 200, "")
		var list []shared.Session
		if err := json.Unmarshal([]byte(a.Body), &list); err != nil || len(list) != 3 {
			t.Fatalf("list: %v, %v", a, err)
		}
		current := laptop.Session()
		if list[0].Token != current.Get("session.token") || !list[0].IsCurrent || list[1].IsCurrent || list[2].IsCurrent {
			t.Errorf("the current session is not the first, or not the only one: %v", a)
		}
		if list[1].IPAddress != tablet.Address || list[2].IPAddress != phone.Address {
			t.Errorf("the others are not in the order of their activity: %v", a)
		}
		for _, row := range list {
			if row.Device != (shared.Device{Browser: "Firefox 153", OS: "Windows", Kind: "desktop"}) || row.Method != "password" ||
				row.LastActiveAt.IsZero() {
				t.Errorf("row: %+v", row)
			}
		}
		if t0 := a.Get("0.createdAt").(string); len(t0) != len("2026-11-23T12:00:00.000Z") || !strings.HasSuffix(t0, "Z") {
			t.Errorf("createdAt: %s", t0)
		}
		for _, b := range []*browser{phone, laptop, tablet, bob} {
			if token := b.token(); strings.Contains(a.Body, token) || strings.Contains(current.Body, token) {
				t.Error("an answer contains the token of a cookie")
			}
		}
	})
}

// TestHandlesAreNotTokens tests that no text in any response is the token of a session.
func TestHandlesAreNotTokens(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		answers := []testkit.Answer{
			b.Post("/sign-up/email", body{"email": "a@example.test", "name": "A", "password": testkit.Password}),
			b.Session(), b.Get("/list-sessions"),
			b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}),
		}
		tried := 0
		for _, a := range answers {
			want(t, a, 200, "")
			for _, text := range stringsIn(a.Body) {
				tried++
				wantAlive(t, s.holding(t, "latchkey.session_token", text), false, "the holder of "+text)
				bearer := s.browser(t)
				if got := bearer.Get("/get-session", "Authorization: Bearer "+text); got.Body != "null" {
					t.Errorf("%q is a bearer token: %v", text, got)
				}
			}
		}
		if tried < 30 {
			t.Errorf("only %d strings were tried", tried)
		}
	})
}

// stringsIn returns the strings in a JSON text that are possible values of a cookie.
func stringsIn(text string) (all []string) {
	d := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return all
		}
		if s, ok := token.(string); ok && !strings.ContainsAny(s, ";\r\n") {
			all = append(all, s)
		}
	}
}

// TestRevoke tests that users can revoke one of their sessions, all others or all, but no
// session of another user. A revoked session must give no access.
func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		a1, a2, a3 := s.signUp(t, "ann@example.test"), s.signIn(t, "ann@example.test"), s.signIn(t, "ann@example.test")
		bob := s.signUp(t, "bob@example.test")
		handle := func(b *browser) string { return b.Session().Get("session.token").(string) }

		for _, id := range []string{handle(a2), a1.Session().Get("user.id").(string), "x' OR '1'='1", ""} {
			want(t, bob.Post("/revoke-session", body{"token": id}), 200, "")
		}
		want(t, bob.Post("/revoke-other-sessions", body{"userId": a1.Session().Get("user.id")}), 200, "")
		wantAlive(t, a2, true, "a session that another user revoked")
		want(t, bob.Post("/revoke-session", body{"token": "a\x00b"}), 400, "BAD_REQUEST")

		want(t, a1.Post("/revoke-session", body{"token": handle(a2)}), 200, "")
		wantAlive(t, a2, false, "the revoked session")
		wantAlive(t, a1, true, "the revoking session")
		wantAlive(t, a3, true, "the third session")

		want(t, a1.Post("/revoke-other-sessions", body{}), 200, "")
		wantAlive(t, a1, true, "the caller of revoke-other-sessions")
		wantAlive(t, a3, false, "another session")

		copied := s.holding(t, "latchkey.session_token", a1.token())
		want(t, a1.Post("/revoke-session", body{"token": handle(a1)}), 200, "")
		if a1.token() != "" {
			t.Error("the cookie of the own session stays after its revocation")
		}
		wantAlive(t, copied, false, "the own session after its revocation")

		want(t, bob.Post("/revoke-sessions", body{}), 200, "")
		wantAlive(t, bob, false, "the caller of revoke-sessions")
	})
}

// TestRevokeTakesEffect tests that a revocation takes effect before its response, even while
// many requests of the session are in flight. No later request may succeed.
func TestRevokeTakesEffect(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, "ann@example.test")
		victim := s.signIn(t, "ann@example.test")
		id := victim.Session().Get("session.token")
		var revoked atomic.Bool
		var wg sync.WaitGroup
		for range 6 {
			b := victim.Elsewhere()
			wg.Go(func() {
				for range 100 {
					before := revoked.Load()
					a := b.Get("/list-sessions")
					if before && a.Status == 200 {
						t.Error("a request that began after the revocation was answered succeeded")
					}
					if before {
						return
					}
				}
			})
		}
		want(t, owner.Post("/revoke-session", body{"token": id}), 200, "")
		revoked.Store(true)
		wg.Wait()
	})
}

// TestActionsLockTheUserFirst tests that a request that changes several rows of a user
// first waits for the lock on the user's row. So two such requests cannot deadlock. It
// does not run on SQLite, which has one writer at a time.
func TestActionsLockTheUserFirst(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	s := open(t, storetest.Migrated(t, database), nil)
	s.database = database
	pool := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(database)))
	defer pool.Close()
	b := s.signUp(t, "ann@example.test")
	user := b.Session().Get("user.id").(string)
	credentials := body{"email": "ann@example.test", "password": testkit.Password}
	for _, action := range []struct {
		path string
		in   body
	}{
		{"/sign-in/email", credentials},
		{"/revoke-other-sessions", body{}},
		{"/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}},
		{"/change-email", body{"newEmail": "new@example.test"}},
		{"/two-factor/enable", body{"password": testkit.Password}},
		{"/two-factor/disable", body{"password": testkit.Password}},
		{"/revoke-trusted-devices", body{}},
		{"/revoke-sessions", body{}},
		{"/delete-user", body{"password": testkit.Password}},
	} {
		if action.path == "/delete-user" {
			want(t, b.Post("/sign-in/email", credentials), 200, "")
		}
		testkit.Eventually(t, action.path+" succeeds", func() bool {
			answers, waits := make(chan testkit.Answer, 1), false
			err := s.db.Tx(t.Context(), func(tx account.Store) error {
				if _, err := tx.LockUser(t.Context(), user); err != nil {
					return err
				}
				go func() { answers <- b.Elsewhere().Post(action.path, action.in) }()
				for len(answers) == 0 && !waits {
					err := pool.QueryRowContext(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity
						WHERE datname = current_database() AND wait_event_type = 'Lock'
						AND query LIKE 'SELECT %FROM "users" %FOR NO KEY UPDATE'`).Scan(&waits)
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			a := <-answers
			if a.Is(503, "SERVICE_UNAVAILABLE") {
				return false // on a slow machine, the server gave up
			}
			want(t, a, 200, "")
			if !waits {
				t.Errorf("%s does not wait for the lock of the user", action.path)
			}
			return true
		})
		s.restorePassword(t)
	}
}

// TestSignInBlocked tests that the server does not report a correct password as
// wrong if the database blocks the sign-in for too long. It does not run on SQLite, where
// no request gets that far.
func TestSignInBlocked(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	s := open(t, storetest.Migrated(t, database), nil)
	b := s.signUp(t, "ann@example.test")
	user := b.Session().Get("user.id").(string)
	credentials := body{"email": "ann@example.test", "password": testkit.Password}
	s.accounts.Store = storetest.OpenStrict(t, database) // only for the call that is to be refused: a busy machine delays others, too
	if err := s.db.Tx(t.Context(), func(tx account.Store) error {
		if _, err := tx.LockUser(t.Context(), user); err != nil {
			return err
		}
		want(t, b.Elsewhere().Post("/sign-in/email", credentials), 503, "SERVICE_UNAVAILABLE")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.accounts.Store = s.db
	want(t, b.Elsewhere().Post("/sign-in/email", credentials), 200, "")
}

// TestSessionsRevokeEachOther tests that a request has no effect if another request has
// just revoked its session: if all sessions revoke all others in parallel, one is left.
func TestSessionsRevokeEachOther(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, "ann@example.test")
		var all []*browser
		for range 8 {
			all = append(all, s.signIn(t, "ann@example.test"))
		}
		var wg sync.WaitGroup
		for _, b := range all {
			wg.Go(func() {
				if a := b.Post("/revoke-other-sessions", body{}); a.Status != 200 && a.Status != 401 {
					t.Errorf("revoke-other-sessions: %v", a)
				}
			})
		}
		wg.Wait()
		alive := 0
		for _, b := range all {
			if b.SignedIn(t) {
				alive++
			}
		}
		if alive != 1 {
			t.Errorf("%d of 8 sessions are left; want 1", alive)
		}
	})
}

// TestSignOut tests that signing out revokes the session for every holder of its token,
// and makes the browser delete its stored data. It must also work without a session.
func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		copied := s.holding(t, "latchkey.session_token", b.token())
		a := b.Post("/sign-out", body{})
		want(t, a, 200, "")
		if a.Body != `{"success":true}` || a.Header.Get("Clear-Site-Data") != `"cache", "storage"` || b.token() != "" {
			t.Errorf("sign-out: %v %v", a, a.Header)
		}
		wantAlive(t, copied, false, "the copied cookie")
		want(t, b.Do("POST", "/api/auth/sign-out", "", "Content-Type:"), 200, "")
		want(t, b.Do("POST", "/api/auth/sign-out", "null"), 400, "VALIDATION_ERROR")
	})
}

var signedOutCookie = regexp.MustCompile(`^latchkey\.signed-out=(\d+); Path=/; Max-Age=2592000; SameSite=Lax$`)

// TestSharedOrigin tests that where an application has the origin, too, a browser deletes nothing of
// the application at a sign-out or a deletion, and learns when it was.
func TestSharedOrigin(t *testing.T) {
	eachMailing(t, []string{"SHARED_ORIGIN=true"}, func(t *testing.T, s mailing) {
		for what, end := range map[string]func(b *browser) testkit.Answer{
			"sign-out": func(b *browser) testkit.Answer { return b.Post("/sign-out", body{}) },
			"deletion": func(b *browser) testkit.Answer { return b.Post("/delete-user", body{"password": testkit.Password}) },
		} {
			b := s.signUp(t, what+"@example.test")
			begun := s.clock.Now().UnixMilli()
			a := end(b)
			var at int64
			for _, line := range a.Header.Values("Set-Cookie") {
				if found := signedOutCookie.FindStringSubmatch(line); found != nil {
					at, _ = strconv.ParseInt(found[1], 10, 64)
				}
			}
			if a.Status != 200 || a.Header.Get("Clear-Site-Data") != `"cache"` || b.token() != "" ||
				at < begun || at > s.clock.Now().UnixMilli() {
				t.Errorf("%s at %d: %v %v", what, begun, a, a.Header)
			}
		}
	})
}

// TestSessionsExpire tests that a session expires a week after its last use, or after a
// day if the user chose not to stay signed in. Every session must expire after 30 days.
func TestSessionsExpire(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		remembered := s.signUp(t, "ann@example.test")
		brief := s.browser(t)
		want(t, brief.Post("/sign-in/email", body{"email": "ann@example.test", "password": testkit.Password, "rememberMe": false}), 200, "")
		idle := s.signIn(t, "ann@example.test")

		s.clock.Advance(23 * time.Hour)
		wantAlive(t, brief, true, "a brief session after 23 hours")
		s.clock.Advance(time.Hour)
		wantAlive(t, brief, false, "a brief session after a day")
		want(t, brief.Get("/list-sessions"), 401, "UNAUTHORIZED")
		a := remembered.Session() // after a day the server extends the session and its cookie
		if !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=604800") {
			t.Errorf("not extended after a day: %v", a.Header)
		}
		if a = remembered.Session(); a.Header.Get("Set-Cookie") != "" {
			t.Errorf("extended twice in a day: %v", a.Header)
		}

		s.clock.Advance(6*24*time.Hour + time.Minute)
		wantAlive(t, idle, false, "a session unused for a week")
		wantAlive(t, remembered, true, "a session used six days ago")
		for range 5 {
			s.clock.Advance(4 * 24 * time.Hour)
			wantAlive(t, remembered, true, "a session in use")
		}
		s.clock.Advance(4 * 24 * time.Hour)
		wantAlive(t, remembered, false, "a session after more than 30 days")
	})
}

// TestLastActive tests that the server stores the last activity of a session once a
// minute, within about a second, and a new address at once.
func TestLastActive(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.signUp(t, "ann@example.test")
		seen := func() (at, ip any) {
			a := b.Session()
			return a.Get("session.lastActiveAt"), a.Get("session.ipAddress")
		}
		first, _ := seen()
		s.clock.Advance(59 * time.Second)
		if at, _ := seen(); at != first {
			t.Errorf("last active is written after 59 seconds: %v, %v", first, at)
		}
		s.clock.Advance(time.Second)
		next, _ := seen()
		if next == first {
			t.Error("last active does not change after a minute")
		}
		id := b.id()
		testkit.Eventually(t, "the new time is stored", func() bool {
			all, err := s.db.Sessions(t.Context(), id, s.clock.Now())
			return err == nil && all[0].LastActiveAt.Equal(s.clock.Now())
		})
		if at := b.Get("/list-sessions").Get("0.lastActiveAt"); at != next {
			t.Errorf("the list shows %v; want %v", at, next)
		}
		b.Address = testkit.NewAddress()
		if _, ip := seen(); ip != b.Address {
			t.Errorf("address %v; want %v at once", ip, b.Address)
		}
		if a := b.Get("/list-sessions"); a.Get("0.ipAddress") != b.Address {
			t.Errorf("list: %v", a)
		}
	})
}

// TestRotation tests that a new token does not change the session. The old token stays
// valid for ten seconds, but only for reads and for signing out.
func TestRotation(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.signUp(t, "ann@example.test")
		id := b.Session().Get("session.id")
		inFlight := s.holding(t, "latchkey.session_token", b.token())
		for range 3 {
			want(t, b.Post("/step-up", body{"password": testkit.Password}), 200, "")
		}
		if b.Session().Get("session.id") != id {
			t.Error("step-up made another session")
		}

		s.clock.Advance(9 * time.Second)
		wantAlive(t, inFlight, true, "a read with the token from before, in time")
		a := inFlight.Post("/update-user", body{"name": "X"})
		want(t, a, 401, "UNAUTHORIZED")
		s.clock.Advance(time.Second)
		late := inFlight.Session()
		if late.Body != "null" || late.Header.Get("Set-Cookie")+a.Header.Get("Set-Cookie") != "" {
			t.Errorf("a rotated token clears a cookie, or is good for too long: %v %v", late, late.Header)
		}
		want(t, inFlight.Post("/sign-out", body{}), 200, "")
		wantAlive(t, b, false, "the session that a token from before signed out")
	})
}

// TestRenewal tests what a call may do whose token is replaced while it is under way: nothing but
// read, if the user has confirmed their identity meanwhile. The owner of a stolen cookie may have.
func TestRenewal(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.signUp(t, "ann@example.test")
		s.clock.Advance(time.Second) // a renewal is told from a confirmation by the time
		inFlight, _, err := s.accounts.Authenticate(t.Context(), account.Client{}, account.Token(b.token()), false)
		if err != nil {
			t.Fatal(err)
		}
		renewed, err := s.accounts.RenewToken(t.Context(), inFlight, true)
		if err != nil || renewed.Token == "" {
			t.Fatalf("the first call: %v", err)
		}
		if o, err := s.accounts.RenewToken(t.Context(), inFlight, true); err != nil || o.Token != "" || o.Session.ID != inFlight.Session.ID {
			t.Errorf("a call that was slower: %+v, %v", o, err)
		}
		s.clock.Advance(time.Second)
		want(t, s.holding(t, "latchkey.session_token", string(renewed.Token)).Post("/step-up", body{"password": testkit.Password}), 200, "")
		if o, err := s.accounts.RenewToken(t.Context(), inFlight, true); !errors.Is(err, account.ErrRotated) {
			t.Errorf("a call of before the step-up: %+v, %v", o, err)
		}
		_, _, err = s.accounts.Authenticate(t.Context(), account.Client{}, account.Token(b.token()), false)
		if !errors.Is(err, account.ErrRotated) {
			t.Errorf("a call after the step-up: %v", err)
		}
	})
}

// TestChangePassword tests that a change requires the old password and a new one that
// satisfies the password rules, and that it revokes all other sessions.
func TestChangePassword(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, other := s.signUp(t, "ann@example.test"), s.signIn(t, "ann@example.test")
		want(t, b.Post("/change-password", body{"currentPassword": "wrong password", "newPassword": nextPassword}), 400, "INVALID_PASSWORD")
		want(t, b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": "password1"}), 400, "PASSWORD_TOO_COMMON")
		want(t, b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": "short"}), 400, "PASSWORD_TOO_SHORT")
		wantAlive(t, other, true, "the other session after a change that failed")

		s.clock.Advance(10 * time.Second)
		before := b.token()
		a := b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword})
		want(t, a, 200, "")
		if a.Get("token") != b.Session().Get("session.token") || b.token() == before {
			t.Errorf("change-password: %v", a)
		}
		wantAlive(t, b, true, "the session that changed the password")
		wantAlive(t, other, false, "the other session")
		s.clock.Advance(10 * time.Second)
		wantAlive(t, s.holding(t, "latchkey.session_token", before), false, "the token from before")
		want(t, s.browser(t).SignIn("ann@example.test"), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, s.browser(t).Post("/sign-in/email", body{"email": "ann@example.test", "password": nextPassword}), 200, "")
	})
}

func TestFresh(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		s.clock.Advance(15 * time.Minute)
		want(t, b.Post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, b.Post("/step-up", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, b.Post("/delete-user", body{}), 403, "SESSION_NOT_FRESH")
		want(t, b.Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, b.Post("/delete-user", body{}), 403, "CONFIRMATION_REQUIRED")
		wantAlive(t, b, true, "a user who has not confirmed the deletion in the call")
	})
}

// TestAnswersAreInTheLanguageOfTheCaller tests the language of the server's text: the
// user's choice, or else the one in the browser's cookie, or else one that the browser
// prefers.
func TestAnswersAreInTheLanguageOfTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const german, english, cookie = "Accept-Language: de-AT,de;q=0.9,en;q=0.5", "Accept-Language: en,de;q=0.5", "Cookie: latchkey.language="
		b := s.signUp(t, ann).grant(account.PermissionSettings, account.PermissionAudit)
		for _, change := range [][2]string{{"APP_NAME", "100 % Acme"}, {"MAIL_FROM", "a@example.test"}, {"RESEND_API_KEY", "re_12345678"}} {
			want(t, b.put(body{"key": change[0], "value": change[1]}), 200, "")
		}
		err := s.db.Tx(t.Context(), func(tx account.Store) error {
			for i, e := range []audit.Event{{Kind: shared.EventKeyRotated, Detail: `{"key":"k2"}`}, {Kind: "what-a-newer-server-wrote"}} {
				e.ID, e.At = fmt.Sprint("e", i), account.Now()
				if err := tx.AddEvent(t.Context(), testKeys, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		read := func(b *browser, path string, out any, headers ...string) {
			t.Helper()
			a := b.Elsewhere().Do("GET", path, "", headers...)
			if err := json.Unmarshal([]byte(a.Body), out); a.Status != 200 || err != nil || a.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%s: %v, %v, Cache-Control %q", path, a, err, a.Header.Get("Cache-Control"))
			}
		}
		logged := func(path string, headers ...string) (says []string) {
			t.Helper()
			var page shared.EventPage
			read(b, path, &page, headers...)
			for _, e := range page.Events {
				says = append(says, strings.TrimSuffix(e.Text+" "+e.Detail, " "))
			}
			return says
		}
		is := func(what string, got, want []string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q; want %q", what, got, want)
			}
		}
		fromTo := func(l *message.Language, before, after string) string {
			return testkit.Capital(l.T(message.DetailFromTo, before, after))
		}
		events := func(l *message.Language) []string {
			changed := l.T(message.EventSettingChanged) + " "
			return []string{
				"what-a-newer-server-wrote",
				l.T(message.EventKeyRotated) + " " + testkit.Capital(l.T(message.DetailKey)) + " k2",
				changed + testkit.Capital(l.T(message.DetailChanged)),
				changed + fromTo(l, l.T(message.DetailNothing), l.T(message.DetailQuoted, "a@example.test")),
				changed + fromTo(l, l.T(message.DetailQuoted, "Latchkey"), l.T(message.DetailQuoted, "100 % Acme")),
				l.T(message.EventSignUp),
			}
		}
		log := map[string][]string{"en": events(en), "de": events(de)}
		is("the log", logged("/api/events"), log["en"])
		is("the log", logged("/api/events", english), log["en"])
		is("the log in German", logged("/api/events", german), log["de"])
		is("one's own log", logged("/api/auth/list-events?kind=sign-up"), []string{en.T(message.EventSignUp)})
		is("one's own log in German", logged("/api/auth/list-events?kind=sign-up", german), []string{de.T(message.EventSignUp)})
		is("the log by a cookie", logged("/api/events", english, cookie+"de"), log["de"])
		is("the log by another cookie", logged("/api/events", german, cookie+"en"), log["en"])

		// Of a setting, only the group, the title and the description are translated.
		var plain, words shared.Settings
		read(b, "/api/settings", &plain)
		read(b, "/api/settings", &words, german)
		translates := func(english, german string) bool { // two messages can be equal in English only
			for id := range message.ID(message.Count) {
				if message.English.T(id) == english && message.German.T(id) == german {
					return true
				}
			}
			return false
		}
		for i, k := range plain.Settings {
			de := words.Settings[i]
			if !translates(k.Group, de.Group) || !translates(k.Title, de.Title) || !translates(k.Description, de.Description) ||
				de.Description == k.Description {
				t.Errorf("%s in German: %s: %s", k.Key, de.Group, de.Description)
			}
			de.Group, de.Title, de.Description = k.Group, k.Title, k.Description
			one, _ := json.Marshal(k)
			other, _ := json.Marshal(de)
			if string(one) != string(other) {
				t.Errorf("in German it is %s, and not %s", other, one)
			}
		}
		if k := plain.Settings[len(plain.Settings)-1]; k.Group != en.T(message.SecurityLog) ||
			k.Description != en.T(message.SettingEventRetention) {
			t.Errorf("the last key: %+v", k)
		}
		for key, why := range map[string]struct {
			id     message.ID
			values []any
		}{
			"APP_NAME":           {message.ErrSettingText, []any{"1", "60"}},
			"RESEND_API_KEY":     {message.ErrSettingSecret, nil},
			"SMTP_URL":           {message.ErrSettingSMTPURL, nil},
			"MAIL_FROM":          {message.ErrSettingEmailAddress, nil},
			"SIGN_UP_ENABLED":    {message.ErrSettingBool, nil},
			"VERIFY_EMAIL":       {message.ErrSettingOneOfTwo, []any{"off", "required"}},
			"REQUIRE_TWO_FACTOR": {message.ErrSettingOneOfThree, []any{"off", "admins", "all"}},
			"SESSIONS_PER_USER":  {message.ErrSettingNumber, []any{"1", "1000"}},
			"EVENT_RETENTION":    {message.ErrSettingDuration, []any{"30d", "3650d"}},
		} {
			for l, headers := range map[*message.Language][]string{en: nil, de: {german}} {
				says := l.T(why.id, why.values...)
				a := b.Elsewhere().put(body{"key": key, "value": "no\tvalue"}, headers...)
				if a.Status != 400 || a.Code() != "INVALID_SETTING" || a.Get("field") != "value" || a.Get("message") != says {
					t.Errorf("%s: %v; want %s", key, a, says)
				}
			}
		}
		a := b.put(body{"key": "APP_NAME", "value": "Else", "revision": 0}, german)
		want(t, a, 409, "STALE_REVISION")
		if a.Get("current.group") != de.T(message.GeneralSettings) {
			t.Errorf("what it is now, in German: %v", a)
		}

		// The self-check, with nearly all of its findings. It cannot find a wrong Host
		// header, because the server refuses such a request earlier.
		found := func(b *browser, headers ...string) (says []string) {
			t.Helper()
			var found shared.SelfCheck
			read(b, "/api/passkey-check?origin=https://elsewhere.example&time=2026-01-02T03:04:05Z", &found, headers...)
			for _, f := range found.Checks {
				if strings.HasSuffix(f.Expected, " UTC") {
					f.Expected = "now"
				}
				if !f.OK {
					says = append(says, f.Name+" | "+f.Expected+" | "+f.Fix)
				}
			}
			return says
		}
		proxied := []string{"X-Forwarded-For: 127.0.0.3", "X-Forwarded-Proto: https", "X-Forwarded-Host: other.example"}
		origin, host := s.url.String(), s.url.Host
		findings := func(l *message.Language) []string {
			return []string{
				"Origin | " + origin + " | " + l.T(message.FixOrigin, origin, "https://elsewhere.example"),
				"RP ID | " + l.T(message.RPIDOrSubdomain, "localhost") + " | " + l.T(message.FixRPID, "localhost", origin),
				"X-Forwarded-Proto | http | " + l.T(message.FixProxyScheme, origin),
				"X-Forwarded-Host | " + host + " | " + l.T(message.FixProxyName, origin),
				l.T(message.LimitsCountYouAs) + " | " + l.T(message.YourDeviceAddress) + " | " + l.T(message.FixSharedClientAddress),
				l.T(message.ClockTime) + " | now | " + l.T(message.FixClock),
			}
		}
		is("the self-check", found(b, proxied...), findings(en))
		is("the self-check in German", found(b, append(proxied, german)...), findings(de))
		direct := open(t, s.db, func(c *server.Config) { c.TrustedProxies = nil }).signIn(t, ann)
		for l, headers := range map[*message.Language][]string{en: nil, de: {german}} {
			says := "Proxy | " + l.T(message.TrustedProxyAddress) + " | " + l.T(message.FixTrustedProxies, "127.0.0.1")
			if all := found(direct, headers...); !slices.Contains(all, says) {
				t.Errorf("without a known proxy: %q; want %s", all, says)
			}
		}

		// The account's language takes precedence over the browser's.
		says := func(language string, headers ...string) {
			t.Helper()
			var settings shared.Settings
			read(b, "/api/settings", &settings, headers...)
			names := map[string]string{"en": en.T(message.GeneralSettings), "de": de.T(message.GeneralSettings)}
			if got := settings.Settings[0].Group; got != names[language] {
				t.Errorf("to %q the settings say %s; want %s", headers, got, language)
			}
			own := logged("/api/auth/list-events", headers...)
			if got := own[len(own)-1]; got != log[language][len(log[language])-1] {
				t.Errorf("to %q the log says %s; want %s", headers, got, language)
			}
		}
		want(t, b.Post("/update-user", body{"language": "de"}), 200, "")
		says("de")
		says("de", english)
		says("de", english, cookie+"en")
		// An export is always in English, because programs read it.
		export := b.Do("GET", "/api/events.csv", "", german)
		change := fromTo(en, en.T(message.DetailQuoted, "Latchkey"), en.T(message.DetailQuoted, "100 % Acme"))
		if !strings.Contains(export.Body, ","+en.T(message.EventSettingChanged)+",") || !strings.Contains(export.Body, change) ||
			strings.Contains(export.Body, de.T(message.EventSettingChanged)) {
			t.Errorf("the export: %s", export.Body)
		}
		want(t, b.Post("/update-user", body{"language": "en"}), 200, "")
		says("en", german, cookie+"de")
		want(t, b.Post("/update-user", body{"language": ""}), 200, "")
		says("de", german)
	})
}

func TestSessionsPerUser(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		first := s.signUp(t, "ann@example.test")
		for range 50 {
			s.clock.Advance(time.Second)
			s.signIn(t, "ann@example.test")
		}
		wantAlive(t, first, false, "the session unused for longest, beyond the fiftieth")
	})
}

// TestStolenDatabase tests that neither the database nor the log contains a password, a
// token or a cookie in any form. The log must contain no email address. Password hashes
// must be as costly as OWASP recommends.
func TestStolenDatabase(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), func(c *server.Config) {
			c.Accounts.Hasher = passhash.New(passhash.OWASP, passhash.MaxWait)
		})
		s.database = url
		b := s.signUp(t, "ann@example.test")
		mistyped := body{"email": "ann@example.test", "password": "mistyped password"}
		want(t, s.browser(t).Post("/sign-in/email", mistyped), 401, "INVALID_EMAIL_OR_PASSWORD")
		malformed := `{"email":"ann@example.test","password":"malformed password"`
		want(t, s.browser(t).Do("POST", "/api/auth/sign-in/email", malformed), 400, "BAD_REQUEST")
		raw, err := base64.RawURLEncoding.DecodeString(b.token())
		if err != nil {
			t.Fatal(err)
		}
		secrets := []string{b.token(), string(raw), testkit.Password, "mistyped password", "malformed password", b.Cookie("latchkey.browser")}
		for _, secret := range secrets {
			forms := []string{
				secret, hex.EncodeToString([]byte(secret)),
				base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			}
			wantAbsent(t, s.dump(t), forms...)
			wantAbsent(t, s.log.String(), forms...)
		}
		wantAbsent(t, s.log.String(), "ann@example.test", b.Session().Get("user.id").(string)+"@")
		if d := s.dump(t); !strings.Contains(d, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Error("there is no hash of argon2id at OWASP's minimum in the dump")
		}
	})
}

// TestEvents tests that the log contains the user's actions and the browser's address.
func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, "ann@example.test")
		wrong := body{"email": "ann@example.test", "password": "wrong password"}
		want(t, s.browser(t).Post("/sign-in/email", wrong), 401, "INVALID_EMAIL_OR_PASSWORD")
		other := s.signIn(t, "ann@example.test")
		want(t, b.Post("/verify-password", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		want(t, b.Post("/revoke-session", body{"token": other.Session().Get("session.token")}), 200, "")
		want(t, b.Post("/step-up", body{"password": testkit.Password}), 200, "")
		s.signIn(t, "ann@example.test")
		want(t, b.Post("/revoke-other-sessions", body{}), 200, "")
		want(t, b.Post("/update-user", body{"name": "B"}), 200, "")
		want(t, b.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}), 200, "")
		want(t, b.Post("/sign-out", body{}), 200, "")
		d := s.dump(t)
		for _, kind := range []string{
			"sign-up", "sign-in-failed", "sign-in", "password-failed", "session-revoked", "step-up", "sessions-revoked", "user-updated",
			"password-changed", "sign-out",
		} {
			if !strings.Contains(d, fmt.Sprintf(" %s ", kind)) {
				t.Errorf("no event %s", kind)
			}
		}
		if strings.Count(d, b.Address) < 5 {
			t.Errorf("the events lack the address %s", b.Address)
		}
	})
}

// TestAppVersionAndAccount tests that the server refuses an app that is too old, and a page of
// another account than the session's. Each must have its own error code and no effect.
func TestAppVersionAndAccount(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		other := s.signUp(t, bob)
		now := strconv.Itoa(shared.AppVersion)
		for _, tt := range []struct {
			header string
			status int
			code   string
		}{
			{"", 200, ""}, // a client that is not our app
			{"Latchkey-App: " + now, 200, ""},
			{"Latchkey-App: " + strconv.Itoa(shared.AppVersion+1), 200, ""},
			{"Latchkey-App: " + strconv.Itoa(shared.AppVersion-1), 400, "APP_TOO_OLD"},
			{"Latchkey-App: -1", 400, "APP_TOO_OLD"},
			{"Latchkey-App: new", 400, "APP_TOO_OLD"},
			{"Latchkey-App: 99999999999999999999", 400, "APP_TOO_OLD"},
			{"Latchkey-Account: " + owner.id(), 200, ""},
			{"Latchkey-Account: " + other.id(), 409, "OTHER_ACCOUNT"},
			{"Latchkey-Account: nobody", 409, "OTHER_ACCOUNT"},
		} {
			name := "as " + tt.header
			want(t, owner.Post("/update-user", body{"name": name}, tt.header), tt.status, tt.code)
			want(t, owner.Get("/list-sessions", tt.header), tt.status, tt.code)
			if is := owner.Session().Get("user.name"); (is == name) != (tt.status == 200) {
				t.Errorf("%q: the name is %q", tt.header, is)
			}
		}
		// Without a session the error is about the session, and does not mention the
		// account.
		want(t, s.browser(t).Get("/list-sessions", "Latchkey-Account: "+owner.id()), 401, "UNAUTHORIZED")
	})
}
