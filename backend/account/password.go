package account

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"latchkey/backend/mail"
	"latchkey/backend/passhash"
	"latchkey/shared"
)

const (
	minPassword = 8   // code points; NIST SP 800-63B-4, section 3.1.1.2
	maxPassword = 128 // code points, as in Better Auth; checked before hashing

	// minOwnCharacters is how many characters of a password must not be part of a word of the
	// account. Attackers try such context-specific words first (NIST SP 800-63B-4, section
	// 3.1.1.2). Four would allow a name with a year. With more than five, a password of the
	// minimum length could not even contain a word of three letters by accident, as "cannon42"
	// contains the name Ann.
	minOwnCharacters = 5
	// minAccountWord is how many letters a word of the account has at least. Shorter words are
	// in many other words.
	minAccountWord = 3
)

// Password is the hash of a user's password: a PHC string, or Better Auth's format until the
// user's next sign-in.
type Password struct {
	UserID    string `bun:",pk"`
	Hash      string
	ChangedAt time.Time
	Void      bool // refused at sign-in: the user must choose a new one
}

// checkNewPassword fails if the password is not acceptable for the account: too long, too
// short, too common, or made of the name or address.
func checkNewPassword(password, email, name string) error {
	if utf8.RuneCountInString(password) > maxPassword {
		return shared.ErrPasswordTooLong
	}
	p := strings.ToLower(norm.NFKC.String(password))
	if utf8.RuneCountInString(p) < minPassword { // counts the normalized form, which is the one that is hashed
		return shared.ErrPasswordTooShort
	}
	local, _, _ := strings.Cut(email, "@")
	for _, word := range []string{email, local, name, "latchkey"} {
		if word = strings.ToLower(norm.NFKC.String(word)); word == p || word != "" && strings.Repeat(word, 2) == p {
			return shared.ErrPasswordIsName
		}
	}
	if ownCharacters(p, email, name, "latchkey") < minOwnCharacters {
		return shared.ErrPasswordIsName
	}
	if passhash.IsCommon(password) {
		return shared.ErrPasswordTooCommon
	}
	return nil
}

// ownCharacters returns how many characters of a normalized password are not part of a word of
// one of the texts.
func ownCharacters(password string, texts ...string) (n int) {
	taken := make([]bool, len(password))
	for _, text := range texts {
		words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(text)), func(r rune) bool {
			return !unicode.In(r, unicode.Letter, unicode.Mark)
		})
		for _, word := range words {
			if utf8.RuneCountInString(word) < minAccountWord {
				continue
			}
			for start := 0; ; start++ { // occurrences may overlap
				i := strings.Index(password[start:], word)
				if i < 0 {
					break
				}
				start += i
				for j := range word {
					taken[start+j] = true
				}
			}
		}
	}
	for i := range password {
		if !taken[i] {
			n++
		}
	}
	return n
}

// ConfirmPassword checks the password of the session's user. It records a wrong one. Errors:
//   - [shared.ErrInvalidPassword]: the password is wrong
//   - [shared.ErrNewPasswordDue]: the password is correct but void
//   - [shared.ErrTooManyPasswords]: too many attempts
func (s *Service) ConfirmPassword(ctx context.Context, actor Actor, password string) error {
	_, err := s.confirmPassword(ctx, actor, password)
	return err
}

// confirmPassword is ConfirmPassword, but also returns the hash that matched. A change can
// then require that the user still has this hash.
func (s *Service) confirmPassword(ctx context.Context, actor Actor, password string) (hash string, err error) {
	if utf8.RuneCountInString(password) > maxPassword {
		return "", shared.ErrPasswordTooLong
	}
	p, err := s.Store.Password(ctx, actor.Session.UserID)
	if err != nil {
		return "", err
	}
	right, err := s.verifyPassword(ctx, PasswordPromptLimit, actor.Session.UserID, p.Hash, password)
	if err != nil {
		return "", err
	}
	if !right {
		return "", s.auditFailure(ctx, s.sessionEvent(shared.EventPasswordFailed, actor), shared.ErrInvalidPassword)
	}
	if p.Void {
		return "", shared.ErrNewPasswordDue
	}
	return p.Hash, s.resetRateLimit(ctx, s.Store, s.rateLimitKey(PasswordPromptLimit, actor.Session.UserID))
}

// verifyPassword reports whether phc is the hash of password. It counts the attempt for key
// before the comparison and outside of any transaction, so that concurrent attempts all
// count. It counts only after it has a hashing slot, so that a caller who gets none does
// not lose an attempt.
func (s *Service) verifyPassword(ctx context.Context, l RateLimit, key, phc, password string) (bool, error) {
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer slot.Release()
	err = s.Allow(ctx, l, key)
	if e, ok := errors.AsType[*shared.Error](err); ok && errors.Is(err, shared.ErrTooManyRequests) {
		tooMany := *shared.ErrTooManyPasswords
		tooMany.RetryAfter = e.RetryAfter
		return false, &tooMany
	} else if err != nil {
		return false, err
	}
	return slot.Verify(phc, password), nil
}

