package betterauth

import "encoding/base64"

// Sign returns the value of a cookie that the secret has signed, decoded.
func Sign(secret, value string) string {
	return value + "." + base64.StdEncoding.EncodeToString(mac(secret, value))
}

// TrustCookie returns the value of the cookie trust_device, decoded, of a browser that a user
// trusts. identifier is that of a [Verification].
func TrustCookie(secret, identifier, userID string) string {
	tag := base64.RawURLEncoding.EncodeToString(mac(secret, userID+"!"+identifier))
	return Sign(secret, tag+"!"+identifier)
}
