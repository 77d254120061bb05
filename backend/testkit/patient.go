package testkit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// patient is set if [PatientServers] was called.
var patient bool

// PatientServers makes [Binary] build a program whose requests may take a minute, as the waits of the
// tests do, instead of a few seconds. A busy machine needs that long to hash several passwords, and the
// pages would say that the service is not available. A package calls it before [Main].
func PatientServers() { patient = true }

// timeouts are the timeouts that [PatientServers] changes, by file.
var timeouts = map[string]string{
	"backend/server/server.go": "const requestTimeout = 4 * time.Second",
	"backend/store/store.go":   "\tTimeout = 3 * time.Second",
}

// patientFlags returns the flags of "go build" for a program with other timeouts. It writes the files
// for that to a folder. root is the folder of go.mod.
func patientFlags(root, dir string) (flags []string, err error) {
	replaced := map[string]string{}
	for file, timeout := range timeouts {
		file = filepath.Join(root, filepath.FromSlash(file))
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.Count(string(content), timeout) != 1 {
			return nil, fmt.Errorf("%s does not have the line %q", file, timeout)
		}
		name, _, _ := strings.Cut(timeout, " = ")
		changed := strings.Replace(string(content), timeout, name+" = time.Minute", 1)
		replaced[file] = filepath.Join(dir, filepath.Base(file)+".txt") // no Go file for the tools that look for some
		if err := os.WriteFile(replaced[file], []byte(changed), 0o666); err != nil {
			return nil, err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", file}, os.WriteFile(file, overlay, 0o666)
}
