package account

import "context"

// SecondFactors returns the second factors, besides backup codes, with which a user can
// complete a sign-in.
func (s *Service) SecondFactors(ctx context.Context, user User) ([]Factor, error) {
	factors := []Factor{ByTOTP}
	if s.Settings.Now().TwoFactorEmailCode {
		factors = append(factors, ByEmailCode)
	}
	passkeys, err := s.Store.Passkeys(ctx, user.ID)
	if len(passkeys) > 0 {
		factors = append(factors, ByPasskey)
	}
	return factors, err
}
