package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openBrowser starts Chromium, which ends with the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const want = "there is no browser: apt-get install chromium"
		if os.Getenv("CI") != "" {
			t.Fatal(want)
		}
		t.Skip(want)
	}

	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1280, 900),
		chromedp.Env("LANGUAGE=en_US"), // the tests look for English, whatever this computer speaks
	}
	for flag, value := range map[string]any{
		"headless":                      "new",
		"disable-quic":                  true,
		"disable-background-networking": true,
		"disable-component-update":      true,
		"disable-sync":                  true,
	} {
		options = append(options, chromedp.Flag(flag, value))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root with one
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return ctx
}

// A tab is a person before a browser. They find things by what they are called
// and what they are, as a screen reader does, and use mouse and keyboard. They
// complain about whatever the browser complains of.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu         sync.Mutex
	complaints []string
}

// browse opens a browser of its own: no cookie of another is in it.
func browse(t *testing.T, browser context.Context, origin string) *tab {
	t.Helper()
	return newTab(t, browser, origin, chromedp.WithNewBrowserContext())
}

// another opens one more tab of the same browser.
func (p *tab) another() *tab {
	p.t.Helper()
	return newTab(p.t, p.ctx, p.origin)
}

func newTab(t *testing.T, parent context.Context, origin string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	p := &tab{t: t, origin: origin}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(p.listen))...)
	p.ctx = ctx
	t.Cleanup(cancel)
	t.Cleanup(p.check)
	p.do(chromedp.EmulateViewport(1280, 900))
	// Several browsers have the focus at once here, as on several desks.
	command(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	command(p, audits.Enable, cdp.Empty{})
	command(p, cdplog.Enable, cdp.Empty{})
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	command(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `document.addEventListener("securitypolicyviolation", (e) =>
			console.error("policy violated:", e.violatedDirective, e.blockedURI, e.sample))`,
	})
	return p
}

// listen writes down what the browser complains of. That the server refused a
// call, or was not there, is no fault of the page.
func (p *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			complaint = "console.error:"
			for _, arg := range e.Args {
				complaint += " " + string(arg.Value) + arg.Description
			}
		}
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			complaint += " " + x.Description
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			complaint = "log: " + e.Entry.Text
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			details, _ := json.Marshal(e.Issue.Details.ContentSecurityPolicyIssueDetails)
			complaint = "policy violated: " + string(details)
		}
	}
	if complaint != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.complaints = append(p.complaints, complaint)
	}
}

// forgive returns the complaints so far, which the test provoked.
func (p *tab) forgive() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.complaints
	p.complaints = nil
	return all
}

func (p *tab) check() {
	for _, complaint := range p.forgive() {
		p.t.Errorf("the browser complains: %s", complaint)
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func command[P, R any](p *tab, c cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, c, params)
	if err != nil {
		p.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

// eval returns what an expression is in the page, or the zero value while the
// page is being replaced.
func eval[T any](p *tab, expression string) T {
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		var zero T
		return zero
	}
	return v
}

// wait waits until ok, and says what for if that takes too long.
func (p *tab) wait(what string, ok func() bool) {
	p.t.Helper()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-late:
			p.t.Fatalf("%s: not so after 20 seconds. At %s the page says:\n%s",
				what, eval[string](p, "location.href"), eval[string](p, "document.body.innerText"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// open goes to an address by hand and waits for the app.
func (p *tab) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.origin + path))
	p.wait("the app runs at "+path, func() bool { return eval[bool](p, `!document.getElementById("app-wasm-loader")`) })
}

// at waits until the page has that path.
func (p *tab) at(path string) {
	p.t.Helper()
	p.wait("the page is "+path, func() bool { return eval[string](p, "location.pathname") == path })
}

// see waits until the page says something.
func (p *tab) see(text string) {
	p.t.Helper()
	p.wait("the page says "+text, func() bool { return p.sees(text) })
}

func (p *tab) sees(text string) bool {
	return strings.Contains(eval[string](p, "document.body.innerText"), text)
}

// all is what is called name and is a role, in the order of the page. What a
// screen reader does not see is not there, nor what is behind a dialog.
func (p *tab) all(role, name string) []*accessibility.Node {
	root, err := chromedp.Call(p.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil
	}
	found, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		NodeID: root.Root.NodeID, Role: role, AccessibleName: name,
	})
	if err != nil {
		return nil // the page was replaced meanwhile
	}
	var seen []*accessibility.Node
	for _, node := range found.Nodes {
		if !node.Ignored {
			seen = append(seen, node)
		}
	}
	return seen
}

// the waits until there is exactly one such thing.
func (p *tab) the(role, name string) *accessibility.Node {
	p.t.Helper()
	return p.with(role, name, "")
}

// with waits until there is exactly one such thing that is described so.
func (p *tab) with(role, name, description string) *accessibility.Node {
	p.t.Helper()
	var node *accessibility.Node
	p.wait(fmt.Sprintf("there is one %s %q %s", role, name, description), func() bool {
		n := 0
		for _, one := range p.all(role, name) {
			if description == "" || words(one.Description) == description {
				node, n = one, n+1
			}
		}
		return n == 1
	})
	return node
}

// words is the text of a value of the accessibility tree.
func words(v *accessibility.Value) string {
	var s string
	if v != nil {
		json.Unmarshal(v.Value, &s) // it stays empty if it is no text
	}
	return s
}

