package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/setting"
	"latchkey/backend/store"
)

// A settingsStore counts how often its settings are read.
type settingsStore struct {
	account.Store
	reads atomic.Int64
}

func (s *settingsStore) SettingsVersion(context.Context) (int64, error) {
	s.reads.Add(1)
	return 0, nil
}

// in returns how often the settings are read within d.
func (s *settingsStore) in(d time.Duration) int {
	before := s.reads.Load()
	time.Sleep(d)
	return int(s.reads.Load() - before)
}

// A notifier is the database's side of a listener, which a test controls.
type notifier struct {
	accept atomic.Bool   // whether the next connection succeeds
	notify chan struct{} // a value is a notification
	lose   chan struct{} // a value ends the connection
}

func (n *notifier) listen(ctx context.Context, changed func()) error {
	if !n.accept.Load() {
		return errors.New("the database is away")
	}
	changed()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.lose:
			return errors.New("the connection is lost")
		case <-n.notify:
			changed()
		}
	}
}

// watch watches the settings of a store until the test calls end, which returns the log.
func watch(t *testing.T, s account.Store, listen func(context.Context, func()) error) (end func() (log string)) {
	t.Helper()
	settings, err := setting.NewCache(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watchSettings(ctx, slog.New(slog.NewTextHandler(&text, nil)), &account.Service{Store: s, Settings: settings}, listen)
	}()
	return func() string {
		cancel()
		<-ended
		return text.String()
	}
}

// TestWatchSettings tests that a server that the database notifies reads the settings after
// each change and every ten seconds, and that it polls while the connection is lost.
func TestWatchSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := new(settingsStore)
		n := &notifier{notify: make(chan struct{}), lose: make(chan struct{})}
		n.accept.Store(true)
		end := watch(t, db, n.listen)
		want := func(what string, d time.Duration, least, most int) {
			t.Helper()
			if n := db.in(d); n < least || n > most {
				t.Errorf("%s: %d reads in %v; want %d to %d", what, n, d, least, most)
			}
		}
		want("at the start", time.Second, 1, 2)
		want("while nothing happens", time.Minute, 5, 6)
		n.notify <- struct{}{}
		want("after a notification", 10*time.Millisecond, 1, 1)
		want("while nothing happens then", time.Minute, 5, 6)

		n.accept.Store(false)
		n.lose <- struct{}{}
		want("when the connection is lost", 10*time.Millisecond, 1, 1)
		want("while the connection is lost", time.Minute, 80, 180)
		n.accept.Store(true)
		want("until it is back", maxPause+time.Second, 1, 20)
		want("after it is back", time.Minute, 5, 6)
		if log := end(); strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 {
			t.Errorf("the log should have one line for the loss, and one for its end:\n%s", log)
		}
	})
}

// TestPollSettings tests that a server whose database cannot notify it polls for settings,
// and does not log that.
func TestPollSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := new(settingsStore)
		end := watch(t, db, func(context.Context, func()) error { return store.ErrCannotListen })
		if n := db.in(time.Minute); n < 60 {
			t.Errorf("%d reads in a minute; want more than one a second", n)
		}
		if log := end(); log != "" {
			t.Errorf("the log is %s; want nothing", log)
		}
	})
}
