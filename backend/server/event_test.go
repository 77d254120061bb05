package server_test

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestListEvents(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, other := s.signUp(t, ann), s.signUp(t, bob)
		for i := range 60 {
			want(t, owner.Elsewhere().Post("/update-user", body{"name": fmt.Sprint("Ann ", i)}), 200, "")
		}
		want(t, s.browser(t).Post("/sign-in/email", body{"email": ann, "password": "wrong wrong"}), 401, "INVALID_EMAIL_OR_PASSWORD")

		a := owner.Get("/list-events")
		want(t, a, 200, "")
		if a.Get("events.0.kind") != "sign-in-failed" || a.Get("events.0.text") != en.T(message.EventSignInFailed) ||
			a.Get("events.0.actor") != nil || a.Get("events.0.account.email") != ann || a.Get("events.0.device.browser") != "Firefox 153" ||
			!strings.HasPrefix(fmt.Sprint(a.Get("events.0.ipAddress")), ofClients) {
			t.Errorf("the newest: %v", a.Get("events.0"))
		}
		if a.Get("events.1.actor.email") != ann || a.Get("events.49") == nil || a.Get("events.50") != nil ||
			a.Get("next") != a.Get("events.49.id") {
			t.Errorf("the page: %v, then %v", a.Get("events.1"), a.Get("next"))
		}
		second := owner.Get("/list-events?before=" + fmt.Sprint(a.Get("next")))
		if second.Get("events.11.kind") != "sign-up" || second.Get("events.12") != nil || second.Get("next") != nil {
			t.Errorf("the second page: %v", second)
		}
		if a := owner.Get("/list-events?kind=sign-up"); a.Get("events.0.kind") != "sign-up" || a.Get("events.1") != nil {
			t.Errorf("of one kind: %v", a)
		}
		if a := owner.Get("/list-events?kind=nothing"); a.Body != `{"events":[]}` {
			t.Errorf("of no kind: %v", a)
		}
		// Users see no events of other users, even with the other user's ID.
		if a := other.Get("/list-events?user=" + owner.id()); strings.Contains(a.Body, ann) ||
			a.Get("events.0.account.email") != bob || a.Get("account") != nil {
			t.Errorf("another's: %v", a)
		}

		want(t, owner.Do("GET", "/api/events", ""), 403, "FORBIDDEN")
		want(t, owner.Do("GET", "/api/events.csv", ""), 403, "FORBIDDEN")
		owner.grant(account.PermissionAudit)
		if a := owner.Do("GET", "/api/events?user="+other.id(), ""); a.Get("events.0.account.email") != bob || a.Get("events.1") != nil ||
			a.Get("account.email") != bob || a.Get("account.id") != other.id() {
			t.Errorf("of all accounts, of one: %v", a)
		}
		if a := owner.Do("GET", "/api/events?kind=user-deleted&user="+other.id(), ""); a.Get("events.0") != nil || a.Get("account.email") != bob {
			t.Errorf("of all accounts, none of one: %v", a)
		}
		if a := owner.Do("GET", "/api/events?kind=sign-up", ""); a.Get("events.0.account.email") != bob ||
			a.Get("events.1.account.email") != ann || a.Get("events.2") != nil || a.Get("account") != nil {
			t.Errorf("of all accounts, of one kind: %v", a)
		}
		// The ID of a deleted account stays in the log.
		id := other.id()
		want(t, other.Elsewhere().Post("/delete-user", body{"password": testkit.Password}), 200, "")
		if a := owner.Do("GET", "/api/events?kind=user-deleted", ""); a.Get("events.0.account.id") != id ||
			a.Get("events.0.account.email") != nil {
			t.Errorf("a deleted user: %v", a)
		}
		if a := owner.Do("GET", "/api/events?user="+id, ""); a.Get("account.id") != id || a.Get("account.email") != nil {
			t.Errorf("of a deleted user: %v", a)
		}
	})
}