// click clicks into the middle of something, wherever that is. A page that
// moves meanwhile lets the pointer miss; a person would see it and click again.
func (p *tab) click(node *accessibility.Node) {
	p.t.Helper()
	id := node.BackendDOMNodeID
	p.wait("a click hits "+words(node.Name), func() bool {
		hit := p.awaitClick(id)
		command(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: id})
		quads := command(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: id}).Quads
		if len(quads) == 0 {
			p.t.Fatalf("%s has no place in the page", words(node.Name))
		}
		q := quads[0]
		p.do(chromedp.MouseClickXY((q[0]+q[4])/2, (q[1]+q[5])/2))
		return hit()
	})
}

// awaitClick listens for a click on something, and returns whether it came.
func (p *tab) awaitClick(id cdp.BackendNodeID) (hit func() bool) {
	p.t.Helper()
	listener := command(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: command(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id}).Object.ObjectID,
		FunctionDeclaration: `function() {
			const seen = {hit: false}
			const listen = (e) => { seen.hit ||= e.composedPath().includes(this) }
			addEventListener("click", listen, true)
			seen.end = () => { removeEventListener("click", listen, true); return seen.hit }
			return seen
		}`,
	}).Result.ObjectID
	return func() bool {
		r, err := chromedp.Call(p.ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
			ObjectID: listener, FunctionDeclaration: `function() { return this.end() }`, ReturnByValue: new(true),
		})
		return err != nil || string(r.Result.Value) == "true" // the click may have led to another page
	}
}

// A place is where something is in the window.
type place struct{ left, top, right, bottom float64 }

func (p *tab) place(node *accessibility.Node) place {
	p.t.Helper()
	quads := command(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node.BackendDOMNodeID}).Quads
	if len(quads) == 0 {
		p.t.Fatalf("%s has no place in the page", words(node.Name))
	}
	q := quads[0]
	return place{q[0], q[1], q[4], q[5]}
}

// tap taps something with a finger. If it is out of sight the finger drags the
// page there first, which [tab.click] does not ask of it: only what can be
// scrolled by hand comes.
func (p *tab) tap(role, name string) {
	p.t.Helper()
	node := p.the(role, name)
	p.wait("a tap hits "+name, func() bool {
		at := p.place(node)
		width, height := eval[float64](p, "innerWidth"), eval[float64](p, "innerHeight")
		if x := (at.left + at.right) / 2; x < 0 || x > width {
			p.t.Fatalf("%s is beside the page of %g: %+v", name, width, at)
		}
		drag := 0.0
		if at.bottom > height {
			drag = -min(at.bottom-height/2, height/2)
		} else if at.top < 0 {
			drag = min(height/2-at.top, height/2)
		}
		if drag != 0 {
			p.touch(width/2, height/2, drag)
			return false
		}
		hit := p.awaitClick(node.BackendDOMNodeID)
		p.touch((at.left+at.right)/2, (at.top+at.bottom)/2, 0)
		return hit()
	})
}

// touch puts a finger down, drags it up or down by that many pixels, and lifts it.
func (p *tab) touch(x, y, drag float64) {
	p.t.Helper()
	send := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		command(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points})
	}
	send(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	const moves = 10
	for i := range moves {
		if drag != 0 {
			send(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x, Y: y + drag*float64(i+1)/moves})
		}
	}
	send(input.DispatchTouchEventTypeTouchEnd)
}

func (p *tab) press(button string) {
	p.t.Helper()
	p.click(p.the("button", button))
}

// fill writes into a field in the place of what is there.
func (p *tab) fill(label, text string) {
	p.t.Helper()
	// The page may move the focus once more after what was done before, as it
	// does when a dialog closes. A person would see it and click again.
	p.wait("what is typed into "+label+" is in it", func() bool {
		p.click(p.the("textbox", label))
		eval[bool](p, `document.activeElement.select?.(), true`)
		p.key(text)
		// A code that is whole sends itself, and its page goes.
		return eval[string](p, `document.activeElement.value ?? ""`) == text || len(p.all("textbox", label)) == 0
	})
}

// key presses keys, one after the other.
func (p *tab) key(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// tabTo presses the Tab key until the focus is on what is called so, with other
// keys held down if any are given: [backwards] with Shift.
func (p *tab) tabTo(name string, held ...chromedp.KeyOption) {
	p.t.Helper()
	for range 40 {
		p.do(chromedp.KeyEvent(kb.Tab, held...))
		if p.focused() == name {
			return
		}
	}
	p.t.Fatalf("the Tab key does not come to %s", name)
}

var backwards = chromedp.KeyModifiers(chromedp.ModifierShift)

// focused is the accessible name of what has the focus.
func (p *tab) focused() string {
	for _, node := range p.all("", "") {
		for _, property := range node.Properties {
			if property.Name == accessibility.PropertyNameFocused && string(property.Value.Value) == "true" && words(node.Role) != "RootWebArea" {
				return words(node.Name)
			}
		}
	}
	return ""
}

// awaitFocus waits until what is called so has it.
func (p *tab) awaitFocus(name string) {
	p.t.Helper()
	p.wait("the focus is on "+name, func() bool { return p.focused() == name })
}

// fits looks that nothing is wider than a page of that many pixels, nor than
// the dialog that it is in.
func (p *tab) fits(width int, what string) {
	p.t.Helper()
	for _, trouble := range eval[[]string](p, fmt.Sprintf(`[document.documentElement, ...document.querySelectorAll("dialog[open]")].
		filter((e) => e.scrollWidth > Math.min(e.clientWidth, %d)).
		map((e) => e.scrollWidth + " pixels are in a " + e.localName + " of " + e.clientWidth)`, width)) {
		p.t.Errorf("%s, on a page of %d: %s", what, width, trouble)
	}
}

// as makes the browser call itself something else.
func (p *tab) as(userAgent string) {
	p.t.Helper()
	command(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: userAgent})
}
