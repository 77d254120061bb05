package browsertest

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// TestDrawnBrowser tests pages that the server draws and the app takes over.
func TestDrawnBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Same":     testDrawnSame,
		"Click":    testDrawnClick,
		"SignOut":  testDrawnSignOut,
		"Slow":     testDrawnSignOutSlow,
		"Composed": testDrawnComposed,
		"Pressed":  testDrawnPressed,
		"Order":    testDrawnOrder,
		"Slices":   testDrawnSlices,
		"Link":     testDrawnLink,
		"Typed":    testDrawnTyped,
	}, map[string]func(*testing.T){"Parts": testDrawnParts})
}

// describeTakeOver keeps a description of the page that the server has drawn, and of what the app
// puts in its place, in window.served and window.drawn: one line for each element and text. Some
// attributes are properties in the app, and the elements for browsers without the app are not
// in it.
const describeTakeOver = `{
	const properties = ["value", "checked", "selected", "open", "autofocus"];
	const describe = (node, depth, lines) => {
		let text = "";
		const end = () => {
			if (text !== "") lines.push("  ".repeat(depth) + JSON.stringify(text));
			text = "";
		};
		for (const one of node.childNodes) {
			if (one.nodeType === Node.TEXT_NODE) {
				text += one.data;
				continue;
			}
			end();
			if (one.classList?.contains("without-app")) continue;
			const has = [...one.attributes ?? []].filter(({ name }) => !properties.includes(name)).
				map(({ name, value }) => name + "=" + value).sort();
			for (const name of properties) {
				if (name !== "autofocus" && one[name] !== undefined && one.localName !== "li" && one.localName !== "button")
					has.push(name + ":" + one[name]);
			}
			lines.push("  ".repeat(depth) + one.nodeName + " " + has.join(" "));
			describe(one, depth + 1, lines);
		}
		end();
		return lines;
	};
	const replace = Node.prototype.replaceChild;
	Node.prototype.replaceChild = function (drawn, served) {
		if (this === document.body) {
			window.served = describe(served, 0, []);
			window.drawn = describe(drawn, 0, []);
		}
		return replace.call(this, drawn, served);
	};
}`

// wantSame fails unless the app has drawn what the server has drawn. It returns how many elements and
// texts that is.
func (p *tab) wantSame(what string) int {
	p.t.Helper()
	served, drawn := eval[[]string](p, "served"), eval[[]string](p, "drawn")
	for i := range max(len(served), len(drawn)) {
		if i >= len(served) || i >= len(drawn) || served[i] != drawn[i] {
			from := max(0, i-4)
			p.t.Errorf("%s: the app draws another page at line %d:\n%s\nthe server has drawn\n%s", what, i,
				strings.Join(drawn[from:min(len(drawn), i+5)], "\n"), strings.Join(served[from:min(len(served), i+5)], "\n"))
			return 0
		}
	}
	return len(served)
}

// signUpWithData creates an account that has something on each page, and a device with a hostile
// name. It returns the address of the account.
func (p *tab) signUpWithData(server *testkit.Program) (email string) {
	p.t.Helper()
	email = "still@example.com" // the page has room for an address of two lines
	var codes []string
	p.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		c.Post("/sign-up/email", map[string]any{"email": email, "name": "Ada Lovelace", "password": password}, browser).Must(p.t, 200, "")
		a := c.Post("/two-factor/enable", map[string]any{"password": password}, browser)
		codes = a.Strings("backupCodes")
		return c.Post("/two-factor/verify-totp", map[string]any{"code": a.Scan(p.t).Code(0)}, browser)
	})
	other := browse(p.t, server)
	other.As(`"><script>alert(1)</script><b title='`)
	other.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		c.Post("/sign-in/email", map[string]any{"email": email, "password": password}, browser).Want(p.t, 403, "TWO_FACTOR_REQUIRED")
		return c.Post("/two-factor/verify-backup-code", map[string]any{"code": codes[0], "trustDevice": true}, browser)
	})
	return email
}

