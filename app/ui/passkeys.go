package ui

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/client"
	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// passkeys is the section in which users manage their passkeys.
type passkeys struct {
	app.Compo
	Env  *env
	User shared.User

	ctx     app.Context
	list    loader[[]shared.Passkey]
	add     addPasskey
	opening bool // the dialog's options are being fetched
	signals passkeySignals
	busy    string // the ID of the passkey that is being deleted
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
	s.add.init(s)
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

// openAdd fetches the options and then opens the dialog that adds a passkey.
func (s *passkeys) openAdd(ctx app.Context, _ app.Event) {
	if s.opening {
		return
	}
	if !online() {
		toastError(ctx, client.ErrOffline)
		return
	}
	s.opening = true
	call(s.ctx, s.Env, shared.GenerateRegisterOptions, shared.RegisterQuery{}, func(ctx app.Context, options json.RawMessage, err error) {
		s.opening = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		s.add.show(ctx, options)
	})
}

func (s *passkeys) renamed(out shared.PasskeyUpdated) {
	dispatch(s.ctx, func(ctx app.Context) {
		if i := slices.IndexFunc(s.list.value, func(one shared.Passkey) bool { return one.ID == out.Passkey.ID }); i >= 0 {
			s.list.value[i] = out.Passkey
		}
		s.signals.send(out.AcceptedPasskeys)
		toast(ctx, s.Env.T(message.DonePasskeyRenamed))
	})
}

func (s *passkeys) confirmDelete(one shared.Passkey) {
	e := s.Env
	if s.busy != "" {
		return
	}
	confirm(s.ctx, confirmation{
		Title: e.T(message.ConfirmDeletePasskey),
		Text:  e.T(message.DeletePasskeyExplanation, e.passkeyName(one)),
		Yes:   e.T(message.DeleteItem),
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
			s.list.load() // the server may have deleted it nevertheless
			return
		}
		toast(ctx, e.T(message.DonePasskeyDeleted, e.passkeyName(one)))
		s.list.value = slices.DeleteFunc(s.list.value, func(other shared.Passkey) bool { return other.ID == one.ID })
		s.signals.send(out.AcceptedPasskeys)
		focus(ctx, "passkeys") // the focused button is gone
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
		advice = e.T(message.ErrCannotAddPasskeys)
	case none:
		class, advice = "main", e.T(message.NoPasskeysYet)
	case len(list) == 1 && list[0].LastCredential:
		advice = e.T(message.PasskeyOnlySignInMethod)
	case len(list) == 1 && !list[0].Synced:
		advice = e.T(message.PasskeyOnOneDeviceOnly)
	}
	return section("passkeys", e.T(message.YourPasskeys),
		html.P().Text(e.T(message.PasskeysExplanation)),
		s.list.drawState(),
		s.list.drawItems("sessions", len(list), "", func(i int) app.UI {
			return &passkeyRow{
				Env: e, Passkey: list[i], Now: s.list.now, Busy: s.busy == list[i].ID,
				Renamed: s.renamed, Delete: s.confirmDelete,
			}
		}),
		html.Div().Class("end").Body(
			html.P().ID("add-passkey-why").Text(advice),
			app.If(passkey.Supported(), func() app.UI {
				return busyButton(e.T(message.AddPasskey), s.openAdd, s.opening).Class(class).
					ID("add-passkey-open").Aria("describedby", "add-passkey-why")
			}),
		),
		s.add.draw(),
	)
}
