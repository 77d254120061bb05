package site

import (
	"encoding/json"
	"net/http"
	"strings"

	"latchkey/shared"
)

const wellKnownPath = "/.well-known/"

// wellKnown serves the well-known URIs that browsers and password managers request
// (RFC 8615). It returns 404 for all others: some clients request one that cannot
// exist, to check whether the site's status codes are reliable.
func (s *Site) wellKnown(w http.ResponseWriter, r *http.Request) {
	var answer func()
	asJSON := func(value any) func() {
		return func() {
			body, err := json.Marshal(value)
			if err != nil {
				panic(err) // only strings
			}
			w.Header().Set("Cache-Control", "max-age=3600")
			w.Header().Set("Content-Type", "application/json")
			w.Write(body)
		}
	}
	switch strings.TrimPrefix(r.URL.Path, wellKnownPath) {
	case "webauthn": // WebAuthn Level 3, section 5.11
		if len(s.RelatedOrigins) > 0 {
			answer = asJSON(map[string][]string{"origins": append([]string{s.Origin.String()}, s.RelatedOrigins...)})
		}
	case "passkey-endpoints": // https://www.w3.org/TR/passkey-endpoints/
		page := s.Origin.String() + shared.PagePasskeys
		answer = asJSON(map[string]string{"enroll": page, "manage": page})
	case "change-password": // https://www.w3.org/TR/change-password-url/
		answer = func() { http.Redirect(w, r, shared.PagePassword, http.StatusFound) }
	}
	switch {
	case answer == nil:
		s.notFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
	default:
		answer()
	}
}
