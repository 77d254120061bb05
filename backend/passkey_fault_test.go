package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// beginCeremony begins the registration of a passkey, or a sign-in with one if kind is
// "authenticate", and returns the options.
func beginCeremony(t *testing.T, c *testkit.Client, kind string) (options json.RawMessage) {
	t.Helper()
	c.Elsewhere().Get("/passkey/generate-"+kind+"-options").Into(t, &options)
	return options
}

// create makes a device create a passkey, and returns the body that registers it.
func create(t *testing.T, device *authenticator.Authenticator, options []byte, changes ...func(*authenticator.Statement)) body {
	t.Helper()
	response, err := device.Create(options, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return body{"response": response}
}

// use makes a device use a passkey, and returns the body that signs in with it.
func use(t *testing.T, device *authenticator.Authenticator, options []byte) body {
	t.Helper()
	response, err := device.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	return body{"response": response}
}

// TestPasskeyRestart tests that a user can complete a ceremony after the server was
// stopped or killed and started again.
func TestPasskeyRestart(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		ann := p.Client()
		ann.SignUp("ann@example.test").Must(t, 200, "")
		for how, end := range map[string]func(){"stopped": p.Stop, "killed": p.Kill} {
			device, stranger := authenticator.New(p.Origin), p.Client()
			toRegister := beginCeremony(t, ann, "register")
			end()
			p.Start()
			if a := post(ann, "/passkey/verify-registration", create(t, device, toRegister)); !a.Is(200, "") {
				t.Errorf("%s, a registration: %s", how, a)
			}

			toSignIn := beginCeremony(t, stranger, "authenticate")
			end()
			p.Start()
			if a := post(stranger, "/passkey/verify-authentication", use(t, device, toSignIn)); !a.Is(200, "") {
				t.Errorf("%s, a sign-in: %s", how, a)
			}
			if !stranger.SignedIn(t) {
				t.Errorf("%s: not signed in", how)
			}
		}
	})
}

// TestPasskeyDuringPasswordGuessing tests an account whose password an attacker guesses until the
// server accepts no password. The session of the owner continues, and the owner can sign
// in with a passkey.
func TestPasskeyDuringPasswordGuessing(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		owner, device := p.Client(), authenticator.New(p.Origin)
		owner.SignUp("ann@example.test").Must(t, 200, "")
		post(owner, "/passkey/verify-registration", create(t, device, beginCeremony(t, owner, "register"))).Want(t, 200, "")
		throttled := false
		for range 15 {
			a := signIn(p.Client(), "ann@example.test", "a wrong password")
			if !a.Is(401, "") && !a.Is(429, "") {
				t.Fatal("a wrong password: ", a)
			}
			throttled = throttled || a.Status == 429
		}
		if !throttled {
			t.Fatal("the server takes 15 wrong passwords in a row")
		}
		if a := p.Client().SignIn("ann@example.test"); !a.Is(429, "") {
			t.Fatalf("the right password after too many wrong ones: %s; want 429", a)
		}
		if !owner.SignedIn(t) {
			t.Error("the session of the owner ended")
		}
		elsewhere := p.Client()
		post(elsewhere, "/passkey/verify-authentication", use(t, device, beginCeremony(t, elsewhere, "authenticate"))).Want(t, 200, "")
	})
}

// TestPasskeysAtOnce tests concurrent requests on one server and on two. If several users
// register the same credential, one of them succeeds. If a browser sends the same response
// several times, one request signs in.
func TestPasskeysAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		testPasskeysAtOnce(t, database, startCrowded(t, "-database", database))
	})
	t.Run("two servers", func(t *testing.T) {
		t.Parallel()
		database := storetest.Postgres(t)
		flags := []string{"-database", database, "-key-file", filepath.Join(t.TempDir(), "keys")}
		first := startCrowded(t, flags...)
		// Both have the same origin. Otherwise a passkey would work at one of them only.
		testPasskeysAtOnce(t, database, first, startCrowded(t, append(flags, "-origin", first.Origin)...))
	})
}

func testPasskeysAtOnce(t *testing.T, database string, servers ...*testkit.Program) {
	origin := servers[0].Origin
	host := strings.TrimPrefix(origin, "http://")
	// postTo is [post] to one of the servers, as through a reverse proxy in front of them.
	postTo := func(i int, c *testkit.Client, path string, in any) testkit.Answer {
		return unlessBusy(func() testkit.Answer {
			return c.At(servers[i%len(servers)].Origin).Post(path, in, "Host: "+host, "Origin: "+origin)
		})
	}
	passkeys := func() int { return strings.Count("\n"+storetest.Dump(t, database), "\npasskeys ") }

	var users [8]*testkit.Client
	for i := range users {
		users[i] = testkit.NewClient(origin)
		users[i].SignUp(fmt.Sprintf("user%d@example.test", i)).Must(t, 200, "")
	}
	const rounds = 3
	devices := make([]*authenticator.Authenticator, len(users))
	for round := range rounds {
		id := fmt.Appendf(nil, "the credential of round %d", round)
		same := func(s *authenticator.Statement) {
			s.ID = base64.RawURLEncoding.EncodeToString(id)
			s.RawID, s.AttestedID, s.Key.ID = s.ID, id, id
		}
		var registrations [len(users)]body
		for i, c := range users {
			devices[i] = authenticator.New(origin)
			registrations[i] = create(t, devices[i], beginCeremony(t, c, "register"), same)
		}
		owner := testkit.OnlySuccess(t, "one credential of eight accounts", testkit.AtOnce(len(users), func(i int) testkit.Answer {
			return postTo(i, users[i], "/passkey/verify-registration", registrations[i])
		}))
		if n := passkeys(); n != round+1 {
			t.Errorf("there are %d passkeys after round %d; want %d", n, round, round+1)
		}

		stranger := testkit.NewClient(origin)
		response := use(t, devices[owner], beginCeremony(t, stranger, "authenticate"))
		before := countSignIns(t, database)
		testkit.OnlySuccess(t, "one answer", testkit.AtOnce(16, func(i int) testkit.Answer {
			return postTo(i, stranger, "/passkey/verify-authentication", response)
		}))
		if n := countSignIns(t, database) - before; n != 1 {
			t.Errorf("one answer signed in %d times", n)
		}
		want, got := users[owner].Session().Get("user.id"), stranger.Session().Get("user.id")
		if want == nil || got != want {
			t.Errorf("the passkey of %v has signed in %v", want, got)
		}
	}

	// One browser sends one registration many times.
	response := create(t, authenticator.New(origin), beginCeremony(t, users[0], "register"))
	testkit.OnlySuccess(t, "one registration", testkit.AtOnce(16, func(i int) testkit.Answer {
		return postTo(i, users[0], "/passkey/verify-registration", response)
	}))
	if n := passkeys(); n != rounds+1 {
		t.Errorf("there are %d passkeys; want %d", n, rounds+1)
	}
}
