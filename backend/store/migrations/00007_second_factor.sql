-- +goose Up
-- When a second factor was last shown in a session, and which; NULL if none was.
ALTER TABLE sessions ADD COLUMN second_factor_at TIMESTAMPTZ;
ALTER TABLE sessions ADD COLUMN second_factor_by TEXT;

-- Sessions of before have shown theirs at sign-in.
UPDATE sessions SET second_factor_at = created_at, second_factor_by = 'totp' WHERE method LIKE '%+totp';
UPDATE sessions SET second_factor_at = created_at, second_factor_by = 'backup-code' WHERE method LIKE '%+backup-code';
UPDATE sessions SET second_factor_at = created_at, second_factor_by = 'passkey' WHERE method = 'passkey' OR method LIKE '%+passkey';
