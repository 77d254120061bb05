package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
)

const faultPassword = "correct horse battery staple"

// visitor is a browser at an address of its own, as a trusted proxy tells.
type visitor struct {
	client  http.Client
	origin  string
	address string
}

var visitors atomic.Uint32

func visit(t *testing.T, origin string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := visitors.Add(1)
	return &visitor{http.Client{Jar: jar, Timeout: 20 * time.Second}, origin, fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff)}
}

// call returns the status, the body and whether a cookie was set.
func (v *visitor) call(method, path string, in any) (status int, body string, cookies bool, err error) {
	text, err := json.Marshal(in)
	if err != nil {
		return 0, "", false, err
	}
	r, err := http.NewRequest(method, v.origin+path, bytes.NewReader(text))
	if err != nil {
		return 0, "", false, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", v.origin)
	r.Header.Set("X-Forwarded-For", v.address)
	answer, err := v.client.Do(r)
	if err != nil {
		return 0, "", false, err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(got), len(answer.Header["Set-Cookie"]) > 0, err
}

func (v *visitor) signUp(email string) (int, string, bool, error) {
	return v.call("POST", "/api/auth/sign-up/email", map[string]any{"email": email, "name": "", "password": faultPassword})
}

func (v *visitor) signIn(email, password string) (int, string, bool, error) {
	return v.call("POST", "/api/auth/sign-in/email", map[string]any{"email": email, "password": password})
}

func (v *visitor) session() (int, string, bool, error) {
	return v.call("GET", "/api/auth/get-session", nil)
}

// eventually waits until ok is true, for as long as a person might.
func eventually(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	end := time.After(within)
	for !ok() {
		select {
		case <-end:
			t.Fatalf("%s: not within %v", what, within)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestDatabaseStops holds that a database which is gone, or hangs, costs
// nobody a session (X07, X13).
func TestDatabaseStops(t *testing.T) {
	t.Parallel()
	storetest.Shared(t) // or skip
	cluster, err := storetest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	database, err := cluster.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	tapped, wire := storetest.Tap(t, database)
	p := start(t, buildBinary(t), "-database", tapped, "-trusted-proxies", "127.0.0.0/8")
	v := visit(t, p.origin)
	if status, body, _, err := v.signUp("ann@example.test"); status != 200 {
		t.Fatal(status, body, err)
	}

	for what, fault := range map[string]struct{ begin, end func() error }{
		"stopped": {cluster.Stop, cluster.Start},
		"silent":  {wire.Hold, wire.Release},
	} {
		// Load, so that connections are in use when it happens.
		ctx, cancel := context.WithCancel(t.Context())
		var load sync.WaitGroup
		for range 4 {
			load.Go(func() {
				w := visit(t, p.origin)
				w.client.Jar = v.client.Jar
				for ctx.Err() == nil {
					if status, body, cookies, err := w.session(); err != nil || status != 503 && status != 429 && (status != 200 || body == "null") || status == 503 && cookies {
						t.Errorf("%s, under load: %d %s, cookies set: %t, %v", what, status, body, cookies, err)
						return
					}
				}
			})
		}
		if err := fault.begin(); err != nil {
			t.Fatal(err)
		}
		calls := map[string]func() (int, string, bool, error){
			"get-session": visitorWith(t, v).session,
			"sign-in":     func() (int, string, bool, error) { return visitorWith(t, v).signIn("ann@example.test", faultPassword) },
			"sign-out": func() (int, string, bool, error) {
				return visitorWith(t, v).call("POST", "/api/auth/sign-out", struct{}{})
			},
			"readyz": func() (int, string, bool, error) { return v.call("GET", "/readyz", nil) },
		}
		for name, call := range calls {
			began := time.Now()
			status, body, cookies, err := call()
			if err != nil || status != 503 || cookies || !strings.Contains(body, "SERVICE_UNAVAILABLE") || time.Since(began) > 5*time.Second {
				t.Errorf("%s, %s: %d %s, cookies set: %t, %v, after %v; want 503 within five seconds", what, name, status, body, cookies, err, time.Since(began))
			}
		}
		if status, _, _, err := v.call("GET", "/healthz", nil); status != 200 {
			t.Errorf("%s: healthz: %d, %v", what, status, err)
		}
		cancel()
		load.Wait()
		if err := fault.end(); err != nil {
			t.Fatal(err)
		}
		eventually(t, what+": recovery", 10*time.Second, func() bool {
			status, body, _, _ := visitorWith(t, v).session()
			return status == 200 && body != "null"
		})
	}
}

// visitorWith is another visitor with the same cookies.
func visitorWith(t *testing.T, v *visitor) *visitor {
	t.Helper()
	w := visit(t, v.origin)
	w.client.Jar = v.client.Jar
	return w
}

// eachDatabase runs test with the flag of a new database of each kind.
func eachDatabase(t *testing.T, test func(t *testing.T, flag []string)) {
	t.Helper()
	storetest.EachURL(t, func(t *testing.T, url string) { test(t, []string{"-database", url}) })
}

// TestTermination holds that what is under way is answered before the program
// ends (X06): of every sign-in that the log tells of, somebody has heard.
func TestTermination(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := start(t, buildBinary(t), "-database", database, "-rate-limits", "off")
		if status, body, _, err := visit(t, p.origin).signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		var heard atomic.Int32
		var loops sync.WaitGroup
		for range 8 {
			loops.Go(func() {
				w := visit(t, p.origin)
				for range 10_000 {
					status, body, _, err := w.signIn("ann@example.test", faultPassword)
					if err != nil {
						return // it has ended
					}
					if status == 200 {
						heard.Add(1)
					} else if status != 503 {
						t.Errorf("%d %s", status, body)
					}
				}
			})
		}
		eventually(t, "sign-ins", 20*time.Second, func() bool { return heard.Load() >= 8 })
		p.stop()
		loops.Wait()
		if done := signIns(t, database); done != int(heard.Load()) {
			t.Errorf("%d sign-ins are in the log, %d were answered", done, heard.Load())
		}
	})
}

// TestKilled holds that what was answered survives, and that nothing is left
// half done (X01, X03).
func TestKilled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := start(t, buildBinary(t), append(flags, "-trusted-proxies", "127.0.0.0/8")...)
		owner := visit(t, p.origin)
		if status, body, _, err := owner.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		for range 11 {
			visit(t, p.origin).signIn("ann@example.test", "wrong password")
		}

		var made atomic.Int32
		var loops sync.WaitGroup
		for loop := range 8 {
			loops.Go(func() {
				for i := range 1000 {
					status, _, _, err := visit(t, p.origin).signUp(fmt.Sprintf("user-%d-%d@example.test", loop, i))
					if err != nil {
						return // killed
					}
					if status == 200 {
						made.Add(1)
					}
				}
			})
		}
		eventually(t, "sign-ups", 20*time.Second, func() bool { return made.Load() >= 24 })
		p.kill()
		loops.Wait()
		p.start()

		if status, _, _, err := visit(t, p.origin).signIn("ann@example.test", faultPassword); status != 429 {
			t.Errorf("the limit of an account after it was killed: %d, %v; want 429", status, err)
		}
		if status, body, _, err := owner.session(); status != 200 || body == "null" {
			t.Errorf("the session after it was killed: %d %s, %v", status, body, err)
		}
		for loop := range 8 {
			for i := range int(made.Load())/8 + 3 {
				email := fmt.Sprintf("user-%d-%d@example.test", loop, i)
				in, body, _, err := visit(t, p.origin).signIn(email, faultPassword)
				if in == 200 {
					continue
				}
				if up, again, _, _ := visit(t, p.origin).signUp(email); up != 200 {
					t.Errorf("%s can neither sign in nor up: %d %s, %v; %d %s", email, in, body, err, up, again)
				}
			}
		}
	})
}

