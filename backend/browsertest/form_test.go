package browsertest

import (
	"fmt"
	"latchkey/backend/testkit"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFormBrowser has people sign in before the app is there, and without it.
func TestFormBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
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

// holdApp keeps the app from coming until the test calls comeApp.
func (p *tab) holdApp() {
	p.t.Helper()
	p.Inject(`{
		const fetched = fetch;
		const gate = new Promise((open) => { window.comeApp = open; });
		window.fetch = (url, ...rest) => url.startsWith("/web/app.wasm") ? gate.then(() => fetched(url, ...rest)) : fetched(url, ...rest);
	}`)
}

func (p *tab) comeApp() {
	p.t.Helper()
	p.Until("the loader waits for the app", `comeApp(), true`)
	p.Running()
}

const doNotBelong = "This email address and password do not belong together."

func testFormNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	phone, codes := owner.enable()

	p := browse(t, server)
	p.NoScript()
	p.Visit("/sign-in?next=%2Fdashboard%2Fsettings%23sessions")
	p.See("Signing in works without JavaScript.")
	for _, gone := range []string{"app-wasm-loader", "boot"} {
		if eval[bool](p, `document.getElementById("`+gone+`").checkVisibility()`) {
			t.Errorf("%s is there for ever", gone)
		}
	}
	if eval[bool](p, `document.querySelector(".bone").checkVisibility()`) {
		t.Error("the place of the passkey button is there for ever")
	}
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", "not the password"+kb.Enter)
	p.See(doNotBelong)
	p.With("textbox", "Password", doNotBelong)
	p.AwaitFocus("Password")
	if got := eval[string](p, `document.getElementById("sign-in-email").value + document.getElementById("sign-in-password").value`); got != email {
		t.Errorf("the form holds %q; want the address alone", got)
	}
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/two-factor")
	p.AwaitFocus(atSignIn)
	p.Key("000000" + kb.Enter)
	p.See("Invalid code. Please try again.")
	p.Enter("challenge-code", phone.Next())
	p.activate("#challenge-submit")
	p.At("/dashboard/settings")
	p.See("If signing in has led you here, you are signed in.")
	if hash := eval[string](p, "location.hash"); hash != "#sessions" {
		t.Errorf("it leads to %q; want #sessions", hash)
	}
	if eval[string](p, "document.cookie") != "" {
		t.Error("scripts can read a cookie")
	}
	owner.Open("/dashboard/settings")
	owner.cardSays("sessions", "Password and authenticator app")

	// With a backup code.
	p.Visit("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/two-factor")
	p.The("textbox", atSignIn)
	p.activate("#challenge-backup summary")
	p.Enter("challenge-backupCode", "aaaaa-bbbbb")
	p.activate("#challenge-backup button")
	p.See("This is not one of your backup codes. Upper and lower case matter.")
	p.AwaitFocus("Backup code")
	p.Enter("challenge-backupCode", codes[0]+kb.Enter)
	p.At("/dashboard/settings")
	owner.Open("/dashboard/settings")
	owner.See("Password and backup code")

	// Nobody is asked who has not given a password.
	stranger := browse(t, server)
	stranger.NoScript()
	stranger.Visit("/two-factor")
	stranger.Enter("challenge-code", "123456"+kb.Enter)
	stranger.See("This sign-in has expired, or was finished elsewhere. Sign in again.")
	stranger.AwaitFocus("Sign in again")
	stranger.Key(kb.Enter)
	stranger.At("/sign-in")
}

// typed is what is in the sign-in form, with the caret's place.
const typedSignIn = `(() => {
	const at = (id) => document.getElementById("sign-in-" + id);
	return [at("email").value, at("password").value, at("remember").checked, document.activeElement.id,
		document.activeElement.type === "password" && document.activeElement.selectionStart].join(" ");
})()`

