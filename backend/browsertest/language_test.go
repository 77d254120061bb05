package browsertest

import (
	"latchkey/backend/testkit"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLanguageBrowser tests the choice of a language in a real browser.
func TestLanguageBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Choice": testLanguage,
		"Typed":  testLanguageTyped,
	}, nil)
}

// awaitLanguage waits for a heading in a language. It checks that the page
// declares that language, and checks its title.
func (p *tab) awaitLanguage(language, heading, title string) {
	p.t.Helper()
	p.The("heading", heading)
	if got := eval[string](p, "document.documentElement.lang"); got != language {
		p.t.Errorf("the page %q declares the language %q; want %q", heading, got, language)
	}
	if got := eval[string](p, "document.title"); got != title+" · Latchkey" {
		p.t.Errorf("the page %q has the title %q; want %q", heading, got, title+" · Latchkey")
	}
}

// chooseLanguage chooses an option of the language menu. Unlike
// [testkit.Tab.Choose], it does not wait for the value, because the menu's
// label changes with the language.
func (p *tab) chooseLanguage(label, option string) {
	p.t.Helper()
	p.Click("combobox", label, "")
	p.Key(option + "\r")
}

// signInGerman signs in to an account with a German browser.
func (p *tab) signInGerman(email string) {
	p.t.Helper()
	p.Prefers("de-DE,de,en")
	p.Open("/sign-in")
	p.awaitLanguage("de", "Anmelden", "Anmelden")
	p.Fill("E-Mail", email)
	p.Fill("Passwort", password)
	p.Press("Anmelden")
	p.At("/dashboard/settings")
}

// testLanguage checks that the pages follow the language of the browser, and
// then that of the account.
func testLanguage(t *testing.T, server *testkit.Program) {
	first := browse(t, server)
	first.Prefers("en-GB,en,de")
	email := first.signUp()
	first.awaitLanguage("en", "Settings", "Settings")

	p := browse(t, server)
	p.signInGerman(email)
	p.awaitLanguage("de", "Einstellungen", "Einstellungen")
	p.See("Dieses Gerät")
	p.See("gerade eben")
	p.See("Das Konto wurde erstellt")
	if got := eval[string](p, `document.querySelector("#profile-language").value`); got != "browser" {
		t.Errorf("the language is %q before the user chooses one; want browser", got)
	}
	p.Do(chromedp.EmulateViewport(360, 740))
	p.See("Zwei-Faktor-Authentifizierung")
	p.Fits(360, "the settings page in German")
	p.Do(chromedp.EmulateViewport(1280, 900))

	p.chooseLanguage("Sprache", "English")
	p.See("Your language is saved.")
	p.AwaitFocus("Language")
	p.awaitLanguage("en", "Settings", "Settings")
	p.The("heading", "Active sessions")
	p.See("The account was created")
	p.Open("/dashboard/settings")
	p.awaitLanguage("en", "Settings", "Settings")
	p.Press("Sign out")
	p.At("/sign-in")
	p.awaitLanguage("en", "Sign in", "Sign in")
	p.Open("/sign-in") // signing out does not delete the cookie
	p.awaitLanguage("en", "Sign in", "Sign in")

	// The choice applies to other browsers of the account, too.
	other := browse(t, server)
	other.signInGerman(email)
	other.awaitLanguage("en", "Settings", "Settings")
	other.See("This device")

	other.chooseLanguage("Language", "As your browser")
	other.See("Ihre Sprache ist gespeichert.")
	other.awaitLanguage("de", "Einstellungen", "Einstellungen")
	if got := eval[string](other, "document.cookie"); got != "" {
		t.Errorf("after the choice is reverted, the cookie %q remains", got)
	}

	// A browser that showed English follows the language of the account that
	// signs in.
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.awaitLanguage("de", "Einstellungen", "Einstellungen")

	// The manifest and the pages that the service worker caches follow the
	// language, too.
	first.Open("/dashboard/settings")
	first.See("This device")
	first.awaitServiceWorker()
	first.chooseLanguage("Language", "Deutsch")
	first.See("Ihre Sprache ist gespeichert.")
	first.Until("the cached pages are in German", `caches.match("/dashboard/settings", { ignoreVary: true }).
		then((page) => page.text()).then((text) => text.includes('<html lang="de">'))`)
	first.holdApp()
	first.Visit("/dashboard/settings")
	got := eval[string](first, `document.documentElement.lang + " " + document.querySelector("h1").textContent`)
	if got != "de Einstellungen" {
		t.Errorf("before the app runs, the language and the heading are %q", got)
	}
	first.releaseApp()
	first.awaitLanguage("de", "Einstellungen", "Einstellungen")
	if manifest := command(first, page.GetAppManifest, page.GetAppManifestParams{}); !strings.Contains(manifest.Data, `"lang":"de"`) {
		t.Errorf("the manifest is not in German: %s", manifest.Data)
	}
}

// testLanguageTyped checks that choosing a language keeps the input, and that
// no text remains in the previous language.
func testLanguageTyped(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.Open("/dashboard/settings")
	p.See("This device")
	p.Fill("Name", "Ada King")
	p.Press("Change email address")
	p.Fill("New email address", "ada.king@exam")
	p.Fill("Current password", "half a pass")
	p.Press("Show current password")
	p.Fill("New password", "another")
	p.chooseLanguage("Language", "Deutsch")
	p.See("Ihre Sprache ist gespeichert.")
	p.awaitLanguage("de", "Einstellungen", "Einstellungen")
	p.AwaitFocus("Sprache")
	for field, want := range map[string]string{
		"profile-name": "Ada King", "new-email-newEmail": "ada.king@exam",
		"password-currentPassword": "half a pass", "password-newPassword": "another",
	} {
		if got := eval[string](p, `document.getElementById("`+field+`")?.value ?? "it is gone"`); got != want {
			t.Errorf("the field %s holds %q; want %q", field, got, want)
		}
	}
	if got := eval[string](p, `document.getElementById("password-currentPassword").type`); got != "text" {
		t.Errorf("the visible password is an input of type %s; want text", got)
	}
	p.Press("Abbrechen")

	// Times change in the meantime, so the comparison leaves them out.
	const text = `(() => {
		const page = document.getElementById("content").cloneNode(true)
		page.querySelectorAll("time").forEach((e) => e.remove())
		return page.textContent
	})()`
	p.Press("Aktuelles Passwort verbergen")
	p.The("button", "Aktuelles Passwort anzeigen")
	switched := eval[string](p, text)
	p.Open("/dashboard/settings")
	p.See("Dieses Gerät")
	p.Until("a page that is loaded in German has this text:\n"+switched, text+" === "+testkit.Quote(switched))
}
