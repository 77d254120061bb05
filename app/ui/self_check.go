package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// selfCheck is the section that says whether passkeys can work as the server is
// configured and reached.
type selfCheck struct {
	app.Compo
	Env *env

	ctx     app.Context
	found   *shared.SelfCheck // nil until it is known
	problem error             // why it is not
	at      time.Time         // when it was known
}

func (s *selfCheck) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	handle(ctx, refreshAction, s.refresh)
	s.load(ctx)
}

func (s *selfCheck) refresh(ctx app.Context, _ app.Action) {
	s.load(ctx)
}

func (s *selfCheck) load(ctx app.Context) {
	in := shared.PageOrigin{
		Origin: app.Window().Get("location").Get("origin").String(), Time: time.Now().UTC().Format(time.RFC3339),
	}
	call(ctx, s.Env, shared.PasskeyCheck, in, func(_ app.Context, found shared.SelfCheck, err error) {
		if s.problem = err; err == nil {
			s.found, s.at = &found, s.Env.now()
		}
	})
}

func (s *selfCheck) again(app.Context, app.Event) {
	s.problem = nil
	focus(s.ctx, "check")
	s.load(s.ctx)
}

// Render implements [app.Composer].
func (s *selfCheck) Render() app.UI {
	tr := s.Env.T
	return section("check", tr("Self-check"),
		html.P().Text(tr("Whether passkeys, codes and limits can work at the address at which you see this page.")),
		s.Env.stale(s.problem, s.at, s.again),
		html.Div().Class("state").Aria("busy", s.found == nil).Body(s.body()...),
	)
}

func (s *selfCheck) body() []app.UI {
	tr := s.Env.T
	if s.found == nil {
		if s.problem != nil {
			return nil
		}
		return []app.UI{bones()}
	}
	verdict := tr("All is well.")
	if !s.found.OK {
		verdict = tr("Something has to be changed.")
	}
	return []app.UI{
		html.P().Body(html.Strong().Text(verdict)),
		html.Ul().Class("findings").Body(
			app.Range(s.found.Checks).Slice(func(i int) app.UI {
				c := s.found.Checks[i]
				state, class := tr("OK"), "badge"
				if !c.OK {
					state, class = tr("To change"), "badge bad"
				}
				return html.Li().Body(
					html.P().Class("device").Body(html.Strong().Text(c.Name), html.Span().Class(class).Text(state)),
					html.P().Class("hint").Text(s.Env.findingWords(c)),
				)
			}),
		),
	}
}

func (t *translator) findingWords(c shared.Finding) string {
	if c.OK {
		return c.Received
	}
	return t.T("It is %s, and not %s. %s", c.Received, c.Expected, c.Fix)
}
