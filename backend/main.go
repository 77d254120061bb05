// Latchkey is self-hosted account security: one program that serves a JSON API
// which speaks Better Auth's wire protocol, and an installable app.
//
// Everything meets here and nowhere else: configuration, database, rules,
// HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

func main() {
	syscall.Umask(0o077) // what is written, such as SQLite's files, is its owner's alone
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	command, c, err := parse(args, getenv, out)
	if err != nil {
		return err
	}
	if command == "serve" {
		return serve(ctx, c, out)
	}
	db, keys, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	switch command {
	case "migrate":
		return nil // opening did it
	case "seed":
		return seed(ctx, db, c, out)
	case "permissions":
		return permissions(ctx, db, out)
	case "rotate-key":
		return rotateKey(ctx, c, db, out)
	}
	accounts, err := c.accounts(ctx, db, keys)
	if err != nil {
		return err
	}
	switch command {
	case "unlock":
		return unlock(ctx, accounts, c.args[0], out)
	case "recover":
		return breakGlass(ctx, c, accounts, c.args[0], out)
	case "verify-log":
		return verifyLog(ctx, accounts, out)
	default: // parse knows no other
		return grant(ctx, accounts, command == "grant", c.args)
	}
}

// accounts is the rules on a database, with the system keys as they are in it.
func (c config) accounts(ctx context.Context, db store.DB, keys keyring.Keys) (*account.Service, error) {
	s := &account.Service{
		Store: db, Hasher: passhash.New(passhash.OWASP, passhash.MaxWait), Keys: keys, Now: account.Now, Settings: c.settings, Unlimited: c.unlimited,
		RelyingParty: webauthn.RelyingParty{
			ID: c.rpID, Origins: c.passkeyOrigins(), Related: c.relatedOrigins,
		},
	}
	_, err := s.LoadSettings(ctx)
	return s, err
}

const (
	// drain is how long requests that are under way may take once the program
	// is told to end.
	drain = 10 * time.Second
	// sweepEvery is often enough to keep the tables small; nothing waits for it.
	sweepEvery = 10 * time.Minute
)

// serve answers requests until ctx ends. The port is open at once, so that
// a supervisor can tell that the server lives while it waits for its database.
func serve(ctx context.Context, c config, out io.Writer) error {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return err
	}
	gate := server.NewGate(c.origin)
	srv := httpServer(gate, c.log)
	defer srv.Close()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()

	db, keys, err := c.open(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer db.Close()
	posted, err := start(ctx, c, db, keys, gate, out)
	if err != nil {
		return unlessEnded(ctx, err)
	}

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	c.log.Info("ending: requests that are under way are still answered")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		c.log.Warn("some requests were not answered in time", "err", err)
		return srv.Close()
	}
	select {
	case <-posted:
	case <-ctx.Done(): // what is on its way is sent again, as the same mail
	}
	return nil
}

// unlessEnded returns an error unless the program was told to end, which is why
// the rest of its start has failed.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// start opens the gate to the server, and starts what runs beside it until ctx
// ends. posted is closed once no mail is being handed on any more.
func start(ctx context.Context, c config, db store.DB, keys keyring.Keys, gate *server.Gate, out io.Writer) (posted chan struct{}, err error) {
	accounts, err := c.accounts(ctx, db, keys)
	if err != nil {
		return nil, err
	}
	if err := accounts.NoteEnvironment(ctx); err != nil {
		return nil, err
	}
	if host := c.origin.Hostname(); len(c.relatedOrigins) > 0 && c.rpID != host {
		c.log.Warn("browsers look for the related origins at the domain of the passkeys: have that site answer there what this one does",
			"at", "https://"+c.rpID+"/.well-known/webauthn", "this", c.origin.String()+"/.well-known/webauthn")
	}
	if c.unlimited {
		c.log.Warn("limits on tries are off: this is for measuring, not for use")
	}

	mails := newCarrier(c)
	handler := server.New(server.Config{
		Accounts: accounts, Ready: db.Ready, DeliverMail: mails.handOn, Log: c.log, Origin: c.origin, TrustedOrigins: c.trustedOrigins,
		TrustedProxies: c.trustedProxies, CookiePrefix: c.cookiePrefix, App: pwa(),
	})
	gate.Open(handler) // first, so that who reads where the server is gets an answer there
	fmt.Fprintf(out, "Latchkey is at %s\n", c.origin)
	if err := invite(ctx, c, accounts, out); err != nil {
		return nil, err
	}
	go sweep(ctx, c, db, accounts)
	go follow(ctx, c, accounts)
	posted = make(chan struct{})
	go func() {
		defer close(posted)
		post(ctx, mails, accounts)
	}()
	return posted, nil
}

// httpServer returns a server whose connections end if a client is slow: one that
// sends a byte at a time takes nothing from others.
func httpServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// invite prints the link that makes the first administrator, while there is
// none.
func invite(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	token, err := accounts.InviteFirstAdmin(ctx)
	if err == nil && token != "" {
		fmt.Fprintf(out, "There is no administrator yet. This link makes the first one, once, within a day:\n\n  %s%s?invite=%s\n\n", c.origin, shared.PageSignUp, string(token))
	}
	return err
}

// lookEvery is how often the database is asked whether a system key has changed:
// it is to be known everywhere within a second. Postgres could notify, but through
// a pooler that reaches other clients than the one that listens.
const lookEvery = 700 * time.Millisecond

// follow keeps the system keys as they are in the database until ctx ends.
func follow(ctx context.Context, c config, accounts *account.Service) {
	var settings outage
	for {
		if err := accounts.RefreshSettings(ctx); ctx.Err() == nil {
			settings.note(c.log, err, "the system keys may be out of date", "the system keys are up to date again")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// sweep deletes what has expired until ctx ends.
func sweep(ctx context.Context, c config, db store.DB, accounts *account.Service) {
	for {
		err := errors.Join(db.Sweep(ctx, account.Now()), accounts.CutEvents(ctx))
		if err != nil && ctx.Err() == nil {
			c.log.Warn("expired rows were not deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
	}
}
