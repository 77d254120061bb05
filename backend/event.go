package main

import (
	"context"
	"fmt"
	"io"

	"latchkey/backend/account"
)

// verifyLog reads the whole security log, and fails unless it is what the server
// wrote.
func verifyLog(ctx context.Context, accounts *account.Service, out io.Writer) error {
	n, err := accounts.VerifyLog(ctx)
	if err == nil {
		fmt.Fprintf(out, "The security log is whole: %d entries.\n", n)
	}
	return err
}
