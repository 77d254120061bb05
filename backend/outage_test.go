package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestOutage tests that the log says once that something fails, and once that it
// works again.
func TestOutage(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, nil))
	var o outage
	for _, err := range []error{nil, errors.New("first"), errors.New("second"), nil, nil, errors.New("third")} {
		o.note(log, err, "it fails", "it works")
	}
	if said := text.String(); strings.Count(said, "it fails") != 2 || strings.Count(said, "it works") != 1 || strings.Contains(said, "second") {
		t.Errorf("the log says:\n%s", said)
	}
}
