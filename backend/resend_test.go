package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// mailKey has the form of a Resend API key.
const mailKey = "re_jRgzTxSo_2vLkaD5WLkRfLQ5SFTDvzS3"

// A mailProvider is a server with the part of Resend's API that sends one email. It
// accepts an email only once under an idempotency key.
type mailProvider struct {
	*httptest.Server
	t *testing.T

	// fault, if not nil, can return a handler that answers the first request under an
	// idempotency key. If accept is true, the provider accepts the email before that.
	fault func(first sentEmail) (accept bool, handler http.HandlerFunc)

	mu     sync.Mutex
	emails map[string]*sentEmail // by idempotency key
}

// A sentEmail is an email that the provider received.
type sentEmail struct {
	From    string
	To      []string
	Subject string
	Text    string
	HTML    string

	tries    int // requests so far
	busy     int // requests that are not answered yet
	accepted int // how often the provider would have delivered the email
}

func newMailProvider(t *testing.T) *mailProvider {
	p := &mailProvider{t: t, emails: map[string]*sentEmail{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /emails", p.receive)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// receive handles a request to send an email.
func (p *mailProvider) receive(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	var e sentEmail
	content, _ := io.ReadAll(r.Body) // all of it, because only then net/http notices that the client has disconnected
	if err := json.Unmarshal(content, &e); err != nil || len(key) < 20 || e.From == "" || len(e.To) != 1 ||
		e.Subject == "" || e.Text == "" || e.HTML == "" {
		p.t.Errorf("a request under the key %q, %v: %+v", key, err, e)
	}
	w.Header().Set("Content-Type", "application/json")
	if got := r.Header.Get("Authorization"); got != "Bearer "+mailKey {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"statusCode":403,"name":"invalid_api_key","message":"API key is invalid: %s"}`, strings.TrimPrefix(got, "Bearer "))
		return
	}

	p.mu.Lock()
	known := p.emails[key]
	first := known == nil
	if first {
		known = &e
		p.emails[key] = known
	}
	if known.tries++; known.busy > 0 {
		p.t.Errorf("two requests at once send %q to %q", e.Subject, e.To)
	}
	known.busy++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		known.busy--
		p.mu.Unlock()
	}()

	accept, handler := true, respond(http.StatusOK, "", fmt.Sprintf(`{"id":"%s"}`, key))
	if first && p.fault != nil {
		if fails, with := p.fault(e); with != nil {
			accept, handler = fails, with
		}
	}
	if accept {
		p.mu.Lock()
		if known.accepted == 0 || known.Text != e.Text {
			known.accepted++
		}
		p.mu.Unlock()
	}
	handler(w, r)
}

// accepted returns the emails that the provider has accepted, sorted, as "subject
// to address". An email that it accepted twice is there twice.
func (p *mailProvider) accepted() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.emails {
		for range e.accepted {
			all = append(all, e.Subject+" to "+e.To[0])
		}
	}
	slices.Sort(all)
	return all
}

// newSignIns is accepted, but returns only emails about a sign-in from a new browser.
func (p *mailProvider) newSignIns() []string {
	return slices.DeleteFunc(p.accepted(), func(email string) bool { return !strings.HasPrefix(email, en.T(message.MailNewSignInSubject)) })
}

// find waits for an email that the provider has accepted.
func (p *mailProvider) find(subject, to string) (found sentEmail) {
	p.t.Helper()
	testkit.Eventually(p.t, "the provider has accepted the email "+subject+" to "+to, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, e := range p.emails {
			if e.accepted > 0 && e.Subject == subject && e.To[0] == to {
				found = *e
				return true
			}
		}
		return false
	})
	return found
}

// respond returns a handler that answers with a status, a header "Name: value" if
// it is not "", and a body.
func respond(status int, header, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, content)
	}
}

// disconnect is a handler that closes the connection without an answer.
func disconnect(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hang is a handler that does not answer until the client has disconnected.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// startSending starts a server on a database with p as its email provider.
func (p *mailProvider) startSending(t *testing.T, database string, flags ...string) *testkit.Program {
	t.Helper()
	return testkit.Start(t, append([]string{"-database", database, "-trusted-proxies", "127.0.0.0/8", "-resend-url", p.URL}, flags...)...)
}

// newAdministrator creates an account that can change settings. The flags are the server's
// for its database and key file.
func newAdministrator(t *testing.T, p *testkit.Program, flags ...string) *testkit.Client {
	t.Helper()
	admin := p.Client()
	admin.SignUp("admin@example.test").Must(t, 200, "")
	grant := append([]string{"grant", "-data", p.Data}, flags...)
	if output, err := testkit.Run(t, append(grant, "admin@example.test", "settings.manage")...); err != nil {
		t.Fatal(output, err)
	}
	putSetting(t, admin, "VERIFY_EMAIL", "off") // the default with an API key makes every user wait for an email
	return admin
}

// awaitEmptyOutbox waits until no email is in the outbox.
func awaitEmptyOutbox(t *testing.T, database string) {
	t.Helper()
	testkit.Eventually(t, "the outbox is empty", func() bool {
		return !strings.Contains("\n"+storetest.Dump(t, database), "\nmails ")
	})
}

// TestMailProviderFails tests that two servers finally send every email, and that the
// provider accepts none twice, even if it does not answer or its answer is wrong.
func TestMailProviderFails(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		provider := newMailProvider(t)
		faults := []struct {
			accept  bool
			handler http.HandlerFunc
		}{
			{false, hang},
			{false, respond(500, "", `{"statusCode":500,"name":"application_error","message":"An unexpected error occurred."}`)},
			{false, respond(429, "Retry-After: 2", `{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests."}`)},
			{false, respond(422, "", `{"statusCode":422,"name":"validation_error","message":"No."}`)},
			{false, respond(200, "Content-Type: text/html", "<html>Welcome to this hotel's network</html>")},
			{false, respond(200, "", "{}")},
			{false, respond(302, "Location: /emails", "")},
			{false, respond(503, "", strings.Repeat("[", 1<<20))},
			{true, disconnect},
			{true, respond(502, "", "")},
		}
		var faulty int
		provider.fault = func(first sentEmail) (bool, http.HandlerFunc) {
			if first.Subject != en.T(message.MailNewSignInSubject) {
				return false, nil
			}
			provider.mu.Lock()
			defer provider.mu.Unlock()
			if faulty++; faulty > len(faults) {
				return false, nil
			}
			return faults[faulty-1].accept, faults[faulty-1].handler
		}
		keyFile := filepath.Join(t.TempDir(), "keys")
		servers := []*testkit.Program{
			provider.startSending(t, database, "-key-file", keyFile, "-rate-limits", "off"),
			provider.startSending(t, database, "-key-file", keyFile, "-rate-limits", "off"),
		}
		admin := newAdministrator(t, servers[0], "-database", database, "-key-file", keyFile)
		putSetting(t, admin, "RESEND_API_KEY", mailKey)
		// The second server loads the settings when it lists them.
		admin.At(servers[1].Origin).Do("GET", "/api/settings", "").Must(t, 200, "")

		var want []string
		for i := range len(faults) + 2 {
			email := fmt.Sprintf("user%d@example.test", i)
			want = append(want, "New sign-in to "+email)
			servers[0].Client().SignUp(email).Must(t, 200, "")
			signInNew(t, servers[i%2], email)
		}
		slices.Sort(want)
		awaitEmptyOutbox(t, database)
		if got := provider.newSignIns(); !slices.Equal(got, want) {
			t.Errorf("the provider accepted %q; want %q", got, want)
		}
		if faulty != len(want) {
			t.Errorf("the provider got %d emails; want %d", faulty, len(want))
		}
		for _, p := range servers {
			if strings.Contains(p.Output.String(), mailKey) {
				t.Error("the key is in the log")
			}
		}
	})
}

// TestMailProviderHangs tests a provider that does not answer. No request waits for it
// except a test email. The server makes at most four concurrent requests to it, and
// finally sends every email.
func TestMailProviderHangs(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		provider := newMailProvider(t)
		var asked sync.WaitGroup
		released := make(chan struct{})
		provider.fault = func(sentEmail) (bool, http.HandlerFunc) {
			return true, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				defer asked.Done()
				select {
				case <-released:
					fmt.Fprint(w, `{"id":"late"}`)
				case <-r.Context().Done():
				}
			}
		}
		p := provider.startSending(t, database, "-rate-limits", "off")
		admin := newAdministrator(t, p, "-database", database)
		putSetting(t, admin, "RESEND_API_KEY", mailKey)
		var want []string
		for i := range 8 {
			email := fmt.Sprintf("user%d@example.test", i)
			want = append(want, "New sign-in to "+email)
			p.Client().SignUp(email).Must(t, 200, "")
			signInNew(t, p, email)
			p.Client().Session().Want(t, 200, "")
		}
		busy := func() (n int) {
			provider.mu.Lock()
			defer provider.mu.Unlock()
			for _, e := range provider.emails {
				if e.Subject != en.T(message.MailTestSubject) {
					n += e.busy
				}
			}
			return n
		}
		testkit.Eventually(t, "four emails are under way", func() bool { return busy() == 4 })
		a := admin.Call("POST", "/api/settings/test-mail", body{})
		if a.Status != 424 || !strings.Contains(a.Body, "did not respond in time") {
			t.Errorf("a test email: %s; want 424", a)
		}
		// When a worker gives up an email, the provider may notice that after the next one has come.
		for end := time.Now().Add(2 * time.Second); busy() > 4; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%d emails are under way; want 4 at most", busy())
				break
			}
		}
		close(released)
		for _, email := range want {
			subject, to, _ := strings.Cut(email, " to ")
			provider.find(subject, to)
		}
		awaitEmptyOutbox(t, database)
		asked.Wait()
		if got := provider.newSignIns(); !slices.Equal(got, want) {
			t.Errorf("the provider accepted %q; want %q", got, want)
		}
	})
}

