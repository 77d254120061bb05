package main_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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

	"latchkey/backend/testkit"
	"latchkey/shared/message"
)

// An exchange is a request to Better Auth 1.7.25 and its answer. $1, $2 … stand for
// cookies and, in a body, for the token of that session in the list of sessions. Words in
// <> stand for codes: see [replay.code].
//
// Better Auth's cookies session_data and dont_remember are left out. Latchkey does not
// cache sessions in cookies. It stores in the session, or in the pending sign-in before
// it, whether the browser remembers the session.
type exchange struct {
	Name          string // if it begins with "(ours:", the exchange was not recorded, and the name says why it exists
	Request       string // method and path below /api/auth
	Cookie        string // the session cookie; "tampered $1" for a cookie of the same form that no session has
	PendingSignIn string `json:"challenge"` // the two_factor cookie; "forged" for a cookie of the same form that no pending sign-in has
	Trust         string // the trust_device cookie
	Passkey       string // the passkey cookie
	Bearer        string // the session whose token is in the Authorization header
	NoOrigin      bool
	Type          string // Content-Type if it is not application/json; "none" for none
	Body          json.RawMessage
	Raw           string // a body that is not JSON, or not an object

	Authenticator *ceremony // makes the response of the body

	Status              int
	Answer              json.RawMessage // an error unchanged, or the form of another answer
	Sets                string          // the session whose cookie is set
	Brief               bool            // that cookie ends with the browser session
	Clears              bool            // the session cookie is cleared
	SetsPendingSignIn   string          `json:"setsChallenge"`
	ClearsPendingSignIn bool            `json:"clearsChallenge"`
	SetsTrust           string
	ClearsTrust         bool
	Keeps               string // the account whose authenticator and backup codes are in the answer
	EmailTo             string `json:"mails"` // the account that gets a link by email
	Link                string // path and query of that link; empty if it was not recorded
	Location            string
	SetsPasskey         string // the ceremony whose options are the answer
	KeepsPasskey        string // %1, %2 …: stands for the ID of the passkey that is the answer

	// SQL, if not empty, replaces the request. It makes time pass in the database.
	SQL string
}

