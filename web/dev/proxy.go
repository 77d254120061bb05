package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// client runs in every page. It reloads the page or its stylesheet.
const client = `"use strict";
new EventSource("/dev/events").addEventListener("message", ({ data }) => {
  if (data === "reload") {
    location.reload();
    return;
  }
  for (const link of document.querySelectorAll("link[rel=stylesheet]")) {
    link.href = "/web/app.css?dev=" + Date.now();
  }
});
`

// worker removes the service worker and what it has stored, so that pages show what is on
// disk.
const worker = `"use strict";
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    await caches.delete(name);
  }
  await self.registration.unregister();
})()));
`

// A proxy passes requests to the server. It serves the stylesheet and the app from disk,
// and adds the client to pages.
type proxy struct {
	http.Handler

	mu    sync.Mutex
	pages map[chan string]bool
}

// newProxy returns a proxy to the server at upstream. dir is the folder of the stylesheet
// and of the app.
func newProxy(upstream *url.URL, dir string) *proxy {
	p := &proxy{pages: map[chan string]bool{}}
	mux := http.NewServeMux()
	for _, name := range []string{"app.css", "app.wasm"} {
		mux.HandleFunc("GET /web/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			http.ServeFile(w, r, filepath.Join(dir, name))
		})
	}
	mux.HandleFunc("GET /dev/client.js", script(client))
	mux.HandleFunc("GET /app-worker.js", script(worker))
	mux.HandleFunc("GET /dev/events", p.events)
	mux.Handle("/", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			r.Out.Header.Set("Accept-Encoding", "identity") // addClient reads pages
			r.Out.Header.Del("If-None-Match")
		},
		ModifyResponse: addClient,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "The server does not run: see the terminal. "+err.Error(), http.StatusBadGateway)
		},
	})
	p.Handler = mux
	return p
}

func script(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		io.WriteString(w, content)
	}
}

// addClient adds the client to a response that is a page.
func addClient(response *http.Response) error {
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body.Close()
	page = bytes.Replace(page, []byte("</head>"), []byte("<script src=\"/dev/client.js\" defer></script>\n</head>"), 1)
	response.Body = io.NopCloser(bytes.NewReader(page))
	response.ContentLength = int64(len(page))
	response.Header.Set("Content-Length", strconv.Itoa(len(page)))
	response.Header.Set("Cache-Control", "no-store")
	response.Header.Del("ETag")
	return nil
}

// events sends a page what [proxy.send] says, until the page goes.
func (p *proxy) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	messages := make(chan string, 8)
	p.mu.Lock()
	p.pages[messages] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.pages, messages)
		p.mu.Unlock()
	}()
	flusher := http.NewResponseController(w)
	flusher.Flush()
	for {
		select {
		case message := <-messages:
			fmt.Fprintf(w, "data: %s\n\n", message)
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// send sends a message to all open pages. It skips a page that has many messages to read: the
// browser has stopped reading for it.
func (p *proxy) send(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for page := range p.pages {
		select {
		case page <- message:
		default:
		}
	}
}
