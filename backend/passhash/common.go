package passhash

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// commonText has the passwords of zxcvbn-ts (npm @zxcvbn-ts/language-common 4.1.3, MIT)
// that are at least eight characters long, in NFKC and lower case, sorted.
//
//go:embed common_passwords.txt
var commonText []byte

var common = sync.OnceValue(func() map[string]struct{} {
	lines := bytes.Fields(commonText)
	set := make(map[string]struct{}, len(lines))
	for _, line := range lines {
		set[string(line)] = struct{}{}
	}
	return set
})

// IsCommon reports whether password is among the most common ones, regardless of case.
func IsCommon(password string) bool {
	_, ok := common()[strings.ToLower(norm.NFKC.String(password))]
	return ok
}
