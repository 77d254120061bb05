package testkit

import (
	"sync"
	"testing"
)

// AtOnce makes n calls at the same moment and returns their results.
func AtOnce[T any](n int, call func(i int) T) []T {
	results := make([]T, n)
	begin := make(chan struct{})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			<-begin
			results[i] = call(i)
		})
	}
	close(begin)
	calls.Wait()
	return results
}

// OnlySuccess returns the index of the only answer that is a 200. It fails the test if
// several or none are, or if another answer is not a 4xx.
func OnlySuccess(t *testing.T, what string, answers []Answer) (index int) {
	t.Helper()
	n := 0
	for i, a := range answers {
		switch {
		case a.Status == 200:
			index = i
			n++
		case a.Status < 400 || a.Status > 499:
			t.Errorf("%s: %s", what, a)
		}
	}
	if n != 1 {
		t.Errorf("%s: %d of %d answers are a 200; want 1: %v", what, n, len(answers), answers)
	}
	return index
}
