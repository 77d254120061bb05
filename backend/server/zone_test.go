package server

import (
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/shared"
)

// TestZoneOf tests that the zone of a page is the one in the cookie, and not known if the cookie has
// no name of a zone. The name must not lead out of the folders of the time package, nor to the
// server's own zone.
func TestZoneOf(t *testing.T) {
	for sent, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "America/Argentina/Buenos_Aires": "America/Argentina/Buenos_Aires",
		"Etc/GMT+1": "Etc/GMT+1", "UTC": "UTC",
		"": "", "Local": "", "localtime": "", "Europe/Nowhere": "", "/etc/localtime": "", "../zoneinfo/Europe/Berlin": "",
		"Europe": "", "Europe/": "", "zone.tab": "", `Europe\Berlin`: "", "Europe/Berlin%00": "",
		strings.Repeat("A", maxZone+1): "", strings.Repeat("Europe/", 9) + "x": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "a=b; "+shared.ZoneCookie+"="+sent)
		got := ""
		if zone := zoneOf(r); zone != nil {
			got = zone.String()
		}
		if got != want {
			t.Errorf("the zone of %q is %q; want %q", sent, got, want)
		}
	}
	if got := zoneOf(httptest.NewRequest("GET", "/", nil)); got != nil {
		t.Errorf("the zone without a cookie is %s", got)
	}
}

func BenchmarkZoneOf(b *testing.B) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", shared.ZoneCookie+"=Europe/Berlin")
	for b.Loop() {
		zoneOf(r)
	}
}
