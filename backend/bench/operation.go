package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared"
)

// An operation is one kind of call that is measured.
type operation struct {
	name    string
	perUser int // sessions that each user of the database has
	clients []int
	// prepare returns the calls to measure, after sending what must precede them.
	prepare func(side, []account) ([]call, error)
	// once says that each call can be sent only once. Refused calls are counted, because a
	// server may refuse what it has no time for.
	once bool
}

var allClients = []int{1, 16, 64}

const (
	readers   = 500 // sessions to use: enough to defeat any cache, few enough for the warm-up
	signers   = 100 // users who sign in with a password
	enrollees = 48  // users who enable two-factor authentication at once
)

// enableAtOnce is the operation whose calls are sent all at once.
var enableAtOnce = operation{"two-factor/enable", 10, []int{enrollees}, enableTwoFactor, true}

// operations are in the order of the table.
var operations = []operation{
	getSessionOperation,
	{"list-sessions of 1", 1, allClients, read(shared.ListSessions.Path), false},
	{"list-sessions of 10", 10, allClients, read(shared.ListSessions.Path), false},
	{"list-sessions of 100", 100, allClients, read(shared.ListSessions.Path), false},
	{"update-user", 10, allClients, updateUser, false},
	{"revoke-session", 100, allClients, revokeSession, true},
	signInOperation,
	{"two-factor sign-in", 10, allClients, twoFactorSignIn, false},
	enableAtOnce,
}

var (
	getSessionOperation = operation{"get-session", 10, allClients, read(shared.GetSession.Path), false}
	signInOperation     = operation{"sign-in", 10, allClients, signIn, false}
)

// users returns n of the accounts that are of different users, without the first skip.
func users(accounts []account, skip, n int) ([]account, error) {
	seen := make(map[string]bool)
	var some []account
	for _, a := range accounts {
		if seen[a.email] {
			continue
		}
		if seen[a.email] = true; len(seen) > skip {
			some = append(some, a)
		}
		if len(some) == n {
			return some, nil
		}
	}
	return some, fmt.Errorf("the database has only %d users: increase -sessions", len(seen))
}

// send returns the call that sends one request.
func send(request []byte) call { return func(c *client) error { return c.send(request) } }

// warmed sends each call once, and then goes on for a while. The server records the activity
// of a session once a minute, so nearly all measured calls do without that write. And Node.js
// has compiled what it runs often.
func warmed(s side, calls []call) ([]call, error) {
	if err := each(s.address, len(calls), func(i int, c *client) error { return calls[i](c) }); err != nil {
		return nil, err
	}
	_, err := load(context.Background(), s.address, calls, plan{clients: 16, limit: lineTime() / 2})
	return calls, err
}

// read prepares an operation that only reads.
func read(path string) func(side, []account) ([]call, error) {
	return func(s side, accounts []account) ([]call, error) {
		var calls []call
		for _, a := range lasting(s, accounts) {
			calls = append(calls, send(s.get(path, a.cookie)))
		}
		return warmed(s, calls)
	}
}

// lasting returns accounts of different users whose sessions no operation ends. Enabling two-factor
// authentication revokes the other sessions of a user, and revoke-session all but the first of each.
func lasting(s side, accounts []account) []account {
	all, _ := users(accounts, 0, len(accounts))
	if ended := signers + enrollees + twoFactorUsers(s); len(all) > ended {
		all = all[ended:]
	}
	return all[:min(readers, len(all))]
}

func updateUser(s side, accounts []account) ([]call, error) {
	var calls []call
	for _, a := range lasting(s, accounts) {
		calls = append(calls, send(s.post(shared.UpdateUser.Path, a.cookie, map[string]string{"name": "Ann"})))
	}
	return warmed(s, calls)
}

// revokeSession prepares calls that revoke all sessions except one of each user. Successive
// calls are of different users.
func revokeSession(s side, accounts []account) ([]call, error) {
	accounts, _ = users(accounts, 0, len(accounts)) // all
	byUser := make([][]call, len(accounts))
	err := each(s.address, len(accounts), func(i int, c *client) error {
		cookie := accounts[i].cookie
		a, err := c.ask(s.get(shared.ListSessions.Path, cookie))
		if err != nil {
			return err
		}
		var all []struct {
			Token     string
			IsCurrent bool
		}
		if err := json.Unmarshal(a.body, &all); err != nil {
			return err
		}
		for _, one := range all {
			if !one.IsCurrent && !strings.Contains(cookie, one.Token) { // Better Auth's token is the secret
				byUser[i] = append(byUser[i], send(s.post(shared.RevokeSession.Path, cookie, shared.SessionHandle{Token: one.Token})))
			}
		}
		return nil
	})
	var calls []call
	for n, more := 0, true; more; n++ {
		more = false
		for _, of := range byUser {
			if n < len(of) {
				calls, more = append(calls, of[n]), true
			}
		}
	}
	return calls, err
}

