package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// nextApp is the folder of a small application with Next.js and Better Auth: before/ is the whole
// application, and after/ has the files that change when it moves.
const nextApp = "testdata/nextapp"

// gone lists what the application deletes when it moves.
var gone = []string{"lib/auth.js", "app/api", "app/sign-in", "app/sign-up"}

// TestMovedApplication tests that the moved application has the middleware of the documentation. If
// thorough, it also moves the application: two builds of Next.js take half a minute.
func TestMovedApplication(t *testing.T) {
	t.Parallel()
	documented := mustReplace(t, testkit.Fence(t, backEnd, "js", "NextResponse"), `"/app/:path*"`, `["/dashboard", "/account"]`)
	source, err := os.ReadFile(filepath.Join(nextApp, "after", "proxy.js"))
	if err != nil {
		t.Fatal(err)
	}
	if string(source) != documented {
		t.Errorf("the application differs from the documentation, which has\n%s", documented)
	}
	config := testkit.Fence(t, betterAuth, "caddyfile", "@latchkey")
	if testkit.Thorough() {
		moveApplication(t, config)
	}
}

// A mover has the users of an application that moves.
type mover struct {
	origin         string
	ann, bob, cleo *testkit.Client // with a password alone, an authenticator, a passkey
	app            *testkit.AuthenticatorApp
	device         *authenticator.Authenticator
	source, target string // databases
}