// TestFlood holds that many sign-ins at once do not take the answers of others
// away (Z04).
func TestFlood(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := start(t, buildBinary(t), append(flags, "-trusted-proxies", "127.0.0.0/8")...)
		owner := visit(t, p.origin)
		if status, body, _, err := owner.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		var flood sync.WaitGroup
		for i := range 80 {
			flood.Go(func() {
				status, body, _, err := visit(t, p.origin).signIn(fmt.Sprintf("user%d@example.test", i), faultPassword)
				if status != 401 && status != 429 && status != 503 {
					t.Errorf("a sign-in of the flood: %d %s, %v", status, body, err)
				}
			})
		}
		for range 20 {
			if status, body, _, err := visitorWith(t, owner).session(); status != 200 || body == "null" {
				t.Errorf("a session during the flood: %d %s, %v", status, body, err)
			}
		}
		flood.Wait()
	})
}

// TestDripping holds that who sends a request a byte at a time is cut off, and
// meanwhile takes nothing from others (Z01, Z02).
func TestDripping(t *testing.T) {
	t.Parallel()
	p := start(t, buildBinary(t))
	address := strings.TrimPrefix(p.origin, "http://")
	head := fmt.Sprintf("POST /api/auth/sign-in/email HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", address)
	var drips sync.WaitGroup
	for i := range 40 {
		begin, within := "GET / HTTP/1.1\r\nX: ", 20*time.Second
		if i == 0 {
			begin, within = head, 35*time.Second
		}
		drips.Go(func() {
			conn, err := net.Dial("tcp", strings.Replace(address, "localhost", "127.0.0.1", 1))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, begin)
			ended := make(chan struct{})
			go func() {
				io.Copy(io.Discard, conn)
				close(ended)
			}()
			for limit := time.After(within); ; {
				select {
				case <-ended:
					return
				case <-limit:
					t.Errorf("connection %d is still open after %v", i, within)
					return
				case <-time.After(500 * time.Millisecond):
					io.WriteString(conn, "x")
				}
			}
		})
	}
	v := visit(t, p.origin)
	v.client.Timeout = 2 * time.Second
	for range 10 {
		if status, body, _, err := v.session(); status != 200 || body != "null" {
			t.Errorf("get-session meanwhile: %d %s, %v", status, body, err)
		}
	}
	drips.Wait()
}

