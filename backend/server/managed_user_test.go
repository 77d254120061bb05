package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// id returns the ID of the browser's account.
func (b *browser) id() string {
	b.t.Helper()
	return fmt.Sprint(b.Session().Get("user.id"))
}

// grant gives the browser's account permissions.
func (b *browser) grant(permissions ...string) *browser {
	b.t.Helper()
	for _, p := range permissions {
		if err := b.server.db.Grant(b.t.Context(), b.id(), p); err != nil {
			b.t.Fatal(err)
		}
	}
	return b
}

// manage performs an administrator's action on the account with an ID.
func (b *browser) manage(id, action string) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Do("POST", "/api/users/"+id+"/"+action, "{}")
}

// users returns a page of the list of accounts.
func (b *browser) users(query string) (page shared.UserPage) {
	b.t.Helper()
	b.Do("GET", "/api/users"+query, "").Into(b.t, &page)
	return page
}

func TestListUsers(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.PermissionUsers, account.PermissionAudit)
		s.signUp(t, bob)
		s.clock.Advance(time.Minute)
		s.signIn(t, bob)
		for name, email := range map[string]string{
			"100%": "percent@example.test", "Under_score!": "under@example.test", "Zoë": "zoe@example.test",
		} {
			b := s.browser(t)
			want(t, b.Post("/sign-up/email", body{"email": email, "name": name, "password": testkit.Password}), 200, "")
		}
		for search, found := range map[string]string{
			"": "ann bob percent under zoe", "BOB": "bob", "100%25": "percent", "%25": "percent", "_": "under", "!": "under",
			"ZO": "zoe", "Zo%C3%AB": "zoe", "nobody": "", "%27": "", `%5C`: "", "example.test": "ann bob percent under zoe",
		} {
			var got []string
			for _, u := range admin.users("?search=" + search).Users {
				local, _, _ := strings.Cut(u.Email, "@")
				got = append(got, local)
			}
			if strings.Join(got, " ") != found {
				t.Errorf("search %q: %q; want %q", search, got, found)
			}
		}
		all := admin.users("").Users
		if u := all[0]; !slices.Equal(u.Permissions, []string{"audit.read", "users.manage"}) || u.Sessions != 1 || u.DisabledAt != nil {
			t.Errorf("ann: %+v", u)
		}
		if u := all[1]; u.Permissions == nil || len(u.Permissions) != 0 || u.Sessions != 2 || u.LastActiveAt == nil ||
			u.LastActiveAt.Sub(u.CreatedAt.Time) < 30*time.Second {
			t.Errorf("bob: %+v", u)
		}
		if a := admin.Do("GET", "/api/users", ""); strings.Contains(a.Body, "argon2") || strings.Contains(a.Body, "handle") {
			t.Errorf("the list tells too much: %v", a)
		}

		now := account.Now()
		for i := range 60 {
			err := s.db.AddUser(t.Context(), account.User{
				ID: fmt.Sprint("many", i), Email: fmt.Sprintf("many%02d@example.test", i), Handle: []byte(fmt.Sprint(i)),
				CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		first := admin.users("?search=many")
		second := admin.users("?search=many&after=" + first.Next)
		if len(first.Users) != 50 || len(second.Users) != 10 || second.Next != "" || second.Users[0].Email != "many50@example.test" {
			t.Errorf("pages of %d and %d, then %q", len(first.Users), len(second.Users), second.Next)
		}
	})
}

