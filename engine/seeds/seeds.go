// Package seeds gives random tests their seeds, and how often to try. Each run of a test draws new ones, a test that fails prints what repeats the run, and
// TEST_SEED=n repeats it: the first seed that a test draws is n then, and those that follow are the same each time.
package seeds

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
)

// step is what lies between the seeds of one test: 2^64 divided by the golden ratio, so that they have little in common.
const step = 0x9e3779b97f4a7c15

var (
	mu   sync.Mutex
	next = map[string]uint64{} // by the names of the tests that run
)

// Draw returns the next seed of a test.
func Draw(t testing.TB) uint64 {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	seed, running := next[t.Name()]
	if !running {
		seed = first(t)
		t.Cleanup(func() {
			mu.Lock()
			delete(next, t.Name())
			mu.Unlock()
			if t.Failed() {
				t.Logf("TEST_SEED=%d repeats this run", seed)
			}
		})
	}
	next[t.Name()] = seed + step
	return seed
}

func first(t testing.TB) uint64 {
	t.Helper()
	s := os.Getenv("TEST_SEED")
	if s == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal("TEST_SEED: ", err)
	}
	return seed
}

// Count returns how many times a test tries: the number in an environment variable, or usual if there is none.
func Count(t testing.TB, variable string, usual int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(variable, ": ", err)
	}
	return n
}
