// Package audit defines the audit log: its events, and the hash chain that shows whether an
// attacker has changed the log. It neither stores events nor decides when to write one:
// packages store and account do that. The kinds of events are in package shared.
package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// MAC computes message authentication codes under the keys of the server.
type MAC interface {
	// MAC returns the code of message under the current key. A code for one purpose is
	// invalid for every other purpose.
	MAC(purpose, message string) []byte
	// MACs returns the code of message under each key, current and former.
	MACs(purpose, message string) [][]byte
}

// Event is an entry of the audit log. The transaction of the change that it records writes
// it. It contains no secret. Soon after the commit, a server links it to the chain.
type Event struct {
	Seq       int64 `bun:",pk"` // from 1, without gaps, in the order of linking
	ID        string
	At        time.Time
	Kind      string // one of the names in shared.EventKinds
	ActorID   string // the user who acted; empty for unknown callers and operators
	UserID    string // the account concerned; empty for an address without one
	SessionID string // the session that acted; empty if none
	Subject   string // its target, if not the account: the ID of a session, a trusted device or a passkey, or the name of a setting
	Detail    string // more details, in JSON; empty if none
	IP        string
	UserAgent string
	Previous  []byte // the hash of the previous entry
	Hash      []byte
}

// chained returns the event as the entry seq, after the entry with the hash previous.
func (e Event) chained(seq int64, previous []byte) Event {
	e.Seq, e.Previous = seq, previous
	e.Hash = e.digest()
	return e
}

// digest returns the SHA-256 hash of all fields of the event except Hash. The length of
// each field precedes it, so that text cannot move from one field to another.
func (e Event) digest() []byte {
	h := sha256.New()
	for _, part := range []string{
		strconv.FormatInt(e.Seq, 10), e.ID, e.At.UTC().Format(time.RFC3339Nano), e.Kind, e.ActorID, e.UserID, e.SessionID,
		e.Subject, e.Detail, e.IP, e.UserAgent, string(e.Previous),
	} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}

// EventChain records where the audit log begins and ends, under a MAC of the server's key.
// An attacker who can only write to the database can neither remove nor add entries without
// [Verifier] noticing.
type EventChain struct {
	N             int64 `bun:",pk"`
	First         int64 // the Seq of the first entry
	FirstPrevious []byte
	Last          int64 // First - 1 if there is none
	Hash          []byte
	MAC           []byte `bun:"mac"`
	// LinkedAt is when an entry was last linked; zero if no server has recorded it. It is
	// information for operators and not under the MAC, so that earlier versions of the
	// program, which do not know it, can verify the chain.
	LinkedAt time.Time `bun:",nullzero"`
}

// chainPurpose is the purpose of the MAC of a chain.
const chainPurpose = "event chain"

func (c EventChain) text() string {
	return fmt.Sprintf("%d %x %d %x", c.First, c.FirstPrevious, c.Last, c.Hash)
}

// New reports whether the log has had no entries and no MAC since it became a chain.
func (c EventChain) New() bool {
	return c.Last == c.First-1 && len(c.FirstPrevious)+len(c.Hash)+len(c.MAC) == 0
}

// Sign returns the chain under a MAC of the current key.
func (c EventChain) Sign(mac MAC) EventChain {
	c.MAC = mac.MAC(chainPurpose, c.text())
	return c
}

// signed reports whether one of the keys made the chain's MAC.
func (c EventChain) signed(mac MAC) bool {
	return isMAC(mac, chainPurpose, c.text(), c.MAC)
}

// An Unlinked is an entry that is committed but not in the chain yet. Its MAC shows that a
// server wrote it: otherwise, the server would link an entry of an attacker who can only
// write to the database, and so make it valid.
type Unlinked struct {
	Event           // without Seq, Previous and Hash
	MAC      []byte `bun:"mac"`
	Replayed bool   `bun:",scanonly"` // whether the chain has an entry with this ID already
}

// eventPurpose is the purpose of the MAC of an [Unlinked].
const eventPurpose = "event"

func (e Event) unlinkedText() string {
	e.Seq, e.Previous = 0, nil
	return string(e.digest())
}

// Unlinked returns the event as an entry to be linked, under a MAC of the current key.
func (e Event) Unlinked(mac MAC) Unlinked {
	return Unlinked{Event: e, MAC: mac.MAC(eventPurpose, e.unlinkedText())}
}

// Genuine reports whether a server wrote the entry, and it is not in the chain already.
func (u Unlinked) Genuine(mac MAC) bool {
	return !u.Replayed && isMAC(mac, eventPurpose, u.unlinkedText(), u.MAC)
}

func isMAC(mac MAC, purpose, message string, code []byte) bool {
	return slices.ContainsFunc(mac.MACs(purpose, message), func(m []byte) bool { return hmac.Equal(m, code) })
}

// Append appends events to the chain, under a new MAC. It fails with [ErrChain] if the
// chain's MAC is not valid: entries of the server must not make an attacker's entries valid.
func (c EventChain) Append(mac MAC, events []Event) (EventChain, []Event, error) {
	if !c.signed(mac) {
		return c, nil, errUnsigned
	}
	for i, e := range events {
		events[i] = e.chained(c.Last+1, c.Hash)
		c.Last, c.Hash = events[i].Seq, events[i].Hash
	}
	return c.Sign(mac), events, nil
}

// Cut returns the chain without the entries up to and including last. It does not sign a
// chain whose MAC is not valid.
func (c EventChain) Cut(mac MAC, last Event) EventChain {
	signed := c.signed(mac)
	c.First, c.FirstPrevious = last.Seq+1, last.Hash
	if signed {
		c = c.Sign(mac)
	}
	return c
}
