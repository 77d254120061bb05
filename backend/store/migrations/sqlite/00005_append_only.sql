-- Nobody changes what is in the audit log, and it is cut at its old end only.
CREATE TRIGGER events_not_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER events_not_deleted BEFORE DELETE ON events
WHEN OLD.seq >= (SELECT first FROM event_chains)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
