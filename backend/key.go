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
		fmt.Fprintf(out, "One value stays as it is: %v.\n", why)
	}
	fmt.Fprintf(out, `%d sealed values are now under the new key, the first in %s.
Copy the file to every server of this database, and restart them all.

Keep the older keys in the file: backup codes that people have were made with
them. Once a key is taken out of it, backup codes from its time open nothing, and
their owners have to make new ones. Nothing else needs it.
`, n, c.keyFile)
	return nil
}
