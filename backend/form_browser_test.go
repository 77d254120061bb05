package main_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFormBrowser has people sign in before the app is there, and without it.
func TestFormBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
		"NoScript":       testFormNoScript,
		"TakeOver":       testFormTakeOver,
		"TakeOverCode":   testFormTakeOverCode,
		"TakeOverErrors": testFormTakeOverErrors,
		"NoApp":          testFormNoApp,
		"Once":           testFormOnce,
		"Still":          testFormStill,
		"Progress":       testFormProgress,
		"Blocked":        testFormBlocked,
	}, nil)
}

// noScript switches JavaScript off, as some people do.
func (p *tab) noScript() {
	p.t.Helper()
	command(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// visit goes to an address by hand and does not wait for the app.
func (p *tab) visit(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.origin + path))
}

// holdApp keeps the app from coming until the test calls comeApp.
func (p *tab) holdApp() {
	p.t.Helper()
	p.inject(`{
		const fetched = fetch;
		const gate = new Promise((open) => { window.comeApp = open; });
		window.fetch = (url, ...rest) => url.startsWith("/web/app.wasm") ? gate.then(() => fetched(url, ...rest)) : fetched(url, ...rest);
	}`)
}

func (p *tab) comeApp() {
	p.t.Helper()
	p.wait("the loader waits for the app", func() bool { return eval[bool](p, `comeApp(), true`) })
	p.wait("the app runs", func() bool { return eval[bool](p, `!document.getElementById("app-wasm-loader")`) })
}

// enter types into the input with that id, and does not ask the page's scripts
// whether it has come there.
func (p *tab) enter(id, text string) {
	p.t.Helper()
	p.wait("there is a "+id, func() bool {
		return eval[bool](p, `(() => { const e = document.getElementById("`+id+`"); e.focus(); e.select(); return document.activeElement === e })()`)
	})
	p.key(text)
}

// activate does what a click on an element does.
func (p *tab) activate(selector string) {
	p.t.Helper()
	p.wait("there is a "+selector, func() bool { return eval[bool](p, `document.querySelector("`+selector+`").click() === undefined`) })
}

const doNotBelong = "This email address and password do not belong together."

func testFormNoScript(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()
	phone, codes := owner.enable()

	p := browse(t, browser, server.origin)
	p.noScript()
	p.visit("/sign-in?next=%2Fdashboard%2Fsettings%23sessions")
	p.see("Signing in works without JavaScript.")
	for _, gone := range []string{"app-wasm-loader", "boot"} {
		if eval[bool](p, `document.getElementById("`+gone+`").checkVisibility()`) {
			t.Errorf("%s is there for ever", gone)
		}
	}
	if eval[bool](p, `document.querySelector(".bone").checkVisibility()`) {
		t.Error("the place of the passkey button is there for ever")
	}
	p.enter("sign-in-email", email)
	p.enter("sign-in-password", "not the password"+kb.Enter)
	p.see(doNotBelong)
	p.with("textbox", "Password", doNotBelong)
	p.awaitFocus("Password")
	if got := eval[string](p, `document.getElementById("sign-in-email").value + document.getElementById("sign-in-password").value`); got != email {
		t.Errorf("the form holds %q; want the address alone", got)
	}
	p.enter("sign-in-password", password+kb.Enter)
	p.at("/two-factor")
	p.awaitFocus(atSignIn)
	p.key("000000" + kb.Enter)
	p.see("Invalid code. Please try again.")
	p.enter("challenge-code", phone.code())
	p.activate("#challenge-submit")
	p.at("/dashboard/settings")
	p.see("If signing in has led you here, you are signed in.")
	if hash := eval[string](p, "location.hash"); hash != "#sessions" {
		t.Errorf("it leads to %q; want #sessions", hash)
	}
	if eval[string](p, "document.cookie") != "" {
		t.Error("scripts can read a cookie")
	}
	owner.open("/dashboard/settings")
	owner.wait("the session is in the list", func() bool {
		return strings.Contains(owner.card("sessions"), "Password and authenticator app")
	})

	// With a backup code.
	p.visit("/sign-in")
	p.enter("sign-in-email", email)
	p.enter("sign-in-password", password+kb.Enter)
	p.at("/two-factor")
	p.the("textbox", atSignIn)
	p.activate("#challenge-backup summary")
	p.enter("challenge-backupCode", "aaaaa-bbbbb")
	p.activate("#challenge-backup button")
	p.see("This is not one of your backup codes. Upper and lower case matter.")
	p.awaitFocus("Backup code")
	p.enter("challenge-backupCode", codes[0]+kb.Enter)
	p.at("/dashboard/settings")
	owner.open("/dashboard/settings")
	owner.see("Password and backup code")

	// Nobody is asked who has not given a password.
	stranger := browse(t, browser, server.origin)
	stranger.noScript()
	stranger.visit("/two-factor")
	stranger.enter("challenge-code", "123456"+kb.Enter)
	stranger.see("This sign-in has expired, or was finished elsewhere. Sign in again.")
	stranger.awaitFocus("Sign in again")
	stranger.key(kb.Enter)
	stranger.at("/sign-in")
	for _, one := range []*tab{p, stranger} {
		one.forgive() // a page without its scripts
	}
}

