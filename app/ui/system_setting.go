package ui

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// systemSetting is one system setting. It is its own component for the same reason as
// [sessionRow].
type systemSetting struct {
	app.Compo
	mounted
	Env     *env
	Setting shared.Setting // as last loaded from the server
	Now     time.Time
	Saved   func()
	// SavedFirst is called after a value with a consequence was saved. It may be nil.
	SavedFirst func()

	form      form
	base      shared.Setting  // the revision that the user is changing
	theirs    *shared.Setting // the value that another administrator has set in the meantime, or nil
	mine      string          // the value that the user has submitted
	replacing bool            // a new secret is being typed
}

// CompoID implements [app.DismountEnforcer].
func (k *systemSetting) CompoID() string { return k.Setting.Key }

func (k *systemSetting) OnInit() {
	defer rescue()
	k.form.init(k.Env, "setting-"+k.Setting.Key, "value")
	k.base = k.Setting
}

// OnUpdate shows the server's current value, unless the user is changing the previous one. In
// that case the server reports the conflict when the user saves.
func (k *systemSetting) OnUpdate(ctx app.Context) {
	defer rescue()
	k.ctx = ctx // it may come before OnMount
	if k.form.busy || k.theirs != nil || k.replacing || k.changed() {
		return
	}
	k.show(k.Setting)
}

// changed reports whether the user has entered another value.
func (k *systemSetting) changed() bool {
	typed := element(k.form.inputID("value"))
	return k.base.Type != "bool" && !k.base.Secret && !k.base.ReadOnly && typed.Truthy() &&
		typed.Get("value").String() != settingValue(k.base)
}

// show shows the value of one.
func (k *systemSetting) show(one shared.Setting) {
	k.base, k.theirs, k.replacing = one, nil, false
	switch {
	case one.Secret || one.ReadOnly || one.Type == "bool":
	default:
		setProperty(k.ctx, k.form.inputID("value"), "value", settingValue(one))
	}
}

// settingValue returns the value of a setting that is not secret.
func settingValue(one shared.Setting) string {
	if one.Value == nil {
		return ""
	}
	return *one.Value
}

func (k *systemSetting) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	var required map[string]string
	if k.base.Secret { // an empty value would remove it
		required = map[string]string{"value": k.Env.T(message.ErrNewValueRequired)}
	}
	if !k.form.start(k.ctx, required) {
		return
	}
	value := k.form.value("value")
	if k.base.Consequence == "" {
		k.save(value)
		return
	}
	k.form.end(k.ctx, nil)
	k.confirmSave(value)
}

// confirmSave asks before a value is saved that changes more than its own setting.
func (k *systemSetting) confirmSave(value string) {
	e := k.Env
	text := k.base.Consequence
	if k.SavedFirst != nil {
		text += " " + e.T(message.MailKeyTestFollows)
	}
	confirm(k.ctx, confirmation{
		Title: e.T(message.ConfirmSaveValue, k.base.Title),
		Text:  text,
		Yes:   e.T(message.SaveChanges),
		Do: func() {
			if k.form.start(k.ctx, nil) {
				k.save(value)
			}
		},
	})
}

func (k *systemSetting) toggle(app.Context, app.Event) {
	if k.form.start(k.ctx, nil) {
		k.save(k.toggled())
	}
}

// toggled returns the other value of a switch.
func (k *systemSetting) toggled() string {
	return onOff(settingValue(k.base) == "true", "false", "true")
}

// call returns the call that the setting makes without the app: see [env.formCall].
func (k *systemSetting) call(fields ...string) string {
	fields = append(fields, "key", k.base.Key, "revision", strconv.FormatInt(k.base.Revision, 10))
	return k.Env.formCall(shared.PutSetting.Path, fields...)
}

// anchor returns the address of the setting in the page, to which the user comes back without the app.
func (k *systemSetting) anchor() string { return "#" + k.form.inputID("value") }

// openTask draws a button that opens the page of a call without the app.
func (k *systemSetting) openTask(text, call string, h app.EventHandler) html.Element {
	return taskButton(text, shared.PageSystem+"#system-settings", call, h)
}

