package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"latchkey/backend/account"
	"latchkey/backend/atomicfile"
	"latchkey/backend/keyring"
	"latchkey/backend/passhash"
	"latchkey/backend/store"
	"latchkey/backend/webauthn"
	"os"
	"slices"
	"time"
)

// open opens the database, migrates it, and checks that the key file belongs to it.
func (c config) open(ctx context.Context) (store.DB, keyring.Keys, error) {
	db, err := store.OpenWith(c.database, cmp.Or(c.statementTimeout, store.Timeout))
	if err != nil {
		return db, keyring.Keys{}, err
	}
	keys, err := c.prepare(ctx, db)
	if err != nil {
		db.Close()
	}
	return db, keys, err
}

func (c config) prepare(ctx context.Context, db store.DB) (keyring.Keys, error) {
	if _, err := os.Stat(c.keyFile); errors.Is(err, fs.ErrNotExist) {
		// The next step creates the file. While the database does not answer, nothing tells
		// whether the path is wrong, and an operator would mistake the file for the right one.
		if err := db.Reachable(ctx); err != nil {
			return keyring.Keys{}, fmt.Errorf("open the database: %w", err)
		}
	}
	keys, created, err := c.keys() // before anything else: without keys, the database must not change
	if err != nil {
		return keyring.Keys{}, err
	}
	switch err := c.migrate(ctx, db, keys); {
	case err == nil:
		return keys, nil
	case !created:
		return keyring.Keys{}, err
	case errors.Is(err, store.ErrKeys):
		os.Remove(c.keyFile) // an operator would mistake the new file for the right one
		return keyring.Keys{}, fmt.Errorf("there is no key file at %s, and the database already has a key: "+
			"restore the file, or set -key-file to the key file of this database", c.keyFile)
	default:
		return keyring.Keys{}, fmt.Errorf("%w. The key file %s is new: if the database already has a key, delete the file", err, c.keyFile)
	}
}

// migrate migrates the database, and checks that the keys belong to it.
func (c config) migrate(ctx context.Context, db store.DB, keys keyring.Keys) error {
	applied, err := db.MigrateWith(ctx, store.Migration{Wait: c.migrationWait, Waiting: func(waited time.Duration) {
		c.log.Info("waiting for another process to migrate the database", "waited", waited.Round(time.Second), "limit", c.migrationWait)
	}})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if len(applied) > 0 {
		c.log.Info("migrated the database", "version", applied[len(applied)-1])
	}
	if slices.Contains(applied, store.ChainVersion) { // the security log has no hash chain yet
		if err := db.SignChain(ctx, keys); err != nil {
			return err
		}
	}
	err = db.CheckKeys(ctx, keys)
	if errors.Is(err, store.ErrKeys) {
		err = fmt.Errorf("%w than the one in %s: set -key-file to the key file of this database", err, c.keyFile)
	}
	return err
}

// keys reads the key file. If there is none, it creates one that only the owner can read,
// and created is true.
func (c config) keys() (keys keyring.Keys, created bool, err error) {
	text, err := os.ReadFile(c.keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = atomicfile.Create(c.keyFile, keyring.New().Text()); err == nil {
			text, err = os.ReadFile(c.keyFile)
		}
	}
	if err != nil {
		return keys, created, err
	}
	if info, err := os.Stat(c.keyFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		c.log.Warn("other users can read the key file: restrict it to its owner (chmod 600)", "file", c.keyFile, "mode", info.Mode().Perm())
	}
	if keys, err = keyring.Parse(string(text)); err != nil {
		return keys, created, fmt.Errorf("%s: %w", c.keyFile, err)
	}
	return keys, created, nil
}

// accounts returns the account service on a database, and loads the settings from it.
func (c config) accounts(ctx context.Context, db store.DB, keys keyring.Keys) (*account.Service, error) {
	s := &account.Service{
		Store: db, Hasher: passhash.New(passhash.OWASP, passhash.MaxWait), Keys: keys, Now: account.Now,
		Settings: c.settings, Unlimited: c.unlimited,
		RelyingParty: webauthn.RelyingParty{
			ID: c.rpID, Origins: append([]string{c.origin.String()}, c.relatedOrigins...), Related: c.relatedOrigins,
			Trusts: c.trustedOrigins.Contains,
		},
	}
	_, err := s.LoadSettings(ctx)
	return s, err
}
