package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// systemSettings is the section that lists the system settings. Administrators change them one
// by one.
type systemSettings struct {
	app.Compo
	Env   *env
	Email string // the user's

	ctx  app.Context
	list loader[shared.Settings]

	mail    form // sends a test email
	mailing bool
	mailed  string // the result of the test email
}

func (s *systemSettings) OnInit() {
	defer rescue()
	initLoader(&s.list, s.Env, "system-settings", shared.ListSettings)
	s.mail.init(s.Env, "test-mail")
	if refused := s.mail.calls(s.mailCall()); refused != nil {
		s.mailed = refused.Text
	}
}

func (s *systemSettings) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
}

// saved loads everything that a changed setting may affect: other settings, the server's name,
// and whether the user needs a second factor.
func (s *systemSettings) saved() {
	refresh(s.ctx)
	fetchServerInfo(s.ctx)
}

func (s *systemSettings) sendMail(app.Context, app.Event) { s.testMail() }

// testMail sends a test email, and shows the provider's answer.
func (s *systemSettings) testMail() {
	e := s.Env
	if s.mailing {
		return
	}
	s.mailing, s.mailed = true, ""
	call(s.ctx, e, shared.SendTestMail, shared.None{}, func(_ app.Context, _ shared.Status, err error) {
		s.mailing = false
		if err != nil {
			s.mailed = e.errorMessage(err)
			return
		}
		s.mailed = e.T(message.DoneTestEmailSent, s.Email)
		if s.mailsToFile() {
			s.mailed = e.T(message.DoneEmailWrittenToFile)
		}
	})
}

// mailsToFile reports whether the server writes emails to a file instead of sending them.
func (s *systemSettings) mailsToFile() bool {
	settings := s.list.value.Settings
	return len(settings) > 0 && !slices.ContainsFunc(settings, func(k shared.Setting) bool { return sendsMail(k) && k.IsSet })
}

// mailCall returns the call that sends a test email without the app: see [env.formCall].
func (s *systemSettings) mailCall() string {
	if s.mailsToFile() {
		return s.Env.formCall(shared.SendTestMail.Path, shared.FormToFile, "yes")
	}
	return s.Env.formCall(shared.SendTestMail.Path)
}

// sendsMail reports whether a setting is one that makes the server send emails.
func sendsMail(k shared.Setting) bool { return k.Key == "SMTP_URL" || k.Key == "RESEND_API_KEY" }

// Render implements [app.Composer].
func (s *systemSettings) Render() app.UI {
	var groups []string
	of := map[string][]shared.Setting{}
	for _, k := range s.list.value.Settings {
		if !slices.Contains(groups, k.Group) {
			groups = append(groups, k.Group)
		}
		of[k.Group] = append(of[k.Group], k)
	}
	return section("system-settings", s.Env.T(message.SystemSettings),
		html.P().Text(s.Env.T(message.ChangesApplyAtOnce)),
		s.list.drawState(),
		html.Div().Class("groups").Aria("busy", !s.list.known).Body(
			app.If(s.list.waiting(), skeleton),
			app.Range(groups).Slice(func(i int) app.UI {
				return s.group(groups[i], of[groups[i]])
			}),
		),
	)
}

func (s *systemSettings) group(name string, settings []shared.Setting) app.UI {
	return html.Div().Class("group").Role("group").Aria("label", name).Body(
		html.H3().Text(name),
		app.Range(settings).Slice(func(i int) app.UI {
			one := &systemSetting{Env: s.Env, Setting: settings[i], Now: s.list.now, Saved: s.saved}
			if sendsMail(settings[i]) {
				one.SavedFirst = s.testMail
			}
			return one
		}),
		html.Div().Body(app.If(slices.ContainsFunc(settings, sendsMail), func() app.UI {
			return html.Div().Class("setting").Body(
				html.Div().Class("actions").Body(
					busy(callButton(s.Env.T(message.SendTestEmail), s.mailCall(), s.sendMail), s.mailing).ID("test-mail-submit").
						Attr("autofocus", !app.IsClient && s.mail.autofocus != ""),
				),
				html.P().Class("hint").Role("status").Text(s.mailed),
			)
		})),
	)
}
