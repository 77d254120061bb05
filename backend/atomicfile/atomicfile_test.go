package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// wantFile checks that a folder contains one file, that only its owner can read it, and
// that its content is one of the texts.
func wantFile(t *testing.T, folder string, texts ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder holds %v, %v; want one file", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v; want 0600", info.Mode(), err)
	}
	got, err := os.ReadFile(filepath.Join(folder, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if string(got) == text {
			return
		}
	}
	t.Errorf("the file holds %q; want one of %q", got, texts)
}

// TestCreate checks that one of several concurrent writers creates the file, and that its
// text stays.
func TestCreate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	name := filepath.Join(folder, "file")
	var created atomic.Int32
	var all sync.WaitGroup
	texts := make([]string, 10)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
		all.Go(func() {
			did, err := Create(name, texts[i])
			if err != nil {
				t.Error(err)
			}
			if did {
				created.Add(1)
			}
		})
	}
	all.Wait()
	if created.Load() != 1 {
		t.Errorf("%d writers created the file; want 1", created.Load())
	}
	wantFile(t, folder, texts...)
	if did, err := Create(filepath.Join(name, "below a file"), "text"); err == nil {
		t.Errorf("a file below a file: %t, %v", did, err)
	}
}

// TestReplace checks that Replace replaces a file, and that a failure leaves the file
// unchanged.
func TestReplace(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "file")
	for _, text := range []string{"first", "second"} {
		if err := Replace(name, text); err != nil {
			t.Fatal(err)
		}
		wantFile(t, folder, text)
	}
	if err := Replace(filepath.Join(folder, "none", "file"), "third"); err == nil {
		t.Error("a file in a folder that does not exist was written")
	}
	wantFile(t, folder, "second")
}