// countShifts adds up the layout shifts of a page in window.shift, and describes what has moved in
// window.moved.
const countShifts = `window.shift = 0;
	window.moved = "";
	new PerformanceObserver((list) => list.getEntries().forEach((e) => {
		shift += e.value
		moved += "\n" + Math.round(e.startTime) + " ms: " + e.sources.map(({node, previousRect, currentRect}) =>
			(node?.outerHTML ?? node?.textContent)?.slice(0, 150) + JSON.stringify([previousRect, currentRect])).join()
	})).
		observe({ type: "layout-shift", buffered: true })`

// withoutTimes hides what does not belong to the picture of a page: the progress of the download, and
// times. "just now" may become "1 minute ago" while the app takes over, so that all times take the same
// room. The documents are compared with their times.
const withoutTimes = `{
	const sheet = new CSSStyleSheet();
	sheet.replaceSync("#boot, time, .news .hint { visibility: hidden; }" +
		"time { display: inline-block; width: 6em; height: 1em; overflow: hidden; white-space: nowrap; }");
	document.adoptedStyleSheets = [sheet];
}`

// takeOver lets the app take over the page that the tab shows. It fails unless the picture stays the
// same, and nothing moves.
func (p *tab) takeOver(what string) {
	p.t.Helper()
	p.Until("the page is read", `document.readyState === "complete"`)
	p.Until("the loader runs", loaderRuns)
	before := p.picture()
	p.releaseApp()
	after := p.picture()
	if part := difference(before, after); part > 0.001 {
		p.t.Errorf("%s: %.2f %% of the picture change when the app takes over: see before.png and after.png in build/failures", what, 100*part)
		for name, picture := range map[string]image.Image{"before.png": before, "after.png": after} {
			p.savePicture(name, picture)
		}
	}
	if shift := eval[float64](p, "shift"); shift > 0 {
		p.t.Errorf("%s: the layout shifts by %f: %s", what, shift, eval[string](p, "moved"))
	}
}

// savePicture saves a picture in build/failures.
func (p *tab) savePicture(name string, picture image.Image) {
	p.t.Helper()
	dir := filepath.Join(testkit.Root(p.t), "build", "failures")
	var content bytes.Buffer
	err := errors.Join(os.MkdirAll(dir, 0o777), png.Encode(&content, picture))
	if err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content.Bytes(), 0o666)); err != nil {
		p.t.Log(err)
	}
}

// wantTakenOver visits a page, and fails unless it has at least some elements and texts, the app draws
// it as the server has drawn it, the picture stays the same, and nothing moves.
func (p *tab) wantTakenOver(path string, least int) {
	p.t.Helper()
	p.Visit(path)
	p.takeOver(path)
	if n := p.wantSame(path); n < least {
		p.t.Errorf("%s: the server has drawn %d elements and texts; want at least %d", path, n, least)
	}
}

// testDrawnSame checks that the app draws each page as the server did, from what came with the page. Narrow
// and wide windows take turns, unless the test is thorough.
func testDrawnSame(t *testing.T, server *testkit.Program) {
	p, out := browse(t, server), browse(t, server)
	email := p.signUpWithData(server)
	for _, one := range []*tab{p, out} {
		one.Inject(describeTakeOver)
		one.Inject(countShifts)
		one.Inject(withoutTimes)
		one.holdApp()
	}
	for i, width := range []int64{360, 1280} {
		for _, one := range []*tab{p, out} {
			one.Do(chromedp.EmulateViewport(width, 1200)) // tall enough to need no scroll bar
		}
		for j, path := range []string{shared.PageSignIn, shared.PageSignUp, shared.PageForgotPassword} {
			if (i+j)%2 == 0 || thorough() {
				out.wantTakenOver(path, 15)
			}
		}
		out.Visit("/sign-in")
		out.submitSignIn("ada@example.com", "not the password")
		out.See(wrongCredentials)
		out.AwaitFocus(en.T(message.AccountPassword)) // its ring is in both pictures
		out.takeOver("a wrong password")
		for j, path := range shared.SettingsPages {
			if (i+j)%2 == 0 || thorough() {
				p.wantTakenOver(path, 60)
				if eval[bool](p, `served.some((line) => line.includes("skeleton"))`) {
					t.Errorf("%s: the server has drawn a skeleton", path)
				}
			}
		}
	}
	out.Visit("/sign-in")
	out.submitSignIn(email, password)
	out.At("/two-factor")
	out.wantTakenOver(shared.PageTwoFactor, 15)
}

