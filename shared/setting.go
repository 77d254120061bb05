package shared

import "slices"

// AboutServer is the information for a page before the user signs in.
type AboutServer struct {
	Name   string `json:"name"`   // APP_NAME
	SignUp bool   `json:"signUp"` // any visitor can create an account
}

// Settings are the settings of the server.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// Setting is a setting with its value.
type Setting struct {
	Key         string   `json:"key"`
	Value       *string  `json:"value"` // always null for a secret
	Type        string   `json:"type"`  // "string", "secret", "bool", "int", "duration" or "enum"
	Title       string   `json:"title"` // what the setting is called on the page
	Description string   `json:"description"`
	Default     string   `json:"default"`
	Secret      bool     `json:"secret"`
	IsSet       bool     `json:"isSet"`    // it has a value, which for a secret is not disclosed
	Source      string   `json:"source"`   // "env", "database" or "default"
	ReadOnly    bool     `json:"locked"`   // the environment sets it, so that it cannot be changed here
	Revision    int64    `json:"revision"` // 0 if it was never set
	UpdatedAt   *Time    `json:"updatedAt"`
	UpdatedBy   *string  `json:"updatedBy"`         // an address, or the ID of an account that no longer exists
	Group       string   `json:"group"`             // the heading that it is listed under
	Options     []string `json:"options,omitempty"` // of an enum
	Min         string   `json:"min,omitempty"`     // of a number or duration, or of a string's length
	Max         string   `json:"max,omitempty"`

	// Consequence is what the first value of the setting changes elsewhere. The page asks
	// the administrator to confirm it. It is empty if nothing else changes.
	Consequence string `json:"consequence,omitempty"`
}

// SettingChange sets the value of a setting. An empty value removes a secret.
type SettingChange struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Revision *int64 `json:"revision,omitempty"` // the expected current revision; [ErrStaleRevision] if it differs
}

// Exact marks an input whose unknown members are refused: one call changes one setting.
func (SettingChange) Exact() {}

// factorSettings are the settings that define what a second factor is, who needs one and how
// long it stays fresh.
var factorSettings = []string{
	"FRESH_WINDOW", "PASSKEY_USER_VERIFICATION", "REQUIRE_TWO_FACTOR", "REQUIRE_TWO_FACTOR_GRACE", "TWO_FACTOR_EMAIL_CODE",
}

// WeakensFactor reports whether the setting is about second factors.
func (c SettingChange) WeakensFactor() bool { return slices.Contains(factorSettings, c.Key) }
