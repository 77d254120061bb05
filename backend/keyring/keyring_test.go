package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"latchkey/shared"
)

// TestKeys checks parsing, rotation and check values, and that formatting does
// not reveal keys.
func TestKeys(t *testing.T) {
	ks := New()
	read, err := Parse(ks.Text())
	if err != nil {
		t.Fatal(err)
	}
	id, value := ks.CheckValue()
	if !read.HasCheckValue(id, value) || New().HasCheckValue(id, value) || read.HasCheckValue("other", value) {
		t.Error("the check value belongs to another key, or not to its own")
	}
	rotated, err := Parse(New().Text() + ks.Text())
	if err != nil || !rotated.HasCheckValue(id, value) {
		t.Errorf("after a rotation, the keys do not know the check value: %v", err)
	}
	fields := strings.Fields(ks.Text())
	if text := fmt.Sprintf("%v %+v %s", ks, ks, ks); strings.Contains(text, fields[len(fields)-1]) {
		t.Errorf("formatting reveals the keys: %s", text)
	}
	for _, broken := range []string{"", "# nothing", "k1", "k1 " + base64.StdEncoding.EncodeToString(make([]byte, 31)), "k1 !!!"} {
		if _, err := Parse(broken); err == nil {
			t.Errorf("Parse(%q) returns no error", broken)
		}
	}
	if string(ks.MAC("a", "bc")) == string(ks.MAC("ab", "c")) {
		t.Error("the MACs of two purposes are equal")
	}
}

func TestSeal(t *testing.T) {
	old, current := New(), New()
	both := Keys{append(current.keys[:1:1], old.keys...)}
	sealed := old.Seal("the secret", "totps|secret|1|ann")
	if strings.Contains(sealed, "secret") || sealed == old.Seal("the secret", "totps|secret|1|ann") {
		t.Errorf("sealed: %s", sealed)
	}
	for _, ks := range []Keys{old, both} {
		if plain, err := ks.Unseal(sealed, "totps|secret|1|ann"); plain != "the secret" || err != nil {
			t.Errorf("unsealed: %q, %v", plain, err)
		}
	}
	last := sealed[len(sealed)-1]
	for what, try := range map[string]struct {
		keys        Keys
		sealed, aad string
	}{
		"with another key":                    {current, sealed, "totps|secret|1|ann"},
		"with another key's id":               {both, current.keys[0].id + sealed[len("v1.")+len(old.keys[0].id):], "totps|secret|1|ann"},
		"in another row":                      {old, sealed, "totps|secret|2|ann"},
		"of another user":                     {old, sealed, "totps|secret|1|bob"},
		"with another end":                    {old, sealed[:len(sealed)-1] + string(last^1), "totps|secret|1|ann"},
		"without its end":                     {old, sealed[:40], "totps|secret|1|ann"},
		"almost empty":                        {old, "v1." + old.keys[0].id + ".", "totps|secret|1|ann"},
		"empty":                               {old, "", "totps|secret|1|ann"},
		"in clear":                            {old, "the secret", "totps|secret|1|ann"},
		"in a future format":                  {old, "v2" + sealed[2:], "totps|secret|1|ann"},
		"relabeled with the current key's ID": {both, "v1." + current.keys[0].id + sealed[len("v1.")+len(old.keys[0].id):], "totps|secret|1|ann"},
	} {
		if plain, err := try.keys.Unseal(try.sealed, try.aad); err == nil || plain != "" {
			t.Errorf("%s: it unseals to %q", what, plain)
		}
	}
}

// TestSealFor checks that a value that is sealed for an owner needs the owner's secret.
func TestSealFor(t *testing.T) {
	keys, ann, bob := New(), []byte("the random secret of Ann"), []byte("the random secret of Bob")
	sealed := keys.SealFor(ann, "Ann King", "events|detail|1")
	for _, ks := range []Keys{keys, keys.Rotated()} {
		if plain, err := ks.UnsealFor(ann, sealed, "events|detail|1"); plain != "Ann King" || err != nil {
			t.Errorf("unsealed: %q, %v", plain, err)
		}
	}
	for _, owner := range [][]byte{nil, bob} {
		if plain, err := keys.UnsealFor(owner, sealed, "events|detail|1"); err == nil || plain != "" {
			t.Errorf("for %q, it unseals to %q", owner, plain)
		}
	}
	if plain, err := keys.UnsealFor(ann, sealed, "events|detail|2"); err == nil || plain != "" {
		t.Errorf("in another row, it unseals to %q", plain)
	}
	if plain, err := keys.UnsealFor(ann, keys.Seal("x", "a"), "a"); err == nil || plain != "" {
		t.Errorf("a value without an owner unseals to %q", plain)
	}
}

// TestMissingKey checks that a value whose key is missing differs from a broken one: the
// error is [shared.ErrUnavailable], and names the key and the value.
func TestMissingKey(t *testing.T) {
	old, current := New(), New()
	_, err := current.Unseal(old.Seal("the secret", "totps|secret|1|ann"), "totps|secret|1|ann")
	missing, ok := errors.AsType[*MissingKeyError](err)
	if !ok || missing.Key != old.CurrentID() || missing.AAD != "totps|secret|1|ann" || !errors.Is(err, shared.ErrUnavailable) {
		t.Errorf("without its key: %v", err)
	}
	if _, err := current.Unseal(current.Seal("the secret", "a"), "b"); err == nil || errors.Is(err, shared.ErrUnavailable) {
		t.Errorf("with other data: %v; want an error that is not about a missing key", err)
	}
}

// TestRotation checks that the MACs of a former key are still recognized after a rotation,
// and that only values that the new key sealed count as current.
func TestRotation(t *testing.T) {
	old := New()
	both := old.Rotated()
	current := Keys{both.keys[:1]}
	all := both.MACs("backup code", "x")
	if len(all) != 2 || string(all[0]) != string(current.MAC("backup code", "x")) || string(all[1]) != string(old.MAC("backup code", "x")) {
		t.Error("the MACs are not those of each key, the current one first")
	}
	sealed := old.Seal("the secret", "aad")
	if both.IsCurrent(sealed) || !old.IsCurrent(sealed) || !both.IsCurrent(both.Seal("the secret", "aad")) || both.IsCurrent("") {
		t.Error("IsCurrent is wrong about which key sealed a value")
	}
}

// FuzzParse checks that Parse reads the same keys from the text of parsed keys.
func FuzzParse(f *testing.F) {
	f.Add(New().Text())
	f.Add("k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n#\r\nk2\tAA==")
	f.Fuzz(func(t *testing.T, text string) {
		ks, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(ks.Text())
		if err != nil || again.Text() != ks.Text() {
			t.Errorf("%q is read as keys that cannot be written and read again: %v", text, err)
		}
	})
}

// FuzzUnseal checks that only the text that [Keys.Seal] returned unseals. Base64 decoding
// ignores line breaks, so the text may have more of them.
func FuzzUnseal(f *testing.F) {
	ks := New()
	sealed := ks.Seal("the secret", "aad")
	f.Add(sealed, "aad")
	f.Add(sealed+"\n", "aad")
	f.Add("v1."+ks.CurrentID()+".", "")
	breaks := strings.NewReplacer("\n", "", "\r", "")
	f.Fuzz(func(t *testing.T, text, aad string) {
		if plain, err := ks.Unseal(text, aad); err == nil && (breaks.Replace(text) != sealed || aad != "aad") {
			t.Errorf("%q unseals to %q", text, plain)
		}
	})
}
