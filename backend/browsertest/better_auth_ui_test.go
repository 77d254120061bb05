package browsertest

import (
	"html"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"latchkey/backend/testkit"
)

// TestBetterAuthUI tests the pages of better-auth-ui, the most used front end of Better Auth, as an
// application has them: on its own origin, which passes /api/auth on.
func TestBetterAuthUI(t *testing.T) {
	t.Parallel()
	origin := serveApplication(t)
	c := testkit.NewClient(origin)
	const email, name = "grace@example.com", "Grace Hopper"
	c.Post("/sign-up/email", map[string]any{"email": email, "name": name, "password": password}).Must(t, 200, "")
	p := &tab{testkit.Browse(t, origin), t}
	p.Inject(withoutWorker)
	p.addAuthenticator(true)

	p.Open("/auth/sign-in")
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Press("Login")
	p.See("Current Session")

	// The sessions: that of the page, and that of the sign-up.
	p.Press("Revoke")
	p.Await("the other session ends", func() bool { return !c.SignedIn(t) })
	p.None("button", "Revoke")

	const changed = "a new secret of Grace"
	p.Fill("Current Password", password)
	p.Fill("New Password", changed)
	p.Press("Save")
	p.See("Your password has been changed.")

	p.Press("Enable Two-Factor")
	p.Fill("Password", changed)
	p.Press("Enable Two-Factor")
	p.See("Backup Codes")
	p.Press("Continue")
	p.At("/auth/two-factor")
	app, err := testkit.Scan(eval[string](p, `new URL(location).searchParams.get("totpURI")`))
	if err != nil {
		t.Fatal(err)
	}
	enterCode := func() {
		t.Helper()
		p.Click("textbox", "One-Time Password", "")
		p.Key(app.Next()) // a whole code submits itself
		p.At("/account/security")
	}
	enterCode()
	p.The("button", "Disable Two-Factor")

	p.Press("Add Passkey")
	p.Press("Delete")
	p.None("button", "Delete")

	p.Press("Sign Out")
	p.At("/auth/sign-in")
	p.Fill("Email", email)
	p.Fill("Password", changed)
	p.Press("Login")
	p.At("/auth/two-factor")
	enterCode()

	p.Press("Disable Two-Factor")
	p.Fill("Password", changed)
	p.Press("Disable Two-Factor")
	p.See("Two-Factor Authentication has been disabled")
	p.The("button", "Enable Two-Factor")

	p.Press("Delete Account")
	p.See("Please confirm the deletion of your account.")
	p.Fill("Password", changed)
	p.Press("Delete Account")
	p.At("/auth/sign-in")
	testkit.NewClient(origin).Post("/sign-in/email", map[string]any{"email": email, "password": changed}).
		Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
}

// serveApplication starts an application with the pages of better-auth-ui, and Latchkey behind it. It
// returns the origin that they share.
func serveApplication(t *testing.T) (origin string) {
	t.Helper()
	script := bundleApplication(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	origin = "http://localhost:" + port
	server := testkit.Start(t, "TWO_FACTOR_SIGN_IN=redirect", "SHARED_ORIGIN=true",
		"-origin", origin, "-trusted-proxies", "127.0.0.0/8", "-rate-limits", "off")
	target, err := url.Parse(server.Origin)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}})
	mux.HandleFunc("/app.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><title>` + html.EscapeString(r.URL.Path) +
			`</title><div id="root"></div><script type="module" src="/app.js"></script>`))
	})
	application := &http.Server{Handler: mux}
	go application.Serve(l)
	t.Cleanup(func() { application.Close() })
	return origin
}

// bundleApplication builds testdata/better-auth-ui as its users do, and returns the path of the script.
func bundleApplication(t *testing.T) string {
	t.Helper()
	const source = "testdata/better-auth-ui"
	modules := testkit.InstallModules(t, source, "--legacy-peer-deps") // only to install fewer packages than all optional ones
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	testkit.CopyFile(t, dir, filepath.Join(source, "main.jsx"))
	script := filepath.Join(dir, "app.js")
	build := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", "esbuild"), "main.jsx", "--bundle", "--minify",
		"--format=esm", "--jsx=automatic", `--define:process.env.NODE_ENV="production"`, "--outfile="+script, "--log-level=warning")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	if info, err := os.Stat(script); err != nil || info.Size() == 0 {
		t.Fatalf("esbuild wrote no script: %v", err)
	}
	return script
}
