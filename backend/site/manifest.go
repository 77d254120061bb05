package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"sync"

	"latchkey/shared"
	"latchkey/shared/message"
	"latchkey/web"
)

// A manifest describes the app to browsers that install it (W3C Web Application
// Manifest).
type manifest struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	ShortName       string     `json:"short_name"`
	Description     string     `json:"description"`
	Lang            string     `json:"lang"`
	Start           string     `json:"start_url"`
	Scope           string     `json:"scope"`
	Display         string     `json:"display"`
	BackgroundColor string     `json:"background_color"`
	ThemeColor      string     `json:"theme_color"`
	Icons           []picture  `json:"icons"`
	Screenshots     []picture  `json:"screenshots"`
	Shortcuts       []shortcut `json:"shortcuts"`
}

type picture struct {
	Src     string `json:"src"`
	Type    string `json:"type"`
	Sizes   string `json:"sizes"`
	Purpose string `json:"purpose,omitempty"`
	Form    string `json:"form_factor,omitempty"`
	Label   string `json:"label,omitempty"`
}

type shortcut struct {
	Name  string    `json:"name"`
	URL   string    `json:"url"`
	Icons []picture `json:"icons"`
}

// manifests returns a function that returns the manifest in a language. It renders the
// manifest anew only when the name of the service changes.
func manifests(name func() string) func(*message.Language) *web.File {
	var mu sync.Mutex
	var of string
	var rendered map[*message.Language]*web.File
	return func(l *message.Language) *web.File {
		mu.Lock()
		defer mu.Unlock()
		if now := name(); rendered == nil || of != now {
			of, rendered = now, map[*message.Language]*web.File{}
		}
		if rendered[l] == nil {
			rendered[l] = web.NewFile("application/manifest+json", manifestOf(of, l))
		}
		return rendered[l]
	}
}

func manifestOf(name string, l *message.Language) []byte {
	icon := picture{Src: "/web/icon-192.png", Type: "image/png", Sizes: "192x192"}
	body, err := json.Marshal(manifest{
		ID: shared.PageHome, Name: name, ShortName: name,
		Description: l.T(message.AboutAccountSecurity),
		Lang:        l.Tag,
		Start:       shared.PageHome, Scope: shared.PageHome, Display: "standalone",
		// The colors of the light theme. The pages name the dark one's themselves.
		BackgroundColor: "#f6f5f2", ThemeColor: "#f6f5f2",
		Icons: []picture{
			icon,
			{Src: "/web/icon-512.png", Type: "image/png", Sizes: "512x512"},
			{Src: "/web/icon.svg", Type: "image/svg+xml", Sizes: "any"},
			{Src: "/web/icon-maskable.png", Type: "image/png", Sizes: "512x512", Purpose: "maskable"},
			{Src: "/web/icon-monochrome.svg", Type: "image/svg+xml", Sizes: "any", Purpose: "monochrome"},
		},
		Screenshots: []picture{
			screenshot("screenshot-wide.png", "wide", l),
			screenshot("screenshot-narrow.png", "narrow", l),
		},
		Shortcuts: []shortcut{
			{Name: l.T(message.SessionsShort), URL: shared.PageSessions, Icons: []picture{icon}},
			{Name: l.T(message.YourPasskeys), URL: shared.PagePasskeys, Icons: []picture{icon}},
		},
	})
	if err != nil {
		panic(err) // only strings
	}
	return body
}

// screenshot returns a picture of the settings page, which browsers show before they
// install the app.
func screenshot(name, form string, l *message.Language) picture {
	size, _, err := image.DecodeConfig(bytes.NewReader(web.Files()[name].Form("")))
	if err != nil {
		panic(err) // it is in the binary
	}
	return picture{
		Src: "/web/" + name, Type: "image/png", Sizes: fmt.Sprintf("%dx%d", size.Width, size.Height),
		Form: form, Label: l.T(message.YourPasskeysAndSessions),
	}
}
