package main_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"latchkey/backend/account/authenticator"
)

// A ceremony is what an authenticator and its browser said when an exchange was
// recorded. What they sign is of the server that asks: so they say it anew.
type ceremony struct {
	Options    string // the ceremony that it answers, by p1, p2 …
	Challenge  string // instead of what that ceremony asks
	Type       string // as client data has it
	Origin     string // the page's, if it is not ours
	RPID       string // if it is not localhost
	Credential string // base64url
	Key        string // the credential whose key signs, if it is another
	Algorithm  int64  // that of the key (COSE), if it is not ES256
	AAGUID     string // zeros if empty
	Flags      authenticator.Flags
	Counter    uint32
	Transports []string
	UserHandle string // base64url, if it is not what the passkey was made for
	Forged     bool   // another key signs
	Without    string // the member that is left out
}

// passkeys are those of a replay.
type passkeys struct {
	cookies map[string]string             // by p1, p2 …
	options map[string]options            // likewise
	ids     map[string]string             // by %1, %2 …
	keys    map[string]*authenticator.Key // by credential id
}

// options is what we need of the options of a ceremony.
type options struct {
	Challenge string
	User      struct{ ID string }
}

func newPasskeys() passkeys {
	return passkeys{cookies: make(map[string]string), options: make(map[string]options), ids: make(map[string]string), keys: make(map[string]*authenticator.Key)}
}

// asked notes the ceremony that an answer begins.
func (p passkeys) asked(t *testing.T, name, cookie string, answer []byte) {
	t.Helper()
	var o options
	if err := json.Unmarshal(answer, &o); err != nil || o.Challenge == "" {
		t.Fatalf("%s are no options: %v", answer, err)
	}
	p.cookies[name], p.options[name] = cookie, o
}

// keep notes the id of the passkey that is in an answer.
func (p passkeys) keep(t *testing.T, name string, answer []byte) {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		t.Fatal(err)
	}
	p.ids[name] = made.ID
}

// fill puts ids and the response of the authenticator in a body.
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

// response is what an authenticator and its browser say to the options of here
// and now.
func (p passkeys) response(t *testing.T, c ceremony, origin string) json.RawMessage {
	t.Helper()
	asked, ok := p.options[c.Options]
	if !ok && c.Challenge == "" {
		t.Fatalf("there is no ceremony %q", c.Options)
	}
	name := cmp.Or(c.Key, c.Credential)
	key, ok := p.keys[name]
	if !ok {
		by := authenticator.Algorithm(cmp.Or(c.Algorithm, int64(authenticator.ES256)))
		key = authenticator.NewKey(decoded(t, name), "localhost", decoded(t, asked.User.ID), by)
		p.keys[name] = key
	}
	aaguid, err := uuid.Parse(cmp.Or(c.AAGUID, uuid.Nil.String()))
	if err != nil {
		t.Fatal(err)
	}
	say := func(s *authenticator.Statement) {
		s.ID, s.RawID, s.AttestedID, s.PublicKey = c.Credential, c.Credential, decoded(t, c.Credential), key.Public()
		s.Client["type"] = c.Type
		s.RPID, s.Flags, s.Counter, s.AAGUID, s.Transports = cmp.Or(c.RPID, s.RPID), c.Flags, c.Counter, aaguid, c.Transports
		if c.UserHandle != "" {
			s.UserHandle = decoded(t, c.UserHandle)
		}
		if c.Forged {
			s.Key = authenticator.NewKey(key.ID, key.RPID, key.UserHandle, key.Algorithm)
		}
		s.Sent = func(_, response map[string]any) { delete(response, c.Without) }
	}
	device := authenticator.New(cmp.Or(c.Origin, origin))
	answer, options := device.Get, map[string]any{"challenge": cmp.Or(c.Challenge, asked.Challenge), "rpId": "localhost"}
	if c.Transports != nil { // browsers tell them of what is made
		answer, options["rp"] = device.Create, map[string]string{"id": "localhost"}
		options["user"] = map[string]string{"id": asked.User.ID}
		options["pubKeyCredParams"] = []map[string]any{{"type": "public-key", "alg": authenticator.ES256}}
	} else {
		device.Keys = []*authenticator.Key{key}
	}
	encoded, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	said, err := answer(encoded, say)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func decoded(t *testing.T, base64url string) []byte {
	t.Helper()
	bytes, err := base64.RawURLEncoding.DecodeString(base64url)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
