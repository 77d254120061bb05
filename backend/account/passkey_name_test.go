package account

import (
	"testing"

	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

func TestSuggestPasskeyName(t *testing.T) {
	const (
		chrome  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
		firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
		safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
			"Version/18.5 Mobile/15E148 Safari/604.1"
		apple = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"
		none  = "00000000-0000-0000-0000-000000000000"
	)
	en, de := message.English, message.German
	named := func(name string) Passkey { return Passkey{Name: &name} }
	for _, tt := range []struct {
		language  *message.Language
		made      webauthn.Credential
		userAgent string
		others    []Passkey
		want      string
	}{
		{en, webauthn.Credential{AAGUID: apple}, chrome, nil, "Apple Passwords"},
		{en, webauthn.Credential{AAGUID: apple}, chrome, []Passkey{{AAGUID: apple}}, "Apple Passwords 2"},
		{en, webauthn.Credential{AAGUID: apple}, chrome, []Passkey{named("Apple Passwords"), named("Apple Passwords 2")}, "Apple Passwords 3"},
		{en, webauthn.Credential{AAGUID: apple, Roaming: true, Transports: []string{"hybrid"}}, chrome, nil, "Apple Passwords"},
		{en, webauthn.Credential{AAGUID: none, Transports: []string{"internal", "hybrid"}}, chrome, nil, "Linux PC · Chrome"},
		{de, webauthn.Credential{AAGUID: none}, firefox, []Passkey{named("Windows-PC · Firefox")}, "Windows-PC · Firefox 2"},
		{en, webauthn.Credential{AAGUID: none}, safari, nil, "iPhone · Safari"},
		{en, webauthn.Credential{AAGUID: none, Roaming: true, Transports: []string{"future", "nfc", "hybrid"}},
			chrome, nil, en.T(message.SecurityKey)},
		{de, webauthn.Credential{AAGUID: none, Roaming: true, Transports: []string{"internal", "hybrid"}},
			chrome, nil, de.T(message.PhoneOrTablet)},
		{en, webauthn.Credential{AAGUID: none, Roaming: true}, chrome, nil, en.T(message.PhoneOrTablet)},
		{en, webauthn.Credential{}, "", nil, en.T(message.PasskeyFactor)},
		{en, webauthn.Credential{}, "curl/8.15.0", nil, "curl"},
	} {
		if got := suggestPasskeyName(tt.language, tt.made, tt.userAgent, tt.others); got != tt.want {
			t.Errorf("%+v by %q, with %d others: %q; want %q", tt.made, tt.userAgent, len(tt.others), got, tt.want)
		}
	}
}
