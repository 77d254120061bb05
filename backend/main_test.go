package main_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The tests find texts by ID, so that rewording one changes only the catalogs.
var en = message.English

// A body is the body of a request, before it is encoded as JSON.
type body map[string]any

// startStrict starts a server that takes the addresses of its clients from
// X-Forwarded-For. At the end it fails the test if the server has answered a request with
// a 5xx. It allows the 503 of a request that waited too long for passwords and backup codes
// to be hashed, as on a slow machine.
func startStrict(t *testing.T, line ...string) *testkit.Program {
	t.Helper()
	return startWith(t, busyHashing, line)
}

// startCrowded is [startStrict] for a test whose calls all wait for the same row of the
// database. On a slow machine one may wait longer than a statement may take, which is a 503,
// too. The test must see all of them succeed or fail in the end: see [post].
func startCrowded(t *testing.T, line ...string) *testkit.Program {
	t.Helper()
	return startWith(t, busyDatabase, line)
}

func startWith(t *testing.T, allowed *regexp.Regexp, line []string) *testkit.Program {
	t.Helper()
	var p *testkit.Program
	t.Cleanup(func() { no5xx(t, p, allowed) })
	p = testkit.Start(t, append(line, "-trusted-proxies", "127.0.0.0/8")...)
	return p
}

// no5xx fails the test if a server has answered a request with a 5xx that no line of its log
// allows. It is for a cleanup function from before the start of the server. Then the server has
// stopped, and its log is complete.
func no5xx(t *testing.T, p *testkit.Program, allowed *regexp.Regexp) {
	t.Helper()
	if p == nil {
		return // it has not started
	}
	log := p.Output.String()
	busy := len(allowed.FindAllString(log, -1))
	if failed := strings.Count(log, "msg=request") - len(below500.FindAllString(log, -1)); failed > busy {
		causes := regexp.MustCompile(`(?m)^.*msg=(unavailable|"internal error").*$`).FindAllString(log, -1)
		t.Errorf("the server answered %d requests with a 5xx, of which %d because it had too much to do:\n%s",
			failed, busy, strings.Join(causes, "\n"))
	}
}

var (
	below500 = regexp.MustCompile(`msg=request .* status=[1-4]\d\d`)

	// busyHashing matches a line about a request that waited too long to hash. The line
	// names no other cause.
	busyHashing = regexp.MustCompile(unavailable + `"\n`)
	// busyDatabase also matches one that waited too long for a statement, or, on SQLite, for a
	// connection or the lock.
	busyDatabase = regexp.MustCompile(unavailable +
		`("|: .*(i/o timeout|context deadline exceeded|database is locked \(5\) \(SQLITE_BUSY\))"?)\n`)

	unavailable = `msg=unavailable .*` + regexp.QuoteMeta(shared.ErrUnavailable.Error())
)

// post calls the authentication API from an IP address that no other call has used, so
// that no rate limit applies. If the server answers with a 503, it had too much to hash
// and has changed nothing. Then post tries again.
func post(c *testkit.Client, path string, in any) testkit.Answer {
	return unlessBusy(func() testkit.Answer { return c.Elsewhere().Post(path, in) })
}

// unlessBusy makes a call, and repeats it while the server answers with a 503.
func unlessBusy(call func() testkit.Answer) (a testkit.Answer) {
	for end := time.Now().Add(testkit.Patience); ; {
		a = call()
		if a.Status != 503 || time.Now().After(end) {
			return a
		}
	}
}

// signInNew signs in from a browser that is new to the account.
func signInNew(t *testing.T, p *testkit.Program, email string) {
	t.Helper()
	p.Client().SignIn(email).Want(t, 200, "")
}

// setsCookie reports whether an answer sets a cookie.
func setsCookie(a testkit.Answer) bool { return len(a.Header["Set-Cookie"]) > 0 }

// emails waits until an address has n emails, and returns all its emails.
func emails(t *testing.T, p *testkit.Program, to string, n int) (all []testkit.Email) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%s has %d emails", to, n), func() bool {
		all = p.Emails(to)
		return len(all) >= n
	}, func() string { return fmt.Sprintf("%+v", p.Emails("")) })
	return all
}

// countSignIns returns the number of sign-ins in the security log.
func countSignIns(t *testing.T, database string) (n int) {
	t.Helper()
	for row := range strings.Lines(storetest.Dump(t, database)) {
		table, _, _ := strings.Cut(row, " ")
		if (table == "events" || table == "unlinked_events") && strings.Contains(row, " sign-in ") {
			n++
		}
	}
	return n
}

// execSQL runs a statement on the database of a server. It fails the test unless
// the statement changes a row.
func execSQL(t *testing.T, database, query string) {
	t.Helper()
	pool := storetest.OpenSQL(t, database)
	defer pool.Close()
	result, err := pool.ExecContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, %v", query, n, err)
	}
}

// await receives from a channel, and fails the test if nothing comes for
// [testkit.Patience].
func await[T any](t *testing.T, what string, from <-chan T) {
	t.Helper()
	select {
	case <-from:
	case <-time.After(testkit.Patience):
		t.Fatalf("timed out after %v: %s", testkit.Patience, what)
	}
}
