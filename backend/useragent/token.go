package useragent

import (
	"strings"
	"sync"
	"unicode"
)

// An index finds tokens by their first byte, so that [agent.first] scans an agent only
// once for a whole table. A page can list hundreds of agents.
type index struct {
	tokens []string
	places [256][]int // indexes into tokens, by first byte
}

// indexOf returns a function that builds the index of n tokens at its first call.
func indexOf(n int, token func(int) string) func() *index {
	return sync.OnceValue(func() *index { return newIndex(n, token) })
}

func newIndex(n int, token func(int) string) *index {
	in := new(index)
	for i := range n {
		in.tokens = append(in.tokens, token(i))
		in.places[token(i)[0]] = append(in.places[token(i)[0]], i)
	}
	return in
}

// first finds the first token of the table that occurs in the agent. It returns the
// index of the token in the table, and the offset in the agent at which it ends. The
// index is -1 if no token occurs. A token must begin a word. If whole is set, it must
// also end one.
func (a agent) first(in *index, whole bool) (place, end int) {
	place = -1
	for at := range len(a) {
		for _, i := range in.places[a[at]] {
			if place >= 0 && i >= place {
				break
			}
			if a.has(in.tokens[i], at, whole) {
				place, end = i, at+len(in.tokens[i])
			}
		}
	}
	return place, end
}

// has reports whether token is at offset at in the agent and begins a word there. If
// whole is set, it must also end the word. Digits after a word do not belong to it:
// "iPhone12,1".
func (a agent) has(token string, at int, whole bool) bool {
	if !strings.HasPrefix(string(a[at:]), token) || at > 0 && isWordByte(a[at-1]) && isWordByte(token[0]) {
		return false
	}
	end := at + len(token)
	return !whole || end == len(a) || !isWordByte(a[end]) || unicode.IsDigit(rune(a[end]))
}

// find returns the offset of the first word of the agent that begins with token, or
// -1.
func (a agent) find(token string) int { return a.search(token, false) }

// word reports whether the agent contains words, which may be several, as whole words.
func (a agent) word(words string) bool { return a.search(words, true) >= 0 }

func (a agent) search(token string, whole bool) int {
	for from := 0; ; from++ {
		at := strings.Index(string(a[from:]), token)
		if at < 0 {
			return -1
		}
		if from += at; a.has(token, from, whole) {
			return from
		}
	}
}

// versioned returns name with the version after token in the agent, if there is one.
func (a agent) versioned(name, token string) string {
	at := a.find(token)
	if at < 0 {
		return name
	}
	return versioned(name, string(a[at+len(token):]))
}

// versioned returns name with the number at the beginning of version, if that is
// plausible.
func versioned(name, version string) string {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	if end > 0 && end <= 4 && strings.Trim(version[:end], "0") != "" {
		name += " " + version[:end]
	}
	return name
}

// maxName, in bytes, exceeds the names of browsers and systems. A client can send any
// name, and other users' lists display it.
const maxName = 40

// isName reports whether a page can display s as the name of a product.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.' || r == '+')
	})
}

func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-'
}
