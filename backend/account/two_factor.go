package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/backend/audit"
	"latchkey/shared"
	"latchkey/shared/message"
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

// enrol is what the first code of a new authenticator leads to.
func (s *Service) enrol(ctx context.Context, in userTx, actor Actor, totp string) (User, Token, error) {
	kind, subject, what := audit.EventTwoFactorEnabled, message.MailTwoFactorEnabledSubject, say(message.MailTwoFactorEnabled)
	if in.User.TwoFactorEnabled {
		kind, subject, what = audit.EventAuthenticatorReplaced, message.MailAuthenticatorReplacedSubject, say(message.MailAuthenticatorReplaced)
	}
	// What was tried was of another secret, or of none.
	if err := in.UnlockSecondFactor(ctx, in.User.ID); err != nil {
		return in.User, "", err
	}
	in.User.TwoFactorEnabled, in.User.UpdatedAt = true, s.Now()
	if err := in.SetTwoFactor(ctx, in.User.ID, true, in.User.UpdatedAt); err != nil {
		return in.User, "", err
	}
	// A replacement was confirmed with the factor shown before this code.
	by := Factor("")
	if kind == audit.EventAuthenticatorReplaced {
		by = actor.Session.SecondFactorBy
	}
	if err := s.showFactor(ctx, in, actor, ByTOTP); err != nil {
		return in.User, "", err
	}
	token, err := s.endElsewhere(ctx, in, actor, kind, undo{TOTP: totp}, by, subject, what)
	return in.User, token, err
}

// endElsewhere is endOthers, with the notice to the owner and the log, which say
// by which second factor it was confirmed, if by one.
func (s *Service) endElsewhere(
	ctx context.Context, in userTx, actor Actor, kind string, u undo, by Factor, subject message.ID, what paragraph,
) (Token, error) {
	token, err := s.endOthers(ctx, in, actor.Session)
	if err != nil {
		return "", err
	}
	u.Session = actor.Session.ID
	if err := s.notify(ctx, in, actor.Client, u, subject, confirmedBy(by, what)...); err != nil {
		return "", err
	}
	return token, in.AddEvent(ctx, s.Keys, byFactor(s.sessionEvent(kind, actor), by))
}

// confirmedBy is what a notice tells, and by which second factor it was confirmed.
func confirmedBy(by Factor, what paragraph) []paragraph {
	switch by {
	case ByTOTP:
		return []paragraph{what, say(message.MailConfirmedByTOTP)}
	case ByBackupCode:
		return []paragraph{what, say(message.MailConfirmedByBackupCode)}
	case ByPasskey:
		return []paragraph{what, say(message.MailConfirmedByPasskey)}
	}
	return []paragraph{what}
}

// byFactor is an event that a second factor has confirmed.
func byFactor(e audit.Event, by Factor) audit.Event {
	if by != "" {
		e.Detail = detail(map[string]string{detailFactor: string(by)})
	}
	return e
}

// endOthers ends what else is open or may come to be. This session goes on under
// a new token.
func (s *Service) endOthers(ctx context.Context, in userTx, session Session) (Token, error) {
	next, token := session.rotated(s.Now())
	if err := rotate(ctx, in, session, next); err != nil {
		return "", err
	}
	return token, s.end(ctx, in, session.ID)
}

// end ends what is open or may come to be: the user's sessions but one, or all if
// keep is empty, sign-ins under way, trusted devices, enrolments that wait to be
// proved, and links in mails.
func (s *Service) end(ctx context.Context, in userTx, keep string) error {
	if _, err := in.DeleteOtherSessions(ctx, in.User.ID, keep); err != nil {
		return err
	}
	if err := in.DeleteChallenges(ctx, in.User.ID); err != nil {
		return err
	}
	if _, err := in.DeleteTrustedDevices(ctx, in.User.ID); err != nil {
		return err
	}
	if err := in.DeletePendingTOTP(ctx, in.User.ID); err != nil {
		return err
	}
	return in.DeleteOneTimeTokens(ctx, in.User.ID, time.Time{}, passing...)
}

