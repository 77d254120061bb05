-- +goose Up
-- Whether an unknown browser opened the session, and the user has not confirmed it.
ALTER TABLE sessions ADD COLUMN is_new BOOLEAN NOT NULL DEFAULT FALSE;
-- The passkey that opened the session; empty if none did. It is not a reference: the passkey
-- may be deleted, and its deletion must not have to change sessions.
ALTER TABLE sessions ADD COLUMN passkey_id TEXT NOT NULL DEFAULT '';
