-- +goose Up
-- The user handle that a passkey from another system has, if it is not that of its user; NULL
-- if it is.
ALTER TABLE passkeys ADD COLUMN handle BYTEA;
-- Whether the handle is not known yet. The first use of the passkey tells it.
ALTER TABLE passkeys ADD COLUMN handle_unknown BOOLEAN NOT NULL DEFAULT FALSE;

-- What was imported from another application, once.
CREATE TABLE imports (
    n      BIGINT PRIMARY KEY, -- 1
    source TEXT NOT NULL,
    at     TIMESTAMPTZ NOT NULL,
    report TEXT NOT NULL -- JSON
);
