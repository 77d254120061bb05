package server_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/server"
	"latchkey/shared"
	"latchkey/shared/message"
)

// proxyFindings returns the findings about proxies in the self-check.
func (b *browser) proxyFindings(headers ...string) (all []shared.Finding) {
	b.t.Helper()
	a := b.Do("GET", "/api/passkey-check", "", headers...)
	want(b.t, a, 200, "")
	var found shared.SelfCheck
	a.Into(b.t, &found)
	for _, f := range found.Checks {
		if f.Name == "Proxy" {
			all = append(all, f)
		}
	}
	return all
}

// warnings returns how often the log has reported an address as an undeclared proxy.
func (s *testServer) warnings(address string) int {
	n := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "level=WARN") && strings.Contains(line, "-trusted-proxies "+address+". ") {
			n++
		}
	}
	return n
}

// TestUndeclaredProxy tests undeclared addresses that forward requests of several
// callers. Whichever header they use, the log reports them once an hour and the
// administrator's page lists them. A single request with such a header has no effect.
func TestUndeclaredProxy(t *testing.T) {
	each(t, func(t *testing.T, declared *testServer) {
		admin := declared.admin(t, ann)
		for _, test := range []struct {
			name         string
			first, other string // values of the header for two callers
		}{
			{"X-Forwarded-For", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"},
			{"X-Forwarded-For", "X-Forwarded-For: 192.0.2.1, 10.0.0.1", "X-Forwarded-For: 192.0.2.2:4711, 10.0.0.1"},
			{"X-Real-Ip", "X-Real-IP: 192.0.2.1", "X-Real-IP: 2001:db8::1"},
			{"Forwarded", "Forwarded: for=192.0.2.1;proto=https", `Forwarded: proto=https;for="[2001:db8::1]:4711"`},
		} {
			s := open(t, declared.db, func(c *server.Config) { c.TrustedProxies = nil })
			s.clock.Freeze() // the hour ends at an exact second
			own := s.holding(t, "latchkey.session_token", admin.token())
			b := s.browser(t)
			call := func(header string) { b.Do("GET", "/sign-in", "", "X-Forwarded-For:", header) }
			for range 3 {
				call(test.first)
			}
			if n, found := s.warnings("127.0.0.1"), own.proxyFindings("X-Forwarded-For:"); n != 0 || len(found) != 0 {
				t.Errorf("%s of one caller: %d warnings, %v", test.name, n, found)
			}
			for range 3 {
				call(test.other)
				call(test.first)
			}
			if n := s.warnings("127.0.0.1"); n != 1 {
				t.Errorf("%s of two callers: %d warnings; want 1:\n%s", test.name, n, s.log.String())
			}
			s.clock.Advance(59 * time.Minute)
			call(test.first)
			if n := s.warnings("127.0.0.1"); n != 1 {
				t.Errorf("%s: %d warnings within an hour; want 1", test.name, n)
			}
			s.clock.Advance(time.Minute)
			call(test.first)
			if n := s.warnings("127.0.0.1"); n != 2 {
				t.Errorf("%s: %d warnings after an hour; want 2", test.name, n)
			}
			if n := declared.warnings("127.0.0.1"); n != 0 {
				t.Errorf("%d warnings of a proxy that is declared", n)
			}
			// The request of an administrator who comes through the same proxy reveals
			// it.
			found := own.proxyFindings()
			if len(found) != 1 || found[0].OK || !strings.Contains(found[0].Fix, "-trusted-proxies 127.0.0.1.") {
				t.Errorf("%s: %+v", test.name, found)
			}
		}
	})
}

// TestUndeclaredProxyOfOthers tests that administrators see an undeclared proxy even
// if their own requests do not come through it.
func TestUndeclaredProxyOfOthers(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.TrustedProxies = nil }, func(t *testing.T, s *testServer, _ *account.Service) {
		admin := s.admin(t, ann)
		for _, caller := range []string{"192.0.2.1", "192.0.2.2"} {
			s.requestFrom(t, "127.0.0.9", "X-Forwarded-For: "+caller)
		}
		fix := func(headers ...string) (received []string, fixes string) {
			for _, f := range admin.proxyFindings(append([]string{"X-Forwarded-For:"}, headers...)...) {
				received, fixes = append(received, f.Received), fixes+f.Fix
			}
			return received, fixes
		}
		if received, fixes := fix(); !slices.Equal(received, []string{"127.0.0.9"}) ||
			fixes != en.T(message.OthersThroughUntrustedProxy, "X-Forwarded-For")+" "+en.T(message.FixTrustedProxies, "127.0.0.9") {
			t.Errorf("%q: %s", received, fixes)
		}
		if _, fixes := fix("Accept-Language: de"); !strings.HasPrefix(fixes, de.T(message.OthersThroughUntrustedProxy, "X-Forwarded-For")) {
			t.Errorf("in German: %s", fixes)
		}
		s.clock.Advance(25 * time.Hour)
		want(t, admin.SignIn(ann), 200, "")
		if received, _ := fix(); len(received) != 0 {
			t.Errorf("a day later: %q", received)
		}
	})
}

