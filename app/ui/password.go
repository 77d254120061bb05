package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// password is the section that changes one's password.
type password struct {
	app.Compo
	Env      *env
	Email    string
	Language string // in which it is

	ctx  app.Context
	form form
}

func (s *password) OnInit() {
	defer rescue()
	s.form = form{env: s.Env, id: "password", fields: []string{"currentPassword", "newPassword"}}
}

func (s *password) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
}

func (s *password) submit(_ app.Context, e app.Event) {
	tr := s.Env.T
	e.PreventDefault()
	if !s.form.start(s.ctx, map[string]string{
		"currentPassword": tr(message.ErrEnterCurrentPassword),
		"newPassword":     tr(message.ErrChooseNewPassword),
	}) {
		return
	}
	in := shared.PasswordChange{
		CurrentPassword: s.form.value("currentPassword"),
		NewPassword:     s.form.value("newPassword"),
	}
	call(s.ctx, s.Env, shared.ChangePassword, in, func(ctx app.Context, _ shared.PasswordChanged, err error) {
		s.form.end(ctx, err)
		if err == nil {
			s.form.clear("currentPassword", "newPassword")
			toast(ctx, tr(message.DonePasswordChanged))
			refresh(ctx)
		}
	})
}

// Render implements [app.Composer].
func (s *password) Render() app.UI {
	tr := s.Env.T
	return section("password", tr(message.AccountPassword),
		html.P().Text(tr(message.ChangePasswordExplanation)),
		html.Form().Attr("novalidate", "true").OnSubmit(on(s.submit)).Body(
			username(s.Email),
			s.form.field(field{Name: "currentPassword", Label: tr(message.CurrentPassword), Type: "password", Complete: "current-password"}),
			s.form.field(field{Name: "newPassword", Label: tr(message.NewPassword), Type: "password", Complete: "new-password", Hint: tr(message.HintPasswordLength)}),
			s.form.drawError(),
			s.form.button(tr(message.ChangePassword), "main"),
		),
	)
}