// TestEventFilters tests the filters by group and by session, their pages, and that they show
// nothing of other users.
func TestEventFilters(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner, other := s.signUp(t, ann), s.signUp(t, bob)
		id, session := owner.id(), owner.sessionID()
		for i := range 60 {
			e := audit.Event{ID: fmt.Sprint("e", i), At: account.Now(), Kind: shared.EventSignInFailed, UserID: id}
			if i%2 == 0 {
				e.Kind, e.ActorID, e.SessionID = shared.EventUserUpdated, id, session
			}
			if err := s.db.AddEvent(t.Context(), testKeys, e); err != nil {
				t.Fatal(err)
			}
			if i == 40 { // the others are not linked yet
				if _, err := accounts.LinkEvents(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		second := s.signIn(t, ann)
		want(t, second.Post("/update-user", body{"name": "Ann King"}), 200, "")

		// kinds returns the kinds of the entries on all pages, newest first.
		kinds := func(b *browser, path string) (all []string) {
			t.Helper()
			seen := map[any]bool{}
			for before := ""; ; {
				a := b.Do("GET", path+before, "")
				want(t, a, 200, "")
				for i := 0; a.Get(fmt.Sprintf("events.%d", i)) != nil; i++ {
					id := a.Get(fmt.Sprintf("events.%d.id", i))
					if seen[id] {
						t.Fatalf("%s shows an entry twice", path)
					}
					seen[id] = true
					all = append(all, fmt.Sprint(a.Get(fmt.Sprintf("events.%d.kind", i))))
				}
				next := a.Get("next")
				if next == nil {
					return all
				}
				before = "&before=" + fmt.Sprint(next)
			}
		}
		is := func(path string, want ...string) {
			t.Helper()
			if got := kinds(owner, path); !slices.Equal(got, want) {
				t.Errorf("%s: %q; want %q", path, got, want)
			}
		}
		const own, all = "/api/auth/list-events?", "/api/events?"
		of := func(n int, kind string) []string { return slices.Repeat([]string{kind}, n) }
		is(own+"group=warnings", of(30, "sign-in-failed")...)
		is(own+"group=sign-ins", append([]string{"sign-in"}, of(30, "sign-in-failed")...)...)
		is(own+"group=accounts", append(of(31, "user-updated"), "sign-up")...)
		changed := []string{"user-updated", "sign-in"}
		for range 30 {
			changed = append(changed, "sign-in-failed", "user-updated")
		}
		is(own, append(changed, "sign-up")...)
		is(own + "group=factors")
		is(own+"group=sign-ins&kind=sign-in", "sign-in")
		is(own + "group=factors&kind=sign-in")
		is(own+"session="+second.sessionID(), "user-updated", "sign-in")
		is(own+"session="+second.sessionID()+"&group=sign-ins", "sign-in")
		is(own+"session="+session, append(of(30, "user-updated"), "sign-up")...)
		is(own+"session="+session+"&group=accounts", append(of(30, "user-updated"), "sign-up")...)
		is(own + "session=" + other.sessionID())
		is(own + "session=unknown")
		for _, query := range []string{
			"group=nothing", "group=", "group=sign-ins&group=factors", "session=", "until=", "until=yesterday", "until=2026-11-28",
		} {
			want(t, owner.Get("/list-events?"+query), 400, "VALIDATION_ERROR")
		}

		owner.grant(account.PermissionAudit)
		is(all+"group=warnings", of(30, "sign-in-failed")...)
		is(all+"session="+other.sessionID(), "sign-up")
		is(all + "session=" + other.sessionID() + "&user=" + id)
		is(all + "group=sign-ins&user=" + other.id())
	})
}

// TestEventsUntil tests that a time selects the entries before it, even if the chain is not in order of
// time.
func TestEventsUntil(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann).grant(account.PermissionAudit)
		midnight := time.Date(2036, 11, 28, 23, 0, 0, 0, time.UTC) // of a user in Berlin, after the sign-up
		for i, after := range []time.Duration{-96 * time.Hour, -2 * time.Second, time.Second, -time.Second, 0, time.Hour, -time.Millisecond} {
			e := audit.Event{ID: fmt.Sprint("e", i), At: midnight.Add(after), Kind: shared.EventSignInFailed, UserID: owner.id()}
			if i%2 == 1 {
				e.Kind = shared.EventSignInLimited
			}
			if err := s.db.AddEvent(t.Context(), testKeys, e); err != nil {
				t.Fatal(err)
			}
			if i == 4 { // the others are not linked yet
				if _, err := accounts.LinkEvents(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for query, entries := range map[string]string{
			"until=2036-11-28T23:00:00Z":                            "e6 e3 e1 e0",
			"until=2036-11-29T00:00:00%2B01:00":                     "e6 e3 e1 e0",
			"until=2036-11-29T00:00:00%2B01:00&kind=sign-in-failed": "e6 e0",
			"until=2036-11-29T00:00:00%2B01:00&before=e3":           "e1 e0",
			"until=2036-11-28T23:00:00.001Z&kind=sign-in-failed":    "e6 e4 e0",
			"until=2036-11-25T23:00:00Z":                            "e0",
			"until=0000-01-01T00:00:00Z":                            "",
			"until=0001-01-01T00:00:00Z":                            "",
			"until=0001-01-01T00:00:00%2B23:59":                     "",
			"until=9999-12-31T23:59:59Z":                            "e6 e5 e4 e3 e2 e1 e0",
			"until=9999-12-31T23:59:59-23:59":                       "e6 e5 e4 e3 e2 e1 e0",
			"until=2036-11-24T22:00:00Z":                            "",
			"until=2036-11-28T23:00:00Z&user=nobody":                "",
			"until=2036-11-28T23:00:00Z&kind=sign-in":               "",
		} {
			a := owner.Do("GET", "/api/events?group=warnings&"+query, "")
			want(t, a, 200, "")
			var ids []string
			for i := 0; a.Get(fmt.Sprintf("events.%d", i)) != nil; i++ {
				ids = append(ids, fmt.Sprint(a.Get(fmt.Sprintf("events.%d.id", i))))
			}
			if got := strings.Join(ids, " "); got != entries {
				t.Errorf("%s: %q; want %q", query, got, entries)
			}
		}
	})
}

// TestAdminSessionFilter tests that the session of an administrator does not select what the
// administrator did to the user, because the user must not learn about the session.
func TestAdminSessionFilter(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		admin := s.signUp(t, bob).grant(account.Permissions...)
		id := owner.id()
		want(t, admin.manage(id, "disable"), 200, "")
		want(t, admin.manage(id, "enable"), 200, "")
		owner = s.signIn(t, ann)
		if a := owner.Get("/list-events?session=" + admin.sessionID()); a.Body != `{"events":[]}` {
			t.Errorf("the session of an administrator: %v", a)
		}
		if a := owner.Get("/list-events?kind=user-disabled"); a.Get("events.0.kind") != "user-disabled" {
			t.Errorf("what an administrator did: %v", a)
		}
	})
}