// typed is what is in the sign-in form, with the caret's place.
const typedSignIn = `(() => {
	const at = (id) => document.getElementById("sign-in-" + id);
	return [at("email").value, at("password").value, at("remember").checked, document.activeElement.id,
		document.activeElement.type === "password" && document.activeElement.selectionStart].join(" ");
})()`

func testFormTakeOver(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()

	p := browse(t, browser, server.origin)
	p.holdApp()
	p.visit("/sign-in")
	p.fill("Email", email)
	p.fill("Password", password)
	p.click(p.the("checkbox", "Keep me signed in on this device"))
	p.the("textbox", "Password")
	eval[bool](p, `document.getElementById("sign-in-password").focus(), document.getElementById("sign-in-password").setSelectionRange(7, 7), true`)
	want := fmt.Sprintf("%s %s false sign-in-password 7", email, password)
	if got := eval[string](p, typedSignIn); got != want {
		t.Fatalf("before the app is there the form holds %q; want %q", got, want)
	}
	p.comeApp()
	p.the("button", "Show password") // it is the app's
	if got := eval[string](p, typedSignIn); got != want {
		t.Errorf("the app left %q; want %q", got, want)
	}
	p.press("Sign in")
	p.at("/dashboard/settings")
	p.see("This device")

	// In the middle of an address, and with the focus on what is no field.
	p = browse(t, browser, server.origin)
	p.holdApp()
	p.visit("/sign-in")
	p.fill("Email", "ada@exam")
	p.comeApp()
	p.key("ple.com")
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != "ada@example.com" {
		t.Errorf("typing goes on elsewhere: %q", got)
	}
	p.visit("/sign-in")
	p.tabTo("Forgot password?")
	p.comeApp()
	p.awaitFocus("Forgot password?")
}

func testFormTakeOverCode(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()
	phone, codes := owner.enable()
	for _, way := range []struct{ field, value, button string }{
		{atSignIn, "123", "Verify"},
		{"Backup code", codes[0], "Verify"},
	} {
		p := browse(t, browser, server.origin)
		p.open("/sign-in")
		p.submitSignIn(email, password)
		p.at("/two-factor")
		p.holdApp()
		p.visit("/two-factor")
		if way.field == "Backup code" {
			p.activate("#challenge-backup summary")
		}
		p.fill(way.field, way.value)
		p.activate("#challenge-trust")
		eval[bool](p, `document.querySelector("details[open] input, #challenge-code").focus(), true`)
		p.comeApp()
		p.awaitFocus(way.field)
		if got := eval[string](p, `document.activeElement.value + document.getElementById("challenge-trust").checked`); got != way.value+"true" {
			t.Errorf("%s: the app left %q", way.field, got)
		}
		if way.field == atSignIn {
			p.fill(atSignIn, phone.code()) // sends itself
		} else {
			p.press(way.button)
		}
		p.at("/dashboard/settings")
		p.see("This device")
	}
}

