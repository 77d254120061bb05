package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/backend/mail"
	"latchkey/shared"
)

// ManagedUser is an account as administrators see it.
type ManagedUser struct {
	User         `bun:"table:users,alias:user,extend"`
	Passkeys     int             `bun:",scanonly"`
	Sessions     int             `bun:",scanonly"` // unexpired
	LastActiveAt *time.Time      `bun:",scanonly"` // of the unexpired sessions
	Permissions  PermissionNames `bun:",scanonly"`
}

// UserFilter selects the accounts to list.
type UserFilter struct {
	Search string // part of the address or the name, in upper or lower case
	After  string // list the accounts whose addresses follow this one
	Limit  int
}

// inAdminTx runs fn in a transaction that holds the locks of a user, of the administrator
// and of the administrator's session. Errors:
//   - [shared.ErrYourself]: the user is the administrator
//   - [shared.ErrNoSuchUser]: there is no such user
//   - [shared.ErrForbidden]: the actor lacks the permission to manage users
//   - [shared.ErrMorePermissions]: the user has a permission that the administrator lacks
func (s *Service) inAdminTx(ctx context.Context, actor Actor, user string, fn func(userTx) error) error {
	if user == actor.Session.UserID {
		return shared.ErrYourself
	}
	return s.Store.Tx(ctx, func(tx Store) error {
		in := userTx{Store: tx}
		// All transactions take the locks in one order, so that two administrators who act
		// on each other do not deadlock: one succeeds.
		for _, id := range slices.Sorted(slices.Values([]string{actor.Session.UserID, user})) {
			u, err := tx.LockUser(ctx, id)
			if id == user {
				if errors.Is(err, shared.ErrUnauthorized) {
					return shared.ErrNoSuchUser
				}
				in.User = u
			}
			if err != nil {
				return err
			}
		}
		if _, err := tx.LockSession(ctx, actor.Session); err != nil {
			return err
		}
		theirs, err := tx.UserPermissions(ctx, user)
		if err != nil {
			return err
		}
		ours, err := tx.UserPermissions(ctx, actor.Session.UserID)
		if err != nil {
			return err
		}
		if !slices.Contains(ours, PermissionUsers) { // revoked since the call was authenticated
			return shared.ErrForbidden
		}
		if slices.ContainsFunc(theirs, func(p string) bool { return !slices.Contains(ours, p) }) {
			return shared.ErrMorePermissions
		}
		return fn(in)
	})
}

// auditAdminAction records what an administrator did to a user, and notifies the user. The
// email does not have the IP address, which is the administrator's.
func (s *Service) auditAdminAction(ctx context.Context, in userTx, actor Actor, kind string, n mail.Notice) error {
	e := s.sessionEvent(kind, actor)
	e.UserID = in.User.ID
	if err := in.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, actor.Client, n))
}

// ResetFactors removes the second factor of a user who has lost it, and revokes all access.
// It also deletes the passkeys, which may be lost as well, unless the user has no valid
// password and needs them to sign in. It fails as [Service.inAdminTx] does.
func (s *Service) ResetFactors(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		methods, err := loadSignInMethods(ctx, in, in.User.ID)
		if err != nil {
			return err
		}
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		// After the sessions, as in [Service.DisableTwoFactor].
		if err := s.deleteFactors(ctx, in); err != nil {
			return err
		}
		if methods.Password {
			if _, err := in.DeletePasskeys(ctx, in.User.ID); err != nil {
				return err
			}
		}
		return s.auditAdminAction(ctx, in, actor, shared.EventFactorsReset, mail.FactorsReset{Passkeys: methods.Password})
	})
}

// RevokeUserSessions ends all sessions and pending sign-ins of a user. It fails as
// [Service.inAdminTx] does.
func (s *Service) RevokeUserSessions(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		if _, err := in.DeleteOtherSessions(ctx, user, ""); err != nil {
			return err
		}
		if err := in.DeletePendingSignIns(ctx, user); err != nil {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, shared.EventUserSessionsRevoked, mail.SignedOutEverywhere)
	})
}

// DisableUser disables an account, so that sign-in is refused, and revokes all access. It
// fails as [Service.inAdminTx] does.
func (s *Service) DisableUser(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		disabled, err := in.DisableUser(ctx, user, s.Now())
		if err != nil || !disabled {
			return err
		}
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, shared.EventUserDisabled, mail.AccountDisabled)
	})
}

// EnableUser reverts [Service.DisableUser]. It fails as [Service.inAdminTx] does.
func (s *Service) EnableUser(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		enabled, err := in.EnableUser(ctx, user, s.Now())
		if err != nil || !enabled {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, shared.EventUserEnabled, mail.AccountEnabled)
	})
}

type adminStore interface {
	// ManagedUsers returns the accounts that the filter selects, ordered by address.
	ManagedUsers(ctx context.Context, f UserFilter, now time.Time) ([]ManagedUser, error)
	// DisableUser disables an account. It reports false if the account was disabled
	// already.
	DisableUser(ctx context.Context, user string, now time.Time) (bool, error)
	// EnableUser enables an account. It reports false if the account was enabled already.
	EnableUser(ctx context.Context, user string, now time.Time) (bool, error)
	// EventUsers returns users by ID, with only the Email and the Handle of each. Deleted
	// users are missing.
	EventUsers(ctx context.Context, users []string) (map[string]User, error)
}
