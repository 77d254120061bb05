package ui

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared"
	"latchkey/shared/message"
)

// signInQuestion asks whether a new sign-in was the user's. It does not call the server: see
// [confirmSignIn] and [reportSignIn].
type signInQuestion struct {
	app.Compo
	Env     *env
	Session shared.Session
	Name    string // the ID of the element that names the device
	Busy    bool
	Stored  bool // the session is from the snapshot
	Refused bool // this session must not confirm it: see [mayConfirm]
	Yes, No func(shared.Session)
}

// CompoID implements [app.DismountEnforcer].
func (q *signInQuestion) CompoID() string { return "question-" + q.Session.Token }

func (q *signInQuestion) yes(app.Context, app.Event) {
	if !q.Busy {
		q.Yes(q.Session)
	}
}

func (q *signInQuestion) no(app.Context, app.Event) {
	if !q.Busy {
		q.No(q.Session)
	}
}

// Render implements [app.Composer].
func (q *signInQuestion) Render() app.UI {
	e, id := q.Env, q.CompoID()
	return html.Div().Class("question").Role("group").Aria("labelledby", id).Aria("describedby", q.Name).Body(
		html.Strong().ID(id).Text(e.T(message.WasThisYou)),
		app.If(q.Refused, func() app.UI { return hint(e.T(message.ErrSessionUnconfirmed)) }).Else(func() app.UI {
			return e.yesButton(q.Session, q.yes, q.Busy).Aria("describedby", q.Name).Attr("disabled", q.Stored)
		}),
		e.noButton(q.Session, shared.PageSessions, q.no, q.Busy).Aria("describedby", q.Name).Attr("disabled", q.Stored),
	)
}

// mayConfirm reports whether the current session may confirm another one, as the server decides:
// known is whether the user has a session that is not new. Otherwise the page says where to answer,
// instead of a button that fails.
func mayConfirm(current, other shared.Session, known bool) bool {
	return !current.IsNew || !known && current.CreatedAt.Before(other.CreatedAt.Time)
}

// yesButton draws the button that answers that a sign-in was the user's.
func (t *env) yesButton(one shared.Session, h app.EventHandler, inProgress bool) html.Element {
	return busy(callButton(t.T(message.YesItWasMe), t.formCall(shared.ConfirmSignIn.Path, "token", one.Token), h), inProgress)
}

// noButton draws the button that answers that a sign-in was not the user's, on the page at a path.
func (t *env) noButton(one shared.Session, page string, h app.EventHandler, inProgress bool) html.Element {
	call := t.formCall(shared.ReportSignIn.Path, "token", one.Token)
	return busy(taskButton(t.T(message.NoSecureAccount), page, call, h), inProgress).Class("danger")
}

// confirmSignIn records that a sign-in was the user's, and calls done with the result.
func confirmSignIn(ctx app.Context, e *env, one shared.Session, done func(app.Context, error)) {
	call(ctx, e, shared.ConfirmSignIn, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, _ shared.Status, err error) {
		if err != nil {
			toastError(ctx, err)
		} else {
			toast(ctx, e.T(message.DoneSignInConfirmed))
		}
		done(ctx, err)
	})
}

// reportSignIn asks the user whether to secure the account, because a sign-in was not theirs.
// If so, it reports the sign-in and leads to the page for a new password. It calls busy when
// the report begins and when it has failed.
func reportSignIn(ctx app.Context, e *env, one shared.Session, busy func(bool)) {
	c := reportQuestion(e)
	c.Do = func() {
		busy(true)
		call(ctx, e, shared.ReportSignIn, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, out shared.NotMeReport, err error) {
			if err != nil {
				busy(false)
				toastError(ctx, err)
				return
			}
			e.identity.clearUser() // the report has ended this session, too
			e.snapshots.wipe()
			e.tabs.post(tabSessionEnded)
			chooseNewPassword(ctx, e, out.Token)
		})
	}
	confirm(ctx, c)
}

// reportQuestion asks whether to secure the account.
func reportQuestion(e *env) confirmation {
	return confirmation{
		Title: e.T(message.ConfirmSecureAccount),
		Text:  e.T(message.SecureAccountExplanation),
		Yes:   e.T(message.SecureAccount),
	}
}
