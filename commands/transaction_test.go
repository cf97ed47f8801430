package commands_test

// Transactions: replies, what WATCH sees, and that they reach the journal as one unit.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

const execAbort = "EXECABORT Transaction discarded because of previous errors."

var queued = servertest.Simple("QUEUED")

func TestTransactions(t *testing.T) {
	do := servertest.Do
	ok := servertest.Simple("OK")
	servertest.Run(t,
		do("EXEC").Err("ERR EXEC without MULTI"), do("DISCARD").Err("ERR DISCARD without MULTI"),
		do("MULTI", "x").Err("ERR wrong number of arguments for 'multi' command"), do("MULTI").OK(), do("EXEC").Array(),
		do("MULTI").OK(), do("MULTI").Err("ERR MULTI calls can not be nested"),
		do("WATCH", "k").Err("ERR WATCH inside MULTI is not allowed"), do("SET", "k", "v").Want(queued),
		do("get", "k").Want(queued), do("EXEC").Array(ok, "v"),
		// errors while queueing, and while running
		do("MULTI").OK(), do("SET", "k").Err("ERR wrong number of arguments for 'set' command"),
		do("SET", "k", "w").Want(queued), do("EXEC").Err(execAbort), do("GET", "k").Bulk("v"),
		do("MULTI").OK(), do("NOSUCH").Err("ERR unknown command"), do("EXEC").Err(execAbort), do("EXEC").Err("ERR EXEC without"),
		do("MULTI").OK(), do("CLIENT", "NOSUCH").Err("ERR unknown subcommand"), do("EXEC").Err(execAbort),
		do("MULTI").OK(), do("SHUTDOWN").Err("ERR Command not allowed inside a transaction"), do("EXEC").Err(execAbort),
		do("MULTI").OK(), do("INCR", "k").Want(queued), do("HSET", "k", "f", "x").Want(queued), do("SET", "k", "1").Want(queued),
		do("INCR", "k").Want(queued),
		do("EXEC").Array(servertest.Err("ERR value is not an integer"), servertest.Err("WRONGTYPE"), ok, 2),
		do("MULTI").OK(), do("SET", "k", "w").Want(queued), do("DISCARD").OK(), do("GET", "k").Bulk("2"),
		do("MULTI").OK(), do("NOSUCH").Err("ERR unknown"), do("DISCARD").OK(), do("MULTI").OK(), do("PING").Want(queued),
		do("ECHO", "").Want(queued), do("EXEC").Array(servertest.Simple("PONG"), ""),
		// WATCH
		do("WATCH").Err("ERR wrong number of arguments for 'watch' command"),
		do("WATCH", "k", "l", "k").OK(), do("SET", "k", "3").OK(), do("MULTI").OK(), do("GET", "k").Want(queued), do("EXEC").Null(),
		do("MULTI").OK(), do("GET", "k").Want(queued), do("EXEC").Array("3"),
		do("WATCH", "k").OK(), do("SET", "k", "4").OK(), do("UNWATCH").OK(), do("MULTI").OK(), do("EXEC").Array(),
		do("WATCH", "k").OK(), do("SET", "k", "4").OK(), do("MULTI").OK(), do("DISCARD").OK(), do("MULTI").OK(), do("EXEC").Array(),
		do("WATCH", "k").OK(), do("SET", "other", "4").OK(), do("GET", "k").Bulk("4"), do("MULTI").OK(), do("EXEC").Array(),
		do("WATCH", "k").OK(), do("MULTI").OK(), do("UNWATCH").Want(queued), do("SET", "k", "5").Want(queued), do("EXEC").Array(ok, ok),
		do("WATCH", "none").OK(), do("DEL", "none").Int(0), do("MULTI").OK(), do("EXEC").Array(),
		do("WATCH", "k").OK(), do("SET", "k", "1").OK(), do("MULTI").OK(), do("NOSUCH").Err("ERR unknown"), do("EXEC").Err(execAbort),
		// RESET ends it
		do("MULTI").OK(), do("SET", "k", "9").Want(queued), do("SELECT", "3").Want(queued), do("EXEC").Array(ok, ok),
		do("EXISTS", "k").Int(0), do("SELECT", "0").OK(), do("GET", "k").Bulk("9"),
	)
}

// TestTransactionReset: RESET and QUIT run at once, and end the transaction.
func TestTransactionReset(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, other := s.Dial(), s.Dial()
		c.Must("WATCH", "k")
		c.Must("MULTI")
		c.Must("SET", "k", "v")
		if v := c.Do("RESET"); v.Str != "RESET" {
			t.Error(v)
		}
		if v := c.Do("EXEC"); v.Err() != "ERR EXEC without MULTI" {
			t.Error(v)
		}
		c.Must("MULTI")
		c.Must("SET", "k", "v")
		id := c.Must("CLIENT", "LIST")
		if id.Str != "QUEUED" {
			t.Error(id)
		}
		if list := other.Must("CLIENT", "LIST").Str; !strings.Contains(list, " multi=2 ") || !strings.Contains(list, "flags=x ") {
			t.Errorf("CLIENT LIST has no transaction:\n%s", list)
		}
		c.Must("QUIT")
		c.MustClose()
		if v := other.Do("EXISTS", "k"); v.Int != 0 {
			t.Error("QUIT ran the transaction")
		}
	})
}

