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

// questionDialog asks the questions.
type questionDialog struct {
	app.Compo
	question question
}

func (d *questionDialog) OnMount(ctx app.Context) {
	defer rescue()
	ctx.Handle(askAction, d.ask)
}

func (d *questionDialog) ask(ctx app.Context, a app.Action) {
	defer rescue()
	d.question = a.Value.(question)
	open(ctx, "question")
}

func (d *questionDialog) no(app.Context, app.Event) {
	defer rescue()
	shut("question")
}

func (d *questionDialog) yes(app.Context, app.Event) {
	defer rescue()
	shut("question")
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
			html.H2().ID("question-title").Text(d.question.Title),
			html.P().ID("question-text").Text(d.question.Text),
			html.Div().Class("actions").Body(
				html.Button().Text(tr("Cancel")).OnClick(d.no),
				html.Button().Class("danger").Text(d.question.Yes).OnClick(d.yes),
			),
		)
}
