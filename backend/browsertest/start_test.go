package browsertest

import (
	"testing"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// The tests of this file are about what happens while the app starts, in the page that the server has
// drawn. TestDrawnBrowser runs them.

// noteCompiled sets window.compiled when the app could run.
const noteCompiled = `{
	const instantiate = WebAssembly.instantiateStreaming;
	WebAssembly.instantiateStreaming = (...given) => instantiate(...given).then((result) => {
		requestAnimationFrame(() => requestAnimationFrame(() => { window.compiled = true }));
		return result;
	});
}`

// testDrawnPressed checks that the app does not take over between the press of a button and the
// response to the form that its release submits.
func testDrawnPressed(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.holdApp()
	p.Inject(noteCompiled)
	p.Inject(withoutTimeLimits)
	p.Visit("/sign-in")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	p.Until("the loader runs", loaderRuns)
	p.Act(`document.addEventListener("submit", (event) => event.preventDefault())`) // no response comes
	p.Act(`dispatchEvent(new Event("pointerdown"))`)
	p.Until("the loader waits for the app", `comeApp(), true`)
	p.Until("the app could run", `window.compiled`)
	p.Act(`dispatchEvent(new Event("pointerup")), document.getElementById("sign-in-submit").click()`)
	p.Act(`new Promise((resolve) => setTimeout(resolve, 500))`)
	if eval[bool](p, testkit.Running) {
		t.Error("the app takes over while a form waits for its response")
	}
}

// testDrawnComposed checks that the app waits until the user has composed a character, as they do
// in Japanese, and until they have released the space bar, which then clicks a button.
func testDrawnComposed(t *testing.T, server *testkit.Program) {
	email := browse(t, server).signUp()
	for begin, end := range map[string]string{
		`new Event("compositionstart")`:              `new Event("compositionend")`,
		`new KeyboardEvent("keydown", { key: " " })`: `new KeyboardEvent("keyup", { key: " " })`,
	} {
		p := browse(t, server)
		p.signIn(email)
		p.holdApp()
		p.Inject(noteCompiled)
		p.Inject(withoutTimeLimits)
		p.Visit("/dashboard/settings")
		p.Until("the loader runs", loaderRuns)
		p.Act(`dispatchEvent(` + begin + `)`)
		p.Until("the loader waits for the app", `comeApp(), true`)
		p.Until("the app could run", `window.compiled`)
		if eval[bool](p, testkit.Running) {
			t.Errorf("the app takes over between %s and %s", begin, end)
		}
		p.Act(`dispatchEvent(` + end + `)`)
		p.Running()
	}
}

// testDrawnOrder checks that nothing but the stylesheet delays the first paint, and that the service
// worker, which downloads everything, does not delay the app.
func testDrawnOrder(t *testing.T, server *testkit.Program) {
	p := browseWithWorker(t, server)
	p.holdApp()
	p.Inject(`{
		const later = setTimeout;
		setTimeout = (f, delay, ...given) => delay === 1e3 ? 0 : later(f, delay, ...given); // only the paint starts the rest
	}`)
	p.Visit("/sign-in")
	p.Until("app.js runs", `typeof goappInitWebAssembly === "function"`)
	early := eval[string](p, `(() => {
		const [painted] = performance.getEntriesByName("first-contentful-paint");
		return performance.getEntriesByType("resource").filter(({ startTime }) => startTime < painted.startTime).
			map(({ name }) => new URL(name).pathname).filter((path) => /\.(js|txt|wasm)$/.test(path)).join();
	})()`)
	if early != "/web/loader.js" { // it is small, and preloaded
		t.Errorf("before the first paint, the page requests %s", early)
	}
	if n := eval[int](p, `navigator.serviceWorker.getRegistrations().then((all) => all.length)`); n != 0 {
		t.Error("the service worker is registered before the app has taken over")
	}
	p.releaseApp()
	p.Until("the service worker is registered", `(await navigator.serviceWorker.getRegistrations()).length === 1`)
}

// atPause makes the page do something in a task of its own while the app draws, between two slices. The
// first pause is the one before the app runs.
func (p *tab) atPause(script string) {
	p.t.Helper()
	p.Until("the loader runs", loaderRuns)
	p.Act(`(() => {
		const pause = latchkeyPause;
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => {
			window.between = document.body.firstElementChild === drawn;
			` + script + `
		};
		const drawn = document.body.firstElementChild;
		let pauses = 0;
		latchkeyPause = () => {
			if (++pauses === 4) port2.postMessage(null); // the message comes before that of the pause
			return pause();
		};
	})()`)
	p.Until("the loader waits for the app", `comeApp(), true`)
	p.Until("the browser handles a task while the app draws", `"between" in window`)
	if !eval[bool](p, `between`) {
		p.t.Error("the browser handles the task only when the app has taken over")
	}
}

// testDrawnSlices checks that the app lets the browser handle events while it draws its first page. It does
// not take over while the user presses a button that they began to press meanwhile.
func testDrawnSlices(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.holdApp()
	p.Inject(withoutTimeLimits)
	p.Visit("/dashboard/settings")
	p.atPause(`dispatchEvent(new Event("pointerdown"))`)
	p.Act(`new Promise((resolve) => setTimeout(resolve, 500))`)
	if eval[bool](p, testkit.Running) {
		t.Error("the app takes over while the user presses a button")
	}
	p.Act(`dispatchEvent(new Event("pointerup"))`)
	p.Running()
	if eval[bool](p, `"latchkeyPause" in window`) {
		t.Error("the app may pause after it has taken over")
	}
}

// testDrawnLink checks that the app does not follow a link that the user clicks while the app draws: the browser
// has done so.
func testDrawnLink(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.holdApp()
	p.Visit("/dashboard/settings")
	p.atPause(`
		const link = document.querySelector("a[href='/dashboard/settings/sessions']");
		link.addEventListener("click", (event) => event.preventDefault()); // the response does not come yet
		link.click()`)
	p.Running()
	p.Act(`new Promise((resolve) => setTimeout(resolve, 500))`)
	p.At("/dashboard/settings")
}
