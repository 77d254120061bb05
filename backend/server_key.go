package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// serverKeyArguments checks the arguments of the command server-key.
func serverKeyArguments(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "list":
	case len(args) == 2 && (args[0] == "create" || args[0] == "revoke"):
	default:
		return errors.New("give create NAME, list or revoke NAME, after the flags, and put a name with spaces in quotes")
	}
	return nil
}

// serverKey creates, lists or revokes server keys.
func serverKey(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	switch c.args[0] {
	case "create":
		return createServerKey(ctx, accounts, c.args[1], out)
	case "revoke":
		return revokeServerKey(ctx, accounts, c.args[1], out)
	default:
		return listServerKeys(ctx, accounts, out)
	}
}

// createServerKey prints nothing but the key, so that a script can read it.
func createServerKey(ctx context.Context, accounts *account.Service, name string, out io.Writer) error {
	_, secret, err := accounts.CreateServerKeyOnHost(ctx, name)
	if refused, ok := errors.AsType[*shared.Error](err); ok && !errors.Is(err, shared.ErrUnavailable) {
		return errors.New(refused.Message)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(secret))
	return err
}

// listServerKeys prints each key as a name, an ID, the time when it was created and the time of
// its last use, with tabs between them.
func listServerKeys(ctx context.Context, accounts *account.Service, out io.Writer) error {
	keys, err := accounts.Store.ServerKeys(ctx)
	for _, k := range keys {
		used := "never used"
		if k.LastUsedAt != nil {
			used = k.LastUsedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", k.Name, k.ID, k.CreatedAt.Format(time.RFC3339), used)
	}
	return err
}

func revokeServerKey(ctx context.Context, accounts *account.Service, nameOrID string, out io.Writer) error {
	key, err := accounts.RevokeServerKeyOnHost(ctx, nameOrID)
	if errors.Is(err, shared.ErrNoSuchServerKey) {
		return fmt.Errorf("no server key has the name or ID %q", nameOrID)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The server key %q no longer works.\n", key.Name)
	return nil
}
