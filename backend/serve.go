package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/server"
	"latchkey/backend/store"
	"latchkey/shared"
)

const (
	// shutdownTimeout is how long requests that are under way may take once the program is told to
	// end.
	shutdownTimeout = 10 * time.Second
	// deleteEvery is often enough to keep the tables small; nothing waits for it.
	deleteEvery = 10 * time.Minute
	// settingsEvery is how often the database is asked whether a setting has changed: every
	// server must have it within a second. Postgres could notify, but through a pooler that
	// reaches other clients than the one that listens.
	settingsEvery = 700 * time.Millisecond
)

// serve answers requests until ctx ends. The port is open at once, so that a supervisor
// can tell that the server lives while it waits for its database.
func serve(ctx context.Context, c config, out io.Writer) error {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return err
	}
	c.log.Info("starting", "version", version())
	gate := server.NewGate(c.origin)
	srv := httpServer(gate, c.log)
	tasks, ctx := errgroup.WithContext(ctx) // ctx ends when one fails, too
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

// serveDatabase opens the database and then the gate, and shuts srv down when ctx ends.
func serveDatabase(ctx context.Context, c config, srv *http.Server, gate *server.Gate, out io.Writer) error {
	db, keys, err := c.open(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer db.Close()
	background, err := start(ctx, c, db, keys, gate, out)
	if err != nil {
		return unlessEnded(ctx, err)
	}

	<-ctx.Done()
	c.log.Info("ending: requests that are under way are still answered")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		c.log.Warn("some requests were not answered in time", "err", err)
		return srv.Close()
	}
	ended := make(chan struct{})
	go func() {
		background.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done(): // emails that are under way are sent again, as the same
	}
	return nil
}

// unlessEnded returns an error unless the program was told to end, which is why the rest
// of its start has failed.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// start opens the gate to the server, and starts what runs in the background until ctx
// ends.
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
		c.log.Warn("browsers look for the related origins at the domain of the passkeys: have that site answer there what this one does",
			"at", "https://"+c.rpID+"/.well-known/webauthn", "this", c.origin.String()+"/.well-known/webauthn")
	}
	if c.unlimited {
		c.log.Warn("limits on tries are off: this is for measuring, not for use")
	}

	mails := newMailer(c)
	handler := server.New(server.Config{
		Accounts: accounts, Ready: db.Ready, DeliverMail: mails.Deliver, Log: c.log, Origin: c.origin, TrustedOrigins: c.trustedOrigins,
		TrustedProxies: c.trustedProxies, CookiePrefix: c.cookiePrefix, App: pwa(), Version: version(),
	})
	welcome, err := invite(ctx, c, accounts)
	if err != nil {
		return nil, err // before the gate is open: a server that is ready does not end for want of a link
	}
	gate.Open(handler) // before the next line, which tells scripts that the server answers
	fmt.Fprintf(out, "Latchkey is at %s\n%s", c.origin, welcome)
	background = new(sync.WaitGroup)
	background.Go(func() { deleteExpired(ctx, c, db, accounts) })
	background.Go(func() { watchSettings(ctx, c, accounts) })
	background.Go(func() { (&outbox{accounts: accounts, deliver: mails.Deliver, log: c.log}).deliverAll(ctx) })
	return background, nil
}

// httpServer returns a server whose connections end if a client is slow, so that one which
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

// invite returns the link that makes the first administrator, with a sentence for the
// operator. It is empty once there is an administrator.
func invite(ctx context.Context, c config, accounts *account.Service) (welcome string, err error) {
	token, err := accounts.InviteFirstAdmin(ctx)
	if err != nil || token == "" {
		return "", err
	}
	return fmt.Sprintf("There is no administrator yet. This link makes the first one, once, within a day:\n\n  %s%s?invite=%s\n\n",
		c.origin, shared.PageSignUp, string(token)), nil
}

// watchSettings keeps the settings as they are in the database until ctx ends.
func watchSettings(ctx context.Context, c config, accounts *account.Service) {
	var settings outage
	for ctx.Err() == nil {
		if err := accounts.RefreshSettings(ctx); ctx.Err() == nil {
			settings.record(c.log, err, "the system keys may be out of date", "the system keys are up to date again")
		}
		sleep(ctx, settings.pause(settingsEvery))
	}
}

// deleteExpired deletes what has expired until ctx ends.
func deleteExpired(ctx context.Context, c config, db store.DB, accounts *account.Service) {
	for ctx.Err() == nil {
		err := errors.Join(db.DeleteExpired(ctx, account.Now()), accounts.DeleteOldEvents(ctx))
		if err != nil && ctx.Err() == nil {
			c.log.Warn("expired rows were not deleted", "err", err)
		}
		sleep(ctx, deleteEvery)
	}
}
