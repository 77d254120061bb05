package account

import (
	"context"
	"fmt"

	"latchkey/backend/audit"
)

// A Factor is a second factor, as the part of [Session].Method that names it.
type Factor string

// The second factors.
const (
	ByTOTP       Factor = "totp"        // a code of the authenticator app (RFC 6238)
	ByBackupCode Factor = "backup-code" // one of ten that were written down
	ByEmailCode  Factor = "email-code"  // a code that came by mail
	ByPasskey    Factor = "passkey"

	byTrustedDevice Factor = "trusted-device" // a browser that is asked no more
)

// asked is who is asked for a code: a user in a session, or in the challenge of
// a sign-in.
type asked struct {
	Actor
	challenge *Challenge // nil in a session
	owner     []byte     // what a code by mail is for: the session's id or the challenge's hash
	mayEnrol  bool       // a new authenticator is asked for if one waits to be proved
	mustEnrol bool       // and no other
}

func askedIn(actor Actor) asked {
	return asked{Actor: actor, owner: []byte(actor.Session.ID)}
}

func askedAt(actor Actor, ch Challenge) asked {
	return asked{Actor: actor, challenge: &ch, owner: ch.Hash}
}

// askedEvent is an event of who is asked for a code.
func (s *Service) askedEvent(kind string, who asked) audit.Event {
	if who.challenge == nil {
		return s.sessionEvent(kind, who.Actor)
	}
	return s.event(kind, who.User.ID, who.Client)
}

// rightCode is a code that was right when it was looked at. It is worth nothing
// until it is spent, in the transaction of what it is good for: of two who have
// the same, one spends it.
type rightCode struct {
	factor Factor
	spend  func(context.Context, userTx) error
	enrols string // the ID of the new authenticator that it is the first of; empty if it is of none
}

// judgeCode looks at a code, after the try has been counted; try is which of
// those in a row it is, for wrong codes, too. It fails with [shared.ErrLocked] if
// there were too many; with [shared.ErrInvalidCode], [shared.ErrInvalidBackupCode]
// or [shared.ErrOTPExpired] if the code is not right; with
// [shared.ErrTooManyCodes] if the challenge or the mailed code has had too many
// tries; and with [shared.ErrTOTPNotEnabled], [shared.ErrBackupCodesNotEnabled] or
// [shared.ErrOTPNotConfigured] if there is nothing that it could be right for.
func (s *Service) judgeCode(ctx context.Context, f Factor, who asked, code string) (right rightCode, try int, err error) {
	switch f {
	case ByTOTP:
		right, try, err = s.judgeTOTP(ctx, who, code)
	case ByBackupCode:
		right, try, err = s.judgeBackupCode(ctx, who, code)
	case ByEmailCode:
		right, try, err = s.judgeEmailCode(ctx, who, code)
	default:
		err = fmt.Errorf("nobody is asked for a %q", f)
	}
	right.factor = f
	return right, try, err
}

// spend spends a right code, which ends the row of wrong ones.
func (s *Service) spend(ctx context.Context, in userTx, who asked, right rightCode) error {
	if err := right.spend(ctx, in); err != nil {
		return err
	}
	return in.ForgetSecondFactorTries(ctx, in.User.ID, who.challenge == nil)
}

// VerifyCode verifies a code in a session, and spends it. The first one of a new
// authenticator enables two-factor authentication, or replaces the authenticator,
// and the session gets a new token: rotated is empty otherwise. Any but a code by
// email is a second factor shown in the session. It fails as [Service.judgeCode]
// does.
func (s *Service) VerifyCode(ctx context.Context, actor Actor, a Answer) (user User, rotated Token, err error) {
	who := askedIn(actor)
	who.mayEnrol, who.mustEnrol = true, a.Enrol
	right, try, err := s.judgeCode(ctx, a.Factor, who, a.Code)
	if err == nil {
		err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
			if err := s.spend(ctx, in, who, right); err != nil {
				return err
			}
			user = in.User
			switch {
			case right.enrols != "":
				user, rotated, err = s.enrol(ctx, in, actor, right.enrols)
			case right.factor != ByEmailCode:
				err = s.showFactor(ctx, in, actor, right.factor)
			}
			return err
		})
	}
	return user, rotated, s.noteCode(ctx, who, try, err)
}
