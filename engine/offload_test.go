package engine

import (
	"strings"
	"testing"
	"time"

	"redix/engine/config"
)

// laneWorld has commands that offload their word, "echo" in one lane and "state" in another; those whose word begins with "hang" wait
// for the gate.
func laneWorld(t *testing.T) (w *world, gate chan struct{}, ended func() []string) {
	w = newWorld(t, native)
	gate = make(chan struct{})
	done := make(chan string, 10*laneMost)
	for name, lane := range map[string]Lane{"echo": UsersFile, "get": ConfigFile} {
		row := w.s.Table.Lookup([]byte(name))
		row.Lane = lane
		row.Handler = func(c *Client, a Args) {
			word := string(a[1])
			c.Server().Offload(c, func() {
				if strings.HasPrefix(word, "hang") {
					<-gate
				}
				done <- word
			}, func(c *Client) {
				if c != nil {
					c.Reply.BulkString(word)
				}
			})
		}
	}
	w.s.Table.Lookup([]byte("exec")).Flags |= EndsMulti
	return w, gate, func() (words []string) {
		for len(done) > 0 {
			words = append(words, <-done)
		}
		return words
	}
}

// Work that hangs holds up its own lane, and no more of that than laneMost.
func TestLanes(t *testing.T) {
	w, gate, ended := laneWorld(t)
	first := w.open()
	w.send(first, frm("echo", "hang"))

	other := w.open()
	w.send(other, frm("get", "x"))
	w.offloaded(1)
	other.want(bulk("x"))

	for range laneMost - 1 { // by clients that do not even wait
		gone := w.open()
		w.send(gone, frm("echo", "behind"))
		gone.want("")
		w.s.Kill(gone.client())
	}
	for range 3 {
		w.send(other, frm("echo", "refused"), frm("ping"))
		other.want("-" + errDiskBehind + "\r\n" + pong)
	}
	w.send(other, frm("multi"), frm("set", "k", "v"), frm("echo", "refused"), frm("exec"))
	other.want(queued2 + "-" + execAbort + errDiskBehind + "\r\n")
	if w.s.Keyspace.DB(0).Len() != 0 {
		t.Error("a refused transaction has run")
	}
	w.send(other, frm("multi"), frm("set", "k", "v"), frm("get", "y"), frm("exec"))
	w.offloaded(1)
	other.want(queued2 + "*2\r\n" + ok + bulk("y"))

	close(gate)
	w.offloaded(laneMost)
	first.want(bulk("hang"))
	if got := ended(); len(got) != laneMost+2 || strings.Join(got[:4], " ") != "x y hang behind" {
		t.Errorf("%d works: %q", len(got), got)
	}
	w.send(other, frm("echo", "again"))
	w.offloaded(1)
	other.want(bulk("again"))
	if w.s.numBlocked != 0 || w.s.offload.lanes != [laneEnd]lane{UsersFile: {last: w.s.offload.lanes[UsersFile].last}, ConfigFile: {last: w.s.offload.lanes[ConfigFile].last}} {
		t.Errorf("%d blocked, lanes %v", w.s.numBlocked, w.s.offload.lanes)
	}
}

// A transaction with work of two lanes holds both: what others find afterwards is not older than what it found.
func TestTransactionHoldsItsLanes(t *testing.T) {
	w, gate, ended := laneWorld(t)
	c, other := w.open(), w.open()
	w.send(c, frm("multi"), frm("echo", "hang"), frm("get", "mine"), frm("exec"))
	w.send(other, frm("get", "theirs"))
	close(gate)
	w.offloaded(2)
	if got := strings.Join(ended(), " "); got != "hang mine theirs" {
		t.Errorf("the order is %q", got)
	}
	c.want(queued2 + "*2\r\n" + bulk("hang") + bulk("mine"))
	other.want(bulk("theirs"))
}

// The end of the process waits for files that are being written, but not for ever, and whoever asked for them is answered.
func TestFinishFiles(t *testing.T) {
	w, gate, ended := laneWorld(t)
	if !w.s.FinishFiles(0) {
		t.Error("there is nothing to wait for")
	}
	c, other := w.open(), w.open()
	w.send(c, frm("echo", "hang"))
	w.send(other, frm("get", "x"))
	if w.s.FinishFiles(time.Millisecond) {
		t.Error("it says that it is done")
	}
	go close(gate)
	if !w.s.FinishFiles(time.Minute) {
		t.Error("it does not wait")
	}
	w.settle()
	if got := ended(); len(got) != 2 {
		t.Errorf("done: %q", got)
	}
	c.want(bulk("hang"))
	other.want(bulk("x"))
}

// What the commands of a transaction read is read in order, and each of them finds the configuration as those before leave it.
func TestReadingOfATransaction(t *testing.T) {
	w := newWorld(t, native)
	row := w.s.Table.Lookup([]byte("echo"))
	row.Lane = Settings
	row.Ahead = func(_ *Client, a Args, on *config.Config) Prepared {
		found, word := "", string(a[1])
		return Prepared{
			Work: func() {
				found = on.RequirePass + word
				on.RequirePass = found
			},
			Then: func(c *Client) {
				if c != nil {
					c.Reply.BulkString(found)
				}
			},
		}
	}
	row.Handler = func(c *Client, a Args) { c.Server().RunAhead(c, a) }
	w.s.Table.Lookup([]byte("exec")).Flags |= EndsMulti
	c := w.open()
	w.send(c, frm("multi"), frm("echo", "a"), frm("echo", "b"), frm("exec"))
	w.offloaded(1)
	c.want(queued2 + "*2\r\n" + bulk("a") + bulk("ab"))
	w.send(c, frm("echo", "c"))
	w.offloaded(1)
	c.want(bulk("c"))
	if w.s.Config.RequirePass != "" {
		t.Error("the configuration in force has changed")
	}
}

