package main_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestLanguageBrowser has people read the language that they understand.
func TestLanguageBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
		"Choice": testLanguage,
		"Typed":  testLanguageTyped,
	}, nil)
}

// prefers sets the languages of the browser, as its Accept-Language says them.
func (p *tab) prefers(languages string) {
	p.t.Helper()
	command(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: eval[string](p, "navigator.userAgent"), AcceptLanguage: languages,
	})
}

// reads waits until the page is in a language, and says so.
func (p *tab) reads(language, heading, title string) {
	p.t.Helper()
	p.the("heading", heading)
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
	p.click(p.the("combobox", label))
	p.key(option + "\r")
}

func (p *tab) signInGerman(email string) {
	p.t.Helper()
	p.prefers("de-DE,de,en")
	p.open("/sign-in")
	p.reads("de", "Anmelden", "Anmelden")
	p.fill("E-Mail", email)
	p.fill("Passwort", password)
	p.press("Anmelden")
	p.at("/dashboard/settings")
}

func testLanguage(t *testing.T, browser context.Context, server *program) {
	first := browse(t, browser, server.origin)
	first.prefers("en-GB,en,de")
	email := first.signUp()
	first.reads("en", "Settings", "Settings")

	p := browse(t, browser, server.origin)
	p.signInGerman(email)
	p.reads("de", "Einstellungen", "Einstellungen")
	p.see("Dieses Gerät")
	p.see("gerade eben")
	p.see("Das Konto wurde erstellt")
	if got := eval[string](p, `document.querySelector("#profile-language").value`); got != "browser" {
		t.Errorf("the language is %q before anybody chose one", got)
	}
	p.do(chromedp.EmulateViewport(360, 740))
	p.see("Zwei-Faktor-Authentisierung")
	p.fits(360, "the settings page in German")
	p.do(chromedp.EmulateViewport(1280, 900))

	p.speak("Sprache", "English")
	p.see("Your language is saved.")
	p.awaitFocus("Language")
	p.reads("en", "Settings", "Settings")
	p.the("heading", "Active sessions")
	p.see("The account was created")
	p.open("/dashboard/settings")
	p.reads("en", "Settings", "Settings")
	p.press("Sign out")
	p.at("/sign-in")
	p.reads("en", "Sign in", "Sign in")
	p.open("/sign-in") // the cookie outlives what is wiped
	p.reads("en", "Sign in", "Sign in")

	// The account says so to another browser, too.
	other := browse(t, browser, server.origin)
	other.signInGerman(email)
	other.reads("en", "Settings", "Settings")
	other.see("This device")

	other.speak("Language", "As your browser")
	other.see("Ihre Sprache ist gespeichert.")
	other.reads("de", "Einstellungen", "Einstellungen")
	if got := eval[string](other, "document.cookie"); got != "" {
		t.Errorf("of a choice that was taken back the cookie %q is left", got)
	}

	// Where it was English until now, the page follows who signs in.
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	p.reads("de", "Einstellungen", "Einstellungen")

	// So do the pages that the service worker keeps, and the manifest.
	first.open("/dashboard/settings")
	first.see("This device")
	first.inCharge()
	first.speak("Language", "Deutsch")
	first.see("Ihre Sprache ist gespeichert.")
	first.wait("the pages that are kept are German", func() bool {
		return eval[bool](first, `caches.match("/dashboard/settings", { ignoreVary: true }).then((page) => page.text()).then((text) => text.includes('<html lang="de">'))`)
	})
	first.holdApp()
	first.visit("/dashboard/settings")
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
func testLanguageTyped(t *testing.T, browser context.Context, server *program) {
	p := browse(t, browser, server.origin)
	p.signUp()
	p.open("/dashboard/settings")
	p.see("This device")
	p.fill("Name", "Ada King")
	p.press("Change email address")
	p.fill("New email address", "ada.king@exam")
	p.fill("Current password", "half a pass")
	p.press("Show current password")
	p.fill("New password", "another")
	p.speak("Language", "Deutsch")
	p.see("Ihre Sprache ist gespeichert.")
	p.reads("de", "Einstellungen", "Einstellungen")
	p.awaitFocus("Sprache")
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
	p.press("Abbrechen")

	// Times go on meanwhile.
	const text = `(() => {
		const page = document.getElementById("content").cloneNode(true)
		page.querySelectorAll("time").forEach((e) => e.remove())
		return page.textContent
	})()`
	p.press("Aktuelles Passwort verbergen")
	p.the("button", "Aktuelles Passwort anzeigen")
	switched := eval[string](p, text)
	p.open("/dashboard/settings")
	p.see("Dieses Gerät")
	p.wait("the page is as if it had been German from the start:\n"+switched, func() bool { return eval[string](p, text) == switched })
}
