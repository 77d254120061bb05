package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
)

// question is something to be sure of before it is done.
type question struct {
	Title string
	Text  string
	Yes   string // on the button that does it
	Do    func()
}

const askAction = "ask"

// ask puts a question, and does what it is about if the answer is yes.
func ask(ctx app.Context, q question) {
	if !online() {
		complain(ctx, client.ErrOffline)
		return
	}
	ctx.NewActionWithValue(askAction, q)
}

// notNow says in a dialog why nothing can be done there but leaving it: what the
// page says of that is behind it.
func (t *translator) notNow(offline bool) app.UI {
	return html.Div().Class("told").Role("status").Body(
		app.If(offline, func() app.UI { return html.P().Text(t.T(offlineWords)) }),
	)
}

// questionDialog asks the questions.
type questionDialog struct {
	app.Compo
	Env      *env
	Offline  bool
	question question
}

func (d *questionDialog) OnMount(ctx app.Context) {
	defer rescue()
	handle(ctx, askAction, d.ask)
}

func (d *questionDialog) ask(ctx app.Context, a app.Action) {
	d.question = a.Value.(question)
	d.Env.focus.showDialog(ctx, "question")
}

func (d *questionDialog) no(app.Context, app.Event) {
	closeDialog("question")
}

func (d *questionDialog) yes(app.Context, app.Event) {
	closeDialog("question")
	if do := d.question.Do; do != nil {
		d.question.Do = nil // a second click does nothing
		do()
	}
}

// Render implements [app.Composer].
func (d *questionDialog) Render() app.UI {
	return html.Dialog().ID("question").
		Aria("labelledby", "question-title").Aria("describedby", "question-text").
		Body(
			html.H2().ID("question-title").TabIndex(-1).Text(d.question.Title),
			html.P().ID("question-text").Text(d.question.Text),
			d.Env.notNow(d.Offline),
			html.Div().Class("actions").Body(
				html.Button().Attr("autofocus", true).Text(d.Env.T("Cancel")).OnClick(on(d.no)),
				html.Button().Class("danger").Attr("disabled", d.Offline).Text(d.question.Yes).OnClick(on(d.yes)),
			),
		)
}