func testFormTakeOver(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()

	p := browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Click("checkbox", "Keep me signed in on this device", "")
	p.The("textbox", "Password")
	eval[bool](p, `document.getElementById("sign-in-password").focus(), document.getElementById("sign-in-password").setSelectionRange(7, 7), true`)
	want := fmt.Sprintf("%s %s false sign-in-password 7", email, password)
	if got := eval[string](p, typedSignIn); got != want {
		t.Fatalf("before the app is there the form holds %q; want %q", got, want)
	}
	p.comeApp()
	p.The("button", "Show password") // it is the app's
	if got := eval[string](p, typedSignIn); got != want {
		t.Errorf("the app left %q; want %q", got, want)
	}
	p.Press("Sign in")
	p.At("/dashboard/settings")
	p.See("This device")

	// In the middle of an address, and with the focus on what is no field.
	p = browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	p.Fill("Email", "ada@exam")
	p.comeApp()
	p.Key("ple.com")
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != "ada@example.com" {
		t.Errorf("typing goes on elsewhere: %q", got)
	}
	p.Visit("/sign-in")
	p.TabTo("Forgot password?")
	p.comeApp()
	p.AwaitFocus("Forgot password?")
}

func testFormTakeOverCode(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	phone, codes := owner.enable()
	for _, way := range []struct{ field, value, button string }{
		{atSignIn, "123", "Verify"},
		{"Backup code", codes[0], "Verify"},
	} {
		p := browse(t, server)
		p.Open("/sign-in")
		p.submitSignIn(email, password)
		p.At("/two-factor")
		p.holdApp()
		p.Visit("/two-factor")
		if way.field == "Backup code" {
			p.activate("#challenge-backup summary")
		}
		p.Fill(way.field, way.value)
		p.activate("#challenge-trust")
		eval[bool](p, `document.querySelector("details[open] input, #challenge-code").focus(), true`)
		p.comeApp()
		p.AwaitFocus(way.field)
		if got := eval[string](p, `document.activeElement.value + document.getElementById("challenge-trust").checked`); got != way.value+"true" {
			t.Errorf("%s: the app left %q", way.field, got)
		}
		if way.field == atSignIn {
			p.Fill(atSignIn, phone.Next()) // sends itself
		} else {
			p.Press(way.button)
		}
		p.At("/dashboard/settings")
		p.See("This device")
	}
}

