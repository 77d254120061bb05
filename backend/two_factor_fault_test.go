package main_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/mail"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// A twoFactorUser is a signed-in user with two-factor authentication.
type twoFactorUser struct {
	*testkit.Client
	id, email string
	app       *testkit.AuthenticatorApp
	codes     []string // backup codes
}

// newTwoFactorUser creates an account with two-factor authentication.
func newTwoFactorUser(t *testing.T, c *testkit.Client, email string) *twoFactorUser {
	t.Helper()
	a := c.SignUp(email).Must(t, 200, "")
	u := &twoFactorUser{Client: c, id: fmt.Sprint(a.Get("user.id")), email: email}
	u.app, u.codes = enable(t, c, false)
	u.prove(t)
	return u
}

// enable starts the enrollment of an authenticator, which counts once the server gets a
// code of it. For the first authenticator of an account, enable also returns backup
// codes.
func enable(t *testing.T, c *testkit.Client, replace bool) (app *testkit.AuthenticatorApp, backupCodes []string) {
	t.Helper()
	a := post(c, "/two-factor/enable", body{"password": testkit.Password, "replace": replace})
	return a.Scan(t), a.Strings("backupCodes")
}

// prove sends the first code of a new authenticator, which completes its enrollment.
func (u *twoFactorUser) prove(t *testing.T) {
	t.Helper()
	post(u.Client, "/two-factor/verify-totp", body{"code": u.app.Next()}).Must(t, 200, "")
}

// replaceApp replaces the authenticator.
func (u *twoFactorUser) replaceApp(t *testing.T) {
	t.Helper()
	u.app, _ = enable(t, u.Client, true)
	u.prove(t)
}

// sendPassword signs in with the user's email address and password from a browser.
func (u *twoFactorUser) sendPassword(c *testkit.Client) testkit.Answer {
	return post(c, "/sign-in/email", body{"email": u.email, "password": testkit.Password})
}

// newPendingSignIn sends the password from a new browser, which then needs a second
// factor.
func (u *twoFactorUser) newPendingSignIn(t *testing.T, p *testkit.Program) *testkit.Client {
	t.Helper()
	return u.pendingSignIn(t, p.Client())
}

// pendingSignIn is [twoFactorUser.newPendingSignIn] from a given browser.
func (u *twoFactorUser) pendingSignIn(t *testing.T, c *testkit.Client) *testkit.Client {
	t.Helper()
	u.sendPassword(c).Must(t, 403, "TWO_FACTOR_REQUIRED")
	return c
}

// sessions returns the number of the user's sessions.
func (u *twoFactorUser) sessions(t *testing.T) int {
	t.Helper()
	var list []struct{}
	u.Elsewhere().Get("/list-sessions").Into(t, &list)
	return len(list)
}

// codesLeft returns the number of unused backup codes.
func (u *twoFactorUser) codesLeft(t *testing.T) int {
	t.Helper()
	var status struct{ BackupCodesLeft int }
	u.Elsewhere().Get("/two-factor/status").Into(t, &status)
	return status.BackupCodesLeft
}

// copies returns n browsers with copies of the cookies of c, distributed over the servers
// of a database.
func copies(c *testkit.Client, n int, servers []*testkit.Program) []*testkit.Client {
	all := make([]*testkit.Client, n)
	for i := range all {
		all[i] = c.Copy().At(servers[i%len(servers)].Origin)
	}
	return all
}

// TestTwoFactorAtOnce tests concurrent requests on one server and on two. If several
// browsers use the same code or pending sign-in, one of them succeeds. The server counts
// every guess. After a revocation, the server accepts no revoked session or device.
func TestTwoFactorAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		testAtOnce(t, database, startCrowded(t, "-database", database))
	})
	t.Run("two servers", func(t *testing.T) {
		t.Parallel()
		database := storetest.Postgres(t)
		flags := []string{"-database", database, "-key-file", filepath.Join(t.TempDir(), "keys")}
		testAtOnce(t, database, startCrowded(t, flags...), startCrowded(t, flags...))
	})
}

