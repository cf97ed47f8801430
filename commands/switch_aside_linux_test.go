package commands_test

// Switching the journal on and off, and rewriting it, beside the loop: others are served while the disk hangs, and no file system call is
// made by the loop's thread.

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
	"redix/engine"
	"redix/persistence/vfs"
)

// hangingFiles is a file layer whose operations of chosen kinds wait, and that remembers which ones the loop's thread has called.
type hangingFiles struct {
	*vfs.Faulty
	mu     sync.Mutex
	loop   int // the loop's thread
	byLoop []string
	hangs  map[vfs.Op]bool
	gate   chan struct{}
	waits  chan string // a token for each operation that has to wait
}

func newHangingFiles() *hangingFiles {
	h := &hangingFiles{Faulty: vfs.NewFaulty(vfs.OS{}), hangs: map[vfs.Op]bool{}, gate: make(chan struct{}), waits: make(chan string, 100)}
	h.Before = func(op vfs.Op, name string) {
		h.mu.Lock()
		gate, hangs := h.gate, h.hangs[op]
		onLoop := unix.Gettid() == h.loop
		if onLoop {
			h.byLoop = append(h.byLoop, fmt.Sprint(op, " ", filepath.Base(name)))
		}
		h.mu.Unlock()
		if hangs && !onLoop { // a loop that hangs would only hide what went wrong
			h.waits <- op.String()
			<-gate
		}
	}
	return h
}

// watch begins to look at what the loop of s does.
func (h *hangingFiles) watch(s *servertest.Server) {
	s.OnLoop(func(*engine.Server) {
		runtime.LockOSThread() // until the goroutine ends
		h.mu.Lock()
		h.loop = unix.Gettid()
		h.mu.Unlock()
	})
}

// hang makes operations wait until open is called.
func (h *hangingFiles) hang(ops ...vfs.Op) (open func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gate := make(chan struct{})
	h.gate, h.hangs = gate, map[vfs.Op]bool{}
	for _, op := range ops {
		h.hangs[op] = true
	}
	return sync.OnceFunc(func() {
		h.mu.Lock()
		h.hangs = map[vfs.Op]bool{}
		h.mu.Unlock()
		close(gate)
	})
}

// calls returns what the loop's thread has called since the last time.
func (h *hangingFiles) calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.byLoop
	h.byLoop = nil
	return calls
}

// onHangingFiles runs f on both reactors.
func onHangingFiles(t *testing.T, f func(t *testing.T, h *hangingFiles, s *servertest.Server), flags ...string) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			h := newHangingFiles()
			s := servertest.StartOn(t, h, reactor, flags...)
			h.watch(s)
			f(t, h, s)
			if calls := h.calls(); len(calls) > 0 {
				t.Errorf("the loop has called %q", calls)
			}
		})
	}
}

func words(line string) []string { return strings.Fields(line) }

// send sends a command, or with slashes a transaction, and does not wait for its reply.
func send(c *servertest.Conn, line string) (replies int) {
	for _, command := range strings.Split(line, " / ") {
		c.Send(words(command)...)
		replies++
	}
	c.Flush()
	return replies
}

// TestLoopTouchesNoFile runs all that makes, writes, syncs, renames or removes a file of the journal or of a snapshot.
func TestLoopTouchesNoFile(t *testing.T) {
	onHangingFiles(t, func(t *testing.T, h *hangingFiles, s *servertest.Server) {
		c := s.Dial()
		for _, line := range []string{
			"BGSAVE", "SAVE", "BGREWRITEAOF", "CONFIG SET appendonly yes", "SET a b", "BGREWRITEAOF", "BGSAVE", "CONFIG SET appendonly no",
			"CONFIG SET appendonly yes", "CONFIG SET appendfsync always", "SET a c", "CONFIG SET appendfsync no", "SET a d",
			"MULTI / CONFIG SET appendonly no / SET a e / CONFIG SET appendonly yes / EXEC", "MULTI / SET a f / CONFIG SET appendonly no / EXEC",
			"MULTI / SET a g / CONFIG SET appendonly yes maxmemory 1gb / SET a h / EXEC",
			"CONFIG SET aof-use-rdb-preamble no", "BGREWRITEAOF", "CONFIG SET appendonly no maxmemory 2gb", "BGREWRITEAOF", "CONFIG SET appendonly yes",
			"CONFIG SET appendonly no", "CONFIG SET save 1", "CONFIG SET save ", "CONFIG SET dir /nowhere", "INFO everything", "LASTSAVE", "MEMORY STATS",
			"CONFIG SET appendonly yes dir " + t.TempDir(), "FLUSHALL", "CONFIG SET appendonly yes maxmemory nonsense",
		} {
			for range send(c, line) {
				c.Receive()
			}
			if calls := h.calls(); len(calls) > 0 {
				t.Errorf("%s: the loop has called %q", line, calls)
			}
			waitSaved(t, c)
			if calls := h.calls(); len(calls) > 0 {
				t.Errorf("after %s: the loop has called %q", line, calls)
			}
		}
	}, "--enable-protected-configs", "yes", "--save", "3600 1000000")
}

