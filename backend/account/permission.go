package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"latchkey/shared"
)

// The permissions.
const (
	PermissionSettings = "settings.manage"
	PermissionUsers    = "users.manage"
	PermissionAudit    = "audit.read"
)

// Permissions lists all permissions.
var Permissions = []string{PermissionSettings, PermissionUsers, PermissionAudit}

// requiredPermissions are the permissions that some enabled account must have: the last one
// cannot be deleted by its user. Administrators cannot disable themselves, nor a user with a
// permission that they lack, so disabling always leaves a holder. The operator may revoke
// the last permission, because only the operator can grant permissions.
var requiredPermissions = []string{PermissionSettings, PermissionUsers}

// GrantPermission gives a user a permission, on behalf of the operator. It does nothing if
// the user has it, and fails with [shared.ErrUnauthorized] if there is no such user.
func (s *Service) GrantPermission(ctx context.Context, user, permission string) error {
	return s.inUserTx(ctx, user, func(in userTx) error {
		if had, err := in.UserPermissions(ctx, user); err != nil || slices.Contains(had, permission) {
			return err
		}
		if err := in.Grant(ctx, user, permission); err != nil {
			return err
		}
		return s.auditPermission(ctx, in, shared.EventPermissionGranted, permission)
	})
}

// RevokePermission takes a permission from a user. It fails with [ErrNotFound] if the user
// does not have it.
func (s *Service) RevokePermission(ctx context.Context, user, permission string) error {
	return s.inUserTx(ctx, user, func(in userTx) error {
		if err := in.Revoke(ctx, user, permission); err != nil {
			return err
		}
		return s.auditPermission(ctx, in, shared.EventPermissionRevoked, permission)
	})
}

func (s *Service) auditPermission(ctx context.Context, in userTx, kind, permission string) error {
	e := s.event(kind, in.User.ID, Client{})
	e.Subject = permission
	return in.AddEvent(ctx, s.Keys, e)
}

// PermissionNames are a user's permissions at the time of a look-up. A Store reads them as
// one comma-separated value, in the same statement as the rest.
type PermissionNames []string

// Has reports whether the user has the permission.
func (p PermissionNames) Has(name string) bool { return slices.Contains(p, name) }

// Scan implements database/sql.Scanner.
func (p *PermissionNames) Scan(src any) error {
	var text string
	switch src := src.(type) {
	case nil:
	case string:
		text = src
	case []byte:
		text = string(src)
	default:
		return fmt.Errorf("cannot scan permissions from %T", src)
	}
	if *p = nil; text != "" {
		*p = strings.Split(text, ",")
	}
	return nil
}
