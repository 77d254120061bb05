package main

import (
	"net/http"
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/web"
)

// pwa returns the handler of go-app's scripts and of the service worker. The server asks it
// for those only: it sends its own pages, files and manifest.
func pwa() http.Handler {
	return &app.Handler{
		Icon: app.Icon{
			Default:  "/web/icon-192.png",
			Large:    "/web/icon-512.png",
			Maskable: "/web/icon-maskable.png",
			SVG:      "/web/icon.svg",
		},
		LoadingLabel: "{progress}",

		Version:               site.Version(),
		WasmContentLength:     web.WasmLength(),
		ServiceWorkerTemplate: web.Worker(),
		Resources:             addresses{},

		// What the service worker keeps, beside what go-app lists anyway.
		Styles:             []string{"/web/app.css"},
		Scripts:            []string{"/web/loader.js"},
		CacheableResources: append([]string{"/web/icon.svg"}, shared.Pages...),
	}
}

// addresses says where files are. It must not be an http.Handler: go-app would fetch files
// through it from whatever host a request names.
type addresses struct{}

// Resolve returns the address of a path. Pages have no version here: go-app takes the first
// one as the prefix of all addresses. The service worker adds the version.
func (addresses) Resolve(path string) string {
	if slices.Contains(shared.Pages, path) {
		return path
	}
	return site.Address(path)
}
