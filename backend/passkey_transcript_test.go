package main_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"latchkey/backend/webauthn/authenticator"
)

// A ceremony describes the response of an authenticator and its browser in a recorded
// exchange. The signed data depends on the server, so each replay makes a new response.
type ceremony struct {
	Options    string // p1, p2 …: the ceremony that it answers
	Challenge  string // instead of the challenge of that ceremony
	Type       string // in the client data
	Origin     string // of the page, if it is not the server's
	RPID       string // if it is not localhost
	Credential string // base64url
	Key        string // the credential whose key signs, if it is another
	Algorithm  int64  // of the key (COSE), if it is not ES256
	AAGUID     string // zeros if empty
	Flags      authenticator.Flags
	Counter    uint32
	Transports []string
	UserHandle string // base64url, if it is not the passkey's
	Forged     bool   // another key signs
	Without    string // the member that is left out
}

// passkeys has the ceremonies and the passkeys of a replay.
type passkeys struct {
	cookies map[string]string             // by the names p1, p2 …
	options map[string]options            // by the same names
	ids     map[string]string             // by the names %1, %2 …
	keys    map[string]*authenticator.Key // by credential ID
}

// options has the parts of the options of a ceremony that the tests need.
type options struct {
	Challenge string
	User      struct{ ID string }
}

func newPasskeys() passkeys {
	return passkeys{cookies: make(map[string]string), options: make(map[string]options), ids: make(map[string]string),
		keys: make(map[string]*authenticator.Key)}
}

// begin stores the options of a ceremony, which the server has answered, under a name.
func (p passkeys) begin(t *testing.T, name, cookie, answer string) {
	t.Helper()
	var o options
	if err := json.Unmarshal([]byte(answer), &o); err != nil || o.Challenge == "" {
		t.Fatalf("%s are no options: %v", answer, err)
	}
	p.cookies[name], p.options[name] = cookie, o
}

// keep stores the ID of the passkey in an answer under a name.
func (p passkeys) keep(t *testing.T, name, answer string) {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		t.Fatal(err)
	}
	p.ids[name] = made.ID
}

// fill replaces the names of passkeys in a body by their IDs, and adds the response of the
// authenticator.
func (p passkeys) fill(t *testing.T, e exchange, content, origin string) string {
	t.Helper()
	for name, id := range p.ids {
		content = strings.ReplaceAll(content, `"`+name+`"`, `"`+id+`"`)
	}
	if e.Authenticator == nil {
		return content
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(content), &body); err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	body["response"] = p.response(t, *e.Authenticator, origin)
	filled, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(filled)
}

// response returns the response of an authenticator and its browser to the options of this
// server.
func (p passkeys) response(t *testing.T, c ceremony, origin string) json.RawMessage {
	t.Helper()
	begun, ok := p.options[c.Options]
	if !ok && c.Challenge == "" {
		t.Fatalf("there is no ceremony %q", c.Options)
	}
	name := cmp.Or(c.Key, c.Credential)
	key, ok := p.keys[name]
	if !ok {
		by := authenticator.Algorithm(cmp.Or(c.Algorithm, int64(authenticator.ES256)))
		key = authenticator.NewKey(decode(t, name), "localhost", decode(t, begun.User.ID), by)
		p.keys[name] = key
	}
	aaguid, err := uuid.Parse(cmp.Or(c.AAGUID, uuid.Nil.String()))
	if err != nil {
		t.Fatal(err)
	}
	change := func(s *authenticator.Statement) {
		s.ID, s.RawID, s.AttestedID, s.PublicKey = c.Credential, c.Credential, decode(t, c.Credential), key.Public()
		s.Client["type"] = c.Type
		s.RPID, s.Flags, s.Counter, s.AAGUID, s.Transports = cmp.Or(c.RPID, s.RPID), c.Flags, c.Counter, aaguid, c.Transports
		if c.UserHandle != "" {
			s.UserHandle = decode(t, c.UserHandle)
		}
		if c.Forged {
			s.Key = authenticator.NewKey(key.ID, key.RPID, key.UserHandle, key.Algorithm)
		}
		s.Sent = func(_, response map[string]any) { delete(response, c.Without) }
	}
	device := authenticator.New(cmp.Or(c.Origin, origin))
	answer, options := device.Get, map[string]any{"challenge": cmp.Or(c.Challenge, begun.Challenge), "rpId": "localhost"}
	if c.Transports != nil { // a browser sends transports only with a new passkey
		answer, options["rp"] = device.Create, map[string]string{"id": "localhost"}
		options["user"] = map[string]string{"id": begun.User.ID}
		options["pubKeyCredParams"] = []map[string]any{{"type": "public-key", "alg": authenticator.ES256}}
	} else {
		device.Keys = []*authenticator.Key{key}
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	response, err := answer(encoded, change)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func decode(t *testing.T, base64url string) []byte {
	t.Helper()
	bytes, err := base64.RawURLEncoding.DecodeString(base64url)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
