package ui

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// passkeys is the section that lists one's passkeys, and adds to them.
type passkeys struct {
	app.Compo
	Env  *env
	User shared.User

	ctx  app.Context
	list loader[[]shared.Passkey]
	busy string // the ID of the one that is being deleted

	platform bool   // this device can keep passkeys itself
	signaled string // what authenticators were last told that there is
	called   string // and what the account's owner is called, by address and name

	// Of the dialog that adds one.
	form      form
	openings  int // how often it was opened
	ceremony  ceremony
	opening   bool
	suggested string // the name
}

func (s *passkeys) OnInit() {
	defer rescue()
	e := s.Env
	s.form.init(e, "add-passkey", "name")
	s.ceremony = toAdd(e)
	initLoader(&s.list, e, "passkeys", shared.ListPasskeys)
	s.list.restore = func() (at time.Time) {
		s.list.value, at = e.snapshots.passkeys(e.account())
		return at
	}
	s.list.onLoad = s.loaded
	s.called = s.User.Email + " " + s.User.Name
}

func (s *passkeys) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
	async(ctx, func() {
		platform := passkey.HasPlatform()
		dispatch(ctx, func(app.Context) {
			s.platform = platform
		})
	})
}

// OnUpdate implements [app.Updater].
func (s *passkeys) OnUpdate(app.Context) {
	defer rescue()
	called := s.User.Email + " " + s.User.Name
	if s.called == called {
		return
	}
	s.called = called
	if len(s.list.value) > 0 {
		name := s.User.Name
		if name == "" {
			name = s.User.Email
		}
		passkey.SignalDetails(s.list.value[0].RPID, s.list.value[0].UserHandle, s.User.Email, name)
	}
}

func (s *passkeys) OnDismount() {
	defer rescue()
	s.ceremony.stop()
}

func (s *passkeys) loaded(app.Context) {
	s.Env.snapshots.savePasskeys(s.Env.account(), s.list.value, s.list.at)
	s.accept()
}

// accept tells authenticators which passkeys there are, so that they offer no
// others. Where there are none it tells nothing: the browser may be making the
// first one at this moment, after a sign-in by password, and would forget it.
func (s *passkeys) accept() {
	if len(s.list.value) == 0 {
		return
	}
	accepted := shared.AcceptedPasskeys{RPID: s.list.value[0].RPID, UserID: s.list.value[0].UserHandle}
	for _, one := range s.list.value {
		accepted.AllAcceptedCredentialIDs = append(accepted.AllAcceptedCredentialIDs, one.CredentialID)
	}
	s.signal(accepted)
}

func (s *passkeys) signal(accepted shared.AcceptedPasskeys) {
	if accepted.AllAcceptedCredentialIDs == nil {
		accepted.AllAcceptedCredentialIDs = []string{}
	}
	if now := "all: " + strings.Join(accepted.AllAcceptedCredentialIDs, " "); now != s.signaled {
		s.signaled = now
		passkey.SignalAccepted(accepted)
	}
}

// add opens the dialog once what the ceremony needs is there.
func (s *passkeys) add(ctx app.Context, _ app.Event) {
	e := s.Env
	if s.opening {
		return
	}
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	s.opening = true
	call(s.ctx, e, shared.GenerateRegisterOptions, shared.RegisterQuery{}, func(ctx app.Context, options json.RawMessage, err error) {
		s.opening = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		s.stop() // what is left of the last time
		s.form.problem, s.form.wrong = "", nil
		s.ceremony.keep(ctx, options)
		userAgent, touch := deviceAtHand()
		s.suggested = e.unused(e.suggestName(userAgent, touch, s.platform), s.list.value)
		s.openings++
		e.focus.showDialog(ctx, "add-passkey")
		s.fill(ctx, s.form.inputID("name"), s.suggested)
	})
}

// fill puts a name into a field, to be kept or typed over.
func (s *passkeys) fill(ctx app.Context, id, name string) {
	afterRender(ctx, func(app.Context) {
		if e := element(id); e.Truthy() {
			e.Set("value", name)
			e.Call("focus")
			e.Call("select")
		}
	})
}

func (s *passkeys) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if s.ceremony.busy || !nameFits(s.ctx, &s.form) {
		return
	}
	s.form.busy = true
	s.ceremony.begin(func(options []byte) *passkey.Request {
		return passkey.Create(options, passkey.Modal)
	}, s.created)
}