// TestWatch: what breaks a transaction, from another connection, by every kind of change.
func TestWatch(t *testing.T) {
	tests := []struct {
		change string // by another client, between WATCH k and MULTI; commands separated by ;
		broken bool
	}{
		{"SET k v", true}, {"DEL k", true}, {"DEL k; SET k v", true}, {"DEL k; SET k old", true}, {"SET k v; SET k old", true}, {"APPEND k x; SETRANGE k 0 old", true},
		{"GET k", false}, {"SET other v", false},
		{"APPEND k x", true}, {"SETRANGE k 0 x", true}, {"INCR n", false}, {"GETDEL k", true}, {"GETSET k v", true},
		{"GETEX k", false}, {"GETEX k EX 9", true}, {"GETEX k PXAT 1", true}, {"MSET o 1 k 2", true}, {"MSETNX k 1", false},
		{"EXPIRE k 100", true}, {"EXPIRE k -1", true}, {"EXPIRE none 1", false}, {"PERSIST k", false}, {"RENAME k o", true},
		{"SET o 1; RENAME o k", true}, {"COPY k o", false}, {"SET o 1; COPY o k REPLACE", true}, {"MOVE k 1", true},
		{"SELECT 1; SET k v", false}, {"SELECT 1; SET k v; MOVE k 0", false}, {"FLUSHDB", true}, {"FLUSHALL", true},
		{"SELECT 1; FLUSHDB", false}, {"SWAPDB 0 1", true}, {"SWAPDB 1 2", false}, {"TOUCH k", false}, {"OBJECT ENCODING k", false},
		{"MULTI; SET k v; EXEC", true}, {"MULTI; SET k v; DISCARD", false}, {"UNLINK k", true}, {"HSET h f v", false},
	}
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		for _, test := range tests {
			other := s.Dial()
			other.Must("FLUSHALL")
			other.Must("SET", "k", "old")
			c.Must("WATCH", "k")
			for words := range strings.SplitSeq(test.change, "; ") {
				other.Must(strings.Split(words, " ")...)
			}
			c.Must("MULTI")
			c.Must("SET", "done", "1")
			if v := c.Do("EXEC"); v.Null() != test.broken {
				t.Errorf("%s: EXEC %s, broken must be %v", test.change, v, test.broken)
			}
		}
		// a key that is not there is watched, too
		for change, broken := range map[string]bool{"SET k v": true, "FLUSHALL": false, "SWAPDB 0 1": true, "SWAPDB 0 2": false} {
			c.Must("FLUSHALL")
			other := s.Dial()
			other.Must("SELECT", "1")
			other.Must("SET", "k", "v")
			other.Must("SELECT", "0")
			c.Must("WATCH", "k")
			other.Must(strings.Split(change, " ")...)
			c.Must("MULTI")
			if v := c.Do("EXEC"); v.Null() != broken {
				t.Errorf("without the key, %s: EXEC %s, broken must be %v", change, v, broken)
			}
		}
	})
}

// TestWatchExpiry: a key that expires between WATCH and EXEC has changed, whether or not anybody has noticed; one that
// had expired before WATCH has not.
func TestWatchExpiry(t *testing.T) {
	for _, active := range []string{"0", "1"} {
		l := servertest.NewLocal(t)
		l.Do("DEBUG", "SET-ACTIVE-EXPIRE", active)
		l.Do("SET", "k", "v", "PX", "10")
		l.Do("WATCH", "k")
		l.Advance(100 * time.Millisecond)
		l.Do("MULTI")
		if v := l.Do("EXEC"); !v.Null() {
			t.Errorf("active expiry %s: a watched key has expired, and EXEC ran: %s", active, v)
		}
		for _, change := range []string{"GET k", "DEL k", "FLUSHALL", "DEBUG SET-ACTIVE-EXPIRE 1"} {
			l.Do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
			l.Do("SET", "k", "v", "PX", "10")
			l.Advance(100 * time.Millisecond)
			l.Do("WATCH", "k")
			l.Do(strings.Split(change, " ")...)
			l.Advance(100 * time.Millisecond)
			l.Do("MULTI")
			if v := l.Do("EXEC"); v.Null() {
				t.Errorf("%s removed a key that had expired before it was watched, and broke the transaction", change)
			}
			l.Do("WATCH", "k")
			l.Do("SET", "k", "w")
			l.Do("MULTI")
			if v := l.Do("EXEC"); !v.Null() {
				t.Errorf("after %s a watched key was set, and EXEC ran", change)
			}
		}
	}
}

