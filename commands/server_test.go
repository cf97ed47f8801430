package commands_test

// Databases, memory, configuration, shutdown.

import (
	"errors"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/config"
)

func TestDatabases(t *testing.T) {
	do := servertest.Do
	badMode := do("FLUSHALL", "now").Err(syntax)
	servertest.Run(t,
		do("DBSIZE").Int(0), do("SET", "a", "1").OK(), do("SET", "b", "2", "EX", "1000").OK(), do("DBSIZE").Int(2),
		do("SWAPDB", "0", "1").OK(), do("DBSIZE").Int(0), do("SELECT", "1").OK(), do("GET", "b").Bulk("2"),
		do("TTL", "b").Between(990, 1000), do("SWAPDB", "1", "1").OK(), do("DBSIZE").Int(2),
		do("SWAPDB", "x", "1").Err("ERR invalid first DB index"), do("SWAPDB", "1", "x").Err("ERR invalid second DB index"),
		do("SWAPDB", "1", "16").Err("ERR DB index is out of range"), do("SWAPDB", "-1", "1").Err("ERR DB index is out of range"),
		do("SWAPDB", "99999999999", "1").Err("ERR invalid first DB index"),
		badMode, do("FLUSHDB", "ASYNC", "SYNC").Err(syntax), do("DBSIZE").Int(2),
		do("FLUSHDB", "async").OK(), do("DBSIZE").Int(0), do("SET", "c", "3").OK(), do("SELECT", "2").OK(),
		do("SET", "d", "4").OK(), do("FLUSHDB").OK(), do("SELECT", "1").OK(), do("DBSIZE").Int(1),
		do("HSET", "h", "f", "v").Int(1), do("FLUSHALL", "SYNC").OK(), do("DBSIZE").Int(0), do("FLUSHALL").OK(),
		do("SET", "last", "1").OK(),
	)
}

func TestServerReplies(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("TIME").Len(2), do("TIME", "x").Err("ERR wrong number of arguments for 'time' command"),
		do("LOLWUT").Match(`Redis ver\. 7\.2\.4`), do("LOLWUT", "VERSION", "5", "1").Match(`^(txt:)?/\\\n\nRedis ver`),
		do("LOLWUT", "VERSION", "5", "x").Err(notInt),
		do("MEMORY", "USAGE", "none").Null(), do("SET", "k", strings.Repeat("x", 1000)).OK(),
		do("MEMORY", "USAGE", "k").Between(1001, 1400), do("MEMORY", "USAGE", "k", "SAMPLES", "0").Between(1001, 1400),
		do("MEMORY", "USAGE", "k", "SAMPLES").Err(syntax), do("MEMORY", "USAGE", "k", "SAMPLES", "-1").Err(syntax),
		do("MEMORY", "USAGE", "k", "SAMPLES", "x").Err(notInt), do("MEMORY", "USAGE", "k", "SIZE", "1").Err(syntax),
		do("MEMORY", "HELP").Match(`^USAGE key \[SAMPLES count\]$`),
		do("SHUTDOWN", "x").Err(syntax), do("SHUTDOWN", "SAVE", "NOSAVE").Err(syntax),
		do("SHUTDOWN", "ABORT", "NOW").Err(syntax), do("SHUTDOWN", "ABORT").Err("ERR No shutdown in progress."),
	)
}

func TestShutdown(t *testing.T) {
	p := servertest.StartProcess(t)
	c := p.Dial()
	c.Send("SET", "k", "v")
	c.Send("SHUTDOWN", "NOSAVE")
	c.Send("GET", "k")
	c.Flush()
	if left := c.MustClose(); len(left) != 1 || left[0].Str != "OK" {
		t.Errorf("replies before the end: %v", left)
	}
	if code := p.WaitExit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestShutdownFails(t *testing.T) {
	l := servertest.NewLocal(t)
	forced := false
	l.Engine.Hooks.Shutdown = func(o engine.ShutdownOptions) error { forced = o.Force; return errors.New("disk full") }
	replies(t, l, 2, servertest.Err("ERR Errors trying to SHUTDOWN. Check logs."), "SHUTDOWN")
	if forced {
		t.Error("forced without FORCE")
	}
	replies(t, l, 2, servertest.Err("ERR Errors trying to SHUTDOWN. Check logs."), "SHUTDOWN", "FORCE", "NOW")
	if !forced || l.Closed() {
		t.Errorf("forced %t, closed %t", forced, l.Closed())
	}
}

func TestConfigCommand(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("CONFIG", "GET", "maxclients", "MAXCLIENTS", "no-such").Map("maxclients", "10000"),
		do("CONFIG", "GET", "hash-max-*-value").Map("hash-max-listpack-value", "64", "hash-max-ziplist-value", "64"),
		do("CONFIG", "GET", "no-such").Map(), do("CONFIG", "GET").Err("ERR wrong number of arguments for 'config|get' command"),
		do("CONFIG", "SET", "maxclients", "77", "hz", "20").OK(), do("CONFIG", "GET", "hz", "maxclients").Map("maxclients", "77", "hz", "20"),
		do("CONFIG", "SET", "hz", "30", "maxclients", "x").
			Err("ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer"),
		do("CONFIG", "GET", "hz").Map("hz", "20"),
		do("CONFIG", "SET", "hz", "10", "no-such", "x").Err("ERR Unknown option or number of arguments for CONFIG SET - 'no-such'"),
		do("CONFIG", "SET", "hz", "10", "maxclients").Err(syntax),
		do("CONFIG", "SET", "port", "1").Err("ERR CONFIG SET failed (possibly related to argument 'port') - "),
		do("CONFIG", "SET", "databases", "1").Err("ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"),
		do("CONFIG", "REWRITE").Err("ERR The server is running without a config file"),
		do("CONFIG", "NOSUCH").Err("ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."),
		do("CONFIG", "HELP").Match(`^REWRITE$`), do("CONFIG", "RESETSTAT").OK(),
	)
}

// TestConfigChangeFails has the outside refuse a change: it must be as if it had not been asked for.
func TestConfigChangeFails(t *testing.T) {
	l := servertest.NewLocal(t)
	var seen []string
	l.Engine.Hooks.ConfigChanged = func(d *config.Directive) error {
		seen = append(seen, d.Name+"="+d.Value(&l.Engine.Config.Values))
		if d.Name == "appendonly" && l.Engine.Config.AppendOnly {
			return errors.New("no disk")
		}
		return nil
	}
	replies(t, l, 2, servertest.Err("ERR CONFIG SET failed (possibly related to argument 'appendonly') - no disk"),
		"CONFIG", "SET", "hz", "33", "appendonly", "yes")
	replies(t, l, 2, servertest.Map("hz", "10", "appendonly", "no"), "CONFIG", "GET", "hz", "appendonly")
	if got := strings.Join(seen, " "); got != "hz=33 appendonly=yes hz=10 appendonly=no" {
		t.Errorf("hooks: %s", got)
	}
}

func TestConfigResetStat(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("GET", "none")
	l.Do("nosuch")
	l.Do("CONFIG", "RESETSTAT")
	_, fields := infoLines(t, l.Do("INFO", "all").Str)
	for field, want := range map[string]string{"keyspace_misses": "0", "total_error_replies": "0", "expired_keys": "0",
		"total_commands_processed": "1", "cmdstat_get": "", "errorstat_ERR": ""} {
		if got := fields[field]; got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
