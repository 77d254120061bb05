package store

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// columnsOf returns the columns of a table for a statement.
func columnsOf(table string, columns []string) string {
	return table + "." + strings.Join(columns, ", "+table+".")
}

// selectRow returns what a statement selects for columns, so that [scanRow] can read them.
// On Postgres that is a record, which is one text: the driver takes many times as long to
// read as many columns.
func selectRow(columns string, postgres bool) string {
	if postgres {
		return "ROW(" + columns + ")"
	}
	return columns
}

// scanRow reads a row into the destinations of its columns. If record is set, the row is a
// record.
func scanRow(rows *sql.Rows, record bool, columns []any) error {
	if !record {
		return rows.Scan(columns...)
	}
	var text sql.RawBytes
	if err := rows.Scan(&text); err != nil {
		return err
	}
	return scanRecord(string(text), columns)
}

var errRecord = errors.New("store: not the text of a record")

// scanRecord assigns the values of a Postgres record (Postgres 18, section 8.16.6) to
// columns, as [sql.Rows.Scan] would assign columns.
func scanRecord(text string, columns []any) error {
	rest, ok := strings.CutPrefix(text, "(")
	for i, column := range columns {
		var value string
		var null bool
		if ok {
			value, null, rest, ok = nextValue(rest)
		}
		end := byte(',')
		if i == len(columns)-1 {
			end = ')'
		}
		if !ok || rest == "" || rest[0] != end {
			return errRecord
		}
		rest = rest[1:]
		if err := assign(column, value, null); err != nil {
			return fmt.Errorf("value %d of a record: %w", i, err)
		}
	}
	if rest != "" {
		return errRecord
	}
	return nil
}

// nextValue returns the value at the beginning of text, and what follows it.
func nextValue(text string) (value string, null bool, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		for i := range len(text) {
			if text[i] == ',' || text[i] == ')' {
				return text[:i], i == 0, text[i:], true
			}
		}
		return "", false, "", false
	}
	text = text[1:]
	for i := range len(text) {
		switch {
		case text[i] == '"' && !strings.HasPrefix(text[i+1:], `"`):
			return text[:i], false, text[i+1:], true
		case text[i] == '"', text[i] == '\\':
			value, rest, ok = unescape(text, i)
			return value, false, rest, ok
		}
	}
	return "", false, "", false
}

// unescape returns the value in quotes that text begins with, and what follows it. A quote
// or a backslash in the value is doubled. The first one is at i.
func unescape(text string, i int) (value, rest string, ok bool) {
	b := append(make([]byte, 0, i+64+len(`\x`)), text[:i]...) // enough for a hash, whose text begins with a backslash
	for ; i < len(text); i++ {
		c := text[i]
		if c == '"' || c == '\\' {
			if i++; i == len(text) || text[i] != c {
				return string(b), text[i:], c == '"'
			}
		}
		b = append(b, c)
	}
	return "", "", false
}

// assign sets a destination to a value of a record.
func assign(column any, value string, null bool) (err error) {
	switch to := column.(type) {
	case sql.Scanner:
		if null {
			return to.Scan(nil)
		}
		return to.Scan(value)
	case **string:
		if *to = nil; !null {
			*to = &value
		}
		return nil
	case *[]byte:
		if *to = nil; null {
			return nil
		}
		digits, ok := strings.CutPrefix(value, `\x`)
		if !ok {
			return errRecord
		}
		*to, err = hex.DecodeString(digits)
		return err
	case *string:
		*to = value
	case *bool:
		*to = value == "t"
	default:
		return fmt.Errorf("%w: no value for a %T", errRecord, column)
	}
	if null {
		return fmt.Errorf("%w: a %T cannot be NULL", errRecord, column)
	}
	return nil
}

// A timeColumn is the destination of a time, which SQLite and a Postgres record have as text.
// NULL is the zero time.
type timeColumn struct{ to *time.Time }

// Scan implements [sql.Scanner].
func (c timeColumn) Scan(src any) error {
	if text, ok := src.(string); ok {
		if *c.to, ok = parseUTC(text); ok {
			return nil
		}
	}
	var t bun.NullTime
	err := t.Scan(src)
	*c.to = t.Time
	return err
}

// A nullTimeColumn is a timeColumn for which NULL is nil.
type nullTimeColumn struct{ to **time.Time }

// Scan implements [sql.Scanner].
func (c nullTimeColumn) Scan(src any) error {
	if *c.to = nil; src == nil {
		return nil
	}
	*c.to = new(time.Time)
	return timeColumn{*c.to}.Scan(src)
}

// A nullTextColumn is the destination of a text for which NULL is empty.
type nullTextColumn struct{ to *string }

// Scan implements [sql.Scanner].
func (c nullTextColumn) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*c.to = ""
	case string:
		*c.to = src
	default:
		return fmt.Errorf("cannot scan text from %T", src)
	}
	return nil
}

// parseUTC parses the text that Postgres returns for a time if its time zone is UTC, such as
// "2006-01-02 15:04:05.999+00". It reports false for any other form. To parse with a layout
// of the time package takes many times as long.
func parseUTC(text string) (time.Time, bool) {
	const form = "dddd-dd-dd dd:dd:dd"
	if len(text) < len(form) {
		return time.Time{}, false
	}
	for i := range len(form) {
		if digit := text[i] >= '0' && text[i] <= '9'; form[i] == 'd' && !digit || form[i] != 'd' && text[i] != form[i] {
			return time.Time{}, false
		}
	}
	number := func(from, to int) (n int) {
		for _, c := range []byte(text[from:to]) {
			n = n*10 + int(c-'0')
		}
		return n
	}
	ns, zone := 0, text[len(form):]
	if fraction, ok := strings.CutPrefix(zone, "."); ok {
		digits := 0
		for ; digits < len(fraction) && fraction[digits] >= '0' && fraction[digits] <= '9'; digits++ {
			ns = ns*10 + int(fraction[digits]-'0')
		}
		if digits == 0 || digits > 9 {
			return time.Time{}, false
		}
		for i := digits; i < 9; i++ {
			ns *= 10
		}
		zone = fraction[digits:]
	}
	if zone != "+00" {
		return time.Time{}, false
	}
	month, day, hour, minute, second := number(5, 7), number(8, 10), number(11, 13), number(14, 16), number(17, 19)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(number(0, 4), time.Month(month), day, hour, minute, second, ns, time.UTC), true
}