// testFormTakeOverErrors holds that what the server said stays, word for word.
func testFormTakeOverErrors(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()
	owner.enable()

	p := browse(t, browser, server.origin)
	p.holdApp()
	p.visit("/sign-in")
	for _, wrong := range []struct{ email, password, field, sentence string }{
		{email, "not the password", "Password", doNotBelong},
		{"nobody", "x", "Email", "Enter an email address like name@example.com."},
		{"", "x", "Email", "Enter your email address."},
		{email, "", "Password", "Enter your password."},
		{email, strings.Repeat("x", 129), "Password", "This password is too long. Use at most 128 characters."},
	} {
		p.visit("/sign-in")
		p.fill("Email", wrong.email)
		p.fill("Password", wrong.password)
		p.press("Sign in")
		p.see(wrong.sentence)
		p.awaitFocus(wrong.field)
		p.comeApp()
		p.with("textbox", wrong.field, wrong.sentence)
		p.awaitFocus(wrong.field)
		if n := strings.Count(eval[string](p, "document.body.innerText"), wrong.sentence); n != 1 {
			t.Errorf("the page says %d times %s", n, wrong.sentence)
		}
		if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != wrong.email {
			t.Errorf("the address is %q; want %q", got, wrong.email)
		}
	}
	p.visit("/sign-in")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.fill(atSignIn, "000000")
	p.press("Verify")
	p.see("Invalid code. Please try again.")
	p.comeApp()
	p.see("Invalid code. Please try again.")
	p.awaitFocus(atSignIn)

	p = browse(t, browser, server.origin)
	p.holdApp()
	p.visit("/two-factor?next=%2Fdashboard%2Fsettings")
	p.fill(atSignIn, "123456")
	p.press("Verify")
	p.see("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.comeApp()
	p.see("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.press("Sign in again")
	p.at("/sign-in")

	// A form of somebody else's page, which the guard refuses.
	const another = "Dieses Formular kam von der Seite einer anderen Website und wurde deshalb nicht ausgeführt."
	p.prefers("de")
	p.do(chromedp.Navigate(`data:text/html,<form method="post" action="` + server.origin + `/sign-in"><button>Go</button></form>`))
	p.press("Go")
	p.see(another)
	p.awaitFocus("Anmelden")
	p.comeApp()
	p.see(another)
	p.awaitFocus("Anmelden")
}

// testFormNoApp keeps the app from coming at all.
func testFormNoApp(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js", "/web/loader.js"} {
		p := browse(t, browser, server.origin)
		p.block(path)
		p.visit("/sign-in")
		if path != "/web/loader.js" {
			p.see("The app could not be loaded.")
			if eval[bool](p, `document.querySelector("form .bone").checkVisibility()`) {
				t.Error("the place of the passkey button is there for ever")
			}
		}
		p.submitSignIn(email, password)
		p.at("/dashboard/settings")
		if path == "/web/loader.js" { // nothing is there to say it but the stylesheet, which waits
			p.wait("the stylesheet is about to say it", func() bool {
				return eval[bool](p, `document.getElementById("boot-failed").getAnimations().length === 1`)
			})
			eval[bool](p, `document.getElementById("boot-failed").getAnimations()[0].finish(), true`)
		}
		p.see("The app could not be loaded.")
		p.forgive()
	}
}

// testFormOnce sends a form while the app starts, and then once more: one answer
// comes, to the first.
func testFormOnce(t *testing.T, browser context.Context, server *program) {
	owner := browse(t, browser, server.origin)
	email := owner.signUp()
	p := browse(t, browser, server.origin)
	p.holdApp()
	p.visit("/sign-in")
	p.fill("Email", email)
	p.fill("Password", password)
	p.wait("the loader is there", func() bool { return eval[bool](p, `!document.getElementById("boot").hidden`) })
	// The navigation is held up, so that the app comes between form and answer.
	got := eval[[]any](p, `(async () => {
		let sent = 0;
		document.addEventListener("submit", (event) => {
			sent += !event.defaultPrevented;
			event.preventDefault();
		});
		document.getElementById("sign-in-submit").click();
		document.getElementById("sign-in-submit").click();
		comeApp();
		while (document.getElementById("app-wasm-loader"))
			await new Promise((resolve) => setTimeout(resolve, 20));
		await new Promise((resolve) => setTimeout(resolve, 500));
		return [sent, document.getElementById("sign-in-password").value, !!document.querySelector(".peek")];
	})()`)
	if fmt.Sprint(got) != fmt.Sprint([]any{1, password, false}) {
		t.Errorf("sent, still in the form, and the app has drawn: %v; want once, the password, and no", got)
	}
}

// testFormStill compares where everything is before and after the app draws it.
func testFormStill(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.holdApp()
	const places = `JSON.stringify([".brand", "h1", "label", ".input", "#sign-in-remember", "#challenge-trust", ".hint", ".wrong:not(:empty)", ".trouble p",
		"button.main", ".card > .bone, #sign-in-passkey", ".ways > :first-child", "[href='/forgot-password']"].
		flatMap((what) => [...document.querySelectorAll(what)].filter((e) => e.checkVisibility()).map((e) => {
			const at = e.getBoundingClientRect();
			return what + " " + [at.x, at.y, at.width, at.height].map((n) => n.toFixed(1)).join(" ");
		})), null, 1)`
	still := func(what string) {
		t.Helper()
		before := eval[string](p, places)
		p.comeApp()
		p.wait("the app has drawn all", func() bool { return eval[bool](p, `!document.querySelector(".card > .bone")`) })
		if after := eval[string](p, places); after != before || strings.Count(before, "\n") < 8 {
			t.Errorf("%s: the app moves things, from\n%s\nto\n%s", what, before, after)
		}
	}
	for _, width := range []int{360, 1280} {
		p.do(chromedp.EmulateViewport(int64(width), 1200)) // no scroll bar
		for _, path := range []string{"/sign-in", "/two-factor"} {
			p.visit(path)
			p.fits(width, path)
			still(fmt.Sprint(path, " at ", width))
		}
		p.visit("/sign-in")
		p.submitSignIn("ada@example.com", "not the password")
		p.see(doNotBelong)
		still(fmt.Sprint("a wrong password at ", width))
	}
}

// testFormProgress holds that the bar knows how far the app is.
func testFormProgress(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.holdApp()
	p.inject(`window.shown = [];
		addEventListener("DOMContentLoaded", () => {
			const bar = document.getElementById("boot");
			new MutationObserver(() => shown.push(bar.value)).observe(bar, { attributes: true, attributeFilter: ["value"] });
		})`)
	p.visit("/sign-in")
	p.wait("the bar is there", func() bool { return eval[bool](p, `!document.getElementById("boot").hidden`) })
	bar := p.the("progressbar", "Loading the app")
	if bar == nil || eval[float64](p, `document.getElementById("boot").position`) != 0 {
		t.Error("the bar does not begin at nothing")
	}
	p.comeApp()
	shown := eval[[]float64](p, "shown")
	for i, n := range shown {
		if n < 0 || n > 100 || i > 0 && n < shown[i-1] {
			t.Fatalf("the bar goes %v", shown)
		}
	}
	// The length is known, compressed or not: it goes on by parts, to the end.
	if len(shown) < 4 || shown[len(shown)-1] != 100 {
		t.Errorf("the bar goes %v; want to 100 by several parts", shown)
	}
}

// testFormBlocked has the browser send the app's own forms by itself, as it does
// when the app is too busy to say no: what was typed is in no address.
func testFormBlocked(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.signUp()
	forms := eval[int](p, `document.forms.length`)
	if posts := eval[int](p, `document.querySelectorAll("form[method=post]").length`); posts != forms || forms < 2 {
		t.Errorf("%d of %d forms are sent by POST", posts, forms)
	}
	p.fill("Current password", "a secret 123456")
	eval[bool](p, `document.getElementById("password-currentPassword").form.submit(), true`)
	p.wait("the form is sent, or stopped", func() bool { return eval[string](p, "document.readyState") == "complete" })
	if address := eval[string](p, "location.href"); strings.Contains(address, "secret") || strings.Contains(address, "?") {
		t.Errorf("the address is %s", address)
	}
	p.forgive() // the policy stops it on a page that was opened for itself
}
