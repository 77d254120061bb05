// Package site serves everything except the API: the pages and files of the app, the
// manifest, the well-known URIs, and the pages of email links. It draws the pages of the app
// from the components of package ui. It knows nothing about accounts: the data of a user comes
// with [Page]. Its other responses are the same for all users of a language.
package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"latchkey/app/ui"
	"latchkey/backend/language"
	"latchkey/backend/provider"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// Config is the configuration of a [Site].
type Config struct {
	// App serves the scripts that go-app generates: /app.js, /wasm_exec.js and
	// /app-worker.js.
	App http.Handler
	// Name returns the current name of the service.
	Name func() string
	// Origin is the server's address in browsers.
	Origin *url.URL
	// RelatedOrigins are other sites that share the server's passkeys. Optional.
	RelatedOrigins []string
}

// A Site handles requests that are not for the API.
type Site struct {
	Config
	built  bool                    // whether the app is in the binary
	files  map[string]http.Handler // keyed by path
	public publicPages
}

// notBuilt is the response of a server that was compiled without the app.
const notBuilt = "the app has not been built: run make build"

// appFiles lists the files that App generates from its scripts and our configuration. The
// site requests nothing else from App: for other paths, go-app renders pages that contain
// the path, or fetches from any host that the request names.
var appFiles = []string{"/app.js", "/wasm_exec.js", "/app-worker.js"}

// New returns a site.
func New(c Config) *Site {
	s := &Site{Config: c, built: web.Built()}
	s.files = map[string]http.Handler{
		"/favicon.ico":          static(func() *web.File { return web.Files()["icon-192.png"] }),
		"/manifest.webmanifest": localized(manifests(c.Name)),
	}
	for _, path := range shared.Pages {
		public := localized(func(l *message.Language) *web.File { return s.public.file(publicPage{l, path}, c.Name()) })
		s.files[path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.setEdition(w, language.OfRequest(r))
			public(w, r)
		})
	}
	for _, path := range append([]string{shared.PageSystem}, shared.SettingsPages...) {
		s.files[path+"/"] = movedTo(path)
	}
	for _, path := range []string{"/dashboard", "/dashboard/"} { // users type it
		s.files[path] = movedTo(shared.PageSettings)
	}
	for name, f := range web.Files() {
		s.files["/web/"+name] = static(func() *web.File { return f })
	}
	for path, document := range web.Documents() {
		s.files[path] = static(func() *web.File { return document })
		if folder, ok := strings.CutSuffix(path, "/"); ok {
			s.files[folder] = movedTo(path) // a reader types /docs
		}
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

// ServeHTTP implements [http.Handler]. It does not handle form submissions.
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

// HasForm reports whether browsers can submit the forms of the page at path without the app:
// before it has loaded, or where it cannot run.
func HasForm(path string) bool {
	return path == shared.PageEmail || path != shared.PageHome && slices.Contains(shared.Pages, path)
}

// AnswerLink responds with the page of an email link.
func (s *Site) AnswerLink(w http.ResponseWriter, r *http.Request, status int, l web.Link) {
	send(w, r, status, htmlType, pages()[language.OfRequest(r)].Email(s.Name(), l), "")
}

const htmlType = "text/html; charset=utf-8"

func (s *Site) notFound(w http.ResponseWriter, r *http.Request) {
	f := s.public.file(publicPage{language.OfRequest(r), notFoundPath}, s.Name())
	body, encoding := negotiate(f, r)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", localizedVary)
	send(w, r, http.StatusNotFound, f.Type, body, encoding)
}

// ContentSecurityPolicy is the policy of every response except the pages with a form. It
// allows only what the app needs: no inline styles and no inline script but [web.FirstScript], no
// form submissions, and no framing. The one Trusted Types policy is that of web/loader.js, for the
// addresses of the worker and of the scripts that start the app.
var ContentSecurityPolicy = "default-src 'none'; script-src 'self' " + web.FirstScriptSource() + " 'wasm-unsafe-eval'; " +
	"style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; font-src 'self'; " +
	"form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"

// FormSecurityPolicy is the policy of pages with a form that browsers submit without the
// app. The form can be submitted only to our own origin.
var FormSecurityPolicy = strings.Replace(ContentSecurityPolicy, "form-action 'none'", "form-action 'self'", 1)

// Version returns a hash of everything that browsers cache: the files, the pages and their
// text, and the policies.
var Version = sync.OnceValue(func() string {
	all := web.Version() + ContentSecurityPolicy + FormSecurityPolicy
	for _, l := range message.Languages {
		all += l.Catalog()
	}
	for _, path := range shared.Pages {
		var b bytes.Buffer
		ui.Draw(&b, publicPage{message.English, path}.page(""))
		all += b.String()
	}
	h := sha256.Sum256([]byte(all))
	return hex.EncodeToString(h[:6])
})

// Address returns a path with the version of its content, as pages and the service worker
// request it. The server returns 404 for other versions. The content of a file at such an
// address never changes. A page can change, because it depends on the language and on the
// name of the service, but it has no data of a user.
func Address(path string) string {
	if path != "/app-worker.js" && slices.Contains(appFiles, path) || slices.Contains(shared.Pages, path) {
		return path + "?v=" + Version()
	}
	return web.Address(path)
}
