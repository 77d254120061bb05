package main

import (
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
	db, err := store.Open(c.database)
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
	keys, created, err := c.keys() // first: without keys, the database must not change
	if err != nil {
		return keyring.Keys{}, err
	}
	applied, err := db.MigrateWith(ctx, store.Migration{Wait: c.migrationWait, Waiting: func(waited time.Duration) {
		c.log.Info("waiting for another process to migrate the database", "waited", waited.Round(time.Second), "limit", c.migrationWait)
	}})
	if err != nil {
		return keyring.Keys{}, fmt.Errorf("open the database: %w", err)
	}
	if len(applied) > 0 {
		c.log.Info("migrated the database", "version", applied[len(applied)-1])
	}
	if slices.Contains(applied, store.ChainVersion) { // the security log has no hash chain yet
		if err := db.SignChain(ctx, keys); err != nil {
			return keyring.Keys{}, err
		}
	}
	if err := db.CheckKeys(ctx, keys); errors.Is(err, store.ErrKeys) {
		if created {
			os.Remove(c.keyFile) // an operator would mistake the new file for the right one
			return keyring.Keys{}, fmt.Errorf("there is no key file at %s, and the database already has a key: "+
				"restore the file, or set -key-file to the key file of this database", c.keyFile)
		}
		return keyring.Keys{}, fmt.Errorf("%w than the one in %s: set -key-file to the key file of this database", err, c.keyFile)
	} else if err != nil {
		return keyring.Keys{}, err
	}
	return keys, nil
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
			ID: c.rpID, Origins: c.passkeyOrigins(), Related: c.relatedOrigins,
		},
	}
	_, err := s.LoadSettings(ctx)
	return s, err
}