// testFormTakeOverErrors holds that what the server said stays, word for word.
func testFormTakeOverErrors(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	owner.enable()

	p := browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	for _, wrong := range []struct{ email, password, field, sentence string }{
		{email, "not the password", "Password", doNotBelong},
		{"nobody", "x", "Email", "Enter an email address like name@example.com."},
		{"", "x", "Email", "Enter your email address."},
		{email, "", "Password", "Enter your password."},
		{email, strings.Repeat("x", 129), "Password", "This password is too long. Use at most 128 characters."},
	} {
		p.Visit("/sign-in")
		p.Fill("Email", wrong.email)
		p.Fill("Password", wrong.password)
		p.Press("Sign in")
		p.See(wrong.sentence)
		p.AwaitFocus(wrong.field)
		p.comeApp()
		p.With("textbox", wrong.field, wrong.sentence)
		p.AwaitFocus(wrong.field)
		if n := strings.Count(eval[string](p, "document.body.innerText"), wrong.sentence); n != 1 {
			t.Errorf("the page says %d times %s", n, wrong.sentence)
		}
		if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != wrong.email {
			t.Errorf("the address is %q; want %q", got, wrong.email)
		}
	}
	p.Visit("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Fill(atSignIn, "000000")
	p.Press("Verify")
	p.See("Invalid code. Please try again.")
	p.comeApp()
	p.See("Invalid code. Please try again.")
	p.AwaitFocus(atSignIn)

	p = browse(t, server)
	p.holdApp()
	p.Visit("/two-factor?next=%2Fdashboard%2Fsettings")
	p.Fill(atSignIn, "123456")
	p.Press("Verify")
	p.See("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.comeApp()
	p.See("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.Press("Sign in again")
	p.At("/sign-in")

	// A form of somebody else's page, which the guard refuses.
	const another = "Dieses Formular kam von der Seite einer anderen Website und wurde deshalb nicht ausgeführt."
	p.Prefers("de")
	p.Do(chromedp.Navigate(`data:text/html,<form method="post" action="` + server.Origin + `/sign-in"><button>Go</button></form>`))
	p.Press("Go")
	p.See(another)
	p.AwaitFocus("Anmelden")
	p.comeApp()
	p.See(another)
	p.AwaitFocus("Anmelden")
}

// testFormNoApp keeps the app from coming at all.
func testFormNoApp(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js", "/web/loader.js"} {
		p := browse(t, server)
		p.Provoke(notLoaded)
		p.Block(path)
		p.Visit("/sign-in")
		if path != "/web/loader.js" {
			p.See("The app could not be loaded.")
			if eval[bool](p, `document.querySelector("form .bone").checkVisibility()`) {
				t.Error("the place of the passkey button is there for ever")
			}
		}
		p.submitSignIn(email, password)
		p.At("/dashboard/settings")
		if path == "/web/loader.js" { // nothing is there to say it but the stylesheet, which waits
			p.Until("the stylesheet is about to say it", `document.getElementById("boot-failed").getAnimations().length === 1`)
			eval[bool](p, `document.getElementById("boot-failed").getAnimations()[0].finish(), true`)
		}
		p.See("The app could not be loaded.")
	}
}

// testFormOnce sends a form while the app starts, and then once more: one answer
// comes, to the first.
func testFormOnce(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	p := browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	p.Fill("Email", email)
	p.Fill("Password", password)
	p.Until("the loader is there", `!document.getElementById("boot").hidden`)
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
func testFormStill(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
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
		p.Until("the app has drawn all", `!document.querySelector(".card > .bone")`)
		if after := eval[string](p, places); after != before || strings.Count(before, "\n") < 8 {
			t.Errorf("%s: the app moves things, from\n%s\nto\n%s", what, before, after)
		}
	}
	for _, width := range []int{360, 1280} {
		p.Do(chromedp.EmulateViewport(int64(width), 1200)) // no scroll bar
		for _, path := range []string{"/sign-in", "/two-factor"} {
			p.Visit(path)
			p.Fits(width, path)
			still(fmt.Sprint(path, " at ", width))
		}
		p.Visit("/sign-in")
		p.submitSignIn("ada@example.com", "not the password")
		p.See(doNotBelong)
		still(fmt.Sprint("a wrong password at ", width))
	}
}

// testFormProgress holds that the bar knows how far the app is.
func testFormProgress(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.holdApp()
	p.Inject(`window.shown = [];
		addEventListener("DOMContentLoaded", () => {
			const bar = document.getElementById("boot");
			new MutationObserver(() => shown.push(bar.value)).observe(bar, { attributes: true, attributeFilter: ["value"] });
		})`)
	p.Visit("/sign-in")
	p.Until("the bar is there", `!document.getElementById("boot").hidden`)
	bar := p.The("progressbar", "Loading the app")
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
func testFormBlocked(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	forms := eval[int](p, `document.forms.length`)
	if posts := eval[int](p, `document.querySelectorAll("form[method=post]").length`); posts != forms || forms < 2 {
		t.Errorf("%d of %d forms are sent by POST", posts, forms)
	}
	p.Provoke("form-action") // the policy stops it on a page that was opened for itself
	p.Fill("Current password", "a secret 123456")
	eval[bool](p, `document.getElementById("password-currentPassword").form.submit(), true`)
	p.Until("the form is sent, or stopped", `document.readyState === "complete"`)
	if address := eval[string](p, "location.href"); strings.Contains(address, "secret") || strings.Contains(address, "?") {
		t.Errorf("the address is %s", address)
	}
}
