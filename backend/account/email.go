package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/address"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// emailVerification is the data of a token that verifies an address.
type emailVerification struct{ Email string }

// emailChange is the data of a token that changes an address.
type emailChange struct {
	New, Old string
	Callback string
	Session  string // the session that requested it
}

func (s *Service) composeVerification(ctx context.Context, in userTx, request emailRequest) (mail.Mail, error) {
	token, err := s.issueToken(ctx, in, purposeVerify, emailVerification{in.User.Email})
	if err != nil {
		return mail.Mail{}, err
	}
	return s.composeAt(request.At, in.User, request.From, mail.VerifyEmail{Link: s.linkToEmailPage(token, request.Callback)}), nil
}

// composeAddressTaken composes an email that tells the owner of an address that a caller
// wanted to use it for another account. The response to the caller does not reveal that the
// address is taken.
func (s *Service) composeAddressTaken(owner User, request emailRequest) mail.Mail {
	return s.composeAt(request.At, owner, request.From, mail.HaveAccount{
		SignIn: s.origin() + shared.PageSignIn, ForgotPassword: s.origin() + shared.PageForgotPassword,
	})
}

// RequestVerification queues an email with a link that verifies an address. The user of
// actor is zero if the caller is not signed in. For such a caller, RequestVerification
// behaves the same for every address. Errors:
//   - [shared.ErrEmailMismatch]: it is not the signed-in user's address
//   - [shared.ErrVerified]: it is the user's address, and is verified already
//   - [shared.ErrTooManyRequests]: too many requests
func (s *Service) RequestVerification(ctx context.Context, actor Actor, email, callback string) error {
	email, err := address.Parse(email)
	if err != nil {
		return inField(err, "email")
	}
	switch {
	case actor.User.ID == "":
	case actor.User.Email != email:
		return shared.ErrEmailMismatch.In("email")
	case actor.User.EmailVerified:
		return shared.ErrVerified
	}
	if err := s.Allow(ctx, VerificationLimit, email); err != nil {
		return err
	}
	return s.requestEmail(ctx, s.Store, emailRequest{Purpose: purposeVerify, Email: email, Callback: callback, From: actor.Client})
}

// allowReminder counts a verification email that the user did not request, and reports
// whether it is within the limit of the address.
func (s *Service) allowReminder(ctx context.Context, email string) (bool, error) {
	err := s.Allow(ctx, VerificationLimit, email)
	if errors.Is(err, shared.ErrTooManyRequests) {
		return false, nil
	}
	return err == nil, err
}

// RequestEmailChange starts a change of the address of the session's user. The user
// confirms the change with a link sent to the current address, if that is verified, and
// then with one sent to the new address. The response does not reveal whether the new
// address is taken. It fails with [shared.ErrSameEmail], and with
// [shared.ErrTooManyRequests] after too many requests.
func (s *Service) RequestEmailChange(ctx context.Context, actor Actor, email, callback string) error {
	email, err := address.Parse(email)
	if err != nil {
		return inField(err, "newEmail")
	}
	if err := s.Allow(ctx, VerificationLimit, email); err != nil {
		return err
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		if in.User.Email == email {
			return shared.ErrSameEmail.In("newEmail")
		}
		purpose := purposeChange
		if in.User.EmailVerified {
			purpose = purposeConfirmChange
		}
		change := emailChange{New: email, Old: in.User.Email, Callback: callback, Session: actor.Session.ID}
		if err := s.sendEmailChange(ctx, in, actor.Client, purpose, change); err != nil {
			return err
		}
		e := s.sessionEvent(shared.EventEmailChangeRequested, actor)
		return in.AddEvent(ctx, s.Keys, s.withPersonal(e, in.User, map[string]string{DetailBefore: in.User.Email, DetailAfter: email}))
	})
}