// TestWatchSwapStale: SWAPDB changes a watched key unless it was not there, or had expired, both before and after.
func TestWatchSwapStale(t *testing.T) {
	states := []string{"none", "stale", "live"}
	for _, before := range states {
		for _, after := range states {
			l := servertest.NewLocal(t)
			l.Do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
			for db, state := range []string{after, before} {
				l.Do("SELECT", strconv.Itoa(db))
				if state != "none" {
					l.Do("SET", "k", "v")
				}
				if state == "stale" {
					l.Do("PEXPIRE", "k", "10")
				}
			}
			l.Advance(100 * time.Millisecond)
			l.Do("WATCH", "k")
			l.Do("SWAPDB", "0", "1")
			l.Do("MULTI")
			if v, broken := l.Do("EXEC"), before == "live" || after == "live"; v.Null() != broken {
				t.Errorf("a key that is %s becomes %s: EXEC %s, broken must be %v", before, after, v, broken)
			}
		}
	}
}

func TestJournalOfTransactions(t *testing.T) {
	l := servertest.NewLocal(t)
	r := &recorder{}
	l.Engine.Journal = r
	run := func(want string, commands ...string) {
		t.Helper()
		r.records = nil
		for _, c := range commands {
			l.Do(strings.Split(c, " ")...)
		}
		if got := strings.Join(r.records, "; "); got != want {
			t.Errorf("%q: journal has %q, want %q", commands, got, want)
		}
	}
	run("MULTI; SET k v; INCR n; EXEC", "MULTI", "SET k v", "INCR n", "EXEC")
	run("", "MULTI", "GET k", "SET k w NX", "EXEC")
	run("", "MULTI", "SET k v", "DISCARD")
	run("MULTI; SET k v; EXEC", "MULTI", "SET k v", "INCR k", "EXEC")
	run(fmt.Sprintf("MULTI; SET k v PXAT %d; EXEC", l.NowMs()+5000), "MULTI", "SETEX k 5 v", "EXEC")
	run("1: MULTI; 1: SET k v; DEL k; EXEC", "MULTI", "SELECT 1", "SET k v", "SELECT 0", "DEL k", "EXEC")
	run("INCRBY n 0", "WATCH n", "INCRBY n 0", "DEL x") // the next EXEC is broken
	r.records = nil
	l.Do("MULTI")
	l.Do("SET", "k", "v")
	if v := l.Do("EXEC"); !v.Null() || len(r.records) > 0 {
		t.Errorf("EXEC %s journalled %q", v, r.records)
	}
}

// TestTransactionLimit: what is queued counts against client-query-buffer-limit.
func TestTransactionLimit(t *testing.T) {
	l := servertest.NewLocal(t, "--client-query-buffer-limit", "1mb")
	l.Do("MULTI")
	value := strings.Repeat("v", 10_000)
	for range 90 {
		if v := l.Do("SET", "k", value); v.Str != "QUEUED" {
			t.Fatal(v)
		}
	}
	var in []byte
	for range 20 {
		in = servertest.AppendCommand(in, "SET", "k", value)
	}
	l.Feed(in)
	if !l.Closed() {
		t.Error("a transaction larger than the limit was taken")
	}
}

// TestWatchManyClients: each change breaks the transactions of all who watch, and leaving clients are forgotten.
func TestWatchManyClients(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		var conns []*servertest.Conn
		for i := range 20 {
			c := s.Dial()
			c.Must("WATCH", "k", fmt.Sprint("k", i))
			c.Must("MULTI")
			c.Must("INCR", "n")
			conns = append(conns, c)
		}
		conns[0].Close()
		other := s.Dial()
		other.Must("SET", "k7", "v")
		ran := slices.IndexFunc(conns[1:], func(c *servertest.Conn) bool { return c.Do("EXEC").Null() })
		if ran != 6 {
			t.Errorf("client %d is the first whose transaction was broken, want 7", ran+1)
		}
		other.Must("SET", "k", "v")
		for i, c := range conns[8:] {
			if v := c.Do("EXEC"); !v.Null() {
				t.Errorf("client %d: EXEC %s after the key was set", i+8, v)
			}
		}
		if v := other.Do("GET", "n"); v.Str != "6" {
			t.Errorf("%s transactions ran, want 6", v)
		}
	})
}

// TestWatchManyKeys: a transaction that watches many keys is broken by any of them, watched twice or not, and by none that it has let go.
func TestWatchManyKeys(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0])
	c, other := s.Dial(), s.Dial()
	all := []string{"WATCH"}
	for i := range 100 {
		all = append(all, fmt.Sprint("k", i), fmt.Sprint("k", i/2))
	}
	for i, key := range []string{"k0", "k31", "k32", "k99", "none"} {
		c.Must(all...)
		other.Must("SET", key, "x")
		c.Must("MULTI")
		c.Must("PING")
		if got, want := c.Do("EXEC").Null(), key != "none"; got != want {
			t.Errorf("%d: %s changed, broken: %v", i, key, got)
		}
	}
	c.Must(all...)
	c.Must("UNWATCH")
	other.Must("SET", "k50", "y")
	c.Must("MULTI")
	if c.Do("EXEC").Null() {
		t.Error("broken by a key that is not watched any more")
	}
}
