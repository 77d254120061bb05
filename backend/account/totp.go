package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pquerna/otp/hotp"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	totpPeriod = 30 // seconds; RFC 6238, section 5.2
	totpDigits = 6
	// totpSkew is how many steps a code may be off: one, for what is under way
	// and for clocks that are a little wrong (RFC 6238, section 5.2).
	totpSkew = 1
	// totpHintSkew is how many steps off a code is known for what it is, to say
	// that a clock is wrong.
	totpHintSkew = 10
	// totpSecretSize is SHA-1's output, 160 bits: RFC 4226, section 4, R6.
	totpSecretSize = 20
)

// enrollmentLifetime is how long an enrolment waits for its first code: long enough
// to install an app, and short enough that nobody proves in another year what
// they once saw on a screen.
const enrollmentLifetime = time.Hour

// TOTP is the secret that a user's authenticator app holds, too.
type TOTP struct {
	ID       string `bun:",pk"`
	UserID   string
	Secret   string // sealed
	LastStep int64  // the last one whose code was spent; no code up to it is good
	// BurnedStep is one whose code is not good although it is to come: somebody
	// was told that it is right, but too early.
	BurnedStep int64
	Verified   bool       // it has shown a code
	Since      *time.Time // if it has: when codes were first asked for, of this one or one before it
	// If it has not: the session that it can be proved in, and until when.
	SessionID *string
	ExpiresAt *time.Time
}

// aad binds the sealed secret to its row and its user.
func (a TOTP) aad() string { return "totps|secret|" + a.ID + "|" + a.UserID }

func (s *Service) newTOTP(session Session) (a TOTP, secret []byte) {
	secret = make([]byte, totpSecretSize)
	rand.Read(secret)
	expires := s.Now().Add(enrollmentLifetime)
	a = TOTP{ID: rand.Text(), UserID: session.UserID, SessionID: &session.ID, ExpiresAt: &expires}
	a.Secret = s.Keys.Seal(string(secret), a.aad())
	return a, secret
}

func (s *Service) unsealTOTP(a TOTP) ([]byte, error) {
	secret, err := s.Keys.Unseal(a.Secret, a.aad())
	return []byte(secret), err
}

// maxIssuer, in characters, is longer than authenticator apps show, and short
// enough for the URI to fit a QR code that a phone can read.
const maxIssuer = 100

func checkIssuer(issuer string) error {
	if utf8.RuneCountInString(issuer) > maxIssuer {
		return shared.ErrValidation.Saying(fmt.Sprintf("Issuers have at most %d characters.", maxIssuer)).In("issuer")
	}
	if _, ok := shared.ParseName(issuer); !ok {
		return shared.ErrNameControls.In("issuer")
	}
	return nil
}

// cleanIssuer returns a name as it can stand in an otpauth URI, which a colon would
// end: "" if nothing is left to see.
func cleanIssuer(name string) string {
	issuer, _ := shared.ParseName(strings.TrimSpace(strings.ReplaceAll(name, ":", "")))
	return issuer
}

// base32 without padding is what authenticator apps read.
var totpBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// totpURI is the otpauth URI that authenticator apps read, as
// github.com/google/google-authenticator/wiki/Key-Uri-Format has it. Everything
// but letters and digits is percent-encoded, because the apps do not agree on
// the rest. Without an issuer, apps could not tell the entry from others: if there
// is nothing to see in the one that is given, it is the name of the service, or
// else its host.
func (s *Service) totpURI(issuer, account string, secret []byte) string {
	issuer = cmp.Or(cleanIssuer(issuer), cleanIssuer(s.Settings.Now().AppName), s.RelyingParty.ID)
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		escape(issuer), escape(account), totpBase32.EncodeToString(secret), escape(issuer), totpDigits, totpPeriod)
}

// totpStep is the step that t is in (RFC 6238, section 4.2).
func totpStep(t time.Time) int64 { return t.Unix() / totpPeriod }

// totpCode is the code of a step.
func totpCode(secret []byte, step int64) (string, error) {
	return hotp.GenerateCode(totpBase32.EncodeToString(secret), uint64(step))
}

// findStep finds the step near now to which a code belongs, the nearest first, however
// the code was typed, and none for what is not six digits. All steps are looked
// at, whichever it is.
func findStep(secret []byte, text string, now time.Time) (step int64, found bool, err error) {
	code, ok := shared.SixDigits(text)
	if !ok {
		return 0, false, nil
	}
	middle := totpStep(now)
	for away := int64(totpHintSkew); away >= 0; away-- {
		for _, at := range []int64{middle - away, middle + away} {
			want, err := totpCode(secret, at)
			if err != nil {
				return 0, false, err
			}
			if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
				step, found = at, true
			}
		}
	}
	return step, found, nil
}

