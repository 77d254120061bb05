package main

import (
	"context"
	"fmt"
	"io"

	"latchkey/backend/account"
	"latchkey/shared"
)

// breakGlass lets somebody in again who has lost all else, and prints the link by
// which they do. email is their address.
func breakGlass(ctx context.Context, c config, accounts *account.Service, email string, out io.Writer) error {
	token, err := accounts.BreakGlass(ctx, email)
	if err != nil {
		return noAccount(err, email)
	}
	fmt.Fprintf(out, `%s is signed out everywhere and asked for no second factor any more. With
this link they choose a new password, once, within an hour. It is shown only now:

  %s%s?token=%s

Passkeys still work: the owner should delete those that are lost.
`, email, c.origin, shared.PageResetPassword, string(token))
	return nil
}
