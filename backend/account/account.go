// Package account holds the rules of accounts: who may sign in, what a session
// is worth, which passwords are good enough. It knows neither HTTP nor SQL; what
// it needs kept, it says in the small store interfaces beside the rules.
//
// Rules that decide something are methods of [Service]. Reads that decide
// nothing go straight to its Store.
package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/keyring"
	"latchkey/backend/passhash"
	"latchkey/backend/setting"
	"latchkey/backend/webauthn"
)

// Service applies the rules to what its Store keeps.
type Service struct {
	Store  Store
	Hasher *passhash.Hasher
	Keys   keyring.Keys
	Now    func() time.Time // UTC, of millisecond precision as the wire is

	Settings *setting.Cache

	RelyingParty webauthn.RelyingParty

	// Unlimited switches limits on tries off. It is for benchmarks.
	Unlimited bool
}

// Store keeps what the rules need kept. Every method that security rests on is
// one conditional statement whose row count is the answer.
type Store interface {
	// Tx runs fn on a store that is one transaction, which is committed if fn
	// returns nil. It refuses to run inside another transaction.
	Tx(ctx context.Context, fn func(Store) error) error

	userStore
	adminStore
	passwordStore
	sessionStore
	rateLimitStore
	twoFactorStore
	lockoutStore
	totpStore
	backupCodeStore
	emailCodeStore
	pendingSignInStore
	trustedDeviceStore
	passkeyStore
	ceremonyStore
	inviteStore
	oneTimeTokenStore
	mailStore
	eventStore
	settingStore
	sealedStore
}

// ErrNotFound is what a Store answers when there is no such row. It crosses no
// wire: what it means to a caller, each rule says itself.
var ErrNotFound = errors.New("not found")

// Client is where a call comes from.
type Client struct {
	IP          string // empty if unknown
	UserAgent   string
	Language    string            // one of [shared.Languages]; empty if unknown
	KnownDevice KnownDeviceTokens // what the browser kept of earlier sign-ins
	Trust       TrustTokens       // what it keeps of accounts that trust it
}

// Actor is the user on whose behalf a call runs, and where the call comes from.
// Session and User, which is the session's, are as they were when the call was let
// in. A rule that writes reads the user again in its transaction: see [userTx].
type Actor struct {
	Session Session // zero if the user has not signed in, or not yet shown the second factor
	User    User    // zero if the caller is unknown
	Client  Client
}

// userTx is a transaction that holds the lock of a user. No other transaction
// that takes the lock changes the user until this one ends.
type userTx struct {
	Store
	User User // as it was when the transaction took the lock
}

// inUserTx runs fn in a transaction that holds the lock of a user. It fails with
// [shared.ErrUnauthorized] if the user was deleted.
func (s *Service) inUserTx(ctx context.Context, user string, fn func(userTx) error) error {
	return s.Store.Tx(ctx, func(tx Store) error {
		u, err := tx.LockUser(ctx, user)
		if err != nil {
			return err
		}
		return fn(userTx{tx, u})
	})
}

// Now is the clock of the product.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
