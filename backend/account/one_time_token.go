package account

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/shared"
)

// OneTimeToken is a token in a link that works once. Only its hash is stored.
type OneTimeToken struct {
	Hash      []byte `bun:",pk"`
	Purpose   string
	UserID    string `bun:",nullzero"` // empty for an invitation
	Data      string // sealed details of the purpose; empty if none
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time // nil if unused; a used token is kept until it expires, to report that
}

// The purposes of tokens. A token is valid for its purpose only.
const (
	purposeFirstAdmin     = "first administrator"
	purposeReset          = "reset password"
	purposeEmergencyReset = "recover" // to reset the password, issued by the operator; a requested reset does not replace it
	purposeVerify         = "verify email"
	purposeConfirmChange  = "confirm email change" // sent to the old address
	purposeChange         = "change email"         // sent to the new address
	purposeDelete         = "delete account"
	purposeReport         = "disown"
)

// tokenLifetimes is how long tokens are valid. Tokens for reports live longest, because
// users notice an attack later than an email that they have just requested.
var tokenLifetimes = map[string]time.Duration{
	purposeReset:          30 * time.Minute,
	purposeEmergencyReset: time.Hour, // leaves time for the operator to send it to the user
	purposeVerify:         time.Hour,
	purposeConfirmChange:  time.Hour,
	purposeChange:         time.Hour,
	purposeDelete:         day,
	purposeReport:         7 * day,
}

// purposesRevokedWithSessions are the purposes of tokens that are revoked with the sessions,
// because an attacker may have requested them. [purposeReport] is not among them: it is the
// owner's last defense.
var purposesRevokedWithSessions = []string{
	purposeReset,
	purposeEmergencyReset,
	purposeVerify,
	purposeConfirmChange,
	purposeChange,
	purposeDelete,
}

func (t OneTimeToken) aad() string {
	return "one_time_tokens|data|" + hex.EncodeToString(t.Hash) + "|" + t.Purpose + "|" + t.UserID
}

// issueToken issues a token to a user, and revokes the user's other tokens for the same
// purpose. Two purposes are exceptions:
//   - reports: the tokens are independent of each other
//   - verification of an address: an attacker who keeps requesting tokens could otherwise
//     keep the owner from using one in time
func (s *Service) issueToken(ctx context.Context, in userTx, purpose string, data any) (Token, error) {
	if purpose != purposeReport && purpose != purposeVerify {
		if err := in.DeleteOneTimeTokens(ctx, in.User.ID, time.Time{}, purpose); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	token, now := NewToken(), s.Now()
	t := OneTimeToken{Hash: token.Hash(), Purpose: purpose, UserID: in.User.ID, CreatedAt: now, ExpiresAt: now.Add(tokenLifetimes[purpose])}
	t.Data = s.Keys.Seal(string(text), t.aad())
	return token, in.AddOneTimeToken(ctx, t)
}

// checkToken returns the token of a link if it is valid for one of the purposes. It does
// not use the token up: the transaction of the change does. Errors:
//   - [shared.ErrToken]: no such token for these purposes
//   - [shared.ErrTokenUsed], [shared.ErrTokenExpired]: the token is still stored, and is
//     returned, too
func (s *Service) checkToken(ctx context.Context, link string, purposes ...string) (OneTimeToken, error) {
	token, ok := ParseToken(link)
	if !ok {
		return OneTimeToken{}, shared.ErrToken
	}
	t, err := s.Store.OneTimeToken(ctx, token.Hash())
	switch {
	case errors.Is(err, ErrNotFound), err == nil && !slices.Contains(purposes, t.Purpose):
		return OneTimeToken{}, shared.ErrToken
	case err == nil && t.UsedAt != nil:
		return t, shared.ErrTokenUsed
	case err == nil && !t.ExpiresAt.After(s.Now()):
		return t, shared.ErrTokenExpired
	}
	return t, err
}

// readToken decodes the data of a token.
func (s *Service) readToken(t OneTimeToken, data any) error {
	text, err := s.Keys.Unseal(t.Data, t.aad())
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), data); err != nil {
		return fmt.Errorf("decode the data of a token: %w", err)
	}
	return nil
}

// redeem decodes a token's data, and then uses the token up and runs fn, in one transaction
// that holds the user's lock. Errors:
//   - [shared.ErrTokenUsed]: the token was used meanwhile; of several callers, one succeeds
//   - [shared.ErrToken]: the token or the user was deleted meanwhile
func (s *Service) redeem(ctx context.Context, t OneTimeToken, data any, fn func(userTx) error) error {
	if err := s.readToken(t, data); err != nil {
		return err
	}
	err := s.inUserTx(ctx, t.UserID, func(in userTx) error {
		if _, err := in.TakeOneTimeToken(ctx, t.Hash, t.Purpose, s.Now()); errors.Is(err, ErrNotFound) {
			if now, err := in.OneTimeToken(ctx, t.Hash); err == nil && now.UsedAt != nil {
				return shared.ErrTokenUsed
			} else if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			return shared.ErrToken
		} else if err != nil {
			return err
		}
		return fn(in)
	})
	if errors.Is(err, shared.ErrUnauthorized) { // the account was deleted
		return shared.ErrToken
	}
	return err
}

type oneTimeTokenStore interface {
	AddOneTimeToken(ctx context.Context, t OneTimeToken) error
	// OneTimeToken returns a token, even if it is used or expired. It fails with
	// [ErrNotFound].
	OneTimeToken(ctx context.Context, hash []byte) (OneTimeToken, error)
	// TakeOneTimeToken marks an unused and unexpired token of the purpose as used, and
	// returns it. It fails with [ErrNotFound] if there is none: of several callers, one
	// succeeds.
	TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTimeToken, error)
	// DeleteOneTimeTokens deletes a user's unused tokens for the purposes, issued at since
	// or later. Used tokens grant nothing.
	DeleteOneTimeTokens(ctx context.Context, user string, since time.Time, purposes ...string) error
}
