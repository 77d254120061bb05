package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/backend/account"
	"latchkey/shared"
)

// maxBody is far above the largest honest body, a passkey registration of some
// 8 KiB, and far below what parsing could be slow at.
const maxBody = 64 << 10

// maxDepth is the deepest JSON that is read. Ours is two deep.
const maxDepth = 32

// A schema is what the fields of a body must be, read off its Go type once.
type schema []field

type field struct {
	name     string
	required bool
	kinds    []jsontext.Kind // the JSON that it takes; empty for any
	want     string          // the same in Better Auth's words
	check    string          // "email", "nonempty" or the words that it takes, as "a|b"
}

func schemaOf[In any]() schema {
	var f schema
	t := reflect.TypeFor[In]()
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		fd := field{name: name, required: options == "", check: sf.Tag.Get("check")}
		switch typ := sf.Type; {
		case typ == reflect.TypeFor[json.RawMessage]():
		case typ == reflect.TypeFor[shared.Nullable]():
			fd.kinds, fd.want = []jsontext.Kind{'"', 'n'}, "string"
		case typ.Kind() == reflect.String, typ == reflect.TypeFor[*string]():
			fd.kinds, fd.want = []jsontext.Kind{'"'}, "string"
		case typ == reflect.TypeFor[*int64]():
			fd.kinds, fd.want = []jsontext.Kind{'0'}, "number"
		case typ == reflect.TypeFor[*bool]():
			fd.kinds, fd.want = []jsontext.Kind{'t', 'f'}, "boolean"
		default:
			panic("no schema for " + typ.String())
		}
		f = append(f, fd)
	}
	return f
}

// decode reads the body of a request into in, which the schema describes. The
// body is one JSON object: valid UTF-8, no name twice, nothing after it, names
// case-sensitive. As in Better Auth, unknown names are ignored, unless they are
// known ones in other capitals, or in is [exact].
func (s *Server) decode(r *http.Request, f schema, in any) error {
	body, err := read(r)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		if err := s.checkCallbacks(r, nil); err != nil || len(f) == 0 {
			return err
		}
		return invalid("", "[body] Invalid input: expected object, received undefined")
	}
	if !hasType(r, "application/json") {
		return shared.ErrMediaType
	}
	members, err := object(body)
	if err != nil {
		return err
	}
	if err := s.checkCallbacks(r, members); err != nil {
		return err
	}
	if err := f.validate("body", members); err != nil {
		return err
	}
	_, all := in.(exact)
	if err := f.refuseOthers(members, all); err != nil {
		return err
	}
	if err := strict.Unmarshal(body, in); err != nil { // as a number that is not whole
		return fmt.Errorf("%w: %w", shared.ErrValidation, err)
	}
	return nil
}

