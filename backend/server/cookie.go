package server

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
// It reads only the form that fits the configured origin. It also reads the cookies of sessions
// and of trusted devices that Better Auth has set: see [cookies.signed].
type cookies struct {
	prefix string
	secure bool
	older  []string // the prefixes that the cookies of Better Auth may have, if not prefix
}

const browserLifetime = 365 * 24 * time.Hour

func newCookies(prefix string, origin *url.URL) cookies {
	secure, older := origin.Scheme == "https", []string{"better-auth.", prefix + "."}
	switch {
	case !secure:
	case prefix == "better-auth":
		prefix = "__Secure-" + prefix
	default:
		prefix = "__Host-" + prefix // browsers then reject a Domain, and any Path but /
	}
	if secure {
		older = []string{"__Secure-" + older[0], "__Secure-" + older[1]}
	}
	prefix += "."
	isOwn := func(name string) bool { return name == prefix }
	return cookies{prefix, secure, slices.DeleteFunc(slices.Compact(older), isOwn)}
}

func (k cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	k.setNamed(w, k.prefix+name, value, maxAge)
}

func (k cookies) setNamed(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, Secure: k.secure, SameSite: http.SameSiteLaxMode,
	})
}

// value returns the value of a cookie of the request, or "" if there is none.
func (k cookies) value(r *http.Request, name string) string { return cookieValue(r, k.prefix, name) }

func cookieValue(r *http.Request, prefix, name string) string {
	// Few requests have all cookies, and parsing the header for each one takes time.
	if !slices.ContainsFunc(r.Header["Cookie"], func(line string) bool { return strings.Contains(line, name) }) {
		return ""
	}
	c, err := r.Cookie(prefix + name)
	if err != nil {
		return ""
	}
	return c.Value
}

// A sessionCookie is the cookie with the session's token in a request.
type sessionCookie struct {
	Token account.Token
	// If Better Auth has set the cookie: its name, and its value in the request.
	signedName, signedValue string
}

// session returns the session's cookie of a request, if it is well-formed.
func (k cookies) session(r *http.Request) (c sessionCookie, ok bool) {
	if c.Token, ok = account.ParseToken(k.value(r, sessionToken)); ok {
		return c, true
	}
	if c.Token, c.signedName, ok = k.signed(r, sessionToken); ok {
		c.signedValue = cookieValue(r, c.signedName, "")
	}
	return c, ok
}

const (
	sessionToken = "session_token"
	trustDevice  = "trust_device"
)

// setSession sets the cookie with a session's token. The browser deletes the cookie when
// it closes, unless the user chose to stay signed in.
func (k cookies) setSession(w http.ResponseWriter, s account.Session, t account.Token) {
	k.set(w, sessionToken, string(t), maxAge(s))
}

// extendSession sets the cookie of a session again, whose lifetime has been extended.
func (k cookies) extendSession(w http.ResponseWriter, s account.Session, c sessionCookie) {
	if c.signedName != "" {
		k.setNamed(w, c.signedName, c.signedValue, maxAge(s))
		return
	}
	k.setSession(w, s, c.Token)
}

// maxAge returns how long the browser keeps the cookie of a session, in seconds; 0 stands for
// until it closes.
func maxAge(s account.Session) int {
	if !s.Remember {
		return 0
	}
	return int(s.ExpiresAt.Sub(s.LastActiveAt) / time.Second)
}

// signed returns the token for a cookie that Better Auth has set, before its application moved
// to this server, and the full name of the cookie. The cookie's value is
// "VALUE.SIGNATURE", where the signature is the HMAC-SHA256 of VALUE in base64. It opens nothing
// unless an import has stored the hash of the whole value: see [account.SignedToken].
func (k cookies) signed(r *http.Request, name string) (t account.Token, fullName string, ok bool) {
	for _, prefix := range append([]string{k.prefix}, k.older...) {
		value, err := url.PathUnescape(cookieValue(r, prefix, name))
		if err == nil && signedForm().MatchString(value) {
			return account.SignedToken(value), prefix + name, true
		}
	}
	return "", "", false
}

// signedForm matches the values of cookies that Better Auth has signed, decoded.
var signedForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^.]{1,200}\.[A-Za-z0-9+/]{43}=$`) })

// clearSigned clears a cookie that Better Auth has set, if the request has it.
func (k cookies) clearSigned(w http.ResponseWriter, r *http.Request, name string) {
	for _, prefix := range k.older {
		if cookieValue(r, prefix, name) != "" {
			k.setNamed(w, prefix+name, "", -1)
		}
	}
}

// isBrief reports whether the user chose at the sign-in to Better Auth that the browser forgets
// the session when it closes.
func (k cookies) isBrief(r *http.Request) bool {
	_, _, ok := k.signed(r, "dont_remember")
	return ok
}

// CookieHeader returns the Cookie header that a browser sends in the session with token
// t.
func (c Config) CookieHeader(t account.Token) string {
	return newCookies(c.CookiePrefix, c.Origin).prefix + sessionToken + "=" + string(t)
}

// clearSession clears the session's cookie. r is the request.
func (k cookies) clearSession(w http.ResponseWriter, r *http.Request) {
	k.set(w, sessionToken, "", -1)
	k.clearSigned(w, r, sessionToken)
}

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

// signedOutLifetime exceeds the time for which the app shows a snapshot without the server.
const signedOutLifetime = 30 * 24 * time.Hour

// setSignedOut sets the cookie with the time of a sign-out. Scripts may read it: see
// [shared.SignedOutCookie].
func (k cookies) setSignedOut(w http.ResponseWriter, at time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: shared.SignedOutCookie, Value: strconv.FormatInt(at.UnixMilli(), 10), MaxAge: int(signedOutLifetime / time.Second), Path: "/",
		Secure: k.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (k cookies) clearPendingSignIn(w http.ResponseWriter) { k.set(w, "two_factor", "", -1) }

// trust returns the trusted-device tokens of a browser.
func (k cookies) trust(r *http.Request) account.TrustTokens {
	own := k.value(r, trustDevice)
	signed, _, ok := k.signed(r, trustDevice)
	switch {
	case !ok:
		return account.TrustTokens(own)
	case own == "" || signedForm().MatchString(own):
		return account.TrustTokens(signed)
	}
	return account.TrustTokens(own + "." + string(signed))
}

// setTrust sets the cookie with the trusted-device tokens of a browser. r is the request. The
// tokens include the one for the cookie of Better Auth, which is therefore no longer needed.
func (k cookies) setTrust(w http.ResponseWriter, r *http.Request, t account.TrustTokens) {
	k.set(w, trustDevice, string(t), int(account.TrustLifetime/time.Second))
	k.clearSigned(w, r, trustDevice)
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
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == k.prefix+sessionToken {
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
	for _, c := range formCalls() {
		for _, done := range c.done {
			if done == message.ID(n) {
				return done
			}
		}
	}
	return 0
}
