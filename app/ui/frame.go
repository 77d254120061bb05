package ui

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// frame is the root of every page. It knows who is signed in, and puts the
// page of the address inside itself.
type frame struct {
	app.Compo

	ctx app.Context

	path     string
	opened   bool         // the first page has been gone to
	user     *shared.User // nil if nobody is, or it is not known yet
	userAt   time.Time    // when the server last said so
	since    time.Time    // when the session began; zero if that is not known
	problem  error        // why it is not known
	may      []string     // the permissions of who is signed in
	chosen   string       // the language that they chose; "" for as the browser says
	enrolBy  *shared.Time // when they must have a second factor; nil if they have, or need none
	notice   key          // for the sign-in page: why one is there
	next     string       // where to go after signing in
	offline  bool
	retrying bool
	lost     app.Value // the control that had the focus when it was disabled, or nil
	held     app.Value // the heading that has it since
	about    about     // this server
	leaving  bool      // signing out
	looked   time.Time // when the server was last asked who is signed in
	changes  int       // how often that has changed: older answers are void

	upgrading *passkey.Request // see [frame.upgrade]
}

// Why one is on the sign-in page.
const (
	sessionEnded       key = "You have been signed out: this session was ended from another device, or it expired."
	signedOut          key = "You are signed out."
	signedOutHere      key = "What this device kept is deleted. The session itself is ended as soon as this app is open and there is a connection."
	signedOutElsewhere key = "You signed out in another tab."
	accountDeleted     key = "Your account is deleted."
	passwordChosen     key = "Your new password is set. Sign in with it."
	signInFirst        key = "Sign in to see your settings."
	signInToGoOn       key = "Sign in to go on."
	forgotten          key = "What this device kept is deleted, because it has had no connection for a week. Sign in when there is one."
)

const (
	enterAction   = "enter"
	knowAction    = "know"
	leaveAction   = "leave"
	signOutAction = "sign-out"
	refreshAction = "refresh"
	reachAction   = "reach"
	changedAction = "changed"
	upgradeAction = "upgrade"
	readAction    = "read"
)

// enter goes on as user, who has just signed in.
func enter(ctx app.Context, user shared.User) {
	ctx.NewActionWithValue(enterAction, user)
}

// upgrade lets the browser make a passkey for who has just signed in with a
// password.
func upgrade(ctx app.Context) {
	ctx.NewAction(upgradeAction)
}

// know replaces what is known of the user, who has just changed it.
func know(ctx app.Context, user shared.User) {
	ctx.NewActionWithValue(knowAction, user)
}

// read goes on in the language that the user has just chosen.
func read(ctx app.Context, chosen string) {
	ctx.NewActionWithValue(readAction, chosen)
}

// leave goes to the sign-in page, which gives the reason.
func leave(ctx app.Context, reason key) {
	ctx.NewActionWithValue(leaveAction, reason)
}

// signOut ends the session of this browser.
func signOut(ctx app.Context) {
	ctx.NewAction(signOutAction)
}

// refresh has whatever is on the page that may have changed asked for again.
func refresh(ctx app.Context) {
	ctx.NewAction(refreshAction)
}

// reach tells whether the server could be reached.
func reach(ctx app.Context, reached bool) {
	if away == reached {
		away = !reached
		ctx.NewAction(reachAction)
	}
}

// changed tells the other tabs that something has changed.
func changed(ctx app.Context) {
	ctx.NewAction(changedAction)
}

func (f *frame) OnInit() {
	defer rescue()
	f.path = app.Window().URL().Path
	document := app.Window().Get("document")
	if brand := document.Call("querySelector", ".brand"); brand.Truthy() {
		shell.name = brand.Get("textContent").String()
		f.about.Name = shell.name
	}
	if app.IsClient {
		shell.language = document.Get("documentElement").Get("lang").String()
		speak(chosen())
	}
}

