package account

import (
	"slices"
	"strconv"
	"strings"

	"latchkey/backend/language"
	"latchkey/backend/provider"
	"latchkey/backend/useragent"
	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

// suggestPasskeyName returns a name for a new passkey that none of the others has: the
// name of its provider ("Apple Passwords"), or what it is stored on, or the browser in
// which it was created ("Chrome on Linux").
func suggestPasskeyName(l *message.Language, made webauthn.Credential, userAgent string, others []Passkey) string {
	name := providerName(made.AAGUID)
	if name == "" && made.Roaming {
		name = l.T(roamingName(made.Transports))
	}
	if name == "" {
		name = browserName(l, userAgent)
	}
	taken := map[string]bool{}
	for _, p := range others {
		if p.Name != nil {
			taken[*p.Name] = true
		} else { // pages then show this name
			taken[providerName(p.AAGUID)] = true
		}
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = name + " " + strconv.Itoa(n)
	}
	return free
}

func providerName(aaguid string) string {
	if p := provider.Of(aaguid); p != nil {
		return p.Name
	}
	return ""
}

// roamingName names an authenticator that is not part of the user's device.
func roamingName(transports []string) message.ID {
	for _, wire := range []string{"usb", "nfc", "ble", "smart-card"} {
		if slices.Contains(transports, wire) {
			return message.SecurityKey
		}
	}
	return message.PhoneOrTablet
}

// browserName returns the browser and the system of a user agent, without version.
func browserName(l *message.Language, userAgent string) string {
	d := useragent.Parse(userAgent)
	browser := strings.TrimRight(d.Browser, "0123456789. ")
	switch {
	case d.Browser == useragent.App || browser == "":
		if d.OS == "" {
			return l.T(message.PasskeyFactor)
		}
		return d.OS
	case d.OS == "":
		return browser
	}
	return l.T(message.BrowserOnSystem, browser, d.OS)
}

// languageOf returns the language of a user, or else of the client.
func languageOf(user User, client Client) *message.Language {
	if user.Language != "" {
		return language.Of(user.Language, "")
	}
	return language.Of(client.Language, "")
}