// TestRefusesToStart holds that a server which could only do harm does not
// start, and says what to do.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, says string, args ...string) {
		t.Helper()
		said, err := runProgram(t, args...)
		if err == nil || !strings.Contains(said, says) || strings.Contains(said, "goroutine") {
			t.Errorf("%v: %v, %s; want %q", args, err, said, says)
		}
	}
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-origin", "http://accounts.example.com"}, "https://accounts.example.com"},
		{[]string{"-origin", "https://accounts.example.com/"}, "write https://accounts.example.com"},
		{[]string{"-origin", "accounts.example.com"}, "not of the form"},
		{[]string{"-trusted-proxies", "10.0.0.0/33"}, "neither an address nor a CIDR"},
		{[]string{"-trusted-proxies", "::ffff:10.0.0.0/104"}, "neither an address nor a CIDR"},
		{[]string{"-origin", "https://*.example.com"}, "not of the form"},
		{[]string{"-origin", "https://192.0.2.7"}, "an IP address, for which there are no passkeys"},
		{[]string{"-origin", "http://127.0.0.1:8080"}, "http://localhost"},
		{[]string{"-origin", "https://github.io"}, "such as https://accounts.github.io"},
		{[]string{"-origin", "https://co.uk"}, "such as https://accounts.co.uk"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "com"}, "Write example.com"},
		{[]string{"-origin", "https://accounts.example.com", "-rp-id", "https://example.com"}, "write the bare name in lower case, such as accounts.example.com"},
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
		{[]string{"-origin", "https://accounts.example.com:0443"}, "a port that is none"},
		{[]string{"-origin", "https://accounts.example.com", "-related-origins", "https://a.com,https://b.com,https://c.com,https://d.com,https://e.com"}, "leave some out"},
		{[]string{"-related-origins", "http://localhost:1"}, "is not the address of a site"},
		{[]string{"-related-origins", "https://example.com/"}, "write https://example.com"},
		{[]string{"-related-origins", "https://a.com,https://b.com,https://c.com,https://d.com,https://e.com,https://f.com"}, "leave some out"},
		{[]string{"-rate-limits", "maybe"}, "on or off"},
		{[]string{"-database", "mysql://x"}, "sqlite: or postgres://"},
		{[]string{"dance"}, "there is no command"},
		{[]string{"serve", "now"}, "not a flag"},
	} {
		refused(t, test.says, test.args...)
	}
	eachDatabase(t, func(t *testing.T, flags []string) { // X10
		start(t, buildBinary(t), flags...).stop()
		refused(t, "point -key-file at", append(flags, "-data", t.TempDir())...)
	})
}

// TestRefusesSystemKeys holds the same of what only the environment sets.
func TestRefusesSystemKeys(t *testing.T) {
	for _, name := range []string{"TWO_FACTOR_SIGN_IN", "TWO_FACTOR_EMAIL_CODE", "PASSKEY_USER_VERIFICATION", "PASSKEY_AUTO_UPGRADE"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "maybe")
			if said, err := runProgram(t); err == nil || !strings.Contains(said, "the environment's "+name+" is not one: It is ") {
				t.Errorf("%v, %s", err, said)
			}
		})
	}
}

// TestStartAtOnce starts six programs at once on an empty database, ten times.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, flags []string) {
				data := t.TempDir()
				var programs sync.WaitGroup
				var migrated atomic.Int32
				for range 6 {
					programs.Go(func() {
						said, err := runProgram(t, append([]string{"migrate", "-data", data}, flags...)...)
						if err != nil {
							t.Errorf("%v: %s", err, said)
						}
						if strings.Contains(said, "the database was migrated") {
							migrated.Add(1)
						}
					})
				}
				programs.Wait()
				if migrated.Load() != 1 {
					t.Errorf("%d of 6 migrated; want 1", migrated.Load())
				}
			})
		})
	}
}

