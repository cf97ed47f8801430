package commands_test

// What an eviction costs: no garbage, whatever the policy.

import (
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine"
)

// TestEvictionAllocatesNothing counts the allocations of the process while a client sets ever new keys over a socket, each
// of which makes another go, with the journal and subscribers to events on.
func TestEvictionAllocatesNothing(t *testing.T) {
	const (
		pipeline = 8
		distinct = 100_000
	)
	for _, policy := range evicting {
		s := servertest.Start(t, servertest.Reactors[0], "--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", policy,
			"--auto-aof-rewrite-percentage", "0")
		s.WaitLoaded()
		conn := s.Dial()
		one := servertest.AppendCommand(nil, "SET", "key:00000000", strings.Repeat("v", 500), "EX", "10000")
		digits := strings.Index(string(one), "00000000")
		var out []byte
		for range pipeline {
			out = append(out, one...)
		}
		in := make([]byte, 256)
		next := 0
		exchange := func() {
			for i := range pipeline {
				at := out[i*len(one)+digits:][:8]
				n := next % distinct
				for d := len(at) - 1; d >= 0; d-- {
					at[d] = byte('0' + n%10)
					n /= 10
				}
				next++
			}
			if _, err := conn.Write(out); err != nil {
				t.Fatal(err)
			}
			for lines := 0; lines < pipeline; {
				n, err := conn.Read(in)
				if err != nil || n == 0 || in[0] != '+' {
					t.Fatalf("%s: %q, %v", policy, in[:n], err)
				}
				lines += repliesIn(in[:n])
			}
		}
		limit := 0
		s.OnLoop(func(e *engine.Server) { limit = int(e.UsedMemory()) + 1<<20 })
		s.Dial().Must("CONFIG", "SET", "maxmemory", strconv.Itoa(limit))
		for range 700 { // more than fits: from here on each goes for another
			exchange()
		}
		evicted := func() (n int64) {
			s.OnLoop(func(e *engine.Server) { n = e.Stats.Evicted })
			return n
		}
		before := evicted()
		if n := testing.AllocsPerRun(200, exchange); n != 0 {
			t.Errorf("%s: %v allocations in %d evictions", policy, n, pipeline)
		}
		if n := evicted() - before; n < 200*pipeline*9/10 {
			t.Fatalf("%s: %d evictions in %d commands", policy, n, 200*pipeline)
		}
		s.Stop()
	}
}
