package testkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var errNoChromium = errors.New("there is no browser: apt-get install chromium")

// Chromium returns the path of the installed browser.
func Chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}

// HiddenPages are the features of Chromium by which each new window loads two hidden pages, for the
// suggestions of its address bar. That takes more time than the page of a test.
const HiddenPages = "WebUIOmniboxPopup,WebUIOmniboxAimPopup"

// chromium starts the browser of the test program when a test first needs it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := Chromium()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "latchkey-chromium-")
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(desktopWidth, desktopHeight),
		chromedp.WSURLReadTimeout(Patience),
		chromedp.Env("LANGUAGE=en_US"), // the tests expect English on every computer
	}
	for flag, value := range map[string]any{
		"headless":                      "new",
		"disable-quic":                  true,
		"disable-background-networking": true,
		"disable-component-update":      true,
		"disable-sync":                  true,
		"disable-features":              HiddenPages,
	} {
		options = append(options, chromedp.Flag(flag, value))
	}
	if os.Getenv("LATCHKEY_TEST_OPTIMIZE") != "on" { // "make plain" sets it
		// A page lives for seconds here, so optimizing its code takes longer than it saves.
		options = append(options, chromedp.Flag("js-flags", "--liftoff-only"))
	}
	var shm syscall.Statfs_t
	if syscall.Statfs("/dev/shm", &shm) == nil && shm.Bavail*uint64(shm.Bsize) < 1<<30 {
		options = append(options, chromedp.Flag("disable-dev-shm-usage", true)) // in a container it can be 64 MB
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with a sandbox
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	atExit(func() {
		cancel()
		free()
		os.RemoveAll(dir)
	})
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ctx, nil
})

// The size of a tab's window, unless a test changes it.
const (
	desktopWidth  = 1280
	desktopHeight = 900
)

// A Tab is a browser tab that a test drives as a user does: it finds elements by role and
// accessible name, as a screen reader does, and uses mouse and keyboard. The test fails if
// the browser reports an error that the test does not allow with [Tab.Provoke].
//
// Every method that waits does so for [Patience], and then fails the test with the text of
// the page.
type Tab struct {
	Origin string

	t         testing.TB
	ctx       context.Context
	userAgent string
	scripts   bool  // the page may run scripts
	brief     bool  // the test has failed: calls of the browser have a short timeout
	left      bool  // saveFailure was called
	last      error // why the last click did not succeed

	mu       sync.Mutex
	console  []string // all reports of the browser, to be read if the test fails
	errors   []string
	provoked []string
}

// Browse opens a tab with its own cookies and storage, like a private window.
func Browse(t testing.TB, origin string) *Tab {
	t.Helper()
	return newTab(t, open(t), origin, chromedp.WithNewBrowserContext())
}

// BrowseProfile opens a tab of the browser's main profile, whose cookies all such tabs
// share. It is for functions that private windows lack, such as installing an app.
func BrowseProfile(t testing.TB, origin string) *Tab {
	t.Helper()
	return newTab(t, open(t), origin)
}

func open(t testing.TB) context.Context {
	t.Helper()
	ctx, err := chromium()
	if errors.Is(err, errNoChromium) {
		Need(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// Another opens a further tab with the same cookies and storage. The errors that the test
// has allowed so far are allowed in it, too.
func (p *Tab) Another() *Tab {
	p.t.Helper()
	other := newTab(p.t, p.ctx, p.Origin)
	p.mu.Lock()
	defer p.mu.Unlock()
	other.Provoke(p.provoked...)
	return other
}

func newTab(t testing.TB, parent context.Context, origin string, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	p := &Tab{t: t, Origin: origin, scripts: true}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(p.listen))...)
	p.ctx = ctx
	t.Cleanup(cancel)
	t.Cleanup(p.finish)
	// The first call opens the tab, which lives as long as the context of that call. So the
	// call has no timeout.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(desktopWidth, desktopHeight)); err != nil {
		t.Fatal(err)
	}
	// Several tabs have the focus at once, as if each had its own user.
	Command(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	Command(p, audits.Enable, cdp.Empty{})
	Command(p, cdplog.Enable, cdp.Empty{})
	p.Media()
	p.Inject(watchScript)
	p.Inject(`document.addEventListener("securitypolicyviolation", (e) =>
		console.error("policy violated:", e.violatedDirective, e.blockedURI, e.sample))`)
	p.userAgent = Eval[string](p, `navigator.userAgent`)
	return p
}

// listen records the reports of the browser. Network errors are not failures of the page:
// the server has refused a call, or is not reachable.
func (p *Tab) listen(event any) {
	message, failure := "", false
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		message = "console." + string(e.Type) + ":"
		for _, arg := range e.Args {
			message += " " + string(arg.Value) + arg.Description
		}
		failure = e.Type == runtime.ConsoleAPICalledTypeError
	case *runtime.EventExceptionThrown:
		message, failure = "exception: "+e.ExceptionDetails.Text, true
		if x := e.ExceptionDetails.Exception; x != nil {
			message += " " + x.Description
		}
	case *cdplog.EventEntryAdded:
		message = "log: " + e.Entry.Text + " " + e.Entry.URL
		failure = e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			details, _ := json.Marshal(e.Issue.Details.ContentSecurityPolicyIssueDetails)
			message, failure = "policy violated: "+string(details), true
		}
	}
	if message == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.console = append(p.console, message)
	if failure {
		p.errors = append(p.errors, message)
	}
}

