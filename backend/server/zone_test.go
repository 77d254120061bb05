package server

import (
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/shared"
)

// TestZoneOf tests that the zone of a page is the one in the cookie, and UTC if the cookie has no
// name of a zone. The name must not lead out of the folders of the time package.
func TestZoneOf(t *testing.T) {
	for sent, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "America/Argentina/Buenos_Aires": "America/Argentina/Buenos_Aires",
		"Etc/GMT+1": "Etc/GMT+1", "UTC": "UTC",
		"": "UTC", "Local": "UTC", "Europe/Nowhere": "UTC", "/etc/localtime": "UTC", "../zoneinfo/Europe/Berlin": "UTC",
		"Europe": "UTC", "Europe/": "UTC", "zone.tab": "UTC", `Europe\Berlin`: "UTC", "Europe/Berlin%00": "UTC",
		strings.Repeat("A", maxZone+1): "UTC", strings.Repeat("Europe/", 9) + "x": "UTC",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "a=b; "+shared.ZoneCookie+"="+sent)
		if got := zoneOf(r).String(); got != want {
			t.Errorf("the zone of %q is %s; want %s", sent, got, want)
		}
	}
	if got := zoneOf(httptest.NewRequest("GET", "/", nil)).String(); got != "UTC" {
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
