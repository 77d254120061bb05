package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// ManagedUser is an account as administrators see it.
type ManagedUser struct {
	User         `bun:"table:users,alias:user,extend"`
	Passkeys     int             `bun:",scanonly"`
	Sessions     int             `bun:",scanonly"` // unexpired
	LastActiveAt *time.Time      `bun:",scanonly"` // of those
	Permissions  PermissionNames `bun:",scanonly"`
}

// UserFilter is which accounts to list.
type UserFilter struct {
	Search string // in the address or the name, in capitals or not
	After  string // the address of one: those behind it
	Limit  int
}

// inAdminTx runs fn in a transaction in which nothing else is done to a user, for an
// administrator whose session is sure to be alive. It fails with
// [shared.ErrYourself], with [shared.ErrNoSuchUser], and with
// [shared.ErrForbidden] for a user who may change system keys if the
// administrator may not: nobody gets the better of one who may do more.
func (s *Service) inAdminTx(ctx context.Context, actor Actor, user string, fn func(userTx) error) error {
	if user == actor.Session.UserID {
		return shared.ErrYourself
	}
	return s.Store.Tx(ctx, func(tx Store) error {
		in := userTx{Store: tx}
		// In one order for all, so that two administrators who do something to
		// each other do not wait for each other: one does it.
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
		if err := tx.LockSession(ctx, actor.Session); err != nil {
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
		if !slices.Contains(ours, PermissionUsers) { // taken away since the call was let in
			return shared.ErrForbidden
		}
		if slices.ContainsFunc(theirs, func(p string) bool { return !slices.Contains(ours, p) }) {
			return shared.ErrMorePermissions
		}
		return fn(in)
	})
}

// auditAdminAction writes down what an administrator has done to a user, and tells the
// user: not from where, which is the administrator's address.
func (s *Service) auditAdminAction(ctx context.Context, in userTx, actor Actor, kind string, n mail.Notice) error {
	e := s.sessionEvent(kind, actor)
	e.UserID = in.User.ID
	if err := in.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	return s.send(ctx, in, s.compose(in.User, actor.Client, n))
}

// ResetFactors takes the second factor from a user who has lost it, and ends all
// that is open. Passkeys go, too, as they may be lost with it, unless the user
// has no password: then they are the only way in. It fails as [Service.inAdminTx]
// does.
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
		return s.auditAdminAction(ctx, in, actor, audit.EventFactorsReset, mail.FactorsReset{Passkeys: methods.Password})
	})
}

// RevokeUserSessions ends all sessions of a user, and sign-ins under way. It fails as
// [Service.inAdminTx] does.
func (s *Service) RevokeUserSessions(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		if _, err := in.DeleteOtherSessions(ctx, user, ""); err != nil {
			return err
		}
		if err := in.DeletePendingSignIns(ctx, user); err != nil {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, audit.EventUserSessionsRevoked, mail.SignedOutEverywhere{})
	})
}

// DisableUser lets nobody sign in to an account any more, and ends all that is
// open. It fails as [Service.inAdminTx] does.
func (s *Service) DisableUser(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		disabled, err := in.DisableUser(ctx, user, s.Now())
		if err != nil || !disabled {
			return err
		}
		if err := s.revokeAccess(ctx, in, ""); err != nil {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, audit.EventUserDisabled, mail.AccountDisabled{})
	})
}

// EnableUser undoes [Service.DisableUser]. It fails as [Service.inAdminTx] does.
func (s *Service) EnableUser(ctx context.Context, actor Actor, user string) error {
	return s.inAdminTx(ctx, actor, user, func(in userTx) error {
		enabled, err := in.EnableUser(ctx, user, s.Now())
		if err != nil || !enabled {
			return err
		}
		return s.auditAdminAction(ctx, in, actor, audit.EventUserEnabled, mail.AccountEnabled{})
	})
}

type adminStore interface {
	// ManagedUsers returns the accounts that the filter asks for, by address.
	ManagedUsers(ctx context.Context, f UserFilter, now time.Time) ([]ManagedUser, error)
	// DisableUser reports whether it disabled the account, which may have been.
	DisableUser(ctx context.Context, user string, now time.Time) (bool, error)
	// EnableUser reports whether it enabled the account, which may have been.
	EnableUser(ctx context.Context, user string, now time.Time) (bool, error)
	// Emails returns the addresses of users by their IDs. Of those that are no
	// more, there is none.
	Emails(ctx context.Context, users []string) (map[string]string, error)
}
