-- +goose Up
-- How many of n are not judged yet: of those, the right ones are taken off again.
ALTER TABLE attempts ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
