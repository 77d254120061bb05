package main_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// TestRecoveryBrowser has people follow the links in their mails.
func TestRecoveryBrowser(t *testing.T) {
	inBrowser(t, nil, map[string]func(*testing.T, context.Context, string){
		"Links": testLinks, "DeadLinks": testDeadLinks, "ContestedSignUp": testContestedSignUp,
	})
}

var linkIn = regexp.MustCompile(`http://localhost:\d+(\S+)`)

// link waits for a mail and returns where its first link leads.
func (p *program) link(tab *tab, to, subject string) (path string) {
	p.t.Helper()
	tab.wait("there is a mail to "+to+": "+subject, func() bool {
		files, err := filepath.Glob(filepath.Join(p.data, "mail", "*.json"))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, file := range files {
			var mail struct{ To, Subject, Text string }
			content, err := os.ReadFile(file)
			if err != nil || json.Unmarshal(content, &mail) != nil {
				continue // it is being written
			}
			if found := linkIn.FindStringSubmatch(mail.Text); strings.Contains(mail.To, to) && strings.Contains(mail.Subject, subject) && found != nil {
				path = found[1]
			}
		}
		return path != ""
	})
	return path
}

func testLinks(t *testing.T, browser context.Context, binary string) {
	server := start(t, setting(t, binary, "VERIFY_EMAIL", "required"), "-rate-limits", "off")
	p := browse(t, browser, server.origin)

	// An address is verified before its account opens.
	p.open("/sign-up")
	p.fill("Name", "Ada Lovelace")
	p.fill("Email", "ada@example.com")
	p.fill("Password", password)
	p.press("Create account")
	p.see("Check your mail")
	p.awaitFocus("Check your mail")
	p.open("/sign-in")
	p.submitSignIn("ada@example.com", password)
	p.see("Your email address has to be verified first")
	p.press("Send the mail again")
	p.see("The mail is on its way to ada@example.com.")
	p.open(server.link(p, "ada@example.com", "Verify"))
	p.at("/email")
	p.see("Your email address is verified.")

	// A forgotten password.
	p.open("/sign-in")
	p.click(p.the("link", "Forgot password?"))
	p.at("/forgot-password")
	p.fill("Email", "ada@example.com")
	p.press("Send the link")
	p.see("If there is an account with the address ada@example.com, a mail is on its way to it.")
	link := server.link(p, "ada@example.com", "Choose a new password")
	p.open(link)
	p.at("/reset-password")
	p.wait("the token is out of the address", func() bool { return eval[string](p, "location.search") == "" })
	p.fill("New password", "short")
	p.press("Set the new password")
	p.with("textbox", "New password", "At least 8 characters. Longer is stronger. Passwords have at least 8 characters.")
	const second = "another, and longer one"
	p.fill("New password", second)
	p.press("Set the new password")
	p.at("/sign-in")
	p.see("Your new password is set. Sign in with it.")
	p.submitSignIn("ada@example.com", second)
	p.at("/dashboard/settings")

	// Another address, to which both have to agree.
	p.press("Change email address")
	p.awaitFocus("New email address")
	p.fill("New email address", "ada@example.com")
	p.press("Send the link")
	p.see("This is the address that your account has already.")
	p.fill("New email address", "ada@example.org")
	p.press("Send the link")
	p.see("A mail is on its way to ada@example.com.")
	p.open(server.link(p, "ada@example.com", "Change your address"))
	p.see("Now a mail is on its way to your new address.")
	p.open(server.link(p, "ada@example.org", "Verify your new address"))
	p.see("Your account has its new address now.")
	p.open("/dashboard/settings")
	p.see("ada@example.org")

	// A link works once, and the page says what to do then.
	other := browse(t, browser, server.origin)
	other.open(link)
	other.see("This link does not work any more")
	other.click(other.the("link", "Send me a new link"))
	other.at("/forgot-password")

	// It was not me.
	other.open(server.link(other, "ada@example.com", "Your password was changed"))
	other.at("/not-me")
	if got := eval[string](other, "location.search"); got != "" {
		t.Errorf("the address still says %s", got)
	}
	other.press("It wasn't me")
	other.see("Everybody is signed out of your account.")
	p.press("Save")
	p.at("/sign-in")
	p.submitSignIn("ada@example.org", second)
	p.see("This password may be known to others")
	other.fill("New password", "a third, and longer one")
	other.press("Set the new password")
	other.at("/sign-in")
	other.submitSignIn("ada@example.org", "a third, and longer one")
	other.at("/dashboard/settings")
}

// testDeadLinks holds that nobody fills in the form of a link that is dead, and
// that the form is there where nobody can tell.
func testDeadLinks(t *testing.T, browser context.Context, binary string) {
	server := start(t, binary)
	for _, page := range []struct{ path, link, button string }{
		{"/reset-password", "Send me a new link", "Set the new password"},
		{"/not-me", "Choose a new password", "It wasn't me"},
	} {
		p := browse(t, browser, server.origin)
		p.open(page.path + "?token=dead")
		p.see("This link does not work any more")
		if len(p.all("button", page.button)) > 0 || len(p.all("textbox", "New password")) > 0 {
			t.Errorf("%s shows its form for a dead link", page.path)
		}
		p.click(p.the("link", page.link))
		p.at("/forgot-password")
		p.forgive()

		// The question gets no answer.
		command(p, network.Enable, network.EnableParams{})
		command(p, network.SetBlockedURLs, network.SetBlockedURLsParams{
			URLPatterns: []*network.BlockPattern{{URLPattern: server.origin + "/api/auth/check-link", Block: true}},
		})
		p.open(page.path + "?token=dead")
		p.wait("the form of "+page.path, func() bool { return len(p.all("button", page.button)) == 1 })
		p.forgive()
	}
}

// testContestedSignUp holds that who opens the mail of two sign-ups is told to
// choose a password, and comes in by it.
func testContestedSignUp(t *testing.T, browser context.Context, binary string) {
	server := start(t, setting(t, binary, "VERIFY_EMAIL", "required"), "-rate-limits", "off")
	p := browse(t, browser, server.origin)
	for _, one := range []string{"a password of a stranger", password} {
		p.open("/sign-up")
		p.fill("Name", "Ada Lovelace")
		p.fill("Email", "ada@example.com")
		p.fill("Password", one)
		p.press("Create account")
		p.see("Check your mail")
	}
	p.open(server.link(p, "ada@example.com", "Verify"))
	p.at("/email")
	p.see("Your email address is verified. More than one person may have signed up with it")
	p.click(p.the("link", "Choose a new password"))
	p.at("/forgot-password")
	p.fill("Email", "ada@example.com")
	p.press("Send the link")
	p.see("If there is an account")
	p.open(server.link(p, "ada@example.com", "Choose a new password"))
	p.fill("New password", password)
	p.press("Set the new password")
	p.at("/sign-in")
	p.submitSignIn("ada@example.com", password)
	p.at("/dashboard/settings")
}
