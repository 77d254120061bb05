package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// verification is a button that sends another verification email.
type verification struct {
	app.Compo
	mounted
	Env      *env
	Email    string
	Profile  bool   // it is shown in the profile
	Language string // in which it is drawn

	busy bool
}

func (v *verification) send(app.Context, app.Event) {
	if v.busy {
		return
	}
	v.busy = true
	sendVerification(v.ctx, v.Env, v.Email, func() { v.busy = false })
}

// sendVerification sends a verification email, and calls ended when the server has answered.
func sendVerification(ctx app.Context, e *env, email string, ended func()) {
	call(ctx, e, shared.SendVerificationEmail, shared.EmailRequest{Email: email}, func(ctx app.Context, _ shared.Status, err error) {
		ended()
		if err != nil {
			toastError(ctx, err)
			return
		}
		toast(ctx, e.T(message.DoneEmailSent, email))
	})
}

// Render implements [app.Composer].
func (v *verification) Render() app.UI {
	text := message.SendEmailAgain
	if v.Profile {
		text = message.SendVerificationEmailAgain
	}
	return busy(v.Env.verifyButton(text, v.Email, v.send), v.busy)
}

// verifyButton draws a button that sends a verification email.
func (t *env) verifyButton(text message.ID, email string, h app.EventHandler) html.Element {
	return callButton(t.T(text), t.formCall(shared.SendVerificationEmail.Path, "email", email), h)
}

// emailAddress is the part of the profile in which the user changes the email address. It calls
// the server for [emailView], which draws it.
type emailAddress struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Pending  shared.PendingEmail // zero if no change is pending
	Language string              // in which it is drawn

	busy     bool // the link is being resent or the change canceled
	canceled bool // the change was canceled, and Pending is outdated
}

// OnUpdate implements [app.Updater].
func (p *emailAddress) OnUpdate(app.Context) {
	defer rescue()
	if p.Pending.Address == "" {
		p.canceled = false
	}
}

// request asks for a change of the address, and tells then the result.
func (p *emailAddress) request(email string, then func(app.Context, error)) {
	call(p.ctx, p.Env, shared.ChangeEmail, shared.EmailChange{NewEmail: email}, func(ctx app.Context, _ shared.Status, err error) {
		then(ctx, err)
		if err == nil {
			p.canceled = false
			refresh(ctx)
		}
	})
}

func (p *emailAddress) resend() {
	p.send(shared.ResendEmailChange, p.Env.T(message.DoneEmailSent, p.Pending.SentTo), func(app.Context) {})
}

func (p *emailAddress) cancel() {
	p.send(shared.CancelEmailChange, p.Env.T(message.DoneEmailChangeCanceled), func(ctx app.Context) {
		p.canceled = true
		focus(ctx, "change-email") // the focused button disappears
	})
}

// send calls an endpoint about the pending change, and then done if it succeeds.
func (p *emailAddress) send(endpoint shared.Endpoint[shared.None, shared.Status], text string, done func(app.Context)) {
	if p.busy {
		return
	}
	p.busy = true
	call(p.ctx, p.Env, endpoint, shared.None{}, func(ctx app.Context, _ shared.Status, err error) {
		p.busy = false
		if err == nil {
			toast(ctx, text)
			done(ctx)
		} else {
			toastError(ctx, err)
		}
		refresh(ctx) // also after an error: the link may have been opened meanwhile
	})
}

// Render implements [app.Composer].
func (p *emailAddress) Render() app.UI {
	pending := p.Pending
	if p.canceled {
		pending = shared.PendingEmail{}
	}
	return &emailView{
		Env: p.Env, User: p.User, Pending: pending, Busy: p.busy, Language: p.Language,
		Request: p.request, Resend: p.resend, Cancel: p.cancel,
	}
}

// emailView draws the address of a user, a pending change of it, and a form to change it. It
// loads nothing.
type emailView struct {
	app.Compo
	mounted
	Env      *env
	User     shared.User
	Pending  shared.PendingEmail // zero if no change is pending
	Busy     bool
	Language string // in which it is drawn
	Request  func(email string, then func(app.Context, error))
	Resend   func()
	Cancel   func()

	form   form
	opened bool
	asked  bool // the user has asked for a change, which is not drawn yet
}

// OnUpdate implements [app.Updater]. On a phone, what the user can do about a new change would be
// out of sight.
func (v *emailView) OnUpdate(ctx app.Context) {
	defer rescue()
	if v.asked && v.Pending.Address != "" {
		v.asked = false
		scrollTop(ctx, "address")
	}
}

