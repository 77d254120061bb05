-- +goose Up
-- A link that has worked says so when it is opened again, until it expires.
ALTER TABLE one_time_tokens ADD COLUMN used_at TIMESTAMPTZ; -- NULL while it can be used
