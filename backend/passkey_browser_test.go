package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/shared"
)

// TestPasskeyBrowser has people use passkeys in a real browser. Only the thing
// that keeps them is not real: the browser plays it.
func TestPasskeyBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
		"Manage":       testPasskeyManage,
		"SignIn":       testPasskeySignIn,
		"Refused":      testPasskeyRefused,
		"SecondFactor": testPasskeySecondFactor,
		"Challenge":    testPasskeyChallenge,
		"Tabs":         testPasskeyTabs,
		"Upgrade":      testPasskeyUpgrade,
		"Extension":    testPasskeyExtension,
		"Exceptions":   testPasskeyExceptions,
		"Unknown":      testPasskeyUnknown,
		"Late":         testPasskeyLate,
		"Narrow":       testPasskeyNarrow,
	}, map[string]func(*testing.T, context.Context, string){
		"StepUp": testPasskeyStepUp,
	})
}

// A keyring is what keeps passkeys: here, part of the computer.
type keyring struct {
	p  *tab
	id webauthn.AuthenticatorID
}

// equip gives the computer of a tab something that keeps passkeys, and checks
// who it is that uses them.
func (p *tab) equip(synced bool) *keyring {
	p.t.Helper()
	p.inject(`window.asked = []
		for (const name of ["create", "get"]) {
			const real = CredentialsContainer.prototype[name]
			CredentialsContainer.prototype[name] = function(options) {
				asked.push(name === "get" ? options.mediation ?? options.uiMode ?? name : name)
				return real.call(this, options)
			}
		}`)
	command(p, webauthn.Enable, webauthn.EnableParams{})
	added := command(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
			DefaultBackupEligibility: synced, DefaultBackupState: synced,
		},
	})
	return &keyring{p, added.AuthenticatorID}
}

// present says whether somebody is there to touch it.
func (a *keyring) present(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
}

