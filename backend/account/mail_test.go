package account

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMailBody holds that a mail says whose it is and when, from where and with
// what something was done; and that it leads nowhere but to us, whatever others
// have put in.
func TestMailBody(t *testing.T) {
	live, err := NewLive(func(key string) string { return map[string]string{"APP_NAME": `Ann & Sons <b>"`}[key] })
	if err != nil {
		t.Fatal(err)
	}
	const link = "https://accounts.example.com/reset-password?token=a-b_c&x=1"
	s := &Service{
		Settings: live, RelyingParty: RelyingParty{Origins: []string{"https://accounts.example.com", "https://other.example"}},
		Now: func() time.Time { return time.Date(2026, 11, 24, 14, 5, 0, 0, time.UTC) },
	}
	from := Client{IP: "2001:db8::1", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"}
	m := s.mail(User{Email: "ann@example.test"}, "Subject <i>", "Ann’s passkey (“<script>alert(1)</script>”)", link, "https://other.example/x", s.occasion(from))

	for _, want := range []string{
		link + "\n", "\n-- \nAnn & Sons <b>\"\nhttps://accounts.example.com\n",
		"It was at 14:05 on 24 November 2026 UTC, from 2001:db8::1, with Firefox 153 on Windows.",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, m.Text)
		}
	}
	for _, want := range []string{
		`<a href="https://accounts.example.com/reset-password?token=a-b_c&amp;x=1">`, `<p>https://other.example/x</p>`,
		`<a href="https://accounts.example.com">Ann &amp; Sons &lt;b&gt;&#34;</a>`, "<title>Subject &lt;i&gt;</title>",
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
	} {
		if got := deviceInMail(userAgent); got != want {
			t.Errorf("%q is %q in a mail; want %q", userAgent, got, want)
		}
	}
}
