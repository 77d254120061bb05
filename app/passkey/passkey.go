// Package passkey asks the browser to create and use passkeys. It is the only part of the app
// that calls navigator.credentials. It does not call the server.
//
// Options and responses are the JSON of WebAuthn Level 3. The package converts them itself,
// because browser extensions that store passkeys replace navigator.credentials, and their
// credentials often lack a working toJSON.
//
// Outside a browser, [Supported] reports true, and requests fail with [ErrUnsupported].
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Mediation is how the browser presents a request to the user.
type Mediation int

const (
	Modal     Mediation = iota // asks the user at once
	Quiet                      // conditional mediation: offers passkeys in autofill, or creates one without asking
	Immediate                  // asks at once, but fails if it has no passkey to offer
)

// Error is the DOMException with which the browser rejected a request.
type Error struct {
	Name    string
	Message string // for developers; differs between browsers
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Is reports whether target is an Error with the same name.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Name == e.Name
}

// The errors that callers distinguish.
var (
	// ErrAborted means that the app aborted the request or began another one.
	ErrAborted = &Error{Name: "AbortError"}

	// ErrNotAllowed means that the user canceled, that the request timed out, or that
	// the browser does not disclose the reason.
	ErrNotAllowed = &Error{Name: "NotAllowedError"}

	// ErrExists means that the authenticator already has a passkey of the account.
	ErrExists = &Error{Name: "InvalidStateError"}

	// ErrUnsupported means that the browser does not support passkeys, or not the
	// requested options.
	ErrUnsupported = &Error{Name: "NotSupportedError"}
)

// decode decodes base64url with or without padding.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// publicKey parses the server's options. Members that the browser requires as bytes are
// []byte.
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

// credential is the browser's response: a RegistrationResponseJSON or an
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

// Names reports whether options list the passkeys that can be used.
func Names(options []byte) bool {
	var o struct{ AllowCredentials []any }
	return json.Unmarshal(options, &o) == nil && len(o.AllowCredentials) > 0
}

// RPID returns the relying party ID in authentication options, for [SignalUnknown].
func RPID(options []byte) string {
	var o struct{ RPID string }
	json.Unmarshal(options, &o) // it stays empty if there is none
	return o.RPID
}

// CredentialID returns the credential ID in a response.
func CredentialID(response []byte) string {
	var c struct{ ID string }
	json.Unmarshal(response, &c) // it stays empty if there is none
	return c.ID
}

// Attached reports whether the browser says that the authenticator of a response is part of
// the user's device.
func Attached(response []byte) bool {
	var c credential
	return json.Unmarshal(response, &c) == nil && c.Attachment == platform
}

const (
	platform      = "platform"
	crossPlatform = "cross-platform"
)

// A Hint says where the user wants to store a new passkey (WebAuthn Level 3, section 5.8.7).
type Hint string

const (
	Anywhere      Hint = ""
	OnSecurityKey Hint = "security-key"
	OnOwnDevice   Hint = "client-device"
	OnPhone       Hint = "hybrid" // or on a tablet
)

// hint adds a hint to the browser's options. Browsers that do not know hints follow the
// attachment.
func hint(key map[string]any, at Hint) {
	if at == Anywhere {
		return
	}
	key["hints"] = []any{string(at)}
	attachment := crossPlatform
	if at == OnOwnDevice {
		attachment = platform
	}
	selection, ok := key["authenticatorSelection"].(map[string]any)
	if !ok {
		selection = map[string]any{}
		key["authenticatorSelection"] = selection
	}
	selection["authenticatorAttachment"] = attachment
}
