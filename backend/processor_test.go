package main_test

import (
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
		more      func(n int) int
	}{
		{"unset", "GOMAXPROCS=", func(n int) int { return (n + 1) / 2 }},
		{"set", "GOMAXPROCS=3", func(int) int { return 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := testkit.Start(t, test.env, "GODEBUG=schedtrace=100")
			testkit.Eventually(t, "the number of threads", func() bool {
				printed := regexp.MustCompile(`gomaxprocs=(\d+)`).FindAllStringSubmatch(p.Output.String(), -1)
				if len(printed) < 2 {
					return false
				}
				first, _ := strconv.Atoi(printed[0][1])
				last, _ := strconv.Atoi(printed[len(printed)-1][1])
				return first > 0 && last == first+test.more(first)
			}, p.Output.String)
		})
	}
}
