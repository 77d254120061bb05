package browsertest

import (
	"fmt"
	"html"
	"latchkey/backend/testkit"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// TestLinkBrowser tests the links in emails in a real browser.
func TestLinkBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"Links": testLinks, "DeadLinks": testDeadLinks, "ContestedSignUp": testContestedSignUp,
		"ScannedLinks": testScannedLinks, "LinksNoScript": testLinksNoScript,
	})
}

// testLinks checks each link that the server sends by email.
func testLinks(t *testing.T) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	p := browse(t, server)

	// A new user verifies the email address before signing in.
	p.Open("/sign-up")
	p.Fill("Name", "Ada Lovelace")
	p.Fill("Email", "ada@example.com")
	p.Fill("Password", password)
	p.awaitUsername("ada@example.com")
	p.Press("Create account")
	p.See("Check your mail")
	p.AwaitFocus("Check your mail")
	p.Open("/sign-in")
	p.submitSignIn("ada@example.com", password)
	p.See("Verify your email address first")
	p.Press("Send the mail again")
	p.See("The mail is on its way to ada@example.com.")
	verification := server.Link("ada@example.com", "Verify")
	p.awaitServiceWorker()
	p.Open(verification)
	p.See("Confirm ada@example.com for Ada Lovelace's account.")
	p.Press("Confirm")
	p.See("Your email address is verified.")
	p.At("/email")
	p.Until("the address no longer contains the token", `location.search === ""`)
	p.Open(verification)
	p.See("This address is confirmed already.")
	if kept := eval[string](p, `caches.keys().then(async (names) => (await Promise.all(names.map(async (name) =>
		(await (await caches.open(name)).keys()).map((request) => request.url)))).flat().filter((url) => /email|token/.test(url)).join(" "))`); kept != "" {
		t.Errorf("the service worker keeps %s", kept)
	}
	p.Click("link", "Continue", "")
	p.At("/sign-in")

	// The user resets a forgotten password.
	p.Open("/sign-in")
	p.Click("link", "Forgot password?", "")
	p.At("/forgot-password")
	p.Fill("Email", "ada@example.com")
	p.Press("Send the link")
	p.See("If there is an account with the address ada@example.com, a mail is on its way to it.")
	link := server.Link("ada@example.com", "Choose a new password")
	p.Open(link)
	p.At("/reset-password")
	p.Until("the address no longer contains the token", `location.search === ""`)
	p.awaitUsername("ada@example.com")
	p.Fill("New password", "short")
	p.Press("Set the new password")
	p.With("textbox", "New password", "At least 8 characters. Longer is stronger. This password is too short. Use at least 8 characters.")
	const second = "another, and longer one"
	p.Fill("New password", second)
	p.Press("Set the new password")
	p.At("/sign-in")
	p.See("Your new password is set. Sign in with it.")
	p.submitSignIn("ada@example.com", second)
	p.At("/dashboard/settings")
	p.awaitUsername("ada@example.com")

	// The user changes the email address, which both addresses have to confirm.
	p.Press("Change email address")
	p.AwaitFocus("New email address")
	p.Fill("New email address", "ada@example.com")
	p.Press("Send the link")
	p.See("Your account already uses this address.")
	p.Fill("New email address", "ada@example.org")
	p.Press("Send the link")
	p.See("A mail is on its way to ada@example.com.")
	p.Open(server.Link("ada@example.com", "Change your address"))
	p.See("An email is on its way to your new address.")
	p.Open(server.Link("ada@example.org", "Verify your new address"))
	p.See("Your account has its new address now.")
	p.Open("/dashboard/settings")
	p.See("ada@example.org")

	// A link works once. After that, the page offers a new one.
	other := browse(t, server)
	other.Open(link)
	other.See("This link no longer works")
	other.See("This link has already been used.")
	other.Click("link", "Send me a new link", "")
	other.At("/forgot-password")

	// The user reports a change that someone else made.
	other.Open(server.Link("ada@example.com", "Your password was changed"))
	other.At("/not-me")
	if got := eval[string](other, "location.search"); got != "" {
		t.Errorf("the address still contains %s", got)
	}
	other.Press("It wasn't me")
	other.See("Everybody is signed out of your account.")
	p.Press("Save")
	p.At("/sign-in")
	p.submitSignIn("ada@example.org", second)
	p.See("This password may have been exposed")
	other.awaitUsername("ada@example.org")
	other.Fill("New password", "a third, and longer one")
	other.Press("Set the new password")
	other.At("/sign-in")
	other.submitSignIn("ada@example.org", "a third, and longer one")
	other.At("/dashboard/settings")
}

