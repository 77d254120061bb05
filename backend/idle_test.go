package main_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestIdleServer tests that a server to which nothing happens sends no statement to Postgres
// more often than every ten seconds, and that it delivers an email as soon as one is added.
func TestIdleServer(t *testing.T) {
	t.Parallel()
	database, wire := storetest.Tap(t, storetest.Postgres(t))
	p := testkit.Start(t, "-database", database)
	p.Client().SignUp("ann@example.test").Must(t, 200, "")
	p.Client().SignIn("ann@example.test").Must(t, 200, "") // from a new browser: sends an email
	added := time.Now()
	emails(t, p, "ann@example.test", 1)
	const every = 10 * time.Second
	if took := time.Since(added); took > every/2 {
		t.Errorf("the email was delivered after %v; want at once", took)
	}
	testkit.Eventually(t, "the server has nothing to do", func() bool {
		time.Sleep(time.Second)
		return len(wire.Queries()) == 0
	})

	time.Sleep(every + every/4)
	count := make(map[string]int)
	for _, query := range wire.Queries() {
		text, _, _ := strings.Cut(query, "'") // without its values
		count[text]++
	}
	for text, n := range count {
		if n > 2 {
			t.Errorf("an idle server sends %q %d times in %v; want at most every %v", text, n, every+every/4, every)
		}
	}
	if len(count) < 3 {
		t.Errorf("an idle server sends only %v; want it to look for settings, for emails and for events", count)
	}
}
