package main

import (
	"context"
	"fmt"
	"io"

	"latchkey/backend/account"
)

// unlock takes codes of an account again that too many wrong ones have locked.
// email is its address.
func unlock(ctx context.Context, accounts *account.Service, email string, out io.Writer) error {
	if err := accounts.UnlockSecondFactor(ctx, email); err != nil {
		return noAccount(err, email)
	}
	fmt.Fprintf(out, "%s: codes are taken again.\n", email)
	return nil
}
