// Package atomicfile writes files atomically. If the program or the machine stops
// meanwhile, the file has its old content or does not exist, but never has a part of the
// new content. Only the owner can read the files.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes a file unless it exists, and reports whether it did. If several servers
// create the same file at once, one succeeds, and all read the same content afterward.
// Create creates the folder of the file if it does not exist.
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

// Replace writes a file, in place of an existing one with the name.
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
	return errors.Join(dir.Sync(), dir.Close()) // so that a power failure does not restore the old file
}

// write writes a temporary file in a folder and returns its name.
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
