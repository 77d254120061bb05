package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"latchkey/app/ui"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// Page is [ui.Page]. Only this package imports the app.
type Page = ui.Page

// Task is [ui.Task].
type Task = ui.Task

// HasTask is [ui.HasTask].
func HasTask(page, call string) bool { return ui.HasTask(page, call) }

// IsCallOf is [ui.IsCallOf].
func IsCallOf(page, path string) bool { return ui.IsCallOf(page, path) }

// Requests is [ui.Requests].
func Requests(address *url.URL, zone *time.Location, signedIn bool) []string {
	return ui.Requests(address, zone, signedIn)
}

// DrawsFor reports whether a request is for a page that [Site.Draw] draws for its caller. The
// pages of a version are the same for all users, because the service worker caches them.
func (s *Site) DrawsFor(r *http.Request) bool {
	return s.built && slices.Contains(shared.Pages, r.URL.Path) && versionOf(r) == ""
}

// Draw responds with a page that it draws for the caller. It sets the server's name in p. signedOut is
// set if the caller has no session.
func (s *Site) Draw(w http.ResponseWriter, r *http.Request, status int, p Page, signedOut bool) {
	p.Name = s.Name()
	s.setEdition(w, p.Language)
	body, encoding := draw(pages()[p.Language], p, p.Task == nil, signedOut), ""
	if slices.Contains(acceptedEncodings(r.Header.Get("Accept-Encoding")), "gzip") {
		body, encoding = compressed(body), "gzip"
	}
	w.Header().Add("Vary", "Accept-Encoding")
	send(w, r, status, htmlType, body, encoding)
}

// headerEdition names what the pages of all users depend on: the language and the server's name. The
// service worker fetches its pages again if it gets a page of another edition.
const headerEdition = "Latchkey-Edition"

func (s *Site) setEdition(w http.ResponseWriter, l *message.Language) {
	sum := sha256.Sum256([]byte(l.Tag + " " + s.Name()))
	w.Header().Set(headerEdition, hex.EncodeToString(sum[:6]))
}

// compressed returns a page in gzip. Attackers can put guesses into the address of a page and see its
// length (BREACH). They learn no secret: a page contains only tokens that its address has, or that are
// new in each response.
func compressed(page []byte) []byte {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	w.Write(page) // a buffer takes everything
	w.Close()
	return b.Bytes()
}

// gzipWriters are writers for later pages, because each has 800 kB of tables. At level 4, a page of
// 17 kB takes 0.2 ms and becomes 3.5 kB. Level 6 takes three times as long and saves 100 bytes.
var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, 4) // a valid level
	return w
}}

// draw returns the document of a page. withApp is set if the app starts in it.
func draw(documents *web.Pages, p Page, withApp, signedOut bool) []byte {
	var b bytes.Buffer
	page := web.Page{Title: ui.Draw(&b, p), App: withApp, SignedOut: signedOut}
	// The conversion is safe, because package html of the app has written the content, and no
	// text or attribute becomes markup there. No other code converts to template.HTML.
	page.Content = template.HTML(b.String())
	if withApp && !p.State.At.IsZero() {
		page.State = &p.State
	}
	return documents.Render(page)
}

// pages returns the documents of the pages in each language.
var pages = sync.OnceValue(func() map[*message.Language]*web.Pages {
	pages := map[*message.Language]*web.Pages{}
	for _, l := range message.Languages {
		pages[l] = web.NewPages(l, Address)
	}
	return pages
})

// notFoundPath stands for every path without a page.
const notFoundPath = "/404"

// publicPages are the pages without data of a user. They are the same for all users of a language.
type publicPages struct {
	mu    sync.Mutex
	name  string // the server's, in all of files
	files map[publicPage]*web.File
}

type publicPage struct {
	language *message.Language
	path     string
}

func (p publicPage) page(name string) Page {
	return Page{Address: &url.URL{Path: p.path}, Name: name, Language: p.language, Locale: p.language.Tag}
}

// file returns a page. It draws the pages again only when the server's name has changed.
func (p *publicPages) file(page publicPage, name string) *web.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil || p.name != name {
		p.name, p.files = name, map[publicPage]*web.File{}
	}
	f := p.files[page]
	if f == nil {
		f = web.NewFile(htmlType, draw(pages()[page.language], page.page(name), page.path != notFoundPath, false))
		p.files[page] = f
	}
	return f
}