// sendEmailChange issues the token for one of the two steps of a change of address, and
// queues its email. The token exists before the email does, so that what is pending does
// not depend on whether the new address is taken, and so that revoking the token also
// stops an email that is still queued. It replaces the tokens of earlier requests.
func (s *Service) sendEmailChange(ctx context.Context, in userTx, client Client, purpose string, change emailChange) error {
	if _, err := in.RevokeOneTimeTokens(ctx, in.User.ID, time.Time{}, revokedReplaced, purposesOfEmailChange...); err != nil {
		return err
	}
	token, err := s.issueToken(ctx, in, purpose, change)
	if err != nil {
		return err
	}
	return s.requestEmail(ctx, in, emailRequest{
		Purpose: purpose, Email: change.New, Callback: change.Callback, From: client,
		User: in.User.ID, Token: token, Old: change.Old, Session: change.Session,
	})
}

// purposesOfEmailChange are the purposes of the tokens for the two steps.
var purposesOfEmailChange = []string{purposeConfirmChange, purposeChange}

// composeEmailChange composes the email for one step of a change of address. It composes the
// one to the current address even if the new address is taken, because its absence would
// reveal that. If the new address is taken, the second email goes to its owner. It fails
// with [ErrNotFound] if the token was revoked meanwhile.
func (s *Service) composeEmailChange(ctx context.Context, tx Store, request emailRequest) (mail.Mail, error) {
	user, err := tx.LockUser(ctx, request.User)
	if err != nil {
		return mail.Mail{}, err
	}
	if request.Token == "" {
		if request.Token, err = s.tokenForOlderRequest(ctx, userTx{tx, user}, request); err != nil {
			return mail.Mail{}, err
		}
	}
	t, err := tx.OneTimeToken(ctx, request.Token.Hash())
	if err != nil {
		return mail.Mail{}, err
	}
	if t.Purpose != request.Purpose || t.UsedAt != nil || !t.ExpiresAt.After(s.Now()) || user.DisabledAt != nil {
		return mail.Mail{}, ErrNotFound
	}
	link := s.linkToEmailPage(request.Token, request.Callback)
	if request.Purpose == purposeConfirmChange {
		return s.composeAt(request.At, user, request.From, mail.AgreeEmailChange{New: request.Email, Link: link}), nil
	}
	if owner, _, err := tx.UserByEmail(ctx, request.Email); err == nil {
		return s.composeAddressTaken(owner, request), nil
	} else if !errors.Is(err, ErrNotFound) {
		return mail.Mail{}, err
	}
	user.Email, user.EmailVerified = request.Email, false
	return s.composeAt(request.At, user, request.From, mail.VerifyNewEmail{Link: link}), nil
}

// tokenForOlderRequest issues the token for a request of an older server. It fails with
// [ErrNotFound] if the address or the password has changed since the request.
func (s *Service) tokenForOlderRequest(ctx context.Context, in userTx, request emailRequest) (Token, error) {
	if in.User.Email != request.Old {
		return "", ErrNotFound
	}
	if err := checkNotOutdated(ctx, in, request); err != nil {
		return "", err
	}
	change := emailChange{New: request.Email, Old: request.Old, Callback: request.Callback, Session: request.Session}
	return s.issueToken(ctx, in, request.Purpose, change)
}

// openEmailChange returns the token of a user's pending change of address, and its data. It
// fails with [ErrNotFound] if none is pending.
func (s *Service) openEmailChange(ctx context.Context, in Store, user User) (t OneTimeToken, change emailChange, err error) {
	for _, purpose := range purposesOfEmailChange {
		open, err := in.OpenOneTimeTokens(ctx, user.ID, purpose, s.Now())
		if err != nil {
			return t, change, err
		}
		if len(open) > 0 {
			t = open[0]
		}
	}
	if t.Hash == nil {
		return t, change, ErrNotFound
	}
	if err := s.readToken(t, &change); err != nil {
		return t, change, err
	}
	if change.Old != user.Email { // outdated
		return t, change, ErrNotFound
	}
	return t, change, nil
}

