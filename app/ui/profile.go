package ui

import (
	"cmp"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// profile is the section for the user's name, language, email address and account deletion.
type profile struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Chosen   string // the language that the user chose; "" for the browser's
	Language string // in which it is drawn

	form     form
	deleting bool
	choosing bool
}

func (s *profile) OnInit() {
	defer rescue()
	s.form.init(s.Env, "profile", "name")
}

func (s *profile) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	user := s.User
	user.Name = s.form.value("name")
	if wrong := s.Env.wrongName(user.Name); wrong != "" {
		s.form.refuse(s.ctx, "name", wrong)
		return
	}
	if !s.form.start(s.ctx, nil) {
		return
	}
	user.Name, _ = shared.ParseName(user.Name) // as the server stores it
	call(s.ctx, s.Env, shared.UpdateUser, shared.UserChange{Name: &user.Name}, func(ctx app.Context, _ shared.Status, err error) {
		s.form.end(ctx, err)
		if err == nil {
			updateUser(ctx, user)
			toast(ctx, s.Env.T(message.DoneProfileSaved))
		}
	})
}

// choose saves the chosen language at once, without a button.
func (s *profile) choose() {
	if s.choosing {
		setProperty(s.ctx, languageField, "value", cmp.Or(s.Chosen, asBrowser))
		return
	}
	s.choosing = true
	chosen := valueOf(languageField)
	if chosen == asBrowser {
		chosen = ""
	}
	call(s.ctx, s.Env, shared.UpdateUser, shared.UserChange{Language: &chosen}, func(ctx app.Context, _ shared.Status, err error) {
		s.choosing = false
		if err != nil {
			setProperty(ctx, languageField, "value", cmp.Or(s.Chosen, asBrowser))
			toastError(ctx, err)
			return
		}
		setLanguage(ctx, chosen)
	})
}

func (s *profile) confirmDelete(ctx app.Context, _ app.Event) {
	e := s.Env
	if s.deleting {
		return
	}
	confirm(ctx, confirmation{
		Title: e.T(message.ConfirmDeleteAccount),
		Text:  e.T(message.DeleteAccountExplanation, s.User.Email),
		Yes:   e.T(message.DeleteAccount),
		Do:    s.delete,
	})
}

func (s *profile) delete() {
	s.deleting = true
	call(s.ctx, s.Env, shared.DeleteUser, shared.UserDeletion{}, func(ctx app.Context, out shared.Deleted, err error) {
		s.deleting = false
		switch {
		case err != nil:
			toastError(ctx, err)
		case out.Message == shared.DeletionMailed:
			toast(ctx, s.Env.T(message.DoneDeletionLinkSent, s.User.Email))
		default:
			goToSignIn(ctx, accountDeleted)
		}
	})
}

// Render implements [app.Composer].
func (s *profile) Render() app.UI {
	e := s.Env
	return section("profile", e.T(message.UserProfile),
		formTo(s.submit).Body(
			s.form.field(field{Name: "name", Label: e.T(message.DisplayName), Type: "text", Complete: "name", Value: s.User.Name}),
			s.form.drawError(),
			s.form.button(e.T(message.SaveChanges), "main"),
		),
		&field{
			Env: e, ID: languageField, Name: "language", Label: e.T(message.LanguageChoice),
			Options: e.languages(), Value: cmp.Or(s.Chosen, asBrowser), Typed: s.choose,
		},
		&newEmail{Env: e, User: s.User, Language: s.Language},
		html.Div().Class("end").Body(
			html.P().Text(e.T(message.DeleteAccountConsequence)),
			busyButton(e.T(message.DeleteAccount), s.confirmDelete, s.deleting).Class("danger").ID("delete-account"),
		),
	)
}

const (
	languageField = "profile-language"
	asBrowser     = "browser" // go-app drops the value of an option that is empty
)

// languages returns the choices of languages. Each has its own name, for users who cannot read
// the others.
func (t *env) languages() []option {
	return []option{{asBrowser, t.T(message.SameAsBrowser)}, {message.English.Tag, "English"}, {message.German.Tag, "Deutsch"}}
}
