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

	ctx     app.Context
	channel app.Value // to the other tabs

	path    string
	opened  bool         // the first page has been gone to
	user    *shared.User // nil if nobody is, or it is not known yet
	problem error        // why it is not known
	may     []string     // the permissions of who is signed in
	enrolBy *shared.Time // when they must have a second factor; nil if they have, or need none
	notice  string       // for the sign-in page: why one is there
	next    string       // where to go after signing in
	offline bool
	about   about     // this server
	leaving bool      // signing out
	looked  time.Time // when the server was last asked who is signed in
	changes int       // how often that has changed: older answers are void

	upgrading *passkey.Request // see [frame.upgrade]
}

// Why one is on the sign-in page.
const (
	sessionEnded       = "You have been signed out: this session was ended from another device, or it expired."
	signedOut          = "You are signed out."
	signedOutElsewhere = "You signed out in another tab."
	accountDeleted     = "Your account is deleted."
	passwordChosen     = "Your new password is set. Sign in with it."
	signInFirst        = "Sign in to see your settings."
	signInToGoOn       = "Sign in to go on."
)

const (
	enterAction   = "enter"
	knowAction    = "know"
	leaveAction   = "leave"
	signOutAction = "sign-out"
	refreshAction = "refresh"
	upgradeAction = "upgrade"
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

// leave goes to the sign-in page, which gives the reason.
func leave(ctx app.Context, reason string) {
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

func (f *frame) OnInit() {
	defer rescue()
	f.path = app.Window().URL().Path
}

func (f *frame) OnMount(ctx app.Context) {
	defer rescue()
	f.ctx = ctx
	f.offline = !online()
	ctx.Handle(challengeAction, f.challenge)
	ctx.Handle(enterAction, f.enter)
	ctx.Handle(knowAction, f.know)
	ctx.Handle(leaveAction, f.leave)
	ctx.Handle(signOutAction, f.signOut)
	ctx.Handle(refreshAction, f.refresh)
	ctx.Handle(upgradeAction, f.upgrade)
	ctx.Handle(learnAction, f.learn)

	if !app.IsClient {
		return
	}
	learn(ctx)
	window := app.Window()
	listen(ctx, window, "offline", func(app.Context, app.Value) { f.offline = true })
	listen(ctx, window, "online", func(ctx app.Context, _ app.Value) {
		f.offline = false
		f.look(ctx)
		learn(ctx)
	})
	listen(ctx, window, "focus", f.back)
	listen(ctx, window.Get("document"), "visibilitychange", f.back)

	f.channel = window.Get("BroadcastChannel").New("latchkey")
	listen(ctx, f.channel, "message", f.hear)
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
	case shared.PageSignUp, shared.PageForgotPassword, shared.PageResetPassword, shared.PageDisown, shared.PageEmail:
		return true
	}
	return false
}

func title(path string) string {
	switch path {
	case shared.PageHome:
		return "Welcome"
	case shared.PageSignIn:
		return "Sign in"
	case shared.PageSignUp:
		return "Create an account"
	case shared.PageTwoFactor:
		return "Two-factor authentication"
	case shared.PageSettings:
		return "Settings"
	case shared.PageSystem:
		return "System"
	case shared.PageForgotPassword:
		return "Forgot password"
	case shared.PageResetPassword:
		return "Choose a new password"
	case shared.PageDisown:
		return "Was it not you?"
	case shared.PageEmail:
		return "Email address"
	default:
		return "Page not found"
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
		case err != nil:
		case current != nil:
			f.user, f.may, f.enrolBy = &current.User, current.Permissions, current.EnrolBy
			remember()
			f.settle(ctx)
		case f.user != nil || remembered():
			leave(ctx, sessionEnded)
		default:
			f.settle(ctx)
		}
	})
}