// requestFrom sends a request from another address of this machine.
func (s *testServer) requestFrom(t *testing.T, address string, headers ...string) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /sign-in HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n\r\n", s.url.Host, strings.Join(headers, "\r\n"))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
}

// TestStrangersCannotFillTheLog tests that addresses that invent callers cause only a
// few log lines an hour and a few entries on the page.
func TestStrangersCannotFillTheLog(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.TrustedProxies = nil }, func(t *testing.T, s *testServer, _ *account.Service) {
		admin := s.admin(t, ann)
		for i := range 40 {
			for caller := range 2 {
				s.requestFrom(t, fmt.Sprintf("127.0.1.%d", i+1), fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", caller+1), "Via: 1.1 proxy")
			}
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 8 {
			t.Errorf("%d warnings; want 8", n)
		}
		if found := admin.proxyFindings("X-Forwarded-For:"); len(found) != 16 {
			t.Errorf("%d findings; want 16", len(found))
		}
	})
}

// TestUndeclaredProxyOfHTTPS tests an https origin, which needs a proxy. If none is
// declared, the first request of a browser reveals the proxy, even if the proxy adds
// no header about its callers.
func TestUndeclaredProxyOfHTTPS(t *testing.T) {
	each(t, func(t *testing.T, declared *testServer) {
		admin := declared.admin(t, ann)
		https := func(c *server.Config) { c.Origin = parse(t, "https://accounts.example.test") }
		at := []string{"Host: accounts.example.test", "X-Forwarded-For:"}

		s := open(t, declared.db, func(c *server.Config) { https(c); c.TrustedProxies = nil })
		b := s.browser(t)
		b.Do("GET", "/sign-in", "", at...) // not from a browser
		b.Do("GET", "/healthz", "", append(at, "Sec-Fetch-Site: none")...)
		b.Do("GET", "/sign-in", "", "X-Forwarded-For:", "Sec-Fetch-Site: none") // from another host
		if n := s.warnings("127.0.0.1"); n != 0 {
			t.Errorf("%d warnings without a browser", n)
		}
		b.Do("GET", "/sign-in", "", append(at, "Sec-Fetch-Site: none")...)
		if n := s.warnings("127.0.0.1"); n != 1 {
			t.Errorf("%d warnings of a browser; want 1", n)
		}
		own := s.holding(t, "__Host-latchkey.session_token", admin.token())
		cookie := "Cookie: __Host-latchkey.session_token=" + admin.token()
		if found := own.proxyFindings(append(at, cookie)...); len(found) != 1 || found[0].OK || !strings.HasSuffix(found[0].Fix,
			en.T(message.FixTrustedProxies, "127.0.0.1")+" "+en.T(message.FixForwardedFor)) {
			t.Errorf("an administrator's look: %+v", found)
		}

		s = open(t, declared.db, https)
		own = s.holding(t, "__Host-latchkey.session_token", admin.token())
		s.browser(t).Do("GET", "/sign-in", "", append(at, "Sec-Fetch-Site: none")...)
		if found := own.proxyFindings(append(at, cookie)...); len(found) != 1 || !found[0].OK || s.warnings("127.0.0.1") != 0 {
			t.Errorf("a declared proxy: %+v, %s", found, s.log.String())
		}
	})
}
