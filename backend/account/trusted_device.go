package account

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"latchkey/shared"
)

const (
	// TrustLifetime is how long a browser needs no second factor after its last sign-in.
	TrustLifetime = 30 * day
	// trustWindow is how recently a session must have presented a second factor to make its
	// browser a trusted device: enough time to answer the question after a code.
	trustWindow = 5 * time.Minute
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

// TrustDevice makes the actor's browser a trusted device. If it is one already, it returns ""
// and changes nothing. Errors:
//   - [shared.ErrTwoFactorNotEnabled]: no sign-in of the user needs a second factor
//   - [shared.ErrFactorNotFresh]: see [Service.trustDevice]
func (s *Service) TrustDevice(ctx context.Context, actor Actor) (trust TrustTokens, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if !in.User.TwoFactorEnabled {
			return shared.ErrTwoFactorNotEnabled
		}
		devices, err := in.TrustedDevices(ctx, in.User.ID, s.Now())
		if err != nil || slices.ContainsFunc(devices, actor.Client.Trust.Match) {
			return err
		}
		trust, err = s.trustDevice(ctx, in, actor)
		return err
	})
	return trust, err
}

// trustDevice makes the actor's browser a trusted device. It fails with
// [shared.ErrFactorNotFresh] unless the session presented a second factor, or an emailed code
// at its sign-in, within the [trustWindow], and has made no trusted device since: one code
// makes one trusted device.
func (s *Service) trustDevice(ctx context.Context, in userTx, actor Actor) (TrustTokens, error) {
	token, now := NewToken(), s.Now()
	if err := in.RecordTrust(ctx, actor.Session, now.Add(-trustWindow), now); err != nil {
		return "", err
	}
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
		ended, err := in.TakeTrustedDevice(ctx, in.User.ID, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		e := s.sessionEvent(shared.EventTrustedDeviceRevoked, actor)
		e.Subject = id
		return in.AddEvent(ctx, s.Keys, withDetail(e, map[string]string{DetailUserAgent: ended.UserAgent}))
	})
}

// RevokeTrustedDevices ends the trust in all devices of the session's user.
func (s *Service) RevokeTrustedDevices(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		n, err := in.DeleteTrustedDevices(ctx, in.User.ID)
		if err != nil || n == 0 {
			return err
		}
		return in.AddEvent(ctx, s.Keys, withCount(s.sessionEvent(shared.EventTrustedDeviceRevoked, actor), n))
	})
}

type trustedDeviceStore interface {
	// RecordTrust records that a session makes its browser a trusted device now. It fails
	// with [shared.ErrFactorNotFresh] unless the session presented a second factor after
	// since, or was opened by an emailed code after since, and has made no trusted device
	// since then: of several callers, one succeeds.
	RecordTrust(ctx context.Context, s Session, since, now time.Time) error
	AddTrustedDevice(ctx context.Context, d TrustedDevice) error
	// RotateTrustedDevice replaces the hash old of a user's unexpired device, and records
	// when and from where it was used. It fails with [ErrNotFound] if there is none: of
	// several callers, one succeeds.
	RotateTrustedDevice(ctx context.Context, old []byte, d TrustedDevice) error
	// TrustedDevices returns the unexpired devices of a user, most recently used first.
	TrustedDevices(ctx context.Context, user string, now time.Time) ([]TrustedDevice, error)
	// TakeTrustedDevice deletes a device of a user, and returns it. It fails with
	// [ErrNotFound] if there is none.
	TakeTrustedDevice(ctx context.Context, user, id string) (TrustedDevice, error)
	// DeleteTrustedDevices deletes all devices of a user and returns how many.
	DeleteTrustedDevices(ctx context.Context, user string) (int, error)
}
