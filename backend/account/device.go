package account

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mileusna/useragent"

	"latchkey/shared"
)

// maxDeviceWord, in bytes, is longer than the names of browsers and systems. A
// stranger may call theirs what they like, and it is read in a list of others.
const maxDeviceWord = 40

// DeviceOf is what a user agent says of itself.
func DeviceOf(userAgent string) shared.Device {
	ua := useragent.Parse(userAgent)
	word := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxDeviceWord)], "") }
	d := shared.Device{Browser: word(ua.Name), OS: word(ua.OS), Kind: "unknown"}
	if v := ua.VersionNo.Major; v > 0 && v < 10_000 && d.Browser != "" {
		d.Browser += " " + strconv.Itoa(v)
	}
	switch {
	case ua.Bot:
		d.Kind = "bot"
	case ua.Tablet:
		d.Kind = "tablet"
	case ua.Mobile:
		d.Kind = "mobile"
	case ua.Desktop:
		d.Kind = "desktop"
	}
	return d
}

// maxMailedWord is longer than "Internet Explorer 11" and too short for a
// message.
const maxMailedWord = 24

// deviceInMail is a device as a mail of ours names it: "Firefox 153 on Windows".
// Who knows a password may call their browser what they like, and a mail from
// us would say it: so nothing that mail programs make a link of, and nothing
// long.
func deviceInMail(userAgent string) paragraph {
	fit := func(s string) bool {
		return s != "" && utf8.RuneCountInString(s) <= maxMailedWord &&
			!strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	d := DeviceOf(userAgent)
	var name any = d.Browser
	if !fit(d.Browser) {
		name = say("an unknown browser")
	}
	if fit(d.OS) {
		return say("%s on %s", name, d.OS)
	}
	return say("%s", name)
}
