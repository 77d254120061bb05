// Bench measures the built program and prints a table:
//
//	go run ./backend/bench [-seconds N] [-sessions N] [-only WORDS]   the API, on SQLite and on Postgres
//	go run ./backend/bench ui                                         the pages, in Chromium
//
// Each client of the API is a closed loop: it sends the next request when it has the
// answer to the last. Clients, server and database share the machine, so compare the
// numbers only with others from the same machine. Percentiles are computed from all
// requests, not estimated.
package main

import (
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/store/storetest"
)

var (
	binary   = flag.String("binary", "bin/latchkey", "the program to measure")
	seconds  = flag.Int("seconds", 3, "how many seconds to measure each line of the table")
	sessions = flag.Int("sessions", 20_000, "how many sessions to fill each database with")
	only     = flag.String("only", "", "measure only the lines that contain this text, such as \"Postgres list-sessions\"")
)

// clients has the numbers of concurrent clients with which a job is measured.
var clients = []int{1, 16}

// A job is one kind of request.
type job struct {
	name    string
	perUser int // sessions that each user of the database has
	request func(*server, account) []byte
	of      int // accounts to use: enough to defeat any cache, few enough for the warm-up
	clients []int
}

var jobs = []job{
	{"get-session", 10, getSession, 1000, clients},
	{"list-sessions of 1", 1, listSessions, 1000, clients},
	{"list-sessions of 10", 10, listSessions, 1000, clients},
	{"list-sessions of 100", 100, listSessions, 1000, clients},
	{"update-user", 10, updateUser, 1000, clients},
	{"sign-in", 10, signIn, 100, clients},
	{"two-factor/enable", 10, enableTwoFactor, 100, []int{1, 16}},
}

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
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	info, err := os.Stat(*binary)
	if err != nil {
		return err
	}
	start, err := startTimes(dir)
	if err != nil {
		return err
	}

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tclients\treq/s\tp50\tp99\tCPU\tidle\tloaded\t")
	if err := measure(w, "SQLite", dir, func(name string) (string, error) {
		return "sqlite:" + filepath.Join(dir, name+".db"), nil
	}); err != nil {
		return err
	}
	// Tests turn these off for speed. A measurement must include their cost.
	cluster, err := storetest.StartCluster("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=128MB")
	if err != nil {
		return err
	}
	defer cluster.Close()
	if err := measure(w, "Postgres", dir, func(string) (string, error) {
		return cluster.NewDatabase()
	}); err != nil {
		return err
	}
	w.Flush()

	fmt.Printf("\n%d cores, %s %s/%s, %d sessions, %d s per line. "+
		"CPU: the server's CPU time per request. Idle, loaded: the server's resident memory\n\n",
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, *sessions, *seconds)
	fmt.Println(table.String())
	fmt.Println(start)
	fmt.Printf("binary: %.1f MB\n", float64(info.Size())/1e6)
	return nil
}

// measure writes the lines for one kind of database. Each job gets a new database.
func measure(w *tabwriter.Writer, kind, dir string, newDatabase func(name string) (url string, err error)) error {
	for _, j := range jobs {
		name := kind + " " + j.name
		if !strings.Contains(name, *only) {
			continue
		}
		fmt.Printf("%s: filling a database with %d sessions …\n", name, *sessions)
		url, err := newDatabase(name)
		if err != nil {
			return err
		}
		if err := j.measure(w, name, filepath.Join(dir, name), url); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (j job) measure(w *tabwriter.Writer, name, data, url string) error {
	accounts, err := seed(data, url, *sessions, j.perUser)
	if err != nil {
		return err
	}
	if strings.HasPrefix(url, "postgres:") {
		if err := vacuum(url); err != nil {
			return err
		}
	}
	s, err := startServer(data, "-database", url)
	if err != nil {
		return err
	}
	defer s.stop()
	idle := s.memory()

	var requests [][]byte
	for _, a := range accounts[:min(j.of, len(accounts))] {
		requests = append(requests, j.request(s, a))
	}
	// The server records the activity of a session once a minute. Sending every request
	// once beforehand keeps that write out of nearly all measured requests.
	if _, err := load(s.address, requests, 4, len(requests), time.Minute); err != nil {
		return err
	}
	for _, n := range j.clients {
		fmt.Printf("%s: %d clients …\n", name, n)
		before := s.cpu()
		r, err := load(s.address, requests, n, 0, time.Duration(*seconds)*time.Second)
		if err != nil {
			return err
		}
		cpu := (s.cpu() - before) / time.Duration(len(r.took))
		fmt.Fprintf(w, "%-30s\t%d\t%.0f\t%s\t%s\t%d µs\t%s\t%s\t\n", name, n, r.perSecond(),
			milliseconds(r.percentile(50)), milliseconds(r.percentile(99)), cpu.Microseconds(), idle, s.memory())
	}
	return s.stop()
}

// vacuum runs VACUUM ANALYZE, as Postgres itself does a minute after a table is filled.
// Until then, Postgres plans queries without statistics.
func vacuum(url string) error {
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	defer db.Close()
	_, err := db.Exec("VACUUM ANALYZE")
	return err
}

// startTimes says how long the program takes from its start to its first 200. The time is
// the median of a few starts.
func startTimes(dir string) (string, error) {
	const starts = 9
	fmt.Println("Starting the program a few times …")
	var empty, migrated []time.Duration
	for i := range starts {
		data := filepath.Join(dir, fmt.Sprint("start", i))
		for _, times := range []*[]time.Duration{&empty, &migrated} {
			s, err := startServer(data)
			if err != nil {
				return "", err
			}
			*times = append(*times, s.startedIn)
			if err := s.stop(); err != nil {
				return "", err
			}
		}
	}
	slices.Sort(empty)
	slices.Sort(migrated)
	return fmt.Sprintf("time from start to the first 200, on SQLite: %s with an empty database, %s with a migrated one",
		milliseconds(empty[starts/2]), milliseconds(migrated[starts/2])), nil
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1e3)
}
