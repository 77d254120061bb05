package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/shared"
)

// PendingForm is a form that waits until its user has confirmed their identity. It is stored sealed,
// because it can have a new password in it.
type PendingForm struct {
	Call    string // what it calls: see [shared.FormCall]
	Fields  string // what the user typed, as a query
	Session string // the ID of the session in which it was sent
}

// maxPendingForms limits the pending forms of a user, because each can be as large as a request.
const maxPendingForms = 10

// KeepForm stores a form for the caller's session, and returns the token for [Service.TakeForm]. If the
// user has too many pending forms, the earlier ones are discarded.
func (s *Service) KeepForm(ctx context.Context, actor Actor, f PendingForm) (token Token, err error) {
	f.Session = actor.Session.ID
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		open, err := in.OpenOneTimeTokens(ctx, in.User.ID, purposeForm, s.Now())
		if err == nil && len(open) >= maxPendingForms {
			_, err = in.RevokeOneTimeTokens(ctx, in.User.ID, time.Time{}, revokedReplaced, purposeForm)
		}
		if err != nil {
			return err
		}
		token, err = s.issueToken(ctx, in, purposeForm, f)
		return err
	})
	return token, err
}

// TakeForm returns a form that was stored in the caller's session, once. Otherwise it fails with
// [shared.ErrFormExpired].
func (s *Service) TakeForm(ctx context.Context, actor Actor, token string) (f PendingForm, err error) {
	t, err := s.checkToken(ctx, token, purposeForm)
	if err == nil {
		err = s.readToken(t, &f)
	}
	if err == nil && (t.UserID != actor.User.ID || f.Session != actor.Session.ID) {
		err = shared.ErrToken
	}
	if err == nil {
		err = s.redeem(ctx, t, &f, func(userTx) error { return nil })
	}
	expired := []error{shared.ErrToken, shared.ErrTokenUsed, shared.ErrTokenExpired, shared.ErrTokenSuperseded}
	if slices.ContainsFunc(expired, func(one error) bool { return errors.Is(err, one) }) {
		err = shared.ErrFormExpired
	}
	return f, err
}
