package ui

import (
	"slices"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

// passkeys is the section in which users manage their passkeys. It loads them, and calls the
// server for [passkeyList], which draws them.
type passkeys struct {
	app.Compo
	Env  *env
	User shared.User

	ctx     app.Context
	list    loader[[]shared.Passkey]
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
}

func (s *passkeys) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
	tickClock(ctx, s.Env, &s.list.now)
}

// OnUpdate implements [app.Updater].
func (s *passkeys) OnUpdate(app.Context) {
	defer rescue()
	s.signals.called(s.User, s.list.value)
}

func (s *passkeys) loaded(app.Context) {
	s.Env.snapshots.savePasskeys(s.Env.account(), s.list.value, s.list.at)
	s.signals.accept(s.list.value)
	s.signals.called(s.User, s.list.value)
}

// rename gives a passkey another name, and tells then the result.
func (s *passkeys) rename(id, name string, then func(app.Context, error)) {
	in := shared.PasskeyName{ID: id, Name: name}
	call(s.ctx, s.Env, shared.UpdatePasskey, in, func(ctx app.Context, out shared.PasskeyUpdated, err error) {
		then(ctx, err)
		if err != nil {
			return
		}
		if i := slices.IndexFunc(s.list.value, func(one shared.Passkey) bool { return one.ID == id }); i >= 0 {
			s.list.value[i] = out.Passkey
		}
		s.signals.send(out.AcceptedPasskeys)
		toast(ctx, s.Env.T(message.DonePasskeyRenamed))
	})
}

func (s *passkeys) confirmDelete(one shared.Passkey) {
	if s.busy != "" {
		return
	}
	c := deletePasskeyQuestion(s.Env, one)
	c.Do = func() { s.delete(one) }
	confirm(s.ctx, c)
}

// deletePasskeyQuestion asks whether to delete a passkey.
func deletePasskeyQuestion(e *env, one shared.Passkey) confirmation {
	return confirmation{
		Title: e.T(message.ConfirmDeletePasskey),
		Text:  e.T(message.DeletePasskeyExplanation, e.passkeyName(one)),
		Yes:   e.T(message.DeleteItem),
	}
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
	return section("passkeys", e.T(message.YourPasskeys),
		html.P().Text(e.T(message.PasskeysExplanation)),
		s.list.drawState(),
		&passkeyList{
			Env: e, Known: s.list.known, Stored: s.list.stored, Waiting: s.list.waiting(), Passkeys: s.list.value, Now: s.list.now,
			Used: e.usedPasskeys(), Supported: passkey.Supported(), Busy: s.busy,
			Rename: s.rename, Delete: s.confirmDelete,
		},
	)
}

// passkeyList draws the passkeys of an account and what the user can do with them. It loads
// nothing.
type passkeyList struct {
	app.Compo
	Env       *env
	Passkeys  []shared.Passkey
	Known     bool // Passkeys is what the server has, or had at the time of the snapshot
	Stored    bool // they are those of the snapshot, whose IDs the server does not know
	Waiting   bool // it is still loading
	Now       time.Time
	Used      []string // for [isUsed]
	Supported bool     // the browser can add passkeys
	Busy      string   // the ID of the passkey that is being deleted
	Rename    func(id, name string, then func(app.Context, error))
	Delete    func(shared.Passkey)
}

// Render implements [app.Composer].
func (l *passkeyList) Render() app.UI {
	e, list := l.Env, l.Passkeys
	class, advice := "", ""
	switch {
	case !l.Supported:
		advice = e.T(message.ErrCannotAddPasskeys)
	case l.Known && len(list) == 0:
		class, advice = "main", e.T(message.NoPasskeysYet)
	case len(list) == 1 && list[0].LastCredential:
		advice = e.T(message.PasskeyOnlySignInMethod)
	case len(list) == 1 && !list[0].Synced:
		advice = e.T(message.PasskeyOnOneDeviceOnly)
	}
	return html.Div().Class("parts").Body(
		html.Div().Aria("busy", !l.Known).Body(
			app.If(l.Waiting, skeleton).ElseIf(len(list) > 0, func() app.UI {
				rows := make([]app.UI, len(list))
				for i, one := range list {
					rows[i] = &passkeyRow{
						Env: e, Passkey: one, Now: l.Now, Used: isUsed(l.Used, one), Busy: l.Busy == one.ID, Stored: l.Stored,
						Rename: l.Rename, Delete: l.Delete,
					}
				}
				return html.Ul().Class("sessions").Body(rows...)
			}),
		),
		html.Div().Class("end").Body(
			html.P().ID("add-passkey-why").Text(advice),
			e.addingNeedsApp(),
			app.If(l.Supported, func() app.UI {
				return &addPasskeyButton{
					Env: e, ID: "add-passkey-open", Label: e.T(message.AddPasskey), Class: class, DescribedBy: "add-passkey-why",
				}
			}),
		),
	)
}
