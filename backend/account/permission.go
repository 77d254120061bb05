package account

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// The permissions that there are.
const (
	PermissionSettings = "settings.manage"
	PermissionUsers    = "users.manage"
	PermissionAudit    = "audit.read"
)

// Permissions is every permission there is.
var Permissions = []string{PermissionSettings, PermissionUsers, PermissionAudit}

// PermissionNames is the permissions that a user had at the moment of a look-up.
// A Store reads them with commas between, because it reads them in the statement
// that it reads the rest in.
type PermissionNames []string

var _ sql.Scanner = (*PermissionNames)(nil)

// Has reports whether the permission is among them.
func (p PermissionNames) Has(name string) bool { return slices.Contains(p, name) }

// Scan implements [sql.Scanner].
func (p *PermissionNames) Scan(src any) error {
	var text string
	switch src := src.(type) {
	case nil:
	case string:
		text = src
	case []byte:
		text = string(src)
	default:
		return fmt.Errorf("permissions are no %T", src)
	}
	if *p = nil; text != "" {
		*p = strings.Split(text, ",")
	}
	return nil
}