// TestNotices holds that the owner hears of a new password within three
// seconds, and that no password is in the mail (A36).
func TestNotices(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		dir := t.TempDir()
		p := start(t, buildBinary(t), append(flags, "-mail-dir", dir)...)
		v := visit(t, p.origin)
		v.signUp("ann@example.test")
		const next = "another good password"
		status, body, _, err := v.call("POST", "/api/auth/change-password", map[string]string{"currentPassword": faultPassword, "newPassword": next})
		if status != 200 {
			t.Fatal(status, body, err)
		}
		var files []string
		eventually(t, "a mail", 3*time.Second, func() bool {
			files, _ = filepath.Glob(filepath.Join(dir, "*.json"))
			return len(files) > 0
		})
		var mail map[string]string
		readJSON(t, files[0], &mail)
		if len(files) != 1 || mail["to"] != "ann@example.test" || mail["subject"] != "Your password was changed" || mail["from"] == "" || mail["at"] == "" ||
			!strings.Contains(mail["text"], "127.0.0.1") || !strings.Contains(mail["html"], "<p>") {
			t.Errorf("%d mails, the first %v", len(files), mail)
		}
		if all := fmt.Sprint(mail); strings.Contains(all, next) || strings.Contains(all, faultPassword) {
			t.Errorf("a password is in the mail: %s", all)
		}
	})
}

// TestCommands runs some beside a server, as an operator does.
func TestCommands(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := start(t, buildBinary(t), flags...)
		if status, body, _, err := visit(t, p.origin).signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		data := []string{"-data", p.data, "-origin", p.origin}
		for _, test := range []struct {
			args, rest []string
			says       string
			fails      bool
		}{
			{[]string{"permissions"}, nil, "", false},
			{[]string{"grant"}, []string{"Ann@example.test", "settings.manage"}, "", false},
			{[]string{"permissions"}, nil, "ann@example.test\tsettings.manage\n", false},
			{[]string{"grant"}, []string{"bob@example.test", "settings.manage"}, "no account", true},
			{[]string{"grant"}, []string{"ann@example.test", "everything"}, "one of: settings.manage, users.manage, audit.read", true},
			{[]string{"revoke"}, []string{"ann@example.test", "settings.manage"}, "", false},
			{[]string{"revoke"}, []string{"ann@example.test", "settings.manage"}, "does not have", true},
			{[]string{"permissions"}, nil, "", false},
			{[]string{"unlock"}, []string{"Ann@example.test"}, "codes are taken again", false},
			{[]string{"unlock"}, []string{"bob@example.test"}, "no account", true},
			{[]string{"unlock"}, nil, "say the e-mail address", true},
			{[]string{"recover"}, []string{"bob@example.test"}, "no account", true},
			{[]string{"recover"}, nil, "say the e-mail address", true},
			{[]string{"recover"}, []string{"Ann@example.test"}, "\n\n  " + p.origin + "/reset-password?token=", false},
			{[]string{"verify-log"}, nil, "The security log is whole: 5 entries.\n", false}, // sign-up, two of grant and revoke, unlock, recover
			{[]string{"rotate-key"}, nil, "restart them all", false},
			{[]string{"verify-log"}, nil, "The security log is whole: 6 entries.\n", false},
			{[]string{"permissions"}, nil, "", false},
		} {
			args := append(append(append(test.args, flags...), data...), test.rest...)
			said, err := runProgram(t, args...)
			if (err != nil) != test.fails || !strings.Contains(said, test.says) || test.says == "" && said != "" {
				t.Errorf("%v: %v, %q; want %q", args, err, said, test.says)
			}
		}
		info, err := os.Stat(filepath.Join(p.data, "keys"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key file after a rotation: %v, %v", info, err)
		}
		p.stop()
		p.start() // with two keys
		// From before the rotation alone, the keys are no longer the database's.
		text, err := os.ReadFile(filepath.Join(p.data, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n") // a comment, the new key, the old one
		if len(lines) != 4 {
			t.Fatalf("the key file has %d lines", len(lines)-1)
		}
		old := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(old, []byte(lines[2]), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := runProgram(t, append(append([]string{"permissions", "-key-file", old}, flags...), data...)...); err == nil || !strings.Contains(said, "another key") {
			t.Errorf("with the old key alone: %v, %s", err, said)
		}
	})
}

// runProgram runs the program to its end, in a folder of its own, and returns
// what it said.
func runProgram(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, buildBinary(t), args...)
	cmd.Dir = t.TempDir()
	said, err := cmd.CombinedOutput()
	return string(said), err
}
