package browsertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestPasskeyBrowser has people use passkeys in a real browser. Only the thing
// that keeps them is not real: the browser plays it.
func TestPasskeyBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
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
	}, map[string]func(*testing.T){
		"StepUp": testPasskeyStepUp,
	})
}

// A keyring is what keeps passkeys: here, part of the computer.
type keyring struct {
	p  *tab
	id webauthn.AuthenticatorID
}

// browserOfPasskeys notes how the page asks for passkeys. It offers none where it
// fills in the address, unless a test calls offerPasskeys: the authenticator that
// is played here would answer that at once, at whatever moment, and be signed in
// before the test has pressed a button.
//
// While the browser looks for a passkey that it can offer at once, the page's
// clock stands still: a busy machine is not to look like a person who cancels.
const browserOfPasskeys = `{
	window.asked = []
	let offers = false
	window.offerPasskeys = () => { offers = true }
	PublicKeyCredential.isConditionalMediationAvailable = async () => offers
	const time = performance.now.bind(performance)
	let stood = 0, still = null
	performance.now = () => still ?? time() - stood
	for (const name of ["create", "get"]) {
		const real = CredentialsContainer.prototype[name]
		CredentialsContainer.prototype[name] = function(options) {
			asked.push(name === "get" ? options.mediation ?? options.uiMode ?? name : name)
			if (options.uiMode !== "immediate") return real.call(this, options)
			still = performance.now()
			return real.call(this, options).finally(() => {
				stood = time() - still
				still = null
			})
		}
	}
}`

