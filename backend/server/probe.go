package server

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/shared"
)

// probe reports whether the process is alive (/healthz) and whether it can serve requests
// (/readyz).
func (s *Server) probe(w http.ResponseWriter, r *http.Request) {
	alive := shared.Alive{OK: true}
	if r.URL.Path == "/readyz" {
		if !isReadOnly(r) {
			w.Header().Set("Allow", "GET, HEAD")
			s.fail(w, r, shared.ErrMethod)
			return
		}
		if err := s.checkReady(r.Context()); err != nil {
			s.fail(w, r, fmt.Errorf("%w: %w", shared.ErrUnavailable, err))
			return
		}
		if isInternal(r) {
			alive.Version = s.Version
		}
	}
	reply(w, alive)
}

// checkReady calls Ready for one request at a time. Requests that arrive meanwhile wait for
// the same result: no limit counts them, and each check uses the database.
func (s *Server) checkReady(ctx context.Context) error {
	_, err, _ := s.readiness.Do("", func() (any, error) {
		// The client of one request must not end the check of the others when it hangs up.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.RequestTimeout)
		defer cancel()
		return nil, s.Ready(ctx)
	})
	return err
}

// isInternal reports whether a request comes from this machine or a private network, and
// no proxy says that it has forwarded it. Callers on the Internet should not learn the
// version, because it tells them which known faults to try.
func isInternal(r *http.Request) bool {
	peer, ok := peerOf(r)
	header, _ := forwarded(r)
	return ok && header == "" && (peer.IsLoopback() || peer.IsPrivate())
}
