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

// A Page has all that the first drawing of a page depends on. The server draws it, and then the
// app, which reads it from the page. Both draw the same.
type Page struct {
	Address  *url.URL
	Name     string // the server's
	Language *message.Language
	Locale   string         // of dates: a BCP 47 tag of Language, such as "en-GB"; the app uses the browser's
	Zone     *time.Location // of times, or nil if the server does not know it; the app uses the browser's
	State    shared.PageState

	// Task is the call whose form only the server draws, or nil.
	Task *Task
}

// A Task is a call that users of the app make in a dialog. Without the app, they make it on a page
// of its own, which the server draws.
type Task struct {
	Call   string            // see [shared.FormCall]
	Answer json.RawMessage   // the response to the call, if it has been made and the page shows it
	Typed  map[string]string // as in [shared.FormState], if the call has been made
}

// Requests returns the GET requests of the API, as path and query, whose responses the page at
// an address shows to a user who is signed in, or else to one who is not. zone is the user's time
// zone, or nil if it is not known.
func Requests(address *url.URL, zone *time.Location, signedIn bool) []string {
	all := []string{shared.GetSession.Path, shared.About.Path}
	switch {
	case address.Path == shared.PageTwoFactor && !signedIn:
		return append(all, shared.GetPendingSignIn.Path)
	case signedIn && address.Path == shared.PageSystem:
		return append(all,
			shared.ListSettings.Path,
			shared.ListServerKeys.Path,
			shared.ListUsers.Path+client.Query(userQuery(address)),
			shared.ListAllEvents.Path+client.Query(eventQuery(address, true, aheadOf(zone))),
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
		return append(all, shared.ListEvents.Path+client.Query(eventQuery(address, false, aheadOf(zone))))
	}
	return all
}

// pageAnswers has the responses of the API that came with the page. The first request for each takes
// it instead of going to the server.
type pageAnswers struct {
	at        time.Time                  // when the server collected them
	byRequest map[string]json.RawMessage // by path and query
	until     time.Time                  // by this machine's clock: they are too old afterwards
}

// pageAnswersLifetime is how long the app uses the responses that came with the page. It is generous
// to slow phones: the app asks again when the user returns to the page, and each minute.
const pageAnswersLifetime = 10 * time.Second

func newPageAnswers(state shared.PageState) pageAnswers {
	return pageAnswers{at: state.At.Time, byRequest: state.Answers, until: time.Now().Add(pageAnswersLifetime)}
}

// read stores the response to a request in out, and reports whether there is one that is not too
// old.
func (a *pageAnswers) read(path string, in, out any) bool {
	body, ok := a.byRequest[path+client.Query(in)]
	return ok && time.Now().Before(a.until) && json.Unmarshal(body, out) == nil
}

// take is [pageAnswers.read], but only once for each request.
func (a *pageAnswers) take(path string, in, out any) bool {
	defer delete(a.byRequest, path+client.Query(in))
	return a.read(path, in, out)
}

// discard removes all responses, because a change may have made them outdated.
func (a *pageAnswers) discard() { a.byRequest = nil }

// start sets what the page says about the server, the user, and the time.
func (e *env) start(p *Page) {
	e.page, e.answers, e.drawnAt = p, newPageAnswers(p.State), p.State.At.Time
	p.State.Answers = nil // the app must not keep them
	if app.IsClient {
		e.startLanguage(p.Language)
	} else {
		e.Language = p.Language
	}
	e.server.Name = p.Name
	if e.answers.read(shared.About.Path, shared.None{}, &e.server.AboutServer) {
		e.server.Known = true
	}
	var current *shared.Current
	if e.answers.read(shared.GetSession.Path, shared.None{}, &current) && current != nil {
		e.identity.setCurrent(current)
		e.identity.language = current.Language
	}
}

// readPage returns the page in which the app starts. If the user has signed out without a
// connection, it ignores the data of the page: the server considers the user signed in.
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
	if cookie(shared.LeavingCookie) != "" && !e.pendingSignOut.exists() {
		e.pendingSignOut.clear() // the user has deleted the site's data, but not its cookies
	}
	state := element("page-state")
	if !state.Truthy() {
		return p
	}
	text := state.Get("textContent").String()
	state.Call("remove") // the data of the user must not stay in the page after they sign out
	if e.pendingSignOut.exists() {
		return p
	}
	if json.Unmarshal([]byte(text), &p.State) != nil {
		p.State = shared.PageState{}
	}
	if !p.State.At.IsZero() {
		// The age is by a clock that nobody can set while the page is open.
		performance := window.Get("performance")
		begun := performance.Call("getEntriesByType", "navigation").Index(0).Get("responseStart").Float()
		age := time.Duration((performance.Call("now").Float() - begun) * float64(time.Millisecond))
		e.client.Assume(time.Until(p.State.At.Add(age)))
	}
	return p
}
