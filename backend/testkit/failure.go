package testkit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var failures atomic.Uint32

// saveFailure writes a screenshot of the page, its text and the console to build/failures,
// and logs the names of the files.
func (p *Tab) saveFailure() {
	p.t.Helper()
	p.left = true
	dir := filepath.Join(Root(p.t), "build", "failures")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		p.t.Log(err)
		return
	}
	name := fmt.Sprintf("%s-%d", strings.NewReplacer("/", ".", " ", "-").Replace(p.t.Name()), failures.Add(1))
	file := filepath.Join(dir, name)

	p.mu.Lock()
	console := strings.Join(p.console, "\n")
	p.mu.Unlock()
	text := fmt.Sprintf("%s\n%s\n\n== The page says\n%s\n\n== The console\n%s\n",
		p.t.Name(), Eval[string](p, "location.href"), p.Text(), console)
	if err := os.WriteFile(file+".txt", []byte(text), 0o666); err != nil {
		p.t.Log(err)
		return
	}
	left := "build/failures/" + name + ".txt"

	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	if shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{}); err == nil {
		if err := os.WriteFile(file+".png", []byte(shot.Data), 0o666); err == nil {
			left += " and .png"
		}
	}
	p.t.Logf("the page as it was: %s", left)
}
