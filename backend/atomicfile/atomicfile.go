// Package atomicfile writes files that are there whole or not at all, even if the
// program or the machine stops meanwhile. Only their owner can read them.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes a file unless it exists, and reports whether it did. Of several
// servers that create the same file at once, one does, and all read the same. It
// makes the folder of the file if there is none.
func Create(name, text string) (created bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return false, err
	}
	temporary, err := write(filepath.Dir(name), text)
	if err != nil {
		return false, err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, name); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}

// Replace writes a file in place of the one that has its name.
func Replace(name, text string) error {
	temporary, err := write(filepath.Dir(name), text)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Rename(temporary, name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close()) // so that a power cut does not bring the old one back
}

// write writes a temporary file into a folder and returns its name.
func write(folder, text string) (name string, err error) {
	f, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
