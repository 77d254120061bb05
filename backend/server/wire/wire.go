// Package wire decodes requests strictly: it validates bodies, queries and forms against
// a schema, and reports errors as Better Auth does. It also encodes the responses. It
// knows nothing about accounts, sessions or what the endpoints do.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/shared"
)

// MaxBody is the maximum size of a body, in bytes. The largest legitimate body, a passkey
// registration, has about 8 KiB. A body of this size is still fast to parse.
const MaxBody = 64 << 10

// maxDepth limits the nesting of JSON. The deepest body that the endpoints need, a
// passkey registration, stays far below it.
const maxDepth = 32

// A Decoder reads requests.
type Decoder struct {
	// EmailFault returns an error message for an invalid email address, or "" for a valid
	// one.
	EmailFault func(address string) string
	// MayRedirectTo reports whether the server may redirect to an address from a request.
	MayRedirectTo func(address string) bool
}

// strictBody is implemented by the In of endpoints that refuse unknown members. A caller
// that sends them expects an effect that the endpoint does not have.
type strictBody interface{ Exact() }

// Body decodes the body of a request into in, which the schema describes. The body must
// be one JSON object in valid UTF-8, with no data after it and no duplicate names. Names
// are case-sensitive. As in Better Auth, unknown names are ignored. They are an error if
// in is a [strictBody], or if they differ from a known name only in case.
func (d Decoder) Body(r *http.Request, s Schema, in any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		if err := d.checkCallbacks(r, nil); err != nil || len(s) == 0 {
			return err
		}
		return Invalid("", "[body] Invalid input: expected object, received undefined")
	}
	if !hasType(r, "application/json") {
		return shared.ErrMediaType
	}
	members, err := object(body)
	if err != nil {
		return err
	}
	if err := d.checkCallbacks(r, members); err != nil {
		return err
	}
	if err := d.validate(s, "body", members); err != nil {
		return err
	}
	_, all := in.(strictBody)
	if err := s.refuseOthers(members, all); err != nil {
		return err
	}
	if err := strict.Unmarshal(body, in); err != nil { // such as a number that is not an integer
		return fmt.Errorf("%w: %w", shared.ErrValidation, err)
	}
	return nil
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, shared.ErrTooLarge
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	return body, nil
}

// hasType reports whether the Content-Type of a request is want, in UTF-8.
func hasType(r *http.Request, want string) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == want && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

// Query decodes the query of a request into in, whose fields are strings. It ignores
// unknown names.
func (d Decoder) Query(r *http.Request, s Schema, in any) error {
	if len(s) == 0 { // nearly every read
		return nil
	}
	members := map[string]jsontext.Value{}
	query := r.URL.Query()
	for _, f := range s {
		values, exists := query[f.name]
		if !exists {
			continue
		}
		var v any = values
		if len(values) == 1 {
			if !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
				return shared.ErrBadRequest.WithMessage("Invalid text in the query")
			}
			v = values[0]
		}
		member, err := json.Marshal(v)
		if err != nil {
			return err
		}
		members[f.name] = member
	}
	if err := d.validate(s, "query", members); err != nil {
		return err
	}
	if _, exists := members["callbackURL"]; exists {
		if err := d.checkCallbacks(r, nil); err != nil {
			return err
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return strict.Unmarshal(body, in)
}

// ReadForm reads the body of a form submission. It is as strict as [Decoder.Body]: valid UTF-8,
// no NUL, no duplicate names.
func ReadForm(r *http.Request) (url.Values, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, shared.ErrMediaType
	}
	return parseForm(string(body))
}

// parseForm parses the text of a form, or of a query.
func parseForm(text string) (url.Values, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	for name, all := range values {
		for _, text := range append([]string{name}, all...) {
			if len(all) != 1 || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, fmt.Errorf("%w: invalid text or duplicate name", shared.ErrBadRequest)
			}
		}
	}
	return values, nil
}

