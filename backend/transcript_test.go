package main_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// An exchange is a request that Better Auth 1.7.25 was sent, and what it
// answered. $1, $2 … stand for cookies, and in a body for the token that the
// list of sessions names a session by. Words in <> stand for codes: see
// [replay.code].
//
// Better Auth's cookies session_data and dont_remember are left out. Latchkey
// has no cache of sessions in cookies, and keeps in the session, or in the
// challenge that it follows from, whether it is to be remembered.
type exchange struct {
	Name      string // begins with "(ours:" if it was not recorded, and says why it is there
	Request   string // method and path below /api/auth
	Cookie    string // the session's; "tampered $1" for one of the right form that is nobody's
	Challenge string // the two_factor cookie; "forged" for one of the right form that is nobody's
	Trust     string // the trust_device cookie
	Passkey   string // the passkey cookie
	Bearer    string // what an Authorization header names
	NoOrigin  bool
	Type      string // Content-Type if it is not application/json; "none" for none
	Body      json.RawMessage
	Raw       string // a body that is not JSON, or not an object

	Authenticator *ceremony // makes the response of the body

	Status          int
	Answer          json.RawMessage // an error as it was, or the form of anything else
	Sets            string          // the session whose cookie is set
	Brief           bool            // that cookie ends with the browser
	Clears          bool            // the session cookie is cleared
	SetsChallenge   string
	ClearsChallenge bool
	SetsTrust       string
	ClearsTrust     bool
	Keeps           string // the account whose authenticator and backup codes the answer holds
	Mails           string // the account that is mailed a link
	Link            string // path and query of that; empty if it was not recorded
	Location        string
	SetsPasskey     string // the answer is options of a ceremony
	KeepsPasskey    string // %1, %2 …: stands for the id of the passkey that is the answer

	// SQL is there in the place of a request where time was made to pass in
	// the database.
	SQL string
}

