package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// users is the section in which administrators manage users.
type users struct {
	app.Compo
	Env *env
	Own string // the ID of the administrator
	Log bool   // the administrator may read the log of all users

	Offline bool

	ctx    app.Context
	form   form
	list   pager
	users  []shared.ManagedUser
	busyID string // the ID of the user on whom an action is running

	searched string // what the address of the page searches for
}

func (s *users) OnInit() {
	defer rescue()
	s.form.init(s.Env, "users", "search")
	s.list.init(s.Env, "users")
	s.list.fetch = s.fetch
	s.list.onAnswer = func() { s.form.busy = false }
	address := s.Env.address()
	query := userQuery(address)
	s.searched, s.list.filter, s.list.from = query.Search, query.Search, address.Query().Get(afterParameter)
	var first shared.UserPage
	if s.list.fromPage(shared.ListUsers.Path, query, &first) {
		s.list.start(newPage(&s.users, first.Users, first.Next, userID))
	}
}

func (s *users) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
}

// fetch fetches the page of users that a search finds and that follow after.
func (s *users) fetch(ctx app.Context, search, after string, answered func(app.Context, page, error)) {
	call(ctx, s.Env, shared.ListUsers, shared.UserQuery{Search: search, After: after}, func(ctx app.Context, out shared.UserPage, err error) {
		answered(ctx, newPage(&s.users, out.Users, out.Next, userID), err)
	})
}

func (s *users) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	s.form.busy = true
	s.list.from = ""
	s.list.restart(strings.TrimSpace(s.form.value("search")))
}

// An adminAction is an action of an administrator on a user.
type adminAction struct {
	title, text, yes, done message.ID // title and done have a %s for the address
	call                   shared.Endpoint[shared.None, shared.Status]
}

var (
	resetFactors = &adminAction{
		message.ConfirmResetFactors,
		message.ResetFactorsConsequences,
		message.ResetFactors, message.DoneFactorsReset, shared.ResetFactors,
	}
	endSessions = &adminAction{
		message.ConfirmRevokeSessions, message.RevokeSessionsConsequences,
		message.RevokeSessions, message.DoneSessionsRevoked, shared.RevokeUserSessions,
	}
	disableUser = &adminAction{
		message.ConfirmDisableAccount, message.DisableAccountConsequences,
		message.DisableAccount, message.DoneAccountDisabled, shared.DisableUser,
	}
	enableUser = &adminAction{
		message.ConfirmEnableAccount, message.EnableAccountConsequences,
		message.EnableAccount, message.DoneAccountEnabled, shared.EnableUser,
	}
)

func (s *users) confirm(one shared.ManagedUser, a *adminAction) {
	if s.busyID != "" {
		return
	}
	c := a.question(s.Env, one)
	c.Do = func() { s.run(one, a) }
	confirm(s.ctx, c)
}

// question asks whether to apply the action to an account.
func (a *adminAction) question(e *env, one shared.ManagedUser) confirmation {
	return confirmation{Title: e.T(a.title, one.Email), Text: e.T(a.text), Yes: e.T(a.yes), Harmless: a == enableUser}
}

func (s *users) run(one shared.ManagedUser, a *adminAction) {
	s.busyID = one.ID
	call(s.ctx, s.Env, a.call.At("id", one.ID), shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		s.busyID = ""
		if err != nil {
			toastError(ctx, err)
			return
		}
		toast(ctx, s.Env.T(a.done, one.Email))
		s.reload(one)
		refresh(ctx) // the log has an entry more
	})
}

// reload fetches one user again.
func (s *users) reload(one shared.ManagedUser) {
	call(s.ctx, s.Env, shared.ListUsers, shared.UserQuery{Search: one.Email}, func(_ app.Context, page shared.UserPage, err error) {
		for _, now := range page.Users {
			for i := range s.users {
				if s.users[i].ID == one.ID && now.ID == one.ID {
					s.users[i] = now
				}
			}
		}
	})
}

