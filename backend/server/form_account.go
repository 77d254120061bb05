package server

import (
	"net/url"
	"strings"

	"latchkey/shared"
)

// The functions below are for the forms of the profile and the password: see [formCall].

// adaptLanguage replaces the name of the browser's preference by an empty language.
func adaptLanguage(fields url.Values) {
	if fields.Get("language") == shared.BrowserLanguage {
		fields.Set("language", "")
	}
}

// keepLanguage keeps the language that the user has chosen in this browser, for pages before a sign-in.
func (s *Server) keepLanguage(c call, fields url.Values) {
	if fields.Has("language") {
		s.cookies.setLanguage(c.w, fields.Get("language"))
	}
}

// checkProfile refuses a name without visible characters. The API accepts it.
func checkProfile(_ call, fields url.Values) error {
	if name, ok := shared.ParseName(fields.Get("name")); ok && name == "" && fields.Has("name") {
		return shared.ErrFieldRequired.In("name")
	}
	return nil
}

// checkDeletion requires that the user has typed the address of the account, so that nobody deletes
// one by mistake.
func checkDeletion(c call, fields url.Values) error {
	if !strings.EqualFold(strings.TrimSpace(fields.Get("email")), c.User.Email) {
		return shared.ErrEmailMismatch.In("email")
	}
	return nil
}

// afterDeletion opens the sign-in page, or the profile again if the user only gets a link.
func afterDeletion(c call, out any) string {
	if out.(shared.Deleted).Message == shared.UserDeleted {
		return shared.PageSignIn
	}
	return pageOf(c.URL)
}
