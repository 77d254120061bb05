package site

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"latchkey/backend/language"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// static responds with the file that f returns, which is the same for every user.
func static(f func() *web.File) http.HandlerFunc {
	return versioned("Accept-Encoding", func(*http.Request) *web.File { return f() })
}

// localized responds with the file that f returns for the language of the user.
func localized(f func(*message.Language) *web.File) http.HandlerFunc {
	return versioned(localizedVary, func(r *http.Request) *web.File { return f(language.OfRequest(r)) })
}

// localizedVary lists the headers on which a localized response depends.
const localizedVary = "Accept-Encoding, Accept-Language, Cookie"

// versioned responds with the file that f returns, which depends on the headers in vary.
// Browsers cache it, and fetch it again after it has changed.
func versioned(vary string, f func(*http.Request) *web.File) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if refuseMethod(w, r) {
			return
		}
		f := f(r)
		version := versionOf(r)
		if at := r.URL.Path + "?v=" + version; version != "" && Address(r.URL.Path) != at {
			w.Header().Set("Cache-Control", "no-store") // another replica may have it, or this one after an update
			http.NotFound(w, r)                         // a page must not mix the files of two versions
			return
		}
		body, encoding := negotiate(f, r)
		tag := `"` + f.Tag() + `"`
		if encoding != "" {
			tag = `"` + f.Tag() + "-" + encoding + `"` // each encoding needs its own tag
		}
		w.Header().Set("Cache-Control", "no-cache") // cache it, but revalidate each time
		if version != "" && !slices.Contains(shared.Pages, r.URL.Path) {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // a year, once HTTP's maximum (RFC 9111, section 5.3)
		}
		w.Header().Set("Vary", vary)
		w.Header().Set("ETag", tag)
		if matchesTag(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		send(w, r, http.StatusOK, f.Type, body, encoding)
	}
}

// versionOf returns the version that a request asks for, or "".
func versionOf(r *http.Request) string { return r.URL.Query().Get("v") }

// movedTo redirects to another path for good, with the query of the request.
func movedTo(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !refuseMethod(w, r) {
			w.Header().Set("Cache-Control", "no-cache") // otherwise a browser could keep it for ever
			to := url.URL{Path: path, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
		}
	}
}

// refuseMethod reports whether a request does not read, and refuses it then.
func refuseMethod(w http.ResponseWriter, r *http.Request) (refused bool) {
	if r.Method == "GET" || r.Method == "HEAD" {
		return false
	}
	allow := "GET, HEAD"
	if HasForm(r.URL.Path) {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
	return true
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

// negotiate returns the file in the smallest encoding that the browser accepts.
func negotiate(f *web.File, r *http.Request) (body []byte, encoding string) {
	for _, encoding := range acceptedEncodings(r.Header.Get("Accept-Encoding")) {
		if body := f.Form(encoding); body != nil {
			return body, encoding
		}
	}
	return f.Form(""), ""
}

// acceptedEncodings returns the encodings of our files that an Accept-Encoding header
// accepts, the smallest first.
func acceptedEncodings(header string) []string {
	var accepted []string
	for _, encoding := range []string{"br", "gzip"} {
		for part := range strings.SplitSeq(header, ",") {
			name, q, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding) && !zeroWeight(q) {
				accepted = append(accepted, encoding)
			}
		}
	}
	return accepted
}

// zeroWeight reports whether a parameter is a weight of zero, which refuses the encoding.
func zeroWeight(parameter string) bool {
	name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return strings.EqualFold(strings.TrimSpace(name), "q") && err == nil && q == 0
}

// matchesTag reports whether an If-None-Match header contains the tag.
func matchesTag(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == tag || part == "*" {
			return true
		}
	}
	return false
}

// rendered returns the response of app to a request for path, as a file. go-app's script does not load
// the app for user agents that contain "bot" or "spider", which those of some phones do. This one
// loads it for all.
func rendered(app http.Handler, path string) *web.File {
	r, err := http.NewRequest("GET", path, nil)
	if err != nil {
		panic(err) // the paths are ours
	}
	var answer recording
	app.ServeHTTP(&answer, r)
	body := bytes.Replace(answer.body.Bytes(), []byte("if (!goappCanLoadWebAssembly())"), []byte("if (false)"), 1)
	return web.NewFile(answer.Header().Get("Content-Type"), body)
}

// A recording is an [http.ResponseWriter] that records the response.
type recording struct {
	header http.Header
	body   bytes.Buffer
}

func (rec *recording) Header() http.Header {
	if rec.header == nil {
		rec.header = http.Header{}
	}
	return rec.header
}

func (rec *recording) Write(b []byte) (int, error) { return rec.body.Write(b) }

func (rec *recording) WriteHeader(int) {}
