package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store"
)

// settingsEvery is how often a server polls the database for changed settings while the
// database does not notify it: a change must reach every server within a second.
const settingsEvery = 700 * time.Millisecond

// watchSettings keeps the settings up to date until ctx is done. It polls the database:
// every lookEvery while listen calls its function after each change, and every
// settingsEvery otherwise.
func watchSettings(
	ctx context.Context, log *slog.Logger, accounts *account.Service, listen func(ctx context.Context, changed func()) error,
) {
	w := settingsWatch{log: log, listen: listen, changed: make(chan struct{}, 1)}
	var listener sync.WaitGroup
	listener.Go(func() { w.listenAll(ctx) })
	defer listener.Wait()
	var settings outage
	for ctx.Err() == nil {
		if err := accounts.RefreshSettings(ctx); ctx.Err() == nil {
			settings.record(log, err, "cannot read the settings, which may be out of date", "the settings are up to date again")
		}
		every := settingsEvery
		if w.listening.Load() {
			every = lookEvery
		}
		select {
		case <-ctx.Done():
		case <-w.changed:
		case <-time.After(settings.pause(every)):
		}
	}
}

// A settingsWatch waits for notifications of changed settings.
type settingsWatch struct {
	log       *slog.Logger
	listen    func(ctx context.Context, changed func()) error
	listening atomic.Bool   // whether each change is notified
	changed   chan struct{} // receives a value if a setting or listening may have changed
}

// listenAll listens for changed settings until ctx is done. It tries again when the
// connection is lost.
func (w *settingsWatch) listenAll(ctx context.Context) {
	var connection outage
	for ctx.Err() == nil {
		err := w.listen(ctx, func() {
			connection.record(w.log, nil, "", "the database notifies this server of changed settings again")
			w.set(true)
		})
		w.set(false)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, store.ErrCannotListen):
			return // a database stays what it is
		default:
			connection.record(w.log, err, "the database no longer notifies this server of changed settings: polling for them", "")
			sleep(ctx, connection.pause(settingsEvery))
		}
	}
}

// set sets whether each change is notified, and makes the watch read the settings.
func (w *settingsWatch) set(listening bool) {
	w.listening.Store(listening)
	select {
	case w.changed <- struct{}{}:
	default: // the watch has not taken the previous value yet
	}
}