// signIn prepares sign-ins from browsers that have signed in before.
func signIn(s side, accounts []account) ([]call, error) {
	some, err := users(accounts, 0, signers)
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(some))
	return calls, each(s.address, len(some), func(i int, c *client) error {
		browser, err := s.signIn(c, some[i].email)
		calls[i] = send(s.signInRequest(some[i].email, browser))
		return err
	})
}

func (s side) signInRequest(email string, browser jar) []byte {
	return s.post(shared.SignIn.Path, browser.header(), shared.Credentials{Email: email, Password: password})
}

// The ends of the names of cookies.
const (
	sessionCookie = "session_token"
	pendingCookie = "two_factor"
)

// signIn signs in from a new browser, and returns what it keeps besides the session.
func (s side) signIn(c *client, email string) (jar, error) {
	browser := jar{}
	a, err := c.ask(s.signInRequest(email, browser))
	browser.store(a, sessionCookie)
	return browser, err
}

// twoFactorUsers returns how many users sign in with two factors. Where each code works only
// once, each user can sign in at most twice before the next code, and hardly more than a
// hundred users can sign in a second.
func twoFactorUsers(s side) int {
	if s.product.spendsCodes() {
		return signers + int(*seconds*float64(len(allClients))*signers/2)
	}
	return signers
}

// twoFactorSignIn prepares sign-ins in two steps, from browsers that have signed in before.
func twoFactorSignIn(s side, accounts []account) ([]call, error) {
	some, err := users(accounts, signers+enrollees, twoFactorUsers(s))
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(some))
	return calls, each(s.address, len(some), func(i int, c *client) error {
		email := some[i].email
		browser, err := s.signIn(c, email)
		if err != nil {
			return err
		}
		app, err := s.enroll(c, some[i])
		calls[i] = func(c *client) error { return s.signInWithCode(c, email, browser, app) }
		return err
	})
}

// enroll turns two-factor authentication on.
func (s side) enroll(c *client, of account) (*testkit.AuthenticatorApp, error) {
	a, err := c.ask(s.post(shared.EnableTwoFactor.Path, of.cookie, shared.Enrollment{Password: password}))
	if err != nil {
		return nil, err
	}
	var started shared.EnrollmentStarted
	if err := json.Unmarshal(a.body, &started); err != nil {
		return nil, err
	}
	app, err := testkit.Scan(started.TOTPURI)
	if err != nil {
		return nil, err
	}
	// Instead of waiting for the next code, send one that is too early. The server refuses
	// it, which fails the measurement.
	app.Wait = func(time.Duration) {}
	_, err = c.ask(s.post(shared.VerifyTOTP.Path, of.cookie, shared.Code{Code: app.Next()}))
	return app, err
}

// signInWithCode signs in with a password and then a code.
func (s side) signInWithCode(c *client, email string, browser jar, app *testkit.AuthenticatorApp) error {
	a, err := c.ask(s.signInRequest(email, browser), http.StatusForbidden)
	if err != nil {
		return err
	}
	pending := jar{}
	pending.store(a, sessionCookie)
	cookie := pending.header()
	if !strings.Contains(cookie, pendingCookie) {
		return errors.New("the sign-in does not ask for a second factor")
	}
	if known := browser.header(); known != "" {
		cookie += "; " + known
	}
	code := app.Code(0)
	if s.product.spendsCodes() {
		code = app.Next()
	}
	return c.send(s.post(shared.VerifyTOTP.Path, cookie, shared.Code{Code: code}))
}

func enableTwoFactor(s side, accounts []account) ([]call, error) {
	some, err := users(accounts, signers, enrollees)
	if err != nil {
		return nil, err
	}
	var calls []call
	for _, a := range some {
		calls = append(calls, send(s.post(shared.EnableTwoFactor.Path, a.cookie, shared.Enrollment{Password: password})))
	}
	return calls, nil
}
