package wire

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/shared"
)

// in is the type that the tests decode. It has a field of each kind.
type in struct {
	Email    string          `json:"email" check:"email"`
	Word     string          `json:"word,omitempty" check:"one|two"`
	Text     string          `json:"text,omitempty" check:"nonempty"`
	Name     *string         `json:"name,omitempty"`
	N        *int64          `json:"n,omitempty"`
	Yes      *bool           `json:"yes,omitempty"`
	Image    shared.Nullable `json:"image,omitempty"`
	Callback string          `json:"callbackURL,omitempty"`
}

// own refuses unknown members.
type own struct {
	A string `json:"a,omitempty"`
}

func (own) Exact() {}

var schema = SchemaOf[in]()

// decoder accepts email addresses with an @, and redirects to paths.
var decoder = Decoder{
	EmailFault: func(address string) string {
		if strings.Contains(address, "@") {
			return ""
		}
		return "no address"
	},
	MayRedirectTo: func(address string) bool { return strings.HasPrefix(address, "/") },
}

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// wantError fails the test unless err is the given error of the API, about the field.
func wantError(t *testing.T, what string, err error, want *shared.Error, field string) {
	t.Helper()
	got, _ := errors.AsType[*shared.Error](err)
	switch {
	case want == nil && err != nil, want != nil && !errors.Is(err, want):
		t.Errorf("%s: %v; want %v", what, err, want)
	case want != nil && got.Field != field:
		t.Errorf("%s: it is about the field %q; want %q", what, got.Field, field)
	}
}

func TestBody(t *testing.T) {
	for body, want := range map[string]struct {
		err   *shared.Error
		field string
	}{
		`{"email":"a@b"}`: {},
		`{"email":"a@b","word":"two","text":"x","name":"","n":5,"yes":false,"image":null,"callbackURL":"/"}`: {},
		`{"email":"a@b","unknown":[{}]}`: {},

		``:                                {shared.ErrValidation, ""},
		`[]`:                              {shared.ErrValidation, ""},
		`{}`:                              {shared.ErrValidation, "email"},
		`{"email":"a"}`:                   {shared.ErrValidation, "email"},
		`{"email":null}`:                  {shared.ErrValidation, "email"},
		`{"email":"a@b","EMAIL":"c@d"}`:   {shared.ErrValidation, "email"},
		`{"email":"a@b","word":"three"}`:  {shared.ErrValidation, "word"},
		`{"email":"a@b","text":""}`:       {shared.ErrValidation, "text"},
		`{"email":"a@b","n":"5"}`:         {shared.ErrValidation, "n"},
		`{"email":"a@b","n":5.5}`:         {shared.ErrValidation, ""},
		`{"email":"a@b","yes":"true"}`:    {shared.ErrValidation, "yes"},
		`{"email":"a@b","image":5}`:       {shared.ErrValidation, "image"},
		`{"email":"a@b","redirectTo":{}}`: {shared.ErrValidation, "redirectTo"},

		`{"email":"a@b","callbackURL":"//x"}`:               {},
		`{"email":"a@b","callbackURL":"x"}`:                 {shared.ErrCallbackURL, "callbackURL"},
		`{"email":"a","redirectTo":"x"}`:                    {shared.ErrRedirectURL, "redirectTo"}, // checked before the schema
		`{"email":"a@b","errorCallbackURL":"javascript:x"}`: {shared.ErrErrorCallbackURL, "errorCallbackURL"},
		`{"email":"a@b","newUserCallbackURL":"x"}`:          {shared.ErrNewUserCallbackURL, "newUserCallbackURL"},

		`{"email":"a@b"}{}`:                  {shared.ErrBadRequest, ""},
		`{"email":"a@b",}`:                   {shared.ErrBadRequest, ""},
		`{"email":"a@b","email":"a@b"}`:      {shared.ErrBadRequest, ""},
		`{"email":"a@b","x":{"y":1,"y":2}}`:  {shared.ErrBadRequest, ""},
		`{"email":"a@b","x":"\u0000"}`:       {shared.ErrBadRequest, ""},
		"{\"email\":\"a@b\",\"x\":\"\xff\"}": {shared.ErrBadRequest, ""},
		`{"email":"a@b","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`:       {shared.ErrBadRequest, ""},
		`{"email":"a@b","unknown":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`: {},
	} {
		var got in
		wantError(t, body, decoder.Body(post(asJSON, body), schema, &got), want.err, want.field)
		if want.err == nil && got.Email != "a@b" {
			t.Errorf("%s is read as %+v", body, got)
		}
	}

	var got in
	for contentType, want := range map[string]*shared.Error{
		"application/json; charset=UTF-8": nil, "application/json; charset=latin1": shared.ErrMediaType, "text/plain": shared.ErrMediaType,
		"": shared.ErrMediaType,
	} {
		wantError(t, contentType, decoder.Body(post(contentType, `{"email":"a@b"}`), schema, &got), want, "")
	}

	// An endpoint without members needs no body. A callback in the query is checked,
	// too.
	none := SchemaOf[struct{}]()
	wantError(t, "no body", decoder.Body(post("", ""), none, new(struct{})), nil, "")
	r := httptest.NewRequest("POST", "/?callbackURL=x", nil)
	wantError(t, "a callback in the query", decoder.Body(r, none, new(struct{})), shared.ErrCallbackURL, "callbackURL")

	wantError(t, "own members", decoder.Body(post(asJSON, `{"a":"x"}`), SchemaOf[own](), new(own)), nil, "")
	wantError(t, "others", decoder.Body(post(asJSON, `{"a":"x","b":1}`), SchemaOf[own](), new(own)), shared.ErrValidation, "")

	large := post(asJSON, `{"email":"a@b","x":"`+strings.Repeat("x", MaxBody)+`"}`)
	large.Body = http.MaxBytesReader(httptest.NewRecorder(), large.Body, MaxBody)
	wantError(t, "a large body", decoder.Body(large, schema, &got), shared.ErrTooLarge, "")
}

