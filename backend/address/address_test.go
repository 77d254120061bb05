package address

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"latchkey/shared"
)

func TestParse(t *testing.T) {
	const docomo = "@docomo.ne.jp"
	local64, label63 := strings.Repeat("l", 64), strings.Repeat("d", 63)
	longest := "." + label63 + "." + label63 + "." + label63 + ".example" // the end of an address of 254 bytes
	rest := strings.Repeat("x", 254-len("l@")-len(longest))
	for text, want := range map[string]string{
		"ann@example.com":                  "ann@example.com",
		"Ann.O'Brien+tag@Mail.EXAMPLE.com": "ann.o'brien+tag@mail.example.com",
		"a&b@example.com":                  "a&b@example.com",
		"!#$%&'*+-/=?^_`{|}~@example.com":  "!#$%&'*+-/=?^_`{|}~@example.com",
		"-@example.com":                    "-@example.com",
		"0123@example.com":                 "0123@example.com",
		"foo..bar" + docomo:                "foo..bar" + docomo,
		"Foo...Bar." + docomo:              "foo...bar." + docomo,
		"foo." + docomo:                    "foo." + docomo,
		".foo" + docomo:                    ".foo" + docomo,
		"a@1und1.de":                       "a@1und1.de",
		"a@b--c.example":                   "a@b--c.example",
		"a@r3---sn.example.com":            "a@r3---sn.example.com",
		"a@123.example":                    "a@123.example",
		"a@xn--e1afmkfd.xn--p1ai":          "a@xn--e1afmkfd.xn--p1ai",
		"a@XN--E1AFMKFD.XN--P1AI":          "a@xn--e1afmkfd.xn--p1ai",
		"a@пример.рф":                      "a@xn--e1afmkfd.xn--p1ai",
		"a@ПРИМЕР.РФ":                      "a@xn--e1afmkfd.xn--p1ai",
		"user@bücher.example":              "user@xn--bcher-kva.example",
		"User@BÜCHER.example":              "user@xn--bcher-kva.example",
		"user@bu\u0308cher.example":        "user@xn--bcher-kva.example",
		"user@xn--bcher-kva.example":       "user@xn--bcher-kva.example",
		"a@straße.example":                 "a@xn--strae-oqa.example", // not strasse
		"a@例え.テスト":                         "a@xn--r8jz45g.xn--zckzah",
		"a@例え。テスト":                         "a@xn--r8jz45g.xn--zckzah",
		"a@ｅｘａｍｐｌｅ．ｃｏｍ":                    "a@example.com",
		"a@مثال.إختبار":                    "a@xn--mgbh0fb.xn--kgbechtv",
		"a@דוגמה.טעסט":                     "a@xn--6dbbec0c.xn--deba0ad",
		"a@उदाहरण.परीक्षा":                 "a@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
		"a@نامه\u200cای.example":           "a@xn--mgba3gch31f060k.example", // the joiner is part of the name
		"a@ex\u00adample.com":              "a@example.com",
		"a@\u212aelvin.example":            "a@kelvin.example", // as in a browser
		"a@💩.la":                           "a@xn--ls8h.la",
		local64 + "@example.com":           local64 + "@example.com",
		"l@" + label63 + ".example":        "l@" + label63 + ".example",
		"l@" + rest + longest:              "l@" + rest + longest,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v; want %q", text, got, err, want)
		}
		if again, err := Parse(got); err != nil || again != got {
			t.Errorf("Parse(%q) = %q, %v; want the same", got, again, err)
		}
	}
	for _, text := range []string{
		"", "ann", "@", "@example.com", "ann@", "ann@@", "a@b", "a@localhost", "a@b.c", "a@com.", "a@example.com.", "a@example.com。",
		"a@.example.com", "a@example..com",
		"a@-example.com", "a@example-.com", "a@ex_ample.com", "a@example.c0m", "a@example.123", "a@192.0.2.1", "a@[192.0.2.1]",
		"a@[IPv6:2001:db8::1]",
		"a@xn--.com", "a@xn--a.com", "a@xn--bcher-.com", "a@example.xn--", "a@xn--bcher-kva\u0301.com",
		"a@ex ample.com", "a@exam\u202eple.com", "a@a\u05d0.com", "a@a\u200db.com", "a@\u0301a.com", "a@exam\uffffple.com", "a@\xff.com",
		"a@\ufffd.com", "a@ex%61mple.com", "a@ex/ample.com",
		" ann@example.com", "ann@example.com ", "ann@example.com\n", "a\r\nBcc: b@example.com", "a\tb@example.com", "a\x00@example.com",
		"a\x7f@example.com",
		"a b@example.com", "a,b@example.com", "a@example.com,b@example.com", "a;b@example.com", "<a@example.com>", "Ann <a@example.com>",
		"a(b)@example.com",
		`"ann"@example.com`, `"a b"@example.com`, `"a@b"@example.com`, `a\@example.com`, "a:b@example.com", "a@b@example.com", "[a]@example.com",
		".@example.com", "..@example.com",
		local64 + "l@example.com", "l@" + label63 + "d.example", "l@x" + rest + longest,
		"l@" + strings.Repeat("ü", 60) + ".example", "a@" + strings.Repeat("b.", 2000) + "example", "a＠example.com", "mailto:a@example.com",
	} {
		if got, err := Parse(text); !errors.Is(err, shared.ErrInvalidEmail) || got != "" {
			t.Errorf("Parse(%q) = %q, %v; want a refusal", text, got, err)
		}
	}
	for _, text := range []string{"jörg@example.com", "用户@例え.テスト", "\u212a@example.com", "ı@example.com", "ａ@example.com"} {
		var e *shared.Error
		if _, err := Parse(text); !errors.As(err, &e) || e.Code != "INVALID_EMAIL" || e.Message != shared.ErrEmailLocalPart.Message {
			t.Errorf("Parse(%q) fails with %v; want %s", text, err, shared.ErrEmailLocalPart.Message)
		}
	}
}

