// Package account implements the rules of user accounts: who may sign in, what a session
// allows and which passwords are acceptable. It knows neither HTTP nor SQL. Next to each
// rule, a small interface declares what the rule needs from the store.
//
// Rules that decide something are methods of [Service]. Reads that decide nothing go
// straight to its Store.
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

// Service applies the rules to the data in its Store.
type Service struct {
	Store  Store
	Hasher *passhash.Hasher
	Keys   keyring.Keys
	Now    func() time.Time // in UTC, with the wire's precision of a millisecond

	Settings *setting.Cache

	RelyingParty webauthn.RelyingParty

	// Unlimited turns rate limits off. It is for benchmarks.
	Unlimited bool
}

// Store stores the data that the rules need. Each method on which security depends runs one
// conditional statement and decides by the number of affected rows.
type Store interface {
	// Tx begins a transaction, runs fn with a Store inside it, and commits if fn returns
	// nil. It fails inside another transaction.
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
	overviewStore
	settingStore
	serverKeyStore
	sealedStore
	importStore
}

// ErrNotFound means that a Store has no such row. It never reaches a client: each rule turns
// it into an error of its own.
var ErrNotFound = errors.New("not found")

// MaxUserAgent, in bytes, exceeds the user agents of browsers. Longer ones are truncated.
const MaxUserAgent = 512

// Client describes where a call comes from.
type Client struct {
	IP          string // empty if unknown
	UserAgent   string
	Language    string            // one of [shared.Languages]; empty if unknown
	KnownDevice KnownDeviceTokens // from the browser's cookie
	Trust       TrustTokens       // from another cookie of the browser
	// BackEnd is set if the application's back end calls for the user, with a server key. IP
	// and UserAgent are those of the back end.
	BackEnd BackEnd
}

// A BackEnd says how the application's back end calls for a user.
type BackEnd int

const (
	NoBackEnd        BackEnd = iota // the user's browser calls
	BackEndCookies                  // it forwards the cookies of the response to the browser
	BackEndNoCookies                // it cannot forward them, so the session must not outlive its cookie
)

// Actor is the user on whose behalf a call runs, and the client that made the call. Session
// and User are as they were when the call was authenticated. A rule that writes reads the
// user again in its transaction: see [userTx].
type Actor struct {
	Session Session // zero before the user has completed a sign-in
	User    User    // zero if the caller is unknown
	Client  Client
}

// userTx is a transaction that holds a user's lock. Until it ends, no other transaction that
// takes the lock can change the user.
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

// Now returns the current time in UTC, with a precision of a millisecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
