package account

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/backend/setting"
	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

// TestMailBody holds that a mail says whose it is and when, from where and with
// what something was done; and that it leads nowhere but to us, whatever others
// have put in.
func TestMailBody(t *testing.T) {
	settings, err := setting.NewCache(func(key string) string { return map[string]string{"APP_NAME": `Ann & Sons <b>"`}[key] })
	if err != nil {
		t.Fatal(err)
	}
	const link = "https://accounts.example.com/reset-password?token=a-b_c&x=1"
	s := &Service{
		Settings: settings, RelyingParty: webauthn.RelyingParty{Origins: []string{"https://accounts.example.com", "https://other.example"}},
		Now: func() time.Time { return time.Date(2026, 11, 24, 14, 5, 0, 0, time.UTC) },
	}
	from := Client{IP: "2001:db8::1", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"}
	passkey := Passkey{Name: new("<script>alert(1)</script>")}
	m := s.mail(User{Email: "ann@example.test"}, from, message.MailPasskeyAddedSubject,
		say(message.MailPasskeyAdded, passkey.called()),
		open(link), verbatim("https://accounts.example.com/x"), s.occasion(from))

	for _, want := range []string{
		link + "\n", "\n-- \nAnn & Sons <b>\"\nhttps://accounts.example.com\n",
		"It was at 14:05 on 24 November 2026 UTC, from 2001:db8::1, with Firefox 153 on Windows.",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, m.Text)
		}
	}
	for _, want := range []string{
		`<a href="https://accounts.example.com/reset-password?token=a-b_c&amp;x=1">`, `<p>https://accounts.example.com/x</p>`,
		`<a href="https://accounts.example.com">Ann &amp; Sons &lt;b&gt;&#34;</a>`, "<title>A passkey was added</title>",
		"from 2001:db8::1, with Firefox 153 on Windows.",
	} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, m.HTML)
		}
	}
	for _, never := range []string{"<script", "<b>", "<i>", "<img", "src=", "url(", "@import"} {
		if strings.Contains(m.HTML, never) {
			t.Errorf("the HTML has %q", never)
		}
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(m.HTML, -1) {
		if !strings.HasPrefix(href[1], "https://accounts.example.com") {
			t.Errorf("a link to %s", href[1])
		}
	}
}

// TestMailLanguage holds that a mail is in the language that its reader has
// chosen, or else in that of whoever did what it tells of.
func TestMailLanguage(t *testing.T) {
	settings, err := setting.NewCache(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{
		Settings: settings, RelyingParty: webauthn.RelyingParty{Origins: []string{"https://accounts.example.com"}},
		Now: func() time.Time { return time.Date(2026, 11, 4, 9, 5, 0, 0, time.UTC) },
	}
	const english, german = "It was at 09:05 on 4 November 2026 UTC, from an unknown address, with an unknown browser.",
		"Es war am 4.11.2026 um 09:05 Uhr (UTC), von einer unbekannten Adresse, mit einem unbekannten Browser."
	for _, tt := range []struct{ chosen, browser, lang, subject, occasion string }{
		{"", "", "en", "New sign-in", english},
		{"", "de", "de", "Neue Anmeldung", german},
		{"de", "en", "de", "Neue Anmeldung", german},
		{"en", "de", "en", "New sign-in", english},
	} {
		from := Client{Language: tt.browser}
		m := s.mail(User{Language: tt.chosen}, from, message.MailNewSignInSubject, s.occasion(from))
		if m.Subject != tt.subject || !strings.HasPrefix(m.Text, tt.occasion+"\n\n-- \n") ||
			!strings.Contains(m.HTML, `<html lang="`+tt.lang+`">`) || !strings.Contains(m.HTML, "<p>"+tt.occasion+"</p>") {
			t.Errorf("to who has chosen %q, from a browser that reads %q, the mail is %q: %s%s", tt.chosen, tt.browser, m.Subject, m.Text, m.HTML)
		}
	}
}

func TestDeviceInMail(t *testing.T) {
	const chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
	for userAgent, want := range map[string]string{
		chrome:                      "Chrome 140 on Android",
		"curl/8.15.0":               "curl 8",
		"":                          "an unknown browser",
		"evil.example":              "an unknown browser",
		"https://evil.example/call": "an unknown browser",
		"Your account is closed please call us at 0800 123456": "an unknown browser",
		"a\nb": "an unknown browser",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/390.0.0 Mobile/15E148 Safari/604.1": "Google app 390 on iOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148":                          "an app on iOS",
	} {
		if got := deviceInMail(userAgent).words(message.English); got != want {
			t.Errorf("%q is %q in a mail; want %q", userAgent, got, want)
		}
	}
}
