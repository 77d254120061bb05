// Package web is what the server sends to browsers beside the API: the app,
// compiled to WebAssembly, and the few files around it. All of it is the same
// for everybody who reads the same language, but for what a form is answered
// with.
//
// The app is built by make and not kept in the repository. Without it this
// package still compiles; [Built] tells.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
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

// app.* is the stylesheet and, once it is built, the app in its three forms.
//
//go:embed app.* icon*.* screenshot-narrow.png screenshot-wide.png *.js shell.html
var content embed.FS

// Names of files here that mean something to this package.
const (
	wasm   = "app.wasm"
	worker = "worker.js"
	shell  = "shell.html"
)

// A File is something to send, in the forms that it can be sent in.
type File struct {
	Type string // as of Content-Type

	forms map[string]func() []byte // by encoding
	tag   func() string
}

// NewFile returns a file that compresses itself when it is first asked to.
func NewFile(contentType string, plain []byte) *File {
	return &File{
		Type: contentType,
		forms: map[string]func() []byte{
			"":     func() []byte { return plain },
			"br":   sync.OnceValue(func() []byte { return brotlied(plain) }),
			"gzip": sync.OnceValue(func() []byte { return gzipped(plain) }),
		},
		tag: sync.OnceValue(func() string { return digest(bytes.NewReader(plain)) }),
	}
}

// Form returns the file as encoding has it: "br", "gzip" or "". It is nil if
// there is no such form.
func (f *File) Form(encoding string) []byte {
	if form, ok := f.forms[encoding]; ok {
		return form()
	}
	return nil
}

// Tag changes whenever the file does.
func (f *File) Tag() string { return f.tag() }

// Files are what is served under /web/, by name.
var Files = files()

func files() map[string]*File {
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
	delete(files, worker) // go-app serves it, filled in
	return files
}

// precompressed returns a file whose forms were made when it was. They are in the
// binary, and not copied into memory before somebody wants them.
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

// Address is a path with the version of the script, the stylesheet or the app that
// is there. Other paths stay as they are.
func Address(at string) string {
	name, ours := strings.CutPrefix(at, "/web/")
	if f := Files[name]; ours && f != nil && slices.Contains([]string{".css", ".js", ".wasm"}, path.Ext(name)) {
		return at + "?v=" + f.Tag()
	}
	return at
}

// Built reports whether the app is in the binary.
func Built() bool { return Files[wasm] != nil }

// WasmLength is the length of the app before compression, in digits. It is
// what browsers count up to while they load it.
func WasmLength() string {
	if !Built() {
		return ""
	}
	n, _ := openFile(wasm).(io.Seeker).Seek(0, io.SeekEnd)
	return strconv.FormatInt(n, 10)
}

// Worker is the service worker, with go-app's placeholders still in it.
func Worker() string { return string(readFile(worker)) }

// Pages are those that the app starts in, in one language. Each shows what is to
// come until the app draws it.
type Pages struct {
	language string
	shell    *template.Template

	// Those that nothing was sent from yet, as they were drawn last.
	mu       sync.Mutex
	name     string
	rendered map[string]*File
}

// NewPages returns the pages in a language. at returns the address at which the file
// at a path is asked for.
func NewPages(l *message.Language, at func(path string) string) *Pages {
	in := template.FuncMap{"at": at, "T": func(name string, values ...any) string { return l.T(message.Named(name), values...) }}
	return &Pages{language: l.Tag, shell: template.Must(template.New(shell).Funcs(in).ParseFS(content, shell))}
}

// Shell returns the page at path, one of [shared.Pages], of the server of that
// name.
func (p *Pages) Shell(path, name string) *File { return p.byPath(name)[path] }

// NotFound returns the page that says that there is none at an address.
func (p *Pages) NotFound(name string) *File { return p.byPath(name)["404"] }

// A FormState is a form that was sent to the server and refused, as its page shows it
// again. That of a page that nothing was sent from yet is zero.
type FormState struct {
	Error   string // as JSON, for the app
	Message string // the same, for people
	Field   string // whose fault it is; empty for none
	Next    string // where the sign-in leads

	Email         string
	Forget, Trust bool // what the boxes say: not to stay signed in, and to ask here no more
	BackupCode    bool // the field for backup codes is open
	Final         bool // no code is taken any more
	NewPassword   bool // a new password is the way on
}

// Redisplay returns the page at path, which has a form, after a try.
func (p *Pages) Redisplay(path, name string, t FormState) []byte { return p.render(path, name, t, nil) }

// A Link is what the page of a link in an email says, in the language of the page.
// The page has a button, if Button is not empty, and else a link that leads on.
type Link struct {
	Title, Text, Hint string

	Button          string // sends the form
	Danger          bool   // what it does cannot be undone
	Token, Callback string // the fields of the form

	Href, Label string // of the link
}

// Email returns the page of a link in an email. The app does not start in it: all
// that it does is a form, and nothing happens there without a click.
func (p *Pages) Email(name string, l Link) []byte {
	return p.render(shared.PageEmail, name, FormState{}, &l)
}

func (p *Pages) render(path, name string, t FormState, l *Link) []byte {
	var b bytes.Buffer
	err := p.shell.ExecuteTemplate(&b, shell, struct {
		Language, Path, Name string
		Form                 FormState
		Link                 *Link
	}{p.language, path, name, t, l})
	if err != nil {
		panic(err) // the template takes every value of these types
	}
	return b.Bytes()
}

// byPath returns the pages by path. The name of a server seldom changes.
func (p *Pages) byPath(name string) map[string]*File {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rendered == nil || p.name != name {
		p.name, p.rendered = name, map[string]*File{}
		for _, path := range append([]string{"404"}, shared.Pages...) {
			p.rendered[path] = NewFile("text/html; charset=utf-8", p.render(path, name, FormState{}, nil))
		}
	}
	return p.rendered
}

// Version changes whenever anything here does.
var Version = sync.OnceValue(func() string {
	var all bytes.Buffer
	for _, name := range fileNames() {
		if ext := path.Ext(name); ext != ".br" && ext != ".gz" { // the same once more
			all.WriteString(name + digest(openFile(name)))
		}
	}
	return digest(&all)
})

// fileNames are those of everything that is embedded, sorted.
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

// openFile returns the named file, which must be there.
func openFile(name string) io.Reader {
	f, err := content.Open(name)
	if err != nil {
		panic(err)
	}
	return f
}

// readFile returns what is in the named file, or nil if it has not been built.
func readFile(name string) []byte {
	b, _ := content.ReadFile(name)
	return b
}

func digest(r io.Reader) string {
	h := sha256.New()
	io.Copy(h, r) // from memory
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// brotlied is made while the first to ask waits. Quality 9 takes fifty times as
// long as 6 and saves one byte in two hundred.
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
