package account

import (
	"slices"
	"testing"
	"time"
)

// TestEventDigest holds that no two events that differ anywhere have one hash.
func TestEventDigest(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	e := Event{1, "id", at, "kind", "actor", "user", "session", "subject", "detail", "ip", "agent", []byte("previous"), nil}
	seen := [][]byte{e.digest()}
	for what, change := range map[string]func(*Event){
		"seq": func(e *Event) { e.Seq = 11 }, "id": func(e *Event) { e.ID = "" }, "at": func(e *Event) { e.At = at.Add(time.Millisecond) },
		"kind": func(e *Event) { e.Kind = "kin" }, "actor": func(e *Event) { e.ActorID = "" }, "user": func(e *Event) { e.UserID = "" },
		"session": func(e *Event) { e.SessionID = "" }, "subject": func(e *Event) { e.Subject = "" }, "detail": func(e *Event) { e.Detail = "" },
		"ip": func(e *Event) { e.IP = "" }, "agent": func(e *Event) { e.UserAgent = "" }, "previous": func(e *Event) { e.Previous = nil },
		"one part moved into the next": func(e *Event) { e.ActorID, e.UserID = "actoru", "ser" },
		"as its own length says":       func(e *Event) { e.ActorID, e.UserID = "", "5:actor4:user" },
	} {
		other := e
		change(&other)
		digest := other.digest()
		if slices.ContainsFunc(seen, func(d []byte) bool { return slices.Equal(d, digest) }) {
			t.Errorf("%s: the hash is that of another", what)
		}
		seen = append(seen, digest)
	}
}
