package mailer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/mail/smtpurl"
	"latchkey/backend/testkit"
)

// newSMTPMailer returns a Mailer that uses the email server at an address without TLS.
func newSMTPMailer(address string) *Mailer {
	return New(Config{
		Settings: func() Settings {
			return Settings{Name: "Ann & Söhne", SMTP: "smtp://" + address + "?tls=none", APIKey: "re_unused"}
		},
		Host: "example.com", Log: slog.New(slog.DiscardHandler),
	})
}

// to returns an email with an ID of its own to an address.
func to(address string) mail.Mail {
	m := email
	m.ID, m.Recipient = "id-of-"+strings.Trim(strings.ReplaceAll(address, "@", "-"), "."), address
	return m
}

// awaitInbox waits until the server has n emails to the address, and returns them.
func awaitInbox(t *testing.T, p *testkit.Postfix, address string, n int) (all []*netmail.Message) {
	t.Helper()
	testkit.Eventually(t, "the email to "+address+" has arrived", func() bool {
		all = p.Inbox(address)
		return len(all) >= n
	}, p.Log)
	if len(all) != n {
		t.Fatalf("%d emails to %s; want %d", len(all), address, n)
	}
	return all
}

// wantRefused checks that a delivery fails with an error that contains a text.
func wantRefused(t *testing.T, err error, want string) *mail.RefusedError {
	t.Helper()
	refused, ok := errors.AsType[*mail.RefusedError](err)
	if !ok || !strings.Contains(refused.Reason, want) {
		t.Fatalf("%v; want %q", err, want)
	}
	return refused
}

// TestSMTP tests that an email arrives whole at an email server, and that a connection
// serves several emails.
func TestSMTP(t *testing.T) {
	t.Parallel()
	p := testkit.StartPostfix(t)
	m := newSMTPMailer(p.Clear)
	e := to("foo..bar@docomo.ne.jp")
	e.Subject = "Schöne Grüße, ein langer Betreff für eine Zeile der Kopfzeilen einer E-Mail, die zu lang ist"
	e.Text = "012345\r\n.\r\n. mit Punkt und ü\n" + strings.Repeat("lang ", 300) + "\n"
	for _, e := range []mail.Mail{e, to("a&b@example.com"), to(".foo.@docomo.ne.jp"), to("user@xn--bcher-kva.example")} {
		if err := m.Deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	// Postfix writes what a connection was used for when it ends. An unused one may end while the test waits below.
	if unused := len(m.connections.idle); unused != 1 || strings.Contains(p.Log(), "ehlo=") {
		t.Errorf("the emails did not share a connection; %d are unused:\n%s", unused, p.Log())
	}
	for _, address := range []string{"a&b@example.com", `".foo."@docomo.ne.jp`, "user@xn--bcher-kva.example"} {
		awaitInbox(t, p, address, 1)
	}
	got := awaitInbox(t, p, `"foo..bar"@docomo.ne.jp`, 1)[0]
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != e.Subject {
		t.Errorf("the subject is %q, %v", subject, err)
	}
	from, err := got.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Ann & Söhne" || from[0].Address != "no-reply@example.com" {
		t.Errorf("From: %v, %v", from, err)
	}
	for name, want := range map[string]string{
		"Return-Path": "<no-reply@example.com>", "To": `<"foo..bar"@docomo.ne.jp>`, "Mime-Version": "1.0",
		"Message-Id": "<" + e.ID + "@example.com>", "Date": "Tue, 24 Nov 2026 14:05:00 +0000", "Auto-Submitted": "auto-generated",
	} {
		if all := got.Header[name]; len(all) != 1 || all[0] != want {
			t.Errorf("%s: %q; want %q", name, all, want)
		}
	}
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type: %s, %v", kind, err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []struct{ kind, content string }{
		{"text/plain; charset=UTF-8", strings.ReplaceAll(e.Text, "\r\n", "\n")}, {"text/html; charset=UTF-8", e.HTML},
	} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		text, kind := strings.ReplaceAll(string(content), "\r\n", "\n"), part.Header.Get("Content-Type")
		if err != nil || text != want.content || kind != want.kind {
			t.Errorf("the part of type %s is %q, %v; want %q", kind, text, err, want)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("there are more than two parts: %v", err)
	}
	p.Kill()
	wantRefused(t, m.Deliver(t.Context(), to("down@example.com")), "cannot be reached: connect: connection refused")
	p.Start()
	if err := m.Deliver(t.Context(), to("up@example.com")); err != nil {
		t.Errorf("after a restart of the server: %v", err)
	}
}

