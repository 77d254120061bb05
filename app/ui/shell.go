package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// shell is the root component of every page, and stays when the page changes. It draws the
// current page, its header and banner, and the dialogs and toasts that all pages share.
//
// At each navigation, go-app creates a new shell and copies its exported fields to the
// existing one. So shell has no exported fields.
type shell struct {
	app.Compo

	page       *Page // in which the app starts; nil until the app has read it
	ctx        app.Context
	env        *env
	route      route
	state      message.ID // the title of the page's state; 0 for that of the page
	scroller   scroller
	upgrade    passkeyUpgrade
	served     served
	answered   bool      // the server has said who is signed in, or has not been reached
	fetchedAt  time.Time // when the server was last asked who is signed in
	signingOut bool

	language       string // the tag of the language to which the page switches, or that it has
	missedLanguage string // the tag of the last one that could not be loaded
}

func (s *shell) OnInit() {
	defer rescue()
	nextSlice()
	s.env = newEnv()
	if s.page == nil {
		s.page = s.env.readPage()
	}
	nextSlice()
	s.env.start(s.page)
	nextSlice()
	s.route.start(s.page.Address)
	if link := s.page.State.Link; link != nil && link.Error != nil {
		s.state = message.ErrLinkNoLongerWorks
	}
	s.language, s.served = s.env.Language.Tag, served{s.page.Language.Tag, s.page.Name}
}

func (s *shell) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx, s.env.drawnAt = ctx, time.Time{}
	s.env.preferences.load() // the server drew the page without them
	s.env.connection.offline = !online()
	handle(ctx, connectionAction, s.onConnection)
	handle(ctx, announceChangeAction, s.onAnnounceChange)
	handle(ctx, secondFactorAction, s.onSecondFactor)
	handle(ctx, signedInAction, s.onSignedIn)
	handle(ctx, updateUserAction, s.onUpdateUser)
	handle(ctx, goToSignInAction, s.onGoToSignIn)
	handle(ctx, signOutAction, s.onSignOut)
	handle(ctx, refreshAction, s.onRefresh)
	handle(ctx, passkeyUpgradeAction, s.onUpgradeToPasskey)
	handle(ctx, serverInfoAction, s.onFetchServerInfo)
	handle(ctx, setLanguageAction, s.onSetLanguage)
	handle(ctx, setTitleAction, s.onSetTitle)

	if !app.IsClient {
		return
	}
	fetchServerInfo(ctx)
	s.useLanguage(savedLanguage())
	window := app.Window()
	connected := func(ctx app.Context, _ app.Value) { s.updateConnection(ctx) }
	listen(ctx, window, "offline", connected)
	listen(ctx, window, "online", connected)
	listen(ctx, window, "focus", s.onFocus)
	listen(ctx, window, "popstate", func(app.Context, app.Value) { s.env.focus.dialogs.traversed() })
	for _, dialog := range dialogs {
		listen(ctx, element(dialog), "close", s.onDialogClosed)
	}
	listen(ctx, window.Get("document"), "visibilitychange", s.onFocus)
	s.env.tabs.open(ctx, s.onTabMessage)
	if s.page.State.At.IsZero() {
		s.expectData(ctx)
	}
}

// OnNav implements [app.Navigator].
func (s *shell) OnNav(ctx app.Context) {
	defer rescue()
	if to := sectionPage(ctx.Page().URL()); to != "" {
		replacePage(to)
		return
	}
	first := !s.route.opened
	s.env.focus.dialogs.navigated()
	at, back := s.scroller.navigated()
	s.env.wentBack = back
	if !s.route.moveTo(ctx.Page().URL()) {
		if back { // to another part of the same page, such as the log of all users
			scrollTo(ctx, at.offset)
			afterRender(ctx, func(app.Context) { at.focusLink() })
		}
		return
	}
	s.env.focus.dialogs.closeAll() // they are about the page that the user has left
	if !first {
		s.state = 0
	}
	s.env.opened.keepOnly(s.route.path)
	s.setTitle()
	if !first {
		scrollTo(ctx, at.offset)
		afterRender(ctx, func(app.Context) {
			if !back || !at.focusLink() { // a heading makes screen readers announce the page
				element("title").Call("focus", map[string]any{"preventScroll": true})
			}
		})
	}
	if first || s.env.identity.user == nil {
		s.fetchSession(ctx)
	} else {
		s.redirect(ctx)
	}
}

// title returns the title of the window: the names of the page and of the server.
func (s *shell) title() string {
	title := s.env.title(s.route.path)
	if s.state != 0 {
		title = s.env.T(s.state)
	}
	return title + " · " + s.env.server.name()
}

func (s *shell) setTitle() { app.Window().Get("document").Set("title", s.title()) }

const setTitleAction = "set-title"

// setTitle gives the page another title, which its heading has, too; 0 restores the page's own.
func setTitle(ctx app.Context, title message.ID) { ctx.NewActionWithValue(setTitleAction, title) }

func (s *shell) onSetTitle(_ app.Context, a app.Action) {
	s.state = a.Value.(message.ID)
	s.setTitle()
}

// onDialogClosed keeps the focus near the control that opened the dialog, which is disabled
// while the page is offline.
func (s *shell) onDialogClosed(ctx app.Context, _ app.Value) {
	if s.env.connection.offline {
		s.env.focus.dialogClosed(ctx)
	}
}

func (s *shell) retryFetch(app.Context, app.Event) {
	s.env.identity.problem = nil
	s.fetchSession(s.ctx)
}

func (s *shell) skip(ctx app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // otherwise go-app only scrolls
	focus(ctx, "title")
}

