// Bench measures the built program and prints tables:
//
//	go run ./backend/bench [-seconds N] [-only WORDS] [-large]   the API, beside Better Auth, on Postgres and on SQLite
//	go run ./backend/bench [-only WORDS] ui                      the pages, in Chromium
//
// Each client of the API is a closed loop: it sends the next request when it has the
// answer to the last. Clients, server and database share the machine, so compare the
// numbers only with others from the same run. Percentiles are computed from all requests,
// not estimated.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"latchkey/backend/store/storetest"
)

var (
	binaryFile = flag.String("binary", "bin/latchkey", "the program to measure")
	seconds    = flag.Float64("seconds", 2, "how many seconds to measure each line of the tables")
	sessions   = flag.Int("sessions", 20_000, "how many sessions to fill each database of the tables with")
	only       = flag.String("only", "", "measure only what contains this text, such as \"SQLite list-sessions\" or \"sign-in\"")
	alone      = flag.Bool("alone", false, "measure Latchkey without Better Auth")
	rowCount   = flag.Int("rows", 1_000_000, "how many sessions to compare 1,000 with, and to import")
	large      = flag.Bool("large", false, "measure with a long security log and a large import, too, which takes several minutes more")
	logEntries = flag.Int("log-entries", 10_000_000, "how many entries the long security log has")
)

// The kinds of databases.
const (
	postgresKind = "Postgres"
	sqliteKind   = "SQLite"
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	measure := run
	switch flag.Arg(0) {
	case "":
	case "ui":
		measure = runUI
	default:
		log.Fatalf("unknown benchmark %q; the only one with a name is ui", flag.Arg(0))
	}
	if err := measure(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if _, err := os.Stat(*binaryFile); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, products: []product{latchkey{}}}
	if !*alone {
		if err := b.addBetterAuth(); err != nil {
			return err
		}
	}
	// Tests turn these off for speed. A measurement must include their cost. With the last
	// one, no checkpoint begins in the middle of a line.
	cluster, err := storetest.StartCluster(
		"fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=128MB", "max_wal_size=8GB")
	if err != nil {
		return err
	}
	defer cluster.Close()
	if b.postgres, err = cluster.Version(); err != nil {
		return err
	}
	b.newDatabase = map[string]func() (database, error){
		sqliteKind:   func() (database, error) { return newSQLite(dir) },
		postgresKind: func() (database, error) { return newPostgres(dir, cluster) },
	}
	err = b.measure()
	b.print(os.Stdout) // also what was measured before a failure
	return err
}

// addBetterAuth adds Better Auth to the products if this machine can run it, and otherwise
// says why not.
func (b *bench) addBetterAuth() error {
	other, err := newBetterAuth(b.dir)
	switch {
	case errors.Is(err, errNoNode):
		b.note("Better Auth is not measured: %v", err)
		progress("Better Auth is not measured: %v", err)
		return nil
	case err != nil:
		return fmt.Errorf("%w\nTo measure Latchkey without Better Auth, use -alone", err)
	}
	if other.sqliteErr != nil {
		b.note("Better Auth is not measured on SQLite: %v", other.sqliteErr)
	}
	b.products = append(b.products, other)
	return nil
}

// measure measures all that -only selects.
func (b *bench) measure() error {
	kinds := []string{postgresKind, sqliteKind}
	for _, kind := range kinds {
		if err := b.table(kind); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		if wanted(kind + " start") {
			if err := b.start(kind); err != nil {
				return err
			}
		}
	}
	if wanted(postgresKind + " rows") {
		if err := b.rows(); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		if *large && wanted(kind+" import") {
			if err := b.importSessions(kind); err != nil {
				return err
			}
		}
	}
	if *large && wanted(postgresKind+" log") {
		return b.log()
	}
	return nil
}
