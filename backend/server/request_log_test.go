package server

import (
	"log/slog"
	"net/http"
	"os"
	"testing"
)

// BenchmarkRequestLog measures what the log adds to a request: its ID and its line.
func BenchmarkRequestLog(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for name, handler := range map[string]slog.Handler{"text": slog.NewTextHandler(null, nil), "json": slog.NewJSONHandler(null, nil)} {
		b.Run(name, func(b *testing.B) {
			s := &Server{Config: Config{Log: slog.New(requestLog{handler})}}
			h := withRequestID(s.logRequests(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })))
			r, err := http.NewRequest("GET", "/api/auth/get-session", nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(nowhere{}, r)
			}
		})
	}
}

// nowhere is a [http.ResponseWriter] that costs nothing.
type nowhere struct{}

func (nowhere) Header() http.Header         { return nil }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
