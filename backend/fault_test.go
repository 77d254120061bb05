package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestDatabaseStops tests that the server answers 503 while the database is stopped or
// does not respond, and that no user loses a session.
func TestDatabaseStops(t *testing.T) {
	t.Parallel()
	cluster, database := storetest.OwnCluster(t)
	tapped, wire := storetest.Tap(t, database)
	p := testkit.Start(t, "-database", tapped, "-trusted-proxies", "127.0.0.0/8")
	ann := p.Client()
	ann.SignUp("ann@example.test").Must(t, 200, "")

	for what, fault := range map[string]struct{ begin, end func() error }{
		"stopped": {cluster.Stop, cluster.Start},
		"silent":  {wire.Hold, wire.Release},
	} {
		// These calls make sure that connections are in use when the fault begins.
		ctx, cancel := context.WithCancel(t.Context())
		var load sync.WaitGroup
		for range 4 {
			load.Go(func() {
				c := ann.Elsewhere()
				for ctx.Err() == nil {
					a := c.Session()
					signedIn := a.Is(200, "") && a.Body != "null"
					if !signedIn && !a.Is(429, "") && (!a.Is(503, "") || setsCookie(a)) {
						t.Errorf("%s, under load: %s, sets a cookie: %t", what, a, setsCookie(a))
						return
					}
				}
			})
		}
		if err := fault.begin(); err != nil {
			t.Fatal(err)
		}
		for name, call := range map[string]func() testkit.Answer{
			"get-session": func() testkit.Answer { return ann.Elsewhere().Session() },
			"sign-in":     func() testkit.Answer { return ann.Elsewhere().SignIn("ann@example.test") },
			"sign-out":    func() testkit.Answer { return ann.Elsewhere().Post("/sign-out", body{}) },
			"readyz":      func() testkit.Answer { return ann.Do("GET", "/readyz", "") },
		} {
			if a := call(); !a.Is(503, "SERVICE_UNAVAILABLE") || setsCookie(a) {
				t.Errorf("%s, %s: %s, sets a cookie: %t; want 503 SERVICE_UNAVAILABLE and no cookie", what, name, a, setsCookie(a))
			}
		}
		if a := ann.Do("GET", "/healthz", ""); !a.Is(200, "") {
			t.Errorf("%s, healthz: %s", what, a)
		}
		cancel()
		load.Wait()
		if err := fault.end(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, what+": the server recovers, and the session is still there", func() bool {
			a := ann.Elsewhere().Session()
			return a.Is(200, "") && a.Body != "null"
		})
	}
}

// TestGracefulShutdown tests that the server finishes all requests in progress before it exits:
// a client has the answer to every sign-in in the log.
func TestGracefulShutdown(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database, "-rate-limits", "off")
		p.Client().SignUp("ann@example.test").Must(t, 200, "")
		var answered, unclear atomic.Int32
		var loops sync.WaitGroup
		for range 8 {
			loops.Go(func() {
				c := p.Client()
				for range 10_000 {
					a := c.SignIn("ann@example.test")
					if a.Err != nil {
						return // the server has ended
					}
					switch a.Status {
					case 200:
						answered.Add(1)
					case 503: // if the machine was too slow, the sign-in may be committed
						unclear.Add(1)
					default:
						t.Error("a sign-in: ", a)
					}
				}
			})
		}
		testkit.Eventually(t, "eight sign-ins are answered", func() bool { return answered.Load() >= 8 })
		p.Stop()
		loops.Wait()
		least := int(answered.Load())
		if n := countSignIns(t, database); n < least || n > least+int(unclear.Load()) {
			t.Errorf("%d sign-ins are in the log, but %d were answered with a 200, and %d with a 503", n, least, unclear.Load())
		}
	})
}

// TestLastActiveAtShutdown tests that the server stores when a session was last used before
// it exits, although it stores that only once a second.
func TestLastActiveAtShutdown(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database)
		c := p.Client()
		c.SignUp("ann@example.test").Must(t, 200, "")
		ago := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format("'2006-01-02 15:04:05+00:00'") }
		execSQL(t, database, "UPDATE sessions SET last_active_at = "+ago(time.Hour))
		c.Session().Must(t, 200, "")
		p.Stop()
		execSQL(t, database, "UPDATE sessions SET ip = ip WHERE last_active_at > "+ago(30*time.Minute)) // one row
	})
}

// TestKilled tests that a killed server has lost nothing that it has confirmed, and has
// left no change incomplete.
func TestKilled(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database, "-trusted-proxies", "127.0.0.0/8")
		owner := p.Client()
		owner.SignUp("ann@example.test").Must(t, 200, "")
		for range 11 {
			signIn(p.Client(), "ann@example.test", "wrong password")
		}

		var made atomic.Int32
		var loops sync.WaitGroup
		for loop := range 8 {
			loops.Go(func() {
				for i := range 1000 {
					a := p.Client().SignUp(fmt.Sprintf("user-%d-%d@example.test", loop, i))
					if a.Err != nil {
						return // killed
					}
					if a.Status == 200 {
						made.Add(1)
					}
				}
			})
		}
		testkit.Eventually(t, "24 accounts are made", func() bool { return made.Load() >= 24 })
		p.Kill()
		loops.Wait()
		p.Start()

		if a := p.Client().SignIn("ann@example.test"); !a.Is(429, "") {
			t.Errorf("a sign-in to an account with too many wrong passwords from before the server was killed: %s; want 429", a)
		}
		if !owner.SignedIn(t) {
			t.Error("the session from before the server was killed is gone")
		}
		for loop := range 8 {
			for i := range int(made.Load())/8 + 3 {
				email := fmt.Sprintf("user-%d-%d@example.test", loop, i)
				in := p.Client().SignIn(email)
				if in.Is(200, "") {
					continue
				}
				if up := p.Client().SignUp(email); !up.Is(200, "") {
					t.Errorf("%s can neither sign in nor sign up: %s; %s", email, in, up)
				}
			}
		}
	})
}

// TestFlood tests that the server still answers other requests while many clients
// sign in at once.
func TestFlood(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database, "-trusted-proxies", "127.0.0.0/8")
		owner := p.Client()
		owner.SignUp("ann@example.test").Must(t, 200, "")
		var flood sync.WaitGroup
		for i := range 80 {
			flood.Go(func() {
				a := p.Client().SignIn(fmt.Sprintf("user%d@example.test", i))
				if !a.Is(401, "") && !a.Is(429, "") && !a.Is(503, "") {
					t.Error("a sign-in of the flood: ", a)
				}
			})
		}
		for range 20 {
			if !owner.Elsewhere().SignedIn(t) {
				t.Error("the session is gone during the flood")
			}
		}
		flood.Wait()
	})
}

// TestSlowClients tests that the server disconnects a client that sends a request a byte at a
// time, and meanwhile answers others.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	p := testkit.Start(t)
	var slow sync.WaitGroup
	t.Cleanup(slow.Wait) // when their connections are closed
	testkit.Eventually(t, "the server answers before it cuts off the first connection", func() (meanwhile bool) {
		cutOff := drip(t, p, &slow)
		for range 10 {
			if a := p.Client().Session(); !a.Is(200, "") || a.Body != "null" {
				t.Errorf("get-session meanwhile: %s; want 200 null", a)
			}
			meanwhile = meanwhile || cutOff.Load() == 0
		}
		return meanwhile // unless this process was stopped for as long as the server waits
	})
	slow.Wait()
}

// drip connects clients that send a request a byte at a time until the server disconnects them.
// It counts those that it has disconnected.
func drip(t *testing.T, p *testkit.Program, slow *sync.WaitGroup) (cutOff *atomic.Int32) {
	t.Helper()
	address := strings.TrimPrefix(p.Origin, "http://")
	cutOff = new(atomic.Int32)
	for i := range 40 {
		begin := "GET / HTTP/1.1\r\nX: " // a header that does not end
		if i == 0 {
			begin = fmt.Sprintf("POST /api/auth/sign-in/email HTTP/1.1\r\nHost: %s\r\n"+
				"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n", address)
		}
		conn, err := net.Dial("tcp", strings.Replace(address, "localhost", "127.0.0.1", 1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			io.Copy(io.Discard, conn)
			close(ended)
		}()
		slow.Go(func() {
			for limit := time.After(testkit.Patience); ; {
				select {
				case <-ended:
					cutOff.Add(1)
					return
				case <-limit:
					t.Errorf("connection %d is still open after %v", i, testkit.Patience)
					return
				case <-time.After(500 * time.Millisecond):
					io.WriteString(conn, "x")
				}
			}
		})
	}
	return cutOff
}

// TestRefusesToStart tests that the program does not start with invalid or unsafe
// arguments, and that the error says what to do.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, want string, args ...string) {
		t.Helper()
		output, err := testkit.Run(t, args...)
		if err == nil || !strings.Contains(output, want) || strings.Contains(output, "goroutine") {
			t.Errorf("%v: %v, %s; want %q", args, err, output, want)
		}
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-origin", "http://accounts.example.com"}, "https://accounts.example.com"},
		{[]string{"-origin", "https://accounts.example.com/"}, "write https://accounts.example.com"},
		{[]string{"-origin", "accounts.example.com"}, "not of the form"},
		{[]string{"-trusted-proxies", "10.0.0.0/33"}, "neither an IP address nor a CIDR"},
		{[]string{"-trusted-proxies", "::ffff:10.0.0.0/104"}, "neither an IP address nor a CIDR"},
		{[]string{"-origin", "https://*.example.com"}, "not of the form"},
		{[]string{"-origin", "https://192.0.2.7"}, "an IP address, which cannot have passkeys"},
		{[]string{"-origin", "http://127.0.0.1:8080"}, "http://localhost"},
		{[]string{"-origin", "https://github.io"}, "such as https://accounts.github.io"},
		{[]string{"-origin", "https://co.uk"}, "such as https://accounts.co.uk"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "com"}, "Write example.com"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "https://example.com"},
			"write the bare name in lower case, such as accounts.example.com"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "example.com:443"}, "write the bare name"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "Example.com"}, "write the bare name"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "example.org"}, "write accounts.example.com, or a domain above it"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "ample.com"}, "or a domain above it"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "www.accounts.example.com"}, "or a domain above it"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "bücher.example"}, "xn--bcher-kva.example"},
		{[]string{"-origin", "https://127.1"}, "an IP address"},
		{[]string{"-origin", "https://bücher.example"}, "write https://xn--bcher-kva.example"},
		{[]string{"-origin", "http://192.168.1.5:8080"}, "write its name, such as https://accounts.example.com"},
		{[]string{"-origin", "http://accounts.example.com/"}, "write https://accounts.example.com"},
		{[]string{"-origin", "https://accounts.example.com."}, "write https://accounts.example.com"},
		{[]string{"-origin", "https://exa_mple.com"}, "letters, digits and hyphens"},
		{[]string{"-origin", "https://-bad.example.com"}, "letters, digits and hyphens"},
		{[]string{"-origin", "https://foo..example.com"}, "letters, digits and hyphens"},
		{[]string{"-origin", "https://0x7f.0x1"}, "an IP address"},
		{[]string{"-origin", "https://intranet"}, "such as https://accounts.intranet"},
		{[]string{"-origin", "https://accounts.example.com:0443"}, "an invalid port"},
		{[]string{"-origin", "https://accounts.example.com", "-related-origins",
			"https://a.com,https://b.com,https://c.com,https://d.com,https://e.com"}, "leave some out"},
		{[]string{"-related-origins", "http://localhost:1"}, "is not the address of a site"},
		{[]string{"-related-origins", "https://example.com/"}, "write https://example.com"},
		{[]string{"-related-origins", "https://a.com,https://b.com,https://c.com,https://d.com,https://e.com,https://f.com"}, "leave some out"},
		{[]string{"-trusted-origins", "https://app.example.com,https://*.com"}, `the pattern "https://*.com": com is a public suffix`},
		{[]string{"-trusted-origins", "https://*.co.uk"}, "write a domain of your own, such as https://*.preview.example.co.uk"},
		{[]string{"-trusted-origins", "https://*.github.io"}, "github.io is a public suffix, below which anyone can have a site"},
		{[]string{"-trusted-origins", "https://*.intranet"}, "public suffix"},
		{[]string{"-trusted-origins", "https://*.192.0.2.7"}, "nothing is below the IP address"},
		{[]string{"-trusted-origins", "http://*.example.com"}, "put a TLS proxy in front"},
		{[]string{"-trusted-origins", "https://*.example.com/"}, "more than a scheme, host and port"},
		{[]string{"-trusted-origins", "https://*.bücher.example"}, "xn--bcher-kva.example"},
		{[]string{"-trusted-origins", "https://*"}, "is not of the form https://*.preview.example.com"},
		{[]string{"-trusted-origins", "*.example.com"}, "is not of the form https://*.preview.example.com"},
		{[]string{"-trusted-origins", "https://app-*.example.com"}, "is not of the form https://*.preview.example.com"},
		{[]string{"-trusted-origins", "https://*.*.example.com"}, "is not of the form https://*.preview.example.com"},
		{[]string{"-rate-limits", "maybe"}, "on or off"},
		{[]string{"-database", "mysql://x"}, "sqlite: or postgres://"},
		{[]string{"verify-log", "-database", "postgres://latchkey@127.0.0.1:1/latchkey?sslmode=disable"},
			"latchkey: open the database: dial tcp"},
		{[]string{"dance"}, "unknown command"},
		{[]string{"import"}, "use latchkey import better-auth or latchkey import users"},
		{[]string{"import", "dance"}, "unknown command"},
		{[]string{"serve", "now"}, "unexpected argument"},
	} {
		refused(t, test.want, test.args...)
	}
	unreachable := t.TempDir()
	refused(t, "latchkey: open the database: dial tcp",
		"-database", "postgres://latchkey@127.0.0.1:1/latchkey?sslmode=disable", "-data", unreachable, "-listen", testkit.FreeAddress(t))
	refused(t, "give an email address and a permission", "grant", "-data", unreachable, "ann@example.test", "everything")
	refused(t, "give an email address and a permission", "revoke", "-data", unreachable, "ann@example.test")
	refused(t, "give exactly one email address", "unlock", "-data", unreachable)
	refused(t, "give create NAME, list or revoke NAME", "server-key", "-data", unreachable, "show")
	if files, err := os.ReadDir(unreachable); err != nil || len(files) > 0 {
		t.Errorf("a program that refuses its arguments, or has no database, leaves %v, %v", files, err)
	}
	storetest.EachURL(t, func(t *testing.T, database string) {
		testkit.Start(t, "-database", database).Stop()
		// Another folder has no key file, so the server lacks the key of the database.
		empty := t.TempDir()
		refused(t, "there is no key file at "+filepath.Join(empty, "keys")+", and the database already has a key",
			"-database", database, "-data", empty)
	})
}

