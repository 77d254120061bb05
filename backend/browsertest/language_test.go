package browsertest

import (
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLanguageBrowser tests the choice of a language in a real browser.
func TestLanguageBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Choice":     testLanguage,
		"Typed":      testLanguageTyped,
		"OneOnly":    testOneLanguage,
		"Later":      testLanguageLater,
		"NotLoaded":  testLanguageNotLoaded,
		"NotStarted": testLanguageNotStarted,
		"Zone":       testZone,
	}, map[string]func(*testing.T){
		"Offline": testLanguageOffline,
	})
}

const catalogDE = "/web/catalog-de.txt"

// readableCookies returns the cookies that scripts can read, except for the time zone.
const readableCookies = `document.cookie.split("; ").filter((cookie) => !cookie.startsWith("latchkey.zone=")).join("; ")`

// catalogNotLoaded is what the browser reports about a blocked catalog.
const catalogNotLoaded = "ERR_BLOCKED_BY_CLIENT"

// testOneLanguage checks that a page in German shows no English text, not even while the app
// starts, and that a page in English does not load the German texts.
func testOneLanguage(t *testing.T, server *testkit.Program) {
	for _, tt := range []struct {
		language, heading string
		loads             int
	}{{"de", de.T(message.SignIn), 1}, {"en", en.T(message.SignIn), 0}} {
		p := browse(t, server)
		p.Inject(`{
			window.headings = [];
			new MutationObserver(() => {
				const heading = document.querySelector("h1")?.textContent;
				// The browser may show an element before it has read the element's text.
				const unread = heading === "" && document.readyState === "loading";
				if (heading !== undefined && !unread && heading !== headings.at(-1)) {
					headings.push(heading);
				}
			}).observe(document, {subtree: true, childList: true, characterData: true});
		}`)
		p.Prefers(tt.language)
		p.Open("/sign-in")
		p.awaitLanguage(tt.language, tt.heading, tt.heading)
		if got := eval[[]string](p, `headings`); len(got) != 1 || got[0] != tt.heading {
			t.Errorf("the headings of the page in %s are %q; want only %q", tt.language, got, tt.heading)
		}
		n := eval[int](p, `performance.getEntriesByType("resource").filter((r) => r.name.includes("/web/catalog-")).length`)
		if n != tt.loads {
			t.Errorf("the page in %s loads a catalog %d times; want %d", tt.language, n, tt.loads)
		}
	}
}

// testLanguageLater checks a page that the browser has from before its user preferred German:
// the app starts in English, and then draws all of the page in German.
func testLanguageLater(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`Object.defineProperty(navigator, "languages", {get: () => ["de"]})`)
	for _, page := range []struct {
		path          string
		heading, text message.ID
	}{
		{"/sign-in", message.SignIn, message.KeepSignedIn},
		{"/sign-up", message.CreateAnAccount, message.DisplayName},
		{"/forgot-password", message.ForgotPassword, message.SendLink},
		{"/reset-password", message.ErrLinkNoLongerWorks, message.SendNewLink},
		{"/not-me", message.ErrLinkNoLongerWorks, message.ChooseNewPassword},
	} {
		p.Open(page.path)
		p.awaitLanguage("de", de.T(page.heading), de.T(page.heading))
		p.See(de.T(page.text))
	}
}

// testLanguageNotLoaded checks a user who chooses a language that does not load. The page stays
// in its language and says why. The choice counts as soon as it loads.
func testLanguageNotLoaded(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Provoke(catalogNotLoaded)
	p.Inject(withoutWorker)
	p.signUp()
	p.Open("/dashboard/settings")
	p.See(en.T(message.ThisDevice))
	p.settings("profile")
	p.Block(catalogDE)
	p.chooseLanguage(en.T(message.LanguageChoice), "Deutsch")
	p.See(en.T(message.ErrLanguageNotLoaded))
	p.awaitLanguage("en", en.T(message.UserProfile), en.T(message.UserProfile))
	p.Block("/none")
	p.Open("/dashboard/settings")
	p.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))
}

