package shared

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestParseName tests that ParseName accepts names in any script, even with characters that
// are newer than Go's tables, and refuses characters that change the text around them.
func TestParseName(t *testing.T) {
	flag := func(region string) string {
		tags := strings.Map(func(r rune) rune { return 0xe0000 + r }, region)
		return "\U0001f3f4" + tags + "\U000e007f"
	}
	for what, names := range map[string][]string{
		"scripts": {
			"Ann", "Zoë", "Zoe\u0308", "José María", "O’Brien", "d'Arc-Müller", "Łukasz", "Nguyễn Văn A", "Ключ", "Ελένη", "Նարե", "ნინო",
			"محمد", "می\u200cخواهم", "משה", "שָׁלוֹם", "अनिल", "क्\u200dष", "தமிழ்", "ภาษาไทย", "ไทย\u200bแลนด์", "ကို", "ភា\u200bសា",
			"ᠮᠣᠩ\u180eᠭᠣᠯ", "王小明",
			"\u845b\U000e0100城", "さくら", "김철수", "Tom & Jerry: 100% <b>\"x\"</b>", "a·b•c—d", "x\u00a0y\u3000z", "\u0301a",
		},
		"newer than Go's tables": {"王\U0002ebf0", "\U0002ebf0", "\U0001fae9", "\U0001faea",
			"\U00032000", "\u0378", "\U000e0fff a"},
		"private use":        {"\ue000", "\uf8ff", "\U000f0000", "\U0010fffd"},
		"marks of direction": {"משה\u200f", "\u200fمحمد (Ann)\u200e", "\u061cمحمد", "Ann\u200e"},
		"format characters that stay within a word": {"co\u00adop", "a\u2060b", "a\u200bb", "f\u2061(x)", "\u0600١٢",
			"\U00013000\U00013430\U00013001", "\U0001bc00\U0001bca0"},
		"emoji": {
			"😀", "👩\u200d💻", "👨\u200d👩\u200d👧\u200d👦", "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", "👍🏽", "🇩🇪", "1\ufe0f\u20e3", "🏴", "🏴\u200d☠\ufe0f",
			flag("gbwls"), "Ann " + flag("gbsct") + flag("gbeng") + "!", flag("usca"), flag("826a1b2"),
		},
		"replacement characters": {"a\ufffdb", "a\ufffcb"}, // they are visible and change nothing
	} {
		for _, name := range names {
			if got, ok := ParseName(name); !ok || got != name {
				t.Errorf("%s: ParseName(%+q) = %+q, %v; want the same", what, name, got, ok)
			}
		}
	}
	for what, names := range map[string][]string{
		"controls":   {"\x00", "a\tb", "a\nb", "a\r\nBcc: x", "\x1b[31m", "a\x7f", "\u0085", "\u009b31m"},
		"separators": {"a\u2028b", "a\u2029b", "\u2028"},
		"directions that last": {"a\u202ab", "\u202bb", "\u202c", "a\u202db", "\u202egnihtemos", "\u2066a\u2069",
			"\u2067a", "\u2068a", "a\u2069"},
		"deprecated":          {"a\u206a", "\u206ba", "\u206ca", "\u206da", "\u206ea", "a\u206f"},
		"annotation":          {"\ufff9a\ufffab\ufffb"},
		"music":               {"\U0001d173a\U0001d174", "\U0001d17a"},
		"the byte order mark": {"\ufeffx", "a\ufeff"},
		"not characters":      {"\ufffe", "a\uffff", "\ufdd0", "\ufdef", "\U0001fffe", "\U0010ffff"},
		"invalid UTF-8":       {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"},
		"tags outside a flag": {
			"\U000e0001", "a\U000e0041", "\U0001f600\U000e0067\U000e0062\U000e007f", strings.TrimSuffix(flag("gbwls"), "\U000e007f"), flag(""),
			flag("gb"), flag("ignoreme"), flag("GBWLS"), flag("a bcd"), flag("gbwls") + "\U000e007f",
			"\U0001f3f4x\U000e0067\U000e0062\U000e0065\U000e007f",
		},
	} {
		for _, name := range names {
			if got, ok := ParseName(name); ok || got != "" {
				t.Errorf("%s: ParseName(%+q) = %+q, %v; want a refusal", what, name, got, ok)
			}
		}
	}
	for _, name := range []string{
		"", " ", "\u00a0\u3000", "\u200b", "\u200d\u200c", "\u200e\u200f", "\u00ad", "\u2060", "\u034f", "\u115f\u1160", "\u3164", "\uffa0",
		"\u2800", "\ufe0f",
		"\U000e0100", "\u180e", " \u200b ", "\u061c",
	} {
		if got, ok := ParseName(name); !ok || got != "" {
			t.Errorf("ParseName(%+q) = %+q, %v; want an empty name", name, got, ok)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, name := range []string{"Ann", "\u202egnihtemos", "🏴\U000e0067\U000e0062\U000e0077\U000e007f", "\U0002ebf0", "a\x00", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, ok := ParseName(text)
		if name != "" && name != text || !ok && name != "" || ok && !utf8.ValidString(text) {
			t.Errorf("ParseName(%q) = %q, %v", text, name, ok)
		}
		if ok && strings.ContainsFunc(text, func(r rune) bool {
			return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
		}) {
			t.Errorf("ParseName takes %q", text)
		}
		if strings.ContainsFunc(text, unicode.IsLetter) && !strings.ContainsAny(text, "\u115f\u1160\u3164\uffa0") && ok && name == "" {
			t.Errorf("ParseName sees nothing in %q", text)
		}
	})
}