// ChangePassword gives the session's user a new password and revokes all other access. It
// returns the session's new token and the browser's known-device tokens. It fails as
// [Service.ConfirmPassword] does, and if the new password is not acceptable or is the
// current one.
func (s *Service) ChangePassword(ctx context.Context, actor Actor, current, next string) (Token, KnownDeviceTokens, error) {
	if err := checkNewPassword(next, actor.User.Email, actor.User.Name); err != nil {
		return "", "", inField(err, "newPassword")
	}
	old, err := s.confirmPassword(ctx, actor, current)
	if err != nil {
		return "", "", inField(err, "currentPassword")
	}
	if norm.NFKC.String(next) == norm.NFKC.String(current) { // the form that is hashed
		return "", "", shared.ErrSamePassword.In("newPassword")
	}
	hashed, err := s.Hasher.Hash(ctx, next)
	if err != nil {
		return "", "", err
	}
	var token Token
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if err := in.ReplacePassword(ctx, in.User.ID, old, hashed, s.Now()); err != nil {
			return err
		}
		// The counted attempts at sign-in were made with the old password.
		if err := in.LiftLockout(ctx, in.User.ID); err != nil {
			return err
		}
		token, err = s.revokeAndNotify(ctx, in, actor, shared.EventPasswordChanged, reversal{}, proof{}, mail.PasswordChanged)
		return err
	})
	return token, s.addKnownDevice(actor.User.ID, hashed, actor.Client.KnownDevice, actor.Session.IsNew), err
}

// StepUp confirms the identity of the session's user by password, which makes the session
// fresh. The session gets a new token. It fails as [Service.ConfirmPassword] does.
func (s *Service) StepUp(ctx context.Context, actor Actor, password string) (token Token, err error) {
	if err := s.ConfirmPassword(ctx, actor, password); err != nil {
		return "", inField(err, "password")
	}
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		token, err = s.stepUp(ctx, in, actor, "")
		return err
	})
	return token, err
}

// StepUpByCode is StepUp with a code from the authenticator app ([ByTOTP]) or a backup code
// ([ByBackupCode]) instead of the password. It fails as [Service.VerifyCode] does.
func (s *Service) StepUpByCode(ctx context.Context, actor Actor, f Factor, code string) (token Token, err error) {
	vc := sessionContext(actor)
	if f == ByTOTP && !actor.User.TwoFactorEnabled {
		return "", shared.ErrTOTPNotEnabled
	}
	err = s.withCode(ctx, f, vc, code, func(in userTx, _ *TOTP) (err error) {
		token, err = s.stepUp(ctx, in, actor, f)
		return err
	})
	field := "code"
	if f == ByBackupCode {
		field = "backupCode"
	}
	return token, inField(err, field)
}

// stepUp confirms the identity of the session's user by a second factor, or by the password
// if f is empty. A password does not change which second factor was presented last.
func (s *Service) stepUp(ctx context.Context, in userTx, actor Actor, f Factor) (Token, error) {
	if f != "" {
		if err := s.recordSecondFactor(ctx, in, actor, f); err != nil {
			return "", err
		}
	}
	next, token := actor.Session.rotated(s.Now())
	if err := rotate(ctx, in, actor.Session, next); err != nil {
		return "", err
	}
	return token, in.AddEvent(ctx, s.Keys, eventWithProof(s.sessionEvent(shared.EventStepUp, actor), proof{Factor: f}))
}

type passwordStore interface {
	// Password returns the password of a user. It fails with
	// [shared.ErrCredentialNotFound] if the user has none.
	Password(ctx context.Context, user string) (Password, error)
	AddPassword(ctx context.Context, p Password) error
	// LockUserByPassword locks a user, and then the user's password, until the transaction
	// ends, so that a sign-in with the old password cannot overtake a change of it. It
	// returns the user, and whether the user has passkeys. It fails with
	// [shared.ErrCredentials] unless hash is the user's current one and not void.
	LockUserByPassword(ctx context.Context, user, hash string) (u User, hasPasskeys bool, err error)
	// UsePassword locks the user's password until the transaction ends. It fails with
	// [shared.ErrCredentials] unless hash is the current one and not void.
	UsePassword(ctx context.Context, user, hash string) error
	// UpgradePassword replaces the hash old with another hash of the same password. It
	// fails with [shared.ErrCredentials] unless old is the user's current one and not void.
	UpgradePassword(ctx context.Context, user, old, new string) error
	// ReplacePassword replaces the hash old. It fails with [shared.ErrInvalidPassword]
	// unless old is the user's current one and not void.
	ReplacePassword(ctx context.Context, user, old, new string, now time.Time) error
	// PutPassword stores a password, and replaces the user's former one if there is one.
	PutPassword(ctx context.Context, p Password) error
	// VoidPassword makes a user's password void, if there is one.
	VoidPassword(ctx context.Context, user string) error
}
