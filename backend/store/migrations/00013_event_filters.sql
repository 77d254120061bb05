-- +goose Up
-- Each index has the entries of one filter in order, so that a page of the log is read
-- without a sort, however long the log is.
CREATE INDEX events_user_id_kind_seq ON events (user_id, kind, seq);
CREATE INDEX events_kind_seq ON events (kind, seq);
CREATE INDEX events_session_id_seq ON events (session_id, seq);
