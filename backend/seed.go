package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store"
)

// seedPassword is the password of every user that seed creates.
const seedPassword = "measure twice, cut once"

const (
	seedBatch = 500    // sessions in a transaction; a larger batch is not faster
	seedLines = 20_000 // the most lines in the cookies file
)

// seed fills an empty database with users and sessions for benchmarks.
func seed(ctx context.Context, c config, db store.DB, out io.Writer) error {
	if any, err := db.AnyUser(ctx); err != nil {
		return err
	} else if any {
		return errors.New("the database is not empty: seed fills only a database without accounts")
	}
	if c.sessions < 1 || c.perUser < 1 {
		return errors.New("-sessions and -per-user must be at least 1")
	}
	hash, err := passhash.New(passhash.OWASP, passhash.MaxWait).Hash(ctx, seedPassword)
	if err != nil {
		return err
	}

	var lines []string // a uniform sample: the nth session enters it with probability seedLines/n
	keep := func(n int, line string) error {
		if len(lines) < seedLines {
			lines = append(lines, line)
			return nil
		}
		i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err == nil && i.Int64() < seedLines {
			lines[i.Int64()] = line
		}
		return err
	}
	now := account.Now()
	cookies := server.Config{CookiePrefix: c.cookiePrefix, Origin: c.origin}
	var users []account.User
	var passwords []account.Password
	var sessions []account.Session
	for made := 0; made < c.sessions; {
		n := min(c.perUser, c.sessions-made)
		id := rand.Text()
		u := account.User{
			ID:        id,
			Email:     fmt.Sprintf("user%d@example.test", made/c.perUser),
			Name:      "Seeded",
			Handle:    []byte(id),
			CreatedAt: now,
			UpdatedAt: now,
		}
		users = append(users, u)
		passwords = append(passwords, account.Password{UserID: id, Hash: hash, ChangedAt: now})
		for i := range n { // the first read of each session writes when it was last used
			token := account.NewToken()
			sessions = append(sessions, account.Session{
				ID: rand.Text(), UserID: id, TokenHash: token.Hash(), CreatedAt: now, LastActiveAt: now.Add(-time.Duration(i+1) * time.Minute),
				ExpiresAt: now.Add(setting.SessionIdle), ConfirmedAt: now, Method: account.MethodPassword, IP: "127.0.0.1",
				UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", Remember: true,
			})
			made++
			if err := keep(made, fmt.Sprintf("%s\t%d\t%s", u.Email, n, cookies.CookieHeader(token))); err != nil {
				return err
			}
		}
		if len(sessions) >= seedBatch || made == c.sessions {
			if err := db.Seed(ctx, users, passwords, sessions); err != nil {
				return err
			}
			users, passwords, sessions = nil, nil, nil
		}
	}
	fmt.Fprintf(out, "Created %d sessions, %d per user. Every password is %q.\n", c.sessions, c.perUser, seedPassword)
	if c.cookiesFile == "" {
		return nil
	}
	return writeShuffled(c.cookiesFile, lines)
}

func writeShuffled(name string, lines []string) error {
	for i := len(lines) - 1; i > 0; i-- {
		j, err := rand.Int(rand.Reader, big.NewInt(int64(i+1)))
		if err != nil {
			return err
		}
		lines[i], lines[j.Int64()] = lines[j.Int64()], lines[i]
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	return errors.Join(w.Flush(), f.Close())
}
