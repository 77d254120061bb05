-- +goose Up
-- How the backup codes of a user are hashed, who has a row here once they have
-- made some since. The codes of before are argon2id, with the user's id as salt.
CREATE TABLE backup_code_sets (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    salt       BYTEA NOT NULL,
    iterations BIGINT NOT NULL -- of PBKDF2-HMAC-SHA-256
);
