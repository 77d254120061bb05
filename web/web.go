// Package web holds the files that the server sends to browsers: the app, compiled to
// WebAssembly, and the few files that it needs. It also renders the HTML documents around the
// pages that package ui draws. It does not depend on HTTP or on accounts: package site serves the
// files.
//
// The Makefile builds the app, which is not in the repository. This package compiles without
// the app; [Built] reports whether the binary includes it.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"

	"latchkey/shared"
	"latchkey/shared/message"
)

// app.* is the stylesheet and, once it is built, the app in its three encodings.
//
//go:embed app.* icon*.* screenshot-narrow.png screenshot-wide.png *.js page.html
var content embed.FS

// Names of embedded files that this package treats specially.
const (
	wasm   = "app.wasm"
	worker = "worker.js"
	first  = "first.js"
	page   = "page.html"
)

// A File is a file to serve, in the encodings that it can be served in.
type File struct {
	Type string // for the Content-Type header

	forms map[string]func() []byte // by encoding
	tag   func() string
}

// NewFile returns a file that is compressed at the first request for an encoding.
func NewFile(contentType string, plain []byte) *File {
	return lazyFile(contentType, func() []byte { return plain })
}

// lazyFile is [NewFile] of a file that is rendered at the first request.
func lazyFile(contentType string, render func() []byte) *File {
	plain := sync.OnceValue(render)
	return &File{
		Type: contentType,
		forms: map[string]func() []byte{
			"":     plain,
			"br":   sync.OnceValue(func() []byte { return brotlied(plain()) }),
			"gzip": sync.OnceValue(func() []byte { return gzipped(plain()) }),
		},
		tag: sync.OnceValue(func() string { return digest(bytes.NewReader(plain())) }),
	}
}

// Form returns the content of the file in an encoding: "br", "gzip" or "" for none. It returns
// nil for an unknown encoding.
func (f *File) Form(encoding string) []byte {
	if form, ok := f.forms[encoding]; ok {
		return form()
	}
	return nil
}

// Tag returns a hash of the content, so it changes whenever the file does.
func (f *File) Tag() string { return f.tag() }

// Files returns the files under /web/, by name.
var Files = sync.OnceValue(func() map[string]*File {
	files := map[string]*File{}
	for _, name := range fileNames() {
		switch path.Ext(name) {
		case ".css":
			files[name] = NewFile("text/css; charset=utf-8", readFile(name))
		case ".js":
			files[name] = NewFile("text/javascript; charset=utf-8", readFile(name))
		case ".svg":
			files[name] = NewFile("image/svg+xml", readFile(name))
		case ".png":
			files[name] = precompressed("image/png", name)
		case ".wasm":
			files[name] = precompressed("application/wasm", name)
		}
	}
	delete(files, worker) // go-app fills it in and serves it
	delete(files, first)  // it is in the pages
	for _, c := range Catalogs() {
		files[strings.TrimPrefix(c.Path, "/web/")] = NewFile("text/plain; charset=utf-8", []byte(c.text))
	}
	return files
})

// A Catalog is the file with the sentences of a language that the app does not contain.
type Catalog struct {
	Tag  string // of the language
	Path string

	text string
}

// Catalogs returns the catalogs of all languages except English, which the app contains.
var Catalogs = sync.OnceValue(func() (all []Catalog) {
	for _, l := range message.Languages {
		if l != message.English {
			all = append(all, Catalog{l.Tag, "/web/catalog-" + l.Tag + ".txt", l.Catalog()})
		}
	}
	return all
})

// precompressed returns a file that was compressed when the app was built. It is not copied
// into memory before the first request.
func precompressed(contentType, name string) *File {
	return &File{
		Type: contentType,
		forms: map[string]func() []byte{
			"":     func() []byte { return readFile(name) },
			"br":   sync.OnceValue(func() []byte { return readFile(name + ".br") }),
			"gzip": sync.OnceValue(func() []byte { return readFile(name + ".gz") }),
		},
		tag: sync.OnceValue(func() string { return digest(openFile(name)) }),
	}
}

// Address returns the path at with the version of the file that it names, if that is a
// script, a stylesheet, a catalog or the app. It returns other paths unchanged.
func Address(at string) string {
	name, ours := strings.CutPrefix(at, "/web/")
	if f := Files()[name]; ours && f != nil && slices.Contains([]string{".css", ".js", ".txt", ".wasm"}, path.Ext(name)) {
		return at + "?v=" + f.Tag()
	}
	return at
}

// Built reports whether the app is in the binary.
func Built() bool { return Files()[wasm] != nil }