func (v *emailView) OnInit() {
	defer rescue()
	v.form.init(v.Env, "new-email", "newEmail")
}

func (v *emailView) open(app.Context, app.Event) {
	v.opened = true
	focus(v.ctx, v.form.inputID("newEmail"))
	scrollTop(v.ctx, "address")
}

// close closes the form, and focuses the element with an ID.
func (v *emailView) close(ctx app.Context, id string) {
	v.opened, v.form.wrong, v.form.problem = false, nil, ""
	focus(ctx, id)
}

func (v *emailView) key(ctx app.Context, e app.Event) {
	if e.Get("key").String() == "Escape" {
		v.cancel(ctx, e)
	}
}

func (v *emailView) cancel(app.Context, app.Event) {
	if !v.form.busy {
		v.close(v.ctx, "change-email")
	}
}

func (v *emailView) submit(_ app.Context, e app.Event) {
	e.PreventDefault()
	if !v.form.start(v.ctx, map[string]string{"newEmail": v.Env.T(message.ErrEnterNewAddress)}) {
		return
	}
	v.Request(v.form.value("newEmail"), func(_ app.Context, err error) {
		dispatch(v.ctx, func(ctx app.Context) {
			v.form.end(ctx, err)
			if err == nil {
				v.close(ctx, "address") // a pending change takes the place of the button
				v.asked = true
			}
		})
	})
}

// Render implements [app.Composer].
func (v *emailView) Render() app.UI {
	return html.Div().Class("state").ID("email").Body(
		html.P().Class("address").Body(span(v.User.Email), v.Env.verifiedBadge(v.User)),
		v.drawPending(),
		html.Div().Body(app.If(v.opened, v.drawForm).Else(v.drawActions)),
	)
}

// verifiedBadge draws whether the address of a user is verified.
func (t *env) verifiedBadge(u shared.User) app.UI {
	if u.EmailVerified {
		return status(levelOK, t.T(message.EmailVerified))
	}
	return status(levelAdvice, t.T(message.EmailNotVerified))
}

// drawPending draws the change that is pending. Its live region is always in the page.
func (v *emailView) drawPending() app.UI {
	e, text := v.Env, ""
	switch p := v.Pending; {
	case p.Address == "":
	case p.SentTo == p.Address:
		text = e.T(message.EmailChangePending, p.Address)
	default:
		text = e.T(message.EmailChangePendingFirst, p.Address, p.SentTo)
	}
	return html.Div().Class("pending").Body(
		html.P().Role("status").ID("pending-email").Text(text),
		app.If(text != "", func() app.UI {
			return html.Div().Class("actions").Body(
				v.pendingButton(message.ResendLink, shared.ResendEmailChange.Path, v.resend),
				v.pendingButton(message.CancelAction, shared.CancelEmailChange.Path, v.cancelChange),
			)
		}),
	)
}

// pendingButton draws a button that makes a call about the pending change.
func (v *emailView) pendingButton(text message.ID, path string, h app.EventHandler) html.Element {
	return busy(callButton(v.Env.T(text), v.Env.formCall(path), h), v.Busy).Aria("describedby", "pending-email")
}

func (v *emailView) resend(app.Context, app.Event)       { v.Resend() }
func (v *emailView) cancelChange(app.Context, app.Event) { v.Cancel() }

func (v *emailView) drawActions() app.UI {
	return html.Div().Class("actions").Body(
		html.Div().Body(app.If(v.Pending.Address == "", func() app.UI {
			e := v.Env
			return taskButton(e.T(message.ChangeEmailAddress), shared.PageProfile, e.formCall(shared.ChangeEmail.Path), v.open).
				ID("change-email")
		})),
		html.Div().Body(app.If(!v.User.EmailVerified && v.Pending.Address == "", func() app.UI {
			return &verification{Env: v.Env, Email: v.User.Email, Profile: true, Language: v.Language}
		})),
	)
}

func (v *emailView) drawForm() app.UI {
	e := v.Env
	return formTo(v.submit).OnKeyDown(on(v.key)).Body(
		v.form.field(field{
			Name: "newEmail", Label: e.T(message.NewEmailAddress), Type: "email", Complete: "email", Hint: e.newEmailHint(v.User),
		}),
		v.form.drawError(),
		html.Div().Class("actions").Body(
			button(e.T(message.CancelAction), v.cancel),
			v.form.button(e.T(message.SendLink), "main"),
		),
	)
}

// newEmailHint returns which links a user has to open to change the address.
func (t *env) newEmailHint(u shared.User) string {
	if u.EmailVerified {
		return t.T(message.HintBothEmailLinks)
	}
	return t.T(message.HintNewEmailLink)
}
