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

	"latchkey/backend/mail"
	"latchkey/shared"
)

const (
	totpPeriod = 30 // seconds; RFC 6238, section 5.2
	totpDigits = 6
	// totpSkew is how many steps a code may be off: one, for the time that a request takes
	// and for clocks that are slightly wrong (RFC 6238, section 5.2).
	totpSkew = 1
	// totpHintSkew is how many steps off a code is still recognized, so that the error can
	// report a wrong clock.
	totpHintSkew = 10
	// totpSecretSize is in bytes: 160 bits, the length of SHA-1's output (RFC 4226, section
	// 4, R6).
	totpSecretSize = 20
)

// enrollmentLifetime is how long a pending authenticator waits for its first code: long
// enough to install an app, and too short to use a QR code that was seen long ago.
const enrollmentLifetime = time.Hour

// TOTP is the secret that the server shares with a user's authenticator app.
type TOTP struct {
	ID       string `bun:",pk"`
	UserID   string
	Secret   string // sealed
	LastStep int64  // the last step whose code was spent; codes up to it are refused
	// BurnedStep is a future step whose code is refused, because a caller was told that the
	// code is correct but early.
	BurnedStep int64
	Verified   bool       // whether its first code has activated it
	Since      *time.Time // if Verified: when sign-in began to require codes; a replacement keeps the time
	// If not Verified: the session in which it can be activated, and when it expires.
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

// maxIssuer, in characters, is more than authenticator apps show, and short enough for the
// URI to fit into a QR code that a phone can read.
const maxIssuer = 100

func checkIssuer(issuer string) error {
	if utf8.RuneCountInString(issuer) > maxIssuer {
		return shared.ErrValidation.WithMessage(fmt.Sprintf("An issuer can have at most %d characters.", maxIssuer)).In("issuer")
	}
	if _, ok := shared.ParseName(issuer); !ok {
		return shared.ErrNameControls.In("issuer")
	}
	return nil
}

// cleanIssuer returns a name without the colons, which would end it in an otpauth URI. It is
// "" if nothing visible remains.
func cleanIssuer(name string) string {
	issuer, _ := shared.ParseName(strings.TrimSpace(strings.ReplaceAll(name, ":", "")))
	return issuer
}

// totpBase32 is the encoding that authenticator apps read: base32 without padding.
var totpBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// totpURI returns the otpauth URI for authenticator apps, as
// github.com/google/google-authenticator/wiki/Key-Uri-Format specifies it. It
// percent-encodes everything except letters and digits, because apps disagree on the rest.
// An app needs an issuer to tell entries apart. If the given one has no visible characters,
// it is the service's name, or else its host.
func (s *Service) totpURI(issuer, account string, secret []byte) string {
	issuer = cmp.Or(cleanIssuer(issuer), cleanIssuer(s.Settings.Now().AppName), s.RelyingParty.ID)
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		escape(issuer), escape(account), totpBase32.EncodeToString(secret), escape(issuer), totpDigits, totpPeriod)
}

// totpStep returns the time step of t (RFC 6238, section 4.2).
func totpStep(t time.Time) int64 { return t.Unix() / totpPeriod }

// totpCode returns the code of a step.
func totpCode(secret []byte, step int64) (string, error) {
	return hotp.GenerateCode(totpBase32.EncodeToString(secret), uint64(step))
}

// findStep returns the step that a code belongs to, the nearest to now if there are
// several. It accepts every spelling that [shared.SixDigits] reads. It compares all steps,
// so that the time does not reveal which step matches.
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

// prepareTOTPCheck is prepareCheck for a code of an authenticator app.
func (s *Service) prepareTOTPCheck(ctx context.Context, vc verificationContext, code string) (codeCheck, error) {
	all, err := s.totpsFor(ctx, vc)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || vc.requireEnrollment && all[0].Verified {
		return nil, shared.ErrTOTPNotEnabled
	}
	secrets := make([][]byte, len(all))
	for i, a := range all { // a secret that cannot be unsealed is not the user's attempt
		if secrets[i], err = s.unsealTOTP(a); err != nil {
			return nil, err
		}
	}
	a := all[0] // a pending one comes first
	return func(ctx context.Context, in userTx) (*TOTP, error) {
		step, err := s.checkTOTP(ctx, in, a, secrets, code)
		if err != nil {
			return nil, err
		}
		if err := in.SpendStep(ctx, a.ID, step); errors.Is(err, shared.ErrInvalidCode) {
			return nil, fmt.Errorf("%w: %w", shared.ErrCodeUsed, errNotAGuess)
		} else if err != nil || a.Verified {
			return nil, err
		}
		a.Since = all[len(all)-1].Since
		return &a, nil
	}, nil
}

