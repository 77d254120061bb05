-- +goose Up
-- When a session last made its browser a trusted device; NULL if it never did.
ALTER TABLE sessions ADD COLUMN trusted_at TIMESTAMPTZ;

-- The codes of each user's previous set, so that an error can say that a code is from an
-- older set. They work nowhere.
CREATE TABLE replaced_backup_codes (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest     BYTEA NOT NULL,
    salt       BYTEA NOT NULL,
    iterations BIGINT NOT NULL, -- of PBKDF2-HMAC-SHA-256
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, digest)
);
CREATE INDEX replaced_backup_codes_expires_at ON replaced_backup_codes (expires_at);
