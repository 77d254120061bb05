package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
	"latchkey/shared"
)

// A wrong is a change that invalidates a response.
type wrong struct {
	what string
	says alteration
}

// alterSent changes the response that the browser sends, after it is signed.
func alterSent(change func(answer, response map[string]any)) alteration {
	return func(s *authenticator.Statement) { s.Sent = change }
}

// client sets a member of the client data, or deletes it if value is nil.
func client(member string, value any) alteration {
	return func(s *authenticator.Statement) {
		if s.Client[member] = value; value == nil {
			delete(s.Client, member)
		}
	}
}

// wrongAnswers returns the changes that invalidate a response in both ceremonies.
func (s *testServer) wrongAnswers() []wrong {
	type st = authenticator.Statement
	own := s.url.String()
	all := []wrong{
		{"no id", alterSent(func(a, _ map[string]any) { delete(a, "id") })},
		{"an empty id", func(s *st) { s.ID = "" }},
		{"an id that is not rawId", func(s *st) { s.ID = "AAAA" }},
		{"an id with padding", func(s *st) { s.ID += "=" }},
		{"an id of line breaks", func(s *st) { s.ID, s.RawID = "\n", "" }},
		{"an id that is a number", alterSent(func(a, _ map[string]any) { a["id"] = 1 })},
		{"no rawId", alterSent(func(a, _ map[string]any) { delete(a, "rawId") })},
		{"another rawId", func(s *st) { s.RawID = "AAAA" }},
		{"no type", alterSent(func(a, _ map[string]any) { delete(a, "type") })},
		{"another type", func(s *st) { s.Type = "password" }},
		{"no response", alterSent(func(a, _ map[string]any) { delete(a, "response") })},
		{"a response of null", alterSent(func(a, _ map[string]any) { a["response"] = nil })},
		{"a response that is a text", alterSent(func(a, _ map[string]any) { a["response"] = "x" })},

		{"no client data", alterSent(func(_, r map[string]any) { delete(r, "clientDataJSON") })},
		{"client data that are not base64url", alterSent(func(_, r map[string]any) { r["clientDataJSON"] = "{}" })},
		{"empty client data", func(s *st) { s.ClientJSON = []byte{} }},
		{"client data of null", func(s *st) { s.ClientJSON = []byte("null") }},
		{"client data that are a list", func(s *st) { s.ClientJSON = []byte("[]") }},
		{"client data that are cut off", func(s *st) {
			text, _ := json.Marshal(s.Client)
			s.ClientJSON = text[:len(text)-1]
		}},
		{"client data with more after them", func(s *st) {
			text, _ := json.Marshal(s.Client)
			s.ClientJSON = append(text, "{}"...)
		}},

		{"no challenge", client("challenge", nil)},
		{"an empty challenge", client("challenge", "")},
		{"another challenge", client("challenge", base64.RawURLEncoding.EncodeToString(make([]byte, 32)))},
		{"the challenge with padding", func(s *st) { s.Client["challenge"] = fmt.Sprint(s.Client["challenge"]) + "=" }},
		{"a challenge that is a number", client("challenge", 1)},
		{"no type of client data", client("type", nil)},
		{"another type of client data", client("type", "payment.get")},

		{"no origin", client("origin", nil)},
		{"cross-origin", client("crossOrigin", true)},
		{"cross-origin in a page of ours", func(s *st) { s.Client["crossOrigin"], s.Client["topOrigin"] = true, own }},
		{"cross-origin in a foreign page", func(s *st) { s.Client["crossOrigin"], s.Client["topOrigin"] = true, "https://evil.test" }},
		{"a foreign top origin alone", client("topOrigin", "https://evil.test")},
		{"our top origin alone", client("topOrigin", own)},
		{"crossOrigin that is a text", client("crossOrigin", "false")},

		{"another RP ID", func(s *st) { s.RPID = "evil.test" }},
		{"an empty RP ID", func(s *st) { s.RPID = "" }},
		{"the RP ID in capitals", func(s *st) { s.RPID = "LOCALHOST" }},
		{"a subdomain as RP ID", func(s *st) { s.RPID = "app.localhost" }},
		{"the origin as RP ID", func(s *st) { s.RPID = own }},

		{"user not present", func(s *st) { s.Flags &^= authenticator.UserPresent }},
		{"user not verified", func(s *st) { s.Flags &^= authenticator.UserVerified }},
		{"neither present nor verified", func(s *st) { s.Flags &^= authenticator.UserPresent | authenticator.UserVerified }},
		{"backed up, but not eligible", func(s *st) { s.Flags &^= authenticator.BackupEligible }},
		{"extensions that are not there", func(s *st) { s.Flags |= authenticator.Extended }},
		{"more data than there should be", func(s *st) { s.Trailing = []byte{0} }},
	}
	for _, origin := range []string{
		"", "null", "https://evil.test", "http://localhost", strings.Replace(own, "http:", "https:", 1), strings.ToUpper(own),
		own + "/", own + "/path", own + ".evil.test", own + "0", strings.Replace(own, "127.0.0.1", "localhost", 1),
		strings.Replace(own, "//", "//user@", 1), own + "?q", own + "#f", " " + own, "http://127.0.0.1",
	} {
		all = append(all, wrong{fmt.Sprintf("origin %q", origin), client("origin", origin)})
	}
	return all
}