// intended has the deliberate differences from Better Auth, with the reason, by the name
// of the exchange. Its values replace the recorded ones.
var intended = map[string]struct {
	why    string
	status int
	answer string

	cookie, pendingSignIn, trust string // "set", "cleared" or "untouched"

	location string
	link     string // in the email

	within string // a JSON Merge Patch of the recorded answer
	lasts  bool   // the session cookie does not end with the browser session
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

	"tampered signature":                    {why: "cookies are not signed: this one looks like that of an ended session", cookie: "cleared"},
	"update-user name":                      {why: noReissue, cookie: "untouched"},
	"update-user image":                     {why: noReissue, cookie: "untouched"},
	"update-user image null":                {why: noReissue, cookie: "untouched"},
	"update-user twoFactorEnabled false":    {why: "it is refused with any value", status: 400, answer: `{"code":"FIELD_NOT_ALLOWED"}`},
	"update-session no additional fields":   {why: "sessions have no fields to set", status: 404, answer: `{"code":"NOT_FOUND"}`},
	"change-password same password allowed": {why: notNew, status: 400, answer: samePassword, cookie: "untouched"},
	"change-password ok (no revoke)":        {why: rotates, status: 200, answer: `{"token":"string"}`, cookie: "set"},
	"other session still valid":             {why: rotates, status: 200, answer: `"null"`, cookie: "cleared"},
	"(restore password)":                    {why: rotates, status: 200, answer: `{"token":"string"}`, cookie: "set"},

	"verify ok (rotates session)": {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"(setup) verify":              {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"(setup) verify t3":           {why: asItIs, status: 200, answer: enabled, cookie: "set"},
	"verify again with session, same code (no replay protection)":       {why: once, status: 401, answer: invalidCode},
	"verify-totp again: with session cookie now (session mode)":         {why: once, status: 401, answer: invalidCode},
	"verify-totp code used before in other challenge (replay accepted)": {why: once, status: 401, answer: invalidCode},
	"replay consumed challenge cookie": {why: once + ", so the sign-in was not completed",
		status: 401, answer: invalidCode},
	"verify code of previous window (-1)": {why: once + ", nor any before it", status: 401, answer: invalidCode},
	"verify code of window -2": {why: "the message says that a clock is wrong",
		status: 401, answer: invalidCode},
	"verify-backup-code reused": {why: "the message says that it was used",
		status: 401, answer: `{"code":"INVALID_BACKUP_CODE"}`},
	"verify-backup-code reused, without dash": {why: "it is the same code, and the message says that it was used",
		status: 401, answer: `{"code":"INVALID_BACKUP_CODE"}`},
	"generate-backup-codes ok": {why: factors, cookie: "set"},
	"enable method otp": {why: noMailbox, status: 400,
		answer: `{"code":"OTP_NOT_CONFIGURED","message":"OTP is not available"}`},
	"sign-in otp-only user": {why: noMailbox, status: 200,
		answer: `{"redirect":"false","token":"string","user":{"twoFactorEnabled":"false"}}`, cookie: "set", pendingSignIn: "untouched"},

	"sign-in with old (rotated-out) trust cookie -> challenge, cookie expired": {why: trusts, trust: "untouched"},
	"sign-in t3 with t2's trust cookie":                                        {why: trusts, trust: "untouched"},
	"sign-in on trusted device after password change -> still trusted": {
		why: rotates + ", and the trust in devices", status: 200, answer: `{"twoFactorRedirect":"true"}`, cookie: "cleared",
		pendingSignIn: "set", trust: "untouched",
	},
	"disable with trust cookie present": {why: trusts, trust: "untouched"},

	"verify-totp forged cookie":                                 {why: deadCookie, pendingSignIn: "cleared"},
	"verify-backup-code disableSession:true in sign-in":         {why: deadCookie, pendingSignIn: "cleared"},
	"... challenge still alive afterwards, another backup code": {why: deadCookie, pendingSignIn: "cleared"},
	"verify-backup-code with session, burns a code":             {why: deadCookie, pendingSignIn: "cleared"},
	"verify-backup-code with session disableSession":            {why: deadCookie, pendingSignIn: "cleared"},
	"expired challenge":                                         {why: deadCookie, pendingSignIn: "cleared"},

	"generate-register-options":                                           {why: verifies, within: verified},
	"(setup) register options":                                            {why: verifies, within: fewer},
	"(setup) register options k1":                                         {why: verifies, within: fewer},
	"(setup) register options k2":                                         {why: verifies, within: fewer},
	"generate-register-options 2 (excludeCredentials), name & attachment": {why: verifies, within: verified},
	"generate-authenticate-options anonymous":                             {why: verifies, within: required},
	"(setup) authenticate options":                                        {why: verifies, within: required},
	"generate-authenticate-options signed in (allowCredentials)": {why: verifies,
		within: `{"userVerification":"required","allowCredentials":{"array of 7":null,"array of 6":{"id":"string","type":"string"}}}`},

	"wrong origin in clientData":      {why: notOurs, status: 400, answer: unregistered},
	"wrong rpId hash":                 {why: notOurs, status: 400, answer: unregistered},
	"wrong challenge (registration)":  {why: notOurs, status: 400, answer: unregistered},
	"wrong type webauthn.get":         {why: notOurs, status: 400, answer: unregistered},
	"user not present (registration)": {why: notOurs, status: 400, answer: unregistered},
	"garbage response object":         {why: notOurs, status: 400, answer: unregistered},
	"response null":                   {why: notOurs, status: 400, answer: unregistered},
	"response string":                 {why: notOurs, status: 400, answer: unregistered},
	"missing attestationObject":       {why: notOurs, status: 400, answer: unregistered},

	"no user verification flag -> accepted (UV not required)":        {why: verifies, status: 400, answer: unverifiedWhereMade},
	"user not verified -> accepted":                                  {why: verifies, status: 400, answer: unverified},
	"passkey WITHOUT user verification, 2FA enabled -> full session": {why: verifies, status: 400, answer: unverified},
	"registration without UV is STILL accepted by the server":        {why: verifies, status: 400, answer: unverifiedWhereMade},
	"authentication without UV accepted": {why: verifies + ", so it was not registered",
		status: 401, answer: noPasskey},
	"authenticate options (userVerification stays 'preferred')": {why: verifies, within: required},
	"createSession:true while signed in":                        {why: "the session goes on", cookie: "untouched"},
	"delete-passkey ok":                                         {why: "sessions that the passkey may have opened end with it", cookie: "set"},
	"k1 registers the SAME credential id X (attestation none) -> accepted?": {why: "a passkey is one account's",
		status: 409, answer: `{"code":"PREVIOUSLY_REGISTERED"}`},
	"list-user-passkeys": {why: "one of them was not registered", status: 200,
		answer: `{"array of 6":{"aaguid":"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4","name":"string","synced":"true","provider":{"name":"string"}}}`},
	"update-passkey other user's": {why: elsewhere, status: 404, answer: noPasskey},
	"delete-passkey other user's": {why: elsewhere, status: 404, answer: noPasskey},
	"userHandle of someone else is ignored": {why: "the passkey of one account does not name another",
		status: 400, answer: unauthenticated},
	"counter not increased (clone)": {why: "the message says what to do",
		status: 400, answer: `{"code":"AUTHENTICATION_FAILED"}`},
	"response not object": {why: anyResponse, status: 400, answer: unauthenticated},
	"response {}":         {why: anyResponse, status: 400, answer: unauthenticated},
	"registration challenge used for authentication": {why: "a wrong answer ends the other challenges of the browser that wait, too",
		status: 400, answer: unauthenticated},
	"passkey sign-in with a dont_remember cookie in the jar": {why: "only the session before was not to be remembered", lasts: true},

	"verify-email second time (already verified) no callback": {why: linkOnce, status: 401, answer: invalidToken},
	"verify-email unknown user":                               {why: "the links of an account go with it", status: 401, answer: invalidToken},
	"click verification":                                      {why: noReissue, cookie: "untouched"},
	"click without session": {why: "a user who opens the link can read the mailbox",
		within: `{"user":{"emailVerified":"true"}}`},
	"request no redirectTo":          {why: ourPage, link: "/reset-password?token=<token>"},
	"GET callback empty callbackURL": {why: ourPage, location: "http://localhost:3911/email?error=INVALID_TOKEN"},
	"old session survives reset (default)": {why: "a new password ends all sessions",
		status: 200, answer: `"null"`, cookie: "cleared"},
	"delete not fresh, no password": {why: "all endpoints that need a fresh session answer so",
		status: 403, answer: `{"code":"SESSION_NOT_FRESH","message":"Session is not fresh"}`},
	"delete fresh without password ok": {why: "a fresh session does not confirm a deletion",
		status: 403, answer: `{"code":"CONFIRMATION_REQUIRED"}`},
	"verify-email signs in (Set-Cookie) and redirects": {why: "a link does not sign in", cookie: "untouched"},
	"(setup) sign-up w4@example.test":                  {why: verifyFirst, within: `{"token":"null"}`, cookie: "untouched"},
	"(setup) sign-up w5@example.test":                  {why: verifyFirst, within: `{"token":"null"}`, cookie: "untouched"},

	"session-mode wrong code 10": {why: counts, status: 429, answer: lockedOut},
	"session-mode wrong code 11": {why: counts, status: 429, answer: lockedOut},
}

const (
	noType     = "a body has to say what it is"
	noForms    = "bodies are JSON, so that a page of another site cannot send one without a preflight"
	methods    = "405 says more than 404"
	noReissue  = "the cookie is good as it is"
	rotates    = "a new password always ends the other sessions and gives the current one a new cookie"
	notNew     = "a new password is another one"
	asItIs     = "the answer has the account as it is now, not as it was"
	once       = "a code is good once"
	factors    = "new factors end the other sessions and give the current one a new cookie"
	noMailbox  = "a mailbox is no second factor by itself before its owner has verified it"
	deadCookie = "the cookie of a pending sign-in that is not there, or no longer, is cleared"
	trusts     = "the cookie may have the trust of other accounts in it, and what is revoked in it opens nothing"
	counts     = "wrong codes count in a session, too"

	linkOnce    = "a link works once"
	ourPage     = "there is a page for it"
	verifyFirst = "a link for deletion comes by email only if addresses have to be verified, so the account has to do that first"

	verifies    = "a passkey is two factors, because it verifies its user, and it knows its account by itself"
	notOurs     = "the fault is not the server's"
	elsewhere   = "the answer does not tell whether another account has a passkey of that ID"
	anyResponse = "anything but the answer of an authenticator is a wrong answer"

	verified = `{"authenticatorSelection":{"userVerification":"required","residentKey":"required","requireResidentKey":"true"}}`
	fewer    = `{"authenticatorSelection":{"userVerification":"required","residentKey":"required","requireResidentKey":"true"},` +
		`"excludeCredentials":null}` // some were not registered
	required        = `{"userVerification":"required"}`
	unregistered    = `{"code":"FAILED_TO_VERIFY_REGISTRATION","message":"Failed to verify registration"}`
	unauthenticated = `{"code":"AUTHENTICATION_FAILED","message":"Authentication failed"}`
	noPasskey       = `{"code":"PASSKEY_NOT_FOUND","message":"Passkey not found"}`

	notVerified = `"message":"Your device did not verify that it is you. Set up a PIN, ` +
		`fingerprint or face recognition on it, and try again."`
	unverified          = `{"code":"AUTHENTICATION_FAILED",` + notVerified + `}`
	unverifiedWhereMade = `{"code":"FAILED_TO_VERIFY_REGISTRATION",` + notVerified + `}`

	wrongType    = `{"code":"UNSUPPORTED_MEDIA_TYPE"}`
	wrongMethod  = `{"code":"METHOD_NOT_ALLOWED"}`
	invalidToken = `{"code":"INVALID_TOKEN","message":"Invalid token"}`
	invalidCode  = `{"code":"INVALID_CODE"}`
	samePassword = `{"code":"PASSWORD_IS_THE_SAME"}`
	lockedOut    = `{"code":"ACCOUNT_TEMPORARILY_LOCKED"}`
	enabled      = `{"token":"string","user":{"twoFactorEnabled":"true"}}`
)

// testTranscripts sends the recorded requests to the program and compares its answers
// with Better Auth's. Requests that were recorded with required email verification go to
// a server that requires it, too.
func testTranscripts(t *testing.T) {
	t.Parallel()
	unused := make(map[string]bool)
	for name := range intended {
		unused[name] = true
	}
	for _, on := range []struct{ files, variable string }{
		{"testdata/wire/*.json", "TWO_FACTOR_SIGN_IN=redirect"},
		{"testdata/wire/verified/*.json", "VERIFY_EMAIL=required"},
	} {
		r := newReplay(testkit.Start(t, on.variable, "-cookie-prefix", "better-auth", "-rate-limits", "off"))
		r.unused = unused
		files, err := filepath.Glob(on.files)
		if err != nil || len(files) == 0 {
			t.Fatalf("no transcripts: %v", err)
		}
		for _, file := range files { // in order: later ones use sessions of earlier ones
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				var exchanges []exchange
				testkit.ReadJSON(t, file, &exchanges)
				for _, e := range exchanges {
					r.exchange(t, e)
				}
			})
		}
	}
	for name := range unused {
		t.Errorf("%q is in intended, but no exchange has that name", name)
	}
}