func onOff(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

func (k *systemSetting) confirmRemove(app.Context, app.Event) {
	e := k.Env
	confirm(k.ctx, confirmation{
		Title: e.T(message.ConfirmRemoveValue, k.base.Title),
		Text:  e.T(message.RemoveValueConsequences),
		Yes:   e.T(message.RemoveValue),
		Do: func() {
			if k.form.start(k.ctx, nil) {
				k.save("")
			}
		},
	})
}

// save sends a value that replaces the revision which the user has seen.
func (k *systemSetting) save(value string) {
	k.mine = value
	in := shared.SettingChange{Key: k.base.Key, Value: value, Revision: &k.base.Revision}
	if k.theirs != nil {
		in.Revision = &k.theirs.Revision
	}
	call(k.ctx, k.Env, shared.PutSetting, in, func(ctx app.Context, out shared.Setting, err error) {
		var e *shared.Error
		if errors.As(err, &e) && errors.Is(err, shared.ErrStaleRevision) && e.Current != nil {
			k.form.end(ctx, nil)
			k.theirs = e.Current
			focus(ctx, k.form.inputID("conflict"))
			return
		}
		k.form.end(ctx, err)
		if err != nil {
			if errors.Is(err, shared.ErrSettingReadOnly) {
				k.Saved()
			}
			return
		}
		first := k.base.Consequence != "" && value != ""
		k.show(out)
		toast(ctx, k.Env.T(message.DoneSettingSaved, out.Title))
		k.Saved()
		if first && k.SavedFirst != nil {
			k.SavedFirst()
		}
	})
}

func (k *systemSetting) useTheirs(app.Context, app.Event) {
	k.show(*k.theirs)
	focus(k.ctx, k.form.inputID("value"), k.form.inputID("replace"))
}

func (k *systemSetting) saveMine(app.Context, app.Event) {
	if k.form.start(k.ctx, nil) {
		k.save(k.mine)
	}
}

func (k *systemSetting) replace(app.Context, app.Event) {
	k.replacing = true
	focus(k.ctx, k.form.inputID("value"))
}

func (k *systemSetting) cancel(app.Context, app.Event) {
	if k.form.busy {
		return
	}
	k.form.wrong, k.form.problem = nil, ""
	k.show(k.Setting)
	focus(k.ctx, k.form.inputID("replace"))
}

// Render implements [app.Composer].
func (k *systemSetting) Render() app.UI {
	return html.Div().Class("setting").Body(
		html.Div().Body(k.value()),
		html.P().Class("hint").Body(append([]app.UI{html.Code().Text(k.base.Key), html.Text(" · ")}, k.origin()...)...),
		k.form.drawError(),
		html.Div().Body(app.If(k.theirs != nil, k.conflict)),
	)
}

// value draws the setting with its value, in a form if it can be changed.
func (k *systemSetting) value() app.UI {
	e := k.Env
	one := k.base
	switch {
	case one.ReadOnly:
		value := settingValue(one)
		if one.Secret {
			value = e.T(message.ValueIsSet)
		}
		return k.readOnly(value)
	case one.Secret && !k.replacing:
		value, text, label := e.T(message.NotSet), e.T(message.SetValue), e.T(message.SetNamedValue, one.Title)
		if one.IsSet {
			value, text, label = e.T(message.ValueIsSet), e.T(message.ReplaceValue), e.T(message.ReplaceNamedValue, one.Title)
		}
		return html.Div().Class("setting-value").Body(
			k.readOnly(value),
			html.Div().Class("actions").Body(
				k.openTask(text, k.call(), k.replace).ID(k.form.inputID("replace")).Aria("label", label),
				html.Div().Body(app.If(one.IsSet, func() app.UI {
					remove := k.openTask(e.T(message.RemoveValue), k.call("value", ""), k.confirmRemove)
					return busy(remove, k.form.busy).Class("danger").
						Aria("label", e.T(message.RemoveNamedValue, one.Title))
				})),
			),
		)
	case one.Type == "bool":
		hint, on := k.form.inputID("value-hint"), settingValue(one) == "true"
		return html.Div().Class("setting-value").Body(
			html.Label().Class("check switch").Body(
				// It shows the new value while that is being saved.
				callButton("", k.call("value", k.toggled()), k.toggle).Role("switch").ID(k.form.inputID("value")).
					Attr("formaction", k.anchor()).Aria("checked", on != k.form.busy).Aria("describedby", hint),
				html.Span().Text(one.Title),
			),
			html.P().Class("hint").ID(hint).Text(one.Description),
		)
	}
	return formTo(k.submit).Attr("action", k.anchor()).Class("inline-form").Body(
		k.form.field(k.input()),
		html.Div().Class("actions").Body(
			html.Div().Body(app.If(one.Secret, func() app.UI {
				return button(e.T(message.CancelAction), k.cancel)
			})),
			busy(makeCall(html.Button(), k.call()), k.form.busy).Aria("label", e.T(message.SaveNamedValue, one.Title)).
				Text(e.T(message.SaveChanges)),
		),
	)
}

// input returns the field for the value of the setting.
func (k *systemSetting) input() field {
	one := k.base
	f := field{Name: "value", Label: one.Title, Type: "text", Complete: "off", Exact: true, Value: settingValue(one), Hint: one.Description}
	switch one.Type {
	case "secret":
		f.Type = "password"
	case "enum":
		for _, o := range one.Options {
			f.Options = append(f.Options, option{o, o})
		}
	case "int":
		f.Mode = "numeric"
	}
	return f
}

// readOnly draws the setting without a form.
func (k *systemSetting) readOnly(value string) app.UI {
	return html.Dl().Class("setting-value").Body(
		html.Dt().Text(k.base.Title),
		html.Dd().Class("hint").Text(k.base.Description),
		html.Dd().Text(value),
	)
}

// origin draws where the value comes from and which values are allowed.
func (k *systemSetting) origin() []app.UI {
	e := k.Env
	one := k.base
	switch {
	case one.ReadOnly:
		return []app.UI{label(e.T(message.ReadOnlyValue)), html.Text(" " + e.T(message.SetByEnvironment))}
	case one.Revision > 0 && one.UpdatedAt != nil && one.UpdatedBy != nil:
		return []app.UI{
			html.Text(e.T(message.ChangedBy, *one.UpdatedBy) + " "),
			e.timestamp(*one.UpdatedAt, e.ago(one.UpdatedAt.Time, k.Now)),
			html.Text("." + e.limits(one, true)),
		}
	default:
		return []app.UI{html.Text(e.T(message.DefaultInUse) + e.limits(one, false))}
	}
}

// limits returns which values a setting can have and, if it is set, its default.
func (t *env) limits(one shared.Setting, set bool) string {
	var b strings.Builder
	if set && one.Default != "" {
		preset := one.Default
		if one.Type == "bool" {
			preset = onOff(preset == "true", t.T(message.BoolOn), t.T(message.BoolOff))
		}
		b.WriteString(" " + t.T(message.HintDefaultValue, preset))
	}
	switch one.Type {
	case "int":
		b.WriteString(" " + t.T(message.HintNumberRange, one.Min, one.Max))
	case "duration":
		b.WriteString(" " + t.T(message.HintDurationRange, one.Min, one.Max))
	case "string":
		if one.Min != "0" {
			b.WriteString(" " + t.T(message.HintLengthRange, one.Min, one.Max))
		}
	}
	return b.String()
}

// conflict draws the value that the user has submitted beside the one that another
// administrator has set.
func (k *systemSetting) conflict() app.UI {
	e := k.Env
	return html.Div().
		Class("conflict").
		ID(k.form.inputID("conflict")).
		TabIndex(-1).
		Role("group").
		Aria("label", e.T(message.ChangedMeanwhile)).
		Body(
			html.P().Body(html.Strong().Text(e.T(message.ErrEditConflict)), html.Text(" "+e.T(message.NothingSavedYet))),
			k.compare(*k.theirs),
			html.Div().Class("actions").Body(
				button(e.T(message.UseTheirs), k.useTheirs),
				busyButton(e.T(message.SaveMine), k.saveMine, k.form.busy),
			),
		)
}

// compare draws the value that the user has submitted beside the one of another administrator.
func (k *systemSetting) compare(theirs shared.Setting) app.UI {
	e := k.Env
	by, at := e.T(message.AnotherUser), app.UI(html.Text(e.T(message.InTheMeantime)))
	if theirs.UpdatedBy != nil {
		by = *theirs.UpdatedBy
	}
	if theirs.UpdatedAt != nil {
		at = e.timestamp(*theirs.UpdatedAt, e.localTime(*theirs.UpdatedAt, "medium", "medium"))
	}
	return html.Dl().Class("compare").Body(
		html.Div().Body(html.Dt().Text(e.T(message.YourValue)), html.Dd().Text(k.valueText(k.mine))),
		html.Div().Body(html.Dt().Body(html.Text(e.T(message.TheirValueBy, by)+" "), at), html.Dd().Text(k.valueText(settingValue(theirs)))),
	)
}

// valueText returns a value as the user reads it.
func (k *systemSetting) valueText(value string) string {
	e := k.Env
	switch {
	case k.base.Secret:
		return e.T(message.ValueHidden)
	case k.base.Type == "bool":
		return onOff(value == "true", e.T(message.BoolOn), e.T(message.BoolOff))
	case value == "":
		return e.T(message.ValueEmpty)
	}
	return value
}
