package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
)

type requestIDKey struct{}

// requestIDLength, in characters of five bits, is enough for no two requests in a log to
// have the same ID.
const requestIDLength = 16

// withRequestID gives each request a new ID, which is in every line that is logged for the
// request. It takes none from the request: a caller could give the same one to many
// requests, or another caller's. Only answers with a status of 5xx have it (see
// [Server.explain]): answers that must not tell two causes apart are the same in every byte.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:requestIDLength]
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// requestID returns the ID of the request, or "" where it has none.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// A requestLog adds the ID of the request to every line that is logged with its context.
type requestLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	if id := requestID(ctx); id != "" {
		return h.Handler.WithAttrs([]slog.Attr{slog.String("request", id)}).Handle(ctx, line)
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }
