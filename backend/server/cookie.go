package server

import (
	"net/http"
	"net/url"
	"time"

	"latchkey/backend/account"
)

// cookies reads and writes the cookies. Their names are
//
//	https, our own prefix       __Host-latchkey.session_token
//	https, another prefix       __Secure-better-auth.session_token
//	http://localhost            latchkey.session_token
//
// Only the form that fits the configured origin is read.
type cookies struct {
	prefix string
	secure bool
}

const browserLifetime = 365 * 24 * time.Hour

func newCookies(prefix string, origin *url.URL) cookies {
	secure := origin.Scheme == "https"
	switch {
	case !secure:
	case prefix == "better-auth":
		prefix = "__Secure-" + prefix
	default:
		prefix = "__Host-" + prefix // the browser refuses a Domain, and any path but /
	}
	return cookies{prefix + ".", secure}
}

func (k cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: k.prefix + name, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, Secure: k.secure, SameSite: http.SameSiteLaxMode,
	})
}

// session is the token that a request came with, if its form is right.
func (k cookies) session(r *http.Request) (account.Token, bool) {
	c, err := r.Cookie(k.prefix + "session_token")
	if err != nil {
		return "", false
	}
	return account.ParseToken(c.Value)
}

// setSession hands a session's token to the browser, until the browser closes
// if the session is not to be remembered.
func (k cookies) setSession(w http.ResponseWriter, s account.Session, t account.Token) {
	maxAge := 0
	if s.Remember {
		maxAge = int(s.ExpiresAt.Sub(s.LastActiveAt) / time.Second)
	}
	k.set(w, "session_token", string(t), maxAge)
}

// CookieHeader is the Cookie header of a browser that holds a session's token.
func (c Config) CookieHeader(t account.Token) string {
	return newCookies(c.CookiePrefix, c.Origin).prefix + "session_token=" + string(t)
}

func (k cookies) clearSession(w http.ResponseWriter) { k.set(w, "session_token", "", -1) }

// browser is what the browser keeps from an earlier sign-in.
func (k cookies) browser(r *http.Request) account.KnownBrowser {
	c, err := r.Cookie(k.prefix + "browser")
	if err != nil {
		return ""
	}
	return account.KnownBrowser(c.Value)
}

func (k cookies) setBrowser(w http.ResponseWriter, b account.KnownBrowser) {
	k.set(w, "browser", string(b), int(browserLifetime/time.Second))
}
