package main_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestBackEnd runs the middleware of the documents beside the program: an application answers
// each user, and nobody when Latchkey does not answer.
func TestBackEnd(t *testing.T) {
	t.Parallel()
	applications := map[string]func(*testing.T, ...string) string{
		"Go": goApplication(t), "Express": expressApplication(t), "Next": nextApplication(t),
	}
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := testkit.Start(t, "-database", database)
		dir, env := shellDir(t), []string{"LATCHKEY_DATABASE=" + database, "LATCHKEY_DATA=" + p.Data}
		create := testkit.Fence(t, backEnd, "sh", "server-key create")
		ann, bob := p.Client(), p.Client()
		ann.SignUp("ann@example.test").Must(t, 200, "")
		bob.SignUp("bob@example.test").Must(t, 200, "")
		origins := map[string]string{}
		for name, start := range applications {
			key := runShell(t, dir, env, mustReplace(t, create, "Shop, production", name))
			origins[name] = "http://" + start(t, "ACCOUNTS_ORIGIN="+p.Origin, "ACCOUNTS_KEY="+strings.TrimSpace(key))
		}
		for name, origin := range origins {
			t.Run(name, func(t *testing.T) { testApplication(t, origin, ann, bob) })
		}

		// A revoked key lets nobody in, and neither does a server that is down.
		revoke := mustReplace(t, testkit.Fence(t, backEnd, "sh", "server-key revoke"), "Shop, production", "Express")
		said := runShell(t, dir, env, revoke)
		if strings.Count(said, "\n") != 4 || strings.Contains(said, "latchkey_") || !strings.Contains(said, `"Express" no longer works`) {
			t.Errorf("the commands print\n%s", said)
		}
		if again, err := testkit.Run(t, "server-key", "-database", database, "-data", p.Data, "revoke", "Express"); err == nil {
			t.Errorf("a key is revoked twice: %s", again)
		}
		ask(t, origins["Express"], ann).Want(t, 503, "")
		p.Stop()
		for name, origin := range origins {
			if a := ask(t, origin, ann); a.Status != 503 || strings.Contains(a.Body, "ann@") {
				t.Errorf("%s, without Latchkey: %v", name, a)
			}
		}
	})
}

// ask opens the page of an application in the browser of a user.
func ask(t *testing.T, origin string, user *testkit.Client, headers ...string) testkit.Answer {
	t.Helper()
	if cookie := cookieHeader(user); cookie != "" {
		headers = append(headers, "Cookie: "+cookie)
	}
	c := testkit.NewClient(origin)
	c.Jar = nil // the application sets the cookies of Latchkey, which the test reads
	return c.Do("GET", "/app", "", append(headers, "Sec-Fetch-Site: none")...)
}

