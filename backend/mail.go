package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"latchkey/backend/account"
)

// postEvery is how often the outbox is looked into.
const postEvery = time.Second

// post hands on the mails of the outbox until ctx ends: to the log, addressee
// and subject only, and to a file each in -mail-dir.
func post(ctx context.Context, c config, accounts *account.Service) {
	for {
		more, err := accounts.HandOnMail(ctx, c.deliver)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("a mail was not handed on", "err", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(postEvery):
		}
	}
}

func (c config) deliver(m account.Mail) error {
	line, err := json.Marshal(struct {
		To      string    `json:"to"`
		From    string    `json:"from"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
		HTML    string    `json:"html"`
		At      time.Time `json:"at"`
	}{m.Recipient, "Latchkey <no-reply@" + c.origin.Hostname() + ">", m.Subject, m.Text, m.HTML, m.CreatedAt})
	if err != nil {
		return err
	}
	// The name is the mail's: one that is handed on twice, because a server
	// ended in between, is still one file.
	name := filepath.Join(c.mailDir, m.CreatedAt.Format("20060102T150405.000Z")+"-"+m.ID+".json")
	if _, err := writeOnce(name, string(line)+"\n"); err != nil {
		return err
	}
	c.log.Info("mail", "to", m.Recipient, "subject", m.Subject)
	return nil
}
