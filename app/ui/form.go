package ui

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// form is the state of a form: whether it is being sent, and what was wrong with it
// the last time. Its fields have the names that the API's errors use.
type form struct {
	env    *env
	id     string   // begins the ids of its elements
	fields []string // in the order in which they are on the page

	busy    bool
	wrong   map[string]string // by field
	problem string            // what is wrong with the form as a whole
	until   time.Time         // when the server accepts another try
	why     string            // why it accepts none before
	heard   string            // the same time, as it is read out
	waited  bool              // the wait is over
}

// init makes the form an empty one with these fields.
func (f *form) init(e *env, id string, fields ...string) { f.env, f.id, f.fields = e, id, fields }

// inputID is the id of the input of a field.
func (f *form) inputID(field string) string { return f.id + "-" + field }

// value returns what is in a field.
func (f *form) value(field string) string { return valueOf(f.inputID(field)) }

// clear empties fields.
func (f *form) clear(fields ...string) {
	for _, field := range fields {
		clearInputs(f.inputID(field))
	}
}

// start prepares the form to be sent. It reports false if the form must not be sent
// now: it is being sent already, the server asked to wait, or a required field is
// empty.
func (f *form) start(ctx app.Context, required map[string]string) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	f.problem, f.wrong, f.waited = "", map[string]string{}, false
	if !online() {
		f.problem = f.env.T(offlineWords)
		return false
	}
	for field, sentence := range required {
		if f.value(field) == "" {
			f.wrong[field] = sentence
		}
	}
	if len(f.wrong) > 0 {
		f.focusWrong(ctx)
		return false
	}
	f.busy = true
	return true
}

// refuse says what is wrong with a field without asking the server.
func (f *form) refuse(ctx app.Context, field, sentence string) {
	if f.busy || f.wait() > 0 {
		return
	}
	f.problem, f.wrong, f.waited = "", map[string]string{field: sentence}, false
	f.focusWrong(ctx)
}

// end takes the answer: err says what was wrong, if anything.
func (f *form) end(ctx app.Context, err error) {
	f.busy = false
	if err == nil {
		return
	}
	toast(ctx, "") // an older success must not stand beside it
	f.fail(err)
	var e *shared.Error
	if errors.As(err, &e) && e.Explain().Retype {
		f.clear("code") // the server will not accept the same code again
	}
	f.focusWrong(ctx)
	if f.wait() > 0 {
		f.countDown(ctx)
	}
}

// adopt takes over an error that is on the page: the browser had sent the form by
// itself, before the app was there. It returns nil if there is none.
func (f *form) adopt() *shared.Error {
	refused := app.Window().Get("document").Call("querySelector", "[data-error]")
	if !refused.Truthy() {
		return nil
	}
	e := new(shared.Error)
	if json.Unmarshal([]byte(refused.Get("dataset").Get("error").String()), e) != nil {
		return nil
	}
	f.fail(e)
	// The sentence above the button stays as it is: it knows which fields have to be
	// filled in again.
	if said := element("form-error"); said.Truthy() && f.problem != "" {
		f.problem = said.Get("textContent").String()
	}
	return e
}

// isOneOf reports whether err is one of those.
func isOneOf(err error, those ...error) bool {
	return slices.ContainsFunc(those, func(one error) bool { return errors.Is(err, one) })
}

// fail shows an error at the field that it is about, or above the button.
func (f *form) fail(err error) {
	f.problem, f.wrong = "", map[string]string{}

	var e *shared.Error
	if !errors.As(err, &e) {
		f.problem = f.env.errorMessage(err)
		return
	}
	if why := e.WaitReason(); why != 0 && e.RetryAfter > 0 {
		f.until, f.why = time.Now().Add(time.Duration(e.RetryAfter)*time.Second), f.env.T(why)
		f.heard = shared.RetryIn(f.env.Language, e.RetryAfter)
		return
	}
	if field := e.FieldOf(f.fields); field != "" {
		f.wrong[field] = f.env.errorMessage(err)
		return
	}
	f.problem = f.env.errorMessage(err)
	if errors.Is(err, client.ErrOffline) || errors.Is(err, shared.ErrUnavailable) {
		f.problem += " " + f.env.T(message.InputStillHere)
	}
}

// focusWrong moves the focus to the first field that is wrong.
func (f *form) focusWrong(ctx app.Context) {
	for _, field := range f.fields {
		if f.wrong[field] != "" {
			focus(ctx, f.inputID(field))
			return
		}
	}
}

// wait returns how many seconds there are until the server accepts another try.
func (f *form) wait() int {
	if d := time.Until(f.until); d > 0 {
		return int((d + time.Second - 1) / time.Second)
	}
	return 0
}

// countDown draws the form again every second until the wait is over.
func (f *form) countDown(ctx app.Context) {
	if f.wait() == 0 {
		f.waited = true
		return
	}
	after(ctx, time.Second, func(ctx app.Context) {
		f.countDown(ctx)
	})
}