func (f *frame) OnMount(ctx app.Context) {
	defer rescue()
	f.ctx = ctx
	f.offline = !online()
	handle(ctx, reachAction, f.reach)
	handle(ctx, changedAction, f.changed)
	handle(ctx, challengeAction, f.challenge)
	handle(ctx, enterAction, f.enter)
	handle(ctx, knowAction, f.know)
	handle(ctx, leaveAction, f.leave)
	handle(ctx, signOutAction, f.signOut)
	handle(ctx, refreshAction, f.refresh)
	handle(ctx, upgradeAction, f.upgrade)
	handle(ctx, learnAction, f.learn)
	handle(ctx, readAction, f.read)

	if !app.IsClient {
		return
	}
	learn(ctx)
	window := app.Window()
	listen(ctx, window, "offline", func(ctx app.Context, _ app.Value) { f.connect(ctx) })
	listen(ctx, window, "online", func(ctx app.Context, _ app.Value) { f.connect(ctx) })
	listen(ctx, window, "focus", f.back)
	for _, dialog := range dialogs {
		listen(ctx, element(dialog), "close", f.shut)
	}
	listen(ctx, window.Get("document"), "visibilitychange", f.back)

	tabs = window.Get("BroadcastChannel").New("latchkey")
	listen(ctx, tabs, "message", f.hear)
}

// connect sees whether there is a connection, and catches up when there is one
// again.
func (f *frame) connect(ctx app.Context) {
	was := f.offline
	f.offline = away || !online()
	switch {
	case f.offline && !was:
		shut("add-passkey") // its browser's part may be done, but not the server's
		f.hold(ctx, active())
		f.retry(ctx)
	case was && !f.offline:
		f.giveBack(ctx)
		refresh(ctx)
		learn(ctx)
	case away && online():
		f.look(ctx) // the network is back: so may the server be
	}
}

// hold keeps the focus near control, which the page is about to disable or to put
// something else in the place of: the browser would drop it, and who goes by keys
// or by ear would be at the top again. The heading of its section or dialog takes
// it, and nothing scrolls.
func (f *frame) hold(ctx app.Context, control app.Value) {
	if !control.Truthy() {
		return
	}
	part := control.Call("closest", "section, dialog")
	afterRender(ctx, func(app.Context) {
		if control.Get("isConnected").Bool() && !control.Call("matches", ":disabled").Bool() {
			return
		}
		f.lost, f.held = control, element("title")
		if part.Truthy() {
			f.held = part.Call("querySelector", "h2")
		}
		f.held.Call("focus", map[string]any{"preventScroll": true})
	})
}

// giveBack puts the focus back on the control that lost it, unless the person has
// moved it meanwhile.
func (f *frame) giveBack(ctx app.Context) {
	lost, held := f.lost, f.held
	f.lost, f.held = nil, nil
	if lost == nil {
		return
	}
	afterRender(ctx, func(app.Context) {
		if held.Call("matches", ":focus").Bool() {
			lost.Call("focus", map[string]any{"preventScroll": true})
		}
	})
}

// shut is called when a dialog has been. It gives the focus back to what opened
// it, which may be disabled meanwhile.
func (f *frame) shut(ctx app.Context, _ app.Value) {
	if f.offline && opener != nil && !element("content").Call("contains", active()).Bool() {
		f.hold(ctx, opener)
	}
}

// retryAfter is how often the app looks whether the server is back. It is asked
// by who looks at the page only.
const retryAfter = 5 * time.Second

func (f *frame) retry(ctx app.Context) {
	if f.retrying {
		return
	}
	f.retrying = true
	after(ctx, retryAfter, func(ctx app.Context) {
		f.retrying = false
		if !f.offline {
			return
		}
		if f.user != nil && expired(f.userAt) {
			f.expire()
			return
		}
		if visible() && online() {
			f.look(ctx)
		}
		f.retry(ctx)
	})
}

func (f *frame) reach(app.Context, app.Action) {
	f.connect(f.ctx)
}

func (f *frame) changed(app.Context, app.Action) {
	if f.user != nil {
		tabs.Call("postMessage", hearChanged)
	}
}

