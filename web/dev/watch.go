package main

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A change says what has to be built. A greater one includes the smaller ones.
type change int

const (
	nothingChanged change = iota
	styleChanged
	appChanged
	serverChanged
)

// watchEvery is how often the sources are looked at: a quarter of the second within which
// a change of the stylesheet must show. Looking at some 400 files takes a few milliseconds.
const watchEvery = 250 * time.Millisecond

// watch calls f for what has changed below root, and first to build everything, until ctx
// ends.
func watch(ctx context.Context, root string, f func(change)) {
	seen := scan(root)
	f(serverChanged)
	for ctx.Err() == nil {
		now := scan(root)
		if c := compare(seen, now); c != nothingChanged {
			f(c)
		}
		seen = now
		time.Sleep(watchEvery)
	}
}

// scan returns when each source was last changed.
func scan(root string) map[string]time.Time {
	files := map[string]time.Time{}
	for _, dir := range []string{"app", "backend", "shared", "web"} {
		filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				if info, err := entry.Info(); err == nil {
					name, _ := filepath.Rel(root, path)
					files[filepath.ToSlash(name)] = info.ModTime()
				}
			}
			return nil // a file that is being written is there the next time
		})
	}
	return files
}

// compare returns what the differences between two scans concern.
func compare(before, after map[string]time.Time) (c change) {
	for name, at := range after {
		if !before[name].Equal(at) {
			c = max(c, concerns(name))
		}
	}
	for name := range before {
		if _, exists := after[name]; !exists {
			c = max(c, concerns(name))
		}
	}
	return c
}

// concerns returns what has to be built after a change of a file.
func concerns(name string) change {
	switch {
	case strings.HasPrefix(name, "web/app.wasm"), strings.HasSuffix(name, "_test.go"), strings.HasPrefix(name, "web/dev/"),
		strings.HasPrefix(name, "web/npm/"), strings.Contains(name, "/testdata/"), strings.HasPrefix(filepath.Base(name), "."):
		return nothingChanged
	case name == "web/app.css":
		return styleChanged
	case strings.HasPrefix(name, "app/"):
		return appChanged
	case slices.Contains([]string{".go", ".html", ".js", ".md", ".png", ".sql", ".svg", ".txt"}, filepath.Ext(name)):
		return serverChanged
	}
	return nothingChanged
}