func cookieHeader(user *testkit.Client) string {
	var all []string
	for _, c := range user.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func testApplication(t *testing.T, origin string, ann, bob *testkit.Client) {
	for range 3 {
		for name, user := range map[string]*testkit.Client{"ann": ann, "bob": bob} {
			a := ask(t, origin, user)
			if a.Status != 200 || strings.Count(a.Body, "@example.test") != strings.Count(a.Body, name+"@example.test") ||
				!strings.Contains(a.Body, name+"@example.test") || a.Header.Get("Cache-Control") != "private, no-store" {
				t.Fatalf("%s: %v %v", name, a, a.Header)
			}
		}
	}
	out := testkit.NewClient(ann.Origin)
	if a := ask(t, origin, out); a.Status != 401 || len(a.Header["Set-Cookie"]) != 0 {
		t.Errorf("without a session: %v %v", a, a.Header)
	}
	signIn := ann.Origin + "/sign-in?callbackURL=%2Fapp"
	if a := ask(t, origin, out, "Sec-Fetch-Mode: navigate"); a.Status != 303 || a.Header.Get("Location") != signIn {
		t.Errorf("without a session, a page: %v %v", a, a.Header)
	}
	// An ended session: the cookie is cleared in the browser.
	ended := testkit.NewClient(ann.Origin)
	ended.SignIn("ann@example.test").Must(t, 200, "")
	token := ended.Copy()
	ask(t, origin, token).Want(t, 200, "")
	ended.Post("/sign-out", map[string]any{}).Must(t, 200, "")
	if a := ask(t, origin, token); a.Status != 401 || !strings.Contains(fmt.Sprint(a.Header["Set-Cookie"]), "latchkey.session_token=;") {
		t.Errorf("after a sign-out: %v %v", a, a.Header)
	}
	other := testkit.NewClient(ann.Origin) // a call of ann's would record its own user agent
	other.SignIn("ann@example.test").Must(t, 200, "")
	var sessions []struct{ UserAgent string }
	other.Get("/list-sessions").Into(t, &sessions)
	for _, session := range sessions {
		if session.UserAgent != testkit.Firefox {
			t.Errorf("a session is of %s", session.UserAgent)
		}
	}
}

// goApplication returns a function that starts the application in Go with an environment, and
// returns its address.
func goApplication(t *testing.T) func(*testing.T, ...string) string {
	t.Helper()
	dir, middleware := t.TempDir(), testkit.Fence(t, backEnd, "go", "package session")
	checkLength(t, "Go", middleware)
	writeFile(t, filepath.Join(dir, "session", "session.go"), middleware)
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.test/app\n\ngo 1.25\n")
	testkit.CopyFile(t, dir, "testdata/backend/main.go")
	program := filepath.Join(dir, "app")
	build := exec.Command("go", "build", "-trimpath", "-o", program, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(t *testing.T, env ...string) string { return startApplication(t, env, program) }
}

// nodeModules returns the folder with the npm packages of the applications.
func nodeModules(t *testing.T) string {
	t.Helper()
	return testkit.InstallModules(t, "testdata/backend")
}

// expressApplication does the same for the application with Express.
func expressApplication(t *testing.T) func(*testing.T, ...string) string {
	t.Helper()
	dir, middleware := t.TempDir(), testkit.Fence(t, backEnd, "js", "requireSession(req")
	checkLength(t, "Express", middleware)
	if err := os.Symlink(nodeModules(t), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "package.json"), `{"type": "module"}`)
	writeFile(t, filepath.Join(dir, "session.js"), middleware)
	testkit.CopyFile(t, dir, "testdata/backend/express.mjs")
	return func(t *testing.T, env ...string) string { return startNode(t, env, filepath.Join(dir, "express.mjs")) }
}

// nextApplication builds the application with Next.js, and does the same for it.
func nextApplication(t *testing.T) func(*testing.T, ...string) string {
	t.Helper()
	proxy := testkit.Fence(t, backEnd, "js", "NextResponse")
	checkLength(t, "Next.js", proxy)
	modules := nodeModules(t)
	dir, err := os.MkdirTemp(filepath.Dir(modules), "next-") // below the packages, because Next.js follows no link to them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	writeFile(t, filepath.Join(dir, "proxy.js"), proxy)
	writeFile(t, filepath.Join(dir, "app", "app", "page.js"), testkit.Fence(t, backEnd, "js", "next/headers"))
	testkit.CopyFile(t, filepath.Join(dir, "app"), "testdata/backend/layout.jsx")
	testkit.CopyFile(t, dir, "testdata/backend/next.mjs")
	build := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "next", "dist", "bin", "next"), "build")
	build.Dir, build.Env = dir, append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("next build: %v\n%s", err, out)
	}
	return func(t *testing.T, env ...string) string { return startNode(t, env, filepath.Join(dir, "next.mjs")) }
}

func startNode(t *testing.T, env []string, script string) string {
	t.Helper()
	env = append(env, "NODE_ENV=production", "NEXT_TELEMETRY_DISABLED=1")
	// Debian 12's Node does not try IPv4 if localhost also has an IPv6 address.
	return startApplication(t, env, "node", "--dns-result-order=ipv4first", script)
}

// checkLength fails the test if an example is too long to read at once.
func checkLength(t *testing.T, name, example string) {
	t.Helper()
	if n := strings.Count(example, "\n"); n > 60 {
		t.Errorf("the middleware for %s has %d lines; want at most 60", name, n)
	}
}

// startApplication starts a program that prints its address on a line, and stops it at the end of the test.
func startApplication(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	var printed testkit.Buffer
	cmd.Stderr = &printed
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed: %s", program, printed.String())
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "127.0.0.1:") {
			return lines.Text()
		}
	}
	t.Fatalf("%s has not started: %s", program, printed.String())
	return ""
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
