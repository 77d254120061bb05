-- +goose Up
-- System keys. What nobody has set is not here.
CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL, -- sealed if the key is a secret
    revision   BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by TEXT NOT NULL -- a user's id
);

-- The audit log becomes a chain: each row has the hash of the one before it.
-- What is older than that stands before the chain, unhashed.
CREATE TABLE chained_events (
    seq        BIGINT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    at         TIMESTAMPTZ NOT NULL,
    kind       TEXT NOT NULL,
    actor_id   TEXT NOT NULL, -- who did it; empty if that is not known, or nobody's account
    user_id    TEXT NOT NULL,
    session_id TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    previous   BYTEA NOT NULL,
    hash       BYTEA NOT NULL
);
INSERT INTO chained_events
SELECT row_number() OVER (ORDER BY at, id), id, at, kind, '', user_id, session_id, subject, '', ip, user_agent, '', '' FROM events;
DROP TABLE events;
ALTER TABLE chained_events RENAME TO events;
CREATE INDEX events_user_id_seq ON events (user_id, seq);
CREATE INDEX events_at ON events (at);

-- Where the chain begins and ends. Who adds to it takes its one row first.
CREATE TABLE event_chains (
    n              BIGINT PRIMARY KEY,
    first          BIGINT NOT NULL, -- the seq of the first row of the chain
    first_previous BYTEA NOT NULL,  -- the hash that it names; what it was of is no more
    last           BIGINT NOT NULL,
    hash           BYTEA NOT NULL,  -- of the last row
    mac            BYTEA NOT NULL   -- of all this, by the server's key; empty in a chain that is
);
INSERT INTO event_chains SELECT 1, COUNT(*) + 1, '', COUNT(*), '', '' FROM events;

ALTER TABLE users ADD COLUMN disabled_at TIMESTAMPTZ; -- nobody can sign in to it since
ALTER TABLE passwords ADD COLUMN void BOOLEAN NOT NULL DEFAULT FALSE; -- it opens nothing: a new one is due
ALTER TABLE one_time_tokens ADD COLUMN data TEXT NOT NULL DEFAULT ''; -- what it is for, sealed
ALTER TABLE mails ADD COLUMN asked TEXT NOT NULL DEFAULT ''; -- sealed: what somebody asked for, if it is not written yet
ALTER TABLE mails ADD COLUMN tries BIGINT NOT NULL DEFAULT 0; -- how often it was not handed on
