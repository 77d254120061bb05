package betterauth_test

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/betterauth"
	"latchkey/backend/betterauth/betterauthtest"
)

// What Better Auth 1.7.25 has made with a secret.
const (
	secret     = "QN+yg8BzPvB6tE9T3EEH7v0utOPvFRSmIaL+JmC0SY8="
	totpSecret = "af6044b6c5a0036af761e9993364a5415a3d5c64cddda9e9" +
		"bc03e8a2477f2e7121b264c029ad059e2bb103dae1b63161109be1689aa0fee1" + "ca5d3f86181251352aed9fc7be21832e"
	totpKey    = "DKR2hR5i8xfOGOov0NFOJRn-93xj6oTa"
	totpBase32 = "IRFVEMTIKI2WSODYMZHUOT3POYYE4RSPJJJG4LJZGN4GUNTPKRQQ" // in the otpauth URI
)

func parse(t *testing.T, single, versioned string) betterauth.Secrets {
	t.Helper()
	s, err := betterauth.ParseSecrets(single, versioned)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var encrypt = betterauthtest.Encrypt

func TestTOTPKey(t *testing.T) {
	key, err := parse(t, secret, "").TOTPKey(totpSecret)
	if err != nil || string(key) != totpKey {
		t.Errorf("got %q, %v", key, err)
	}
	if got := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key); got != totpBase32 {
		t.Errorf("in the URI it is %s", got)
	}
	if _, err := parse(t, secret[1:], "").TOTPKey(totpSecret); !errors.Is(err, betterauth.ErrSecret) {
		t.Errorf("with another secret: %v", err)
	}
	if _, err := parse(t, secret+"\n", "").TOTPKey(totpSecret); !errors.Is(err, betterauth.ErrSecret) {
		t.Errorf("the text of the secret is not used as it is: %v", err)
	}
	if key, err := parse(t, secret, "").TOTPKey(strings.ToUpper(totpSecret)); err != nil || string(key) != totpKey {
		t.Errorf("in upper case: %q, %v", key, err)
	}
}

func TestTOTPKeyOfAnotherProduct(t *testing.T) {
	twenty := "12345678901234567890"
	for plain, want := range map[string]string{
		"base32:" + strings.ToLower(base32.StdEncoding.EncodeToString([]byte(twenty))): twenty,
		"base32:MFRGG===":  "abc",
		"base32:MFRGG":     "abc",
		"base32:MFRGGZ":    "abc", // the last character completes no byte
		"base32:MFRGG=1ä!": "abc",
		"BASE32:MFRGG":     "BASE32:MFRGG",
		"base32:":          "",
		"base32:M1":        "",
		"base32:MF\nRGG":   "",
		"":                 "",
	} {
		key, err := parse(t, secret, "").TOTPKey(encrypt(secret, plain))
		if string(key) != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, betterauth.ErrOpaque) {
			t.Errorf("%q: got %q, %v", plain, key, err)
		}
	}
}