func TestBetterAuthMessages(t *testing.T) {
	var got in
	err := decoder.Body(post(asJSON, `{"word":"three","text":"","n":[],"yes":"","email":{}}`), schema, &got)
	e, ok := errors.AsType[*shared.Error](err)
	const want = "[body.email] Invalid input: expected string, received object; " +
		`[body.word] Invalid option: expected one of "one"|"two"; ` +
		"[body.text] Too small: expected string to have >=1 characters; " +
		"[body.n] Invalid input: expected number, received array; " +
		"[body.yes] Invalid input: expected boolean, received string"
	if !ok || e.Message != want {
		t.Errorf("%v; want %s", err, want)
	}
}

func TestQuery(t *testing.T) {
	type query struct {
		Search   string `json:"search,omitempty"`
		Token    string `json:"token"`
		Callback string `json:"callbackURL,omitempty"`
	}
	for text, want := range map[string]struct {
		in    query
		err   *shared.Error
		field string
	}{
		"?token=x&search=%C3%A4&other=1": {in: query{Token: "x", Search: "ä"}},
		"?token=x&callbackURL=/y":        {in: query{Token: "x", Callback: "/y"}},
		"":                               {err: shared.ErrValidation, field: "token"},
		"?token=x&token=y":               {err: shared.ErrValidation, field: "token"},
		"?token=%FF":                     {err: shared.ErrBadRequest},
		"?token=%00":                     {err: shared.ErrBadRequest},
		"?token=x&callbackURL=y":         {err: shared.ErrCallbackURL, field: "callbackURL"},
	} {
		var got query
		wantError(t, text, decoder.Query(httptest.NewRequest("GET", "/"+text, nil), SchemaOf[query](), &got), want.err, want.field)
		if want.err == nil && got != want.in {
			t.Errorf("%s is read as %+v", text, got)
		}
	}
}

