package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/mail/mailer"
)

const (
	// mailRetry is how soon the outbox is polled again after the first failure to read it.
	mailRetry = time.Second
	// minMailWait is the shortest time between two polls that find no email. Another server
	// may lease an email just before it is due.
	minMailWait = 20 * time.Millisecond
	// mailWorkers is how many emails are delivered at once: more than one, so that a slow
	// delivery does not delay the others, and few, because providers limit the rate.
	mailWorkers = 4
)

func newMailer(c config) *mailer.Mailer {
	return mailer.New(mailer.Config{
		Settings: func() mailer.Settings {
			set := c.settings.Now()
			return mailer.Settings{Name: set.AppName, Sender: set.MailFrom, SMTP: set.SMTPURL, APIKey: set.MailAPIKey}
		},
		Host: c.origin.Hostname(), API: c.resendURL, Folder: c.mailDir, Log: c.log,
	})
}

// An outbox delivers the emails that wait in the database.
type outbox struct {
	accounts *account.Service
	changed  <-chan struct{} // receives a value after this server has added or rescheduled emails
	deliver  func(context.Context, mail.Mail) error
	log      *slog.Logger
	outage   outage
}

// deliverAll delivers waiting emails until ctx is done, and then finishes the deliveries
// in progress.
//
// One worker at a time polls the outbox, and waits there while no email is due. As soon as
// it has found an email, the next worker polls, so that all workers deliver at once while
// emails wait.
func (o *outbox) deliverAll(ctx context.Context) {
	looking := make(chan struct{}, 1) // has a value while a worker polls
	var workers sync.WaitGroup
	for range mailWorkers {
		workers.Go(func() {
			for ctx.Err() == nil {
				select {
				case looking <- struct{}{}:
				case <-ctx.Done():
					return
				}
				letNext := sync.OnceFunc(func() { <-looking })
				if found, err := o.deliverNext(context.WithoutCancel(ctx), letNext); !found {
					o.wait(ctx, err)
				}
				letNext()
			}
		})
	}
	workers.Wait()
}

// wait waits until the next email is due, or until this server has added one. It waits for
// at most lookEvery, because other processes add emails, too. After a failure to read the
// outbox, err, it waits until the next try.
func (o *outbox) wait(ctx context.Context, err error) {
	pause := lookEvery
	if err == nil {
		var until time.Duration
		var any bool
		if until, any, err = o.accounts.UntilMail(context.WithoutCancel(ctx)); any {
			pause = min(max(until, minMailWait), lookEvery)
		}
		o.record(err)
	}
	if err != nil {
		pause = o.outage.pause(mailRetry)
	}
	select {
	case <-ctx.Done():
	case <-o.changed:
	case <-time.After(pause):
	}
}

// record records the result of an attempt to read the outbox.
func (o *outbox) record(err error) {
	o.outage.record(o.log, err, "the outbox cannot be read", "the outbox can be read again")
}

// deliverNext delivers the next waiting email, and reports whether there was one. It calls
// found just before the delivery. It returns an error only if it cannot read the outbox.
func (o *outbox) deliverNext(ctx context.Context, found func()) (exists bool, unread error) {
	var subject string
	exists, err := o.accounts.DeliverMail(ctx, func(m mail.Mail) error {
		found()
		subject = m.Subject
		return o.deliver(ctx, m)
	})
	if !exists {
		unread = err
	}
	o.record(unread)
	switch {
	case unread != nil:
	case errors.Is(err, account.ErrMailDiscarded):
		o.log.Error("email discarded", "subject", subject, "err", err)
	case err != nil:
		o.log.Warn("email not delivered, will retry", "subject", subject, "err", err)
	}
	return exists, unread
}
