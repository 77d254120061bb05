package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// oneSession is a store that always finds the same session.
type oneSession struct {
	account.Store
	session account.Session
	user    account.User
}

func (s oneSession) SessionByHash(context.Context, []byte, time.Time) (account.Session, account.User, error) {
	return s.session, s.user, nil
}

// A discard is a [http.ResponseWriter] that costs nothing but its header.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

const benchAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"

// benchStore returns a store with a session of the machine that runs the benchmark.
func benchStore(now time.Time) oneSession {
	return oneSession{
		session: account.Session{
			ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", UserID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", CreatedAt: now, LastActiveAt: now,
			ExpiresAt: now.Add(240 * time.Hour), ConfirmedAt: now, Method: account.MethodPassword, IP: "127.0.0.1", UserAgent: benchAgent,
		},
		user: account.User{ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Email: "ann@example.test", Name: "Ann", CreatedAt: now, UpdatedAt: now},
	}
}

// benchGet measures what a GET in a session costs between net/http and the store.
func benchGet(b *testing.B, found account.Store, now time.Time, path, language string) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	settings, err := setting.NewCache(func(string) string { return "" })
	if err != nil {
		b.Fatal(err)
	}
	origin := &url.URL{Scheme: "http", Host: "localhost:8080"}
	c := server.Config{
		Accounts: &account.Service{
			Store: found, Now: func() time.Time { return now }, Settings: settings, Keys: testKeys, Unlimited: true,
		},
		Log: slog.New(slog.NewTextHandler(null, nil)), Origin: origin, CookiePrefix: "latchkey", App: http.NotFoundHandler(),
	}
	h := server.New(c)
	r := httptest.NewRequest(http.MethodGet, origin.String()+path, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("User-Agent", benchAgent)
	r.Header.Set("Cookie", c.CookieHeader(account.NewToken()))
	if language != "" {
		r.Header.Set("Accept-Language", language)
	}
	ctx, cancel := context.WithCancel(r.Context()) // as of net/http
	defer cancel()
	r = r.WithContext(ctx)
	b.ReportAllocs()
	for b.Loop() {
		w := discard{header: http.Header{}}
		if h.ServeHTTP(&w, r); w.status >= http.StatusMultipleChoices {
			b.Fatal(w.status)
		}
	}
}

const browserLanguages = "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"

func BenchmarkGetSession(b *testing.B) {
	now := account.Now()
	for name, language := range map[string]string{"bare": "", "browser": browserLanguages} {
		b.Run(name, func(b *testing.B) { benchGet(b, benchStore(now), now, shared.GetSession.Path, language) })
	}
}

// oneHome is [oneSession] with what the home of its user shows.
type oneHome struct{ oneSession }

func (s oneHome) AccountState(context.Context, account.Session, time.Time, []string, []string) (account.AccountState, error) {
	return account.AccountState{PasswordChangedAt: &s.user.CreatedAt}, nil
}

func (s oneHome) Sessions(context.Context, string, time.Time) ([]account.Session, error) {
	return []account.Session{s.session, s.session, s.session}, nil
}

func (s oneHome) Events(context.Context, account.EventFilter) ([]audit.Event, error) {
	return []audit.Event{{ID: "E", Kind: shared.EventSignIn, At: s.session.CreatedAt, UserID: s.user.ID, UserAgent: benchAgent}}, nil
}

// BenchmarkPage measures what the page of the home costs between net/http and the store.
func BenchmarkPage(b *testing.B) {
	now := account.Now()
	benchGet(b, oneHome{benchStore(now)}, now, shared.PageSettings, browserLanguages)
}
