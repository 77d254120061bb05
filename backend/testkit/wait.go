package testkit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// watchScript runs in every page before any other script. It wakes up the waiting
// functions when something may have changed: nodes, attributes, texts, the focus, input,
// the address or the service worker. Some changes have no event, such as those of the
// browser's storage, so the functions also check five times a second.
const watchScript = `(() => {
	const {setTimeout, clearTimeout, setInterval, clearInterval} = globalThis
	const now = Date.now
	const watchers = new Set()
	let changes = 0, due = false
	const changed = () => {
		changes++
		if (due || watchers.size === 0) return
		due = true
		setTimeout(() => {
			due = false
			for (const look of [...watchers]) look()
		}, 10) // a page is drawn in many small steps
	}
	new MutationObserver(changed).observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
	for (const type of ["focusin", "focusout", "input", "change", "toggle", "close", "submit", "popstate", "hashchange", "load", "pageshow",
		"readystatechange", "DOMContentLoaded", "animationstart", "animationend", "transitionend", "storage", "online", "offline", "resize"])
		addEventListener(type, changed, true)
	globalThis.navigation?.addEventListener("currententrychange", changed)
	navigator.serviceWorker?.addEventListener("controllerchange", changed)
	// A toast disappears after a few seconds. A slow machine may take that long to check.
	let toasts = [] // the texts of toasts since the last user input
	const drawn = new WeakMap() // the last text of each toast
	const collect = () => {
		for (const toast of document.querySelectorAll(".toast > p")) {
			if (drawn.get(toast) !== toast.textContent) toasts.push(toast.textContent)
			drawn.set(toast, toast.textContent)
		}
	}
	new MutationObserver(collect).observe(document, {subtree: true, childList: true, characterData: true})
	for (const type of ["pointerdown", "keydown", "input", "click"])
		addEventListener(type, () => { toasts = [] }, true)
	const wait = (look, patience) => new Promise((resolve) => {
		let asked = false
		const done = (value) => {
			watchers.delete(again)
			clearInterval(tick)
			clearTimeout(late)
			resolve(value)
		}
		const again = async () => {
			if (asked) return // the tick looks once more
			asked = true
			let value
			try { value = await look() } catch {} // the page is not drawn yet
			asked = false
			if (value) done(true)
		}
		watchers.add(again)
		const tick = setInterval(again, 200)
		const late = setTimeout(() => done(false), patience)
		again()
	})
	Object.defineProperty(globalThis, "testkit", {value: {
		get changes() { return changes },
		until: wait,
		says: (text) => document.body.innerText.includes(text) || toasts.some((toast) => toast.includes(text)),
		change: (seen) => wait(() => changes !== seen, 250),
		now,
	}})
})()`

// slice is how long one promise in the page may take. If the page is replaced, its
// promises do not resolve, and [Tab.Until] makes a new one.
const slice = 5 * time.Second

// Until waits until an expression in the page, or the value of its promise, is true. An
// expression that throws counts as not yet true.
func (p *Tab) Until(what, expression string) {
	p.t.Helper()
	if !p.scripts { // promises do not resolve there
		p.Await(what, func() bool { return Eval[bool](p, expression) })
		return
	}
	script := fmt.Sprintf(`testkit.until(async () => (%s), %d)`, expression, slice.Milliseconds())
	for end := time.Now().Add(Patience); ; {
		began := time.Now()
		if p.promised(script) {
			return
		}
		if time.Now().After(end) {
			p.fail(what)
		}
		if time.Since(began) < slice/2 { // the page is being replaced
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// promised returns the value of a promise in the page, or false if the page is replaced
// before that.
func (p *Tab) promised(script string) bool {
	ctx, cancel := context.WithTimeout(p.ctx, 2*slice)
	defer cancel()
	ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	return err == nil && ok
}

// Await waits until ok returns true. It calls ok after each change of the page and at
// least four times a second, so ok can also depend on other things than the page.
func (p *Tab) Await(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(Patience); ; {
		seen := Eval[*int](p, `globalThis.testkit?.changes`)
		if ok() {
			return
		}
		if time.Now().After(end) {
			p.fail(what)
		}
		if seen == nil || !p.scripts {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		p.promised(fmt.Sprintf(`testkit.change(%d)`, *seen))
	}
}

// fail ends the test with the awaited condition and the text of the page.
func (p *Tab) fail(what string) {
	p.t.Helper()
	p.brief = true
	if p.last != nil {
		what += " (" + p.last.Error() + ")"
	}
	p.saveFailure()
	p.t.Fatalf("timed out after %v: %s. The page %s contains:\n%s", Patience, what, Eval[string](p, "location.href"), p.Text())
}

// Text returns the visible text of the page.
func (p *Tab) Text() string { return Eval[string](p, "document.body?.innerText ?? ''") }

// At waits until the address of the page has a path.
func (p *Tab) At(path string) {
	p.t.Helper()
	p.Until("the page is "+path, fmt.Sprintf(`location.pathname === %q`, path))
}

// See waits until the page contains a text, or has shown it in a toast since the user last
// did something.
func (p *Tab) See(text string) {
	p.t.Helper()
	says := "document.body.innerText.includes(%s)"
	if p.scripts {
		says = "testkit.says(%s)"
	}
	p.Until("the page says "+text, fmt.Sprintf(says, Quote(text)))
}

// Gone waits until the page no longer contains a text.
func (p *Tab) Gone(text string) {
	p.t.Helper()
	p.Until("the page no longer says "+text, fmt.Sprintf(`!document.body.innerText.includes(%s)`, Quote(text)))
}

// Sees reports whether the page contains a text now.
func (p *Tab) Sees(text string) bool { return strings.Contains(p.Text(), text) }

// Open goes to a path, as if the user had typed the address, and waits until the app runs.
func (p *Tab) Open(path string) {
	p.t.Helper()
	p.Visit(path)
	p.Running()
}

// Running is an expression that is true once the app has taken over the page. Then web/loader.js has
// removed its own replaceChild. The element that the app removes may also be missing while the
// browser still parses the page.
const Running = `(document.readyState === "complete" && !document.getElementById("app-wasm-loader") &&
	!Object.hasOwn(document.body, "replaceChild"))`

// Running waits until the app has taken over the page.
func (p *Tab) Running() {
	p.t.Helper()
	p.Until("the app runs", Running)
}

// Visit goes to a path, as if the user had typed the address. It waits until the page is
// loaded, but not until the app runs.
func (p *Tab) Visit(path string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(p.Origin + path))
}

// Field waits until the input with an id holds a text.
func (p *Tab) Field(id, text string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("%s holds %q", id, text), fmt.Sprintf(`document.getElementById(%q).value === %s`, id, Quote(text)))
}

// Capital returns text with its first letter in upper case.
func Capital(text string) string {
	letters := []rune(text)
	return strings.ToUpper(string(letters[0])) + string(letters[1:])
}

// Quote returns a text as a JavaScript string literal.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
