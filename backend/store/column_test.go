package store

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// recordText returns what Postgres returns for a record. nil is NULL.
func recordText(values ...any) string {
	text := make([]string, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case nil:
		case string:
			text[i] = value
			if value == "" || strings.ContainsAny(value, "\"\\(), \t\n\v\f\r") {
				text[i] = `"` + strings.NewReplacer(`"`, `""`, `\`, `\\`).Replace(value) + `"`
			}
		}
	}
	return "(" + strings.Join(text, ",") + ")"
}

func TestScanRecord(t *testing.T) {
	var text, second string
	var pointer *string
	var data []byte
	var yes bool
	var at time.Time
	scan := func(record string) error {
		return scanRecord(record, []any{&text, &pointer, &data, &yes, timeColumn{&at}, &second})
	}
	pointer, data = &second, []byte("old")
	if err := scan(`("a ""quoted"" \\ (text), é",,"\\x00ff",t,"2026-11-28 07:45:50.123+00",)`); err == nil {
		t.Error("NULL is read as a string")
	}
	if err := scan(`("a ""quoted"" \\ (text), é",,"\\x00ff",t,"2026-11-28 07:45:50.123+00","")`); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 11, 28, 7, 45, 50, 123e6, time.UTC)
	if text != `a "quoted" \ (text), é` || pointer != nil || !bytes.Equal(data, []byte{0, 0xff}) || !yes || !at.Equal(want) || second != "" {
		t.Errorf("the record is %q, %v, %x, %t, %v, %q", text, pointer, data, yes, at, second)
	}
	err := scan(`(a,"",,f,,b)`)
	if err != nil || text != "a" || pointer == nil || *pointer != "" || data != nil || yes || !at.IsZero() || second != "b" {
		t.Errorf("the second record: %v, %q, %v, %x, %t, %v, %q", err, text, pointer, data, yes, at, second)
	}
	for _, wrong := range []string{
		"", "(", "()", "a", "(a,b)", "(a,,,f,,b", "(a,,,f,,b,c)", "(a,,,f,,b))", `(a,",,f,,b)`, `(a,,00,f,,b)`, `(a,,"\\x0",f,,b)`,
		"(a,,,f,yesterday,b)", "(a,,,,,b)",
	} {
		if err := scan(wrong); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}

// FuzzScanRecord tests that every record is read as what it was made from, and that no text
// makes scanRecord panic.
func FuzzScanRecord(f *testing.F) {
	for _, text := range []string{"", "a", `"`, `\`, `""`, `\"`, ",", "(", ")", "(a,b)", " ", "\n", "é", "\x00", "\xff"} {
		f.Add(text, text+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var first, second, third string
		var none *string
		if err := scanRecord(recordText(a, nil, b, a), []any{&first, &none, &second, &third}); err != nil {
			t.Fatal(err)
		}
		if first != a || none != nil || second != b || third != a {
			t.Errorf("the record of %q, NULL, %q, %q is read as %q, %v, %q, %q", a, b, a, first, none, second, third)
		}
		_ = scanRecord(a, []any{&first, &none})
	})
}

// TestParseUTC tests that parseUTC returns what Bun does, or leaves the text to it.
func TestParseUTC(t *testing.T) {
	for text, fast := range map[string]bool{
		"2026-11-28 07:45:50+00": true, "2026-11-28 07:45:50.1+00": true, "2026-11-28 07:45:50.123456+00": true,
		"2026-11-28 07:45:50.123456789+00": true, "2026-11-28 07:45:50.1+00:00": false, "2024-02-29 23:59:59.999+00": true,
		"0001-01-01 00:00:00+00": true,
		"2026-11-28 07:45:50+02": false, "2026-11-28 07:45:50.5-03:30": false, "2026-11-28T07:45:50Z": false, "2026-11-28": false,
	} {
		got, ok := parseUTC(text)
		if ok != fast {
			t.Errorf("parseUTC parses %q: %t; want %t", text, ok, fast)
		}
		var want bun.NullTime
		if err := want.Scan(text); err != nil {
			t.Fatal(err)
		}
		if ok && (!got.Equal(want.Time) || got.Location() != time.UTC) {
			t.Errorf("%q is %v; want %v", text, got, want.Time)
		}
		var column time.Time
		if err := (timeColumn{&column}).Scan(text); err != nil || !column.Equal(want.Time) {
			t.Errorf("a column with %q is %v, %v; want %v", text, column, err, want.Time)
		}
	}
	for _, wrong := range []string{
		"", "2026-11-28 07:45:50", "2026-13-28 07:45:50+00", "2026-11-32 07:45:50+00", "2026-11-28 24:45:50+00", "2026-11-28 07:60:50+00",
		"2026-11-28 07:45:60+00", "2026-11-28 07:45:50.+00", "2026-11-28 07:45:50.1234567890+00", "12026-11-28 07:45:50+00",
		"2026-11-28 07:45:50+00 BC", "infinity",
	} {
		if got, ok := parseUTC(wrong); ok {
			t.Errorf("parseUTC parses %q as %v", wrong, got)
		}
	}
}

// BenchmarkScanRecord reads a session from a record.
func BenchmarkScanRecord(b *testing.B) {
	at := time.Date(2026, 11, 28, 7, 45, 50, 123e6, time.UTC).Format("2006-01-02 15:04:05.999-07")
	agent := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
	record := recordText("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", `\x`+strings.Repeat("0a", 32), at, at, at, at, "password",
		nil, nil, "192.0.2.1", agent, "t", "f", "")
	var s account.Session
	columns := sessionFields(&s)
	b.ReportAllocs()
	for b.Loop() {
		if err := scanRecord(record, columns); err != nil {
			b.Fatal(err)
		}
	}
}
