package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestEventDigest checks that events that differ in any field have different hashes.
func TestEventDigest(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	e := Event{1, "id", at, "kind", "actor", "user", "session", "subject", "detail", "ip", "agent", []byte("previous"), nil}
	seen := [][]byte{e.digest()}
	for what, change := range map[string]func(*Event){
		"seq": func(e *Event) { e.Seq = 11 }, "id": func(e *Event) { e.ID = "" }, "at": func(e *Event) { e.At = at.Add(time.Millisecond) },
		"kind": func(e *Event) { e.Kind = "kin" }, "actor": func(e *Event) { e.ActorID = "" }, "user": func(e *Event) { e.UserID = "" },
		"session": func(e *Event) { e.SessionID = "" }, "subject": func(e *Event) { e.Subject = "" }, "detail": func(e *Event) { e.Detail = "" },
		"ip": func(e *Event) { e.IP = "" }, "agent": func(e *Event) { e.UserAgent = "" }, "previous": func(e *Event) { e.Previous = nil },
		"one part moved into the next":   func(e *Event) { e.ActorID, e.UserID = "actoru", "ser" },
		"a length prefix inside a field": func(e *Event) { e.ActorID, e.UserID = "", "5:actor4:user" },
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

// keys implements [MAC] with one or more keys, the current one first.
type keys []string

func (ks keys) MAC(purpose, message string) []byte { return ks.MACs(purpose, message)[0] }

func (ks keys) MACs(purpose, message string) (all [][]byte) {
	for _, k := range ks {
		h := hmac.New(sha256.New, []byte(k))
		h.Write([]byte(purpose + "|" + message))
		all = append(all, h.Sum(nil))
	}
	return all
}

// newLog returns a log of n entries, written two at a time.
func newLog(mac MAC, n int) (EventChain, []Event) {
	chain := EventChain{N: 1, First: 1}.Sign(mac)
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var all []Event
	for i := 0; i < n; i += 2 {
		var two []Event
		chain, two, _ = chain.Append(mac, []Event{
			{ID: fmt.Sprint(i), At: at, Kind: "sign-in"}, {ID: fmt.Sprint(i + 1), At: at, Kind: "sign-out"},
		})
		all = append(all, two...)
	}
	return chain, all
}

// verify verifies a log as a server does.
func verify(mac MAC, chain EventChain, events []Event) (int64, error) {
	report, err := verifyAll(mac, chain, events, nil)
	return report.Linked, err
}

func verifyAll(mac MAC, chain EventChain, events []Event, unlinked []Unlinked) (Report, error) {
	v := NewVerifier(mac)
	if err := v.Begin(chain); err != nil {
		return Report{}, err
	}
	for _, e := range events {
		if err := v.Add(e); err != nil {
			return Report{}, err
		}
	}
	for _, u := range unlinked {
		if err := v.AddUnlinked(u); err != nil {
			return Report{}, err
		}
	}
	return v.End()
}

// TestVerify checks that an unchanged log verifies, also after its first entries were cut
// off and after a rotation of the keys.
func TestVerify(t *testing.T) {
	old, both := keys{"old"}, keys{"new", "old"}
	chain, events := newLog(old, 6)
	for what, test := range map[string]struct {
		mac    MAC
		chain  EventChain
		events []Event
	}{
		"as written":          {old, chain, events},
		"after a rotation":    {both, chain, events},
		"without a beginning": {old, chain.Cut(old, events[2]), events[3:]},
		"without entries":     {old, chain.Cut(old, events[5]), nil},
	} {
		if n, err := verify(test.mac, test.chain, test.events); err != nil || n != int64(len(test.events)) {
			t.Errorf("%s: %d entries, %v; want %d", what, n, err, len(test.events))
		}
	}
	next, more, err := chain.Append(both, []Event{{ID: "next", Kind: "sign-in"}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := verify(keys{"new"}, next, append(slices.Clone(events), more...)); err != nil || n != 7 {
		t.Errorf("after an entry under the new key: %d entries, %v; want 7", n, err)
	}
}

// TestTampering checks that a log that an attacker without the key has changed does not
// verify, and that what the server does afterward does not repair it.
func TestTampering(t *testing.T) {
	mac, forger := keys{"key"}, keys{"forged"}
	for what, tamper := range map[string]func(c EventChain, all []Event) (EventChain, []Event){
		"an entry removed":        func(c EventChain, all []Event) (EventChain, []Event) { return c, slices.Delete(all, 2, 3) },
		"the first entry removed": func(c EventChain, all []Event) (EventChain, []Event) { return c, all[1:] },
		"the last entry removed":  func(c EventChain, all []Event) (EventChain, []Event) { return c, all[:5] },
		"all entries removed":     func(c EventChain, all []Event) (EventChain, []Event) { return c, nil },
		"two entries exchanged": func(c EventChain, all []Event) (EventChain, []Event) {
			all[2], all[3] = all[3], all[2]
			return c, all
		},
		"an entry changed": func(c EventChain, all []Event) (EventChain, []Event) { all[2].UserID = "bob"; return c, all },
		"a changed entry's new hash": func(c EventChain, all []Event) (EventChain, []Event) {
			all[2].UserID = "bob"
			all[2].Hash = all[2].digest()
			return c, all
		},
		"an entry appended": func(c EventChain, all []Event) (EventChain, []Event) {
			return c, append(all, Event{ID: "forged"}.chained(c.Last+1, c.Hash))
		},
		"an entry before the first": func(c EventChain, all []Event) (EventChain, []Event) {
			return c, append([]Event{Event{ID: "forged"}.chained(0, nil)}, all...)
		},
		"a chain cut by the attacker": func(c EventChain, all []Event) (EventChain, []Event) { return c.Cut(forger, all[2]), all[3:] },
		"a chain that the attacker signed": func(c EventChain, all []Event) (EventChain, []Event) {
			c.Last, c.Hash = 5, all[4].Hash
			return c.Sign(forger), all[:5]
		},
		"a chain without a MAC": func(c EventChain, all []Event) (EventChain, []Event) { c.MAC = nil; return c, all },
	} {
		c, all := newLog(mac, 6)
		c, all = tamper(c, all)
		if n, err := verify(mac, c, all); !errors.Is(err, ErrChain) {
			t.Errorf("%s: %d entries, %v; want %v", what, n, err, ErrChain)
		}
		c, more, err := c.Append(mac, []Event{{ID: "next", Kind: "sign-in"}})
		if err != nil && !errors.Is(err, ErrChain) {
			t.Errorf("%s, and then an entry of the server: %v; want %v", what, err, ErrChain)
		}
		if n, err := verify(mac, c, append(all, more...)); !errors.Is(err, ErrChain) {
			t.Errorf("%s, and then an entry of the server: %d entries, %v; want %v", what, n, err, ErrChain)
		}
	}
}

// TestEntriesBeforeChain checks that entries from before the chain existed are accepted, but
// not after the log was cut.
func TestEntriesBeforeChain(t *testing.T) {
	mac := keys{"key"}
	chain, all, err := EventChain{N: 1, First: 3, Last: 2}.Sign(mac).Append(mac, []Event{{ID: "3"}, {ID: "4"}})
	if err != nil {
		t.Fatal(err)
	}
	before := []Event{{Seq: 1, ID: "1"}, {Seq: 2, ID: "2"}}
	if n, err := verify(mac, chain, slices.Concat(before, all)); err != nil || n != 2 {
		t.Errorf("%d entries, %v; want 2", n, err)
	}
	if n, err := verify(mac, chain.Cut(mac, all[0]), slices.Concat(before, all[1:])); !errors.Is(err, ErrChain) {
		t.Errorf("after a cut: %d entries, %v; want %v", n, err, ErrChain)
	}
	if new := (EventChain{First: 1}); !new.New() || new.Sign(mac).New() || chain.New() {
		t.Error("New is wrong about which chain is new")
	}
}

// TestUnlinked checks that a verifier accepts only entries that a server wrote, under any
// of its keys, and reports the oldest.
func TestUnlinked(t *testing.T) {
	old, both := keys{"old"}, keys{"new", "old"}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	chain, events := newLog(old, 2)
	chain.LinkedAt = at
	first, second := Event{ID: "a", At: at.Add(time.Second)}.Unlinked(both), Event{ID: "b", At: at}.Unlinked(old)
	report, err := verifyAll(both, chain, events, []Unlinked{first, second})
	if want := (Report{2, at, 2, at}); err != nil || report != want || report.Entries() != 4 {
		t.Errorf("%+v, %v; want %+v", report, err, want)
	}
	for what, tamper := range map[string]func(*Unlinked){
		"a changed entry":               func(u *Unlinked) { u.UserID = "bob" },
		"an entry of the chain":         func(u *Unlinked) { u.Replayed = true },
		"an entry without a MAC":        func(u *Unlinked) { u.MAC = nil },
		"an entry with another's MAC":   func(u *Unlinked) { u.MAC = second.MAC },
		"an entry of an attacker's key": func(u *Unlinked) { *u = u.Event.Unlinked(keys{"forged"}) },
		"the MAC of a chain":            func(u *Unlinked) { u.MAC = old.MAC(chainPurpose, u.unlinkedText()) },
	} {
		u := first
		tamper(&u)
		if _, err := verifyAll(both, chain, events, []Unlinked{u}); !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v; want %v", what, err, ErrChain)
		}
	}
}
