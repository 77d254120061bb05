// Package address parses and formats email addresses. It checks only their form: it does
// not know whether a mailbox exists or whether a user has the address.
package address

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"latchkey/shared"
)

// MaxLength is the maximum length of an address in bytes (RFC 5321, section 4.5.3.1.3,
// without the angle brackets).
const MaxLength = 254

// The limits of the parts of an address, and of the input of [Parse], in bytes.
const (
	maxLocalPart = 64   // RFC 5321, section 4.5.3.1.1
	maxLabel     = 63   // RFC 1035, section 2.3.4
	maxInput     = 1024 // a domain outside ASCII takes up to four bytes a character
)

// domains converts a domain to ASCII as browsers do (UTS #46, and the URL Standard's
// "domain to ASCII"). It allows hyphens in the third and fourth place, because existing
// domains have them.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false))

// Parse parses the email address of a mailbox. It returns the one form in which addresses
// are stored and compared: lower case, with the domain in ASCII. It fails with
// [shared.ErrInvalidEmail], or with [shared.ErrEmailLocalPart] if the local part has
// characters outside ASCII.
//
// The domain must be valid on the Internet: it has at least two labels, and the last label
// consists of letters or is internationalized. The local part is a Dot-string (RFC 5321,
// section 4.1.2), but may have dots anywhere. Until 2009, docomo and au assigned addresses
// with consecutive dots and with dots before the @, and those mailboxes still work. Parse
// refuses quoted local parts, because no large provider assigns them. It refuses characters
// outside ASCII (RFC 6531), because most mail servers do not accept them.
func Parse(text string) (email string, err error) {
	at := strings.LastIndexByte(text, '@')
	if len(text) > maxInput || !utf8.ValidString(text) || at < 1 || at > maxLocalPart {
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
	if len(email) > MaxLength {
		return "", shared.ErrInvalidEmail
	}
	return email, nil
}

// isAtext reports whether an atom can contain r (RFC 5322, section 3.2.3).
func isAtext(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isDomain reports whether domain is valid on the Internet (RFC 1123, section 2.1; RFC
// 3696, section 2). The domain is in ASCII and in lower case.
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

// SMTP returns an address in the form that mail servers accept. It quotes a local part that
// has dots where RFC 5321 does not allow them.
func SMTP(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return `"` + local + `"@` + domain
	}
	return email
}

// ParseSender parses the sender of emails: an address, or a name and an address in angle
// brackets. It returns the sender in the form that mail servers accept. ok is false if text
// is not a sender.
func ParseSender(text string) (sender string, ok bool) {
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
	email, err := Parse(unquoted(address))
	if err != nil {
		return "", false
	}
	sender = SMTP(email)
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

// unquoted removes the quotes that [SMTP] may have put around the local part.
func unquoted(address string) string {
	if local, domain, ok := strings.Cut(address, `"@`); ok && strings.HasPrefix(local, `"`) {
		return local[1:] + "@" + domain
	}
	return address
}
