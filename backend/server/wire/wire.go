// Package wire decodes requests strictly. It knows the types that endpoints accept, and
// nothing about accounts, sessions or what the endpoints do.
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

// MaxBody is the most bytes of a body that a server should read. It is far above the
// largest honest body, a passkey registration of some 8 KiB, and far below what parsing
// could be slow at.
const MaxBody = 64 << 10

// maxDepth is the deepest JSON that is read. Ours is two deep.
const maxDepth = 32

// A Decoder reads requests.
type Decoder struct {
	// EmailFault returns what is wrong with an email address, for people, or "".
	EmailFault func(address string) string
	// MayRedirectTo reports whether a server may redirect to an address that a caller
	// names.
	MayRedirectTo func(address string) bool
}

// strictBody is implemented by the In of an endpoint that takes no other members than
// its own: a caller that sends others expects something that the server does not do.
type strictBody interface{ Exact() }

// Body reads the body of a request into in, which the schema describes. The body is one
// JSON object in valid UTF-8, with nothing after it. No name occurs twice. Names are
// case-sensitive. As in Better Auth, unknown names are ignored, unless they are known
// ones in other capitals, or in is a [strictBody].
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
	if err := strict.Unmarshal(body, in); err != nil { // such as a number that is not whole
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

// hasType reports whether a request says that its body is of that type.
func hasType(r *http.Request, want string) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == want && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

// Query reads the query of a request into in, whose fields are strings. Unknown names are
// ignored.
func (d Decoder) Query(r *http.Request, s Schema, in any) error {
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

// Form reads the body of a request that a form sent into in, and returns what was typed.
// It is as strict as Body: each name once, valid UTF-8, no NUL. Unknown names are ignored.
// A check box that is not ticked is not sent, and means no.
func (d Decoder) Form(r *http.Request, s Schema, in any) (url.Values, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, shared.ErrMediaType
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	for name, all := range values {
		for _, text := range append([]string{name}, all...) {
			if len(all) != 1 || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, fmt.Errorf("%w: invalid text, or a name twice", shared.ErrBadRequest)
			}
		}
	}
	members := map[string]jsontext.Value{}
	for _, f := range s {
		checkBox := slices.Contains(f.kinds, 't')
		switch {
		case checkBox && (!values.Has(f.name) || values.Get(f.name) == "on"): // what browsers send for a check box without a value
			members[f.name] = jsontext.Value(strconv.FormatBool(values.Has(f.name)))
		case values.Has(f.name):
			text, err := json.Marshal(values.Get(f.name))
			if err != nil {
				return nil, err
			}
			members[f.name] = text
		}
	}
	if err := d.validate(s, "body", members); err != nil {
		return values, err
	}
	whole, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return values, strict.Unmarshal(whole, in)
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

// checkJSON reads a whole body, so that it also refuses an invalid part that the endpoint
// ignores.
func checkJSON(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.ReadToken()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if d.StackDepth() > maxDepth {
			return fmt.Errorf("deeper than %d", maxDepth)
		}
		if t.Kind() == '"' && strings.ContainsRune(t.String(), 0) {
			return errors.New("a string with NUL")
		}
	}
}

// callbacks are the members that name an address to redirect to, in any body.
var callbacks = []struct {
	name string
	err  *shared.Error
}{
	{"callbackURL", shared.ErrCallbackURL},
	{"redirectTo", shared.ErrRedirectURL},
	{"errorCallbackURL", shared.ErrErrorCallbackURL},
	{"newUserCallbackURL", shared.ErrNewUserCallbackURL},
}

// checkCallbacks fails if a request names an address that the server may not redirect to,
// whichever endpoint it is sent to.
func (d Decoder) checkCallbacks(r *http.Request, members map[string]jsontext.Value) error {
	for _, c := range callbacks {
		target := ""
		if value, exists := members[c.name]; exists {
			if value.Kind() != '"' {
				return Invalid(c.name, "Invalid "+c.name+": expected a string")
			}
			if err := json.Unmarshal(value, &target); err != nil {
				return fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
			}
		} else if c.name == "callbackURL" {
			target = r.URL.Query().Get(c.name)
		}
		if target != "" && !d.MayRedirectTo(target) {
			return c.err.In(c.name)
		}
	}
	return nil
}
