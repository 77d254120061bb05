package browsertest

import (
	"fmt"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFormBrowser tests the forms of the sign-in pages before the app runs, and
// without it.
func TestFormBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"NoScript":       testFormNoScript,
		"TakeOver":       testFormTakeOver,
		"TakeOverCode":   testFormTakeOverCode,
		"TakeOverErrors": testFormTakeOverErrors,
		"NoApp":          testFormNoApp,
		"SubmitOnce":     testFormOnce,
		"Progress":       testFormProgress,
		"OfApp":          testFormOfApp,
	}, nil)
}

// holdApp delays the app until the test calls releaseApp. The pages are those of the server.
func (p *tab) holdApp() {
	p.t.Helper()
	p.BypassWorker()
	p.Inject(`{
		const fetched = fetch;
		const gate = new Promise((open) => { window.comeApp = open; });
		window.fetch = (url, ...rest) => url.startsWith("/web/app.wasm") ? gate.then(() => fetched(url, ...rest)) : fetched(url, ...rest);
	}`)
}

// loaderRuns is an expression that is true once web/loader.js runs.
const loaderRuns = `!document.getElementById("boot").hidden`

// releaseApp lets the app load, and waits until it runs.
func (p *tab) releaseApp() {
	p.t.Helper()
	p.Until("the loader waits for the app", `comeApp(), true`)
	p.Running()
}

// withoutTimeLimits makes the loader wait for the user and for the response to a form without its
// limits of 3 and 20 seconds. A slow machine may take that long to load the app.
const withoutTimeLimits = `{
	const later = setTimeout;
	setTimeout = (f, delay, ...given) => [3e3, 20e3].includes(delay) ? 0 : later(f, delay, ...given);
}`

var wrongCredentials = en.T(message.ErrInvalidCredentials)

// testFormNoScript checks that a user can sign in with a second factor without
// JavaScript.
func testFormNoScript(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	authenticator, codes := owner.enable()

	p := browse(t, server)
	p.NoScript()
	p.Visit("/sign-in?next=%2Fdashboard%2Fsettings%2Fsessions")
	p.See(en.T(message.PasskeysNeedApp))
	for _, id := range []string{"app-wasm-loader", "boot"} {
		if eval[bool](p, `document.getElementById("`+id+`").checkVisibility()`) {
			t.Errorf("the element %s stays visible without JavaScript", id)
		}
	}
	if eval[bool](p, `document.getElementById("sign-in-passkey").checkVisibility()`) {
		t.Error("the passkey button stays visible without JavaScript")
	}
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", "not the password"+kb.Enter)
	p.See(wrongCredentials)
	p.With("textbox", en.T(message.AccountPassword), wrongCredentials)
	p.AwaitFocus(en.T(message.AccountPassword))
	got := eval[string](p, `document.getElementById("sign-in-email").value + document.getElementById("sign-in-password").value`)
	if got != email {
		t.Errorf("the form holds %q; want only the email address", got)
	}
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/two-factor")
	p.AwaitFocus(signInCode)
	if box, code := p.Place("checkbox", en.T(message.TrustDevice)), p.Place("textbox", signInCode); box.Bottom > code.Top {
		t.Errorf("the box is at %+v, and the field for the code at %+v; want the box first", box, code)
	}
	p.Key(scanned.Wrong() + kb.Enter)
	p.With("textbox", signInCode, en.T(message.HintCodeRefused)+" "+en.T(message.ErrInvalidCode))
	p.See(en.T(message.SigningInAs, email))
	p.Enter("second-factor-code", authenticator.Next())
	p.activate("#second-factor-submit")
	p.At("/dashboard/settings/sessions")
	if eval[bool](p, `[...document.querySelectorAll(".skeleton-line")].some((e) => e.checkVisibility())`) {
		t.Error("a placeholder stays visible")
	}
	p.See(en.T(message.ThisDevice)) // the page has its data
	for _, path := range []string{"/dashboard/settings/profile", "/dashboard/settings/password", "/dashboard/settings/sessions"} {
		p.Visit(path)
		if eval[bool](p, `[...document.querySelectorAll("button[type=button]")].some((e) => e.checkVisibility())`) {
			t.Errorf("without JavaScript, %s has controls that do nothing", path)
		}
	}
	if eval[string](p, "document.cookie") != "" {
		t.Error("scripts can read a cookie")
	}
	owner.Open("/dashboard/settings/sessions")
	owner.openSessions()
	owner.cardSays("sessions", en.T(message.MethodAndAuthenticatorApp, en.T(message.AccountPassword)))

	// Sign out, and sign in with a backup code.
	p.activate("#sign-out")
	p.At("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/two-factor")
	p.The("textbox", signInCode)
	p.activate("#second-factor-backup summary")
	p.Enter("second-factor-backupCode", "aaaaa-bbbbb")
	p.activate("#second-factor-backup button")
	p.See(en.T(message.ErrInvalidBackupCode))
	p.AwaitFocus(en.T(message.BackupCode))
	p.activate("#second-factor-trust")
	p.Enter("second-factor-backupCode", codes[0]+kb.Enter)
	p.At("/dashboard/settings")
	owner.Open("/dashboard/settings/sessions")
	owner.openSessions()
	owner.See(en.T(message.MethodAndBackupCode, en.T(message.AccountPassword)))

	// Sign out. The browser is trusted.
	p.activate("#sign-out")
	p.At("/sign-in")
	p.Enter("sign-in-email", email)
	p.Enter("sign-in-password", password+kb.Enter)
	p.At("/dashboard/settings")

	// The server rejects a second factor without a password before it.
	anonymous := browse(t, server)
	anonymous.NoScript()
	anonymous.Visit("/two-factor")
	anonymous.Enter("second-factor-code", "123456"+kb.Enter)
	anonymous.See(en.T(message.ErrSignInExpired))
	anonymous.AwaitFocus(en.T(message.SignInAgain))
	anonymous.Key(kb.Enter)
	anonymous.At("/sign-in")
}

