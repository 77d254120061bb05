package account

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"latchkey/backend/mail"
	"latchkey/backend/passhash"
	"latchkey/shared"
)

const (
	backupCodes = 10
	// backupCodeLength is in characters of five bits each, in total 60 bits.
	backupCodeLength = 12
	// backupCodeAlphabet is Crockford's Base32 (crockford.com/base32.html), in which no
	// letter looks like another or like a digit. See [parseBackupCode].
	backupCodeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

	// backupCodeIterations is the cost of a backup code's hash. NIST SP 800-63B-4, section
	// 3.1.2.2, requires look-up secrets of fewer than 112 bits to be salted and hashed with
	// a password hashing scheme, and allows a low cost for random ones. PBKDF2 is the
	// scheme of SP 800-132, whose section 5.2 requires at least 1,000 iterations. Ten
	// thousand take a millisecond, a tenth of a password's hash. With the database and the
	// keys, an attacker whose graphics card computes 10^10 SHA-256 hashes a second tries
	// half a million codes a second, and needs six thousand years to find one of ten.
	// Without the keys the attacker finds none, because the stored value is a MAC of the
	// hash (see [keyring.Keys.MAC]), as section 3.1.1.2 recommends.
	backupCodeIterations = 10_000

	// importedCodeIterations is the cost of the codes of another system, all of which an import
	// has to hash. It is the minimum of SP 800-132. The estimate above then is six hundred
	// years.
	importedCodeIterations = 1000

	// maxImportedCode is longer than any code of another system, in bytes.
	maxImportedCode = 64

	// replacedCodesLifetime is how long the server recognizes the codes of the previous set.
	// A printed copy may still lie about for that long.
	replacedCodesLifetime = 365 * day

	// The sizes of a backup code's salt and hash, in bytes.
	backupCodeSaltSize = 16
	backupCodeHashSize = 32
)

// BackupCode is an unused backup code of a user.
type BackupCode struct {
	UserID string `bun:",pk"`
	Digest []byte `bun:",pk"` // a MAC of [BackupCodeSet.hash], or of a legacy code's hash
}

// BackupCodeSet describes how the backup codes of one set are hashed. They share a salt, so
// that checking a code takes one hash instead of ten.
type BackupCodeSet struct {
	UserID     string `bun:",pk"`
	Salt       []byte
	Iterations int // of PBKDF2-HMAC-SHA-256
}

// ReplacedBackupCode is a code of a user's previous set. The server keeps it only to say so of
// a later try.
type ReplacedBackupCode struct {
	UserID     string `bun:",pk"`
	Digest     []byte `bun:",pk"`
	Salt       []byte
	Iterations int // as in [BackupCodeSet]
	ExpiresAt  time.Time
}

func newBackupCodeSet(user string) BackupCodeSet {
	salt := make([]byte, backupCodeSaltSize)
	rand.Read(salt)
	return BackupCodeSet{UserID: user, Salt: salt, Iterations: backupCodeIterations}
}

// hash hashes a code in the form that [parseBackupCode] returns.
func (set BackupCodeSet) hash(code string) string {
	hash, err := pbkdf2.Key(sha256.New, code, set.Salt, set.Iterations, backupCodeHashSize)
	if err != nil {
		panic(err) // fails only for a longer hash
	}
	return string(hash)
}

// newBackupCode returns a random code in the form xxxx-xxxx-xxxx.
func newBackupCode() string {
	b := make([]byte, backupCodeLength)
	rand.Read(b)
	for i := range b {
		b[i] = backupCodeAlphabet[b[i]%byte(len(backupCodeAlphabet))] // uniform, because 256 is a multiple of 32
	}
	code := string(b)
	return code[:4] + "-" + code[4:8] + "-" + code[8:]
}

// parseBackupCode returns the characters of a typed code (see [shared.TypedCode]) in lower
// case. It reads o as 0, and i and l as 1. ok is false if they are not a code.
func parseBackupCode(typed string) (code string, ok bool) {
	code = strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); r {
		case 'o':
			return '0'
		case 'i', 'l', 'ı': // and the Turkish dotless i
			return '1'
		}
		return r
	}, typed)
	return code, len(code) == backupCodeLength && strings.Trim(code, backupCodeAlphabet) == ""
}