func testAtOnce(t *testing.T, database string, servers ...*testkit.Program) {
	server := func(i int) *testkit.Program { return servers[i%len(servers)] }
	ann := newTwoFactorUser(t, server(0).Client(), "ann@example.test")
	db := storetest.Open(t, database)
	unlock := func() { // as if the lockout had expired
		t.Helper()
		if err := db.LiftLockout(t.Context(), ann.id); err != nil {
			t.Fatal(err)
		}
	}
	const n = 16
	// openOne makes n calls, of which exactly one must start a session. The others are too
	// late, but they are not guesses and must not lock the account out.
	openOne := func(what string, call func(i int) testkit.Answer) (winner int) {
		t.Helper()
		before := ann.sessions(t)
		winner = testkit.OnlySuccess(t, what, testkit.AtOnce(n, call))
		if opened := ann.sessions(t) - before; opened != 1 {
			t.Errorf("%s: %d sessions were opened; want 1", what, opened)
		}
		return winner
	}

	// Many pending sign-ins use one code.
	var browsers [n]*testkit.Client
	for i := range browsers {
		browsers[i] = ann.newPendingSignIn(t, server(i))
	}
	for _, code := range []struct{ what, path, code string }{
		{"one code of the authenticator", "/two-factor/verify-totp", ann.app.Next()},
		{"another code of the authenticator", "/two-factor/verify-totp", ann.app.Next()},
		{"one backup code", "/two-factor/verify-backup-code", ann.codes[0]},
	} {
		winner := openOne(code.what, func(i int) testkit.Answer { return post(browsers[i], code.path, body{"code": code.code}) })
		if !browsers[winner].SignedIn(t) {
			t.Errorf("%s: the browser that got the 200 is not signed in", code.what)
		}
		browsers[winner] = ann.newPendingSignIn(t, server(winner))
	}

	// Many pending sign-ins use wrong codes, which count together.
	wrong := testkit.Wrong(ann.app)
	checked := 0
	for _, a := range testkit.AtOnce(n, func(i int) testkit.Answer {
		return post(browsers[i], "/two-factor/verify-totp", body{"code": wrong})
	}) {
		switch {
		case a.Is(401, "INVALID_CODE"):
			checked++
		case !a.Is(429, "ACCOUNT_TEMPORARILY_LOCKED"):
			t.Error("a wrong code: ", a)
		}
	}
	if checked != 10 {
		t.Errorf("the server checked %d wrong codes in a row; want 10", checked)
	}
	for i := range servers { // a correct code does not help during the lockout
		post(ann.newPendingSignIn(t, server(i)), "/two-factor/verify-backup-code", body{"code": ann.codes[1]}).
			Want(t, 429, "ACCOUNT_TEMPORARILY_LOCKED")
	}
	if lockouts := strings.Count(storetest.Dump(t, database), " codes-locked "); lockouts != 1 {
		t.Errorf("the log has %d entries about a lockout; want 1", lockouts)
	}
	unlock()

	// One pending sign-in uses several codes.
	same := copies(ann.newPendingSignIn(t, server(0)), n, servers)
	openOne("one pending sign-in, several codes", func(i int) testkit.Answer {
		return post(same[i], "/two-factor/verify-backup-code", body{"code": ann.codes[1+i%5]})
	})
	if left := ann.codesLeft(t); left != 8 {
		t.Errorf("%d backup codes are left after two sign-ins; want 8", left)
	}

	// One enrollment: from then on, the browser that succeeds has the session.
	ann.replaceAppAtOnce(t, n, servers)

	for _, code := range []struct{ path, code string }{
		{"/two-factor/verify-totp", ann.app.Next()},
		{"/two-factor/verify-backup-code", ann.codes[9]},
	} {
		same := copies(ann.newPendingSignIn(t, server(0)), n, servers)
		openOne("one pending sign-in, one code", func(i int) testkit.Answer { return post(same[i], code.path, body{"code": code.code}) })
	}

	testRevoked(t, ann, servers)
}