// intended is where Latchkey answers otherwise on purpose, and why. What is
// given here replaces what was recorded.
var intended = map[string]struct {
	why    string
	status int
	answer string

	cookie, challenge, trust string // "set", "cleared" or "untouched"

	location string
	link     string // of the mail

	within string // JSON that replaces parts of what was recorded; null takes them out
	lasts  bool   // the session cookie does not end with the browser
}{
	"no content-type (curl default not used)": {why: noType, status: 415, answer: wrongType},
	"text/plain":                     {why: "the message names no type that is not taken", status: 415, answer: wrongType},
	"form urlencoded ok":             {why: noForms, status: 415, answer: wrongType},
	"form encoded":                   {why: noForms, status: 415, answer: wrongType},
	"GET on POST route":              {why: methods, status: 405, answer: wrongMethod},
	"HEAD ok":                        {why: "HEAD is what HTTP says it is", status: 200},
	"OPTIONS ok":                     {why: methods, status: 405, answer: wrongMethod},
	"POST (deferSessionRefresh off)": {why: methods, status: 405, answer: wrongMethod},
	"list-sessions POST -> 404":      {why: methods, status: 405, answer: wrongMethod},
	"sign-out GET":                   {why: methods, status: 405, answer: wrongMethod},
	"update-user name wrong type":    {why: "a number is not a name", status: 400, answer: `{"code":"VALIDATION_ERROR"}`},

	"tampered signature":                    {why: "cookies are not signed: this one looks like that of a session which has ended", cookie: "cleared"},
	"update-user name":                      {why: noReissue, cookie: "untouched"},
	"update-user image":                     {why: noReissue, cookie: "untouched"},
	"update-user image null":                {why: noReissue, cookie: "untouched"},
	"update-user twoFactorEnabled false":    {why: "it is refused whatever its value", status: 400, answer: `{"code":"FIELD_NOT_ALLOWED"}`},
	"update-session no additional fields":   {why: "sessions have no fields to set", status: 404, answer: `{"code":"NOT_FOUND"}`},
	"change-password same password allowed": {why: rotates, status: 200, answer: `{"token":"string"}`, cookie: "set"},
	"change-password ok (no revoke)":        {why: rotates, status: 200, answer: `{"token":"string"}`, cookie: "set"},
	"other session still valid":             {why: rotates, status: 200, answer: `"null"`, cookie: "cleared"},
	"(restore password)":                    {why: rotates, status: 200, answer: `{"token":"string"}`, cookie: "set"},

	"verify ok (rotates session)": {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"(setup) verify":              {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"(setup) verify t3":           {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"verify again with session, same code (no replay protection)":       {why: once, status: 401, answer: invalidCode},
	"verify-totp again: with session cookie now (session mode)":         {why: once, status: 401, answer: invalidCode},
	"verify-totp code used before in other challenge (replay accepted)": {why: once, status: 401, answer: invalidCode},
	"replay consumed challenge cookie":                                  {why: once + ", so the challenge was not passed", status: 401, answer: invalidCode},
	"verify code of previous window (-1)":                               {why: once + ", nor any before it", status: 401, answer: invalidCode},
	"verify code of window -2":                                          {why: "the message says that a clock is wrong", status: 401, answer: invalidCode},
	"verify-backup-code reused":                                         {why: "the message says that it was used", status: 401, answer: `{"code":"INVALID_BACKUP_CODE"}`},
	"generate-backup-codes ok":                                          {why: factors, cookie: "set"},
	"enable method otp":                                                 {why: noMailbox, status: 400, answer: `{"code":"OTP_NOT_CONFIGURED","message":"OTP is not available"}`},
	"sign-in otp-only user":                                             {why: noMailbox, status: 200, answer: `{"redirect":"false","token":"string","user":{"twoFactorEnabled":"false"}}`, cookie: "set", challenge: "untouched"},

	"sign-in with old (rotated-out) trust cookie -> challenge, cookie expired": {why: trusts, trust: "untouched"},
	"sign-in t3 with t2's trust cookie":                                        {why: trusts, trust: "untouched"},
	"sign-in on trusted device after password change -> still trusted": {
		why: rotates + ", and the trust in devices", status: 200, answer: `{"twoFactorRedirect":"true"}`, cookie: "cleared", challenge: "set", trust: "untouched",
	},
	"disable with trust cookie present": {why: trusts, trust: "untouched"},

	"verify-totp forged cookie":                                 {why: deadCookie, challenge: "cleared"},
	"verify-backup-code disableSession:true in sign-in":         {why: deadCookie, challenge: "cleared"},
	"... challenge still alive afterwards, another backup code": {why: deadCookie, challenge: "cleared"},
	"verify-backup-code with session, burns a code":             {why: deadCookie, challenge: "cleared"},
	"verify-backup-code with session disableSession":            {why: deadCookie, challenge: "cleared"},
	"expired challenge":                                         {why: deadCookie, challenge: "cleared"},

	"generate-register-options":                                           {why: verifies, within: verified},
	"(setup) register options":                                            {why: verifies, within: fewer},
	"(setup) register options k1":                                         {why: verifies, within: fewer},
	"(setup) register options k2":                                         {why: verifies, within: fewer},
	"generate-register-options 2 (excludeCredentials), name & attachment": {why: verifies, within: verified},
	"generate-authenticate-options anonymous":                             {why: verifies, within: required},
	"(setup) authenticate options":                                        {why: verifies, within: required},
	"generate-authenticate-options signed in (allowCredentials)":          {why: verifies, within: `{"userVerification":"required","allowCredentials":{"array of 7":null,"array of 6":{"id":"string","type":"string"}}}`},

	"wrong origin in clientData":      {why: notOurs, status: 400, answer: unregistered},
	"wrong rpId hash":                 {why: notOurs, status: 400, answer: unregistered},
	"wrong challenge (registration)":  {why: notOurs, status: 400, answer: unregistered},
	"wrong type webauthn.get":         {why: notOurs, status: 400, answer: unregistered},
	"user not present (registration)": {why: notOurs, status: 400, answer: unregistered},
	"garbage response object":         {why: notOurs, status: 400, answer: unregistered},
	"response null":                   {why: notOurs, status: 400, answer: unregistered},
	"response string":                 {why: notOurs, status: 400, answer: unregistered},
	"missing attestationObject":       {why: notOurs, status: 400, answer: unregistered},

	"no user verification flag -> accepted (UV not required)":               {why: verifies, status: 400, answer: unverifiedWhereMade},
	"user not verified -> accepted":                                         {why: verifies, status: 400, answer: unverified},
	"passkey WITHOUT user verification, 2FA enabled -> full session":        {why: verifies, status: 400, answer: unverified},
	"registration without UV is STILL accepted by the server":               {why: verifies, status: 400, answer: unverifiedWhereMade},
	"authentication without UV accepted":                                    {why: verifies, status: 400, answer: unverified},
	"authenticate options (userVerification stays 'preferred')":             {why: verifies, within: required},
	"createSession:true while signed in":                                    {why: "the session goes on", cookie: "untouched"},
	"delete-passkey ok":                                                     {why: "what a passkey may have opened ends with it", cookie: "set"},
	"k1 registers the SAME credential id X (attestation none) -> accepted?": {why: "a passkey is one account's", status: 409, answer: `{"code":"PREVIOUSLY_REGISTERED"}`},
	"list-user-passkeys":                                                    {why: "one of them was not registered", status: 200, answer: `{"array of 6":{"aaguid":"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4","name":"string","synced":"true","provider":{"name":"string"}}}`},
	"update-passkey other user's":                                           {why: elsewhere, status: 404, answer: noPasskey},
	"delete-passkey other user's":                                           {why: elsewhere, status: 404, answer: noPasskey},
	"bad signature":                                                         {why: "a wrong signature tells nobody which passkeys are known here", status: 401, answer: noPasskey},
	"userHandle of someone else is ignored":                                 {why: "the passkey of one account does not name another", status: 400, answer: unauthenticated},
	"counter not increased (clone)":                                         {why: "the message says what to do", status: 400, answer: `{"code":"AUTHENTICATION_FAILED"}`},
	"response not object":                                                   {why: anyResponse, status: 400, answer: unauthenticated},
	"response {}":                                                           {why: anyResponse, status: 400, answer: unauthenticated},
	"registration challenge used for authentication":                        {why: "the browser has other challenges that wait, which end with the wrong answer", status: 400, answer: unauthenticated},
	"passkey sign-in with a dont_remember cookie in the jar":                {why: "what was not to be remembered was the session before", lasts: true},

	"verify-email second time (already verified) no callback":         {why: linkOnce, status: 401, answer: invalidToken},
	"verify-email unknown user":                                       {why: "the links of an account go with it", status: 401, answer: invalidToken},
	"click verification":                                              {why: noReissue, cookie: "untouched"},
	"click without session":                                           {why: "who has opened the link reads the mailbox", within: `{"user":{"emailVerified":"true"}}`},
	"change-email unverified user -> verification to the new address": {why: ourPage, link: "/api/auth/verify-email?token=<token>&callbackURL=%2Femail%3Fdone%3Dchanged"},
	"request no redirectTo":                                           {why: ourPage, link: "/api/auth/reset-password/<token>?callbackURL=%2Freset-password"},
	"GET callback empty callbackURL":                                  {why: ourPage, location: "http://localhost:3911/email?error=INVALID_TOKEN"},
	"old session survives reset (default)":                            {why: "a new password ends all sessions", status: 200, answer: `"null"`, cookie: "cleared"},
	"delete not fresh, no password":                                   {why: "it is answered as by whatever else asks for a fresh session", status: 403, answer: `{"code":"SESSION_NOT_FRESH","message":"Session is not fresh"}`},
	"verify-email signs in (Set-Cookie) and redirects":                {why: "a link signs nobody in", cookie: "untouched"},
	"(setup) sign-up w4@example.test":                                 {why: verifyFirst, within: `{"token":"null"}`, cookie: "untouched"},
	"(setup) sign-up w5@example.test":                                 {why: verifyFirst, within: `{"token":"null"}`, cookie: "untouched"},

	"session-mode wrong code 10": {why: counts, status: 429, answer: locked},
	"session-mode wrong code 11": {why: counts, status: 429, answer: locked},
}

const (
	noType     = "a body says what it is"
	noForms    = "bodies are JSON, so that no other site can send one without being asked first"
	methods    = "405 tells more than 404"
	noReissue  = "the cookie is good as it is"
	rotates    = "a new password ends the other sessions and gives the current one a new cookie, asked for or not"
	asItIs     = "the answer says how the account is now, not how it was"
	once       = "a code is good once"
	factors    = "new factors end the other sessions and give the current one a new cookie"
	noMailbox  = "a mailbox that nobody has proved to be theirs is no second factor by itself"
	deadCookie = "a cookie that stands for no challenge, or no longer, is cleared"
	trusts     = "the cookie may hold the trust of other accounts, and what is dead in it opens nothing"
	counts     = "wrong codes count in a session, too"

	linkOnce    = "a link works once"
	ourPage     = "there is a page for it"
	verifyFirst = "deletion is mailed where addresses have to be verified, so that comes first"

	verifies    = "a passkey is two factors, because it verifies its user, and finds by itself whose it is"
	notOurs     = "the fault is not the server's"
	elsewhere   = "whether others have a passkey of that id is not told"
	anyResponse = "what is no answer of an authenticator is a wrong one"

	verified        = `{"authenticatorSelection":{"userVerification":"required","residentKey":"required","requireResidentKey":"true"}}`
	fewer           = `{"authenticatorSelection":{"userVerification":"required","residentKey":"required","requireResidentKey":"true"},"excludeCredentials":null}` // some were not registered
	required        = `{"userVerification":"required"}`
	unregistered    = `{"code":"FAILED_TO_VERIFY_REGISTRATION","message":"Failed to verify registration"}`
	unauthenticated = `{"code":"AUTHENTICATION_FAILED","message":"Authentication failed"}`
	noPasskey       = `{"code":"PASSKEY_NOT_FOUND","message":"Passkey not found"}`

	notVerified         = `"message":"Your device did not check that it is you. Set up a PIN, a fingerprint or your face on it, and try again."`
	unverified          = `{"code":"AUTHENTICATION_FAILED",` + notVerified + `}`
	unverifiedWhereMade = `{"code":"FAILED_TO_VERIFY_REGISTRATION",` + notVerified + `}`

	wrongType    = `{"code":"UNSUPPORTED_MEDIA_TYPE"}`
	wrongMethod  = `{"code":"METHOD_NOT_ALLOWED"}`
	invalidToken = `{"code":"INVALID_TOKEN","message":"Invalid token"}`
	invalidCode  = `{"code":"INVALID_CODE"}`
	locked       = `{"code":"ACCOUNT_TEMPORARILY_LOCKED"}`
	enabled      = `{"token":"string","user":{"twoFactorEnabled":"true"}}`
)

// testTranscripts replays what was recorded of Better Auth and compares: what was
// recorded of servers on which addresses have to be verified, on one such.
func testTranscripts(t *testing.T, binary string) {
	unused := make(map[string]bool)
	for name := range intended {
		unused[name] = true
	}
	for _, on := range []struct{ files, key, value string }{
		{"testdata/wire/*.json", "TWO_FACTOR_SIGN_IN", "redirect"},
		{"testdata/wire/verified/*.json", "VERIFY_EMAIL", "required"},
	} {
		r := newReplay(start(t, setting(t, binary, on.key, on.value), "-cookie-prefix", "better-auth", "-rate-limits", "off"))
		r.unused = unused
		files, err := filepath.Glob(on.files)
		if err != nil || len(files) == 0 {
			t.Fatalf("no transcripts: %v", err)
		}
		for _, file := range files { // in order: later ones use sessions of earlier ones
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				var exchanges []exchange
				readJSON(t, file, &exchanges)
				for _, e := range exchanges {
					r.exchange(t, e)
				}
			})
		}
	}
	for name := range unused {
		t.Errorf("no exchange differs by intention as %q says", name)
	}
}

// testTwoFactorRequired replays what leads to the first sign-in that a second
// factor is due for, on a server whose environment does not ask for Better
// Auth's answer to it.
func testTwoFactorRequired(t *testing.T, binary string) {
	r := newReplay(start(t, binary, "-cookie-prefix", "better-auth", "-rate-limits", "off"))
	var exchanges []exchange
	readJSON(t, "testdata/wire/10-two-factor-sign-in.json", &exchanges)
	for _, e := range exchanges {
		if e.SetsChallenge == "" {
			r.exchange(t, e)
			continue
		}
		e.Status = http.StatusForbidden
		e.Answer = json.RawMessage(`{"message":"twoFactorRequired","code":"TWO_FACTOR_REQUIRED","twoFactorRedirect":true,"twoFactorMethods":["totp","otp"]}`)
		r.exchange(t, e)
		return
	}
	t.Error("no sign-in asks for a second factor")
}

type session struct{ cookie, token string }

// factorsOf is what an account has shown us of its second factors.
type factorsOf struct {
	secret string
	last   int64 // the step of the last right code that was used
	backup []string
	mailed string
}

type replay struct {
	server     *program
	sessions   map[string]session // by $1, $2 …
	challenges map[string]string  // likewise: the cookies
	trusts     map[string]string
	accounts   map[string]*factorsOf // by the name of the account
	set        map[string]bool       // values of cookies
	read       map[string]bool       // files of mails
	passkeys   passkeys
	links      map[string]string // by the name of the account: the token of the last link
	unused     map[string]bool   // those of intended that were not met
}

func newReplay(server *program) *replay {
	return &replay{
		server: server, sessions: make(map[string]session), challenges: make(map[string]string), trusts: make(map[string]string),
		accounts: make(map[string]*factorsOf), set: make(map[string]bool), read: make(map[string]bool), unused: make(map[string]bool),
		passkeys: newPasskeys(), links: make(map[string]string),
	}
}

const (
	sessionCookie   = "better-auth.session_token"
	challengeCookie = "better-auth.two_factor"
	trustCookie     = "better-auth.trust_device"
	passkeyCookie   = "better-auth.better-auth-passkey"
	browserCookie   = "better-auth.browser" // Latchkey's own, which stays
)

// lifetimes is how many seconds Better Auth has the browser keep a cookie.
var lifetimes = map[string]int{challengeCookie: 10 * 60, trustCookie: 30 * 24 * 60 * 60, passkeyCookie: 5 * 60}

func (r *replay) exchange(t *testing.T, e exchange) {
	t.Helper()
	if e.SQL != "" {
		r.exec(t, e.SQL)
		return
	}
	answer, body := r.send(t, e)

	cookies := map[string]string{sessionCookie: "untouched", challengeCookie: "untouched", trustCookie: "untouched", passkeyCookie: "untouched"}
	values := make(map[string]string)
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			cookies[c.Name] = "cleared"
			continue
		}
		cookies[c.Name], values[c.Name] = "set", c.Value
		// That for passkeys is the browser's, whose ceremonies do not end each other.
		if r.set[c.Value] && c.Name != browserCookie && c.Name != passkeyCookie {
			t.Errorf("%s: %s is set to a value that was set before", e.Name, c.Name)
		}
		r.set[c.Value] = true
		if brief := c.MaxAge == 0; c.Name == sessionCookie && brief != (e.Brief && !intended[e.Name].lasts) {
			t.Errorf("%s: the cookie ends with the browser: %t; want %t", e.Name, brief, e.Brief)
		}
		if want := lifetimes[c.Name]; want != 0 && c.MaxAge != want {
			t.Errorf("%s: %s is kept for %d s; want %d", e.Name, c.Name, c.MaxAge, want)
		}
	}
	wantCookies := map[string]string{
		sessionCookie:   change(e.Sets, e.Clears),
		challengeCookie: change(e.SetsChallenge, e.ClearsChallenge),
		trustCookie:     change(e.SetsTrust, e.ClearsTrust),
		passkeyCookie:   change(e.SetsPasskey, false),
	}
	if d, ok := intended[e.Name]; ok {
		delete(r.unused, e.Name)
		e.Name += " (differs on purpose: " + d.why + ")"
		if d.status != 0 {
			e.Status, e.Answer = d.status, json.RawMessage(d.answer)
		}
		if d.within != "" {
			e.Answer = patched(t, e.Answer, d.within)
		}
		e.Location, e.Link = cmp.Or(d.location, e.Location), cmp.Or(d.link, e.Link)
		for name, change := range map[string]string{sessionCookie: d.cookie, challengeCookie: d.challenge, trustCookie: d.trust, passkeyCookie: ""} {
			if change != "" {
				wantCookies[name] = change
			} else if d.status >= 400 {
				wantCookies[name] = "untouched"
			}
		}
	}

	if answer.StatusCode != e.Status {
		t.Errorf("%s: status %d; want %d: %s", e.Name, answer.StatusCode, e.Status, body)
		return
	}
	for name, want := range wantCookies {
		if got := cookies[name]; got != want {
			t.Errorf("%s: the cookie %s is %s; want %s", e.Name, name, got, want)
		}
	}
	if answer.StatusCode == http.StatusFound {
		want := strings.ReplaceAll(r.codes(t, e.Location), "http://localhost:3911", r.server.origin)
		if got := answer.Header.Get("Location"); got != want || len(body) > 0 {
			t.Errorf("%s: it leads to %q, and says %q; want %q", e.Name, got, body, want)
		}
	}
	if e.Mails != "" {
		r.link(t, e)
	}
	var got, want any
	json.Unmarshal(body, &got)
	json.Unmarshal(e.Answer, &want)
	if e.Status < 400 {
		got = form(got)
	}
	if said, ok := want.(map[string]any); ok && said["code"] == "VALIDATION_ERROR" {
		delete(said, "message") // a text for developers, in the words of a library
	}
	for _, difference := range missing("", got, want) {
		t.Errorf("%s: %s", e.Name, difference)
	}

	var holds struct {
		Token       string
		TOTPURI     string
		BackupCodes []string
	}
	json.Unmarshal(body, &holds)
	if value, ok := values[sessionCookie]; ok {
		// One that was not recorded goes on with a new cookie, or is there
		// instead of a challenge.
		r.sessions[cmp.Or(e.Sets, e.Cookie, e.SetsChallenge)] = session{value, holds.Token}
	} else if e.Sets != "" && e.Cookie != "" {
		r.sessions[e.Sets] = r.sessions[e.Cookie] // goes on with the one that it has
	}
	if value, ok := values[challengeCookie]; ok {
		r.challenges[cmp.Or(e.SetsChallenge, e.Sets)] = value
	}
	if value, ok := values[trustCookie]; ok {
		r.trusts[e.SetsTrust] = value
	}
	if e.SetsPasskey != "" {
		r.passkeys.asked(t, e.SetsPasskey, values[passkeyCookie], body)
	}
	if e.KeepsPasskey != "" {
		r.passkeys.keep(t, e.KeepsPasskey, body)
	}
	if e.Keeps != "" {
		r.keep(t, e.Keeps, holds.TOTPURI, holds.BackupCodes)
	}
}

