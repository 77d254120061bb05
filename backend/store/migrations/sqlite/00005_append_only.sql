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
-- Else INSERT OR REPLACE would do what those refuse.
CREATE TRIGGER events_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq OR id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_chains_only_grow BEFORE UPDATE ON event_chains
WHEN NEW.first < OLD.first OR NEW.last < OLD.last OR NEW.first > NEW.last + 1
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_chains_not_deleted BEFORE DELETE ON event_chains
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- Nor is its one row replaced, which is no update either.
CREATE TRIGGER event_chains_not_added BEFORE INSERT ON event_chains
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