// ResendEmailChange sends the link again for which a change of the session's user's address
// waits. The former link stops working. Errors:
//   - [shared.ErrNoEmailChange]: no change is pending
//   - [shared.ErrTooManyRequests]: too many requests
func (s *Service) ResendEmailChange(ctx context.Context, actor Actor) error {
	_, change, err := s.openEmailChange(ctx, s.Store, actor.User)
	if err != nil {
		return noEmailChange(err)
	}
	if err := s.Allow(ctx, VerificationLimit, change.New); err != nil {
		return err
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		t, change, err := s.openEmailChange(ctx, in, in.User) // the user may have taken the next step meanwhile
		if err != nil {
			return noEmailChange(err)
		}
		if err := s.sendEmailChange(ctx, in, actor.Client, t.Purpose, change); err != nil {
			return err
		}
		e := s.sessionEvent(shared.EventEmailChangeRequested, actor)
		return in.AddEvent(ctx, s.Keys, withDetail(e, map[string]string{DetailResent: "true"}))
	})
}

// CancelEmailChange cancels the pending change of the session's user's address: its links
// stop working. It fails with [shared.ErrNoEmailChange] if none is pending, for example
// because the link has just been opened.
func (s *Service) CancelEmailChange(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		if _, _, err := s.openEmailChange(ctx, in, in.User); err != nil {
			return noEmailChange(err)
		}
		if _, err := in.RevokeOneTimeTokens(ctx, in.User.ID, time.Time{}, revokedCanceled, purposesOfEmailChange...); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventEmailChangeCanceled, actor))
	})
}

// noEmailChange maps [ErrNotFound] to [shared.ErrNoEmailChange].
func noEmailChange(err error) error {
	if errors.Is(err, ErrNotFound) {
		return shared.ErrNoEmailChange
	}
	return err
}

// LinkPurpose is the purpose of a link in an email about an address or an account.
type LinkPurpose string

const (
	LinkVerify        LinkPurpose = purposeVerify
	LinkConfirmChange LinkPurpose = purposeConfirmChange
	LinkChange        LinkPurpose = purposeChange
	LinkDelete        LinkPurpose = purposeDelete
)

// EmailLink describes what a link does, for the page that asks for confirmation.
type EmailLink struct {
	Purpose LinkPurpose
	User    User   // the owner of the account
	Email   string // the address that it verifies or replaces; empty for a deletion
	New     string // the address that replaces it; empty if none does

	// PasswordDue reports that the address is verified and the password void: see
	// [shared.ErrNewPasswordDue].
	PasswordDue bool
}

// EmailLink describes a link for [Service.VerifyEmail] or [Service.DeleteUserByLink],
// without using it. Errors:
//   - [shared.ErrToken], [shared.ErrTokenSuperseded]: the link is not valid
//   - [shared.ErrTokenExpired], [shared.ErrTokenUsed]: the token is still stored, so
//     EmailLink describes the link, too; a link for an address that is verified already
//     counts as used
func (s *Service) EmailLink(ctx context.Context, link string) (EmailLink, error) {
	t, err := s.checkToken(ctx, link, purposeVerify, purposeConfirmChange, purposeChange, purposeDelete)
	over := errors.Is(err, shared.ErrTokenUsed) || errors.Is(err, shared.ErrTokenExpired)
	if err != nil && !over {
		return EmailLink{}, err
	}
	l := EmailLink{Purpose: LinkPurpose(t.Purpose)}
	if l.User, err = s.Store.UserByID(ctx, t.UserID); errors.Is(err, ErrNotFound) { // deleted meanwhile
		return EmailLink{}, shared.ErrToken
	} else if err != nil {
		return EmailLink{}, err
	}
	switch t.Purpose {
	case purposeVerify:
		err = s.describeVerification(ctx, t, &l)
	case purposeConfirmChange, purposeChange:
		err = s.describeChange(t, &l)
	}
	switch {
	case err != nil:
		return EmailLink{}, err
	case t.UsedAt != nil, t.Purpose == purposeVerify && l.User.EmailVerified:
		return l, shared.ErrTokenUsed
	case over:
		return l, shared.ErrTokenExpired
	}
	return l, nil
}

func (s *Service) describeVerification(ctx context.Context, t OneTimeToken, l *EmailLink) error {
	var v emailVerification
	if err := s.readToken(t, &v); err != nil {
		return err
	}
	if l.Email = v.Email; l.User.Email != v.Email {
		return shared.ErrToken // the account has another address now
	}
	p, err := s.Store.Password(ctx, l.User.ID)
	if err != nil && !errors.Is(err, shared.ErrCredentialNotFound) {
		return err
	}
	l.PasswordDue = l.User.EmailVerified && p.Void
	return nil
}

