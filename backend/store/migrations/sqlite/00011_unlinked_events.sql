-- Entries of the audit log that are committed but not in the chain yet. The number gives
-- the order in which they are linked.
CREATE TABLE unlinked_events (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    at         TIMESTAMPTZ NOT NULL,
    kind       TEXT NOT NULL,
    actor_id   TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    session_id TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    mac        BYTEA NOT NULL -- by the server's key
);

ALTER TABLE event_chains ADD COLUMN linked_at TIMESTAMPTZ; -- when an entry was last linked

CREATE TRIGGER unlinked_events_not_updated BEFORE UPDATE ON unlinked_events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- An entry leaves the table only when it is in the chain.
CREATE TRIGGER unlinked_events_not_deleted BEFORE DELETE ON unlinked_events
WHEN NOT EXISTS (SELECT 1 FROM events WHERE id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- Otherwise INSERT OR REPLACE would change an entry.
CREATE TRIGGER unlinked_events_not_replaced BEFORE INSERT ON unlinked_events
WHEN EXISTS (SELECT 1 FROM unlinked_events WHERE n = NEW.n OR id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
