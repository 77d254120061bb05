package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"latchkey/backend/account"
	"latchkey/backend/store"
)

// permissions lists who may do what. It works beside a running server, as
// grant and revoke do: the database is asked at each request.
func permissions(ctx context.Context, db store.DB, out io.Writer) error {
	grants, err := db.Permissions(ctx)
	for _, g := range grants {
		fmt.Fprintf(out, "%s\t%s\n", g.Email, g.Permission)
	}
	return err
}

// grant gives or, if not given, takes a permission: args are an address and
// the permission's name.
func grant(ctx context.Context, accounts *account.Service, given bool, args []string) error {
	if len(args) != 2 || !slices.Contains(account.Permissions, args[1]) {
		return fmt.Errorf("say the e-mail address and the permission, which is one of: %s", strings.Join(account.Permissions, ", "))
	}
	user, err := accounts.UserByEmail(ctx, args[0])
	if err != nil {
		return noAccount(err, args[0])
	}
	if given {
		return accounts.GrantPermission(ctx, user.ID, args[1])
	}
	if err := accounts.RevokePermission(ctx, user.ID, args[1]); !errors.Is(err, account.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s does not have the permission %s", args[0], args[1])
}

func noAccount(err error, email string) error {
	if errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("there is no account with the address %s", email)
	}
	return err
}