// testLanguageNotStarted checks that a page in German whose texts do not load says so in
// German, and that its form works.
func testLanguageNotStarted(t *testing.T, server *testkit.Program) {
	email := browse(t, server).signUp()
	p := browse(t, server)
	p.Provoke(catalogNotLoaded)
	p.Inject(withoutWorker)
	p.Prefers("de")
	p.Block(catalogDE)
	p.Visit("/sign-in")
	p.See(de.T(message.ErrAppNotLoaded))
	p.Fill(de.T(message.EmailAddress), email)
	p.Fill(de.T(message.AccountPassword), password)
	p.Press(de.T(message.SignIn))
	p.At("/dashboard/settings")
	p.See(de.T(message.ErrAppNotLoaded))
	p.Block("/none")
	p.Open("/dashboard/settings")
	p.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))
}

// testLanguageOffline checks that a page in German opens without a network.
func testLanguageOffline(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	email := browse(t, server).signUp()
	p := browseWithWorker(t, server)
	p.Provoke(unreachableErrors...)
	p.signInGerman(email)
	p.See(de.T(message.ThisDevice))
	p.awaitServiceWorker()
	server.Kill()
	p.Open("/dashboard/settings")
	p.See(de.T(message.ErrOfflineReadOnly))
	p.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))
}

// awaitLanguage waits for the heading of the page in a language. It checks that the page
// declares that language, and checks its title.
func (p *tab) awaitLanguage(language, heading, title string) {
	p.t.Helper()
	p.Until("the heading of the page is "+heading, `document.querySelector("h1")?.textContent === `+testkit.Quote(heading))
	if got := eval[string](p, "document.documentElement.lang"); got != language {
		p.t.Errorf("the page %q declares the language %q; want %q", heading, got, language)
	}
	if got := eval[string](p, "document.title"); got != title+" · Latchkey" {
		p.t.Errorf("the page %q has the title %q; want %q", heading, got, title+" · Latchkey")
	}
}

// chooseLanguage chooses an option of the language menu. Unlike
// [testkit.Tab.Choose], it does not wait for the value, because the menu's
// label changes with the language. It types only the first letter, which each option has for itself:
// after a second, the browser takes the next letter for that of another option.
func (p *tab) chooseLanguage(label, option string) {
	p.t.Helper()
	p.Click("combobox", label, "")
	p.Key(option[:1] + "\r")
}

// signInGerman signs in to an account with a German browser.
func (p *tab) signInGerman(email string) {
	p.t.Helper()
	p.Prefers("de-DE,de,en")
	p.Open("/sign-in")
	p.awaitLanguage("de", de.T(message.SignIn), de.T(message.SignIn))
	p.Fill(de.T(message.EmailAddress), email)
	p.Fill(de.T(message.AccountPassword), password)
	p.Press(de.T(message.SignIn))
	p.At("/dashboard/settings")
}

// checkWords checks that no word of a heading, a control or a badge is broken over two lines.
func (p *tab) checkWords(what string) {
	p.t.Helper()
	for _, word := range eval[[]string](p, `[...document.querySelectorAll("h1, h2, a, button, .badge")].
		filter((e) => e.checkVisibility()).flatMap((e) => [...e.childNodes]).filter((node) => node.nodeType === Node.TEXT_NODE).
		flatMap((node) => [...node.data.matchAll(/[\p{L}\p{N}]+/gu)].filter((word) => {
			const range = document.createRange()
			range.setStart(node, word.index)
			range.setEnd(node, word.index + word[0].length)
			return new Set([...range.getClientRects()].map((r) => r.top)).size > 1
		}).map((word) => word[0]))`) {
		p.t.Errorf("%s: the word %s is broken over two lines", what, word)
	}
}