// nameFits looks at the name before a passkey is made that nobody could have.
func nameFits(ctx app.Context, f *form) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	name := strings.TrimSpace(f.value("name"))
	wrong := f.env.wrongName(name)
	if seen, ok := shared.ParseName(name); ok && seen == "" {
		wrong = f.env.T("Enter a name.")
	}
	if wrong != "" {
		f.refuse(ctx, "name", wrong)
		return false
	}
	f.problem, f.wrong = "", nil
	return true
}

// wrongName says what is wrong with the name of a person or of a passkey, if
// anything is.
func (t *translator) wrongName(name string) string {
	if _, ok := shared.ParseName(name); !ok {
		return t.T(shared.BadName)
	}
	if utf8.RuneCountInString(name) > shared.MaxName { // which is that of a passkey, too
		return t.T("This name is too long. Use at most 100 characters.")
	}
	return ""
}

// created takes what the browser made to the server.
func (s *passkeys) created(ctx app.Context, answer json.RawMessage, err error) {
	e := s.Env
	if err != nil {
		s.ceremony.end(false)
		s.form.end(ctx, err)
		return
	}
	name := s.form.value("name")
	own := name != s.suggested // which is after the device at hand
	if !own {
		name = e.unused(e.elsewhereName(passkey.Elsewhere(answer), name), s.list.value)
	}
	call(s.ctx, e, shared.VerifyRegistration, shared.Registration{Response: answer, Name: name}, func(ctx app.Context, out shared.Registered, err error) {
		s.ceremony.end(err != nil)
		s.form.end(ctx, err)
		if err != nil {
			if !errors.Is(err, client.ErrOffline) && !errors.Is(err, shared.ErrPasskeyRegistered) {
				passkey.SignalUnknown(s.ceremony.rpID, passkey.CredentialID(answer)) // the browser has one that the server has not
			}
			return
		}
		closeDialog("add-passkey")
		toast(ctx, e.T("Passkey added!"))
		s.list.value, s.list.known = append(s.list.value, out.Passkey), true
		s.accept()
		if better := e.providerName(name, out.Provider); !own && better != name {
			s.callIt(out.Passkey, better)
			return
		}
		refresh(ctx)
	})
}

// callIt gives a new passkey the name that its provider suggests, which nobody
// knows before it is made. Without it the name is good enough.
func (s *passkeys) callIt(one shared.Passkey, name string) {
	others := slices.DeleteFunc(slices.Clone(s.list.value), func(other shared.Passkey) bool { return other.ID == one.ID })
	in := shared.PasskeyName{ID: one.ID, Name: s.Env.unused(name, others)}
	call(s.ctx, s.Env, shared.UpdatePasskey, in, func(ctx app.Context, _ shared.PasskeyUpdated, _ error) {
		refresh(ctx)
	})
}

func (s *passkeys) cancel(app.Context, app.Event) {
	closeDialog("add-passkey")
}

// closed is also what Escape comes to.
func (s *passkeys) closed(app.Context, app.Event) {
	afterClose(s.ctx, "add-passkey", &s.openings, func(app.Context) { s.stop() })
}

// stop gives up what the dialog has under way.
func (s *passkeys) stop() {
	s.form.busy = false
	s.ceremony.stop()
}

func (s *passkeys) renamed(out shared.PasskeyUpdated) {
	dispatch(s.ctx, func(ctx app.Context) {
		if i := slices.IndexFunc(s.list.value, func(one shared.Passkey) bool { return one.ID == out.Passkey.ID }); i >= 0 {
			s.list.value[i] = out.Passkey
		}
		s.signal(out.AcceptedPasskeys)
		toast(ctx, s.Env.T("Passkey renamed."))
	})
}

func (s *passkeys) confirmDelete(one shared.Passkey) {
	e := s.Env
	if s.busy != "" {
		return
	}
	confirm(s.ctx, confirmation{
		Title: e.T("Delete this passkey?"),
		Text:  e.T("“%s” will sign you in no more, and you will be signed out everywhere else. Your browser removes it from where it is kept, if it can; else you have to do that there.", e.passkeyName(one)),
		Yes:   e.T("Delete"),
		Do:    func() { s.delete(one) },
	})
}

