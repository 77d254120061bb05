package audit

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// ErrChain means that an attacker has changed the log.
var ErrChain = errors.New("the security log has been tampered with")

// Verifier verifies a whole log. Call Begin with its chain, Add with each of its entries in
// order, and then End, which reports whether the log is complete. Each fails with
// [ErrChain]. The error says where the log was changed.
type Verifier struct {
	mac   MAC
	chain EventChain
	next  int64  // the Seq of the next entry
	hash  []byte // of the previous entry
	n     int64
}

// NewVerifier returns a Verifier for a log that was signed with the keys of mac.
func NewVerifier(mac MAC) *Verifier { return &Verifier{mac: mac} }

// Begin starts with the chain of the log, and verifies its MAC.
func (v *Verifier) Begin(c EventChain) error {
	v.chain, v.next, v.hash = c, c.First, c.FirstPrevious
	if !c.signed(v.mac) {
		return fmt.Errorf("%w: the signature of its end is invalid", ErrChain)
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
	v.n++
	return nil
}

// End returns the number of entries in the chain.
func (v *Verifier) End() (n int64, err error) {
	switch {
	case v.next > v.chain.Last+1:
		return v.n, fmt.Errorf("%w: entry %d was inserted", ErrChain, v.chain.Last+1)
	case v.next <= v.chain.Last || !bytes.Equal(v.hash, v.chain.Hash):
		return v.n, fmt.Errorf("%w: entry %d is missing", ErrChain, v.next)
	}
	return v.n, nil
}
