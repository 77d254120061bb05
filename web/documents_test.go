package web

import (
	"html"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documentNames returns the Markdown files.
func documentNames(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(documents, documentsRoot, func(name string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDocuments(t *testing.T) {
	for _, name := range documentNames(t) {
		t.Run(strings.TrimPrefix(name, documentsRoot+"/"), func(t *testing.T) {
			if path.Ext(name) != ".md" {
				t.Fatal("this file is not Markdown: no page would be made of it")
			}
			source := string(readDocument(name))
			if !strings.HasPrefix(source, "# ") {
				t.Error("the first line is not a heading of the first level")
			}
			file := Documents()["/"+documentPath(name)]
			if file == nil {
				t.Fatal("no page has been made of the document")
			}
			page := string(file.Form(""))
			if n := strings.Count(page, "<h1"); n != 1 {
				t.Errorf("the page has %d headings of the first level; want 1", n)
			}
			if strings.Contains(page, "<th></th>") {
				t.Error("a column of a table has no heading, which screen readers would read")
			}
			// The Content-Security-Policy would block these.
			if found := regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son\w+=`).FindString(page); found != "" {
				t.Errorf("the page contains %q", found)
			}
			if strings.Contains(page, "<!-- raw HTML omitted -->") && !strings.Contains(source, "<!-- ") {
				t.Error("the document contains HTML, which the page drops")
			}
		})
	}
}

// TestDocumentLinks tests that each link in a document leads to a page and a heading
// that exist, or to another site, and that each document can be reached.
func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`<a href="([^"]*)"`)
	reached := map[string]bool{"/docs/": true}
	for at, file := range Documents() {
		base := &url.URL{Path: at}
		for _, found := range link.FindAllStringSubmatch(string(file.Form("")), -1) {
			to, err := url.Parse(html.UnescapeString(found[1]))
			if err != nil {
				t.Errorf("%s: %v", at, err)
				continue
			}
			if to.IsAbs() {
				if to.Scheme != "https" && to.Hostname() != "localhost" {
					t.Errorf("%s: the link to %s is not encrypted", at, to)
				}
				continue
			}
			to = base.ResolveReference(to)
			page := Documents()[to.Path]
			if page == nil {
				t.Errorf("%s: nothing is at %s", at, to)
				continue
			}
			if to.Path != at {
				reached[to.Path] = true
			}
			if to.Fragment != "" && !strings.Contains(string(page.Form("")), ` id="`+to.Fragment+`"`) {
				t.Errorf("%s: %s has no heading #%s", at, to.Path, to.Fragment)
			}
		}
	}
	for at := range Documents() {
		if !reached[at] {
			t.Errorf("no document has a link to %s", at)
		}
	}
}

// TestDocumentTables tests that a keyboard and a screen reader reach each table, which
// scrolls by itself if it is too wide for the page, and that long names in it can break.
func TestDocumentTables(t *testing.T) {
	region := regexp.MustCompile(`<div class="table" role="region" aria-label="([^"]+)" tabindex="0"><table>`)
	for at, file := range Documents() {
		page := string(file.Form(""))
		names := map[string]bool{}
		for _, found := range region.FindAllStringSubmatch(page, -1) {
			if names[found[1]] {
				t.Errorf("%s: two tables have the name %q", at, found[1])
			}
			names[found[1]] = true
		}
		if n := strings.Count(page, "<table"); n != len(names) {
			t.Errorf("%s: %d of %d tables are regions", at, len(names), n)
		}
	}
	for name, want := range map[string]string{
		"settings.manage":          "settings.|manage",
		"REQUIRE_TWO_FACTOR":       "REQUIRE_|TWO_|FACTOR",
		"TWO_FACTOR_EMAIL=off":     "TWO_|FACTOR_|EMAIL=|off",
		"allAcceptedCredentialIds": "allAccepted|Credential|Ids",
		"callbackURL?":             "callback|URL?",
		"userId":                   "userId",
		"127.0.0.1":                "127.0.0.1",
		".env":                     ".env",
	} {
		if got := strings.ReplaceAll(breakable(name), breakMark, "|"); got != want {
			t.Errorf("%s can break as %s; want %s", name, got, want)
		}
	}
	page := string(Documents()["/docs/configuration"].Form(""))
	for _, want := range []string{
		`<td><code>settings.<wbr>manage</code></td>`,
		`.5432&amp;<wbr>sslmode=<wbr>disable</code>`,
		`<code>APP_NAME=&quot;Example accounts&quot;</code>`, // in a sentence
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
}

func TestDocumentMenu(t *testing.T) {
	page := string(Documents()["/docs/security"].Form(""))
	for _, want := range []string{
		`<title>Security · Latchkey</title>`,
		`<a href="/docs/security" aria-current="page">Security</a>`,
		`<a href="/docs/decisions/">Decisions</a>`,
		`href="/web/app.css?v=`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of a document does not contain %s", want)
		}
	}
	for _, name := range documentNames(t) {
		item := strings.TrimPrefix(documentPath(name), documentsRoot+"/")
		if item != "" && !strings.Contains(strings.TrimSuffix(item, "/"), "/") && !slices.Contains(menu, item) {
			t.Errorf("%s is not in the menu", name)
		}
	}
}