// TestSwitchingWaitsAside: while the disk hangs under whatever switches the journal, nobody else waits, and nothing has changed; when it
// goes on, it has.
func TestSwitchingWaitsAside(t *testing.T) {
	steps := []struct {
		line, reply string
		hangs       vfs.Op
		before      string // appendonly meanwhile
		after       string
	}{
		{"BGREWRITEAOF", "+Background append only file rewriting started", vfs.OpMkdir, "no", "no"},
		{"CONFIG SET appendonly yes", "+OK", vfs.OpMkdir, "no", "yes"},
		{"CONFIG SET appendonly yes", "+OK", vfs.OpClose, "yes", "yes"}, // there is nothing to do
		{"CONFIG SET appendonly no", "+OK", vfs.OpClose, "no", "no"},
		{"MULTI / SET k exec / CONFIG SET appendonly yes / EXEC", "+OK", vfs.OpOpen, "no", "yes"},
		{"MULTI / CONFIG SET appendonly no / SET k exec / EXEC", "+OK", vfs.OpClose, "no", "no"},
		{"CONFIG SET maxmemory 1gb appendonly yes", "+OK", vfs.OpSyncDir, "no", "yes"},
	}
	onHangingFiles(t, func(t *testing.T, h *hangingFiles, s *servertest.Server) {
		c, other := s.Dial(), s.Dial()
		for _, step := range steps {
			open := h.hang(step.hangs)
			replies := send(c, step.line)
			if step.before == step.after && step.before == "yes" {
				open()
			} else {
				await(t, step.line+" to reach the disk", h.waits)
			}
			other.Must("SET", "k", "other")
			if v := other.Must("GET", "k"); v.Str != "other" {
				t.Errorf("%s: it has run: %s", step.line, v)
			}
			if v := other.Must("CONFIG", "GET", "appendonly").Strings(); v[1] != step.before {
				t.Errorf("%s: appendonly is %s meanwhile", step.line, v[1])
			}
			other.Must("CONFIG", "SET", "maxmemory", "3gb")
			open()
			var last servertest.Value
			for range replies {
				last = c.Receive()
			}
			if len(last.Elems) > 0 {
				last = last.Elems[0]
			}
			if got := "+" + last.Str; got != step.reply {
				t.Errorf("%s: %s", step.line, last)
			}
			if v := other.Must("CONFIG", "GET", "appendonly").Strings(); v[1] != step.after {
				t.Errorf("%s: appendonly is %s afterwards", step.line, v[1])
			}
			waitSaved(t, other)
			for len(h.waits) > 0 {
				<-h.waits
			}
		}
		want := other.Must("DEBUG", "DIGEST").Str
		s.Stop()
		if got := startedOn(t, s.Dir); got != want {
			t.Errorf("after a restart: digest %s, want %s", got, want)
		}
	})
}

