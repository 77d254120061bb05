package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
)

// The functions below draw elements that many components use.

// button draws a button. h handles its clicks.
func button(text string, h app.EventHandler) html.Element {
	return html.Button().Text(text).OnClick(on(h))
}

// linkButton draws a button that looks like a link.
func linkButton(text string, h app.EventHandler) html.Element {
	return button(text, h).Class("link")
}

// busyButton draws a button that is marked as disabled while its action is in progress: see [busy].
func busyButton(text string, h app.EventHandler, inProgress bool) html.Element {
	return busy(button(text, h), inProgress)
}

// busy marks a button as disabled while its action is in progress. It uses aria-disabled, because
// a disabled button would lose the focus. The button's handler must check inProgress.
func busy(button html.Element, inProgress bool) html.Element {
	return button.Aria("busy", inProgress).Aria("disabled", inProgress)
}

// formTo draws a form. h handles its submission. The app validates the fields, and the browser
// does not.
func formTo(h app.EventHandler) html.Element {
	return html.Form().Attr("novalidate", "true").OnSubmit(on(h))
}

// callsForm is the ID of the form of the buttons that make a call without the app.
const callsForm = "calls"

// formCall returns the value of [shared.FormCall] for a call with fields, each a name and a value.
func (t *env) formCall(path string, fields ...string) string {
	query := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		query.Set(fields[i], fields[i+1])
	}
	if account := t.account(); account != "" {
		query.Set(shared.FormAccount, account)
	}
	return path + "?" + query.Encode()
}

// callButton draws a button that makes a call without the app: see [env.formCall]. In the app, h
// handles its clicks.
func callButton(text, call string, h app.EventHandler) html.Element {
	return makeCall(html.Button().Text(text).OnClick(on(func(ctx app.Context, e app.Event) {
		e.PreventDefault()
		h(ctx, e)
	})), call).Attr("form", callsForm)
}

// makeCall makes a button submit its form as a call.
func makeCall(button html.Element, call string) html.Element {
	return button.Attr("type", "submit").Attr("name", shared.FormCall).Attr("value", call)
}

// taskButton draws a button that opens the page of a call without the app: see [Task].
func taskButton(text, page, call string, h app.EventHandler) html.Element {
	return callButton(text, call, h).Attr("formmethod", "get").Attr("formaction", page)
}

// narrow draws a page with little content in a narrow column.
func narrow(parts ...app.UI) html.Element {
	return html.Div().Class("narrow").Body(parts...)
}

// hint draws a less prominent sentence.
func hint(text string) html.Element {
	return html.P().Class("hint").Text(text)
}

// div, span and badge draw elements with less code than the calls that they stand for: the
// browser downloads that code.

func div(class string, parts ...app.UI) html.Element { return html.Div().Class(class).Body(parts...) }

func span(text string) app.UI { return html.Span().Text(text) }

func badge(class, text string) html.Element { return html.Span().Class("badge", class).Text(text) }

// status draws a badge that says how something is. Its color never stands alone: it has an icon
// and a word.
func status(l level, text string) html.Element {
	return html.Span().Class("badge", "with-icon", l.name()).Body(icon(l.name()), html.Text(text))
}

// label draws a badge that says what something is.
func label(text string) html.Element { return badge(levelNone.name(), text) }

// row makes element a row: an icon, a name with a badge, the state in parts below it, the main
// action and more.
func row(element html.Element, icon, name, badge app.UI, state []app.UI, rest ...app.UI) html.Element {
	return element.Class("row").Body(append([]app.UI{icon, div("", div("name", name, badge), div("summary", state...))}, rest...)...)
}

// drawStatus draws what has happened, for screen readers, too. text may be empty: they announce
// only changes within an element that is already on the page.
func drawStatus(text string) app.UI {
	return div("status", drawSentence(text)).Role("status")
}

// drawProblem draws an error, as [drawStatus] does.
func drawProblem(text string) app.UI {
	return div("form-error", drawSentence(text)).Role("alert")
}

// drawSentence draws a sentence that may be empty.
func drawSentence(text string) app.UI {
	return app.If(text != "", func() app.UI { return html.P().Text(text) })
}

// drawDialog draws the dialog id. The element prefix + "-title" is its name, and prefix + "-text" its
// description. Most users open no dialog while they visit a page, so a dialog is empty until it is
// opened for the first time. Then draw returns its content.
func drawDialog(id, prefix string, openings int, closed app.EventHandler, draw func() []app.UI) html.Element {
	d := html.Dialog().ID(id).Aria("labelledby", prefix+"-title").Aria("describedby", prefix+"-text").On(onEvent("close", closed))
	if openings == 0 {
		return d
	}
	return d.Body(draw()...)
}
