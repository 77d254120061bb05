package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/passhash"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A sharedAddress is an address that several users share.
type sharedAddress struct {
	*testServer
	t       *testing.T
	address string
}

func (s *testServer) sharedAddress(t *testing.T) sharedAddress {
	return sharedAddress{s, t, testkit.NewAddress()}
}

// move moves a browser to the address. The browser keeps its cookies.
func (o sharedAddress) move(b *browser) *browser {
	moved := b.Elsewhere()
	moved.Address = o.address
	return moved
}

// browser returns a browser without cookies at the address.
func (o sharedAddress) browser() *browser { return o.move(o.testServer.browser(o.t)) }

func (o sharedAddress) guess(email string) testkit.Answer {
	return o.browser().Post("/sign-in/email", body{"email": email, "password": "wrong password"})
}

const wrongIs, tooMany = "INVALID_EMAIL_OR_PASSWORD", "TOO_MANY_REQUESTS"

// TestSharedAddressSignIns tests that correct sign-ins do not use up an address's limits,
// whether sequential or parallel, through the API, the form or a passkey. Wrong ones
// among them must still count.
func TestSharedAddressSignIns(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		var people []string
		for i := range 20 {
			people = append(people, fmt.Sprintf("p%d@example.test", i))
			s.signUp(t, people[i])
		}
		s.clock.Freeze()
		o := s.sharedAddress(t)
		for _, email := range people {
			want(t, o.browser().SignIn(email), 200, "")
		}
		for _, email := range people {
			wantSeeOther(t, o.browser().sendRaw("/sign-in", "email="+email+"&password="+testkit.Password), "/dashboard/settings")
		}

		var wg sync.WaitGroup
		answers := make([]testkit.Answer, len(people))
		for i, email := range people {
			b := o.browser()
			wg.Go(func() { answers[i] = b.SignIn(email) })
		}
		wg.Wait()
		for _, a := range answers {
			want(t, a, 200, "")
		}

		// Three wrong sign-ins, with correct ones in between.
		for range 2 {
			want(t, o.guess(ann), 401, wrongIs)
			want(t, o.browser().SignIn(people[0]), 200, "")
		}
		want(t, o.guess(ann), 401, wrongIs)
		want(t, o.browser().SignIn(people[0]), 429, tooMany)
		a := o.guess(ann)
		want(t, a, 429, tooMany)
		if after := a.Header.Get("Retry-After"); after == "" || after == "0" || after != a.Header.Get("X-Retry-After") {
			t.Errorf("429: %v", a.Header)
		}
		s.clock.Advance(10 * time.Second)
		want(t, o.browser().SignIn(people[0]), 200, "")
	})
}

// TestSharedAddressHourlyLimit tests that correct sign-ins do not use up the hourly limit, and
// that wrong ones do.
func TestSharedAddressHourlyLimit(t *testing.T) {
	limited := func(c *server.Config) { c.Accounts.Settings = set(t, "SIGN_IN_HOURLY_LIMIT=10") }
	eachAs(t, limited, func(t *testing.T, s *testServer, _ *account.Service) {
		s.signUp(t, ann)
		s.clock.Freeze()
		o := s.sharedAddress(t)
		for range 12 {
			want(t, o.browser().SignIn(ann), 200, "")
			s.clock.Advance(10 * time.Second)
		}
		for i := range 10 {
			want(t, o.guess(fmt.Sprintf("nobody%d@example.test", i)), 401, wrongIs)
			s.clock.Advance(10 * time.Second)
		}
		want(t, o.guess(ann), 429, tooMany)
		want(t, o.browser().SignIn(ann), 429, tooMany)
		s.clock.Advance(time.Hour)
		want(t, o.browser().SignIn(ann), 200, "")
	})
}

// TestSharedAddressSecondFactors tests that correct codes, passkeys and step-ups do not use
// up an address's limits, and that wrong ones among them do.
func TestSharedAddressSecondFactors(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, backupCodes := owner.enroll()
		_, device := s.signUpWithPasskey(t, "bob@example.test")
		s.clock.Advance(time.Hour)
		o := s.sharedAddress(t)

		// A TOTP code works only once, so the clock has to move. Each of the five codes
		// then has its own window, unless the window is longer than all five together.
		for range 5 {
			b := o.browser()
			want(t, b.SignIn(ann), 403, "TWO_FACTOR_REQUIRED")
			want(t, b.Post("/two-factor/verify-totp", body{"code": nextCode(app)}), 200, "")
		}
		s.clock.Freeze()
		for i := range 5 {
			b := o.browser()
			want(t, b.SignIn(ann), 403, "TWO_FACTOR_REQUIRED")
			want(t, b.Post("/two-factor/verify-backup-code", body{"code": backupCodes[i]}), 200, "")
		}
		for i := range 4 { // the forms of both pages count toward the endpoints
			b := o.browser()
			wantSeeOther(t, b.sendRaw("/sign-in", "email="+ann+"&password="+testkit.Password), "/two-factor")
			wantSeeOther(t, b.sendRaw("/two-factor", "backupCode="+backupCodes[5+i]), "/dashboard/settings")
		}
		for range 5 {
			b := o.browser()
			want(t, b.sendFrom(getResponse(t, device, b.authenticateOptions())), 200, "")
		}
		stepper := o.move(s.signIn(t, "bob@example.test"))
		for range 5 {
			want(t, stepper.Post("/step-up", body{"password": testkit.Password}), 200, "")
		}

		// Wrong codes.
		b := o.browser()
		want(t, b.SignIn(ann), 403, "TWO_FACTOR_REQUIRED")
		for range 3 {
			want(t, b.Post("/two-factor/verify-totp", body{"code": s.apps.Wrong()}), 401, "INVALID_CODE")
		}
		want(t, b.Post("/two-factor/verify-totp", body{"code": s.apps.Wrong()}), 429, tooMany)
		for range 3 {
			want(t, stepper.Post("/step-up", body{"password": "wrong password"}), 400, "INVALID_PASSWORD")
		}
		want(t, stepper.Post("/step-up", body{"password": testkit.Password}), 429, tooMany)
	})
}

