package betterauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Sign returns the value of a cookie that the secret has signed, decoded. The signature does not
// cover the name of the cookie.
func Sign(secret, value string) string {
	return value + "." + base64.StdEncoding.EncodeToString(mac(secret, value))
}

// TrustCookie returns the value of the cookie trust_device, decoded, of a browser that a user
// trusts. identifier is that of a [Verification].
func TrustCookie(secret, identifier, userID string) string {
	tag := base64.RawURLEncoding.EncodeToString(mac(secret, userID+"!"+identifier))
	return Sign(secret, tag+"!"+identifier)
}

func mac(secret, message string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(message))
	return h.Sum(nil)
}
