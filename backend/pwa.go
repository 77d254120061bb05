package main

import (
	"net/http"
	"slices"
	"sync"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/backend/site"
	"latchkey/shared"
	"latchkey/web"
)

// pwa returns the handler of go-app's scripts and the service worker. The server calls it
// for those only, and serves its own pages, files and manifest.
//
// It makes the handler at the first request, because that hashes all files.
func pwa() http.Handler {
	handler := sync.OnceValue(newPWA)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

func newPWA() http.Handler {
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

		// The service worker caches these in addition to what go-app lists itself.
		Styles:             []string{"/web/app.css"},
		Scripts:            []string{"/web/loader.js"},
		CacheableResources: append(append([]string{"/web/icon.svg"}, catalogs()...), shared.Pages...),
	}
}

// catalogs returns the paths of the catalogs, which the app needs offline, too.
func catalogs() (paths []string) {
	for _, c := range web.Catalogs() {
		paths = append(paths, c.Path)
	}
	return paths
}

// addresses maps paths to the addresses of files. It must not implement [http.Handler]:
// go-app would then fetch files through it from any host that a request names.
type addresses struct{}

// Resolve returns the address of a path. Pages get no version here, because go-app uses
// the address of the first one as the prefix of all. The service worker adds the version.
func (addresses) Resolve(path string) string {
	if slices.Contains(shared.Pages, path) {
		return path
	}
	return site.Address(path)
}