// TestEventDetails tests that entries say what an action changed or ended. Names and
// addresses must be sealed in the database, and unreadable once the account is deleted.
func TestEventDetails(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner := s.signUp(t, ann)
		is := func(kind, want string) {
			t.Helper()
			if a := owner.Get("/list-events"); a.Get("events.0.kind") != kind || a.Get("events.0.detail") != testkit.Capital(want) {
				t.Errorf("the newest entry is %v; want %s with %q", a.Get("events.0"), kind, want)
			}
		}
		post := func(path string, in body) testkit.Answer {
			t.Helper()
			a := owner.Elsewhere().Post(path, in)
			want(t, a, 200, "")
			return a
		}
		q := func(text string) string { return en.T(message.DetailQuoted, text) }
		post("/update-user", body{"name": "Ada King"})
		is("user-updated", en.T(message.DetailFieldChange, en.T(message.DisplayName), q("Ada Lovelace"), q("Ada King")))
		post("/update-user", body{"language": "de"})
		post("/update-user", body{"language": ""})
		is("user-updated", en.T(message.DetailFieldChange, en.T(message.LanguageChoice), q("Deutsch"), q(en.T(message.SameAsBrowser))))
		post("/update-user", body{"image": "https://example.test/ada.png"})
		is("user-updated", en.T(message.DetailPictureChanged))
		post("/update-user", body{"image": nil})
		is("user-updated", en.T(message.DetailPictureRemoved))

		device := s.device()
		key := owner.register(device).Get("id")
		post("/passkey/update-passkey", body{"id": key, "name": "Ada's ThinkPad"})
		post("/passkey/update-passkey", body{"id": key, "name": "Ada's Mac"})
		is("passkey-renamed", en.T(message.DetailFromTo, q("Ada's ThinkPad"), q("Ada's Mac")))
		want(t, s.browser(t).authenticate(device), 200, "")
		is("sign-in", shared.MethodText(en, account.MethodPasskey, "Ada's Mac"))
		post("/passkey/delete-passkey", body{"id": key})
		is("passkey-deleted", q("Ada's Mac"))

		post("/revoke-session", body{"token": s.signIn(t, ann).sessionID()})
		is("session-revoked", en.T(message.DetailEnded, "Windows PC · Firefox"))
		s.signIn(t, ann)
		is("sign-in", en.T(message.AccountPassword))
		post("/revoke-other-sessions", body{})
		is("sessions-revoked", en.T(message.DetailSessionsOne))
		s.signIn(t, ann)
		s.signIn(t, ann)
		post("/revoke-other-sessions", body{})
		is("sessions-revoked", en.T(message.DetailSessionsMany, "2"))
		post("/change-email", body{"newEmail": "ada.king@example.test"})
		is("email-change-requested", en.T(message.DetailFromTo, q(ann), q("ada.king@example.test")))
		post("/resend-email-change", body{})
		if a := owner.Get("/list-events"); a.Get("events.0.text") != en.T(message.EventEmailChangeResent) || a.Get("events.0.detail") != nil {
			t.Errorf("the link was sent again: %v", a.Get("events.0"))
		}

		admin := s.signUp(t, bob).grant(account.Permissions...)
		path := "/api/events?kind=passkey-deleted"
		if a := admin.Do("GET", path, ""); a.Get("events.0.detail") != q("Ada's Mac") {
			t.Errorf("to an administrator: %v", a)
		}
		personal := []string{"Ada King", "Ada's Mac", "ada.king@example.test"}
		link := func() (lines []string) {
			t.Helper()
			if _, err := accounts.LinkEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(s.dump(t)) {
				if strings.HasPrefix(line, "events ") || strings.HasPrefix(line, "unlinked_events ") {
					lines = append(lines, line)
				}
			}
			return lines
		}
		for _, line := range link() {
			wantAbsent(t, line, personal...)
		}
		post("/delete-user", body{"password": testkit.Password})
		if a := admin.Do("GET", path, ""); a.Get("events.0.kind") != "passkey-deleted" || a.Get("events.0.detail") != nil {
			t.Errorf("of a deleted account: %v", a)
		}
		wantAbsent(t, admin.Do("GET", "/api/events.csv", "").Body, personal...)
	})
}

