package browsertest

import (
	"fmt"
	"html"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
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
		"ScannedLinks": testScannedLinks, "LinksNoScript": testLinksNoScript, "OwnLink": testOwnLink,
	})
}

// testLinks checks each link that the server sends by email.
func testLinks(t *testing.T) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	p := browseWithWorker(t, server)

	// A new user verifies the email address before signing in.
	p.Open("/sign-up")
	p.Fill(en.T(message.DisplayName), "Ada Lovelace")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Fill(en.T(message.AccountPassword), password)
	p.awaitUsername("ada@example.com")
	p.Press(en.T(message.RegisterAccount))
	p.See(en.T(message.CheckYourEmail))
	p.AwaitFocus(en.T(message.CheckYourEmail))
	p.Until("the window has the title of the heading", titled(message.CheckYourEmail))
	p.Open("/sign-in")
	p.submitSignIn("ada@example.com", password)
	p.See(en.T(message.ErrEmailNotVerified))
	p.Press(en.T(message.SendEmailAgain))
	p.See(en.T(message.DoneEmailSent, "ada@example.com"))
	verification := server.Link("ada@example.com", en.T(message.VerifyCode))
	p.awaitServiceWorker()
	p.Open(verification)
	p.See(en.T(message.ConfirmEmailOfUser, "ada@example.com", "Ada Lovelace"))
	p.Press(en.T(message.ConfirmButton))
	p.See(en.T(message.DoneEmailVerified))
	p.At("/email")
	p.Until("the address no longer contains the token", `location.search === ""`)
	p.Open(verification)
	p.See(en.T(message.DoneEmailAlreadyVerified))
	if kept := eval[string](p, `caches.keys().then(async (names) => (await Promise.all(names.map(async (name) =>
		(await (await caches.open(name)).keys()).map((request) => request.url)))).flat().
		filter((url) => /email|token/.test(url)).join(" "))`); kept != "" {
		t.Errorf("the service worker keeps %s", kept)
	}
	p.Click("link", en.T(message.ContinueAction), "")
	p.At("/sign-in")

	// The user resets a forgotten password.
	p.Open("/sign-in")
	p.Click("link", en.T(message.ForgotYourPassword), "")
	p.At("/forgot-password")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.DoneResetLinkSent, "ada@example.com"))
	link := server.Link("ada@example.com", en.T(message.ChooseNewPassword))
	p.Open(link)
	p.At("/reset-password")
	p.Until("the address no longer contains the token", `location.search === ""`)
	p.awaitUsername("ada@example.com")
	p.AwaitFocus(en.T(message.NewPassword))
	p.Open("/reset-password") // the page works after a reload
	p.awaitUsername("ada@example.com")
	p.Fill(en.T(message.NewPassword), "short")
	p.Press(en.T(message.SetNewPassword))
	p.With("textbox", en.T(message.NewPassword),
		strings.Join([]string{en.T(message.ResetPasswordExplanation), en.T(message.HintPasswordLength), en.T(message.ErrPasswordTooShort)}, " "))
	const second = "another, and longer one"
	p.Fill(en.T(message.NewPassword), second)
	p.Press(en.T(message.SetNewPassword))
	p.At("/sign-in")
	p.See(en.T(message.DonePasswordReset))
	p.Field("sign-in-email", "ada@example.com") // the page knows it from the link
	p.submitSignIn("ada@example.com", second)
	p.At("/dashboard/settings")
	p.openPasswordForm()
	p.awaitUsername("ada@example.com")
	p.Press(en.T(message.ForgotIt))
	p.See(en.T(message.DoneOwnResetLinkSent, "ada@example.com"))

	// The user changes the email address, which both addresses have to confirm.
	p.settings("profile")
	p.Press(en.T(message.ChangeEmailAddress))
	p.AwaitFocus(en.T(message.NewEmailAddress))
	p.Fill(en.T(message.NewEmailAddress), "ada@example.com")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.ErrEmailUnchanged))
	p.Fill(en.T(message.NewEmailAddress), "ada@example.org")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.EmailChangePendingFirst, "ada@example.org", "ada@example.com"))
	p.None("button", en.T(message.ChangeEmailAddress))
	canceled := server.Link("ada@example.com", en.T(message.MailAgreeEmailChangeSubject))
	p.Press(en.T(message.CancelAction))
	p.See(en.T(message.DoneEmailChangeCanceled))
	p.AwaitFocus(en.T(message.ChangeEmailAddress))
	p.Gone(en.T(message.EmailChangePendingFirst, "ada@example.org", "ada@example.com"))
	mailbox := browse(t, server)
	mailbox.Open(canceled)
	mailbox.See(en.T(message.ErrLinkCanceled))
	p.Press(en.T(message.ChangeEmailAddress))
	p.Fill(en.T(message.NewEmailAddress), "ada@example.org")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.EmailChangePendingFirst, "ada@example.org", "ada@example.com"))
	p.Open("/dashboard/settings/profile") // it is still there after a reload
	p.See(en.T(message.EmailChangePendingFirst, "ada@example.org", "ada@example.com"))
	mailbox.Open(server.Link("ada@example.com", en.T(message.MailAgreeEmailChangeSubject)))
	mailbox.Press(en.T(message.AgreeToChange))
	mailbox.See(en.T(message.DoneNewEmailLinkSent))
	p.Open("/dashboard/settings/profile")
	p.See(en.T(message.EmailChangePending, "ada@example.org"))
	replaced := server.Link("ada@example.org", en.T(message.MailVerifyNewEmailSubject))
	p.Press(en.T(message.ResendLink))
	p.See(en.T(message.DoneEmailSent, "ada@example.org"))
	p.AwaitFocus(en.T(message.ResendLink))
	mailbox.Open(replaced)
	mailbox.See(en.T(message.ErrLinkReplaced))
	mailbox.Open(server.Link("ada@example.org", en.T(message.MailVerifyNewEmailSubject)))
	mailbox.Press(en.T(message.ChangeTheAddress))
	mailbox.See(en.T(message.DoneEmailChanged))
	p.Until("the open page has the new address in its header", `document.querySelector(".account .email").textContent === "ada@example.org"`)
	p.Gone(en.T(message.EmailChangePending, "ada@example.org"))

	// A link works once. After that, the page offers a new one.
	other := browse(t, server)
	other.Open(link)
	other.See(en.T(message.ErrLinkNoLongerWorks))
	other.See(en.T(message.ErrLinkUsed))
	other.Until("the window has the title of the heading", titled(message.ErrLinkNoLongerWorks))
	other.Click("link", en.T(message.SendNewLink), "")
	other.At("/forgot-password")

	// The user reports a change that someone else made.
	other.Open(server.Link("ada@example.com", en.T(message.MailPasswordChangedSubject)))
	other.At("/not-me")
	other.Until("the address no longer contains the token", `location.search === ""`)
	other.Open("/not-me") // the page works after a reload
	other.Press(en.T(message.ItWasNotMe))
	other.See(en.T(message.DoneAccountSecured))
	other.AwaitFocus(en.T(message.NewPassword))
	other.Open("/reset-password")
	p.visit("sessions")
	p.At("/sign-in")
	p.submitSignIn("ada@example.org", second)
	p.See(en.T(message.ErrPasswordCompromised))
	other.awaitUsername("ada@example.org")
	other.Fill(en.T(message.NewPassword), "a third, and longer one")
	other.Press(en.T(message.SetNewPassword))
	other.At("/sign-in")
	other.submitSignIn("ada@example.org", "a third, and longer one")
	other.At("/dashboard/settings")
}