// read is the body of a request.
func read(r *http.Request) ([]byte, error) {
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

// decodeQuery reads the query of a request into in, whose fields are strings.
// Unknown names are ignored.
func (s *Server) decodeQuery(r *http.Request, f schema, in any) error {
	members := map[string]jsontext.Value{}
	query := r.URL.Query()
	for _, fd := range f {
		values, there := query[fd.name]
		if !there {
			continue
		}
		var v any = values
		if len(values) == 1 {
			if !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
				return shared.ErrBadRequest.Saying("Invalid text in the query")
			}
			v = values[0]
		}
		member, err := json.Marshal(v)
		if err != nil {
			return err
		}
		members[fd.name] = member
	}
	if err := f.validate("query", members); err != nil {
		return err
	}
	if _, there := members["callbackURL"]; there {
		if err := s.checkCallbacks(r, nil); err != nil {
			return err
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return strict.Unmarshal(body, in)
}

// object splits a JSON object into its members.
func object(body []byte) (members map[string]jsontext.Value, err error) {
	if err := checkJSON(body); err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	if kind := jsontext.Value(body).Kind(); kind != '{' {
		return nil, invalid("", "[body] Invalid input: expected object, received "+kindName(kind))
	}
	if err := strict.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
	}
	return members, nil
}

// checkJSON reads through all of a body, so that what is wrong in a part that
// nobody asks for is refused as well.
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

// validate refuses members of a part of the request that are not what the schema
// says, in the words of Better Auth's validator.
func (f schema) validate(part string, members map[string]jsontext.Value) error {
	var faults []string
	var at string
	say := func(fd field, what string) {
		faults = append(faults, "["+part+"."+fd.name+"] "+what)
		if at == "" {
			at = fd.name
		}
	}
	for _, fd := range f {
		value, there := members[fd.name]
		switch {
		case !there && fd.required:
			say(fd, "Invalid input: expected "+fd.want+", received undefined")
		case !there || len(fd.kinds) == 0:
		case !slices.Contains(fd.kinds, value.Kind()):
			say(fd, "Invalid input: expected "+fd.want+", received "+kindName(value.Kind()))
		case fd.check == "nonempty" && string(value) == `""`:
			say(fd, "Too small: expected string to have >=1 characters")
		case fd.check == "email":
			if fault := emailFault(value); fault != "" {
				say(fd, fault)
			}
		case fd.check != "" && fd.check != "nonempty":
			if words := strings.Split(fd.check, "|"); !slices.Contains(words, strings.Trim(string(value), `"`)) {
				say(fd, `Invalid option: expected one of "`+strings.Join(words, `"|"`)+`"`)
			}
		}
	}
	if faults == nil {
		return nil
	}
	return invalid(at, strings.Join(faults, "; "))
}

// emailFault says what is wrong with an address, if anything is: in the words of
// Better Auth's validator, or in a sentence for people that says more.
func emailFault(value jsontext.Value) string {
	var email string
	err := json.Unmarshal(value, &email)
	if err == nil {
		_, err = account.ParseEmail(email)
	}
	var e *shared.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Message == shared.ASCIILocalPart:
		return e.Message
	default:
		return "Invalid email address"
	}
}

// exact is what an endpoint's In is if no others than its members are taken: who
// sends more means something that would not be done.
type exact interface{ Exact() }

// refuseOthers refuses members that the schema does not have: all, or those alone
// whose names differ from one of its in capitals only, for who has written them
// believes that they count.
func (f schema) refuseOthers(members map[string]jsontext.Value, all bool) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.ContainsFunc(f, func(fd field) bool { return fd.name == name }) {
			continue
		}
		i := slices.IndexFunc(f, func(fd field) bool { return strings.EqualFold(fd.name, name) })
		switch {
		case i >= 0:
			return invalid(f[i].name, "[body] Unrecognized key: spelled in other capitals than "+f[i].name)
		case all:
			return invalid("", "[body] Unrecognized key: only those of this call are taken")
		}
	}
	return nil
}

func invalid(field, message string) error { return shared.ErrValidation.Saying(message).In(field) }

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '[':
		return "array"
	}
	return "object"
}

// callbacks are the members that name an address to go to, in any body.
var callbacks = []struct {
	name string
	err  *shared.Error
}{
	{"callbackURL", shared.ErrCallbackURL},
	{"redirectTo", shared.ErrRedirectURL},
	{"errorCallbackURL", shared.ErrErrorCallbackURL},
	{"newUserCallbackURL", shared.ErrNewUserCallbackURL},
}

// checkCallbacks refuses to send anybody to an address that is not ours or a
// trusted origin's, whichever route it is said to.
func (s *Server) checkCallbacks(r *http.Request, members map[string]jsontext.Value) error {
	for _, c := range callbacks {
		target := ""
		if value, there := members[c.name]; there {
			if value.Kind() != '"' {
				return invalid(c.name, "Invalid "+c.name+": expected a string")
			}
			if err := json.Unmarshal(value, &target); err != nil {
				return fmt.Errorf("%w: %w", shared.ErrBadRequest, err)
			}
		} else if c.name == "callbackURL" {
			target = r.URL.Query().Get(c.name)
		}
		if target != "" && !s.mayGoTo(target) {
			return c.err.In(c.name)
		}
	}
	return nil
}

// mayGoTo reports whether target is an address of a trusted origin or a path of
// our own that a browser cannot take for something else.
func (s *Server) mayGoTo(target string) bool {
	if strings.ContainsFunc(target, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\\' }) {
		return false
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.IsAbs() {
		return s.trusts(u.Scheme + "://" + u.Host)
	}
	p, _, _ := strings.Cut(strings.ToLower(target), "?")
	return strings.HasPrefix(p, "/") && !strings.Contains(p, "//") && !strings.Contains(p, "%2f") && !strings.Contains(p, "%5c")
}
