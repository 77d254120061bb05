package ui

import (
	"testing"

	"latchkey/app/passkey"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestKeptIn(t *testing.T) {
	if got := en.storedIn(shared.Passkey{Transports: "internal,hybrid", Synced: true}); got != en.T(message.InPasswordManager) {
		t.Errorf("a synced passkey is kept in %q", got)
	}
	for transports, id := range map[string]message.ID{
		"internal": 0, "internal,hybrid": 0, "nfc,usb": message.InSecurityKey, "": message.UnknownValue,
	} {
		if got, want := en.storedIn(shared.Passkey{Transports: transports}), en.T(id); got != want {
			t.Errorf("keptIn(%q) = %q; want %q", transports, got, want)
		}
	}
	for _, synced := range []bool{true, false} {
		one := shared.Passkey{Transports: "usb", Provider: &shared.Provider{Name: "YubiKey 5"}, Synced: synced}
		if got := en.storedIn(one); got != "YubiKey 5" {
			t.Errorf("a known provider, synced %v: %q; want YubiKey 5", synced, got)
		}
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
