package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	// lockoutThreshold is how many tries in a row lock an account's second factor: few
	// enough that guessing one of three codes in a million is hopeless (RFC 6238,
	// section 5.2).
	lockoutThreshold = 10

	day = 24 * time.Hour
)

// lockoutDurations is how long the first lock lasts, the second and so on. After the last,
// which makes a hundred tries in a row, no more are taken: NIST SP 800-63B-4,
// section 3.2.2.
var lockoutDurations = []time.Duration{
	15 * time.Minute,
	30 * time.Minute,
	time.Hour,
	2 * time.Hour,
	4 * time.Hour,
	8 * time.Hour,
	16 * time.Hour,
	day,
	day,
}

// never is later than any time that means something.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// SecondFactorTries is how many codes an account has tried in a row: at sign-in,
// which takes the password, and in sessions, where the thief of one must neither
// guess for ever nor lock the owner out.
type SecondFactorTries struct {
	UserID      string `bun:",pk"`
	SignedIn    bool   `bun:",pk"`
	N           int
	LockedUntil time.Time // none are taken before
}

// countTry counts a try before it is judged: for the account, and in also for
// what else counts it. It returns which of those in a row it is. It fails with
// [shared.ErrLocked] if there were too many. If either fails, neither has counted.
//
// The count is not one of those that [Service].Unlimited switches off: without
// it, six digits are no factor.
func (s *Service) countTry(ctx context.Context, vc verificationContext, also func(userTx) error) (try int, err error) {
	err = s.inUserTx(ctx, vc.User.ID, func(in userTx) error {
		now := s.Now()
		ends := make([]time.Time, 0, len(lockoutDurations)+1)
		for _, l := range lockoutDurations {
			ends = append(ends, now.Add(l))
		}
		tries, counted, err := in.CountSecondFactorTry(ctx, in.User.ID, vc.pending == nil, now, lockoutThreshold, append(ends, never))
		if err != nil {
			return err
		}
		if !counted {
			return lockoutError(tries.LockedUntil, now)
		}
		try = tries.N
		return also(in)
	})
	if err != nil {
		return 0, err
	}
	return try, nil
}

// countTryWithSignIn is reserve for a code that the challenge counts, too, if it
// answers one.
func (s *Service) countTryWithSignIn(ctx context.Context, vc verificationContext) (try int, err error) {
	return s.countTry(ctx, vc, func(in userTx) error {
		if vc.pending == nil {
			return nil
		}
		return in.CountPendingSignInTry(ctx, vc.pending.Hash, shared.PendingSignInTries)
	})
}

func lockoutError(until, now time.Time) error {
	if until.Equal(never) {
		return shared.ErrLockedForGood
	}
	return shared.ErrLocked.After(until.Sub(now))
}

// errNotAGuess is of a code that is a right one, but not good here, or no more.
var errNotAGuess = errors.New("the code is no guess")

// auditFailedCode is what becomes of a try that has failed, and returns why it has. A
// wrong code is written down, and where it has locked the account the owner is
// told. What failed for another reason was no guess, and is not counted as one:
// of somebody who sends the right code twice at once, one comes too late.
func (s *Service) auditFailedCode(ctx context.Context, vc verificationContext, try int, failed error) error {
	if failed == nil || try == 0 { // none was counted
		return failed
	}
	wrong := errors.Is(failed, shared.ErrInvalidCode) || errors.Is(failed, shared.ErrInvalidBackupCode)
	guessed := wrong && !errors.Is(failed, errNotAGuess)
	err := s.Store.Tx(ctx, func(tx Store) error {
		if !guessed {
			if err := tx.TakeBackSecondFactorTry(ctx, vc.User.ID, vc.pending == nil); err != nil {
				return err
			}
		}
		if !wrong {
			return nil
		}
		e := s.codeEvent(audit.EventCodeFailed, vc)
		if guessed && try%lockoutThreshold == 0 {
			e.Kind = audit.EventCodesLocked
			if vc.User.TwoFactorEnabled { // else somebody has trouble enrolling
				n := mail.CodeGuessing{InSession: vc.pending == nil, Permanent: try >= lockoutThreshold*(len(lockoutDurations)+1)}
				if err := s.send(ctx, tx, s.compose(vc.User, vc.Client, n)); err != nil {
					return err
				}
			}
		}
		return tx.AddEvent(ctx, s.Keys, e)
	})
	if err != nil {
		return err
	}
	return failed
}

// UnlockSecondFactor takes codes of an account again, however many were wrong. It
// fails with [ErrNotFound] if the address has none.
func (s *Service) UnlockSecondFactor(ctx context.Context, email string) error {
	user, err := s.UserByEmail(ctx, email)
	if err != nil {
		return err
	}
	return s.inUserTx(ctx, user.ID, func(in userTx) error {
		if err := in.UnlockSecondFactor(ctx, user.ID); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.event(audit.EventCodesUnlocked, user.ID, Client{}))
	})
}

type lockoutStore interface {
	// CountSecondFactorTry adds one to a user's tries in a row, unless they are
	// locked, in one statement. The try that makes them a multiple of every
	// locks them: the first time until locks[0], and so on. counted tells
	// whether it was counted; if not, the tries tell until when they are locked.
	CountSecondFactorTry(
		ctx context.Context,
		user string,
		signedIn bool,
		now time.Time,
		every int,
		locks []time.Time,
	) (tries SecondFactorTries, counted bool, err error)
	// TakeBackSecondFactorTry takes one from them, and ends the lock that they
	// have led to.
	TakeBackSecondFactorTry(ctx context.Context, user string, signedIn bool) error
	// ForgetSecondFactorTries sets them back to none.
	ForgetSecondFactorTries(ctx context.Context, user string, signedIn bool) error
	// UnlockSecondFactor sets both of a user's counts back to none.
	UnlockSecondFactor(ctx context.Context, user string) error
}
