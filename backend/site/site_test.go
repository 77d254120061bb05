package site

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// goApp stands in for go-app's handler: it responds to any path, and records the
// requested paths.
type goApp struct{ asked []string }

func (a *goApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.Method+" "+r.URL.String())
	w.Header().Set("Content-Type", "text/plain; charset=go-app")
	io.WriteString(w, strings.Repeat("made for "+r.URL.Path+"\n", 20))
}

// newSite returns the site of a server named Latchkey, with app in place of go-app.
func newSite(app *goApp) *Site {
	return New(Config{App: app, Name: func() string { return "Latchkey" }, Origin: &url.URL{Scheme: "https", Host: "accounts.example.com"}})
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	return request(h, "GET", path, header...)
}

func request(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// plain returns the decompressed body of a response.
func plain(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = w.Body
	switch encoding := w.Header().Get("Content-Encoding"); encoding {
	case "":
	case "br":
		r = brotli.NewReader(w.Body)
	case "gzip":
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	default:
		t.Fatalf("the encoding is %q", encoding)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPublicPages tests that the service worker gets each page without data of the request.
func TestPublicPages(t *testing.T) {
	app := new(goApp)
	h := newSite(app)
	for _, path := range shared.Pages {
		address := Address(path)
		w := get(h, address+`&invite=%22%3E%3Cscript%3E`, "Cookie", "latchkey.session=x", "Host", "evil.example")
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("GET %s is %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		if got := w.Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control is %q", path, got)
		}
		// go-app uses these three elements without checking that they exist.
		for _, id := range []string{"app-wasm-loader", "app-wasm-loader-icon", "app-wasm-loader-label"} {
			if !strings.Contains(body, `id="`+id+`"`) {
				t.Errorf("GET %s has no element %s", path, id)
			}
		}
		if strings.Contains(body, message.English.T(message.PageNotFound)) {
			t.Errorf("GET %s: package ui does not know the page", path)
		}
		// Inline code is against the Content-Security-Policy, but for one script; only a page that
		// is drawn for its caller has a state.
		before, after, found := strings.Cut(body, "<script>"+web.FirstScript()+"</script>")
		if !found || !strings.Contains(ContentSecurityPolicy, web.FirstScriptSource()) {
			t.Errorf("GET %s does not have the first script, or the policy does not allow it", path)
		}
		for _, inline := range []string{"<script>", "<style", " style=", " onclick=", "javascript:", "page-state"} {
			if strings.Contains(before+after, inline) {
				t.Errorf("GET %s has %s in it", path, inline)
			}
		}
		if again := get(h, address).Body.String(); again != body {
			t.Errorf("GET %s is not the same for all users", path)
		}
	}
	if len(app.asked) > 0 {
		t.Errorf("go-app was asked for %v", app.asked)
	}
}

// TestNotBuilt tests that a binary without the app lacks the pages and nothing else.
func TestNotBuilt(t *testing.T) {
	h := newSite(new(goApp))
	if h.built != web.Built() {
		t.Errorf("the app is built: %t; want %t", h.built, web.Built())
	}
	h.built = false
	w := get(h, "/sign-in")
	if w.Code != 503 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Body.String() != notBuilt+"\n" {
		t.Errorf("GET /sign-in is %d %s %q", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if w := get(h, "/web/app.css"); w.Code != 200 {
		t.Errorf("GET /web/app.css is %d", w.Code)
	}
}

func TestOnlyGETAndHEAD(t *testing.T) {
	h := newSite(new(goApp))
	for _, path := range []string{"/", "/sign-in", "/web/app.css", "/app.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			allow := "GET, HEAD"
			if path == "/sign-in" {
				allow += ", POST" // the site does not handle POST itself
			}
			w := request(h, method, path)
			if w.Code != 405 || w.Header().Get("Allow") != allow {
				t.Errorf("%s %s is %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
		w, whole := request(h, "HEAD", path), get(h, path)
		if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != whole.Header().Get("Content-Length") {
			t.Errorf("HEAD %s is %d with %d bytes, length %s", path, w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
		}
	}
}

func TestGoAppServesOnlyItsFiles(t *testing.T) {
	app := new(goApp)
	h := newSite(app)
	for _, path := range appFiles {
		w := get(h, path, "Host", "evil.example")
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=go-app" ||
			!strings.Contains(w.Body.String(), "made for "+path) {
			t.Errorf("GET %s is %d %s %q", path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control is %q", path, got)
		}
	}
	asked := len(app.asked)
	for _, path := range []string{
		// go-app would fetch these from the host in the request.
		"/robots.txt", "/sitemap.xml", "/ads.txt",
		"/nowhere", "/sign-in/", "/web/", "/web/web.go", "/web/worker.js", "/web/page.html", "/web/app.wasm.br",
		"/web/../main.go", "/web/..%2fweb.go", "//sign-in", "/goapp.js", "/manifest.json", "/app.wasm", "/r/%22%3E%3Cscript%3E",
	} {
		w := get(h, path)
		heading := testkit.ParseHTML(t, w.Body.String()).Texts("h1")
		if w.Code != 404 || !slices.Equal(heading, []string{message.English.T(message.PageNotFound)}) {
			t.Errorf("GET %s is %d %.60s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "/app.js") {
			t.Errorf("GET %s starts the app", path)
		}
	}
	if got := app.asked[asked:]; len(got) > 0 {
		t.Errorf("go-app was asked for %v", got)
	}
}

func TestContentEncoding(t *testing.T) {
	h := newSite(new(goApp))
	want := get(h, "/web/app.css")
	if want.Header().Get("Content-Encoding") != "" {
		t.Fatalf("who asks for no compression gets %s", want.Header().Get("Content-Encoding"))
	}
	tags := map[string]string{}
	for _, tt := range []struct{ accept, encoding string }{
		{"", ""},
		{"gzip, deflate, br, zstd", "br"},
		{"gzip, deflate", "gzip"},
		{"GZIP;q=0.5", "gzip"},
		{"br;q=0, gzip", "gzip"},
		{"br; q=0.0, gzip;q=0", ""},
		{"identity", ""},
		{"compress, broccoli", ""},
		{"br;q=high", "br"},
	} {
		w := get(h, "/web/app.css", "Accept-Encoding", tt.accept)
		if got := w.Header().Get("Content-Encoding"); got != tt.encoding {
			t.Errorf("to %q the encoding is %q; want %q", tt.accept, got, tt.encoding)
			continue
		}
		if got := w.Header().Get("Vary"); got != "Accept-Encoding" { // no Accept-Language: the file is the same in all languages
			t.Errorf("to %q Vary is %q", tt.accept, got)
		}
		if got := w.Header().Get("Content-Type"); got != "text/css; charset=utf-8" {
			t.Errorf("to %q the type is %q", tt.accept, got)
		}
		tags[tt.encoding] = w.Header().Get("ETag")
		if got := plain(t, w); got != want.Body.String() {
			t.Errorf("to %q comes another file", tt.accept)
		}
	}
	if tags[""] == tags["br"] || tags[""] == tags["gzip"] || tags["br"] == tags["gzip"] {
		t.Errorf("different forms have the same tag: %v", tags)
	}
}

func TestETags(t *testing.T) {
	h := newSite(new(goApp))
	for _, path := range []string{"/", "/web/app.css", "/web/icon-192.png", "/favicon.ico", "/app-worker.js"} {
		tag := get(h, path, "Accept-Encoding", "br").Header().Get("ETag")
		if tag == "" {
			t.Errorf("GET %s has no tag", path)
		}
		for _, tt := range []struct {
			match string
			code  int
		}{
			{tag, 304},
			{`"other", ` + tag, 304},
			{"W/" + tag, 304}, // compressing proxies make the tag weak
			{"*", 304},
			{`"other"`, 200},
			{"", 200},
		} {
			w := get(h, path, "Accept-Encoding", "br", "If-None-Match", tt.match)
			if w.Code != tt.code {
				t.Errorf("GET %s with If-None-Match %s is %d; want %d", path, tt.match, w.Code, tt.code)
			}
			if w.Code == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag) {
				t.Errorf("304 for %s has %d bytes and the tag %s", path, w.Body.Len(), w.Header().Get("ETag"))
			}
		}
	}
	// Browsers must not cache a missing file.
	if tag := get(h, "/nowhere").Header().Get("ETag"); tag != "" {
		t.Errorf("404 has the tag %s", tag)
	}
}

func TestFilesHaveTheirTypes(t *testing.T) {
	h := newSite(new(goApp))
	for path, want := range map[string]string{
		"/web/app.css":           "text/css; charset=utf-8",
		"/web/loader.js":         "text/javascript; charset=utf-8",
		"/web/icon.svg":          "image/svg+xml",
		"/web/icon-192.png":      "image/png",
		"/web/icon-512.png":      "image/png",
		"/web/icon-maskable.png": "image/png",
		"/favicon.ico":           "image/png",
	} {
		w := get(h, path)
		if w.Code != 200 || w.Header().Get("Content-Type") != want {
			t.Errorf("GET %s is %d %s; want %s", path, w.Code, w.Header().Get("Content-Type"), want)
		}
	}
}

func TestWasm(t *testing.T) {
	if !web.Built() {
		t.Skip("web/app.wasm is not there: run make build")
	}
	h := newSite(new(goApp))
	for _, accept := range []string{"br", "gzip", ""} {
		w := get(h, "/web/app.wasm", "Accept-Encoding", accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/wasm" || w.Header().Get("Content-Encoding") != accept {
			t.Errorf("to %q it is %d %s %s", accept, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Content-Encoding"))
		}
		if got := plain(t, w); len(got) < 4 || got[:4] != "\x00asm" {
			t.Errorf("to %q comes no WebAssembly", accept)
		}
	}
}

// TestVersionedAddresses tests that the files that a page loads are immutable at their
// versioned addresses, and that addresses with another version return 404. No page may
// mix files of two versions.
func TestVersionedAddresses(t *testing.T) {
	h := newSite(new(goApp))
	shell := get(h, "/sign-in").Body.String()
	addresses := regexp.MustCompile(`(?:href|src)="([^"]+\?v=[0-9a-f]+)"`).FindAllStringSubmatch(shell, -1)
	if len(addresses) != 5 {
		t.Errorf("the page loads %q; want the stylesheet, the loader, what it starts, and the catalog of German", addresses)
	}
	for _, address := range addresses {
		w := get(h, address[1])
		if got := w.Header().Get("Cache-Control"); w.Code != 200 || got != "public, max-age=31536000, immutable" {
			t.Errorf("GET %s is %d, %q", address[1], w.Code, got)
		}
		if w := get(h, address[1]+"0"); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
			t.Errorf("GET %s0, of another version, is %d, %q", address[1], w.Code, w.Header())
		}
	}
	// The worker requests pages of its own version. Pages contain the addresses of the
	// other files.
	for _, path := range shared.Pages {
		if w := get(h, path+"?v="+Version(), "Accept-Language", "de"); w.Code != 200 || w.Header().Get("Cache-Control") != "no-cache" ||
			!strings.Contains(w.Body.String(), `<html lang="de">`) {
			t.Errorf("GET %s of this version is %d, %q", path, w.Code, w.Header())
		}
		if w := get(h, path+"?v=0"+Version()[1:]+"x"); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s of another version is %d, %q", path, w.Code, w.Header())
		}
	}
}

// TestCatalogs tests that each page in German loads the German texts before the app starts,
// that a page in English only tells where they are, and that they are the catalog.
func TestCatalogs(t *testing.T) {
	h := newSite(new(goApp))
	link := regexp.MustCompile(`<link rel="([^"]+)" href="(/web/catalog-de[^"]+)" as="fetch" crossorigin hreflang="de">`)
	for _, path := range shared.Pages {
		for language, rel := range map[string]string{"de": "catalog later", "en": "catalog"} {
			found := link.FindAllStringSubmatch(get(h, path, "Accept-Language", language).Body.String(), -1)
			if len(found) != 1 || found[0][1] != rel {
				t.Fatalf("%s in %s has the links %q; want one with %s", path, language, found, rel)
			}
			w := get(h, found[0][2], "Accept-Language", language)
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || plain(t, w) != message.German.Catalog() {
				t.Errorf("GET %s is %d %s and not the catalog", found[0][2], w.Code, w.Header().Get("Content-Type"))
			}
		}
	}
	if body := get(h, "/nowhere", "Accept-Language", "de").Body.String(); strings.Contains(body, "catalog-") {
		t.Errorf("a page without the app loads a catalog:\n%s", body)
	}
}

// TestWorkerLeavesTheAPIAlone tests that the service worker does not intercept requests
// to the API.
func TestWorkerLeavesTheAPIAlone(t *testing.T) {
	worker := web.Worker()
	for _, want := range []string{
		`url.pathname.startsWith("/api/")`,
		`request.method !== "GET"`,
		`url.origin !== self.location.origin`,
		`fetch(path + "?v={{.Version}}"`,
		"{{.ResourcesToCache}}",
	} {
		if !strings.Contains(worker, want) {
			t.Errorf("the worker has no %s", want)
		}
	}
}

func TestPagesAreInTheLanguageOfTheBrowser(t *testing.T) {
	h := newSite(new(goApp))
	for _, tt := range []struct{ cookie, accepted, want string }{
		{"", "", "en"},
		{"", "fr", "en"},
		{"", "de-AT, en;q=0.5", "de"},
		{"", "de;q=0.3, en;q=0.7", "en"},
		{"latchkey.session=x; latchkey.language=de", "en", "de"},
		{"latchkey.language=en", "de", "en"},
		{"latchkey.language=fr", "de", "de"},
		{`latchkey.language="><script>`, "", "en"},
	} {
		l := map[string]*message.Language{"en": message.English, "de": message.German}[tt.want]
		for path, title := range map[string]string{Address("/sign-in"): l.T(message.SignIn), "/nowhere": l.T(message.PageNotFound)} {
			w := get(h, path, "Cookie", tt.cookie, "Accept-Language", tt.accepted)
			page := testkit.ParseHTML(t, w.Body.String())
			if len(page.All("html", "lang="+tt.want)) != 1 || !slices.Equal(page.Texts("h1"), []string{title}) ||
				!slices.Equal(page.Texts("title"), []string{title + " · Latchkey"}) {
				t.Errorf("to %q and %q %s is not in %s: %.300s", tt.cookie, tt.accepted, path, tt.want, w.Body)
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding, Accept-Language, Cookie" {
				t.Errorf("%s: Vary is %q", path, got)
			}
		}
		var m manifest
		w := get(h, "/manifest.webmanifest", "Cookie", tt.cookie, "Accept-Language", tt.accepted)
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Lang != tt.want || m.Shortcuts[0].Name != l.T(message.SessionsShort) || m.ID != "/" ||
			!strings.Contains(w.Header().Get("Vary"), "Accept-Language, Cookie") {
			t.Errorf("to %q and %q the manifest is %s", tt.cookie, tt.accepted, w.Body)
		}
	}

	// A response cached in one language must not serve another.
	for _, path := range append([]string{"/manifest.webmanifest"}, shared.Pages...) {
		tag := get(h, path, "Accept-Language", "en").Header().Get("ETag")
		if w := get(h, path, "Accept-Language", "de", "If-None-Match", tag); w.Code != 200 || w.Header().Get("ETag") == tag {
			t.Errorf("GET %s in German after English is %d", path, w.Code)
		}
		if w := get(h, path, "If-None-Match", tag); w.Code != 304 {
			t.Errorf("GET %s in English again is %d", path, w.Code)
		}
	}
}

// TestWellKnown tests the responses at the well-known URIs, and that all others return
// 404.
func TestWellKnown(t *testing.T) {
	h := newSite(new(goApp))
	page := "https://accounts.example.com/dashboard/settings/passkeys"
	w := get(h, "/.well-known/passkey-endpoints")
	if want := `{"enroll":"` + page + `","manage":"` + page + `"}`; w.Code != 200 || w.Header().Get("Content-Type") != "application/json" ||
		w.Body.String() != want {
		t.Errorf("passkey-endpoints is %d %s", w.Code, w.Body)
	}
	if w := get(h, "/.well-known/change-password"); w.Code != 302 || w.Header().Get("Location") != "/dashboard/settings/password" {
		t.Errorf("change-password is %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, name := range []string{"webauthn", "", "resource-that-should-not-exist-whose-status-code-should-not-be-200"} {
		if w := get(h, "/.well-known/"+name); w.Code != 404 {
			t.Errorf("%q is %d", name, w.Code)
		}
	}
	if w := request(h, "POST", "/.well-known/change-password"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST is %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	h.RelatedOrigins = []string{"https://example.com"}
	if w := get(h, "/.well-known/webauthn"); w.Code != 200 ||
		w.Body.String() != `{"origins":["https://accounts.example.com","https://example.com"]}` {
		t.Errorf("webauthn is %d %s", w.Code, w.Body)
	}
}

// TestAnswers tests that a page that is drawn for its caller and that of a link are in the user's
// language, and escape what users typed.
func TestAnswers(t *testing.T) {
	h := newSite(new(goApp))
	r := httptest.NewRequest("POST", "/sign-in", nil)
	r.Header.Set("Accept-Language", "de")
	const hostile = `"></script><img src=x onerror=alert(1)>`
	for what, answer := range map[string]func(w http.ResponseWriter){
		"page": func(w http.ResponseWriter) {
			p := publicPage{message.German, shared.PageSignIn}.page("")
			p.State = shared.PageState{At: shared.Time{Time: time.Now()}, Form: &shared.FormState{
				Error: shared.ErrCredentials.WithMessage(hostile), Text: hostile, Email: hostile,
			}}
			h.Draw(w, r, 418, p, false)
		},
		"link": func(w http.ResponseWriter) {
			h.AnswerLink(w, r, 418, web.Link{Title: hostile, Text: hostile, Hint: hostile, Token: hostile, Button: hostile})
		},
	} {
		w := httptest.NewRecorder()
		answer(w)
		page := testkit.ParseHTML(t, w.Body.String())
		if w.Code != 418 || w.Header().Get("Content-Type") != htmlType || len(page.All("html", "lang=de")) != 1 || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d %v %s", what, w.Code, w.Header(), w.Body)
		}
		if len(page.All("img", "src=x")) > 0 || len(page.All("", "onerror")) > 0 || !strings.Contains(w.Body.String(), "onerror") {
			t.Errorf("%s: a text is markup, or is missing: %s", what, w.Body)
		}
		if form := page.State(t); what == "page" && (form == nil || form.Form.Email != hostile) {
			t.Errorf("the state is %+v", form)
		}
	}
}

func TestForms(t *testing.T) {
	for path, want := range map[string]bool{"/sign-in": true, "/two-factor": true, "/email": true, "/": false,
		"/dashboard/settings": true, "/dashboard/settings/sessions": true, "/dashboard/system": true, "/sign-in/": false, "/sign-up": true} {
		if HasForm(path) != want {
			t.Errorf("%s has a form: %t", path, !want)
		}
	}
}

func TestDocuments(t *testing.T) {
	h := newSite(&goApp{})
	w := get(h, "/docs/", "Accept-Encoding", "br")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Content-Encoding") != "br" {
		t.Errorf("/docs/: %d %v; want a compressed page", w.Code, w.Header())
	}
	if page := plain(t, w); !strings.Contains(page, `<a href="getting-started">`) {
		t.Errorf("/docs/ has no link to a document:\n%s", page)
	}
	if w := request(h, "POST", "/docs/security"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST to a document: %d; want 405", w.Code)
	}
	for _, path := range []string{"/docs/security.md", "/docs/security/", "/docs/nothing", "/docs/../web.go"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d; want 404", path, w.Code)
		}
	}
	for _, path := range []string{"/docs", "/docs/decisions"} {
		if w := get(h, path); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != path+"/" {
			t.Errorf("%s: %d to %q; want 301 to %s/", path, w.Code, w.Header().Get("Location"), path)
		}
		if w := request(h, "POST", path); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("a POST to %s: %d %v; want 405", path, w.Code, w.Header())
		}
	}
}

// TestMovedPages tests that a path that is almost that of a page leads to the page, with its
// query.
func TestMovedPages(t *testing.T) {
	h := newSite(&goApp{})
	for path, want := range map[string]string{
		"/dashboard":                    shared.PageSettings,
		"/dashboard/":                   shared.PageSettings,
		"/dashboard/settings/":          shared.PageSettings,
		"/dashboard/settings/sessions/": shared.PageSessions,
		"/dashboard/system/?a=b":        shared.PageSystem + "?a=b",
	} {
		if w := get(h, path); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q; want 301 to %s", path, w.Code, w.Header().Get("Location"), want)
		}
	}
	for _, path := range []string{"/dashboard/nothing/", "/dashboard/settings//", "//evil.example/", "//"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d to %q; want 404", path, w.Code, w.Header().Get("Location"))
		}
	}
}
