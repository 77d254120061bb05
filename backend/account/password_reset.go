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
	"latchkey/backend/mail"
	"latchkey/shared"
)

// The limits on emails that any caller can request. They are per email address, with or
// without an account, and prevent flooding of mailboxes.
var (
	PasswordResetLimit = RateLimit{"reset mail", 3, time.Hour}
	VerificationLimit  = RateLimit{"verification mail", 5, time.Hour}
)

// DeletionLimit is per account.
var DeletionLimit = RateLimit{"deletion mail", 3, time.Hour}

// An emailRequest is a caller's request for an email. The server queues it sealed, in the
// same way for every address, and composes the email at delivery. So neither the response
// nor its timing reveals whether the address has an account.
type emailRequest struct {
	Purpose  string // of the token in the email, or requestSignUp
	Email    string // the recipient's address, as [address.Parse] returns it
	Callback string // where the link's page leads next; empty for the default page
	From     Client
	At       time.Time

	// For a change of address:
	User  string
	Token Token // of the link; empty if an older server has queued the request
	// Older servers issue the token at delivery. For them and from them:
	Old     string // the account's address at that time
	Session string // the session that requested it
}

// requestSignUp is the purpose of an email after a sign-up. The server looks up at delivery
// whether the address has a verified account.
const requestSignUp = "sign up"

// requestEmail queues a request for an email.
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

// composeRequested composes the email for a queued request, and stores it. It returns false
// without an error in two cases:
//   - there is no recipient: it deletes the request
//   - the lease has expired, and another server composes the email
func (s *Service) composeRequested(ctx context.Context, m mail.Mail) (mail.Mail, bool, error) {
	text, err := s.Keys.Unseal(m.Request, m.AAD("asked"))
	if err != nil {
		return m, false, err
	}
	var request emailRequest
	if err := json.Unmarshal([]byte(text), &request); err != nil {
		return m, false, fmt.Errorf("decode the request for an email: %w", err)
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

// answerRequest composes the email that answers a request. It fails with [ErrNotFound] if
// no email is due, for example because the address has no account.
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
	case in.User.Email != request.Email, in.User.DisabledAt != nil: // the address has changed, or sign-in is refused
		return mail.Mail{}, ErrNotFound
	case request.Purpose == purposeReset:
		return s.composeReset(ctx, in, request)
	case !in.User.EmailVerified:
		return s.composeVerification(ctx, in, request)
	case request.Purpose == requestSignUp:
		return s.composeAddressTaken(in.User, request), nil
	}
	return mail.Mail{}, ErrNotFound // the address is verified already
}

// linkTo returns the URL of a page of this service, for a link in an email. Opening the
// page must change nothing, because mail scanners open links, too. If callback is not
// empty, the page leads there next.
func (s *Service) linkTo(page string, token Token, callback string) string {
	link := s.origin() + page + "?token=" + string(token)
	if callback != "" {
		link += "&callbackURL=" + url.QueryEscape(callback)
	}
	return link
}

// linkToEmailPage returns the URL of the page that asks for confirmation before it uses an
// email's token. The page leads to callback next, or by default to the home page.
func (s *Service) linkToEmailPage(token Token, callback string) string {
	return s.linkTo(shared.PageEmail, token, cmp.Or(callback, shared.PageHome))
}

// passwordReset is the data of a token that sets a new password.
type passwordReset struct {
	Cause string `json:",omitempty"` // a [DetailCause]
}

// issueResetToken issues a token for [Service.ResetPassword].
func (s *Service) issueResetToken(ctx context.Context, in userTx, data passwordReset) (Token, error) {
	return s.issueToken(ctx, in, purposeReset, data)
}

// checkNotOutdated fails with [ErrNotFound] if the password has changed since the request.
// A change of the password revokes the links that were sent before, so it must also revoke
// a requested one.
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
	token, err := s.issueResetToken(ctx, in, passwordReset{})
	if err != nil {
		return mail.Mail{}, err
	}
	if err := in.AddEvent(ctx, s.Keys, s.event(shared.EventResetRequested, in.User.ID, request.From)); err != nil {
		return mail.Mail{}, err
	}
	link := s.linkTo(shared.PageResetPassword, token, request.Callback)
	return s.composeAt(request.At, in.User, request.From, mail.ForgotPassword{Link: link}), nil
}

// RequestPasswordReset queues an email with a link that resets the password of the account
// with an address. It behaves the same whether or not the address has an account. It fails
// with [shared.ErrTooManyRequests] after too many requests.
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

// CheckResetToken checks a token for [Service.ResetPassword]. It fails with
// [shared.ErrTokenUsed], [shared.ErrTokenExpired] or else [shared.ErrToken].
func (s *Service) CheckResetToken(ctx context.Context, token string) error {
	_, err := s.checkToken(ctx, token, purposeReset, purposeEmergencyReset)
	return err
}

// ResetTokenEmail returns the address of the account that a reset token belongs to. The
// holder of the token can take over the account, so the address is no secret to them. It
// fails as [Service.CheckResetToken] does.
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

// checkChanged fails with [shared.ErrSamePassword] if password is the one that the account
// has, even if that is void: a user who resets it may do so because others know it. Only a
// holder of a reset token gets here. The answer tells them little, because any other
// password uses the token up.
func (s *Service) checkChanged(ctx context.Context, user, password string) error {
	p, err := s.Store.Password(ctx, user)
	if errors.Is(err, shared.ErrCredentialNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return err
	}
	defer slot.Release()
	if slot.Verify(p.Hash, password) {
		return shared.ErrSamePassword
	}
	return nil
}

// ResetPassword sets the password of a token's user, and revokes all access. It does not
// sign the user in, and the next sign-in requires a second factor as before. It fails as
// [Service.CheckResetToken] does, and if the password is not acceptable or is the one that
// the account has. In these cases, the token stays valid.
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
	if err := s.checkChanged(ctx, user.ID, password); err != nil {
		// The password may be the same because another call has used the token meanwhile.
		if _, used := s.checkToken(ctx, token, purposeReset, purposeEmergencyReset); used != nil {
			return used
		}
		return inField(err, "newPassword")
	}
	hashed, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	var reset passwordReset
	return s.redeem(ctx, t, &reset, func(in userTx) error {
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		if err := in.PutPassword(ctx, Password{UserID: in.User.ID, Hash: hashed, ChangedAt: s.Now()}); err != nil {
			return err
		}
		// The counted attempts were made with the old password.
		if err := in.LiftLockout(ctx, in.User.ID); err != nil {
			return err
		}
		if err := s.resetRateLimit(ctx, in, s.rateLimitKey(SignInLimit, in.User.Email)); err != nil {
			return err
		}
		if err := s.resetRateLimit(ctx, in, s.rateLimitKey(PasswordPromptLimit, in.User.ID)); err != nil {
			return err
		}
		e, change := s.event(shared.EventPasswordReset, in.User.ID, client), mail.PasswordReset
		if reset.Cause != "" {
			e, change = withDetail(e, map[string]string{DetailCause: reset.Cause}), passwordChanges[reset.Cause]
		}
		if err := s.notify(ctx, in, client, reversal{}, proof{}, change); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, e)
	})
}

// passwordChanges maps the causes of a new password to what notices say about it.
var passwordChanges = map[string]mail.Change{
	CauseReport: mail.PasswordSetAfterReport, CauseOperator: mail.PasswordSetByOperatorLink,
}
