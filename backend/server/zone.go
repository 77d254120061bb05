package server

import (
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // for machines without a time zone database

	"latchkey/shared"
)

// maxZone, in bytes, exceeds the names of time zones.
const maxZone = 64

// zoneOf returns the time zone of the browser that sent a request, or nil if it is not known.
func zoneOf(r *http.Request) *time.Location {
	cookie, err := r.Cookie(shared.ZoneCookie)
	if err != nil || !isZoneName(cookie.Value) {
		return nil
	}
	zone, err := time.LoadLocation(cookie.Value)
	if err != nil {
		return nil
	}
	return zone
}

// isZoneName reports whether a browser may name a time zone so. The time package opens a file of
// that name. "Local" and, on some systems, "localtime" are
// the server's own zone.
func isZoneName(name string) bool {
	const others = "/_+-"
	return name != "" && len(name) <= maxZone && name != "Local" && name != "localtime" && name[0] != '/' &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
		})
}