func (s *Service) checkTOTP(ctx context.Context, vc verificationContext, code string) (verified verifiedCode, try int, err error) {
	session := ""
	if vc.allowEnrollment {
		session = vc.Session.ID
	}
	all, err := s.Store.TOTPs(ctx, vc.User.ID, session, s.Now())
	if err != nil {
		return verified, 0, err
	}
	if len(all) == 0 || vc.requireEnrollment && all[0].Verified {
		return verified, 0, shared.ErrTOTPNotEnabled
	}
	secrets := make([][]byte, len(all))
	for i, a := range all { // before the try is counted: what we cannot read is no try of theirs
		if secrets[i], err = s.unsealTOTP(a); err != nil {
			return verified, 0, err
		}
	}
	if try, err = s.countTryWithSignIn(ctx, vc); err != nil {
		return verified, try, err
	}
	now := s.Now()
	a := all[0] // one that waits to be proved is the one that is asked for
	step, found, err := findStep(secrets[0], code, now)
	if err != nil {
		return verified, try, err
	}
	wrong := shared.ErrInvalidCode
	if a.BurnedStep >= totpStep(now)-totpSkew {
		// Whoever was told so a moment ago is told again, whatever the code.
		wrong = shared.ErrClockOff
	}
	switch off := step - totpStep(now); {
	case !found && len(all) > 1:
		return verified, try, oldAuthenticatorError(secrets[1], code, now)
	case !found:
		return verified, try, wrong
	case step == a.BurnedStep && off <= totpSkew:
		return verified, try, fmt.Errorf("%w: %w", shared.ErrCodeTooEarly, errNotAGuess)
	case step == a.BurnedStep:
		return verified, try, wrong
	case off < -totpSkew && step <= a.LastStep: // the clock was right when a later one was spent
		return verified, try, shared.ErrCodeTooOld
	case off < -totpSkew:
		return verified, try, shared.ErrInvalidCode.Saying(clockDriftMessage(off))
	case off > totpSkew:
		burned, err := s.Store.BurnStep(ctx, a.ID, step, totpStep(now)-totpSkew)
		if err != nil {
			return verified, try, err
		}
		if !burned {
			return verified, try, wrong
		}
		return verified, try, shared.ErrInvalidCode.Saying(clockDriftMessage(off))
	}
	enrols := a.ID
	if a.Verified {
		enrols = ""
	}
	return verifiedCode{enrolls: enrols, spend: func(ctx context.Context, in userTx) error {
		return s.spendStep(ctx, in, a, step, all[len(all)-1].Since)
	}}, try, nil
}

// oldAuthenticatorError is the error of a wrong code of a new authenticator, which may be of
// the one before it: both go by one name in the app.
func oldAuthenticatorError(secret []byte, code string, now time.Time) error {
	step, found, err := findStep(secret, code, now)
	if err != nil {
		return err
	}
	if off := step - totpStep(now); !found || off < -totpSkew || off > totpSkew {
		return shared.ErrInvalidCode
	}
	return fmt.Errorf("%w: %w", shared.ErrCodeOfOldAuthenticator, errNotAGuess)
}

// spendStep spends the code of a step, which proves the authenticator if nothing
// has before. since is when codes were first asked for, nil if they were not.
func (s *Service) spendStep(ctx context.Context, in userTx, a TOTP, step int64, since *time.Time) error {
	if err := in.SpendStep(ctx, a.ID, step); errors.Is(err, shared.ErrInvalidCode) {
		return fmt.Errorf("%w: %w", shared.ErrCodeUsed, errNotAGuess)
	} else if err != nil || a.Verified {
		return err
	}
	now := s.Now()
	if since == nil {
		since = &now
	}
	return in.ProveTOTP(ctx, a, *since, now)
}

// clockDriftMessage says by how many steps a clock seems to be off.
func clockDriftMessage(off int64) string {
	direction := "ahead"
	if off < 0 {
		direction, off = "behind", -off
	}
	return fmt.Sprintf(
		"This code is from another time: the clock of your phone seems to be about %d seconds %s. Set it to automatic, then use the next code.",
		off*totpPeriod,
		direction,
	)
}

// TOTPURI is the otpauth URI of the user's authenticator: of the one that is
// good, or else of the one that waits to be proved. It fails with
// [shared.ErrTOTPNotEnabled] if there is neither, and with
// [shared.ErrFactorNotFresh]. Who has it can make the codes, so the owner is
// told.
func (s *Service) TOTPURI(ctx context.Context, actor Actor) (string, error) {
	all, err := s.Store.TOTPs(ctx, actor.User.ID, actor.Session.ID, s.Now())
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", shared.ErrTOTPNotEnabled
	}
	a := all[len(all)-1]
	secret, err := s.unsealTOTP(a)
	if err != nil {
		return "", err
	}
	return s.totpURI("", actor.User.Email, secret), s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		by := Factor("")
		if a.Verified {
			by = actor.Session.SecondFactorBy
			r := reversal{Session: actor.Session.ID, TOTP: a.ID}
			if err := s.notify(ctx, in, actor.Client, r, by, mail.TOTPKeyShown{}); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, eventWithFactor(s.sessionEvent(audit.EventTOTPURIRead, actor), by))
	})
}

type totpStore interface {
	// TOTPs returns a user's authenticators: the one that waits to be proved in
	// the session, if there is one and it has not expired, and then the one that
	// is good, if there is one.
	TOTPs(ctx context.Context, user, session string, now time.Time) ([]TOTP, error)
	AddTOTP(ctx context.Context, a TOTP) error
	// ProveTOTP makes one that waits the one that is good. It fails with
	// [shared.ErrInvalidCode] if it waits no more.
	ProveTOTP(ctx context.Context, a TOTP, since, now time.Time) error
	// DeletePendingTOTP deletes the one that waits to be proved, in whichever
	// session.
	DeletePendingTOTP(ctx context.Context, user string) error
	DeleteTOTPs(ctx context.Context, user string) error
	// SpendStep spends the code of a step. It fails with
	// [shared.ErrInvalidCode] if that or a later one was spent before, or it was
	// burned: of several who spend it, one does.
	SpendStep(ctx context.Context, id string, step int64) error
	// BurnStep makes the code of a step to come worthless without spending those
	// before it, and reports whether it did: not while another is burned whose
	// code would be good yet, because it is not before the given step.
	BurnStep(ctx context.Context, id string, step, good int64) (bool, error)
}