// sendFrom is [browser.sendAuthentication] from the browser's own address.
func (b *browser) sendFrom(response json.RawMessage) testkit.Answer {
	b.t.Helper()
	return b.Post("/passkey/verify-authentication", body{"response": response})
}

// TestOwnAccountGivesNoGuesses tests that attackers gain no more guesses by signing in to their
// own account: neither sequential nor parallel guesses, nor guesses spread over many
// accounts.
func TestOwnAccountGivesNoGuesses(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		s.signUp(t, "mallory@example.test")
		s.clock.Freeze()
		o := s.sharedAddress(t)
		for i := range 12 { // alternately their own account and a wrong guess
			if i%2 == 0 {
				o.browser().SignIn("mallory@example.test")
			} else {
				o.guess(ann)
			}
		}
		if n := s.events(t, shared.EventSignInFailed); n != 3 {
			t.Errorf("%d guesses were checked between sign-ins; want 3", n)
		}

		s.clock.Advance(10 * time.Second)
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for i := range 60 {
			wg.Go(func() {
				if i%3 == 0 {
					o.browser().SignIn("mallory@example.test")
					return
				}
				a := o.guess(fmt.Sprintf("victim%d@example.test", i))
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
			})
		}
		wg.Wait()
		if statuses[401] > 3 || statuses[401]+statuses[429] != 40 {
			t.Errorf("40 guesses at once at as many accounts: %v; want at most 3 of them 401, the rest 429", statuses)
		}

		// The correct sign-ins left nothing in the counters.
		s.clock.Advance(time.Hour)
		for range 3 {
			want(t, o.guess("bob@example.test"), 401, wrongIs)
		}
		want(t, o.guess("bob@example.test"), 429, tooMany)
	})
}

// TestCorrectPasswordRefused tests that a correct password does not use up an address's limits
// if the sign-in fails for another reason.
func TestCorrectPasswordRefused(t *testing.T) {
	verifying := func(c *server.Config) { c.Accounts.Settings = set(t, "VERIFY_EMAIL=required") }
	eachAs(t, verifying, func(t *testing.T, s *testServer, _ *account.Service) {
		s.signUp(t, ann)
		s.clock.Freeze()
		o := s.sharedAddress(t)
		for range 5 {
			want(t, o.browser().SignIn(ann), 403, "EMAIL_NOT_VERIFIED")
		}
		for range 3 {
			want(t, o.guess(ann), 401, wrongIs)
		}
		want(t, o.guess(ann), 429, tooMany)
	})
}

// TestUncheckedGuess tests that a guess that the server is too busy to hash does not use
// up an address's limits.
func TestUncheckedGuess(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		s.clock.Freeze()
		o := s.sharedAddress(t)
		hasher := s.accounts.Hasher
		s.accounts.Hasher = passhash.New(passhash.Cost{Memory: 64, Time: 1, Threads: 1}, -1)
		for range 5 {
			want(t, o.browser().SignIn(ann), 503, "SERVICE_UNAVAILABLE")
			a := o.browser().sendRaw("/sign-in", "email="+ann+"&password="+testkit.Password)
			wantRedisplayed(t, a, 503, "", en.T(message.ErrServiceUnavailable))
		}
		s.accounts.Hasher = hasher
		for range 3 {
			want(t, o.guess(ann), 401, wrongIs)
		}
		want(t, o.guess(ann), 429, tooMany)
	})
}

// A limitedStore reports guesses that it has not admitted.
type limitedStore struct {
	account.Store
	refused chan struct{} // receives a value after a refusal, unless it holds one
}

func (s limitedStore) ReserveRateLimit(
	ctx context.Context, key []byte, max int, now, expires time.Time,
) (account.RateLimitWindow, bool, error) {
	w, admitted, err := s.Store.ReserveRateLimit(ctx, key, max, now, expires)
	if err == nil && !admitted {
		select {
		case s.refused <- struct{}{}:
		default:
		}
	}
	return w, admitted, err
}

