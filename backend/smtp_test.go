package main_test

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// smtpURL returns the SMTP_URL for an address of a Postfix, by the name in its certificate.
func smtpURL(scheme, address, password string) string {
	_, port, _ := net.SplitHostPort(address)
	u := url.URL{Scheme: scheme, User: url.UserPassword(testkit.PostfixUser, password), Host: "localhost:" + port}
	return u.String()
}

// newSignInsAt returns how many emails about a sign-in from a new browser the server has for
// an address.
func newSignInsAt(p *testkit.Postfix, to string) (n int) {
	for _, m := range p.Inbox(to) {
		if m.Header.Get("Subject") == en.T(message.MailNewSignInSubject) {
			n++
		}
	}
	return n
}

// awaitNewSignIn waits until an email about a sign-in from a new browser has arrived, and
// checks that it has arrived n times.
func awaitNewSignIn(t *testing.T, p *testkit.Postfix, to string, n int) {
	t.Helper()
	testkit.Eventually(t, "the email to "+to+" has arrived", func() bool { return newSignInsAt(p, to) >= n }, p.Log)
	if got := newSignInsAt(p, to); got != n {
		t.Errorf("the email to %s has arrived %d times; want %d", to, got, n)
	}
}

// TestEmailServer tests that changed settings for an email server apply to the next email,
// that no password or email leaves in clear, and that the password is in no answer or log.
func TestEmailServer(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		postfix, provider := testkit.StartPostfix(t), newMailProvider(t)
		var mu sync.Mutex
		users := map[string]string{}
		postfix.SetPolicy(func(e testkit.Envelope) string {
			mu.Lock()
			defer mu.Unlock()
			users[e.Recipient] = e.User
			return ""
		})
		p := testkit.Start(t, "SSL_CERT_FILE="+postfix.CA, "-database", database, "-rate-limits", "off", "-resend-url", provider.URL)
		admin := newAdministrator(t, p, "-database", database)
		sendTest := func(status int, want string) {
			t.Helper()
			a := admin.Call("POST", "/api/settings/test-mail", body{})
			if a.Status != status || !strings.Contains(a.Body, want) {
				t.Errorf("a test email: %s; want %d %s", a, status, want)
			}
		}
		newUser := func(email, to string) {
			t.Helper()
			p.Client().SignUp(email).Must(t, 200, "")
			signInNew(t, p, email)
			awaitNewSignIn(t, postfix, to, 1)
		}

		const password = testkit.PostfixPassword
		putSetting(t, admin, "RESEND_API_KEY", mailKey)
		awaitEmptyOutbox(t, database)
		byResend := provider.accepted()
		putSetting(t, admin, "SMTP_URL", smtpURL("smtp", postfix.StartTLS, "wrong-"+password))
		sendTest(424, "says: 535 5.7.8 ")
		putSetting(t, admin, "SMTP_URL", smtpURL("smtp", postfix.StartTLS, password))
		sendTest(200, "true")
		newUser("starttls@example.test", "starttls@example.test")
		putSetting(t, admin, "SMTP_URL", smtpURL("smtps", postfix.TLS, password))
		sendTest(200, "true")
		putSetting(t, admin, "MAIL_FROM", "Konten <konten..@bücher.example>")
		newUser("foo..bar@docomo.ne.jp", `"foo..bar"@docomo.ne.jp`)
		newUser("user@bücher.example", "user@xn--bcher-kva.example")
		if m := postfix.Inbox(`"foo..bar"@docomo.ne.jp`)[0]; m.Header.Get("Return-Path") != `<"konten.."@xn--bcher-kva.example>` ||
			m.Header.Get("From") != `"Konten" <"konten.."@xn--bcher-kva.example>` {
			t.Errorf("the sender is %v", m.Header)
		}

		putSetting(t, admin, "SMTP_URL", smtpURL("smtp", postfix.Clear, password))
		sendTest(424, "does not offer STARTTLS, which SMTP_URL requires. Nothing was sent.")
		putSetting(t, admin, "SMTP_URL", smtpURL("smtps", postfix.Clear, password))
		sendTest(424, "does not look like a TLS handshake")
		putSetting(t, admin, "SMTP_URL", strings.Replace(smtpURL("smtps", postfix.TLS, password), "localhost", "127.0.0.1", 1))
		sendTest(424, "has no valid certificate: x509: ")
		putSetting(t, admin, "SMTP_URL", strings.Replace(smtpURL("smtp", postfix.StartTLS, password), "localhost", "127.0.0.1", 1))
		sendTest(424, "has no valid certificate: x509: ")
		putSetting(t, admin, "SMTP_URL", "smtp://"+testkit.FreeAddress(t))
		sendTest(424, "cannot be reached: connect: connection refused")
		for line := range strings.Lines(postfix.Log()) {
			if strings.Contains(line, " clear/") && (strings.Contains(line, "mail=") || strings.Contains(line, "auth=")) {
				t.Errorf("an email or a password was sent in clear: %s", line)
			}
		}
		putSetting(t, admin, "SMTP_URL", smtpURL("smtp", postfix.Clear, password)+"?tls=none")
		sendTest(200, "true")
		putSetting(t, admin, "SMTP_URL", "smtp://"+postfix.Clear+"?tls=none")
		newUser("clear@example.test", "clear@example.test")

		mu.Lock()
		for to, user := range map[string]string{"starttls@example.test": testkit.PostfixUser, "clear@example.test": ""} {
			if users[to] != user {
				t.Errorf("the email to %s was sent as %q; want %q", to, users[to], user)
			}
		}
		mu.Unlock()
		// The email about the first SMTP_URL is sent at once, perhaps just before the setting applies.
		about := en.T(message.MailSecretSettingChangedSubject) + " to admin@example.test"
		if all := provider.accepted(); !slices.Equal(all, byResend) && !slices.Equal(all, slices.Sorted(slices.Values(append(byResend, about)))) {
			t.Errorf("Resend accepted emails while SMTP_URL was set: %q; before, it had %q", all, byResend)
		}
		putSetting(t, admin, "SMTP_URL", "")
		sendTest(200, "true")
		provider.find(en.T(message.MailTestSubject), "admin@example.test")
		secret := url.PathEscape(password)
		for where, text := range map[string]string{
			"the database": storetest.Dump(t, database), "the log": p.Output.String(), "an answer": admin.Do("GET", "/api/settings", "").Body,
		} {
			if strings.Contains(text, password) || strings.Contains(text, secret) {
				t.Errorf("the password is in %s", where)
			}
		}
	})
}

