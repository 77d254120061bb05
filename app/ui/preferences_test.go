package ui

import (
	"os"
	"strings"
	"testing"
	"time"

	"latchkey/shared"
)

// TestPreferencesStay tests that the preferences outlive a sign-out, after which the server has
// the browser delete all stored data.
func TestPreferencesStay(t *testing.T) {
	s, local, _ := newSnapshots()
	s.preferences.setTheme(themeDark)
	s.preferences.decline("ada")
	s.preferences.decline("ada")
	s.saveUser(ada, time.Now(), true)
	clear(local) // by the server's header
	s.wipe()
	again := &preferences{storage: local}
	if again.load(); again.theme != themeDark || !again.hasDeclined("ada") || again.hasDeclined("bob") || len(again.declined) != 1 {
		t.Errorf("after a sign-out: %+v", again)
	}
	if len(local) != 2 || strings.Contains(local[declinedKey], "ada") {
		t.Errorf("it keeps %v", local)
	}

	// Another tab has chosen another theme.
	again.setTheme(themeSystem)
	if s.wipe(); local[themeKey] != themeSystem {
		t.Errorf("the theme is %q", local[themeKey])
	}
	for i := range 2 * maxDeclined {
		s.preferences.decline(strings.Repeat("x", i))
	}
	if n := len(s.preferences.declined); n != maxDeclined {
		t.Errorf("%d accounts are kept; want %d", n, maxDeclined)
	}
}

// TestFirstScriptKnowsTheTheme tests that web/first.js, which applies the theme before the first
// paint, uses the same names.
func TestFirstScriptKnowsTheTheme(t *testing.T) {
	script, err := os.ReadFile("../../web/first.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{themeKey, themeLight, themeDark} {
		if !strings.Contains(string(script), `"`+name+`"`) {
			t.Errorf("web/first.js does not know %q", name)
		}
	}
}

func TestUsedPasskeys(t *testing.T) {
	s, local, _ := newSnapshots()
	response := func(attachment, id string) []byte {
		return []byte(`{"id":"` + id + `","authenticatorAttachment":"` + attachment + `"}`)
	}
	s.savePasskeyUsed("ada", response("platform", "first-id")) // before the page knows where to store it
	s.saveUser(ada, time.Now(), true)
	s.savePasskeyUsed("ada", response("platform", "second-id"))
	s.savePasskeyUsed("ada", response("platform", "second-id"))
	s.savePasskeyUsed("ada", response("cross-platform", "elsewhere"))
	s.savePasskeyUsed("bob", response("platform", "another's"))
	list := []shared.Passkey{{CredentialID: "first-id"}, {CredentialID: "second-id"}, {CredentialID: "elsewhere"}}
	s.savePasskeys("ada", list, time.Now())
	saved, _ := s.passkeys("ada")
	for i, want := range []bool{true, true, false} {
		if isUsed(s.used("ada"), list[i]) != want || isUsed(s.used("ada"), saved[i]) != want {
			t.Errorf("%s: used is not %v", list[i].CredentialID, want)
		}
	}
	if n := len(s.used("ada")); n != 2 || strings.Contains(local[snapshotKey], "first-id") {
		t.Errorf("%d passkeys in %v; want 2, without their IDs", n, local)
	}
	if s.wipe(); len(s.used("ada")) != 0 {
		t.Error("after a sign-out, the used passkeys are still known")
	}
}
