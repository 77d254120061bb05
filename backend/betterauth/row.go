package betterauth

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A row is a row of a table. Its methods return the values of columns, by their names in
// the spec. They keep the first error, which never contains a value.
type row struct {
	values       []sql.NullString
	destinations []any          // pointers to the values
	index        map[string]int // of the values
	err          error
}

func newRow(t foundTable) *row {
	names := t.spec.names()
	r := &row{values: make([]sql.NullString, len(names)), index: make(map[string]int)}
	for i, name := range names {
		r.index[name] = i
		r.destinations = append(r.destinations, &r.values[i])
	}
	return r
}

// fail keeps the first error.
func (r *row) fail(column, problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("its %s %s", column, problem)
	}
}

func (r *row) value(column string) (string, bool) {
	v := r.values[r.index[column]]
	return v.String, v.Valid
}

// text returns text that must exist.
func (r *row) text(column string) string {
	s := r.optionalText(column)
	if s == "" {
		r.fail(column, "is missing")
	}
	return s
}

// optionalText returns text that must be valid, or the empty string.
func (r *row) optionalText(column string) string {
	s, _ := r.value(column)
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) { // SQLite stores anything, Postgres does not
		r.fail(column, "is not valid text")
		return ""
	}
	return s
}

// note returns text for people, without what is not valid in it.
func (r *row) note(column string) *string {
	s, ok := r.value(column)
	if !ok {
		return nil
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	return &s
}

// noteOrEmpty is like note, but returns the empty string for NULL.
func (r *row) noteOrEmpty(column string) string {
	if s := r.note(column); s != nil {
		return *s
	}
	return ""
}

// flag returns a boolean. NULL is unset.
func (r *row) flag(column string, unset bool) bool {
	s, ok := r.value(column)
	if !ok {
		return unset
	}
	switch strings.ToLower(s) {
	case "true", "t", "1":
		return true
	case "false", "f", "0":
	default:
		r.fail(column, "is not a boolean")
	}
	return false
}

// time returns a date that must exist.
func (r *row) time(column string) time.Time {
	t := r.optionalTime(column)
	if t == nil {
		r.fail(column, "is missing")
		return time.Time{}
	}
	return *t
}

// timeOr returns a date, or unset if it is NULL.
func (r *row) timeOr(column string, unset time.Time) time.Time {
	if t := r.optionalTime(column); t != nil {
		return *t
	}
	return unset
}

// optionalTime returns a date, or nil if it is NULL.
func (r *row) optionalTime(column string) *time.Time {
	s, ok := r.value(column)
	if !ok {
		return nil
	}
	t, err := parseTime(s)
	if err != nil {
		r.fail(column, "is not a date")
		return nil
	}
	return &t
}

// counter returns a signature counter (WebAuthn Level 3, section 6.1.1).
func (r *row) counter(column string) int64 {
	s, _ := r.value(column)
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		r.fail(column, "is not a counter")
	}
	return int64(n)
}

// base64 returns bytes that are stored in base64, in either alphabet, with or without
// padding.
func (r *row) base64(column string) []byte {
	b, err := decodeBase64(r.text(column))
	if err != nil {
		r.fail(column, "is not base64")
	}
	return b
}

var errBase64 = errors.New("not base64")

func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, errBase64
	}
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, errBase64
	}
	return b, nil
}

// The layouts of dates in text. Those without a zone are in UTC.
var timeLayouts = []string{
	time.RFC3339, // accepts fractions, too
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z07",
	"2006-01-02",
}

// The last numbers that are seconds or milliseconds, respectively. 1e11 milliseconds are in
// 1973, before any application; 1e11 seconds are in the year 5138.
const (
	maxSeconds      = 1e11
	maxMilliseconds = 1e14
)

// parseTime parses a date: text, or a number of seconds or milliseconds since 1970.
func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	n, err := strconv.ParseFloat(s, 64) // exact for all that are allowed
	switch {
	case err != nil || math.IsNaN(n) || math.Abs(n) >= maxMilliseconds:
		return time.Time{}, errors.New("not a date")
	case math.Abs(n) < maxSeconds:
		n *= 1000
	}
	return time.UnixMilli(int64(n)).UTC(), nil
}
