// Package site serves everything besides the API: the pages of the app and its files, the
// manifest, the well-known addresses, and the pages that answer a form or a link from an
// email. It knows nothing about accounts. Its answers are the same for every reader of a
// language, except those to forms and links.
package site

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"latchkey/backend/language"
	"latchkey/backend/provider"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// Config is the configuration of a [Site].
type Config struct {
	// App serves the scripts of the app that go-app makes: /app.js, /wasm_exec.js and
	// /app-worker.js.
	App http.Handler
	// Name returns what the server is called now.
	Name func() string
	// Origin is where browsers find the server.
	Origin *url.URL
	// RelatedOrigins are other sites that share the server's passkeys. Optional.
	RelatedOrigins []string
}

// A Site answers requests that are not for the API.
type Site struct {
	Config
	built bool                    // the app is in the binary
	files map[string]http.Handler // by path
}

// notBuilt is the answer of a server that was compiled before the app was.
const notBuilt = "the app has not been built: run make build"

// appFiles are the files that App makes, from its own scripts and our configuration. The
// site asks it for nothing else: go-app would render pages with the address in them, and
// fetch others from any host that the request names.
var appFiles = []string{"/app.js", "/wasm_exec.js", "/app-worker.js"}

// New returns a site.
func New(c Config) *Site {
	s := &Site{Config: c, built: web.Built()}
	s.files = map[string]http.Handler{
		"/favicon.ico":          static(func() *web.File { return web.Files["icon-192.png"] }),
		"/manifest.webmanifest": localized(manifests(c.Name)),
	}
	for _, path := range shared.Pages {
		s.files[path] = localized(func(l *message.Language) *web.File { return pages()[l].Shell(path, c.Name()) })
	}
	for name, f := range web.Files {
		s.files["/web/"+name] = static(func() *web.File { return f })
	}
	for path, document := range web.Documents() {
		s.files[path] = static(func() *web.File { return document })
	}
	for path, icon := range provider.Icons() {
		f := web.NewFile("image/svg+xml", icon)
		s.files[path] = static(func() *web.File { return f })
	}
	for _, path := range appFiles {
		s.files[path] = static(sync.OnceValue(func() *web.File { return rendered(c.App, path) }))
	}
	return s
}

// ServeHTTP implements [http.Handler]. It does not take what forms send.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, exists := s.files[r.URL.Path]
	switch {
	case strings.HasPrefix(r.URL.Path, wellKnownPath):
		s.wellKnown(w, r)
	case !s.built && slices.Contains(shared.Pages, r.URL.Path):
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
	case exists:
		f.ServeHTTP(w, r)
	default:
		s.notFound(w, r)
	}
}

// forms are the pages with a form that browsers send by themselves: before the app is
// there, or where it cannot run.
var forms = []string{shared.PageSignIn, shared.PageTwoFactor, shared.PageEmail}

// HasForm reports whether the page at a path has a form that browsers send by themselves.
func HasForm(path string) bool { return slices.Contains(forms, path) }

// AnswerForm answers with the page at path, whose form was refused.
func (s *Site) AnswerForm(w http.ResponseWriter, r *http.Request, status int, path string, t web.FormState) {
	send(w, r, status, htmlType, pages()[language.OfRequest(r)].Redisplay(path, s.Name(), t), "")
}

// AnswerLink answers with the page of a link of an email.
func (s *Site) AnswerLink(w http.ResponseWriter, r *http.Request, status int, l web.Link) {
	send(w, r, status, htmlType, pages()[language.OfRequest(r)].Email(s.Name(), l), "")
}

const htmlType = "text/html; charset=utf-8"

// pages are the pages of the app in each language.
var pages = sync.OnceValue(func() map[*message.Language]*web.Pages {
	pages := map[*message.Language]*web.Pages{}
	for _, l := range message.Languages {
		pages[l] = web.NewPages(l, Address)
	}
	return pages
})

func (s *Site) notFound(w http.ResponseWriter, r *http.Request) {
	f := pages()[language.OfRequest(r)].NotFound(s.Name())
	body, encoding := negotiate(f, r)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", localizedVary)
	send(w, r, http.StatusNotFound, f.Type, body, encoding)
}

// ContentSecurityPolicy goes with every answer. It lets the app do what it does and
// nothing else: no inline script or style, no form that the browser sends, no frame
// around us. The one Trusted Types policy is web/loader.js's, for the addresses of the
// worker and of the scripts that start the app.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; " +
	"object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"

// FormSecurityPolicy goes with the pages that have a form which browsers send by
// themselves. The form may go to us only.
var FormSecurityPolicy = strings.Replace(ContentSecurityPolicy, "form-action 'none'", "form-action 'self'", 1)

// Version changes whenever something that browsers cache does: the files, the sentences on
// the pages, and the policies.
var Version = sync.OnceValue(func() string {
	h := sha256.Sum256([]byte(web.Version() + message.English.Text() + message.German.Text() + ContentSecurityPolicy + FormSecurityPolicy))
	return hex.EncodeToString(h[:6])
})

// Address returns a path with the version of its content, as pages and the service worker
// request it. The server answers 404 for another version. Only files never change under
// their address: pages depend on the language and on the server's name.
func Address(path string) string {
	if path != "/app-worker.js" && slices.Contains(appFiles, path) || slices.Contains(shared.Pages, path) {
		return path + "?v=" + Version()
	}
	return web.Address(path)
}
