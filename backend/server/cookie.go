package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
	"latchkey/shared/message"
)

// cookies reads and writes the cookies. Their names are, for example:
//
//	https, prefix latchkey      __Host-latchkey.session_token
//	https, prefix better-auth   __Secure-better-auth.session_token
//	http, prefix latchkey       latchkey.session_token
//
// It reads only the form that fits the configured origin.
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
		prefix = "__Host-" + prefix // browsers then reject a Domain, and any Path but /
	}
	return cookies{prefix + ".", secure}
}

func (k cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: k.prefix + name, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, Secure: k.secure, SameSite: http.SameSiteLaxMode,
	})
}

// value returns the value of a cookie of the request, or "" if there is none.
func (k cookies) value(r *http.Request, name string) string {
	// Few requests have all cookies, and parsing the header for each one takes time.
	if !slices.ContainsFunc(r.Header["Cookie"], func(line string) bool { return strings.Contains(line, name) }) {
		return ""
	}
	c, err := r.Cookie(k.prefix + name)
	if err != nil {
		return ""
	}
	return c.Value
}

// session returns the session token of a request, if it is well-formed.
func (k cookies) session(r *http.Request) (account.Token, bool) {
	return account.ParseToken(k.value(r, "session_token"))
}

// setSession sets the cookie with a session's token. The browser deletes the cookie when
// it closes, unless the user chose to stay signed in.
func (k cookies) setSession(w http.ResponseWriter, s account.Session, t account.Token) {
	maxAge := 0
	if s.Remember {
		maxAge = int(s.ExpiresAt.Sub(s.LastActiveAt) / time.Second)
	}
	k.set(w, "session_token", string(t), maxAge)
}

// CookieHeader returns the Cookie header that a browser sends in the session with token
// t.
func (c Config) CookieHeader(t account.Token) string {
	return newCookies(c.CookiePrefix, c.Origin).prefix + "session_token=" + string(t)
}

func (k cookies) clearSession(w http.ResponseWriter) { k.set(w, "session_token", "", -1) }

// pendingSignIn returns the token of a request's pending sign-in, if it is well-formed.
func (k cookies) pendingSignIn(r *http.Request) (account.Token, bool) {
	return account.ParseToken(k.value(r, "two_factor"))
}

func (k cookies) setPendingSignIn(w http.ResponseWriter, t account.Token) {
	k.set(w, "two_factor", string(t), int(account.PendingSignInLifetime/time.Second))
}

// setLanguage sets the cookie with the language that the user chose, or deletes it if that is "".
// Unlike the others, scripts may read it: see [shared.LanguageCookie].
func (k cookies) setLanguage(w http.ResponseWriter, language string) {
	maxAge := int(browserLifetime / time.Second)
	if language == "" {
		maxAge = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: shared.LanguageCookie, Value: language, MaxAge: maxAge, Path: "/", Secure: k.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (k cookies) clearPendingSignIn(w http.ResponseWriter) { k.set(w, "two_factor", "", -1) }

// trust returns the trusted-device tokens of a browser.
func (k cookies) trust(r *http.Request) account.TrustTokens {
	return account.TrustTokens(k.value(r, "trust_device"))
}

func (k cookies) setTrust(w http.ResponseWriter, t account.TrustTokens) {
	k.set(w, "trust_device", string(t), int(account.TrustLifetime/time.Second))
}

// passkey returns the token that binds passkey ceremonies to the browser, if it is
// well-formed.
func (k cookies) passkey(r *http.Request) (account.Token, bool) {
	return account.ParseToken(k.value(r, k.passkeyName()))
}

func (k cookies) setPasskey(w http.ResponseWriter, t account.Token) {
	k.set(w, k.passkeyName(), string(t), int(account.CeremonyLifetime/time.Second))
}

// passkeyName returns the name of the passkey cookie. With Better Auth's prefix, it is
// Better Auth's name.
func (k cookies) passkeyName() string {
	if strings.HasSuffix(k.prefix, "better-auth.") {
		return "better-auth-passkey"
	}
	return "passkey"
}

// browser returns the known-device tokens that earlier sign-ins stored in the browser.
func (k cookies) browser(r *http.Request) account.KnownDeviceTokens {
	return account.KnownDeviceTokens(k.value(r, "browser"))
}

func (k cookies) setBrowser(w http.ResponseWriter, b account.KnownDeviceTokens) {
	k.set(w, "browser", string(b), int(browserLifetime/time.Second))
}

// issued returns the session token that a response sets. Of several, browsers keep the last one.
func (k cookies) issued(w http.ResponseWriter) (account.Token, bool) {
	for _, line := range slices.Backward(w.Header()["Set-Cookie"]) {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == k.prefix+"session_token" {
			return account.ParseToken(c.Value)
		}
	}
	return "", false
}

// doneLifetime, in seconds, exceeds the time until the browser opens the next page.
const doneLifetime = 60

func (k cookies) setDone(w http.ResponseWriter, done message.ID) {
	k.set(w, "done", strconv.Itoa(int(done)), doneLifetime)
}

// takeDone returns what the last form of the browser has done, or 0, and clears the cookie that
// says so. It returns nothing else, whatever another site of the domain has put into the cookie.
func (k cookies) takeDone(w http.ResponseWriter, r *http.Request) message.ID {
	value := k.value(r, "done")
	if value == "" {
		return 0
	}
	k.set(w, "done", "", -1)
	n, _ := strconv.Atoi(value)
	for _, c := range formCalls {
		for _, done := range c.done {
			if done == message.ID(n) {
				return done
			}
		}
	}
	return 0
}
