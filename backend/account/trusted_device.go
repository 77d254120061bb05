package account

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"latchkey/backend/audit"
)

const (
	// TrustLifetime is how long a browser is asked for no second factor, from
	// its last sign-in on.
	TrustLifetime = 30 * day
	// trustedDeviceAccounts is how many accounts can trust one browser.
	trustedDeviceAccounts = knownDeviceAccounts
)

// TrustedDevice is a browser that is asked for no second factor.
type TrustedDevice struct {
	ID         string `bun:",pk"`
	UserID     string
	Hash       []byte // of the token in the browser's cookie
	IP         string `bun:"ip"` // the last seen
	UserAgent  string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// TrustTokens is what a trusted browser keeps: a token for each of the last few
// accounts that trust it, the last one first.
type TrustTokens string

func (t TrustTokens) split() (tokens []Token) {
	for part := range strings.SplitSeq(string(t), ".") {
		if token, ok := ParseToken(part); ok && len(tokens) < trustedDeviceAccounts {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// replace is the tokens with a new one in the place of old, if that is there.
func (t TrustTokens) replace(new, old Token) TrustTokens {
	parts := []string{string(new)}
	for _, token := range t.split() {
		if token != old && len(parts) < trustedDeviceAccounts {
			parts = append(parts, string(token))
		}
	}
	return TrustTokens(strings.Join(parts, "."))
}

// String does not print the tokens.
func (t TrustTokens) String() string { return "[tokens]" }

// Match reports whether one of the tokens is the device's.
func (t TrustTokens) Match(d TrustedDevice) bool {
	for _, token := range t.split() {
		if string(token.Hash()) == string(d.Hash) {
			return true
		}
	}
	return false
}

// trustDevice makes the browser one that is asked no more.
func (s *Service) trustDevice(ctx context.Context, in userTx, actor Actor) (TrustTokens, error) {
	token, now := NewToken(), s.Now()
	d := TrustedDevice{
		ID: rand.Text(), UserID: in.User.ID, Hash: token.Hash(), IP: actor.Client.IP, UserAgent: actor.Client.UserAgent,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(TrustLifetime),
	}
	if err := in.AddTrustedDevice(ctx, d); err != nil {
		return "", err
	}
	e := s.sessionEvent(audit.EventDeviceTrusted, actor)
	e.Subject = d.ID
	return actor.Client.Trust.replace(token, ""), in.AddEvent(ctx, s.Keys, e)
}

// rotateTrust returns what the browser is to keep from now on, if the user trusts
// it: a token opens one sign-in, and the next one the next. It fails with
// [ErrNotFound] if the user does not.
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

// RevokeTrustedDevice ends the trust in a device of the session's user, if there is it.
func (s *Service) RevokeTrustedDevice(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteTrustedDevice(ctx, in.User.ID, id)
		if err != nil || n == 0 {
			return err
		}
		e := s.sessionEvent(audit.EventTrustedDeviceRevoked, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, e)
	})
}

// RevokeTrustedDevices ends the trust in all of them.
func (s *Service) RevokeTrustedDevices(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteTrustedDevices(ctx, in.User.ID)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventTrustedDeviceRevoked, actor))
	})
}

type trustedDeviceStore interface {
	AddTrustedDevice(ctx context.Context, d TrustedDevice) error
	// RotateTrustedDevice puts the unexpired device of the user that has the old
	// hash under a new one, and writes when and from where it was used. It fails
	// with [ErrNotFound] if there is none: of several who use it, one does.
	RotateTrustedDevice(ctx context.Context, old []byte, d TrustedDevice) error
	// TrustedDevices returns the unexpired ones of a user, the last used first.
	TrustedDevices(ctx context.Context, user string, now time.Time) ([]TrustedDevice, error)
	// DeleteTrustedDevice returns how many, 0 or 1, it deleted.
	DeleteTrustedDevice(ctx context.Context, user, id string) (int, error)
	// DeleteTrustedDevices deletes all of a user and returns how many.
	DeleteTrustedDevices(ctx context.Context, user string) (int, error)
}
