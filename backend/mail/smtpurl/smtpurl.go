// Package smtpurl parses the URL of an email server.
package smtpurl

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A TLS is how the connection to an email server is encrypted.
type TLS int

const (
	// StartTLS begins in clear, and sends nothing but STARTTLS until TLS is on.
	StartTLS TLS = iota
	// Implicit begins with TLS.
	Implicit
	// None never encrypts. It is for servers in a private network.
	None
)

// A Server is an email server and the account that Latchkey uses there.
type Server struct {
	Host     string // a name or an IP address
	Port     string
	TLS      TLS
	User     string // empty if the server wants no authentication
	Password string
}

// Address returns the server's host and port. It has no secret.
func (s Server) Address() string { return net.JoinHostPort(s.Host, s.Port) }

// ErrInvalid means that a text is not the URL of an email server. It does not contain the
// text, which may have a password.
var ErrInvalid = errors.New("not the URL of an email server")

// maxLength exceeds any reasonable URL. Tokens that serve as passwords have hundreds of
// characters.
const maxLength = 1000

// Parse parses a URL of the form smtp://user:password@host:port or smtps://…. The user and
// the port are optional. Special characters of the user and the password are
// percent-encoded. smtp:// requires STARTTLS, unless the URL ends with ?tls=none. Parse fails
// with [ErrInvalid].
func Parse(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxLength || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) ||
		u.Opaque != "" || u.Path != "" && u.Path != "/" || strings.Contains(text, "#") {
		return Server{}, ErrInvalid
	}
	s := Server{Host: u.Hostname(), Port: u.Port()}
	var ok bool
	if s.TLS, ok = encryption(u.Scheme, u.RawQuery, u.ForceQuery); !ok || !isHost(s.Host) {
		return Server{}, ErrInvalid
	}
	if s.Port == "" {
		// RFC 8314, section 3.3, and RFC 6409, section 3.1.
		s.Port = map[TLS]string{Implicit: "465", StartTLS: "587", None: "587"}[s.TLS]
	}
	if n, err := strconv.ParseUint(s.Port, 10, 16); err != nil || n == 0 {
		return Server{}, ErrInvalid
	}
	if u.User != nil {
		s.User = u.User.Username()
		s.Password, _ = u.User.Password()
		if !isCredential(s.User) || !isCredential(s.Password) || isMask(s.Password) {
			return Server{}, ErrInvalid
		}
	}
	return s, nil
}

// encryption returns what the scheme and the query of a URL say about TLS.
func encryption(scheme, query string, emptyQuery bool) (mode TLS, ok bool) {
	switch {
	case emptyQuery:
		return 0, false
	case scheme == "smtp" && query == "":
		return StartTLS, true
	case scheme == "smtp" && query == "tls=none":
		return None, true
	case scheme == "smtps" && query == "":
		return Implicit, true
	}
	return 0, false
}

// isHost reports whether host is an IP address or a domain in ASCII. It may have one label,
// as names in a private network do.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	ascii, err := idna.Lookup.ToASCII(host)
	return err == nil && ascii != "" && strings.EqualFold(ascii, host)
}

// isCredential reports whether a user or a password can be sent: RFC 4616 allows no NUL, and
// other control characters are mistakes.
func isCredential(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '\x7f' })
}

// isMask reports whether a password is a mask that a browser displays or a user types in its
// place.
func isMask(password string) bool { return strings.Trim(password, "*.x•") == "" }
