package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// The methods below save what the page has loaded, and do what the controls of [home] ask for.

// loaded shows a new overview. If it comes while the user looks at the home, and would move what
// the user may be about to click, it waits until the user asks for it.
func (p *settings) loaded(ctx app.Context) {
	e, o, at := p.Env, &p.overview.value, p.overview.at
	e.snapshots.saveOverview(e.account(), *o, at)
	p.saveLists(ctx)
	keepOrder(o.Sessions.Newest, p.drawn.Sessions.Newest)
	p.news = p.watching && p.hidden == e.timesHidden && !e.sameLayout(&p.drawn, o)
	if !p.news {
		p.drawn, p.hidden = *o, e.timesHidden
	}
}

func (p *settings) showNews() {
	dispatch(p.ctx, func(ctx app.Context) {
		p.drawn, p.news = p.overview.value, false
		focus(ctx, "question", "title") // the focused button disappears
	})
}

// keepOrder gives sessions the order of former ones if they are the same sessions.
func keepOrder(list, former []shared.Session) {
	place := func(one shared.Session) int {
		return slices.IndexFunc(former, func(other shared.Session) bool { return other.Token == one.Token })
	}
	if len(list) != len(former) || slices.ContainsFunc(list, func(one shared.Session) bool { return place(one) < 0 }) {
		return
	}
	slices.SortFunc(list, func(a, b shared.Session) int { return place(a) - place(b) })
}

// sameLayout reports whether the home has the same rows and controls for two overviews.
func (t *env) sameLayout(a, b *shared.Overview) bool {
	handle := func(one *shared.Session) string {
		if one == nil {
			return ""
		}
		return one.Token
	}
	return handle(a.Question) == handle(b.Question) && a.TwoFactor.Enabled == b.TwoFactor.Enabled &&
		slices.EqualFunc(a.Sessions.Newest, b.Sessions.Newest, func(a, b shared.Session) bool { return a.Token == b.Token }) &&
		slices.EqualFunc(t.checkUp(a), t.checkUp(b), func(a, b check) bool { return a.level == b.level && a.action == b.action })
}

// saveLists saves what the pages below the home show without a network, also if the user has
// not opened them. It fetches a list only if the overview does not have it and the saved one is
// missing or has another length.
func (p *settings) saveLists(ctx app.Context) {
	e, o, at := p.Env, &p.overview.value, p.overview.at
	account := e.account()
	e.snapshots.saveTwoFactor(account, o.TwoFactor, at)
	saved := e.snapshots.of(account)
	if o.Sessions.Count <= len(o.Sessions.Newest) {
		e.snapshots.saveSessions(account, o.Sessions.Newest, at)
	} else if saved.Sessions == nil || len(saved.Sessions.List) != o.Sessions.Count {
		call(ctx, e, shared.ListSessions, shared.None{}, func(_ app.Context, list []shared.Session, err error) {
			if err == nil {
				e.snapshots.saveSessions(account, list, e.now())
			}
		})
	}
	if o.Passkeys.Count == 0 {
		e.snapshots.savePasskeys(account, nil, at)
	} else if saved.Passkeys == nil || len(saved.Passkeys.List) != o.Passkeys.Count {
		call(ctx, e, shared.ListPasskeys, shared.None{}, func(_ app.Context, list []shared.Passkey, err error) {
			if err == nil {
				e.snapshots.savePasskeys(account, list, e.now())
			}
		})
	}
}

func (p *settings) verify() {
	if p.verifying {
		return
	}
	p.verifying = true
	sendVerification(p.ctx, p.Env, p.User.Email, func() { p.verifying = false })
}

func (p *settings) confirmSignIn(one shared.Session) {
	if p.busy {
		return
	}
	p.busy = true
	confirmSignIn(p.ctx, p.Env, one, func(ctx app.Context, err error) {
		p.busy = false
		if err != nil {
			p.load()
			return
		}
		p.drawn.Question = nil // at once; the refresh may bring the next one
		focus(ctx, "check-up")
		refresh(ctx)
	})
}

func (p *settings) reportSignIn(one shared.Session) {
	if p.busy {
		return
	}
	reportSignIn(p.ctx, p.Env, one, func(busy bool) {
		dispatch(p.ctx, func(app.Context) { p.busy = busy })
	})
}

func (p *settings) confirmRevoke(one shared.Session) {
	confirmRevoke(p.ctx, p.Env, one, p.overview.now, p.revoke)
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
	o := p.drawn
	left := slices.DeleteFunc(slices.Clone(o.Sessions.Newest), func(one shared.Session) bool { return p.gone[one.Token] })
	o.Sessions.Count -= len(o.Sessions.Newest) - len(left)
	o.Sessions.Newest = left
	if o.Question != nil && p.gone[o.Question.Token] {
		o.Question = nil
	}
	return o
}
