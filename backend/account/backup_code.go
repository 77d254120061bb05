package account

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/backend/passhash"
	"latchkey/shared"
)

const (
	backupCodes = 10
	// backupCodeLength is in characters, of five bits each: 60 bits.
	backupCodeLength = 12
	// backupCodeAlphabet is Crockford's Base32 (crockford.com/base32.html): no
	// letter of it is taken for another or for a digit. See [parseBackupCode].
	backupCodeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

	// backupCodeIterations is the cost of a backup code's hash. NIST SP 800-63B-4,
	// section 3.1.2.2, wants look-up secrets of fewer than 112 bits salted and
	// hashed by a password hashing scheme, and allows a small work factor for those
	// that a random bit generator made. PBKDF2 is the scheme of SP 800-132, whose
	// section 5.2 asks for 1,000 iterations at least. Ten thousand take a
	// millisecond, a tenth of a password's hash. With the database and the keys, a
	// graphics card that makes 10^10 SHA-256 a second tries half a million codes a
	// second, and needs six thousand years for one of ten. Without the keys, it
	// finds none: the hash goes through a keyed one (see [keyring.Keys.MAC]), as section
	// 3.1.1.2 recommends.
	backupCodeIterations = 10_000

	// Bytes of a backup code's hash and of its salt.
	backupCodeSaltSize = 16
	backupCodeHashSize = 32
)

// BackupCodeSet is how the backup codes that a user made at one time are hashed.
// They have one salt, so that a try is hashed once and not for each of them.
type BackupCodeSet struct {
	UserID     string `bun:",pk"`
	Salt       []byte
	Iterations int // of PBKDF2-HMAC-SHA-256
}

func newBackupCodeSet(user string) BackupCodeSet {
	salt := make([]byte, backupCodeSaltSize)
	rand.Read(salt)
	return BackupCodeSet{UserID: user, Salt: salt, Iterations: backupCodeIterations}
}

// hash hashes a code as [parseBackupCode] returns it.
func (set BackupCodeSet) hash(code string) string {
	hash, err := pbkdf2.Key(sha256.New, code, set.Salt, set.Iterations, backupCodeHashSize)
	if err != nil {
		panic(err) // only for longer hashes
	}
	return string(hash)
}

// newBackupCode returns a random code as it is shown, xxxx-xxxx-xxxx.
func newBackupCode() string {
	b := make([]byte, backupCodeLength)
	rand.Read(b)
	for i := range b {
		b[i] = backupCodeAlphabet[b[i]%byte(len(backupCodeAlphabet))] // each as likely: 256 is a multiple of 32
	}
	code := string(b)
	return code[:4] + "-" + code[4:8] + "-" + code[8:]
}

// parseBackupCode returns the characters of the code that a user typed (see
// [shared.TypedCode]), in lower case. It takes o for 0, and i and l for 1. ok is
// false if they are no code.
func parseBackupCode(typed string) (code string, ok bool) {
	code = strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); r {
		case 'o':
			return '0'
		case 'i', 'l', 'ı': // the Turkish one without a dot, too
			return '1'
		}
		return r
	}, typed)
	return code, len(code) == backupCodeLength && strings.Trim(code, backupCodeAlphabet) == ""
}

// legacyBackupCodeForm is that of codes that were made before there were sets, but
// for their hyphen: upper and lower case are different letters.
var legacyBackupCodeForm = regexp.MustCompile(`^[0-9A-Za-z]{10}$`)

// legacyBackupCodeHash hashes a code that was made before there were sets,
// xxxxx-xxxxx.
func legacyBackupCodeHash(slot passhash.Slot, user, code string) string {
	return string(slot.Key(code, []byte(user)))
}

// newBackupCodes makes codes. Only the digests are stored.
func (s *Service) newBackupCodes(user string) (codes []string, set BackupCodeSet, digests [][]byte) {
	set = newBackupCodeSet(user)
	for range backupCodes {
		code := newBackupCode()
		codes = append(codes, code)
		digests = append(digests, s.Keys.MAC(backupCodePurpose, set.hash(strings.ReplaceAll(code, "-", ""))))
	}
	return codes, set, digests
}

// backupCodePurpose names the key that makes digests of hashes.
const backupCodePurpose = "backup code"

