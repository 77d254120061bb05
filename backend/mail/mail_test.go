package mail

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/backend/keyring"
	"latchkey/shared/message"
)

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"

var (
	sender         = Sender{Name: `Ann & Sons <b>"`, Origin: "https://accounts.example.com"}
	requestContext = RequestContext{At: time.Date(2026, 11, 24, 14, 5, 0, 0, time.UTC), IP: "2001:db8::1", UserAgent: firefox}
)

// link is a link that the tests expect in emails.
const link = "https://accounts.example.com/reset-password?token=a-b_c&x=1"

// notices lists all kinds of emails, with values that an attacker might choose.
func notices() []Notice {
	hostile := "<script>alert(1)</script> https://evil.example %s %d"
	all := []Notice{
		VerifyEmail{link}, HaveAccount{link, link}, AgreeEmailChange{hostile, link}, VerifyNewEmail{link}, ForgotPassword{link},
		DeleteAccount{link}, SignInCode{"012345", 3 * time.Minute, false}, SignInCode{"012345", 3 * time.Minute, true},
		CodeGuessing{}, CodeGuessing{InSession: true}, CodeGuessing{Permanent: true}, AccountSecured, EmergencyAccess{},
		SecretSettingChanged{hostile, hostile}, Test, FactorsReset{}, FactorsReset{Passkeys: true}, SignedOutEverywhere,
		AccountDisabled, AccountEnabled, AccountDeleted, EmailChanged{hostile},
	}
	changes := []Change{
		NewSignIn, PasswordChanged, PasswordReset, PasswordSetAfterReport, PasswordSetByOperatorLink, EmailChanged{hostile},
		TwoFactorEnabled, TwoFactorDisabled, AuthenticatorReplaced, TOTPKeyShown, BackupCodesMade,
		BackupCodeUsed{}, BackupCodeUsed{Left: 1}, BackupCodeUsed{Left: 2}, BackupCodeUsed{Left: 9}, BackupCodeUsed{9, true},
		PasskeyAdded{}, PasskeyAdded{&hostile}, PasskeyRemoved{&hostile}, PasskeyCopied{&hostile},
	}
	for _, c := range changes {
		for _, entered := range []string{"", "password", "password+new-code"} {
			for _, factor := range []string{"", "totp", "backup-code", "passkey"} {
				all = append(all, Alert{c, entered, factor, link})
			}
		}
	}
	return all
}

// TestNotices checks that every kind of email has a subject, a text and the same
// text in HTML, in each language. Whatever its values, it must link only to the
// service and load no resources.
func TestNotices(t *testing.T) {
	unescaped := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&#43;", "+", "&amp;", "&")
	for _, l := range message.Languages {
		for _, n := range notices() {
			m := sender.Compose(Reader{"ann@example.test", l.Tag, "Ann"}, requestContext, n)
			what := fmt.Sprintf("%s: %T %+v", l.Tag, n, n)
			if m.ID == "" || m.Recipient != "ann@example.test" || m.Subject == "" || m.CreatedAt != requestContext.At ||
				m.LeasedUntil != requestContext.At {
				t.Errorf("%s: %+v", what, m)
			}
			if strings.Contains(m.Subject+m.Text, "%!") || !strings.Contains(m.HTML, `<html lang="`+l.Tag+`">`) {
				t.Errorf("%s: a value is missing, or the language is wrong:\n%s%s", what, m.Text, m.HTML)
			}
			body, _, _ := strings.Cut(m.Text, "\n\n-- \n")
			for line := range strings.SplitSeq(body, "\n\n") {
				if line == "" || !strings.Contains(unescaped.Replace(m.HTML), line) {
					t.Errorf("%s: the HTML lacks %q:\n%s", what, line, m.HTML)
				}
			}
			for _, never := range []string{"<script", "<b>", "<i>", "<img", "src=", "url(", "@import"} {
				if strings.Contains(m.HTML, never) {
					t.Errorf("%s: the HTML has %q", what, never)
				}
			}
			for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(m.HTML, -1) {
				if !strings.HasPrefix(href[1], "https://accounts.example.com") {
					t.Errorf("%s: a link to %s", what, href[1])
				}
			}
			if wants := strings.Contains(fmt.Sprintf("%+v", n), link); wants != strings.Contains(m.Text, link+"\n") ||
				wants != strings.Contains(m.HTML, `<a href="`+strings.ReplaceAll(link, "&", "&amp;")+`" style="display: inline-block`) {
				t.Errorf("%s: the link is missing:\n%s%s", what, m.Text, m.HTML)
			}
		}
	}
}

