package supervise

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whoever logs does not wait for a reader who has stopped; what fits is written in order, the rest is counted.
func TestLogWaitsForNobody(t *testing.T) {
	out, in := io.Pipe()
	l := NewLog(in)
	const lines = 40_000 // of 64 bytes: more than what may wait and as much on its way
	start := time.Now()
	for i := range lines {
		if n, err := fmt.Fprintf(l, "%063d\n", i); n != 64 || err != nil {
			t.Fatal(n, err)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	l.Flush(10 * time.Millisecond) // in vain
	done := make(chan string)
	go func() {
		all, _ := io.ReadAll(out)
		done <- string(all)
	}()
	l.Flush(20 * time.Second)
	fmt.Fprintln(l, "the last")
	l.Flush(20 * time.Second)
	in.Close()
	kept, next, dropped := 0, 0, 0
	for line := range strings.Lines(<-done) {
		var n int
		if _, told, ok := strings.Cut(line, "were dropped\" lines="); ok {
			fmt.Sscan(told, &n)
			dropped += n
		} else if line != "the last\n" {
			if n, _ = strconv.Atoi(line[:len(line)-1]); n < next || len(line) != 64 {
				t.Fatalf("%q, want a line with %d or more", line, next)
			}
			kept, next = kept+1, n+1
		}
	}
	if kept < logMax/64 || kept == lines || kept+dropped != lines {
		t.Errorf("%d lines were kept, %d dropped, of %d", kept, dropped, lines)
	}
}