// testTwoFactorRequired sends the recorded requests up to the first sign-in that needs a
// second factor. TWO_FACTOR_SIGN_IN has its default, so the server does not give Better
// Auth's answer to that sign-in, but its own.
func testTwoFactorRequired(t *testing.T) {
	t.Parallel()
	r := newReplay(testkit.Start(t, "-cookie-prefix", "better-auth", "-rate-limits", "off"))
	var exchanges []exchange
	testkit.ReadJSON(t, "testdata/wire/10-two-factor-sign-in.json", &exchanges)
	for _, e := range exchanges {
		if e.SetsPendingSignIn == "" {
			r.exchange(t, e)
			continue
		}
		e.Status = http.StatusForbidden
		e.Answer = json.RawMessage(`{"message":"twoFactorRequired","code":"TWO_FACTOR_REQUIRED",` +
			`"twoFactorRedirect":true,"twoFactorMethods":["totp","otp"]}`)
		r.exchange(t, e)
		return
	}
	t.Error("no sign-in asks for a second factor")
}

type session struct{ cookie, token string }

// secondFactors has the second factors of an account that its owner knows.
type secondFactors struct {
	app         *testkit.AuthenticatorApp // nil before the account has an authenticator
	backupCodes []string
	emailed     string // the newest code from an email
}

