package server

import (
	"net/http"
	"strings"

	"latchkey/shared"
)

// wellKnown answers what browsers and password managers look for at fixed
// addresses (RFC 8615). For all others there is nothing there, really nothing:
// some ask for one that cannot exist, to see whether a site can be believed.
func (s *Server) wellKnown(w http.ResponseWriter, r *http.Request) {
	settings := shared.PageSettings
	var answer func()
	tell := func(what any) func() {
		return func() {
			w.Header().Set("Cache-Control", "max-age=3600")
			reply(w, what)
		}
	}
	switch strings.TrimPrefix(r.URL.Path, wellKnownPath) {
	case "webauthn": // WebAuthn Level 3, section 5.11
		if related := s.Accounts.RelyingParty.Related; len(related) > 0 {
			answer = tell(map[string][]string{"origins": append([]string{s.Origin.String()}, related...)})
		}
	case "passkey-endpoints": // https://www.w3.org/TR/passkey-endpoints/
		page := s.Origin.String() + settings + "#passkeys"
		answer = tell(map[string]string{"enroll": page, "manage": page})
	case "change-password": // https://www.w3.org/TR/change-password-url/
		answer = func() { http.Redirect(w, r, settings+"#password", http.StatusFound) }
	}
	switch {
	case answer == nil:
		notFound(w, r, s.name())
	case !isReadOnly(r):
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, shared.ErrMethod.Message, http.StatusMethodNotAllowed)
	default:
		answer()
	}
}

const wellKnownPath = "/.well-known/"

func isWellKnown(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, wellKnownPath) }