// Render implements [app.Composer].
func (s *users) Render() app.UI {
	e := s.Env
	return section("users", e.T(message.UserAccounts),
		getForm(shared.PageSystem, "users").ID("users-search-form").Class("inline-form").OnSubmit(on(s.submit)).Body(
			s.form.field(field{
				Name: searchParameter, Label: e.T(message.SearchUsers), Type: "search", Complete: "off", Hint: e.T(message.HintSearchUsers),
				Value: s.searched,
			}),
			html.Div().Class("actions").Body(s.form.button(e.T(message.SearchUsers), "")),
		),
		e.keepParameters("users-search-form", searchParameter, afterParameter),
		s.list.drawState(),
		s.list.drawItems("sessions", len(s.users), e.T(message.NoUsersFound), func(i int) app.UI {
			one := s.users[i]
			return &userRow{
				Env: e, One: one, Now: s.list.now, Own: one.ID == s.Own, Log: s.Log, Offline: s.Offline, Busy: s.busyID == one.ID,
				Confirm: s.confirm,
			}
		}),
		s.list.drawMore("users-next", afterParameter),
		e.pageForm("users-next", "users", afterParameter),
		e.pageForm(usersForm, "users"),
	)
}

// userRow is one user in the list. It is its own component for the same reason as
// [sessionRow].
type userRow struct {
	app.Compo
	Env     *env
	One     shared.ManagedUser
	Now     time.Time
	Own     bool // the user is the administrator
	Log     bool // the row links to the user's entries in the log
	Offline bool
	Busy    bool
	Confirm func(shared.ManagedUser, *adminAction)
}

// CompoID implements [app.DismountEnforcer].
func (r *userRow) CompoID() string { return r.One.ID }

func userID(one shared.ManagedUser) string { return "user-" + one.ID }

// usersForm is the ID of the form that opens the pages of the actions, without the app.
const usersForm = "users-action"

func (r *userRow) reset(_ app.Context, e app.Event) {
	e.PreventDefault()
	r.Confirm(r.One, resetFactors)
}

func (r *userRow) end(_ app.Context, e app.Event) {
	e.PreventDefault()
	r.Confirm(r.One, endSessions)
}

func (r *userRow) toggleDisabled(_ app.Context, e app.Event) {
	e.PreventDefault()
	r.Confirm(r.One, r.toggle())
}

// toggle returns the action that disables the account, or enables it again.
func (r *userRow) toggle() *adminAction {
	if r.One.DisabledAt != nil {
		return enableUser
	}
	return disableUser
}

// Render implements [app.Composer].
func (r *userRow) Render() app.UI {
	e := r.Env
	one := r.One
	active := app.UI(html.Text(e.T(message.NotSignedIn)))
	if one.LastActiveAt != nil {
		active = e.timestamp(*one.LastActiveAt, e.ago(one.LastActiveAt.Time, r.Now))
	}
	badges := append([]string(nil), one.Permissions...)
	if r.Own {
		badges = append([]string{e.T(message.OwnAccount)}, badges...)
	}
	action := func(a *adminAction, class string, h app.EventHandler) app.UI {
		call := e.formCall(a.call.At("id", one.ID).Path)
		return openPage(busyButton(e.T(a.yes), h, r.Busy), usersForm, shared.FormCall, call).Class(class).Aria("describedby", userID(one))
	}
	var actions []app.UI
	if !r.Own { // administrators manage their own account on the settings page
		actions = append(actions,
			action(resetFactors, "", r.reset),
			action(endSessions, "", r.end),
			action(r.toggle(), onOff(one.DisabledAt != nil, "", "danger"), r.toggleDisabled),
		)
	}
	if r.Log {
		log := html.A(logOf(e.address(), "", logScope{user: one.ID})).Class("button")
		if r.Offline {
			log = html.Button() // a fieldset cannot disable a link
		}
		actions = append(actions, log.Aria("describedby", userID(one)).Text(e.T(message.SecurityLog)))
	}
	return html.Li().Class("session user").Body(
		icon("person"),
		html.P().Class("device").Body(
			html.Strong().ID(userID(one)).TabIndex(-1).Text(one.Email),
			app.If(one.Name != "", func() app.UI { return html.Span().Class("hint").Text(one.Name) }),
			app.If(one.DisabledAt != nil, func() app.UI { return status(levelAlarm, e.T(message.AccountIsDisabled)) }),
			app.Range(badges).Slice(func(i int) app.UI { return label(badges[i]) }),
		),
		html.Dl().Class("facts").Body(
			fact(e.T(message.LastActive), active),
			fact(e.T(message.SessionsShort), html.Text(strconv.Itoa(one.Sessions))),
			fact(e.T(message.TwoFactorShort), html.Text(onOff(one.TwoFactorEnabled, e.T(message.StateOn), e.T(message.StateOff)))),
			fact(e.T(message.YourPasskeys), html.Text(strconv.Itoa(one.Passkeys))),
		),
		html.Div().Class("user-actions").Body(app.If(len(actions) > 0, func() app.UI {
			return html.Div().Class("actions").Body(actions...)
		})),
	)
}