// verifies says whether it recognises whoever touches it.
func (a *keyring) verifies(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// keeps is the passkeys in it.
func (a *keyring) keeps() []*webauthn.Credential {
	a.p.t.Helper()
	return command(a.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// inject runs a script in every page before any other.
func (p *tab) inject(script string) {
	p.t.Helper()
	command(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// addPasskey adds one, and calls it name if that is not empty.
func (p *tab) addPasskey(name string) {
	p.t.Helper()
	p.press("Add passkey")
	p.awaitFocus("Passkey name")
	if name != "" {
		p.fill("Passkey name", name)
	}
	p.press("Continue")
	p.see("Passkey added!")
	p.awaitFocus("Add passkey") // where it was
}

// goOut signs out, and leaves the authenticator alone: one that is touched would
// sign in again by itself, as the page asks for it at once.
func (a *keyring) goOut() {
	a.p.t.Helper()
	a.present(false)
	eval[bool](a.p, `asked.length = 0, true`)
	a.p.press("Sign out")
	a.p.at("/sign-in")
	a.p.asks("conditional")
}

// asks waits until the page has asked the browser, and how: to "create" one, or
// to "get" one, which can also be "conditional" or "immediate".
func (p *tab) asks(how string) {
	p.t.Helper()
	p.wait("the page asks by "+how, func() bool { return eval[bool](p, fmt.Sprintf(`asked.includes(%q)`, how)) })
}

// comeBack touches it at the button of the sign-in page.
func (a *keyring) comeBack() {
	a.p.t.Helper()
	a.present(true)
	a.p.press(signInWithPasskey)
	a.p.at("/dashboard/settings")
	a.p.see("This device")
}

const signInWithPasskey = "Sign in with a passkey"

func testPasskeyManage(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	p.signUp()
	p.see("You have none yet.")
	p.press("Add passkey")
	p.the("dialog", "Add a passkey")
	p.fieldIs("add-passkey-name", "Linux") // after the computer
	p.key(kb.Escape)
	p.awaitFocus("Add passkey")
	p.addPasskey("")
	p.see("You have only this one, and it is on one device.")
	if kept := a.keeps(); len(kept) != 1 || !kept[0].IsResidentCredential || len(kept[0].UserHandle) != 64 {
		t.Errorf("the authenticator keeps %v; want one that is found without a name", kept)
	}
	for _, text := range []string{"Linux", "This device only", "Never"} {
		if !strings.Contains(p.card("passkeys"), text) {
			t.Errorf("the card does not say %q:\n%s", text, p.card("passkeys"))
		}
	}

	// The same device again.
	p.press("Add passkey")
	p.fieldIs("add-passkey-name", "Linux 2")
	p.press("Continue")
	p.see("This device has a passkey for your account already.")
	p.press("Continue") // it can be tried again
	p.see("This device has a passkey for your account already.")
	p.press("Cancel")
	if n := len(a.keeps()); n != 1 {
		t.Errorf("the authenticator keeps %d; want 1", n)
	}

	// Another name.
	p.click(p.with("button", "Rename", "Linux"))
	p.awaitFocus("Passkey name")
	p.key("thrown away" + kb.Escape)
	p.awaitFocus("Rename")
	p.key(kb.Enter)
	p.awaitFocus("Passkey name")
	p.fieldIs("rename-"+p.firstPasskey(), "Linux")
	p.fill("Passkey name", " ")
	p.click(p.with("button", "Save", "Linux"))
	p.with("textbox", "Passkey name", "Enter a name.")
	p.fill("Passkey name", strings.Repeat("x", shared.MaxPasskeyName+1))
	p.key(kb.Enter)
	p.with("textbox", "Passkey name", "This name is too long. Use at most 100 characters.")
	p.fill("Passkey name", "Bürorechner <b>")
	p.key(kb.Enter)
	p.see("Passkey renamed.")
	p.awaitFocus("Rename")
	p.with("button", "Rename", "Bürorechner <b>")
	p.open("/dashboard/settings")
	p.with("button", "Rename", "Bürorechner <b>")

	// The name of the account is in what the authenticator shows, too.
	p.fill("Name", "Augusta Ada King")
	p.press("Save")
	p.see("Your profile is saved.")
	p.wait("the authenticator has the new name", func() bool { return a.keeps()[0].UserDisplayName == "Augusta Ada King" })

	// Deleted here, it is deleted there.
	p.click(p.with("button", "Delete", "Bürorechner <b>"))
	p.the("dialog", "Delete this passkey?")
	p.see("“Bürorechner <b>” will sign you in no more, and you will be signed out everywhere else.")
	p.press("Cancel")
	p.click(p.with("button", "Delete", "Bürorechner <b>"))
	p.the("dialog", "Delete this passkey?")
	p.press("Delete")
	p.see("“Bürorechner <b>” is deleted.")
	p.see("You have none yet.")
	p.awaitFocus("Passkeys")
	p.wait("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })
}

// card is what a section of the settings says.
func (p *tab) card(id string) string {
	return eval[string](p, fmt.Sprintf(`document.querySelector("[aria-labelledby=%s]").innerText`, id))
}

// firstPasskey is what the id of its field ends with.
func (p *tab) firstPasskey() string {
	return eval[string](p, `document.querySelector(".rename input").id.replace("rename-", "")`)
}

func testPasskeySignIn(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(true)
	p.signUp()
	p.addPasskey("Everywhere")
	if card := p.card("passkeys"); !strings.Contains(card, "Synced") || strings.Contains(card, "only this one") {
		t.Errorf("the card of a synced passkey says:\n%s", card)
	}

	// By the button, with no name typed.
	a.goOut()
	a.comeBack()
	p.wait("the session says how it was signed in", func() bool { return strings.Contains(p.card("sessions"), "Signed in with\nPasskey") })
	if card := p.card("passkeys"); !strings.Contains(card, "Last used\njust now") {
		t.Errorf("the card does not say that it was used:\n%s", card)
	}

	// By what the browser fills in, which is what happens here without a click.
	a.goOut()
	p.open("/sign-in?next=/dashboard/settings%3Fa=b")
	if complete := eval[string](p, `document.getElementById("sign-in-email").autocomplete`); complete != "username webauthn" {
		t.Errorf("the address may be filled in with %q", complete)
	}
	a.present(true)
	p.open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.at("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
	p.see("This device")
}

// testPasskeyRefused is about those who do not get in, or not at once.
func testPasskeyRefused(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	email := p.signUp()

	quiet := func(when string) {
		t.Helper()
		p.wait("it can be tried again "+when, func() bool {
			return eval[int](p, `document.querySelectorAll("[aria-busy=true]").length`) == 0
		})
		if text := eval[string](p, `[...document.querySelectorAll("[role=alert]:not(#crash)")].map((e) => e.innerText).join("").trim()`); text != "" {
			t.Errorf("%s it complains: %s", when, text)
		}
	}

	// Not recognised, the browser gives up; the person knows why.
	a.verifies(false)
	p.press("Add passkey")
	p.press("Continue")
	quiet("after a finger that was not recognised")
	a.verifies(true)

	// Nobody touches it; then somebody thinks better of it.
	a.present(false)
	p.press("Continue")
	p.see("Now do what your browser or your device asks for.")
	p.press("Cancel")
	p.awaitFocus("Add passkey")
	quiet("after cancelling")
	a.present(true)
	p.addPasskey("Mine")

	a.goOut()
	a.verifies(false)
	a.present(true)
	p.press(signInWithPasskey)
	p.see("No passkey was used.")
	p.press(signInWithPasskey) // the browser asks about other devices now
	p.asks("get")
	quiet("after a finger that was not recognised")
	p.at("/sign-in")

	// Deleted behind its back.
	a.present(false)
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	p.with("button", "Delete", "Mine")
	var list []shared.Passkey
	if err := json.Unmarshal([]byte(eval[string](p, `fetch("/api/auth/passkey/list-user-passkeys").then((r) => r.text())`)), &list); err != nil || len(list) != 1 {
		t.Fatalf("the list is %v, %v", list, err)
	}
	if status, body := p.post("passkey/delete-passkey", map[string]string{"id": list[0].ID}); status != 200 {
		t.Fatalf("delete-passkey is %d %s", status, body)
	}
	a.goOut()
	a.verifies(true)
	if n := len(a.keeps()); n != 1 {
		t.Fatalf("the authenticator keeps %d; want the one that was deleted", n)
	}
	a.present(true)
	p.press(signInWithPasskey)
	p.see("This passkey is not known here: it may have been deleted. Use another one, or another way.")
	p.wait("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })
}

func testPasskeySecondFactor(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()

	// It needs no second factor, for it checks its owner itself.
	a.goOut()
	a.comeBack()

	// And it is one, after the password.
	a.goOut()
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.awaitFocus(atSignIn)
	p.click(p.the("checkbox", "Trust this device for 30 days"))
	a.verifies(false)
	a.present(true)
	p.press("Use a passkey")
	p.wait("it can be tried again", func() bool { return eval[int](p, `document.querySelectorAll("[aria-busy=true]").length`) == 0 })
	p.at("/two-factor")
	a.verifies(true)
	p.press("Use a passkey")
	p.at("/dashboard/settings")
	p.see("Password and passkey")
	p.see("Trusted until")
	if kept := eval[string](p, `JSON.stringify({...sessionStorage})`); kept != "{}" {
		t.Errorf("afterwards the page keeps %s", kept)
	}
}

// testPasskeyChallenge is about the page for the second factor where it does
// not know what the server offers: it was opened by hand, or in another tab.
func testPasskeyChallenge(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()
	a.goOut()
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.the("button", "Use a passkey")
	eval[bool](p, `sessionStorage.clear(), true`)
	p.open("/two-factor?next=/dashboard/settings%3Fa=b")
	p.awaitFocus(atSignIn)
	a.present(true)
	p.press("Use a passkey")
	p.at("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
}

func testPasskeyStepUp(t *testing.T, ctx context.Context, binary string) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")
	db := openDatabase(t, file)
	stale := func() {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'"); err != nil {
			t.Fatal(err)
		}
	}

	// The action goes on by itself.
	stale()
	p.press("Rename")
	p.fill("Passkey name", "Yours")
	p.key(kb.Enter)
	p.the("dialog", "Is it still you?")
	p.awaitFocus("Password")
	a.verifies(false)
	p.press("Use a passkey")
	p.wait("it can be tried again", func() bool { return eval[int](p, `document.querySelectorAll("dialog [aria-busy=true]").length`) == 0 })
	p.the("dialog", "Is it still you?")
	a.verifies(true)
	p.press("Use a passkey")
	p.see("Passkey renamed.")
	p.with("button", "Rename", "Yours")

	// It comes before the dialog that would need it.
	stale()
	p.press("Add passkey")
	p.the("dialog", "Is it still you?")
	p.key(kb.Escape)
	p.awaitFocus("Add passkey")
	p.press("Add passkey")
	p.press("Use a passkey")
	p.the("dialog", "Add a passkey")
	p.press("Cancel")

	stale()
	p.press("Delete")
	p.the("dialog", "Delete this passkey?")
	p.press("Delete")
	p.the("dialog", "Is it still you?")
	p.press("Use a passkey")
	p.see("“Yours” is deleted.")
	p.wait("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })

	// Without one it is not offered.
	stale()
	p.press("Add passkey")
	p.the("dialog", "Is it still you?")
	p.fill("Password", password)
	if n := len(p.all("button", "Use a passkey")); n != 0 {
		t.Error("a passkey is offered that is not there")
	}
	p.press("Continue")
	p.the("dialog", "Add a passkey")
}

// testPasskeyTabs has two tabs of a browser under way at once.
func testPasskeyTabs(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")
	second := p.another()
	second.open("/dashboard/settings")
	second.with("button", "Delete", "Mine")

	a.goOut()
	second.at("/sign-in")
	second.the("button", signInWithPasskey)
	second.open("/sign-in") // it has options of its own now
	second.wait("it asks the server", func() bool {
		return eval[int](second, `performance.getEntriesByName(origin + "/api/auth/passkey/generate-authenticate-options").length`) == 1
	})
	a.comeBack() // with the older ones
	second.at("/dashboard/settings")
	second.see("This device")
}

// testPasskeyUpgrade has the browser make a passkey in passing. The one that is
// played here never does, so it is asked outright instead.
func testPasskeyUpgrade(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(true)
	p.inject(`const create = CredentialsContainer.prototype.create
		CredentialsContainer.prototype.create = function(options) {
			if (options.mediation !== "conditional") throw new Error("it asks the person")
			delete options.mediation
			return create.call(this, options)
		}`)
	email := p.signUp()
	p.see("You have none yet.")
	a.goOut()
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	a.present(true)
	p.see("Passkey added. Next time, sign in without a password.")
	p.with("button", "Delete", "Passkey") // there is no name
	if n := len(a.keeps()); n != 1 {
		t.Errorf("the authenticator keeps %d; want 1", n)
	}
	a.goOut()
	a.comeBack()

	// There is one: nothing happens, and nothing is said.
	a.goOut()
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
	p.with("button", "Delete", "Passkey")
	a.present(true)
	p.asks("create")
	p.press("Save")
	p.see("Your profile is saved.")
	if n := len(p.all("button", "Delete")); n != 1 {
		t.Errorf("there are %d passkeys; want 1", n)
	}
}

// testPasskeyExtension has an extension in the browser that breaks what the
// browser would do itself.
func testPasskeyExtension(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	p.inject(`const broken = () => { throw new TypeError("Illegal invocation") }
		PublicKeyCredential.prototype.toJSON = broken
		PublicKeyCredential.prototype.getClientExtensionResults = broken
		AuthenticatorAttestationResponse.prototype.getTransports = broken
		delete PublicKeyCredential.parseCreationOptionsFromJSON
		delete PublicKeyCredential.parseRequestOptionsFromJSON
		delete PublicKeyCredential.getClientCapabilities
		PublicKeyCredential.signalAllAcceptedCredentials = broken
		PublicKeyCredential.signalCurrentUserDetails = () => Promise.reject(new TypeError("no"))`)
	p.signUp()
	p.addPasskey("Mine")
	p.fill("Name", "Augusta Ada King")
	p.press("Save")
	p.see("Your profile is saved.")
	a.goOut()
	a.comeBack()
	p.with("button", "Delete", "Mine")
}

// testPasskeyExceptions has the browser refuse for every reason that it has.
func testPasskeyExceptions(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.equip(false)
	p.inject(`CredentialsContainer.prototype.create = function() {
			if (window.thrown === "TypeError") throw new TypeError("not thought of")
			return Promise.reject(new DOMException("for developers", window.thrown))
		}`)
	p.signUp()
	p.press("Add passkey")
	p.the("dialog", "Add a passkey")
	for name, sentence := range map[string]string{
		"NotAllowedError":   "",
		"AbortError":        "",
		"InvalidStateError": "This device has a passkey for your account already.",
		"SecurityError":     "Passkeys do not work at this address",
		"ConstraintError":   "Set up a PIN, a fingerprint or your face",
		"NotSupportedError": "Try another one, or your phone.",
		"UnknownError":      "had a problem",
		"TypeError":         "The browser could not do that.",
		"SomethingNew":      "The browser could not do that.",
	} {
		eval[bool](p, fmt.Sprintf(`window.thrown = %q, true`, name))
		p.press("Continue")
		p.wait(fmt.Sprintf("%s is explained by %q", name, sentence), func() bool {
			said := eval[string](p, `document.querySelector("#add-passkey .trouble").innerText`)
			return eval[int](p, `document.querySelectorAll("[aria-busy=true]").length`) == 0 &&
				strings.Contains(said, sentence) && (sentence != "" || said == "")
		})
	}
	p.press("Cancel")
}

// testPasskeyUnknown has browsers that know no passkeys.
func testPasskeyUnknown(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.inject(`delete window.PublicKeyCredential`)
	email := p.signUp()
	p.see("This browser cannot add passkeys here")
	if n := len(p.all("button", "Add passkey")); n != 0 {
		t.Error("a passkey can be added")
	}
	p.press("Sign out")
	p.at("/sign-in")
	p.open("/sign-in")
	if n := len(p.all("button", signInWithPasskey)); n != 0 {
		t.Error("it offers to sign in with a passkey")
	}
	p.submitSignIn(email, password)
	p.at("/dashboard/settings")
}

// testPasskeyLate has the server forget what it asked.
func testPasskeyLate(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")
	a.goOut()
	for _, cookie := range command(p, network.GetCookies, network.GetCookiesParams{}).Cookies {
		command(p, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, Domain: cookie.Domain, Path: cookie.Path})
	}
	a.present(true)
	p.press(signInWithPasskey)
	p.see("That took too long, or was finished elsewhere. Try again.")
	p.at("/dashboard/settings") // it did: the authenticator is touched
}

// testPasskeyNarrow looks that nothing is wider than a small phone.
func testPasskeyNarrow(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.do(chromedp.EmulateViewport(320, 640))
	a := p.equip(true)
	p.signUp()
	p.addPasskey(strings.Repeat("Donaudampfschiff", 6))
	p.fits(320, "the card")
	p.press("Rename")
	p.awaitFocus("Passkey name")
	p.fits(320, "the card while a name is changed")
	p.key(kb.Escape)
	p.awaitFocus("Rename")
	p.press("Add passkey")
	p.the("dialog", "Add a passkey")
	p.fits(320, "the dialog that adds one")
	p.press("Cancel")
	p.press("Delete")
	p.the("dialog", "Delete this passkey?")
	p.fits(320, "the question")
	p.press("Cancel")
	a.goOut()
	p.fits(320, "the sign-in page")
}
