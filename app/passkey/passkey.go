// Package passkey has the browser make and use passkeys. It is the only part of
// the app that speaks to navigator.credentials.
//
// What crosses to the server is the JSON of WebAuthn Level 3, written and read
// here member by member. The browser could do it, but extensions that keep
// passkeys take the place of navigator.credentials, and what they give in its
// stead has often no toJSON, or one that fails.
//
// Outside a browser there are no passkeys: see [Supported].
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Way is how a browser goes about a request.
type Way int

const (
	Modal     Way = iota // it asks the person at once
	Quiet                // it asks in passing: in the autofill of a field, or not at all
	Immediate            // it asks at once, unless it has no passkey to offer
)

// Error is why the browser did not do what it was asked, by the name of its
// DOMException.
type Error struct {
	Name    string
	Message string // for developers; every browser words it differently
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Is makes errors match by name alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Name == e.Name
}

// The errors that mean more than that it did not work.
var (
	// ErrAborted is a request that was given up for another, or by the app.
	ErrAborted = &Error{Name: "AbortError"}

	// ErrNotAllowed is how browsers say that the person said no, that it took
	// too long, or that they would rather not tell.
	ErrNotAllowed = &Error{Name: "NotAllowedError"}

	// ErrExists is that what was asked for a new passkey has one already.
	ErrExists = &Error{Name: "InvalidStateError"}

	// ErrUnsupported is a browser that knows no passkeys, or not this way.
	ErrUnsupported = &Error{Name: "NotSupportedError"}
)

// decode reads what is base64url in the JSON and bytes in the browser.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// publicKey reads options as the server writes them. What the browser takes as
// bytes is a []byte in it.
func publicKey(options []byte) (map[string]any, error) {
	var o map[string]any
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	if err := toBytes(o, "challenge"); err != nil {
		return nil, err
	}
	if user, ok := o["user"].(map[string]any); ok {
		if err := toBytes(user, "id"); err != nil {
			return nil, err
		}
	}
	for _, list := range []string{"excludeCredentials", "allowCredentials"} {
		credentials, _ := o[list].([]any)
		for _, c := range credentials {
			if c, ok := c.(map[string]any); ok {
				if err := toBytes(c, "id"); err != nil {
					return nil, err
				}
			}
		}
	}
	return o, nil
}

func toBytes(object map[string]any, member string) error {
	text, _ := object[member].(string)
	b, err := decode(text)
	if err != nil {
		return err
	}
	object[member] = b
	return nil
}

// credential is what the browser answers: a RegistrationResponseJSON or an
// AuthenticationResponseJSON.
type credential struct {
	ID         string     `json:"id"`
	RawID      string     `json:"rawId"`
	Type       string     `json:"type"`
	Response   response   `json:"response"`
	Attachment string     `json:"authenticatorAttachment,omitempty"`
	Extensions extensions `json:"clientExtensionResults"`
}

type response struct {
	ClientData        string   `json:"clientDataJSON"`
	Attestation       string   `json:"attestationObject,omitempty"`
	AuthenticatorData string   `json:"authenticatorData,omitempty"`
	Signature         string   `json:"signature,omitempty"`
	UserHandle        string   `json:"userHandle,omitempty"`
	Transports        []string `json:"transports,omitempty"`
}

type extensions struct {
	CredProps *credProps `json:"credProps,omitempty"`
}

type credProps struct {
	RK bool `json:"rk"`
}

// Names reports whether options name passkeys, one of which is to be used.
func Names(options []byte) bool {
	var o struct{ AllowCredentials []any }
	return json.Unmarshal(options, &o) == nil && len(o.AllowCredentials) > 0
}

// RPID is whom options are of, as [SignalUnknown] wants to know.
func RPID(options []byte) string {
	var o struct{ RPID string }
	json.Unmarshal(options, &o) // it stays empty if there is none
	return o.RPID
}

// CredentialID is which passkey a response is of.
func CredentialID(response []byte) string {
	var c struct{ ID string }
	json.Unmarshal(response, &c) // it stays empty if there is none
	return c.ID
}

// Elsewhere tells what a new passkey is kept in if that is no part of the
// device at hand: a "security-key", or a "phone" that was near.
func Elsewhere(registration []byte) string {
	var c credential
	if json.Unmarshal(registration, &c) != nil || c.Attachment != "cross-platform" {
		return ""
	}
	for _, transport := range c.Response.Transports {
		switch transport {
		case "usb", "nfc", "ble", "smart-card":
			return "security-key"
		case "hybrid":
			return "phone"
		}
	}
	return ""
}
