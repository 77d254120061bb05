package ui

import (
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// password is the section in which users change their password. It calls the server for
// [passwordView], which draws the section.
type password struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	State    shared.PasswordState
	Known    bool // the page knows State
	Waiting  bool // State is still loading
	Alone    bool // the user has no other session
	Now      time.Time
	Language string // in which it is drawn

	sending bool
	sent    bool // a link to choose a new password is on its way
}

// change replaces the current password, and tells then the result.
func (s *password) change(in shared.PasswordChange, then func(app.Context, error)) {
	call(s.ctx, s.Env, shared.ChangePassword, in, func(ctx app.Context, _ shared.PasswordChanged, err error) {
		then(ctx, err)
		if err != nil {
			return
		}
		done := message.DonePasswordChanged
		if s.Alone {
			done = message.DonePasswordChangedAlone
		}
		toast(ctx, s.Env.T(done))
		refresh(ctx)
	})
}

// sendLink sends the user a link to choose a new password without the current one.
func (s *password) sendLink() {
	if s.sending {
		return
	}
	s.sending = true
	request := shared.ResetRequest{Email: s.User.Email}
	call(s.ctx, s.Env, shared.RequestPasswordReset, request, func(ctx app.Context, _ shared.ResetRequested, err error) {
		s.sending = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		s.sent = true
	})
}

// Render implements [app.Composer].
func (s *password) Render() app.UI {
	e := s.Env
	return section("password", e.T(message.AccountPassword),
		&passwordView{
			Env: e, User: s.User, State: s.State, Known: s.Known, Waiting: s.Waiting, Alone: s.Alone, Now: s.Now,
			Sending: s.sending, Sent: s.sent, Language: s.Language, Change: s.change, SendLink: s.sendLink,
		},
	)
}

// passwordView draws the state of a password, and a form to change it. It loads nothing.
type passwordView struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	State    shared.PasswordState
	Known    bool // State is what the server says, or said at the time of the snapshot
	Waiting  bool // it is still loading
	Alone    bool // the user has no other session
	Now      time.Time
	Sending  bool
	Sent     bool
	Language string // in which it is drawn
	Change   func(in shared.PasswordChange, then func(app.Context, error))
	SendLink func()

	form     form
	strength strength
}

func (v *passwordView) OnInit() {
	defer rescue()
	v.form.init(v.Env, "password", "currentPassword", "newPassword")
	var others []string
	if !v.Alone {
		others = []string{"revokeOtherSessions", "on"} // the server does so anyway, and then says so
	}
	v.form.calls(v.Env.formCall(shared.ChangePassword.Path, others...))
}

// linkButton draws a button that sends a link to choose a new password.
func (v *passwordView) linkButton(text message.ID) html.Element {
	e := v.Env
	return busy(callButton(e.T(text), e.formCall(shared.RequestPasswordReset.Path, "email", v.User.Email), v.sendLink), v.Sending)
}

func (v *passwordView) sendLink(app.Context, app.Event) { v.SendLink() }

// typedCurrent removes the error of what the user is about to correct.
func (v *passwordView) typedCurrent() {
	dispatch(v.ctx, func(app.Context) { delete(v.form.wrong, "currentPassword") })
}

// typedNew estimates the strength of what has been typed.
func (v *passwordView) typedNew() {
	dispatch(v.ctx, func(app.Context) {
		delete(v.form.wrong, "newPassword")
		v.strength = v.Env.passwordStrength(v.form.value("newPassword"), v.User.Email, v.User.Name)
	})
}

// passwordAge says how long ago a user changed the password, or set it by signing up.
func (t *env) passwordAge(state shared.PasswordState, user shared.User, now time.Time) string {
	text := message.PasswordChangedAgo
	if state.ChangedAt.Sub(user.CreatedAt.Time).Abs() < time.Second {
		text = message.PasswordSetAgo
	}
	return t.T(text, t.ago(state.ChangedAt.Time, now))
}

// passwordStrength estimates the strength of a password of a user of this server.
func (t *env) passwordStrength(password, email, name string) strength {
	local, _, _ := strings.Cut(email, "@")
	return strengthOf(password, append(strings.Fields(name), email, local, t.server.name())...)
}

func (v *passwordView) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !v.form.start(v.ctx, map[string]string{
		"currentPassword": v.Env.T(message.ErrEnterCurrentPassword),
		"newPassword":     v.Env.T(message.ErrChooseNewPassword),
	}) {
		return
	}
	v.Change(shared.PasswordChange{
		CurrentPassword: v.form.value("currentPassword"),
		NewPassword:     v.form.value("newPassword"),
	}, func(_ app.Context, err error) {
		dispatch(v.ctx, func(ctx app.Context) {
			v.form.end(ctx, err)
			if err == nil {
				v.form.clear("currentPassword", "newPassword")
				v.strength = strengthNone
				if focusedElement().Get("localName").String() == "input" { // empty now, as if it asked for another password
					focus(ctx, "password")
				}
			}
		})
	})
}

// Render implements [app.Composer].
func (v *passwordView) Render() app.UI {
	e := v.Env
	if v.Waiting {
		return html.Div().Body(skeleton())
	}
	return html.Div().Class("state").Body(
		html.Div().Body(app.If(v.Known, func() app.UI {
			if at := v.State.ChangedAt; at != nil {
				return html.P().Body(e.timestamp(*at, e.passwordAge(v.State, v.User, v.Now)))
			}
			return html.P().Text(e.T(message.NoPasswordSet))
		})),
		html.Div().Class("state").Body(app.If(!v.Known || v.State.Set, v.drawForm).Else(func() app.UI {
			return html.Div().Class("state").Body(
				v.drawSent(),
				html.Div().Class("actions").Body(v.linkButton(message.SetAPassword).ID("set-password")),
			)
		})),
	)
}

// drawSent says that a link is on its way.
func (v *passwordView) drawSent() app.UI {
	e, text := v.Env, ""
	if v.Sent {
		text = e.T(message.DoneOwnResetLinkSent, v.User.Email) + " " + e.T(message.HintSpamFolder)
	}
	return hint(text).Role("status")
}

func (v *passwordView) drawForm() app.UI {
	e := v.Env
	return formTo(v.submit).Body(
		username(v.User.Email),
		v.form.field(field{
			Name: "currentPassword", Label: e.T(message.CurrentPassword), Type: "password", Complete: "current-password",
			Typed: v.typedCurrent,
		}),
		html.Div().Class("forgot").Body(
			v.linkButton(message.ForgotIt).Class("quiet"),
			v.drawSent(),
		),
		v.form.field(field{
			Name: "newPassword", Label: e.T(message.NewPassword), Type: "password", Complete: "new-password",
			Hint: e.T(message.HintPasswordLength), Typed: v.typedNew,
		}),
		e.drawStrength(v.strength, v.form.wrong["newPassword"]),
		hint(e.T(message.ChangePasswordExplanation)),
		v.form.drawError(),
		html.Div().Class("actions").Body(
			v.form.button(e.T(message.ChangePassword), "main"),
		),
	)
}
