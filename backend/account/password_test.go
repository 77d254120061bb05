package account

import (
	"errors"
	"strings"
	"testing"

	"latchkey/shared"
)

// TestPersonalPassword checks that a password that is little more than words of the account is
// refused, and that a password that only contains such a word is not.
func TestPersonalPassword(t *testing.T) {
	const email, name = "dana.o'neill7@müller.example", "Dana Élodie O’Neill"
	for password, personal := range map[string]bool{
		"dana2026":                         true,
		"2026DANA":                         true,
		"Dana!Neill99":                     true,
		"élodie.26":                        true,
		strings.ToUpper("e\u0301lodie.26"): true, // the same in other code points
		"müller1234":                       true,
		"danadana2026":                     true,
		"dana dana dana":                   true,
		"latchkey2026":                     true,
		"dan2026x":                         false,
		"bandana2026":                      false,
		"dana2026x":                        false,
		"dana likes purple horses":         false,
		"correct horse battery staple":     false,
	} {
		err := checkNewPassword(password, email, name)
		refused, _ := errors.AsType[*shared.Error](err)
		if (refused == shared.ErrPasswordIsName) != personal {
			t.Errorf("%q: %v; want it to be personal: %t", password, err, personal)
		}
	}
	// A name of three letters may be in a word by accident.
	for _, password := range []string{"cannon42", "plannings1"} {
		if err := checkNewPassword(password, "ann@example.org", "Ann"); err != nil {
			t.Errorf("%q for Ann: %v", password, err)
		}
	}
	if err := checkNewPassword("li li li li", "li@example.org", "Li"); err != nil {
		t.Errorf("a name of two letters: %v", err)
	}
}
