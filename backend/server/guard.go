package server

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"latchkey/backend/server/wire"
	"latchkey/backend/site"
	"latchkey/shared"
)

// chain wraps h in guards, the first outermost: chain(h, a, b) is a(b(h)).
func chain(h http.Handler, guards ...func(http.Handler) http.Handler) http.Handler {
	for _, guard := range slices.Backward(guards) {
		h = guard(h)
	}
	return h
}

// A recorder records the status of a response for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logRequests logs a line for each request. It logs neither the query, which can contain
// the secret of a link, nor the body.
func (s *Server) logRequests(next http.Handler) http.Handler {
	log := s.Log.Handler()
	if named, ok := log.(requestLog); ok {
		log = named.Handler // the line below has the ID, which saves a copy of the line
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		level := slog.LevelInfo
		if rec.status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		if !log.Enabled(r.Context(), level) {
			return
		}
		// Not s.Log.LogAttrs, which also finds out where in the source it is called.
		now := time.Now()
		line := slog.NewRecord(now, level, "request", 0)
		line.AddAttrs(
			slog.String("request", requestID(r.Context())),
			slog.String("method", logMethod(r)), slog.String("path", logPath(r)), slog.Int("status", rec.status),
			slog.Float64("ms", float64(now.Sub(start).Microseconds())/1000),
		)
		_ = log.Handle(r.Context(), line) // an error of the log has no other place to go
	})
}

// logMethod returns the method of a request for the log. It truncates the method, because a
// caller can send any word as one.
func logMethod(r *http.Request) string {
	return r.Method[:min(len(r.Method), 16)] // longer than any that the server answers
}

// logPath returns the path of a request for the log, without the secret of a link. It
// truncates the path, because a caller must not fill the disk with long ones.
func logPath(r *http.Request) string {
	if before, _, ok := strings.Cut(shared.OpenPasswordReset.Path, "{token}"); ok && strings.HasPrefix(r.URL.Path, before) {
		return shared.OpenPasswordReset.Path
	}
	return r.URL.Path[:min(len(r.URL.Path), 128)]
}

// recoverPanics turns a panic into an error response.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) // a response was begun and cannot be finished
			} else if p != nil {
				s.fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// withHeaders sets the security headers of every response. All responses share the values,
// which nothing may change in place.
func (s *Server) withHeaders(next http.Handler) http.Handler {
	common := http.Header{ // keyed by canonical name
		"Content-Security-Policy":      {site.ContentSecurityPolicy},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"Permissions-Policy": {"publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), " +
			"camera=(), microphone=(), geolocation=()"},
	}
	if s.Origin.Scheme == "https" {
		common["Strict-Transport-Security"] = []string{"max-age=63072000; includeSubDomains"} // two years
	}
	uncached := common.Clone()
	uncached["Cache-Control"], uncached["Pragma"] = []string{"no-store"}, []string{"no-cache"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r) || isProbe(r) {
			maps.Copy(w.Header(), uncached)
		} else {
			maps.Copy(w.Header(), common)
		}
		if isForm(r) {
			w.Header().Set("Content-Security-Policy", s.formPolicy(r))
		}
		next.ServeHTTP(w, r)
	})
}

func isAPI(r *http.Request) bool {
	return r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
}

func isProbe(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

func limitBody(next http.Handler) http.Handler {
	limited := http.MaxBytesHandler(next, wire.MaxBody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == http.NoBody {
			next.ServeHTTP(w, r) // without the copy of the request that a limit needs
			return
		}
		limited.ServeHTTP(w, r)
	})
}

// checkHost refuses requests for other hosts, such as a name that an attacker points at
// our address (DNS rebinding). Probes may use any host, because they connect by address.
func (s *Server) checkHost(next http.Handler) http.Handler {
	hosts := []string{s.Origin.Host}
	if port := map[string]string{"http": "80", "https": "443"}[s.Origin.Scheme]; s.Origin.Port() == "" {
		hosts = append(hosts, s.Origin.Host+":"+port)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProbe(r) || slices.Contains(hosts, strings.ToLower(r.Host)) {
			next.ServeHTTP(w, r)
			return
		}
		s.fail(
			w,
			r,
			shared.ErrHost.WithMessage(
				"The address of this server is "+originOf(
					s.Origin,
				)+". Please open that address. If you did, configure your proxy to forward the Host header unchanged.",
			),
		)
	})
}

// withCORS lets pages of trusted origins read the responses of the API, and send the headers that
// they ask for: an application may add its own to every request. None of ours gives a page more
// than a request without it.
func (s *Server) withCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !isAPI(r) || !s.TrustedOrigins.Contains(origin) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-Retry-After")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
			if asked := r.Header.Get("Access-Control-Request-Headers"); isHeaderList(asked) {
				h.Set("Access-Control-Allow-Headers", asked)
			}
			h.Add("Vary", "Access-Control-Request-Headers")
			h.Set("Access-Control-Max-Age", "600") // seconds; Chromium keeps it no longer than 7200
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isHeaderList reports whether s is a list of header names, as browsers send it: in lower case,
// separated by commas.
func isHeaderList(s string) bool {
	const names = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	return s != "" && strings.Trim(s, names+", ") == ""
}

// checkOrigin refuses state-changing requests from pages of other sites (CSRF). It is
// stricter than [http.CrossOriginProtection], which compares only hosts and admits
// requests that have a cookie but no origin.
func (s *Server) checkOrigin(next http.Handler) http.Handler {
	std := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.originError(r)
		if err == nil && !s.TrustedOrigins.Contains(r.Header.Get("Origin")) && std.Check(r) != nil {
			err = shared.ErrOrigin
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) originError(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	own := originOf(s.Origin)
	origin, site := strings.Join(r.Header.Values("Origin"), ", "), r.Header.Get("Sec-Fetch-Site")
	if site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return shared.ErrCrossSite
	}
	if origin == "null" && site == "same-origin" {
		origin = own // browsers send null under a no-referrer policy
	}
	if origin == "" {
		if u, err := url.Parse(r.Referer()); err == nil && u.Host != "" {
			origin = originOf(u)
		}
	}
	switch {
	case origin == "" && (site == "same-origin" || site == "none"):
		return nil
	case origin == "" && site == "" && r.Header.Get("Sec-Fetch-Mode") == "" && len(r.Header.Values("Cookie")) == 0:
		return nil // not a browser, so there is no cookie to abuse
	case origin == "" || origin == "null":
		return shared.ErrNoOrigin
	case !s.isTrustedOrigin(origin):
		return shared.ErrOrigin
	case origin == own && site != "" && site != "same-origin" && site != "none":
		return shared.ErrOrigin // it contradicts itself
	}
	return nil
}

// isTrustedOrigin reports whether an origin is our own or one of TrustedOrigins.
func (s *Server) isTrustedOrigin(origin string) bool {
	return origin == originOf(s.Origin) || s.TrustedOrigins.Contains(origin)
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }
