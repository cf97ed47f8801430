package supervise

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// A log that nobody waits for. Lines are put into a buffer and written by a goroutine, so that a full disk, or a terminal or
// pipe that nobody reads, does not hold the loop. The buffer is bounded: when whatever takes the log is too slow, lines are
// dropped, and it is told how many once it takes some again.

// logMax bounds the bytes that wait.
const logMax = 1 << 20

// Log writes in the background to a slower writer.
type Log struct {
	out  io.Writer
	kick chan struct{}

	mu      sync.Mutex
	waiting []byte
	dropped int  // lines, since the last that were taken
	writing bool // a part of them is on its way
}

// NewLog returns a log that writes to out, and starts the goroutine that does. It is never stopped: a process has one log.
func NewLog(out io.Writer) *Log {
	l := &Log{out: out, kick: make(chan struct{}, 1)}
	go l.run()
	return l
}

// Write implements io.Writer for whole lines: it keeps or drops b. It does not wait and never fails.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	if len(l.waiting)+len(b) > logMax {
		l.dropped++
	} else {
		l.waiting = append(l.waiting, b...)
	}
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	return len(b), nil
}

// run writes what waits, for ever. What cannot be written is lost: there is nobody to tell.
func (l *Log) run() {
	itself := slog.New(slog.NewTextHandler(l.out, nil))
	var lines []byte
	for range l.kick {
		for more := true; more; {
			l.mu.Lock()
			lines, l.waiting = l.waiting, lines[:0]
			dropped := l.dropped
			l.dropped, l.writing = 0, len(lines) > 0
			more = l.writing
			l.mu.Unlock()
			if more {
				_, _ = l.out.Write(lines)
			}
			if dropped > 0 {
				itself.Warn("the log is taken too slowly: lines were dropped", "lines", dropped)
			}
		}
	}
}

// Flush waits until all lines are written, at most for d.
func (l *Log) Flush(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.mu.Lock()
		done := len(l.waiting) == 0 && !l.writing
		l.mu.Unlock()
		if done {
			return
		}
	}
}
