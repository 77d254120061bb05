package smtpurl

import (
	"errors"
	"strings"
	"testing"
)

// TestParse tests which URLs name an email server, and that the error of any other text does
// not contain it.
func TestParse(t *testing.T) {
	long := strings.Repeat("k", 700)
	for text, want := range map[string]Server{
		"smtp://smtp.example.com":                  {Host: "smtp.example.com", Port: "587", TLS: StartTLS},
		"smtp://smtp.example.com/":                 {Host: "smtp.example.com", Port: "587", TLS: StartTLS},
		"smtp://smtp.example.com:2525":             {Host: "smtp.example.com", Port: "2525", TLS: StartTLS},
		"smtps://smtp.example.com":                 {Host: "smtp.example.com", Port: "465", TLS: Implicit},
		"smtp://mailpit:1025?tls=none":             {Host: "mailpit", Port: "1025", TLS: None},
		"smtp://127.0.0.1?tls=none":                {Host: "127.0.0.1", Port: "587", TLS: None},
		"smtp://[2001:db8::1]:25":                  {Host: "2001:db8::1", Port: "25", TLS: StartTLS},
		"smtps://me:word@smtp.example.com":         {Host: "smtp.example.com", Port: "465", TLS: Implicit, User: "me", Password: "word"},
		"smtp://me%40example.com:a%2Fb%23@host:25": {Host: "host", Port: "25", User: "me@example.com", Password: "a/b#"},
		"smtp://me@example.com:p@ss:w*rd@host":     {Host: "host", Port: "587", User: "me@example.com", Password: "p@ss:w*rd"},
		"smtp://apikey:" + long + "@host":          {Host: "host", Port: "587", User: "apikey", Password: long},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "smtp.example.com", "smtp.example.com:587", "smtp:smtp.example.com", "http://smtp.example.com", "SMTP", "smtp://", "smtp://:25",
		"smtp://host/path", "smtp://host?", "smtp://host?tls=off", "smtp://host?tls=none&x=y", "smtps://host?tls=none", "smtp://host?tls=none#x",
		"smtp://host#", "smtp://host:0", "smtp://host:65536", "smtp://host:x", "smtp://ho st", "smtp://host\r\n", "smtp://bücher.example",
		"smtp://-host", "smtp://ho_st%00", "smtp://me@host", "smtp://:word@host", "smtp://me:@host", "smtp://me:a#b@host", "smtp://me:a/b@host",
		"smtp://me:50%@host", "smtp://me:a%00b@host", "smtp://me:a%0d%0ab@host", "smtp://me:****@host", "smtp://me:xxxx@host",
		"smtp://me:%E2%80%A2%E2%80%A2@host", "smtp://me:" + strings.Repeat("k", 1000) + "@host",
	} {
		got, err := Parse(text)
		if !errors.Is(err, ErrInvalid) || got != (Server{}) || err.Error() != ErrInvalid.Error() {
			t.Errorf("Parse(%q) = %+v, %v; want ErrInvalid", text, got, err)
		}
	}
}