// A replay is the state of a run of transcripts on one server.
type replay struct {
	server         *testkit.Program
	client         *testkit.Client    // without cookies of its own
	sessions       map[string]session // by the names $1, $2 …
	pendingSignIns map[string]string  // the cookies of pending sign-ins, by the same names
	trusts         map[string]string
	accounts       map[string]*secondFactors // by the name of the account
	set            map[string]bool           // the values of cookies that were set
	read           map[string]bool           // the files of emails that were read
	passkeys       passkeys
	links          map[string]string // by the name of the account: the token of the last link
	unused         map[string]bool   // the names in intended that no exchange has had yet
}

func newReplay(server *testkit.Program) *replay {
	client := server.Client()
	client.Jar = nil
	return &replay{
		server: server, client: client, sessions: make(map[string]session), pendingSignIns: make(map[string]string),
		trusts:   make(map[string]string),
		accounts: make(map[string]*secondFactors), set: make(map[string]bool), read: make(map[string]bool), unused: make(map[string]bool),
		passkeys: newPasskeys(), links: make(map[string]string),
	}
}

const (
	sessionCookie       = "better-auth.session_token"
	pendingSignInCookie = "better-auth.two_factor"
	trustCookie         = "better-auth.trust_device"
	passkeyCookie       = "better-auth.better-auth-passkey"
	browserCookie       = "better-auth.browser" // Latchkey's own, which stays
)