// FuzzParse checks that a parsed address is safe in the header of an email, has one
// canonical form, and can be read by an email program.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a@b.co", "a..b@c.de", "a@b", " a@b.co", "ä@b.co", "a@b.co\n", "o'brien+x@sub.example.test", "a@bücher.example",
		"a@xn--bcher-kva.example", `"a"@b.co`, "a@a。co",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(email); err != nil || again != email {
			t.Errorf("%q is read as %q, and that as %q, %v", s, email, again, err)
		}
		if strings.Count(email, "@") != 1 || len(email) > MaxLength || strings.ContainsFunc(email, func(r rune) bool {
			return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r) || 'A' <= r && r <= 'Z'
		}) {
			t.Errorf("%q is read as %q", s, email)
		}
		if a, err := mail.ParseAddress(SMTP(email)); err != nil || a.Address != email {
			t.Errorf("a mail program reads %q as %v, %v", SMTP(email), a, err)
		}
	})
}

func TestSMTP(t *testing.T) {
	for email, want := range map[string]string{
		"ann@example.com":       "ann@example.com",
		"a.b.c@example.com":     "a.b.c@example.com",
		"a&b@example.com":       "a&b@example.com",
		"foo..bar@docomo.ne.jp": `"foo..bar"@docomo.ne.jp`,
		"foo.@docomo.ne.jp":     `"foo."@docomo.ne.jp`,
		".foo@docomo.ne.jp":     `".foo"@docomo.ne.jp`,
	} {
		if got := SMTP(email); got != want {
			t.Errorf("SMTP(%s) = %s; want %s", email, got, want)
		}
	}
}

func TestParseSender(t *testing.T) {
	for text, want := range map[string]string{
		"accounts@example.com":                    "accounts@example.com",
		"Accounts@Example.com":                    "accounts@example.com",
		"<accounts@example.com>":                  "accounts@example.com",
		"Accounts <accounts@example.com>":         "Accounts <accounts@example.com>",
		"Accounts<accounts@example.com>":          "Accounts <accounts@example.com>",
		`"Accounts, Inc." <accounts@example.com>`: `"Accounts, Inc." <accounts@example.com>`,
		`"a <b>" <a@example.com>`:                 `"a <b>" <a@example.com>`,
		"Bücher <user@bücher.example>":            "Bücher <user@xn--bcher-kva.example>",
		"a@xn--e1afmkfd.xn--p1ai":                 "a@xn--e1afmkfd.xn--p1ai",
		"Почта <a@пример.рф>":                     "Почта <a@xn--e1afmkfd.xn--p1ai>",
		"王\U0002ebf0 <a@example.com>":             "王\U0002ebf0 <a@example.com>",
		"=?utf-8?q?J=C3=B6rg?= <j@example.com>":   "=?utf-8?q?J=C3=B6rg?= <j@example.com>",
		"foo..bar@docomo.ne.jp":                   `"foo..bar"@docomo.ne.jp`,
		`"foo..bar"@docomo.ne.jp`:                 `"foo..bar"@docomo.ne.jp`,
		`Foo <foo.@docomo.ne.jp>`:                 `Foo <"foo."@docomo.ne.jp>`,
		`Foo <"foo."@docomo.ne.jp>`:               `Foo <"foo."@docomo.ne.jp>`,
		"A&B <a&b@example.com>":                   "A&B <a&b@example.com>",
	} {
		got, ok := ParseSender(text)
		if !ok || got != want {
			t.Errorf("ParseSender(%s) = %s, %v; want %s", text, got, ok, want)
		}
		if again, ok := ParseSender(got); !ok || again != got {
			t.Errorf("ParseSender(%s) = %s, %v; want the same", got, again, ok)
		}
	}
	for _, text := range []string{
		"nobody", "a@b", "a@localhost", "Accounts", "a@example.com>", "A <a@example.com", "A <a@example.com>, B <b@example.com>",
		"a@example.com, b@example.com",
		"A <a@example.com>\r\nBcc: b@example.com", "A\r\nBcc: b@example.com <a@example.com>", "A\u202eB <a@example.com>",
		"Foo, Inc <a@example.com>",
		"=?utf-8?q?A=0D=0ABcc:?= <a@example.com>", "=?utf-8?q?A=E2=80=AEB?= <a@example.com>", "jörg@example.com", "A <jörg@example.com>",
		`"a b"@example.com`,
		`A <"a b"@example.com>`, "A <a@[192.0.2.1]>", "A <b <a@example.com>", "Group: a@example.com;",
	} {
		if got, ok := ParseSender(text); ok {
			t.Errorf("ParseSender(%q) = %q; want a refusal", text, got)
		}
	}
}
