package betterauth_test

import (
	"net/url"
	"testing"

	"latchkey/backend/betterauth"
)

// TestSign checks the cookies that Better Auth 1.7.25 has signed with the secret.
func TestSign(t *testing.T) {
	const (
		user       = "9DaH56f48HFDHiejJKSOjm4PdoOG3W3K"
		identifier = "trust-device-YRp1iOewYsYHtQjH0voCQT5TJWiOkh6i"
	)
	for cookie, got := range map[string]string{
		"VwBCJeuLCiYNLM23Jk5W8FonOCeOsmLl.tIVrlUARjBSJDgRSm%2FgCEj28rRGyLgYRD3WfrRqM2hQ%3D": betterauth.Sign(
			secret, "VwBCJeuLCiYNLM23Jk5W8FonOCeOsmLl"),
		"true.EB2qTPI2uZYM%2Btppz9F4E%2B2GiHBMKlmqLWQHbcU9DxY%3D": betterauth.Sign(secret, "true"),
		"QMNfe45xNr8essps_NJJl8FLPrrkCA_cTpd8CrDfOFI!" + identifier +
			".977VP5Y%2Bka%2Bg7nuqZl6zQZEfHEoRWPz9Y%2FHtN6jQjw8%3D": betterauth.TrustCookie(secret, identifier, user),
	} {
		if want, err := url.PathUnescape(cookie); err != nil || got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	if a, b := betterauth.TrustCookie(secret, identifier, user), betterauth.TrustCookie(secret, identifier, user[1:]); a == b {
		t.Error("the cookie of a trusted device does not depend on its user")
	}
}