// TestSwitchingMeetsItself: other clients switch the journal, and rewrite it, while one waits for the disk. Each is answered, and the last
// word is in force.
func TestSwitchingMeetsItself(t *testing.T) {
	onHangingFiles(t, func(t *testing.T, h *hangingFiles, s *servertest.Server) {
		a, b, c, d := s.Dial(), s.Dial(), s.Dial(), s.Dial()
		open := h.hang(vfs.OpMkdir)
		send(a, "CONFIG SET appendonly yes")
		await(t, "a file", h.waits)
		send(b, "CONFIG SET appendonly yes") // wants the same
		send(c, "BGREWRITEAOF")
		if v := c.Receive(); v.Str != "Background append only file rewriting scheduled" {
			t.Errorf("BGREWRITEAOF while the journal is being switched on: %s", v)
		}
		send(d, "CONFIG SET appendonly no") // it is off
		if v := d.Receive(); v.Str != "OK" {
			t.Errorf("CONFIG SET appendonly no: %s", v)
		}
		open()
		for _, conn := range []*servertest.Conn{a, b} {
			if v := conn.Receive(); v.Str != "OK" {
				t.Errorf("CONFIG SET appendonly yes: %s", v)
			}
		}
		waitSaved(t, a)

		open = h.hang(vfs.OpClose) // it is being closed, and wanted again
		send(a, "SET k v")
		a.Receive()
		send(a, "CONFIG SET appendonly no")
		await(t, "the closing", h.waits)
		send(b, "CONFIG SET appendonly yes")
		send(c, "MULTI / SET k w / CONFIG SET appendonly yes / EXEC")
		send(d, "CONFIG SET appendonly no") // it is off already
		if v := d.Receive(); v.Str != "OK" {
			t.Errorf("CONFIG SET appendonly no: %s", v)
		}
		eventually(t, "all others wait", func() (wait bool) {
			s.OnLoop(func(e *engine.Server) { n, _ := e.NumBlocked(); wait = n == 3 })
			return wait
		})
		open()
		for _, conn := range []*servertest.Conn{a, b} {
			if v := conn.Receive(); v.Str != "OK" && !strings.Contains(v.Err(), "it depends on what has been changed meanwhile, try again") {
				t.Errorf("CONFIG SET appendonly: %s", v)
			}
		}
		for range 3 {
			c.Receive()
		}
		if v := c.Receive(); len(v.Elems) != 2 || v.Elems[0].Str != "OK" || v.Elems[1].Str != "OK" {
			t.Errorf("EXEC: %s", v)
		}
		waitSaved(t, a)
		if f := a.Info("persistence"); f["aof_enabled"] != "1" || f["aof_last_bgrewrite_status"] != "ok" {
			t.Errorf("aof_enabled %s, aof_last_bgrewrite_status %s", f["aof_enabled"], f["aof_last_bgrewrite_status"])
		}

		// What is opened and not wanted after all leaves nothing behind: a watched key has changed, the client is gone, another directive fails.
		a.Must("CONFIG", "SET", "appendonly", "no")
		files := journalFiles(t, s.Dir)
		open = h.hang(vfs.OpMkdir)
		a.Must("WATCH", "k")
		send(a, "MULTI / CONFIG SET appendonly yes / EXEC")
		await(t, "a file", h.waits)
		b.Must("SET", "k", "changed")
		open()
		a.Receive()
		a.Receive()
		if v := a.Receive(); !v.Null() {
			t.Errorf("EXEC after a change: %s", v)
		}
		open = h.hang(vfs.OpMkdir)
		gone := s.Dial()
		send(gone, "MULTI / CONFIG SET appendonly yes / EXEC")
		await(t, "a file", h.waits)
		_ = gone.Conn.(*net.TCPConn).SetLinger(0) // a mere end would wait for the answer
		gone.Close()
		eventually(t, "it is gone", func() bool { return strings.Count(b.Must("CLIENT", "LIST").Str, "\n") == 4 })
		open()
		b.Must("CONFIG", "SET", "maxmemory", "0")
		if v := a.Do("CONFIG", "SET", "appendonly", "yes", "hz", "many"); v.Err() == "" {
			t.Errorf("hz many: %s", v)
		}
		eventually(t, "nothing is left behind", func() bool { return slices.Equal(journalFiles(t, s.Dir), files) })
		if v := a.Must("CONFIG", "GET", "appendonly").Strings(); v[1] != "no" {
			t.Errorf("appendonly is %s", v[1])
		}
		a.Must("CONFIG", "SET", "appendonly", "yes")
	})
}

func journalFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "appendonlydir"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSwitchingFails: where the journal cannot be opened the replies are redis-server's, all directives stay as they were, and the next
// attempt succeeds.
func TestSwitchingFails(t *testing.T) {
	onHangingFiles(t, func(t *testing.T, h *hangingFiles, s *servertest.Server) {
		c := s.Dial()
		inTheWay := filepath.Join(s.Dir, "appendonlydir")
		if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		const text = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs."
		before := c.Must("CONFIG", "GET", "*").String()
		if v := c.Do("CONFIG", "SET", "appendonly", "yes", "hz", "33"); v.Err() != text {
			t.Errorf("CONFIG SET: %s", v)
		}
		send(c, "MULTI / CONFIG SET hz 34 appendonly yes / EXEC")
		c.Receive()
		c.Receive()
		if v := c.Receive(); len(v.Elems) != 1 || v.Elems[0].Err() != text {
			t.Errorf("EXEC: %s", v)
		}
		if v := c.Do("BGREWRITEAOF"); v.Err() != "ERR Can't execute an AOF background rewriting. Please check the server logs for more information." {
			t.Errorf("BGREWRITEAOF: %s", v)
		}
		if after := c.Must("CONFIG", "GET", "*").String(); after != before {
			t.Errorf("%s\nbefore: %s", after, before)
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		for i := 1; ; i++ { // each operation in turn
			op := vfs.OpOpen + vfs.Op(i%int(vfs.OpSyncDir+1))
			if i > 2*int(vfs.OpSyncDir) {
				break
			}
			h.Add(vfs.Fault{Op: op, First: h.Count(op) + 1, Count: 1, Err: syscall.EIO})
			v := c.Do("CONFIG", "SET", "appendonly", "yes")
			h.Clear()
			waitSaved(t, c)
			if v.Err() != "" && v.Err() != text {
				t.Errorf("a failing %v: %s", op, v)
			}
			c.Must("CONFIG", "SET", "appendonly", "no")
		}
		c.Must("CONFIG", "SET", "appendonly", "yes")
		c.Must("SET", "k", "v")
		waitSaved(t, c)
		want := c.Must("DEBUG", "DIGEST").Str
		s.Stop()
		if got := startedOn(t, s.Dir); got != want {
			t.Errorf("after a restart: digest %s, want %s", got, want)
		}
	})
}

// TestEndWhileSwitching: a server that ends while the journal is being closed finishes that first; replies that wait for it leave.
func TestEndWhileSwitching(t *testing.T) {
	onHangingFiles(t, func(t *testing.T, h *hangingFiles, s *servertest.Server) {
		c, writer := s.Dial(), s.Dial()
		c.Must("CONFIG", "SET", "appendonly", "yes")
		waitSaved(t, c)
		open := h.hang(vfs.OpSync)
		send(writer, "SET k v")
		await(t, "a sync", h.waits)
		send(c, "CONFIG SET appendonly no")
		eventually(t, "CONFIG SET waits", func() (waits bool) {
			s.OnLoop(func(e *engine.Server) { n, _ := e.NumBlocked(); waits = n == 1 })
			return waits
		})
		s.OnLoop(func(e *engine.Server) {
			if replies, _ := e.NumWaiting(); replies != 1 {
				t.Errorf("%d replies wait for the journal", replies)
			}
		})
		time.AfterFunc(100*time.Millisecond, open)
		s.Stop()
		if v, err := writer.TryReceive(); err != nil || v.Str != "OK" {
			t.Errorf("SET: %s, %v", v, err)
		}
		p := servertest.StartProcess(t, "--dir", s.Dir, "--appendonly", "yes")
		if v := p.Dial().Must("GET", "k"); v.Str != "v" {
			t.Errorf("after a restart: %s", v)
		}
		p.Kill()
		h.calls() // Stop may wait for the disk
	}, "--appendfsync", "always")
}

// TestStartOpensAside: the journal is opened for appending, after it was loaded, while clients are told that the data is not there yet. Where
// there is none to load it is open before anybody is served.
func TestStartOpensAside(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			h := newHangingFiles()
			dir := t.TempDir()
			s := servertest.StartOn(t, h, reactor, "--appendonly", "yes", "--dir", dir)
			s.Dial().Must("SET", "k", "v")
			s.Stop()
			open := h.hang(vfs.OpMkdir)
			held := time.AfterFunc(heldAtMost, open) // in case that the loop hangs
			s = servertest.StartOn(t, h, reactor, "--appendonly", "yes", "--dir", dir)
			await(t, "the directory", h.waits)
			c := s.Dial()
			if v := c.Do("GET", "k"); !strings.HasPrefix(v.Err(), "LOADING") {
				t.Errorf("GET meanwhile: %s", v)
			}
			if !held.Stop() {
				t.Error("the loop was held")
			}
			open()
			s.WaitLoaded()
			if v := c.Must("GET", "k"); v.Str != "v" {
				t.Errorf("GET: %s", v)
			}
			if f := c.Info("persistence"); f["aof_enabled"] != "1" {
				t.Errorf("aof_enabled %s", f["aof_enabled"])
			}
		})
	}
}
