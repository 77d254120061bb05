-- +goose Up
CREATE TABLE passkeys (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name            TEXT,
    credential_id   BYTEA NOT NULL UNIQUE, -- over all users
    public_key      BYTEA NOT NULL, -- COSE
    sign_count      BIGINT NOT NULL,
    aaguid          TEXT NOT NULL,
    transports      TEXT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up       BOOLEAN NOT NULL,
    user_verified   BOOLEAN NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    last_used_at    TIMESTAMPTZ
);
CREATE INDEX passkeys_user_id ON passkeys (user_id);

-- Passkey ceremonies that are under way.
CREATE TABLE ceremonies (
    challenge_hash BYTEA PRIMARY KEY,
    browser_hash   BYTEA NOT NULL, -- of the token in the cookie
    kind           TEXT NOT NULL,
    unasked        BOOLEAN NOT NULL,
    user_id        TEXT REFERENCES users (id) ON DELETE CASCADE, -- whose passkey it must be, if that is known
    session_id     TEXT, -- which asked, if one did
    expires_at     TIMESTAMPTZ NOT NULL
);
CREATE INDEX ceremonies_browser_hash ON ceremonies (browser_hash);
CREATE INDEX ceremonies_user_id ON ceremonies (user_id);
CREATE INDEX ceremonies_expires_at ON ceremonies (expires_at);
