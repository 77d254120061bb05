package account

import (
	"context"
	"time"

	"latchkey/shared"
)

// A RateLimit limits attempts in a fixed window. The first attempt opens a window, and the
// first attempt after its end opens the next one.
type RateLimit struct {
	Name   string // part of the key of the count
	Max    int
	Window time.Duration
}

// The limits per account or browser. Package server has the limits per IP address.
var (
	// SignInLimit is per account.
	SignInLimit = RateLimit{"sign-in account", 10, 15 * time.Minute}
	// KnownDeviceSignInLimit replaces SignInLimit for a browser that has signed in to the
	// account before. It is per browser, so that an attacker who guesses elsewhere does not
	// lock the owner out.
	KnownDeviceSignInLimit = RateLimit{"sign-in browser", 10, 15 * time.Minute}
	// PasswordPromptLimit is per account, for password prompts in a session: an attacker
	// with a stolen session must not guess the password.
	PasswordPromptLimit = RateLimit{"password prompt", 10, 15 * time.Minute}
)

// RateLimitWindow is a count of attempts. Its key is a MAC, so that it does not reveal what
// is counted.
type RateLimitWindow struct {
	Key       []byte `bun:",pk"`
	N         int
	Pending   int // guesses among N that [Service.SettleGuess] has not settled
	ExpiresAt time.Time
}

// Allow counts an attempt before it is made. It fails with [shared.ErrTooManyRequests] if
// the attempts with this key exceed the limit.
func (s *Service) Allow(ctx context.Context, l RateLimit, key string) error {
	if s.Unlimited {
		return nil
	}
	now := s.Now()
	a, err := s.Store.IncrementRateLimit(ctx, s.rateLimitKey(l, key), now, now.Add(l.Window))
	if err != nil {
		return err
	}
	if a.N > l.Max {
		return shared.ErrTooManyRequests.After(a.ExpiresAt.Sub(now))
	}
	return nil
}

// A Guess is an attempt that counts before its result is known. Settling a guess affects
// only that guess: it cannot undo another one, or change a later window.
type Guess struct {
	key     []byte // nil if it does not count
	expires time.Time
}

// ReserveGuess counts a guess. It fails with [shared.ErrTooManyRequests], and counts
// nothing, if l.Max guesses in the window are wrong or unsettled. In that case, undecided
// reports whether some are unsettled, so that a retry may succeed soon. The caller must
// settle the guess with [Service.SettleGuess].
func (s *Service) ReserveGuess(ctx context.Context, l RateLimit, key string) (g Guess, undecided bool, err error) {
	if s.Unlimited {
		return Guess{}, false, nil
	}
	now := s.Now()
	a, admitted, err := s.Store.ReserveRateLimit(ctx, s.rateLimitKey(l, key), l.Max, now, now.Add(l.Window))
	if err != nil {
		return Guess{}, false, err
	}
	if !admitted {
		return Guess{}, a.Pending > 0, shared.ErrTooManyRequests.After(a.ExpiresAt.Sub(now))
	}
	return Guess{a.Key, a.ExpiresAt}, false, nil
}

// SettleGuess sets the result of a guess. A free guess, one that was correct or could not
// be checked, is taken off the count. A wrong guess stays in the count, and so does one
// that is never settled because the server stopped.
func (s *Service) SettleGuess(ctx context.Context, g Guess, free bool) error {
	if g.key == nil {
		return nil
	}
	return s.Store.SettleRateLimit(ctx, g.key, g.expires, free)
}

// resetRateLimit forgets the attempts that [Service.Allow] has counted.
func (s *Service) resetRateLimit(ctx context.Context, tx Store, key []byte) error {
	if s.Unlimited {
		return nil
	}
	return tx.ResetRateLimit(ctx, key)
}

func (s *Service) rateLimitKey(l RateLimit, key string) []byte {
	return s.Keys.MAC("attempt "+l.Name, key)
}

type rateLimitStore interface {
	// IncrementRateLimit adds one to the count of key and returns it, in one statement. A count
	// that expired before now starts again at one and expires at the given time.
	IncrementRateLimit(ctx context.Context, key []byte, now, expires time.Time) (RateLimitWindow, error)
	// ReserveRateLimit adds one to the count of key and to its pending guesses, in one
	// statement, unless the count has reached max, and reports whether it did. A count that
	// expired before now starts again at one and expires at the given time.
	ReserveRateLimit(ctx context.Context, key []byte, max int, now, expires time.Time) (RateLimitWindow, bool, error)
	// SettleRateLimit takes one off the pending guesses of key, and off its count, too, if the
	// guess is free. It does nothing if no guess is pending, or if the window does not
	// expire at the given time and so is a later one.
	SettleRateLimit(ctx context.Context, key []byte, expires time.Time, free bool) error
	// ResetRateLimit sets the count of key to zero.
	ResetRateLimit(ctx context.Context, key []byte) error
}
