-- +goose Up
-- One SQL for both databases: SQLite takes Postgres' type names as they are.
-- Times are UTC. Hashes are SHA-256.

CREATE TABLE users (
    id                 TEXT PRIMARY KEY,
    email              TEXT NOT NULL UNIQUE, -- lower case
    name               TEXT NOT NULL,
    image              TEXT,
    email_verified     BOOLEAN NOT NULL,
    two_factor_enabled BOOLEAN NOT NULL,
    handle             BYTEA NOT NULL UNIQUE, -- WebAuthn's user id
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL
);

CREATE TABLE passwords (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL, -- PHC string
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE permissions (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);

CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash     BYTEA NOT NULL UNIQUE,
    created_at     TIMESTAMPTZ NOT NULL,
    last_active_at TIMESTAMPTZ NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    confirmed_at   TIMESTAMPTZ NOT NULL, -- when the user last proved who they are
    method         TEXT NOT NULL,
    ip             TEXT NOT NULL,
    user_agent     TEXT NOT NULL,
    remember       BOOLEAN NOT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- The tokens that a session had before.
CREATE TABLE rotated_tokens (
    hash       BYTEA PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    rotated_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL -- when it is forgotten
);
CREATE INDEX rotated_tokens_session_id ON rotated_tokens (session_id);
CREATE INDEX rotated_tokens_expires_at ON rotated_tokens (expires_at);

CREATE TABLE one_time_tokens (
    hash       BYTEA PRIMARY KEY,
    purpose    TEXT NOT NULL,
    user_id    TEXT REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);
CREATE INDEX one_time_tokens_user_id ON one_time_tokens (user_id);
-- Of those that are nobody's there is one for each purpose.
CREATE UNIQUE INDEX one_time_tokens_purpose ON one_time_tokens (purpose) WHERE user_id IS NULL;

CREATE TABLE attempts (
    key        BYTEA PRIMARY KEY, -- a MAC of what is counted
    n          BIGINT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX attempts_expires_at ON attempts (expires_at);

-- The audit log outlives the users that it tells of, so nothing refers to them.
CREATE TABLE events (
    id         TEXT PRIMARY KEY,
    at         TIMESTAMPTZ NOT NULL,
    kind       TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    session_id TEXT NOT NULL,
    subject    TEXT NOT NULL,
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX events_user_id_at ON events (user_id, at);

-- The outbox: a mail is written in the transaction of what it tells of, and
-- deleted once it has been handed on. Who hands it on leases it meanwhile.
CREATE TABLE mails (
    id           TEXT PRIMARY KEY,
    recipient    TEXT NOT NULL,
    subject      TEXT NOT NULL,
    text         TEXT NOT NULL,
    html         TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    leased_until TIMESTAMPTZ NOT NULL
);
CREATE INDEX mails_leased_until ON mails (leased_until);

-- What proves that a server holds the key that this database was made with.
CREATE TABLE key_checks (
    n     BIGINT PRIMARY KEY,
    id    TEXT NOT NULL, -- of the key
    value BYTEA NOT NULL
);
