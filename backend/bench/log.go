package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/audit"
	"latchkey/backend/keyring"
	"latchkey/shared"
)

// log measures Latchkey on Postgres with a short security log and with one of *logEntries
// entries: calls that append to it, and calls that read it.
func (b *bench) log() error {
	d, err := b.newDatabase[postgresKind]()
	if err != nil {
		return err
	}
	s := side{product: latchkey{}, database: d}
	if s.accounts, err = s.product.fill(d, *sessions, 10); err != nil {
		return err
	}
	if err := b.measureLog(s, "a short log"); err != nil {
		return err
	}
	progress("log: adding %d entries …", *logEntries)
	begin := time.Now()
	if err := fillLog(d, *logEntries, *sessions/10); err != nil {
		return err
	}
	b.note("log: added %d entries with a valid chain in %.0f s", *logEntries, time.Since(begin).Seconds())
	if err := b.measureLog(s, fmt.Sprintf("%d entries", *logEntries)); err != nil {
		return err
	}
	progress("log: verifying it …")
	begin = time.Now()
	out, err := exec.Command(*binaryFile, "verify-log", "-data", d.dir, "-database", d.url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("verify-log: %w\n%s", err, out)
	}
	b.note("log: verify-log took %.1f s and said: %s", time.Since(begin).Seconds(), strings.TrimSpace(string(out)))
	return d.drop()
}

func (b *bench) measureLog(s side, what string) (err error) {
	const clients = 16
	if s.server, err = startServer(s.product, s.database); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, o := range []struct {
		name    string
		prepare func(side, []account) ([]call, error)
	}{{"update-user", updateUser}, {"list-events", read(shared.ListEvents.Path)}} {
		progress("log: %s, %s …", o.name, what)
		calls, err := o.prepare(s, s.accounts)
		if err != nil {
			return err
		}
		l, err := s.measure(calls, plan{clients: clients, limit: lineTime()}, deferral)
		if err != nil {
			return err
		}
		b.note("log: %s with %d clients, %s: %.0f calls a second, p95 %s, CPU %s of the server and %s of the database",
			o.name, clients, what, l.result.perSecond(), milliseconds(l.result.percentile(95)), microseconds(l.server), microseconds(l.postgres))
	}
	return nil
}

// fillLog appends entries to the chain of a security log whose servers are stopped, and
// signs its end with their key.
func fillLog(d database, entries, users int) error {
	text, err := os.ReadFile(filepath.Join(d.dir, "keys"))
	if err != nil {
		return err
	}
	keys, err := keyring.Parse(string(text))
	if err != nil {
		return err
	}
	pool, err := d.open()
	if err != nil {
		return err
	}
	defer pool.Close()
	db := bun.NewDB(pool, pgdialect.New())
	ids, err := userIDs(db, users)
	if err != nil {
		return err
	}
	return db.RunInTx(context.Background(), nil, func(ctx context.Context, tx bun.Tx) error {
		var chain audit.EventChain
		if err := tx.NewSelect().Model(&chain).Where("n = 1").For("UPDATE").Scan(ctx); err != nil {
			return err
		}
		read, write := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := writeEntries(write, keys, &chain, entries, ids)
			write.CloseWithError(err)
			ended <- err
		}()
		if err := copyEntries(ctx, d, read); err != nil {
			read.CloseWithError(err)
			return err
		}
		if err := <-ended; err != nil {
			return err
		}
		_, err := tx.NewUpdate().Model(&chain).WherePK().Exec(ctx)
		return err
	})
}

func userIDs(db *bun.DB, n int) (ids []string, err error) {
	err = db.NewSelect().Table("users").Column("id").Limit(int64(n)).Scan(context.Background(), &ids)
	return ids, err
}

// copyEntries copies the lines of COPY's text format into the log.
func copyEntries(ctx context.Context, d database, lines io.Reader) error {
	pool, err := d.open()
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := bun.NewDB(pool, pgdialect.New()).Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = pgdriver.CopyFrom(ctx, conn, lines, "COPY events (seq, id, at, kind, actor_id, user_id, session_id, subject, detail, "+
		"ip, user_agent, previous, hash) FROM STDIN")
	return err
}

// writeEntries writes entries in COPY's text format, and sets the chain to its new end.
func writeEntries(w io.Writer, keys keyring.Keys, chain *audit.EventChain, entries int, users []string) (err error) {
	const batch = 10_000
	at := time.Now().UTC().Truncate(time.Millisecond)
	for made := 0; made < entries; {
		var events []audit.Event
		for range min(batch, entries-made) {
			user := users[made%len(users)]
			events = append(events, audit.Event{
				ID: rand.Text(), At: at, Kind: shared.EventSignIn, ActorID: user, UserID: user, SessionID: user, IP: ip, UserAgent: agent,
			})
			made++
		}
		if *chain, events, err = chain.Append(keys, events); err != nil {
			return err
		}
		var lines strings.Builder
		for _, e := range events {
			// No field needs to be escaped, except the backslash of BYTEA.
			fmt.Fprintf(&lines, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\\\\x%x\t\\\\x%x\n", e.Seq, e.ID, e.At.Format(time.RFC3339Nano),
				e.Kind, e.ActorID, e.UserID, e.SessionID, e.Subject, e.Detail, e.IP, e.UserAgent, e.Previous, e.Hash)
		}
		if _, err := io.WriteString(w, lines.String()); err != nil {
			return err
		}
	}
	return nil
}
