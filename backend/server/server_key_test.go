package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A backEnd is an application's back end, which calls for its users from one address.
type backEnd struct {
	*testkit.Client
	key string
}

// backEnd returns a back end with a new server key.
func (s *testServer) backEnd(t *testing.T, admin *browser, name string) backEnd {
	t.Helper()
	var made shared.NewServerKey
	admin.Elsewhere().Call("POST", "/api/server-keys", body{"name": name}).Into(t, &made)
	c := testkit.NewClient(s.url.String())
	c.Jar = nil
	return backEnd{c, made.Key}
}

// session asks for the session of a user.
func (e backEnd) session(user *browser, headers ...string) testkit.Answer {
	return e.ask("/api/auth/get-session", user, headers...)
}

func (e backEnd) ask(path string, user *browser, headers ...string) testkit.Answer {
	cookie := "Cookie: latchkey.session_token=" + user.token()
	return e.Do("GET", path, "", append([]string{cookie, "User-Agent: shop", "Authorization: Bearer " + e.key}, headers...)...)
}

// serverKeys returns the server keys as an administrator sees them.
func (b *browser) serverKeys() (all []shared.ServerKey) {
	b.t.Helper()
	b.Elsewhere().Do("GET", "/api/server-keys", "").Into(b.t, &all)
	return all
}

// TestServerKey tests that a back end reads the sessions of its users without a limit, and that
// neither its address nor its user agent gets into them.
func TestServerKey(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, user := s.admin(t, ann), s.signUp(t, "bob@example.test")
		shop := s.backEnd(t, admin, "Shop")
		if !strings.HasPrefix(shop.key, account.ServerKeyPrefix) || len(shop.key) != len(account.ServerKeyPrefix)+43 {
			t.Errorf("the key is %q", shop.key)
		}
		if strings.Contains(s.dump(t), shop.key) || strings.Contains(s.log.String(), shop.key) {
			t.Error("the database or the log has the key")
		}
		if keys := admin.serverKeys(); len(keys) != 1 || keys[0].Name != "Shop" || keys[0].LastUsedAt != nil || *keys[0].CreatedBy != ann {
			t.Errorf("the keys are %+v", keys)
		}

		s.clock.Freeze()
		for range 120 {
			var got shared.Current
			shop.session(user).Into(t, &got)
			if got.User.Email != "bob@example.test" || got.Session.IPAddress != user.Address || got.Session.UserAgent != testkit.Firefox {
				t.Fatalf("the session is %+v", got)
			}
			if got.Session.ConfirmedAt.IsZero() || got.Session.SecondFactorAt != nil {
				t.Fatalf("confirmed at %v, by a second factor at %v", got.Session.ConfirmedAt, got.Session.SecondFactorAt)
			}
		}
		want(t, shop.session(s.browser(t), "Authorization:"), 200, "") // the calls with the key were not counted
		if got := shop.ask("/api/auth/get-session", s.browser(t)); got.Status != 200 || got.Body != "null" {
			t.Errorf("without a session: %v", got)
		}

		// The time of the activity is recorded, for the session and for the key.
		s.clock.Advance(2 * time.Minute)
		used := s.clock.Now()
		want(t, shop.session(user), 200, "")
		testkit.Eventually(t, "the times are written", func() bool {
			keys, one := admin.serverKeys(), s.session(t, "bob@example.test")
			return keys[0].LastUsedAt != nil && keys[0].LastUsedAt.Equal(used) && one.LastActiveAt.Equal(used)
		}, func() string { return fmt.Sprint(admin.serverKeys(), s.session(t, "bob@example.test")) })
		want(t, shop.session(user), 200, "")
		if one := s.session(t, "bob@example.test"); one.IP != user.Address || one.UserAgent != testkit.Firefox {
			t.Errorf("the session is from %s, %s", one.IP, one.UserAgent)
		}
	})
}

// session returns the only session of a user.
func (s *testServer) session(t *testing.T, email string) account.Session {
	t.Helper()
	user, _, err := s.db.UserByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.db.Sessions(t.Context(), user.ID, s.clock.Now())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d sessions, %v", len(all), err)
	}
	return all[0]
}

