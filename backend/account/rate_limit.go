package account

import (
	"context"
	"time"

	"latchkey/shared"
)

// A RateLimit bounds how often something may be tried. The first try opens a
// window; when it has passed, the next one opens a new one.
type RateLimit struct {
	Name   string // part of the key under which tries are counted
	Max    int
	Window time.Duration
}

// The limits that belong to accounts. Those that belong to addresses are the
// server's.
var (
	// SignInLimit is per account.
	SignInLimit = RateLimit{"sign-in account", 10, 15 * time.Minute}
	// KnownDeviceSignInLimit takes its place for a browser that has signed in to the
	// account before, and is per browser: who guesses elsewhere does not lock
	// the owner out.
	KnownDeviceSignInLimit = RateLimit{"sign-in browser", 10, 15 * time.Minute}
	// PasswordPromptLimit is per account, for passwords asked of someone who is
	// signed in: the thief of a session must not guess the password from
	// inside.
	PasswordPromptLimit = RateLimit{"password prompt", 10, 15 * time.Minute}
)

// RateLimitWindow is a count of tries. Its key does not tell what is counted.
type RateLimitWindow struct {
	Key       []byte `bun:",pk"`
	N         int
	Pending   int // guesses among N that [Service.SettleGuess] has not settled yet
	ExpiresAt time.Time
}

// Allow counts a try by who before it is judged, and fails with
// [shared.ErrTooManyRequests] if it is one too many.
func (s *Service) Allow(ctx context.Context, l RateLimit, who string) error {
	if s.Unlimited {
		return nil
	}
	now := s.Now()
	a, err := s.Store.CountAttempt(ctx, s.rateLimitKey(l, who), now, now.Add(l.Window))
	if err != nil {
		return err
	}
	if a.N > l.Max {
		return shared.ErrTooManyRequests.After(a.ExpiresAt.Sub(now))
	}
	return nil
}

// A Guess is a try that was counted before it was judged. It stands for itself
// alone: it cannot take off what another guess has added, or what belongs to a
// later window.
type Guess struct {
	key     []byte // nil for one that is not counted
	expires time.Time
}

// ReserveGuess counts a guess by who. It fails with [shared.ErrTooManyRequests], and
// counts nothing, if l.Max guesses of the window are wrong or not judged yet;
// undecided then reports whether some are not judged yet, so that there may be
// room in a moment. Each admitted guess must be settled by [Service.SettleGuess].
func (s *Service) ReserveGuess(ctx context.Context, l RateLimit, who string) (g Guess, undecided bool, err error) {
	if s.Unlimited {
		return Guess{}, false, nil
	}
	now := s.Now()
	a, admitted, err := s.Store.ReserveAttempt(ctx, s.rateLimitKey(l, who), l.Max, now, now.Add(l.Window))
	if err != nil {
		return Guess{}, false, err
	}
	if !admitted {
		return Guess{}, a.Pending > 0, shared.ErrTooManyRequests.After(a.ExpiresAt.Sub(now))
	}
	return Guess{a.Key, a.ExpiresAt}, false, nil
}

// SettleGuess says what became of a guess. One that was right, or that could not be judged,
// is free: it is taken off its count, which then is what it would be without it. A
// wrong one stays. A guess that is never settled, because the server died, stays as a
// wrong one does.
func (s *Service) SettleGuess(ctx context.Context, g Guess, free bool) error {
	if g.key == nil {
		return nil
	}
	return s.Store.SettleAttempt(ctx, g.key, g.expires, free)
}

func (s *Service) rateLimitKey(l RateLimit, who string) []byte {
	return s.Keys.MAC("attempt "+l.Name, who)
}

type rateLimitStore interface {
	// CountAttempt adds one to the count of key and returns it, in one
	// statement. A count that expired before now starts again at one and
	// expires at the given time.
	CountAttempt(ctx context.Context, key []byte, now, expires time.Time) (RateLimitWindow, error)
	// ReserveAttempt adds one to the count of key and to its pending guesses, in one
	// statement, unless the count is max already, and reports whether it did. A count
	// that expired before now starts again at one and expires at the given time.
	ReserveAttempt(ctx context.Context, key []byte, max int, now, expires time.Time) (RateLimitWindow, bool, error)
	// SettleAttempt takes one off the pending guesses of key, and off its count, too,
	// if the guess is free. It does nothing if the window does not expire at the given
	// time, so that it is a later one, or if no guess is pending.
	SettleAttempt(ctx context.Context, key []byte, expires time.Time, free bool) error
	// ResetAttempts sets the count of key back to none.
	ResetAttempts(ctx context.Context, key []byte) error
}