// TestSMTPRefusals tests the answers with which an email server refuses an email, and that
// the next email arrives.
func TestSMTPRefusals(t *testing.T) {
	t.Parallel()
	p := testkit.StartPostfix(t)
	m := newSMTPMailer(p.Clear)
	p.SetPolicy(func(e testkit.Envelope) string {
		if local, _, _ := strings.Cut(e.Recipient, "@"); e.State == "RCPT" {
			return map[string]string{"unknown": "550 5.1.1 No such mailbox", "grey": "450 4.7.1 Come back later", "busy": "421 4.3.2 Closing"}[local]
		} else if local == "spam" {
			return "554 5.7.1 This is spam"
		}
		return ""
	})
	for address, want := range map[string]string{
		"unknown@example.com": "says: 550 5.1.1 ", "grey@example.com": "says: 450 4.7.1 ", "busy@example.com": "says: 421 4.3.2 ",
		"spam@example.com": "says: 554 5.7.1 ",
	} {
		refused := wantRefused(t, m.Deliver(t.Context(), to(address)), "The email server "+p.Clear+" "+want)
		if refused.RetryAfter != 0 {
			t.Errorf("%s: retry after %v", address, refused.RetryAfter)
		}
		next := "after-" + address
		if err := m.Deliver(t.Context(), to(next)); err != nil {
			t.Fatalf("after the refusal of %s: %v", address, err)
		}
		awaitInbox(t, p, next, 1)
		if n := len(p.Inbox(address)); n != 0 {
			t.Errorf("%d emails to %s arrived", n, address)
		}
	}
	for _, injected := range []string{"a@example.com>\r\nRCPT TO:<eve@example.com", "a@example.com\nBcc: eve@example.com"} {
		if err := m.Deliver(t.Context(), to(injected)); err == nil {
			t.Errorf("an email to %q was sent", injected)
		}
	}
	e := to("header@example.com")
	e.Subject = "A\r\nBcc: eve@example.com\r\n\r\nbody"
	if err := m.Deliver(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := awaitInbox(t, p, "header@example.com", 1)[0]; got.Header.Get("Bcc") != "" || len(p.Inbox("eve@example.com")) != 0 {
		t.Errorf("a subject adds headers: %v", got.Header)
	}
}

// TestSMTPConnectionFails tests connections that break or hang while an email is sent.
func TestSMTPConnectionFails(t *testing.T) {
	t.Parallel()
	p := testkit.StartPostfix(t)
	relay := testkit.StartRelay(t, p.Clear)
	m := newSMTPMailer(relay.Address)
	fault := func(what testkit.Fault, fromClient bool, text string) {
		relay.SetFault(func(from bool, data string) testkit.Fault {
			if from == fromClient && strings.Contains(data, text) {
				return what
			}
			return testkit.Pass
		})
	}
	for address, with := range map[string]func(){
		"greeting@example.com":  func() { fault(testkit.Cut, false, "220 ") },
		"recipient@example.com": func() { fault(testkit.Cut, true, "RCPT TO") },
		"content@example.com":   func() { fault(testkit.Cut, true, "Subject:") },
	} {
		m.connections.pop("") // closes those that are open
		with()
		wantRefused(t, m.Deliver(t.Context(), to(address)), "The email server "+relay.Address+" closed the connection.")
		relay.SetFault(nil)
		if err := m.Deliver(t.Context(), to(address)); err != nil {
			t.Fatal(err)
		}
		awaitInbox(t, p, address, 1)
	}

	// A connection that breaks while it is unused is replaced.
	relay.SetFault(func(bool, string) testkit.Fault { return testkit.Cut })
	m.connections.mu.Lock()
	for _, c := range m.connections.idle {
		c.client.Noop()
	}
	m.connections.mu.Unlock()
	relay.SetFault(nil)
	if err := m.Deliver(t.Context(), to("idle@example.com")); err != nil {
		t.Error(err)
	}

	// The server accepts the email, and its answer is lost: the email is sent again, and the
	// two can be recognized as one.
	fault(testkit.Cut, false, "queued as")
	wantRefused(t, m.Deliver(t.Context(), to("lost@example.com")), "closed the connection")
	relay.SetFault(nil)
	if err := m.Deliver(t.Context(), to("lost@example.com")); err != nil {
		t.Fatal(err)
	}
	for _, twin := range awaitInbox(t, p, "lost@example.com", 2) {
		if got := twin.Header.Get("Message-Id"); got != "<id-of-lost-example.com@example.com>" {
			t.Errorf("the Message-ID is %s", got)
		}
	}

	// The server does not answer in time, before and after it has the email.
	for text, wait := range map[string]time.Duration{"250 2.1.5": 0, "queued as": unansweredWait} {
		ctx, cancel := context.WithCancel(t.Context())
		relay.SetFault(func(fromClient bool, data string) testkit.Fault {
			if !fromClient && strings.Contains(data, text) {
				cancel() // as the timeout does, without the wait
				return testkit.Hold
			}
			return testkit.Pass
		})
		refused := wantRefused(t, m.Deliver(ctx, to("slow@example.com")), "The email server "+relay.Address+" did not respond in time.")
		if refused.RetryAfter != wait {
			t.Errorf("without %q: retry after %v; want %v", text, refused.RetryAfter, wait)
		}
	}
}

// TestSMTPIdle tests that unused connections are closed: after a change of the setting, and
// after a while.
func TestSMTPIdle(t *testing.T) {
	t.Parallel()
	p := testkit.StartPostfix(t)
	m := newSMTPMailer(p.Clear)
	if err := m.Deliver(t.Context(), to("one@example.com")); err != nil {
		t.Fatal(err)
	}
	m.connections.pop("smtp://another.example.com")
	testkit.Eventually(t, "the connection is closed", func() bool {
		return strings.Contains(p.Log(), "disconnect from unknown[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1")
	}, p.Log)
	if err := m.Deliver(t.Context(), to("two@example.com")); err != nil {
		t.Fatal(err)
	}
	m.connections.mu.Lock()
	m.connections.idle[0].expiry.Reset(0) // as after idleTimeout
	m.connections.mu.Unlock()
	testkit.Eventually(t, "the connection is closed", func() bool {
		m.connections.mu.Lock()
		defer m.connections.mu.Unlock()
		return len(m.connections.idle) == 0 && strings.Count(p.Log(), "quit=1") == 2
	}, p.Log)
}

// TestRequirePrivate tests to which addresses a connection may be without TLS.
func TestRequirePrivate(t *testing.T) {
	for address, private := range map[string]bool{
		"127.0.0.1:25": true, "[::1]:25": true, "10.1.2.3:25": true, "172.31.0.2:587": true, "192.168.1.1:25": true, "[fd00::1]:25": true,
		"169.254.1.1:25": true, "[fe80::1%eth0]:25": true, "[::ffff:10.0.0.1]:25": true,
		"203.0.113.5:25": false, "172.32.0.1:25": false, "[2001:db8::1]:25": false, "100.64.0.1:25": false, "[::ffff:203.0.113.5]:25": false,
		"nonsense": false,
	} {
		if err := requirePrivate("tcp", address, nil); (err == nil) != private {
			t.Errorf("%s: %v", address, err)
		}
	}
	m := newSMTPMailer("203.0.113.5:25") // reserved for documents
	wantRefused(t, m.Deliver(t.Context(), to("a@example.com")), "is not in a private network. Nothing was sent.")
}

// TestSMTPSecrets tests that the error of an email server has no password.
func TestSMTPSecrets(t *testing.T) {
	for _, said := range []string{"no secret word", "no c2VjcmV0IHdvcmQ=", "no AG1lAHNlY3JldCB3b3Jk"} {
		why := sentence(said, secretsOf(mustParse(t, "smtp://me:secret%20word@host"))...)
		if why != "no …" {
			t.Errorf("%q is reported as %q", said, why)
		}
	}
}

func mustParse(t *testing.T, url string) smtpurl.Server {
	t.Helper()
	s, err := smtpurl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