// TestRefusesSettings tests that a server does not start if the environment has an invalid
// value of a setting, and that the error says what to do.
func TestRefusesSettings(t *testing.T) {
	t.Parallel()
	for _, set := range []string{
		"TWO_FACTOR_SIGN_IN=maybe", "TWO_FACTOR_EMAIL_CODE=maybe", "PASSKEY_USER_VERIFICATION=maybe", "PASSKEY_AUTO_UPGRADE=maybe",
		"APP_NAME=:", "MAIL_FROM=jörg@example.com",
	} {
		name, _, _ := strings.Cut(set, "=")
		t.Run(name, func(t *testing.T) {
			output, err := testkit.Run(t, set)
			if err == nil || !strings.Contains(output, "the environment variable "+name+" is invalid: The value ") {
				t.Errorf("%v, %s", err, output)
			}
		})
	}
}

// TestConcurrentMigration tests that if six processes start at once on an empty database, exactly
// one of them migrates it.
func TestConcurrentMigration(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			storetest.EachURL(t, func(t *testing.T, database string) {
				data := t.TempDir()
				var programs sync.WaitGroup
				var migrated atomic.Int32
				for range 6 {
					programs.Go(func() {
						output, err := testkit.Run(t, "migrate", "-data", data, "-database", database)
						if err != nil {
							t.Errorf("%v: %s", err, output)
						}
						if strings.Contains(output, "migrated the database") {
							migrated.Add(1)
						}
					})
				}
				programs.Wait()
				if migrated.Load() != 1 {
					t.Errorf("%d of 6 programs migrated the database; want 1", migrated.Load())
				}
			})
		})
	}
}

// TestNotices tests that the owner of an account gets an email about a new password, and
// that the email contains no password.
func TestNotices(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		dir := t.TempDir()
		p := testkit.Start(t, "-database", database, "-mail-dir", filepath.Join(dir, "mail"))
		p.Data = dir // where the kit looks for emails
		ann := p.Client()
		ann.SignUp("ann@example.test").Must(t, 200, "")
		const next = "another good password"
		ann.Post("/change-password", body{"currentPassword": testkit.Password, "newPassword": next}).Must(t, 200, "")
		emails(t, p, "ann@example.test", 1)
		all := p.Emails("")
		if e := all[0]; len(all) != 1 || e.To != "ann@example.test" || e.Subject != en.T(message.MailPasswordChangedSubject) ||
			e.From == "" || e.At == "" || !strings.Contains(e.Text, "127.0.0.1") || !strings.Contains(e.HTML, "<p>") {
			t.Errorf("%d emails: %+v", len(all), all)
		}
		if text := fmt.Sprint(all); strings.Contains(text, next) || strings.Contains(text, testkit.Password) {
			t.Errorf("a password is in the email: %s", text)
		}
	})
}

