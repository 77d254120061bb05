package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/keyring"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/shared"
)

const (
	// shutdownTimeout is how long requests in progress may take after a signal to stop.
	shutdownTimeout = 10 * time.Second
	// deleteEvery is how often expired rows are deleted: often enough to keep the tables
	// small. Nothing waits for it.
	deleteEvery = 10 * time.Minute
	// linkEvery is how long an event of the security log waits until it is linked to the
	// chain. An attacker who can write to the database can delete it unnoticed until then.
	// Each link costs a transaction.
	linkEvery = 200 * time.Millisecond
	// lookEvery is how often a server looks for work that another one left undone. An idle
	// server must not load the database.
	lookEvery = 10 * time.Second
)

// serve answers requests until ctx is done. It opens the port at once, so that a
// supervisor sees that the server is alive while it waits for its database.
func serve(ctx context.Context, c config, out io.Writer) error {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return err
	}
	c.log.Info("starting", "version", version())
	gate := server.NewGate(c.origin)
	srv := httpServer(gate, c.log)
	tasks, ctx := errgroup.WithContext(ctx) // a task that fails ends the other, too
	tasks.Go(func() error {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	tasks.Go(func() error {
		defer srv.Close()
		return serveDatabase(ctx, c, srv, gate, out)
	})
	return tasks.Wait()
}

// serveDatabase opens the database and then the gate, and shuts srv down when ctx is done.
func serveDatabase(ctx context.Context, c config, srv *http.Server, gate *server.Gate, out io.Writer) error {
	db, keys, err := c.open(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer db.Close() // writes when sessions were last used
	background, err := start(ctx, c, db, keys, gate, out)
	if err != nil {
		return unlessEnded(ctx, err)
	}

	<-ctx.Done()
	c.log.Info("shutting down: finishing requests in progress")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		c.log.Warn("shutdown timed out: closing connections with unfinished requests", "err", err)
		return srv.Close()
	}
	ended := make(chan struct{})
	go func() {
		background.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done(): // emails in progress are sent again later, under the same IDs
	}
	if err := linkError(db.LinkEvents(ctx, keys, account.Now())); err != nil { // those of the last requests
		c.log.Warn("cannot link entries of the security log: the next start links them", "err", err)
	}
	return nil
}

// unlessEnded returns err, or nil if ctx is done: the start failed then only because the
// program was told to stop.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// start opens the gate to the server, and starts the tasks that run in the background
// until ctx is done.
func start(
	ctx context.Context, c config, db store.DB, keys keyring.Keys, gate *server.Gate, out io.Writer,
) (background *sync.WaitGroup, err error) {
	accounts, err := c.accounts(ctx, db, keys)
	if err != nil {
		return nil, err
	}
	if err := accounts.RecordEnvironment(ctx); err != nil {
		return nil, err
	}
	if host := c.origin.Hostname(); len(c.relatedOrigins) > 0 && c.rpID != host {
		c.log.Warn("browsers fetch the list of related origins from the domain of the passkeys: serve this server's list there, too",
			"at", "https://"+c.rpID+"/.well-known/webauthn", "source", c.origin.String()+"/.well-known/webauthn")
	}
	if c.unlimited {
		c.log.Warn("rate limits are off: use this for benchmarks only")
	}
	answerWhileHashing()

	mails := newMailer(c)
	handler := server.New(server.Config{
		Accounts: accounts, Ready: db.Ready, DeliverMail: mails.Deliver, Log: c.log, Origin: c.origin, TrustedOrigins: c.trustedOrigins,
		TrustedProxies: c.trustedProxies, CookiePrefix: c.cookiePrefix, App: pwa(), Version: version(),
	})
	welcome, err := invite(ctx, c, accounts)
	if err != nil {
		return nil, err // before the gate opens: a ready server must not exit for lack of a link
	}
	gate.Open(handler) // before the next line, from which scripts learn that the server is ready
	fmt.Fprintf(out, "Latchkey is at %s\n%s", c.origin, welcome)
	background = new(sync.WaitGroup)
	background.Go(func() { deleteExpired(ctx, c, db, accounts) })
	background.Go(func() { watchSettings(ctx, c.log, accounts, db.ListenSettings) })
	background.Go(func() { linkEvents(ctx, c, db, accounts) })
	waiting := &outbox{accounts: accounts, changed: db.MailChanged(), deliver: mails.Deliver, log: c.log}
	background.Go(func() { waiting.deliverAll(ctx) })
	return background, nil
}

// answerWhileHashing has Go run half as many threads again. There is a slot to hash passwords for each
// processor, and Go takes a processor from a hash after 10 ms only. So while many users sign in, each
// step of another answer would wait for that. The kernel lets a thread that has waited go first. With
// twice as many threads, a tenth fewer users sign in a second. "make bench" measures it as fair. The
// slots must exist already, because their number is that of the threads. A number that the operator
// sets stays.
func answerWhileHashing() {
	if n := runtime.GOMAXPROCS(0); os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n + (n+1)/2)
	}
}

// httpServer returns a server that closes the connections of slow clients, so that a client
// that sends a byte at a time does not hold up others.
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

// invite returns a text for the operator with the sign-up link for the first
// administrator. It returns "" if there is an administrator.
func invite(ctx context.Context, c config, accounts *account.Service) (welcome string, err error) {
	token, err := accounts.InviteFirstAdmin(ctx)
	if err != nil || token == "" {
		return "", err
	}
	return fmt.Sprintf("There is no administrator yet. To create the first one, open this link within 24 hours. It works once:\n\n"+
		"  %s%s?invite=%s\n\n",
		c.origin, shared.PageSignUp, string(token)), nil
}

// linkEvents links the events of the security log to its chain until ctx is done: those that
// this server adds within linkEvery, and those that a stopped server left within
// lookEvery.
func linkEvents(ctx context.Context, c config, db store.DB, accounts *account.Service) {
	var links outage
	for ctx.Err() == nil {
		if err := linkAll(ctx, accounts); ctx.Err() == nil {
			links.record(c.log, err, "cannot link entries of the security log", "the entries of the security log are linked again")
		}
		select {
		case <-ctx.Done():
		case <-db.EventsAdded():
			sleep(ctx, links.pause(linkEvery))
		case <-time.After(links.pause(lookEvery)):
		}
	}
}

// errForged means that the database has entries that no server with these keys wrote. They
// may be an attacker's, or those of a server that has a newer key.
var errForged = errors.New("entries were not written by a server with this key file")

// linkAll links all events of the security log to its chain. It fails with [errForged] if it
// had to leave some out.
func linkAll(ctx context.Context, accounts *account.Service) error {
	return linkError(accounts.LinkEvents(ctx))
}

// linkError returns the error of linking for the operator: it says what to do.
func linkError(forged int, err error) error {
	switch {
	case errors.Is(err, audit.ErrChain):
		err = fmt.Errorf("%w, or this server lacks its newest key: if the keys were rotated, restart with the current key file", err)
	case err == nil && forged > 0:
		err = fmt.Errorf("%d %w: run latchkey verify-log", forged, errForged)
	}
	return err
}

// deleteExpired deletes expired rows and old events until ctx is done.
func deleteExpired(ctx context.Context, c config, db store.DB, accounts *account.Service) {
	var deletions outage
	for ctx.Err() == nil {
		err := errors.Join(db.DeleteExpired(ctx, account.Now()), accounts.DeleteOldEvents(ctx))
		if ctx.Err() == nil {
			deletions.record(c.log, err, "cannot delete expired rows", "expired rows are deleted again")
		}
		sleep(ctx, deletions.pause(deleteEvery))
	}
}
