package ui

import (
	"net/url"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// The methods below load what the home draws and do what its controls ask for, so that [home]
// needs no server.

func (p *settings) loaded(ctx app.Context) {
	e, o, at := p.Env, &p.overview.value, p.overview.at
	e.snapshots.saveOverview(e.account(), *o, at)
	p.saveLists(ctx)
}

// saveLists saves what the pages below the home show without a network, also if the user has
// not opened them. It asks the server only for lists that have changed and that the overview
// does not have.
func (p *settings) saveLists(ctx app.Context) {
	e, o, at := p.Env, &p.overview.value, p.overview.at
	account := e.account()
	e.snapshots.saveTwoFactor(account, o.TwoFactor, at)
	kept := e.snapshots.of(account)
	if o.Sessions.Count <= len(o.Sessions.Newest) {
		e.snapshots.saveSessions(account, o.Sessions.Newest, at)
	} else if kept.Sessions == nil || len(kept.Sessions.List) != o.Sessions.Count {
		call(ctx, e, shared.ListSessions, shared.None{}, func(_ app.Context, list []shared.Session, err error) {
			if err == nil {
				e.snapshots.saveSessions(account, list, e.now())
			}
		})
	}
	if o.Passkeys.Count == 0 {
		e.snapshots.savePasskeys(account, nil, at)
	} else if kept.Passkeys == nil || len(kept.Passkeys.List) != o.Passkeys.Count {
		call(ctx, e, shared.ListPasskeys, shared.None{}, func(_ app.Context, list []shared.Passkey, err error) {
			if err == nil {
				e.snapshots.savePasskeys(account, list, e.now())
			}
		})
	}
}

func (p *settings) verify() {
	e := p.Env
	email := p.User.Email
	call(p.ctx, e, shared.SendVerificationEmail, shared.EmailRequest{Email: email}, func(ctx app.Context, _ shared.Status, err error) {
		if err != nil {
			toastError(ctx, err)
			return
		}
		toast(ctx, e.T(message.DoneEmailSent, email))
	})
}

// confirmSignIn records that the user recognizes a sign-in.
func (p *settings) confirmSignIn(one shared.Session) {
	if p.busy {
		return
	}
	p.busy = true
	call(p.ctx, p.Env, shared.ConfirmSignIn, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, _ shared.Status, err error) {
		p.busy = false
		if err != nil {
			toastError(ctx, err)
			p.load()
			return
		}
		toast(ctx, p.Env.T(message.DoneSignInConfirmed))
		p.overview.value.Question = nil // at once; the refresh may bring the next one
		focus(ctx, "title")
		refresh(ctx)
	})
}

func (p *settings) askToReport(one shared.Session) {
	e := p.Env
	if p.busy {
		return
	}
	confirm(p.ctx, confirmation{
		Title: e.T(message.ConfirmSecureAccount),
		Text:  e.T(message.SecureAccountExplanation),
		Yes:   e.T(message.SecureAccount),
		Do:    func() { p.report(one) },
	})
}

// report tells the server that a sign-in was not the user's, and goes to the page for the new
// password. The report ends every session.
func (p *settings) report(one shared.Session) {
	p.busy = true
	call(p.ctx, p.Env, shared.ReportSignIn, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, out shared.NotMeReport, err error) {
		p.busy = false
		if err != nil {
			toastError(ctx, err)
			return
		}
		e := p.Env
		e.identity.clearUser()
		e.snapshots.wipe()
		e.tabs.post(tabSessionEnded)
		toast(ctx, e.T(message.DoneAccountSecured))
		ctx.Navigate(shared.PageResetPassword + "?token=" + url.QueryEscape(out.Token))
	})
}

func (p *settings) askToRevoke(one shared.Session) {
	e := p.Env
	c := confirmation{
		Title: e.T(message.ConfirmRevokeSession),
		Text:  e.T(message.DeviceWillBeSignedOut, e.deviceName(one.Device), one.IPAddress, e.ago(one.LastActiveAt.Time, p.overview.now)),
		Yes:   e.T(message.RevokeThis),
		Do:    func() { p.revoke(one) },
	}
	if one.IsCurrent {
		c = confirmation{
			Title: e.T(message.ConfirmSignOutDevice),
			Text:  e.T(message.SignOutDeviceExplanation),
			Yes:   e.T(message.SignOut),
			Do:    func() { signOut(p.ctx) },
		}
	}
	confirm(p.ctx, c)
}

// revoke revokes a session. Its row disappears at once, and comes back if the call fails.
func (p *settings) revoke(one shared.Session) {
	e := p.Env
	p.gone[one.Token] = true
	dispatch(p.ctx, func(ctx app.Context) { focus(ctx, "sessions") })
	call(p.ctx, e, shared.RevokeSession, shared.SessionHandle{Token: one.Token}, func(ctx app.Context, _ shared.Status, err error) {
		if err != nil {
			delete(p.gone, one.Token)
			focus(ctx, revokeID(one))
			toastError(ctx, err)
			p.load() // the server may have revoked it nevertheless
			return
		}
		toast(ctx, e.T(message.DoneDeviceSignedOut, e.deviceName(one.Device)))
		refresh(ctx)
	})
}

// shown returns the overview without the sessions that are being revoked.
func (p *settings) shown() shared.Overview {
	o := p.overview.value
	left := slices.DeleteFunc(slices.Clone(o.Sessions.Newest), func(one shared.Session) bool { return p.gone[one.Token] })
	o.Sessions.Count -= len(o.Sessions.Newest) - len(left)
	o.Sessions.Newest = left
	if o.Question != nil && p.gone[o.Question.Token] {
		o.Question = nil
	}
	return o
}
