package authenticator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey/backend/webauthn/authenticator"
)

const origin = "https://example.test"

// account implements the library's interface of a user.
type account struct{ keys []webauthn.Credential }

func (account) WebAuthnID() []byte                           { return []byte("handle") }
func (account) WebAuthnName() string                         { return "ann" }
func (account) WebAuthnDisplayName() string                  { return "Ann" }
func (a account) WebAuthnCredentials() []webauthn.Credential { return a.keys }

// party is a relying party that the library implements, independently of
// package webauthn.
type party struct {
	t *testing.T
	*webauthn.WebAuthn
	account account
}

func newParty(t *testing.T) *party {
	t.Helper()
	w, err := webauthn.New(&webauthn.Config{RPID: "example.test", RPDisplayName: "Example", RPOrigins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	return &party{t: t, WebAuthn: w}
}

// register creates a passkey on the device, and verifies it.
func (p *party) register(device *authenticator.Authenticator, changes ...func(*authenticator.Statement)) error {
	p.t.Helper()
	exclude := webauthn.WithExclusions(webauthn.Credentials(p.account.keys).CredentialDescriptors())
	options, session, err := p.BeginRegistration(p.account, exclude)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := device.Create(p.json(options.Response), changes...)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return err
	}
	made, err := p.CreateCredential(p.account, *session, parsed)
	if err == nil {
		p.account.keys = append(p.account.keys, *made)
	}
	return err
}

// use signs in with a passkey that the device chooses.
func (p *party) use(device *authenticator.Authenticator, changes ...func(*authenticator.Statement)) (*webauthn.Credential, error) {
	p.t.Helper()
	options, session, err := p.BeginDiscoverableLogin()
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := device.Get(p.json(options.Response), changes...)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	_, used, err := p.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, p.account.WebAuthnID()) {
			return nil, errors.New("unknown user handle")
		}
		return p.account, nil
	}, *session, parsed)
	return used, err
}

func (p *party) json(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func TestValidResponses(t *testing.T) {
	for _, by := range []authenticator.Algorithm{authenticator.ES256, authenticator.EdDSA, authenticator.RS256} {
		p, device := newParty(t), authenticator.New(origin)
		device.Algorithm, device.Counts = by, true
		if err := p.register(device); err != nil {
			t.Errorf("algorithm %d: register: %v", by, err)
		}
		for count := range uint32(2) {
			used, err := p.use(device)
			if err != nil || used.Authenticator.SignCount != count+2 || used.Authenticator.CloneWarning || !used.Flags.UserVerified ||
				!used.Flags.BackupState {
				t.Errorf("algorithm %d: use: %+v, %v", by, used, err)
			}
		}
		another := authenticator.New(origin)
		another.Algorithm = by
		attest := func(s *authenticator.Statement) { s.Format, s.Attestation = "packed", nil }
		if err := p.register(another, attest); err != nil {
			t.Errorf("algorithm %d: one that attests: %v", by, err)
		}
		if err := p.register(device); !errors.Is(err, authenticator.ErrExcluded) {
			t.Errorf("algorithm %d: one that is excluded: %v", by, err)
		}
		if _, err := p.use(device.Copy()); err != nil {
			t.Errorf("algorithm %d: a copy: %v", by, err)
		}
		if _, err := p.use(authenticator.New(origin)); !errors.Is(err, authenticator.ErrNone) {
			t.Errorf("algorithm %d: one without passkeys: %v", by, err)
		}
	}
}

// TestChanges tests that changes are signed, and that a relying party detects
// each of them.
func TestChanges(t *testing.T) {
	other := authenticator.NewKey(nil, "", nil, authenticator.ES256)
	for what, change := range map[string]func(*authenticator.Statement){
		"origin":     func(s *authenticator.Statement) { s.Client["origin"] = "https://evil.test" },
		"challenge":  func(s *authenticator.Statement) { s.Client["challenge"] = "AAAA" },
		"type":       func(s *authenticator.Statement) { s.Client["type"] = "payment.get" },
		"rpId":       func(s *authenticator.Statement) { s.RPID = "evil.test" },
		"presence":   func(s *authenticator.Statement) { s.Flags = 0 },
		"trailing":   func(s *authenticator.Statement) { s.Trailing = []byte{1} },
		"id":         func(s *authenticator.Statement) { s.ID = "AAAA" },
		"rawId":      func(s *authenticator.Statement) { s.RawID = "AAAA" },
		"clientJSON": func(s *authenticator.Statement) { s.ClientJSON = []byte("{}") },
		"sent": func(s *authenticator.Statement) {
			s.Sent = func(answer, _ map[string]any) { delete(answer, "response") }
		},
	} {
		p, device := newParty(t), authenticator.New(origin)
		if err := p.register(device, change); err == nil {
			t.Errorf("register with another %s succeeds", what)
		}
		device = authenticator.New(origin)
		if err := p.register(device); err != nil {
			t.Fatal(err)
		}
		if _, err := p.use(device, change); err == nil {
			t.Errorf("use with another %s succeeds", what)
		}
		if _, err := p.use(device, func(s *authenticator.Statement) { s.Client["more"] = "than there was"; s.Trailing = []byte{} }); err != nil {
			t.Errorf("use with client data that say more: %v", err)
		}
	}
	p, device := newParty(t), authenticator.New(origin)
	if err := p.register(device); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*authenticator.Statement){
		"key":       func(s *authenticator.Statement) { s.Key = other },
		"signature": func(s *authenticator.Statement) { s.Signature = []byte("signature") },
		"handle":    func(s *authenticator.Statement) { s.UserHandle = []byte("of another") },
		"no handle": func(s *authenticator.Statement) { s.UserHandle = nil },
	} {
		if _, err := p.use(device, change); err == nil {
			t.Errorf("use with %s succeeds", what)
		}
	}
}
