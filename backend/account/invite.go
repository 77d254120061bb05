package account

import (
	"context"
	"errors"
	"time"

	"latchkey/shared"
)

// inviteLifetime is long enough to read the server's output the next day.
const inviteLifetime = 24 * time.Hour

// InviteFirstAdmin returns the token of a sign-up link for the first administrator. It
// replaces earlier ones. The token is "" if there is an administrator already.
func (s *Service) InviteFirstAdmin(ctx context.Context) (Token, error) {
	any, err := s.Store.AnyGrant(ctx, PermissionSettings)
	if err != nil || any {
		return "", err
	}
	token, now := NewToken(), s.Now()
	return token, s.Store.PutInvite(
		ctx,
		OneTimeToken{Hash: token.Hash(), Purpose: purposeFirstAdmin, CreatedAt: now, ExpiresAt: now.Add(inviteLifetime)},
	)
}

// takeInvite redeems the invitation of the first administrator. It fails with
// [shared.ErrInvite] if the invitation is not valid or there is an administrator already.
func (s *Service) takeInvite(ctx context.Context, tx Store, invite string) error {
	if _, err := tx.TakeOneTimeToken(ctx, Token(invite).Hash(), purposeFirstAdmin, s.Now()); errors.Is(err, ErrNotFound) {
		return shared.ErrInvite
	} else if err != nil {
		return err
	}
	if any, err := tx.AnyGrant(ctx, PermissionSettings); err != nil {
		return err
	} else if any {
		return shared.ErrInvite
	}
	return nil
}

// grantAll gives a user every permission.
func (s *Service) grantAll(ctx context.Context, tx Store, user string, client Client) error {
	for _, p := range Permissions {
		if err := tx.Grant(ctx, user, p); err != nil {
			return err
		}
		e := s.event(shared.EventPermissionGranted, user, client)
		e.Subject = p
		if err := tx.AddEvent(ctx, s.Keys, e); err != nil {
			return err
		}
	}
	return nil
}

type inviteStore interface {
	// PutInvite stores a token that has no user, in place of any other one for the same
	// purpose.
	PutInvite(ctx context.Context, t OneTimeToken) error
}