// OnNav implements [app.Navigator].
func (f *frame) OnNav(ctx app.Context) {
	defer rescue()
	address := ctx.Page().URL()
	first := !f.opened
	if !first && f.path == address.Path {
		return
	}
	f.path, f.opened = address.Path, true
	if f.path != shared.PageSignIn {
		f.notice = ""
	}
	if next := address.Query().Get("next"); next != "" && (f.path == shared.PageSignIn || f.path == shared.PageTwoFactor) {
		f.next = next
	}

	f.entitle()
	if !first {
		app.Window().Call("scrollTo", 0, 0)
		focus(ctx, "title")
	}
	if f.user == nil {
		f.look(ctx)
	} else {
		f.settle(ctx)
	}
}

// entitle puts the name of the page and of the server on the window.
func (f *frame) entitle() {
	app.Window().Get("document").Set("title", title(f.path)+" · "+f.about.name())
}

// public reports whether a page is for anybody, signed in or not.
func public(path string) bool {
	switch path {
	case shared.PageSignUp, shared.PageForgotPassword, shared.PageResetPassword, shared.PageDisown:
		return true
	}
	return false
}

func title(path string) string {
	switch path {
	case shared.PageHome:
		return tr("Welcome")
	case shared.PageSignIn:
		return tr("Sign in")
	case shared.PageSignUp:
		return tr("Create an account")
	case shared.PageTwoFactor:
		return tr("Two-factor authentication")
	case shared.PageSettings:
		return tr("Settings")
	case shared.PageSystem:
		return tr("System")
	case shared.PageForgotPassword:
		return tr("Forgot password")
	case shared.PageResetPassword:
		return tr("Choose a new password")
	case shared.PageDisown:
		return tr("Was it not you?")
	default:
		return tr("Page not found")
	}
}

// look asks the server who is signed in, and goes where that leads.
func (f *frame) look(ctx app.Context) {
	f.looked = time.Now()
	changes := f.changes
	call(ctx, shared.GetSession, shared.None{}, func(ctx app.Context, current *shared.Current, err error) {
		if changes != f.changes {
			return // somebody has signed in or out since
		}
		f.problem = err
		switch {
		case errors.Is(err, client.ErrOffline):
			f.rely(ctx)
		case err != nil:
		case current != nil:
			f.is(current.User, time.Now())
			f.since = current.Session.CreatedAt.Time
			f.may, f.enrolBy = current.Permissions, current.EnrolBy
			keepUser(current.User, f.since, current.Remember)
			f.follow(current.Language)
			f.settle(ctx)
		case f.user != nil || keeping() != nil:
			leave(ctx, sessionEnded)
		default:
			if f.notice == signedOutHere {
				f.notice = signedOut // see [finishLeaving]
			}
			f.settle(ctx)
		}
	})
}

// is makes user the one whose page this is, as the server said at that time.
func (f *frame) is(user shared.User, at time.Time) {
	f.user, f.userAt, f.problem, server.Account = &user, at, nil, user.ID
}

// rely goes on with what was kept, because the server cannot be asked.
func (f *frame) rely(ctx app.Context) {
	k := keeping()
	switch {
	case f.user != nil && expired(f.userAt):
		f.expire()
	case f.user != nil:
		f.problem = nil
	case k != nil:
		f.is(k.User, k.At.Time)
		server.Assume(time.Duration(k.Ahead) * time.Millisecond)
		f.since = k.Since.Time
		f.settle(ctx)
	}
}

// expire forgets who was signed in, because the server has not said for too long
// that they are.
func (f *frame) expire() {
	tabs.Call("postMessage", hearEnded)
	f.out(forgotten)
}

