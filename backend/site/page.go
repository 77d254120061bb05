package site

import (
	"bytes"
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

// Page is what a page shows: see [ui.Page].
type Page = ui.Page

// Requests returns the GET requests of the API whose responses a page shows: see
// [ui.Requests].
func Requests(address *url.URL, signedIn bool) []string { return ui.Requests(address, signedIn) }

// DrawsFor reports whether a request is for a page that is drawn for its caller with
// [Site.Draw]. Pages of a version are not: the service worker keeps them for all users.
func (s *Site) DrawsFor(r *http.Request) bool {
	return s.built && slices.Contains(shared.Pages, r.URL.Path) && versionOf(r) == ""
}

// Draw responds with a page that is drawn for the caller. It sets no name: that is the
// server's.
func (s *Site) Draw(w http.ResponseWriter, r *http.Request, status int, p Page) {
	p.Name = s.Name()
	send(w, r, status, htmlType, draw(pages()[p.Language], p, true), "")
}

// draw returns the document of a page. starts is set if the app starts in it.
func draw(documents *web.Pages, p Page, starts bool) []byte {
	var b bytes.Buffer
	page := web.Page{Title: ui.Draw(&b, p), App: starts}
	// It is safe, because package html of the app has written it: no text or attribute of a
	// page becomes markup. This conversion is the only one.
	page.Element = template.HTML(b.String())
	if !p.State.At.IsZero() {
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

// publicPages are the pages as they are drawn for nobody: without data, and the same for all
// users of a language.
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
	return Page{Address: &url.URL{Path: p.path}, Name: name, Language: p.language, Locale: p.language.Tag, Zone: time.UTC}
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
		f = web.NewFile(htmlType, draw(pages()[page.language], page.page(name), page.path != notFoundPath))
		p.files[page] = f
	}
	return f
}