// signInFormState returns the content of the sign-in form, the focused element
// and the position of the caret.
const signInFormState = `(() => {
	const at = (id) => document.getElementById("sign-in-" + id);
	return [at("email").value, at("password").value, at("remember").checked, document.activeElement.id,
		document.activeElement.type === "password" && document.activeElement.selectionStart].join(" ");
})()`

// testFormTakeOver checks that the app keeps the input and the focus when it
// takes over the sign-in form.
func testFormTakeOver(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()

	p := browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	p.Fill(en.T(message.EmailAddress), email)
	p.Fill(en.T(message.AccountPassword), password)
	p.Click("checkbox", en.T(message.KeepSignedIn), "")
	p.The("textbox", en.T(message.AccountPassword))
	p.Act(`document.getElementById("sign-in-password").focus(),
		document.getElementById("sign-in-password").setSelectionRange(7, 7), true`)
	want := fmt.Sprintf("%s %s false sign-in-password 7", email, password)
	if got := eval[string](p, signInFormState); got != want {
		t.Fatalf("before the app runs, the form holds %q; want %q", got, want)
	}
	p.releaseApp()
	if got := eval[string](p, signInFormState); got != want {
		t.Errorf("after the app takes over, the form holds %q; want %q", got, want)
	}
	p.Press(en.T(message.SignIn))
	p.At("/dashboard/settings")
	p.See(en.T(message.ThisDevice))

	// The app takes over while the user types an address, and while a link has
	// the focus.
	p = browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	p.Fill(en.T(message.EmailAddress), "ada@exam")
	p.releaseApp()
	p.Key("ple.com")
	if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != "ada@example.com" {
		t.Errorf("the email field holds %q; want ada@example.com", got)
	}
	p.Visit("/sign-in")
	p.TabTo(en.T(message.ForgotYourPassword))
	p.releaseApp()
	p.AwaitFocus(en.T(message.ForgotYourPassword))
}

