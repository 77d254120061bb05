package ui

import (
	"cmp"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// profile is the page for the user's name, picture, language, theme and email address, and for
// the deletion of the account. It calls the server for [profileView], [emailView] and
// [dangerZone], which draw it.
type profile struct {
	app.Compo
	Env      *env
	User     shared.User
	Overview shared.Overview // as far as the page knows it
	Known    bool            // the page knows it
	Chosen   string          // the language that the user chose; "" for the browser's
	Language string          // in which it is drawn

	ctx      app.Context
	choosing bool
	removing bool
}

func (s *profile) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.poll()
}

// pollPending is how often the page asks whether a pending change has been made. Users wait
// for it in front of the page.
const pollPending = 15 * time.Second

// poll refreshes the page, which also shows who is signed in, while a change of the address is
// pending and the page is visible.
func (s *profile) poll() {
	after(s.ctx, pollPending, func(ctx app.Context) {
		if s.Overview.Email.Address != "" && visible() && !s.Env.connection.offline {
			refresh(ctx)
		}
		s.poll()
	})
}

// rename changes the user's name, and tells then the result.
func (s *profile) rename(name string, then func(app.Context, error)) {
	user := s.User
	user.Name, _ = shared.ParseName(name) // as the server stores it
	call(s.ctx, s.Env, shared.UpdateUser, shared.UserChange{Name: &user.Name}, func(ctx app.Context, _ shared.Status, err error) {
		then(ctx, err)
		if err == nil {
			updateUser(ctx, user)
			toast(ctx, s.Env.T(message.DoneProfileSaved))
		}
	})
}

// removePicture removes the user's picture.
func (s *profile) removePicture() {
	if s.removing {
		return
	}
	s.removing = true
	change := shared.UserChange{Image: shared.Nullable{Given: true}}
	call(s.ctx, s.Env, shared.UpdateUser, change, func(ctx app.Context, _ shared.Status, err error) {
		s.removing = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		user := s.User
		user.Image = nil
		updateUser(ctx, user)
		focus(ctx, "profile") // the focused button disappears
		toast(ctx, s.Env.T(message.DonePictureRemoved))
	})
}

// chooseLanguage saves a language at once, without a button.
func (s *profile) chooseLanguage(chosen string) {
	if s.choosing {
		setProperty(s.ctx, languageField, "value", cmp.Or(s.Chosen, shared.BrowserLanguage))
		return
	}
	s.choosing = true
	call(s.ctx, s.Env, shared.UpdateUser, shared.UserChange{Language: &chosen}, func(ctx app.Context, _ shared.Status, err error) {
		s.choosing = false
		if err != nil {
			setProperty(ctx, languageField, "value", cmp.Or(s.Chosen, shared.BrowserLanguage))
			toastError(ctx, err)
			return
		}
		setLanguage(ctx, chosen)
	})
}

// chooseTheme applies and stores a theme, which is for this browser only.
func (s *profile) chooseTheme(theme string) {
	s.Env.preferences.setTheme(theme)
	toast(s.ctx, s.Env.T(message.DoneThemeSaved))
}

// Render implements [app.Composer].
func (s *profile) Render() app.UI {
	e := s.Env
	return html.Div().Class("parts").Body(
		section("profile", e.T(message.UserProfile),
			&profileView{
				Env: e, User: s.User, Chosen: s.Chosen, Theme: e.preferences.theme, Removing: s.removing, Language: s.Language,
				Rename: s.rename, RemovePicture: s.removePicture, ChooseLanguage: s.chooseLanguage, ChooseTheme: s.chooseTheme,
			},
		),
		section("address", e.T(message.EmailAddress),
			&emailAddress{Env: e, User: s.User, Pending: s.Overview.Email, Language: s.Language},
		),
		&dangerZone{Env: e, Overview: s.deletion(), Language: s.Language},
	)
}

