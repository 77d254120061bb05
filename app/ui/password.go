package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// password is the section that changes the password.
type password struct {
	app.Compo
	mounted
	Env      *env
	Email    string
	Language string // that it is drawn in

	form form
}

func (s *password) OnInit() {
	defer rescue()
	s.form.init(s.Env, "password", "currentPassword", "newPassword")
}

func (s *password) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !s.form.start(s.ctx, map[string]string{
		"currentPassword": s.Env.T("Enter your current password."),
		"newPassword":     s.Env.T("Choose a new password."),
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
			toast(ctx, s.Env.T("Your password is changed, and your other sessions are signed out."))
			refresh(ctx)
		}
	})
}

// Render implements [app.Composer].
func (s *password) Render() app.UI {
	e := s.Env
	return section("password", e.T("Password"),
		html.P().Text(e.T("Changing it signs out all of your other sessions.")),
		html.Form().Attr("novalidate", "true").OnSubmit(on(s.submit)).Body(
			username(s.Email),
			s.form.field(field{Name: "currentPassword", Label: e.T("Current password"), Type: "password", Complete: "current-password"}),
			s.form.field(field{
				Name: "newPassword", Label: e.T("New password"), Type: "password", Complete: "new-password",
				Hint: e.T("At least 8 characters. Longer is stronger."),
			}),
			s.form.drawError(),
			s.form.button(e.T("Change password"), "main"),
		),
	)
}
