package store_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestStatements checks how many statements the most frequent calls send, without rate
// limits. BEGIN and COMMIT count, and so does the look-up of the session.
func TestStatements(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		s := serviceWithLog(t, db, 0)
		s.Unlimited, s.Hasher = true, passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, passhash.MaxWait)
		ctx := t.Context()
		ann := account.NewUser{Name: "Ann", Email: "ann@example.test", Password: statementPassword}
		if _, err := s.SignUp(ctx, account.Client{}, ann); err != nil {
			t.Fatal(err)
		}
		var known account.KnownDeviceTokens // no email about a new device
		signIn := func() account.SignInResult {
			t.Helper()
			o, err := s.SignIn(ctx, account.Client{KnownDevice: known}, account.Credentials{Email: "ann@example.test", Password: statementPassword})
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		first := signIn()
		known = first.KnownDevice
		second := signIn()

		var mu sync.Mutex
		var sent []string
		s.Store = store.AfterStatement(db, func(query string) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, query)
		})
		authenticated := func() account.Actor {
			t.Helper()
			actor, _, err := s.Authenticate(ctx, account.Client{}, first.Token, false)
			if err != nil {
				t.Fatal(err)
			}
			sent = []string{"the look-up of the session"} // which the hook may not see, because it is prepared
			return actor
		}
		check := func(what string, max int) {
			t.Helper()
			if len(sent) > max {
				t.Errorf("%s sends %d statements; want at most %d:\n%s", what, len(sent), max, strings.Join(sent, "\n"))
			}
			sent = nil
		}

		signIn()
		check("a sign-in", 6)
		name := "Ann B"
		if err := s.UpdateUser(ctx, authenticated(), account.UserChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
		check("update-user", 6)
		if err := s.RevokeSession(ctx, authenticated(), second.Session.ID); err != nil {
			t.Fatal(err)
		}
		check("revoke-session", 6)
		if o, err := s.Overview(ctx, authenticated()); err != nil || len(o.Sessions) != 3 || o.Newest == nil {
			t.Fatal(o, err)
		}
		check("overview", 4)
		origin := &url.URL{Scheme: "http", Host: "localhost"}
		c := server.Config{
			Accounts: s, Log: slog.New(slog.DiscardHandler), Origin: origin, CookiePrefix: "latchkey", App: http.NotFoundHandler(),
			RequestTimeout: testkit.Patience,
		}
		r := httptest.NewRequest("GET", origin.String()+shared.PageSettings, nil)
		r.Header.Set("Cookie", c.CookieHeader(first.Token))
		for range 2 { // the first page also stores the address of the session
			sent = []string{"the look-up of the session"}
			w := httptest.NewRecorder()
			server.New(c).ServeHTTP(w, r)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ann@example.test") {
				t.Fatalf("the home: %d %s", w.Code, w.Body)
			}
		}
		check("the page of the home", 4)
		if _, err := s.LinkEvents(ctx); err != nil {
			t.Fatal(err)
		}
		check("linking all of their events", 8)

		app := enableTwoFactor(t, s, authenticated())
		sent = nil
		due, ok := errors.AsType[*account.TwoFactorRequiredError](signInError(ctx, s, known))
		if !ok {
			t.Fatal("no second factor is required")
		}
		pending, user, err := s.PendingSignIn(ctx, due.Token)
		if err != nil {
			t.Fatal(err)
		}
		answer := account.CodeAnswer{Factor: account.ByTOTP, Code: app.Code(1)} // the current one is spent
		o, err := s.CompleteSignIn(ctx, account.Actor{User: user, Client: account.Client{KnownDevice: known}}, pending, answer)
		if err != nil || o.Session.Method != "password+totp" || o.KnownDevice != known {
			t.Fatalf("session %+v, known device %v, %v", o.Session, o.KnownDevice == known, err)
		}
		check("a sign-in with two factors", 16)
	})
}

const statementPassword = "correct horse battery"

// signInError returns the error of ann's sign-in by password.
func signInError(ctx context.Context, s *account.Service, known account.KnownDeviceTokens) error {
	_, err := s.SignIn(ctx, account.Client{KnownDevice: known}, account.Credentials{Email: "ann@example.test", Password: statementPassword})
	return err
}

// enableTwoFactor enables two-factor authentication for the actor's user, with the current
// code of the app that it returns.
func enableTwoFactor(t *testing.T, s *account.Service, actor account.Actor) *testkit.AuthenticatorApp {
	t.Helper()
	uri, _, err := s.EnableTwoFactor(t.Context(), actor, "", false)
	if err != nil {
		t.Fatal(err)
	}
	app, err := testkit.Scan(uri)
	if err != nil {
		t.Fatal(err)
	}
	app.Now = s.Now
	if _, _, err := s.VerifyCode(t.Context(), actor, account.CodeAnswer{Factor: account.ByTOTP, Code: app.Code(0)}); err != nil {
		t.Fatal(err)
	}
	return app
}
