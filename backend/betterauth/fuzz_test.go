package betterauth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func FuzzValues(f *testing.F) {
	for _, s := range []string{"2026-11-27T13:17:48.513Z", "1795785468", "1795785468513.0", "-_--_w", "IZjoBqEb6m9KpnxJIcI81G==", "NaN", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := parseTime(s); err == nil {
			again, err := parseTime(got.Format(time.RFC3339Nano))
			if err != nil || !again.Equal(got) || got.Location() != time.UTC {
				t.Errorf("%v is read as %v, %v", got, again, err)
			}
		}
		if got, err := decodeBase64(s); err == nil {
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				if again, err := decodeBase64(encoding.EncodeToString(got)); err != nil || string(again) != string(got) {
					t.Errorf("%x is read as %x, %v", got, again, err)
				}
			}
			if len(got) > len(s) || strings.ContainsAny(s, " \r\n") {
				t.Errorf("%q is read as %x", s, got)
			}
		}
		if key, err := decodeBase32(s); err == nil && len(key) > len(s) {
			t.Errorf("%q is read as %x", s, key)
		}
	})
}
