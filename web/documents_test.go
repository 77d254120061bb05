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