// replaceAppAtOnce replaces the authenticator. n copies of the user's browser send its
// first code at once, and the user continues with the one that succeeds.
func (u *twoFactorUser) replaceAppAtOnce(t *testing.T, n int, servers []*testkit.Program) {
	t.Helper()
	u.app, _ = enable(t, u.Client, true)
	first := u.app.Current()
	same := copies(u.Client, n, servers)
	u.Client = same[testkit.OnlySuccess(t, "the first code of an authenticator", testkit.AtOnce(n, func(i int) testkit.Answer {
		return post(same[i], "/two-factor/verify-totp", body{"code": first})
	}))]
}

// testRevoked tests that no server accepts a session or a trusted device once a server has
// confirmed its revocation.
func testRevoked(t *testing.T, ann *twoFactorUser, servers []*testkit.Program) {
	t.Helper()
	server := func(i int) *testkit.Program { return servers[i%len(servers)] }
	var trusted []struct{ ID string }
	browsers := make([]*testkit.Client, 3)
	for i := range browsers {
		browsers[i] = ann.newPendingSignIn(t, server(i))
		post(browsers[i], "/two-factor/verify-backup-code", body{"code": ann.codes[6+i], "trustDevice": true}).Want(t, 200, "")
		if i == 0 {
			ann.Elsewhere().Get("/list-trusted-devices").Into(t, &trusted)
		}
	}
	if len(trusted) != 1 {
		t.Fatalf("one browser is trusted, but the list is %v", trusted)
	}
	for _, p := range servers {
		ann.sendPassword(browsers[0].At(p.Origin)).Want(t, 200, "")
	}
	post(ann.Client, "/revoke-trusted-device", body{"id": trusted[0].ID}).Want(t, 200, "")
	for _, p := range servers {
		ann.sendPassword(browsers[0].At(p.Origin)).Want(t, 403, "TWO_FACTOR_REQUIRED")
	}
	browsers = browsers[1:]
	inSession := copies(browsers[0], 4, servers)
	revokeInUse(t, ann, "/revoke-other-sessions", len(inSession), func(loop int) (accepted bool) {
		a := inSession[loop].Elsewhere().Session()
		if !a.Is(200, "") {
			t.Error("a session in use: ", a)
		}
		return a.Body != "null"
	})
	revokeInUse(t, ann, "/revoke-trusted-devices", len(browsers), func(loop int) (accepted bool) {
		a := ann.sendPassword(browsers[loop].At(server(loop).Origin))
		if !a.Is(200, "") && !a.Is(403, "TWO_FACTOR_REQUIRED") {
			t.Error("a sign-in of a browser that is or was trusted: ", a)
		}
		return a.Status == 200
	})
}

// revokeInUse sends a revocation while n loops use the revoked objects. It tests that no
// use succeeds that began after the answer.
func revokeInUse(t *testing.T, owner *twoFactorUser, path string, n int, use func(loop int) (accepted bool)) {
	t.Helper()
	var revoked atomic.Bool
	var loops, begun sync.WaitGroup
	begun.Add(n)
	for loop := range n {
		loops.Go(func() {
			if !use(loop) {
				t.Errorf("%s: the server refuses a use before it", path)
			}
			begun.Done()
			for late := false; !late; {
				late = revoked.Load()
				if use(loop) && late {
					t.Errorf("%s: a use that began after the answer succeeded", path)
				}
			}
		})
	}
	begun.Wait()
	post(owner.Client, path, body{}).Want(t, 200, "")
	revoked.Store(true)
	loops.Wait()
}

// TestTwoFactorRepeatedCodeIsNoGuess tests that a user who sends the first code of an
// authenticator several times at once is not locked out.
func TestTwoFactorRepeatedCodeIsNoGuess(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startCrowded(t, "-database", database)
		ann := newTwoFactorUser(t, p.Client(), "ann@example.test")
		for range 3 {
			ann.replaceAppAtOnce(t, 32, []*testkit.Program{p})
			post(ann.Client, "/two-factor/verify-totp", body{"code": ann.app.Next()}).Want(t, 200, "")
		}
	})
}

