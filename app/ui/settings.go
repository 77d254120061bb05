package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// settings is the page on which users manage their account: the home, or one of the pages
// below it. It loads the overview of the account, which the home and the list of pages draw.
type settings struct {
	app.Compo
	Env      *env
	Path     string       // the page's
	User     *shared.User // nil until the page knows it
	Chosen   string       // the language that the user chose
	Language string       // in which the page is drawn
	Overdue  bool         // the user can do nothing but enroll a second factor

	ctx      app.Context
	overview loader[shared.Overview]
	drawn    shared.Overview // the overview that the home draws: see [settings.loaded]
	news     bool            // the home draws an overview that is out of date
	watching bool            // the overview is loaded because the user looks at it, and not after a change
	hidden   int             // the [env].timesHidden when the home last drew another overview
	loadedAs string          // the path for which the overview was last loaded
	gone     map[string]bool // the handles of sessions that are being revoked or have been revoked
	busy     bool            // an answer about a sign-in is being sent

	verifying bool // a verification email is being sent
}

// CompoID gives go-app a new page for another user. The page stays the same in another
// language, so that the user's input stays. go-app renders a component again only if one of
// its fields has changed, so components that load nothing have a field for the language.
func (p *settings) CompoID() string {
	if p.User == nil {
		return ""
	}
	return p.User.ID
}

// A settingsPage is a page below the home.
type settingsPage struct {
	path    string
	name    message.ID
	section string // the ID of its section's heading
}

// settingsPages lists the pages below the home, in the order of the list of pages.
var settingsPages = []settingsPage{
	{shared.PageTwoFactorSettings, message.TwoFactorAuthentication, "two-factor"},
	{shared.PagePasskeys, message.YourPasskeys, "passkeys"},
	{shared.PageSessions, message.ActiveSessions, "sessions"},
	{shared.PagePassword, message.AccountPassword, "password"},
	{shared.PageActivity, message.SecurityLog, "log"},
	{shared.PageProfile, message.UserProfile, "profile"},
}

// overduePages lists the pages for users who can do nothing but enroll a second factor.
var overduePages = settingsPages[:2]

// settingsPageAt returns the page below the home at path, or nil.
func settingsPageAt(path string) *settingsPage {
	for i := range settingsPages {
		if settingsPages[i].path == path {
			return &settingsPages[i]
		}
	}
	return nil
}

func (p *settings) OnInit() {
	defer rescue()
	e := p.Env
	p.gone, p.hidden = map[string]bool{}, -1
	initLoader(&p.overview, e, "title", shared.GetOverview)
	p.overview.restore = func() (at time.Time) {
		p.overview.value, at = e.snapshots.overview(e.account())
		p.drawn = p.overview.value
		return at
	}
	p.overview.onLoad = p.loaded
	p.drawn = p.overview.value
}

func (p *settings) OnMount(ctx app.Context) {
	defer rescue()
	p.ctx, p.overview.ctx = ctx, ctx
	handle(ctx, refreshAction, func(app.Context, app.Action) { p.load() })
	if p.Env.connection.slow {
		p.overview.useSnapshot()
	}
	p.load()
	tickClock(ctx, p.Env, &p.overview.now)
	eachMinute(ctx, p.Env, func() {
		if p.Path == shared.PageSettings {
			p.load()
			p.watching = true
		}
	})
}

// OnUpdate implements [app.Updater].
func (p *settings) OnUpdate(app.Context) {
	defer rescue()
	if p.Path != p.loadedAs {
		p.load()
	}
}

// load loads the overview, if the page draws it: narrow windows have no list of pages.
func (p *settings) load() {
	p.loadedAs, p.watching = p.Path, false
	drawn := wide() || slices.Contains([]string{shared.PageSettings, shared.PageProfile, shared.PagePassword}, p.Path)
	if p.User != nil && !p.Overdue && drawn {
		p.overview.load()
	}
}

// Render implements [app.Composer].
func (p *settings) Render() app.UI {
	class := ""
	if p.Path != shared.PageSettings && !p.Overdue {
		class = "below"
	}
	return html.Div().Class("settings", class).Body(
		p.pageList(), // before the heading, to which the skip link leads
		html.Div().Class("head").Body(
			app.If(class != "", p.Env.backLink),
			heading(p.Env.title(p.Path)),
		),
		html.Div().Class("cards").Aria("busy", p.User == nil).Body(p.cards()...),
		p.bar(),
	)
}

// backLink draws the link to the home on a phone, where no list of pages has one.
func (t *env) backLink() app.UI {
	return html.A(shared.PageSettings).Class("back").Aria("label", t.T(message.BackToSecurityHome)).Body(icon("next"))
}

// pageList draws the links to the pages, with the level of each.
func (p *settings) pageList() app.UI {
	e := p.Env
	pages := append([]settingsPage{{shared.PageSettings, message.SecurityHome, ""}}, settingsPages...)
	if p.Overdue {
		pages = overduePages
	}
	links := make([]app.UI, len(pages))
	for i, page := range pages {
		var todo app.UI
		if l, word := e.pageLevel(&p.overview.value, page.path); p.overview.known && l > levelOK {
			todo = html.Span().Class("todo", l.name()).Body(icon(l.name()), span(word))
		}
		links[i] = p.link(page.path).Body(html.Text(e.T(page.name)), todo)
	}
	return html.Nav().Class("sections").Aria("label", e.T(message.PageSections)).Body(links...)
}

