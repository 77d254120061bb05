// Package provider maps AAGUIDs to the names and icons of the password managers and
// security keys that store passkeys. An AAGUID is not authenticated: it helps users tell
// their passkeys apart, but must not decide anything.
package provider

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"

	"latchkey/shared"
)

//go:generate ./generate.sh

var (
	//go:embed aaguids.json
	aaguids []byte
	//go:embed icons.json
	icons []byte

	names = parseStrings(&aaguids)
	marks = parseStrings(&icons) // each is one SVG path in a 24 × 24 viewBox
)

// parseStrings returns a function that parses an embedded object at its first call, so that
// commands without passkeys do not.
func parseStrings(object *[]byte) func() map[string]string {
	return sync.OnceValue(func() (m map[string]string) {
		if err := json.Unmarshal(*object, &m); err != nil {
			panic(err) // the file is embedded in the binary
		}
		return m
	})
}

// known maps prefixes of provider names to the names of their marks.
var known = []struct{ begin, mark string }{
	{"1Password", "1password"}, {"Apple", "apple"}, {"Avast", "avast"}, {"Avira", "avira"}, {"Bitwarden", "bitwarden"},
	{"Chrome", "googlechrome"}, {"Dashlane", "dashlane"}, {"Enpass", "enpass"}, {"Google", "google"}, {"iCloud", "icloud"},
	{"KeePassXC", "keepassxc"}, {"Keeper", "keeper"}, {"LastPass", "lastpass"}, {"Norton", "norton"}, {"Okta", "okta"},
	{"Proton", "proton"}, {"Samsung", "samsung"}, {"Security Key by Yubico", "yubico"},
	{"Security Key NFC by Yubico", "yubico"}, {"Trezor", "trezor"}, {"YubiKey", "yubico"},
}

// iconPath is the path prefix of the icons.
const iconPath = "/web/providers/"

// Of returns the provider with an AAGUID, or nil if it is unknown.
func Of(aaguid string) *shared.Provider {
	name := names()[aaguid]
	if name == "" {
		return nil
	}
	p := &shared.Provider{Name: name}
	for _, k := range known {
		if strings.HasPrefix(name, k.begin) {
			p.IconLight, p.IconDark = iconPath+k.mark+"-light.svg", iconPath+k.mark+"-dark.svg"
		}
	}
	return p
}

// Icons returns all icons, as SVG images keyed by path.
func Icons() map[string][]byte {
	all := map[string][]byte{}
	for mark, path := range marks() {
		for page, color := range map[string]string{"light": "#1f2328", "dark": "#e6e6e6"} {
			all[iconPath+mark+"-"+page+".svg"] = []byte(
				`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="` + color + `" d="` + path + `"/></svg>`,
			)
		}
	}
	return all
}
