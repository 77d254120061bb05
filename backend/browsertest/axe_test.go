package browsertest

import (
	"encoding/json"
	"fmt"
	"latchkey/backend/testkit"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestEveryPage checks the accessibility of every page in every state with
// axe-core. It also checks the layout and the focus rings, which axe-core does
// not measure. Unless the test is [thorough], the focus rings take the turn of axe-core on
// every third page.
func TestEveryPage(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(testkit.InstallModules(t, "testdata/axe"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	runTours(t, func(p *tab, what string) {
		p.t.Helper()
		focus := len(what)%3 == 0
		if !focus || thorough() {
			p.checkAccessible(string(axe), what)
		}
		p.checkLayout(what)
		if focus || thorough() {
			p.checkFocusRings(what)
		}
	})
}

// The options of axe-core:
//
//   - axeAll enables all rules except hidden-content, which only lists hidden elements, and
//     the rules of WCAG level AAA.
//   - axeContrast checks the contrast of level AA.
//   - axeMore checks the contrast of level AAA, for users who prefer more contrast.
const (
	axeAll = `{rules: Object.fromEntries(axe.getRules().map(({ruleId: id, tags}) =>
		[id, {enabled: id !== "hidden-content" && !tags.includes("wcag2aaa")}]))}`
	axeContrast = `{runOnly: ["color-contrast"]}`
	axeMore     = `{runOnly: ["color-contrast-enhanced"]}`
)

// thorough reports whether to check each page in every mode. Otherwise, similar modes take
// turns from page to page.
func thorough() bool { return testkit.Thorough() }

// checkAccessible runs axe-core on a page: narrow in light colors and wide in dark
// colors, or the other way round. In the three modes for users who prefer more contrast
// or force their own colors, it checks only the colors, because no other rule depends on
// them. Unless the test is [thorough], it checks one of the first two modes and, on every
// sixth page, one of the three.
func (p *tab) checkAccessible(axe, what string) {
	p.t.Helper()
	defer p.Desk()
	// The Content-Security-Policy of the page does not apply to this script.
	command(p, runtime.Evaluate, runtime.EvaluateParams{Expression: axe})
	narrow, wide := "light", "dark"
	if len(what)%2 == 0 { // so that each color scheme is checked in both widths
		narrow, wide = wide, narrow
	}
	turns := []int{len(what) / 6 % 2}
	if len(what)%6 == 0 {
		turns = append(turns, 2+len(what)/6%3)
	}
	for i, mode := range []struct {
		width                    int64
		scheme, feature, options string
	}{
		{360, narrow, "", axeAll},
		{1280, wide, "", axeAll},
		{1280, "dark", "prefers-contrast: more", axeMore},
		{1280, "light", "forced-colors: active", axeContrast},
		{1280, "light", "prefers-contrast: more", axeMore},
	} {
		if !slices.Contains(turns, i) && !thorough() {
			continue
		}
		p.Do(chromedp.EmulateViewport(mode.width, 800))
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: mode.scheme}}
		if name, value, found := strings.Cut(mode.feature, ": "); found {
			features = append(features, &emulation.MediaFeature{Name: name, Value: value})
		}
		p.Media(features...)
		p.axe(mode.options, fmt.Sprintf("%s, %s, %s, %d pixels wide", what, mode.scheme, mode.feature, mode.width))
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
		`axe.run(document, {resultTypes: ["violations", "incomplete"], ...`+options+`}).
			then(({violations, incomplete}) => ({violations, incomplete}))`)
	if found == nil {
		p.t.Fatalf("%s: axe-core does not run", where)
	}
	for kind, all := range map[string][]finding{"": found.Violations, "needs review: ": found.Incomplete} {
		for _, f := range all {
			for _, node := range f.Nodes {
				p.t.Errorf("%s: %s%s: %s: %s", where, kind, f.ID, node.Target, strings.Join(strings.Fields(node.FailureSummary), " "))
			}
		}
	}
}

// checkLayout checks that a page fits windows of four widths, in both writing directions
// and at 200 % and 400 % zoom. It also checks that controls are large enough to touch.
// Unless the test is [thorough], it checks two widths, and the directions and the zooms
// take turns.
func (p *tab) checkLayout(what string) {
	p.t.Helper()
	defer p.Desk()
	for i, width := range []int{320, 1280, 360, 3840} {
		if i >= 2 && !thorough() {
			break
		}
		p.Do(chromedp.EmulateViewport(int64(width), 800))
		for j, direction := range []string{"ltr", "rtl"} {
			if (i+j+len(what))%2 == 1 && !thorough() {
				continue
			}
			p.Act(fmt.Sprintf(`document.documentElement.dir = %q`, direction))
			p.Fits(width, what+", "+direction)
			if width >= 360 {
				for _, broken := range eval[[]string](p, wrappedNames) {
					p.t.Errorf("%s, %s, %d pixels wide: %s is broken over two lines", what, direction, width, broken)
				}
			}
			for _, small := range eval[[]string](p, tooSmall) {
				p.t.Errorf("%s, %s, %d pixels wide: %s", what, direction, width, small)
			}
		}
		p.Act(`document.documentElement.removeAttribute("dir")`)
	}
	// The user zooms into a window of 1280 by 1024 pixels.
	for i, zoom := range []int64{2, 4} {
		if (i+len(what))%2 == 1 && !thorough() {
			continue
		}
		p.Do(chromedp.EmulateViewport(1280/zoom, 1024/zoom, chromedp.EmulateScale(float64(zoom))))
		where := fmt.Sprintf("%s, at %d %%", what, 100*zoom)
		p.Fits(1280/int(zoom), where)
		for _, lost := range eval[[]string](p, cutOff) {
			p.t.Errorf("%s: this element is cut off: %s", where, lost)
		}
	}
}

// cutOff finds elements that hide part of their content and cannot be scrolled.
// It also finds fixed elements that extend beyond the window. It skips the
// email address at the top, which the profile shows in full, and inputs, which
// scroll.
const cutOff = `[...document.querySelectorAll("body *")].
	filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".visually-hidden, .skip, .account .email, input, svg")).
	filter((e) => {
		const {overflowX, overflowY, position} = getComputedStyle(e)
		const cuts = (overflow) => overflow === "hidden" || overflow === "clip"
		const r = e.getBoundingClientRect()
		return cuts(overflowX) && e.scrollWidth > e.clientWidth || cuts(overflowY) && e.scrollHeight > e.clientHeight ||
			position === "fixed" && (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight)
	}).
	map((e) => e.outerHTML.slice(0, 100))`

// checkFocusRings checks that keyboard users see the focus in light and in dark
// mode (WCAG 2.4.7). The ring needs a contrast of 3:1 to its background (WCAG
// 1.4.11). Unless the test is [thorough], the modes take turns.
func (p *tab) checkFocusRings(what string) {
	p.t.Helper()
	defer p.Desk()
	p.Act(`window.had = document.activeElement`)
	p.Key(kb.Tab) // from now on the browser shows focus rings
	for i, scheme := range []string{"light", "dark"} {
		if (i+len(what))%2 == 1 && !thorough() {
			continue
		}
		p.Media(&emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme})
		found := eval[*struct {
			Seen   int
			Faults []string
		}](p, focusFaults)
		if found == nil || found.Seen == 0 {
			p.t.Fatalf("%s, %s: no element can take the focus", what, scheme)
		}
		for _, fault := range found.Faults {
			p.t.Errorf("%s, %s: %s", what, scheme, fault)
		}
	}
	p.Act(`had.focus({preventScroll: true}), delete window.had`)
}