// EnableTwoFactor gives the session's user a new authenticator, which is good
// for nothing until [Service.VerifyCode] has seen a code of it in the same
// session within an hour, and ten backup codes. If it is to replace the one that
// the user has, that stays good until then, and so do the backup codes. It fails
// with [shared.ErrTOTPEnabled] if there is one that is not to be replaced, with
// [shared.ErrTwoFactorNotEnabled] if there is none to replace, with
// [shared.ErrFactorNotFresh], and with [shared.ErrValidation] for an issuer that is
// too long.
func (s *Service) EnableTwoFactor(ctx context.Context, actor Actor, issuer string, replace bool) (uri string, codes []string, err error) {
	check := func(u User) error {
		switch {
		case u.TwoFactorEnabled && !replace:
			return shared.ErrTOTPEnabled
		case !u.TwoFactorEnabled && replace:
			return shared.ErrTwoFactorNotEnabled
		}
		return nil
	}
	if err := errors.Join(checkIssuer(issuer), check(actor.User)); err != nil { // before ten hashes
		return "", nil, err
	}
	if err := s.CheckSecondFactor(ctx, actor); err != nil {
		return "", nil, err
	}
	a, secret := s.newTOTP(actor.Session)
	codes, set, digests := []string{}, BackupCodeSet{}, [][]byte(nil)
	if !replace {
		codes, set, digests = s.newBackupCodes(actor.User.ID)
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := check(in.User); err != nil {
			return err
		}
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := in.DeletePendingTOTP(ctx, in.User.ID); err != nil {
			return err
		}
		if err := in.AddTOTP(ctx, a); err != nil {
			return err
		}
		if !replace {
			if err := in.ReplaceBackupCodes(ctx, set, digests); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventTwoFactorPending, actor))
	})
	return s.totpURI(issuer, actor.User.Email, secret), codes, err
}

// DisableTwoFactor switches two-factor authentication off, and forgets the
// authenticators, the backup codes and the wrong codes. The session gets a new
// token, and where there was something to switch off all else ends, as when it
// was switched on. It fails with [shared.ErrFactorNotFresh], and with
// [shared.ErrLastSecondFactor] if the user must have a second factor and has no
// other.
func (s *Service) DisableTwoFactor(ctx context.Context, actor Actor) (token Token, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := s.checkOtherFactor(ctx, in, actor.Session); err != nil {
			return err
		}
		if in.User.TwoFactorEnabled {
			token, err = s.endElsewhere(ctx, in, actor, audit.EventTwoFactorDisabled, undo{}, actor.Session.SecondFactorBy,
				message.MailTwoFactorDisabledSubject, say(message.MailTwoFactorDisabled))
		} else {
			var next Session
			next, token = actor.Session.rotated(s.Now())
			err = rotate(ctx, in, actor.Session, next)
		}
		if err != nil {
			return err
		}
		// After the sessions, which take the enrolments that wait in them along:
		// in another order, this and the end of a session could wait for each other.
		return s.forgetFactors(ctx, in)
	})
	return token, err
}

// checkOtherFactor fails with [shared.ErrLastSecondFactor] if the session's user
// must have a second factor, and has none but the authenticator. A passkey that
// verifies its user is one.
func (s *Service) checkOtherFactor(ctx context.Context, in userTx, session Session) error {
	if !in.User.TwoFactorEnabled || !s.requiresTwoFactor(session) {
		return nil
	}
	has, err := hasVerifiedPasskey(ctx, in, in.User)
	if err == nil && !has {
		err = shared.ErrLastSecondFactor
	}
	return err
}

// requiresTwoFactor reports whether a session's user has to have a second factor.
func (s *Service) requiresTwoFactor(session Session) bool {
	switch s.Settings.Now().RequireTwoFactor {
	case OfAll:
		return true
	case OfAdmins:
		return len(session.Permissions) > 0
	}
	return false
}

// EnrolBy is until when a session whose user has to have a second factor
// (REQUIRE_TWO_FACTOR), and that has none, is good for more than getting one. It
// is zero for others.
func (s *Service) EnrolBy(actor Actor) time.Time {
	set := s.Settings.Now()
	// What a session began with may be gone: that two-factor authentication was on
	// then says nothing of now. Passkeys stay, see [Service.DeletePasskey].
	if !s.requiresTwoFactor(actor.Session) || actor.User.TwoFactorEnabled || actor.Session.Method == MethodPasskey {
		return time.Time{}
	}
	since := actor.User.CreatedAt
	if set.RequiredSince.After(since) {
		since = set.RequiredSince
	}
	return since.Add(set.RequireTwoFactorGrace)
}

// forgetFactors takes an account's authenticators, backup codes and wrong codes
// away: it is asked for no second factor any more.
func (s *Service) forgetFactors(ctx context.Context, in userTx) error {
	if in.User.TwoFactorEnabled {
		if err := in.SetTwoFactor(ctx, in.User.ID, false, s.Now()); err != nil {
			return err
		}
	}
	if err := in.DeleteTOTPs(ctx, in.User.ID); err != nil {
		return err
	}
	if err := in.DeleteBackupCodes(ctx, in.User.ID); err != nil {
		return err
	}
	return in.UnlockSecondFactor(ctx, in.User.ID)
}

const (
	// lockEvery is how many tries in a row lock an account's second factor: few
	// enough that guessing one of three codes in a million is hopeless (RFC 6238,
	// section 5.2).
	lockEvery = 10

	day = 24 * time.Hour
)

