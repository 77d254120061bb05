package account

import (
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/shared"
)

// maxImportedID is longer than any ID that a generator makes, in bytes.
const maxImportedID = 255

// isImportedID reports whether the ID of another system can stay. It becomes part of paths, from
// which browsers and servers remove segments that are empty or consist of dots.
func isImportedID(id string) bool {
	return id != "" && len(id) <= maxImportedID && utf8.ValidString(id) && path.Clean("/"+id) == "/"+id &&
		!strings.ContainsFunc(id, unicode.IsControl)
}

// importedTime returns a time in the past of another system as one between 1970 and now. It may
// have been anything there, and databases and JSON have limits of their own.
func importedTime(t, now time.Time) time.Time {
	if first := time.Unix(0, 0).UTC(); t.Before(first) {
		return first
	}
	return earlier(t, now)
}

// importedName returns a name without the characters that [shared.ParseName] refuses, and in
// at most [shared.MaxName] characters.
func importedName(name string) string {
	var kept []rune
	for _, r := range strings.ToValidUTF8(name, "") {
		if _, ok := shared.ParseName("x" + string(r)); ok && len(kept) < shared.MaxName {
			kept = append(kept, r)
		}
	}
	parsed, _ := shared.ParseName(string(kept))
	return parsed
}

// minImportedCode is shorter than the backup codes of any system, in bytes.
const minImportedCode = 6

// usableCodes returns the backup codes as [shared.TypedCode] does, without duplicates and without
// those that are so short that anybody finds them by trying, or too long to be accepted.
func usableCodes(codes []string) (usable []string) {
	for _, code := range codes {
		code = shared.TypedCode(code)
		if len(code) >= minImportedCode && len(code) <= maxImportedCode && !slices.Contains(usable, code) {
			usable = append(usable, code)
		}
	}
	return usable
}