// awaitUsername waits until each form with a password contains the email address in a
// field for password managers. Users do not see or reach the field if it is read-only.
func (p *tab) awaitUsername(email string) {
	p.t.Helper()
	p.Until("the forms with passwords are those of "+email, `(() => {
		const forms = [...document.forms].filter((form) => form.querySelector("[autocomplete$=-password]") && form.checkVisibility())
		return forms.length > 0 && forms.every((form) => {
			const [name, ...more] = form.querySelectorAll("[autocomplete~=username]")
			return name && more.length === 0 && name.value === `+testkit.Quote(email)+` && getComputedStyle(name).display !== "none" &&
				(!name.readOnly || name.tabIndex === -1 && name.ariaHidden === "true" && name.offsetWidth <= 1)
		})
	})()`)
}

// testDeadLinks checks that the page of an invalid link shows no form. If the
// page cannot check the link, it shows the form.
func testDeadLinks(t *testing.T) {
	server := testkit.Start(t)
	for _, page := range []struct{ path, link, button string }{
		{"/reset-password", "Send me a new link", "Set the new password"},
		{"/not-me", "Choose a new password", "It wasn't me"},
	} {
		p := browse(t, server)
		p.Open(page.path + "?token=dead")
		p.See("This link no longer works")
		if len(p.All("button", page.button)) > 0 || len(p.All("textbox", "New password")) > 0 {
			t.Errorf("%s shows its form for an invalid link", page.path)
		}
		p.Click("link", page.link, "")
		p.At("/forgot-password")

		// The browser blocks the call that checks the link.
		command(p, network.Enable, network.EnableParams{})
		command(p, network.SetBlockedURLs, network.SetBlockedURLsParams{
			URLPatterns: []*network.BlockPattern{{URLPattern: server.Origin + "/api/auth/check-link", Block: true}},
		})
		p.Open(page.path + "?token=dead")
		p.The("button", page.button)
	}
}

// testContestedSignUp checks an email address with which two users sign up. The page tells
// its owner to choose a new password, and the owner signs in with it.
func testContestedSignUp(t *testing.T) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	p := browse(t, server)
	for _, candidate := range []string{"a password of a stranger", password} {
		p.Open("/sign-up")
		p.Fill("Name", "Ada Lovelace")
		p.Fill("Email", "ada@example.com")
		p.Fill("Password", candidate)
		p.Press("Create account")
		p.See("Check your mail")
	}
	p.Open(server.Link("ada@example.com", "Verify"))
	p.Press("Confirm")
	p.See("Your email address is verified. More than one person may have signed up with it")
	p.Click("link", "Choose a new password", "")
	p.At("/forgot-password")
	p.Fill("Email", "ada@example.com")
	p.Press("Send the link")
	p.See("If there is an account")
	p.Open(server.Link("ada@example.com", "Choose a new password"))
	p.Fill("New password", password)
	p.Press("Set the new password")
	p.At("/sign-in")
	p.submitSignIn("ada@example.com", password)
	p.At("/dashboard/settings")
}

