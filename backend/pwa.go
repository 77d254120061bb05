package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/backend/language"
	"latchkey/backend/server"
	"latchkey/shared"
	"latchkey/web"
)

// pwa returns what makes the scripts of go-app and the service worker. The server
// asks it for those alone: it sends its own pages, files and manifest.
func pwa() http.Handler {
	return &app.Handler{
		Icon: app.Icon{
			Default:  "/web/icon-192.png",
			Large:    "/web/icon-512.png",
			Maskable: "/web/icon-maskable.png",
			SVG:      "/web/icon.svg",
		},
		LoadingLabel: "{progress}",

		Version:               version(),
		WasmContentLength:     web.WasmLength(),
		ServiceWorkerTemplate: web.Worker(),
		Resources:             here{},

		// What the service worker keeps, beside what go-app lists anyway.
		Styles:             []string{"/web/app.css"},
		Scripts:            []string{"/web/loader.js"},
		CacheableResources: append([]string{"/web/icon.svg"}, shared.Pages...),
	}
}

// version changes whenever what browsers keep of us does: the files, the words on
// the pages, and the policies that they were sent under.
func version() string {
	h := sha256.Sum256([]byte(web.Version() + language.German + server.ContentSecurityPolicy + server.FormSecurityPolicy))
	return hex.EncodeToString(h[:6])
}

// here says where files are. It is deliberately not an http.Handler: go-app would
// fetch files through it from whatever host a request names.
type here struct{}

func (here) Resolve(path string) string { return web.Address(path) }
