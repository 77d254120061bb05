package web

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The documents are Markdown as GitHub renders it.
//
//go:embed docs document.html
var documents embed.FS

// documentsRoot is the folder of the documents, and where they are served.
const documentsRoot = "docs"

// menu is the documents that each document links to, in the order of reading.
var menu = []string{
	"getting-started", "configuration", "better-auth", "back-end", "operations", "security", "architecture", "decisions/", "performance",
	"pwa",
}

// Documents returns the documents as HTML pages in English, by their path: docs/x.md is at
// /docs/x, and a folder's README.md is at the path of the folder.
var Documents = sync.OnceValue(func() map[string]*File {
	pages := map[string]*File{}
	err := fs.WalkDir(documents, documentsRoot, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			pages["/"+documentPath(name)] = lazyFile("text/html; charset=utf-8", func() []byte { return renderDocument(name) })
		}
		return err
	})
	if err != nil {
		panic(err) // they are in the binary
	}
	return pages
})

// documentPath returns where a Markdown file is served, and how a link to it must read.
func documentPath(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".md"), "README")
}

// markdown returns what renders a document. It drops raw HTML, and the alignment of tables is an
// attribute, because the Content-Security-Policy allows no style attributes.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(
			util.Prioritized(links{}, 0), util.Prioritized(tables{}, 0))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(tables{}, 0))),
	)
})

// links makes links to Markdown files lead to where the documents are served.
type links struct{}

// Transform implements [parser.ASTTransformer].
func (links) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // returns what the function does: nil
		if link, ok := n.(*ast.Link); ok && entering {
			file, fragment, found := strings.Cut(string(link.Destination), "#")
			if path.Ext(file) == ".md" && !strings.Contains(file, ":") {
				to := documentPath(file)
				if to == "" {
					to = "./" // the folder itself
				}
				if found {
					to += "#" + fragment
				}
				link.Destination = []byte(to)
			}
		}
		return ast.WalkContinue, nil
	})
}

// documentPage is the HTML around a document.
var documentPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("document.html").Funcs(template.FuncMap{"at": Address}).ParseFS(documents, "document.html"))
})

type menuItem struct {
	Path, Title string
	Current     bool
}

// renderDocument returns the page of a document.
func renderDocument(name string) []byte {
	var body, page bytes.Buffer
	if err := markdown().Convert(readDocument(name), &body); err != nil {
		panic(err) // a buffer takes everything
	}
	var items []menuItem
	for _, item := range menu {
		file := documentsRoot + "/" + item + ".md"
		if strings.HasSuffix(item, "/") {
			file = documentsRoot + "/" + item + "README.md"
		}
		items = append(items, menuItem{"/" + documentPath(file), documentTitle(file), file == name})
	}
	err := documentPage().Execute(&page, struct {
		Title string
		Menu  []menuItem
		Body  template.HTML // made by goldmark from our own files, without raw HTML
	}{documentTitle(name), items, template.HTML(body.String())})
	if err != nil {
		panic(err)
	}
	return page.Bytes()
}

// documentTitle returns the heading in the first line of a document.
func documentTitle(name string) string {
	line, _, _ := strings.Cut(string(readDocument(name)), "\n")
	return strings.TrimPrefix(line, "# ")
}

func readDocument(name string) []byte {
	b, err := documents.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}
