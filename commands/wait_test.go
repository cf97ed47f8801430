package commands_test

import (
	"testing"
	"time"

	"redix/commands/servertest"
)

// WAIT and WAITAOF of a server without replicas.

func TestWait(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("WAIT", "0", "0").Int(0), do("WAIT", "-1", "0").Int(0), do("WAIT", "1", "20").Int(0), do("PING").Simple("PONG"),
		do("WAIT", "x", "y").Err(notInt), do("WAIT", "1", "x").Err("ERR timeout is not an integer or out of range"),
		do("WAIT", "1", "-1").Err("ERR timeout is negative"), do("WAIT", "1", most).Err("ERR timeout is out of range"),
		do("MULTI").OK(), do("WAIT", "1", "0").Simple("QUEUED"), do("EXEC").Array(0), do("WAIT", "1").Err("ERR wrong number"),
		do("WAITAOF", "0", "1", "20").Len(2), do("WAITAOF", "2", "0", "0").Err("ERR value is out of range, value must between 0 and 1"),
		do("WAITAOF", "x", "0", "0").Err(notInt), do("WAITAOF", "0", "-1", "0").Err("ERR value is out of range, must be positive"),
		do("WAITAOF", "0", "0", "-1").Err("ERR timeout is negative"), do("WAITAOF", "0", "0").Err("ERR wrong number"),
	)
	l := servertest.NewLocal(t)
	if v := l.Do("WAITAOF", "1", "0", "0"); v.Str != "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled." {
		t.Errorf("without a journal: %s", v)
	}
}

// TestWaitAOF: everything is on the disk within a second under everysec, at once under always.
func TestWaitAOF(t *testing.T) {
	for _, policy := range []string{"everysec", "always"} {
		s := servertest.Start(t, servertest.Reactors[0], "--appendonly", "yes", "--appendfsync", policy, "--dir", t.TempDir())
		s.WaitLoaded()
		c := s.Dial()
		c.Must("SET", "k", "v")
		if v := c.Must("WAITAOF", "1", "0", "0"); len(v.Elems) != 2 || v.Elems[0].Int != 1 || v.Elems[1].Int != 0 {
			t.Errorf("%s: %s", policy, v)
		}
	}
	s := servertest.Start(t, servertest.Reactors[0], "--appendonly", "yes", "--appendfsync", "no", "--dir", t.TempDir())
	s.WaitLoaded()
	c := s.Dial()
	c.Must("SET", "k", "v")
	start := time.Now()
	if v := c.Must("WAITAOF", "1", "0", "50"); v.Elems[0].Int != 0 || time.Since(start) < 50*time.Millisecond {
		t.Errorf("without syncs: %s after %v", v, time.Since(start))
	}
}