func TestForm(t *testing.T) {
	yes, no, five := true, false, int64(-5)
	for body, want := range map[string]struct {
		in    in
		err   *shared.Error
		field string
	}{
		"email=a%40b":                        {in: in{Email: "a@b", Yes: &no}},
		"email=a%40b&yes=on":                 {in: in{Email: "a@b", Yes: &yes}},
		"email=a%40b&text=x+y&unknown=5":     {in: in{Email: "a@b", Text: "x y", Yes: &no}},
		"email=a%40b&yes=true":               {err: shared.ErrValidation, field: "yes"},
		"email=a%40b&n=-5":                   {in: in{Email: "a@b", N: &five, Yes: &no}},
		"email=a%40b&n=":                     {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=05":                   {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=%2B5":                 {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=5.0":                  {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=9e1":                  {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=null":                 {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=+5":                   {err: shared.ErrValidation, field: "n"},
		"email=a%40b&n=92233720368547758070": {err: shared.ErrValidation, field: "n"},
		"email=a":                            {err: shared.ErrValidation, field: "email"},
		"":                                   {err: shared.ErrValidation, field: "email"},
		"email=a%40b&email=a%40b":            {err: shared.ErrBadRequest},
		"email=a%40b&x=%00":                  {err: shared.ErrBadRequest},
		"email=a%40b&%FF=x":                  {err: shared.ErrBadRequest},
		"email=%":                            {err: shared.ErrBadRequest},
		"email=a%40b;text=x":                 {err: shared.ErrBadRequest},
		"email=a%40b&text=%C3%A4":            {in: in{Email: "a@b", Text: "ä", Yes: &no}},
	} {
		var got in
		typed, err := decodeForm(post(asForm, body), &got)
		wantError(t, body, err, want.err, want.field)
		if want.err == nil && (!reflect.DeepEqual(got, want.in) || typed.Get("email") != "a@b") {
			t.Errorf("%s is read as %+v, typed %v", body, got, typed)
		}
	}
	for _, contentType := range []string{asJSON, "text/plain", "multipart/form-data; boundary=x", ""} {
		_, err := ReadForm(post(contentType, "email=a%40b"))
		wantError(t, contentType, err, shared.ErrMediaType, "")
	}
}

// decodeForm reads and decodes a form.
func decodeForm(r *http.Request, out *in) (url.Values, error) {
	values, err := ReadForm(r)
	if err != nil {
		return nil, err
	}
	return values, decoder.Values(values, schema, out)
}

// TestNoSchema tests that SchemaOf panics, so that an unsupported type is found when the
// server starts.
func TestNoSchema(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("there is a schema for a field of type []string")
		}
	}()
	SchemaOf[struct {
		A []string `json:"a"`
	}]()
}

// wantClean fails the test unless the decoded value satisfies the schema.
func wantClean(t *testing.T, from string, got in) {
	t.Helper()
	for _, text := range []string{got.Email, got.Word, got.Text, got.Callback} {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("%q is read as %+v", from, got)
		}
	}
	if !strings.Contains(got.Email, "@") || got.Word != "" && got.Word != "one" && got.Word != "two" {
		t.Errorf("%q is read as %+v", from, got)
	}
	if got.Callback != "" && !decoder.MayRedirectTo(got.Callback) {
		t.Errorf("%q redirects to %s", from, got.Callback)
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"email":"a@b","word":"one"}`, `{"email":"a@b","x":[{"b":null}]}`, `[[[`, "{\"email\":\"\xff\"}",
		`{"email":"a@b","callbackURL":"//x"}`,
		`{"email":"a@b","n":1e400}`, `{"email":"a@b","n":9223372036854775808}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got in
		if err := decoder.Body(post(asJSON, body), schema, &got); err == nil {
			wantClean(t, body, got)
		} else if _, ok := errors.AsType[*shared.Error](err); !ok {
			t.Errorf("%q is an internal error: %v", body, err)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"email=a@b", "email=a@b&email=c@d", "email=a@b&callbackURL=%2Fx", "email=%FF",
		"email=a@b;x", "n=5&email=a@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var got in
		r := &http.Request{Method: "GET", URL: &url.URL{Path: "/", RawQuery: query}}
		if err := decoder.Query(r, schema, &got); err == nil {
			wantClean(t, query, got)
		} else if _, ok := errors.AsType[*shared.Error](err); !ok {
			t.Errorf("%q is an internal error: %v", query, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"email=a%40b&yes=on", "email=a@b&email=c@d", "email=a@b&x=%00", "%FF=", "email=a@b&yes", "email=a@b&n=5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := in{}
		if _, err := decodeForm(post(asForm, body), &got); err == nil {
			got.Callback = "" // form handlers check it themselves
			wantClean(t, body, got)
		} else if _, ok := errors.AsType[*shared.Error](err); !ok {
			t.Errorf("%q is an internal error: %v", body, err)
		}
	})
}