// TestMailAndKill tests a server that is killed while it sends an email. If the provider
// had accepted the email, it does not deliver it twice. Otherwise it gets the email after
// the next start.
func TestMailAndKill(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		keyFile := filepath.Join(t.TempDir(), "keys")
		for _, accept := range []bool{true, false} {
			provider := newMailProvider(t)
			reached := make(chan struct{}, 8)
			provider.fault = func(first sentEmail) (bool, http.HandlerFunc) {
				if first.Subject != en.T(message.MailNewSignInSubject) {
					return false, nil
				}
				return accept, func(w http.ResponseWriter, r *http.Request) {
					reached <- struct{}{}
					hang(w, r)
				}
			}
			p := provider.startSending(t, database, "-key-file", keyFile)
			email := fmt.Sprintf("accept-%t@example.test", accept)
			p.Client().SignUp(email).Must(t, 200, "")
			if accept { // in the first round
				admin := newAdministrator(t, p, "-database", database, "-key-file", keyFile)
				putSetting(t, admin, "RESEND_API_KEY", mailKey)
			}
			awaitEmptyOutbox(t, database)
			signInNew(t, p, email)
			await(t, "the provider has the email", reached)
			p.Kill()

			// The killed server has leased the email for a while. End the lease now.
			now := account.Now()
			m, found, err := storetest.Open(t, database).LeaseMail(t.Context(), now.Add(time.Hour), now)
			if !found || m.Subject != en.T(message.MailNewSignInSubject) {
				t.Fatalf("the outbox has %+v, %t, %v", m, found, err)
			}
			p.Start()
			awaitEmptyOutbox(t, database)
			if e := provider.find(en.T(message.MailNewSignInSubject), email); e.tries != 2 || e.accepted != 1 {
				t.Errorf("accept %t: the provider got the email %d times and accepted it %d times; want 2 and 1", accept, e.tries, e.accepted)
			}
			p.Stop()
		}
	})
}

