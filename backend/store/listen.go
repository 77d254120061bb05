package store

import (
	"context"
	"errors"
	"time"
)

// settingsChannel is the channel on which a transaction notifies the servers of a changed
// setting.
const settingsChannel = "latchkey_settings"

// ErrCannotListen means that the database cannot notify a server of changed settings: it is
// SQLite, or it is behind a pooler. A session of Postgres that a pooler shares would send
// the notifications to other clients, too, which do not expect them.
var ErrCannotListen = errors.New("the database cannot notify this server")

// ListenSettings calls changed when a setting may have changed: once as soon as it listens,
// because earlier changes were not noticed, and then after each change that a server has
// committed. It returns an error when the connection is lost or ctx is done. It fails with
// [ErrCannotListen] if trying again is no use.
//
// It does not use [pgdriver.Listener], which reports neither when it listens nor why it
// cannot, and which reconnects without telling.
func (db DB) ListenSettings(ctx context.Context, changed func()) error {
	conn, err := db.connectDirect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.ExecContext(ctx, "LISTEN "+settingsChannel, nil); err != nil {
		return wrapDB(err)
	}
	// From here on, all that arrives is a notification, or tells that the session ends. Its
	// content does not matter, so nothing is lost if the driver has read a part of it
	// together with the response to LISTEN.
	wire := conn.Conn.Conn()
	if err := wire.SetReadDeadline(time.Time{}); err != nil { // there is one of the statement
		return wrapDB(err)
	}
	for b := make([]byte, 512); ; {
		changed()
		if _, err := wire.Read(b); err != nil {
			return wrapDB(err)
		}
	}
}

// connectDirect opens a connection of its own to a Postgres server. It fails with
// [ErrCannotListen] if there may be a pooler.
func (db DB) connectDirect(ctx context.Context) (pgConn, error) {
	if db.dsn == "" {
		return pgConn{}, ErrCannotListen
	}
	connector, err := postgresConnector(db.dsn, db.timeout)
	if err != nil {
		return pgConn{}, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return pgConn{}, wrapDB(err)
	}
	if pg, ok := conn.(pgConn); ok {
		direct, err := pg.direct(ctx)
		if direct {
			return pg, nil
		}
		if err != nil {
			pg.Close()
			return pgConn{}, wrapDB(err)
		}
	}
	conn.Close()
	return pgConn{}, ErrCannotListen
}

// notifySettings notifies all servers that listen, once the transaction of db commits.
func (db DB) notifySettings(ctx context.Context) error {
	if db.dsn == "" {
		return nil
	}
	_, err := db.bun.NewRaw("SELECT pg_notify(?, '')", settingsChannel).Exec(ctx)
	return wrapDB(err)
}
