package ui

import (
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// serverKeys is the section that lists the server keys. Administrators create and revoke them. It
// has the text of a new key until the user leaves the page.
type serverKeys struct {
	app.Compo
	Env *env

	ctx    app.Context
	list   loader[[]shared.ServerKey]
	form   form
	typed  string              // the name in the refused form of the page
	made   shared.NewServerKey // zero if there is none
	copied string              // whether the text was copied
	busy   string              // the ID of the key that is being revoked
}

func (s *serverKeys) OnInit() {
	defer rescue()
	initLoader(&s.list, s.Env, "server-keys", shared.ListServerKeys)
	s.form.init(s.Env, "server-keys", "name")
	if refused := s.form.calls(s.Env.formCall(shared.CreateServerKey.Path)); refused != nil {
		s.typed = refused.Typed["name"]
	}
}

func (s *serverKeys) OnMount(ctx app.Context) {
	defer rescue()
	s.ctx = ctx
	s.list.mount(ctx)
}

func (s *serverKeys) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !s.form.nameFits(s.ctx, message.ErrEnterServerKeyName) || !s.form.start(s.ctx, nil) {
		return
	}
	in := shared.ServerKeyName{Name: s.form.value("name")}
	call(s.ctx, s.Env, shared.CreateServerKey, in, func(ctx app.Context, out shared.NewServerKey, err error) {
		s.form.end(ctx, err)
		if err != nil {
			return
		}
		s.made, s.copied = out, ""
		s.form.clear("name")
		focus(ctx, "server-key-copy")
		s.list.load()
	})
}

func (s *serverKeys) copy(app.Context, app.Event) {
	copyText(s.ctx, s.made.Key, func(ok bool) {
		if s.copied = s.Env.T(message.DoneKeyCopied); !ok {
			s.copied = s.Env.T(message.ErrCopyNotAllowed)
		}
	})
}

func (s *serverKeys) confirmRevoke(one shared.ServerKey) {
	if s.busy != "" {
		return
	}
	c := revokeKeyQuestion(s.Env, one)
	c.Do = func() { s.revoke(one) }
	confirm(s.ctx, c)
}

// revokeKeyQuestion asks whether to revoke a server key.
func revokeKeyQuestion(e *env, one shared.ServerKey) confirmation {
	return confirmation{
		Title: e.T(message.ConfirmRevokeServerKey, one.Name), Text: e.T(message.RevokeServerKeyConsequences), Yes: e.T(message.RevokeServerKey),
	}
}

func (s *serverKeys) revoke(one shared.ServerKey) {
	s.busy = one.ID
	call(s.ctx, s.Env, shared.RevokeServerKey, shared.ServerKeyID{ID: one.ID}, func(ctx app.Context, _ shared.Status, err error) {
		s.busy = ""
		s.list.load() // the server may have revoked it nevertheless
		if err != nil {
			toastError(ctx, err)
			return
		}
		if s.made.ServerKey.ID == one.ID {
			s.made = shared.NewServerKey{}
		}
		toast(ctx, s.Env.T(message.DoneServerKeyRevoked))
		focus(ctx, "server-keys") // the focused button is gone
	})
}

// Render implements [app.Composer].
func (s *serverKeys) Render() app.UI {
	e := s.Env
	return section("server-keys", e.T(message.ServerKeys),
		html.P().Text(e.T(message.ServerKeysExplanation)),
		formTo(s.submit).Class("inline-form").Body(
			s.form.field(field{
				Name: "name", Label: e.T(message.ServerKeyName), Type: "text", Complete: "off", Hint: e.T(message.HintServerKeyName),
				Value: s.typed,
			}),
			div("actions", s.form.button(e.T(message.CreateServerKey), "")),
		),
		s.form.drawError(),
		div("new-key", app.If(s.made.Key != "", func() app.UI {
			return div("state",
				e.drawServerKey(s.made),
				div("actions", button(e.T(message.CopyKey), s.copy).ID("server-key-copy").Aria("describedby", "server-key-text")),
				drawStatus(s.copied),
			)
		})),
		s.list.drawState(),
		s.list.drawItems("sessions", len(s.list.value), e.T(message.NoServerKeys), func(i int) app.UI {
			one := s.list.value[i]
			return &serverKeyRow{Env: e, Key: one, Now: s.list.now, Busy: s.busy == one.ID, Revoke: s.confirmRevoke}
		}),
	)
}

// drawServerKey draws a new server key.
func (t *env) drawServerKey(made shared.NewServerKey) app.UI {
	return div("state",
		html.P().ID("server-key-text").Text(t.T(message.DoneServerKeyCreated, made.ServerKey.Name)),
		html.Code().Attr("translate", "no").Text(made.Key),
	)
}

// serverKeyRow is one server key. It is its own component for the same reason as [sessionRow].
type serverKeyRow struct {
	app.Compo
	Env    *env
	Key    shared.ServerKey
	Now    time.Time
	Busy   bool
	Revoke func(shared.ServerKey)
}

// CompoID implements [app.DismountEnforcer].
func (r *serverKeyRow) CompoID() string { return r.Key.ID }

func (r *serverKeyRow) revoke(app.Context, app.Event) { r.Revoke(r.Key) }

// Render implements [app.Composer].
func (r *serverKeyRow) Render() app.UI {
	e, one := r.Env, r.Key
	name, by := "server-key-"+one.ID, e.T(message.CreatedByOperator)
	if one.CreatedBy != nil {
		by = *one.CreatedBy
	}
	used := app.UI(html.Text(e.T(message.NeverUsed)))
	if one.LastUsedAt != nil {
		used = e.timestamp(*one.LastUsedAt, e.ago(one.LastUsedAt.Time, r.Now))
	}
	return html.Li().Class("session").Body(
		icon("key"),
		html.P().Class("device").Body(html.Strong().ID(name).Text(one.Name)),
		html.Dl().Class("facts").Body(
			fact(e.T(message.CreatedOn), e.timestamp(one.CreatedAt, e.localTime(one.CreatedAt, "medium", ""))),
			fact(e.T(message.LastUsed), used),
			fact(e.T(message.CreatedByUser), html.Text(by)),
		),
		busy(taskButton(
			e.T(message.RevokeServerKey), shared.PageSystem+"#server-keys", e.formCall(shared.RevokeServerKey.Path, "id", one.ID), r.revoke,
		), r.Busy).Class("danger").Aria("describedby", name),
	)
}