func moveApplication(t *testing.T, config string) {
	modules := testkit.InstallModules(t, nextApp, "--legacy-peer-deps")
	plugin := filepath.Join(installPlugin(t), "node_modules", "latchkey-client")
	address := testkit.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	m := &mover{origin: "http://localhost:" + port, source: storetest.Postgres(t), target: storetest.SQLite(t)}

	before := copyApplication(t, modules, "before")
	buildApplication(t, modules, before)
	env := []string{"DATABASE_URL=" + m.source, "BETTER_AUTH_SECRET=" + oldSecret, "BETTER_AUTH_URL=" + m.origin, "PORT=" + port}
	runShell(t, before, env, "node migrate.mjs")
	t.Run("Before", func(t *testing.T) { // which stops the application
		startNode(t, env, filepath.Join(before, "serve.mjs"))
		m.fill(t)
		m.check(t, "/sign-in?callbackURL=%2Fdashboard", 307)
	})

	after := copyApplication(t, modules, "before", "after")
	for _, name := range gone {
		if err := os.RemoveAll(filepath.Join(after, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	copyFolder(t, plugin, filepath.Join(after, "node_modules", "latchkey-client"))
	buildApplication(t, modules, after)
	m.move(t, config, after)
	m.check(t, m.origin+"/sign-in?callbackURL=%2Fdashboard", 303)
	m.checkAfter(t)
}

// move imports the users, and starts Latchkey, the moved application and the proxy.
func (m *mover) move(t *testing.T, config, after string) {
	t.Helper()
	dir := shellDir(t)
	writeFile(t, filepath.Join(dir, "better-auth-secret"), oldSecret+"\n")
	env := []string{"OLD_DATABASE=" + m.source, "LATCHKEY_DATABASE=" + m.target}
	runShell(t, dir, env, testkit.Fence(t, betterAuth, "sh", "import better-auth -from"))
	key := runShell(t, dir, env, testkit.Fence(t, backEnd, "sh", "server-key create"))
	server := testkit.Start(t, "TWO_FACTOR_SIGN_IN=redirect", "SHARED_ORIGIN=true", "-origin", m.origin,
		"-trusted-proxies", "127.0.0.1", "-database", m.target, "-data", filepath.Join(dir, "data"))
	app := startNode(t, []string{"ACCOUNTS_ORIGIN=" + m.origin, "ACCOUNTS_KEY=" + strings.TrimSpace(key)}, filepath.Join(after, "serve.mjs"))

	p := newProxy(t)
	upstream := strings.Replace(strings.TrimPrefix(server.Origin, "http://"), "localhost", "127.0.0.1", 1)
	p.write(t, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n"+mustReplace(t, config,
		"tasks.example.com {", m.origin+" {\n\tbind 127.0.0.1", "127.0.0.1:8080", upstream, "127.0.0.1:3000", app))
	p.run(t, "caddy", "run", "--adapter", "caddyfile", "--config", p.path("Caddyfile"))
	ready := func() bool { return testkit.NewClient(m.origin).Get("/ok").Status == 200 }
	testkit.Eventually(t, "the proxy is ready", ready, server.Output.String)
}

// fill creates the users as the pages of the application do.
func (m *mover) fill(t *testing.T) {
	t.Helper()
	signUp := func(name string) *testkit.Client {
		c := testkit.NewClient(m.origin)
		c.SignUp(name+"@example.com").Must(t, 200, "")
		return c
	}
	m.ann, m.bob, m.cleo = signUp("ann"), signUp("bob"), signUp("cleo")
	m.app = m.bob.Post("/two-factor/enable", body{"password": testkit.Password}).Scan(t)
	m.bob.Post("/two-factor/verify-totp", body{"code": m.app.Next()}).Must(t, 200, "")
	m.device = authenticator.New(m.origin)
	m.cleo.Post("/passkey/verify-registration", create(t, m.device, beginCeremony(t, m.cleo, "register"))).Must(t, 200, "")
}

// check tests that the protected page shows each user their own name, and sends others to sign in.
func (m *mover) check(t *testing.T, signIn string, status int) {
	t.Helper()
	for name, c := range map[string]*testkit.Client{"ann": m.ann, "bob": m.bob, "cleo": m.cleo} {
		if a := c.Do("GET", "/dashboard", ""); a.Status != 200 || !strings.Contains(a.Body, name+"@example.com") {
			t.Errorf("the dashboard of %s: %v", name, a)
		}
	}
	a := testkit.NewClient(m.origin).Do("GET", "/dashboard", "", "Sec-Fetch-Mode: navigate")
	if a.Status != status || !strings.HasSuffix(a.Header.Get("Location"), signIn) {
		t.Errorf("the dashboard without a session: %v, Location %q", a, a.Header.Get("Location"))
	}
}

// checkAfter tests that the users of before sign in and go on.
func (m *mover) checkAfter(t *testing.T) {
	t.Helper()
	m.ann.Post("/update-user", body{"name": "Ann"}).Must(t, 200, "") // replaces the cookie
	m.bob, m.cleo = testkit.NewClient(m.origin), testkit.NewClient(m.origin)
	signIn(m.bob, "bob@example.com", testkit.Password).Must(t, 200, "")
	m.bob.Post("/two-factor/verify-totp", body{"code": m.app.Next()}).Must(t, 200, "")
	m.cleo.Post("/passkey/verify-authentication", use(t, m.device, beginCeremony(t, m.cleo, "authenticate"))).Must(t, 200, "")
	m.check(t, m.origin+"/sign-in?callbackURL=%2Fdashboard", 303)
	for path, want := range map[string]string{
		"/": "<title>Tasks</title>", "/account": "<title>Tasks</title>", "/dashboard/settings": "Latchkey</title>",
		"/manifest.webmanifest": `"start_url"`, "/web/app.css": "color",
	} {
		if a := m.ann.Do("GET", path, ""); a.Status != 200 || !strings.Contains(a.Body, want) {
			t.Errorf("%s is not the expected page: %v", path, a)
		}
	}
	if a := m.ann.Do("GET", "/sign-in?callbackURL=/dashboard", ""); a.Status != 303 || a.Header.Get("Location") != "/dashboard" {
		t.Errorf("the sign-in page, signed in: %v, Location %q", a, a.Header.Get("Location"))
	}
	m.ann.Post("/sign-out", body{}).Must(t, 200, "")
	if a := m.ann.Do("GET", "/dashboard", ""); a.Status != 401 {
		t.Errorf("the dashboard after a sign-out: %v", a)
	}
}

// copyApplication copies folders of the application into a new one, the later over the earlier. It
// is below the packages, because Next.js follows no link to them.
func copyApplication(t *testing.T, modules string, folders ...string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(modules), "next-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, folder := range folders {
		copyFolder(t, filepath.Join(nextApp, folder), dir)
	}
	for _, script := range []string{"migrate.mjs", "serve.mjs"} {
		testkit.CopyFile(t, dir, filepath.Join(nextApp, script))
	}
	writeFile(t, filepath.Join(dir, "package.json"), `{"type": "module"}`)
	return dir
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			writeFile(t, filepath.Join(to, strings.TrimPrefix(path, from)), string(content))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func buildApplication(t *testing.T, modules, dir string) {
	t.Helper()
	runIn(t, dir, "env", "NEXT_TELEMETRY_DISABLED=1", "node", filepath.Join(modules, "next", "dist", "bin", "next"), "build")
}
