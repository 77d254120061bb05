package testkit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An Email is an email that the program has written to its -mail-dir.
type Email struct{ File, To, From, Subject, Text, HTML, At string }

// Emails returns the emails to an address in the folder, the oldest first. The address ""
// matches all.
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
			continue // the program is still writing it
		}
		e.File = file
		if to == "" || e.To == to {
			all = append(all, e)
		}
	}
	return all
}

// Email waits until find returns a text other than "" for an email to an address, and
// returns that text. Of several such emails, the newest counts. what describes the text in
// an error.
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

// Link waits for an email whose subject contains a text and that contains a link to the
// program. It returns the path and the query of the link. It returns each link once, because
// the program writes emails after its response: the newest one may still be an older one.
func (p *Program) Link(to, subject string) (path string) {
	p.t.Helper()
	path = p.Email("a link under "+subject, to, func(e Email) string {
		_, rest, found := strings.Cut(e.Text, p.Origin)
		if !found || !strings.Contains(e.Subject, subject) {
			return ""
		}
		link := strings.Fields(rest)[0]
		if _, returned := p.links.Load(link); returned {
			return ""
		}
		return link
	})
	p.links.Store(path, nil)
	return path
}

// ReadJSON decodes a JSON file into a value.
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