// drawError draws what is wrong with the form as a whole. Its element is always
// there: screen readers notice only what changes in an element that they know.
func (f *form) drawError() app.UI {
	wait := f.wait()
	return html.Div().Class("form-error").Role("alert").Body(
		app.If(wait > 0, func() app.UI {
			return html.P().Body(
				// The countdown is for the eye; read out, it would never end.
				html.Span().Class("visually-hidden").Text(f.why+" "+f.heard),
				html.Span().Aria("hidden", "true").Text(f.why+" "+f.env.tryAgain(wait)),
			)
		}).ElseIf(f.problem != "", func() app.UI {
			return html.P().Text(f.problem)
		}).ElseIf(f.waited, func() app.UI {
			return html.P().Class("visually-hidden").Text(f.env.T(message.TryAgainNow))
		}),
	)
}

// button draws the button that sends the form. While it cannot be used it keeps the
// focus, which a disabled button would lose.
func (f *form) button(label, class string) app.HTMLElem {
	return html.Button().Attr("type", "submit").Class(class).ID(f.inputID("submit")).
		Aria("disabled", f.busy || f.wait() > 0).
		Aria("busy", f.busy).
		Text(label)
}

// field draws the field of the form that in describes.
func (f *form) field(in field) app.UI {
	in.Env = f.env
	in.ID = f.inputID(in.Name)
	in.Wrong = f.wrong[in.Name]
	return &in
}

// code draws the field for six digits. It calls send once they are there, so that the
// user need not press the button.
func (f *form) code(label, hint string, send func()) app.UI {
	return f.field(field{
		Name: "code", Label: label, Hint: hint,
		Type: "text", Complete: "one-time-code", Mode: "numeric", Exact: true,
		Typed: func() {
			if _, ok := shared.SixDigits(f.value("code")); ok {
				send()
			}
		},
	})
}

// field is an input with its label, a hint, and what is wrong with it.
type field struct {
	app.Compo
	Env *env

	ID       string
	Name     string
	Label    string
	Type     string   // as of <input>
	Complete string   // what the browser may fill in, as of autocomplete
	Mode     string   // which keys a phone shows, as of inputmode
	Exact    bool     // keyboards must not correct what is typed
	Value    string   // the initial value
	Options  []option // if it is a choice of these
	Hint     string
	Wrong    string
	Typed    func() // called when the value changes

	visible bool // the password is shown
}

// CompoID makes the input a new, empty one when another field takes its place.
func (f *field) CompoID() string { return f.ID }

func (f *field) typed(app.Context, app.Event) {
	f.Typed()
}

func (f *field) toggleVisible(app.Context, app.Event) {
	f.visible = !f.visible
}

// Render implements [app.Composer].
func (f *field) Render() app.UI {
	e := f.Env
	kind := f.Type
	if f.visible {
		kind = "text"
	}
	described := ""
	if f.Hint != "" {
		described = f.ID + "-hint "
	}
	described += f.ID + "-wrong"

	input := html.Input(kind).Attr("value", f.Value).Attr("autocomplete", f.Complete)
	if f.Options != nil {
		input = html.Select().Body(app.Range(f.Options).Slice(func(i int) app.UI {
			o := f.Options[i]
			return html.Option(o.Value).Text(o.Label).Attr("selected", o.Value == f.Value)
		}))
	}
	input = input.ID(f.ID).Attr("name", f.Name).
		Aria("describedby", described).
		Aria("invalid", f.Wrong != "")
	if f.Mode != "" {
		input = input.Attr("inputmode", f.Mode)
	}
	if f.Typed != nil {
		input = input.OnInput(on(f.typed))
	}
	if f.Type != "text" || f.Exact {
		input = input.Attr("autocapitalize", "none").Attr("spellcheck", "false")
	}

	return html.Div().Class("field").Body(
		html.Label().Attr("for", f.ID).Text(f.Label),
		html.Div().Class("input").Body(
			input,
			app.If(f.Type == "password", func() app.UI {
				deed, whole := e.T(message.ShowItem), e.T(message.ShowNamed, e.within(f.Label))
				if f.visible {
					deed, whole = e.T(message.HideItem), e.T(message.HideNamed, e.within(f.Label))
				}
				return button(deed, f.toggleVisible).Class("show-password").
					Aria("label", whole)
			}),
		),
		html.Div().Body(
			app.If(f.Hint != "", func() app.UI {
				return html.P().Class("hint").ID(f.ID + "-hint").Text(f.Hint)
			}),
		),
		// Live, for when the field has the focus already and is not read again.
		html.P().Class("wrong").ID(f.ID+"-wrong").Aria("live", "polite").Text(f.Wrong),
	)
}

// option is one of the options of a field.
type option struct{ Value, Label string }