// link draws a link to a page, and marks it if it is the current one.
func (p *settings) link(path string) html.Element {
	a := html.A(path)
	if path == p.Path {
		a = a.Aria("current", "page")
	}
	return a
}

// bar draws the links at the bottom of narrow windows, which have no list of pages.
func (p *settings) bar() app.UI {
	e := p.Env
	if p.Overdue {
		return html.Div()
	}
	tab := func(path, kind string, name message.ID) app.UI { return p.link(path).Body(icon(kind), span(e.T(name))) }
	return html.Nav().Class("bar").Aria("label", e.T(message.MainPages)).Body(
		tab(shared.PageSettings, "home", message.HomeShort),
		tab(shared.PageSessions, "laptop", message.SessionsShort),
		tab(shared.PageActivity, "clock", message.LogShort),
	)
}

func (p *settings) cards() []app.UI {
	e, page := p.Env, settingsPageAt(p.Path)
	switch {
	case p.User == nil && page == nil:
		return []app.UI{html.Section().Class("card").Body(skeleton())}
	case p.User == nil:
		return []app.UI{section(page.section, e.T(page.name), skeleton())}
	case p.Overdue:
		return []app.UI{&twoFactor{Env: e}, &passkeys{Env: e, User: *p.User}}
	}
	switch p.Path {
	case shared.PageProfile:
		return []app.UI{p.overview.drawState(), &profile{
			Env: e, User: *p.User, Overview: p.overview.value, Known: p.overview.known, Chosen: p.Chosen, Language: p.Language,
		}}
	case shared.PagePassword:
		return []app.UI{p.overview.drawState(), &password{
			Env: e, User: *p.User, State: p.overview.value.Password, Known: p.overview.known, Waiting: p.overview.waiting(),
			Now: p.overview.now, Language: p.Language, Alone: p.overview.known && p.overview.value.Sessions.Count <= 1,
		}}
	case shared.PageTwoFactorSettings:
		cards := []app.UI{&twoFactor{Env: e}}
		if p.User.TwoFactorEnabled {
			cards = append(cards, &trustedDevices{Env: e})
		}
		return cards
	case shared.PagePasskeys:
		return []app.UI{&passkeys{Env: e, User: *p.User}}
	case shared.PageSessions:
		return []app.UI{&sessions{Env: e}}
	case shared.PageActivity:
		return []app.UI{&events{Env: e}}
	default:
		return p.home()
	}
}

// home draws the home as far as the overview is known.
func (p *settings) home() []app.UI {
	e := p.Env
	content := html.Div().Aria("busy", !p.overview.known)
	switch {
	case p.overview.known:
		content = content.Body(&home{
			Env: e, Overview: p.shown(), Now: p.overview.now, Language: p.Language, Busy: p.busy, Stored: p.overview.stored, News: p.news,
			ShowNews: p.showNews, Verify: p.verify, Confirm: p.confirmSignIn, Report: p.reportSignIn, Revoke: p.confirmRevoke,
		})
	case p.overview.waiting():
		content = content.Body(html.Section().Class("card").Body(skeleton()))
	}
	return []app.UI{p.overview.drawState(), content, &install{Env: e, Language: p.Language}}
}

// pageSection is a section of a page, with the ID of its heading.
type pageSection struct {
	id   string
	name message.ID
}

// sectionLinks draws the links to the sections of a page.
func (t *env) sectionLinks(parts []pageSection) app.UI {
	return html.Nav().Class("sections").Aria("label", t.T(message.PageSections)).Body(
		app.Range(parts).Slice(func(i int) app.UI {
			s := parts[i]
			return html.A("#"+s.id).DataSet("to", s.id).Text(t.T(s.name)).OnClick(on(scrollToSection))
		}),
	)
}

// scrollToSection scrolls to a section. The scrolling is smooth only here, at the wish of the
// user: at each press of the Tab key, it would leave the focused control out of sight.
func scrollToSection(ctx app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // otherwise go-app scrolls and leaves the focus here
	if section := element(ctx.JSSrc().Call("getAttribute", "data-to").String()); section.Truthy() {
		section.Call("focus", map[string]any{"preventScroll": true})
		section.Call("scrollIntoView", map[string]any{"behavior": scrollBehavior(), "block": "start"})
	}
}

// heading draws the heading of a page. It gets the focus when the page opens, so that screen
// readers announce the page.
func heading(text string) html.Element {
	return html.H1().ID("title").TabIndex(-1).Text(text)
}

// notice draws a sentence at the top of a page.
func notice(text string) app.UI {
	return div("notice", drawSentence(text)).ID("notice")
}

// username draws a hidden field that tells password managers the account of a form.
func username(email string) app.UI {
	return html.Input("text").Class("visually-hidden").Attr("name", "username").Attr("autocomplete", "username").
		Attr("value", email).Attr("readonly", true).TabIndex(-1).Aria("hidden", "true")
}

// section draws a section of a page.
func section(id, name string, parts ...app.UI) app.UI {
	return html.Section().Class("card").Aria("labelledby", id).Body(append([]app.UI{
		html.H2().ID(id).TabIndex(-1).Text(name),
	}, parts...)...)
}
