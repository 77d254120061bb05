package account

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/audit"
	"latchkey/shared"
)

// ChallengeLifetime is how long a sign-in waits for its second factor.
const ChallengeLifetime = 10 * time.Minute

// Challenge is a sign-in whose first factor was right and whose second is due.
type Challenge struct {
	Hash      []byte `bun:",pk"` // of the token in the browser's cookie
	UserID    string
	Method    string // the first factor, as in [Session]
	Remember  bool
	Tries     int
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ChallengeError is the [shared.ErrTwoFactorRequired] of a sign-in, with the
// challenge that it leads to.
type ChallengeError struct {
	Challenge Token // for the browser to keep
	Methods   []Factor
}

func (e *ChallengeError) Error() string { return shared.ErrTwoFactorRequired.Error() }

// Unwrap makes errors.Is find the shared error.
func (e *ChallengeError) Unwrap() error { return shared.ErrTwoFactorRequired }

// open is what a right first factor comes to: a session, or, if a second factor
// is due and the browser is not trusted, the challenge for it.
func (s *Service) open(ctx context.Context, in userTx, client Client, method string, remember bool) (
	o Opened, due *ChallengeError, err error,
) {
	o.User = in.User
	if err := s.mayOpen(in.User); err != nil { // before a second factor is asked for
		return Opened{}, nil, err
	}
	var second Factor
	if in.User.TwoFactorEnabled && method != MethodPasskey {
		if o.Trust, err = s.useTrust(ctx, in, client); errors.Is(err, ErrNotFound) {
			due, err := s.challenge(ctx, in, client, method, remember)
			return Opened{}, due, err
		} else if err != nil {
			return Opened{}, nil, err
		}
		second = byTrustedDevice
	}
	o.Session, o.Token, err = s.openSession(ctx, in, client, method, second, remember)
	return o, nil, err
}

func (s *Service) challenge(ctx context.Context, in userTx, client Client, method string, remember bool) (*ChallengeError, error) {
	token, now := NewToken(), s.Now()
	err := in.AddChallenge(ctx, Challenge{
		Hash: token.Hash(), UserID: in.User.ID, Method: method, Remember: remember, CreatedAt: now, ExpiresAt: now.Add(ChallengeLifetime),
	})
	if err != nil {
		return nil, err
	}
	due := &ChallengeError{Challenge: token, Methods: []Factor{ByTOTP}}
	if s.Settings.Now().TwoFactorEmailCode {
		due.Methods = append(due.Methods, ByEmailCode)
	}
	keys, err := in.Passkeys(ctx, in.User.ID)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		due.Methods = append(due.Methods, ByPasskey)
	}
	return due, in.AddEvent(ctx, s.Keys, s.event(audit.EventChallenged, in.User.ID, client))
}

// Challenged returns the challenge that a token stands for, and whose it is. It
// fails with [shared.ErrChallenge] if there is none, or no longer.
func (s *Service) Challenged(ctx context.Context, token Token) (Challenge, User, error) {
	ch, user, err := s.Store.Challenge(ctx, token.Hash(), s.Now())
	if errors.Is(err, ErrNotFound) {
		return ch, user, shared.ErrChallenge
	}
	return ch, user, err
}

// Answer is what somebody says who is asked for a second factor.
type Answer struct {
	Factor Factor
	Code   string

	Trust     bool // in a challenge: ask this browser no more
	NoSession bool // in a challenge: end it without opening a session
	Enrol     bool // in a session: it is of a new authenticator, and of no other
}

// AnswerChallenge opens the session of a challenge whose answer is right. It
// fails with [shared.ErrChallenge] if the challenge has ended meanwhile, with
// [shared.ErrTooManyCodes] once it has taken too many answers, and as
// [Service.judgeCode] does.
func (s *Service) AnswerChallenge(ctx context.Context, actor Actor, ch Challenge, a Answer) (o Opened, err error) {
	who := askedAt(actor, ch)
	right, try, err := s.judgeCode(ctx, a.Factor, who, a.Code)
	if err == nil {
		o, err = s.passChallenge(ctx, ch, who, a, right)
	}
	if errors.Is(err, shared.ErrUnauthorized) { // the account was deleted meanwhile
		err = shared.ErrChallenge
	}
	return o, s.noteCode(ctx, who, try, err)
}

func (s *Service) passChallenge(ctx context.Context, ch Challenge, who asked, a Answer, right rightCode) (o Opened, err error) {
	err = s.inUserTx(ctx, ch.UserID, func(in userTx) (err error) {
		o.User = in.User
		if err := in.TakeChallenge(ctx, ch.Hash, s.Now()); err != nil {
			return err
		}
		if err := s.spend(ctx, in, who, right); err != nil {
			return err
		}
		if !a.NoSession {
			if o.Session, o.Token, err = s.openSession(ctx, in, who.Client, ch.Method, a.Factor, ch.Remember); err != nil {
				return err
			}
		}
		opened := Actor{o.Session, in.User, who.Client}
		if a.Factor == ByBackupCode {
			if err := s.noteBackupCode(ctx, in, opened); err != nil {
				return err
			}
		}
		if a.NoSession {
			return nil
		}
		if a.Trust {
			if o.Trust, err = s.trust(ctx, in, opened); err != nil {
				return err
			}
		}
		return s.noteSignIn(ctx, in, who.Client, &o, "")
	})
	return o, err
}

type challengeStore interface {
	AddChallenge(ctx context.Context, ch Challenge) error
	// Challenge returns the unexpired challenge whose token has the hash, and
	// its user. It fails with [ErrNotFound].
	Challenge(ctx context.Context, hash []byte, now time.Time) (Challenge, User, error)
	// CountChallengeTry counts a try at a challenge. It fails with
	// [shared.ErrTooManyCodes] if there were max already, and counts no more; and
	// with [shared.ErrChallenge] if the challenge is gone.
	CountChallengeTry(ctx context.Context, hash []byte, max int) error
	// TakeChallenge spends an unexpired challenge. It fails with
	// [shared.ErrChallenge] if there is none: of several who take it, one does.
	TakeChallenge(ctx context.Context, hash []byte, now time.Time) error
	DeleteChallenges(ctx context.Context, user string) error
}
