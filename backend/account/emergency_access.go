package account

import (
	"context"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
)

// GrantEmergencyAccess lets somebody in again who has lost all else, on the word of whoever
// runs the server: there is no route to it. All that is open of the account of an
// address ends, no second factor is asked for any more, no lock holds, the password is void, the address
// counts as verified, and the token that it returns sets a new password. Passkeys
// stay. It fails with [ErrNotFound] if the address has no account.
func (s *Service) GrantEmergencyAccess(ctx context.Context, email string) (token Token, err error) {
	user, err := s.UserByEmail(ctx, email)
	if err != nil {
		return "", err
	}
	now := s.Now()
	err = s.inUserTx(ctx, user.ID, func(in userTx) (err error) {
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		if err := s.deleteFactors(ctx, in); err != nil {
			return err
		}
		if err := in.VoidPassword(ctx, in.User.ID); err != nil { // whoever knows it was held off by the second factor alone
			return err
		}
		if err := in.ResetAttempts(ctx, s.rateLimitKey(SignInLimit, in.User.Email)); err != nil {
			return err
		}
		// Or the password would open nothing.
		if _, err := in.EnableUser(ctx, in.User.ID, now); err != nil {
			return err
		}
		if _, err := in.VerifyUser(ctx, in.User.ID, in.User.Email, now); err != nil {
			return err
		}
		if token, err = s.issueToken(ctx, in, purposeEmergencyReset, struct{}{}); err != nil {
			return err
		}
		if err := in.AddEvent(ctx, s.Keys, s.event(audit.EventEmergencyAccess, in.User.ID, Client{})); err != nil {
			return err
		}
		return s.send(ctx, in, s.compose(in.User, Client{}, mail.AccountRecovered{}))
	})
	return token, err
}