// preparedWorld has commands "echo", which reads its word ahead and notes how that came out, and "get", which leaves work that begins when
// all of a transaction has run.
func preparedWorld(t *testing.T) (w *world, gate chan struct{}, notes func() string) {
	w, gate = newWorld(t, native), make(chan struct{})
	var noted []string
	note := func(words ...string) { noted = append(noted, strings.Join(words, " ")) }
	row := w.s.Table.Lookup([]byte("echo"))
	row.Lane = Settings
	row.Ahead = func(_ *Client, a Args, _ *config.Config) Prepared {
		word := string(a[1])
		p := Prepared{Then: func(c *Client) {
			if note("then", word); c != nil {
				c.Reply.BulkString(word)
			}
		}, Abandon: func() { note("abandon", word) }}
		if word != "nothing" {
			p.Work = func() { <-gate }
		}
		return p
	}
	row.Handler = func(c *Client, a Args) { c.Server().RunAhead(c, a) }
	row = w.s.Table.Lookup([]byte("get"))
	row.Lane = Settings
	row.Handler = func(c *Client, a Args) {
		word := string(a[1])
		note("run", word)
		c.Server().OffloadAfter(c, func() (work func()) {
			if note("begin", word); word == "nothing" {
				return nil
			}
			return func() { <-gate }
		}, func(c *Client) {
			if note("done", word); c != nil {
				c.Reply.BulkString(word)
			}
		})
	}
	w.s.Table.Lookup([]byte("exec")).Flags |= EndsMulti
	return w, gate, func() string {
		all := strings.Join(noted, ", ")
		noted = nil
		return all
	}
}

// What is read for a command is dealt with once, whatever becomes of the command.
func TestPreparedIsRunOrAbandoned(t *testing.T) {
	multi := [][]byte{frm("multi"), frm("echo", "a"), frm("echo", "nothing"), frm("exec")}
	w, gate, notes := preparedWorld(t)
	for what, step := range map[string]struct {
		meanwhile func(c *fakeConn)
		reply     string
		want      string
	}{
		"it runs":            {func(*fakeConn) {}, queued2 + "*2\r\n" + bulk("a") + bulk("nothing"), "then a, then nothing"},
		"a watched key":      {func(c *fakeConn) { c.client().tx.broken = true }, queued2 + "*-1\r\n", "abandon a, abandon nothing"},
		"a command refused":  {func(c *fakeConn) { c.client().tx.refused = true }, queued2 + "-EXECABORT Transaction discarded because of previous errors.\r\n", "abandon a, abandon nothing"},
		"the client is gone": {func(c *fakeConn) { w.s.Kill(c.client()) }, "", "abandon a, abandon nothing"},
	} {
		c := w.open()
		w.send(c, multi...)
		if got := notes(); got != "" {
			t.Errorf("%s: %s before it is read", what, got)
		}
		before := c.take()
		step.meanwhile(c)
		if got := notes(); got != "" {
			t.Errorf("%s: %s while it is read", what, got)
		}
		gate <- struct{}{}
		w.offloaded(1)
		if got := notes(); got != step.want {
			t.Errorf("%s: %s, want %s", what, got, step.want)
		}
		if got := before + c.take(); step.reply != "" && got != step.reply {
			t.Errorf("%s: %q, want %q", what, got, step.reply)
		}
	}
	c := w.open() // outside of a transaction what was begun is ended
	w.send(c, frm("echo", "a"))
	w.s.Kill(c.client())
	gate <- struct{}{}
	w.offloaded(1)
	if got := notes(); got != "then a" {
		t.Errorf("the client is gone: %s", got)
	}
	c = w.open()
	w.send(c, frm("multi"), frm("echo", "nothing"), frm("exec"))
	if got := notes(); got != "then nothing" {
		t.Errorf("nothing is read: %s", got)
	}
}

// OffloadAfter begins at once, and in a transaction when all of that has run; the replies wait and have their places.
func TestOffloadAfter(t *testing.T) {
	w, gate, notes := preparedWorld(t)
	c := w.open()
	w.send(c, frm("get", "a"), frm("get", "nothing"))
	c.want("")
	gate <- struct{}{}
	w.offloaded(1)
	c.want(bulk("a") + bulk("nothing"))
	if got := notes(); got != "run a, begin a, done a, run nothing, begin nothing, done nothing" {
		t.Error(got)
	}
	w.send(c, frm("multi"), frm("get", "nothing"), frm("get", "a"), frm("ping"), frm("exec"))
	c.take()
	if got := notes(); got != "run nothing, run a, begin nothing, begin a" {
		t.Error(got)
	}
	gate <- struct{}{}
	w.offloaded(1)
	c.want("*3\r\n" + bulk("nothing") + bulk("a") + pong)
	if got := notes(); got != "done nothing, done a" {
		t.Error(got)
	}
	w.send(c, frm("multi"), frm("get", "nothing"), frm("ping"), frm("exec")) // nothing to wait for after all
	w.offloaded(1)
	c.want(queued2 + "*2\r\n" + bulk("nothing") + pong)
}
