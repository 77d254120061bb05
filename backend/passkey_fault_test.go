package main_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/account/authenticator"
	"latchkey/backend/store/storetest"
)

// options fetches those of a passkey ceremony.
func (v *visitor) options(t *testing.T, path string) (options json.RawMessage) {
	t.Helper()
	v.get(t, "/passkey/generate-"+path+"-options", &options)
	return options
}

// create has a device make a passkey.
func create(t *testing.T, device *authenticator.Authenticator, options []byte, changes ...func(*authenticator.Statement)) in {
	t.Helper()
	response, err := device.Create(options, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return in{"response": response}
}

// use has a device use one.
func use(t *testing.T, device *authenticator.Authenticator, options []byte) in {
	t.Helper()
	response, err := device.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	return in{"response": response}
}

// TestPasskeyRestart holds that ceremonies can be finished although the server
// was stopped or killed meanwhile (X05).
func TestPasskeyRestart(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		ann := visit(t, p.origin)
		if status, body, _, err := ann.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		for how, end := range map[string]func(){"stopped": p.stop, "killed": p.kill} {
			device, stranger := authenticator.New(p.origin), visit(t, p.origin)
			toRegister := ann.options(t, "register")
			end()
			p.start()
			ann.post(t, "/passkey/verify-registration", create(t, device, toRegister)).want(t, how+", a registration", 200, "")

			toSignIn := stranger.options(t, "authenticate")
			end()
			p.start()
			stranger.post(t, "/passkey/verify-authentication", use(t, device, toSignIn)).want(t, how+", a sign-in", 200, "")
			if !stranger.signedIn(t) {
				t.Errorf("%s: not signed in", how)
			}
		}
	})
}

// TestPasskeyWhileGuessedAt holds that whoever guesses at an account's password
// until no more are taken locks its owner out of nothing else (A16).
func TestPasskeyWhileGuessedAt(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		owner, device := visit(t, p.origin), authenticator.New(p.origin)
		if status, body, _, err := owner.signUp("ann@example.test"); status != 200 {
			t.Fatal(status, body, err)
		}
		owner.post(t, "/passkey/verify-registration", create(t, device, owner.options(t, "register"))).want(t, "a passkey", 200, "")
		throttled := false
		for range 15 {
			status, _, _, err := visit(t, p.origin).signIn("ann@example.test", "a wrong password")
			if status != 401 && status != 429 {
				t.Fatal(status, err)
			}
			throttled = throttled || status == 429
		}
		if status, _, _, err := visit(t, p.origin).signIn("ann@example.test", faultPassword); !throttled || status != 429 {
			t.Fatalf("the right password, after too many wrong ones: %d, %v", status, err)
		}
		if !owner.signedIn(t) {
			t.Error("the session of the owner ended")
		}
		elsewhere := visit(t, p.origin)
		elsewhere.post(t, "/passkey/verify-authentication", use(t, device, elsewhere.options(t, "authenticate"))).want(t, "a sign-in by passkey", 200, "")
	})
}

// TestPasskeysAtOnce holds that of many who register one credential one does, and
// that of many who send one answer one is signed in, whichever server they ask
// (R04, R05).
func TestPasskeysAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		testPasskeysAtOnce(t, database, sound(t, "-database", database))
	})
	t.Run("two servers", func(t *testing.T) {
		t.Parallel()
		database, err := storetest.Shared(t).NewDatabase()
		if err != nil {
			t.Fatal(err)
		}
		flags := []string{"-database", database, "-key-file", filepath.Join(t.TempDir(), "keys")}
		first := sound(t, flags...)
		// Both are one site, or a passkey would be good at one of them only.
		testPasskeysAtOnce(t, database, first, sound(t, append(flags, "-origin", first.origin)...))
	})
}

// signIns is how many sign-ins the audit log tells of.
func signIns(t *testing.T, database string) (n int) {
	t.Helper()
	for row := range strings.Lines(storetest.Dump(t, database)) {
		if strings.HasPrefix(row, "events ") && strings.Contains(row, " sign-in ") {
			n++
		}
	}
	return n
}

func testPasskeysAtOnce(t *testing.T, database string, servers ...*program) {
	var ways []*http.Transport
	for _, p := range servers {
		address := strings.TrimPrefix(p.origin, "http://")
		way := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		t.Cleanup(way.CloseIdleConnections)
		ways = append(ways, way)
	}
	// post has the visitor call one of the servers.
	post := func(i int, v *visitor, path string, in any) (a answered) {
		w := visitorWith(t, v)
		w.client.Transport = ways[i%len(ways)]
		a.status, a.body, _, a.err = w.call("POST", "/api/auth"+path, in)
		return a
	}
	passkeys := func() int { return strings.Count("\n"+storetest.Dump(t, database), "\npasskeys ") }

	origin := servers[0].origin
	var users [8]*visitor
	for i := range users {
		users[i] = visit(t, origin)
		if status, body, _, err := users[i].signUp(fmt.Sprintf("user%d@example.test", i)); status != 200 {
			t.Fatal(status, body, err)
		}
	}
	const rounds = 3
	devices := make([]*authenticator.Authenticator, len(users))
	for round := range rounds {
		id := fmt.Appendf(nil, "the credential of round %d", round)
		same := func(s *authenticator.Statement) {
			s.ID = base64.RawURLEncoding.EncodeToString(id)
			s.RawID, s.AttestedID, s.Key.ID = s.ID, id, id
		}
		var registrations [len(users)]in
		for i, v := range users {
			devices[i] = authenticator.New(origin)
			registrations[i] = create(t, devices[i], v.options(t, "register"), same)
		}
		owner := oneOf(t, "one credential of eight accounts", atOnce(len(users), func(i int) answered {
			return post(i, users[i], "/passkey/verify-registration", registrations[i])
		}))
		if n := passkeys(); n != round+1 {
			t.Errorf("there are %d passkeys after %d rounds", n, round+1)
		}

		stranger := visit(t, origin)
		response := use(t, devices[owner], stranger.options(t, "authenticate"))
		before := signIns(t, database)
		oneOf(t, "one answer", atOnce(16, func(i int) answered { return post(i, stranger, "/passkey/verify-authentication", response) }))
		if made := signIns(t, database) - before; made != 1 {
			t.Errorf("one answer signed in %d times", made)
		}
		var winner, signedIn struct{ User struct{ ID string } }
		users[owner].get(t, "/get-session", &winner)
		stranger.get(t, "/get-session", &signedIn)
		if signedIn != winner {
			t.Errorf("the passkey of %v has signed in %v", winner, signedIn)
		}
	}

	// One browser that sends its registration many times.
	response := create(t, authenticator.New(origin), users[0].options(t, "register"))
	oneOf(t, "one registration", atOnce(16, func(i int) answered { return post(i, users[0], "/passkey/verify-registration", response) }))
	if n := passkeys(); n != rounds+1 {
		t.Errorf("there are %d passkeys; want %d", n, rounds+1)
	}
}
