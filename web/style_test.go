package web

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast tests that the colors of the stylesheet have enough contrast for text
// (WCAG 1.4.3) and for the parts of controls and icons (WCAG 1.4.11), in light and in dark.
func TestContrast(t *testing.T) {
	css := string(readFile("app.css"))
	light := colors(t, css, "\n:root {\n")
	schemes := map[string]map[string]string{"light": light, "dark": {}}
	for name, color := range light {
		schemes["dark"][name] = color
	}
	for name, color := range colors(t, css, "@media (prefers-color-scheme: dark) {\n  :root {\n") {
		schemes["dark"][name] = color
	}
	for scheme, color := range schemes {
		for _, pair := range []struct {
			least float64
			pairs string
		}{
			{4.5, "ink/paper ink/card ink/tint soft/paper soft/card accent/paper accent/card accent/tint accent-ink/accent " +
				"danger/paper danger/card danger/danger-tint card/danger ok/card ok/ok-tint advice/paper advice/card advice/advice-tint"},
			{3, "edge/card accent/ok-tint"},
		} {
			for _, names := range strings.Fields(pair.pairs) {
				front, back, _ := strings.Cut(names, "/")
				if got := contrast(t, color[front], color[back]); got < pair.least {
					t.Errorf("%s: the contrast of %s is %.2f; want at least %g", scheme, names, got, pair.least)
				}
			}
		}
	}
}

var property = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)

// colors returns the color of each custom property in the block that begins with a text.
func colors(t *testing.T, css, begin string) map[string]string {
	t.Helper()
	_, block, found := strings.Cut(css, begin)
	block, _, ends := strings.Cut(block, "}")
	if !found || !ends {
		t.Fatalf("the stylesheet has no block %q", begin)
	}
	values := map[string]string{}
	for _, match := range property.FindAllStringSubmatch(block, -1) {
		values[match[1]] = match[2]
	}
	return values
}

// contrast returns the contrast ratio of two colors, as WCAG defines it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance of a color such as #10695a.
func luminance(t *testing.T, color string) (sum float64) {
	t.Helper()
	if len(color) != 7 {
		t.Fatalf("%q is not a color", color)
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
