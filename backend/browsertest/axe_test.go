package browsertest

import (
	"encoding/json"
	"fmt"
	"latchkey/backend/testkit"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestEveryPage has axe-core look for what keeps people out, on every page and
// in all that can be on it, and measures what axe-core does not.
func TestEveryPage(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(testkit.InstallModules(t, "testdata/axe"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	lookAround(t, func(p *tab, what string) {
		p.t.Helper()
		p.accessible(string(axe), what)
		p.holds(what)
		p.showsFocus(what)
	})
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
	defer p.Desk()
	// The page's policy is for what the page does. This is the browser itself.
	command(p, runtime.Evaluate, runtime.EvaluateParams{Expression: axe})
	for _, one := range []struct {
		width                 int64
		scheme, more, options string
	}{
		{360, "light", "", axeAll},
		{1280, "dark", "", axeAll},
		{1280, "dark", "prefers-contrast: more", axeMore},
		{1280, "light", "forced-colors: active", axeContrast},
		{1280, "light", "prefers-contrast: more", axeMore},
	} {
		p.Do(chromedp.EmulateViewport(one.width, 800))
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: one.scheme}}
		if name, value, found := strings.Cut(one.more, ": "); found {
			features = append(features, &emulation.MediaFeature{Name: name, Value: value})
		}
		p.Media(features...)
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
	defer p.Desk()
	for _, width := range []int{320, 360, 1280, 3840} {
		p.Do(chromedp.EmulateViewport(int64(width), 800))
		for _, direction := range []string{"ltr", "rtl"} {
			eval[bool](p, fmt.Sprintf(`document.documentElement.dir = %q, true`, direction))
			p.Fits(width, what+", "+direction)
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
	// A window of 1280 by 1024 in which somebody has made all of it larger.
	for _, zoom := range []int64{2, 4} {
		p.Do(chromedp.EmulateViewport(1280/zoom, 1024/zoom, chromedp.EmulateScale(float64(zoom))))
		where := fmt.Sprintf("%s, at %d %%", what, 100*zoom)
		p.Fits(1280/int(zoom), where)
		for _, lost := range eval[[]string](p, cutOff) {
			p.t.Errorf("%s, this is cut off: %s", where, lost)
		}
	}
}

// cutOff is what has more in it than it shows and cannot be scrolled, and what
// stays in its place and is larger than the window. The address at the top may
// be too long for it: the profile has it whole. What is typed scrolls in its input.
const cutOff = `[...document.querySelectorAll("body *")].
	filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".unseen, .skip, .who .email, input, svg")).
	filter((e) => {
		const {overflowX, overflowY, position} = getComputedStyle(e)
		const cuts = (overflow) => overflow === "hidden" || overflow === "clip"
		const r = e.getBoundingClientRect()
		return cuts(overflowX) && e.scrollWidth > e.clientWidth || cuts(overflowY) && e.scrollHeight > e.clientHeight ||
			position === "fixed" && (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight)
	}).
	map((e) => e.outerHTML.slice(0, 100))`

// showsFocus looks that whoever goes by keys sees where they are, in the light and
// in the dark: WCAG 2.4.7, and 3:1 against what is behind it, which is 1.4.11.
func (p *tab) showsFocus(what string) {
	p.t.Helper()
	defer p.Desk()
	eval[bool](p, `window.had = document.activeElement, true`)
	p.Key(kb.Tab) // from now on the browser shows what has the focus
	for _, scheme := range []string{"light", "dark"} {
		p.Media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme})
		found := eval[*struct {
			Seen   int
			Faults []string
		}](p, focusFaults)
		if found == nil || found.Seen == 0 {
			p.t.Fatalf("%s, %s: there is nothing to have the focus", what, scheme)
		}
		for _, fault := range found.Faults {
			p.t.Errorf("%s, %s: %s", what, scheme, fault)
		}
	}
	eval[bool](p, `had.focus({preventScroll: true}), delete window.had`)
}

// focusFaults gives the focus to each control, and looks at the ring around it,
// and at what the ring is on.
const focusFaults = `(() => {
	const pen = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
	const rgba = (colour) => {
		pen.clearRect(0, 0, 1, 1)
		pen.fillStyle = colour
		pen.fillRect(0, 0, 1, 1)
		return [...pen.getImageData(0, 0, 1, 1).data]
	}
	const light = (colour) => {
		const [r, g, b] = rgba(colour).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		return 0.2126 * r + 0.7152 * g + 0.0722 * b
	}
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const colour = getComputedStyle(e).backgroundColor
			if (rgba(colour)[3] === 255) return colour
		}
		return "Canvas"
	}
	const modal = document.querySelector("dialog[open]")
	const controls = [...(modal ?? document).querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].
		filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.matches(":disabled"))
	const faults = []
	for (const e of controls) {
		e.focus({preventScroll: true})
		const ring = getComputedStyle(e)
		const on = behind(parseFloat(ring.outlineOffset) < 0 ? e : e.parentElement)
		const [a, b] = [light(ring.outlineColor), light(on)].sort((a, b) => a - b)
		const contrast = (b + 0.05) / (a + 0.05)
		const fault = document.activeElement !== e ? "takes no focus" :
			!e.matches(":focus-visible") || ring.outlineStyle === "none" || parseFloat(ring.outlineWidth) < 2 ? "does not show the focus" :
			contrast < 3 ? "has a ring " + ring.outlineColor + " on " + on + ", which is " + contrast.toFixed(2) + ":1" : ""
		if (fault) faults.push(e.outerHTML.slice(0, 100) + " " + fault)
	}
	return {seen: controls.length, faults}
})()`

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
