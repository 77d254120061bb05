package ui

import (
	"testing"

	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestSuggestName(t *testing.T) {
	const (
		iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
			"Version/18.5 Mobile/15E148 Safari/604.1"
		mac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
		phone   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
		tablet  = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
		cros    = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
		linux   = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
	)
	tests := []struct {
		userAgent       string
		touch, platform bool
		want            string
	}{
		{iPhone, true, true, "iPhone · Face ID or Touch ID"},
		{mac, false, true, "Mac · Touch ID"},
		{mac, false, false, "Mac"}, // a Mac without Touch ID
		{mac, true, true, "iPad · Face ID or Touch ID"},
		{windows, false, true, "Windows · Windows Hello"},
		{windows, true, false, "Windows"},
		{phone, true, true, "Android phone"},
		{tablet, true, true, "Android tablet"},
		{cros, false, true, "Chromebook"},
		{linux, false, true, "Linux"},
		{"", false, false, en.T(message.PasskeyFactor)},
	}
	for _, tt := range tests {
		if got := en.suggestName(tt.userAgent, tt.touch, tt.platform); got != tt.want {
			t.Errorf("suggestName(%q, %v, %v) = %q; want %q", tt.userAgent, tt.touch, tt.platform, got, tt.want)
		}
	}
}

func TestUnused(t *testing.T) {
	named := func(name string) shared.Passkey { return shared.Passkey{Name: &name} }
	list := []shared.Passkey{named("Mac"), named("Mac 2"), {Provider: &shared.Provider{Name: "1Password"}}, {}}
	unnamed := en.T(message.PasskeyFactor)
	for name, want := range map[string]string{"Mac": "Mac 3", "Linux": "Linux", "1Password": "1Password 2", unnamed: unnamed + " 2"} {
		if got := en.unused(name, list); got != want {
			t.Errorf("unused(%q) = %q; want %q", name, got, want)
		}
	}
}

func TestProviderName(t *testing.T) {
	for _, tt := range []struct{ name, provider, want string }{
		{"Mac · Touch ID", "1Password", "Mac · 1Password"},
		{"Mac · Touch ID", "iCloud Keychain", "Mac · iCloud Keychain"},
		{"Windows · Windows Hello", "Windows Hello", "Windows Hello"},
		{"Linux", "Bitwarden", "Linux · Bitwarden"},
		{en.T(message.SecurityKey), "YubiKey 5 Series", "YubiKey 5 Series"},
		{en.T(message.PasskeyFactor), "Bitwarden", "Bitwarden"},
		{"Mac", "Chrome on Mac", "Chrome on Mac"},
		{"Mac", "", "Mac"},
	} {
		if got := en.providerName(tt.name, &shared.Provider{Name: tt.provider}); got != tt.want {
			t.Errorf("providerName(%q, %q) = %q; want %q", tt.name, tt.provider, got, tt.want)
		}
	}
	if got := en.providerName("Mac", nil); got != "Mac" {
		t.Errorf("without a provider: %q", got)
	}
}

func TestKeptIn(t *testing.T) {
	if got := en.storedIn(shared.Passkey{Transports: "internal,hybrid", Synced: true}); got != en.T(message.InPasswordManager) {
		t.Errorf("a synced passkey is kept in %q", got)
	}
	for transports, id := range map[string]message.ID{
		"internal": message.InDeviceItself, "internal,hybrid": message.InDeviceItself, "nfc,usb": message.InSecurityKey, "": message.UnknownValue,
	} {
		if got, want := en.storedIn(shared.Passkey{Transports: transports}), en.T(id); got != want {
			t.Errorf("keptIn(%q) = %q; want %q", transports, got, want)
		}
	}
	if got := en.storedIn(shared.Passkey{Transports: "usb", Provider: &shared.Provider{Name: "YubiKey 5"}}); got != "YubiKey 5" {
		t.Errorf("keptIn of a known provider = %q", got)
	}
}

// TestPasskeyErrorText tests that every error of the browser has a text, except when the user
// canceled.
func TestPasskeyErrorText(t *testing.T) {
	for _, silent := range []string{"NotAllowedError", "AbortError"} {
		if got := en.errorMessage(&passkey.Error{Name: silent}); got != "" {
			t.Errorf("words(%s) = %q; want none", silent, got)
		}
	}
	for _, name := range []string{"InvalidStateError", "SecurityError", "ConstraintError", "NotSupportedError",
		"NotReadableError", "UnknownError", "TimeoutError", "OperationError", "DataError", "TypeError", "NeverSeenError", ""} {
		if en.errorMessage(&passkey.Error{Name: name, Message: "for developers"}) == "" {
			t.Errorf("%s has no text", name)
		}
	}
}

func TestMethodWordsPasskey(t *testing.T) {
	for method, want := range map[string]string{
		"passkey":           en.T(message.PasskeyFactor),
		"security-key":      en.T(message.SecurityKey),
		"password+passkey":  en.T(message.MethodAndPasskey, en.T(message.AccountPassword)),
		"security-key+totp": en.T(message.MethodAndAuthenticatorApp, en.T(message.SecurityKey)),
	} {
		if got := en.methodText(method); got != want {
			t.Errorf("methodText(%q) = %q; want %q", method, got, want)
		}
	}
}