// TestSharedAddressReplicas tests that guesses from one address at two replicas wait for each
// other. A correct one at one replica must make room at the other.
func TestSharedAddressReplicas(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		var clock testkit.Clock // of both: the window of one replica must not end by the clock of the other
		clock.Freeze()
		refused := make(chan struct{}, 1)
		var replicas []*testServer
		for range 2 {
			replicas = append(replicas, open(t, storetest.Open(t, url), func(c *server.Config) {
				c.Accounts.Now, c.Accounts.Store = clock.Now, limitedStore{c.Accounts.Store, refused}
			}))
		}
		// Three guesses at one replica are not checked yet, so the sign-in at the other
		// waits.
		replicas[0].signUp(t, ann)
		b := replicas[1].browser(t)
		limit := account.RateLimit{Name: "address", Max: 3, Window: 10 * time.Second}
		var pending []account.Guess
		for range limit.Max {
			g, _, err := replicas[0].accounts.ReserveGuess(t.Context(), limit, b.Address+" /api/auth/sign-in/email")
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, g)
		}
		waiting := make(chan testkit.Answer, 1)
		go func() { waiting <- b.SignIn(ann) }()
		select {
		case <-refused: // the sign-in has arrived
		case a := <-waiting:
			t.Fatalf("the sign-in does not wait: %v", a)
		}
		wantAlive(t, b, false, "who waits")
		for i, g := range pending {
			if err := replicas[0].accounts.SettleGuess(t.Context(), g, i > 0); err != nil {
				t.Fatal(err)
			}
		}
		want(t, <-waiting, 200, "")

		for i := range 10 {
			replicas[0].signUp(t, fmt.Sprintf("p%d@example.test", i))
		}
		address := testkit.NewAddress()
		var wg sync.WaitGroup
		answers := make([]testkit.Answer, 10)
		for i := range answers {
			b := replicas[i%2].browser(t)
			b.Address = address
			wg.Go(func() { answers[i] = b.SignIn(fmt.Sprintf("p%d@example.test", i)) })
		}
		wg.Wait()
		for _, a := range answers {
			want(t, a, 200, "")
		}
	})
}

// TestCorrectSignInsAreLimited tests that an address can make a hundred sign-ins in ten
// seconds, correct or not: the limit of other calls.
func TestCorrectSignInsAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.signUp(t, ann)
		s.clock.Freeze()
		o := s.sharedAddress(t)
		for range 100 {
			want(t, o.browser().SignIn(ann), 200, "")
		}
		want(t, o.browser().SignIn(ann), 429, tooMany)
	})
}

// TestLimitsAreSettings tests that the limits of an address are settings, and that
// changes take effect at once.
func TestLimitsAreSettings(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		admin := s.admin(t, ann)
		for key, preset := range map[string]string{
			"SIGN_IN_LIMIT": "3", "SIGN_IN_HOURLY_LIMIT": "100", "SIGN_UP_HOURLY_LIMIT": "20", "EMAIL_HOURLY_LIMIT": "10",
		} {
			k := admin.setting(key)
			if k.Type != "int" || k.Group != en.T(message.RateLimits) || value(k) != preset || k.Description == "" || k.Source != "default" {
				t.Errorf("%s: %+v; want %s", key, k, preset)
			}
			for _, bad := range []string{"0", "-1", "1000000", "many"} {
				want(t, admin.put(body{"key": key, "value": bad}), 400, "INVALID_SETTING")
			}
		}
		set := func(key, value string) {
			t.Helper()
			want(t, admin.put(body{"key": key, "value": value}), 200, "")
		}
		s.clock.Freeze()
		passes := func(what string, n int, call func() testkit.Answer) {
			t.Helper()
			for i := range n + 1 {
				if a := call(); a.Err != nil || (a.Status == 429) != (i == n) {
					t.Fatalf("%s: call %d of %d: %v", what, i+1, n, a)
				}
			}
		}
		o := s.sharedAddress(t)
		set("SIGN_IN_LIMIT", "5")
		passes("sign-in", 5, func() testkit.Answer { return o.guess("bob@example.test") })
		set("SIGN_IN_LIMIT", "6")
		passes("sign-in once the setting is larger", 1, func() testkit.Answer { return o.guess("bob@example.test") })

		patient := func(wait time.Duration, call func() testkit.Answer) func() testkit.Answer {
			return func() testkit.Answer {
				s.clock.Advance(wait)
				return call()
			}
		}
		o = s.sharedAddress(t)
		set("SIGN_IN_HOURLY_LIMIT", "12")
		guess := func() testkit.Answer { return o.guess(testkit.NewAddress() + "@example.test") }
		passes("sign-in in an hour", 12, patient(10*time.Second, guess))
		set("SIGN_UP_HOURLY_LIMIT", "4")
		passes("sign-up in an hour", 4, patient(10*time.Second, func() testkit.Answer { return o.browser().Post("/sign-up/email", body{}) }))
		set("EMAIL_HOURLY_LIMIT", "4")
		passes("emails in an hour", 4, patient(time.Minute, func() testkit.Answer {
			return o.browser().Post("/request-password-reset", body{"email": testkit.NewAddress() + "@example.test"}) // one address gets at most 3
		}))
	})
}
