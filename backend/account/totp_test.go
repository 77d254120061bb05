package account

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"

	"latchkey/shared"
)

// TestTOTPVectors checks the test vectors of RFC 6238, appendix B, for SHA-1: the last six
// of their eight digits.
func TestTOTPVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for seconds, want := range map[int64]string{
		59:          "287082",
		1111111109:  "081804",
		1111111111:  "050471",
		1234567890:  "005924",
		2000000000:  "279037",
		20000000000: "353130",
	} {
		at := time.Unix(seconds, 0)
		got, err := totpCode(secret, totpStep(at))
		if err != nil || got != want {
			t.Errorf("the code at %d is %s, %v; want %s", seconds, got, err, want)
		}
		if step, found, err := findStep(secret, want, at); !found || step != totpStep(at) || err != nil {
			t.Errorf("%s at %d is of step %d, %t, %v", want, seconds, step, found, err)
		}
	}
}

func TestFindStep(t *testing.T) {
	secret := []byte("12345678901234567890")
	now := time.Unix(1111111109, 0)
	middle := totpStep(now)
	for away := int64(-12); away <= 12; away++ {
		code, err := totpCode(secret, middle+away)
		if err != nil {
			t.Fatal(err)
		}
		near := away >= -totpHintSkew && away <= totpHintSkew
		step, found, err := findStep(secret, code, now)
		if err != nil || found != near || found && step != middle+away {
			t.Errorf("the code of %d steps away is of %d, %t, %v", away, step-middle, found, err)
		}
	}
	if _, found, err := findStep([]byte("98765432109876543210"), "081804", now); found || err != nil {
		t.Errorf("another secret has the code: %v", err)
	}
}

func FuzzFindStep(f *testing.F) {
	secret := []byte("12345678901234567890")
	now := time.Unix(1111111109, 0)
	for _, seed := range []string{"081804", " 081804", "081804\n", "81804", "0818040", "０８１８０４", "+81804", "", "\x00081804"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		step, found, err := findStep(secret, code, now)
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			return
		}
		six, _ := shared.SixDigits(code)
		if want, _ := totpCode(secret, step); six != want {
			t.Errorf("%q is taken for %s", code, want)
		}
	})
}

// TestTOTPURI checks that an otpauth library and a URL parser find in the URI the values
// that it was made from.
func TestTOTPURI(t *testing.T) {
	secret, s := []byte("12345678901234567890"), &Service{Settings: presets(t)}
	for _, test := range []struct{ issuer, account, label, wantIssuer string }{
		{"", "ann@example.test", "Latchkey:ann%40example.test", "Latchkey"},
		{"  :: ", "ann@example.test", "Latchkey:ann%40example.test", "Latchkey"},
		{"Ref App", "ann@example.test", "Ref%20App:ann%40example.test", "Ref App"},
		{"Custom: Issuer & Co", "a+b@example.test", "Custom%20Issuer%20%26%20Co:a%2Bb%40example.test", "Custom Issuer & Co"},
		{"App & Söhne", "a_b@example.test", "App%20%26%20S%C3%B6hne:a_b%40example.test", "App & Söhne"},
		{"50% off=1;a/b?c#d", "ann@example.test", "50%25%20off%3D1%3Ba%2Fb%3Fc%23d:ann%40example.test", "50% off=1;a/b?c#d"},
	} {
		uri := s.totpURI(test.issuer, test.account, secret)
		if !strings.HasPrefix(uri, "otpauth://totp/"+test.label+"?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&") || strings.ContainsAny(uri, "+ ") {
			t.Errorf("URI %s", uri)
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("issuer") != test.wantIssuer || q.Get("algorithm") != "SHA1" || q.Get("digits") != "6" ||
			q.Get("period") != "30" || len(q) != 5 {
			t.Errorf("%s has the parameters %v", uri, q)
		}
		key, err := otp.NewKeyFromURL(uri)
		if err != nil || key.Issuer() != test.wantIssuer || key.AccountName() != test.account || key.Period() != 30 ||
			key.Digits() != otp.DigitsSix {
			t.Errorf("%s is read as %q, %q, %v", uri, key.Issuer(), key.AccountName(), err)
		}
	}

	// Without a name, the issuer is the host.
	s.RelyingParty.ID = "accounts.example.com"
	s.Settings.Now().AppName = " :: "
	if uri := s.totpURI(":", "ann@example.test", secret); !strings.HasPrefix(uri, "otpauth://totp/accounts.example.com:ann%40example.test?") ||
		!strings.Contains(uri, "&issuer=accounts.example.com&") {
		t.Errorf("without a name: %s", uri)
	}
}

func TestClockDriftMessage(t *testing.T) {
	for off, want := range map[int64]string{-2: "about 60 seconds behind", 4: "about 120 seconds ahead"} {
		if got := clockDriftMessage(off); !strings.Contains(got, want) {
			t.Errorf("%d steps off: %s", off, got)
		}
	}
}

// TestIssueSession checks that issueSession itself refuses a missing second factor.
func TestIssueSession(t *testing.T) {
	s := &Service{Now: Now} // without a store, which issueSession must not use
	in := userTx{User: User{ID: "ann", TwoFactorEnabled: true}}
	o, err := s.issueSession(t.Context(), in, signIn{Method: MethodPassword, Remember: true, Hash: "h"})
	if !errors.Is(err, shared.ErrTwoFactorRequired) || o.Token != "" || o.Session.ID != "" {
		t.Errorf("issued: %v, %v", o, err)
	}
}
