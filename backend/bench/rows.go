package main

import (
	"errors"
	"time"

	"latchkey/shared"
)

// few is the number of session rows with which *rowCount rows are compared.
const few = 1000

// firstReads is the least number of first reads of a measurement.
const firstReads = 5000

// A rowsResult has what was measured of one product with one number of rows.
type rowsResult struct{ first, further line }

// rows measures get-session on Postgres with few and with many session rows: the first read
// of each session, and further ones. A first read of Latchkey writes when the session was
// last used, at most once a minute.
func (b *bench) rows() error {
	least, err := b.measureRows(few)
	if err != nil {
		return err
	}
	most, err := b.measureRows(*rowCount)
	if err != nil {
		return err
	}
	for _, p := range b.productsOn(postgresKind) {
		few, many := least[p.String()], most[p.String()]
		compare := func(what string, from, to line) {
			b.note("%s rows: %s, %s: %s times the calls, %s times the database's CPU", postgresKind, p, what,
				ratio(to.result.perSecond(), from.result.perSecond()), ratio(float64(to.postgres), float64(from.postgres)))
		}
		compare("many rows instead of few, first reads", few.first, many.first)
		compare("many rows instead of few, further reads", few.further, many.further)
		compare("many rows, first reads instead of further ones", many.further, many.first)
	}
	return nil
}

// measureRows returns the results of each product.
func (b *bench) measureRows(n int) (all map[string]rowsResult, err error) {
	sides, err := b.open(postgresKind, n, 10)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(sides)) }()
	all = make(map[string]rowsResult)
	for _, s := range sides {
		progress("%s rows: %s with %d sessions …", postgresKind, s.product, n)
		const clients = 16
		if s, err = s.warmedUp(); err != nil {
			return nil, err
		}
		var r rowsResult
		if r.first, err = s.firstReads(clients); err != nil {
			return nil, err
		}
		if r.further, err = s.measure(s.reads(), plan{clients: clients, limit: lineTime()}, deferral); err != nil {
			return nil, err
		}
		all[s.product.String()] = r
		for _, one := range []struct {
			name string
			line line
		}{{"first", r.first}, {"further", r.further}} {
			b.note("%s rows: %s, %d sessions, %s reads: %.0f calls a second, CPU %s of the server and %s of the database",
				postgresKind, s.product, n, one.name, one.line.result.perSecond(), microseconds(one.line.server), microseconds(one.line.postgres))
		}
	}
	return all, nil
}

// warmedUp sends a few sessions' get-session for a while, and returns the side without them.
func (s side) warmedUp() (side, error) {
	const some = 50
	rest := s
	s.accounts, rest.accounts = s.accounts[:some], s.accounts[some:]
	_, err := warmed(s, s.reads())
	return rest, err
}

// reads returns a get-session of each account.
func (s side) reads() []call {
	calls := make([]call, 0, len(s.accounts))
	for _, a := range s.accounts {
		calls = append(calls, send(s.get(shared.GetSession.Path, a.cookie)))
	}
	return calls
}

// firstReads measures the first read of each session. If there are few sessions, it makes
// them as old as before and reads them again.
func (s side) firstReads(clients int) (all line, err error) {
	calls := s.reads()
	rounds := (firstReads + len(calls) - 1) / len(calls)
	for i := range rounds {
		if i > 0 {
			if err := s.product.age(s.database); err != nil {
				return all, err
			}
		}
		one, err := s.measure(calls, plan{clients: clients, limit: 3 * lineTime(), most: len(calls)}, deferral)
		if err != nil {
			return all, err
		}
		all.result.lasted += one.result.lasted
		all.result.took = append(all.result.took, one.result.took...)
		all.server += one.server / time.Duration(rounds)
		all.postgres += one.postgres / time.Duration(rounds)
	}
	return all, nil
}