// testFormTakeOverCode checks that the app keeps the input and the focus when
// it takes over the second-factor form.
func testFormTakeOverCode(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	authenticator, codes := owner.enable()
	for _, way := range []struct{ field, value, button string }{
		{signInCode, "123", en.T(message.VerifyCode)},
		{en.T(message.BackupCode), codes[0], en.T(message.VerifyCode)},
	} {
		p := browse(t, server)
		p.Open("/sign-in")
		p.submitSignIn(email, password)
		p.At("/two-factor")
		p.holdApp()
		p.Visit("/two-factor")
		if way.field == en.T(message.BackupCode) {
			p.activate("#second-factor-backup summary")
		}
		p.Fill(way.field, way.value)
		p.Act(`document.querySelector("details[open] input, #second-factor-code").focus()`)
		p.releaseApp()
		p.AwaitFocus(way.field)
		if got := eval[string](p, `document.activeElement.value`); got != way.value {
			t.Errorf("%s: after the app takes over, the form holds %q; want %q", way.field, got, way.value)
		}
		if way.field == signInCode {
			p.Fill(signInCode, authenticator.Next()) // the form submits itself
			p.notNow()
		} else {
			p.Press(way.button)
		}
		p.At("/dashboard/settings")
		p.See(en.T(message.ThisDevice))
	}
}

// testFormTakeOverErrors checks that the app keeps the server's error messages
// word for word.
func testFormTakeOverErrors(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	owner.enable()

	p := browse(t, server)
	p.holdApp()
	p.Visit("/sign-in")
	for _, wrong := range []struct{ email, password, field, message string }{
		{email, "not the password", en.T(message.AccountPassword), wrongCredentials},
		{"nobody", "x", en.T(message.EmailAddress), en.T(message.ErrInvalidEmail)},
		{"", "x", en.T(message.EmailAddress), en.T(message.ErrEnterEmailAddress)},
		{email, "", en.T(message.AccountPassword), en.T(message.ErrEnterPassword)},
		{email, strings.Repeat("x", 129), en.T(message.AccountPassword), en.T(message.ErrPasswordTooLong)},
	} {
		p.Visit("/sign-in")
		p.Fill(en.T(message.EmailAddress), wrong.email)
		p.Fill(en.T(message.AccountPassword), wrong.password)
		p.Press(en.T(message.SignIn))
		p.See(wrong.message)
		p.AwaitFocus(wrong.field)
		p.releaseApp()
		p.With("textbox", wrong.field, wrong.message)
		p.AwaitFocus(wrong.field)
		if n := strings.Count(eval[string](p, "document.body.innerText"), wrong.message); n != 1 {
			t.Errorf("the page shows %q %d times; want once", wrong.message, n)
		}
		if got := eval[string](p, `document.getElementById("sign-in-email").value`); got != wrong.email {
			t.Errorf("the email field holds %q; want %q", got, wrong.email)
		}
	}
	p.Visit("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Fill(signInCode, scanned.Wrong())
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.ErrInvalidCode))
	p.releaseApp()
	p.See(en.T(message.ErrInvalidCode))
	p.AwaitFocus(signInCode)

	p = browse(t, server)
	p.holdApp()
	p.Visit("/two-factor?next=%2Fdashboard%2Fsettings")
	p.Fill(signInCode, "123456")
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.ErrSignInExpired))
	p.releaseApp()
	p.See(en.T(message.ErrSignInExpired))
	p.Click("link", en.T(message.SignInAgain), "")
	p.At("/sign-in")

	// The server rejects a form that another website submits.
	crossSite := de.T(message.ErrFormCrossSite)
	p.Prefers("de")
	p.Do(chromedp.Navigate(`data:text/html,<form method="post" action="` + server.Origin + `/sign-in"><button>Go</button></form>`))
	p.Press("Go")
	p.See(crossSite)
	p.AwaitFocus(de.T(message.SignIn))
	p.releaseApp()
	p.See(crossSite)
	p.AwaitFocus(de.T(message.SignIn))
}

