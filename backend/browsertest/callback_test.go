package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestCallbackBrowser tests that users who sign in for an application get to its page. It shares the
// origin with the pages of Latchkey.
func TestCallbackBrowser(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(application())
	t.Cleanup(other.Close)
	other.URL = strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	origin := shareOrigin(t, other.URL)
	open := func(t *testing.T) *tab { return &tab{testkit.Browse(t, origin), t} }

	t.Run("Password", func(t *testing.T) {
		t.Parallel()
		p := open(t)
		const email = "password@example.com"
		p.signUpAs(email)
		p.awaitServiceWorker()
		p.Press(en.T(message.SignOut))
		p.At("/sign-in")
		p.Open("/tasks?page=2")
		p.See(en.T(message.SignInToGoOn))
		p.submitSignIn(email, password)
		p.See("Task page 2")
		p.At("/tasks")

		// The service worker shows no page of Latchkey in place of one of the application.
		p.Visit("/tasks?slow")
		p.See("Task page")
		p.Visit("/")
		p.See("Welcome to the tasks")
	})
	t.Run("SignUp", func(t *testing.T) {
		t.Parallel()
		p := open(t)
		p.Open("/tasks?page=3")
		p.Click("link", en.T(message.CreateAnAccount), "")
		p.At("/sign-up")
		p.submitSignUp("Ada", "sign-up@example.com", password)
		p.See("Task page 3")
	})
	t.Run("SecondFactor", func(t *testing.T) {
		t.Parallel()
		p := open(t)
		device := p.addAuthenticator(true)
		const email = "factor@example.com"
		p.signUpAs(email)
		app, _ := p.enable()
		p.addPasskey("")
		device.signOut()
		p.Open("/tasks?page=4")
		p.submitSignIn(email, password)
		p.At("/two-factor")
		p.AwaitFocus(signInCode)
		p.Key(app.Next())
		p.notNow()
		p.See("Task page 4")

		p.post("sign-out", struct{}{})
		p.Open("/tasks?page=5")
		device.setUserPresent(true)
		p.Press(en.T(message.SignInWithPasskey))
		p.See("Task page 5")
	})
	t.Run("NoScript", func(t *testing.T) {
		t.Parallel()
		p := open(t)
		const email = "no-script@example.com"
		testkit.NewClient(origin).SignUp(email).Must(t, 200, "")
		p.NoScript()
		p.Visit("/sign-in?callbackURL=" + url.QueryEscape(other.URL+"/tasks?page=6"))
		p.Enter("sign-in-email", email)
		p.Enter("sign-in-password", testkit.Password)
		p.clickButton(message.SignIn)
		p.See("Task page 6")
		if at := eval[string](p, "location.origin"); at != other.URL {
			t.Errorf("the page is at %s", at)
		}
	})
}

// application returns an application whose page is for users who are signed in.
func application() http.Handler {
	mux := http.NewServeMux()
	draw := func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Tasks</title><p>%s</p>`, text)
	}
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { draw(w, "Welcome to the tasks") })
	mux.HandleFunc("/tasks", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Cookie"), "latchkey.session_token=") {
			http.Redirect(w, r, "/sign-in?callbackURL="+url.QueryEscape(r.RequestURI), http.StatusSeeOther)
			return
		}
		if r.URL.Query().Has("slow") {
			time.Sleep(3 * time.Second) // longer than the patience of the service worker
		}
		draw(w, "Task page "+r.URL.Query().Get("page"))
	})
	return mux
}

// shareOrigin starts Latchkey, and an application on its origin. It returns that origin.
func shareOrigin(t *testing.T, trusted string) (origin string) {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	origin = "http://localhost:" + port
	server := testkit.Start(t, "SHARED_ORIGIN=true", "-origin", origin, "-trusted-proxies", "127.0.0.0/8", "-rate-limits", "off",
		"-trusted-origins", trusted)
	target, err := url.Parse(server.Origin)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}})
	mux.Handle("/{$}", application())
	mux.Handle("/tasks", application())
	front.Config.Handler = mux
	front.Start()
	t.Cleanup(front.Close)
	return origin
}
