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
)

// mailKey is a key as Resend gives them.
const mailKey = "re_jRgzTxSo_2vLkaD5WLkRfLQ5SFTDvzS3"

// A provider is a server that speaks Resend's API, as far as one mail is sent by
// it: what it has taken under a key, it does not take again.
type provider struct {
	*httptest.Server
	t *testing.T

	// fault answers the first request under an idempotency key in the place of
	// the provider, which takes the mail before if taking is true. nil does not.
	fault func(first sent) (taking bool, answer http.HandlerFunc)

	mu    sync.Mutex
	mails map[string]*sent // by idempotency key
}

// sent is a mail as it came.
type sent struct {
	From    string
	To      []string
	Subject string
	Text    string
	HTML    string

	tries, busy, taken int
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, mails: map[string]*sent{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /emails", p.emails)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) emails(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	var m sent
	body, _ := io.ReadAll(r.Body) // all of it: or the server would not see that who asks has gone
	if err := json.Unmarshal(body, &m); err != nil || len(key) < 20 || m.From == "" || len(m.To) != 1 || m.Subject == "" || m.Text == "" || m.HTML == "" {
		p.t.Errorf("a request under the key %q, %v: %+v", key, err, m)
	}
	w.Header().Set("Content-Type", "application/json")
	if got := r.Header.Get("Authorization"); got != "Bearer "+mailKey {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"statusCode":403,"name":"invalid_api_key","message":"API key is invalid: %s"}`, strings.TrimPrefix(got, "Bearer "))
		return
	}

	p.mu.Lock()
	known := p.mails[key]
	first := known == nil
	if first {
		known = &m
		p.mails[key] = known
	}
	if known.tries++; known.busy > 0 {
		p.t.Errorf("%q to %q is sent by two at once", m.Subject, m.To)
	}
	known.busy++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		known.busy--
		p.mu.Unlock()
	}()

	taking, answer := true, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"id":"%s"}`, key) }
	if first && p.fault != nil {
		if fails, with := p.fault(m); with != nil {
			taking, answer = fails, with
		}
	}
	if taking {
		p.mu.Lock()
		if known.taken == 0 || known.Text != m.Text {
			known.taken++
		}
		p.mu.Unlock()
	}
	answer(w, r)
}

// taken is what has been taken, as "subject to address", each as often as it was.
func (p *provider) taken() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mails {
		for range m.taken {
			all = append(all, m.Subject+" to "+m.To[0])
		}
	}
	slices.Sort(all)
	return all
}

// find waits for a mail that has been taken.
func (p *provider) find(subject, to string) (found sent) {
	p.t.Helper()
	eventually(p.t, subject+" to "+to, 20*time.Second, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.mails {
			if m.taken > 0 && m.Subject == subject && m.To[0] == to {
				found = *m
				return true
			}
		}
		return false
	})
	return found
}

