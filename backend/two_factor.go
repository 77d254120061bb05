package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"latchkey/backend/account"
)

// unlock takes codes of an account again that too many wrong ones have locked.
// args is its address.
func unlock(ctx context.Context, accounts *account.Service, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("say the e-mail address of the account, after the flags")
	}
	if err := accounts.UnlockSecondFactor(ctx, args[0]); err != nil {
		return noAccount(err, args[0])
	}
	fmt.Fprintf(out, "%s: codes are taken again.\n", args[0])
	return nil
}