// TestMailSettings tests that changed settings for emails apply to the next email.
func TestMailSettings(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		provider := newMailProvider(t)
		p := provider.startSending(t, database, "-rate-limits", "off")
		admin := newAdministrator(t, p, "-database", database)
		var users int
		newUser := func() string {
			t.Helper()
			users++
			email := fmt.Sprintf("user%d@example.test", users)
			p.Client().SignUp(email).Must(t, 200, "")
			signInNew(t, p, email)
			return email
		}
		sendTest := func(status int, want string) {
			t.Helper()
			a := admin.Call("POST", "/api/settings/test-mail", body{})
			if a.Status != status || !strings.Contains(a.Body, want) || strings.Contains(a.Body, mailKey) {
				t.Errorf("a test email: %s; want %d %s", a, status, want)
			}
		}
		inFolder := func(subject, to string) {
			t.Helper()
			if all := emails(t, p, to, 1); all[0].Subject != subject || all[0].From != "Latchkey <no-reply@localhost>" {
				t.Errorf("emails in the folder: %+v", all)
			}
		}

		inFolder(en.T(message.MailNewSignInSubject), newUser())
		sendTest(200, "true")
		if all := provider.accepted(); len(all) != 0 {
			t.Errorf("the provider accepted %q, but there was no key", all)
		}

		putSetting(t, admin, "RESEND_API_KEY", "re_another_"+mailKey)
		sendTest(424, "API key is invalid: …")
		putSetting(t, admin, "RESEND_API_KEY", mailKey)
		e := provider.find(en.T(message.MailNewSignInSubject), newUser())
		if e.From != "Latchkey <no-reply@localhost>" || !strings.Contains(e.HTML, ">Latchkey</a>") || !strings.Contains(e.Text, p.Origin) {
			t.Errorf("with a key: %+v", e)
		}
		sendTest(200, "true")
		provider.find(en.T(message.MailTestSubject), "admin@example.test")

		putSetting(t, admin, "APP_NAME", "Ann & Sons, Ltd.")
		if e := provider.find(en.T(message.MailNewSignInSubject), newUser()); e.From != `"Ann & Sons, Ltd." <no-reply@localhost>` ||
			!strings.Contains(e.Text, "Ann & Sons, Ltd.") {
			t.Errorf("with a name: %+v", e)
		}
		putSetting(t, admin, "MAIL_FROM", "Accounts <accounts@example.com>")
		if e := provider.find(en.T(message.MailNewSignInSubject), newUser()); e.From != "Accounts <accounts@example.com>" {
			t.Errorf("with a sender: %+v", e)
		}

		// For the provider, a local part that RFC 5321 does not allow is quoted, and a domain
		// is in ASCII.
		putSetting(t, admin, "MAIL_FROM", "Konten <konten..@bücher.example>")
		for email, to := range map[string]string{
			"foo..bar@docomo.ne.jp": `"foo..bar"@docomo.ne.jp`, "foo.@docomo.ne.jp": `"foo."@docomo.ne.jp`,
			"user@bücher.example": "user@xn--bcher-kva.example",
		} {
			p.Client().SignUp(email).Must(t, 200, "")
			signInNew(t, p, email)
			if e := provider.find(en.T(message.MailNewSignInSubject), to); e.From != `Konten <"konten.."@xn--bcher-kva.example>` {
				t.Errorf("to %s: %+v", email, e)
			}
		}

		putSetting(t, admin, "NEW_DEVICE_MAIL", "false")
		quiet := newUser()
		putSetting(t, admin, "APP_NAME", "Latchkey")
		putSetting(t, admin, "MAIL_FROM", "")
		putSetting(t, admin, "RESEND_API_KEY", "")
		putSetting(t, admin, "NEW_DEVICE_MAIL", "true")
		inFolder(en.T(message.MailNewSignInSubject), newUser())
		for _, email := range provider.accepted() {
			if strings.HasSuffix(email, quiet) {
				t.Errorf("the provider accepted an email that is turned off: %s", email)
			}
		}
		for where, text := range map[string]string{"the database": storetest.Dump(t, database), "the log": p.Output.String()} {
			if strings.Contains(text, mailKey) {
				t.Errorf("the key is in %s", where)
			}
		}
	})
}
