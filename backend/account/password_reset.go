package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// The limits on mails that a stranger can have sent, by the address that they
// go to, whether it has an account or not: nobody's mailbox is flooded.
var (
	PasswordResetLimit = RateLimit{"reset mail", 3, time.Hour}
	VerificationLimit  = RateLimit{"verification mail", 5, time.Hour}
)

// DeletionLimit is per account.
var DeletionLimit = RateLimit{"deletion mail", 3, time.Hour}

// An emailRequest is a mail that somebody asked for. It is noted, sealed, in the same way
// whatever the address, and the mail is written when it is handed on: who asks
// cannot tell by the answer or its time whether an account is there.
type emailRequest struct {
	Purpose  string // of the token that the mail is to bring, or requestSignUp
	Email    string // where to, as it was typed but in lower case
	Callback string // where the page of the link leads on to; empty for where our pages lead
	From     Client
	At       time.Time

	// Of a new address for an account:
	User    string
	Old     string // the address that the account has
	Session string // that asked for it
}

// requestSignUp is of a sign-up: whether the address is free is found out when the
// mail is written.
const requestSignUp = "sign up"

// requestEmail notes that a mail is to be written.
func (s *Service) requestEmail(ctx context.Context, tx Store, request emailRequest) error {
	request.At = s.Now()
	request.From = Client{IP: request.From.IP, UserAgent: request.From.UserAgent, Language: request.From.Language}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	m := mail.Mail{ID: rand.Text(), CreatedAt: request.At, LeasedUntil: request.At}
	m.Request = s.Keys.Seal(string(text), m.AAD("asked"))
	return tx.AddMail(ctx, m)
}

// composeRequested writes the mail that somebody asked for, and keeps it as it now is. It
// reports false, and the mail is gone, if there is nobody to send it to; or if
// somebody else writes it, because the lease has passed.
func (s *Service) composeRequested(ctx context.Context, m mail.Mail) (mail.Mail, bool, error) {
	text, err := s.Keys.Unseal(m.Request, m.AAD("asked"))
	if err != nil {
		return m, false, err
	}
	var request emailRequest
	if err := json.Unmarshal([]byte(text), &request); err != nil {
		return m, false, fmt.Errorf("what was asked for in a mail: %w", err)
	}
	found := false
	err = s.Store.Tx(ctx, func(tx Store) error {
		answer, err := s.answerRequest(ctx, tx, request)
		if errors.Is(err, ErrNotFound) || errors.Is(err, shared.ErrUnauthorized) {
			return tx.DeleteMail(ctx, m.ID)
		} else if err != nil {
			return err
		}
		found, m.Request = true, ""
		m.Recipient, m.Subject, m.Text, m.HTML = answer.Recipient, answer.Subject, answer.Text, answer.HTML
		m = m.Sealed(s.Keys)
		return tx.WriteMail(ctx, m)
	})
	if errors.Is(err, ErrNotFound) {
		return m, false, nil
	}
	return m, found && err == nil, err
}

// answerRequest composes the email that answers a request. It fails with [ErrNotFound]
// if there is no account to answer for.
func (s *Service) answerRequest(ctx context.Context, tx Store, request emailRequest) (mail.Mail, error) {
	if request.User != "" {
		return s.composeEmailChange(ctx, tx, request)
	}
	user, _, err := tx.UserByEmail(ctx, request.Email)
	if err != nil {
		return mail.Mail{}, err
	}
	in := userTx{Store: tx}
	if in.User, err = tx.LockUser(ctx, user.ID); err != nil {
		return mail.Mail{}, err
	}
	switch {
	case in.User.Email != request.Email, in.User.DisabledAt != nil: // changed meanwhile, or nothing is to be opened
		return mail.Mail{}, ErrNotFound
	case request.Purpose == purposeReset:
		return s.composeReset(ctx, in, request)
	case !in.User.EmailVerified:
		return s.composeVerification(ctx, in, request)
	case request.Purpose == requestSignUp:
		return s.composeAddressTaken(in.User, request), nil
	}
	return mail.Mail{}, ErrNotFound // there is nothing to verify
}

// linkTo returns the address of a page of ours that a link in an email leads to.
// Opening it must change nothing: programs that look into emails open links, too.
// The page leads on to callback if it is not empty.
func (s *Service) linkTo(page string, token Token, callback string) string {
	link := s.origin() + page + "?token=" + string(token)
	if callback != "" {
		link += "&callbackURL=" + url.QueryEscape(callback)
	}
	return link
}

// linkToEmailPage returns the address of the page that asks before it does what the
// token of an email is for. It leads on to callback, or else to our first page.
func (s *Service) linkToEmailPage(token Token, callback string) string {
	return s.linkTo(shared.PageEmail, token, cmp.Or(callback, shared.PageHome))
}