func (s *Service) describeChange(t OneTimeToken, l *EmailLink) error {
	var change emailChange
	if err := s.readToken(t, &change); err != nil {
		return err
	}
	l.Email, l.New = change.Old, change.New
	if t.UsedAt == nil && l.User.Email != change.Old {
		return shared.ErrToken // the account has another address now
	}
	return nil
}

// VerifyEmail follows a link about an address. It verifies the address, or takes one of the
// two steps of a change. changed is the user after the second step. The user of actor is
// zero if the caller is not signed in. VerifyEmail does not sign the caller in. Errors:
//   - [shared.ErrInvalidUser]: the link belongs to another user
//   - [shared.ErrToken], [shared.ErrTokenSuperseded], [shared.ErrTokenExpired],
//     [shared.ErrTokenUsed]: the link is not valid
//   - [shared.ErrUserExists]: another account has taken the address meanwhile
//   - [shared.ErrNewPasswordDue]: the address is now verified, and the password void
func (s *Service) VerifyEmail(ctx context.Context, actor Actor, token string) (changed *User, err error) {
	t, err := s.checkToken(ctx, token, purposeVerify, purposeConfirmChange, purposeChange)
	if err != nil {
		return nil, err
	}
	if t.Purpose == purposeVerify {
		return nil, s.verifyAddress(ctx, actor.Client, t)
	}
	if actor.User.ID != "" && actor.User.ID != t.UserID {
		return nil, shared.ErrInvalidUser
	}
	var change emailChange
	err = s.redeem(ctx, t, &change, func(in userTx) error {
		if in.User.Email != change.Old {
			return shared.ErrToken
		}
		if t.Purpose == purposeConfirmChange {
			return s.sendEmailChange(ctx, in, actor.Client, purposeChange, change)
		}
		user, err := s.changeEmail(ctx, in, actor.Client, change)
		changed = &user
		return err
	})
	if err != nil {
		changed = nil
	}
	return changed, err
}

func (s *Service) verifyAddress(ctx context.Context, client Client, t OneTimeToken) error {
	var v emailVerification
	var p Password
	err := s.redeem(ctx, t, &v, func(in userTx) (err error) {
		if p, err = in.Password(ctx, in.User.ID); err != nil && !errors.Is(err, shared.ErrCredentialNotFound) {
			return err
		}
		verified, err := in.VerifyUser(ctx, in.User.ID, v.Email, s.Now())
		if err != nil || !verified {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.event(shared.EventEmailVerified, in.User.ID, client))
	})
	if err == nil && p.Void {
		return shared.ErrNewPasswordDue
	}
	return err
}

// changeEmail changes the address of a user, and notifies the old address. If that was
// verified, the email has a link that reverts the change. An unverified address may be
// mistyped and belong to someone else, so it gets no such link.
func (s *Service) changeEmail(ctx context.Context, in userTx, client Client, change emailChange) (User, error) {
	user, now := in.User, s.Now()
	if err := in.ChangeEmail(ctx, user.ID, change.New, true, now); err != nil {
		return user, err
	}
	if _, err := in.RevokeOneTimeTokens(ctx, user.ID, time.Time{}, revokedSuperseded, purposesRevokedWithSessions...); err != nil {
		return user, err
	}
	changed := mail.EmailChanged{New: change.New}
	var err error
	if user.EmailVerified {
		err = s.notify(ctx, in, client, reversal{Session: change.Session, Email: user.Email}, proof{}, changed)
	} else {
		err = s.send(ctx, in, s.compose(user, client, changed))
	}
	if err != nil {
		return user, err
	}
	e := s.event(shared.EventEmailChanged, user.ID, client)
	e.SessionID = change.Session
	e = s.withPersonal(e, user, map[string]string{DetailBefore: user.Email, DetailAfter: change.New})
	user.Email, user.EmailVerified, user.UpdatedAt = change.New, true, now
	return user, in.AddEvent(ctx, s.Keys, e)
}