// TestEmailServerFails tests that two servers finally send every email, and that none arrives
// twice, while the email server refuses emails, breaks connections, and is killed.
func TestEmailServerFails(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		postfix := testkit.StartPostfix(t)
		relay := testkit.StartRelay(t, postfix.Clear)
		var mu sync.Mutex
		seen := map[string]bool{}
		first := func(what string) bool {
			mu.Lock()
			defer mu.Unlock()
			defer func() { seen[what] = true }()
			return !seen[what]
		}
		postfix.SetPolicy(func(e testkit.Envelope) string {
			local, _, _ := strings.Cut(e.Recipient, "@")
			refusal := map[string]string{
				"grey RCPT": "450 4.7.1 Come back later", "full RCPT": "452 4.3.1 No space", "unknown RCPT": "550 5.1.1 No such mailbox",
				"busy RCPT": "421 4.3.2 Closing", "late END-OF-MESSAGE": "451 4.3.0 Later", "spam END-OF-MESSAGE": "554 5.7.1 Spam",
			}[local+" "+e.State]
			if refusal != "" && first(local) {
				return refusal
			}
			return ""
		})
		relay.SetFault(func(fromClient bool, data string) testkit.Fault {
			for _, text := range []string{"RCPT TO:<cut@", "To: <middle@"} {
				if fromClient && strings.Contains(data, text) && first(text) {
					return testkit.Cut
				}
			}
			return testkit.Pass
		})
		keyFile := filepath.Join(t.TempDir(), "keys")
		flags := []string{"-database", database, "-key-file", keyFile, "-rate-limits", "off"}
		env := []string{"SMTP_URL=smtp://" + relay.Address + "?tls=none", "VERIFY_EMAIL=off"}
		servers := []*testkit.Program{
			testkit.Start(t, append(slices.Clone(env), flags...)...), testkit.Start(t, append(slices.Clone(env), flags...)...),
		}
		signIn := func(i int, name string) {
			email := name + "@example.test"
			servers[0].Client().SignUp(email).Must(t, 200, "")
			signInNew(t, servers[i%2], email)
		}
		names := strings.Fields("plain grey full unknown busy late spam cut middle other")
		for i, name := range names {
			signIn(i, name)
		}
		for _, name := range names {
			awaitNewSignIn(t, postfix, name+"@example.test", 1)
		}

		// Otherwise an email that has arrived may be sent, or delivered, a second time.
		awaitEmptyOutbox(t, database)
		postfix.AwaitIdle()
		tries := func() int {
			return strings.Count(servers[0].Output.String()+servers[1].Output.String(), "closed the connection")
		}
		before := tries()
		postfix.Kill()
		signIn(0, "down")
		testkit.Eventually(t, "a server has tried", func() bool { return tries() > before })
		postfix.Start()
		awaitNewSignIn(t, postfix, "down@example.test", 1)
		awaitEmptyOutbox(t, database)
		for _, name := range append(names, "down") {
			awaitNewSignIn(t, postfix, name+"@example.test", 1)
		}
	})
}

// TestEmailServerAndKill tests a server that is killed while it sends an email by SMTP. If the
// email server did not have the email, it gets it after the next start. If it had, it cannot
// know that the second is the same, but its recipient can: both have the same Message-ID.
func TestEmailServerAndKill(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		postfix := testkit.StartPostfix(t)
		p := testkit.Start(t, "SMTP_URL=smtp://"+postfix.Clear+"?tls=none", "VERIFY_EMAIL=off", "-database", database)
		for state, arrives := range map[string]int{"RCPT": 1, "END-OF-MESSAGE": 2} {
			reached, released := make(chan struct{}, 8), make(chan struct{})
			var once sync.Once
			postfix.SetPolicy(func(e testkit.Envelope) string {
				if e.State == state {
					once.Do(func() {
						reached <- struct{}{}
						<-released
					})
				}
				return ""
			})
			email := strings.ToLower(state) + "@example.test"
			p.Client().SignUp(email).Must(t, 200, "")
			signInNew(t, p, email)
			await(t, "the email server has begun", reached)
			p.Kill()
			close(released)

			// The killed server has leased the email for a while. End the lease now.
			now := account.Now()
			m, found, err := storetest.Open(t, database).LeaseMail(t.Context(), now.Add(time.Hour), now)
			if !found || m.Subject != en.T(message.MailNewSignInSubject) {
				t.Fatalf("the outbox has %+v, %t, %v", m, found, err)
			}
			p.Start()
			awaitEmptyOutbox(t, database)
			awaitNewSignIn(t, postfix, email, arrives)
			for _, got := range postfix.Inbox(email) {
				if id := got.Header.Get("Message-Id"); id != fmt.Sprintf("<%s@localhost>", m.ID) {
					t.Errorf("the Message-ID is %s", id)
				}
			}
		}
	})
}