// issueResetToken is what [Service.ResetPassword] takes.
func (s *Service) issueResetToken(ctx context.Context, in userTx) (Token, error) {
	return s.issueToken(ctx, in, purposeReset, struct{}{})
}

// checkNotOutdated fails with [ErrNotFound] if the password was changed since the wish:
// it is void, as what was mailed before is.
func checkNotOutdated(ctx context.Context, in userTx, request emailRequest) error {
	p, err := in.Password(ctx, in.User.ID)
	switch {
	case errors.Is(err, shared.ErrCredentialNotFound):
		return nil
	case err == nil && p.ChangedAt.After(request.At):
		return ErrNotFound
	}
	return err
}

func (s *Service) composeReset(ctx context.Context, in userTx, request emailRequest) (mail.Mail, error) {
	if err := checkNotOutdated(ctx, in, request); err != nil {
		return mail.Mail{}, err
	}
	token, err := s.issueResetToken(ctx, in)
	if err != nil {
		return mail.Mail{}, err
	}
	if err := in.AddEvent(ctx, s.Keys, s.event(audit.EventResetRequested, in.User.ID, request.From)); err != nil {
		return mail.Mail{}, err
	}
	return s.compose(in.User, request.From, mail.ForgotPassword{Link: s.linkTo(shared.PageResetPassword, token, request.Callback)}), nil
}

// RequestPasswordReset asks for a mail by which the password of an address can be replaced.
// It does the same whether the address has an account or not, and fails with
// [shared.ErrTooManyRequests] after too many.
func (s *Service) RequestPasswordReset(ctx context.Context, client Client, email, callback string) error {
	email, err := address.Parse(email)
	if err != nil {
		return inField(err, "email")
	}
	if err := s.Allow(ctx, PasswordResetLimit, email); err != nil {
		return err
	}
	return s.requestEmail(ctx, s.Store, emailRequest{Purpose: purposeReset, Email: email, Callback: callback, From: client})
}

// CheckResetToken fails unless a token is good for [Service.ResetPassword]: with
// [shared.ErrTokenUsed], [shared.ErrTokenExpired] or else [shared.ErrToken].
func (s *Service) CheckResetToken(ctx context.Context, token string) error {
	_, err := s.checkToken(ctx, token, purposeReset, purposeEmergencyReset)
	return err
}

// ResetTokenEmail returns the address of the account that a token is good for, and fails
// as [Service.CheckResetToken] does. The token came in an email to that address.
func (s *Service) ResetTokenEmail(ctx context.Context, token string) (string, error) {
	t, err := s.checkToken(ctx, token, purposeReset, purposeEmergencyReset)
	if err != nil {
		return "", err
	}
	user, err := s.Store.UserByID(ctx, t.UserID)
	if errors.Is(err, ErrNotFound) { // deleted meanwhile
		err = shared.ErrToken
	}
	return user.Email, err
}

// ResetPassword gives the user of a token a new password, or a first one, and
// ends whatever was opened by the old one. It opens nothing: the next sign-in
// asks for a second factor as ever. It fails as [Service.CheckResetToken] does, and if the
// password is not good enough, which leaves the token as it is.
func (s *Service) ResetPassword(ctx context.Context, client Client, token, password string) error {
	t, err := s.checkToken(ctx, token, purposeReset, purposeEmergencyReset)
	if err != nil {
		return err
	}
	user, err := s.Store.UserByID(ctx, t.UserID)
	if errors.Is(err, ErrNotFound) {
		return shared.ErrToken
	} else if err != nil {
		return err
	}
	if err := checkNewPassword(password, user.Email, user.Name); err != nil {
		return inField(err, "newPassword")
	}
	hashed, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.redeem(ctx, t, &struct{}{}, func(in userTx) error {
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		if err := in.PutPassword(ctx, Password{UserID: in.User.ID, Hash: hashed, ChangedAt: s.Now()}); err != nil {
			return err
		}
		// Who guessed, guessed the old one.
		if err := in.UnlockSecondFactor(ctx, in.User.ID); err != nil {
			return err
		}
		if err := in.ResetAttempts(ctx, s.rateLimitKey(SignInLimit, in.User.Email)); err != nil {
			return err
		}
		if err := in.ResetAttempts(ctx, s.rateLimitKey(PasswordPromptLimit, in.User.ID)); err != nil {
			return err
		}
		if err := s.notify(ctx, in, client, reversal{}, "", mail.PasswordReset{}); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.event(audit.EventPasswordReset, in.User.ID, client))
	})
}
