package main

import (
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/web"
)

// helloWasm is go-app's hello world. "make bench-ui" builds and compresses it.
const helloWasm = "build/hello.wasm"

// hello is the component that the server prerenders, the same as in web/build/hello.
type hello struct{ app.Compo }

func (h *hello) Render() app.UI { return app.H1().Text("Hello, world") }

// serveHello serves go-app's hello world with go-app's own handler. It compresses
// app.wasm, which go-app does not, to make the comparison fair.
func serveHello() (*http.Server, error) {
	raw, err := os.Stat(helloWasm)
	if err != nil {
		return nil, err
	}
	small, err := os.ReadFile(helloWasm + ".br")
	if err != nil {
		return nil, err
	}
	const icon = "/web/icon.svg" // go-app's default icons are on another server
	app.Route("/", func() app.Composer { return &hello{} })
	pages := &app.Handler{
		Name:              "Hello",
		Icon:              app.Icon{Default: icon, Large: icon, Maskable: icon, SVG: icon},
		Version:           "1", // without one, each start makes a new version, and no cache would be used
		WasmContentLength: strconv.FormatInt(raw.Size(), 10),
	}
	handler := http.NewServeMux()
	handler.Handle("/", pages)
	handler.HandleFunc(icon, func(w http.ResponseWriter, _ *http.Request) {
		f := web.Files()["icon.svg"]
		w.Header().Set("Content-Type", f.Type)
		w.Write(f.Form(""))
	})
	handler.HandleFunc("/web/app.wasm", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		w.Header().Set("Content-Encoding", "br")
		w.Header().Set("Content-Length", strconv.Itoa(len(small)))
		w.Write(small)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Addr: listener.Addr().String(), Handler: handler}
	go s.Serve(listener) // until the caller closes s
	return s, nil
}
