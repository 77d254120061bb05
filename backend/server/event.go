package server

import (
	"context"
	"encoding/csv"
	"encoding/json"
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
	page, err := s.eventPage(c, in)
	for i, e := range page.Events {
		// The user must not learn the address or the device of an administrator.
		if e.Actor != nil && e.Actor.ID != c.User.ID {
			e.Actor, e.IPAddress, e.Device, e.SessionID = nil, "", shared.Device{Kind: "unknown"}, ""
			page.Events[i] = e
		}
	}
	return page, err
}

func (s *Server) listAllEvents(c call, in shared.EventQuery) (shared.EventPage, error) {
	return s.eventPage(c, in)
}

func (s *Server) eventPage(c call, in shared.EventQuery) (out shared.EventPage, err error) {
	f := account.EventFilter{User: in.User, Before: in.Before, Limit: pageSize + 1}
	if in.Kind != "" {
		f.Kinds = []string{in.Kind}
	}
	events, err := s.Accounts.Store.Events(c.Context(), f)
	if err != nil {
		return out, err
	}
	if len(events) > pageSize {
		events = events[:pageSize]
		out.Next = events[pageSize-1].ID
	}
	out.Events, err = s.eventsOf(c.Context(), c.language(), events)
	return out, err
}

// eventsOf converts events to the API's form, with their text in a language.
func (s *Server) eventsOf(ctx context.Context, l *message.Language, events []audit.Event) ([]shared.Event, error) {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ActorID, e.UserID)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
	emails, err := s.Accounts.Store.Emails(ctx, ids)
	if err != nil {
		return nil, err
	}
	person := func(id string) *shared.Person {
		if id == "" {
			return nil
		}
		return &shared.Person{ID: id, Email: emails[id]}
	}
	out := make([]shared.Event, len(events))
	for i, e := range events {
		out[i] = shared.Event{
			ID: e.ID, At: shared.Time{Time: e.At}, Kind: e.Kind, Text: eventText(l, e), IPAddress: e.IP, Device: useragent.Parse(e.UserAgent),
			Subject: e.Subject, Detail: detailOf(l, e.Detail), SessionID: e.SessionID, Actor: person(e.ActorID), Account: person(e.UserID),
		}
		if out[i].Text == "" { // a newer server wrote it
			out[i].Text = e.Kind
		}
	}
	return out, nil
}

// eventText returns the description of an event. It is empty for a kind that only a newer
// server knows.
func eventText(l *message.Language, e audit.Event) string {
	if e.Detail == account.DetailVoidPassword {
		return l.T(message.EventSignInVoidPassword)
	}
	return l.T(shared.EventText(e.Kind))
}

// detailOf returns the detail of an event as text for users.
func detailOf(l *message.Language, text string) string {
	if text == account.DetailVoidPassword {
		return "" // eventText says it
	}
	var members map[string]string
	if json.Unmarshal([]byte(text), &members) != nil {
		return text // empty
	}
	if by, ok := members["factor"]; ok {
		return confirmedBy(l, account.Factor(by))
	}
	before, hasBefore := members["before"]
	after, hasAfter := members["after"]
	switch {
	case hasBefore && hasAfter:
		return l.T(message.DetailFromTo, quoted(l, before), quoted(l, after))
	case hasAfter:
		return detailText(l, after) // "changed": both values are secret
	}
	var parts []string
	for name, value := range members {
		parts = append(parts, detailText(l, name)+" "+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// detailText translates a word of a detail.
func detailText(l *message.Language, word string) string {
	switch word {
	case "changed":
		return l.T(message.DetailChanged)
	case "key":
		return l.T(message.DetailKey)
	}
	return word
}

// confirmedBy describes the second factor that confirmed an action.
func confirmedBy(l *message.Language, by account.Factor) string {
	switch by {
	case account.ByTOTP:
		return l.T(message.DetailConfirmedByTOTP)
	case account.ByBackupCode:
		return l.T(message.DetailConfirmedByBackupCode)
	case account.ByPasskey:
		return l.T(message.DetailConfirmedByPasskey)
	}
	return string(by) // a newer server wrote it
}

func quoted(l *message.Language, value string) string {
	if value == "" {
		return l.T(message.DetailNothing)
	}
	return l.T(message.DetailQuoted, value)
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
	return s.eventsOf(ctx, language.Of("en", ""), events)
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