// hashBackupCode hashes what a user typed as a backup code, once. It returns what
// may be stored of it, and nothing if it is no code that the user can have.
func (s *Service) hashBackupCode(ctx context.Context, user, text string) (digests [][]byte, err error) {
	set, err := s.Store.BackupCodeSet(ctx, user)
	old := errors.Is(err, ErrNotFound)
	if err != nil && !old {
		return nil, err
	}
	typed := shared.TypedCode(text)
	if code, ok := parseBackupCode(typed); ok {
		if old { // as if there were one: the answer comes no sooner
			set = newBackupCodeSet(user)
		}
		return s.Keys.MACs(backupCodePurpose, set.hash(code)), nil
	}
	if !old || !legacyBackupCodeForm.MatchString(typed) {
		return nil, nil
	}
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	return s.Keys.MACs(backupCodePurpose, legacyBackupCodeHash(slot, user, typed[:5]+"-"+typed[5:])), nil
}

func (s *Service) checkBackupCode(ctx context.Context, vc verificationContext, code string) (verified verifiedCode, try int, err error) {
	if !vc.User.TwoFactorEnabled {
		return verified, 0, shared.ErrBackupCodesNotEnabled
	}
	// Hashed before the try is counted: who is turned away for want of room has
	// lost nothing.
	digests, err := s.hashBackupCode(ctx, vc.User.ID, code)
	if err != nil {
		return verified, 0, err
	}
	if try, err = s.countTryWithSignIn(ctx, vc); err != nil {
		return verified, try, err
	}
	if digests == nil {
		return verified, try, shared.ErrInvalidBackupCode
	}
	return verifiedCode{spend: func(ctx context.Context, in userTx) error {
		used, err := in.UseBackupCode(ctx, in.User.ID, digests)
		if used {
			return fmt.Errorf("%w: %w", shared.ErrBackupCodeUsed, errNotAGuess)
		}
		return err
	}}, try, nil
}

// auditBackupCodeUse tells a user that one of their backup codes was used: in the
// session of actor, to open it, or for none if that is zero.
func (s *Service) auditBackupCodeUse(ctx context.Context, in userTx, actor Actor) error {
	left, err := in.CountBackupCodes(ctx, in.User.ID)
	if err != nil {
		return err
	}
	e := s.event(audit.EventBackupCodeUsed, in.User.ID, actor.Client)
	e.ActorID = in.User.ID // who has proved it by the code
	if err := in.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	return s.notify(ctx, in, actor.Client, reversal{Session: actor.Session.ID}, "", mail.BackupCodeUsed{Left: left})
}

// NewBackupCodes puts new backup codes in the place of the old ones. It fails
// with [shared.ErrTwoFactorNotEnabled] if there is nothing to back up, and with
// [shared.ErrFactorNotFresh].
func (s *Service) NewBackupCodes(ctx context.Context, actor Actor) (codes []string, token Token, err error) {
	if !actor.User.TwoFactorEnabled { // before ten hashes
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
		if err := in.ReplaceBackupCodes(ctx, set, digests); err != nil {
			return err
		}
		token, err = s.revokeAndNotify(ctx, in, actor, audit.EventBackupCodesMade, reversal{BackupCode: digests[0]}, actor.Session.SecondFactorBy,
			mail.BackupCodesMade{})
		return err
	})
	return codes, token, err
}

type backupCodeStore interface {
	// ReplaceBackupCodes keeps the codes of a set in the place of all others that
	// its user has.
	ReplaceBackupCodes(ctx context.Context, set BackupCodeSet, digests [][]byte) error
	// DeleteBackupCodes deletes all codes of a user.
	DeleteBackupCodes(ctx context.Context, user string) error
	// BackupCodeSet returns the set of a user's codes. It fails with [ErrNotFound]
	// if they have none: their codes, if they have any, are of the old form.
	BackupCodeSet(ctx context.Context, user string) (BackupCodeSet, error)
	// UseBackupCode spends the code that has one of the digests. It fails with
	// [shared.ErrInvalidBackupCode] if there is none: of several who use it, one
	// does. used tells of those that one of them did.
	UseBackupCode(ctx context.Context, user string, digests [][]byte) (used bool, err error)
	CountBackupCodes(ctx context.Context, user string) (int, error)
}