// settle goes to another page if this one is not for who is signed in.
func (f *frame) settle(ctx app.Context) {
	address := ctx.Page().URL()
	switch f.path {
	case shared.PageHome, shared.PageSignIn, shared.PageTwoFactor:
		if f.user != nil {
			replace(nextPage(f.next))
		} else if f.path == shared.PageHome {
			replace(shared.PageSignIn)
		}
	case shared.PageSignUp:
		if f.user != nil && !address.Query().Has("invite") {
			replace(nextPage(f.next))
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
	defer rescue()
	f.look(f.ctx)
}

// What tabs say to each other.
const (
	hearIn   = "signed in"
	hearOut  = "signed out"
	hearGone = "account deleted"
)

func (f *frame) hear(ctx app.Context, message app.Value) {
	switch message.Get("data").String() {
	case hearIn:
		refresh(ctx)
	case hearOut:
		f.out(signedOutElsewhere)
	case hearGone:
		f.out(accountDeleted)
	}
}

func (f *frame) challenge(ctx app.Context, a app.Action) {
	defer rescue()
	keepMethods(a.Value.([]string))
	ctx.Navigate(challengePage(f.next))
}

func (f *frame) enter(_ app.Context, a app.Action) {
	defer rescue()
	user := a.Value.(shared.User)
	f.user, f.problem = &user, nil
	f.changes++
	remember()
	forgetMethods()
	f.channel.Call("postMessage", hearIn)
	replace(nextPage(f.next))
	f.next = ""
	f.look(f.ctx) // for what a sign-in does not answer: what they may do
}

// upgrade has the browser make a passkey without asking, which it does if it has
// just filled in the password from where it keeps passkeys too. Nobody waits
// for it, and nobody is told if it comes to nothing.
func (f *frame) upgrade(app.Context, app.Action) {
	defer rescue()
	if !passkey.Supported() {
		return
	}
	changes := f.changes
	ctx := f.ctx
	ctx.Async(func() {
		defer rescue()
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
		ctx.Dispatch(func(ctx app.Context) {
			defer rescue()
			say(ctx, "Passkey added. Next time, sign in without a password.")
			refresh(ctx)
		})
	})
}

func (f *frame) know(_ app.Context, a app.Action) {
	defer rescue()
	user := a.Value.(shared.User)
	f.user = &user
}

func (f *frame) leave(ctx app.Context, a app.Action) {
	defer rescue()
	reason := a.Value.(string)
	if reason == signedOut {
		f.channel.Call("postMessage", hearOut)
	} else if reason == accountDeleted {
		f.channel.Call("postMessage", hearGone)
	} else if address := ctx.Page().URL(); address.Path != shared.PageSignIn && address.Path != shared.PageTwoFactor && !public(address.Path) {
		f.next = whole(address) // they will want to go on
	}
	f.out(reason)
}

// out forgets who was signed in, here and in what the browser keeps.
func (f *frame) out(reason string) {
	f.user, f.may, f.enrolBy, f.leaving = nil, nil, nil, false
	f.changes++
	f.upgrading.Abort()
	wipe()
	shut("question")
	shut("step-up")
	shut("factor")
	say(f.ctx, "")
	if public(f.path) && reason != passwordChosen {
		return
	}
	f.notice = reason
	replace(shared.PageSignIn)
}

func (f *frame) clickSignOut(ctx app.Context, _ app.Event) {
	defer rescue()
	signOut(ctx)
}

func (f *frame) signOut(app.Context, app.Action) {
	defer rescue()
	if f.leaving {
		return
	}
	f.leaving = true
	wipe() // whatever the server says
	call(f.ctx, shared.SignOut, shared.None{}, func(ctx app.Context, _ shared.Success, err error) {
		f.leaving = false
		if err != nil {
			complain(ctx, err)
			return
		}
		leave(ctx, signedOut)
	})
}

func (f *frame) again(app.Context, app.Event) {
	defer rescue()
	f.problem = nil
	f.look(f.ctx)
}

func (f *frame) skip(ctx app.Context, e app.Event) {
	defer rescue()
	e.PreventDefault()
	e.Call("stopPropagation") // go-app would only scroll
	focus(ctx, "title")
}

// Render implements [app.Composer].
func (f *frame) Render() app.UI {
	email := ""
	if f.user != nil {
		email = f.user.Email
	}
	return html.Div().Class("frame").Body(
		html.A("#title").Class("skip").Text("Skip to the content").OnClick(f.skip),
		html.Header().Class("top").Body(
			html.A(shared.PageHome).Class("brand").Body(
				html.Img("/web/icon.svg", 28),
				app.Text(f.about.name()),
			),
			html.Nav().Class("pages").Aria("label", "Pages").Body(f.pages()...),
			html.Div().Class("who").Body(
				app.If(f.user != nil, func() app.UI {
					return html.Span().Class("email").Text(email)
				}),
				app.If(f.user != nil, func() app.UI {
					return html.Button().ID("sign-out").Text("Sign out").
						Aria("busy", f.leaving).Aria("disabled", f.leaving).
						OnClick(f.clickSignOut)
				}),
			),
		),
		html.Div().Class("banner").Role("status").Body(
			app.If(f.offline, func() app.UI {
				return html.P().Text("You are offline. Changing anything needs a connection.")
			}),
			app.If(f.enrolBy != nil, func() app.UI {
				return html.P().Body(
					app.Text(enrolWords(f.enrolBy, f.overdue())+" "),
					html.A(shared.PageSettings+"#two-factor").Text("Turn it on"),
				)
			}),
		),
		html.Main().ID("content").TabIndex(-1).Body(f.page()),
		&toasts{},
		&questionDialog{},
		&factorDialog{User: f.user},
		&stepUpDialog{Email: email, TwoFactor: f.user != nil && f.user.TwoFactorEnabled},
	)
}

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
	return f.enrolBy != nil && !f.enrolBy.After(time.Now())
}

func enrolWords(by *shared.Time, overdue bool) string {
	if overdue {
		return "Your account needs two-factor authentication, and the time for it is over. Nothing else can be done here until it is on, or until you sign in with a passkey."
	}
	return "Your account needs two-factor authentication: turn it on, or sign in with a passkey, by " + local(*by, "long", "short") + ". After that, nothing else can be done here."
}

func (f *frame) page() app.UI {
	switch {
	case f.path == shared.PageSignIn:
		return &signIn{Notice: f.notice, About: f.about}
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
	case f.path == shared.PageEmail:
		return emailPage(f.user)
	case !slices.Contains(shared.Pages, f.path):
		return html.Div().Class("narrow").Body(
			heading("Page not found"),
			html.P().Class("aside").Body(html.A(shared.PageHome).Text("Go to the start")),
		)
	case f.problem != nil && f.user == nil:
		return html.Div().Class("narrow").Body(
			heading(title(f.path)),
			html.Div().Class("card").Body(
				html.P().Text(words(f.problem)),
				html.Button().Class("main").Text("Try again").OnClick(f.again),
			),
		)
	case f.path == shared.PageSettings:
		return &settings{User: f.user, Overdue: f.overdue()}
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
	return html.Input("text").Attr("name", "username").Attr("autocomplete", "username").
		Attr("value", email).Attr("readonly", true).Hidden(true)
}

// nextPage is next if it is the address of a page of this app to go to after
// signing in, and else the one to go to anyway. What is in an address can be
// anybody's: it must lead nowhere else.
func nextPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return shared.PageSettings
	}
	switch {
	case u.Path == shared.PageHome, u.Path == shared.PageSignIn, u.Path == shared.PageTwoFactor, public(u.Path):
		return shared.PageSettings
	case !slices.Contains(shared.Pages, u.Path):
		return shared.PageSettings
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery, Fragment: u.Fragment}).String()
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
