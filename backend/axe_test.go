package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestEveryPage has axe-core look for what keeps people out, on every page and
// in all that can be on it, and measures what axe-core does not.
func TestEveryPage(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(installModules(t, "testdata/axe"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	lookAround(t, func(p *tab, what string) {
		p.t.Helper()
		p.accessible(string(axe), what)
		p.holds(what)
	})
}

// media is what a person prefers, beside not to be shown movement.
func (p *tab) media(features ...*emulation.MediaFeature) {
	p.t.Helper()
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: append(features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"}),
	})
}

// desk puts the tab back to what [newTab] made of it.
func (p *tab) desk() {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(1280, 900))
	p.media()
}

// What axe-core looks for: all that it knows, but for what only lists hidden
// things, and for level AAA. Of that the contrast is for who prefers more.
const (
	axeAll      = `{rules: Object.fromEntries(axe.getRules().map(({ruleId: id, tags}) => [id, {enabled: id !== "hidden-content" && !tags.includes("wcag2aaa")}]))}`
	axeContrast = `{runOnly: ["color-contrast"]}`
	axeMore     = `{runOnly: ["color-contrast-enhanced"]}`
)

// accessible has axe-core look at a page small and wide, light and dark, and at
// its colours where the person prefers more contrast or has chosen them. What is
// no colour does not depend on the light.
func (p *tab) accessible(axe, what string) {
	p.t.Helper()
	defer p.desk()
	// The page's policy is for what the page does. This is the browser itself.
	command(p, runtime.Evaluate, runtime.EvaluateParams{Expression: axe})
	for _, one := range []struct {
		width                 int64
		scheme, more, options string
	}{
		{360, "light", "", axeAll},
		{360, "dark", "", axeContrast},
		{1280, "dark", "", axeAll},
		{1280, "dark", "prefers-contrast: more", axeMore},
		{1280, "light", "forced-colors: active", axeContrast},
		{1280, "light", "prefers-contrast: more", axeMore},
		{1280, "light", "", axeContrast},
	} {
		p.do(chromedp.EmulateViewport(one.width, 800))
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: one.scheme}}
		if name, value, found := strings.Cut(one.more, ": "); found {
			features = append(features, &emulation.MediaFeature{Name: name, Value: value})
		}
		p.media(features...)
		p.axe(one.options, fmt.Sprintf("%s, %s, %s, %d pixels wide", what, one.scheme, one.more, one.width))
	}
}

func (p *tab) axe(options, where string) {
	p.t.Helper()
	type finding struct {
		ID, Help string
		Nodes    []struct {
			Target         json.RawMessage
			FailureSummary string
		}
	}
	found := eval[*struct{ Violations, Incomplete []finding }](p,
		`axe.run(document, {resultTypes: ["violations", "incomplete"], ...`+options+`}).then(({violations, incomplete}) => ({violations, incomplete}))`)
	if found == nil {
		p.t.Fatalf("%s: axe-core does not run", where)
	}
	for kind, all := range map[string][]finding{"": found.Violations, "perhaps ": found.Incomplete} {
		for _, f := range all {
			for _, node := range f.Nodes {
				p.t.Errorf("%s: %s%s: %s: %s", where, kind, f.ID, node.Target, strings.Join(strings.Fields(node.FailureSummary), " "))
			}
		}
	}
}

// holds looks that a page is as wide as the window, whatever that is and in
// whichever direction it is read, and that fingers hit what is in it.
func (p *tab) holds(what string) {
	p.t.Helper()
	defer p.desk()
	for _, width := range []int{320, 360, 1280, 3840} {
		p.do(chromedp.EmulateViewport(int64(width), 800))
		for _, direction := range []string{"ltr", "rtl"} {
			eval[bool](p, fmt.Sprintf(`document.documentElement.dir = %q, true`, direction))
			p.fits(width, what+", "+direction)
			if width >= 360 {
				for _, broken := range eval[[]string](p, brokenNames) {
					p.t.Errorf("%s, %s, on a page of %d: %s is on two lines", what, direction, width, broken)
				}
			}
			for _, small := range eval[[]string](p, tooSmall) {
				p.t.Errorf("%s, %s, on a page of %d: %s", what, direction, width, small)
			}
		}
		eval[bool](p, `document.documentElement.removeAttribute("dir"), true`)
	}
}

// brokenNames is the system keys whose name is broken, which has no spaces.
const brokenNames = `[...document.querySelectorAll(".key-row label, .told-key dt")].filter((e) => {
	const text = document.createRange()
	text.selectNodeContents(e.querySelector("span") ?? e)
	return new Set([...text.getClientRects()].map((r) => r.top)).size > 1
}).map((e) => e.textContent)`

// tooSmall is what is less than 24 pixels high or wide, which WCAG 2.5.8 does
// not allow, but for links in a sentence.
const tooSmall = `[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].
	filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".unseen, .skip") &&
		!(e.matches("p a, li a") && getComputedStyle(e).display === "inline")).
	map((e) => [e, (e.closest("label") ?? e).getBoundingClientRect()]).
	filter(([, r]) => r.width < 24 || r.height < 24).
	map(([e, r]) => e.outerHTML.slice(0, 100) + " is " + r.width + " × " + r.height)`
