package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// settings is the page on which users manage their account.
type settings struct {
	app.Compo
	Env      *env
	User     *shared.User // nil until the page knows it
	Chosen   string       // the language that the user chose
	Language string       // in which the page is drawn
	Overdue  bool         // the user can do nothing but enroll a second factor
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

// sections lists the sections of the page.
var sections = []pageSection{
	{"profile", message.UserProfile},
	{"password", message.AccountPassword},
	{"two-factor", message.TwoFactorAuthentication},
	{"passkeys", message.YourPasskeys},
	{"sessions", message.ActiveSessions},
	{"log", message.SecurityLog},
}

// OnMount focuses the section in the fragment of the address. Password managers link to
// sections.
func (p *settings) OnMount(ctx app.Context) {
	defer rescue()
	for _, s := range sections {
		if ctx.Page().URL().Fragment == s.id {
			focus(ctx, s.id)
		}
	}
}

// Render implements [app.Composer].
func (p *settings) Render() app.UI {
	parts := sections
	if p.Overdue {
		parts = sections[2:4]
	}
	return html.Div().Class("settings").Body(
		heading(p.Env.T(message.AccountSettings)),
		p.Env.sectionLinks(parts),
		html.Div().Class("cards").Aria("busy", p.User == nil).Body(p.cards()...),
	)
}

func (p *settings) cards() []app.UI {
	e := p.Env
	switch {
	case p.User == nil:
		cards := make([]app.UI, len(sections))
		for i, s := range sections {
			cards[i] = section(s.id, e.T(s.name), skeleton())
		}
		return cards
	case p.Overdue:
		return []app.UI{&twoFactor{Env: e}, &passkeys{Env: e, User: *p.User}}
	}
	cards := []app.UI{
		&profile{Env: e, User: *p.User, Chosen: p.Chosen, Language: p.Language},
		&password{Env: e, Email: p.User.Email, Language: p.Language},
		&twoFactor{Env: e},
		&passkeys{Env: e, User: *p.User},
		&sessions{Env: e},
	}
	if p.User.TwoFactorEnabled {
		cards = append(cards, &trustedDevices{Env: e})
	}
	return append(cards, &events{Env: e}, &install{Env: e, Language: p.Language})
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

func scrollToSection(ctx app.Context, e app.Event) {
	e.PreventDefault()
	e.Call("stopPropagation") // otherwise go-app scrolls and leaves the focus here
	focus(ctx, ctx.JSSrc().Call("getAttribute", "data-to").String())
}

// heading draws the heading of a page. It gets the focus when the page opens, so that screen
// readers announce the page.
func heading(text string) app.HTMLElem {
	return html.H1().ID("title").TabIndex(-1).Text(text)
}

// notice draws a sentence at the top of a page.
func notice(text string) app.UI {
	return html.Div().Class("notice").ID("notice").Body(
		app.If(text != "", func() app.UI { return html.P().Text(text) }),
	)
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
