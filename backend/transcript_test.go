package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An exchange is a request that Better Auth 1.7.25 was sent, and what it
// answered. $1, $2 … stand for sessions: in Cookie for the cookie, in a body
// for the token that the list of sessions names it by.
type exchange struct {
	Name     string
	Request  string // method and path below /api/auth
	Cookie   string // "tampered $1" for one of the right form that is nobody's
	Bearer   string // what an Authorization header names
	NoOrigin bool
	Type     string // Content-Type if it is not application/json; "none" for none
	Body     json.RawMessage
	Raw      string // a body that is not JSON, or not an object

	Status int
	Answer json.RawMessage // an error as it was, or the form of anything else
	Sets   string          // the session whose cookie is set
	Brief  bool            // that cookie ends with the browser
	Clears bool            // the session cookie is cleared
}

// intended is where Latchkey answers otherwise on purpose, and why. What is
// given here replaces what was recorded.
var intended = map[string]struct {
	why    string
	status int
	answer string
	cookie string // "set", "cleared" or "untouched"
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
}

const (
	noType    = "a body says what it is"
	noForms   = "bodies are JSON, so that no other site can send one without being asked first"
	methods   = "405 tells more than 404"
	noReissue = "the cookie is good as it is"
	rotates   = "a new password ends the other sessions and gives the current one a new cookie, asked for or not"

	wrongType   = `{"code":"UNSUPPORTED_MEDIA_TYPE"}`
	wrongMethod = `{"code":"METHOD_NOT_ALLOWED"}`
)

// testTranscripts replays what was recorded of Better Auth and compares.
func testTranscripts(t *testing.T, binary string) {
	origin := start(t, binary, "-cookie-prefix", "better-auth", "-rate-limits", "off").origin
	files, err := filepath.Glob("testdata/wire/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	r := replay{origin: origin, sessions: make(map[string]session), unused: make(map[string]bool)}
	for name := range intended {
		r.unused[name] = true
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
	for name := range r.unused {
		t.Errorf("no exchange differs by intention as %q says", name)
	}
}

type session struct{ cookie, token string }

type replay struct {
	origin   string
	sessions map[string]session // by $1, $2 …
	unused   map[string]bool    // those of intended that were not met
}

const sessionCookie = "better-auth.session_token"

func (r *replay) exchange(t *testing.T, e exchange) {
	t.Helper()
	answer, body := r.send(t, e)

	cookie, value := "untouched", ""
	for _, c := range answer.Cookies() {
		switch {
		case c.Name != sessionCookie:
		case c.MaxAge < 0:
			cookie = "cleared"
		default:
			cookie, value = "set", c.Value
			if brief := c.MaxAge == 0; brief != e.Brief {
				t.Errorf("%s: the cookie ends with the browser: %t; want %t", e.Name, brief, e.Brief)
			}
		}
	}
	wantCookie := "untouched"
	switch {
	case e.Sets != "":
		wantCookie = "set"
	case e.Clears:
		wantCookie = "cleared"
	}
	if d, ok := intended[e.Name]; ok {
		delete(r.unused, e.Name)
		e.Name += " (differs on purpose: " + d.why + ")"
		if d.status != 0 {
			e.Status, e.Answer = d.status, json.RawMessage(d.answer)
		}
		if d.status >= 400 {
			wantCookie = "untouched"
		}
		if d.cookie != "" {
			wantCookie = d.cookie
		}
	}

	if answer.StatusCode != e.Status {
		t.Errorf("%s: status %d; want %d: %s", e.Name, answer.StatusCode, e.Status, body)
		return
	}
	if cookie != wantCookie {
		t.Errorf("%s: the session cookie is %s; want %s", e.Name, cookie, wantCookie)
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

	if cookie == "set" {
		name := e.Sets
		if name == "" {
			name = e.Cookie // a session that goes on with a new cookie
		}
		var opened struct{ Token string }
		json.Unmarshal(body, &opened)
		r.sessions[name] = session{value, opened.Token}
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
	content = strings.ReplaceAll(content, "http://localhost:3911", r.origin)

	request, err := http.NewRequestWithContext(t.Context(), method, r.origin+"/api/auth"+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if !e.NoOrigin {
		request.Header.Set("Origin", r.origin)
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
	answer, err := http.DefaultClient.Do(request)
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
		if want != nil && got != want {
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