// lifetimes has the Max-Age of Better Auth's cookies, in seconds.
var lifetimes = map[string]int{pendingSignInCookie: 10 * 60, trustCookie: 30 * 24 * 60 * 60, passkeyCookie: 5 * 60}

// exchange sends the request of an exchange and compares the answer.
func (r *replay) exchange(t *testing.T, e exchange) {
	t.Helper()
	if e.SQL != "" {
		execSQL(t, "sqlite:"+filepath.Join(r.server.Data, "latchkey.db"), e.SQL)
		return
	}
	a := r.send(t, e)

	cookies := map[string]string{sessionCookie: "untouched", pendingSignInCookie: "untouched", trustCookie: "untouched",
		passkeyCookie: "untouched"}
	values := make(map[string]string)
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.MaxAge < 0 {
			cookies[c.Name] = "cleared"
			continue
		}
		cookies[c.Name], values[c.Name] = "set", c.Value
		// The passkey cookie belongs to the browser and stays the same, because one ceremony
		// does not end another.
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
		sessionCookie:       effect(e.Sets, e.Clears),
		pendingSignInCookie: effect(e.SetsPendingSignIn, e.ClearsPendingSignIn),
		trustCookie:         effect(e.SetsTrust, e.ClearsTrust),
		passkeyCookie:       effect(e.SetsPasskey, false),
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
		for name, effect := range map[string]string{sessionCookie: d.cookie, pendingSignInCookie: d.pendingSignIn,
			trustCookie: d.trust, passkeyCookie: ""} {
			if effect != "" {
				wantCookies[name] = effect
			} else if d.status >= 400 {
				wantCookies[name] = "untouched"
			}
		}
	}

	if a.Status != e.Status {
		t.Errorf("%s: status %d; want %d: %s", e.Name, a.Status, e.Status, a.Body)
		return
	}
	for name, want := range wantCookies {
		if got := cookies[name]; got != want {
			t.Errorf("%s: the cookie %s is %s; want %s", e.Name, name, got, want)
		}
	}
	if a.Status == http.StatusFound {
		want := strings.ReplaceAll(r.fillCodes(t, e.Location), recordedOrigin, r.server.Origin)
		if got := a.Header.Get("Location"); got != want || a.Body != "" {
			t.Errorf("%s: it redirects to %q with the body %q; want %q and none", e.Name, got, a.Body, want)
		}
	}
	if e.EmailTo != "" {
		r.keepLink(t, e)
	}
	var got, want any
	json.Unmarshal([]byte(a.Body), &got)
	json.Unmarshal(e.Answer, &want)
	if e.Status < 400 {
		got = form(got)
	}
	if recorded, ok := want.(map[string]any); ok && recorded["code"] == "VALIDATION_ERROR" {
		delete(recorded, "message") // a text for developers, from a library of Better Auth
	}
	for _, difference := range missing("", got, want) {
		t.Errorf("%s: %s", e.Name, difference)
	}

	var holds struct {
		Token       string
		TOTPURI     string
		BackupCodes []string
	}
	json.Unmarshal([]byte(a.Body), &holds)
	if value, ok := values[sessionCookie]; ok {
		// If no cookie was recorded, a session continues with a new cookie, or the server
		// starts a session instead of a pending sign-in.
		r.sessions[cmp.Or(e.Sets, e.Cookie, e.SetsPendingSignIn)] = session{value, holds.Token}
	} else if e.Sets != "" && e.Cookie != "" {
		r.sessions[e.Sets] = r.sessions[e.Cookie] // it continues with its old cookie
	}
	if value, ok := values[pendingSignInCookie]; ok {
		r.pendingSignIns[cmp.Or(e.SetsPendingSignIn, e.Sets)] = value
	}
	if value, ok := values[trustCookie]; ok {
		r.trusts[e.SetsTrust] = value
	}
	if e.SetsPasskey != "" {
		r.passkeys.begin(t, e.SetsPasskey, values[passkeyCookie], a.Body)
	}
	if e.KeepsPasskey != "" {
		r.passkeys.keep(t, e.KeepsPasskey, a.Body)
	}
	if e.Keeps != "" {
		r.keepFactors(t, e.Keeps, holds.TOTPURI, holds.BackupCodes)
	}
}