// Provoke allows errors that contain one of the texts, because the test causes
// them. The browser may report them before the call or long after it.
func (p *Tab) Provoke(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.provoked = append(p.provoked, texts...)
}

// Errors returns the errors that the browser has reported so far.
func (p *Tab) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errors)
}

// finish fails the test for each error that the test does not allow. If the test has
// failed, it saves the state of the page.
func (p *Tab) finish() {
	p.t.Helper()
	p.brief = p.t.Failed()
	Eval[bool](p, `true`) // after this call, all earlier reports have arrived
	p.mu.Lock()
	provoked := p.provoked
	p.mu.Unlock()
	for _, message := range p.Errors() {
		if !slices.ContainsFunc(provoked, func(text string) bool { return strings.Contains(message, text) }) {
			p.t.Errorf("the browser reports: %s", message)
		}
	}
	if p.t.Failed() && !p.left {
		p.saveFailure()
	}
}

// limited returns a context with a timeout for one call of the browser.
func (p *Tab) limited() (context.Context, context.CancelFunc) {
	patience := Patience
	if p.brief {
		patience = 5 * time.Second
	}
	return context.WithTimeout(p.ctx, patience)
}

// ask sends a command of the DevTools protocol.
func ask[P, R any](p *Tab, c cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := p.limited()
	defer cancel()
	return chromedp.Call(ctx, c, params)
}

func (p *Tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := p.limited()
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Do runs chromedp actions.
func (p *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := p.do(steps...); err != nil {
		p.t.Fatal(err)
	}
}

// Command sends a command of the DevTools protocol, and fails the test if it fails.
func Command[P, R any](p *Tab, c cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := ask(p, c, params)
	if err != nil {
		p.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

// Eval returns the value of an expression in the page. If that is a promise, Eval returns
// the value that it resolves to. If the evaluation fails, for example because the page is
// being replaced, Eval returns the zero value: use [Tab.Until] to wait for a value.
func Eval[T any](p *Tab, expression string) T {
	ctx, cancel := p.limited()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		var zero T
		return zero
	}
	return v
}

// Act evaluates an expression for its effect in the page, and waits for its promise if it
// has one. It fails the test if the expression throws.
func (p *Tab) Act(expression string) {
	p.t.Helper()
	p.Do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[*runtime.RemoteObject](expression, chromedp.EvalAwaitPromise)(ctx, t)
		return chromedp.Void{}, err
	})
}

// Inject runs a script before any other in each page that the tab loads from now on.
func (p *Tab) Inject(script string) {
	p.t.Helper()
	Command(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// As sets the user agent of the browser.
func (p *Tab) As(userAgent string) {
	p.t.Helper()
	p.userAgent = userAgent
	Command(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: userAgent})
}

// Prefers sets the Accept-Language header of the browser.
func (p *Tab) Prefers(languages string) {
	p.t.Helper()
	Command(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: p.userAgent, AcceptLanguage: languages})
}

// BypassWorker makes the tab load its pages from the server even if a service worker controls them.
// The worker serves a page of its own if the server takes longer than two seconds, and that page
// shows nothing without the app.
func (p *Tab) BypassWorker() {
	p.t.Helper()
	Command(p, network.Enable, network.EnableParams{})
	Command(p, network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true})
}

// NoScript disables JavaScript in the pages of the tab. A browser without it has no service worker.
func (p *Tab) NoScript() {
	p.t.Helper()
	p.BypassWorker()
	p.scripts = false
	Command(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Media sets the preferences of the user as CSS media features. Reduced motion is always
// among them.
func (p *Tab) Media(features ...*emulation.MediaFeature) {
	p.t.Helper()
	Command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: append(features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"}),
	})
}

// Desk resets the window size and the preferences to those of a new tab.
func (p *Tab) Desk() {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(desktopWidth, desktopHeight))
	p.Media()
}

// Block makes the browser block a path of the server, in place of a path that it blocked
// before.
func (p *Tab) Block(path string) {
	p.t.Helper()
	Command(p, network.Enable, network.EnableParams{})
	Command(p, network.SetBlockedURLs, network.SetBlockedURLsParams{
		URLPatterns: []*network.BlockPattern{{URLPattern: p.Origin + path, Block: true}},
	})
}

// Adopt adds the cookies of a client to the tab.
func (p *Tab) Adopt(c *Client) {
	p.t.Helper()
	for _, cookie := range c.Cookies() {
		Command(p, network.SetCookie, network.SetCookieParams{
			Name: cookie.Name, Value: cookie.Value, URL: p.Origin, HTTPOnly: new(true), SameSite: network.CookieSameSiteLax,
		})
	}
}

// UserAgent returns the user agent of the browser.
func (p *Tab) UserAgent() string { return p.userAgent }