// totpsFor returns the authenticators whose codes vc accepts, as [Store].TOTPs does.
func (s *Service) totpsFor(ctx context.Context, vc verificationContext) ([]TOTP, error) {
	if vc.pending == nil {
		session := ""
		if vc.allowEnrollment {
			session = vc.Session.ID
		}
		return s.Store.TOTPs(ctx, vc.User.ID, session, s.Now())
	}
	if vc.pending.TOTP == nil {
		return nil, nil
	}
	return []TOTP{*vc.pending.TOTP}, nil
}

// checkTOTP returns the step of a code that the authenticator a accepts now. secrets has the
// secret of a and, if a is to replace another authenticator, the secret of that one.
func (s *Service) checkTOTP(ctx context.Context, in userTx, a TOTP, secrets [][]byte, code string) (int64, error) {
	now := s.Now()
	step, found, err := findStep(secrets[0], code, now)
	if err != nil {
		return 0, err
	}
	wrong := shared.ErrInvalidCode
	if a.BurnedStep >= totpStep(now)-totpSkew {
		// While a burned code could still be used, every wrong code is reported as a wrong
		// clock.
		wrong = shared.ErrClockOff
	}
	switch off := step - totpStep(now); {
	case !found && len(secrets) > 1:
		return 0, oldAuthenticatorError(secrets[1], code, now)
	case !found:
		return 0, wrong
	case step == a.BurnedStep && off <= totpSkew:
		return 0, fmt.Errorf("%w: %w", shared.ErrCodeTooEarly, errNotAGuess)
	case step == a.BurnedStep:
		return 0, wrong
	case off < -totpSkew && step <= a.LastStep: // the clock is right: a later code was accepted before
		return 0, shared.ErrCodeTooOld
	case off < -totpSkew:
		return 0, shared.ErrInvalidCode.WithMessage(clockDriftMessage(off))
	case off > totpSkew:
		burned, err := in.BurnStep(ctx, a.ID, step, totpStep(now)-totpSkew)
		if err == nil && burned {
			err = shared.ErrInvalidCode.WithMessage(clockDriftMessage(off))
		} else if err == nil {
			err = wrong
		}
		return 0, err
	}
	return step, nil
}

// oldAuthenticatorError returns the error for a wrong code of a pending authenticator. The
// code may be the former authenticator's, which has the same name in the app.
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

// clockDriftMessage returns a message that says by how many seconds the clock seems to be
// off.
func clockDriftMessage(off int64) string {
	direction := "ahead"
	if off < 0 {
		direction, off = "behind", -off
	}
	return fmt.Sprintf(
		"This code is not for the current time. Your phone's clock seems to be about %d seconds %s. Set it to automatic, then use the next code.",
		off*totpPeriod,
		direction,
	)
}

// TOTPURI returns the otpauth URI of the user's authenticator: the active one, or else the
// pending one. Because it reveals the secret, it notifies the user if the authenticator is
// active. It fails with [shared.ErrTOTPNotEnabled] if there is neither, and with
// [shared.ErrFactorNotFresh]. The caller must have checked the password.
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
		by := proof{Entered: enteredPassword}
		if a.Verified {
			by.Factor = actor.Session.SecondFactorBy
			r := reversal{Session: actor.Session.ID, TOTP: a.ID}
			if err := s.notify(ctx, in, actor.Client, r, by, mail.TOTPKeyShown); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, eventWithProof(s.sessionEvent(shared.EventTOTPURIRead, actor), by))
	})
}

type totpStore interface {
	// TOTPs returns a user's authenticators: first the session's unexpired pending one, and
	// then the active one, if they exist.
	TOTPs(ctx context.Context, user, session string, now time.Time) ([]TOTP, error)
	AddTOTP(ctx context.Context, a TOTP) error
	// ActivateTOTP activates a pending authenticator in place of the active one. It fails
	// with [shared.ErrInvalidCode] if it is no longer pending.
	ActivateTOTP(ctx context.Context, a TOTP, since, now time.Time) error
	// DeletePendingTOTP deletes a user's pending authenticators of all sessions.
	DeletePendingTOTP(ctx context.Context, user string) error
	DeleteTOTPs(ctx context.Context, user string) error
	// SpendStep spends the code of a step. It fails with [shared.ErrInvalidCode] if that
	// code or a later one was spent, or if it was burned: of several callers, one succeeds.
	SpendStep(ctx context.Context, id string, step int64) error
	// BurnStep invalidates the code of a future step, but not the codes before it, and
	// reports whether it did. It does nothing while another burned code could still be
	// used, that is, while the burned step is good or later.
	BurnStep(ctx context.Context, id string, step, good int64) (bool, error)
}
