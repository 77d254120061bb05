package account

import (
	"slices"
	"strconv"

	"latchkey/backend/language"
	"latchkey/backend/provider"
	"latchkey/backend/useragent"
	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

// suggestPasskeyName returns a name for a new passkey that none of the others has: the
// name of its provider ("Apple Passwords"), or what it is stored on, or the browser in
// which it was created ("Linux PC · Chrome").
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

// browserName returns what people call the device and the browser of a user agent.
func browserName(l *message.Language, userAgent string) string {
	d := useragent.Parse(userAgent)
	if d.Browser == useragent.App {
		d.Browser = ""
	}
	if d.Browser == "" && d.OS == "" {
		return l.T(message.PasskeyFactor)
	}
	return d.Name(l)
}

// languageOf returns the language of a user, or else of the client.
func languageOf(user User, client Client) *message.Language {
	if user.Language != "" {
		return language.Of(user.Language, "")
	}
	return language.Of(client.Language, "")
}