// TestServerKeyExtends tests that a back end's call extends a session, with a cookie to forward to
// the browser, unless the back end says that it cannot forward cookies.
func TestServerKeyExtends(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, user := s.admin(t, ann), s.signUp(t, "bob@example.test")
		shop := s.backEnd(t, admin, "Shop")
		before := s.session(t, "bob@example.test")
		s.clock.Advance(3 * 24 * time.Hour)
		a := shop.ask("/api/auth/get-session?disableRefresh=true", user)
		want(t, a, 200, "")
		if got := s.session(t, "bob@example.test"); !got.ExpiresAt.Equal(before.ExpiresAt) || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("the session now ends at %v instead of %v, with the cookie %q", got.ExpiresAt, before.ExpiresAt, a.Header.Get("Set-Cookie"))
		}
		a = shop.session(user)
		want(t, a, 200, "")
		got := s.session(t, "bob@example.test")
		if !got.ExpiresAt.After(before.ExpiresAt) || !strings.Contains(a.Header.Get("Set-Cookie"), user.token()) {
			t.Errorf("the session still ends at %v, with the cookie %q", got.ExpiresAt, a.Header.Get("Set-Cookie"))
		}
		if got.IP != user.Address || got.UserAgent != testkit.Firefox {
			t.Errorf("the session is from %s, %s", got.IP, got.UserAgent)
		}
	})
}

// TestServerKeyRefused tests that a wrong key is never treated as none, and that a valid one opens
// nothing but get-session and is refused from a browser.
func TestServerKeyRefused(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, user := s.admin(t, ann), s.signUp(t, "bob@example.test")
		shop := s.backEnd(t, admin, "Shop")
		s.clock.Advance(time.Second) // keys of the same time have no order
		office := s.backEnd(t, admin, "Office")
		const wrong, browser, elsewhere = "INVALID_SERVER_KEY", "SERVER_KEY_IN_BROWSER", "SERVER_KEY_NOT_ALLOWED"
		for _, key := range []string{account.ServerKeyPrefix, shop.key[:len(shop.key)-1], shop.key + "A", shop.key + " " + shop.key} {
			a := backEnd{shop.Client, key}.session(user)
			if want(t, a, 401, wrong); strings.Contains(a.Body, key) {
				t.Errorf("the answer has the key: %v", a)
			}
		}
		want(t, s.twoKeys(t, office.key, shop.key), 401, wrong)
		want(t, shop.session(user, "Authorization: bearer  "+shop.key), 200, "")
		if a := shop.session(user, "Authorization: Bearer another-token"); a.Status != 200 || a.Body == "null" {
			t.Errorf("the token of a proxy: %v", a)
		}

		for _, header := range []string{"Origin: " + s.url.String(), "Origin: https://shop.example", "Sec-Fetch-Site: same-origin"} {
			want(t, shop.session(user, header), 403, browser)
		}
		want(t, shop.session(user, "Sec-Fetch-Mode: cors"), 200, "") // fetch of Node
		for _, path := range []string{
			"/api/auth/list-sessions", "/api/auth/ok", "/api/auth/get-session/", "/api/server-keys", "/api/nothing", "/sign-in", "/readyz", "/",
		} {
			want(t, shop.ask(path, user), 403, elsewhere)
			want(t, backEnd{shop.Client, account.ServerKeyPrefix + "wrong"}.ask(path, user), 403, elsewhere)
		}
		a := shop.Do("POST", "/api/auth/sign-out", "{}", "Authorization: Bearer "+shop.key, "Cookie: latchkey.session_token="+user.token(),
			"Origin:", "Sec-Fetch-Site:")
		want(t, a, 403, elsewhere)

		// A revoked key ends at once, here and at another server.
		other := open(t, storetest.Open(t, s.database), nil)
		remote := backEnd{shop.At(other.url.String()), shop.key}
		want(t, remote.session(user), 200, "")
		keys := admin.serverKeys()
		want(t, admin.Elsewhere().Call("POST", "/api/server-keys/revoke", body{"id": keys[0].ID}), 200, "")
		want(t, shop.session(user), 401, wrong)
		want(t, remote.session(user), 401, wrong)
		want(t, office.session(user), 200, "")
		want(t, admin.Elsewhere().Call("POST", "/api/server-keys/revoke", body{"id": keys[0].ID}), 404, "NO_SUCH_SERVER_KEY")
	})
}

