package testkit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"latchkey/shared"
)

// A Document is a parsed page.
type Document struct{ root *html.Node }

// ParseHTML parses a page.
func ParseHTML(t testing.TB, page string) Document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return Document{root}
}

// All returns the elements with a name and attributes, in the order of the page; "" matches
// any name. Each attribute is "name=value", or "name" for any value.
func (d Document) All(name string, attributes ...string) (all []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) && hasAll(n, attributes) {
			all = append(all, n)
		}
	}
	return all
}

// In returns the part of the page in the first element that [Document.All] returns, which must
// exist.
func (d Document) In(t testing.TB, name string, attributes ...string) Document {
	t.Helper()
	all := d.All(name, attributes...)
	if len(all) == 0 {
		t.Fatalf("the page has no element %s %q", name, attributes)
	}
	return Document{all[0]}
}

func hasAll(n *html.Node, attributes []string) bool {
	return !slices.ContainsFunc(attributes, func(want string) bool {
		name, value, withValue := strings.Cut(want, "=")
		got, exists := Attribute(n, name)
		return !exists || withValue && got != value
	})
}

// Attribute returns the value of an attribute, and whether the element has it.
func Attribute(n *html.Node, name string) (value string, exists bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

// Content returns the text of an element, without white space at its ends.
func Content(n *html.Node) string {
	var text strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			text.WriteString(child.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

// Texts returns the texts of the elements that [Document.All] returns, without the empty ones.
func (d Document) Texts(name string, attributes ...string) (texts []string) {
	for _, n := range d.All(name, attributes...) {
		if text := Content(n); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// State returns the state that the page carries for the app, or nil.
func (d Document) State(t testing.TB) *shared.PageState {
	t.Helper()
	all := d.All("script", "type=application/json", "id=page-state")
	if len(all) == 0 {
		return nil
	}
	state := new(shared.PageState)
	if err := json.Unmarshal([]byte(Content(all[0])), state); err != nil || len(all) > 1 {
		t.Fatalf("%d states, the first of which is %s: %v", len(all), Content(all[0]), err)
	}
	return state
}
