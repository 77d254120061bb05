package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// password is the section in which users change their password.
type password struct {
	app.Compo
	mounted
	Env      *env
	Email    string
	Language string // in which it is drawn

	form form
}

func (s *password) OnInit() {
	defer rescue()
	s.form.init(s.Env, "password", "currentPassword", "newPassword")
}

func (s *password) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !s.form.start(s.ctx, map[string]string{
		"currentPassword": s.Env.T(message.ErrEnterCurrentPassword),
		"newPassword":     s.Env.T(message.ErrChooseNewPassword),
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
			toast(ctx, s.Env.T(message.DonePasswordChanged))
			refresh(ctx)
		}
	})
}

// Render implements [app.Composer].
func (s *password) Render() app.UI {
	e := s.Env
	return section("password", e.T(message.AccountPassword),
		html.P().Text(e.T(message.ChangePasswordExplanation)),
		formTo(s.submit).Body(
			username(s.Email),
			s.form.field(field{Name: "currentPassword", Label: e.T(message.CurrentPassword), Type: "password", Complete: "current-password"}),
			s.form.field(field{
				Name: "newPassword", Label: e.T(message.NewPassword), Type: "password", Complete: "new-password",
				Hint: e.T(message.HintPasswordLength),
			}),
			s.form.drawError(),
			s.form.button(e.T(message.ChangePassword), "main"),
		),
	)
}
