package web

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var properties = regexp.MustCompile(`(--[\w-]+|color-scheme): ([^;]+);`)

// colorsAfter returns the colors in the rule that follows begin in the stylesheet.
func colorsAfter(t *testing.T, css, begin string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(css, begin)
	rule, _, closed := strings.Cut(rest, "}")
	if !found || !closed {
		t.Fatalf("the stylesheet has no rule %q", begin)
	}
	colors := map[string]string{}
	for _, property := range properties.FindAllStringSubmatch(rule, -1) {
		if strings.HasPrefix(property[2], "#") || strings.HasPrefix(property[2], "rgb") {
			colors[property[1]] = property[2]
		}
	}
	return colors
}

// TestThemes tests that the themes that a user can choose have the colors of the system's.
func TestThemes(t *testing.T) {
	text, err := os.ReadFile("app.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(text)
	for theme, system := range map[string]string{
		"light": "\n:root {", "dark": "@media (prefers-color-scheme: dark) {\n  :root {",
	} {
		want, got := colorsAfter(t, css, system), colorsAfter(t, css, `:root[data-theme="`+theme+`"] {`)
		if len(want) < 10 {
			t.Fatalf("the %s colors are %v", theme, want)
		}
		for name, color := range want {
			if got[name] != color {
				t.Errorf("%s of the theme %s is %q; want %q", name, theme, got[name], color)
			}
		}
	}
}
