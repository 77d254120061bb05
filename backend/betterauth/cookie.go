package betterauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
)

// SignedValue returns the value of a cookie that the secret has signed. The cookie can be
// encoded, as in the Cookie header, or already decoded.
//
// The signature does not cover the name of the cookie: a value that is rightly signed may
// come from any cookie of the application.
func SignedValue(secret, cookie string) (value string, ok bool) {
	if strings.Contains(cookie, "%") {
		decoded, err := url.PathUnescape(cookie) // which keeps "+", as encodeURIComponent does
		if err != nil {
			return "", false
		}
		cookie = decoded
	}
	dot := strings.LastIndexByte(cookie, '.')
	if dot < 1 {
		return "", false
	}
	value = cookie[:dot]
	if !isMAC(base64.StdEncoding, cookie[dot+1:], secret, value) {
		return "", false
	}
	return value, true
}

// TrustIdentifier returns the identifier of a trusted device, if the user with userID
// trusts it. The value is what [SignedValue] returns of the cookie trust_device. The device
// is trusted as long as there is a [Verification] with the identifier.
func TrustIdentifier(secret, value, userID string) (identifier string, ok bool) {
	tag, identifier, _ := strings.Cut(value, "!")
	if !strings.HasPrefix(identifier, PrefixTrustDevice) {
		return "", false
	}
	if !isMAC(base64.RawURLEncoding, tag, secret, userID+"!"+identifier) {
		return "", false
	}
	return identifier, true
}

// isMAC reports whether a text is the only encoding of the HMAC-SHA256 of a message.
func isMAC(encoding *base64.Encoding, text, secret, message string) bool {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(message))
	return hmac.Equal([]byte(text), []byte(encoding.EncodeToString(h.Sum(nil))))
}