func saying(status int, header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// gone answers nothing: the connection ends.
func gone(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// silent answers nothing until whoever asks has gone.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// administrator makes an account that can set system keys.
func administrator(t *testing.T, p *program, flags []string) *visitor {
	t.Helper()
	v := visit(t, p.origin)
	if status, body, _, err := v.signUp("admin@example.test"); status != 200 {
		t.Fatal(status, body, err)
	}
	if said, err := runProgram(t, append(append([]string{"grant"}, flags...), "-data", p.data, "admin@example.test", "settings.manage")...); err != nil {
		t.Fatal(said, err)
	}
	v.set(t, "VERIFY_EMAIL", "off") // or a key would have everybody wait for a mail
	return v
}

// set gives a system key a value.
func (v *visitor) set(t *testing.T, key, value string) {
	t.Helper()
	if status, body, _, err := v.call("PUT", "/api/settings", in{"key": key, "value": value}); status != 200 {
		t.Fatal(status, body, err)
	}
}

// wantNoMails waits until no mail is in the outbox.
func wantNoMails(t *testing.T, database string) {
	t.Helper()
	eventually(t, "an empty outbox", 40*time.Second, func() bool {
		return !strings.Contains("\n"+storetest.Dump(t, database), "\nmails ")
	})
}

// signInAnew signs in from a browser that the account does not know.
func signInAnew(t *testing.T, p *program, email string) {
	t.Helper()
	if status, body, _, err := visit(t, p.origin).signIn(email, faultPassword); status != 200 {
		t.Error(status, body, err)
	}
}

// TestMailProviderFails holds that no mail is lost and none comes twice, whatever
// the provider does, while two servers send.
func TestMailProviderFails(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		provider := newProvider(t)
		faults := []struct {
			taking bool
			answer http.HandlerFunc
		}{
			{false, silent},
			{false, saying(500, "", `{"statusCode":500,"name":"application_error","message":"An unexpected error occurred."}`)},
			{false, saying(429, "Retry-After: 2", `{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests."}`)},
			{false, saying(422, "", `{"statusCode":422,"name":"validation_error","message":"No."}`)},
			{false, saying(200, "Content-Type: text/html", "<html>Welcome to this hotel's network</html>")},
			{false, saying(200, "", "{}")},
			{false, saying(302, "Location: /emails", "")},
			{false, saying(503, "", strings.Repeat("[", 1<<20))},
			{true, gone},
			{true, saying(502, "", "")},
		}
		var faulty int
		provider.fault = func(first sent) (bool, http.HandlerFunc) {
			if first.Subject != "New sign-in" {
				return false, nil
			}
			provider.mu.Lock()
			defer provider.mu.Unlock()
			if faulty++; faulty > len(faults) {
				return false, nil
			}
			return faults[faulty-1].taking, faults[faulty-1].answer
		}
		flags := []string{"-database", database, "-key-file", filepath.Join(t.TempDir(), "keys")}
		args := append(flags, "-rate-limits", "off", "-trusted-proxies", "127.0.0.0/8", "-resend-url", provider.URL)
		servers := []*program{start(t, buildBinary(t), args...), start(t, buildBinary(t), args...)}
		admin := administrator(t, servers[0], flags)
		admin.set(t, "RESEND_API_KEY", mailKey)
		admin.origin = servers[1].origin
		if status, _, _, err := admin.call("GET", "/api/settings", nil); status != 200 { // which makes it look
			t.Fatal(status, err)
		}

		var want []string
		for i := range len(faults) + 2 {
			email := fmt.Sprintf("user%d@example.test", i)
			want = append(want, "New sign-in to "+email)
			if status, body, _, err := visit(t, servers[0].origin).signUp(email); status != 200 {
				t.Fatal(status, body, err)
			}
			signInAnew(t, servers[i%2], email)
		}
		slices.Sort(want)
		wantNoMails(t, database)
		got := slices.DeleteFunc(provider.taken(), func(mail string) bool { return !strings.HasPrefix(mail, "New sign-in") })
		if !slices.Equal(got, want) {
			t.Errorf("taken: %q; want %q", got, want)
		}
		if faulty != len(want) {
			t.Errorf("%d mails; want %d", faulty, len(want))
		}
		for _, p := range servers {
			if strings.Contains(p.said.String(), mailKey) {
				t.Error("the log tells the key")
			}
		}
	})
}

// TestMailProviderHangs holds that nobody waits for the provider but who asks
// whether it answers, and that it is not flooded.
func TestMailProviderHangs(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		provider := newProvider(t)
		var asked sync.WaitGroup
		released := make(chan struct{})
		provider.fault = func(sent) (bool, http.HandlerFunc) {
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
		p := start(t, buildBinary(t), append(flags, "-rate-limits", "off", "-trusted-proxies", "127.0.0.0/8", "-resend-url", provider.URL)...)
		admin := administrator(t, p, flags)
		admin.set(t, "RESEND_API_KEY", mailKey)
		var want []string
		for i := range 8 {
			email := fmt.Sprintf("user%d@example.test", i)
			want = append(want, "New sign-in to "+email)
			if status, body, _, err := visit(t, p.origin).signUp(email); status != 200 {
				t.Fatal(status, body, err)
			}
			signInAnew(t, p, email)
			if status, body, _, err := visit(t, p.origin).session(); status != 200 {
				t.Error(status, body, err)
			}
		}
		busy := func() (n int) {
			provider.mu.Lock()
			defer provider.mu.Unlock()
			for _, m := range provider.mails {
				if m.Subject != "Test mail" {
					n += m.busy
				}
			}
			return n
		}
		eventually(t, "four mails on their way", 30*time.Second, func() bool { return busy() == 4 })
		status, body, _, err := admin.call("POST", "/api/settings/test-mail", in{})
		if status != 424 || !strings.Contains(body, "did not answer in time") {
			t.Errorf("a test mail: %d %s, %v", status, body, err)
		}
		if n := busy(); n > 4 {
			t.Errorf("%d mails on their way; want 4 at most", n)
		}
		close(released)
		for _, mail := range want {
			subject, to, _ := strings.Cut(mail, " to ")
			provider.find(subject, to)
		}
		wantNoMails(t, flags[1])
		asked.Wait()
		got := slices.DeleteFunc(provider.taken(), func(mail string) bool { return !strings.HasPrefix(mail, "New sign-in") })
		if !slices.Equal(got, want) {
			t.Errorf("taken: %q; want %q", got, want)
		}
	})
}