// FormCall returns the path of the endpoint that a form calls, and the fields of the call: those
// of the form and, in the query of the call, those that the user has not typed. No name may be in
// both.
func FormCall(form url.Values) (path string, fields url.Values, err error) {
	target, query, _ := strings.Cut(form.Get(shared.FormCall), "?")
	fields, err = parseForm(query)
	if err != nil {
		return "", nil, err
	}
	for name, value := range form {
		if name == shared.FormCall {
			continue
		}
		if fields.Has(name) {
			return "", nil, fmt.Errorf("%w: a field of the call is also in the form", shared.ErrBadRequest)
		}
		fields[name] = value
	}
	return target, fields, nil
}

// Values decodes the values of a form into in. It ignores unknown names. Browsers omit an unchecked
// check box, so a missing one is false. An empty value of a member that can be null is null. A number is
// an integer as [strconv.FormatInt] writes it. As in [Decoder.Body], the server must be allowed to
// redirect to each address.
func (d Decoder) Values(values url.Values, s Schema, in any) error {
	members := map[string]jsontext.Value{}
	for _, f := range s {
		checkBox := slices.Contains(f.kinds, 't')
		switch {
		case checkBox && (!values.Has(f.name) || values.Get(f.name) == "on"): // "on" is the default value of a check box
			members[f.name] = jsontext.Value(strconv.FormatBool(values.Has(f.name)))
		case values.Has(f.name) && values.Get(f.name) == "" && slices.Contains(f.kinds, 'n'):
			members[f.name] = jsontext.Value("null")
		case slices.Contains(f.kinds, '0') && isInteger(values.Get(f.name)):
			members[f.name] = jsontext.Value(values.Get(f.name))
		case values.Has(f.name):
			text, err := json.Marshal(values.Get(f.name))
			if err != nil {
				return err
			}
			members[f.name] = text
		}
	}
	if err := d.checkAddresses(members); err != nil {
		return err
	}
	if err := d.validate(s, "body", members); err != nil {
		return err
	}
	whole, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return strict.Unmarshal(whole, in)
}

// isInteger reports whether text is a decimal integer that fits in 64 bits, in its only form.
func isInteger(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == text
}

// object splits a JSON object into its members.
func object(body []byte) (members map[string]jsontext.Value, err error) {
	if err := checkJSON(body); err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	if kind := jsontext.Value(body).Kind(); kind != '{' {
		return nil, Invalid("", "[body] Invalid input: expected object, received "+kindName(kind))
	}
	if err := strict.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	return members, nil
}

// checkJSON checks the whole body, so that it also rejects invalid parts that the
// endpoint ignores.
func checkJSON(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if d.StackDepth() > maxDepth {
			return fmt.Errorf("JSON nested more than %d levels deep", maxDepth)
		}
		if t.Kind() == '"' && strings.ContainsRune(t.String(), 0) {
			return errors.New("JSON string contains NUL")
		}
	}
}

// callbacks lists the members of any body that contain an address to redirect to.
var callbacks = []struct {
	name string
	err  *shared.Error
}{
	{"callbackURL", shared.ErrCallbackURL},
	{"redirectTo", shared.ErrRedirectURL},
	{"errorCallbackURL", shared.ErrErrorCallbackURL},
	{"newUserCallbackURL", shared.ErrNewUserCallbackURL},
}

// checkCallbacks fails if a request to any endpoint contains an address that the server
// may not redirect to.
func (d Decoder) checkCallbacks(r *http.Request, members map[string]jsontext.Value) error {
	if target := r.URL.Query().Get("callbackURL"); members["callbackURL"] == nil && target != "" && !d.MayRedirectTo(target) {
		return shared.ErrCallbackURL.In("callbackURL")
	}
	return d.checkAddresses(members)
}

// checkAddresses fails if a member is an address that the server may not redirect to.
func (d Decoder) checkAddresses(members map[string]jsontext.Value) error {
	for _, c := range callbacks {
		value, exists := members[c.name]
		if !exists {
			continue
		}
		if value.Kind() != '"' {
			return Invalid(c.name, "Invalid "+c.name+": expected a string")
		}
		var target string
		if err := json.Unmarshal(value, &target); err != nil {
			return fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
		}
		if target != "" && !d.MayRedirectTo(target) {
			return c.err.In(c.name)
		}
	}
	return nil
}