// testScannedLinks checks that an email scanner changes nothing when it opens every link
// in a browser, runs the scripts of the pages and waits. After that, the user's own click
// works.
func testScannedLinks(t *testing.T) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	const email, next = "grace@example.com", "grace@example.org"
	client := server.Client()
	client.SignUp(email).Must(t, 200, "")
	client.Post("/request-password-reset", map[string]any{"email": email, "redirectTo": "/sign-in"}).Must(t, 200, "")
	verification := server.Link(email, "Verify")
	server.Link(email, "Choose a new password")
	scan := scanner(t, server)
	scan()
	client.SignIn(email).Must(t, 403, "EMAIL_NOT_VERIFIED")
	user := browse(t, server)
	user.Visit(verification)
	user.Press("Confirm")
	user.See("Your email address is verified.")
	client.SignIn(email).Must(t, 200, "")

	client.Post("/change-email", map[string]any{"newEmail": next}).Must(t, 200, "")
	confirmation := server.Link(email, "Change your address")
	client.Post("/delete-user", map[string]any{}).Must(t, 200, "")
	deletion := server.Link(email, "Delete your account")
	scan()
	user.Visit(confirmation)
	user.See("Change the address of Ada Lovelace's account from grace@example.com to grace@example.org.")
	user.Press("Agree to the change")
	user.See("An email is on its way to your new address.")
	change := server.Link(next, "Verify your new address")
	scan()
	if got := client.Session().Get("user.email"); got != email {
		t.Fatalf("after the scanner, the address is %v", got)
	}
	user.Visit(change)
	user.Press("Change the address")
	user.See("Your account has its new address now.")

	// A deletion needs the session of the account and a click. The change of the
	// address has revoked the first link.
	user.Visit(deletion)
	user.See("This link did not work")
	client.Post("/delete-user", map[string]any{}).Must(t, 200, "")
	deletion = server.Link(next, "Delete your account")
	user.Visit(deletion)
	user.See("Nothing was deleted.")
	user.Adopt(client)
	user.Visit(deletion)
	user.Press("Delete account")
	user.See("Your account is deleted, with all that was in it.")
	user.Click("link", "Continue", "")
	user.At("/sign-in")
	client.SignIn(next).Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
}

var linkInText = regexp.MustCompile(`http://\S+`)

// scanner opens a browser without a session. scan opens every link in the emails that have
// arrived since its last call.
func scanner(t *testing.T, server *testkit.Program) (scan func()) {
	p, seen := browse(t, server), map[string]bool{}
	return func() {
		t.Helper()
		for _, e := range server.Emails("") {
			for _, link := range linkInText.FindAllString(e.Text, -1) {
				if !seen[link] {
					seen[link] = true
					p.Open(strings.TrimPrefix(link, server.Origin))
					p.awaitIdle("the page of " + e.Subject + " is idle")
				}
			}
		}
	}
}

// testLinksNoScript checks that the pages of links work without JavaScript, and that they
// lead on to another website if it is trusted.
func testLinksNoScript(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<p>Welcome to %s", html.EscapeString(r.URL.String()))
	}))
	t.Cleanup(site.Close)
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off", "-trusted-origins", site.URL)
	const email = "grace@example.com"
	server.Client().Post("/sign-up/email", map[string]any{
		"email": email, "name": "Grace", "password": password, "callbackURL": site.URL + "/welcome?a=1",
	}).Must(t, 200, "")

	p := browse(t, server)
	p.NoScript()
	link := server.Link(email, "Verify")
	p.Visit(strings.Replace(link, "token=", "token=x", 1))
	p.See("This link did not work")
	p.Visit(strings.Replace(link, "callbackURL=", "callbackURL=https%3A%2F%2Fevil.test%2F", 1))
	p.See("This link redirects to a website that this service does not trust, so nothing was done.")
	p.Visit(link)
	p.See("Confirm grace@example.com for Grace's account.")
	p.activate("form button")
	p.See("Your email address is verified.")
	p.activate("main a")
	p.See("Welcome to /welcome?a=1")
	p.Visit(link)
	p.See("This address is confirmed already.")
	server.Client().SignIn(email).Must(t, 200, "")
}