// TestMailAndKill holds that a mail which the provider took when the server was
// killed does not come twice, and that one which it did not take comes.
func TestMailAndKill(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		for _, taking := range []bool{true, false} {
			provider := newProvider(t)
			reached := make(chan struct{}, 8)
			provider.fault = func(first sent) (bool, http.HandlerFunc) {
				if first.Subject != "New sign-in" {
					return false, nil
				}
				return taking, func(w http.ResponseWriter, r *http.Request) {
					reached <- struct{}{}
					silent(w, r)
				}
			}
			flags := []string{"-database", database, "-key-file", filepath.Join(filepath.Dir(t.TempDir()), "keys")}
			p := start(t, buildBinary(t), append(flags, "-trusted-proxies", "127.0.0.0/8", "-resend-url", provider.URL)...)
			email := fmt.Sprintf("taking-%t@example.test", taking)
			if status, body, _, err := visit(t, p.origin).signUp(email); status != 200 {
				t.Fatal(status, body, err)
			}
			if taking {
				administrator(t, p, flags).set(t, "RESEND_API_KEY", mailKey)
			}
			wantNoMails(t, database)
			signInAnew(t, p, email)
			<-reached
			p.kill()

			// As if the time had passed for which it had the mail.
			now := account.Now()
			if m, found, err := storetest.Open(t, database).LeaseMail(t.Context(), now.Add(time.Hour), now); !found || m.Subject != "New sign-in" {
				t.Fatalf("the outbox has %+v, %t, %v", m, found, err)
			}
			p.start()
			wantNoMails(t, database)
			m := provider.find("New sign-in", email)
			if m.tries != 2 || m.taken != 1 {
				t.Errorf("taking %t: tried %d times, taken %d times; want 2 and 1", taking, m.tries, m.taken)
			}
			p.stop()
		}
	})
}

// TestMailSettings holds that what is set of mail holds from the next mail on.
func TestMailSettings(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		provider := newProvider(t)
		p := start(t, buildBinary(t), append(flags, "-rate-limits", "off", "-trusted-proxies", "127.0.0.0/8", "-resend-url", provider.URL)...)
		admin := administrator(t, p, flags)
		var users int
		newUser := func() string {
			users++
			email := fmt.Sprintf("user%d@example.test", users)
			if status, body, _, err := visit(t, p.origin).signUp(email); status != 200 {
				t.Fatal(status, body, err)
			}
			signInAnew(t, p, email)
			return email
		}
		test := func(status int, says string) {
			t.Helper()
			got, body, _, err := admin.call("POST", "/api/settings/test-mail", in{})
			if got != status || !strings.Contains(body, says) || strings.Contains(body, mailKey) {
				t.Errorf("a test mail: %d %s, %v; want %d %s", got, body, err, status, says)
			}
		}
		kept := func(subject, to string) {
			t.Helper()
			if all := mails(t, p, to, 1); all[0].Subject != subject || all[0].From != "Latchkey <no-reply@localhost>" {
				t.Errorf("kept: %+v", all)
			}
		}

		kept("New sign-in", newUser())
		test(200, "true")
		if all := provider.taken(); len(all) != 0 {
			t.Errorf("sent without a key: %q", all)
		}

		admin.set(t, "RESEND_API_KEY", "re_another_"+mailKey)
		test(424, "API key is invalid: …")
		admin.set(t, "RESEND_API_KEY", mailKey)
		m := provider.find("New sign-in", newUser())
		if m.From != "Latchkey <no-reply@localhost>" || !strings.Contains(m.HTML, ">Latchkey</a>") || !strings.Contains(m.Text, p.origin) {
			t.Errorf("sent: %+v", m)
		}
		test(200, "true")
		provider.find("Test mail", "admin@example.test")

		admin.set(t, "APP_NAME", "Ann & Sons, Ltd.")
		if m := provider.find("New sign-in", newUser()); m.From != `"Ann & Sons, Ltd." <no-reply@localhost>` || !strings.Contains(m.Text, "Ann & Sons, Ltd.") {
			t.Errorf("sent: %+v", m)
		}
		admin.set(t, "MAIL_FROM", "Accounts <accounts@example.com>")
		if m := provider.find("New sign-in", newUser()); m.From != "Accounts <accounts@example.com>" {
			t.Errorf("sent: %+v", m)
		}

		admin.set(t, "NEW_DEVICE_MAIL", "false")
		quiet := newUser()
		admin.set(t, "APP_NAME", "Latchkey")
		admin.set(t, "MAIL_FROM", "")
		admin.set(t, "RESEND_API_KEY", "")
		admin.set(t, "NEW_DEVICE_MAIL", "true")
		kept("New sign-in", newUser())
		for _, mail := range provider.taken() {
			if strings.HasSuffix(mail, quiet) {
				t.Errorf("sent although the key is off: %s", mail)
			}
		}
		for where, text := range map[string]string{"the database": storetest.Dump(t, flags[1]), "the log": p.said.String()} {
			if strings.Contains(text, mailKey) {
				t.Errorf("%s has the key", where)
			}
		}
	})
}