// testLanguage checks that the pages follow the language of the browser, and
// then that of the account.
func testLanguage(t *testing.T, server *testkit.Program) {
	first := browseWithWorker(t, server)
	first.Prefers("en-GB,en,de")
	email := first.signUp()
	first.awaitLanguage("en", en.T(message.SecurityHome), en.T(message.SecurityHome))

	p := browse(t, server)
	p.signInGerman(email)
	p.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))
	p.See(de.T(message.ThisDevice))
	p.See(de.T(message.JustNow))
	p.checkWords("the home")
	p.settings("activity")
	p.See(de.T(message.EventSignUp))
	p.settings("profile")
	if got := eval[string](p, `document.querySelector("#profile-language").value`); got != "browser" {
		t.Errorf("the language is %q before the user chooses one; want browser", got)
	}
	p.Do(chromedp.EmulateViewport(360, 740))
	p.Fits(360, "the profile in German")
	p.settings("")
	p.See(de.T(message.TwoFactorAuthentication))
	p.Fits(360, "the home in German")
	p.checkWords("the home, 360 pixels wide")
	p.settings("sessions")
	p.checkWords("the sessions, 360 pixels wide")
	p.Do(chromedp.EmulateViewport(1280, 900))
	p.settings("profile")

	p.chooseLanguage(de.T(message.LanguageChoice), "English")
	p.See(en.T(message.DoneLanguageSaved))
	p.AwaitFocus(en.T(message.LanguageChoice))
	p.awaitLanguage("en", en.T(message.UserProfile), en.T(message.UserProfile))
	p.settings("activity")
	p.See(en.T(message.EventSignUp))
	p.settings("")
	p.The("heading", en.T(message.ActiveSessions))
	p.Open("/dashboard/settings")
	p.awaitLanguage("en", en.T(message.SecurityHome), en.T(message.SecurityHome))
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.awaitLanguage("en", en.T(message.SignIn), en.T(message.SignIn))
	p.Open("/sign-in") // signing out does not delete the cookie
	p.awaitLanguage("en", en.T(message.SignIn), en.T(message.SignIn))

	// The choice applies to other browsers of the account, too.
	other := browse(t, server)
	other.signInGerman(email)
	other.awaitLanguage("en", en.T(message.SecurityHome), en.T(message.SecurityHome))
	other.See(en.T(message.ThisDevice))

	other.settings("profile")
	other.chooseLanguage(en.T(message.LanguageChoice), en.T(message.SameAsBrowser))
	other.See(de.T(message.DoneLanguageSaved))
	other.awaitLanguage("de", de.T(message.UserProfile), de.T(message.UserProfile))
	if got := eval[string](other, readableCookies); got != "" {
		t.Errorf("after the choice is reverted, the cookie %q remains", got)
	}

	// A browser that showed English follows the language of the account that
	// signs in.
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))

	// The manifest and the pages that the service worker caches follow the
	// language, too.
	first.Open("/dashboard/settings")
	first.See(en.T(message.ThisDevice))
	first.awaitServiceWorker()
	first.settings("profile")
	first.chooseLanguage(en.T(message.LanguageChoice), "Deutsch")
	first.See(de.T(message.DoneLanguageSaved))
	first.Until("the cached pages are in German", `caches.match("/dashboard/settings", { ignoreVary: true }).
		then((page) => page.text()).then((text) => text.includes('<html lang="de">'))`)
	first.holdApp()
	first.Visit("/dashboard/settings")
	got := eval[string](first, `document.documentElement.lang + " " + document.querySelector("h1").textContent`)
	if got != "de "+de.T(message.SecurityHome) {
		t.Errorf("before the app runs, the language and the heading are %q", got)
	}
	first.releaseApp()
	first.awaitLanguage("de", de.T(message.SecurityHome), de.T(message.SecurityHome))
	if manifest := command(first, page.GetAppManifest, page.GetAppManifestParams{}); !strings.Contains(manifest.Data, `"lang":"de"`) {
		t.Errorf("the manifest is not in German: %s", manifest.Data)
	}
}