// testOwnLink checks that a link that the server obeys without a question, because the user who has
// asked for it is signed in, reaches the server once. A service worker with navigation preload that
// does not use the response would let the browser ask a second time, and that response would say that
// the link has been used.
func testOwnLink(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browseWithWorker(t, server)
	email := p.signUp()
	p.settings("profile")
	p.Press(en.T(message.ChangeEmailAddress))
	p.Fill(en.T(message.NewEmailAddress), "new."+email)
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.EmailChangePending, "new."+email))
	p.awaitServiceWorker()
	p.Open("/dashboard/settings") // the worker has enabled the preload by now
	p.Open(server.Link("new."+email, en.T(message.MailVerifyNewEmailSubject)))
	p.At("/email")
	p.See(en.T(message.DoneEmailChanged))
}

// titled is true if the window has a title.
func titled(title message.ID) string {
	return `document.title === ` + testkit.Quote(en.T(title)+" · Latchkey")
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
// app cannot check the link, it shows the form.
func testDeadLinks(t *testing.T) {
	server := testkit.Start(t)
	for _, page := range []struct{ path, link, button string }{
		{"/reset-password", en.T(message.SendNewLink), en.T(message.SetNewPassword)},
		{"/not-me", en.T(message.ChooseNewPassword), en.T(message.ItWasNotMe)},
	} {
		p := browse(t, server)
		p.Open(page.path + "?token=dead")
		p.See(en.T(message.ErrLinkNoLongerWorks))
		if len(p.All("button", page.button)) > 0 || len(p.All("textbox", en.T(message.NewPassword))) > 0 {
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
		p.See(en.T(message.ErrLinkNoLongerWorks))
		p.Open(page.path) // the tab still has the token
		p.The("button", page.button)
	}
}

// testContestedSignUp checks an email address with which two users sign up. The page tells
// its owner to choose a new password, and the owner signs in with it.
func testContestedSignUp(t *testing.T) {
	server := testkit.Start(t, "VERIFY_EMAIL=required", "-rate-limits", "off")
	p := browse(t, server)
	link := ""
	for _, candidate := range []string{"a password of a stranger", password} {
		p.Open("/sign-up")
		p.Fill(en.T(message.DisplayName), "Ada Lovelace")
		p.Fill(en.T(message.EmailAddress), "ada@example.com")
		p.Fill(en.T(message.AccountPassword), candidate)
		p.Press(en.T(message.RegisterAccount))
		p.See(en.T(message.CheckYourEmail))
		link = server.Link("ada@example.com", en.T(message.VerifyCode))
	}
	p.Open(link)
	p.Press(en.T(message.ConfirmButton))
	p.See(en.T(message.DoneVerifiedPasswordDue))
	p.Click("link", en.T(message.ChooseNewPassword), "")
	p.At("/forgot-password")
	p.Fill(en.T(message.EmailAddress), "ada@example.com")
	p.Press(en.T(message.SendLink))
	p.See(en.T(message.DoneResetLinkSent, "ada@example.com"))
	p.Open(server.Link("ada@example.com", en.T(message.ChooseNewPassword)))
	p.Fill(en.T(message.NewPassword), password)
	p.Press(en.T(message.SetNewPassword))
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
	verification := server.Link(email, en.T(message.VerifyCode))
	server.Link(email, en.T(message.ChooseNewPassword))
	scan := scanner(t, server)
	scan()
	client.SignIn(email).Must(t, 403, "EMAIL_NOT_VERIFIED")
	user := browse(t, server)
	user.Visit(verification)
	user.Press(en.T(message.ConfirmButton))
	user.See(en.T(message.DoneEmailVerified))
	client.SignIn(email).Must(t, 200, "")

	client.Post("/change-email", map[string]any{"newEmail": next}).Must(t, 200, "")
	confirmation := server.Link(email, en.T(message.MailAgreeEmailChangeSubject))
	client.Post("/delete-user", map[string]any{}).Must(t, 200, "")
	deletion := server.Link(email, en.T(message.MailDeleteAccountSubject))
	scan()
	user.Visit(confirmation)
	user.See(en.T(message.ConfirmEmailChangeOfUser, "Ada Lovelace", "grace@example.com", "grace@example.org"))
	user.Press(en.T(message.AgreeToChange))
	user.See(en.T(message.DoneNewEmailLinkSent))
	change := server.Link(next, en.T(message.MailVerifyNewEmailSubject))
	scan()
	if got := client.Session().Get("user.email"); got != email {
		t.Fatalf("after the scanner, the address is %v", got)
	}
	user.Visit(change)
	user.Press(en.T(message.ChangeTheAddress))
	user.See(en.T(message.DoneEmailChanged))

	// A deletion needs the session of the account and a click. The change of the
	// address has revoked the first link.
	user.Visit(deletion)
	user.See(en.T(message.ErrLinkNoLongerWorks))
	client.Post("/delete-user", map[string]any{}).Must(t, 200, "")
	deletion = server.Link(next, en.T(message.MailDeleteAccountSubject))
	user.Visit(deletion)
	user.See(en.T(message.ErrLinkNothingDeleted))
	user.Adopt(client)
	user.Visit(deletion)
	user.Press(en.T(message.DeleteAccount))
	user.See(en.T(message.DoneAccountDataDeleted))
	user.Click("link", en.T(message.ContinueAction), "")
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
	link := server.Link(email, en.T(message.VerifyCode))
	p.Visit(strings.Replace(link, "token=", "token=x", 1))
	p.See(en.T(message.ErrLinkNoLongerWorks))
	p.Visit(strings.Replace(link, "callbackURL=", "callbackURL=https%3A%2F%2Fevil.test%2F", 1))
	p.See(en.T(message.ErrLinkUntrustedRedirect))
	p.Visit(link)
	p.See(en.T(message.ConfirmEmailOfUser, "grace@example.com", "Grace"))
	p.activate("form button")
	p.See(en.T(message.DoneEmailVerified))
	p.activate("main a")
	p.See("Welcome to /welcome?a=1")
	p.Visit(link)
	p.See(en.T(message.DoneEmailAlreadyVerified))
	server.Client().SignIn(email).Must(t, 200, "")
}
