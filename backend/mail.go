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
	// mailEvery is how often an idle server polls the outbox.
	mailEvery = time.Second
	// mailWorkers is how many emails are delivered at once: more than one, so that a slow
	// delivery does not delay the others, and few, because providers limit the rate.
	mailWorkers = 4
)

func newMailer(c config) *mailer.Mailer {
	return mailer.New(mailer.Config{
		Settings: func() mailer.Settings {
			set := c.settings.Now()
			return mailer.Settings{Name: set.AppName, Sender: set.MailFrom, APIKey: set.MailAPIKey}
		},
		Host: c.origin.Hostname(), API: c.resendURL, Folder: c.mailDir, Log: c.log,
	})
}

// An outbox delivers the emails that wait in the database.
type outbox struct {
	accounts *account.Service
	deliver  func(context.Context, mail.Mail) error
	log      *slog.Logger
	outage   outage
}

// deliverAll delivers waiting emails until ctx is done, and then finishes the deliveries
// in progress.
//
// One worker at a time polls the outbox, so that an idle server queries the database once
// a second. As soon as it has found an email, the next worker polls, so that all workers
// deliver at once while emails wait.
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
				if !o.deliverNext(context.WithoutCancel(ctx), letNext) {
					sleep(ctx, o.outage.pause(mailEvery))
				}
				letNext()
			}
		})
	}
	workers.Wait()
}

// deliverNext delivers the next waiting email, and reports whether there was one. It calls
// found just before the delivery.
func (o *outbox) deliverNext(ctx context.Context, found func()) bool {
	var subject string
	exists, err := o.accounts.DeliverMail(ctx, func(m mail.Mail) error {
		found()
		subject = m.Subject
		return o.deliver(ctx, m)
	})
	var unread error
	if !exists {
		unread = err
	}
	o.outage.record(o.log, unread, "the outbox cannot be read", "the outbox can be read again")
	switch {
	case unread != nil:
	case errors.Is(err, account.ErrMailDiscarded):
		o.log.Error("email discarded", "subject", subject, "err", err)
	case err != nil:
		o.log.Warn("email not delivered, will retry", "subject", subject, "err", err)
	}
	return exists
}
