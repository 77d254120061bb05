package account

import (
	"context"
	"time"

	"latchkey/backend/audit"
)

// Overview is the state of a user's account.
type Overview struct {
	AccountState
	Sessions []Session // unexpired, most recently used first
	Newest   *audit.Event
	Change   *PendingEmailChange // nil if none is pending
}

// AccountState is what an [Overview] counts and looks up in many tables.
type AccountState struct {
	PasswordChangedAt *time.Time // nil if there is no password, or it is void
	TwoFactorSince    *time.Time // nil if there is no authenticator
	TwoFactorPending  bool       // an authenticator waits for its first code in the session
	BackupCodes       int
	Passkeys          int
	SyncedPasskeys    int
	PasskeyUsedAt     *time.Time // the newest use of a passkey
	PasskeyUsed       *string    // the name of that passkey
	TrustedDevices    int
	LastHolder        bool // of one of the permissions: see [Store.IsLastHolder]

	// Token is the newest token of the purposes that is unused and unexpired. It is zero if
	// there is none.
	Token OneTimeToken `bun:"embed:token_"`
}

// PendingEmailChange is a change of an address that waits until the user opens a link.
type PendingEmailChange struct {
	New       string
	SentTo    string // the address to which the link was sent
	ExpiresAt time.Time
}

// Overview returns the state of the account of the actor's user. It reads each part in a
// statement of its own, not from one snapshot: changes at the same time may show in part.
func (s *Service) Overview(ctx context.Context, actor Actor) (o Overview, err error) {
	now := s.Now()
	o.AccountState, err = s.Store.AccountState(ctx, actor.Session, now, requiredPermissions, purposesOfEmailChange)
	if err != nil {
		return o, err
	}
	if o.Change, err = s.pendingEmailChange(o.Token, actor.User); err != nil {
		return o, err
	}
	if o.Sessions, err = s.Store.Sessions(ctx, actor.User.ID, now); err != nil {
		return o, err
	}
	events, err := s.Store.Events(ctx, EventFilter{User: actor.User.ID, Limit: 1})
	if len(events) > 0 {
		o.Newest = &events[0]
	}
	return o, err
}

// pendingEmailChange returns the change of address that a token continues, or nil if it
// continues none.
func (s *Service) pendingEmailChange(t OneTimeToken, user User) (*PendingEmailChange, error) {
	if t.Hash == nil {
		return nil, nil
	}
	var change emailChange
	if err := s.readToken(t, &change); err != nil {
		return nil, err
	}
	if change.Old != user.Email { // outdated
		return nil, nil
	}
	pending := &PendingEmailChange{New: change.New, SentTo: change.New, ExpiresAt: t.ExpiresAt}
	if t.Purpose == purposeConfirmChange {
		pending.SentTo = change.Old
	}
	return pending, nil
}

type overviewStore interface {
	// AccountState returns the state of the account of a session's user, in one statement.
	AccountState(ctx context.Context, session Session, now time.Time, permissions, purposes []string) (AccountState, error)
}
