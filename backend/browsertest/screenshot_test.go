//go:build screenshots

package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// TestScreenshots saves a screenshot of every page to build/screenshots for
// review.
func TestScreenshots(t *testing.T) {
	const folder = "../../build/screenshots"
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	runTours(t, func(p *tab, what string) {
		p.t.Helper()
		defer p.Desk()
		command(p, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{Hidden: true})
		defer command(p, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{})
		for _, width := range []int64{360, 1280} {
			p.Do(chromedp.EmulateViewport(width, 800))
			for _, scheme := range []string{"light", "dark"} {
				p.Media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme})
				// Behind an open dialog, the picture shows only the visible
				// part of the page.
				whole := !eval[bool](p, `!!document.querySelector("dialog[open]")`)
				picture := command(p, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
				file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", what, width, scheme))
				if err := os.WriteFile(file, []byte(picture.Data), 0o644); err != nil {
					p.t.Fatal(err)
				}
			}
		}
	})
}

// TestPictures renews the pictures of the README, two of which are in the manifest, too:
//
//	go test -tags=screenshots -run TestPictures ./backend/browsertest
func TestPictures(t *testing.T) {
	server := testkit.Start(t, "-rate-limits", "off")
	p := browse(t, server)
	p.As("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36")
	p.addAuthenticator(true)
	const email = "ada@example.com"
	p.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
		return c.Post("/sign-up/email", map[string]any{"email": email, "name": "Ada King", "password": password}, browser)
	})
	p.post("send-verification-email", map[string]any{"email": email})
	p.Open(server.Link(email, en.T(message.VerifyCode)))
	p.At("/email")
	p.See(en.T(message.DoneEmailVerified))
	p.Open("/dashboard/settings")
	p.addPasskey("iCloud Keychain")
	save := func(name, scheme string, width, height int64, device ...chromedp.EmulateViewportOption) {
		t.Helper()
		p.Do(chromedp.EmulateViewport(width, height, device...))
		command(p, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{Hidden: true})
		p.Media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme})
		picture := command(p, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		if err := os.WriteFile(filepath.Join("../../web", name), []byte(picture.Data), 0o644); err != nil {
			t.Fatal(err)
		}
		p.Desk()
	}
	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	p.AwaitFocus(enrollmentCode)
	save("screenshot-dark.png", "dark", 1280, 800)
	p.Press(en.T(message.CancelAction))
	p.Open("/dashboard/settings")
	_, codes := p.enable()
	for i, agent := range []string{firefox, safari} {
		other := browse(t, server)
		other.As(agent)
		other.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
			c.Post("/sign-in/email", map[string]any{"email": email, "password": password}, browser).Want(t, 403, "TWO_FACTOR_REQUIRED")
			return c.Post("/two-factor/verify-backup-code", map[string]any{"code": codes[i]}, browser)
		})
	}
	p.Open("/dashboard/settings")
	p.The("heading", en.T(message.WasThisYou))
	save("screenshot-wide.png", "light", 1280, 800)
	save("screenshot-narrow.png", "light", 390, 780, chromedp.EmulateMobile, chromedp.EmulateScale(2))
}