// deletion returns what the dialog that deletes the account has to know about it. Nearly all
// accounts have a password.
func (s *profile) deletion() shared.Overview {
	o := s.Overview
	o.User = s.User
	o.Password.Set = o.Password.Set || !s.Known
	return o
}

// profileView draws the user's name and picture, and their choices. It loads nothing.
type profileView struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Chosen   string // the language that the user chose; "" for the browser's
	Theme    string
	Removing bool   // the picture is being removed
	Language string // in which it is drawn

	Rename         func(name string, then func(app.Context, error))
	RemovePicture  func()
	ChooseLanguage func(language string)
	ChooseTheme    func(theme string)

	form  form
	typed *string // the name in the refused form of the page, or nil
}

func (v *profileView) OnInit() {
	defer rescue()
	v.form.init(v.Env, "profile", "name")
	if refused := v.form.calls(v.Env.formCall(shared.UpdateUser.Path)); refused != nil {
		name := refused.Typed["name"]
		v.typed = &name
	}
}

func (v *profileView) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !v.form.nameFits(v.ctx, message.ErrEnterYourName) || !v.form.start(v.ctx, nil) {
		return
	}
	v.Rename(v.form.value("name"), func(_ app.Context, err error) {
		dispatch(v.ctx, func(ctx app.Context) { v.form.end(ctx, err) })
	})
}

func (v *profileView) removePicture(app.Context, app.Event) { v.RemovePicture() }

func (v *profileView) chooseLanguage() {
	chosen := valueOf(languageField)
	if chosen == shared.BrowserLanguage {
		chosen = ""
	}
	v.ChooseLanguage(chosen)
}

func (v *profileView) chooseTheme() { v.ChooseTheme(valueOf(themeField)) }

// Render implements [app.Composer].
func (v *profileView) Render() app.UI {
	e, name := v.Env, v.User.Name
	if v.typed != nil {
		name = *v.typed
	}
	return html.Div().Class("state").Body(
		html.Div().Class("who").Body(
			avatar(v.User),
			html.Div().Body(app.If(v.User.Image != nil, func() app.UI {
				return html.Div().Class("state").Body(
					hint(e.T(message.PictureElsewhere)),
					html.Div().Body(busy(callButton(
						e.T(message.RemovePicture), e.formCall(shared.UpdateUser.Path, "image", ""), v.removePicture,
					), v.Removing)),
				)
			})),
		),
		formTo(v.submit).Body(
			v.form.field(field{Name: "name", Label: e.T(message.DisplayName), Type: "text", Complete: "name", Value: name}),
			v.form.drawError(),
			v.form.button(e.T(message.SaveChanges), "main"),
		),
		html.Div().Class("choices").Role("group").Aria("labelledby", "choices").Body(
			hint(e.T(message.HintChoices)).ID("choices"),
			html.Form().Body(
				&field{
					Env: e, ID: languageField, Name: "language", Label: e.T(message.LanguageChoice),
					Options: e.languages(), Value: cmp.Or(v.Chosen, shared.BrowserLanguage), Typed: v.chooseLanguage,
				},
				e.saveLanguageButton(),
			),
			&field{
				Env: e, ID: themeField, Name: "theme", Label: e.T(message.ThemeChoice), Hint: e.T(message.HintTheme),
				Options: e.themes(), Value: cmp.Or(v.Theme, themeSystem), Typed: v.chooseTheme,
			},
		),
	)
}

const (
	languageField = "profile-language"
	themeField    = "profile-theme"
)

// languages returns the choices of languages. Each has its own name, for users who cannot read
// the others.
func (t *env) languages() []option {
	return []option{{shared.BrowserLanguage, t.T(message.SameAsBrowser)}, {message.English.Tag, "English"}, {message.German.Tag, "Deutsch"}}
}

// themes returns the choices of themes.
func (t *env) themes() []option {
	return []option{
		{themeSystem, t.T(message.ThemeSystem)}, {themeLight, t.T(message.ThemeLight)}, {themeDark, t.T(message.ThemeDark)},
	}
}
