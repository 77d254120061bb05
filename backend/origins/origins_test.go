package origins_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/backend/origins"
)

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func below(t testing.TB, base string) origins.List {
	t.Helper()
	p, err := origins.Below(parse(t, base))
	if err != nil {
		t.Fatal(err)
	}
	return origins.List{p}
}

func TestContains(t *testing.T) {
	preview := below(t, "https://preview.example.com")
	for _, test := range []struct {
		list    origins.List
		yes, no []string
	}{
		{nil, nil, []string{"", "null", "https://example.com"}},
		{
			origins.List{origins.Exactly(parse(t, "https://app.example.com"))},
			[]string{"https://app.example.com"},
			[]string{
				"", "null", "http://app.example.com", "https://app.example.com:443", "https://app.example.com:8443",
				"https://x.app.example.com", "https://app.example.com.", "https://APP.example.com", "https://app.example.com.evil.com",
				"https://app.example.com/", "https://app.example.comx", "app.example.com",
			},
		},
		{
			preview,
			[]string{
				"https://a.preview.example.com", "https://a-b_1.preview.example.com", "https://b.a.preview.example.com",
				"https://xn--bcher-kva.preview.example.com",
			},
			[]string{
				"", "null", "https://preview.example.com", "https://.preview.example.com", "https://a..preview.example.com",
				"https://evil.com#.preview.example.com", "https://evil.com/.preview.example.com", "https://evil.com?.preview.example.com",
				`https://evil.com\.preview.example.com`, "https://evil.com%23.preview.example.com", "https://evil.com\t.preview.example.com",
				"https://evil.com\x00.preview.example.com", "https://evil.com .preview.example.com",
				"https://me@a.preview.example.com", "https://me:secret@a.preview.example.com", "https://a.preview.example.com@evil.com",
				"https://a.preview.example.com:443", "https://a.preview.example.com:8443", "https://evil.com:1.preview.example.com",
				"https://A.preview.example.com", "https://a.PREVIEW.example.com", "HTTPS://a.preview.example.com",
				"https://a.preview.example.com.", "https://preview.example.com.evil.com", "https://a.preview.example.com.evil.com",
				"https://apreview.example.com", "https://a.preview.example.org", "http://a.preview.example.com",
				"https://bücher.preview.example.com", "https://a。preview.example.com", "https://*.preview.example.com",
				"https://a.preview.example.com/", "https://a.preview.example.com, https://evil.com", "https://evil.com, https://a.preview.example.com",
				"a.preview.example.com", "//a.preview.example.com", "javascript:a.preview.example.com", "https:a.preview.example.com",
			},
		},
		{
			below(t, "https://preview.example.com:8443"),
			[]string{"https://a.preview.example.com:8443"},
			[]string{"https://a.preview.example.com", "https://a.preview.example.com:443", "https://a.preview.example.com:84430"},
		},
		{
			below(t, "http://localhost:3000"),
			[]string{"http://a.localhost:3000", "http://b.a.localhost:3000"},
			[]string{"http://localhost:3000", "http://a.localhost", "http://a.localhost:3001", "http://alocalhost:3000"},
		},
		{ // s3.amazonaws.com and all below elasticbeanstalk.com's regions are public suffixes
			below(t, "https://amazonaws.com"),
			[]string{"https://console.amazonaws.com"},
			[]string{"https://evil.s3.amazonaws.com", "https://s3.amazonaws.com", "https://evil.us-east-1.elasticbeanstalk.com"},
		},
		{
			append(below(t, "https://myteam.github.io"), preview...),
			[]string{"https://a.myteam.github.io", "https://a.preview.example.com"},
			[]string{"https://evil.github.io", "https://myteam.github.io"},
		},
	} {
		for _, origin := range test.yes {
			if !test.list.Contains(origin) {
				t.Errorf("%v does not contain %q", test.list, origin)
			}
		}
		for _, origin := range test.no {
			if test.list.Contains(origin) {
				t.Errorf("%v contains %q", test.list, origin)
			}
		}
	}
}

func TestBelowRefuses(t *testing.T) {
	for base, want := range map[string]string{
		"https://com":                     "https://*.preview.example.com",
		"https://co.uk":                   "https://*.preview.example.co.uk",
		"https://github.io":               "public suffix",
		"https://vercel.app":              "public suffix",
		"https://s3.amazonaws.com":        "public suffix",
		"https://a.compute.amazonaws.com": "public suffix", // by a rule with a wildcard
		"https://intranet":                "public suffix",
		"https://192.0.2.7":               "IP address",
		"http://127.0.0.1:8080":           "IP address",
		"https://[2001:db8::1]":           "IP address",
	} {
		if _, err := origins.Below(parse(t, base)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", base, err, want)
		}
	}
}

// FuzzContains tests that what a pattern accepts is an origin in the form of browsers, of a host
// below the domain.
func FuzzContains(f *testing.F) {
	list := below(f, "https://preview.example.com")
	for _, s := range []string{"https://a.preview.example.com", "https://evil.com#.preview.example.com", "https://A@b.preview.example.com:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !list.Contains(s) {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme+"://"+u.Host != s || u.Hostname() != u.Host || !strings.HasSuffix(u.Host, ".preview.example.com") {
			t.Errorf("%q is accepted", s)
		}
	})
}