// patched applies a JSON Merge Patch to a recorded answer.
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

// replace applies a JSON Merge Patch (RFC 7396).
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

// effect returns how an answer affects a cookie: "set", "cleared" or "untouched". sets is
// the name of the value that it sets, or "".
func effect(sets string, clears bool) string {
	switch {
	case sets != "":
		return "set"
	case clears:
		return "cleared"
	}
	return "untouched"
}

// recordedOrigin is the origin of the recorded servers.
const recordedOrigin = "http://localhost:3911"

// send sends the request of an exchange.
func (r *replay) send(t *testing.T, e exchange) testkit.Answer {
	t.Helper()
	method, path, _ := strings.Cut(e.Request, " ")
	content := e.Raw
	if content == "" {
		content = string(e.Body)
	}
	for name, s := range r.sessions {
		content = strings.ReplaceAll(content, `"`+name+`"`, `"`+s.token+`"`)
	}
	content = r.passkeys.fill(t, e, content, r.server.Origin)
	content = strings.ReplaceAll(content, recordedOrigin, r.server.Origin)
	content, path = r.fillCodes(t, content), r.fillCodes(t, path)

	// Send only the recorded headers.
	headers := []string{"Sec-Fetch-Site:", "X-Forwarded-For:"}
	if e.NoOrigin {
		headers = append(headers, "Origin:")
	} else {
		headers = append(headers, "Origin: "+r.server.Origin)
	}
	switch {
	case e.Type == "none" || content == "":
		headers = append(headers, "Content-Type:")
	default:
		headers = append(headers, "Content-Type: "+cmp.Or(e.Type, "application/json"))
	}
	if e.Bearer != "" {
		headers = append(headers, "Authorization: Bearer "+r.sessions[e.Bearer].token)
	}
	if cookies := r.cookies(t, e); cookies != nil {
		headers = append(headers, "Cookie: "+strings.Join(cookies, "; "))
	}
	a := r.client.Do(method, "/api/auth"+path, content, headers...)
	if a.Err != nil {
		t.Fatalf("%s: %v", e.Name, a.Err)
	}
	return a
}