// legacyBackupCodeForm matches codes from before sets existed, without their hyphen. They
// are case-sensitive.
var legacyBackupCodeForm = regexp.MustCompile(`^[0-9A-Za-z]{10}$`)

// legacyBackupCodeHash hashes a code from before sets existed, in the form xxxxx-xxxxx.
func legacyBackupCodeHash(slot passhash.Slot, user, code string) string {
	return string(slot.Key(code, []byte(user)))
}

// newBackupCodes returns new codes with their set. Only the digests are stored.
func (s *Service) newBackupCodes(user string) (codes []string, set BackupCodeSet, digests [][]byte) {
	set = newBackupCodeSet(user)
	for range backupCodes {
		code := newBackupCode()
		codes = append(codes, code)
		digests = append(digests, s.Keys.MAC(backupCodePurpose, set.hash(strings.ReplaceAll(code, "-", ""))))
	}
	return codes, set, digests
}

// backupCodePurpose is the purpose of the MACs that are stored as digests.
const backupCodePurpose = "backup code"

// hashBackupCode returns the digests under which a typed code may be stored, or none if the
// user cannot have such a code.
func (s *Service) hashBackupCode(ctx context.Context, user, text string) (digests [][]byte, err error) {
	set, err := s.Store.BackupCodeSet(ctx, user)
	old := errors.Is(err, ErrNotFound)
	if err != nil && !old {
		return nil, err
	}
	typed := shared.TypedCode(text)
	if !old {
		return s.digestsInSet(set, typed), nil
	}
	if code, ok := parseBackupCode(typed); ok { // hash it anyway, so that the time does not reveal it
		return s.Keys.MACs(backupCodePurpose, newBackupCodeSet(user).hash(code)), nil
	}
	if !legacyBackupCodeForm.MatchString(typed) {
		return nil, nil
	}
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	return s.Keys.MACs(backupCodePurpose, legacyBackupCodeHash(slot, user, typed[:5]+"-"+typed[5:])), nil
}

// digestsInSet returns the digests that a typed code may have in a set: as one of ours, and as
// one that was imported. Codes of another system are stored as [shared.TypedCode] returns them,
// because their alphabet is unknown.
func (s *Service) digestsInSet(set BackupCodeSet, typed string) (digests [][]byte) {
	code, ok := parseBackupCode(typed)
	if ok {
		digests = s.Keys.MACs(backupCodePurpose, set.hash(code))
	}
	if (!ok || code != typed) && len(typed) <= maxImportedCode {
		digests = append(digests, s.Keys.MACs(backupCodePurpose, set.hash(typed))...)
	}
	return digests
}

// prepareBackupCodeCheck is prepareCheck for a backup code.
func (s *Service) prepareBackupCodeCheck(ctx context.Context, vc verificationContext, code string) (codeCheck, error) {
	if !vc.User.TwoFactorEnabled {
		return nil, shared.ErrBackupCodesNotEnabled
	}
	digests, err := s.hashBackupCode(ctx, vc.User.ID, code)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, in userTx) (*TOTP, error) {
		if digests == nil {
			return nil, shared.ErrInvalidBackupCode
		}
		used, err := in.UseBackupCode(ctx, in.User.ID, digests)
		if used {
			return nil, fmt.Errorf("%w: %w", shared.ErrBackupCodeUsed, errNotAGuess)
		}
		if errors.Is(err, shared.ErrInvalidBackupCode) {
			err = s.wrongBackupCode(ctx, in, code)
		}
		return nil, err
	}, nil
}

