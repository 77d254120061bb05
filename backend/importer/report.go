// Package importer takes over what the users of another application have: it reads the
// application's database with package betterauth, or a file, and adds it with an
// [account.Importer]. It counts what it cannot take over, with the reason.
package importer

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"latchkey/backend/account"
)

// A Report says what an import took over. It contains no secrets.
type Report struct {
	DryRun         bool      `json:"dryRun"`
	Users          int       `json:"users"`
	Passwords      int       `json:"passwords"`
	TOTPs          int       `json:"totps"` // authenticator apps
	BackupCodes    int       `json:"backupCodes"`
	Passkeys       int       `json:"passkeys"`
	Sessions       int       `json:"sessions"`
	TrustedDevices int       `json:"trustedDevices"`
	ResetLinks     int       `json:"resetLinks"` // links in emails that set a new password
	Skipped        []Skipped `json:"skipped"`
	Notes          []string  `json:"notes"` // sentences that the operator should read
}

// Skipped is what was not taken over for one reason.
type Skipped struct {
	What   string   `json:"what"` // the plural of what it is, as in the names of [Report]
	Count  int      `json:"count"`
	Reason string   `json:"reason"`
	Users  []string `json:"users"` // the IDs of the first users that it belongs to
}

// maxExamples is how many users [Skipped] names: enough to look at what is wrong.
const maxExamples = 5

// skip counts something of a user that is not taken over. It returns nil if err is the reason
// for that, and err if it is another error.
func (r *Report) skip(what, user string, err error) error {
	if refused, ok := errors.AsType[account.Refused](err); ok {
		r.skipFor(what, user, string(refused))
		return nil
	}
	return err
}

func (r *Report) skipFor(what, user, reason string) {
	i := slices.IndexFunc(r.Skipped, func(s Skipped) bool { return s.What == what && s.Reason == reason })
	if i < 0 {
		i, r.Skipped = len(r.Skipped), append(r.Skipped, Skipped{What: what, Reason: reason, Users: []string{}})
	}
	s := &r.Skipped[i]
	s.Count++
	if len(s.Users) < maxExamples && user != "" && !slices.Contains(s.Users, user) {
		s.Users = append(s.Users, user)
	}
}

// count counts one of n if it was taken over, and skips it otherwise.
func (r *Report) count(n *int, what, user string, err error) error {
	if err == nil {
		*n++
		return nil
	}
	return r.skip(what, user, err)
}

// words has the words for what [Skipped.What] names.
var words = map[string]string{
	"totps": "authenticators", "backupCodes": "backup codes", "trustedDevices": "trusted devices", "resetLinks": "reset links",
	"emailCodes": "second factors by email",
}

// Print prints the report for a person.
func (r *Report) Print(out io.Writer) {
	done := "Imported:"
	if r.DryRun {
		done = "Nothing was written. An import would take over:"
	}
	fmt.Fprintln(out, done)
	for _, line := range []struct {
		n    int
		word string
	}{
		{r.Users, "users"}, {r.Passwords, "passwords"}, {r.TOTPs, "authenticators"}, {r.BackupCodes, "backup codes"},
		{r.Passkeys, "passkeys"}, {r.Sessions, "sessions"}, {r.TrustedDevices, "trusted devices"}, {r.ResetLinks, "reset links"},
	} {
		fmt.Fprintf(out, "%10d  %s\n", line.n, line.word)
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintln(out, "\nNot taken over:")
		for _, s := range r.Skipped {
			fmt.Fprintf(out, "%10d  %s: %s%s\n", s.Count, cmp.Or(words[s.What], s.What), s.Reason, s.examples())
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\n%s\n", note)
	}
}

// examples returns the users of s in parentheses.
func (s Skipped) examples() string {
	if len(s.Users) == 0 {
		return ""
	}
	more := ""
	if s.Count > len(s.Users) {
		more = ", …"
	}
	return " (users: " + examples(s.Users, maxExamples) + more + ")"
}

// examples returns the first n IDs or addresses for a person to read. They are not checked, and
// must not control the terminal.
func examples(users []string, n int) string {
	const maxLength = 100
	var list []string
	for _, user := range users[:min(len(users), n)] {
		if strings.ContainsFunc(user, func(r rune) bool { return !unicode.IsPrint(r) }) {
			user = strconv.Quote(user)
		}
		if runes := []rune(user); len(runes) > maxLength {
			user = string(runes[:maxLength]) + "…"
		}
		list = append(list, user)
	}
	return strings.Join(list, ", ")
}

// note adds a sentence if n is not zero. The format has one verb, for "1 noun" or "n nouns".
func (r *Report) note(n int, noun, format string) {
	if n == 0 {
		return
	}
	if n != 1 {
		noun += "s"
	}
	r.Notes = append(r.Notes, fmt.Sprintf(format, fmt.Sprint(n, " ", noun)))
}
