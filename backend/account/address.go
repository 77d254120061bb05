package account

import (
	"context"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"latchkey/shared"
)

// How long the parts of an address can be, in bytes.
const (
	maxLocalPart = 64   // RFC 5321, section 4.5.3.1.1
	maxLabel     = 63   // RFC 1035, section 2.3.4
	maxEmail     = 254  // RFC 5321, section 4.5.3.1.3, less the angle brackets
	maxTyped     = 1024 // of one whose domain is not in ASCII yet: four bytes a character
)

// domains maps a domain to its form in ASCII as browsers do (UTS #46, and the URL
// Standard's "domain to ASCII"). Hyphens in the third and fourth place are in use,
// so they are not refused.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false))

// ParseEmail reads the address of a mailbox, and returns it in the one form in
// which it is kept and compared: in lower case, and the domain in ASCII. It fails
// with [shared.ErrInvalidEmail].
//
// The domain is one that can be on the Internet: two labels or more, the last of
// which is letters or internationalized. The local part is a Dot-string of RFC 5321,
// section 4.1.2. Dots may be anywhere in it: docomo and au handed out addresses
// with several in a row and before the @ until 2009, and those still get mail.
// Quoted local parts are refused, which no large provider hands out, and so are
// letters outside ASCII (RFC 6531), which most mail servers do not take.
func ParseEmail(text string) (email string, err error) {
	at := strings.LastIndexByte(text, '@')
	if len(text) > maxTyped || !utf8.ValidString(text) || at < 1 || at > maxLocalPart {
		return "", shared.ErrInvalidEmail
	}
	local, domain := text[:at], text[at+1:]
	if strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return "", shared.ErrEmailLocalPart
	}
	if strings.Trim(local, ".") == "" || strings.ContainsFunc(local, func(r rune) bool { return r != '.' && !isAtext(r) }) {
		return "", shared.ErrInvalidEmail
	}
	domain, err = domains.ToASCII(domain)
	if err != nil || !isDomain(domain) {
		return "", shared.ErrInvalidEmail
	}
	email = strings.ToLower(local) + "@" + domain
	if len(email) > maxEmail {
		return "", shared.ErrInvalidEmail
	}
	return email, nil
}

// isAtext reports whether r is in atoms (RFC 5322, section 3.2.3).
func isAtext(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isDomain reports whether a domain, which is in ASCII and in lower case, can be on
// the Internet (RFC 1123, section 2.1; RFC 3696, section 2).
func isDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabel || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(label, letters+"0123456789-") != "" {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(labels) > 1 && len(top) > 1 && (strings.HasPrefix(top, "xn--") || strings.Trim(top, letters) == "")
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// SMTPAddress returns an address as mail programs take it: a local part with dots
// where RFC 5321 has none is quoted.
func SMTPAddress(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return `"` + local + `"@` + domain
	}
	return email
}

// parseSender reads who emails are from: an address, or a name and an address in
// angle brackets. It returns both as mail programs take them, and reports whether
// it could.
func parseSender(text string) (sender string, ok bool) {
	if _, ok := shared.ParseName(text); !ok {
		return "", false
	}
	name, address := "", text
	if rest, ok := strings.CutSuffix(text, ">"); ok {
		i := strings.LastIndexByte(rest, '<')
		if i < 0 {
			return "", false
		}
		name, address = strings.TrimSpace(rest[:i]), rest[i+1:]
	}
	email, err := ParseEmail(unquoted(address))
	if err != nil {
		return "", false
	}
	sender = SMTPAddress(email)
	if name != "" {
		sender = name + " <" + sender + ">"
	}
	read, err := mail.ParseAddress(sender) // the name may be quoted or encoded
	if err != nil || read.Address != email {
		return "", false
	}
	_, ok = shared.ParseName(read.Name)
	return sender, ok
}

// unquoted returns an address without the quotes around its local part, which
// [SMTPAddress] may have put there.
func unquoted(address string) string {
	if local, domain, ok := strings.Cut(address, `"@`); ok && strings.HasPrefix(local, `"`) {
		return local[1:] + "@" + domain
	}
	return address
}

// UserByEmail returns the user of an address, however it is written. One that
// [ParseEmail] refuses may be of an account from before it did. It fails with
// [ErrNotFound].
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	parsed, err := ParseEmail(email)
	if err != nil {
		parsed = strings.ToLower(email)
	}
	user, _, err := s.Store.UserByEmail(ctx, parsed)
	return user, err
}
