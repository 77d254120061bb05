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

// TestPasskeyBrowser tests passkeys in a real browser, which emulates the
// authenticator.
func TestPasskeyBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Manage":           testPasskeyManage,
		"SignIn":           testPasskeySignIn,
		"Refused":          testPasskeyRefused,
		"SecondFactor":     testPasskeySecondFactor,
		"PendingSignIn":    testPasskeyPendingSignIn,
		"Tabs":             testPasskeyTabs,
		"Upgrade":          testPasskeyUpgrade,
		"Extension":        testPasskeyExtension,
		"Exceptions":       testPasskeyExceptions,
		"Unsupported":      testPasskeyUnknown,
		"ExpiredChallenge": testPasskeyLate,
		"Pending":          testPasskeyPending,
		"Narrow":           testPasskeyNarrow,
	}, map[string]func(*testing.T){
		"StepUp": testPasskeyStepUp,
	})
}

// A virtualAuthenticator stores passkeys. Chromium emulates it as a platform
// authenticator.
type virtualAuthenticator struct {
	p  *tab
	id webauthn.AuthenticatorID
}

// recordPasskeyCalls records how the page asks for passkeys. It disables
// autofill (conditional mediation) unless a test calls offerPasskeys. The
// virtual authenticator responds to autofill at once, and would sign in before
// the test presses a button.
//
// The page's clock stands still while the browser looks for an immediately
// available passkey. Otherwise a slow machine would look like a user who
// cancels.
const recordPasskeyCalls = `{
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

// addAuthenticator adds a virtual authenticator to the browser. The
// authenticator verifies its user. Its passkeys are synced or stay on one
// device.
func (p *tab) addAuthenticator(synced bool) *virtualAuthenticator {
	p.t.Helper()
	p.Inject(recordPasskeyCalls)
	command(p, webauthn.Enable, webauthn.EnableParams{})
	added := command(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
			DefaultBackupEligibility: synced, DefaultBackupState: synced,
		},
	})
	return &virtualAuthenticator{p, added.AuthenticatorID}
}

// setUserPresent sets whether a user touches the authenticator when it asks.
func (a *virtualAuthenticator) setUserPresent(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
}

// setUserVerified sets whether the authenticator can verify its user.
func (a *virtualAuthenticator) setUserVerified(yes bool) {
	a.p.t.Helper()
	command(a.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// credentials returns the passkeys in the authenticator.
func (a *virtualAuthenticator) credentials() []*webauthn.Credential {
	a.p.t.Helper()
	return command(a.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// addPasskey adds a passkey, and names it if name is not empty.
func (p *tab) addPasskey(name string) {
	p.t.Helper()
	p.Press("Add passkey")
	p.AwaitFocus("Passkey name")
	if name != "" {
		p.Fill("Passkey name", name)
	}
	p.Press("Continue")
	p.See("Passkey added!")
	p.AwaitFocus("Add passkey") // the focus returns
}

// signOut signs out. From then on, no user touches the authenticator.
func (a *virtualAuthenticator) signOut() {
	a.p.t.Helper()
	a.setUserPresent(false)
	a.p.Act(`asked.length = 0, performance.clearResourceTimings()`)
	a.p.Press("Sign out")
	a.p.At("/sign-in")
	a.p.Until("the page has fetched the passkey options", haveOptions)
}

// haveOptions is true once the page has fetched the options for signing in with
// a passkey.
const haveOptions = `performance.getEntriesByName(origin + "/api/auth/passkey/generate-authenticate-options").length > 0`

// awaitPasskeyCall waits until the page makes a call to the browser. The call
// is "create", "get", or the mode of a get: "conditional" or "immediate".
func (p *tab) awaitPasskeyCall(how string) {
	p.t.Helper()
	p.Until("the page asks the browser for a passkey by "+how, fmt.Sprintf(`asked.includes(%q)`, how))
}

// signIn signs in with the passkey button of the sign-in page.
func (a *virtualAuthenticator) signIn() {
	a.p.t.Helper()
	a.setUserPresent(true)
	a.p.Press(signInWithPasskey)
	a.p.At("/dashboard/settings")
	a.p.See("This device")
}

const signInWithPasskey = "Sign in with a passkey"

// testPasskeyManage checks adding, renaming and deleting a passkey.
func testPasskeyManage(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.See("You have none yet.")
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
	p.Field("add-passkey-name", "Linux") // named after the operating system
	p.Key(kb.Escape)
	p.AwaitFocus("Add passkey")
	p.addPasskey("")
	p.See("You have only this one, and it is on one device.")
	if stored := a.credentials(); len(stored) != 1 || !stored[0].IsResidentCredential || len(stored[0].UserHandle) != 64 {
		t.Errorf("the authenticator stores %v; want one discoverable credential", stored)
	}
	for _, text := range []string{"Linux", "This device only", "Never"} {
		if !strings.Contains(p.card("passkeys"), text) {
			t.Errorf("the passkeys section does not contain %q:\n%s", text, p.card("passkeys"))
		}
	}

	// The user adds a second passkey on the same device.
	p.Press("Add passkey")
	p.Field("add-passkey-name", "Linux 2")
	p.Press("Continue")
	p.See("This device already has a passkey for your account.")
	p.Press("Continue") // the user can try again
	p.See("This device already has a passkey for your account.")
	p.Press("Cancel")
	if n := len(a.credentials()); n != 1 {
		t.Errorf("the authenticator stores %d passkeys; want 1", n)
	}

	// The user renames the passkey.
	p.Click("button", "Rename", "Linux")
	p.AwaitFocus("Passkey name")
	p.Key("thrown away" + kb.Escape)
	p.AwaitFocus("Rename")
	p.Key(kb.Enter)
	p.AwaitFocus("Passkey name")
	p.Field("rename-"+p.firstPasskeyID(), "Linux")
	p.Fill("Passkey name", " ")
	p.Click("button", "Save", "Linux")
	p.With("textbox", "Passkey name", "Enter a name.")
	p.Fill("Passkey name", strings.Repeat("x", shared.MaxName+1))
	p.Key(kb.Enter)
	p.With("textbox", "Passkey name", "This name is too long. Use at most 100 characters.")
	p.Fill("Passkey name", "Bürorechner <b>")
	p.Key(kb.Enter)
	p.See("Passkey renamed.")
	p.AwaitFocus("Rename")
	p.With("button", "Rename", "Bürorechner <b>")
	p.Open("/dashboard/settings")
	p.With("button", "Rename", "Bürorechner <b>")

	// The authenticator learns the new name of the user, too.
	p.Fill("Name", "Augusta Ada King")
	p.Press("Save")
	p.See("Your profile is saved.")
	p.Await("the authenticator has the new name", func() bool { return a.credentials()[0].UserDisplayName == "Augusta Ada King" })

	// The authenticator deletes a passkey that the user deletes on the page.
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
	p.Await("the authenticator deletes the passkey", func() bool { return len(a.credentials()) == 0 })
}

// firstPasskeyID returns the ID of the first passkey whose name can be edited.
func (p *tab) firstPasskeyID() string {
	return eval[string](p, `document.querySelector(".rename input").id.replace("rename-", "")`)
}

// testPasskeySignIn checks signing in with a passkey, by button and by
// autofill.
func testPasskeySignIn(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(true)
	p.signUp()
	p.addPasskey("Everywhere")
	if card := p.card("passkeys"); !strings.Contains(card, "Synced") || strings.Contains(card, "only this one") {
		t.Errorf("the section with a synced passkey is:\n%s", card)
	}

	// The user signs in with the button, without an email address.
	a.signOut()
	a.signIn()
	p.cardSays("sessions", "Signed in with\nPasskey")
	if card := p.card("passkeys"); !strings.Contains(card, "Last used\njust now") {
		t.Errorf("the passkeys section does not show the last use:\n%s", card)
	}

	// The user signs in by autofill, which the virtual authenticator completes
	// without a click.
	a.signOut()
	p.Inject(`offerPasskeys()`)
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.awaitPasskeyCall("conditional")
	if complete := eval[string](p, `document.getElementById("sign-in-email").autocomplete`); complete != "username webauthn" {
		t.Errorf("the email field has autocomplete=%q; want username webauthn", complete)
	}
	a.setUserPresent(true)
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("signing in leads to the query %q; want ?a=b", search)
	}
	p.See("This device")
}

// testPasskeyRefused checks passkey prompts that fail or that the user cancels.
func testPasskeyRefused(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	email := p.signUp()

	awaitNoAlert := func(when string) {
		t.Helper()
		p.awaitIdle("the page is idle " + when)
		text := eval[string](p, `[...document.querySelectorAll("[role=alert]:not(#crash)")].map((e) => e.innerText).join("").trim()`)
		if text != "" {
			t.Errorf("%s, the page shows the alert %q; want none", when, text)
		}
	}

	// If user verification fails, the browser gives up. The user knows the
	// reason.
	a.setUserVerified(false)
	p.Press("Add passkey")
	p.Press("Continue")
	awaitNoAlert("after user verification fails")
	a.setUserVerified(true)

	// The user does not touch the authenticator, and then cancels.
	a.setUserPresent(false)
	p.Press("Continue")
	p.See("Now do what your browser or your device asks for.")
	p.Press("Cancel")
	p.AwaitFocus("Add passkey")
	awaitNoAlert("after canceling")
	a.setUserPresent(true)
	p.addPasskey("Mine")

	a.signOut()
	a.setUserVerified(false)
	a.setUserPresent(true)
	p.Press(signInWithPasskey)
	p.See("No passkey was used.")
	p.Press(signInWithPasskey) // now the browser offers other devices
	p.awaitPasskeyCall("get")
	awaitNoAlert("after user verification fails")
	p.At("/sign-in")

	// The server deletes the passkey, and the authenticator does not learn of
	// it.
	a.setUserPresent(false)
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.With("button", "Delete", "Mine")
	var list []shared.Passkey
	text := eval[string](p, `fetch("/api/auth/passkey/list-user-passkeys").then((r) => r.text())`)
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 {
		t.Fatalf("list-user-passkeys: %v, %v; want 1 passkey", list, err)
	}
	if status, body := p.post("passkey/delete-passkey", map[string]string{"id": list[0].ID}); status != 200 {
		t.Fatalf("delete-passkey: %d %s", status, body)
	}
	a.signOut()
	a.setUserVerified(true)
	if n := len(a.credentials()); n != 1 {
		t.Fatalf("the authenticator stores %d passkeys; want the deleted one", n)
	}
	a.setUserPresent(true)
	p.Press(signInWithPasskey)
	p.See("The server does not know this passkey: it may have been deleted. Use another one, or another method.")
	p.Await("the authenticator deletes the passkey", func() bool { return len(a.credentials()) == 0 })
}

// testPasskeySecondFactor checks a passkey alone, and as a second factor after
// the password.
func testPasskeySecondFactor(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()

	// A passkey needs no second factor, because the authenticator verifies the
	// user.
	a.signOut()
	a.signIn()

	// After a password, a passkey is a second factor.
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.AwaitFocus(signInCode)
	p.Click("checkbox", "Trust this device for 30 days", "")
	a.setUserVerified(false)
	a.setUserPresent(true)
	p.Press("Use a passkey")
	p.awaitIdle("the page is idle")
	p.At("/two-factor")
	a.setUserVerified(true)
	p.Press("Use a passkey")
	p.At("/dashboard/settings")
	p.See("Password and passkey")
	p.See("Trusted until")
	if stored := eval[string](p, `JSON.stringify({...sessionStorage})`); stored != "{}" {
		t.Errorf("after the sign-in, the page still stores %s", stored)
	}
}

// testPasskeyPendingSignIn checks the second-factor page when it does not know
// which factors the server accepts. The user typed its address, or opened it in
// another tab.
func testPasskeyPendingSignIn(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	email := p.signUp()
	p.addPasskey("Mine")
	p.enable()
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.The("button", "Use a passkey")
	p.Act(`sessionStorage.clear()`)
	p.Open("/two-factor?next=/dashboard/settings%3Fa=b")
	p.AwaitFocus(signInCode)
	a.setUserPresent(true)
	p.Press("Use a passkey")
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("signing in leads to the query %q; want ?a=b", search)
	}
}

// testPasskeyStepUp checks that a user can confirm a sensitive action with a
// passkey.
func testPasskeyStepUp(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.addPasskey("Mine")

	// After the step-up, the action continues without another click.
	expireFreshness(t, db)
	p.Press("Rename")
	p.Fill("Passkey name", "Yours")
	p.Key(kb.Enter)
	p.The("dialog", "Is it still you?")
	p.AwaitFocus("Password")
	a.setUserVerified(false)
	p.Press("Use a passkey")
	p.Until("the dialog is idle", `!document.querySelector("dialog [aria-busy=true]")`)
	p.The("dialog", "Is it still you?")
	a.setUserVerified(true)
	p.Press("Use a passkey")
	p.See("Passkey renamed.")
	p.With("button", "Rename", "Yours")

	// The step-up comes before the dialog that requires it.
	expireFreshness(t, db)
	p.Press("Add passkey")
	p.The("dialog", "Is it still you?")
	p.Key(kb.Escape)
	p.AwaitFocus("Add passkey")
	p.Press("Add passkey")
	p.Press("Use a passkey")
	p.The("dialog", "Add a passkey")
	p.Press("Cancel")

	expireFreshness(t, db)
	p.Press("Delete")
	p.The("dialog", "Delete this passkey?")
	p.Press("Delete")
	p.The("dialog", "Is it still you?")
	p.Press("Use a passkey")
	p.See("“Yours” is deleted.")
	p.Await("the authenticator deletes the passkey", func() bool { return len(a.credentials()) == 0 })

	// Without a passkey, the step-up does not offer one.
	expireFreshness(t, db)
	p.Press("Add passkey")
	p.The("dialog", "Is it still you?")
	p.Fill("Password", password)
	if n := len(p.All("button", "Use a passkey")); n != 0 {
		t.Error("the step-up offers a passkey to an account without one")
	}
	p.Press("Continue")
	p.The("dialog", "Add a passkey")
}

// testPasskeyTabs checks two tabs that prepare a sign-in at the same time.
func testPasskeyTabs(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.addPasskey("Mine")
	second := p.another()
	second.Open("/dashboard/settings")
	second.With("button", "Delete", "Mine")

	a.signOut()
	second.At("/sign-in")
	second.The("button", signInWithPasskey)
	second.Open("/sign-in") // the second tab fetches its own options
	second.Until("the second tab has fetched its options", haveOptions)
	a.signIn() // with the older options
	second.At("/dashboard/settings")
	second.See("This device")
}

// testPasskeyUpgrade checks that the browser creates a passkey after a sign-in
// with a password. The virtual authenticator does not support conditional
// creation, so the test turns it into an ordinary creation.
func testPasskeyUpgrade(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(true)
	p.Inject(`const create = CredentialsContainer.prototype.create
		CredentialsContainer.prototype.create = function(options) {
			if (options.mediation !== "conditional") throw new Error("the page asks the user")
			delete options.mediation
			return create.call(this, options)
		}`)
	email := p.signUp()
	p.See("You have none yet.")
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	a.setUserPresent(true)
	p.See("Passkey added. Next time, sign in without a password.")
	p.With("button", "Delete", "Passkey") // the default name
	if n := len(a.credentials()); n != 1 {
		t.Errorf("the authenticator stores %d passkeys; want 1", n)
	}
	a.signOut()
	a.signIn()

	// If the account has a passkey, the page adds none and shows no message.
	a.signOut()
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.With("button", "Delete", "Passkey")
	a.setUserPresent(true)
	p.awaitPasskeyCall("create")
	p.Press("Save")
	p.See("Your profile is saved.")
	if n := len(p.All("button", "Delete")); n != 1 {
		t.Errorf("the page lists %d passkeys; want 1", n)
	}
}

// testPasskeyExtension checks passkeys with a browser extension that breaks the
// browser's own functions.
func testPasskeyExtension(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
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

// testPasskeyExceptions checks the message for each error of the browser.
func testPasskeyExceptions(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.addAuthenticator(false)
	p.Inject(`CredentialsContainer.prototype.create = function() {
			if (window.thrown === "TypeError") throw new TypeError("not thought of")
			return Promise.reject(new DOMException("for developers", window.thrown))
		}`)
	p.signUp()
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
	for name, message := range map[string]string{
		"NotAllowedError":   "",
		"AbortError":        "",
		"InvalidStateError": "This device already has a passkey for your account.",
		"SecurityError":     "Passkeys do not work at this address",
		"ConstraintError":   "Set up a PIN, fingerprint or face recognition on it",
		"NotSupportedError": "Try another one, or use your phone.",
		"UnknownError":      "reported a problem",
		"TypeError":         "The browser could not do that.",
		"SomethingNew":      "The browser could not do that.",
	} {
		p.Act(fmt.Sprintf(`window.thrown = %q`, name))
		p.Press("Continue")
		p.Until(fmt.Sprintf("%s shows the message %q", name, message), fmt.Sprintf(
			`!document.querySelector("[aria-busy=true]") &&
				((said) => %[1]q ? said.includes(%[1]q) : said === "")(document.querySelector("#add-passkey .form-error").innerText)`,
			message))
	}
	p.Press("Cancel")
}

// testPasskeyUnknown checks a browser that does not support passkeys.
func testPasskeyUnknown(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`delete window.PublicKeyCredential`)
	email := p.signUp()
	p.See("This browser cannot add passkeys here")
	if n := len(p.All("button", "Add passkey")); n != 0 {
		t.Error("the page offers to add a passkey")
	}
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in")
	if n := len(p.All("button", signInWithPasskey)); n != 0 {
		t.Error("the page offers to sign in with a passkey")
	}
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
}

// testPasskeyLate checks a passkey response to a challenge that the server no
// longer has.
func testPasskeyLate(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.addPasskey("Mine")
	a.signOut()
	for _, cookie := range command(p, network.GetCookies, network.GetCookiesParams{}).Cookies {
		command(p, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, Domain: cookie.Domain, Path: cookie.Path})
	}
	a.setUserPresent(true)
	p.Press(signInWithPasskey)
	p.See("That took too long, or was finished elsewhere. Try again.")
	p.Press(signInWithPasskey)
	p.At("/dashboard/settings")
}

// testPasskeyPending checks that the button works while the browser offers passkeys
// in autofill, and that it offers them again after a refusal. The test keeps the
// offer open, because the authenticator would respond to it at once.
func testPasskeyPending(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.addPasskey("Mine")
	a.signOut()
	p.Inject(`{
		offerPasskeys()
		const get = CredentialsContainer.prototype.get
		window.offered = window.withdrawn = 0
		CredentialsContainer.prototype.get = function(options) {
			if (options.mediation !== "conditional") return get.call(this, options)
			offered++
			return new Promise((_, reject) => options.signal.addEventListener("abort", () => {
				withdrawn++
				reject(options.signal.reason)
			}))
		}
	}`)
	p.Open("/sign-in")
	p.Until("the browser offers passkeys", `offered === 1`)
	a.setUserPresent(true)
	a.setUserVerified(false)
	p.Press(signInWithPasskey)
	p.Until("the browser offers passkeys again", `withdrawn === 1 && offered === 2`)
	p.At("/sign-in")
	a.setUserVerified(true)
	a.signIn()
}

// testPasskeyNarrow checks that the pages for passkeys fit a small phone.
func testPasskeyNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	a := p.addAuthenticator(true)
	p.signUp()
	p.addPasskey(strings.Repeat("Donaudampfschiff", 6))
	p.Fits(320, "the passkeys section")
	p.Press("Rename")
	p.AwaitFocus("Passkey name")
	p.Fits(320, "the passkeys section while the user renames one")
	p.Key(kb.Escape)
	p.AwaitFocus("Rename")
	p.Press("Add passkey")
	p.The("dialog", "Add a passkey")
	p.Fits(320, "the dialog to add a passkey")
	p.Press("Cancel")
	p.Press("Delete")
	p.The("dialog", "Delete this passkey?")
	p.Fits(320, "the confirmation dialog")
	p.Press("Cancel")
	a.signOut()
	p.Fits(320, "the sign-in page")
}
