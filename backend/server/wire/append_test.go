package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"latchkey/shared"
)

// appended lists a value of each type that AppendJSON encodes without reflection.
var appended = []any{new(shared.Current), []shared.Session{}, []shared.Passkey{}, shared.EventPage{}}

// hostile are texts that a JSON encoder must escape, or could escape too much.
var hostile = []string{
	"", "a", `"`, `\`, "/", "<script>", "a&b", "\x00", "\b\f\n\r\t", "\x1f", "\x7f", "é", "日本", "\u2028", "\u2029", "\u2027", "\ufeff",
	"\ufffd", "😀", "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", `\u0041`, "null", "}", "Mozilla/5.0 (X11; Linux x86_64)",
}

// wantSameJSON fails the test unless AppendJSON encodes v as encoding/json does.
func wantSameJSON(t *testing.T, v any) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	const before = "before"
	if got := AppendJSON([]byte(before), v); string(got) != before+string(want) {
		t.Errorf("AppendJSON of a %T:\n%q\nwant\n%q", v, got, before+string(want))
	}
}

// fill sets every exported field below v. text returns its texts, and n a number below a
// limit.
func fill(v reflect.Value, text func() string, n func(limit int) int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		at := time.Unix(int64(n(1<<40))-1<<38, int64(n(1e9))).In(time.FixedZone("", n(86400)-43200))
		v.Set(reflect.ValueOf(at))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, n)
		}
	case reflect.Pointer:
		if v.SetZero(); n(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), text, n)
		}
	case reflect.Slice:
		if v.SetZero(); n(4) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n(4), 4))
			for i := range v.Len() {
				fill(v.Index(i), text, n)
			}
		}
	case reflect.String:
		v.SetString(text())
	case reflect.Bool:
		v.SetBool(n(2) == 1)
	case reflect.Uint32:
		v.SetUint(uint64(n(1 << 32)))
	default:
		panic("fill cannot set a " + v.Type().String())
	}
}

// TestAppendJSON tests that AppendJSON returns what encoding/json returns. It fails when a
// type gets a member that AppendJSON does not know.
func TestAppendJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		if random.IntN(8) == 0 {
			return "plain"
		}
		return hostile[random.IntN(len(hostile))]
	}
	for _, zero := range appended {
		wantSameJSON(t, zero)
		wantSameJSON(t, reflect.Zero(reflect.TypeOf(zero)).Interface())
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		for range 2000 {
			fill(v, text, random.IntN)
			wantSameJSON(t, v.Interface())
			if t.Failed() {
				return
			}
		}
	}
	for _, other := range []any{nil, shared.Status{Status: true}, shared.TwoFactor{}, &shared.Session{}, map[string]string{"a": "<"}} {
		wantSameJSON(t, other)
	}
}

// TestAppendJSONOfEachText tests each hostile text by itself and within another one.
func TestAppendJSONOfEachText(t *testing.T) {
	for _, text := range hostile {
		for _, text := range []string{text, "a" + text + "z", text + text, "é" + text} {
			wantSameJSON(t, []shared.Session{{UserAgent: text, PasskeyName: &text}})
		}
	}
}

// FuzzAppendJSON tests the same with values made from the input.
func FuzzAppendJSON(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text + "\x01\x02\x03\x04" + text))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		rest := bytes.NewReader(input)
		n := func(limit int) int {
			var b [8]byte // zeros after the end of the input
			if limit <= 256 {
				_, _ = rest.Read(b[7:])
			} else {
				_, _ = rest.Read(b[:])
			}
			return int(binary.BigEndian.Uint64(b[:]) % uint64(limit))
		}
		text := func() string {
			b := make([]byte, n(32))
			read, _ := rest.Read(b)
			return string(b[:read])
		}
		for _, zero := range appended {
			v := reflect.New(reflect.TypeOf(zero)).Elem()
			fill(v, text, n)
			wantSameJSON(t, v.Interface())
		}
	})
}

// BenchmarkAppendJSON compares AppendJSON with encoding/json.
func BenchmarkAppendJSON(b *testing.B) {
	now := shared.Time{Time: time.Now()}
	agent := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
	session := shared.Session{
		ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", UserID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		ExpiresAt: now, CreatedAt: now, UpdatedAt: now, IPAddress: "192.0.2.1", UserAgent: agent, LastActiveAt: now,
		Device: shared.Device{Browser: "Chrome 150", OS: "Windows", Kind: "desktop"}, Method: "password", ConfirmedAt: now,
	}
	current := &shared.Current{
		Session: session, User: shared.User{ID: session.UserID, Name: "Ann", Email: "ann@example.test", CreatedAt: now, UpdatedAt: now},
	}
	b.Run("append", func(b *testing.B) {
		var buffer []byte
		b.ReportAllocs()
		for b.Loop() {
			buffer = AppendJSON(buffer[:0], current)
		}
	})
	b.Run("encoding", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(current); err != nil {
				b.Fatal(err)
			}
		}
	})
}
