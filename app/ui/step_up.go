package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
)

// identity is what waits for a person to confirm who they are.
type identity struct {
	Confirmed func()
	Cancelled func()
}

const stepUpAction = "step-up"

// stepUp asks for the password, because the server wants to know that the
// person is still the one who signed in.
func stepUp(ctx app.Context, i identity) {
	ctx.NewActionWithValue(stepUpAction, i)
}

// stepUpDialog asks for it.
type stepUpDialog struct {
	app.Compo
	Email string // of who is signed in

	ctx     app.Context
	form    form
	waiting *identity
}

func (d *stepUpDialog) OnInit() {
	defer rescue()
	d.form = form{id: "step-up", fields: []string{"password"}}
}

func (d *stepUpDialog) OnMount(ctx app.Context) {
	defer rescue()
	d.ctx = ctx
	ctx.Handle(stepUpAction, d.ask)
}

func (d *stepUpDialog) ask(ctx app.Context, a app.Action) {
	defer rescue()
	d.settle(false) // should two calls have been refused at once
	i := a.Value.(identity)
	d.waiting = &i
	d.form.wrong, d.form.problem = nil, ""
	d.form.empty("password")
	open(ctx, "step-up")
	focus(ctx, d.form.at("password"))
}

// settle tells what waits how it ended, once.
func (d *stepUpDialog) settle(confirmed bool) {
	waiting := d.waiting
	d.waiting = nil
	switch {
	case waiting == nil:
	case confirmed:
		waiting.Confirmed()
	default:
		waiting.Cancelled()
	}
}

func (d *stepUpDialog) submit(_ app.Context, e app.Event) {
	defer rescue()
	e.PreventDefault()
	if !d.form.start(d.ctx, map[string]string{"password": "Enter your password."}) {
		return
	}
	in := shared.Password{Password: d.form.value("password")}
	call(d.ctx, shared.StepUp, in, func(ctx app.Context, _ shared.Status, err error) {
		d.form.end(ctx, err)
		if err != nil {
			return
		}
		d.settle(true)
		shut("step-up")
	})
}

func (d *stepUpDialog) cancel(app.Context, app.Event) {
	defer rescue()
	shut("step-up")
}

// closed is also what Escape comes to.
func (d *stepUpDialog) closed(app.Context, app.Event) {
	defer rescue()
	d.form.empty("password")
	d.settle(false)
}

// Render implements [app.Composer].
func (d *stepUpDialog) Render() app.UI {
	return app.Dialog().ID("step-up").
		Aria("labelledby", "step-up-title").Aria("describedby", "step-up-text").
		On("close", d.closed).
		Body(
			app.Form().Attr("novalidate", "true").OnSubmit(d.submit).Body(
				app.H2().ID("step-up-title").Text("Is it still you?"),
				app.P().ID("step-up-text").Text("It has been a while since you signed in. Enter your password to go on."),
				username(d.Email),
				d.form.field(field{Name: "password", Label: "Password", Type: "password", Complete: "current-password"}),
				d.form.trouble(),
				app.Div().Class("actions").Body(
					app.Button().Type("button").Text("Cancel").OnClick(d.cancel),
					d.form.button("Continue", "main"),
				),
			),
		)
}
