package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// importSessions measures how long "latchkey import better-auth" takes for *rowCount sessions,
// 10 of each user, from and to a database of one kind.
func (b *bench) importSessions(kind string) (err error) {
	var other *betterAuth
	for _, p := range b.productsOn(kind) {
		if theirs, ok := p.(*betterAuth); ok {
			other = theirs
		}
	}
	if other == nil { // its program makes the source
		return nil
	}
	source, err := b.newDatabase[kind]()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.drop()) }()
	progress("%s import: filling the source with %d sessions …", kind, *rowCount)
	if _, err := other.fill(source, *rowCount, 10); err != nil {
		return err
	}
	if err := source.tidy(); err != nil {
		return err
	}
	target, err := b.newDatabase[kind]()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.drop()) }()
	progress("%s import: importing …", kind)
	secret := filepath.Join(target.dir, "secret")
	if err := os.WriteFile(secret, []byte(other.secret), 0o600); err != nil {
		return err
	}
	begin := time.Now()
	out, err := exec.Command(*binaryFile, "import", "better-auth", "-from", source.url, "-secret-file", secret,
		"-data", target.dir, "-database", target.url, "-json").CombinedOutput()
	if err != nil {
		return fmt.Errorf("latchkey import: %w\n%s", err, out)
	}
	b.note("%s import: took over %d sessions of %d users in %.0f s", kind, *rowCount, *rowCount/10, time.Since(begin).Seconds())
	return nil
}
