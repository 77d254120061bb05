package server

import (
	"context"
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/audit"
	"latchkey/backend/language"
	"latchkey/backend/useragent"
	"latchkey/shared"
	"latchkey/shared/message"
)

func (s *Server) listEvents(c call, in shared.EventQuery) (shared.EventPage, error) {
	in.User = c.User.ID
	events, next, err := s.eventPage(c, in)
	return shared.EventPage{Events: s.ownEvents(c, events), Next: next}, err
}

// ownEvents converts events of the caller's account to the API's form. The caller must not
// learn the address or the device of an administrator.
func (s *Server) ownEvents(c call, events []audit.Event) []shared.Event {
	out := s.eventsOf(c.language(), events, map[string]account.User{c.User.ID: c.User})
	for i, e := range out {
		if e.Actor != nil && e.Actor.ID != c.User.ID {
			e.Actor, e.IPAddress, e.Device, e.SessionID = nil, "", shared.Device{Kind: "unknown"}, ""
			out[i] = e
		}
	}
	return out
}

func (s *Server) listAllEvents(c call, in shared.EventQuery) (out shared.EventPage, err error) {
	events, next, err := s.eventPage(c, in)
	if err != nil {
		return out, err
	}
	users, err := s.usersOf(c.Context(), events, in.User)
	if err != nil {
		return out, err
	}
	out.Events, out.Next = s.eventsOf(c.language(), events, users), next
	if in.User != "" {
		out.Account = &shared.Person{ID: in.User, Email: users[in.User].Email}
	}
	return out, nil
}

// No entry has a time outside of these. Not every database stores and compares the times of all years.
var (
	firstUntil = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastUntil  = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// eventPage returns a page of the log, and where the next one begins, or "".
func (s *Server) eventPage(c call, in shared.EventQuery) (events []audit.Event, next string, err error) {
	f := account.EventFilter{User: in.User, Session: in.Session, Kinds: kindsOf(in), Before: in.Before, Limit: pageSize + 1}
	if in.Until != "" {
		at, err := time.Parse(time.RFC3339, in.Until)
		if err != nil { // the schema has accepted it
			return nil, "", err
		}
		switch {
		case at.Before(firstUntil):
			at = firstUntil
		case at.After(lastUntil):
			at = lastUntil
		}
		f.Until = at
	}
	events, err = s.Accounts.Store.Events(c.Context(), f)
	if len(events) > pageSize {
		events = events[:pageSize]
		next = events[pageSize-1].ID
	}
	return events, next, err
}

// kindsOf returns the kinds of events that a query selects, or nil if it selects all.
func kindsOf(in shared.EventQuery) []string {
	switch {
	case in.Group == "" && in.Kind == "":
		return nil
	case in.Group == "":
		return []string{in.Kind}
	}
	kinds := shared.KindsOf(in.Group)
	if in.Kind != "" {
		kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind != in.Kind })
	}
	return kinds
}

// usersOf returns the accounts of events, and another one, by ID. Deleted accounts are missing.
func (s *Server) usersOf(ctx context.Context, events []audit.Event, another string) (map[string]account.User, error) {
	ids := []string{another}
	for _, e := range events {
		ids = append(ids, e.ActorID, e.UserID)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
	return s.Accounts.Store.EventUsers(ctx, ids)
}

// eventsOf converts events to the API's form. users has accounts by ID, with address and
// handle.
func (s *Server) eventsOf(l *message.Language, events []audit.Event, users map[string]account.User) []shared.Event {
	person := func(id string) *shared.Person {
		if id == "" {
			return nil
		}
		return &shared.Person{ID: id, Email: users[id].Email}
	}
	out := make([]shared.Event, len(events))
	for i, e := range events {
		members := s.Accounts.EventDetail(e, users[e.UserID].Handle)
		out[i] = shared.Event{
			ID: e.ID, At: shared.Time{Time: e.At}, Kind: e.Kind, Text: eventText(l, e.Kind, members), IPAddress: e.IP,
			Device: useragent.Parse(e.UserAgent), Subject: e.Subject, Detail: detailText(l, e.Kind, members), SessionID: e.SessionID,
			Actor: person(e.ActorID), Account: person(e.UserID),
		}
		if out[i].Text == "" { // a newer server wrote it
			out[i].Text = e.Kind
		}
	}
	return out
}

const (
	// exportBatch is how many events an export reads at once.
	exportBatch = 1000
	// exportBatchTimeout is how long a client may take to receive a batch.
	exportBatchTimeout = 30 * time.Second
)

// exportEvents responds with the whole log as CSV (RFC 4180), the newest event first. It
// reads the log in batches, so that a slow client does not block writes. The text is
// always English, because programs read it.
func (s *Server) exportEvents(c call, _ shared.None) (none shared.None, err error) {
	f := account.EventFilter{Limit: exportBatch}
	events, err := s.exportPart(c, f)
	if err != nil {
		return none, err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="security-log-`+s.Accounts.Now().Format("2006-01-02")+`.csv"`)
	w := csv.NewWriter(c.w)
	w.UseCRLF = true
	w.Write(
		[]string{"time", "kind", "what", "account", "account id", "by", "by id", "address", "browser", "system", "session", "subject", "detail"},
	)
	for {
		http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(exportBatchTimeout)) // longer than for other responses
		for _, e := range events {
			account, actor := orNone(e.Account), orNone(e.Actor)
			w.Write(plainCells(e.At.UTC().Format(time.RFC3339Nano), e.Kind, e.Text, account.Email, account.ID, actor.Email, actor.ID,
				e.IPAddress, e.Device.Browser, e.Device.OS, e.SessionID, e.Subject, e.Detail))
		}
		w.Flush()
		if connected := w.Error() == nil; !connected || len(events) < exportBatch {
			return none, nil
		}
		f.Before = events[len(events)-1].ID
		if events, err = s.exportPart(c, f); err != nil {
			if c.Context().Err() == nil { // otherwise the client has disconnected, or has closed its half of the connection
				s.Log.WarnContext(c.Context(), "export of the security log aborted", "err", err)
			}
			panic(http.ErrAbortHandler) // a partial export must not look complete
		}
	}
}

// exportPart returns the next batch of an export. It sets a timeout for the batch,
// because the route has none.
func (s *Server) exportPart(c call, f account.EventFilter) ([]shared.Event, error) {
	ctx, cancel := context.WithTimeout(c.Context(), s.RequestTimeout)
	defer cancel()
	events, err := s.Accounts.Store.Events(ctx, f)
	if err != nil {
		return nil, err
	}
	users, err := s.usersOf(ctx, events, "")
	return s.eventsOf(language.Of("en", ""), events, users), err
}

func orNone(p *shared.Person) shared.Person {
	if p == nil {
		return shared.Person{}
	}
	return *p
}

// plainCells prevents CSV injection: spreadsheets must not evaluate an attacker's text,
// such as the name of a browser, as a formula.
func plainCells(cells ...string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