// picture returns a picture of what the tab shows.
func (p *tab) picture() image.Image {
	p.t.Helper()
	shot := command(p, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.t.Fatal(err)
	}
	return picture
}

// difference returns the share of the pixels in which two pictures differ.
func difference(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	differ, all := 0, 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			all++
			if a.At(x, y) != b.At(x, y) {
				differ++
			}
		}
	}
	return float64(differ) / float64(all)
}

// testDrawnClick checks that a button works before the app runs. A click on one that only the app
// handles is handled once, when it runs.
func testDrawnClick(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	other := browse(t, server)
	other.As(firefox)
	other.signIn(email)
	p.holdApp()
	p.Visit("/dashboard/settings/sessions")
	revoke := en.T(message.RevokeThis)
	p.Click("button", revoke, firefoxDevice)
	p.The("heading", en.T(message.ConfirmRevokeSession))
	p.Press(revoke)
	p.See(en.T(message.DoneSessionRevoked))
	p.At("/dashboard/settings/sessions")
	p.releaseApp()
	p.See(en.T(message.NoOtherSessions))
	p.See(en.T(message.DoneSessionRevoked))

	q := p.another()
	q.holdApp()
	q.Visit("/dashboard/settings/passkeys")
	add := en.T(message.AddPasskey)
	q.Press(add)
	q.Until("the button is busy", `!!document.querySelector("button[aria-busy=true]")`)
	q.Press(add)
	q.releaseApp()
	q.See(en.T(message.FollowBrowserPrompt))
}

// testDrawnSignOut checks that a page whose app does not run yet loses its data when the user signs
// out in another tab, and that the app does not keep them in the browser.
func testDrawnSignOut(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	slow := p.another()
	slow.Inject(withoutWorker) // the sign-out may abort its installation, which go-app reports
	slow.holdApp()
	slow.Visit("/dashboard/settings/sessions")
	slow.See(email)
	p.Press(en.T(message.SignOut))
	p.See(en.T(message.DoneSignedOut))
	slow.At("/sign-in")
	slow.releaseApp()
	if kept := eval[int](slow, `Object.keys(localStorage).filter((key) => localStorage[key].includes("@")).length`); kept != 0 {
		t.Error("the app keeps the user's data")
	}
	if text := eval[string](slow, `document.documentElement.innerHTML`); strings.Contains(text, email) {
		t.Errorf("the page still has the user's data: %s", text)
	}
}

// testDrawnSignOutSlow checks that the app does not take over with the user's data while the browser waits for
// the page without them.
func testDrawnSignOutSlow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.holdApp()
	p.Inject(noteCompiled)
	p.Inject(withoutTimeLimits)
	p.Visit("/dashboard/settings/sessions")
	p.Until("the loader runs", loaderRuns)
	p.Act(`new Promise((resolve) => {
		const later = new BroadcastChannel("latchkey"); // hears of it after the loader
		later.onmessage = () => resolve(stop()); // no response comes
		new BroadcastChannel("latchkey").postMessage("signed out");
	})`)
	p.Until("the loader waits for the app", `comeApp(), true`)
	p.Until("the app could run", `window.compiled`)
	p.Act(`new Promise((resolve) => setTimeout(resolve, 500))`)
	if eval[bool](p, testkit.Running) {
		t.Error("the app takes over after a sign-out in another tab")
	}
}

// testDrawnTyped checks that the app keeps what the user has typed, chosen and opened.
func testDrawnTyped(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.holdApp()
	p.Visit("/dashboard/settings/profile")
	p.Fill(en.T(message.DisplayName), "Ada Byron")
	p.Act(`document.activeElement.setSelectionRange(1, 3)`)
	p.releaseApp()
	got := eval[string](p, `(({ value, selectionStart, selectionEnd }) =>
		[value, selectionStart, selectionEnd].join())(document.activeElement)`)
	if got != "Ada Byron,1,3" {
		t.Errorf("after the app has taken over, the field with the focus has %s; want Ada Byron,1,3", got)
	}
}
