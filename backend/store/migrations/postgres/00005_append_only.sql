-- Nobody changes what is in the audit log, and it is cut at its old end only.
CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE FUNCTION refuse_kept_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq >= (SELECT first FROM event_chains) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER events_not_updated BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION refuse_event();
CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_event();
CREATE TRIGGER events_not_deleted BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_kept_event();
CREATE FUNCTION refuse_shorter_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.first < OLD.first OR NEW.last < OLD.last OR NEW.first > NEW.last + 1 THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER event_chains_only_grow BEFORE UPDATE ON event_chains FOR EACH ROW EXECUTE FUNCTION refuse_shorter_chain();
CREATE TRIGGER event_chains_not_deleted BEFORE DELETE ON event_chains FOR EACH ROW EXECUTE FUNCTION refuse_event();
CREATE TRIGGER event_chains_not_added BEFORE INSERT ON event_chains FOR EACH ROW EXECUTE FUNCTION refuse_event();
CREATE TRIGGER event_chains_not_truncated BEFORE TRUNCATE ON event_chains FOR EACH STATEMENT EXECUTE FUNCTION refuse_event();
