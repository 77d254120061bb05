// Package audit defines the audit log: the kinds of events, and the hash chain that shows
// whether an attacker has changed the log. It neither stores events nor decides when one is
// written: packages store and account do.
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
	// MAC returns the code of message under the current key. A code for one purpose
	// is invalid for every other.
	MAC(purpose, message string) []byte
	// MACs returns the code of message under each key, also those before.
	MACs(purpose, message string) [][]byte
}

// Event is one entry of the audit log. It is written in the transaction of the
// change that it records, and holds no secret.
type Event struct {
	Seq       int64 `bun:",pk"` // from 1 on, without gaps
	ID        string
	At        time.Time
	Kind      string
	ActorID   string // the user who acted; empty for strangers and operators
	UserID    string // whose account; empty for an address without one
	SessionID string // the session that acted, if one did
	Subject   string // its target, if not the account: the ID of a session, a trusted device or a passkey, or the name of a setting
	Detail    string // more about it, in JSON; empty if there is nothing
	IP        string
	UserAgent string
	Previous  []byte // the hash of the entry before
	Hash      []byte
}

// chained returns the event as the successor of one with the given hash.
func (e Event) chained(seq int64, previous []byte) Event {
	e.Seq, e.Previous = seq, previous
	e.Hash = e.digest()
	return e
}

// digest is SHA-256 over all of the event. The length of each part stands before
// it, so that no text can move from one part to another.
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

// EventChain says where the audit log begins and ends, under a MAC of the
// server's key. An attacker who can only write to the database can neither remove
// entries nor add any without [Verifier] noticing.
type EventChain struct {
	N             int64 `bun:",pk"`
	First         int64 // the Seq of the first entry
	FirstPrevious []byte
	Last          int64 // First - 1 if there is none
	Hash          []byte
	MAC           []byte `bun:"mac"`
}

// purpose is what the MAC of a chain is for.
const purpose = "event chain"

func (c EventChain) text() string {
	return fmt.Sprintf("%d %x %d %x", c.First, c.FirstPrevious, c.Last, c.Hash)
}

// New reports whether nothing was written to the log since it became a chain.
func (c EventChain) New() bool {
	return c.Last == c.First-1 && len(c.FirstPrevious)+len(c.Hash)+len(c.MAC) == 0
}

// Sign returns the chain under a MAC of the current key.
func (c EventChain) Sign(mac MAC) EventChain {
	c.MAC = mac.MAC(purpose, c.text())
	return c
}

// signed reports whether one of the keys made the chain's MAC.
func (c EventChain) signed(mac MAC) bool {
	return slices.ContainsFunc(mac.MACs(purpose, c.text()), func(m []byte) bool { return hmac.Equal(m, c.MAC) })
}

// Append puts events at the end of the chain, under a new MAC. It does not sign a
// chain that is not signed: an attacker's entries must not pass for the server's
// because the server wrote more after them.
func (c EventChain) Append(mac MAC, events []Event) (EventChain, []Event) {
	signed := c.signed(mac)
	for i, e := range events {
		events[i] = e.chained(c.Last+1, c.Hash)
		c.Last, c.Hash = events[i].Seq, events[i].Hash
	}
	if signed {
		c = c.Sign(mac)
	}
	return c, events
}

// Cut returns the chain without the entries up to the given one. Like
// [EventChain.Append], it does not sign a chain that is not signed.
func (c EventChain) Cut(mac MAC, last Event) EventChain {
	signed := c.signed(mac)
	c.First, c.FirstPrevious = last.Seq+1, last.Hash
	if signed {
		c = c.Sign(mac)
	}
	return c
}