// testFormNoApp checks that a user can sign in while a file of the app does not
// load.
func testFormNoApp(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	for _, path := range []string{"/web/app.wasm", "/wasm_exec.js", "/app.js", "/web/loader.js"} {
		p := browse(t, server)
		p.Provoke(wasmNotLoaded)
		p.Block(path)
		p.Visit("/sign-in")
		if path != "/web/loader.js" {
			p.See(en.T(message.ErrAppNotLoaded))
			if eval[bool](p, `document.getElementById("sign-in-passkey").checkVisibility()`) {
				t.Error("the passkey button stays visible")
			}
		}
		p.submitSignIn(email, password)
		p.At("/dashboard/settings")
		if path == "/web/loader.js" { // only the stylesheet can show the message, after a delay
			p.Until("the stylesheet is about to show the message", `document.getElementById("boot-failed").getAnimations().length === 1`)
			p.Act(`document.getElementById("boot-failed").getAnimations()[0].finish()`)
		}
		p.See(en.T(message.ErrAppNotLoaded))
	}
}

// testFormOnce submits a form twice while the app starts, and checks that the
// browser sends it once.
func testFormOnce(t *testing.T, server *testkit.Program) {
	owner := browse(t, server)
	email := owner.signUp()
	p := browse(t, server)
	p.holdApp()
	p.Inject(withoutTimeLimits)
	p.Visit("/sign-in")
	p.Fill(en.T(message.EmailAddress), email)
	p.Fill(en.T(message.AccountPassword), password)
	p.Until("the loader runs", loaderRuns)
	// The script blocks the navigation, so that the app loads before any
	// response.
	got := eval[[]any](p, `(async () => {
		let sent = 0;
		const drawn = document.querySelector(".shell");
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
		return [sent, document.getElementById("sign-in-password").value, document.querySelector(".shell") !== drawn];
	})()`)
	if fmt.Sprint(got) != fmt.Sprint([]any{1, password, false}) {
		t.Errorf("forms sent, password in the form, form drawn by the app: %v; want 1, the password, false", got)
	}
}

// testFormProgress checks that the progress bar follows the download of the
// app.
func testFormProgress(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.holdApp()
	p.Inject(`window.shown = [];
		addEventListener("DOMContentLoaded", () => {
			const bar = document.getElementById("boot");
			new MutationObserver(() => shown.push(bar.value)).observe(bar, { attributes: true, attributeFilter: ["value"] });
		})`)
	p.Visit("/sign-in")
	p.Until("the progress bar is visible", `!document.getElementById("boot").hidden`)
	bar := p.The("progressbar", en.T(message.LoadingApp))
	if bar == nil || eval[float64](p, `document.getElementById("boot").position`) != 0 {
		t.Error("the progress bar does not begin at 0")
	}
	p.releaseApp()
	shown := eval[[]float64](p, "shown")
	for i, n := range shown {
		if n < 0 || n > 100 || i > 0 && n < shown[i-1] {
			t.Fatalf("the progress bar shows %v; want values from 0 to 100 in order", shown)
		}
	}
	// The length of the app is known with and without compression, so the bar
	// advances in steps.
	if len(shown) < 4 || shown[len(shown)-1] != 100 {
		t.Errorf("the progress bar shows %v; want several steps up to 100", shown)
	}
}

// testFormOfApp checks that input never appears in an address, and that nothing happens, if
// the browser itself submits a form of the app, as it does while the app is too busy to
// prevent that.
func testFormOfApp(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.settings("password")
	forms := eval[int](p, `document.forms.length`)
	if posts := eval[int](p, `document.querySelectorAll("form[method=post]").length`); posts != forms || forms < 2 {
		t.Errorf("%d of %d forms use POST; want all, and at least 2", posts, forms)
	}
	p.Provoke("status of 400") // the response to a form that only the app can send
	p.Press(en.T(message.ChangePassword))
	p.Fill(en.T(message.CurrentPassword), "a secret 123456")
	p.Act(`window.old = true; document.getElementById("password-currentPassword").form.submit()`)
	p.Until("the page opens again", `window.old === undefined && `+testkit.Running)
	p.See(en.T(message.ChangePassword)) // still signed in
	if address := eval[string](p, "location.href"); strings.Contains(address, "secret") || strings.Contains(address, "?") {
		t.Errorf("the address is %s; want none of the input", address)
	}
}