// TestTwoFactorKilled tests a server that is killed while users sign in with backup
// codes. Each code is either unused, or used with its session, log entry and email. A
// code is used if the server has answered so.
func TestTwoFactorKilled(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		ann := newTwoFactorUser(t, p.Client(), "ann@example.test")
		uses := make([]struct {
			browser *testkit.Client
			answer  testkit.Answer // zero if the code was not sent
		}, len(ann.codes))
		for i := range uses {
			uses[i].browser = ann.newPendingSignIn(t, p)
		}

		const loops = 3
		var spending sync.WaitGroup
		spent := make(chan struct{}, len(uses))
		for loop := range loops {
			spending.Go(func() {
				for i := loop; i < len(uses); i += loops {
					u := &uses[i]
					if u.answer = post(u.browser, "/two-factor/verify-backup-code", body{"code": ann.codes[i]}); u.answer.Err != nil {
						return // killed
					}
					u.answer.Want(t, 200, "")
					spent <- struct{}{}
				}
			})
		}
		for range 4 {
			await(t, "a backup code is spent", spent)
		}
		p.Kill()
		spending.Wait()
		p.Start()

		dump := storetest.Dump(t, database)
		unused, used, opened := strings.Count(dump, "\nbackup_codes "+ann.id), strings.Count(dump, " backup-code-used "),
			strings.Count(dump, " password+backup-code ")
		if unused+used != len(uses) || opened != used {
			t.Errorf("of %d codes %d are unused and %d used, and they opened %d sessions", len(uses), unused, used, opened)
		}
		notices := map[string]bool{} // by ID: an email may be in the folder and still in the database
		subject := en.T(message.MailBackupCodeSignInSubject)
		queued := regexp.MustCompile(`(?m)^mails (\w+) \S+ ` + regexp.QuoteMeta(subject) + " ")
		for _, row := range queued.FindAllStringSubmatch(dump, -1) {
			notices[row[1]] = true
		}
		for _, e := range p.Emails("") {
			if e.Subject == subject {
				_, id, _ := strings.Cut(strings.TrimSuffix(filepath.Base(e.File), ".json"), "-")
				notices[id] = true
			}
		}
		if len(notices) != used {
			t.Errorf("%d emails are about %d used codes", len(notices), used)
		}
		var browser *testkit.Client
		tried := 0
		for i, u := range uses {
			if u.answer.Status != 200 {
				continue
			}
			if tried%5 == 0 { // a pending sign-in allows five tries
				browser = ann.newPendingSignIn(t, p) // so two-factor authentication is still on
			}
			tried++
			a := post(browser, "/two-factor/verify-backup-code", body{"code": ann.codes[i]})
			if !a.Is(401, "INVALID_BACKUP_CODE") || !strings.Contains(a.Body, shared.ErrBackupCodeUsed.Message) {
				t.Errorf("a backup code that was used before the server was killed: %s", a)
			}
			if !u.browser.SignedIn(t) {
				t.Error("a session that a backup code had opened is gone")
			}
		}
		if tried < 4 {
			t.Errorf("%d used codes were tried again; want 4 at least", tried)
		}
	})
}

