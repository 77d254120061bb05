package account

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"latchkey/shared"
)

const (
	// TrustLifetime is how long a browser needs no second factor after its last sign-in.
	TrustLifetime = 30 * day
	// trustedDeviceAccounts is how many accounts can trust one browser.
	trustedDeviceAccounts = knownDeviceAccounts
)

// TrustedDevice is a browser that needs no second factor.
type TrustedDevice struct {
	ID         string `bun:",pk"`
	UserID     string
	Hash       []byte // of the token in the browser's cookie
	IP         string `bun:"ip"` // the most recent one
	UserAgent  string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// TrustTokens are the tokens that a trusted browser keeps, one for each of the last few
// accounts that trust it, most recent first.
type TrustTokens string

func (t TrustTokens) split() (tokens []Token) {
	for part := range strings.SplitSeq(string(t), ".") {
		if token, ok := ParseToken(part); ok && len(tokens) < trustedDeviceAccounts {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// replace returns the tokens with a new one, and without old.
func (t TrustTokens) replace(new, old Token) TrustTokens {
	parts := []string{string(new)}
	for _, token := range t.split() {
		if token != old && len(parts) < trustedDeviceAccounts {
			parts = append(parts, string(token))
		}
	}
	return TrustTokens(strings.Join(parts, "."))
}

// String returns a placeholder, so that formatting does not reveal the tokens.
func (t TrustTokens) String() string { return "[tokens]" }

// Match reports whether one of the tokens belongs to the device.
func (t TrustTokens) Match(d TrustedDevice) bool {
	for _, token := range t.split() {
		if string(token.Hash()) == string(d.Hash) {
			return true
		}
	}
	return false
}

// trustDevice makes the actor's browser a trusted device.
func (s *Service) trustDevice(ctx context.Context, in userTx, actor Actor) (TrustTokens, error) {
	token, now := NewToken(), s.Now()
	d := TrustedDevice{
		ID: rand.Text(), UserID: in.User.ID, Hash: token.Hash(), IP: actor.Client.IP, UserAgent: actor.Client.UserAgent,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(TrustLifetime),
	}
	if err := in.AddTrustedDevice(ctx, d); err != nil {
		return "", err
	}
	e := s.sessionEvent(shared.EventDeviceTrusted, actor)
	e.Subject = d.ID
	return actor.Client.Trust.replace(token, ""), in.AddEvent(ctx, s.Keys, e)
}

// rotateTrust replaces the browser's token for the user, and returns the browser's new
// tokens. Each token is valid for one sign-in. It fails with [ErrNotFound] if the user does
// not trust the browser.
func (s *Service) rotateTrust(ctx context.Context, in userTx, client Client) (TrustTokens, error) {
	now := s.Now()
	for _, old := range client.Trust.split() {
		token := NewToken()
		err := in.RotateTrustedDevice(ctx, old.Hash(), TrustedDevice{
			UserID: in.User.ID, Hash: token.Hash(), IP: client.IP, UserAgent: client.UserAgent, LastUsedAt: now, ExpiresAt: now.Add(TrustLifetime),
		})
		if !errors.Is(err, ErrNotFound) {
			return client.Trust.replace(token, old), err
		}
	}
	return "", ErrNotFound
}

// RevokeTrustedDevice ends the trust in a device of the session's user, if it exists.
func (s *Service) RevokeTrustedDevice(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteTrustedDevice(ctx, in.User.ID, id)
		if err != nil || n == 0 {
			return err
		}
		e := s.sessionEvent(shared.EventTrustedDeviceRevoked, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, e)
	})
}

// RevokeTrustedDevices ends the trust in all devices of the session's user.
func (s *Service) RevokeTrustedDevices(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteTrustedDevices(ctx, in.User.ID)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventTrustedDeviceRevoked, actor))
	})
}

type trustedDeviceStore interface {
	AddTrustedDevice(ctx context.Context, d TrustedDevice) error
	// RotateTrustedDevice replaces the hash old of a user's unexpired device, and records
	// when and from where it was used. It fails with [ErrNotFound] if there is none: of
	// several callers, one succeeds.
	RotateTrustedDevice(ctx context.Context, old []byte, d TrustedDevice) error
	// TrustedDevices returns the unexpired devices of a user, most recently used first.
	TrustedDevices(ctx context.Context, user string, now time.Time) ([]TrustedDevice, error)
	// DeleteTrustedDevice returns how many devices it deleted: 0 or 1.
	DeleteTrustedDevice(ctx context.Context, user, id string) (int, error)
	// DeleteTrustedDevices deletes all devices of a user and returns how many.
	DeleteTrustedDevices(ctx context.Context, user string) (int, error)
}
