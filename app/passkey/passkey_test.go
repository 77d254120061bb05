package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

func TestPublicKey(t *testing.T) {
	const options = `{
		"challenge": "-_8", "timeout": 300000, "rp": {"id": "example.com", "name": "Example"},
		"user": {"id": "AQID", "name": "ada", "displayName": "Ada"},
		"excludeCredentials": [{"id": "BAU=", "type": "public-key", "transports": ["usb"]}, {"id": "", "type": "public-key"}],
		"allowCredentials": [{"id": "Bg", "type": "public-key"}],
		"extensions": {"credProps": true}
	}`
	o, err := publicKey([]byte(options))
	if err != nil {
		t.Fatal(err)
	}
	credential := func(list string, i int) map[string]any { return o[list].([]any)[i].(map[string]any) }
	for _, tt := range []struct {
		what string
		got  any
		want []byte
	}{
		{"challenge", o["challenge"], []byte{0xfb, 0xff}},
		{"user.id", o["user"].(map[string]any)["id"], []byte{1, 2, 3}},
		{"excludeCredentials[0].id", credential("excludeCredentials", 0)["id"], []byte{4, 5}},
		{"excludeCredentials[1].id", credential("excludeCredentials", 1)["id"], nil},
		{"allowCredentials[0].id", credential("allowCredentials", 0)["id"], []byte{6}},
	} {
		if b, ok := tt.got.([]byte); !ok || !bytes.Equal(b, tt.want) {
			t.Errorf("%s is %v; want %v", tt.what, tt.got, tt.want)
		}
	}
	if o["timeout"] != 300000.0 || o["rp"].(map[string]any)["id"] != "example.com" || o["extensions"].(map[string]any)["credProps"] != true {
		t.Errorf("members that are not bytes have changed: %v", o)
	}

	for _, bad := range []string{``, `null x`, `[]`, `{"challenge": "+/"}`, `{"challenge": "AQ", "user": {"id": "*"}}`,
		`{"challenge": "AQ", "allowCredentials": [{"id": "a"}]}`} {
		if o, err := publicKey([]byte(bad)); err == nil {
			t.Errorf("publicKey(%s) = %v; want an error", bad, o)
		}
	}
}

func TestNames(t *testing.T) {
	for options, want := range map[string]bool{
		`{"rpId":"a","allowCredentials":[{"id":"AQ"}]}`: true,
		`{"rpId":"a","allowCredentials":[]}`:            false,
		`{"rpId":"a"}`:                                  false,
		`null`:                                          false,
		``:                                              false,
	} {
		if got := Names([]byte(options)); got != want {
			t.Errorf("Names(%s) = %v; want %v", options, got, want)
		}
	}
}

func TestAttached(t *testing.T) {
	for response, want := range map[string]bool{
		`{"authenticatorAttachment":"platform"}`: true, `{"authenticatorAttachment":"cross-platform"}`: false, `{}`: false, ``: false,
	} {
		if got := Attached([]byte(response)); got != want {
			t.Errorf("Attached(%s) = %v; want %v", response, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	for at, want := range map[Hint]string{
		Anywhere:      `{"residentKey":"required"},"hints":[]`,
		OnSecurityKey: `{"authenticatorAttachment":"cross-platform","residentKey":"required"},"hints":["security-key"]`,
		OnPhone:       `{"authenticatorAttachment":"cross-platform","residentKey":"required"},"hints":["hybrid"]`,
		OnOwnDevice:   `{"authenticatorAttachment":"platform","residentKey":"required"},"hints":["client-device"]`,
	} {
		want = `{"authenticatorSelection":` + want + `}`
		key := map[string]any{"authenticatorSelection": map[string]any{"residentKey": "required"}, "hints": []any{}}
		hint(key, at)
		if got, err := json.Marshal(key); err != nil || string(got) != want {
			t.Errorf("with the hint %q: %s, %v; want %s", at, got, err, want)
		}
	}
	key := map[string]any{}
	if hint(key, OnPhone); key["authenticatorSelection"] == nil {
		t.Error("without a selection, the options get none")
	}
}

func TestCredentialJSON(t *testing.T) {
	b, err := json.Marshal(credential{ID: "AQ", RawID: "AQ", Type: "public-key",
		Response: response{ClientData: "e30", AuthenticatorData: "Ag", Signature: "Aw"}})
	const want = `{"id":"AQ","rawId":"AQ","type":"public-key",` +
		`"response":{"clientDataJSON":"e30","authenticatorData":"Ag","signature":"Aw"},"clientExtensionResults":{}}`
	if err != nil || string(b) != want {
		t.Errorf("an assertion is %s, %v; want %s", b, err, want)
	}
	if id := CredentialID(b); id != "AQ" {
		t.Errorf("CredentialID is %q", id)
	}
	if id := RPID([]byte(`{"rpId":"example.com"}`)); id != "example.com" {
		t.Errorf("RPID is %q", id)
	}
}

func TestErrorsMatchByName(t *testing.T) {
	var err error = &Error{"NotAllowedError", "The operation either timed out or was not allowed."}
	if !errors.Is(err, ErrNotAllowed) || errors.Is(err, ErrAborted) {
		t.Errorf("%v matches another name, or not its own", err)
	}
}