// wrongBackupCode returns the error for a code that the user does not have: it may be from the
// set that the user's codes replaced.
func (s *Service) wrongBackupCode(ctx context.Context, in userTx, text string) error {
	replaced, err := in.ReplacedBackupCodes(ctx, in.User.ID, s.Now())
	if err != nil {
		return err
	}
	if len(replaced) == 0 {
		return shared.ErrInvalidBackupCode
	}
	set := BackupCodeSet{UserID: in.User.ID, Salt: replaced[0].Salt, Iterations: replaced[0].Iterations}
	digests := s.digestsInSet(set, shared.TypedCode(text))
	for _, r := range replaced {
		if slices.ContainsFunc(digests, func(d []byte) bool { return hmac.Equal(d, r.Digest) }) {
			return fmt.Errorf("%w: %w", shared.ErrBackupCodeReplaced, errNotAGuess)
		}
	}
	return shared.ErrInvalidBackupCode
}

// auditBackupCodeUse records the use of a backup code, and notifies the user. The actor's
// session is the one in which the code was used, or the one that it began; it is zero if
// there is neither. newSignIn means that the notice also reports the sign-in.
func (s *Service) auditBackupCodeUse(ctx context.Context, in userTx, actor Actor, newSignIn bool) error {
	left, err := in.CountBackupCodes(ctx, in.User.ID)
	if err != nil {
		return err
	}
	e := s.event(shared.EventBackupCodeUsed, in.User.ID, actor.Client)
	e.ActorID = in.User.ID // the code identifies the user
	if err := in.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	used := mail.BackupCodeUsed{Left: left, NewSignIn: newSignIn}
	return s.notify(ctx, in, actor.Client, reversal{Session: actor.Session.ID}, proof{}, used)
}

// NewBackupCodes replaces the user's backup codes, and revokes all other access. It fails
// with [shared.ErrTwoFactorNotEnabled] and with [shared.ErrFactorNotFresh]. The caller must
// have checked the password.
func (s *Service) NewBackupCodes(ctx context.Context, actor Actor) (codes []string, token Token, err error) {
	if !actor.User.TwoFactorEnabled { // before hashing ten codes
		return nil, "", shared.ErrTwoFactorNotEnabled
	}
	codes, set, digests := s.newBackupCodes(actor.User.ID)
	err = s.inSessionTx(ctx, actor, func(in userTx) (err error) {
		if !in.User.TwoFactorEnabled {
			return shared.ErrTwoFactorNotEnabled
		}
		if err := s.checkSecondFactor(ctx, in, actor.Session, in.User); err != nil {
			return err
		}
		if err := in.ReplaceBackupCodes(ctx, set, digests, s.Now().Add(replacedCodesLifetime)); err != nil {
			return err
		}
		token, err = s.revokeAndNotify(ctx, in, actor, shared.EventBackupCodesMade, reversal{BackupCode: digests[0]},
			proof{enteredPassword, actor.Session.SecondFactorBy}, mail.BackupCodesMade)
		return err
	})
	return codes, token, err
}

type backupCodeStore interface {
	// ReplaceBackupCodes stores the codes of a set in place of all of the user's codes. It
	// keeps the replaced codes until a time, unless they are legacy ones.
	ReplaceBackupCodes(ctx context.Context, set BackupCodeSet, digests [][]byte, keep time.Time) error
	// ReplacedBackupCodes returns the unexpired codes that [backupCodeStore.ReplaceBackupCodes]
	// replaced last. They are of one set.
	ReplacedBackupCodes(ctx context.Context, user string, now time.Time) ([]ReplacedBackupCode, error)
	// DeleteBackupCodes deletes all codes of a user, and the replaced ones.
	DeleteBackupCodes(ctx context.Context, user string) error
	// BackupCodeSet returns the set of a user's codes. It fails with [ErrNotFound] if there
	// is none, because the user has no codes or has legacy ones.
	BackupCodeSet(ctx context.Context, user string) (BackupCodeSet, error)
	// UseBackupCode spends the code with one of the digests. It fails with
	// [shared.ErrInvalidBackupCode] if there is none: of several callers, one succeeds. used
	// reports that the code exists and was spent before.
	UseBackupCode(ctx context.Context, user string, digests [][]byte) (used bool, err error)
	CountBackupCodes(ctx context.Context, user string) (int, error)
}
