package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// selfCheck is the section that shows whether passkeys can work with the server's
// configuration and the proxies in front of it.
type selfCheck struct {
	app.Compo
	Env *env

	check loader[shared.SelfCheck]
}

func (s *selfCheck) OnInit() {
	defer rescue()
	initLoader(&s.check, s.Env, "check", shared.PasskeyCheck)
	s.check.in = func() any {
		return shared.PageOrigin{
			Origin: app.Window().Get("location").Get("origin").String(), Time: time.Now().UTC().Format(time.RFC3339),
		}
	}
}

func (s *selfCheck) OnMount(ctx app.Context) {
	defer rescue()
	s.check.mount(ctx)
}

// Render implements [app.Composer].
func (s *selfCheck) Render() app.UI {
	return section("check", s.Env.T(message.SelfCheck),
		html.P().Text(s.Env.T(message.SelfCheckExplanation)),
		s.needsApp(),
		s.check.drawState(),
		html.Div().Class("state").Aria("busy", !s.check.known).Body(s.body()...),
	)
}

// needsApp draws that the check needs the app, which asks the browser for its address and time.
func (s *selfCheck) needsApp() app.UI {
	if app.IsClient {
		return nil
	}
	return html.WithoutApp(hint(s.Env.T(message.SelfCheckNeedsApp)))
}

func (s *selfCheck) body() []app.UI {
	e := s.Env
	found := s.check.value
	switch {
	case s.check.waiting():
		return []app.UI{skeleton()}
	case !s.check.known:
		return nil
	}
	verdict := e.T(message.SelfCheckPassed)
	if !found.OK {
		verdict = e.T(message.SelfCheckFailed)
	}
	return []app.UI{
		html.P().Body(html.Strong().Text(verdict)),
		html.Ul().Class("findings").Body(
			app.Range(found.Checks).Slice(func(i int) app.UI {
				c := found.Checks[i]
				state := status(levelOK, e.T(message.FindingOK))
				if !c.OK {
					state = status(levelAlarm, e.T(message.FindingToChange))
				}
				return html.Li().Body(
					html.P().Class("device").Body(html.Strong().Text(c.Name), state),
					hint(e.findingText(c)),
				)
			}),
		),
	}
}

func (t *env) findingText(c shared.Finding) string {
	if c.OK {
		return c.Received
	}
	return t.T(message.FindingReceivedNotExpected, c.Received, c.Expected, c.Fix)
}
