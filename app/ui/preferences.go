package ui

import (
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// preferences are what users choose for this browser. They stay when a user signs out. The
// server then has the browser delete all stored data, so they are also in memory, and are
// saved again.
type preferences struct {
	storage  storage
	theme    string   // one of the themes; "" is themeSystem
	declined []string // the accounts whose user declined to add a passkey, as checksums
}

// The themes. web/first.js sets the attribute data-theme for the last two before the first
// paint, and the stylesheet has rules for it.
const (
	themeSystem = "system"
	themeLight  = "light"
	themeDark   = "dark"
)

// The names of the preferences in the storage. web/first.js reads the theme.
const (
	themeKey    = "latchkey.theme"
	declinedKey = "latchkey.declined"
)

// maxDeclined is how many accounts can be declined in a browser.
const maxDeclined = 16

// isPreference reports whether a preference has this name in the storage.
func isPreference(name string) bool { return name == themeKey || name == declinedKey }

// load reads the stored preferences. Those that are not stored stay as they are.
func (p *preferences) load() {
	if theme := p.storage.get(themeKey); theme != "" {
		p.theme = theme
	}
	if declined := p.storage.get(declinedKey); declined != "" {
		p.declined = strings.Split(declined, " ")
	}
}

// save stores the preferences that the user has chosen.
func (p *preferences) save() {
	if p.theme != "" {
		p.storage.set(themeKey, p.theme)
	}
	if len(p.declined) > 0 {
		p.storage.set(declinedKey, strings.Join(p.declined, " "))
	}
}

// setTheme stores and applies a theme.
func (p *preferences) setTheme(theme string) {
	p.load()
	p.theme = theme
	p.save()
	applyTheme(theme)
}

// applyTheme applies a theme to the page.
func applyTheme(theme string) {
	if apply := app.Window().Get("latchkeyTheme"); apply.Truthy() { // web/first.js defines it
		apply.Invoke(theme)
	}
}

// decline records that the user of an account does not want to be asked for a passkey.
func (p *preferences) decline(account string) {
	p.load()
	if sum := checksum(account); !slices.Contains(p.declined, sum) {
		p.declined = append(p.declined, sum)
		p.declined = p.declined[max(len(p.declined)-maxDeclined, 0):]
	}
	p.save()
}

// hasDeclined reports whether the user of an account has declined.
func (p *preferences) hasDeclined(account string) bool {
	return slices.Contains(p.declined, checksum(account))
}
