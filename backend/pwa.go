package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/backend/server"
	"latchkey/shared"
	"latchkey/web"
)

// pwa returns what makes the scripts of go-app, the service worker and the
// manifest. The server asks it for those alone: it sends its own pages and
// files.
func pwa() http.Handler {
	return &app.Handler{
		Name:        "Latchkey",
		ShortName:   "Latchkey",
		Title:       "Latchkey",
		Description: "Your account's security: how you sign in, and where you are signed in.",
		Lang:        "en",
		Icon: app.Icon{
			Default:  "/web/icon-192.png",
			Large:    "/web/icon-512.png",
			Maskable: "/web/icon-maskable.png",
			SVG:      "/web/icon.svg",
		},
		BackgroundColor: "#f6f5f2",
		ThemeColor:      "#10695a",
		LoadingLabel:    "{progress}",

		Version:               version(),
		WasmContentLength:     web.WasmLength(),
		ServiceWorkerTemplate: web.Worker(),
		Resources:             here{},

		// What the service worker keeps, beside what go-app lists anyway.
		Styles:             []string{"/web/app.css"},
		Scripts:            []string{"/web/tt.js", "/web/loader.js"},
		CacheableResources: append([]string{"/web/icon.svg"}, shared.Pages...),
	}
}

// version changes whenever what browsers keep of us does: the files, and the
// policies that they were sent under.
func version() string {
	h := sha256.Sum256([]byte(web.Version() + server.ContentSecurityPolicy + server.FormSecurityPolicy))
	return hex.EncodeToString(h[:6])
}

// here says that files are where their paths say. It is deliberately not an
// http.Handler: go-app would fetch files through it from whatever host a
// request names.
type here struct{}

func (here) Resolve(path string) string { return path }