func TestVersions(t *testing.T) {
	const was, is = "the former secret", "the present secret"
	for _, test := range []struct {
		name              string
		single, versioned string
		stored            string
		want              error
		says              string
	}{
		{name: "the first", versioned: "2:" + is + ",1:" + was, stored: "$ba$2$" + encrypt(is, totpKey)},
		{name: "another", versioned: " 2:" + is + " , 1: " + was, stored: "$ba$1$" + encrypt(was, totpKey)},
		{name: "from before", single: was, versioned: "2:" + is, stored: encrypt(was, totpKey)},
		{name: "the single secret is of that version", single: is, stored: "$ba$2$" + encrypt(is, totpKey)},
		{name: "retired", versioned: "2:" + is, stored: "$ba$1$" + encrypt(was, totpKey), want: betterauth.ErrVersion, says: "version 1"},
		{
			name: "only a single secret", single: is, stored: "$ba$1$" + encrypt(was, totpKey), want: betterauth.ErrVersion,
			says: "made with BETTER_AUTH_SECRETS: version 1",
		},
		{
			name: "without the one from before", versioned: "2:" + is, stored: encrypt(was, totpKey), want: betterauth.ErrSecret,
			says: "BETTER_AUTH_SECRET,",
		},
		{name: "wrong", versioned: "2:" + is, stored: "$ba$2$" + encrypt(was, totpKey), want: betterauth.ErrSecret},
		{
			name: "the single one is not of a version", single: was, versioned: "2:" + is, stored: "$ba$2$" + encrypt(was, totpKey),
			want: betterauth.ErrSecret,
		},
		{name: "no version", single: is, stored: "$ba$x$" + encrypt(is, totpKey), want: betterauth.ErrOpaque},
		{name: "negative", single: is, stored: "$ba$-1$" + encrypt(is, totpKey), want: betterauth.ErrOpaque},
		{name: "custom", single: is, stored: "enc:v1:aaaa", want: betterauth.ErrOpaque},
		{name: "short", single: is, stored: encrypt(is, "")[2:], want: betterauth.ErrOpaque},
		{name: "clear", single: is, stored: totpKey, want: betterauth.ErrOpaque},
	} {
		key, err := parse(t, test.single, test.versioned).TOTPKey(test.stored)
		if !errors.Is(err, test.want) || err == nil && string(key) != totpKey || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %q, %v", test.name, key, err)
		}
		if err != nil && (strings.Contains(err.Error(), is) || strings.Contains(err.Error(), was)) {
			t.Errorf("%s: the error contains a secret: %v", test.name, err)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	for versioned, says := range map[string]string{
		"hunter2":                      "entry 1",
		"1:hunter2,":                   "entry 2",
		"1:hunter2,x:hunter2":          "entry 2",
		"-1:hunter2":                   "entry 1",
		"1: ":                          "entry 1",
		"1:hunter2,1:another":          "version 1 twice",
		"1:hunter2,2":                  "entry 2",
		"99999999999999999999:hunter2": "entry 1",
	} {
		_, err := betterauth.ParseSecrets("single", versioned)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", versioned, err)
		}
	}
	if _, err := betterauth.ParseSecrets("", ""); err == nil {
		t.Error("without a secret: no error")
	}
	if got := parse(t, "single", "7:a:b,8:c").Signing(); got != "a:b" {
		t.Errorf("signs with %q", got)
	}
	if got := parse(t, " single\t", "").Signing(); got != " single\t" {
		t.Errorf("signs with %q", got)
	}
	const public = "better-auth-secret-12345678901234567890"
	if !parse(t, public, "").IsDefault() || parse(t, public, "1:own").IsDefault() || parse(t, secret, "").IsDefault() {
		t.Error("the default secret is not told from others")
	}
}

// TestSecretsPrinted tests that secrets are not printed by accident.
func TestSecretsPrinted(t *testing.T) {
	s := parse(t, "hunter2", "1:hunter2")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("read", "secrets", s, "in", struct{ S betterauth.Secrets }{s})
	inJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(s), fmt.Sprint(&s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s),
		fmt.Sprintf("%+v %#v", struct{ S betterauth.Secrets }{s}, []any{s}),
		log.String(), string(inJSON),
	} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("printed: %s", printed)
		}
	}
}

func TestBackupCodes(t *testing.T) {
	s := parse(t, secret, "")
	for stored, want := range map[string][]string{
		encrypt(secret, `["qPB9E-7n4Ln","vAEUM-j6KVO"]`): {"qPB9E-7n4Ln", "vAEUM-j6KVO"},
		`["qPB9E-7n4Ln"]`:     {"qPB9E-7n4Ln"},
		"[]":                  {},
		encrypt(secret, "[]"): {},
	} {
		if got, err := s.BackupCodes(stored); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v", stored, got, err)
		}
	}
	for stored, want := range map[string]error{
		encrypt("another", `["qPB9E-7n4Ln"]`): betterauth.ErrSecret,
		encrypt(secret, "null"):               betterauth.ErrOpaque,
		encrypt(secret, `["a",1]`):            betterauth.ErrOpaque,
		encrypt(secret, "qPB9E-7n4Ln"):        betterauth.ErrOpaque,
		"[qPB9E-7n4Ln":                        betterauth.ErrOpaque,
		"$argon2id$v=19":                      betterauth.ErrOpaque,
		"":                                    betterauth.ErrOpaque,
	} {
		got, err := s.BackupCodes(stored)
		if !errors.Is(err, want) || got != nil {
			t.Errorf("%s: got %q, %v; want %v", stored, got, err, want)
		} else if strings.Contains(err.Error(), "qPB9E") {
			t.Errorf("the error contains a code: %v", err)
		}
	}
}

func FuzzSecrets(f *testing.F) {
	f.Add(totpSecret)
	f.Add("$ba$1$" + totpSecret)
	f.Add(encrypt(secret, `["a"]`))
	f.Add(`["a"]`)
	s, err := betterauth.ParseSecrets(secret, "1:"+secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		key, err := s.TOTPKey(stored)
		if (len(key) > 0) != (err == nil) {
			t.Errorf("TOTPKey: %q, %v", key, err)
		}
		if codes, err := s.BackupCodes(stored); (codes != nil) != (err == nil) {
			t.Errorf("BackupCodes: %q, %v", codes, err)
		}
		// What is encrypted decrypts to the same.
		if key, err := s.TOTPKey(encrypt(secret, stored)); err == nil && !strings.HasPrefix(stored, "base32:") && string(key) != stored {
			t.Errorf("encrypted: %q", key)
		}
	})
}
