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
