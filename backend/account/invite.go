package account

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"latchkey/shared"
)

// inviteLifetime leaves time to read a log on another day than the start.
const inviteLifetime = 24 * time.Hour

// OneTimeToken is the hash of a secret in a link that works once.
type OneTimeToken struct {
	Hash      []byte `bun:",pk"`
	Purpose   string
	UserID    string `bun:",nullzero"` // whose; none for an invitation
	Data      string // what it is for beside its purpose, sealed; empty if nothing
	CreatedAt time.Time
	ExpiresAt time.Time
}

func (t OneTimeToken) place() string {
	return "one_time_tokens|data|" + hex.EncodeToString(t.Hash) + "|" + t.Purpose + "|" + t.UserID
}

const (
	purposeFirstAdmin = "first administrator"
	purposeReset      = "reset password"
)

// InviteFirstAdmin returns the secret of a link that makes the first
// administrator, in the place of any made before, or "" if there is one.
func (s *Service) InviteFirstAdmin(ctx context.Context) (Token, error) {
	any, err := s.Store.AnyGrant(ctx, PermissionSettings)
	if err != nil || any {
		return "", err
	}
	token, now := NewToken(), s.Now()
	return token, s.Store.PutInvite(ctx, OneTimeToken{Hash: token.Hash(), Purpose: purposeFirstAdmin, CreatedAt: now, ExpiresAt: now.Add(inviteLifetime)})
}

// takeInvite makes user the first administrator, if nobody has become one by
// other means.
func (s *Service) takeInvite(ctx context.Context, tx Store, invite, user string) error {
	if err := tx.TakeOneTimeToken(ctx, Token(invite).Hash(), purposeFirstAdmin, s.Now()); errors.Is(err, ErrNotFound) {
		return shared.ErrInvite
	} else if err != nil {
		return err
	}
	if any, err := tx.AnyGrant(ctx, PermissionSettings); err != nil {
		return err
	} else if any {
		return shared.ErrInvite
	}
	for _, p := range Permissions {
		if err := tx.Grant(ctx, user, p); err != nil {
			return err
		}
	}
	return nil
}

type inviteStore interface {
	AddOneTimeToken(ctx context.Context, t OneTimeToken) error
	// PutInvite keeps a token that is nobody's, in the place of another for the
	// same purpose if there is one.
	PutInvite(ctx context.Context, t OneTimeToken) error
	// TakeOneTimeToken spends an unexpired token. It fails with
	// [ErrNotFound] if there is none, or it was spent.
	TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) error
}
