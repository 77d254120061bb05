package account

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"latchkey/shared"
)

// OneTimeToken is a token in a link that works once. Only its hash is stored.
type OneTimeToken struct {
	Hash      []byte `bun:",pk"`
	Purpose   string // of a revoked token: why it was revoked
	UserID    string `bun:",nullzero"` // empty for an invitation
	Data      string // sealed details of the purpose; empty if none, and if it was revoked
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
	purposeForm           = "pending form" // see [PendingForm]
)

// The reasons for which tokens are revoked. One of them replaces the purpose of a revoked
// token, which is then valid for nothing. The row is kept until the token expires, to tell
// the holder of the link what has happened.
const (
	revokedSuperseded = "superseded" // how the user signs in has changed
	revokedReplaced   = "replaced"   // there is a newer token
	revokedCanceled   = "canceled"   // the user canceled the change
)

// revocations maps the reasons to the errors that report them.
var revocations = map[string]*shared.Error{
	revokedSuperseded: shared.ErrTokenSuperseded,
	revokedReplaced:   shared.ErrTokenReplaced,
	revokedCanceled:   shared.ErrTokenCanceled,
}

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
	purposeForm:           5 * time.Minute, // the user is in front of the page
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
	purposeForm,
}

func (t OneTimeToken) aad() string {
	return "one_time_tokens|data|" + hex.EncodeToString(t.Hash) + "|" + t.Purpose + "|" + t.UserID
}

// issueToken issues a token to a user, and revokes the user's other tokens for the same
// purpose. Three purposes are exceptions:
//   - reports and pending forms: the tokens are independent of each other
//   - verification of an address: an attacker who keeps requesting tokens could otherwise
//     keep the owner from using one in time
func (s *Service) issueToken(ctx context.Context, in userTx, purpose string, data any) (Token, error) {
	if !slices.Contains([]string{purposeReport, purposeForm, purposeVerify}, purpose) {
		if _, err := in.RevokeOneTimeTokens(ctx, in.User.ID, time.Time{}, revokedReplaced, purpose); err != nil {
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

// importedLinkForm matches the tokens in the links of Better Auth.
var importedLinkForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z]{24}$`) })

// parseLinkToken is [ParseToken] for the token of a link, which may be one that was imported.
func parseLinkToken(text string) (Token, bool) {
	if importedLinkForm().MatchString(text) {
		return Token(text), true
	}
	return ParseToken(text)
}

// checkToken returns the token of a link if it is valid for one of the purposes. It does
// not use the token up: the transaction of the change does. Errors:
//   - [shared.ErrToken]: no such token for these purposes
//   - [shared.ErrTokenSuperseded], also as [shared.ErrTokenReplaced] and
//     [shared.ErrTokenCanceled]: the token was revoked
//   - [shared.ErrTokenUsed], [shared.ErrTokenExpired]: the token is still stored, and is
//     returned, too
func (s *Service) checkToken(ctx context.Context, link string, purposes ...string) (OneTimeToken, error) {
	token, ok := parseLinkToken(link)
	if !ok {
		return OneTimeToken{}, shared.ErrToken
	}
	t, err := s.Store.OneTimeToken(ctx, token.Hash())
	if err != nil {
		return OneTimeToken{}, noSuchToken(err)
	}
	if revoked := revocations[t.Purpose]; revoked != nil {
		return OneTimeToken{}, revoked
	}
	switch {
	case !slices.Contains(purposes, t.Purpose):
		return OneTimeToken{}, shared.ErrToken
	case t.UsedAt != nil:
		return t, shared.ErrTokenUsed
	case !t.ExpiresAt.After(s.Now()):
		return t, shared.ErrTokenExpired
	}
	return t, nil
}

// noSuchToken maps [ErrNotFound] to [shared.ErrToken].
func noSuchToken(err error) error {
	if errors.Is(err, ErrNotFound) {
		return shared.ErrToken
	}
	return err
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
//   - [shared.ErrTokenSuperseded]: the token was revoked meanwhile
//   - [shared.ErrToken]: the token or the user was deleted meanwhile
func (s *Service) redeem(ctx context.Context, t OneTimeToken, data any, fn func(userTx) error) error {
	if err := s.readToken(t, data); err != nil {
		return err
	}
	err := s.inUserTx(ctx, t.UserID, func(in userTx) error {
		_, err := in.TakeOneTimeToken(ctx, t.Hash, t.Purpose, s.Now())
		if errors.Is(err, ErrNotFound) {
			return explainToken(ctx, in, t.Hash)
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

// explainToken returns the error that says why a token could not be taken.
func explainToken(ctx context.Context, in Store, hash []byte) error {
	t, err := in.OneTimeToken(ctx, hash)
	if err != nil {
		return noSuchToken(err)
	}
	if revoked := revocations[t.Purpose]; revoked != nil {
		return revoked
	}
	if t.UsedAt != nil {
		return shared.ErrTokenUsed
	}
	return shared.ErrToken // it has just expired
}

type oneTimeTokenStore interface {
	AddOneTimeToken(ctx context.Context, t OneTimeToken) error
	// OneTimeToken returns a token, even if it is used or expired. It fails with
	// [ErrNotFound].
	OneTimeToken(ctx context.Context, hash []byte) (OneTimeToken, error)
	// OpenOneTimeTokens returns a user's unused and unexpired tokens for a purpose, the
	// newest first.
	OpenOneTimeTokens(ctx context.Context, user, purpose string, now time.Time) ([]OneTimeToken, error)
	// TakeOneTimeToken marks an unused and unexpired token of the purpose as used, and
	// returns it. It fails with [ErrNotFound] if there is none: of several callers, one
	// succeeds.
	TakeOneTimeToken(ctx context.Context, hash []byte, purpose string, now time.Time) (OneTimeToken, error)
	// RevokeOneTimeTokens revokes a user's unused tokens for the purposes, issued at since
	// or later, and returns how many: reason replaces their purpose, and their data is
	// deleted. Used tokens grant nothing.
	RevokeOneTimeTokens(ctx context.Context, user string, since time.Time, reason string, purposes ...string) (int, error)
}