func TestManageUsers(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		admin := s.signUp(t, "admin@example.test").grant(account.PermissionUsers)
		for _, action := range []string{"reset-factors", "end-sessions", "disable", "enable"} {
			want(t, admin.manage("nobody", action), 404, "NO_SUCH_USER")
			want(t, admin.manage("%00", action), 404, "NO_SUCH_USER")
			want(t, admin.manage("%ff", action), 404, "NO_SUCH_USER")
			want(t, admin.manage(admin.id(), action), 409, "NOT_TO_YOURSELF")
		}

		// A user has lost their second factor.
		lost := s.signUp(t, bob)
		app, codes := lost.enroll()
		device := s.device()
		want(t, lost.register(device), 200, "")
		trusted := s.pendingSignIn(t, bob)
		want(t, trusted.Elsewhere().Post("/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}), 200, "")
		waiting := s.pendingSignIn(t, bob)
		for range 10 {
			want(t, waiting.spend("aaaaa-bbbbb"), 401, "INVALID_BACKUP_CODE")
			waiting = s.pendingSignIn(t, bob)
		}
		want(t, waiting.verify(nextCode(app)), 429, "ACCOUNT_TEMPORARILY_LOCKED")
		bobID := lost.id()
		a := admin.manage(bobID, "reset-factors")
		want(t, a, 200, "")
		if a.Body != `{"status":true}` {
			t.Errorf("reset: %v", a)
		}
		wantAlive(t, lost, false, "the user without the factor")
		wantAlive(t, trusted, false, "the trusted browser")
		want(t, waiting.verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		found := s.signIn(t, bob) // with the password alone
		if again, _ := found.enable(); again.Secret == app.Secret {
			t.Error("the secret from before is back")
		}
		want(t, found.spend(codes[0]), 400, "BACKUP_CODES_NOT_ENABLED")

		// A passkey that is the only sign-in method stays.
		only, key := s.signUpWithPasskey(t, "only@example.test")
		s.exec(t, "DELETE FROM passwords WHERE user_id = '"+only.id()+"'")
		want(t, admin.manage(only.id(), "reset-factors"), 200, "")
		wantAlive(t, only, false, "the user with a passkey only")
		want(t, s.browser(t).authenticate(key), 200, "")

		// Revoke sessions.
		eve := s.signUp(t, "eve@example.test")
		eveID, other := eve.id(), s.signIn(t, "eve@example.test")
		want(t, admin.manage(eveID, "end-sessions"), 200, "")
		wantAlive(t, eve, false, "a session that was ended")
		wantAlive(t, other, false, "the other one")

		// Disable and enable an account.
		eve, eveKey := s.signIn(t, "eve@example.test"), s.device()
		want(t, eve.register(eveKey), 200, "")
		want(t, admin.manage(eveID, "disable"), 200, "")
		want(t, admin.manage(eveID, "disable"), 200, "") // the log gets no second event
		wantAlive(t, eve, false, "the user of a disabled account")
		want(t, s.browser(t).SignIn("eve@example.test"), 403, "ACCOUNT_DISABLED")
		wrong := body{"email": "eve@example.test", "password": "wrong wrong"}
		want(t, s.browser(t).Post("/sign-in/email", wrong), 401, "INVALID_EMAIL_OR_PASSWORD")
		want(t, s.browser(t).authenticate(eveKey), 403, "ACCOUNT_DISABLED")
		for _, u := range admin.users("?search=eve").Users {
			if u.DisabledAt == nil || u.Sessions != 0 {
				t.Errorf("disabled: %+v", u)
			}
		}
		want(t, admin.manage(eveID, "enable"), 200, "")
		wantAlive(t, s.signIn(t, "eve@example.test"), true, "the user of an enabled account")
		want(t, s.browser(t).authenticate(eveKey), 200, "")

		// The user of a disabled account is refused before the second factor.
		cid := s.signUp(t, "cid@example.test")
		cid.enroll()
		cidID, begun := cid.id(), s.pendingSignIn(t, "cid@example.test")
		want(t, admin.manage(cidID, "disable"), 200, "")
		want(t, begun.verify(s.apps.Wrong()), 401, "INVALID_TWO_FACTOR_COOKIE")
		want(t, s.browser(t).SignIn("cid@example.test"), 403, "ACCOUNT_DISABLED")

		events, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{
			shared.EventFactorsReset, shared.EventUserSessionsRevoked, shared.EventUserDisabled, shared.EventUserEnabled,
		}, Limit: 100})
		if err != nil || len(events) != 6 {
			t.Errorf("%d events, %v; want 6", len(events), err)
		}
		for _, e := range events {
			if e.ActorID != admin.id() || e.UserID == e.ActorID || e.UserID == "" || e.IP == "" {
				t.Errorf("event: %+v", e)
			}
		}
		refused, err := s.db.Events(t.Context(), account.EventFilter{Kinds: []string{shared.EventSignInRefused}, Limit: 10})
		if err != nil || len(refused) != 3 || refused[2].UserID != eveID {
			t.Errorf("refusals: %+v, %v", refused, err)
		}
		told := map[string]int{}
		for _, m := range sendMails(t, accounts) {
			if strings.Contains(m.Text, "administrator") {
				told[m.Recipient]++
				if strings.Contains(m.Text, " "+ofClients) || strings.Contains(m.Text, app.Secret) {
					t.Errorf("an email tells too much: %s", m.Text)
				}
			}
		}
		if fmt.Sprint(told) != "map[bob@example.test:1 cid@example.test:1 eve@example.test:3 only@example.test:1]" {
			t.Errorf("emails: %v", told)
		}
		// The user's log has the administrator's actions, without the administrator's
		// address.
		a = s.signIn(t, "eve@example.test").Get("/list-events?kind=user-disabled")
		if a.Get("events.0.text") != en.T(message.EventUserDisabled) || a.Get("events.1") != nil || a.Get("events.0.actor") != nil ||
			a.Get("events.0.ipAddress") != "" || a.Get("events.0.sessionId") != nil || strings.Contains(a.Body, "admin@") {
			t.Errorf("the owner's log: %v", a)
		}
	})
}

