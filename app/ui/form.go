package ui

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// form is the state of a form: whether it is being submitted, and the errors of the last
// submission. Its fields have the same names as in the API's errors.
type form struct {
	env    *env
	id     string   // the prefix of the IDs of its elements
	fields []string // in the order of the page

	busy          bool
	wrong         map[string]string // errors by field
	problem       string            // an error of the form as a whole
	attempts      int               // how often the user has submitted it
	until         time.Time         // when the server accepts another attempt
	why           string            // why it accepts none before that
	announcedWait string            // the wait, for screen readers
	waited        bool              // the wait is over

	call string // what the form calls without the app; "" if it makes no call: see [env.formCall]

	adoptedUntil time.Time // the value of until after the first drawing: see [form.resume]
	autofocus    string    // the field, or "submit", that has the focus when the browser loads the page
}

// init initializes an empty form with fields.
func (f *form) init(e *env, id string, fields ...string) { f.env, f.id, f.fields = e, id, fields }

// inputID returns the ID of the input of a field.
func (f *form) inputID(field string) string { return f.id + "-" + field }

// value returns the value of a field.
func (f *form) value(field string) string { return valueOf(f.inputID(field)) }

// calls sets the call that the form makes without the app. If the browser has made it from this
// page and the server has refused it, calls returns the refused form, and otherwise nil.
func (f *form) calls(call string) *shared.FormState {
	f.call = call
	return f.adopt(f.env.address().Path)
}

// clear clears fields.
func (f *form) clear(fields ...string) {
	for _, field := range fields {
		clearInputs(f.inputID(field))
	}
}

// start prepares the form for submission. It reports false if the form cannot be submitted
// now: the server is processing it already or has asked to wait, the browser is offline, or a
// required field is empty. required has the error messages by field.
func (f *form) start(ctx app.Context, required map[string]string) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	f.problem, f.wrong, f.waited = "", map[string]string{}, false
	f.attempts++
	if !online() {
		f.problem = f.env.T(offlineText)
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

// refuse shows an error at a field without a call to the server.
func (f *form) refuse(ctx app.Context, field, sentence string) {
	if f.busy || f.wait() > 0 {
		return
	}
	f.problem, f.wrong, f.waited = "", map[string]string{field: sentence}, false
	f.attempts++
	f.focusWrong(ctx)
}

// nameFits reports whether the name of a user or a passkey in the field "name" is valid. If it is
// not, it shows the error at the field: empty, if there is no name.
func (f *form) nameFits(ctx app.Context, empty message.ID) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	name := strings.TrimSpace(f.value("name"))
	wrong := f.env.wrongName(name)
	if seen, ok := shared.ParseName(name); ok && seen == "" {
		wrong = f.env.T(empty)
	}
	if wrong != "" {
		f.refuse(ctx, "name", wrong)
		return false
	}
	f.problem, f.wrong = "", nil
	return true
}

// end ends the submission. It shows err, if there is one.
func (f *form) end(ctx app.Context, err error) {
	f.busy = false
	if err == nil {
		return
	}
	toast(ctx, "") // removes an older success message
	f.fail(err)
	var e *shared.Error
	if errors.As(err, &e) && e.Explain().Retype {
		f.clear("code") // the server does not accept the same code again
	}
	f.focusWrong(ctx)
	if f.wait() > 0 {
		f.countDown(ctx)
	}
}

// adopt takes over the form of the page at path, if the browser submitted it itself and the server
// refused it: the error, and what the user typed. Otherwise it returns nil. The text above the
// button is the server's, which says which fields the user has to fill in again.
func (f *form) adopt(path string) *shared.FormState {
	p := f.env.page
	if p == nil || p.Address.Path != path || p.State.Form == nil || p.State.Form.Error == nil || p.State.Form.Call != f.call {
		return nil
	}
	state := p.State.Form
	p.State.Form = nil // the user may return to the page
	f.fail(state.Error)
	for _, field := range f.fields {
		if f.wrong[field] != "" {
			f.autofocus = field
			return state
		}
	}
	f.autofocus, f.problem = "submit", state.Text
	f.adoptedUntil, f.until = f.until, time.Time{}
	return state
}

