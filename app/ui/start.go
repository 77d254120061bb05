package ui

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A Page is what is known when a page is drawn for the first time: by the server, and then by
// the app, which reads it from the page. Both draw the same.
type Page struct {
	Address  *url.URL
	Name     string // the server's
	Language *message.Language
	Locale   string         // for dates: a BCP 47 tag of Language, such as "en-GB"
	Zone     *time.Location // of times; nil if the server does not know it; the app uses the browser's
	State    shared.PageState
}

// Requests returns the GET requests of the API, as path and query, whose responses the page at
// an address shows to a user who is signed in, or else to one who is not.
func Requests(address *url.URL, signedIn bool) []string {
	all := []string{shared.GetSession.Path, shared.About.Path}
	switch {
	case address.Path == shared.PageTwoFactor && !signedIn:
		return append(all, shared.GetPendingSignIn.Path)
	case signedIn && address.Path == shared.PageSystem:
		return append(all,
			shared.ListSettings.Path,
			shared.ListUsers.Path+client.Query(shared.UserQuery{}),
			shared.ListAllEvents.Path+client.Query(eventQuery(address, true)),
		)
	case !signedIn || !isSettings(address.Path):
		return all
	}
	all = append(all, shared.GetOverview.Path)
	switch address.Path {
	case shared.PageTwoFactorSettings:
		return append(all, shared.TwoFactorStatus.Path, shared.ListTrustedDevices.Path, shared.ListPasskeys.Path)
	case shared.PagePasskeys:
		return append(all, shared.ListPasskeys.Path)
	case shared.PageSessions:
		return append(all, shared.ListSessions.Path)
	case shared.PageActivity:
		return append(all, shared.ListEvents.Path+client.Query(eventQuery(address, false)))
	}
	return all
}

// given has the responses that came with the page. Each answers one request.
type given struct {
	at      time.Time // when the server sent them
	answers map[string]json.RawMessage
	until   time.Time // by this machine's clock: they are too old afterwards
}

// givenFor is how long the app takes the responses of the page in place of its own requests. It is
// generous to slow phones: the app asks again when the user returns to the page, and each
// minute.
const givenFor = 10 * time.Second

func newGiven(state shared.PageState) given {
	return given{at: state.At.Time, answers: state.Answers, until: time.Now().Add(givenFor)}
}

// read stores the response to a request in out, and reports whether there is one
// that is not too old.
func (g *given) read(path string, in, out any) bool {
	body, ok := g.answers[path+client.Query(in)]
	return ok && time.Now().Before(g.until) && json.Unmarshal(body, out) == nil
}

// take is [given.read] once: the next request goes to the server.
func (g *given) take(path string, in, out any) bool {
	defer delete(g.answers, path+client.Query(in))
	return g.read(path, in, out)
}

// forget discards what a change may have made untrue.
func (g *given) forget() { g.answers = nil }

// begin sets what the page tells: the server, the user, and the time.
func (e *env) begin(p *Page) {
	e.page, e.given, e.drawnAt = p, newGiven(p.State), p.State.At.Time
	p.State.Answers = nil // given forgets them in time
	if app.IsClient {
		e.startLanguage(p.Language)
	} else {
		e.Language = p.Language
	}
	e.server.Name = p.Name
	if e.given.read(shared.About.Path, shared.None{}, &e.server.AboutServer) {
		e.server.Known = true
	}
	var current *shared.Current
	if e.given.read(shared.GetSession.Path, shared.None{}, &current) && current != nil {
		e.identity.know(current)
		e.identity.language = current.Language
	}
}

// readPage returns the page in which the app starts. If the user has signed out without a
// connection, it ignores what the page says about the user, whom the server still considers
// signed in.
func (e *env) readPage() *Page {
	window := app.Window()
	document := window.Get("document")
	p := &Page{Address: window.URL(), Language: message.English}
	if brand := document.Call("querySelector", ".brand"); brand.Truthy() {
		p.Name = brand.Get("textContent").String()
	}
	if l := languageOf(document.Get("documentElement").Get("lang").String()); l != nil {
		p.Language = l
	}
	if cookie(shared.LeavingCookie) != "" && !e.pendingSignOut.is() {
		e.pendingSignOut.clear() // the user has deleted the site's data, but not its cookies
	}
	state := element("page-state")
	if !state.Truthy() {
		return p
	}
	text := state.Get("textContent").String()
	state.Call("remove") // the data of the user must not stay in the page after they sign out
	if e.pendingSignOut.is() {
		return p
	}
	if json.Unmarshal([]byte(text), &p.State) != nil {
		p.State = shared.PageState{}
	}
	if !p.State.At.IsZero() {
		performance := window.Get("performance")
		received := performance.Call("getEntriesByType", "navigation").Index(0).Get("responseStart").Float()
		e.client.Assume(p.State.At.Sub(time.UnixMilli(int64(performance.Get("timeOrigin").Float() + received))))
	}
	return p
}
