package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"latchkey/backend/language"
	"latchkey/backend/provider"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// notBuilt is the answer of a server that was compiled before the app was.
const notBuilt = "the app has not been built: run make build"

// appFiles are what app itself has to make, from its own scripts and our
// configuration. It must be asked for nothing else: it would draw pages with
// the address in them, and fetch others from whatever host the request names.
var appFiles = []string{"/app.js", "/wasm_exec.js", "/app-worker.js"}

// Version changes whenever what browsers keep of us does: the files, the words on
// the pages, and the policies that they were sent under.
var Version = sync.OnceValue(func() string {
	h := sha256.Sum256([]byte(web.Version() + message.English.Text() + message.German.Text() + ContentSecurityPolicy + FormSecurityPolicy))
	return hex.EncodeToString(h[:6])
})

// Address is path with the version of what is there, as pages and the worker ask
// for it: under an address of another version there is nothing. What never changes
// under its address is a file; the pages have their language, and the name of the
// server.
func Address(path string) string {
	if path != "/app-worker.js" && slices.Contains(appFiles, path) || slices.Contains(shared.Pages, path) {
		return path + "?v=" + Version()
	}
	return web.Address(path)
}

// pages answers whatever is not the API: the pages of the app, its files, and
// for the rest that there is nothing. All of it is the same for everybody who
// reads the same language, so nothing else of the request goes into it.
// name is what the server is called now.
func pages(app http.Handler, name func() string) http.Handler {
	if !web.Built() {
		return unbuilt(site(app, name))
	}
	return site(app, name)
}

// unbuilt stands before a site that lacks the app.
func unbuilt(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(shared.Pages, r.URL.Path) {
			http.Error(w, notBuilt, http.StatusServiceUnavailable)
			return
		}
		site.ServeHTTP(w, r)
	})
}

func site(app http.Handler, name func() string) http.Handler {
	files := map[string]http.Handler{
		"/favicon.ico": file(func() *web.File { return web.Files["icon-192.png"] }),
	}
	for _, path := range shared.Pages {
		files[path] = spoken(func(l *message.Language) *web.File { return shells()[l].Shell(path, name()) })
	}
	for name, f := range web.Files {
		files["/web/"+name] = file(func() *web.File { return f })
	}
	files["/manifest.webmanifest"] = spoken(manifests(name))
	for path, icon := range provider.Icons() {
		f := web.NewFile("image/svg+xml", icon)
		files[path] = file(func() *web.File { return f })
	}
	for _, path := range appFiles {
		files[path] = file(sync.OnceValue(func() *web.File { return made(app, path) }))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, ok := files[r.URL.Path]; ok {
			f.ServeHTTP(w, r)
			return
		}
		notFound(w, r, name())
	})
}

// file answers with what f returns, which is the same for everybody.
func file(f func() *web.File) http.HandlerFunc {
	return versioned("Accept-Encoding", func(*http.Request) *web.File { return f() })
}

// spoken answers with what f returns in the language of whoever asks.
func spoken(f func(*message.Language) *web.File) http.HandlerFunc {
	return versioned(spokenVary, func(r *http.Request) *web.File { return f(languageOf(r)) })
}

// versioned answers with what f returns, for which the headers named in vary
// matter. Browsers keep it, and get it anew once it has changed.
func versioned(vary string, f func(*http.Request) *web.File) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && r.Method != "HEAD" {
			allow := "GET, HEAD"
			if isForm(r) {
				allow += ", POST"
			}
			w.Header().Set("Allow", allow)
			http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
			return
		}
		f := f(r)
		version := r.URL.Query().Get("v")
		if at := r.URL.Path + "?v=" + version; version != "" && Address(r.URL.Path) != at {
			w.Header().Set("Cache-Control", "no-store") // another server, or this one soon, may have it
			http.NotFound(w, r)                         // it is of another version, and would not fit
			return
		}
		body, encoding := form(f, r)
		tag := `"` + f.Tag() + `"`
		if encoding != "" {
			tag = `"` + f.Tag() + "-" + encoding + `"` // each form is an answer of its own
		}
		w.Header().Set("Cache-Control", "no-cache") // keep it, but ask each time
		if version != "" && !slices.Contains(shared.Pages, r.URL.Path) {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // a year, the most that RFC 9111 knew
		}
		w.Header().Set("Vary", vary)
		w.Header().Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		send(w, r, http.StatusOK, f.Type, body, encoding)
	}
}

// languageOf is the language of whoever sent a request: the one that they chose,
// or else the one that their browser likes best of ours.
func languageOf(r *http.Request) *message.Language {
	chosen := ""
	if cookie, err := r.Cookie(shared.LanguageCookie); err == nil {
		chosen = cookie.Value
	}
	return language.Of(chosen, r.Header.Get("Accept-Language"))
}

// spokenVary names what matters to answers that are in somebody's language.
const spokenVary = "Accept-Encoding, Accept-Language, Cookie"

// shells are the pages in each language.
var shells = sync.OnceValue(func() map[*message.Language]*web.Pages {
	shells := map[*message.Language]*web.Pages{}
	for _, l := range message.Languages {
		shells[l] = web.NewPages(l, Address)
	}
	return shells
})

func notFound(w http.ResponseWriter, r *http.Request, name string) {
	f := shells()[languageOf(r)].NotFound(name)
	body, encoding := form(f, r)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", spokenVary)
	send(w, r, http.StatusNotFound, f.Type, body, encoding)
}

func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte, encoding string) {
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != "HEAD" {
		w.Write(body)
	}
}

// form is the file in the smallest form that the browser accepts.
func form(f *web.File, r *http.Request) (body []byte, encoding string) {
	for _, encoding := range accepted(r.Header.Get("Accept-Encoding")) {
		if body := f.Form(encoding); body != nil {
			return body, encoding
		}
	}
	return f.Form(""), ""
}

// accepted is those of our encodings that an Accept-Encoding header accepts,
// the smallest first.
func accepted(header string) []string {
	var accepted []string
	for _, encoding := range []string{"br", "gzip"} {
		for part := range strings.SplitSeq(header, ",") {
			name, q, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding) && !zero(q) {
				accepted = append(accepted, encoding)
			}
		}
	}
	return accepted
}

// zero reports whether a parameter is the weight nought, which refuses.
func zero(parameter string) bool {
	name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return strings.EqualFold(strings.TrimSpace(name), "q") && err == nil && q == 0
}

// matches reports whether an If-None-Match header has the tag.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == tag || part == "*" {
			return true
		}
	}
	return false
}

// made is the file that app answers with at path.
func made(app http.Handler, path string) *web.File {
	r, err := http.NewRequest("GET", path, nil)
	if err != nil {
		panic(err) // the paths are ours
	}
	var answer answer
	app.ServeHTTP(&answer, r)
	return web.NewFile(answer.Header().Get("Content-Type"), answer.body.Bytes())
}

// answer keeps what is written to it.
type answer struct {
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) WriteHeader(int) {}
