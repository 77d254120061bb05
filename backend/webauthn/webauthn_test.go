package webauthn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/webauthn"
	"latchkey/backend/webauthn/authenticator"
)

const origin = "https://accounts.example.test"

var (
	rp     = webauthn.RelyingParty{ID: "accounts.example.test", Origins: []string{origin, "https://shop.test"}}
	handle = []byte("the handle of ann")
)

// create creates a passkey on a device, from the options of a relying party.
func create(t *testing.T, device *authenticator.Authenticator, changes ...func(*authenticator.Statement)) webauthn.Registration {
	t.Helper()
	options, err := rp.CreationOptions(webauthn.Creation{
		Challenge: webauthn.NewChallenge(), UserHandle: handle, Verification: webauthn.Preferred,
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := device.Create(options, changes...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := webauthn.ParseRegistration(response)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// register creates a passkey on a device, and has the relying party verify it.
func register(t *testing.T, device *authenticator.Authenticator) webauthn.Credential {
	t.Helper()
	c, err := rp.VerifyRegistration(create(t, device), webauthn.RegistrationPolicy{UserHandle: handle, Verification: webauthn.Required})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// use signs in with the passkey of a device.
func use(t *testing.T, device *authenticator.Authenticator, changes ...func(*authenticator.Statement)) webauthn.Assertion {
	t.Helper()
	options, err := rp.RequestOptions(webauthn.NewChallenge(), nil, webauthn.Preferred)
	if err != nil {
		t.Fatal(err)
	}
	response, err := device.Get(options, changes...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := webauthn.ParseAssertion(response)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func client(member string, value any) func(*authenticator.Statement) {
	return func(s *authenticator.Statement) { s.Client[member] = value }
}

// TestMayUse tests that trusted origins may use the passkeys only at their domain or below it.
func TestMayUse(t *testing.T) {
	all := rp
	all.Trusts = func(origin string) bool { return origin != "https://untrusted.accounts.example.test" }
	for origin, may := range map[string]bool{
		origin: true, "https://shop.test": true, "https://app.accounts.example.test": true, "https://accounts.example.test:8443": true,
		"https://untrusted.accounts.example.test": false, "https://example.test": false, "https://evilaccounts.example.test": false,
		"https://evil.test": false, "": false, "null": false,
	} {
		if got := all.MayUse(origin); got != may {
			t.Errorf("%q may use the passkeys: %t", origin, got)
		}
	}
	if rp.MayUse("https://app.accounts.example.test") {
		t.Error("an origin may use the passkeys that nobody trusts")
	}
}

// TestOptions checks the members that a browser reads.
func TestOptions(t *testing.T) {
	creation, err := rp.CreationOptions(webauthn.Creation{
		Challenge: "Y2hhbGxlbmdl", RPName: "Example", UserHandle: []byte("ann"), UserName: "ann@example.test", DisplayName: "Ann",
		Exclude:    []webauthn.Descriptor{{ID: []byte{0xfb, 0xff}, Transports: []string{"internal"}}},
		Attachment: "platform", Verification: webauthn.Required,
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"challenge":"Y2hhbGxlbmdl","rp":{"id":"accounts.example.test","name":"Example"},` +
		`"user":{"displayName":"Ann","id":"YW5u","name":"ann@example.test"},` +
		`"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],` +
		`"timeout":60000,"attestation":"none","excludeCredentials":[{"id":"-_8","transports":["internal"],"type":"public-key"}],` +
		`"authenticatorSelection":{"authenticatorAttachment":"platform","residentKey":"required","requireResidentKey":true,` +
		`"userVerification":"required"},"extensions":{"credProps":true},"hints":[]}`
	if string(creation) != want {
		t.Errorf("creation options:\n%s; want\n%s", creation, want)
	}
	request, err := rp.RequestOptions("Y2hhbGxlbmdl", nil, webauthn.Preferred)
	if err != nil {
		t.Fatal(err)
	}
	const wantRequest = `{"rpId":"accounts.example.test","challenge":"Y2hhbGxlbmdl","timeout":60000,"userVerification":"preferred"}`
	if string(request) != wantRequest {
		t.Errorf("request options:\n%s; want\n%s", request, wantRequest)
	}
}

// TestRegisterAndUse checks that a passkey of each algorithm can be registered
// and used, and that its key verifies no other passkey's signature.
func TestRegisterAndUse(t *testing.T) {
	for _, algorithm := range []authenticator.Algorithm{authenticator.ES256, authenticator.EdDSA, authenticator.RS256} {
		device := authenticator.New(origin)
		device.Algorithm, device.Counts = algorithm, true
		stored := register(t, device)
		if !stored.UserVerified || !stored.BackedUp || !stored.BackupEligible || stored.SignCount != 1 || len(stored.PublicKey) == 0 {
			t.Errorf("algorithm %d: %+v", algorithm, stored)
		}
		a := use(t, device)
		if !bytes.Equal(a.CredentialID, stored.ID) || !bytes.Equal(a.UserHandle, handle) || a.SignCount != 2 {
			t.Errorf("algorithm %d: %+v", algorithm, a)
		}
		if err := rp.VerifyAssertion(a, stored, webauthn.Required); err != nil {
			t.Errorf("algorithm %d: %v", algorithm, err)
		}
		stored.PublicKey = register(t, authenticator.New(origin)).PublicKey
		if err := rp.VerifyAssertion(a, stored, webauthn.Required); err == nil {
			t.Errorf("algorithm %d: the key of another passkey verifies the assertion", algorithm)
		}
	}
}

// TestDecoyKey checks that verifying an assertion by the decoy key fails like
// verifying it by a wrong key, with an error about the signature.
func TestDecoyKey(t *testing.T) {
	device := authenticator.New(origin)
	stored := register(t, device)
	stored.PublicKey = webauthn.DecoyKey()
	if err := rp.VerifyAssertion(use(t, device), stored, webauthn.Required); !errors.Is(err, webauthn.ErrSignature) {
		t.Errorf("by the decoy: %v; want %v", err, webauthn.ErrSignature)
	}
}

// TestWrongRegistration checks that each fault of a registration is refused.
func TestWrongRegistration(t *testing.T) {
	required := webauthn.RegistrationPolicy{UserHandle: handle, Verification: webauthn.Required}
	flags := func(f authenticator.Flags) func(*authenticator.Statement) {
		return func(s *authenticator.Statement) { s.Flags = f | authenticator.Attested }
	}
	for what, test := range map[string]struct {
		change func(*authenticator.Statement)
		policy webauthn.RegistrationPolicy
		want   error
	}{
		"nothing wrong":         {func(*authenticator.Statement) {}, required, nil},
		"another origin":        {client("origin", "https://evil.test"), required, webauthn.ErrInvalid},
		"an origin in capitals": {client("origin", strings.ToUpper(origin)), required, webauthn.ErrInvalid},
		"in a frame":            {client("crossOrigin", true), required, webauthn.ErrInvalid},
		"below another page":    {client("topOrigin", "https://evil.test"), required, webauthn.ErrInvalid},
		"another relying party": {func(s *authenticator.Statement) { s.RPID = "evil.test" }, required, webauthn.ErrInvalid},
		"the type of a use":     {client("type", "webauthn.get"), required, webauthn.ErrInvalid},
		"a certificate": {func(s *authenticator.Statement) {
			s.Format, s.Attestation = "packed", map[string]any{"alg": int64(authenticator.ES256), "sig": []byte{1}, "x5c": []any{[]byte{1}}}
		}, required, webauthn.ErrInvalid},
		"user not verified":                  {flags(authenticator.UserPresent), required, webauthn.ErrUserNotVerified},
		"user not verified, and not present": {flags(0), required, webauthn.ErrInvalid},
		"user not verified where it is preferred": {
			flags(authenticator.UserPresent), webauthn.RegistrationPolicy{UserHandle: handle, Verification: webauthn.Preferred}, nil,
		},
		"user not present where no prompt was shown": {
			flags(0), webauthn.RegistrationPolicy{UserHandle: handle, Verification: webauthn.Required, Conditional: true}, nil,
		},
		"an RSA key with an exponent of 3": {func(s *authenticator.Statement) {
			s.PublicKey = map[int]any{1: 3, 3: int64(authenticator.RS256), -1: bytes.Repeat([]byte{0xff}, 256), -2: []byte{3}}
		}, required, webauthn.ErrInvalid},
		"an RSA key of 8192 bits": {func(s *authenticator.Statement) {
			s.PublicKey = map[int]any{1: 3, 3: int64(authenticator.RS256), -1: bytes.Repeat([]byte{0xff}, 1024), -2: []byte{1, 0, 1}}
		}, required, webauthn.ErrInvalid},
	} {
		_, err := rp.VerifyRegistration(create(t, authenticator.New(origin), test.change), test.policy)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", what, err, test.want)
		}
	}
}

// TestTransports checks that a passkey keeps only values in the form of
// transports, without duplicates and up to a limit.
func TestTransports(t *testing.T) {
	device := authenticator.New(origin)
	device.Transports = []string{"usb", "usb", "NFC", "a,b", "", "smart-card", strings.Repeat("a", 17), "c", "d", "e", "f", "g", "h", "i"}
	if got, want := register(t, device).Transports, []string{"usb", "smart-card", "c", "d", "e", "f", "g", "h"}; !slices.Equal(got, want) {
		t.Errorf("transports %q; want %q", got, want)
	}
}

// TestWrongAssertion checks that each fault of an assertion is refused.
func TestWrongAssertion(t *testing.T) {
	device := authenticator.New(origin)
	stored := register(t, device)
	without := func(f authenticator.Flags) func(*authenticator.Statement) {
		return func(s *authenticator.Statement) { s.Flags &^= f }
	}
	for what, test := range map[string]struct {
		change       func(*authenticator.Statement)
		verification webauthn.Verification
		want         error
	}{
		"nothing wrong":             {func(*authenticator.Statement) {}, webauthn.Required, nil},
		"another origin of ours":    {client("origin", "https://shop.test"), webauthn.Required, nil},
		"another origin":            {client("origin", "https://evil.test"), webauthn.Required, webauthn.ErrInvalid},
		"in a frame":                {client("crossOrigin", true), webauthn.Required, webauthn.ErrInvalid},
		"below another page":        {client("topOrigin", origin), webauthn.Required, webauthn.ErrInvalid},
		"another relying party":     {func(s *authenticator.Statement) { s.RPID = "evil.test" }, webauthn.Required, webauthn.ErrInvalid},
		"the type of a creation":    {client("type", "webauthn.create"), webauthn.Required, webauthn.ErrInvalid},
		"another signature":         {func(s *authenticator.Statement) { s.Signature = []byte{1} }, webauthn.Required, webauthn.ErrSignature},
		"user not verified":         {without(authenticator.UserVerified), webauthn.Required, webauthn.ErrUserNotVerified},
		"preferred, not verified":   {without(authenticator.UserVerified), webauthn.Preferred, nil},
		"user not present":          {without(authenticator.UserPresent), webauthn.Preferred, webauthn.ErrInvalid},
		"without the user's handle": {func(s *authenticator.Statement) { s.UserHandle = nil }, webauthn.Required, nil},
	} {
		if err := rp.VerifyAssertion(use(t, device, test.change), stored, test.verification); !errors.Is(err, test.want) {
			t.Errorf("%s: %v; want %v", what, err, test.want)
		}
	}
	other := stored
	other.ID = []byte("another id")
	if err := rp.VerifyAssertion(use(t, device), other, webauthn.Required); !errors.Is(err, webauthn.ErrInvalid) {
		t.Errorf("by another passkey: %v; want %v", err, webauthn.ErrInvalid)
	}
}

// TestBackupEligibility checks that a single-device passkey may become a synced
// one, but not the reverse.
func TestBackupEligibility(t *testing.T) {
	device := authenticator.New(origin)
	device.Flags = authenticator.UserPresent | authenticator.UserVerified
	single := register(t, device)
	device.Flags = authenticator.Synced
	if a := use(t, device); !a.BackupEligible || rp.VerifyAssertion(a, single, webauthn.Required) != nil {
		t.Errorf("a passkey that is synced now is refused: %+v", a)
	}
	synced := single
	synced.BackupEligible = true
	device.Flags = authenticator.UserPresent | authenticator.UserVerified
	if err := rp.VerifyAssertion(use(t, device), synced, webauthn.Required); !errors.Is(err, webauthn.ErrInvalid) {
		t.Errorf("a passkey that is no longer synced: %v; want %v", err, webauthn.ErrInvalid)
	}
}

// responses returns a registration and an assertion as a browser sends them.
func responses(f *testing.F) (registration, assertion json.RawMessage) {
	f.Helper()
	device := authenticator.New(origin)
	creation, err1 := rp.CreationOptions(webauthn.Creation{Challenge: webauthn.NewChallenge(), UserHandle: handle})
	registration, err2 := device.Create(creation)
	request, err3 := rp.RequestOptions(webauthn.NewChallenge(), nil, webauthn.Preferred)
	assertion, err4 := device.Get(request)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		f.Fatal(err)
	}
	return registration, assertion
}

// FuzzRegistration checks that no response makes the verification panic, and that
// accepted passkeys have a key, and an ID of bounded size.
func FuzzRegistration(f *testing.F) {
	registration, assertion := responses(f)
	f.Add([]byte(registration))
	f.Add([]byte(assertion))
	f.Fuzz(func(t *testing.T, response []byte) {
		r, err := webauthn.ParseRegistration(response)
		if err != nil {
			return
		}
		c, err := rp.VerifyRegistration(r, webauthn.RegistrationPolicy{UserHandle: handle, Verification: webauthn.Preferred})
		if err == nil && (len(c.ID) == 0 || len(c.ID) > 1023 || len(c.PublicKey) == 0) {
			t.Errorf("%s is accepted as %+v", response, c)
		}
	})
}

// FuzzAssertion checks that no response makes the verification panic, and that
// none is valid for a key whose private key was discarded.
func FuzzAssertion(f *testing.F) {
	registration, assertion := responses(f)
	f.Add([]byte(assertion))
	f.Add([]byte(registration))
	f.Fuzz(func(t *testing.T, response []byte) {
		a, err := webauthn.ParseAssertion(response)
		if err != nil {
			return
		}
		if rp.VerifyAssertion(a, webauthn.Credential{ID: a.CredentialID, PublicKey: webauthn.DecoyKey()}, webauthn.Preferred) == nil {
			t.Errorf("%s is accepted", response)
		}
	})
}
