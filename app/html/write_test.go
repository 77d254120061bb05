//go:build !js

package html_test

import (
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	parser "golang.org/x/net/html"

	"latchkey/app/html"
)

// card is a component with a value of a user.
type card struct {
	app.Compo
	value, drawn string
}

func (c *card) OnInit() { c.drawn = c.value }

func (c *card) Render() app.UI {
	return html.Section().Class("card", "").Class("wide").Title(c.drawn).Attr("data-open", false).Body(
		app.If(c.drawn != "", func() app.UI { return html.P().ID("p").Text(c.drawn) }).Else(func() app.UI { return html.P() }),
		html.Input("text").Attr("value", c.drawn).Attr("disabled", false).Attr("readonly", true).Aria("hidden", "true"),
		app.Range([]string{"a", "b"}).Slice(func(i int) app.UI { return html.Span().Text(strings.Repeat("x", i)) }),
		nil,
		html.A("").Attr("hidden", true).Attr("title", "1").Attr("title", "2"),
	)
}

func TestWrite(t *testing.T) {
	const want = `<section class="card wide" title="a &amp; &#34;b&#34;" data-open="false"><p id="p">a &amp; "b"</p>` +
		`<input type="text" value="a &amp; &#34;b&#34;" readonly aria-hidden="true"><span></span><span>x</span><a hidden title="2"></a></section>`
	if got := html.String(&card{value: `a & "b"`}); got != want {
		t.Errorf("it is written as\n%s\nwant\n%s", got, want)
	}
}

// TestWriteRefuses tests that names that are not constants of HTML end the program.
func TestWriteRefuses(t *testing.T) {
	for what, ui := range map[string]app.UI{
		"an event handler":      html.Div().Attr("onclick", "x"),
		"a style":               html.Div().Attr("style", "x"),
		"a name with a space":   html.Div().Attr("a b", "x"),
		"an element of go-app":  app.Div(),
		"a text of go-app":      app.Text("x"),
		"go-app's own contents": html.Div().Body(app.Raw("<script></script>")),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("it writes %s", what)
				}
			}()
			html.String(ui)
		}()
	}
}

// FuzzWrite tests that no value is markup: a parser finds the same elements with the value as a
// text and as attributes, and nothing else.
func FuzzWrite(f *testing.F) {
	for _, seed := range []string{
		`a"><script>alert(1)</script>`, `' onclick='x`, "</p></section><img src=x onerror=y>", "&lt;b&gt; &amp &#60;", "a\r\nb\rc",
		"<!--", "-->", "]]>", "\x00", "\u2028\u202e", "`${x}`", "\xff<b>",
	} {
		f.Add(seed)
	}
	empty := html.String(&card{value: "x"})
	f.Fuzz(func(t *testing.T, value string) {
		if strings.TrimSpace(value) == "" {
			return
		}
		document := html.String(&card{value: value})
		root, err := parser.Parse(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := structure(root), structure(mustParse(t, empty)); got != want {
			t.Fatalf("the elements are %s; want %s", got, want)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(value, "\ufffd"), "\x00", "\ufffd")
		var text, title, field string
		for n := range root.Descendants() {
			switch {
			case n.Type == parser.TextNode && n.Parent.Data == "p":
				text += n.Data
			case n.Data == "section":
				title = attribute(n, "title")
			case n.Data == "input":
				field = attribute(n, "value")
			}
		}
		if valid := strings.ToValidUTF8(text, "\ufffd"); valid != want {
			t.Errorf("the text is %q; want %q", valid, want)
		}
		if got := strings.ToValidUTF8(field, "\ufffd"); got != want {
			t.Errorf("the field has %q; want %q", got, want)
		}
		if got := strings.ToValidUTF8(title, "\ufffd"); got != strings.TrimSpace(want) {
			t.Errorf("the title is %q; want %q", got, strings.TrimSpace(want))
		}
	})
}

func mustParse(t *testing.T, document string) *parser.Node {
	t.Helper()
	root, err := parser.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// structure returns the elements and the names of their attributes, in order.
func structure(root *parser.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type != parser.ElementNode && n.Type != parser.TextNode {
			b.WriteString("?" + n.Data)
		}
		if n.Type == parser.ElementNode {
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				b.WriteString(" " + a.Key)
			}
			b.WriteString(">")
		}
	}
	return b.String()
}

func attribute(n *parser.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
