package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gofrs/flock"

	"latchkey/backend/atomicfile"
	"latchkey/backend/store"
)

// rotateKey adds a new current key to the key file, and encrypts the sealed values again
// under it. It writes the file first, so that it can be run again after an interruption.
func rotateKey(ctx context.Context, c config, db store.DB, out io.Writer) (err error) {
	lock := flock.New(c.keyFile + ".lock") // two concurrent rotations would lose one of the new keys
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	keys, _, err := c.keys()
	if err != nil {
		return err
	}
	keys = keys.Rotated()
	if err := atomicfile.Replace(c.keyFile, keys.Text()); err != nil {
		return err
	}
	accounts, err := c.accounts(ctx, db, keys)
	if err != nil {
		return err
	}
	n, lost, err := accounts.Reseal(ctx)
	if err := errors.Join(err, db.RenewKeys(ctx, keys)); err != nil {
		return err
	}
	for _, why := range lost {
		fmt.Fprintf(out, "Could not re-encrypt a value: %v.\n", why)
	}
	fmt.Fprintf(out, `Re-encrypted %s with the new key, the first one in %s.
Stop every server of this database that still runs: it lacks the new key. Copy the file
to all of them, and then start them.

Keep the older keys in the file. They verify existing backup codes. If you remove
a key, the backup codes that were created with it stop working, and their owners
have to create new ones. Nothing else needs the older keys.
`, count(n, "value"), c.keyFile)
	return nil
}

// count returns a number with a noun whose plural ends in s.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}
