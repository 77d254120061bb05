-- Entries of the audit log that are committed but not in the chain yet. The identity gives
-- the order in which they are linked.
CREATE TABLE unlinked_events (
    n          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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

-- The table is empty most of the time, and linking needs it at once.
ALTER TABLE unlinked_events SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

ALTER TABLE event_chains ADD COLUMN linked_at TIMESTAMPTZ; -- when an entry was last linked

-- An entry leaves the table only when it is in the chain.
CREATE FUNCTION refuse_unlinked_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM events WHERE id = OLD.id) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER unlinked_events_not_updated BEFORE UPDATE ON unlinked_events FOR EACH ROW EXECUTE FUNCTION refuse_event();
CREATE TRIGGER unlinked_events_not_truncated BEFORE TRUNCATE ON unlinked_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_event();
CREATE TRIGGER unlinked_events_not_deleted BEFORE DELETE ON unlinked_events FOR EACH ROW EXECUTE FUNCTION refuse_unlinked_event();
