package testkit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An Email is one that the program has written to its -mail-dir.
type Email struct{ File, To, From, Subject, Text, HTML, At string }

// Emails returns the emails to an address that are in the folder, the oldest
// first. An address of "" stands for all.
func (p *Program) Emails(to string) (all []Email) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.Data, "mail", "*.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files { // their names begin with the time
		var e Email
		content, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(content, &e) != nil {
			continue // it is being written
		}
		e.File = file
		if to == "" || e.To == to {
			all = append(all, e)
		}
	}
	return all
}

// Email waits for an email to an address that has what find looks for in it, and
// returns what find returned. Of several the newest counts.
func (p *Program) Email(what, to string, find func(Email) string) (found string) {
	p.t.Helper()
	Eventually(p.t, what+" by email to "+to, func() bool {
		for _, e := range p.Emails(to) {
			if part := find(e); part != "" {
				found = part
			}
		}
		return found != ""
	}, func() string { return fmt.Sprintf("%+v", p.Emails("")) })
	return found
}

// Link waits for an email whose subject has a text in it and that has a link to
// the program in it, and returns path and query of the link.
func (p *Program) Link(to, subject string) (path string) {
	p.t.Helper()
	return p.Email("a link under "+subject, to, func(e Email) string {
		_, rest, found := strings.Cut(e.Text, p.Origin)
		if !found || !strings.Contains(e.Subject, subject) {
			return ""
		}
		return strings.Fields(rest)[0]
	})
}

// ReadJSON reads a file into a value.
func ReadJSON(t testing.TB, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