// TestAlert checks that an alert states the change, what confirmed it,
// and the time, the address and the device, in this order.
func TestAlert(t *testing.T) {
	name := "<i>key"
	m := sender.Compose(Reader{Address: "ann@example.test"}, requestContext, Alert{PasskeyAdded{&name}, "password", "totp", link})
	en := message.English
	added := en.T(message.MailPasskeyAdded, en.T(message.MailPasskeyName, name))
	want := strings.Join([]string{
		added,
		en.T(message.MailConfirmedInSession, en.T(message.ProofPassword), en.T(message.ProofTOTP)),
		en.T(message.MailRequestContext, "Nov 24, 2026, 2:05 PM", "2001:db8::1", "Windows PC · Firefox"),
		"",
	}, "\n\n")
	end := "\n\n" + link + "\n\n-- \nAnn & Sons <b>\"\nhttps://accounts.example.com\n"
	if !strings.HasPrefix(m.Text, want) || !strings.HasSuffix(m.Text, end) {
		t.Errorf("the text is\n%s; want\n%s", m.Text, want)
	}
	for _, want := range []string{
		"<title>" + en.T(message.MailPasskeyAddedSubject) + "</title>",
		"<p>" + html.EscapeString(added),
		`<a href="https://accounts.example.com">Ann &amp; Sons &lt;b&gt;&#34;</a>`,
	} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, m.HTML)
		}
	}
}

// TestGreeting checks that an email greets its reader by name, unless the name could be a
// message or a link.
func TestGreeting(t *testing.T) {
	for name, want := range map[string]string{
		"Ada": "Ada", " Augusta Ada King ": "Augusta Ada King", "Renée O’Neill-Pérez": "Renée O’Neill-Pérez", "李娜": "李娜", "अनीता": "अनीता",
		"": "", " ": "", "-": "", "evil.example": "", "https://evil.example": "", "Ada\nKing": "", "call 0800 123456": "", "<b>Ada": "",
		strings.Repeat("a", 41): "",
	} {
		m := sender.Compose(Reader{Name: name}, requestContext, Test)
		greeting := message.English.T(message.MailGreeting, want) + "\n\n"
		if want == "" {
			greeting = message.English.T(message.MailTest)
		}
		if !strings.HasPrefix(m.Text, greeting) {
			t.Errorf("%q: %q; want it to begin with %q", name, m.Text, greeting)
		}
	}
}

// TestRequestContext checks how an email states the time and the address of a
// request.
func TestRequestContext(t *testing.T) {
	for ip, address := range map[string]string{"": message.English.T(message.AnUnknownAddress), "192.0.2.1": "192.0.2.1"} {
		m := sender.Compose(Reader{}, RequestContext{At: requestContext.At, IP: ip}, Test)
		want := message.English.T(message.MailRequestContext, "Nov 24, 2026, 2:05 PM", address, message.English.T(message.AnUnknownBrowser))
		if !strings.Contains(m.Text, want) {
			t.Errorf("from %q: %s; want %q", ip, m.Text, want)
		}
	}
}

// TestDevice checks how an email names the device of a user agent, which an
// attacker may have chosen.
func TestDevice(t *testing.T) {
	const chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
	unknown := message.English.T(message.AnUnknownBrowser)
	for userAgent, want := range map[string]string{
		chrome:                      "Android phone · Chrome",
		"curl/8.15.0":               "curl",
		"":                          unknown,
		"evil.example":              unknown,
		"https://evil.example/call": unknown,
		"Your account is closed please call us at 0800 123456": unknown,
		"a\nb": unknown,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/390.0.0 Mobile/15E148 Safari/604.1": "iPhone · Google app",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148":                          "iPhone · an app",
	} {
		m := sender.Compose(Reader{}, RequestContext{UserAgent: userAgent}, Test)
		context := message.English.T(message.MailRequestContext, "Jan 1, 0001, 12:00 AM", message.English.T(message.AnUnknownAddress), want)
		if !strings.Contains(m.Text, context) {
			t.Errorf("%q is %q; want %q", userAgent, m.Text, want)
		}
	}
}

// TestSealed checks that the content of a sealed email is encrypted, and that it
// cannot be sent to another address or with another subject.
func TestSealed(t *testing.T) {
	keys := keyring.New()
	m := sender.Compose(Reader{Address: "ann@example.test"}, requestContext, ForgotPassword{link})
	sealed := m.Sealed(keys)
	if strings.Contains(fmt.Sprintf("%+v", sealed), link) {
		t.Errorf("the link is in clear: %+v", sealed)
	}
	if got, err := sealed.Unsealed(keys); got != m || err != nil {
		t.Errorf("unsealed: %+v, %v; want %+v", got, err, m)
	}
	for what, change := range map[string]func(*Mail){
		"to another address":    func(m *Mail) { m.Recipient = "bob@example.test" },
		"under another subject": func(m *Mail) { m.Subject = "Hello" },
		"as another email":      func(m *Mail) { m.ID = "other" },
		"with the parts mixed":  func(m *Mail) { m.Text, m.HTML = m.HTML, m.Text },
	} {
		other := sealed
		change(&other)
		if got, err := other.Unsealed(keys); err == nil || strings.Contains(got.Text, link) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}
