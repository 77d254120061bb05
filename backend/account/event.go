package account

import (
	"context"
	"crypto/rand"
	"time"
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
)

// Event is one entry of the audit log. It is written in the transaction of the
// thing that it tells of, and holds no secret.
type Event struct {
	ID        string `bun:",pk"`
	At        time.Time
	Kind      string
	UserID    string // whose account; empty for an address without one
	SessionID string // the session that acted, if one did
	Subject   string // what it was done to, if not to the account: the id of a session, a trusted device or a passkey
	IP        string
	UserAgent string
}

func (s *Service) event(kind string, user string, from Client) Event {
	return Event{ID: rand.Text(), At: s.Now(), Kind: kind, UserID: user, IP: from.IP, UserAgent: from.UserAgent}
}

// sessionEvent is an event of the session's own doing.
func (s *Service) sessionEvent(kind string, session Session, from Client) Event {
	e := s.event(kind, session.UserID, from)
	e.SessionID = session.ID
	return e
}

type eventStore interface {
	AddEvent(ctx context.Context, e Event) error
}