func (s *passkeys) delete(one shared.Passkey) {
	e := s.Env
	s.busy = one.ID
	call(s.ctx, e, shared.DeletePasskey, shared.PasskeyID{ID: one.ID}, func(ctx app.Context, out shared.PasskeyDeleted, err error) {
		s.busy = ""
		if err != nil {
			toastError(ctx, err)
			s.list.load() // it may have been deleted all the same
			return
		}
		toast(ctx, e.T("“%s” is deleted.", e.passkeyName(one)))
		s.list.value = slices.DeleteFunc(s.list.value, func(other shared.Passkey) bool { return other.ID == one.ID })
		s.signal(out.AcceptedPasskeys)
		focus(ctx, "passkeys") // the button that had it is gone
		refresh(ctx)
	})
}

// Render implements [app.Composer].
func (s *passkeys) Render() app.UI {
	e := s.Env
	list := s.list.value
	none := s.list.known && len(list) == 0
	class, advice := "", ""
	switch {
	case !passkey.Supported():
		advice = e.T("This browser cannot add passkeys here: it is too old, or this page did not come by https.")
	case none:
		class, advice = "main", e.T("You have none yet. Add one on this device, on your phone or on a security key.")
	case len(list) == 1 && list[0].LastWayIn:
		advice = e.T("This is your only way in: you have no password. Add another passkey, on another device, before you lose it.")
	case len(list) == 1 && !list[0].Synced:
		advice = e.T("You have only this one, and it is on one device. If that is lost, so is the passkey: add another.")
	}
	return section("passkeys", e.T("Passkeys"),
		html.P().Text(e.T("Sign in with your fingerprint, your face or the lock of your screen. A passkey cannot be guessed or given away, and needs no password beside it.")),
		s.list.drawState(),
		html.Div().Aria("busy", !s.list.known).Body(
			app.If(s.list.waiting(), skeleton).ElseIf(len(list) > 0, func() app.UI {
				return html.Ul().Class("sessions").Body(
					app.Range(list).Slice(func(i int) app.UI {
						return &passkeyRow{
							Env: e, Passkey: list[i], Now: s.list.now, Busy: s.busy == list[i].ID,
							Renamed: s.renamed, Delete: s.confirmDelete,
						}
					}),
				)
			}),
		),
		html.Div().Class("end").Body(
			html.P().ID("add-passkey-why").Text(advice),
			app.If(passkey.Supported(), func() app.UI {
				return busyButton(e.T("Add passkey"), s.add, s.opening).Class(class).ID("add-passkey-open").Aria("describedby", "add-passkey-why")
			}),
		),
		s.dialog(),
	)
}

func (s *passkeys) dialog() app.UI {
	e := s.Env
	told := ""
	if s.form.busy {
		told = e.T("Now do what your browser or your device asks for.")
	}
	return html.Dialog().ID("add-passkey").
		Aria("labelledby", "add-passkey-title").Aria("describedby", "add-passkey-text").
		On(onEvent("close", s.closed)).
		Body(
			html.Form().Attr("novalidate", "true").OnSubmit(on(s.submit)).Body(
				html.H2().ID("add-passkey-title").Text(e.T("Add a passkey")),
				html.P().ID("add-passkey-text").Text(e.T("Give it a name by which you will know it again. Then your browser asks where to keep it, and for your fingerprint, your face or the lock of your screen.")),
				s.form.field(field{Name: "name", Label: e.T("Passkey name"), Type: "text", Complete: "off"}),
				html.Div().Class("told").Role("status").Body(
					app.If(told != "", func() app.UI { return html.P().Text(told) }),
				),
				s.form.drawError(),
				html.Div().Class("actions").Body(
					button(e.T("Cancel"), s.cancel),
					s.form.button(e.T("Continue"), "main"),
				),
			),
		)
}

// passkeyRow is one passkey in the list, a component of its own as
// [sessionRow] is. Its name can be changed in its place.
type passkeyRow struct {
	app.Compo
	Env     *env
	Passkey shared.Passkey
	Now     time.Time
	Busy    bool
	Renamed func(shared.PasskeyUpdated)
	Delete  func(shared.Passkey)

	ctx     app.Context
	editing bool
	form    form
}

// CompoID implements [app.DismountEnforcer].
func (r *passkeyRow) CompoID() string { return r.Passkey.ID }

func (r *passkeyRow) OnInit() {
	defer rescue()
	r.form.init(r.Env, "rename-"+r.Passkey.ID, "name")
}

func (r *passkeyRow) OnMount(ctx app.Context) {
	defer rescue()
	r.ctx = ctx
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
	if !nameFits(r.ctx, &r.form) {
		return
	}
	r.form.busy = true
	in := shared.PasskeyName{ID: r.Passkey.ID, Name: strings.TrimSpace(r.form.value("name"))}
	call(r.ctx, r.Env, shared.UpdatePasskey, in, func(ctx app.Context, out shared.PasskeyUpdated, err error) {
		r.form.end(ctx, err)
		if err == nil {
			r.end(ctx)
			r.Renamed(out)
		}
	})
}

// end puts the name back and the focus where it came from.
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
	name := "passkey-" + one.ID
	kept := e.T("This device only")
	if one.Synced {
		kept = e.T("Synced")
	}
	used := app.UI(app.Text(e.T("Never")))
	if one.LastUsedAt != nil {
		used = e.timestamp(*one.LastUsedAt, e.ago(one.LastUsedAt.Time, now))
	}
	return html.Li().Class("session", "passkey").Body(
		providerIcon(one.Provider),
		html.P().Class("device").Body(
			html.Strong().ID(name).Text(e.passkeyName(one)),
			html.Span().Class("badge").Text(kept),
		),
		html.Dl().Class("facts").Body(
			fact(e.T("Kept in"), app.Text(e.keptIn(one))),
			fact(e.T("Created"), e.timestamp(one.CreatedAt, e.localTime(one.CreatedAt, "medium", ""))),
			fact(e.T("Last used"), used),
		),
		html.Div().Class("deeds").Body(
			app.If(!r.editing, func() app.UI {
				return button(e.T("Rename"), r.edit).ID(r.form.inputID("button")).Aria("describedby", name)
			}),
			app.If(!r.editing, func() app.UI {
				return busyButton(e.T("Delete"), r.delete, r.Busy).Class("danger").Aria("describedby", name)
			}),
		),
		html.Div().Class("rename").Body(app.If(r.editing, func() app.UI {
			return html.Form().Attr("novalidate", "true").OnSubmit(on(r.submit)).OnKeyDown(on(r.key)).Body(
				r.form.field(field{Name: "name", Label: e.T("Passkey name"), Type: "text", Complete: "off", Value: e.passkeyName(one)}),
				r.form.drawError(),
				html.Div().Class("deeds").Body(
					html.Button().Attr("type", "submit").Class("main").Aria("describedby", name).
						Aria("busy", r.form.busy).Aria("disabled", r.form.busy || r.form.wait() > 0).Text(e.T("Save")),
					button(e.T("Cancel"), r.cancel).Aria("describedby", name),
				),
			)
		})),
	)
}

// providerIcon draws what keeps a passkey, as its makers do, or a key. It says
// nothing that the words beside it do not.
func providerIcon(p *shared.Provider) app.UI {
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
	return html.Div().Class("provider").Body(
		html.Picture().Body(
			html.Source("(prefers-color-scheme: dark)", dark),
			html.Img(light, 28),
		),
	)
}

// passkeyName is what its owner calls a passkey, or whoever made it does.
func (t *translator) passkeyName(one shared.Passkey) string {
	switch {
	case one.Name != nil && *one.Name != "":
		return *one.Name
	case one.Provider != nil && one.Provider.Name != "":
		return one.Provider.Name
	default:
		return t.T("Passkey")
	}
}

// keptIn says what keeps a passkey.
func (t *translator) keptIn(one shared.Passkey) string {
	if one.Provider != nil && one.Provider.Name != "" {
		return one.Provider.Name
	}
	transports := strings.Split(one.Transports, ",")
	switch {
	case one.Synced:
		return t.T("A password manager") // which one does not say; a device alone it is not
	case slices.Contains(transports, "internal"), slices.Contains(transports, "hybrid"):
		return t.T("The device itself")
	case slices.Contains(transports, "usb"), slices.Contains(transports, "nfc"):
		return t.T("A security key")
	default:
		return t.T("Unknown")
	}
}