// cose sets members of the public key, and deletes those whose value is nil.
func cose(changes map[int]any) alteration {
	return func(s *authenticator.Statement) {
		for name, value := range changes {
			if s.PublicKey[name] = value; value == nil {
				delete(s.PublicKey, name)
			}
		}
	}
}

// rsa replaces the public key with an RSA key whose modulus has that many bytes, all
// ones.
func rsa(size int, exponent ...byte) alteration {
	return func(s *authenticator.Statement) {
		s.PublicKey = map[int]any{1: 3, 3: -257, -1: bytes.Repeat([]byte{255}, size), -2: exponent}
	}
}

// TestWrongRegistrations tests that the server verifies every part of a registration, and
// that an invalid one consumes its challenge and has no other effect.
func TestWrongRegistrations(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		type st = authenticator.Statement
		other := bytes.Repeat([]byte{7}, 32)
		signed := func(algorithm int, signature []byte) alteration {
			return func(s *st) { s.Format, s.Attestation = "packed", map[string]any{"alg": algorithm, "sig": signature} }
		}
		all := append(s.wrongAnswers(),
			wrong{"the type of a use", client("type", "webauthn.get")},
			wrong{"another id than is attested", func(s *st) { s.AttestedID = other }},
			wrong{"an attested id that is empty", func(s *st) { s.AttestedID = nil }},
			wrong{"an id that is too long", func(s *st) {
				s.AttestedID = bytes.Repeat([]byte{7}, 1024)
				s.ID = base64.RawURLEncoding.EncodeToString(s.AttestedID)
				s.RawID = s.ID
			}},
			wrong{"no attested data", func(s *st) { s.Flags &^= authenticator.Attested }},
			wrong{"no attestation object", alterSent(func(_, r map[string]any) { delete(r, "attestationObject") })},
			wrong{"an attestation object that is not CBOR", alterSent(func(_, r map[string]any) { r["attestationObject"] = "AAAA" })},
			wrong{"an attestation object that is cut off", alterSent(func(_, r map[string]any) {
				r["attestationObject"] = r["attestationObject"].(string)[:100]
			})},
			wrong{"an attestation object with more after it", alterSent(func(_, r map[string]any) {
				b, _ := base64.RawURLEncoding.DecodeString(r["attestationObject"].(string))
				r["attestationObject"] = base64.RawURLEncoding.EncodeToString(append(b, 0))
			})},
			wrong{"an attestation that is unknown", func(s *st) { s.Format = "handwritten" }},
			wrong{"an attestation without a name", func(s *st) { s.Format = "" }},
			wrong{"no attestation that says something", func(s *st) { s.Attestation = map[string]any{"x": 1} }},
			wrong{"an attestation of the device that is empty", func(s *st) { s.Format = "packed" }},
			wrong{"an attestation of the device that is forged", signed(-7, other)},
			wrong{"an attestation by certificates", func(s *st) {
				s.Format, s.Attestation = "packed", map[string]any{"alg": -7, "sig": other, "x5c": [][]byte{other}}
			}},
			wrong{"an attestation of the device without a signature", signed(-7, nil)},

			wrong{"no key", func(s *st) { s.PublicKey = nil }},
			wrong{"no algorithm", cose(map[int]any{3: nil})},
			wrong{"algorithm ES384", cose(map[int]any{3: -35})},
			wrong{"algorithm ES256K", cose(map[int]any{3: -47})},
			wrong{"algorithm RS1", cose(map[int]any{3: -65535})},
			wrong{"algorithm PS256", cose(map[int]any{3: -37})},
			wrong{"algorithm 0", cose(map[int]any{3: 0})},
			wrong{"the algorithm of another kind of key", cose(map[int]any{3: -8})},
			wrong{"another kind of key", cose(map[int]any{1: 3})},
			wrong{"no kind of key", cose(map[int]any{1: nil})},
			wrong{"another curve", cose(map[int]any{-1: 2})},
			wrong{"no curve", cose(map[int]any{-1: nil})},
			wrong{"no point", cose(map[int]any{-2: nil, -3: nil})},
			wrong{"a point that is not on the curve", cose(map[int]any{-3: other})},
			wrong{"a point that is too short", cose(map[int]any{-2: other[:31]})},
			wrong{"an Ed25519 key that is too short", func(s *st) { s.PublicKey = map[int]any{1: 1, 3: -8, -1: 6, -2: other[:31]} }},
			wrong{"an Ed25519 key on another curve", func(s *st) { s.PublicKey = map[int]any{1: 1, 3: -8, -1: 7, -2: other} }},
			wrong{"a key of RSA with 1024 bits", rsa(128, 1, 0, 1)},
			wrong{"a key of RSA with 8192 bits", rsa(1024, 1, 0, 1)},
			wrong{"a key of RSA with an exponent of 3", rsa(256, 3)},
			wrong{"a key of RSA with an exponent of 1", rsa(256, 1)},
			wrong{"a key of RSA with an exponent that is long", rsa(256, bytes.Repeat([]byte{255}, 256)...)},
			wrong{"a key of RSA without a modulus", rsa(0, 1, 0, 1)},
		)
		owner := s.signUp(t, ann)
		before := s.rowKeys(t)
		for _, w := range all {
			device, options := s.device(), owner.registerOptions()
			a := owner.sendRegistration(createResponse(t, device, options, w.says))
			if a.Status != 400 || a.Code() != "FAILED_TO_VERIFY_REGISTRATION" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", w.what, a)
			}
			want(t, owner.sendRegistration(createResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		}
		for _, response := range []any{nil, "", "x", 1, true, []any{}, body{}, body{"response": body{}}, body{"id": body{}}} {
			owner.registerOptions()
			if a := owner.Post("/passkey/verify-registration", body{"response": response}); a.Status != 400 {
				t.Errorf("response %v: %v", response, a)
			}
		}
		want(t, owner.Post("/passkey/verify-registration", body{}), 400, "VALIDATION_ERROR")
		if after := s.rowKeys(t); after != before {
			t.Errorf("wrong registrations left:\n%s\nthere was:\n%s", after, before)
		}
		wantAbsent(t, s.log.String(), "internal error", "panic")
		if list := owner.passkeys(); len(list) != 0 {
			t.Errorf("passkeys: %+v", list)
		}
		want(t, owner.register(s.device()), 200, "")
		attested := func(s *st) { s.Format, s.Attestation = "packed", nil }
		want(t, owner.register(s.device(), attested), 200, "")
	})
}

