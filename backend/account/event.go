package account

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"latchkey/backend/keyring"
)

// The kinds of events that the audit log tells of.
const (
	EventSignUp          = "sign-up"
	EventSignIn          = "sign-in"
	EventSignInFailed    = "sign-in-failed"
	EventSignInLimited   = "sign-in-limited"
	EventSignOut         = "sign-out"
	EventStepUp          = "step-up"
	EventPasswordFailed  = "password-failed"
	EventPasswordChanged = "password-changed"
	EventSessionRevoked  = "session-revoked"
	EventSessionsRevoked = "sessions-revoked"
	EventUserUpdated     = "user-updated"
	EventUserDeleted     = "user-deleted"

	EventTwoFactorPending      = "two-factor-pending"
	EventTwoFactorEnabled      = "two-factor-enabled"
	EventTwoFactorDisabled     = "two-factor-disabled"
	EventAuthenticatorReplaced = "authenticator-replaced"
	EventTOTPURIRead           = "totp-uri-read"
	EventBackupCodesMade       = "backup-codes-made"
	EventBackupCodeUsed        = "backup-code-used"
	EventChallenged            = "challenged"
	EventCodeFailed            = "code-failed"
	EventCodesLocked           = "codes-locked" // by a wrong one, in the place of EventCodeFailed
	EventCodesUnlocked         = "codes-unlocked"
	EventCodeMailed            = "code-mailed"
	EventDeviceTrusted         = "device-trusted"
	EventTrustedDeviceRevoked  = "trusted-device-revoked"

	EventPasskeyAdded   = "passkey-added"
	EventPasskeyRenamed = "passkey-renamed"
	EventPasskeyDeleted = "passkey-deleted"
	EventPasskeyFailed  = "passkey-failed"
	EventPasskeyCopied  = "passkey-copied" // there may be two of it

	EventSignUpTaken           = "sign-up-taken" // of an address that has an account, which the caller was not told
	EventResetRequested        = "reset-requested"
	EventPasswordReset         = "password-reset"
	EventEmailVerified         = "email-verified"
	EventEmailChangeRequested  = "email-change-requested"
	EventEmailChanged          = "email-changed"
	EventUserDeletionRequested = "user-deletion-requested"
	EventDisowned              = "disowned" // the owner says that they did not do it

	EventSettingChanged = "setting-changed"

	EventMailDropped       = "mail-dropped"    // nobody took it; Subject is the mail's
	EventSignInRefused     = "sign-in-refused" // with the right password or passkey, to an account that is disabled
	EventFactorsReset      = "factors-reset"
	EventSessionsEnded     = "sessions-ended" // by an administrator
	EventUserDisabled      = "user-disabled"
	EventUserEnabled       = "user-enabled"
	EventPermissionGranted = "permission-granted"
	EventPermissionRevoked = "permission-revoked"
	EventRecovered         = "recovered" // on the host, for who could not get in any more
	EventKeyRotated        = "key-rotated"
	EventKeyMissing        = "key-missing" // of something that is sealed
)

// Event is one entry of the audit log. It is written in the transaction of the
// thing that it tells of, and holds no secret.
type Event struct {
	Seq       int64 `bun:",pk"` // from 1 on, without gaps
	ID        string
	At        time.Time
	Kind      string
	ActorID   string // who did it; empty for a stranger and for whoever runs the server
	UserID    string // whose account; empty for an address without one
	SessionID string // the session that acted, if one did
	Subject   string // what it was done to, if not to the account: the id of a session, a trusted device or a passkey, or a system key
	Detail    string // JSON of what else there is to tell; empty if nothing
	IP        string
	UserAgent string
	Previous  []byte // the hash of the entry before
	Hash      []byte
}

// chained is the event as the one after another that has the given hash.
func (e Event) chained(seq int64, previous []byte) Event {
	e.Seq, e.Previous = seq, previous
	e.Hash = e.digest()
	return e
}

// digest is SHA-256 over all of the event, with the length of each part before
// it: what one part says cannot be moved into another.
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

// EventChain is where the audit log begins and ends. Its MAC is of the server's
// key: whoever can write to the database alone cannot take entries out of the
// log, or put others in, and have it look whole.
type EventChain struct {
	N             int64 `bun:",pk"`
	First         int64 // the Seq of the first entry
	FirstPrevious []byte
	Last          int64 // First - 1 if there is none
	Hash          []byte
	MAC           []byte `bun:"mac"`
}

func (c EventChain) text() string {
	return fmt.Sprintf("%d %x %d %x", c.First, c.FirstPrevious, c.Last, c.Hash)
}

// New reports whether nothing was ever written to the log since it is a chain.
func (c EventChain) New() bool {
	return c.Last == c.First-1 && len(c.FirstPrevious)+len(c.Hash)+len(c.MAC) == 0
}

// SignChain is the chain under a MAC of the current key.
func SignChain(keys keyring.Keys, c EventChain) EventChain {
	c.MAC = keys.MAC("event chain", c.text())
	return c
}

