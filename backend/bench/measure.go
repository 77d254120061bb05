package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A side is a product with a filled database of its own, and its server.
type side struct {
	*server
	product  product
	database database
	accounts []account
}

// A line has the measurements of one load on one side.
type line struct {
	kind, operation string // the kind of database
	product         string
	clients         int
	result          result
	server          time.Duration // CPU time of the server for each call
	postgres        time.Duration // CPU time of Postgres for each call
	memory          int64         // resident, of the server at the end
	statements      int           // for each call; 0 if they were not counted
}

// A bench is one run of the benchmark.
type bench struct {
	dir      string
	products []product
	lines    []line
	notes    []string // further results, printed below the tables
	postgres string   // its version
	// newDatabase creates a database of each kind.
	newDatabase map[string]func() (database, error)
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// wanted reports whether -only selects a measurement.
func wanted(name string) bool { return strings.Contains(name, *only) }

// productsOn returns the products that can use a kind of database.
func (b *bench) productsOn(kind string) []product {
	return slices.DeleteFunc(slices.Clone(b.products), func(p product) bool {
		other, ok := p.(*betterAuth)
		return ok && kind == sqliteKind && other.sqliteErr != nil
	})
}

// open fills a database for each product, at the same time, and starts their servers.
func (b *bench) open(kind string, sessions, perUser int) ([]side, error) {
	progress("%s: filling databases with %d sessions, %d for each user …", kind, sessions, perUser)
	products := b.productsOn(kind)
	sides, errs := make([]side, len(products)), make([]error, len(products))
	var all sync.WaitGroup
	for i, p := range products {
		all.Go(func() { sides[i], errs[i] = b.openSide(p, kind, sessions, perUser) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, closeAll(sides))
	}
	return sides, nil
}

func (b *bench) openSide(p product, kind string, sessions, perUser int) (s side, err error) {
	s.product = p
	if s.database, err = b.newDatabase[kind](); err != nil {
		return s, err
	}
	if s.accounts, err = p.fill(s.database, sessions, perUser); err != nil {
		return s, err
	}
	if err := s.database.tidy(); err != nil {
		return s, err
	}
	s.server, err = startServer(p, s.database)
	return s, err
}

// closeAll stops the servers and deletes their databases.
func closeAll(sides []side) (err error) {
	for _, s := range sides {
		if s.server != nil {
			err = errors.Join(err, s.stop(), s.database.drop())
		}
	}
	return err
}

// A usage is the CPU time that a side has used so far.
type usage struct{ server, postgres time.Duration }

func (s side) usage() (u usage, err error) {
	if u.server, err = cpuTime(s.pid()); err != nil || s.database.cluster == nil {
		return u, err
	}
	u.postgres, err = cpuTime(s.database.cluster.PID())
	return u, err
}

// settle waits until the side has nothing left to do, and returns its usage. So the work
// that a product defers is part of its measurement, and not of the next one. least is how
// long it may defer work before it begins with it.
func (s side) settle(least time.Duration) (usage, error) {
	const (
		step  = 200 * time.Millisecond
		quiet = step / 50
	)
	begin := time.Now()
	before, err := s.usage()
	for err == nil {
		time.Sleep(step)
		var now usage
		if now, err = s.usage(); err != nil {
			break
		}
		busy := now.server + now.postgres - before.server - before.postgres
		if before = now; busy < quiet && time.Since(begin) >= least || time.Since(begin) > 5*time.Second {
			return now, nil
		}
	}
	return usage{}, fmt.Errorf("%s: %w", s.product, err)
}

// deferral is how long a server may defer what it writes because of a read.
const deferral = 1200 * time.Millisecond

// measure sends a load and returns its line. least is that of settle.
func (s side) measure(calls []call, p plan, least time.Duration) (line, error) {
	if err := s.database.tidy(); err != nil {
		return line{}, err
	}
	before, err := s.settle(0)
	if err != nil {
		return line{}, err
	}
	r, err := load(context.Background(), s.address, calls, p)
	if err != nil {
		return line{}, fmt.Errorf("%s, %d clients: %w", s.product, p.clients, err)
	}
	memory := s.memory()
	after, err := s.settle(least)
	if err != nil {
		return line{}, err
	}
	n := time.Duration(max(r.sent, 1))
	return line{
		product: s.product.String(), clients: p.clients, result: r, memory: memory,
		server: (after.server - before.server) / n, postgres: (after.postgres - before.postgres) / n,
	}, nil
}

// table measures the wanted operations on one kind of database. Operations on databases with
// the same contents share one.
func (b *bench) table(kind string) error {
	for _, perUser := range []int{1, 10, 100} {
		var some []operation
		for _, o := range operations {
			if o.perUser == perUser && wanted(kind+" "+o.name) {
				some = append(some, o)
			}
		}
		fair := perUser == getSessionOperation.perUser && wanted(kind+" fair")
		if len(some) == 0 && !fair {
			continue
		}
		sides, err := b.open(kind, *sessions, perUser)
		if err != nil {
			return err
		}
		err = b.measureAll(kind, sides, some, fair)
		if err := errors.Join(err, closeAll(sides)); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func (b *bench) measureAll(kind string, sides []side, operations []operation, fair bool) error {
	for _, s := range sides {
		b.note("%s, resident memory after the start: %s %s", kind, s.product, megabytes(s.memory()))
	}
	first := len(b.lines)
	calls := make([][][]call, len(sides))
	for _, o := range operations {
		rest, err := b.measureOperation(kind, o, sides)
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		for i := range sides {
			calls[i] = append(calls[i], rest[i])
		}
	}
	if fair {
		if err := b.fair(kind, sides); err != nil {
			return fmt.Errorf("fair: %w", err)
		}
	}
	if kind != postgresKind || len(operations) == 0 {
		return nil
	}
	for i, s := range sides {
		progress("%s: counting the statements of %s …", kind, s.product)
		counts, err := countStatements(s, operations, calls[i])
		if err != nil {
			return err
		}
		for j := range b.lines[first:] {
			l := &b.lines[first+j]
			if l.product == s.product.String() {
				l.statements = counts[slices.IndexFunc(operations, func(o operation) bool { return o.name == l.operation })]
			}
		}
	}
	return nil
}

// measureOperation measures an operation with each number of clients, on all sides in turn.
// It returns calls of each side that can still be sent.
func (b *bench) measureOperation(kind string, o operation, sides []side) (rest [][]call, err error) {
	rest = make([][]call, len(sides))
	for i, s := range sides {
		progress("%s %s: preparing %s …", kind, o.name, s.product)
		if rest[i], err = o.prepare(s, s.accounts); err != nil {
			return nil, fmt.Errorf("%s: %w", s.product, err)
		}
	}
	for n, clients := range o.clients {
		for i, s := range sides {
			progress("%s %s: %s, %d clients …", kind, o.name, s.product, clients)
			p := plan{clients: clients, limit: lineTime()}
			if o.once { // leave calls for the other numbers of clients, and to count statements
				p.most = len(rest[i]) / (len(o.clients) - n + 1)
				p.refusal = true
			}
			if o.name == enableAtOnce.name {
				p.most, p.limit = clients, answerLimit
			}
			l, err := s.measure(rest[i], p, 0)
			if err != nil {
				return nil, err
			}
			l.kind, l.operation = kind, o.name
			b.lines = append(b.lines, l)
			if o.once && len(rest[i]) > l.result.sent {
				rest[i] = rest[i][l.result.sent:]
			}
		}
	}
	return rest, nil
}

func lineTime() time.Duration { return time.Duration(*seconds * float64(time.Second)) }
