-- +goose Up
-- The keys with which an application's back end asks for the sessions of its users.
CREATE TABLE server_keys (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    hash         BYTEA NOT NULL UNIQUE,
    created_at   TIMESTAMPTZ NOT NULL,
    created_by   TEXT NOT NULL, -- the ID of a user; empty for the operator
    last_used_at TIMESTAMPTZ -- NULL before the first use
);
