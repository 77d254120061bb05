-- +goose Up
-- What the second factor keeps. Secrets are sealed or hashed by the server's
-- keys, which are not in here.

CREATE TABLE totps (
    id          TEXT PRIMARY KEY,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret      TEXT NOT NULL, -- sealed
    last_step   BIGINT NOT NULL, -- the last 30 s step whose code was spent
    burned_step BIGINT NOT NULL, -- one to come whose code is known to be known
    verified    BOOLEAN NOT NULL,
    since       TIMESTAMPTZ, -- of one that is verified: when codes were first asked for
    session_id  TEXT REFERENCES sessions (id) ON DELETE CASCADE, -- of one that is not: where it can be proved
    expires_at  TIMESTAMPTZ -- of one that is not
);
CREATE INDEX totps_session_id ON totps (session_id);
CREATE INDEX totps_expires_at ON totps (expires_at);
-- The one that is good, and the one that waits to be proved.
CREATE UNIQUE INDEX totps_user_id_verified ON totps (user_id, verified);

CREATE TABLE backup_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- So that who uses one again is told so.
CREATE TABLE used_backup_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- Codes in mails, one for each challenge or session that asks for one.
CREATE TABLE email_codes (
    owner      BYTEA PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    mac        BYTEA NOT NULL,
    tries      BIGINT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX email_codes_user_id ON email_codes (user_id);
CREATE INDEX email_codes_expires_at ON email_codes (expires_at);

-- Sign-ins that wait for a second factor.
CREATE TABLE challenges (
    hash       BYTEA PRIMARY KEY, -- of the token in the cookie
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method     TEXT NOT NULL, -- the first factor
    remember   BOOLEAN NOT NULL,
    tries      BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX challenges_user_id ON challenges (user_id);
CREATE INDEX challenges_expires_at ON challenges (expires_at);

-- Tries of second factors since the last right one: those at sign-in, and those
-- of who is signed in.
CREATE TABLE second_factor_tries (
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    signed_in    BOOLEAN NOT NULL,
    n            BIGINT NOT NULL,
    locked_until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, signed_in)
);

CREATE TABLE trusted_devices (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash         BYTEA NOT NULL UNIQUE, -- of the token in the cookie
    ip           TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX trusted_devices_user_id ON trusted_devices (user_id);
CREATE INDEX trusted_devices_expires_at ON trusted_devices (expires_at);

-- From now on the texts of mails are sealed, and no others are handed on. A mail
-- waits for a second while a server runs, so what this drops was stuck.
DELETE FROM mails;
