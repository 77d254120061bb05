package main_test

import (
	"encoding/json"
	"testing"

	"latchkey/backend/account/authenticator"
)

// options fetches those of a passkey ceremony.
func (v *visitor) options(t *testing.T, path string) (options json.RawMessage) {
	t.Helper()
	v.get(t, "/passkey/generate-"+path+"-options", &options)
	return options
}

// create has a device make a passkey.
func create(t *testing.T, device *authenticator.Authenticator, options []byte) in {
	t.Helper()
	response, err := device.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	return in{"response": response}
}

// use has a device use one.
func use(t *testing.T, device *authenticator.Authenticator, options []byte) in {
	t.Helper()
	response, err := device.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	return in{"response": response}
}

// TestPasskeyRestart holds that ceremonies can be finished although the server
// was stopped or killed meanwhile (X05).
func TestPasskeyRestart(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		ann := visit(t, p.origin)
		if status, body, _, err := ann.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		for how, end := range map[string]func(){"stopped": p.stop, "killed": p.kill} {
			device, stranger := authenticator.New(p.origin), visit(t, p.origin)
			toRegister := ann.options(t, "register")
			end()
			p.start()
			ann.post(t, "/passkey/verify-registration", create(t, device, toRegister)).want(t, how+", a registration", 200, "")

			toSignIn := stranger.options(t, "authenticate")
			end()
			p.start()
			stranger.post(t, "/passkey/verify-authentication", use(t, device, toSignIn)).want(t, how+", a sign-in", 200, "")
			if !stranger.signedIn(t) {
				t.Errorf("%s: not signed in", how)
			}
		}
	})
}

// TestPasskeyWhileGuessedAt holds that whoever guesses at an account's password
// until no more are taken locks its owner out of nothing else (A16).
func TestPasskeyWhileGuessedAt(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		owner, device := visit(t, p.origin), authenticator.New(p.origin)
		if status, body, _, err := owner.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		owner.post(t, "/passkey/verify-registration", create(t, device, owner.options(t, "register"))).want(t, "a passkey", 200, "")
		throttled := false
		for range 15 {
			status, _, _, err := visit(t, p.origin).signIn("ann@example.test", "a wrong password")
			if status != 401 && status != 429 {
				t.Fatal(status, err)
			}
			throttled = throttled || status == 429
		}
		if status, _, _, err := visit(t, p.origin).signIn("ann@example.test", faultPassword); !throttled || status != 429 {
			t.Fatalf("the right password, after too many wrong ones: %d, %v", status, err)
		}
		if !owner.signedIn(t) {
			t.Error("the session of the owner ended")
		}
		elsewhere := visit(t, p.origin)
		elsewhere.post(t, "/passkey/verify-authentication", use(t, device, elsewhere.options(t, "authenticate"))).want(t, "a sign-in by passkey", 200, "")
	})
}
