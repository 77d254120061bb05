package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// latchkey is the product that "make build" builds.
type latchkey struct{}

// String implements [product].
func (latchkey) String() string { return "Latchkey" }

func (latchkey) spendsCodes() bool { return true }

func (latchkey) command(d database, address, origin string) (run *exec.Cmd, ready string) {
	run = exec.Command(*binaryFile, "-listen", address, "-origin", origin, "-data", d.dir, "-database", d.url, "-rate-limits", "off")
	return run, "/readyz"
}

func (latchkey) fill(d database, sessions, perUser int) ([]account, error) {
	file := filepath.Join(d.dir, "cookies")
	program := exec.Command(*binaryFile, "seed", "-data", d.dir, "-database", d.url,
		"-sessions", strconv.Itoa(sessions), "-per-user", strconv.Itoa(perUser), "-cookies", file)
	if out, err := program.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("latchkey seed: %w\n%s", err, out)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var accounts []account
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: not a line of three fields: %q", file, line)
		}
		accounts = append(accounts, account{fields[0], fields[2]})
	}
	return accounts, checkClient(d)
}

// checkClient checks that the sessions are of the client that the requests come from.
func checkClient(d database) error {
	db, err := d.open()
	if err != nil {
		return err
	}
	defer db.Close()
	var n int
	// These are literals, because the two databases name parameters differently.
	err = db.QueryRow("SELECT COUNT(*) FROM sessions WHERE ip <> '" + ip + "' OR user_agent <> '" + agent + "'").Scan(&n)
	if err == nil && n > 0 {
		err = errors.New("latchkey seed creates sessions of another client than this benchmark: change its agent and ip")
	}
	return err
}

func (latchkey) age(d database) error {
	return d.exec("UPDATE sessions SET last_active_at = last_active_at - INTERVAL '1 hour'")
}

// commit returns the commit that the program was built from.
func commit() string {
	info, err := buildinfo.ReadFile(*binaryFile)
	if err != nil {
		return "unknown"
	}
	revision, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = ", modified"
		}
	}
	return revision + modified
}