// resume begins to count down the wait of an adopted form, if there is one. The first drawing shows
// the server's text instead, because a page without the app cannot count down.
func (f *form) resume(ctx app.Context) {
	if !f.adoptedUntil.IsZero() {
		f.until, f.problem = f.adoptedUntil, ""
		f.countDown(ctx)
	}
}

// isOneOf reports whether err matches one of those.
func isOneOf(err error, those ...error) bool {
	return slices.ContainsFunc(those, func(one error) bool { return errors.Is(err, one) })
}

// fail shows an error at its field, or otherwise above the button.
func (f *form) fail(err error) {
	f.problem, f.wrong = "", map[string]string{}

	var e *shared.Error
	if !errors.As(err, &e) {
		f.problem = f.env.errorMessage(err)
		return
	}
	if why := e.WaitReason(); why != 0 && e.RetryAfter > 0 {
		f.until, f.why = time.Now().Add(time.Duration(e.RetryAfter)*time.Second), f.env.T(why)
		f.announcedWait = shared.RetryIn(f.env.Language, e.RetryAfter)
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

// focusWrong focuses the first field with an error.
func (f *form) focusWrong(ctx app.Context) {
	for _, field := range f.fields {
		if f.wrong[field] != "" {
			focus(ctx, f.inputID(field))
			return
		}
	}
}

// wait returns the number of seconds until the server accepts another attempt.
func (f *form) wait() int {
	if d := time.Until(f.until); d > 0 {
		return int((d + time.Second - 1) / time.Second)
	}
	return 0
}

// countDown renders the form every second until the wait is over.
func (f *form) countDown(ctx app.Context) {
	if f.wait() == 0 {
		f.waited = true
		return
	}
	after(ctx, time.Second, func(ctx app.Context) {
		f.countDown(ctx)
	})
}

// drawError draws the error of the form as a whole. Its element is always in the page,
// because screen readers announce only changes within an existing element.
func (f *form) drawError() app.UI {
	wait := f.wait()
	return html.Div().Class("form-error").Role("alert").Body(
		app.If(wait > 0, func() app.UI {
			return html.P().Body(
				// The countdown is hidden from screen readers, which would read it every second.
				html.Span().Class("visually-hidden").Text(f.why+" "+f.announcedWait),
				html.Span().Aria("hidden", "true").Text(f.why+" "+f.env.retryIn(wait)),
			)
		}).ElseIf(f.problem != "", func() app.UI {
			return html.P().ID(f.inputID("error")).Body(&errorText{Text: f.problem, Attempt: f.attempts})
		}).ElseIf(f.waited, func() app.UI {
			return html.P().Class("visually-hidden").Text(f.env.T(message.TryAgainNow))
		}),
	)
}

// button draws the submit button. It uses aria-disabled, because a disabled button would lose
// the focus.
func (f *form) button(label, class string) html.Element {
	problem := ""
	if f.problem != "" {
		problem = f.inputID("error")
	}
	submit := html.Button().Attr("type", "submit")
	if f.call != "" {
		submit = makeCall(submit, f.call)
	}
	return submit.Class(class).ID(f.inputID("submit")).
		Aria("describedby", problem).
		Aria("disabled", f.busy || f.wait() > 0).
		Aria("busy", f.busy).
		Attr("autofocus", !app.IsClient && f.autofocus == "submit").
		Text(label)
}

// field draws a field of the form.
func (f *form) field(in field) app.UI {
	in.Env = f.env
	in.ID = f.inputID(in.Name)
	in.Wrong, in.Attempt = f.wrong[in.Name], f.attempts
	in.autofocus = f.autofocus == in.Name
	return &in
}

// code draws the field for a six-digit code. It calls send once the code is complete, so that
// the user does not have to press the button.
func (f *form) code(label, hint string, send func(), describedBy ...string) app.UI {
	return f.field(field{
		Name: "code", Label: label, Hint: hint, DescribedBy: strings.Join(describedBy, " "),
		Type: "text", Complete: "one-time-code", Mode: "numeric", Exact: true,
		Typed: func() {
			if _, ok := shared.SixDigits(f.value("code")); ok {
				send()
			}
		},
	})
}

// field is an input with its label, a hint and an error.
type field struct {
	app.Compo
	Env *env

	ID          string
	Name        string
	Label       string
	Type        string   // the type attribute
	Complete    string   // the autocomplete attribute
	Mode        string   // the inputmode attribute: which keys a phone shows
	Exact       bool     // keyboards must not correct the input
	Value       string   // the initial value
	Options     []option // the choices, if it is a select
	Groups      []optionGroup
	Hint        string
	DescribedBy string // the ID of an element that also describes the input; may be empty
	Wrong       string
	Attempt     int    // how often the form was submitted
	Typed       func() // called when the value changes

	autofocus bool // it has the focus when the browser loads the page
	visible   bool // the password is shown
}

// CompoID gives go-app a new, empty input when another field takes this place.
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
	if f.DescribedBy != "" {
		described = f.DescribedBy + " " + described
	}

	input := html.Input(kind).Attr("value", f.Value).Attr("autocomplete", f.Complete)
	if f.Options != nil {
		options := drawOptions(f.Options, f.Value)
		for _, group := range f.Groups {
			options = append(options, html.Optgroup(group.Label).Body(drawOptions(group.Options, f.Value)...))
		}
		input = html.Select().Body(options...)
	}
	input = input.ID(f.ID).Attr("name", f.Name).
		Aria("describedby", described).
		Aria("invalid", f.Wrong != "").
		Attr("autofocus", !app.IsClient && f.autofocus)
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
				action, whole := e.T(message.ShowItem), e.T(message.ShowNamed, e.within(f.Label))
				if f.visible {
					action, whole = e.T(message.HideItem), e.T(message.HideNamed, e.within(f.Label))
				}
				return button(action, f.toggleVisible).Class("show-password").
					Aria("label", whole)
			}),
		),
		html.Div().Body(
			app.If(f.Hint != "", func() app.UI {
				return html.P().Class("hint").ID(f.ID + "-hint").Text(f.Hint)
			}),
		),
		drawWrong(f.ID, f.Wrong, f.Attempt),
	)
}