// TestManageMorePrivileged tests that an administrator who may only manage users cannot act
// on an administrator with more permissions.
func TestManageMorePrivileged(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		root := s.signUp(t, ann).grant(account.Permissions...)
		helper := s.signUp(t, bob).grant(account.PermissionUsers)
		rootID, helperID := root.id(), helper.id()
		for _, action := range []string{"reset-factors", "end-sessions", "disable", "enable"} {
			want(t, helper.manage(rootID, action), 403, "FORBIDDEN")
		}
		wantAlive(t, root, true, "the administrator with more permissions")
		s.clock.Advance(setting.FreshWindow)
		want(t, root.manage(helperID, "disable"), 403, "SESSION_NOT_FRESH")
		want(t, root.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, root.manage(helperID, "disable"), 200, "")
		want(t, helper.manage(rootID, "end-sessions"), 401, "UNAUTHORIZED")
		cid := s.signUp(t, "cid@example.test")
		want(t, cid.manage(rootID, "disable"), 403, "FORBIDDEN")

		// Nor can a caller who loses the permission during the request.
		sessions, err := s.db.Sessions(t.Context(), cid.id(), accounts.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.EnableUser(t.Context(), account.Actor{Session: sessions[0]}, helperID); !errors.Is(err, shared.ErrForbidden) {
			t.Errorf("without the permission: %v; want %v", err, shared.ErrForbidden)
		}
	})
}

// TestManageEachOther tests that if two administrators disable each other at the same
// time, one of them succeeds, and that the requests do not deadlock.
func TestManageEachOther(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		for round := range 5 {
			var admins [2]*browser
			var ids [2]string
			for i := range admins {
				admins[i] = s.signUp(t, fmt.Sprintf("admin%d-%d@example.test", round, i)).grant(account.PermissionUsers)
				ids[i] = admins[i].id()
			}
			var answers [2]testkit.Answer
			var wg sync.WaitGroup
			for i := range admins {
				wg.Go(func() { answers[i] = admins[i].manage(ids[1-i], "disable") })
			}
			wg.Wait()
			if a, b := answers[0].Status, answers[1].Status; a+b != 200+401 {
				t.Errorf("answers: %v and %v; want one 200 and one 401", answers[0], answers[1])
			}
		}
	})
}