// signed reports whether one of the keys has made the chain's MAC.
func signed(keys keyring.Keys, c EventChain) bool {
	return slices.ContainsFunc(keys.MACs("event chain", c.text()), func(mac []byte) bool { return hmac.Equal(mac, c.MAC) })
}

// ChainEvents puts events at the end of a chain, under a new MAC. What somebody
// else has written gets none: it must not look like ours for what we add to it.
func ChainEvents(keys keyring.Keys, c EventChain, events []Event) (EventChain, []Event) {
	ours := signed(keys, c)
	for i, e := range events {
		events[i] = e.chained(c.Last+1, c.Hash)
		c.Last, c.Hash = events[i].Seq, events[i].Hash
	}
	if ours {
		c = SignChain(keys, c)
	}
	return c, events
}

// CutEvents is the chain without the entries up to the given one.
func CutEvents(keys keyring.Keys, c EventChain, last Event) EventChain {
	ours := signed(keys, c)
	c.First, c.FirstPrevious = last.Seq+1, last.Hash
	if ours {
		c = SignChain(keys, c)
	}
	return c
}

// CutEvents deletes the entries of the log that are older than it is to be kept.
func (s *Service) CutEvents(ctx context.Context) error {
	before := s.Now().Add(-s.Settings.Now().EventRetention)
	for {
		if more, err := s.Store.CutEvents(ctx, s.Keys, before); err != nil || !more {
			return err
		}
	}
}

// ErrChain says that somebody has tampered with the audit log.
var ErrChain = errors.New("the audit log is not as this server wrote it")

// VerifyLog reads the whole audit log and returns how many entries it has. It
// fails with [ErrChain], which says where, unless it is what was written.
func (s *Service) VerifyLog(ctx context.Context) (n int64, err error) {
	var chain EventChain
	at, hash := int64(0), []byte(nil)
	err = s.Store.ReadEvents(ctx, func(c EventChain) error {
		chain, at, hash = c, c.First, c.FirstPrevious
		if signed(s.Keys, c) {
			return nil
		}
		return fmt.Errorf("%w: its end was not written by this server", ErrChain)
	}, func(e Event) error {
		switch {
		case 0 < e.Seq && e.Seq < at && len(chain.FirstPrevious)+len(e.Hash) == 0: // from before there was a chain, and it was not cut since
			return nil
		case e.Seq < at:
			return fmt.Errorf("%w: entry %d, of %s, was put in", ErrChain, e.Seq, e.At.Format(time.RFC3339))
		case e.Seq != at:
			return fmt.Errorf("%w: entry %d is missing", ErrChain, at)
		case !bytes.Equal(e.Previous, hash), !bytes.Equal(e.digest(), e.Hash):
			return fmt.Errorf("%w: entry %d, of %s, was changed", ErrChain, e.Seq, e.At.Format(time.RFC3339))
		}
		at, hash = e.Seq+1, e.Hash
		n++
		return nil
	})
	switch {
	case errors.Is(err, ErrNotFound):
		err = fmt.Errorf("%w: what says where it ends is gone", ErrChain)
	case err == nil && at > chain.Last+1:
		err = fmt.Errorf("%w: entry %d was put in", ErrChain, chain.Last+1)
	case err == nil && (at <= chain.Last || !bytes.Equal(hash, chain.Hash)):
		err = fmt.Errorf("%w: entry %d is missing", ErrChain, at)
	}
	return n, err
}

// event is an event that a stranger's call led to.
func (s *Service) event(kind string, user string, client Client) Event {
	return Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: client.IP, UserAgent: client.UserAgent}
}

// sessionEvent is an event that the session of actor has caused.
func (s *Service) sessionEvent(kind string, actor Actor) Event {
	e := s.event(kind, actor.Session.UserID, actor.Client)
	e.ActorID, e.SessionID = actor.Session.UserID, actor.Session.ID
	return e
}

// detailFactor is what an [Event].Detail calls the second factor that has
// confirmed it.
const detailFactor = "factor"

// detail is what an [Event].Detail says.
func detail(says map[string]string) string {
	text, err := json.Marshal(says)
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// EventFilter is which events to list.
type EventFilter struct {
	User   string   // whose; empty for everybody's
	Kinds  []string // nil for all
	Before string   // the ID of one: those older than it; empty for the newest
	Limit  int
}

type eventStore interface {
	// AddEvent writes an event at the end of the log: at the end of the
	// transaction, if it is in one, so that the log's end is the last thing that
	// any of them waits for.
	AddEvent(ctx context.Context, keys keyring.Keys, e Event) error
	// Events returns those that the filter asks for, the newest first.
	Events(ctx context.Context, f EventFilter) ([]Event, error)
	// ReadEvents hands on the chain and then every event, the oldest first, as
	// they are at one moment. It stops with the first error of either.
	ReadEvents(ctx context.Context, chain func(EventChain) error, event func(Event) error) error
	// CutEvents deletes the oldest of the events before a time, few enough that
	// nobody who writes to the log waits for long, and reports whether there may
	// be more.
	CutEvents(ctx context.Context, keys keyring.Keys, before time.Time) (more bool, err error)
}