// equip gives the computer of a tab something that keeps passkeys, and checks
// who it is that uses them.
func (p *tab) equip(synced bool) *keyring {
	p.t.Helper()
	p.Inject(browserOfPasskeys)
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

// present sets whether a person touches the authenticator when it asks.
func (a *keyring) present(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
}

// verifies sets whether the authenticator recognizes the person who touches it.
func (a *keyring) verifies(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// keeps returns the passkeys in it.
func (a *keyring) keeps() []*webauthn.Credential {
	a.p.t.Helper()
	return command(a.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// addPasskey adds one, and calls it name if that is not empty.
func (p *tab) addPasskey(name string) {
	p.t.Helper()
	p.Press("Add passkey")
	p.AwaitFocus("Passkey name")
	if name != "" {
		p.Fill("Passkey name", name)
	}
	p.Press("Continue")
	p.See("Passkey added!")
	p.AwaitFocus("Add passkey") // where it was
}

// signOut signs out, and nobody touches the authenticator from then on.
func (a *keyring) signOut() {
	a.p.t.Helper()
	a.present(false)
	eval[bool](a.p, `asked.length = 0, performance.clearResourceTimings(), true`)
	a.p.Press("Sign out")
	a.p.At("/sign-in")
	a.p.Until("the page has options for a passkey", haveOptions)
}

// haveOptions is whether the page has asked what a passkey is to sign.
const haveOptions = `performance.getEntriesByName(origin + "/api/auth/passkey/generate-authenticate-options").length > 0`

// asks waits until the page has asked the browser, and how: to "create" one, or
// to "get" one, which can also be "conditional" or "immediate".
func (p *tab) asks(how string) {
	p.t.Helper()
	p.Until("the page asks by "+how, fmt.Sprintf(`asked.includes(%q)`, how))
}

// signIn signs in by the button of the sign-in page.
func (a *keyring) signIn() {
	a.p.t.Helper()
	a.present(true)
	a.p.Press(signInWithPasskey)
	a.p.At("/dashboard/settings")
	a.p.See("This device")
}

const signInWithPasskey = "Sign in with a passkey"

func testPasskeyManage(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	p.signUp()
	p.See("You have none yet.")
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
	p.Field("add-passkey-name", "Linux") // after the computer
	p.Key(kb.Escape)
	p.AwaitFocus("Add passkey")
	p.addPasskey("")
	p.See("You have only this one, and it is on one device.")
	if kept := a.keeps(); len(kept) != 1 || !kept[0].IsResidentCredential || len(kept[0].UserHandle) != 64 {
		t.Errorf("the authenticator keeps %v; want one that is found without a name", kept)
	}
	for _, text := range []string{"Linux", "This device only", "Never"} {
		if !strings.Contains(p.card("passkeys"), text) {
			t.Errorf("the card does not say %q:\n%s", text, p.card("passkeys"))
		}
	}

	// The same device again.
	p.Press("Add passkey")
	p.Field("add-passkey-name", "Linux 2")
	p.Press("Continue")
	p.See("This device has a passkey for your account already.")
	p.Press("Continue") // it can be tried again
	p.See("This device has a passkey for your account already.")
	p.Press("Cancel")
	if n := len(a.keeps()); n != 1 {
		t.Errorf("the authenticator keeps %d; want 1", n)
	}

	// Another name.
	p.Click("button", "Rename", "Linux")
	p.AwaitFocus("Passkey name")
	p.Key("thrown away" + kb.Escape)
	p.AwaitFocus("Rename")
	p.Key(kb.Enter)
	p.AwaitFocus("Passkey name")
	p.Field("rename-"+p.firstPasskey(), "Linux")
	p.Fill("Passkey name", " ")
	p.Click("button", "Save", "Linux")
	p.With("textbox", "Passkey name", "Enter a name.")
	p.Fill("Passkey name", strings.Repeat("x", shared.MaxPasskeyName+1))
	p.Key(kb.Enter)
	p.With("textbox", "Passkey name", "This name is too long. Use at most 100 characters.")
	p.Fill("Passkey name", "Bürorechner <b>")
	p.Key(kb.Enter)
	p.See("Passkey renamed.")
	p.AwaitFocus("Rename")
	p.With("button", "Rename", "Bürorechner <b>")
	p.Open("/dashboard/settings")
	p.With("button", "Rename", "Bürorechner <b>")

	// The name of the account is in what the authenticator shows, too.
	p.Fill("Name", "Augusta Ada King")
	p.Press("Save")
	p.See("Your profile is saved.")
	p.Await("the authenticator has the new name", func() bool { return a.keeps()[0].UserDisplayName == "Augusta Ada King" })

	// Deleted here, it is deleted there.
	p.Click("button", "Delete", "Bürorechner <b>")
	p.The("dialog", "Delete this passkey?")
	p.See("“Bürorechner <b>” will sign you in no more, and you will be signed out everywhere else.")
	p.Press("Cancel")
	p.Click("button", "Delete", "Bürorechner <b>")
	p.The("dialog", "Delete this passkey?")
	p.Press("Delete")
	p.See("“Bürorechner <b>” is deleted.")
	p.See("You have none yet.")
	p.AwaitFocus("Passkeys")
	p.Await("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })
}

// firstPasskey is what the id of its field ends with.
func (p *tab) firstPasskey() string {
	return eval[string](p, `document.querySelector(".rename input").id.replace("rename-", "")`)
}

func testPasskeySignIn(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(true)
	p.signUp()
	p.addPasskey("Everywhere")
	if card := p.card("passkeys"); !strings.Contains(card, "Synced") || strings.Contains(card, "only this one") {
		t.Errorf("the card of a synced passkey says:\n%s", card)
	}

	// By the button, with no name typed.
	a.signOut()
	a.signIn()
	p.cardSays("sessions", "Signed in with\nPasskey")
	if card := p.card("passkeys"); !strings.Contains(card, "Last used\njust now") {
		t.Errorf("the card does not say that it was used:\n%s", card)
	}

	// By what the browser fills in, which is what happens here without a click.
	a.signOut()
	p.Inject(`offerPasskeys()`)
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.asks("conditional")
	if complete := eval[string](p, `document.getElementById("sign-in-email").autocomplete`); complete != "username webauthn" {
		t.Errorf("the address may be filled in with %q", complete)
	}
	a.present(true)
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
	p.See("This device")
}

// testPasskeyRefused is about those who do not get in, or not at once.
func testPasskeyRefused(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	email := p.signUp()

	quiet := func(when string) {
		t.Helper()
		p.idle("it can be tried again " + when)
		if text := eval[string](p, `[...document.querySelectorAll("[role=alert]:not(#crash)")].map((e) => e.innerText).join("").trim()`); text != "" {
			t.Errorf("%s it complains: %s", when, text)
		}
	}

	// Not recognised, the browser gives up; the person knows why.
	a.verifies(false)
	p.Press("Add passkey")
	p.Press("Continue")
	quiet("after a finger that was not recognised")
	a.verifies(true)

	// Nobody touches it; then somebody thinks better of it.
	a.present(false)
	p.Press("Continue")
	p.See("Now do what your browser or your device asks for.")
	p.Press("Cancel")
	p.AwaitFocus("Add passkey")
	quiet("after cancelling")
	a.present(true)
	p.addPasskey("Mine")

	a.signOut()
	a.verifies(false)
	a.present(true)
	p.Press(signInWithPasskey)
	p.See("No passkey was used.")
	p.Press(signInWithPasskey) // the browser asks about other devices now
	p.asks("get")
	quiet("after a finger that was not recognised")
	p.At("/sign-in")

	// Deleted behind its back.
	a.present(false)
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.With("button", "Delete", "Mine")
	var list []shared.Passkey
	if err := json.Unmarshal([]byte(eval[string](p, `fetch("/api/auth/passkey/list-user-passkeys").then((r) => r.text())`)), &list); err != nil || len(list) != 1 {
		t.Fatalf("the list is %v, %v", list, err)
	}
	if status, body := p.post("passkey/delete-passkey", map[string]string{"id": list[0].ID}); status != 200 {
		t.Fatalf("delete-passkey is %d %s", status, body)
	}
	a.signOut()
	a.verifies(true)
	if n := len(a.keeps()); n != 1 {
		t.Fatalf("the authenticator keeps %d; want the one that was deleted", n)
	}
	a.present(true)
	p.Press(signInWithPasskey)
	p.See("This passkey is not known here: it may have been deleted. Use another one, or another way.")
	p.Await("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })
}

func testPasskeySecondFactor(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()

	// It needs no second factor, for it checks its owner itself.
	a.signOut()
	a.signIn()

	// And it is one, after the password.
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.AwaitFocus(atSignIn)
	p.Click("checkbox", "Trust this device for 30 days", "")
	a.verifies(false)
	a.present(true)
	p.Press("Use a passkey")
	p.idle("it can be tried again")
	p.At("/two-factor")
	a.verifies(true)
	p.Press("Use a passkey")
	p.At("/dashboard/settings")
	p.See("Password and passkey")
	p.See("Trusted until")
	if kept := eval[string](p, `JSON.stringify({...sessionStorage})`); kept != "{}" {
		t.Errorf("afterwards the page keeps %s", kept)
	}
}

// testPasskeyChallenge is about the page for the second factor where it does
// not know what the server offers: it was opened by hand, or in another tab.
func testPasskeyChallenge(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.The("button", "Use a passkey")
	eval[bool](p, `sessionStorage.clear(), true`)
	p.Open("/two-factor?next=/dashboard/settings%3Fa=b")
	p.AwaitFocus(atSignIn)
	a.present(true)
	p.Press("Use a passkey")
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
}

func testPasskeyStepUp(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")

	// The action goes on by itself.
	stale(t, db)
	p.Press("Rename")
	p.Fill("Passkey name", "Yours")
	p.Key(kb.Enter)
	p.The("dialog", "Is it still you?")
	p.AwaitFocus("Password")
	a.verifies(false)
	p.Press("Use a passkey")
	p.Until("it can be tried again", `!document.querySelector("dialog [aria-busy=true]")`)
	p.The("dialog", "Is it still you?")
	a.verifies(true)
	p.Press("Use a passkey")
	p.See("Passkey renamed.")
	p.With("button", "Rename", "Yours")

	// It comes before the dialog that would need it.
	stale(t, db)
	p.Press("Add passkey")
	p.The("dialog", "Is it still you?")
	p.Key(kb.Escape)
	p.AwaitFocus("Add passkey")
	p.Press("Add passkey")
	p.Press("Use a passkey")
	p.The("dialog", "Add a passkey")
	p.Press("Cancel")

	stale(t, db)
	p.Press("Delete")
	p.The("dialog", "Delete this passkey?")
	p.Press("Delete")
	p.The("dialog", "Is it still you?")
	p.Press("Use a passkey")
	p.See("“Yours” is deleted.")
	p.Await("the authenticator forgets it", func() bool { return len(a.keeps()) == 0 })

	// Without one it is not offered.
	stale(t, db)
	p.Press("Add passkey")
	p.The("dialog", "Is it still you?")
	p.Fill("Password", password)
	if n := len(p.All("button", "Use a passkey")); n != 0 {
		t.Error("a passkey is offered that is not there")
	}
	p.Press("Continue")
	p.The("dialog", "Add a passkey")
}

// testPasskeyTabs has two tabs of a browser under way at once.
func testPasskeyTabs(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")
	second := p.another()
	second.Open("/dashboard/settings")
	second.With("button", "Delete", "Mine")

	a.signOut()
	second.At("/sign-in")
	second.The("button", signInWithPasskey)
	second.Open("/sign-in") // it has options of its own now
	second.Until("it asks the server", haveOptions)
	a.signIn() // with the older ones
	second.At("/dashboard/settings")
	second.See("This device")
}

// testPasskeyUpgrade has the browser make a passkey in passing. The one that is
// played here never does, so it is asked outright instead.
func testPasskeyUpgrade(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(true)
	p.Inject(`const create = CredentialsContainer.prototype.create
		CredentialsContainer.prototype.create = function(options) {
			if (options.mediation !== "conditional") throw new Error("it asks the person")
			delete options.mediation
			return create.call(this, options)
		}`)
	email := p.signUp()
	p.See("You have none yet.")
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	a.present(true)
	p.See("Passkey added. Next time, sign in without a password.")
	p.With("button", "Delete", "Passkey") // there is no name
	if n := len(a.keeps()); n != 1 {
		t.Errorf("the authenticator keeps %d; want 1", n)
	}
	a.signOut()
	a.signIn()

	// There is one: nothing happens, and nothing is said.
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.With("button", "Delete", "Passkey")
	a.present(true)
	p.asks("create")
	p.Press("Save")
	p.See("Your profile is saved.")
	if n := len(p.All("button", "Delete")); n != 1 {
		t.Errorf("there are %d passkeys; want 1", n)
	}
}

// testPasskeyExtension has an extension in the browser that breaks what the
// browser would do itself.
func testPasskeyExtension(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	p.Inject(`const broken = () => { throw new TypeError("Illegal invocation") }
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
	p.Fill("Name", "Augusta Ada King")
	p.Press("Save")
	p.See("Your profile is saved.")
	a.signOut()
	a.signIn()
	p.With("button", "Delete", "Mine")
}

// testPasskeyExceptions has the browser refuse for every reason that it has.
func testPasskeyExceptions(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.equip(false)
	p.Inject(`CredentialsContainer.prototype.create = function() {
			if (window.thrown === "TypeError") throw new TypeError("not thought of")
			return Promise.reject(new DOMException("for developers", window.thrown))
		}`)
	p.signUp()
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
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
		p.Press("Continue")
		p.Until(fmt.Sprintf("%s is explained by %q", name, sentence), fmt.Sprintf(
			`!document.querySelector("[aria-busy=true]") && ((said) => %[1]q ? said.includes(%[1]q) : said === "")(document.querySelector("#add-passkey .trouble").innerText)`,
			sentence))
	}
	p.Press("Cancel")
}

// testPasskeyUnknown has browsers that know no passkeys.
func testPasskeyUnknown(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`delete window.PublicKeyCredential`)
	email := p.signUp()
	p.See("This browser cannot add passkeys here")
	if n := len(p.All("button", "Add passkey")); n != 0 {
		t.Error("a passkey can be added")
	}
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in")
	if n := len(p.All("button", signInWithPasskey)); n != 0 {
		t.Error("it offers to sign in with a passkey")
	}
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
}

// testPasskeyLate has the server forget what it asked.
func testPasskeyLate(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.equip(false)
	p.signUp()
	p.addPasskey("Mine")
	a.signOut()
	for _, cookie := range command(p, network.GetCookies, network.GetCookiesParams{}).Cookies {
		command(p, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, Domain: cookie.Domain, Path: cookie.Path})
	}
	a.present(true)
	p.Press(signInWithPasskey)
	p.See("That took too long, or was finished elsewhere. Try again.")
	p.Press(signInWithPasskey)
	p.At("/dashboard/settings")
}

// testPasskeyNarrow looks that nothing is wider than a small phone.
func testPasskeyNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	a := p.equip(true)
	p.signUp()
	p.addPasskey(strings.Repeat("Donaudampfschiff", 6))
	p.Fits(320, "the card")
	p.Press("Rename")
	p.AwaitFocus("Passkey name")
	p.Fits(320, "the card while a name is changed")
	p.Key(kb.Escape)
	p.AwaitFocus("Rename")
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
	p.Fits(320, "the dialog that adds one")
	p.Press("Cancel")
	p.Press("Delete")
	p.The("dialog", "Delete this passkey?")
	p.Fits(320, "the question")
	p.Press("Cancel")
	a.signOut()
	p.Fits(320, "the sign-in page")
}
