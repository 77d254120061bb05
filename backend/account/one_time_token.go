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

// OneTimeToken is the hash of a secret in a link that works once.
type OneTimeToken struct {
	Hash      []byte `bun:",pk"`
	Purpose   string
	UserID    string `bun:",nullzero"` // whose; none for an invitation
	Data      string // what it is for beside its purpose, sealed; empty if nothing
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time // nil while it can be used; a used one is kept until it expires, to say so
}

// What tokens are good for. One for one thing is none for another.
const (
	purposeFirstAdmin     = "first administrator"
	purposeReset          = "reset password"
	purposeEmergencyReset = "recover" // the same, by a link that whoever runs the server hands on: nobody can ask for another in its place
	purposeVerify         = "verify email"
	purposeConfirmChange  = "confirm email change" // of who reads the old address
	purposeChange         = "change email"         // of who reads the new one
	purposeDelete         = "delete account"
	purposeReport         = "disown"
)

// tokenLifetimes is how long a mail may lie about before what is in it opens
// nothing. A stranger's doings are found out later than one's own requests.
var tokenLifetimes = map[string]time.Duration{
	purposeReset:          30 * time.Minute,
	purposeEmergencyReset: time.Hour, // it leaves time to hand it on to somebody who is not there
	purposeVerify:         time.Hour,
	purposeConfirmChange:  time.Hour,
	purposeChange:         time.Hour,
	purposeDelete:         day,
	purposeReport:         7 * day,
}

// purposesRevokedWithSessions is what tokens are good for that end with whatever ends the sessions:
// who asked for them may have been somebody else. The owner's last means against
// a stranger, [purposeReport], is not among them.
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

// issueToken makes a token of a user, in the place of others for the same purpose.
// Those by which something is disowned stand beside each other; and so do those
// that verify an address, or a stranger who has one mailed after the other could
// keep its owner from ever opening one in time.
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

// checkToken returns the token that a link holds, if it is good for one of the
// purposes. It does not use the token: the transaction of what the token is good
// for does. It fails with
//   - [shared.ErrToken] if there is none for these purposes,
//   - [shared.ErrTokenUsed] or [shared.ErrTokenExpired] while the token is
//     remembered, and then returns it, too.
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

// readToken reads the data of a token.
func (s *Service) readToken(t OneTimeToken, data any) error {
	text, err := s.Keys.Unseal(t.Data, t.aad())
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), data); err != nil {
		return fmt.Errorf("the data of a token: %w", err)
	}
	return nil
}

// redeem uses a token in a transaction in which nothing else is done to its user,
// with what fn does, and reads its data before. Of several callers who have the
// token, one succeeds; the others get [shared.ErrTokenUsed]. It fails with
// [shared.ErrToken] if the token was revoked meanwhile.
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
	if errors.Is(err, shared.ErrUnauthorized) { // the account is no more
		return shared.ErrToken
	}
	return err
}

type oneTimeTokenStore interface {
	AddOneTimeToken(ctx context.Context, t OneTimeToken) error
	// OneTimeToken returns a token, used or not, expired or not. It fails with
	// [ErrNotFound].
	OneTimeToken(ctx context.Context, hash []byte) (OneTimeToken, error)
	// TakeOneTimeToken marks an unused and unexpired token of the purpose as used,
	// and returns it. It fails with [ErrNotFound] if there is none: of several
	// callers who take it, one succeeds.
	TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTimeToken, error)
	// DeleteOneTimeTokens deletes the unused tokens of a user that are for one of
	// the purposes and were made at a time or later. Used ones open nothing.
	DeleteOneTimeTokens(ctx context.Context, user string, since time.Time, purposes ...string) error
}