// cookies returns the cookies of a request, each "name=value".
func (r *replay) cookies(t *testing.T, e exchange) (cookies []string) {
	t.Helper()
	if e.Cookie != "" {
		name, tampered := strings.CutPrefix(e.Cookie, "tampered ")
		s, ok := r.sessions[name]
		if !ok {
			t.Fatalf("%s: there is no session %s", e.Name, name)
		}
		if tampered {
			s.cookie = strings.Repeat("A", 20) + s.cookie[20:]
		}
		cookies = append(cookies, sessionCookie+"="+s.cookie)
	}
	r.pendingSignIns["forged"] = strings.Repeat("A", 43) // the length of 256 bits in base64
	for name, from := range map[string]struct {
		key    string
		values map[string]string
	}{pendingSignInCookie: {e.PendingSignIn, r.pendingSignIns}, trustCookie: {e.Trust, r.trusts},
		passkeyCookie: {e.Passkey, r.passkeys.cookies}} {
		if from.key == "" {
			continue
		}
		value, ok := from.values[from.key]
		if !ok {
			t.Fatalf("%s: there is no %s %s", e.Name, name, from.key)
		}
		cookies = append(cookies, name+"="+value)
	}
	return cookies
}

// keepFactors stores the second factors of an account that an answer contains.
func (r *replay) keepFactors(t *testing.T, account, uri string, backupCodes []string) {
	t.Helper()
	f := r.accounts[account]
	if f == nil {
		f = new(secondFactors)
		r.accounts[account] = f
	}
	if len(backupCodes) > 0 {
		f.backupCodes = backupCodes
	}
	if uri == "" {
		return
	}
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	const period = uint64(testkit.Step / time.Second)
	if key.Type() != "totp" || key.AccountName() != account+"@example.test" || key.Period() != period ||
		key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
		t.Errorf("%s is not the URI of a TOTP for %s with six digits, SHA-1 and %d s", uri, account, period)
	}
	if f.app, err = testkit.Scan(uri); err != nil {
		t.Fatal(err)
	}
}

var (
	codeWords = regexp.MustCompile(`<(\w+) (\w+) ?([^>]*)>`)
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	wrongCode = regexp.MustCompile(`"code": ?"\d{6}"`)
)

// fillCodes replaces words that stand for codes by codes. It replaces recorded codes,
// which were wrong, by a code that is wrong here.
func (r *replay) fillCodes(t *testing.T, content string) string {
	t.Helper()
	content = wrongCode.ReplaceAllStringFunc(content, func(string) string {
		var apps []*testkit.AuthenticatorApp
		for _, f := range r.accounts {
			if f.app != nil {
				apps = append(apps, f.app)
			}
		}
		return `"code":"` + testkit.Wrong(apps...) + `"`
	})
	return codeWords.ReplaceAllStringFunc(content, func(s string) string {
		words := codeWords.FindStringSubmatch(s)
		return r.code(t, words[1], words[2], words[3])
	})
}

