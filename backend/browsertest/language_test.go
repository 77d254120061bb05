package browsertest

import (
	"latchkey/backend/testkit"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLanguageBrowser has people read the language that they understand.
func TestLanguageBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Choice": testLanguage,
		"Typed":  testLanguageTyped,
	}, nil)
}

// reads waits until the page is in a language, and says so.
func (p *tab) reads(language, heading, title string) {
	p.t.Helper()
	p.The("heading", heading)
	if got := eval[string](p, "document.documentElement.lang"); got != language {
		p.t.Errorf("under %q the page says that it is in %q", heading, got)
	}
	if got := eval[string](p, "document.title"); got != title+" · Latchkey" {
		p.t.Errorf("under %q the window is called %q", heading, got)
	}
}

// speak is [tab.choose] of what is called something else once it is chosen.
func (p *tab) speak(label, option string) {
	p.t.Helper()
	p.Click("combobox", label, "")
	p.Key(option + "\r")
}

func (p *tab) signInGerman(email string) {
	p.t.Helper()
	p.Prefers("de-DE,de,en")
	p.Open("/sign-in")
	p.reads("de", "Anmelden", "Anmelden")
	p.Fill("E-Mail", email)
	p.Fill("Passwort", password)
	p.Press("Anmelden")
	p.At("/dashboard/settings")
}

func testLanguage(t *testing.T, server *testkit.Program) {
	first := browse(t, server)
	first.Prefers("en-GB,en,de")
	email := first.signUp()
	first.reads("en", "Settings", "Settings")

	p := browse(t, server)
	p.signInGerman(email)
	p.reads("de", "Einstellungen", "Einstellungen")
	p.See("Dieses Gerät")
	p.See("gerade eben")
	p.See("Das Konto wurde erstellt")
	if got := eval[string](p, `document.querySelector("#profile-language").value`); got != "browser" {
		t.Errorf("the language is %q before anybody chose one", got)
	}
	p.Do(chromedp.EmulateViewport(360, 740))
	p.See("Zwei-Faktor-Authentisierung")
	p.Fits(360, "the settings page in German")
	p.Do(chromedp.EmulateViewport(1280, 900))

	p.speak("Sprache", "English")
	p.See("Your language is saved.")
	p.AwaitFocus("Language")
	p.reads("en", "Settings", "Settings")
	p.The("heading", "Active sessions")
	p.See("The account was created")
	p.Open("/dashboard/settings")
	p.reads("en", "Settings", "Settings")
	p.Press("Sign out")
	p.At("/sign-in")
	p.reads("en", "Sign in", "Sign in")
	p.Open("/sign-in") // the cookie outlives what is wiped
	p.reads("en", "Sign in", "Sign in")

	// The account says so to another browser, too.
	other := browse(t, server)
	other.signInGerman(email)
	other.reads("en", "Settings", "Settings")
	other.See("This device")

	other.speak("Language", "As your browser")
	other.See("Ihre Sprache ist gespeichert.")
	other.reads("de", "Einstellungen", "Einstellungen")
	if got := eval[string](other, "document.cookie"); got != "" {
		t.Errorf("of a choice that was taken back the cookie %q is left", got)
	}

	// Where it was English until now, the page follows who signs in.
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.reads("de", "Einstellungen", "Einstellungen")

	// So do the pages that the service worker keeps, and the manifest.
	first.Open("/dashboard/settings")
	first.See("This device")
	first.controlled()
	first.speak("Language", "Deutsch")
	first.See("Ihre Sprache ist gespeichert.")
	first.Until("the pages that are kept are German", `caches.match("/dashboard/settings", { ignoreVary: true }).then((page) => page.text()).then((text) => text.includes('<html lang="de">'))`)
	first.holdApp()
	first.Visit("/dashboard/settings")
	if got := eval[string](first, `document.documentElement.lang + " " + document.querySelector("h1").textContent`); got != "de Einstellungen" {
		t.Errorf("until the app is there the page is %q", got)
	}
	first.comeApp()
	first.reads("de", "Einstellungen", "Einstellungen")
	if manifest := command(first, page.GetAppManifest, page.GetAppManifestParams{}); !strings.Contains(manifest.Data, `"lang":"de"`) {
		t.Errorf("the manifest is %s", manifest.Data)
	}
}

// testLanguageTyped holds that who chooses a language loses nothing that is typed,
// and that nothing is left in the one before.
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
	p.speak("Language", "Deutsch")
	p.See("Ihre Sprache ist gespeichert.")
	p.reads("de", "Einstellungen", "Einstellungen")
	p.AwaitFocus("Sprache")
	for field, want := range map[string]string{
		"profile-name": "Ada King", "new-email-newEmail": "ada.king@exam", "password-currentPassword": "half a pass", "password-newPassword": "another",
	} {
		if got := eval[string](p, `document.getElementById("`+field+`")?.value ?? "it is gone"`); got != want {
			t.Errorf("in %s there is %q; %q was typed", field, got, want)
		}
	}
	if got := eval[string](p, `document.getElementById("password-currentPassword").type`); got != "text" {
		t.Errorf("the password that was shown is a %s", got)
	}
	p.Press("Abbrechen")

	// Times go on meanwhile.
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
	p.Until("the page is as if it had been German from the start:\n"+switched, text+" === "+testkit.Quote(switched))
}
