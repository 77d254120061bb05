package main_test

import (
	"regexp"
	"strconv"
	"testing"

	"latchkey/backend/testkit"
)

// TestInit tests that no package of the program does much work before main: every command
// would wait for it, even one that prints the version. The memory that a package allocates
// stands for the work, because it does not depend on the machine.
func TestInit(t *testing.T) {
	t.Parallel()
	const most = 20_000 // bytes
	output, err := testkit.Run(t, "GODEBUG=inittrace=1", "version")
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	found := 0
	for _, line := range regexp.MustCompile(`(?m)^init (latchkey/\S+) .* clock, (\d+) bytes`).FindAllStringSubmatch(output, -1) {
		found++
		if n, err := strconv.Atoi(line[2]); err != nil || n > most {
			t.Errorf("%s allocates %s bytes before main; want at most %d", line[1], line[2], most)
		}
	}
	if found < 5 {
		t.Errorf("%d packages were found in:\n%s", found, output)
	}
}