func TestExportEvents(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.Permissions...)
		s.addEvents(t, 2100)
		want(t, admin.Do("PUT", "/api/settings", `{"key":"APP_NAME","value":"=Acme"}`), 200, "")
		a := admin.Do("GET", "/api/events.csv", "")
		want(t, a, 200, "")
		if got := a.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv; charset=utf-8") {
			t.Errorf("Content-Type %q", got)
		}
		if got := a.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="security-log-20`) ||
			a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("Content-Disposition %q", got)
		}
		rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
		if err != nil || len(rows) != 2103 {
			t.Fatalf("%d rows, %v; want 2103", len(rows), err)
		}
		if !strings.Contains(a.Body, "detail\r\n") {
			t.Error("lines end otherwise than RFC 4180 has it")
		}
		if r := rows[1]; r[1] != "setting-changed" || r[2] != en.T(message.EventSettingChanged) || r[3] != ann || r[5] != ann ||
			r[11] != "APP_NAME" || r[12] != "From “Latchkey” to “=Acme”" {
			t.Errorf("the newest: %q", r)
		}
		if r := rows[2]; r[11] != `'=HYPERLINK("x"), 2099` || r[12] != "'"+en.T(message.DetailSessionsMany, "@a\nb") {
			t.Errorf("a formula: %q", r)
		}
		if r := rows[2102]; r[1] != "sign-up" {
			t.Errorf("the oldest: %q", r)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Fatalf("%q is a formula", cell)
				}
			}
		}
	})
}

