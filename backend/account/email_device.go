package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/backend/useragent"
	"latchkey/shared/message"
)

// maxDeviceWord, in characters, is longer than "Internet Explorer 11" and too short for
// a message to the reader.
const maxDeviceWord = 24

// deviceInMail names a device in an email: "Firefox 153 on Windows". An attacker who
// knows a password can send any user agent, and the email would repeat it. So it
// repeats no name that is long or that an email program could turn into a link.
func deviceInMail(userAgent string) paragraph {
	fit := func(s string) bool {
		return s != "" && utf8.RuneCountInString(s) <= maxDeviceWord &&
			!strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	d := useragent.Parse(userAgent)
	name := verbatim(d.Browser)
	switch {
	case d.Browser == useragent.App:
		name = say(message.AnApp)
	case !fit(d.Browser):
		name = say(message.AnUnknownBrowser)
	}
	if fit(d.OS) {
		return say(message.BrowserOnSystem, name, d.OS)
	}
	return name
}
