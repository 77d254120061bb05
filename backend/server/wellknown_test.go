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
	"latchkey/shared/message"
)

func TestWellKnown(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		settings := s.url.String() + "/dashboard/settings"
		if a := b.Do("GET", "/.well-known/passkey-endpoints", ""); a.Status != 200 || a.Header.Get("Content-Type") != "application/json" ||
			a.Body != `{"enroll":"`+settings+`/passkeys","manage":"`+settings+`/passkeys"}` {
			t.Errorf("passkey-endpoints: %d %s", a.Status, a.Body)
		}
		if a := b.Do("GET", "/.well-known/change-password", ""); a.Status != 302 || a.Header.Get("Location") != "/dashboard/settings/password" {
			t.Errorf("change-password: %d to %q", a.Status, a.Header.Get("Location"))
		}
		// Without related origins the first path does not exist. A password
		// manager requests the second to find out whether the 302 above is
		// reliable.
		for _, path := range []string{"webauthn", "resource-that-should-not-exist-whose-status-code-should-not-be-200", ""} {
			if a := b.Do("GET", "/.well-known/"+path, ""); a.Status != 404 {
				t.Errorf("%q: %d; want 404", path, a.Status)
			}
		}
		if a := b.Do("POST", "/.well-known/change-password", "{}"); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d, Allow %q", a.Status, a.Header.Get("Allow"))
		}
		related := open(t, s.db, func(c *server.Config) {
			rp := &c.Accounts.RelyingParty
			rp.Related = []string{"https://example.com"}
			rp.Origins = append(rp.Origins, "https://app.localhost", "https://example.com")
		})
		if a := related.browser(t).Do("GET", "/.well-known/webauthn", ""); a.Status != 200 ||
			a.Body != `{"origins":["`+related.url.String()+`","https://example.com"]}` {
			t.Errorf("webauthn: %d %s", a.Status, a.Body)
		}
	})
}

func TestPasskeyCheck(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze() // otherwise a device's clock would also be off by the time that a call takes
		admin := s.signUp(t, ann)
		want(t, admin.Do("GET", "/api/passkey-check", ""), 403, "FORBIDDEN")
		admin.grant(account.PermissionSettings)
		for _, test := range []struct {
			query   string
			headers []string
			wrong   []string // names of the findings that fail
			fix     string
		}{
			{"", nil, nil, ""},
			{"?origin=" + s.url.String(), nil, []string{"RP ID"}, "set -origin and -rp-id"}, // the test's host is an IP address
			{"?origin=https://elsewhere.example", nil, []string{"Origin", "RP ID"}, "-origin https://elsewhere.example"},
			{
				"", []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: other.example"},
				[]string{"X-Forwarded-Proto", "X-Forwarded-Host"}, "correct -origin",
			},
			{"", []string{"X-Forwarded-For: 192.0.2.1"}, nil, ""},
			{"?origin=" + strings.Repeat("x", 5000), nil, []string{"Origin"}, "xxx"},
			{"?time=0s", nil, nil, ""}, // offset from now
			{"?time=1m", nil, []string{en.T(message.ClockTime)}, "NTP"},
			{"?time=-1h", nil, []string{en.T(message.ClockTime)}, "NTP"},
			{"", []string{"X-Forwarded-For: 127.0.0.3"}, []string{en.T(message.LimitsCountYouAs)}, en.T(message.FixSharedClientAddress)},
		} {
			query := test.query
			if ahead, ok := strings.CutPrefix(query, "?time="); ok {
				d, err := time.ParseDuration(ahead)
				if err != nil {
					t.Fatal(err)
				}
				query = "?time=" + s.clock.Now().Add(d).Format(time.RFC3339)
			}
			a := admin.Do("GET", "/api/passkey-check"+query, "", test.headers...)
			var found shared.SelfCheck
			if err := json.Unmarshal([]byte(a.Body), &found); err != nil || a.Status != 200 || len(a.Body) > 3000 {
				t.Fatalf("%s: %d %.200s, %v", test.query, a.Status, a.Body, err)
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
		a := direct.signIn(t, ann).Do("GET", "/api/passkey-check", "")
		if !strings.Contains(a.Body, "add it: -trusted-proxies 127.0.0.1") {
			t.Errorf("a proxy that is not known: %d %s", a.Status, a.Body)
		}
	})
}