// TestLockoutsSurvive tests that a killed server, once restarted, still counts earlier
// wrong codes, and still enforces lockouts and the rate limit of an IP address.
func TestLockoutsSurvive(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		ann := newTwoFactorUser(t, p.Client(), "ann@example.test")
		wrong := testkit.Wrong(ann.app)
		// The server counts wrong codes in a session separately from those at sign-in.
		try := func(n int) {
			t.Helper()
			browser := ann.newPendingSignIn(t, p)
			for range n {
				post(browser, "/two-factor/verify-totp", body{"code": wrong}).Want(t, 401, "INVALID_CODE")
				post(ann.Client, "/two-factor/verify-totp", body{"code": wrong}).Want(t, 401, "INVALID_CODE")
			}
		}
		waiting := ann.newPendingSignIn(t, p)
		try(5)
		try(2)
		p.Kill()
		p.Start()
		try(3)
		locked := func(when string) {
			t.Helper()
			for what, browser := range map[string]*testkit.Client{"a pending sign-in from before": waiting,
				"a new pending sign-in": ann.newPendingSignIn(t, p)} {
				for path, code := range map[string]string{"/two-factor/verify-totp": ann.app.Code(0), "/two-factor/verify-backup-code": ann.codes[0]} {
					if a := post(browser, path, body{"code": code}); !a.Is(429, "ACCOUNT_TEMPORARILY_LOCKED") {
						t.Errorf("%s, %s %s: %s; want 429", path, what, when, a)
					}
				}
			}
		}
		locked("after ten wrong codes")

		stranger := p.Client()
		call := func() testkit.Answer { return stranger.Post("/two-factor/verify-totp", body{"code": wrong}) }
		call()
		// The server forgets the calls of an IP address after ten seconds. In this test it
		// does not, however long the test takes.
		execSQL(t, database, "UPDATE attempts SET expires_at = '2126-01-01 00:00:00+00:00'")
		for range 2 {
			call()
		}
		call().Want(t, 429, "TOO_MANY_REQUESTS")
		p.Kill()
		p.Start()
		call().Want(t, 429, "TOO_MANY_REQUESTS")
		locked("after the server was killed")
		if !ann.SignedIn(t) {
			t.Error("the session is gone after the server was killed")
		}
	})
}

// TestTwoFactorRestart tests that a user can complete a pending sign-in and a pending
// enrollment after the server was stopped or killed and started again.
func TestTwoFactorRestart(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		ann := newTwoFactorUser(t, p.Client(), "ann@example.test")
		for how, end := range map[string]func(){"stopped": p.Stop, "killed": p.Kill} {
			byTOTP, byBackupCode, byEmail, trusted := ann.newPendingSignIn(t, p), ann.newPendingSignIn(t, p),
				ann.newPendingSignIn(t, p), ann.newPendingSignIn(t, p)
			post(byEmail, "/two-factor/send-otp", body{}).Want(t, 200, "")
			emailed := takeEmailedCode(t, p, ann.email)
			post(trusted, "/two-factor/verify-backup-code", body{"code": ann.codes[0], "trustDevice": true}).Want(t, 200, "")
			pending, _ := enable(t, ann.Client, true)

			end()
			p.Start()
			for _, by := range []struct {
				what    string
				browser *testkit.Client
				path    string
				code    string
			}{
				{"a code of the authenticator", byTOTP, "/two-factor/verify-totp", ann.app.Next()},
				{"a backup code", byBackupCode, "/two-factor/verify-backup-code", ann.codes[1]},
				{"a code by email", byEmail, "/two-factor/verify-otp", emailed},
			} {
				if a := post(by.browser, by.path, body{"code": by.code}); !a.Is(200, "") {
					t.Errorf("%s, %s: %s", how, by.what, a)
				}
				if !by.browser.SignedIn(t) {
					t.Errorf("%s, %s: not signed in", how, by.what)
				}
			}
			if a := ann.sendPassword(trusted); !a.Is(200, "") {
				t.Errorf("%s, a trusted browser: %s", how, a)
			}
			ann.codes, ann.app = ann.codes[2:], pending
			ann.prove(t)
		}
	})
}

var codeInEmail = regexp.MustCompile(`Your code is (\d{6})\.`)

// takeEmailedCode waits for an email with a code, and deletes the email, so that the next
// call waits for another.
func takeEmailedCode(t *testing.T, p *testkit.Program, to string) (code string) {
	t.Helper()
	var file string
	code = p.Email("a code", to, func(e testkit.Email) string {
		found := codeInEmail.FindStringSubmatch(e.Text)
		if found == nil {
			return ""
		}
		file = e.File
		return found[1]
	})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	return code
}

