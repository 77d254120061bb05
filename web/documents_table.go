package web

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// tables makes each table scroll by itself where it is wider than the page. It is a region
// with a name that takes the focus, so that keyboard users can scroll it (WCAG 2.1.1).
// Names in its cells can break, so that it is rarely that wide.
type tables struct{}

// tableName is the attribute of a table with the name of its region.
const tableName = "aria-label"

// Transform implements [parser.ASTTransformer]. It names each table after the heading that
// it follows, and numbers further tables of a heading, because the name must be unique.
func (tables) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	seen, heading := map[string]int{}, ""
	ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // returns what the function does: nil
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindHeading:
			heading = plainText(n, reader.Source())
		case extast.KindTable:
			seen[heading]++
			name := "Table: " + heading
			if seen[heading] > 1 {
				name = fmt.Sprintf("Table %d: %s", seen[heading], heading)
			}
			n.SetAttributeString(tableName, name)
		}
		return ast.WalkContinue, nil
	})
}

// plainText returns the text in a node without its markup.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // returns what the function does: nil
		if part, ok := n.(*ast.Text); ok && entering {
			b.Write(part.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// RegisterFuncs implements [renderer.NodeRenderer].
func (tables) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(extast.KindTable, renderTable)
	r.Register(ast.KindCodeSpan, renderCode)
}

func renderTable(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</table></div>\n")
		return ast.WalkContinue, err
	}
	name, _ := n.AttributeString(tableName)
	_, err := fmt.Fprintf(w, `<div class="table" role="region" aria-label="%s" tabindex="0"><table>`+"\n",
		util.EscapeHTML([]byte(name.(string))))
	return ast.WalkContinue, err
}

func renderCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	code := strings.ReplaceAll(plainText(n, source), "\n", " ")
	if inTable(n) {
		code = breakable(code)
	}
	escaped := bytes.ReplaceAll(util.EscapeHTML([]byte(code)), []byte(breakMark), []byte("<wbr>"))
	_, err := fmt.Fprintf(w, "<code>%s</code>", escaped)
	return ast.WalkSkipChildren, err
}

func inTable(n ast.Node) bool {
	for ; n != nil; n = n.Parent() {
		if n.Kind() == extast.KindTableCell {
			return true
		}
	}
	return false
}

var (
	separators = regexp.MustCompile(`(\w[._=&])([A-Za-z])`)
	humps      = regexp.MustCompile(`([a-z]{4})([A-Z][A-Za-z]{2})`)
)

// breakMark is where a name can break. It is not in the page, because it would be copied
// with the name.
const breakMark = "\u200b"

// breakable marks where a long name can break: after a dot, an underscore, an equals sign
// or an ampersand, and between the words of a name like callbackURL. Browsers break names
// after hyphens and slashes by themselves.
func breakable(name string) string {
	name = separators.ReplaceAllString(name, "$1"+breakMark+"$2")
	return humps.ReplaceAllString(name, "$1"+breakMark+"$2")
}