// settle goes to another page if this one is not for who is signed in.
func (f *frame) settle(ctx app.Context) {
	address := ctx.Page().URL()
	switch f.path {
	case shared.PageHome, shared.PageSignIn, shared.PageTwoFactor:
		if f.user != nil {
			replace(shared.NextPage(f.next))
		} else if f.path == shared.PageHome {
			replace(shared.PageSignIn)
		}
	case shared.PageSignUp:
		if f.user != nil && !address.Query().Has("invite") {
			replace(shared.NextPage(f.next))
		}
	case shared.PageSettings, shared.PageSystem:
		if f.user == nil {
			f.notice, f.next = signInFirst, whole(address)
			if f.path == shared.PageSystem {
				f.notice = signInToGoOn
			}
			replace(shared.PageSignIn)
		}
	}
}

// back is called when the person comes back to the page: much may have
// happened.
func (f *frame) back(ctx app.Context, _ app.Value) {
	if !visible() || time.Since(f.looked) < 2*time.Second {
		return
	}
	refresh(ctx)
}

// refresh asks for what the frame itself knows, too.
func (f *frame) refresh(app.Context, app.Action) {
	f.look(f.ctx)
}

// tabs is the channel to the other tabs.
var tabs app.Value

// What tabs say to each other.
const (
	hearIn    = "signed in"
	hearOut   = "signed out"
	hearGone  = "account deleted"
	hearEnded = "session ended" // as it seems to this one: the others look themselves

	hearChanged = "changed"
)

func (f *frame) hear(ctx app.Context, message app.Value) {
	switch message.Get("data").String() {
	case hearIn, hearEnded, hearChanged:
		refresh(ctx)
	case hearOut:
		f.out(signedOutElsewhere)
	case hearGone:
		f.out(accountDeleted)
	}
}

func (f *frame) challenge(ctx app.Context, a app.Action) {
	keepMethods(a.Value.([]string))
	ctx.Navigate(challengePage(f.next))
}

func (f *frame) enter(_ app.Context, a app.Action) {
	f.is(a.Value.(shared.User), time.Now())
	f.since = time.Time{} // which the server is yet to tell
	f.changes++
	forgetMethods()
	tabs.Call("postMessage", hearIn)
	replace(shared.NextPage(f.next))
	f.next = ""
	f.look(f.ctx) // for what a sign-in does not answer: what they may do
}