// TestTwoFactorNotices tests that the owner of an account gets an email about each change
// of its second factor, and that neither the emails nor the log contain a secret.
func TestTwoFactorNotices(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := startStrict(t, "-database", database)
		secrets := secrets{}
		ann := newTwoFactorUser(t, secrets.newClient(p), "ann@example.test")
		secrets.keep(ann)
		want := map[string]int{en.T(message.MailTwoFactorEnabledSubject): 1} // by subject

		ann.replaceApp(t)
		secrets.keep(ann)
		want[en.T(message.MailAuthenticatorReplacedSubject)] = 1

		a := post(ann.Client, "/two-factor/generate-backup-codes", body{"password": testkit.Password})
		if ann.codes = a.Strings("backupCodes"); len(ann.codes) != 10 {
			t.Fatal("new backup codes: ", a)
		}
		secrets.keep(ann)
		want[en.T(message.MailBackupCodesMadeSubject)] = 1

		browser := ann.pendingSignIn(t, secrets.newClient(p))
		post(browser, "/two-factor/verify-backup-code", body{"code": ann.codes[0], "trustDevice": true}).Want(t, 200, "")
		post(ann.Client, "/two-factor/verify-backup-code", body{"code": ann.codes[1]}).Want(t, 200, "")
		want[en.T(message.EventBackupCodeUsed)], want[en.T(message.MailBackupCodeSignInSubject)] = 1, 1

		for range 2 {
			browser := ann.pendingSignIn(t, secrets.newClient(p))
			for range 5 {
				post(browser, "/two-factor/verify-totp", body{"code": testkit.Wrong(ann.app)}).Want(t, 401, "INVALID_CODE")
			}
		}
		want[en.T(message.MailCodeGuessingSubject)] = 1

		const next = "another good password"
		secrets[next] = "the new password"
		post(ann.Client, "/change-password", body{"currentPassword": testkit.Password, "newPassword": next}).Want(t, 200, "")
		want[en.T(message.MailPasswordChangedSubject)] = 1
		post(ann.Client, "/two-factor/disable", body{"password": next}).Want(t, 200, "")
		want[en.T(message.MailTwoFactorDisabledSubject)] = 1

		n := 0
		for _, times := range want {
			n += times
		}
		for _, e := range emails(t, p, ann.email, n) {
			want[e.Subject]--
			if e.From == "" || e.At == "" || !strings.Contains(e.Text, " UTC, from 198.1") || !strings.Contains(e.HTML, "<p>") {
				t.Errorf("an email: %+v", e)
			}
			secrets.wantNone(t, "an email", fmt.Sprint(e))
		}
		for subject, lacking := range want {
			if lacking != 0 {
				t.Errorf("of the emails %q, %d are missing", subject, lacking)
			}
		}
		secrets.wantNone(t, "the log", p.Output.String())
	})
}