// TestCommands runs the commands of the program while a server runs, as an operator does.
func TestCommands(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database)
		p.Client().SignUp("ann@example.test").Must(t, 200, "")
		flags := []string{"-database", database, "-data", p.Data}
		execSQL(t, database, "INSERT INTO second_factor_tries SELECT id, TRUE, 10, '9999-01-01 00:00:00+00:00' FROM users")
		for _, test := range []struct {
			args, rest []string
			want       string
			fails      bool
		}{
			{[]string{"verify-log"}, nil, "The security log is intact: 1 entry.\n", false},
			{[]string{"permissions"}, nil, "", false},
			{[]string{"grant"}, []string{"Ann@example.test", "settings.manage"}, "ann@example.test has the permission settings.manage.\n", false},
			{[]string{"grant"}, []string{"ann@example.test", "settings.manage"}, "ann@example.test has the permission settings.manage.\n", false},
			{[]string{"permissions"}, nil, "ann@example.test\tsettings.manage\n", false},
			{[]string{"grant"}, []string{"bob@example.test", "settings.manage"}, "no account", true},
			{[]string{"grant"}, []string{"ann@example.test", "everything"}, "one of: settings.manage, users.manage, audit.read", true},
			{[]string{"revoke"}, []string{"Ann@example.test", "settings.manage"},
				"ann@example.test no longer has the permission settings.manage.\n", false},
			{[]string{"revoke"}, []string{"ann@example.test", "settings.manage"}, "does not have", true},
			{[]string{"permissions"}, nil, "", false},
			{[]string{"unlock"}, []string{"Ann@example.test"}, "Ann@example.test: lockout lifted.\n", false},
			{[]string{"unlock"}, []string{"ann@example.test"}, "ann@example.test: no lockout.\n", false},
			{[]string{"unlock"}, []string{"bob@example.test"}, "no account", true},
			{[]string{"unlock"}, nil, "give exactly one email address", true},
			{[]string{"server-key"}, nil, "give create NAME, list or revoke NAME", true},
			{[]string{"server-key"}, []string{"create", " "}, "A server key needs a name.", true},
			{[]string{"server-key"}, []string{"revoke", "Shop"}, `no server key has the name or ID "Shop"`, true},
			{[]string{"server-key"}, []string{"list"}, "", false},
			{[]string{"recover"}, []string{"bob@example.test"}, "no account", true},
			{[]string{"recover"}, nil, "give exactly one email address", true},
			{[]string{"recover", "-origin", p.Origin}, []string{"Ann@example.test"}, "\n\n  " + p.Origin + "/reset-password?token=", false},
			{[]string{"verify-log"}, nil, "The security log is intact: 5 entries.\n", false}, // of sign-up, grant, revoke, unlock and recover
			{[]string{"rotate-key"}, nil, "Stop every server of this database that still runs", false},
			{[]string{"verify-log"}, nil, "The security log is intact: 6 entries.\n", false},
			{[]string{"permissions"}, nil, "", false},
		} {
			args := append(append(test.args, flags...), test.rest...)
			output, err := testkit.Run(t, args...)
			if (err != nil) != test.fails || !strings.Contains(output, test.want) || test.want == "" && output != "" {
				t.Errorf("%v: %v, %q; want %q", args, err, output, test.want)
			}
		}
		info, err := os.Stat(filepath.Join(p.Data, "keys"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key file after a rotation: %v, %v", info, err)
		}
		// The server lacks the new key until it restarts. What it writes to the security log
		// meanwhile does not break the log.
		wrong := body{"email": "ann@example.test", "password": "wrong password"}
		p.Client().Post("/sign-in/email", wrong).Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
		verify := func(want string) {
			t.Helper()
			testkit.Eventually(t, "the security log "+want, func() bool {
				output, err := testkit.Run(t, append([]string{"verify-log"}, flags...)...)
				return err == nil && strings.HasPrefix(output, "The security log is intact: 7 entries.\n") &&
					strings.Contains(output, "not linked") == (want == "waits")
			}, func() string {
				output, err := testkit.Run(t, append([]string{"verify-log"}, flags...)...)
				return fmt.Sprint(output, err)
			})
		}
		p.Stop()
		if _, last, _ := strings.Cut(p.Output.String(), "shutting down"); !strings.Contains(last, "lacks its newest key") {
			t.Errorf("the last lines of a server that cannot link do not say why:\n%s", last)
		}
		p.Start() // with two keys
		verify("is linked")
		// The program rejects the key file from before the rotation, which lacks the new key
		// of the database.
		text, err := os.ReadFile(filepath.Join(p.Data, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n") // a comment, the new key, the old one
		if len(lines) != 4 {
			t.Fatalf("the key file has %d lines; want 3", len(lines)-1)
		}
		old := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(old, []byte(lines[2]), 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := testkit.Run(t, append([]string{"permissions", "-key-file", old}, flags...)...)
		if err == nil || !strings.Contains(output, "another key") {
			t.Errorf("with the old key alone: %v, %s", err, output)
		}
	})
}