// upgrade has the browser make a passkey without asking, which it does if it has
// just filled in the password from where it keeps passkeys too. Nobody waits
// for it, and nobody is told if it comes to nothing.
func (f *frame) upgrade(app.Context, app.Action) {
	if !passkey.Supported() {
		return
	}
	changes := f.changes
	ctx := f.ctx
	async(ctx, func() {
		if !passkey.Can("conditionalCreate") {
			return
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		options, err := client.Call(limited, server, shared.GenerateRegisterOptions, shared.RegisterQuery{Mediation: "conditional"})
		if err != nil || string(options) == "null" || changes != f.changes || passkey.Busy() {
			return
		}
		f.upgrading = passkey.Create(options, passkey.Quiet)
		answer, err := f.upgrading.Wait()
		if err != nil || changes != f.changes {
			return
		}
		limited, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
		_, err = client.Call(limited, server, shared.VerifyRegistration, shared.Registration{Response: answer})
		switch {
		case errors.Is(err, client.ErrOffline):
			return // it may have been added
		case err != nil:
			passkey.SignalUnknown(passkey.RPID(options), passkey.CredentialID(answer))
			return
		}
		dispatch(ctx, func(ctx app.Context) {
			say(ctx, tr("Passkey added. Next time, sign in without a password."))
			refresh(ctx)
		})
	})
}

func (f *frame) know(_ app.Context, a app.Action) {
	user := a.Value.(shared.User)
	f.user = &user
}

// follow speaks as the user chose, and has this browser do so from now on.
func (f *frame) follow(choice string) {
	f.chosen = choice
	if choice != chosen() {
		choose(choice)
	}
	if spoken(choice, preferences()) != language {
		speak(choice)
		f.entitle()
		refresh(f.ctx) // which draws the parts of the page anew
	}
	f.renewPages()
}

func (f *frame) read(_ app.Context, a app.Action) {
	f.follow(a.Value.(string))
	say(f.ctx, tr("Your language is saved."))
}

func (f *frame) leave(ctx app.Context, a app.Action) {
	reason := a.Value.(key)
	if reason == sessionEnded {
		tabs.Call("postMessage", hearEnded)
	}
	if reason == signedOut {
		tabs.Call("postMessage", hearOut)
	} else if reason == accountDeleted {
		tabs.Call("postMessage", hearGone)
	} else if address := ctx.Page().URL(); address.Path != shared.PageSignIn && address.Path != shared.PageTwoFactor && !public(address.Path) {
		f.next = whole(address) // they will want to go on
	}
	f.out(reason)
}

// out forgets who was signed in, here and in what the browser keeps.
func (f *frame) out(reason key) {
	f.user, f.since, f.may, f.enrolBy, f.leaving = nil, time.Time{}, nil, nil, false
	server.Account = ""
	f.changes++
	f.upgrading.Abort()
	wipe()
	for _, dialog := range dialogs {
		shut(dialog)
	}
	say(f.ctx, "")
	if public(f.path) && reason != passwordChosen {
		return
	}
	f.notice = reason
	replace(shared.PageSignIn)
}

func (f *frame) clickSignOut(ctx app.Context, _ app.Event) {
	signOut(ctx)
}

func (f *frame) signOut(app.Context, app.Action) {
	if f.leaving {
		return
	}
	f.leaving = true
	wipe() // whatever the server says
	keepLeaving(f.since)
	call(f.ctx, shared.SignOut, shared.None{}, func(ctx app.Context, _ shared.Success, err error) {
		f.leaving = false
		if !errors.Is(err, client.ErrOffline) {
			forgetLeaving()
		}
		switch {
		case err == nil:
			leave(ctx, signedOut)
		case errors.Is(err, client.ErrOffline):
			tabs.Call("postMessage", hearOut)
			f.out(signedOutHere)
		default:
			complain(ctx, err)
		}
	})
}

func (f *frame) again(app.Context, app.Event) {
	f.problem = nil
	f.look(f.ctx)
}

func (f *frame) skip(ctx app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // go-app would only scroll
	focus(ctx, "title")
}

// dialogs are those of the frame. What they ask of the server is disabled when
// the connection goes, and never the way out of them.
var dialogs = []string{"question", "factor", "step-up"}

// Render implements [app.Composer].
func (f *frame) Render() app.UI {
	email := ""
	if f.user != nil {
		email = f.user.Email
	}
	role, why := "presentation", ""
	if f.offline {
		role, why = "group", tr(offlineWords)
	}
	return html.Div().Class("frame").Body(
		html.A("#title").Class("skip").Text(tr("Skip to the content")).OnClick(on(f.skip)),
		html.Header().Class("top").Body(
			html.A(shared.PageHome).Class("brand").Body(
				html.Img("/web/icon.svg", 28),
				app.Text(f.about.name()),
			),
			html.Nav().Class("pages").Aria("label", tr("Pages")).Body(f.pages()...),
			html.Div().Class("who").Body(
				app.If(f.user != nil, func() app.UI {
					return html.Span().Class("email").Text(email)
				}),
				app.If(f.user != nil, func() app.UI {
					return html.Button().ID("sign-out").Text(tr("Sign out")).
						Aria("busy", f.leaving).Aria("disabled", f.leaving).
						OnClick(on(f.clickSignOut))
				}),
			),
		),
		html.Div().Class("banner").Role("status").Body(
			app.If(f.offline, func() app.UI {
				return html.P().Text(tr(offlineWords))
			}),
			app.If(f.enrolBy != nil, func() app.UI {
				return html.P().Body(
					app.Text(enrolWords(f.enrolBy, f.overdue())+" "),
					html.A(shared.PageSettings+"#two-factor").Text(tr("Turn it on")),
				)
			}),
		),
		html.Main().ID("content").TabIndex(-1).Body(
			// Whatever is in it is disabled with it: nothing is done without a
			// connection, and nothing waits for one.
			html.Fieldset().Class("page").Attr("disabled", f.offline).Role(role).Aria("label", why).Body(f.page()),
		),
		&toasts{},
		&questionDialog{Offline: f.offline},
		&factorDialog{User: f.user, Offline: f.offline},
		&stepUpDialog{Email: email, TwoFactor: f.user != nil && f.user.TwoFactorEnabled, Offline: f.offline},
	)
}

const offlineWords key = "You are offline. Changing anything needs a connection."

// pages are links to the pages of whoever may see more than their own settings.
func (f *frame) pages() []app.UI {
	if f.user == nil || !mayAny(f.may) {
		return nil
	}
	link := func(path string) app.UI {
		a := html.A(path).Text(title(path))
		if path == f.path {
			a = a.Aria("current", "page")
		}
		return a
	}
	return []app.UI{link(shared.PageSettings), link(shared.PageSystem)}
}

// overdue reports whether there is nothing left to do but getting a second
// factor.
func (f *frame) overdue() bool {
	return f.enrolBy != nil && !f.enrolBy.After(now())
}

func enrolWords(by *shared.Time, overdue bool) string {
	if overdue {
		return tr("Your account needs two-factor authentication, and the time for it is over. Nothing else can be done here until it is on, or until you sign in with a passkey.")
	}
	return tr("Your account needs two-factor authentication: turn it on, or sign in with a passkey, by %s. After that, nothing else can be done here.", local(*by, "long", "short"))
}

func (f *frame) page() app.UI {
	switch {
	case f.path == shared.PageSignIn:
		return &signIn{Notice: tr(f.notice), About: f.about}
	case f.path == shared.PageSignUp:
		return &signUp{About: f.about}
	case f.path == shared.PageTwoFactor:
		return &challenge{}
	case f.path == shared.PageForgotPassword:
		return &forgotPassword{}
	case f.path == shared.PageResetPassword:
		return &resetPassword{}
	case f.path == shared.PageDisown:
		return &disown{}
	case !slices.Contains(shared.Pages, f.path):
		return html.Div().Class("narrow").Body(
			heading(tr("Page not found")),
			html.P().Class("aside").Body(html.A(shared.PageHome).Text(tr("Go to the start"))),
		)
	case f.problem != nil && f.user == nil:
		return html.Div().Class("narrow").Body(
			heading(title(f.path)),
			html.Div().Class("card").Body(
				html.P().Text(words(f.problem)),
				html.Button().Class("main").Text(tr("Try again")).OnClick(on(f.again)),
			),
		)
	case f.path == shared.PageSettings:
		return &settings{User: f.user, Chosen: f.chosen, Language: language, Overdue: f.overdue()}
	case f.path == shared.PageSystem:
		return f.system()
	default:
		return html.Div().Class("narrow").Body(heading(title(f.path)))
	}
}

// heading is the heading of a page. It takes the focus when the page is gone
// to, so that screen readers say where one is.
func heading(text string) app.HTMLElem {
	return html.H1().ID("title").TabIndex(-1).Text(text)
}

// notice is a sentence at the top of a page.
func notice(text string) app.UI {
	return html.Div().Class("notice").ID("notice").Body(
		app.If(text != "", func() app.UI { return html.P().Text(text) }),
	)
}

// username tells password managers whose password a form is about.
func username(email string) app.UI {
	return html.Input("text").Class("unseen").Attr("name", "username").Attr("autocomplete", "username").
		Attr("value", email).Attr("readonly", true).TabIndex(-1).Aria("hidden", "true")
}

// whole is an address on this server with the part of the page that it names.
func whole(address *url.URL) string {
	if address.Fragment == "" {
		return address.RequestURI()
	}
	return address.RequestURI() + "#" + address.EscapedFragment()
}

// replace goes to another page of the app in the place of this one: going back
// does not lead here again.
func replace(path string) {
	window := app.Window()
	window.Get("history").Call("replaceState", nil, "", path)
	window.Call("dispatchEvent", window.Get("PopStateEvent").New("popstate")) // go-app listens
}
