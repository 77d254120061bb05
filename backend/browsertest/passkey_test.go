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
	"latchkey/shared/message"
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
		"Elsewhere":        testPasskeyElsewhere,
		"Offer":            testPasskeyOffer,
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

// recordPasskeyCalls records how the page asks for passkeys, and counts the
// calls that the browser has not answered. It disables
// autofill (conditional mediation) unless a test calls offerPasskeys. The
// virtual authenticator responds to autofill at once, and would sign in before
// the test presses a button.
//
// The page's clock stands still while the browser looks for an immediately
// available passkey. Otherwise a slow machine would look like a user who
// cancels.
const recordPasskeyCalls = `{
	window.asked = []
	window.unanswered = 0
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
			unanswered++
			const answer = real.call(this, options).finally(() => { unanswered-- })
			if (options.uiMode !== "immediate") return answer
			still = performance.now()
			return answer.finally(() => {
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

// addPasskey adds a passkey on the page of passkeys, and names it if name is not empty.
func (p *tab) addPasskey(name string) {
	p.t.Helper()
	p.settings("passkeys")
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.NamePasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	if name != "" {
		p.Fill(en.T(message.PasskeyName), name)
	}
	p.Press(en.T(message.SaveChanges))
	p.None("dialog", en.T(message.NamePasskey))
	p.See(en.T(message.DonePasskeyAdded))
	p.AwaitFocus(en.T(message.AddPasskey)) // the focus returns
}

// signOut signs out. From then on, no user touches the authenticator.
func (a *virtualAuthenticator) signOut() {
	a.p.t.Helper()
	a.setUserPresent(false)
	a.p.Act(`asked.length = 0, performance.clearResourceTimings()`)
	a.p.Press(en.T(message.SignOut))
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

// awaitPasskeyAnswer waits until the browser has answered such a call. The page
// marks a button as busy a frame after the click, so an idle page may not have
// made the call yet.
func (p *tab) awaitPasskeyAnswer(how string) {
	p.t.Helper()
	p.Until("the browser answers the call by "+how, fmt.Sprintf(`asked.includes(%q) && unanswered === 0`, how))
	p.awaitIdle("the page has the answer")
}

// signIn signs in with the passkey button of the sign-in page.
func (a *virtualAuthenticator) signIn() {
	a.p.t.Helper()
	a.setUserPresent(true)
	a.p.Press(signInWithPasskey)
	a.p.At("/dashboard/settings")
	a.p.See(en.T(message.ThisDevice))
}

var signInWithPasskey = en.T(message.SignInWithPasskey)

// testPasskeyManage checks adding, renaming and deleting a passkey.
func testPasskeyManage(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.settings("passkeys")
	p.See(en.T(message.NoPasskeysYet))
	p.Press(en.T(message.AddPasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.The("dialog", en.T(message.NamePasskey))
	p.Field("add-passkey-name", chromeOnLinux) // named after the browser, because the provider is unknown
	p.Until("the name is selected", `getSelection().toString() === "`+chromeOnLinux+`"`)
	p.Fill(en.T(message.PasskeyName), " ")
	p.Press(en.T(message.SaveChanges))
	p.With("textbox", en.T(message.PasskeyName), en.T(message.ErrEnterName))
	p.Key(kb.Escape) // the passkey keeps its name
	p.AwaitFocus(en.T(message.AddPasskey))
	p.See(en.T(message.PasskeyOnOneDeviceOnly))
	if stored := a.credentials(); len(stored) != 1 || !stored[0].IsResidentCredential || len(stored[0].UserHandle) != 64 {
		t.Errorf("the authenticator stores %v; want one discoverable credential", stored)
	}
	for _, text := range []string{chromeOnLinux, en.T(message.DeviceBound), en.T(message.CreatedOnThisDevice), en.T(message.NeverUsed)} {
		if !strings.Contains(p.card("passkeys"), text) {
			t.Errorf("the passkeys section does not contain %q:\n%s", text, p.card("passkeys"))
		}
	}

	// The user tries to add a second passkey on the same device.
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.AddPasskey))
	p.See(en.T(message.ErrPasskeyOnDeviceAlready))
	p.AwaitFocus(en.T(message.UseAnotherDevice))
	p.Press(en.T(message.CloseDialog))
	p.AwaitFocus(en.T(message.AddPasskey))
	if n := len(a.credentials()); n != 1 {
		t.Errorf("the authenticator stores %d passkeys; want 1", n)
	}

	// The user renames the passkey.
	p.Click("button", en.T(message.RenameItem), chromeOnLinux)
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Key("thrown away" + kb.Escape)
	p.AwaitFocus(en.T(message.RenameItem))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Field("rename-"+p.firstPasskeyID(), chromeOnLinux)
	p.Fill(en.T(message.PasskeyName), " ")
	p.Click("button", en.T(message.SaveChanges), chromeOnLinux)
	p.With("textbox", en.T(message.PasskeyName), en.T(message.ErrEnterName))
	p.Fill(en.T(message.PasskeyName), strings.Repeat("x", shared.MaxName+1))
	p.Key(kb.Enter)
	p.With("textbox", en.T(message.PasskeyName), en.T(message.ErrNameTooLong))
	p.Fill(en.T(message.PasskeyName), "Bürorechner <b>")
	p.Key(kb.Enter)
	p.See(en.T(message.DonePasskeyRenamed))
	p.AwaitFocus(en.T(message.RenameItem))
	p.With("button", en.T(message.RenameItem), "Bürorechner <b>")
	p.Open("/dashboard/settings/passkeys")
	p.With("button", en.T(message.RenameItem), "Bürorechner <b>")

	// The authenticator learns the new name of the user, too.
	p.settings("profile")
	p.Fill(en.T(message.DisplayName), "Augusta Ada King")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	p.settings("passkeys")
	p.Await("the authenticator has the new name", func() bool { return a.credentials()[0].UserDisplayName == "Augusta Ada King" })

	// The authenticator deletes a passkey that the user deletes on the page.
	p.Click("button", en.T(message.DeleteItem), "Bürorechner <b>")
	p.The("dialog", en.T(message.ConfirmDeletePasskey))
	p.See(en.T(message.DeletePasskeyExplanation, "Bürorechner <b>"))
	p.Press(en.T(message.CancelAction))
	p.Click("button", en.T(message.DeleteItem), "Bürorechner <b>")
	p.The("dialog", en.T(message.ConfirmDeletePasskey))
	p.Press(en.T(message.DeleteItem))
	p.See(en.T(message.DonePasskeyDeleted, "Bürorechner <b>"))
	p.See(en.T(message.NoPasskeysYet))
	p.AwaitFocus(en.T(message.YourPasskeys))
	p.Await("the authenticator deletes the passkey", func() bool { return len(a.credentials()) == 0 })
}

// chromeOnLinux is the name that the server gives a passkey of the browser.
const chromeOnLinux = "Linux · Headless Chrome"

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
	if card := p.card("passkeys"); !strings.Contains(card, en.T(message.SyncedPasskey)) ||
		strings.Contains(card, en.T(message.PasskeyOnOneDeviceOnly)) {
		t.Errorf("the section with a synced passkey is:\n%s", card)
	}

	// The user signs in with the button, without an email address.
	a.signOut()
	a.signIn()
	p.settings("sessions")
	p.openSessions()
	p.cardSays("sessions", en.T(message.SignedInWith)+"\n"+en.T(message.PasskeyFactor))
	p.settings("passkeys")
	if card := p.card("passkeys"); !strings.Contains(card, en.T(message.LastUsed)+"\n"+en.T(message.JustNow)) {
		t.Errorf("the passkeys section does not show the last use:\n%s", card)
	}
	p.cardSays("passkeys", en.T(message.UsedOnThisDevice))

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
	p.See(en.T(message.ThisDevice))
}

// testPasskeyRefused checks passkey prompts that fail or that the user cancels.
func testPasskeyRefused(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	email := p.signUp()
	p.settings("passkeys")

	awaitNoAlert := func(when string) {
		t.Helper()
		p.awaitIdle("the page is idle " + when)
		text := eval[string](p, `[...document.querySelectorAll("[role=alert]:not(#crash)")].map((e) => e.innerText).join("").trim()`)
		if text != "" {
			t.Errorf("%s, the page shows the alert %q; want none", when, text)
		}
	}

	// If user verification fails, the browser gives up.
	a.setUserVerified(false)
	p.Press(en.T(message.AddPasskey))
	p.awaitPasskeyCall("create")
	p.See(en.T(message.ErrNoPasskeyAdded))
	a.setUserVerified(true)

	// The user does not touch the authenticator, and then starts again.
	a.setUserPresent(false)
	p.Press(en.T(message.AddPasskey))
	p.See(en.T(message.FollowBrowserPrompt))
	p.Open("/dashboard/settings/passkeys")
	awaitNoAlert("after canceling")
	a.setUserPresent(true)
	p.addPasskey("Mine")

	a.signOut()
	a.setUserVerified(false)
	a.setUserPresent(true)
	p.Press(signInWithPasskey)
	p.See(en.T(message.ErrNoPasskeyUsed))
	p.Until("the error is below the button", `!!document.querySelector("#sign-in-passkey ~ .form-error p")`)
	p.Press(signInWithPasskey) // now the browser offers other devices
	p.awaitPasskeyAnswer("get")
	awaitNoAlert("after user verification fails")
	p.At("/sign-in")

	// The server deletes the passkey, and the authenticator does not learn of
	// it.
	a.setUserPresent(false)
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.settings("passkeys")
	p.With("button", en.T(message.DeleteItem), "Mine")
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
	p.See(en.T(message.ErrUnknownPasskey))
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
	if passkey, code := p.Place("button", en.T(message.UsePasskey)), p.Place("textbox", signInCode); passkey.Bottom > code.Top {
		t.Errorf("the passkey is at %+v, and the field for the code at %+v; want the passkey first", passkey, code)
	}
	a.setUserVerified(false)
	a.setUserPresent(true)
	p.Press(en.T(message.UsePasskey))
	p.awaitPasskeyAnswer("get")
	p.At("/two-factor")
	a.setUserVerified(true)
	p.Press(en.T(message.UsePasskey))
	p.trustBrowser()
	p.settings("sessions")
	p.openSessions()
	p.See(shared.MethodText(en, "password+passkey", "Mine"))
	p.settings("two-factor")
	p.See(en.T(message.TrustedUntil))
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
	p.The("button", en.T(message.UsePasskey))
	p.Act(`sessionStorage.clear()`)
	p.Open("/two-factor?next=/dashboard/settings%3Fa=b")
	p.AwaitFocus(signInCode)
	p.See(en.T(message.SigningInAs, email))
	a.setUserPresent(true)
	p.Press(en.T(message.UsePasskey))
	p.notNow()
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
	p.Press(en.T(message.RenameItem))
	p.Fill(en.T(message.PasskeyName), "Yours")
	p.Key(kb.Enter)
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.AwaitFocus(en.T(message.AccountPassword))
	a.setUserVerified(false)
	p.Press(en.T(message.UsePasskey))
	p.Until("the browser answers the call", `asked.includes("get") && unanswered === 0`)
	p.Until("the dialog is idle", `!document.querySelector("dialog [aria-busy=true]")`)
	p.The("dialog", en.T(message.ConfirmIdentity))
	a.setUserVerified(true)
	p.Press(en.T(message.UsePasskey))
	p.See(en.T(message.DonePasskeyRenamed))
	p.With("button", en.T(message.RenameItem), en.T(message.YourValue))

	// The step-up comes before the browser's prompt.
	expireFreshness(t, db)
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.AddPasskey))
	p.awaitIdle("the button is idle after canceling")
	p.Press(en.T(message.AddPasskey))
	p.Press(en.T(message.UsePasskey))
	p.The("dialog", en.T(message.AddPasskey)) // because the device has a passkey
	p.Press(en.T(message.CloseDialog))

	expireFreshness(t, db)
	p.Press(en.T(message.DeleteItem))
	p.The("dialog", en.T(message.ConfirmDeletePasskey))
	p.Press(en.T(message.DeleteItem))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.Press(en.T(message.UsePasskey))
	p.See(en.T(message.DonePasskeyDeleted, "Yours"))
	p.Await("the authenticator deletes the passkey", func() bool { return len(a.credentials()) == 0 })

	// Without a passkey, the step-up does not offer one.
	expireFreshness(t, db)
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.Fill(en.T(message.AccountPassword), password)
	if n := len(p.All("button", en.T(message.UsePasskey))); n != 0 {
		t.Error("the step-up offers a passkey to an account without one")
	}
	p.Press(en.T(message.ContinueAction))
	p.The("dialog", en.T(message.NamePasskey))
}

// testPasskeyTabs checks two tabs that prepare a sign-in at the same time.
func testPasskeyTabs(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	p.signUp()
	p.addPasskey("Mine")
	second := p.another()
	second.Open("/dashboard/settings/passkeys")
	second.With("button", en.T(message.DeleteItem), "Mine")

	a.signOut()
	second.At("/sign-in")
	second.The("button", signInWithPasskey)
	second.Open("/sign-in") // the second tab fetches its own options
	second.Until("the second tab has fetched its options", haveOptions)
	a.signIn() // with the older options
	second.At("/dashboard/settings")
	second.See(en.T(message.ThisDevice))
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
	p.settings("passkeys")
	p.See(en.T(message.NoPasskeysYet))
	a.signOut()
	a.setUserPresent(true) // before the page asks, because the authenticator looks for the user only then
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.See(en.T(message.DonePasskeyAutoAdded))
	p.settings("passkeys")
	p.With("button", en.T(message.DeleteItem), chromeOnLinux)
	if n := len(a.credentials()); n != 1 {
		t.Errorf("the authenticator stores %d passkeys; want 1", n)
	}
	a.signOut()
	a.signIn()

	// If the account has a passkey, the page adds none and shows no message.
	a.signOut()
	a.setUserPresent(true)
	p.submitSignIn(email, password)
	p.At("/dashboard/settings")
	p.settings("passkeys")
	p.With("button", en.T(message.DeleteItem), chromeOnLinux)
	p.awaitPasskeyAnswer("create")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	p.settings("passkeys")
	if n := len(p.All("button", en.T(message.DeleteItem))); n != 1 {
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
	p.settings("profile")
	p.Fill(en.T(message.DisplayName), "Augusta Ada King")
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	a.signOut()
	a.signIn()
	p.settings("passkeys")
	p.With("button", en.T(message.DeleteItem), "Mine")
}

// testPasskeyExceptions checks the message for each error of the browser.
func testPasskeyExceptions(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.addAuthenticator(false)
	p.Inject(`window.tries = 0
		CredentialsContainer.prototype.create = function() {
			tries++
			if (window.thrown === "TypeError") throw new TypeError("not thought of")
			return Promise.reject(new DOMException("for developers", window.thrown))
		}`)
	p.signUp()
	p.settings("passkeys")
	for name, want := range map[string]string{
		"NotAllowedError":   en.T(message.ErrNoPasskeyAdded),
		"AbortError":        "",
		"SecurityError":     en.T(message.ErrPasskeyWrongOrigin),
		"ConstraintError":   en.T(message.ErrNoUserVerification),
		"NotSupportedError": en.T(message.ErrPasskeyUnsupported),
		"UnknownError":      en.T(message.ErrAuthenticatorFailed),
		"TypeError":         en.T(message.ErrPasskeyBrowserFailed),
		"SomethingNew":      en.T(message.ErrPasskeyBrowserFailed),
	} {
		p.Act(fmt.Sprintf(`window.thrown = %q, window.tries = 0`, name))
		p.Press(en.T(message.AddPasskey))
		p.Until(fmt.Sprintf("%s shows the message %q", name, want), fmt.Sprintf(
			`tries === 1 && !document.querySelector("[aria-busy=true]") &&
				((said) => %[1]q ? said.includes(%[1]q) : said === "")(document.querySelector(".add-passkey .form-error").innerText)`,
			want))
	}

	// In the dialog that asks for another device, the errors are in the dialog.
	p.Act(`window.thrown = "InvalidStateError"`)
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.AddPasskey))
	p.Act(`window.thrown = "ConstraintError"`)
	p.Press(en.T(message.UseAnotherDevice))
	p.Until("the dialog shows the error", fmt.Sprintf(
		`document.querySelector("#add-passkey .form-error").innerText.includes(%q)`, en.T(message.ErrNoUserVerification)))
	p.Press(en.T(message.CloseDialog))
	p.AwaitFocus(en.T(message.AddPasskey))
}

// testPasskeyElsewhere checks that a user whose device has a passkey can add one on another
// device, and that the browser gets a hint where.
func testPasskeyElsewhere(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.addAuthenticator(true)
	p.Inject(`window.hints = []
		const create = CredentialsContainer.prototype.create
		CredentialsContainer.prototype.create = function(options) {
			const { hints: at, authenticatorSelection: { authenticatorAttachment: to } } = options.publicKey
			hints.push([...at, to ?? "any"].join(" "))
			return create.call(this, options)
		}`)
	p.signUp()
	p.addPasskey("Here")
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.AddPasskey))
	p.addSecurityKey()
	p.chooseOption("add-passkey-place", "security-key")
	p.Press(en.T(message.UseAnotherDevice))
	p.The("dialog", en.T(message.NamePasskey))
	p.Field("add-passkey-name", en.T(message.SecurityKey))
	p.Press(en.T(message.SaveChanges))
	p.With("button", en.T(message.DeleteItem), en.T(message.SecurityKey))
	if got, want := eval[string](p, `hints.join(", ")`), "any, any, security-key cross-platform"; got != want {
		t.Errorf("the hints are %q; want %q", got, want)
	}
	// Only the passkey of this device was created on it.
	rows := eval[string](p, `[...document.querySelectorAll(".passkey")].map((row) =>
		row.querySelector("strong").innerText + row.innerText.includes(`+testkit.Quote(en.T(message.CreatedOnThisDevice))+`)).join()`)
	if want := "Heretrue," + en.T(message.SecurityKey) + "false"; rows != want {
		t.Errorf("created on this device: %s; want %s", rows, want)
	}
}

// testPasskeyOffer checks that the home offers a passkey after a sign-in with a password, once: it
// remembers a refusal after a sign-out, and a passkey of the device ends the offer.
func testPasskeyOffer(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	a := p.addAuthenticator(false)
	email := p.signUp()
	again := func() {
		t.Helper()
		a.signOut()
		p.submitSignIn(email, password)
		p.At("/dashboard/settings")
		p.See(en.T(message.ThisDevice))
		a.setUserPresent(true)
	}
	// The check-up advises a first passkey. The offer is for a device that has none of the user's.
	p.The("button", en.T(message.AddPasskey))
	p.None("heading", en.T(message.PasskeyOffer))
	other := browse(t, server)
	other.addAuthenticator(false)
	other.signIn(email)
	other.addPasskey("")
	p.Open("/dashboard/settings")
	p.The("heading", en.T(message.PasskeyOffer))
	p.The("button", en.T(message.AddPasskey))
	p.Press(en.T(message.NotNow))
	p.See(en.T(message.DonePasskeyDeclined))
	p.AwaitFocus(en.T(message.YourPasskeys))
	p.None("heading", en.T(message.PasskeyOffer))
	again()
	p.None("heading", en.T(message.PasskeyOffer))

	// A user who has forgotten the refusal, in another browser.
	p.Act(`localStorage.removeItem("latchkey.declined")`)
	p.Open("/dashboard/settings")
	p.The("heading", en.T(message.PasskeyOffer))
	p.Press(en.T(message.AddPasskey))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Press(en.T(message.SaveChanges))
	p.None("heading", en.T(message.PasskeyOffer))
	p.AwaitFocus(en.T(message.SecurityHome))
	p.Open("/dashboard/settings") // it was used in this browser
	p.See(en.T(message.ThisDevice))
	p.None("heading", en.T(message.PasskeyOffer))

	// The sign-out has deleted what was used, but a sign-in with the passkey needs no offer.
	a.signOut()
	a.signIn()
	p.None("heading", en.T(message.PasskeyOffer))
}

// addSecurityKey adds a security key to the browser, beside the authenticator of the device.
func (p *tab) addSecurityKey() {
	p.t.Helper()
	command(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport: webauthn.AuthenticatorTransportUsb, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
}

// chooseOption chooses an option of a select.
func (p *tab) chooseOption(id, value string) {
	p.t.Helper()
	p.Until("the option "+value+" is chosen", fmt.Sprintf(`((select) => {
		select.value = %q
		select.dispatchEvent(new Event("input", { bubbles: true }))
		return select.value === %[1]q
	})(document.getElementById(%q))`, value, id))
}

// testPasskeyUnknown checks a browser that does not support passkeys.
func testPasskeyUnknown(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Inject(`delete window.PublicKeyCredential`)
	email := p.signUp()
	p.settings("passkeys")
	p.See(en.T(message.ErrCannotAddPasskeys))
	if n := len(p.All("button", en.T(message.AddPasskey))); n != 0 {
		t.Error("the page offers to add a passkey")
	}
	p.Press(en.T(message.SignOut))
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
	p.See(en.T(message.ErrPasskeyChallengeExpired))
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
	p.Press(en.T(message.RenameItem))
	p.AwaitFocus(en.T(message.PasskeyName))
	p.Fits(320, "the passkeys section while the user renames one")
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.RenameItem))
	p.Press(en.T(message.AddPasskey))
	p.The("dialog", en.T(message.AddPasskey))
	p.Fits(320, "the dialog to add a passkey")
	p.Press(en.T(message.CloseDialog))
	p.Press(en.T(message.DeleteItem))
	p.The("dialog", en.T(message.ConfirmDeletePasskey))
	p.Fits(320, "the confirmation dialog")
	p.Press(en.T(message.CancelAction))
	a.signOut()
	p.Fits(320, "the sign-in page")
}