// TestRequiredByEnvironment tests an account that existed before the environment
// required a second factor. Its grace period must begin when the environment first
// requires it, and only then.
func TestRequiredByEnvironment(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		b := s.signUp(t, ann)
		// starts does what a server does at start with the given environment.
		starts := func(keys ...string) {
			t.Helper()
			accounts.Settings = set(t, keys...)
			if _, err := accounts.LoadSettings(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := accounts.RecordEnvironment(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		due := func() any { return b.Session().Get("enrolBy") }
		in2Days := func() string { return accounts.Now().Add(48 * time.Hour).Format("2006-01-02T15:04:05.000Z") }
		// startsAnew starts a server whose environment requires the second factor for
		// the first time, and returns the end of the grace period.
		startsAnew := func(keys ...string) any {
			t.Helper()
			earliest := in2Days()
			starts(keys...)
			got := due()
			if text, _ := got.(string); text < earliest || text > in2Days() {
				t.Errorf("the grace ends %v; want %s", got, earliest)
			}
			return got
		}
		all := []string{"REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=2d"}

		starts()
		s.clock.Advance(25 * time.Hour)
		b = s.signIn(t, ann)
		first := startsAnew(all...)
		s.clock.Advance(time.Hour)
		starts(all...)
		if got := due(); got != first {
			t.Errorf("after another start it ends %v; want %v", got, first)
		}
		starts()
		if got := due(); got != nil {
			t.Errorf("it ends %v, and nothing is required", got)
		}
		s.clock.Advance(time.Hour)
		startsAnew(all...)
		if a := b.grant(account.Permissions...).Do("GET", "/api/settings", ""); a.Status != 200 || strings.Contains(a.Body, "environment's") {
			t.Errorf("settings: %v", a)
		}
	})
}

// TestRequiredTwoFactor calls every endpoint as a user who must enroll a second
// factor first, and tests that only the endpoints for enrollment accept the call.
func TestRequiredTwoFactor(t *testing.T) {
	bodies := map[string]endpoint{}
	for _, e := range slices.Concat(openEndpoints, signedInEndpoints, signingInEndpoints, permittedEndpoints) {
		bodies[e.method+" "+e.full()] = e
	}
	required := func(c *server.Config) {
		c.Accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=2d")
	}
	eachAs(t, required, func(t *testing.T, s *testServer, accounts *account.Service) {
		s.clock.Freeze() // the calls just before the end of the grace period take time
		b := s.signUp(t, ann).grant(account.Permissions...)
		s.signUp(t, "cid@example.test").grant(account.Permissions...) // so that the first one can be deleted
		a := b.Session()
		created, err := time.Parse(time.RFC3339, fmt.Sprint(a.Get("user.createdAt")))
		if due := created.Add(48 * time.Hour).Format("2006-01-02T15:04:05.000Z"); err != nil || a.Get("enrolBy") != due {
			t.Errorf("enrolBy %v; want %s", a.Get("enrolBy"), due)
		}
		if fmt.Sprint(a.Get("permissions")) != "[audit.read settings.manage users.manage]" {
			t.Errorf("permissions: %v", a)
		}
		want(t, b.Get("/list-sessions"), 200, "")
		s.clock.Advance(48*time.Hour - time.Minute)
		want(t, b.Get("/list-sessions"), 200, "")
		accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=all", "REQUIRE_TWO_FACTOR_GRACE=2d", "VERIFY_EMAIL=required")
		want(t, b.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, b.Elsewhere().Post("/delete-user", body{}), 200, "")
		deletion := tokenOf(t, linkForm.FindString(wantMails(t, accounts, ann, en.T(message.MailDeleteAccountSubject))[0].Text))
		required(&server.Config{Accounts: accounts})
		s.clock.Advance(time.Minute)
		want(t, b.Elsewhere().Get("/delete-user/callback?token="+deletion), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")

		reachable := []string{}
		for _, r := range endpoints() {
			e, exists := bodies[r.Method+" "+r.Path]
			switch {
			case !exists:
				t.Errorf("%s %s is in none of the lists of endpoints", r.Method, r.Path)
			case r.Policy == "anyone":
			case r.Unenrolled:
				reachable = append(reachable, strings.TrimPrefix(r.Path, "/api/auth"))
				if a := b.Elsewhere().callEndpoint(e); a.Code() == "TWO_FACTOR_ENROLMENT_REQUIRED" {
					t.Errorf("%s: %v", r.Path, a)
				}
			default:
				want(t, b.Elsewhere().callEndpoint(e), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
			}
		}
		slices.Sort(reachable)
		if got := strings.Join(reachable, " "); got != "/passkey/generate-register-options /passkey/list-user-passkeys "+
			"/passkey/verify-registration /step-up /two-factor/enable /two-factor/status /two-factor/verify-totp" {
			t.Errorf("reachable: %s", got)
		}
		if a := b.Session(); a.Get("enrolBy") == nil {
			t.Errorf("get-session once it is due: %v", a)
		}
		want(t, b.Get("/passkey/list-user-passkeys"), 200, "")
		b.enroll()
		want(t, b.Get("/list-sessions"), 200, "")
		want(t, b.Do("GET", "/api/settings", ""), 200, "")
		if a := b.Session(); a.Get("enrolBy") != nil {
			t.Errorf("get-session with a second factor: %v", a)
		}

		// A passkey counts as two factors in a session that it started.
		device, other := s.device(), s.signUp(t, bob)
		s.clock.Advance(48 * time.Hour)
		want(t, other.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
		want(t, other.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
		want(t, other.register(device), 200, "")
		want(t, other.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
		want(t, other.authenticate(device), 200, "")
		want(t, other.Get("/list-sessions"), 200, "")
		want(t, s.signIn(t, bob).Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED")
		want(t, other.Post("/sign-out", body{}), 200, "")
	})
}

func TestRequiredTwoFactorOfAdmins(t *testing.T) {
	required := func(c *server.Config) {
		c.Accounts.Settings = set(t, "REQUIRE_TWO_FACTOR=admins", "REQUIRE_TWO_FACTOR_GRACE=0s")
	}
	eachAs(t, required, func(t *testing.T, s *testServer, accounts *account.Service) {
		b := s.signUp(t, ann)
		want(t, b.Get("/list-sessions"), 200, "")
		b.grant(account.PermissionAudit)
		want(t, b.Get("/list-sessions"), 403, "TWO_FACTOR_ENROLMENT_REQUIRED") // as of the next request
		if err := s.db.Revoke(t.Context(), b.id(), account.PermissionAudit); err != nil {
			t.Fatal(err)
		}
		want(t, b.Get("/list-sessions"), 200, "")
		want(t, b.Do("GET", "/api/events", ""), 403, "FORBIDDEN")
	})
}
