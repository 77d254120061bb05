package audit

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// ErrChain means that an attacker has changed the log.
var ErrChain = errors.New("the security log has been tampered with")

var errUnsigned = fmt.Errorf("%w: the signature of its end is invalid", ErrChain)

// A Report describes a log that was verified.
type Report struct {
	Linked   int64     // the number of entries in the chain
	LinkedAt time.Time // when the newest of them was linked; zero if unknown
	Unlinked int64     // the number of entries that are not linked yet
	Oldest   time.Time // the time of the oldest of those; zero if there is none
}

// Entries returns the number of all entries.
func (r Report) Entries() int64 { return r.Linked + r.Unlinked }

// Verifier verifies a whole log. Call Begin with its chain, Add with each of its entries in
// order, AddUnlinked with each entry that is not linked yet, and then End, which reports
// whether the log is complete. Each fails with [ErrChain]. The error says where the log was
// changed.
//
// An entry that is not linked yet has no successor that would show that it is missing. So a
// Verifier detects forged and changed ones, but not deleted ones.
type Verifier struct {
	mac    MAC
	chain  EventChain
	next   int64  // the Seq of the next entry
	hash   []byte // of the previous entry
	report Report
}

// NewVerifier returns a Verifier for a log that was signed with the keys of mac.
func NewVerifier(mac MAC) *Verifier { return &Verifier{mac: mac} }

// Begin starts with the chain of the log, and verifies its MAC.
func (v *Verifier) Begin(c EventChain) error {
	v.chain, v.next, v.hash = c, c.First, c.FirstPrevious
	if !c.signed(v.mac) {
		return errUnsigned
	}
	return nil
}

// Add verifies the next entry.
func (v *Verifier) Add(e Event) error {
	switch {
	case 0 < e.Seq && e.Seq < v.next && len(v.chain.FirstPrevious)+len(e.Hash) == 0:
		return nil // from before the chain existed, and the chain was not cut since
	case e.Seq < v.next:
		return fmt.Errorf("%w: entry %d of %s was inserted", ErrChain, e.Seq, e.At.Format(time.RFC3339))
	case e.Seq != v.next:
		return fmt.Errorf("%w: entry %d is missing", ErrChain, v.next)
	case !bytes.Equal(e.Previous, v.hash), !bytes.Equal(e.digest(), e.Hash):
		return fmt.Errorf("%w: entry %d of %s was changed", ErrChain, e.Seq, e.At.Format(time.RFC3339))
	}
	v.next, v.hash = e.Seq+1, e.Hash
	v.report.Linked++
	return nil
}

// AddUnlinked verifies an entry that is not linked yet.
func (v *Verifier) AddUnlinked(u Unlinked) error {
	if !u.Genuine(v.mac) {
		return fmt.Errorf("%w: the entry %s of %s was not written by a server", ErrChain, u.ID, u.At.Format(time.RFC3339))
	}
	if v.report.Unlinked++; v.report.Oldest.IsZero() || u.At.Before(v.report.Oldest) {
		v.report.Oldest = u.At.UTC()
	}
	return nil
}

// End returns what the log consists of.
func (v *Verifier) End() (Report, error) {
	switch {
	case v.next > v.chain.Last+1:
		return v.report, fmt.Errorf("%w: entry %d was inserted", ErrChain, v.chain.Last+1)
	case v.next <= v.chain.Last || !bytes.Equal(v.hash, v.chain.Hash):
		return v.report, fmt.Errorf("%w: entry %d is missing", ErrChain, v.next)
	}
	v.report.LinkedAt = v.chain.LinkedAt.UTC()
	return v.report, nil
}