// TestTwoFactorAtRest tests that an attacker who steals the database, its files or the log
// gets no secret that gives access to an account.
func TestTwoFactorAtRest(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		// The server cannot create the folder for emails, so they wait in the database.
		data := t.TempDir()
		blocked := filepath.Join(data, "blocked")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		keyFile := filepath.Join(data, "keys")
		p := startStrict(t, "-database", database, "-key-file", keyFile, "-mail-dir", filepath.Join(blocked, "mail"))
		secrets := secrets{}

		// Ann has replaced her authenticator, and is about to replace it again.
		ann := newTwoFactorUser(t, secrets.newClient(p), "ann@example.test")
		secrets.keep(ann)
		ann.replaceApp(t)
		secrets.keep(ann)
		pending, codes := enable(t, ann.Client, true)
		secrets.keepFactors(pending, codes)
		// Bob is about to enroll his first authenticator.
		bob := secrets.newClient(p)
		bob.SignUp("bob@example.test").Must(t, 200, "")
		secrets.keepFactors(enable(t, bob, false))

		// The server gets correct and wrong codes of each kind, in a pending sign-in and in a
		// session, the cookie of a trusted device, and bodies that no endpoint accepts.
		newPendingSignIn := func() *testkit.Client { return ann.pendingSignIn(t, secrets.newClient(p)) }
		right := ann.app.Next()
		secrets[right] = "a right code"
		post(newPendingSignIn(), "/two-factor/verify-totp", body{"code": right}).Want(t, 200, "")
		trusted := newPendingSignIn()
		post(trusted, "/two-factor/verify-backup-code", body{"code": ann.codes[0], "trustDevice": true}).Want(t, 200, "")
		ann.sendPassword(trusted).Want(t, 200, "")
		post(ann.Client, "/two-factor/verify-backup-code", body{"code": ann.codes[1]}).Want(t, 200, "")
		wrong, wrongBackupCode, mistyped := testkit.Wrong(ann.app), "Wr0ng-c0de7", testkit.Password+" mistyped"
		secrets[wrong], secrets[wrongBackupCode], secrets[mistyped] = "a wrong code", "a wrong backup code", "a mistyped password"
		for _, c := range []*testkit.Client{newPendingSignIn(), ann.Client} {
			post(c, "/two-factor/verify-totp", body{"code": wrong}).Want(t, 401, "INVALID_CODE")
			post(c, "/two-factor/verify-backup-code", body{"code": wrongBackupCode}).Want(t, 401, "INVALID_BACKUP_CODE")
			post(c, "/two-factor/disable", body{"password": mistyped})
			for _, value := range []string{right, ann.codes[2], testkit.Password} {
				for what, a := range map[string]testkit.Answer{
					"a string for a body": post(c, "/two-factor/verify-totp", value),
					"a list for a code":   post(c, "/two-factor/verify-totp", body{"code": []string{value}}),
					"an unknown field":    post(c, "/two-factor/verify-totp?code="+url.QueryEscape(value), body{value: value}),
				} {
					if !a.Is(400, "") {
						t.Errorf("%s: %s; want 400", what, a)
					}
				}
			}
		}
		byEmail := newPendingSignIn()
		post(byEmail, "/two-factor/send-otp", body{}).Want(t, 200, "")
		post(ann.Client, "/two-factor/send-otp", body{}).Want(t, 200, "")

		// The test learns the codes in the emails only when it delivers them.
		stolen := map[string]string{"the database": storetest.Dump(t, database)}
		for _, file := range sqliteFiles(t, database) {
			stolen[filepath.Base(file)+", in use"] = contents(t, file)
		}
		emailed := deliverCodes(t, database, keyFile)
		if len(emailed) != 2 {
			t.Fatalf("%d codes by email; want 2", len(emailed))
		}
		for i, code := range emailed {
			secrets[code] = fmt.Sprintf("code %d by email", i)
		}
		if a, b := post(byEmail, "/two-factor/verify-otp", body{"code": emailed[0]}),
			post(byEmail, "/two-factor/verify-otp", body{"code": emailed[1]}); a.Status != 200 && b.Status != 200 {
			t.Errorf("neither code by email opens a session: %s; %s", a, b)
		}
		stolen["the database, later"] = storetest.Dump(t, database)
		p.Kill()
		for _, file := range sqliteFiles(t, database) {
			stolen[filepath.Base(file)+", left behind"] = contents(t, file)
		}
		for where, text := range stolen {
			secrets.wantNone(t, where, text)
		}
		if all := fmt.Sprint(stolen); strings.Count(all, ann.email) < len(stolen)/2 {
			t.Error("the stolen texts lack the email address, too: they are not what they should be")
		}
		secrets.wantNone(t, "the log", p.Output.String())
	})
}

