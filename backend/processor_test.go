package main_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"latchkey/backend/testkit"
)

// TestAnswerWhileHashing tests that the server runs more threads than it hashes passwords, unless the
// operator sets their number. Go's scheduler prints it.
func TestAnswerWhileHashing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, env string
		factor    int
	}{
		{"unset", "GOMAXPROCS=", 2},
		{"set", "GOMAXPROCS=3", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := testkit.Start(t, test.env, "GODEBUG=schedtrace=100")
			testkit.Eventually(t, fmt.Sprintf("%d times as many threads as at the start", test.factor), func() bool {
				printed := regexp.MustCompile(`gomaxprocs=(\d+)`).FindAllStringSubmatch(p.Output.String(), -1)
				if len(printed) < 2 {
					return false
				}
				first, _ := strconv.Atoi(printed[0][1])
				last, _ := strconv.Atoi(printed[len(printed)-1][1])
				return first > 0 && last == test.factor*first
			}, p.Output.String)
		})
	}
}
