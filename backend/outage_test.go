package main

import (
	"context"
	"errors"
	"latchkey/backend/account"
	"latchkey/backend/mail"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutage tests that the log says once that an operation fails, and once that it works
// again.
func TestOutage(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, nil))
	var o outage
	for _, err := range []error{nil, errors.New("first"), errors.New("second"), nil, nil, errors.New("third")} {
		o.record(log, err, "it fails", "it works")
	}
	if said := text.String(); strings.Count(said, "it fails") != 2 || strings.Count(said, "it works") != 1 ||
		strings.Contains(said, "second") {
		t.Errorf("the log says:\n%s", said)
	}
}

// TestPause tests that pauses are the usual ones while an operation works, and that they
// grow up to the longest while it fails.
func TestPause(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	var o outage
	const usual = time.Second
	wantPause := func(longest time.Duration) {
		t.Helper()
		for range 100 {
			if got := o.pause(usual); got < longest/2 || got > longest {
				t.Fatalf("the pause is %v; want between %v and %v", got, longest/2, longest)
			}
		}
	}
	if got := o.pause(usual); got != usual {
		t.Errorf("the pause is %v; want %v", got, usual)
	}
	for _, longest := range []time.Duration{usual, 2 * usual, 4 * usual, maxPause, maxPause} {
		o.record(log, errors.New("it fails"), "", "")
		wantPause(longest)
	}
	for range 100 {
		o.record(log, errors.New("it fails"), "", "")
	}
	wantPause(maxPause)
	o.record(log, nil, "", "")
	if got := o.pause(usual); got != usual {
		t.Errorf("the pause is %v once it works again; want %v", got, usual)
	}
	o.record(log, errors.New("it fails"), "", "")
	if got := o.pause(time.Hour); got < time.Hour/2 {
		t.Errorf("the pause is %v; want an hour, more or less", got)
	}
}

// An emptyOutbox counts how often it is polled.
type emptyOutbox struct {
	account.Store
	mu                   sync.Mutex
	looks, looking, most int
	due                  time.Time // of the next email; zero if there is none
	err                  error
}

func (o *emptyOutbox) NextMail(context.Context) (time.Time, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.due, !o.due.IsZero(), o.err
}

// add adds an email that no server can lease before the time when it is due.
func (o *emptyOutbox) add(due time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = due
}

func (o *emptyOutbox) LeaseMail(context.Context, time.Time, time.Time) (mail.Mail, bool, error) {
	o.begin(1)
	time.Sleep(time.Millisecond)
	return mail.Mail{}, false, o.begin(-1)
}

// begin counts a poll that begins or, with -1, one that ends.
func (o *emptyOutbox) begin(n int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks += max(n, 0)
	o.looking += n
	o.most = max(o.most, o.looking)
	return o.err
}

// fail makes polls fail with err from now on, or succeed if err is nil.
func (o *emptyOutbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// in returns how often the outbox is polled within d.
func (o *emptyOutbox) in(d time.Duration) int {
	count := func() int {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.looks
	}
	before := count()
	time.Sleep(d)
	return count() - before
}

// TestIdleOutbox tests that an idle server polls the outbox every ten seconds, when the next
// email is due, and as soon as it has added one. While the database is unavailable, it polls
// at least every five seconds.
func TestIdleOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		log := slog.New(slog.NewTextHandler(&text, nil))
		box, changed := new(emptyOutbox), make(chan struct{})
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			(&outbox{accounts: &account.Service{Store: box, Now: account.Now}, changed: changed, log: log}).deliverAll(ctx)
			close(ended)
		}()
		idle := func() {
			t.Helper()
			if n := box.in(time.Minute); n < 5 || n > 7 {
				t.Errorf("%d looks in a minute; want one in ten seconds", n)
			}
		}
		idle()
		box.fail(errors.New("the database is away"))
		box.in(lookEvery) // until the server has noticed
		if n := box.in(time.Minute); n < 60/5 || n > 30 {
			t.Errorf("%d looks in a minute while the database is away; want one in some five seconds", n)
		}
		box.fail(nil)
		if n := box.in(maxPause + time.Second); n < 1 {
			t.Errorf("%d looks after the database is back", n)
		}
		box.in(lookEvery)
		idle()

		box.add(time.Now().Add(3 * time.Second))
		changed <- struct{}{}
		if n := box.in(2 * time.Second); n != 1 {
			t.Errorf("%d looks just after an email was added; want one", n)
		}
		if n := box.in(time.Second + minMailWait); n < 1 {
			t.Errorf("%d looks when the email is due", n)
		}
		if n := box.in(time.Second); n > int(time.Second/minMailWait) {
			t.Errorf("%d looks in the second after an email is due that another server has; want some", n)
		}
		box.add(time.Time{})
		box.in(lookEvery)
		idle()
		end()
		<-ended
		if box.most != 1 {
			t.Errorf("%d looks at once; want one", box.most)
		}
		if n := strings.Count(text.String(), "level="); n != 2 {
			t.Errorf("the log has %d lines; want one for the begin of the outage, one for its end:\n%s", n, text.String())
		}
	})
}