// sqliteFiles returns the files of an SQLite database, or none for another database.
func sqliteFiles(t *testing.T, database string) []string {
	t.Helper()
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		return nil
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no file, %v", path, err)
	}
	return files
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// deliverCodes delivers all emails in the outbox, as another server would, and returns the
// codes in them.
func deliverCodes(t *testing.T, database, keyFile string) (codes []string) {
	t.Helper()
	keys, err := keyring.Parse(contents(t, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return account.Now().Add(time.Hour) } // no email is leased then
	service := account.Service{Store: storetest.Open(t, database), Keys: keys, Now: later}
	for more := true; more; {
		more, err = service.DeliverMail(t.Context(), func(m mail.Mail) error {
			if found := codeInEmail.FindStringSubmatch(m.Text); found != nil {
				codes = append(codes, found[1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// secrets maps each secret to its description.
type secrets map[string]string

// newClient returns a new client of a server, and adds all its cookies to the secrets.
func (s secrets) newClient(p *testkit.Program) *testkit.Client {
	c := p.Client()
	c.Jar = watchedJar{c.Jar, s}
	return c
}

type watchedJar struct {
	http.CookieJar
	secrets secrets
}

func (j watchedJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		for token := range strings.SplitSeq(c.Value, ".") { // some contain several tokens
			if token != "" {
				j.secrets[token] = "the cookie " + c.Name
			}
		}
	}
	j.CookieJar.SetCookies(u, cookies)
}

// keep adds all current secrets of an account.
func (s secrets) keep(u *twoFactorUser) {
	s[testkit.Password] = "the password"
	s[u.app.Last()] = "a code of an authenticator"
	s.keepFactors(u.app, u.codes)
}

// keepFactors adds an authenticator and backup codes.
func (s secrets) keepFactors(app *testkit.AuthenticatorApp, backupCodes []string) {
	s[app.Secret] = "the secret of an authenticator"
	for _, code := range backupCodes {
		s[code] = "a backup code"
	}
}

// wantNone fails the test if a text contains a secret in any form.
func (s secrets) wantNone(t *testing.T, where, text string) {
	t.Helper()
	for value, what := range s {
		for _, form := range forms(value) {
			if contains(text, form) {
				t.Errorf("%s is in %s, as %q", what, where, form)
			}
		}
	}
}

// forms returns the forms in which a text may contain a secret: the secret, the data that
// it encodes and, if it is short, its hash, from which an attacker can guess it. Each is
// plain and in hex, and all but the hash are also in base64 and base32.
func forms(value string) []string {
	plain := []string{value}
	if raw, err := base32.StdEncoding.DecodeString(value); err == nil {
		plain = append(plain, string(raw)) // the key of an authenticator
	}
	if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(raw) >= 16 {
		plain = append(plain, string(raw)) // the token in a cookie
	}
	if bare := strings.ReplaceAll(value, "-", ""); bare != value && len(bare) == 12 {
		plain = append(plain, bare, strings.ToUpper(bare), strings.ToLower(bare)) // a backup code
	}
	all := slices.Clone(plain)
	for _, p := range plain {
		if len(p) <= 14 { // a code, which an attacker can find by trying all
			hash := sha256.Sum256([]byte(p))
			all = append(all, string(hash[:]), hex.EncodeToString(hash[:]))
		}
		b := []byte(p)
		// The encodings are without padding, because those with padding begin with them.
		all = append(all, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), base64.RawStdEncoding.EncodeToString(b),
			base64.RawURLEncoding.EncodeToString(b), base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	}
	return all
}

// contains reports whether a text contains a form of a secret. Six digits count only if no
// digit or decimal point precedes them and no digit follows: a longer number or a fraction
// of a second may contain them by chance.
func contains(text, form string) bool {
	code := len(form) == 6 && strings.Trim(form, "0123456789") == ""
	for {
		before, after, found := strings.Cut(text, form)
		if !found || !code {
			return found
		}
		if strings.TrimRight(before, "0123456789.") == before && strings.TrimLeft(after, "0123456789") == after {
			return true
		}
		text = after
	}
}
