package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
)

type requestIDKey struct{}

// requestIDLength, in characters of five bits, is enough to make the IDs in a log unique.
const requestIDLength = 16

// withRequestID gives each request a new ID, which every log line of the request
// contains. It ignores IDs in the request: a caller could reuse one, or copy another
// caller's. Only responses with a 5xx status have the ID (see [Server.explain]): responses
// that must not reveal their cause have to be equal in every byte.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:requestIDLength]
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// requestID returns the ID of the request of a context, or "" if there is none.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// A requestLog adds the request's ID to every line that is logged with the request's
// context.
type requestLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	id := requestID(ctx)
	if id == "" {
		return h.Handler.Handle(ctx, line)
	}
	// A new line with the ID before the other attributes costs less than a new handler with
	// [slog.Handler.WithAttrs].
	with := slog.NewRecord(line.Time, line.Level, line.Message, line.PC)
	with.AddAttrs(slog.String("request", id))
	line.Attrs(func(a slog.Attr) bool {
		with.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, with)
}

// WithAttrs implements [slog.Handler].
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }
