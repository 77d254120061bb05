package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// passkeys is the section that lists the passkeys of the user, and adds to them.
type passkeys struct {
	app.Compo
	Env  *env
	User shared.User

	ctx     app.Context
	list    loader[[]shared.Passkey]
	add     addPasskey
	signals passkeySignals
	busy    string // the ID of the one that is being deleted
}

func (s *passkeys) OnInit() {
	defer rescue()
	e := s.Env
	initLoader(&s.list, e, "passkeys", shared.ListPasskeys)
	s.list.restore = func() (at time.Time) {
		s.list.value, at = e.snapshots.passkeys(e.account())
		return at
	}
	s.list.onLoad = s.loaded
	s.add.init(e, func() []shared.Passkey { return s.list.value }, s.added)
	s.signals.called(s.User, nil)
}

func (s *passkeys) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
	s.add.mount(ctx)
}

// OnUpdate implements [app.Updater].
func (s *passkeys) OnUpdate(app.Context) {
	defer rescue()
	s.signals.called(s.User, s.list.value)
}

func (s *passkeys) OnDismount() {
	defer rescue()
	s.add.ceremony.stop()
}

func (s *passkeys) loaded(app.Context) {
	s.Env.snapshots.savePasskeys(s.Env.account(), s.list.value, s.list.at)
	s.signals.accept(s.list.value)
}

func (s *passkeys) added(one shared.Passkey) {
	s.list.value, s.list.known = append(s.list.value, one), true
	s.signals.accept(s.list.value)
}

func (s *passkeys) renamed(out shared.PasskeyUpdated) {
	dispatch(s.ctx, func(ctx app.Context) {
		if i := slices.IndexFunc(s.list.value, func(one shared.Passkey) bool { return one.ID == out.Passkey.ID }); i >= 0 {
			s.list.value[i] = out.Passkey
		}
		s.signals.send(out.AcceptedPasskeys)
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
		s.signals.send(out.AcceptedPasskeys)
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
				return busyButton(e.T("Add passkey"), s.add.open, s.add.opening).Class(class).
					ID("add-passkey-open").Aria("describedby", "add-passkey-why")
			}),
		),
		s.add.draw(),
	)
}
