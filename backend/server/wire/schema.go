package wire

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"latchkey/shared"
)

// A Schema describes the members of a request. It is derived from a Go type once.
type Schema []field

type field struct {
	name     string
	required bool
	kinds    []jsontext.Kind // accepted kinds of JSON; empty for any
	want     string          // the accepted type in Better Auth's messages
	check    string          // "email", "nonempty", "time", or the accepted words, as "a|b"
}

// SchemaOf returns the schema of a struct. A field is required unless its json tag has an
// option. Its check tag restricts the value. SchemaOf panics if a field has a type that
// requests do not support.
func SchemaOf[In any]() Schema {
	var s Schema
	t := reflect.TypeFor[In]()
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := field{name: name, required: options == "", check: sf.Tag.Get("check")}
		switch typ := sf.Type; {
		case typ == reflect.TypeFor[json.RawMessage]():
		case typ == reflect.TypeFor[shared.Nullable]():
			f.kinds, f.want = []jsontext.Kind{'"', 'n'}, "string"
		case typ.Kind() == reflect.String, typ == reflect.TypeFor[*string]():
			f.kinds, f.want = []jsontext.Kind{'"'}, "string"
		case typ == reflect.TypeFor[*int64]():
			f.kinds, f.want = []jsontext.Kind{'0'}, "number"
		case typ == reflect.TypeFor[*bool]():
			f.kinds, f.want = []jsontext.Kind{'t', 'f'}, "boolean"
		default:
			panic("no schema for " + typ.String())
		}
		s = append(s, f)
	}
	return s
}

// validate fails if the members of a part of the request violate the schema. The messages
// are those of Better Auth's validator.
func (d Decoder) validate(s Schema, part string, members map[string]jsontext.Value) error {
	var faults []string
	var at string
	report := func(f field, what string) {
		faults = append(faults, "["+part+"."+f.name+"] "+what)
		if at == "" {
			at = f.name
		}
	}
	for _, f := range s {
		value, exists := members[f.name]
		switch {
		case !exists && f.required:
			report(f, "Invalid input: expected "+f.want+", received undefined")
		case !exists || len(f.kinds) == 0:
		case !slices.Contains(f.kinds, value.Kind()):
			report(f, "Invalid input: expected "+f.want+", received "+kindName(value.Kind()))
		case f.check == "nonempty" && string(value) == `""`:
			report(f, "Too small: expected string to have >=1 characters")
		case f.check == "email":
			var email string
			if json.Unmarshal(value, &email) != nil {
				report(f, "Invalid email address")
			} else if fault := d.EmailFault(email); fault != "" {
				report(f, fault)
			}
		case f.check == "time":
			var at shared.Time
			if json.Unmarshal(value, &at) != nil {
				report(f, "Invalid ISO datetime")
			}
		case f.check != "" && f.check != "nonempty":
			if words := strings.Split(f.check, "|"); !slices.Contains(words, strings.Trim(string(value), `"`)) {
				report(f, `Invalid option: expected one of "`+strings.Join(words, `"|"`)+`"`)
			}
		}
	}
	if faults == nil {
		return nil
	}
	return Invalid(at, strings.Join(faults, "; "))
}

// refuseOthers fails if there are members that the schema lacks. If all is set, it
// refuses any of them. Otherwise it refuses those whose names differ from a known one
// only in case, because the caller expects them to have an effect.
func (s Schema) refuseOthers(members map[string]jsontext.Value, all bool) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.ContainsFunc(s, func(f field) bool { return f.name == name }) {
			continue
		}
		i := slices.IndexFunc(s, func(f field) bool { return strings.EqualFold(f.name, name) })
		switch {
		case i >= 0:
			return Invalid(s[i].name, "[body] Unrecognized key: differs only in case from "+s[i].name)
		case all:
			return Invalid("", "[body] Unrecognized key: this endpoint accepts no unknown keys")
		}
	}
	return nil
}

// Invalid returns the error of a request with an invalid field, or of an invalid request
// if field is empty.
func Invalid(field, message string) error { return shared.ErrValidation.WithMessage(message).In(field) }

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