// patched replaces parts of what was recorded.
func patched(t *testing.T, recorded json.RawMessage, parts string) json.RawMessage {
	t.Helper()
	var all, by map[string]any
	if err := errors.Join(json.Unmarshal(recorded, &all), json.Unmarshal([]byte(parts), &by)); err != nil {
		t.Fatal(err)
	}
	replace(all, by)
	replaced, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return replaced
}

// replace is JSON Merge Patch (RFC 7396).
func replace(all, by map[string]any) {
	for key, part := range by {
		inner, ok := all[key].(map[string]any)
		parts, also := part.(map[string]any)
		switch {
		case part == nil:
			delete(all, key)
		case ok && also:
			replace(inner, parts)
		default:
			all[key] = part
		}
	}
}

// change is what happens to a cookie that is set under a name, or cleared.
func change(sets string, clears bool) string {
	switch {
	case sets != "":
		return "set"
	case clears:
		return "cleared"
	}
	return "untouched"
}

// exec moves the server's database.
func (r *replay) exec(t *testing.T, query string) {
	t.Helper()
	db := openDatabase(t, filepath.Join(r.server.data, "latchkey.db"))
	result, err := db.ExecContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: changed nothing: %v", query, err)
	}
}

func (r *replay) send(t *testing.T, e exchange) (*http.Response, []byte) {
	t.Helper()
	method, path, _ := strings.Cut(e.Request, " ")
	content := e.Raw
	if content == "" {
		content = string(e.Body)
	}
	for name, s := range r.sessions {
		content = strings.ReplaceAll(content, `"`+name+`"`, `"`+s.token+`"`)
	}
	content = r.passkeys.fill(t, e, content, r.server.origin)
	content = strings.ReplaceAll(content, "http://localhost:3911", r.server.origin)
	content, path = r.codes(t, content), r.codes(t, path)

	request, err := http.NewRequestWithContext(t.Context(), method, r.server.origin+"/api/auth"+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if !e.NoOrigin {
		request.Header.Set("Origin", r.server.origin)
	}
	switch {
	case e.Type == "none" || content == "":
	case e.Type != "":
		request.Header.Set("Content-Type", e.Type)
	default:
		request.Header.Set("Content-Type", "application/json")
	}
	if e.Bearer != "" {
		request.Header.Set("Authorization", "Bearer "+r.sessions[e.Bearer].token)
	}
	if e.Cookie != "" {
		name, tampered := strings.CutPrefix(e.Cookie, "tampered ")
		s, ok := r.sessions[name]
		if !ok {
			t.Fatalf("%s: there is no session %s", e.Name, name)
		}
		if tampered {
			s.cookie = strings.Repeat("A", 20) + s.cookie[20:]
		}
		request.AddCookie(&http.Cookie{Name: sessionCookie, Value: s.cookie})
	}
	r.challenges["forged"] = strings.Repeat("A", 43) // as long as 256 bits are in base64
	for name, from := range map[string]struct {
		key    string
		values map[string]string
	}{challengeCookie: {e.Challenge, r.challenges}, trustCookie: {e.Trust, r.trusts}, passkeyCookie: {e.Passkey, r.passkeys.cookies}} {
		if from.key == "" {
			continue
		}
		value, ok := from.values[from.key]
		if !ok {
			t.Fatalf("%s: there is no %s %s", e.Name, name, from.key)
		}
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	return answer, body
}

// keep keeps the second factors that an account has been shown.
func (r *replay) keep(t *testing.T, account, uri string, backup []string) {
	t.Helper()
	a := r.accounts[account]
	if a == nil {
		a = new(factorsOf)
		r.accounts[account] = a
	}
	if len(backup) > 0 {
		a.backup = backup
	}
	if uri == "" {
		return
	}
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	if key.Type() != "totp" || key.AccountName() != account+"@example.test" || key.Period() != period || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
		t.Errorf("%s is not of a TOTP of %s with six digits, SHA-1 and %d s", uri, account, period)
	}
	a.secret, a.last = key.Secret(), 0
}

const period = 30 // seconds

var (
	codeWords = regexp.MustCompile(`<(\w+) (\w+) ?([^>]*)>`)
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	literal   = regexp.MustCompile(`"code": ?"\d{6}"`)
)

// codes puts codes in the place of the words that stand for them.
func (r *replay) codes(t *testing.T, content string) string {
	t.Helper()
	content = literal.ReplaceAllStringFunc(content, func(s string) string { return sixDigits.ReplaceAllStringFunc(s, r.wrong) })
	return codeWords.ReplaceAllStringFunc(content, func(s string) string {
		words := codeWords.FindStringSubmatch(s)
		return r.code(t, words[1], words[2], words[3])
	})
}

// code is the code that words stand for:
//
//	totp t1           one that was not used
//	totp t1 again     the one that was used last
//	totp t1 +1        that of the step after the present one
//	backup t1 2       the second backup code
//	mailed t1         the one that came by mail
//	mailed t1 again   the one that came by mail before
//	link t1           no code, but the token of the last link that came by mail
func (r *replay) code(t *testing.T, what, account, which string) string {
	t.Helper()
	if what == "link" {
		token, ok := r.links[account]
		if !ok {
			t.Fatalf("%s has no link", account)
		}
		return token
	}
	a := r.accounts[account]
	if a == nil {
		t.Fatalf("%s has no authenticator", account)
	}
	switch what {
	case "totp":
		return r.totp(t, a, which)
	case "backup":
		number, without, _ := strings.Cut(which, " without ")
		n, err := strconv.Atoi(number)
		if err != nil || n > len(a.backup) {
			t.Fatalf("%s has no backup code %s", account, number)
		}
		if without != "" {
			return strings.ReplaceAll(a.backup[n-1], "-", "")
		}
		return a.backup[n-1]
	case "mailed":
		if which != "again" {
			a.mailed = r.mail(t, account, func(subject, text string) string {
				if subject != "Your sign-in code" {
					return ""
				}
				return sixDigits.FindString(text)
			})
		}
		return a.mailed
	}
	t.Fatalf("no code is called %q", what)
	return ""
}

// totp is a code of an authenticator. The server takes those of three steps, and
// of them only what is later than the last one it took: so a secret is good for
// three codes here and now.
func (r *replay) totp(t *testing.T, a *factorsOf, which string) string {
	t.Helper()
	// If the present step ends before the server looks, the one before it is
	// too old.
	const soon = 5 * time.Second
	step := a.last
	switch which {
	case "again":
	case "":
		step = max(a.last+1, stepAt(time.Now().Add(soon))-1)
		if wait := time.Until(time.Unix((step-1)*period, 0)); wait > soon {
			t.Fatal("no code is left: each is good once")
		} else if wait > 0 {
			time.Sleep(wait)
		}
	default:
		away, err := strconv.ParseInt(which, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		step = stepAt(time.Now()) + away
	}
	a.last = max(a.last, step)
	return codeAt(a.secret, step)
}

func stepAt(at time.Time) int64 { return at.Unix() / period }

func codeAt(secret string, step int64) string {
	code, err := hotp.GenerateCode(secret, uint64(step))
	if err != nil {
		panic(err) // the secret was read from a URI
	}
	return code
}

// wrong is a code that was recorded as wrong, or another that is so here: of no
// step that the server knows.
func (r *replay) wrong(code string) string {
	now := stepAt(time.Now())
	var near []string
	for _, a := range r.accounts {
		for step := now - 12; a.secret != "" && step <= now+12; step++ {
			near = append(near, codeAt(a.secret, step))
		}
	}
	for n, _ := strconv.Atoi(code); slices.Contains(near, code); code = fmt.Sprintf("%06d", n%1_000_000) {
		n++
	}
	return code
}

var linkForm = regexp.MustCompile(`https?://[^/]+(/api/auth/\S+)`)

// link waits for the link that an exchange mails, and keeps it.
func (r *replay) link(t *testing.T, e exchange) {
	t.Helper()
	link := r.mail(t, e.Mails, func(_, text string) string {
		found := linkForm.FindStringSubmatch(text)
		if found == nil {
			return ""
		}
		return found[1]
	})
	token := regexp.MustCompile(`[\w-]{43}`).FindString(link)
	if got := strings.Replace(link, token, "<token>", 1); e.Link != "" && got != e.Link {
		t.Errorf("%s: the link is %s; want %s", e.Name, got, e.Link)
	}
	r.links[e.Mails] = token
}

// mail waits for a mail in which there is what of finds.
func (r *replay) mail(t *testing.T, account string, of func(subject, text string) string) (found string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(r.server.data, "mail", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if r.read[file] {
				continue
			}
			r.read[file] = true
			var mail struct{ To, Subject, Text string }
			readJSON(t, file, &mail)
			if mail.To == account+"@example.test" {
				found = cmp.Or(of(mail.Subject, mail.Text), found)
			}
		}
		if found != "" {
			return found
		}
	}
	t.Fatalf("%s got no code or link by mail", account)
	return ""
}

// wireWords are the members whose values are words of the protocol.
var wireWords = []string{
	"method", "twoFactorMethods", "rpId", "userVerification", "residentKey", "attestation", "authenticatorAttachment", "deviceType", "transports", "aaguid",
}

// form is what kind of value each part of an answer is: ids and times differ
// from one run to the next.
func form(v any) any {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case float64:
		return "number"
	case string:
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", v); err == nil {
			return "time"
		}
		return "string"
	case []any:
		of := any("nothing")
		if len(v) > 0 {
			of = form(v[0])
		}
		return map[string]any{fmt.Sprintf("array of %d", len(v)): of}
	case map[string]any:
		forms := make(map[string]any)
		for key, part := range v {
			forms[key] = form(part)
			if slices.Contains(wireWords, key) {
				forms[key] = fmt.Sprint(part)
			}
		}
		return forms
	}
	panic(fmt.Sprintf("%T is not of JSON", v))
}

// missing says what of want is not so in got. More than wanted is fine:
// clients hand fields on that they do not know.
func missing(at string, got, want any) (differences []string) {
	parts, ok := want.(map[string]any)
	if !ok {
		if want != nil && !reflect.DeepEqual(got, want) {
			differences = append(differences, fmt.Sprintf("%s is %v; want %v", at, got, want))
		}
		return differences
	}
	have, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %v; want %v", at, got, want)}
	}
	for key, part := range parts {
		if _, ok := have[key]; !ok {
			differences = append(differences, fmt.Sprintf("%s.%s is missing", at, key))
			continue
		}
		differences = append(differences, missing(at+"."+key, have[key], part)...)
	}
	return differences
}
