package server

import (
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	"latchkey/shared"
)

// A Gate handles requests until the server starts: it returns 200 at /healthz and 503
// elsewhere. It does not log requests, because a supervisor polls it until the server
// is ready.
type Gate struct {
	closed http.Handler
	server atomic.Pointer[http.Handler]
}

// NewGate returns a closed gate for a server at origin.
func NewGate(origin *url.URL) *Gate {
	s := &Server{Config: Config{Origin: origin, Log: slog.New(slog.DiscardHandler)}}
	return &Gate{closed: chain(http.HandlerFunc(s.serveStarting), s.recoverPanics, s.withHeaders)}
}

// Open passes all further requests to server.
func (g *Gate) Open(server http.Handler) { g.server.Store(&server) }

// ServeHTTP implements [http.Handler].
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if server := g.server.Load(); server != nil {
		(*server).ServeHTTP(w, r)
		return
	}
	g.closed.ServeHTTP(w, r)
}

func (s *Server) serveStarting(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == "/healthz" {
		reply(w, shared.Alive{OK: true})
		return
	}
	s.fail(w, r, shared.ErrUnavailable)
}
