package account

import (
	"context"

	"latchkey/backend/mail"
	"latchkey/shared"
)

// GrantEmergencyAccess restores access for a user who has lost every way to sign in. Only
// the operator can call it, on the host. It revokes all access, removes the second factor
// and any lockout, resets the rate limit of sign-ins, makes the password void, and enables
// and verifies the account. Passkeys stay. The returned token sets a new password. It fails
// with [ErrNotFound] if the address has no account.
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
		if err := in.VoidPassword(ctx, in.User.ID); err != nil { // an attacker who knows it was held off only by the second factor
			return err
		}
		if err := s.resetRateLimit(ctx, in, s.rateLimitKey(SignInLimit, in.User.Email)); err != nil {
			return err
		}
		// Otherwise the new password would be refused.
		if _, err := in.EnableUser(ctx, in.User.ID, now); err != nil {
			return err
		}
		if _, err := in.VerifyUser(ctx, in.User.ID, in.User.Email, now); err != nil {
			return err
		}
		if token, err = s.issueToken(ctx, in, purposeEmergencyReset, passwordReset{CauseOperator}); err != nil {
			return err
		}
		if err := in.AddEvent(ctx, s.Keys, s.event(shared.EventEmergencyAccess, in.User.ID, Client{})); err != nil {
			return err
		}
		return s.send(ctx, in, s.compose(in.User, Client{}, mail.EmergencyAccess{}))
	})
	return token, err
}
