package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/testkit"
)

// testDrawnParts tests that the browser does not paint a page of which it has a part: what it has
// painted would move when the rest comes.
func testDrawnParts(t *testing.T) {
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	origin := "http://localhost:" + port
	server := testkit.Start(t, "-origin", origin, "-rate-limits", "off")
	var rest atomic.Int64 // when the rest of the page was sent, in milliseconds
	front.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner, err := http.NewRequestWithContext(r.Context(), r.Method, server.Origin+r.URL.String(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		inner.Host, inner.Header = "localhost:"+port, r.Header.Clone()
		inner.Header.Set("Accept-Encoding", "identity")
		answer, err := http.DefaultClient.Do(inner)
		if err != nil {
			return // the browser has gone
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.StatusCode)
		if at := strings.Index(string(body), `class="show-password"`); at > 0 {
			end := at + strings.IndexByte(string(body[at:]), '>') + 1
			w.Write(body[:end])
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Second) // for the stylesheet, and a paint
			body = body[end:]
			rest.Store(time.Now().UnixMilli())
		}
		w.Write(body)
	})
	front.Start()
	t.Cleanup(front.Close)

	p := &tab{testkit.Browse(t, origin), t}
	p.Inject(withoutWorker)
	p.Visit("/sign-in")
	p.Until("the page is painted", `performance.getEntriesByName("first-contentful-paint").length > 0`)
	painted := eval[float64](p, `performance.timeOrigin + performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	if early := float64(rest.Load()) - painted; early > 0 {
		t.Errorf("the page was painted %.0f ms before its rest was sent", early)
	}
}
