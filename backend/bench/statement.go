package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// countStatements counts the statements that the calls of each operation send to Postgres.
// It stops the server, and runs it a second time, at the same address, behind a tap.
func countStatements(s side, operations []operation, calls [][]call) (counts []int, err error) {
	if err := s.stop(); err != nil {
		return nil, err
	}
	through, err := newTap(s.database.url)
	if err != nil {
		return nil, err
	}
	defer through.close()
	s.database.url = through.url
	counted, err := startServerAt(s.product, s.database, s.address)
	if err != nil {
		return nil, err
	}
	for i, o := range operations {
		n, err := medianStatements(counted, through, calls[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: counting statements of %s: %w", s.product, o.name, err), counted.stop())
		}
		counts = append(counts, n)
	}
	return counts, counted.stop()
}

// medianStatements returns how many statements a call sends: the median of a few calls,
// which leaves out what the server sends in the background.
func medianStatements(s *server, t *tap, calls []call) (int, error) {
	const some = 15
	c, err := dial(s.address)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	var counts []int
	for _, one := range calls[max(0, len(calls)-some):] { // the ones that were sent least often
		before := t.count.Load()
		if err := one(c); err != nil {
			return 0, err
		}
		counts = append(counts, int(t.count.Load()-before))
		time.Sleep(20 * time.Millisecond) // a statement after the answer belongs to no call
	}
	if len(counts) == 0 {
		return 0, nil
	}
	slices.Sort(counts)
	return counts[len(counts)/2], nil
}