// TestExportCutOff tests that an export is aborted, not cut short, if its context ends in
// the middle. That happens when a client closes its half of the connection and continues
// to read.
func TestExportCutOff(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.signUp(t, ann).grant(account.Permissions...)
		s.addEvents(t, 1100)
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, "GET", s.url.String()+"/api/events.csv", nil)
		for _, c := range admin.Cookies() {
			r.AddCookie(c)
		}
		w := cancelingResponse{httptest.NewRecorder(), cancel}
		defer func() {
			p := recover()
			if err, _ := p.(error); !errors.Is(err, http.ErrAbortHandler) || w.Body.Len() == 0 {
				t.Errorf("the handler ended with %v, after status %d and %d bytes; want an abort", p, w.Code, w.Body.Len())
			}
		}()
		s.Config.Handler.ServeHTTP(w, r)
	})
}

// A cancelingResponse cancels the context of its request at the first write.
type cancelingResponse struct {
	*httptest.ResponseRecorder
	end func()
}

func (w cancelingResponse) Write(b []byte) (int, error) {
	w.end()
	return w.ResponseRecorder.Write(b)
}

// addEvents adds n events. An export reads events in batches of a thousand.
func (s *testServer) addEvents(t *testing.T, n int) {
	t.Helper()
	err := s.db.Tx(t.Context(), func(tx account.Store) error {
		for i := range n {
			e := audit.Event{
				ID: fmt.Sprint("e", i), At: account.Now(), Kind: shared.EventSignInFailed,
				Subject: `=HYPERLINK("x"), ` + fmt.Sprint(i), Detail: `{"count":"@a\r\nb"}`, UserAgent: "-1+1",
			}
			if err := tx.AddEvent(t.Context(), testKeys, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryActionIsAudited performs every security-relevant action in turn. It tests that
// the log has each once, with the actor, the account and the address but without secrets.
// The chain of the log must be valid at the end.
func TestEveryActionIsAudited(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		s.clock.MidStep()
		var last int64
		secrets := []string{testkit.Password, "wrong wrong", nextPassword, "re_12345678"}
		kept := func(b *browser) {
			for _, name := range []string{"session_token", "browser", "trust_device", "two_factor"} {
				if value := b.Cookie("latchkey." + name); value != "" {
					secrets = append(secrets, value)
				}
			}
		}
		const noUser = ""
		// did checks the events since the last call of did.
		did := func(what string, actor, user string, kinds ...string) {
			t.Helper()
			if _, err := accounts.LinkEvents(t.Context()); err != nil { // which gives them their numbers
				t.Fatal(err)
			}
			events, err := s.db.Events(t.Context(), account.EventFilter{Limit: 50})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				if e.Seq <= last {
					break
				}
				got = append(got, e.Kind)
				host := strings.HasPrefix(what, "host: ")
				ofSession := actor != noUser && e.Kind != shared.EventBackupCodeUsed
				if e.ActorID != actor || e.UserID != user || (e.IP == "") != host || e.At.IsZero() || (e.SessionID != "") != ofSession {
					t.Errorf("%s: %+v; want actor %q and user %q", what, e, actor, user)
				}
			}
			last = events[0].Seq
			slices.Sort(got)
			if slices.Sort(kinds); !slices.Equal(got, kinds) {
				t.Errorf("%s: %q; want %q", what, got, kinds)
			}
		}
		post := func(b *browser, path string, in body, status int) testkit.Answer {
			t.Helper()
			a := b.Elsewhere().Post(path, in)
			if a.Status != status {
				t.Errorf("%s: %v; want %d", path, a, status)
			}
			kept(b)
			return a
		}

		b := s.signUp(t, ann)
		kept(b)
		id := b.id()
		did("sign-up", id, id, shared.EventSignUp)
		invite, err := accounts.InviteFirstAdmin(t.Context())
		if err != nil || invite == "" {
			t.Fatal(err)
		}
		secrets = append(secrets, string(invite))
		if err := accounts.GrantPermission(t.Context(), id, account.PermissionSettings); err != nil {
			t.Fatal(err)
		}
		if err := accounts.GrantPermission(t.Context(), id, account.PermissionSettings); err != nil {
			t.Fatal(err)
		}
		did("host: a permission", noUser, id, shared.EventPermissionGranted)
		post(s.browser(t), "/sign-in/email", body{"email": ann, "password": "wrong wrong"}, 401)
		did("a wrong password", noUser, id, shared.EventSignInFailed)
		post(s.browser(t), "/sign-in/email", body{"email": "nobody@example.test", "password": "wrong wrong"}, 401)
		did("without a user", noUser, noUser, shared.EventSignInFailed)
		other := s.browser(t)
		handle := post(other, "/sign-in/email", body{"email": ann, "password": testkit.Password}, 200).Get("token")
		did("sign-in", id, id, shared.EventSignIn)
		post(b, "/revoke-session", body{"token": handle}, 200)
		did("a session ended", id, id, shared.EventSessionRevoked)
		post(s.browser(t), "/sign-in/email", body{"email": ann, "password": testkit.Password}, 200)
		did("sign-in", id, id, shared.EventSignIn)
		post(b, "/revoke-other-sessions", body{}, 200)
		did("sessions ended", id, id, shared.EventSessionsRevoked)
		post(b, "/change-password", body{"currentPassword": "wrong wrong", "newPassword": nextPassword}, 400)
		did("a wrong password in a session", id, id, shared.EventPasswordFailed)
		post(b, "/change-password", body{"currentPassword": testkit.Password, "newPassword": nextPassword}, 200)
		did("password", id, id, shared.EventPasswordChanged)
		post(b, "/change-password", body{"currentPassword": nextPassword, "newPassword": testkit.Password}, 200)
		did("password", id, id, shared.EventPasswordChanged)
		post(b, "/step-up", body{"password": testkit.Password}, 200)
		did("step-up", id, id, shared.EventStepUp)
		post(b, "/update-user", body{"name": "Ann B."}, 200)
		did("profile", id, id, shared.EventUserUpdated)
		post(b, "/update-user", body{"name": "Ann B.", "image": nil, "language": ""}, 200)
		did("the same profile", noUser, id)
		want(t, b.Elsewhere().Do("PUT", "/api/settings", `{"key":"RESEND_API_KEY","value":"re_12345678"}`), 200, "")
		did("a system key", id, id, shared.EventSettingChanged)
		want(t, b.Elsewhere().Do("PUT", "/api/settings", `{"key":"VERIFY_EMAIL","value":"off"}`), 200, "") // no address is verified
		did("another", id, id, shared.EventSettingChanged)

		a := post(b, "/two-factor/enable", body{"password": testkit.Password}, 200)
		app, codes := s.scan(t, a), a.Strings("backupCodes")
		secrets = append(append(secrets, app.Secret), codes...)
		did("enrollment", id, id, shared.EventTwoFactorPending)
		post(b, "/two-factor/verify-totp", body{"code": s.apps.Wrong()}, 401)
		did("a wrong code in a session", id, id, shared.EventCodeFailed)
		post(b, "/two-factor/verify-totp", body{"code": app.Code(0)}, 200)
		did("two-factor authentication on", id, id, shared.EventTwoFactorEnabled)
		post(b, "/two-factor/get-totp-uri", body{"password": testkit.Password}, 200)
		did("the key", id, id, shared.EventTOTPURIRead)
		c := s.pendingSignIn(t, ann)
		kept(c)
		did("pending sign-in", noUser, id, shared.EventSecondFactorRequired)
		for n := range 10 {
			if n%5 == 4 {
				c = s.pendingSignIn(t, ann)
				did("pending sign-in", noUser, id, shared.EventSecondFactorRequired)
			}
			kind := shared.EventCodeFailed
			if n == 9 {
				kind = shared.EventLockout
			}
			post(c, "/two-factor/verify-totp", body{"code": s.apps.Wrong()}, 401)
			did("a wrong code", noUser, id, kind)
		}
		if lifted, err := accounts.LiftLockout(t.Context(), ann); !lifted || err != nil {
			t.Fatalf("unlock: %t, %v", lifted, err)
		}
		did("host: unlock", noUser, id, shared.EventLockoutLifted)
		if lifted, err := accounts.LiftLockout(t.Context(), ann); lifted || err != nil {
			t.Errorf("unlock without a lockout: %t, %v", lifted, err)
		}
		did("host: unlock without a lockout", noUser, id)
		c = s.pendingSignIn(t, ann)
		did("pending sign-in", noUser, id, shared.EventSecondFactorRequired)
		post(c, "/two-factor/send-otp", body{}, 200)
		did("a code by email", noUser, id, shared.EventCodeMailed)
		post(c, "/two-factor/verify-totp", body{"code": nextCode(app), "trustDevice": true}, 200)
		did("trusted", id, id, shared.EventSignIn, shared.EventDeviceTrusted)
		post(c, "/revoke-trusted-devices", body{}, 200)
		did("no longer trusted", id, id, shared.EventTrustedDeviceRevoked)
		c = s.pendingSignIn(t, ann)
		did("pending sign-in", noUser, id, shared.EventSecondFactorRequired)
		post(c, "/two-factor/verify-backup-code", body{"code": codes[0]}, 200)
		did("a backup code", id, id, shared.EventBackupCodeUsed, shared.EventSignIn)
		a = post(b, "/two-factor/generate-backup-codes", body{"password": testkit.Password}, 200)
		secrets = append(secrets, a.Strings("backupCodes")...)
		did("new codes", id, id, shared.EventBackupCodesMade)

		device := s.device()
		key := b.register(device).Get("id")
		did("a passkey", id, id, shared.EventPasskeyAdded)
		post(b, "/passkey/update-passkey", body{"id": key, "name": "Key"}, 200)
		did("its name", id, id, shared.EventPasskeyRenamed)
		post(b, "/passkey/update-passkey", body{"id": key, "name": "Key"}, 200)
		did("the same name", noUser, id)
		want(t, s.browser(t).authenticate(device), 200, "")
		did("sign-in by it", id, id, shared.EventSignIn)
		post(b, "/passkey/delete-passkey", body{"id": key}, 200)
		did("deleted", id, id, shared.EventPasskeyDeleted)
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		did("a passkey that is not known", noUser, noUser, shared.EventPasskeyFailed)

		admin := s.signUp(t, bob)
		adminID := admin.grant(account.Permissions...).id()
		did("sign-up", adminID, adminID, shared.EventSignUp)
		for action, kind := range map[string]string{"reset-factors": shared.EventFactorsReset, "end-sessions": shared.EventUserSessionsRevoked} {
			want(t, admin.manage(id, action), 200, "")
			did(action, adminID, id, kind)
		}
		want(t, admin.manage(id, "disable"), 200, "")
		did("disabled", adminID, id, shared.EventUserDisabled)
		post(s.browser(t), "/sign-in/email", body{"email": ann, "password": testkit.Password}, 403)
		did("refused", noUser, id, shared.EventSignInRefused)
		want(t, admin.manage(id, "enable"), 200, "")
		did("enabled", adminID, id, shared.EventUserEnabled)
		token, err := accounts.GrantEmergencyAccess(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, string(token))
		did("host: break-glass", noUser, id, shared.EventEmergencyAccess)
		if err := accounts.RevokePermission(t.Context(), id, account.PermissionSettings); err != nil {
			t.Fatal(err)
		}
		did("host: a permission", noUser, id, shared.EventPermissionRevoked)
		post(s.browser(t), "/reset-password", body{"newPassword": nextPassword, "token": string(token)}, 200)
		s.restorePassword(t)
		did("a new password", noUser, id, shared.EventPasswordReset)
		b = s.signIn(t, ann)
		did("sign-in", id, id, shared.EventSignIn)
		post(b, "/sign-out", body{}, 200)
		did("sign-out", id, id, shared.EventSignOut)
		b = s.signIn(t, ann)
		did("sign-in", id, id, shared.EventSignIn)
		// Finally, an attacker who steals the database finds no secrets in it, neither
		// while emails are queued nor after they are sent.
		post(b, "/change-email", body{"newEmail": "new@example.test"}, 200)
		did("another address", id, id, shared.EventEmailChangeRequested)
		want(t, s.browser(t).Post("/request-password-reset", body{"email": ann}), 200, "")
		ceremony := s.browser(t)
		want(t, ceremony.Get("/passkey/generate-authenticate-options"), 200, "")
		secrets = append(secrets, ceremony.Cookie("latchkey.passkey"))
		waiting := s.dump(t)
		if n := strings.Count(waiting, "\nmails "); n < 10 {
			t.Errorf("%d emails wait", n)
		}
		links := 0
		for _, m := range sendMails(t, accounts) {
			for _, link := range regexp.MustCompile(`token=([\w-]{40,})`).FindAllStringSubmatch(m.Text, -1) {
				secrets = append(secrets, link[1])
				links++
			}
		}
		kept(b)
		if len(secrets) < 30 || links < 10 || slices.Contains(secrets, "") {
			t.Errorf("the tour has met only %d secrets, %d in emails", len(secrets), links)
		}
		forms := slices.Clone(secrets)
		for _, secret := range secrets {
			forms = append(forms, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)))
			if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil && len(raw) == 32 {
				forms = append(forms, string(raw), hex.EncodeToString(raw))
			}
		}
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(app.Secret)
		if err != nil {
			t.Fatal(err)
		}
		forms = append(forms, string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw))
		wantAbsent(t, waiting, forms...)
		wantAbsent(t, s.dump(t), forms...)
		did("a reset", noUser, id, shared.EventResetRequested)

		post(b, "/delete-user", body{"password": testkit.Password}, 200)
		did("deleted", id, id, shared.EventUserDeleted)

		if report, err := accounts.VerifyLog(t.Context()); report.Entries() != last || err != nil {
			t.Errorf("the log: %+v, %v; want %d entries", report, err, last)
		}
		for line := range strings.Lines(s.dump(t)) {
			if strings.HasPrefix(line, "events ") || strings.HasPrefix(line, "unlinked_events ") {
				wantAbsent(t, line, secrets...)
			}
		}
	})
}
