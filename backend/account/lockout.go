package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	// lockoutThreshold is how many attempts in a row cause a lockout. It is low enough to
	// make guessing one of three codes in a million hopeless (RFC 6238, section 5.2).
	lockoutThreshold = 10

	day = 24 * time.Hour
)

// lockoutDurations are the lengths of the first lockout, the second and so on. After the
// last one, at a hundred attempts in a row, the lockout is permanent: NIST SP 800-63B-4,
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

// never is the end of a permanent lockout.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// SecondFactorTries counts an account's attempts in a row. Attempts at sign-in, which need
// the password, and attempts in sessions count separately: an attacker with a stolen
// session must neither guess without limit nor lock the owner out of sign-in.
type SecondFactorTries struct {
	UserID      string `bun:",pk"`
	SignedIn    bool   `bun:",pk"`
	N           int
	LockedUntil time.Time // no attempt is allowed before
}

// countTry counts an attempt before the code is checked, and returns the number of attempts
// in a row. The transaction must commit unless the code is right. During a lockout it fails
// with [shared.ErrLockedOut] or [shared.ErrLockedOutForGood].
//
// [Service].Unlimited does not turn this count off: without it, six digits would not be a
// factor.
func (s *Service) countTry(ctx context.Context, in userTx, vc verificationContext) (try int, err error) {
	now := s.Now()
	ends := make([]time.Time, 0, len(lockoutDurations)+1)
	for _, l := range lockoutDurations {
		ends = append(ends, now.Add(l))
	}
	tries, counted, err := in.CountSecondFactorTry(ctx, in.User.ID, vc.pending == nil, now, lockoutThreshold, append(ends, never))
	if err == nil && !counted {
		err = lockoutError(tries.LockedUntil, now)
	}
	return tries.N, err
}

func lockoutError(until, now time.Time) error {
	if until.Equal(never) {
		return shared.ErrLockedOutForGood
	}
	return shared.ErrLockedOut.After(until.Sub(now))
}

// errNotAGuess marks a genuine code that is not accepted here or is no longer accepted.
var errNotAGuess = errors.New("the code is genuine, not a guess")

// recordRefusedCode handles the error of a check in the transaction of the attempt. If it
// returns nil, the attempt counts: the code was wrong, and the log has it. The user is
// notified of a lockout. A wrong code that was not a guess is taken off the count: for
// example, a client that sends the correct code twice at once loses one of the two races. If
// the check failed for another reason, recordRefusedCode returns the error, so that the
// transaction rolls back.
func (s *Service) recordRefusedCode(ctx context.Context, in userTx, f Factor, vc verificationContext, try int, refused error) error {
	wrong := errors.Is(refused, shared.ErrInvalidCode) || errors.Is(refused, shared.ErrInvalidBackupCode)
	if !wrong && !errors.Is(refused, shared.ErrTooManyCodes) { // which must leave the emailed code deleted
		return refused
	}
	if vc.pending != nil && f != ByEmailCode {
		if err := in.CountPendingSignInTry(ctx, vc.pending.Hash, f.pendingSignInTries()); err != nil {
			return err
		}
	}
	guessed := wrong && !errors.Is(refused, errNotAGuess)
	if !guessed {
		if err := in.TakeBackSecondFactorTry(ctx, in.User.ID, vc.pending == nil); err != nil {
			return err
		}
	}
	if !wrong {
		return nil
	}
	e := s.codeEvent(shared.EventCodeFailed, vc)
	if guessed && try%lockoutThreshold == 0 {
		e.Kind = shared.EventLockout
		if in.User.TwoFactorEnabled { // otherwise the user is having trouble enrolling
			n := mail.CodeGuessing{InSession: vc.pending == nil, Permanent: try >= lockoutThreshold*(len(lockoutDurations)+1)}
			if err := s.send(ctx, in, s.compose(in.User, vc.Client, n)); err != nil {
				return err
			}
		}
	}
	return in.AddEvent(ctx, s.Keys, e)
}

// LiftLockout ends the lockout of the account with an email address, and reports whether
// there was one. If not, it changes nothing. It fails with [ErrNotFound] if there is no such
// account.
func (s *Service) LiftLockout(ctx context.Context, email string) (lifted bool, err error) {
	user, err := s.UserByEmail(ctx, email)
	if err != nil {
		return false, err
	}
	err = s.inUserTx(ctx, user.ID, func(in userTx) error {
		if lifted, err = in.LockedOut(ctx, user.ID, s.Now()); err != nil || !lifted {
			return err
		}
		if err := in.LiftLockout(ctx, user.ID); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.event(shared.EventLockoutLifted, user.ID, Client{}))
	})
	return lifted && err == nil, err
}

type lockoutStore interface {
	// CountSecondFactorTry adds one to a user's attempts in a row, in one statement, unless
	// the user is locked out. Each attempt that makes the count a multiple of every starts
	// a lockout: the first until lockouts[0], the second until lockouts[1], and so on. If counted
	// is false, tries has the end of the lockout.
	CountSecondFactorTry(
		ctx context.Context,
		user string,
		signedIn bool,
		now time.Time,
		every int,
		lockouts []time.Time,
	) (tries SecondFactorTries, counted bool, err error)
	// TakeBackSecondFactorTry takes one attempt off the count, and ends the lockout that
	// the attempt started.
	TakeBackSecondFactorTry(ctx context.Context, user string, signedIn bool) error
	// ResetSecondFactorTries sets a user's attempts in a row to zero.
	ResetSecondFactorTries(ctx context.Context, user string, signedIn bool) error
	// LockedOut reports whether a user is locked out of sign-in or in sessions.
	LockedOut(ctx context.Context, user string, now time.Time) (bool, error)
	// LiftLockout sets both counts of a user to zero.
	LiftLockout(ctx context.Context, user string) error
}
