package shared

import "slices"

// AboutServer is what a page can show before the user signs in.
type AboutServer struct {
	Name   string `json:"name"`   // APP_NAME
	SignUp bool   `json:"signUp"` // anybody can create an account
}

// Settings are the settings of the server.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// Setting is a setting with its value.
type Setting struct {
	Key         string   `json:"key"`
	Value       *string  `json:"value"` // null for a secret, always
	Type        string   `json:"type"`  // "string", "secret", "bool", "int", "duration" or "enum"
	Description string   `json:"description"`
	Default     string   `json:"default"`
	Secret      bool     `json:"secret"`
	IsSet       bool     `json:"isSet"`    // it has a value; of a secret, nothing else is told
	Source      string   `json:"source"`   // "env", "database" or "default"
	ReadOnly    bool     `json:"locked"`   // the environment sets it, and nothing else can
	Revision    int64    `json:"revision"` // 0 if it was never set
	UpdatedAt   *Time    `json:"updatedAt"`
	UpdatedBy   *string  `json:"updatedBy"`         // an address, or the ID of an account that no longer exists
	Group       string   `json:"group"`             // what it is about
	Options     []string `json:"options,omitempty"` // of an enum
	Min         string   `json:"min,omitempty"`     // of a number, of a duration, and of the length of a string
	Max         string   `json:"max,omitempty"`
}

// SettingChange sets a setting. An empty value removes a secret.
type SettingChange struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Revision *int64 `json:"revision,omitempty"` // of what it is to replace; another is refused
}

// Exact means that the call takes no other members: one call changes one setting.
func (SettingChange) Exact() {}

// factorSettings are the system keys that say what a second factor is, who needs
// one and for how long it counts.
var factorSettings = []string{
	"FRESH_WINDOW", "PASSKEY_USER_VERIFICATION", "REQUIRE_TWO_FACTOR", "REQUIRE_TWO_FACTOR_GRACE", "TWO_FACTOR_EMAIL_CODE",
}

// WeakensFactor reports whether the key is about second factors.
func (c SettingChange) WeakensFactor() bool { return slices.Contains(factorSettings, c.Key) }
