package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp/kb"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestServerKeyBrowser tests that an administrator creates a server key, sees it once and revokes
// it, with and without JavaScript.
func TestServerKeyBrowser(t *testing.T) {
	suite(t, nil, map[string]func(*testing.T){
		"App":      testServerKey,
		"NoScript": testServerKeyNoScript,
	})
}

// accepted reports whether the server accepts a server key.
func accepted(server *testkit.Program, key string) bool {
	c := server.Client()
	return c.Session().Status == 200 && c.Get("/get-session", "Authorization: Bearer "+key).Status == 200
}

// shownKey returns the server key that the page shows.
func (p *tab) shownKey() string {
	p.Until("the page shows the key", `document.querySelector(".new-key code")?.textContent.startsWith("latchkey_")`)
	return eval[string](p, `document.querySelector(".new-key code").textContent`)
}

func testServerKey(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.signUpAdministrator(server)
	p.Open("/dashboard/system")
	p.See(en.T(message.NoServerKeys))
	p.Press(en.T(message.CreateServerKey))
	p.See(en.T(message.ErrEnterServerKeyName))
	p.AwaitFocus(en.T(message.ServerKeyName))
	p.Fill(en.T(message.ServerKeyName), "Shop")
	p.Press(en.T(message.CreateServerKey))
	key := p.shownKey()
	p.AwaitFocus(en.T(message.CopyKey))
	command(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: server.Origin, BrowserContextID: p.browserContext(),
	})
	p.copies(en.T(message.CopyKey), en.T(message.DoneKeyCopied), key)
	p.checkLayout("a new server key")
	if !accepted(server, key) {
		t.Error("the server does not accept the key")
	}

	// The key is shown once.
	p.Open("/dashboard/system")
	p.cardSays("server-keys", "Shop")
	if html := eval[string](p, "document.documentElement.outerHTML"); strings.Contains(html, "latchkey_") {
		t.Error("the page still has the key")
	}
	p.Fill(en.T(message.ServerKeyName), "Shop")
	p.Press(en.T(message.CreateServerKey))
	p.See(en.T(message.ErrServerKeyExists))

	p.Press(en.T(message.RevokeServerKey))
	p.The("dialog", en.T(message.ConfirmRevokeServerKey, "Shop"))
	p.activate("#confirm .danger")
	p.See(en.T(message.DoneServerKeyRevoked))
	p.See(en.T(message.NoServerKeys))
	p.AwaitFocus(en.T(message.ServerKeys))
	if accepted(server, key) {
		t.Error("the server accepts the revoked key")
	}
}

func testServerKeyNoScript(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := administrator(t, server)
	p.visitWithoutApp("/dashboard/system")
	p.Enter("server-keys-name", "Shop"+kb.Enter)
	key := p.shownKey()
	p.wantWithoutApp("a new server key")
	if !accepted(server, key) {
		t.Error("the server does not accept the key")
	}
	p.activate(".card a.button")
	p.cardSays("server-keys", "Shop") // the page with the key has the same address
	p.awaitComplete()
	if html := eval[string](p, "document.documentElement.outerHTML"); strings.Contains(html, "latchkey_") {
		t.Error("the page still has the key")
	}
	p.activate(`[aria-labelledby=server-keys] .danger`)
	p.See(en.T(message.RevokeServerKeyConsequences))
	p.wantWithoutApp("the question")
	p.activate("#task-submit")
	p.See(en.T(message.DoneServerKeyRevoked))
	if accepted(server, key) {
		t.Error("the server accepts the revoked key")
	}
}
