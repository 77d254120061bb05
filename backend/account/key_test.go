package account

import (
	"strings"
	"testing"
)

func TestSeal(t *testing.T) {
	old, current := NewKeys(), NewKeys()
	both := Keys{append(current.keys[:1:1], old.keys...)}
	sealed := old.seal("the secret", "totps|secret|1|ann")
	if strings.Contains(sealed, "secret") || sealed == old.seal("the secret", "totps|secret|1|ann") {
		t.Errorf("sealed: %s", sealed)
	}
	for _, ks := range []Keys{old, both} {
		if plain, err := ks.unseal(sealed, "totps|secret|1|ann"); plain != "the secret" || err != nil {
			t.Errorf("unsealed: %q, %v", plain, err)
		}
	}
	last := sealed[len(sealed)-1]
	for what, try := range map[string]struct {
		keys          Keys
		sealed, place string
	}{
		"with another key":           {current, sealed, "totps|secret|1|ann"},
		"with another key's id":      {both, current.keys[0].id + sealed[len("v1.")+len(old.keys[0].id):], "totps|secret|1|ann"},
		"in another row":             {old, sealed, "totps|secret|2|ann"},
		"of another user":            {old, sealed, "totps|secret|1|bob"},
		"with another end":           {old, sealed[:len(sealed)-1] + string(last^1), "totps|secret|1|ann"},
		"without its end":            {old, sealed[:40], "totps|secret|1|ann"},
		"almost empty":               {old, "v1." + old.keys[0].id + ".", "totps|secret|1|ann"},
		"empty":                      {old, "", "totps|secret|1|ann"},
		"in clear":                   {old, "the secret", "totps|secret|1|ann"},
		"of a form that is to come":  {old, "v2" + sealed[2:], "totps|secret|1|ann"},
		"under a key of the old one": {both, "v1." + current.keys[0].id + sealed[len("v1.")+len(old.keys[0].id):], "totps|secret|1|ann"},
	} {
		if plain, err := try.keys.unseal(try.sealed, try.place); err == nil || plain != "" {
			t.Errorf("%s it is opened: %q", what, plain)
		}
	}
}

// TestKeyRotation holds that what was made under an old key is known by its macs
// under a new one.
func TestKeyRotation(t *testing.T) {
	old, current := NewKeys(), NewKeys()
	both := Keys{append(current.keys[:1:1], old.keys...)}
	all := both.macs("backup code", "x")
	if len(all) != 2 || string(all[0]) != string(current.mac("backup code", "x")) || string(all[1]) != string(old.mac("backup code", "x")) {
		t.Error("macs are not those of each key, the current one first")
	}
}
