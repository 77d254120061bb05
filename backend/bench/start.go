package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// start measures how long the products take from the start to the first 200, on an empty
// database and on a migrated one.
func (b *bench) start(kind string) error {
	for _, p := range b.productsOn(kind) {
		progress("%s start: %s …", kind, p)
		var empty, migrated []time.Duration
		const starts = 9
		for range starts {
			first, second, err := b.startTwice(kind, p)
			if err != nil {
				return err
			}
			empty, migrated = append(empty, first), append(migrated, second)
		}
		slices.Sort(empty)
		slices.Sort(migrated)
		text := milliseconds(migrated[starts/2]) + " on a migrated database"
		if _, ours := p.(latchkey); ours { // Better Auth has a program of its own for migrations
			text = milliseconds(empty[starts/2]) + " on an empty database, " + text
		}
		b.note("%s start: %s answers the first 200 after %s (median of %d)", kind, p, text, starts)
	}
	return nil
}

// startTwice starts a product on a new database, which it migrates, and then again.
func (b *bench) startTwice(kind string, p product) (first, second time.Duration, err error) {
	d, err := b.newDatabase[kind]()
	if err != nil {
		return 0, 0, err
	}
	if other, ok := p.(*betterAuth); ok {
		if err := other.migrate(d); err != nil {
			return 0, 0, err
		}
	}
	for _, took := range []*time.Duration{&first, &second} {
		s, err := startServer(p, d)
		if err != nil {
			return 0, 0, err
		}
		*took = s.startedIn
		if err := s.stop(); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", p, err)
		}
	}
	return first, second, errors.Join(d.drop())
}