// TestWrongAssertions tests that the server verifies every part of an assertion. An invalid one
// must consume its challenge, be logged, and have no other effect.
func TestWrongAssertions(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		type st = authenticator.Statement
		owner, device := s.signUpWithPasskey(t, ann)
		_, others := s.signUpWithPasskey(t, bob)
		theirs := others.Keys[0]
		stranger := authenticator.NewKey(device.Keys[0].ID, "localhost", device.Keys[0].UserHandle, authenticator.ES256)
		edwards := authenticator.NewKey(device.Keys[0].ID, "localhost", device.Keys[0].UserHandle, authenticator.EdDSA)
		flip := func(member string) alteration {
			return alterSent(func(_, r map[string]any) {
				b, _ := base64.RawURLEncoding.DecodeString(r[member].(string))
				b[len(b)-1] ^= 1
				r[member] = base64.RawURLEncoding.EncodeToString(b)
			})
		}
		leave := func(member string) alteration { return alterSent(func(_, r map[string]any) { delete(r, member) }) }
		all := append(s.wrongAnswers(),
			wrong{"the type of a registration", client("type", "webauthn.create")},
			wrong{"a passkey that is no longer eligible", func(s *st) { s.Flags &^= authenticator.BackupEligible | authenticator.BackedUp }},
			wrong{"attested data that are not there", func(s *st) { s.Flags |= authenticator.Attested }},
			wrong{"no authenticator data", leave("authenticatorData")},
			wrong{"authenticator data that are cut off", alterSent(func(_, r map[string]any) {
				r["authenticatorData"] = r["authenticatorData"].(string)[:40]
			})},

			wrong{"no signature", leave("signature")},
			wrong{"an empty signature", func(s *st) { s.Signature = []byte{} }},
			wrong{"a signature that is none", func(s *st) { s.Signature = []byte("signature") }},
			wrong{"a signature with a bit changed", flip("signature")},
			wrong{"a counter that was not signed", flip("authenticatorData")},
			wrong{"client data that were not signed", alterSent(func(_, r map[string]any) {
				b, _ := base64.RawURLEncoding.DecodeString(r["clientDataJSON"].(string))
				r["clientDataJSON"] = base64.RawURLEncoding.EncodeToString(append(b, ' '))
			})},
			wrong{"the signature of another key", func(s *st) { s.Key = stranger }},
			wrong{"the signature of another kind of key", func(s *st) { s.Key = edwards }},
			wrong{"the signature of another's key", func(s *st) { s.Key = theirs }},

			wrong{"the id of another's key", func(s *st) { s.ID = base64.RawURLEncoding.EncodeToString(theirs.ID); s.RawID = s.ID }},
			wrong{"an unknown id", func(s *st) { s.ID, s.RawID = "AAAA", "AAAA" }},
			wrong{"another's handle", func(s *st) { s.UserHandle = theirs.UserHandle }},
			wrong{"an unknown handle", func(s *st) { s.UserHandle = []byte("nobody") }},
			wrong{"an empty handle", func(s *st) { s.UserHandle = []byte{} }},
			wrong{"no handle", func(s *st) { s.UserHandle = nil }},
			wrong{"the handle cut short", func(s *st) { s.UserHandle = s.UserHandle[:63] }},
			wrong{"a handle that is a list", alterSent(func(_, r map[string]any) { r["userHandle"] = []int{1} })},
		)
		badSignatures := []string{
			"no signature", "an empty signature", "a signature that is none", "a signature with a bit changed", "a counter that was not signed",
			"client data that were not signed", "the signature of another key", "the signature of another kind of key",
			"the signature of another's key", "the id of another's key",
		}
		before, kept := owner.passkeys(), s.rowKeys(t)
		b := s.browser(t)
		for _, w := range all {
			options := b.authenticateOptions()
			a := b.sendAuthentication(getResponse(t, device, options, w.says))
			code := "AUTHENTICATION_FAILED"
			if w.what == "an unknown id" {
				code = "PASSKEY_NOT_FOUND"
			}
			if (a.Status != 400 && a.Status != 401) || a.Code() != code {
				t.Errorf("%s: %v; want %s", w.what, a, code)
			}
			if slices.Contains(badSignatures, w.what) != (a.Status == 401 && code == "AUTHENTICATION_FAILED") {
				t.Errorf("%s: %v; 401 is for bad signatures", w.what, a)
			}
			if a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", w.what, a.Header)
			}
			want(t, b.sendAuthentication(getResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		}
		for _, response := range []any{nil, "", "x", 1, true, []any{}, body{}, body{"response": body{}}, body{"id": body{}}} {
			b.authenticateOptions()
			if a := b.Post("/passkey/verify-authentication", body{"response": response}); a.Status != 400 {
				t.Errorf("response %v: %v", response, a)
			}
		}
		if after := s.rowKeys(t); after != kept {
			t.Errorf("wrong uses left:\n%s\nthere was:\n%s", after, kept)
		}
		if after := owner.passkeys(); !reflect.DeepEqual(after, before) {
			t.Errorf("wrong uses left passkeys %+v; there were %+v", after, before)
		}
		wantAlive(t, b, false, "the sender of wrong answers")
		if n := s.events(t, shared.EventPasskeyFailed); n < 30 {
			t.Errorf("%d events of refused passkeys; want 30 at least", n)
		}
		wantAbsent(t, s.log.String(), "internal error", "panic")
		for _, b := range []*browser{b, owner} {
			want(t, b.authenticate(device), 200, "")
		}
	})
}

