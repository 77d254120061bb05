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
	return s.compose(in.User, request.From, mail.VerifyEmail{Link: s.linkToEmailPage(token, request.Callback)}), nil
}

// composeAddressTaken composes an email that tells the owner of an address that a caller
// wanted to use it for another account. The response to the caller does not reveal that the
// address is taken.
func (s *Service) composeAddressTaken(owner User, request emailRequest) mail.Mail {
	return s.compose(owner, request.From, mail.HaveAccount{
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
		request := emailRequest{
			Purpose: purposeChange, Email: email, Callback: callback, From: actor.Client,
			User: in.User.ID, Old: in.User.Email, Session: actor.Session.ID,
		}
		if in.User.EmailVerified {
			request.Purpose = purposeConfirmChange
		}
		if err := s.requestEmail(ctx, in, request); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventEmailChangeRequested, actor))
	})
}

// composeEmailChange composes the email for a requested change of address. It composes the
// one to the current address even if the new address is taken, because its absence would
// reveal that. If the new address is taken, the second email goes to its owner.
func (s *Service) composeEmailChange(ctx context.Context, tx Store, request emailRequest) (mail.Mail, error) {
	user, err := tx.LockUser(ctx, request.User)
	if err != nil {
		return mail.Mail{}, err
	}
	if user.Email != request.Old || user.DisabledAt != nil {
		return mail.Mail{}, ErrNotFound
	}
	in, change := userTx{tx, user}, emailChange{New: request.Email, Old: request.Old, Callback: request.Callback, Session: request.Session}
	if err := checkNotOutdated(ctx, in, request); err != nil {
		return mail.Mail{}, err
	}
	if request.Purpose == purposeConfirmChange {
		// The new request replaces an earlier one.
		if err := in.DeleteOneTimeTokens(ctx, user.ID, time.Time{}, purposeChange); err != nil {
			return mail.Mail{}, err
		}
		token, err := s.issueToken(ctx, in, purposeConfirmChange, change)
		if err != nil {
			return mail.Mail{}, err
		}
		return s.compose(user, request.From, mail.AgreeEmailChange{New: request.Email, Link: s.linkToEmailPage(token, request.Callback)}), nil
	}
	if owner, _, err := tx.UserByEmail(ctx, request.Email); err == nil {
		return s.composeAddressTaken(owner, request), nil
	} else if !errors.Is(err, ErrNotFound) {
		return mail.Mail{}, err
	}
	token, err := s.issueToken(ctx, in, purposeChange, change)
	if err != nil {
		return mail.Mail{}, err
	}
	user.Email = request.Email
	return s.compose(user, request.From, mail.VerifyNewEmail{Link: s.linkToEmailPage(token, request.Callback)}), nil
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
//   - [shared.ErrToken]: the link is not valid
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
//   - [shared.ErrToken], [shared.ErrTokenExpired], [shared.ErrTokenUsed]: the link is not
//     valid
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
			return s.requestEmail(ctx, in, emailRequest{
				Purpose: purposeChange, Email: change.New, Callback: change.Callback, From: actor.Client,
				User: in.User.ID, Old: change.Old, Session: change.Session,
			})
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
	if err := in.DeleteOneTimeTokens(ctx, user.ID, time.Time{}, purposesRevokedWithSessions...); err != nil {
		return user, err
	}
	changed := mail.EmailChanged{New: change.New}
	var err error
	if user.EmailVerified {
		err = s.notify(ctx, in, client, reversal{Session: change.Session, Email: user.Email}, "", changed)
	} else {
		err = s.send(ctx, in, s.compose(user, client, changed))
	}
	if err != nil {
		return user, err
	}
	user.Email, user.EmailVerified, user.UpdatedAt = change.New, true, now
	e := s.event(shared.EventEmailChanged, user.ID, client)
	e.SessionID = change.Session
	return user, in.AddEvent(ctx, s.Keys, e)
}