// locks is how long the first lock lasts, the second and so on. After the last,
// which makes a hundred tries in a row, no more are taken: NIST SP 800-63B-4,
// section 3.2.2.
var locks = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, day, day}

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

// reserve counts a try before it is judged: for the account, and in also for
// what else counts it. It returns which of those in a row it is. It fails with
// [shared.ErrLocked] if there were too many. If either fails, neither has counted.
//
// The count is not one of those that [Service].Unlimited switches off: without
// it, six digits are no factor.
func (s *Service) reserve(ctx context.Context, who asked, also func(userTx) error) (try int, err error) {
	err = s.inUserTx(ctx, who.User.ID, func(in userTx) error {
		now := s.Now()
		ends := make([]time.Time, 0, len(locks)+1)
		for _, l := range locks {
			ends = append(ends, now.Add(l))
		}
		tries, counted, err := in.CountSecondFactorTry(ctx, in.User.ID, who.challenge == nil, now, lockEvery, append(ends, never))
		if err != nil {
			return err
		}
		if !counted {
			return lockedError(tries.LockedUntil, now)
		}
		try = tries.N
		return also(in)
	})
	if err != nil {
		return 0, err
	}
	return try, nil
}

// reserveAnswer is reserve for a code that the challenge counts, too, if it
// answers one.
func (s *Service) reserveAnswer(ctx context.Context, who asked) (try int, err error) {
	return s.reserve(ctx, who, func(in userTx) error {
		if who.challenge == nil {
			return nil
		}
		return in.CountChallengeTry(ctx, who.challenge.Hash, shared.ChallengeTries)
	})
}

func lockedError(until, now time.Time) error {
	if until.Equal(never) {
		return shared.ErrLockedForGood
	}
	return shared.ErrLocked.After(until.Sub(now))
}

// errNoGuess is of a code that is a right one, but not good here, or no more.
var errNoGuess = errors.New("the code is no guess")

// noteCode is what becomes of a try that has failed, and returns why it has. A
// wrong code is written down, and where it has locked the account the owner is
// told. What failed for another reason was no guess, and is not counted as one:
// of somebody who sends the right code twice at once, one comes too late.
func (s *Service) noteCode(ctx context.Context, who asked, try int, failed error) error {
	if failed == nil || try == 0 { // none was counted
		return failed
	}
	wrong := errors.Is(failed, shared.ErrInvalidCode) || errors.Is(failed, shared.ErrInvalidBackupCode)
	guessed := wrong && !errors.Is(failed, errNoGuess)
	err := s.Store.Tx(ctx, func(tx Store) error {
		if !guessed {
			if err := tx.TakeBackSecondFactorTry(ctx, who.User.ID, who.challenge == nil); err != nil {
				return err
			}
		}
		if !wrong {
			return nil
		}
		e := s.askedEvent(audit.EventCodeFailed, who)
		if guessed && try%lockEvery == 0 {
			e.Kind = audit.EventCodesLocked
			if who.User.TwoFactorEnabled { // else somebody has trouble enrolling
				if err := s.send(ctx, tx, s.lockNotice(who, try)); err != nil {
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

// lockNotice is the mail about too many wrong codes.
func (s *Service) lockNotice(who asked, try int) Mail {
	how := say(message.MailCodeGuessingAtSignIn)
	if who.challenge == nil {
		how = say(message.MailCodeGuessingInSession)
	}
	until := say(message.MailLockoutTemporary)
	if try >= lockEvery*(len(locks)+1) {
		until = say(message.MailLockoutUntilUnlocked)
	}
	return s.mail(who.User, who.Client, message.MailCodeGuessingSubject, how, until, s.occasion(who.Client))
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

type twoFactorStore interface {
	// SetTwoFactor says whether a user is asked for a second factor.
	SetTwoFactor(ctx context.Context, user string, on bool, now time.Time) error
	// CountSecondFactorTry adds one to a user's tries in a row, unless they are
	// locked, in one statement. The try that makes them a multiple of every
	// locks them: the first time until locks[0], and so on. counted tells
	// whether it was counted; if not, the tries tell until when they are locked.
	CountSecondFactorTry(ctx context.Context, user string, signedIn bool, now time.Time, every int, locks []time.Time) (tries SecondFactorTries, counted bool, err error)
	// TakeBackSecondFactorTry takes one from them, and ends the lock that they
	// have led to.
	TakeBackSecondFactorTry(ctx context.Context, user string, signedIn bool) error
	// ForgetSecondFactorTries sets them back to none.
	ForgetSecondFactorTries(ctx context.Context, user string, signedIn bool) error
	// UnlockSecondFactor sets both of a user's counts back to none.
	UnlockSecondFactor(ctx context.Context, user string) error
}
