package server

import (
	"errors"
	"net/url"
	"strings"

	"latchkey/backend/address"
	"latchkey/backend/server/wire"
	"latchkey/shared"
)

// decoder returns the decoder of the server's requests.
func (s *Server) decoder() wire.Decoder {
	return wire.Decoder{EmailFault: emailFault, MayRedirectTo: s.mayRedirectTo}
}

// emailFault returns a message about an invalid email address, or "" if it is valid.
// The message is that of Better Auth's validator. Only letters outside ASCII before
// the @ have a message of our own, which explains more.
func emailFault(email string) string {
	_, err := address.Parse(email)
	var e *shared.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Message == shared.ErrEmailLocalPart.Message:
		return e.Message
	default:
		return "Invalid email address"
	}
}

// mayRedirectTo reports whether target is a URL of a trusted origin, or a path that
// browsers cannot resolve to another origin.
func (s *Server) mayRedirectTo(target string) bool {
	if strings.ContainsFunc(target, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\\' }) {
		return false
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.IsAbs() {
		return s.isTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	p, _, _ := strings.Cut(strings.ToLower(target), "?")
	return strings.HasPrefix(p, "/") && !strings.Contains(p, "//") && !strings.Contains(p, "%2f") && !strings.Contains(p, "%5c")
}
