package account

import (
	"context"
	"time"

	"latchkey/shared"
)

// A Limit bounds how often something may be tried. The first try opens a
// window; when it has passed, the next one opens a new one.
type Limit struct {
	What   string // part of the key under which tries are counted
	Max    int
	Window time.Duration
}

// The limits that belong to accounts. Those that belong to addresses are the
// server's.
var (
	// SignInTries is per account.
	SignInTries = Limit{"sign-in account", 10, 15 * time.Minute}
	// BrowserTries takes its place for a browser that has signed in to the
	// account before, and is per browser: who guesses elsewhere does not lock
	// the owner out.
	BrowserTries = Limit{"sign-in browser", 10, 15 * time.Minute}
	// PasswordPrompts is per account, for passwords asked of someone who is
	// signed in: the thief of a session must not guess the password from
	// inside.
	PasswordPrompts = Limit{"password prompt", 10, 15 * time.Minute}
)

// Attempt is a count of tries. Its key does not tell what is counted.
type Attempt struct {
	Key       []byte `bun:",pk"`
	N         int
	ExpiresAt time.Time
}

// Count counts a try by who before it is judged, and fails with
// [shared.ErrTooManyRequests] if it is one too many.
func (s *Service) Count(ctx context.Context, l Limit, who string) error {
	if s.Unlimited {
		return nil
	}
	now := s.Now()
	a, err := s.Store.CountAttempt(ctx, s.attemptKey(l, who), now, now.Add(l.Window))
	if err != nil {
		return err
	}
	if a.N > l.Max {
		return shared.ErrTooManyRequests.After(a.ExpiresAt.Sub(now))
	}
	return nil
}

func (s *Service) attemptKey(l Limit, who string) []byte {
	return s.Keys.mac("attempt "+l.What, who)
}

type attemptStore interface {
	// CountAttempt adds one to the count of key and returns it, in one
	// statement. A count that expired before now starts again at one and
	// expires at the given time.
	CountAttempt(ctx context.Context, key []byte, now, expires time.Time) (Attempt, error)
	// ForgetAttempts sets the count of key back to none.
	ForgetAttempts(ctx context.Context, key []byte) error
}
