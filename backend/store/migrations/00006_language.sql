-- +goose Up
-- What a person chose to read; NULL is for as their browser says.
ALTER TABLE users ADD COLUMN language TEXT;