// drawWrong draws the error of a field that draws its input itself.
func (f *form) drawWrong(field string) app.UI {
	return drawWrong(f.inputID(field), f.wrong[field], f.attempts)
}

// drawWrong draws the error of an input, after a number of attempts. It is a live region, because
// a field that already has the focus is not read again. An error that comes with the page is an
// alert, because screen readers announce a live region only when it changes.
func drawWrong(input, text string, attempt int) app.UI {
	role := ""
	if text != "" && attempt == 0 {
		role = "alert"
	}
	return html.P().Class("wrong").ID(input+"-wrong").Aria("live", "polite").Role(role).Body(app.If(text != "", func() app.UI {
		return &errorText{Text: text, Attempt: attempt}
	}))
}

// errorText is an error in a live region. Each attempt has an element of its own, because screen
// readers do not read an unchanged text again.
type errorText struct {
	app.Compo
	Text    string
	Attempt int
}

// CompoID implements [app.DismountEnforcer].
func (t *errorText) CompoID() string { return strconv.Itoa(t.Attempt) }

// Render implements [app.Composer].
func (t *errorText) Render() app.UI { return html.Span().Text(t.Text) }

// option is one of the options of a field.
type option struct{ Value, Label string }

// optionGroup is a group of options, which follows the others.
type optionGroup struct {
	Label   string
	Options []option
}

func drawOptions(options []option, chosen string) []app.UI {
	drawn := make([]app.UI, len(options))
	for i, o := range options {
		drawn[i] = html.Option(o.Value).Text(o.Label).Attr("selected", o.Value == chosen)
	}
	return drawn
}
