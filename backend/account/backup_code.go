package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"latchkey/shared"
)

const (
	backupCodes = 10
	// Without the characters that are read as others, of the 62 letters and
	// digits: 58 bits in ten characters.
	backupCodeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
)

var backupCodeForm = regexp.MustCompile(`^[0-9A-Za-z]{5}-[0-9A-Za-z]{5}$`)

func newBackupCode() string {
	b := make([]byte, 0, 11)
	for i := range 10 {
		if i == 5 {
			b = append(b, '-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(backupCodeAlphabet))))
		if err != nil {
			panic(err) // it never fails: crypto/rand
		}
		b = append(b, backupCodeAlphabet[n.Int64()])
	}
	return string(b)
}

// backupCodesWait is how long ten hashes may take, with the wait for their turn.
// With the four seconds that a call has for the rest it is less than the 20 s for
// which the app waits, and the 30 s in which an answer has to be written.
const backupCodesWait = 15 * time.Second

// withBackupCodes makes codes, and has keep keep the digests of them. The deadline
// of ctx is for the database: it stands still while the codes are hashed, which
// takes long on a busy machine, and keep has as much time as was left.
func (s *Service) withBackupCodes(ctx context.Context, user string, keep func(ctx context.Context, digests [][]byte) error) (codes []string, err error) {
	deadline, hurried := ctx.Deadline()
	left, unhurried := time.Until(deadline), context.WithoutCancel(ctx)
	codes, digests, err := s.newBackupCodes(unhurried, user)
	if err != nil {
		return nil, err
	}
	if hurried {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(unhurried, left)
		defer cancel()
	}
	return codes, keep(ctx, digests)
}

func (s *Service) newBackupCodes(ctx context.Context, user string) (codes []string, digests [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, backupCodesWait)
	defer cancel()
	done, err := s.Hasher.turnWithin(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	for range backupCodes {
		if err := ctx.Err(); err != nil { // nobody waits for them any more
			return nil, nil, fmt.Errorf("%w: %w", shared.ErrUnavailable, err)
		}
		code := newBackupCode()
		codes = append(codes, code)
		digests = append(digests, s.Keys.mac("backup code", s.Hasher.cost.backupCode(user, code)))
	}
	return codes, digests, nil
}

// backupCode hashes slowly, because 58 bits are few for who has the server's keys
// and its database. The user's id is the salt: it is random, and one for all the
// codes of a user lets a try be hashed once.
func (c Cost) backupCode(user, code string) string {
	return string(c.argon(code, []byte(user)))
}

func (s *Service) judgeBackupCode(ctx context.Context, who asked, code string) (right rightCode, try int, err error) {
	if !who.user.TwoFactorEnabled {
		return right, 0, shared.ErrBackupCodesNotEnabled
	}
	var digests [][]byte
	if backupCodeForm.MatchString(code) {
		// Hashed before the try is counted: who is turned away for want of room
		// has lost nothing.
		done, err := s.Hasher.turn(ctx)
		if err != nil {
			return right, 0, err
		}
		digests = s.Keys.macs("backup code", s.Hasher.cost.backupCode(who.user.ID, code))
		done()
	}
	if try, err = s.reserveAnswer(ctx, who); err != nil {
		return right, try, err
	}
	if digests == nil {
		return right, try, shared.ErrInvalidBackupCode
	}
	return rightCode{spend: func(ctx context.Context, in locked) error {
		used, err := in.UseBackupCode(ctx, in.User.ID, digests)
		if used {
			return fmt.Errorf("%w: %w", shared.ErrInvalidBackupCode.Saying("This backup code has been used already. Each works once."), errNoGuess)
		}
		return err
	}}, try, nil
}

// noteBackupCode tells a user that one of their backup codes was used: in a
// session, or to open it, or for none.
func (s *Service) noteBackupCode(ctx context.Context, in locked, from Client, session string) error {
	left, err := in.CountBackupCodes(ctx, in.User.ID)
	if err != nil {
		return err
	}
	e := s.event(EventBackupCodeUsed, in.User.ID, from)
	e.ActorID = in.User.ID // who has proved it by the code
	if err := in.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	what := say("One of your backup codes was used. %d are left.", left)
	switch {
	case left == 0:
		what = say("The last of your backup codes was used. Make new ones in the settings.")
	case left == 1:
		what = say("One of your backup codes was used. Only one is left: make new ones in the settings.")
	case left <= shared.FewBackupCodes:
		what = say("One of your backup codes was used. Only %d are left: make new ones in the settings.", left)
	}
	return s.notify(ctx, in, from, undo{Session: session}, "A backup code was used", what)
}

// NewBackupCodes puts new backup codes in the place of the old ones. It fails
// with [shared.ErrTwoFactorNotEnabled] if there is nothing to back up, and with
// [shared.ErrSecondFactorDue].
func (s *Service) NewBackupCodes(ctx context.Context, session Session, user User, from Client) (codes []string, token Token, err error) {
	if !user.TwoFactorEnabled { // before ten hashes
		return nil, "", shared.ErrTwoFactorNotEnabled
	}
	codes, err = s.withBackupCodes(ctx, user.ID, func(ctx context.Context, digests [][]byte) error {
		return s.deed(ctx, session, func(in locked) (err error) {
			if !in.User.TwoFactorEnabled {
				return shared.ErrTwoFactorNotEnabled
			}
			if err := s.CheckSecondFactor(session, in.User); err != nil {
				return err
			}
			if err := in.ReplaceBackupCodes(ctx, user.ID, digests); err != nil {
				return err
			}
			token, err = s.endElsewhere(ctx, in, session, from, EventBackupCodesMade, undo{BackupCode: digests[0]}, session.SecondFactorBy,
				"New backup codes were made", say("New backup codes were made for your account. The old ones no longer work."))
			return err
		})
	})
	return codes, token, err
}

type backupCodeStore interface {
	// ReplaceBackupCodes keeps new codes in the place of all others.
	ReplaceBackupCodes(ctx context.Context, user string, digests [][]byte) error
	// UseBackupCode spends the code that has one of the digests. It fails with
	// [shared.ErrInvalidBackupCode] if there is none: of several who use it, one
	// does. used tells of those that one of them did.
	UseBackupCode(ctx context.Context, user string, digests [][]byte) (used bool, err error)
	CountBackupCodes(ctx context.Context, user string) (int, error)
}
