package ui

import (
	"cmp"
	"errors"
	"time"

	"latchkey/shared"
	"latchkey/shared/message"
)

// adopt takes over what the user has done without the app: the factor that they have chosen, and a
// form that the server has refused.
func (p *secondFactor) adopt() {
	if page := p.Env.page; page != nil {
		if p.with == byApp && p.Env.address().Query().Get(shared.FactorField) == shared.FactorEmail {
			p.with = byMail
		}
		if page.State.Form != nil {
			p.form.call = page.State.Form.Call // the form also shows why no email was sent
		}
	}
	state := p.form.adopt(shared.PageTwoFactor)
	p.form.call = ""
	if state == nil {
		p.form.autofocus = "code"
		return
	}
	p.email, p.trustDevice = cmp.Or(p.email, state.Email), state.TrustDevice
	if state.BackupCode {
		p.with = byBackup
	}
	p.refused = p.isCodeRefused(state.Error)
	switch {
	case p.with == byMail && errors.Is(state.Error, shared.ErrTooManyCodes):
		p.form.problem = p.Env.T(message.ErrWrongCodesSendNew)
	case isFinal(state.Error):
		p.over = state.Error
	case state.Call != "":
		p.form.adoptedUntil = time.Time{} // other factors still work: see [secondFactor.send]
	}
}