// testLanguageTyped checks that choosing a language keeps the input, and that
// no text remains in the previous language.
func testLanguageTyped(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	other := p.another() // learns of the change from the first tab
	other.Open("/dashboard/settings/password")
	other.Fill(en.T(message.CurrentPassword), "half a pass")
	other.Press(en.T(message.ShowNamed, strings.ToLower(en.T(message.CurrentPassword))))
	other.Fill(en.T(message.NewPassword), "another")
	p.settings("profile")
	p.Fill(en.T(message.DisplayName), "Ada King")
	p.Press(en.T(message.ChangeEmailAddress))
	p.Fill(en.T(message.NewEmailAddress), "ada.king@exam")
	p.chooseLanguage(en.T(message.LanguageChoice), "Deutsch")
	p.See(de.T(message.DoneLanguageSaved))
	p.awaitLanguage("de", de.T(message.UserProfile), de.T(message.UserProfile))
	p.AwaitFocus(de.T(message.LanguageChoice))
	p.Field("profile-name", "Ada King")
	p.Field("new-email-newEmail", "ada.king@exam")
	other.awaitLanguage("de", de.T(message.AccountPassword), de.T(message.AccountPassword))
	other.Field("password-currentPassword", "half a pass")
	other.Field("password-newPassword", "another")
	if got := eval[string](other, `document.getElementById("password-currentPassword").type`); got != "text" {
		t.Errorf("the visible password is an input of type %s; want text", got)
	}
	other.Press(de.T(message.HideNamed, de.T(message.CurrentPassword)))
	other.The("button", de.T(message.ShowNamed, de.T(message.CurrentPassword)))
	p.Press(de.T(message.CancelAction))
	p.Until("the form for the address is closed", `!document.getElementById("new-email-newEmail")`)
	other.Act(`document.querySelectorAll("#content input").forEach((e) => {
		e.value = ""
		e.dispatchEvent(new Event("input", {bubbles: true}))
	})`)
	other.Gone(de.T(message.StrengthShort))

	// Times change in the meantime, so the comparison leaves them out.
	const text = `(() => {
		const page = document.getElementById("content").cloneNode(true)
		page.querySelectorAll("time").forEach((e) => e.remove())
		return page.textContent
	})()`
	for _, page := range []*tab{p, other} {
		switched := eval[string](page, text)
		page.Open(eval[string](page, "location.pathname"))
		page.Until("a page that is loaded in German has this text:\n"+switched, text+" === "+testkit.Quote(switched))
	}
	p.settings("")
	p.See(de.T(message.ThisDevice))
}

// testZone checks that pages tell the server the time zone of the browser, also when it changes,
// and that the app draws times in it.
func testZone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	travel := func(zone string) {
		t.Helper()
		command(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		p.Open("/sign-up")
		if got, want := eval[string](p, "document.cookie"), shared.ZoneCookie+"="+zone; got != want {
			t.Errorf("in %s: the cookie is %q; want %q", zone, got, want)
		}
	}
	p.Prefers("en-GB,en")
	travel("America/Los_Angeles")
	travel("Australia/Adelaide")
	for _, cookie := range command(p, network.GetCookies, network.GetCookiesParams{}).Cookies {
		left := time.Until(time.Unix(int64(cookie.Expires), 0))
		if cookie.Path != "/" || cookie.SameSite != network.CookieSameSiteLax || cookie.Secure || left < 364*24*time.Hour {
			t.Errorf("the cookie is %+v", cookie)
		}
	}

	p.signUp()
	p.settings("activity")
	p.See(en.T(message.EventSignUp))
	got := eval[[]string](p, `(() => {
		const time = document.querySelector(".event time")
		const at = new Date(time.dateTime)
		return [time.textContent, at.toLocaleTimeString("en-GB", {timeStyle: "short"}), time.title.slice(-8), at.toLocaleTimeString("en-GB")]
	})()`)
	if got[0] != got[1] || got[2] != got[3] {
		t.Errorf("the time of an event is %q, and %q on hover; want %q and %q", got[0], got[2], got[1], got[3])
	}
	p.Press(en.T(message.SignOut))
	p.See(en.T(message.DoneSignedOut))
	if got := eval[string](p, "document.cookie"); got != shared.ZoneCookie+"=Australia/Adelaide" {
		t.Errorf("after the sign-out, the cookie is %q", got)
	}

	// The page also starts where the browser allows no cookies.
	p.Inject(`Object.defineProperty(document, "cookie", {get: () => "", set() { throw new DOMException("", "SecurityError") }})`)
	p.Open("/sign-in")
	p.The("heading", en.T(message.SignIn))
}