// WasmLength returns the uncompressed length of the app in bytes, as decimal digits, or "" if
// there is no app. The page needs it to show the progress of the download.
func WasmLength() string {
	if !Built() {
		return ""
	}
	n, _ := openFile(wasm).(io.Seeker).Seek(0, io.SeekEnd)
	return strconv.FormatInt(n, 10)
}

// Worker returns the service worker, which contains go-app's placeholders.
func Worker() string { return string(readFile(worker)) }

// FirstScript returns the script that each page contains, without its comments.
var FirstScript = sync.OnceValue(func() string {
	var code strings.Builder
	for line := range strings.Lines(string(readFile(first))) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			code.WriteString(line + "\n")
		}
	}
	return code.String()
})

// FirstScriptSource returns the source expression that allows [FirstScript] in a
// Content-Security-Policy (CSP Level 3, section 2.3.1).
func FirstScriptSource() string {
	sum := sha256.Sum256([]byte(FirstScript()))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Pages renders the HTML documents of the pages in one language.
type Pages struct {
	language string
	document *template.Template
}

// NewPages returns the pages in a language. at returns the versioned address of a path.
func NewPages(l *message.Language, at func(path string) string) *Pages {
	in := template.FuncMap{
		"at": at, "catalogs": Catalogs, "clearPath": func() string { return ClearPath },
		"first": func() template.HTML { return template.HTML("<script>" + FirstScript() + "</script>") }, // our own file
		"T":     func(name string) string { return l.T(message.Named(name)) },
	}
	return &Pages{language: l.Tag, document: template.Must(template.New(page).Funcs(in).ParseFS(content, page))}
}

// A Page is a page for which package ui has drawn the content.
type Page struct {
	Title   string
	Content template.HTML     // one element; the only value that the template takes as markup
	App     bool              // the app starts in the page
	State   *shared.PageState // from which the app starts, or nil

	// SignedOut makes browsers without JavaScript request [ClearPath].
	SignedOut bool
}

// ClearPath is the path of a file whose response makes the browser forget the pages that it keeps for
// its Back button. Browsers keep even pages that must not be stored, and Chromium does so after a
// sign-out on the page that has opened after the sign-in. Only a response to a later request than that
// of the sign-out can end this, because the browser keeps the page when the next one opens.
const ClearPath = "/web/signed-out.css"

// Render returns the document of a page.
func (p *Pages) Render(drawn Page) []byte { return p.render(drawn, nil) }

// A Link is the content of the page that a link in an email opens, in the language of the
// page. The page has a button if Button is not empty, and otherwise a link.
type Link struct {
	Title, Text, Hint string

	Button          string // the label of the button that submits the form
	Danger          bool   // its action cannot be undone
	Token, Callback string // the fields of the form

	Href, Label string // of the link
}

// Email returns the page that a link in an email opens. name is the server's name. The app
// does not start in the page, and nothing happens until the user submits its form.
func (p *Pages) Email(name string, l Link) []byte {
	return p.render(Page{Title: l.Title + " · " + name}, &struct {
		Name string
		Link
	}{name, l})
}

func (p *Pages) render(drawn Page, link any) []byte {
	var b bytes.Buffer
	err := p.document.Execute(&b, struct {
		Language string
		Page
		Link any
	}{p.language, drawn, link})
	if err != nil {
		panic(err) // the template takes every value of these types
	}
	return b.Bytes()
}

// Version returns a hash of all embedded files, so it changes whenever one of them does.
var Version = sync.OnceValue(func() string {
	var all bytes.Buffer
	for _, name := range fileNames() {
		if ext := path.Ext(name); ext != ".br" && ext != ".gz" { // derived from another file
			all.WriteString(name + digest(openFile(name)))
		}
	}
	return digest(&all)
})

// fileNames returns the names of all embedded files, sorted.
func fileNames() []string {
	entries, err := content.ReadDir(".")
	if err != nil {
		panic(err) // it is in the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// openFile opens an embedded file, which must exist.
func openFile(name string) io.Reader {
	f, err := content.Open(name)
	if err != nil {
		panic(err)
	}
	return f
}

// readFile returns the content of a file, or nil if it has not been built.
func readFile(name string) []byte {
	b, _ := content.ReadFile(name)
	return b
}

func digest(r io.Reader) string {
	h := sha256.New()
	io.Copy(h, r) // from memory
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// brotlied compresses with quality 6, because the first request waits for it. Quality 9
// takes fifty times as long and saves one byte in two hundred.
func brotlied(b []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriterLevel(&out, 6)
	w.Write(b) // a buffer takes everything
	w.Close()
	return out.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}
