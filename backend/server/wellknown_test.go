package server_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/shared"
)

func TestWellKnown(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		settings := s.url.String() + "/dashboard/settings"
		if a := b.request("GET", "/.well-known/passkey-endpoints", ""); a.status != 200 || a.header.Get("Content-Type") != "application/json" ||
			a.body != `{"enroll":"`+settings+`#passkeys","manage":"`+settings+`#passkeys"}` {
			t.Errorf("passkey-endpoints: %d %s", a.status, a.body)
		}
		if a := b.request("GET", "/.well-known/change-password", ""); a.status != 302 || a.header.Get("Location") != "/dashboard/settings#password" {
			t.Errorf("change-password: %d to %q", a.status, a.header.Get("Location"))
		}
		// Without related origins there are none to tell; and a manager tells by
		// this one that a 302 above means something.
		for _, path := range []string{"webauthn", "resource-that-should-not-exist-whose-status-code-should-not-be-200", ""} {
			if a := b.request("GET", "/.well-known/"+path, ""); a.status != 404 {
				t.Errorf("%q: %d; want 404", path, a.status)
			}
		}
		if a := b.request("POST", "/.well-known/change-password", "{}"); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d, Allow %q", a.status, a.header.Get("Allow"))
		}
		related := open(t, s.db, func(c *server.Config) {
			rp := &c.Accounts.RelyingParty
			rp.Related = []string{"https://example.com"}
			rp.Origins = append(rp.Origins, "https://app.localhost", "https://example.com")
		})
		if a := related.browser(t).request("GET", "/.well-known/webauthn", ""); a.status != 200 || a.body != `{"origins":["`+related.url.String()+`","https://example.com"]}` {
			t.Errorf("webauthn: %d %s", a.status, a.body)
		}
	})
}

func TestPasskeyCheck(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		admin := s.signUp(t, ann)
		want(t, admin.request("GET", "/api/passkey-check", ""), 403, "FORBIDDEN")
		user, _, err := s.db.UserByEmail(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.db.Grant(t.Context(), user.ID, account.PermissionSettings); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			query   string
			headers []string
			wrong   []string // what is found to be
			fix     string
		}{
			{"", nil, nil, ""},
			{"?origin=" + s.url.String(), nil, []string{"RP ID"}, "set -origin and -rp-id"}, // the test's host is an address
			{"?origin=https://elsewhere.example", nil, []string{"Origin", "RP ID"}, "-origin https://elsewhere.example"},
			{"", []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: other.example"}, []string{"X-Forwarded-Proto", "X-Forwarded-Host"}, "correct -origin"},
			{"", []string{"X-Forwarded-For: 192.0.2.1"}, nil, ""},
			{"?origin=" + strings.Repeat("x", 5000), nil, []string{"Origin"}, "xxx"},
			{"?time=" + time.Now().UTC().Format(time.RFC3339), nil, nil, ""},
			{"?time=" + time.Now().UTC().Add(time.Minute).Format(time.RFC3339), nil, []string{"Clock"}, "NTP"},
			{"?time=" + time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), nil, []string{"Clock"}, "NTP"},
			{"", []string{"X-Forwarded-For: 127.0.0.3"}, []string{"Limits count you as"}, "append the caller's address"},
		} {
			a := admin.request("GET", "/api/passkey-check"+test.query, "", test.headers...)
			var found shared.SelfCheck
			if err := json.Unmarshal([]byte(a.body), &found); err != nil || a.status != 200 || len(a.body) > 3000 {
				t.Fatalf("%s: %d %.200s, %v", test.query, a.status, a.body, err)
			}
			var wrong []string
			fixes := ""
			for _, f := range found.Checks {
				if !f.OK {
					wrong, fixes = append(wrong, f.Name), fixes+f.Fix
				}
			}
			if !slices.Equal(wrong, test.wrong) || found.OK != (wrong == nil) || !strings.Contains(fixes, test.fix) || found.RPID != "localhost" {
				t.Errorf("%.60s %v: wrong is %v, fixes %.200q; want %v and %q", test.query, test.headers, wrong, fixes, test.wrong, test.fix)
			}
		}
		direct := open(t, s.db, func(c *server.Config) { c.TrustedProxies = nil })
		a := direct.signIn(t, ann).request("GET", "/api/passkey-check", "")
		if !strings.Contains(a.body, "add it: -trusted-proxies 127.0.0.1") {
			t.Errorf("a proxy that is not known: %d %s", a.status, a.body)
		}
	})
}