// dialogs lists the IDs of the shell's dialogs. Offline, they disable the controls that need
// the server, but never those that close the dialog.
var dialogs = []string{"confirm", "factor", "step-up", addPasskeyAction, deleteDialog}

// Render implements [app.Composer].
func (s *shell) Render() app.UI {
	e, user, offline := s.env, s.env.identity.user, s.env.connection.offline
	email := ""
	if user != nil {
		email = user.Email
	}
	role, why := "presentation", ""
	if offline {
		role, why = "group", e.T(e.connection.text())
	}
	parts := []app.UI{
		html.A("#title").Class("skip").Text(e.T(message.SkipToContent)).OnClick(on(s.skip)),
		s.top(email),
		s.banner(),
		html.Form().ID(callsForm).Attr("hidden", true),
		html.Main().ID("content").TabIndex(-1).Body(
			// Disabling it disables all its controls. Offline, the app neither changes
			// anything nor queues changes.
			html.Fieldset().Class("page").Attr("disabled", offline).Role(role).Aria("label", why).Body(s.content()),
		),
		&toasts{Env: e},
	}
	if s.page == nil || s.page.Task == nil { // the app, which has dialogs, does not run on the page of a task
		parts = append(parts,
			&confirmDialog{Env: e, Offline: offline},
			&addPasskeyDialog{Env: e, Offline: offline},
			&deleteAccountDialog{Env: e, Offline: offline},
			&factorDialog{Env: e, User: user, Offline: offline},
			&stepUpDialog{Env: e, Email: email, TwoFactor: user != nil && user.TwoFactorEnabled, Offline: offline},
		)
	}
	return html.Div().Class("shell").Body(parts...)
}

const offlineText message.ID = message.ErrOfflineReadOnly

// top draws the header: the server's name, the links to the pages, and the user.
func (s *shell) top(email string) app.UI {
	e, signedIn := s.env, s.env.identity.user != nil
	return html.Header().Class("top").Body(
		html.A(shared.PageHome).Class("brand").Body(
			html.Span().Class("mark"),
			html.Text(e.server.name()),
		),
		html.Nav().Class("pages").Aria("label", e.T(message.PageNavigation)).Body(s.pages()...),
		html.Div().Class("account").Body(
			app.If(signedIn, func() app.UI {
				return html.Span().Class("email").Text(email)
			}),
			app.If(signedIn, func() app.UI {
				return busy(callButton(e.T(message.SignOut), e.formCall(shared.SignOut.Path), s.clickSignOut), s.signingOut).ID("sign-out")
			}),
		),
	)
}

// banner draws the notices that apply to all pages.
func (s *shell) banner() app.UI {
	e, i := s.env, &s.env.identity
	return html.Div().Class("banner").Role("status").Body(
		app.If(e.connection.offline, func() app.UI {
			return html.P().Class("connection").Text(e.T(e.connection.text()))
		}),
		app.If(i.enrollBy != nil, func() app.UI {
			return html.P().Body(
				html.Text(e.enrollmentText(i.enrollBy, s.overdue())+" "),
				html.A(shared.PageTwoFactorSettings).Text(e.T(message.TurnItOn)),
			)
		}),
	)
}

func (t *env) enrollmentText(by *shared.Time, overdue bool) string {
	if overdue {
		return t.T(message.TwoFactorOverdue)
	}
	return t.T(message.TwoFactorDueBy, t.localTime(*by, "medium", "short"))
}

func (s *shell) overdue() bool { return s.env.identity.overdue(s.env.now()) }

// pages draws links to the pages, for users with permissions for the system page.
func (s *shell) pages() []app.UI {
	if i := &s.env.identity; i.user == nil || !i.administers() {
		return nil
	}
	link := func(path string) app.UI {
		a := html.A(path).Text(s.env.title(path))
		switch {
		case path == s.route.path:
			a = a.Aria("current", "page")
		case path == shared.PageSettings && isSettings(s.route.path):
			a = a.Aria("current", "true") // the page is one below it
		}
		return a
	}
	return []app.UI{link(shared.PageSettings), link(shared.PageSystem)}
}

// content draws the current page.
func (s *shell) content() app.UI {
	e, i, path := s.env, &s.env.identity, s.route.path
	language := e.Language.Tag
	if task := s.task(); task != nil {
		return task
	}
	switch {
	case path == shared.PageSignIn:
		return &signIn{Env: e, Language: language, Notice: e.signInNotice(s.route.reason), Server: e.server}
	case path == shared.PageSignUp:
		return &signUp{Env: e, Language: language, Server: e.server}
	case path == shared.PageTwoFactor:
		return &secondFactor{Env: e, Language: language}
	case path == shared.PageForgotPassword:
		return &forgotPassword{Env: e, Language: language}
	case path == shared.PageResetPassword:
		return &resetPassword{Env: e, Language: language}
	case path == shared.PageNotMe:
		return &notMe{Env: e, Language: language}
	case !slices.Contains(shared.Pages, path):
		return narrow(
			heading(e.T(message.PageNotFound)),
			html.P().Class("aside").Body(
				html.Text(e.T(message.ErrAddressNotFound)+" "),
				html.A(shared.PageHome).Text(e.T(message.GoToStart)),
			),
		)
	case i.problem != nil && i.user == nil:
		return narrow(
			heading(e.title(path)),
			html.Div().Class("card").Body(
				html.P().Text(e.errorMessage(i.problem)),
				button(e.T(message.TryAgain), s.retryFetch).Class("main"),
			),
		)
	case isSettings(path):
		return &settings{Env: e, Path: path, User: i.user, Chosen: i.language, Language: language, Overdue: s.overdue()}
	case path == shared.PageSystem:
		return s.system()
	default:
		return narrow(heading(e.title(path)))
	}
}