// TestChallengesAreSingleUse tests that a challenge is valid for one response, of one
// kind, within five minutes, in the browser and the session that requested it.
func TestChallengesAreSingleUse(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)

		// A registration.
		options, another := owner.registerOptions(), s.device()
		response := createResponse(t, another, options)
		want(t, owner.sendRegistration(response), 200, "")
		want(t, owner.sendRegistration(response), 400, "CHALLENGE_NOT_FOUND")
		want(t, owner.sendRegistration(createResponse(t, s.device(), options)), 400, "CHALLENGE_NOT_FOUND")
		if n := len(owner.passkeys()); n != 2 {
			t.Errorf("%d passkeys; want 2", n)
		}

		// A use.
		b := s.browser(t)
		options = b.authenticateOptions()
		response = getResponse(t, device, options)
		stolen := s.browser(t)
		want(t, stolen.sendAuthentication(response), 400, "CHALLENGE_NOT_FOUND") // without a cookie
		stolen.authenticateOptions()
		want(t, stolen.sendAuthentication(response), 400, "AUTHENTICATION_FAILED") // with its own cookie
		want(t, b.sendAuthentication(response), 200, "")                           // the first browser's challenge is not consumed
		want(t, b.sendAuthentication(response), 400, "CHALLENGE_NOT_FOUND")
		want(t, b.sendAuthentication(getResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		forged := s.holding(t, "latchkey.passkey", base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
		want(t, forged.sendAuthentication(getResponse(t, device, b.authenticateOptions())), 400, "CHALLENGE_NOT_FOUND")

		// Two tabs do not cancel each other's challenges. A wrong response consumes all
		// challenges of its kind.
		first, second, third := owner.authenticateOptions(), owner.authenticateOptions(), owner.authenticateOptions()
		want(t, owner.sendAuthentication(getResponse(t, device, second)), 200, "")
		want(t, owner.sendAuthentication(getResponse(t, device, first)), 200, "")
		registering := owner.registerOptions()
		want(t, owner.sendAuthentication(getResponse(t, device, first)), 400, "AUTHENTICATION_FAILED")
		want(t, owner.sendAuthentication(getResponse(t, device, third)), 400, "CHALLENGE_NOT_FOUND")
		want(t, owner.sendRegistration(createResponse(t, s.device(), registering)), 200, "")

		// A challenge for one kind of response is not valid for the other.
		registering = owner.registerOptions()
		options.Body = fmt.Sprintf(`{"rpId":"localhost","challenge":%q}`, registering.Get("challenge"))
		want(t, owner.sendAuthentication(getResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		want(t, owner.sendRegistration(createResponse(t, s.device(), registering)), 200, "")
		registering, options = owner.registerOptions(), owner.authenticateOptions()
		registering.Body = strings.Replace(registering.Body, fmt.Sprint(registering.Get("challenge")), fmt.Sprint(options.Get("challenge")), 1)
		want(t, owner.sendRegistration(createResponse(t, s.device(), registering)), 400, "FAILED_TO_VERIFY_REGISTRATION")
		want(t, owner.sendAuthentication(getResponse(t, device, options)), 200, "")

		// Challenges expire after five minutes.
		s.clock.Freeze()
		b = s.signIn(t, ann)
		registering, using := b.registerOptions(), b.authenticateOptions()
		s.clock.Advance(4 * time.Minute)
		want(t, b.sendRegistration(createResponse(t, s.device(), registering)), 200, "")
		want(t, b.sendAuthentication(getResponse(t, device, using)), 200, "")
		b = s.signIn(t, ann)
		registering, using = b.registerOptions(), b.authenticateOptions()
		s.clock.Advance(5 * time.Minute)
		want(t, b.sendRegistration(createResponse(t, s.device(), registering)), 400, "CHALLENGE_NOT_FOUND")
		want(t, b.sendAuthentication(getResponse(t, device, using)), 400, "CHALLENGE_NOT_FOUND")
	})
}

// withoutAllowList returns options without their list of passkeys.
func withoutAllowList(options testkit.Answer) testkit.Answer {
	options.Body = regexp.MustCompile(`"allowCredentials":\[.*?\}\],`).ReplaceAllString(options.Body, "")
	return options
}

// TestPasskeyNotFound tests that the error of an unknown passkey is always "not found",
// whatever else is wrong, and never that of a known one: browsers then delete the
// passkey. The error of an invalid signature must not reveal the owner or the kind of the
// passkey.
func TestPasskeyNotFound(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		type st = authenticator.Statement
		_, device := s.signUpWithPasskey(t, ann)
		inSession, others := s.signUpWithPasskey(t, bob)
		rs := s.device()
		rs.Algorithm = authenticator.RS256
		want(t, s.signIn(t, ann).register(rs), 200, "")
		unknown := authenticator.NewKey([]byte("an unknown id"), "localhost", []byte("nobody"), authenticator.ES256)

		for what, change := range map[string]alteration{
			"nothing else":           func(*st) {},
			"an unknown handle":      func(s *st) { s.UserHandle = unknown.UserHandle },
			"another's handle":       func(s *st) { s.UserHandle = others.Keys[0].UserHandle },
			"no handle":              func(s *st) { s.UserHandle = nil },
			"not eligible":           func(s *st) { s.Flags &^= authenticator.BackupEligible | authenticator.BackedUp },
			"backed up only":         func(s *st) { s.Flags &^= authenticator.BackupEligible },
			"user not present":       func(s *st) { s.Flags &^= authenticator.UserPresent },
			"user not verified":      func(s *st) { s.Flags &^= authenticator.UserVerified },
			"a counter":              func(s *st) { s.Counter = 9 },
			"another origin":         client("origin", "https://evil.test"),
			"another RP ID":          func(s *st) { s.RPID = "evil.test" },
			"another type":           client("type", "webauthn.create"),
			"an empty signature":     func(s *st) { s.Signature = []byte{} },
			"a signature of RS256":   func(s *st) { s.Signature = bytes.Repeat([]byte{1}, 256) },
			"a signature of ed25519": func(s *st) { s.Signature = bytes.Repeat([]byte{1}, 64) },
		} {
			for where, b := range map[string]*browser{"anywhere": s.browser(t), "in a session": inSession} {
				var answers []string
				for _, known := range []*authenticator.Key{device.Keys[0], rs.Keys[0], nil} {
					// An attacker has at most the ID of a passkey.
					guesser := s.device()
					guesser.Keys = []*authenticator.Key{authenticator.NewKey(unknown.ID, "localhost", device.Keys[0].UserHandle, authenticator.ES256)}
					if known != nil {
						guesser.Keys[0].ID = known.ID
					}
					a := b.sendAuthentication(getResponse(t, guesser, withoutAllowList(b.authenticateOptions()), change))
					if known == nil {
						want(t, a, 401, "PASSKEY_NOT_FOUND")
					} else if (a.Status != 400 && a.Status != 401) || a.Code() != "AUTHENTICATION_FAILED" {
						t.Errorf("%s, %s: %v", where, what, a)
					}
					a.Header.Del("Date")
					answers = append(answers, fmt.Sprint(a.Status, a.Body, a.Header))
				}
				if answers[0] != answers[1] {
					t.Errorf("%s, a wrong signature and %s:\n%s", where, what, strings.Join(answers, "\n"))
				}
			}
		}
	})
}
