package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// emailVerification is the data of a token by which an address is verified.
type emailVerification struct{ Email string }

// emailChange is the data of a token by which an address is changed.
type emailChange struct {
	New, Old string
	Callback string
	Session  string // that asked for it
}

func (s *Service) composeVerification(ctx context.Context, in userTx, request emailRequest) (mail.Mail, error) {
	token, err := s.issueToken(ctx, in, purposeVerify, emailVerification{in.User.Email})
	if err != nil {
		return mail.Mail{}, err
	}
	return s.compose(in.User, request.From, mail.VerifyEmail{Link: s.linkToEmailPage(token, request.Callback)}), nil
}

// composeAddressTaken tells the owner of an address that somebody wanted it for another
// account, because whoever did is not told.
func (s *Service) composeAddressTaken(owner User, request emailRequest) mail.Mail {
	return s.compose(owner, request.From, mail.HaveAccount{
		SignIn: s.origin() + shared.PageSignIn, ForgotPassword: s.origin() + shared.PageForgotPassword,
	})
}

// RequestVerification asks for a mail by which an address can be verified. If the user
// of actor is zero, because nobody is signed in, it does the same whatever the
// address. Else it fails with [shared.ErrEmailMismatch] for the address of
// another, and with [shared.ErrVerified] if there is nothing to verify. It fails
// with [shared.ErrTooManyRequests] after too many.
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

// allowReminder reports whether an address may get a verification mail that nobody
// asked for, and counts it: not if it has had enough of them.
func (s *Service) allowReminder(ctx context.Context, email string) (bool, error) {
	err := s.Allow(ctx, VerificationLimit, email)
	if errors.Is(err, shared.ErrTooManyRequests) {
		return false, nil
	}
	return err == nil, err
}

// RequestEmailChange asks for the session's user to have another address. Mails have
// to agree: one to the address that they have, if that is verified, and one to
// the new one. Whether the new one is taken is not told. It fails with
// [shared.ErrSameEmail], and with [shared.ErrTooManyRequests] after too many.
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
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventEmailChangeRequested, actor))
	})
}

// composeEmailChange is the mail that answers the wish for another address. The one to
// the old address goes out also if the new one is taken, or its absence would
// tell; the owner of one that is taken hears of it.
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
		// What waits of another change is void with the new one.
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

// LinkPurpose is what the link of an email about an address or an account does.
type LinkPurpose string

const (
	LinkVerify        LinkPurpose = purposeVerify
	LinkConfirmChange LinkPurpose = purposeConfirmChange
	LinkChange        LinkPurpose = purposeChange
	LinkDelete        LinkPurpose = purposeDelete
)

// EmailLink describes what a link does, for the page that asks before it does it.
type EmailLink struct {
	Purpose LinkPurpose
	User    User   // whose account it is about
	Email   string // the address that it verifies or replaces; empty for a deletion
	New     string // the address that replaces it; empty if none does

	// PasswordDue tells that the address is verified and the password void: see
	// [shared.ErrNewPasswordDue].
	PasswordDue bool
}

// EmailLink describes a link for [Service.VerifyEmail] or
// [Service.DeleteUserByLink], and does not use it. It fails with
//   - [shared.ErrToken] if the link does nothing,
//   - [shared.ErrTokenExpired] or [shared.ErrTokenUsed] while the token is
//     remembered, and then describes the link, too. A link that verifies a verified
//     address counts as used: another link has done its work.
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

// VerifyEmail does what a link that goes by an address is for: it verifies the
// address, or is one of the two steps that change it. changed is the user after
// the second. The user of actor is zero if nobody is signed in; the link of another
// user fails with [shared.ErrInvalidUser]. It fails with [shared.ErrToken], with
// [shared.ErrTokenExpired], with [shared.ErrTokenUsed], and with
// [shared.ErrUserExists] if another account has taken the address meanwhile. With
// [shared.ErrNewPasswordDue] the address is verified, and the password void. It
// signs nobody in.
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
		return in.AddEvent(ctx, s.Keys, s.event(audit.EventEmailVerified, in.User.ID, client))
	})
	if err == nil && p.Void {
		return shared.ErrNewPasswordDue
	}
	return err
}

// changeEmail gives a user the new address. The old one gets a mail by which
// that can be undone, if it was ever proved to be theirs: a mistyped one may be
// a stranger's.
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
	e := s.event(audit.EventEmailChanged, user.ID, client)
	e.SessionID = change.Session
	return user, in.AddEvent(ctx, s.Keys, e)
}
