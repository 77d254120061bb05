package betterauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"latchkey/backend/betterauth"
)

// Cookies that Better Auth 1.7.25 has signed with the secret.
const (
	sessionToken  = "VwBCJeuLCiYNLM23Jk5W8FonOCeOsmLl"
	sessionCookie = sessionToken + ".tIVrlUARjBSJDgRSm%2FgCEj28rRGyLgYRD3WfrRqM2hQ%3D"
	dontRemember  = "true.EB2qTPI2uZYM%2Btppz9F4E%2B2GiHBMKlmqLWQHbcU9DxY%3D"

	trustedUser = "9DaH56f48HFDHiejJKSOjm4PdoOG3W3K"
	trustedID   = "trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i"
	trustValue  = "QMNfe45xNr8essps_NJJl8FLPrrkCA_cTpd8CrDfOFI!" + trustedID
	trustCookie = trustValue + ".977VP5Y%2Bka%2Bg7nuqZl6zQZEfHEoRWPz9Y%2FHtN6jQjw8%3D"
)

func sign(value string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(value))
	return value + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestSignedValue(t *testing.T) {
	for cookie, want := range map[string]string{
		sessionCookie: sessionToken,
		dontRemember:  "true",
		trustCookie:   trustValue,
	} {
		decoded, err := url.PathUnescape(cookie)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range []string{cookie, decoded} {
			if got, ok := betterauth.SignedValue(secret, cookie); !ok || got != want {
				t.Errorf("%s: got %q, %v", cookie, got, ok)
			}
			if _, ok := betterauth.SignedValue(secret+"\n", cookie); ok {
				t.Errorf("%s is signed with another secret, too", cookie)
			}
		}
		for i := range len(decoded) { // each character counts
			changed := []byte(decoded)
			changed[i] ^= 1
			if got, ok := betterauth.SignedValue(secret, string(changed)); ok {
				t.Errorf("%s changed at %d: got %q", cookie, i, got)
			}
		}
	}
	if got, ok := betterauth.SignedValue(secret, sign("with.dots.")); !ok || got != "with.dots." {
		t.Errorf("with dots: got %q, %v", got, ok)
	}
	for name, cookie := range map[string]string{
		"empty":                    "",
		"empty value":              sign(""),
		"no signature":             sessionToken,
		"empty signature":          sessionToken + ".",
		"signature without value":  sessionCookie[len(sessionToken):],
		"hex signature":            sessionToken + "." + strings.Repeat("0", 64),
		"without padding":          strings.TrimSuffix(sessionCookie, "%3D"),
		"line breaks":              sessionCookie + "%0A",
		"wrong escape":             sessionCookie + "%",
		"plus decoded to a space":  strings.ReplaceAll(dontRemember, "%2B", " "),
		"bits that base64 ignores": strings.Replace(sessionCookie, "hQ%3D", "hR%3D", 1),
	} {
		if got, ok := betterauth.SignedValue(secret, cookie); ok {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTrustIdentifier(t *testing.T) {
	if got, ok := betterauth.TrustIdentifier(secret, trustValue, trustedUser); !ok || got != trustedID {
		t.Errorf("got %q, %v", got, ok)
	}
	for i := range len(trustValue) {
		changed := []byte(trustValue)
		changed[i] ^= 1
		if got, ok := betterauth.TrustIdentifier(secret, string(changed), trustedUser); ok {
			t.Errorf("changed at %d: got %q", i, got)
		}
	}
	for name, at := range map[string][3]string{
		"another user":   {secret, trustValue, trustedUser[1:]},
		"no user":        {secret, trustValue, ""},
		"another secret": {secret[1:], trustValue, trustedUser},
		"no identifier":  {secret, strings.TrimSuffix(trustValue, trustedID), trustedUser},
		"no value":       {secret, "", trustedUser},
		"a session":      {secret, sessionToken, trustedUser},
	} {
		if got, ok := betterauth.TrustIdentifier(at[0], at[1], at[2]); ok {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func FuzzSignedValue(f *testing.F) {
	f.Add(sessionCookie)
	f.Add(trustCookie)
	f.Add("a.b%2")
	f.Fuzz(func(t *testing.T, cookie string) {
		if got, ok := betterauth.SignedValue(secret, cookie); ok {
			signed := sign(got)
			if decoded, err := url.PathUnescape(cookie); cookie != signed && (err != nil || decoded != signed) {
				t.Errorf("got %q", got)
			}
		}
		if cookie != "" && !strings.Contains(cookie, "%") {
			if got, ok := betterauth.SignedValue(secret, sign(cookie)); !ok || got != cookie {
				t.Errorf("signed: got %q, %v", got, ok)
			}
		}
		if got, ok := betterauth.TrustIdentifier(secret, cookie, trustedUser); ok && got != trustedID {
			t.Errorf("got %q", got)
		}
	})
}