// code returns the code that words stand for:
//
//	totp t1                    a code that was not used
//	totp t1 again              the code that was used last
//	totp t1 +1                 the code of the step after the current one
//	backup t1 2                the second backup code
//	backup t1 2 without dash   the same code without hyphens
//	mailed t1                  the code from a new email
//	mailed t1 again            the same code again
//	link t1                    the token of the link in the last email
func (r *replay) code(t *testing.T, what, account, which string) string {
	t.Helper()
	if what == "link" {
		token, ok := r.links[account]
		if !ok {
			t.Fatalf("%s has no link", account)
		}
		return token
	}
	f := r.accounts[account]
	if f == nil {
		t.Fatalf("%s has no authenticator", account)
	}
	switch what {
	case "totp":
		return totp(t, f.app, which)
	case "backup":
		number, without, _ := strings.Cut(which, " without ")
		n, err := strconv.Atoi(number)
		if err != nil || n > len(f.backupCodes) {
			t.Fatalf("%s has no backup code %s", account, number)
		}
		if without != "" {
			return strings.ReplaceAll(f.backupCodes[n-1], "-", "")
		}
		return f.backupCodes[n-1]
	case "mailed":
		if which != "again" {
			f.emailed = r.email(t, account, func(e testkit.Email) string {
				if e.Subject != en.T(message.MailSignInCodeSubject) {
					return ""
				}
				return sixDigits.FindString(e.Text)
			})
		}
		return f.emailed
	}
	t.Fatalf("no code is called %q", what)
	return ""
}

// totp returns a code of an authenticator: see [replay.code].
func totp(t *testing.T, app *testkit.AuthenticatorApp, which string) string {
	t.Helper()
	switch which {
	case "again":
		return app.Last()
	case "":
		return app.Next()
	}
	away, err := strconv.ParseInt(which, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	step := app.StepNow() + away
	app.Use(step)
	return app.CodeOf(step)
}

var linkPattern = regexp.MustCompile(`https?://[^/]+(/(?:email|reset-password)\?\S+)`)

// pageOf returns the page to which the link in an email leads, instead of the recorded
// endpoint. Links lead to pages because email scanners open links, too.
func pageOf(recorded string) string {
	return strings.NewReplacer(
		"/api/auth/verify-email?", "/email?", "/api/auth/delete-user/callback?", "/email?",
		"/api/auth/reset-password/<token>?", "/reset-password?token=<token>&",
	).Replace(recorded)
}

// keepLink waits for the email with a link that an exchange causes, and stores the token
// of the link.
func (r *replay) keepLink(t *testing.T, e exchange) {
	t.Helper()
	link := r.email(t, e.EmailTo, func(e testkit.Email) string {
		found := linkPattern.FindStringSubmatch(e.Text)
		if found == nil {
			return ""
		}
		return found[1]
	})
	token := regexp.MustCompile(`[\w-]{43}`).FindString(link)
	if got, want := strings.Replace(link, token, "<token>", 1), pageOf(e.Link); e.Link != "" && got != want {
		t.Errorf("%s: the link is %s; want %s", e.Name, got, want)
	}
	r.links[e.EmailTo] = token
}

// email waits for a new email to an account for which find does not return "", and returns
// that text. It marks all emails as read, even those to other accounts.
func (r *replay) email(t *testing.T, account string, find func(testkit.Email) string) (found string) {
	t.Helper()
	testkit.Eventually(t, account+" has a code or link by email", func() bool {
		for _, e := range r.server.Emails("") {
			if r.read[e.File] {
				continue
			}
			r.read[e.File] = true
			if e.To == account+"@example.test" {
				found = cmp.Or(find(e), found)
			}
		}
		return found != ""
	})
	return found
}

// wireWords has the members of answers whose values are words of the protocol.
var wireWords = []string{
	"method", "twoFactorMethods", "rpId", "userVerification", "residentKey", "attestation", "authenticatorAttachment", "deviceType",
	"transports", "aaguid",
}

// form replaces each part of a value by its kind, because IDs and times differ between
// runs.
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
	panic(fmt.Sprintf("%T is not a type of JSON", v))
}

// missing returns the differences between got and want. It ignores fields that only got
// has, because clients ignore unknown fields.
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
