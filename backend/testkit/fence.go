package testkit

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A Block is a fenced block of a document.
type Block struct {
	File string
	Line int    // of its first line, counted from 1
	Info string // what follows the opening fence, such as "sh"
	Text string
}

var fence = regexp.MustCompile("^[ \t]*```")

// Fences returns the fenced blocks of a document.
func Fences(t testing.TB, file string) (blocks []Block) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	open, line := false, 0
	for text := range strings.Lines(string(source)) {
		line++
		switch {
		case fence.MatchString(text) && open:
			open = false
		case fence.MatchString(text):
			open = true
			blocks = append(blocks, Block{File: file, Line: line + 1, Info: strings.Trim(text, "` \t\r\n")})
		case open:
			blocks[len(blocks)-1].Text += text
		}
	}
	if open {
		t.Fatalf("%s does not close its last fenced block", file)
	}
	return blocks
}

// Select returns the blocks of a language that contain a text. If blocks consist of that text
// only, it returns these.
func Select(blocks []Block, language, text string) []Block {
	var whole, partly []Block
	for _, block := range blocks {
		switch {
		case block.Info != language:
		case block.Text == text:
			whole = append(whole, block)
		case strings.Contains(block.Text, text):
			partly = append(partly, block)
		}
	}
	if whole != nil {
		return whole
	}
	return partly
}

// Fence returns the content of the only block of a document that [Select] returns. A test
// that calls Fence with constants counts as one that runs the block: see
// TestDocumentedBlocks of package main.
func Fence(t testing.TB, file, language, text string) string {
	t.Helper()
	found := Select(Fences(t, file), language, text)
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks of %s that contain %q; want 1", file, len(found), language, text)
	}
	return found[0].Text
}

var digits = regexp.MustCompile(`[0-9]+`)

// Sample tests that a program has printed what a document shows as a sample. Numbers can
// differ, and "…" stands for anything.
func Sample(t testing.TB, sample, output string) {
	t.Helper()
	pattern := digits.ReplaceAllString(regexp.QuoteMeta(strings.TrimSpace(sample)), "[0-9]+")
	pattern = strings.ReplaceAll(pattern, "…", ".+")
	if !regexp.MustCompile(pattern).MatchString(output) {
		t.Errorf("the document shows\n%s\nbut the program prints\n%s", sample, output)
	}
}