// focusFaults focuses each control in turn. It finds controls without a visible
// focus ring, and rings with too little contrast.
const focusFaults = `(() => {
	const pen = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
	const rgba = (color) => {
		pen.clearRect(0, 0, 1, 1)
		pen.fillStyle = color
		pen.fillRect(0, 0, 1, 1)
		return [...pen.getImageData(0, 0, 1, 1).data]
	}
	const light = (color) => {
		const [r, g, b] = rgba(color).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		return 0.2126 * r + 0.7152 * g + 0.0722 * b
	}
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor
			if (rgba(color)[3] === 255) return color
		}
		return "Canvas"
	}
	const modal = document.querySelector("dialog[open]")
	const controls = [...(modal ?? document).querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].
		filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.matches(":disabled, .visually-hidden[tabindex='-1']"))
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

// wrappedNames finds the names of settings that are broken over two lines.
const wrappedNames = `[...document.querySelectorAll(".setting > .hint > code")].filter((e) => {
	const text = document.createRange()
	text.selectNodeContents(e)
	return new Set([...text.getClientRects()].map((r) => r.top)).size > 1
}).map((e) => e.textContent)`

// tooSmall finds controls smaller than 24 by 24 pixels, which WCAG 2.5.8 does
// not allow. It skips links in running text, which WCAG exempts.
const tooSmall = `[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].
	filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".visually-hidden, .skip") &&
		!(e.matches("p a, li a") && getComputedStyle(e).display === "inline")).
	map((e) => [e, (e.closest("label") ?? e).getBoundingClientRect()]).
	filter(([, r]) => r.width < 24 || r.height < 24).
	map(([e, r]) => e.outerHTML.slice(0, 100) + " is " + r.width + " × " + r.height)`
