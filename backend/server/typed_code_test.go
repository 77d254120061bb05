package server_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/passhash"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// spellings returns functions that write a code as keyboards and clipboards do.
func spellings() map[string]func(code string) string {
	digits := func(zero rune) func(string) string {
		return func(code string) string {
			return strings.Map(func(r rune) rune {
				if '0' <= r && r <= '9' {
					return zero + r - '0'
				}
				return r
			}, code)
		}
	}
	inside := func(mark string) func(string) string {
		return func(code string) string { return mark + code[:3] + mark + code[3:] + mark }
	}
	return map[string]func(string) string{
		"fullwidth":           digits('０'),
		"Arabic-Indic":        digits('\u0660'),
		"Persian":             digits('\u06f0'),
		"Bengali":             digits('\u09e6'),
		"with spaces":         inside(" "),
		"with no-break space": inside("\u202f"),
		"left-to-right mark":  inside("\u200e"),
		"right-to-left mark":  inside("\u200f"),
		"zero width space":    inside("\u200b"),
		"byte order mark":     inside("\ufeff"),
		"word joiner":         inside("\u2060"),
		"soft hyphen":         inside("\u00ad"),
		"Arabic letter mark":  inside("\u061c"),
		"variation selector":  inside("\ufe0f"),
		"with an en dash":     func(code string) string { return code[:3] + "–" + code[3:] },
		"with line breaks":    inside("\r\n"),
	}
}

// TestTypedCodes tests that each spelling of a code is accepted: at sign-in, at
// enrollment, at step-up and in the form, for TOTP and emailed codes. A used code must
// be refused in all spellings.
func TestTypedCodes(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		s.clock.Freeze()
		owner := s.signUp(t, ann)
		app, _ := owner.enable()
		want(t, owner.verify(spellings()["fullwidth"](app.Code(0))), 200, "")
		stepUp := func(code string) testkit.Answer { return owner.Elsewhere().Post("/step-up", body{"code": code}) }
		for what, spell := range spellings() {
			code := nextCode(app)
			if a := stepUp(spell(code)); a.Status != 200 {
				t.Errorf("%s: %v", what, a)
			}
			for _, again := range []string{code, spell(code)} {
				if a := stepUp(again); a.Status != 401 || a.Get("message") != shared.ErrCodeUsed.Message {
					t.Errorf("%s, a spent code: %v", what, a)
				}
			}
		}
		for _, what := range []string{"fullwidth", "Arabic-Indic", "left-to-right mark"} {
			spell := spellings()[what]
			want(t, s.pendingSignIn(t, ann).verify(spell(nextCode(app))), 200, "")
			code := nextCode(app)
			wantSeeOther(t, s.pendingSignIn(t, ann).send("/two-factor", "code="+spell(code)), "/dashboard/settings")
			wantRedisplayed(t, s.pendingSignIn(t, ann).send("/two-factor", "code="+code), 401, "code", en.T(message.ErrCodeUsed))
		}

		b := s.pendingSignIn(t, ann)
		want(t, b.Elsewhere().Post("/two-factor/send-otp", body{}), 200, "")
		mailed := s.mailedCode(t)
		want(t, b.Elsewhere().Post("/two-factor/verify-otp", body{"code": "\u200e" + spellings()["fullwidth"](mailed)}), 200, "")
	})
}

// TestTypedBackupCodes tests that a backup code is valid in all of its spellings,
// through the API and the form, and only once.
func TestTypedBackupCodes(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		_, codes := owner.enroll()
		bare := func(code string) string { return strings.ReplaceAll(code, "-", "") }
		spells := []func(string) string{
			bare,
			strings.ToUpper,
			func(code string) string { return strings.ToUpper(bare(code)) },
			func(code string) string { return " " + strings.ReplaceAll(code, "-", " ") + "\n" },
			func(code string) string { return strings.ReplaceAll(code, "-", "—") },
			func(code string) string { return "\ufeff\u200e" + code + "\u200b" },
			func(code string) string { // in fullwidth characters
				return strings.Map(func(r rune) rune { return r + 0xfee0 }, code)
			},
			func(code string) string { return strings.NewReplacer("0", "O", "1", "l").Replace(code) },
			func(code string) string { return strings.NewReplacer("0", "o", "1", "I").Replace(code) },
			func(code string) string { return code },
		}
		for i, spell := range spells {
			if i%2 == 0 {
				want(t, s.pendingSignIn(t, ann).spend(spell(codes[i])), 200, "")
			} else {
				wantSeeOther(t, s.pendingSignIn(t, ann).send("/two-factor", "backupCode="+spell(codes[i])), "/dashboard/settings")
			}
			for _, again := range spells {
				a := owner.spend(again(codes[i]))
				if want(t, a, 401, "INVALID_BACKUP_CODE"); a.Get("message") != shared.ErrBackupCodeUsed.Message {
					t.Errorf("%q again: %v", again(codes[i]), a)
				}
			}
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true})
	})
}

// oldBackupCode returns the digest of a backup code as servers stored it before each
// set of codes had its own salt: argon2id with the user's ID as salt, at the cost of
// [open], and then HMAC-SHA-256 under a subkey of the server's key.
func oldBackupCode(t *testing.T, keys keyring.Keys, user, code string) string {
	t.Helper()
	_, line, _ := strings.Cut(keys.Text(), "\n")
	secret, err := base64.StdEncoding.DecodeString(strings.Fields(line)[1])
	if err != nil {
		t.Fatal(err)
	}
	sub, err := hkdf.Key(sha256.New, secret, nil, "latchkey backup code", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, sub)
	mac.Write(argon2.IDKey([]byte(code), []byte(user), 1, 64, 1, 32))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestOldBackupCodes tests that codes from before each set had its own salt stay valid
// until the user creates new ones. They must survive a rotation of the keys, and be
// case-sensitive.
func TestOldBackupCodes(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		_, fresh := owner.enroll()
		codes := []string{"AbCde-fGh23", "abcde-fgh23", "23456-789ab", "ZZZZZ-zzzzz", "Kmnpq-RSTuv"}
		user := owner.Session().Get("user.id").(string)
		s.exec(t, "DELETE FROM backup_code_sets")
		s.exec(t, "DELETE FROM backup_codes")
		for _, code := range codes {
			digest := "X'" + oldBackupCode(t, testKeys, user, code) + "'"
			if !strings.HasPrefix(s.database, "sqlite:") {
				digest = "decode('" + digest[2:] + ", 'hex')"
			}
			s.exec(t, fmt.Sprintf("INSERT INTO backup_codes (user_id, digest) VALUES ('%s', %s)", user, digest))
		}
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 5})

		want(t, s.pendingSignIn(t, ann).spend("ABCDE-FGH23"), 401, "INVALID_BACKUP_CODE")
		want(t, s.pendingSignIn(t, ann).spend(fresh[0]), 401, "INVALID_BACKUP_CODE")
		want(t, s.pendingSignIn(t, ann).spend(codes[0]), 200, "")
		a := s.pendingSignIn(t, ann).spend(codes[0])
		if want(t, a, 401, "INVALID_BACKUP_CODE"); a.Get("message") != shared.ErrBackupCodeUsed.Message {
			t.Errorf("an old code again: %v", a)
		}
		want(t, s.pendingSignIn(t, ann).spend("\u200e "+codes[1]+"\u200b\n"), 200, "")
		wantSeeOther(t, s.pendingSignIn(t, ann).send("/two-factor", "backupCode="+strings.ReplaceAll(codes[2], "-", " ")), "/dashboard/settings")

		s.accounts.Keys = testKeys.Rotated()
		want(t, s.pendingSignIn(t, ann).spend(codes[3]), 200, "")
		s.accounts.Keys = testKeys
		wantStatus(t, owner, shared.TwoFactor{Enabled: true, BackupCodesLeft: 1})

		a = owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password})
		want(t, a, 200, "")
		want(t, s.pendingSignIn(t, ann).spend(codes[4]), 401, "INVALID_BACKUP_CODE")
		want(t, s.pendingSignIn(t, ann).spend(a.Strings("backupCodes")[0]), 200, "")
	})
}

// TestBackupCodesNeedNoHashingSlot tests that backup codes can be created and used while the
// server can hash no more passwords.
func TestBackupCodesNeedNoHashingSlot(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		_, codes := owner.enroll()
		right, wrong := s.pendingSignIn(t, ann), s.pendingSignIn(t, ann)
		s.accounts.Hasher = passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, -1)
		want(t, s.browser(t).SignIn(ann), 503, "SERVICE_UNAVAILABLE")
		want(t, right.spend(codes[0]), 200, "")
		want(t, wrong.spend(codes[0]), 401, "INVALID_BACKUP_CODE")
		want(t, wrong.spend("aaaa-bbbb-cccc"), 401, "INVALID_BACKUP_CODE")
		want(t, wrong.spend("aaaaa-bbbbb"), 401, "INVALID_BACKUP_CODE")
	})
}

// allAtOnce sends n requests at the same moment and returns their responses. It
// retries requests that the server asks to repeat: on a busy machine, some of many
// writers wait for SQLite's lock longer than the server does.
func allAtOnce(n int, send func(i int) testkit.Answer) []testkit.Answer {
	return testkit.AtOnce(n, func(i int) (a testkit.Answer) {
		for range 10 {
			if a = send(i); a.Status != 503 {
				break
			}
		}
		return a
	})
}

// TestEnrollInParallel tests that 48 users can turn on two-factor authentication in
// parallel, and that 64 parallel correct backup codes all sign in.
// [TestBackupCodesNeedNoHashingSlot] tests that they do not wait for a hashing slot.
func TestEnrollInParallel(t *testing.T) {
	// Not parallel to other tests, because it keeps every database connection busy.
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), nil)
		const users, tries, enrolled = enrollments, 64, 8
		owners := make([]*browser, users)
		for i := range owners {
			owners[i] = s.signUp(t, fmt.Sprintf("user%d@example.test", i))
		}
		codes := make([][]string, users)
		for i, a := range allAtOnce(users, func(i int) testkit.Answer {
			return owners[i].Elsewhere().Post("/two-factor/enable", body{"password": testkit.Password})
		}) {
			want(t, a, 200, "")
			if codes[i] = a.Strings("backupCodes"); len(codes[i]) != 10 {
				t.Fatalf("user %d: %v", i, a)
			}
			if i < enrolled {
				want(t, owners[i].verify(s.scan(t, a).Code(0)), 200, "")
			}
		}

		// Each attempt has its own pending sign-in, because a pending sign-in accepts
		// one correct code.
		var signIns [tries]*browser
		for i := range signIns {
			signIns[i] = s.pendingSignIn(t, fmt.Sprintf("user%d@example.test", i%enrolled))
		}
		for _, a := range allAtOnce(tries, func(i int) testkit.Answer { return signIns[i].spend(codes[i%enrolled][i/enrolled]) }) {
			want(t, a, 200, "")
		}
	})
}
