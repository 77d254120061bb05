package main_test

import (
	"fmt"
	"slices"
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
	for n := 1; !deliversAtOnce(t, p, wire, n); n++ {
		if n == 5 {
			t.Errorf("the server lets each of %d emails wait; want it to deliver one at once", n)
			break
		}
	}
	const every = 10 * time.Second
	var began time.Time
	testkit.Eventually(t, "the server has nothing to do", func() bool {
		time.Sleep(time.Second)
		began = time.Now()
		return len(wire.Queries()) == 0
	})

	time.Sleep(every + every/4)
	count := make(map[string]int)
	testkit.Eventually(t, "an idle server looks for settings, for emails and for events", func() bool {
		for _, query := range wire.Queries() {
			text, _, _ := strings.Cut(query, "'") // without its values
			count[text]++
		}
		return len(count) >= 3
	}, func() string { return fmt.Sprint(count) })
	watched := time.Since(began)
	for text, n := range count {
		if most := 1 + int(watched/every); n > most {
			t.Errorf("an idle server sends %q %d times in %v; want at most every %v", text, n, watched, every)
		}
	}
}

// deliversAtOnce adds the nth email to ann, with an entry of the security log. It reports
// whether the server has begun to deliver the email before it linked the entry, which takes
// it 200 milliseconds. A busy server may be slower. But one that does not know of the email
// takes until its next look for emails, ten seconds later.
func deliversAtOnce(t *testing.T, p *testkit.Program, wire *storetest.Wire, n int) bool {
	t.Helper()
	wire.Queries()
	p.Client().SignIn("ann@example.test").Must(t, 200, "") // from a new browser: sends an email
	emails(t, p, "ann@example.test", n)
	queries := wire.Queries()
	at := func(after int, text string) int {
		if i := slices.IndexFunc(queries[after:], func(query string) bool { return strings.Contains(query, text) }); i >= 0 {
			return after + i
		}
		return len(queries)
	}
	added := at(0, `INSERT INTO "mails"`)
	leased, linked := at(added, `UPDATE "mails"`), at(added, `INSERT INTO "events"`)
	if leased == len(queries) {
		t.Fatalf("email %d was delivered, but not by these queries:\n%s", n, strings.Join(queries, "\n"))
	}
	return leased < linked
}