// twoKeys sends a request with two Authorization headers.
func (s *testServer) twoKeys(t *testing.T, keys ...string) testkit.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url.String()+"/api/auth/get-session", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		r.Header.Add("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return testkit.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text), Err: err}
}

// TestServerKeyGuesses tests that wrong keys count toward a limit, and that they do not keep out
// a back end at the same address.
func TestServerKeyGuesses(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, user := s.admin(t, ann), s.signUp(t, "bob@example.test")
		shop := s.backEnd(t, admin, "Shop")
		s.clock.Freeze()
		want(t, shop.session(user), 200, "")
		for i := range 99 { // the first use of the valid key has counted, too
			key := fmt.Sprint(account.ServerKeyPrefix, i)
			want(t, backEnd{shop.Client, key}.session(user), 401, "INVALID_SERVER_KEY")
		}
		limited := backEnd{shop.Client, account.ServerKeyPrefix + "last"}.session(user)
		if want(t, limited, 429, tooMany); limited.Header.Get("Retry-After") == "" {
			t.Errorf("the answer does not say when to retry: %v", limited.Header)
		}
		want(t, shop.session(user), 200, "")
	})
}

// TestManageServerKeys tests who creates and revokes server keys, and with which names.
func TestManageServerKeys(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin, user := s.admin(t, ann), s.signUp(t, "bob@example.test")
		create := func(b *browser, name string) testkit.Answer {
			return b.Elsewhere().Call("POST", "/api/server-keys", body{"name": name})
		}
		want(t, create(user, "Shop"), 403, "FORBIDDEN")
		want(t, user.Do("GET", "/api/server-keys", ""), 403, "FORBIDDEN")
		want(t, create(s.browser(t), "Shop"), 401, "UNAUTHORIZED")
		for name, code := range map[string]string{
			"": "VALIDATION_ERROR", " ": "VALIDATION_ERROR", "a\nb": "VALIDATION_ERROR", strings.Repeat("x", 101): "VALIDATION_ERROR",
		} {
			if a := create(admin, name); !a.Is(400, code) || a.Get("field") != "name" {
				t.Errorf("%q: %v", name, a)
			}
		}
		want(t, create(admin, " Shop "), 200, "")
		want(t, create(admin, "Shop"), 409, "SERVER_KEY_EXISTS")

		s.stale()
		want(t, create(admin, "Late"), 403, "SESSION_NOT_FRESH")
		revoke := func() testkit.Answer {
			return admin.Elsewhere().Call("POST", "/api/server-keys/revoke", body{"id": admin.serverKeys()[0].ID})
		}
		want(t, revoke(), 403, "SESSION_NOT_FRESH")
		want(t, admin.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")

		// Of parallel calls, as many create a key as there is room for.
		var wg sync.WaitGroup
		statuses := make(chan int, account.MaxServerKeys+8)
		for i := range cap(statuses) {
			wg.Go(func() { statuses <- create(admin, fmt.Sprint("Key ", i)).Status })
		}
		wg.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		if count[200] != account.MaxServerKeys-1 || count[409] != 9 {
			t.Errorf("the answers to parallel calls are %v", count)
		}
		want(t, revoke(), 200, "")
		want(t, create(admin, "Shop"), 200, "")

		log := s.signUp(t, "carol@example.test").grant(account.PermissionAudit)
		for kind, text := range map[string]message.ID{
			shared.EventServerKeyCreated: message.EventServerKeyCreated, shared.EventServerKeyRevoked: message.EventServerKeyRevoked,
		} {
			a := log.Elsewhere().Do("GET", "/api/events?kind="+kind, "", "Accept-Language: de")
			if a.Get("events.0.text") != de.T(text) || a.Get("events.0.detail") != de.T(message.DetailQuoted, "Shop") ||
				a.Get("events.0.actor.email") != ann || a.Get("events.0.account") != nil {
				t.Errorf("%s: %v", kind, a)
			}
		}
	})
}

// TestServerKeyOnHost tests the keys that the operator creates and revokes.
func TestServerKeyOnHost(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.admin(t, ann)
		ctx := context.Background()
		_, secret, err := s.accounts.CreateServerKeyOnHost(ctx, "Shop")
		if err != nil || fmt.Sprint(secret) != "[server key]" {
			t.Fatalf("%v, %v", secret, err)
		}
		if keys := admin.serverKeys(); len(keys) != 1 || keys[0].CreatedBy != nil {
			t.Errorf("the keys are %+v", keys)
		}
		if err := s.accounts.CheckServerKey(ctx, secret); err != nil {
			t.Error(err)
		}
		// A key with the ID of another one as its name does not stand for it.
		first := admin.serverKeys()[0]
		if _, _, err := s.accounts.CreateServerKeyOnHost(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{first.ID, first.ID} {
			if _, err := s.accounts.RevokeServerKeyOnHost(ctx, name); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.accounts.RevokeServerKeyOnHost(ctx, "Shop"); !errors.Is(err, shared.ErrNoSuchServerKey) {
			t.Errorf("%v; want %v", err, shared.ErrNoSuchServerKey)
		}
		if err := s.accounts.CheckServerKey(ctx, secret); !errors.Is(err, shared.ErrServerKey) {
			t.Errorf("%v; want %v", err, shared.ErrServerKey)
		}
	})
}

// TestServerKeyByForm tests that an administrator creates and revokes a key without the app, and
// that only one page has the key.
func TestServerKeyByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.admin(t, ann)
		page := admin.openPage(shared.PageSystem)
		create := func(p openedPage, name string) openedPage {
			t.Helper()
			return p.press(p.button(en.T(message.CreateServerKey)), "name="+name)
		}
		refused := create(page, "")
		if texts := refused.Texts("p", "id=server-keys-name-wrong"); refused.answer.Status != 400 || len(texts) != 1 || texts[0] == "" {
			t.Errorf("without a name: %v, %q", refused.answer, texts)
		}
		s.stale()
		proof := create(page, "Shop").wantTask(message.ConfirmIdentity)
		shown := proof.press(proof.button(en.T(message.ContinueAction)), "password="+testkit.Password).wantTask(message.ServerKey)
		key := shown.Texts("code")
		if len(key) != 1 || !strings.HasPrefix(key[0], account.ServerKeyPrefix) || shown.answer.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("the page shows %q, with %v", key, shown.answer.Header)
		}
		if err := s.accounts.CheckServerKey(t.Context(), account.ServerKeySecret(key[0])); err != nil {
			t.Error(err)
		}

		taken := create(admin.openPage(shared.PageSystem), "Shop")
		if texts := taken.Texts("p", "id=server-keys-name-wrong"); !slices.Equal(texts, []string{en.T(message.ErrServerKeyExists)}) {
			t.Errorf("the same name again: %q", texts)
		}
		page = admin.openPage(shared.PageSystem)
		if strings.Contains(page.answer.Body, key[0]) || !slices.Contains(page.Texts("strong"), "Shop") {
			t.Error("the page has the key, or does not list it")
		}
		id := admin.serverKeys()[0].ID
		task := page.press(page.button(en.T(message.RevokeServerKey), "aria-describedby=server-key-"+id)).wantTask(message.ServerKey)
		if !strings.Contains(task.answer.Body, en.T(message.RevokeServerKeyConsequences)) {
			t.Errorf("the page does not say what follows: %s", task.answer.Body)
		}
		task.press(task.button(en.T(message.RevokeServerKey))).wantBack(message.DoneServerKeyRevoked)
		if keys := admin.serverKeys(); len(keys) != 0 {
			t.Errorf("the keys are %+v", keys)
		}
		page.press(page.button(en.T(message.RevokeServerKey), "aria-describedby=server-key-"+id)).wantTask(message.ServerKey)
	})
}
