package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// passkeyRow is one passkey in the list. It is its own component for the same reason as
// [sessionRow]. The user can edit its name in place.
type passkeyRow struct {
	app.Compo
	mounted
	Env     *env
	Passkey shared.Passkey
	Now     time.Time
	Used    bool // it was used in this browser, and is a passkey of this device
	Busy    bool // it is being deleted
	Stored  bool
	Rename  func(id, name string, then func(app.Context, error))
	Delete  func(shared.Passkey)

	editing bool
	form    form
}

// CompoID implements [app.DismountEnforcer].
func (r *passkeyRow) CompoID() string { return r.Passkey.ID }

func (r *passkeyRow) OnInit() {
	defer rescue()
	r.form.init(r.Env, "rename-"+r.Passkey.ID, "name")
}

func (r *passkeyRow) edit(app.Context, app.Event) {
	r.form.problem, r.form.wrong = "", nil
	r.editing = true
	id := r.form.inputID("name")
	afterRender(r.ctx, func(app.Context) {
		if e := element(id); e.Truthy() {
			e.Call("focus")
			e.Call("select")
		}
	})
}

func (r *passkeyRow) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !r.form.nameFits(r.ctx, message.ErrEnterName) {
		return
	}
	r.form.busy = true
	r.Rename(r.Passkey.ID, strings.TrimSpace(r.form.value("name")), func(ctx app.Context, err error) {
		dispatch(r.ctx, func(app.Context) {
			r.form.end(ctx, err)
			if err == nil {
				r.end(ctx)
			}
		})
	})
}

// end stops editing and focuses the rename button.
func (r *passkeyRow) end(ctx app.Context) {
	r.editing = false
	focus(ctx, r.form.inputID("button"))
}

func (r *passkeyRow) cancel(app.Context, app.Event) {
	r.end(r.ctx)
}

func (r *passkeyRow) key(_ app.Context, e app.Event) {
	if e.Get("key").String() == "Escape" && !r.form.busy {
		r.end(r.ctx)
	}
}

func (r *passkeyRow) delete(app.Context, app.Event) {
	r.Delete(r.Passkey)
}

// Render implements [app.Composer].
func (r *passkeyRow) Render() app.UI {
	e := r.Env
	one, now := r.Passkey, r.Now
	name, where := "passkey-"+one.ID, e.storedIn(one)
	used := app.UI(html.Text(e.T(message.NeverUsed)))
	if one.LastUsedAt != nil {
		used = e.timestamp(*one.LastUsedAt, e.ago(one.LastUsedAt.Time, now))
	}
	return html.Li().Class("session", "passkey").Body(
		e.providerIcon(one.Provider),
		html.P().Class("device").Body(
			html.Strong().ID(name).Text(e.passkeyName(one)),
			e.syncBadge(one.Synced),
			app.If(r.Used, func() app.UI {
				if one.LastUsedAt == nil {
					return label(e.T(message.CreatedOnThisDevice))
				}
				return label(e.T(message.UsedOnThisDevice))
			}),
		),
		html.Dl().Class("facts").Body(
			app.If(where != "", func() app.UI { return fact(e.T(message.StoredIn), html.Text(where)) }),
			fact(e.T(message.CreatedOn), e.timestamp(one.CreatedAt, e.localTime(one.CreatedAt, "medium", ""))),
			fact(e.T(message.LastUsed), used),
		),
		html.Div().Class("actions").Body(
			app.If(!r.editing, func() app.UI {
				return taskButton(e.T(message.RenameItem), shared.PagePasskeys, e.formCall(shared.UpdatePasskey.Path, "id", one.ID), r.edit).
					ID(r.form.inputID("button")).Aria("describedby", name).Attr("disabled", r.Stored)
			}),
			app.If(!r.editing, func() app.UI {
				return busy(taskButton(
					e.T(message.DeleteItem), shared.PagePasskeys, e.formCall(shared.DeletePasskey.Path, "id", one.ID), r.delete,
				), r.Busy).Class("danger").Aria("describedby", name).Attr("disabled", r.Stored)
			}),
		),
		html.Div().Class("rename").Body(app.If(r.editing, func() app.UI {
			return formTo(r.submit).OnKeyDown(on(r.key)).Body(
				r.form.field(field{Name: "name", Label: e.T(message.PasskeyName), Type: "text", Complete: "off", Value: e.passkeyName(one)}),
				r.form.drawError(),
				html.Div().Class("actions").Body(
					button(e.T(message.CancelAction), r.cancel).Aria("describedby", name),
					html.Button().Attr("type", "submit").Class("main").Aria("describedby", name).
						Aria("busy", r.form.busy).Aria("disabled", r.form.busy || r.form.wait() > 0).Text(e.T(message.SaveChanges)),
				),
			)
		})),
	)
}

// syncBadge says whether a passkey is stored beyond one device.
func (t *env) syncBadge(synced bool) app.UI {
	if synced {
		return status(levelOK, t.T(message.SyncedPasskey))
	}
	return label(t.T(message.DeviceBound)).Title(t.T(message.HintNotSynced))
}

// providerIcon draws the icon of a passkey's provider, or a key if there is none. It is
// decorative: the text beside it says the same.
func (t *env) providerIcon(p *shared.Provider) app.UI {
	if p == nil || p.IconLight == "" && p.IconDark == "" {
		return html.Div().Class("provider").Body(icon("key"))
	}
	light, dark := p.IconLight, p.IconDark
	if light == "" {
		light = dark
	}
	if dark == "" {
		dark = light
	}
	switch t.preferences.theme {
	case themeLight:
		return html.Div().Class("provider").Body(html.Img(light, 28))
	case themeDark:
		return html.Div().Class("provider").Body(html.Img(dark, 28))
	}
	return html.Div().Class("provider").Body(
		html.Picture().Body(
			html.Source("(prefers-color-scheme: dark)", dark),
			html.Img(light, 28),
		),
	)
}

// passkeyName returns the name of a passkey, or its provider's name if it has none.
func (t *env) passkeyName(one shared.Passkey) string {
	switch {
	case one.Name != nil && *one.Name != "":
		return *one.Name
	case one.Provider != nil && one.Provider.Name != "":
		return one.Provider.Name
	default:
		return t.T(message.PasskeyFactor)
	}
}

// storedIn returns where a passkey is stored, or "" if the badge says all that is known: on one
// device.
func (t *env) storedIn(one shared.Passkey) string {
	if one.Provider != nil && one.Provider.Name != "" {
		return one.Provider.Name
	}
	transports := strings.Split(one.Transports, ",")
	switch {
	case one.Synced:
		return t.T(message.InPasswordManager) // a single device does not sync
	case slices.Contains(transports, "internal"), slices.Contains(transports, "hybrid"):
		return ""
	case slices.Contains(transports, "usb"), slices.Contains(transports, "nfc"):
		return t.T(message.InSecurityKey)
	default:
		return t.T(message.UnknownValue)
	}
}
