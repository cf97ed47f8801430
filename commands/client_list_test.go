package commands_test

// CLIENT: what is listed, and who is killed.

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/resp"
)

func TestClient(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("CLIENT", "ID").Between(1, 2), do("CLIENT", "GETNAME").Null(), do("CLIENT", "SETNAME", "a:b").OK(),
		do("CLIENT", "GETNAME").Bulk("a:b"), do("CLIENT", "SETNAME", "a b").Err(badName),
		do("CLIENT", "SETNAME", "é").Err(badName), do("CLIENT", "GETNAME").Bulk("a:b"),
		do("CLIENT", "SETNAME", "").OK(), do("CLIENT", "GETNAME").Null(),
		do("CLIENT", "SETINFO", "lib-name", "go-redis").OK(), do("CLIENT", "SETINFO", "LIB-VER", "9.0").OK(),
		do("CLIENT", "SETINFO", "lib-ver", "9 0").Err("ERR lib-ver cannot contain spaces, newlines or special characters."),
		do("CLIENT", "SETINFO", "lib", "x").Err("ERR Unrecognized option 'lib'"),
		do("CLIENT", "INFO").Match(`^(txt:)?id=[12] addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name= age=\d+ idle=0 flags=N db=0 `+
			`sub=0 psub=0 ssub=0 multi=-1 .* events=r cmd=client\|info user=default redir=-1 resp=[23] `+
			`lib-name=go-redis lib-ver=9\.0\n$`),
		do("CLIENT", "GETREDIR").Int(-1),
		do("CLIENT", "NO-EVICT", "x").Err(syntax), do("CLIENT", "NO-TOUCH", "on").OK(), do("CLIENT", "NO-TOUCH", "off").OK(),
		do("CLIENT", "REPLY", "x").Err(syntax), do("CLIENT", "REPLY", "on").OK(),
		do("CLIENT", "LIST", "TYPE", "replica").Match(`^(txt:)?$`), do("CLIENT", "LIST", "x").Err(syntax),
		do("CLIENT", "LIST", "TYPE", "x").Err("ERR Unknown client type 'x'"),
		do("CLIENT", "LIST", "ID", "x").Err("ERR Invalid client ID"), do("CLIENT", "LIST", "ID").Err(syntax),
		do("CLIENT", "LIST", "ID", "7", "2", "1").Match(`(?m)id=[12] .*cmd=client\|list`),
		do("CLIENT", "KILL", "x").Err("ERR No such client"), do("CLIENT", "KILL", "ID", "0").Err("ERR client-id should be greater than 0"),
		do("CLIENT", "KILL", "TYPE", "x").Err("ERR Unknown client type 'x'"), do("CLIENT", "KILL", "USER", "x").Err("ERR No such user 'x'"),
		do("CLIENT", "KILL", "SKIPME", "x").Err(syntax), do("CLIENT", "KILL", "ID", "1", "ID").Err(syntax),
		do("CLIENT", "KILL", "ID", "9").Int(0), do("CLIENT", "KILL", "TYPE", "master", "SKIPME", "no").Int(0),
		do("CLIENT", "UNBLOCK", "999").Int(0), do("CLIENT", "UNBLOCK", "999", "error").Int(0), do("CLIENT", "UNBLOCK", "x").Err(notInt),
		do("CLIENT", "UNBLOCK", "x", "y").Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
		do("CLIENT", "UNBLOCK", "1", "error", "1").Err("ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP."),
		do("CLIENT", "NOSUCH").Err("ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."),
		do("CLIENT").Err("ERR wrong number of arguments for 'client' command"),
		do("CLIENT", "ID", "x").Err("ERR wrong number of arguments for 'client|id' command"),
		do("CLIENT", "HELP").Match(`^SETNAME connection-name$`),
	)
}

func TestClientReply(t *testing.T) {
	l := servertest.NewLocal(t)
	out := func(lines ...string) string { return string(l.Feed([]byte(strings.Join(lines, "\r\n") + "\r\n"))) }
	for i, x := range []struct{ got, want string }{
		{out("CLIENT REPLY SKIP", "PING 1", "PING 2"), "$1\r\n2\r\n"},
		{out("CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING"), "+OK\r\n+PONG\r\n"},
		{out("CLIENT REPLY SKIP"), ""}, {out("nosuch"), ""}, {out("PING"), "+PONG\r\n"},
		{out("CLIENT REPLY OFF", "PING", "SET k v"), ""}, {out("CLIENT REPLY SKIP", "PING"), ""},
		{out("CLIENT REPLY ON", "GET k"), "+OK\r\n$1\r\nv\r\n"}, {out("CLIENT REPLY OFF", "RESET"), "+RESET\r\n"},
		{out("PING"), "+PONG\r\n"},
	} {
		if x.got != x.want {
			t.Errorf("step %d: %q, want %q", i, x.got, x.want)
		}
	}
}

// TestClientStates puts a client into the states that other groups' commands bring about, and RESET takes it out.
func TestClientStates(t *testing.T) {
	l := servertest.NewLocal(t)
	states := func() {
		l.Engine.Clients(func(c *engine.Client) bool {
			c.Subscribe(engine.Channels, []byte("a"))
			c.Subscribe(engine.Channels, []byte("b"))
			c.Subscribe(engine.Patterns, []byte("p"))
			return true
		})
	}
	l.Do("HELLO", "3")
	states()
	line := servertest.Match(` flags=P db=0 sub=2 psub=1 ssub=0 multi=-1 `)
	replies(t, l, 3, line, "CLIENT", "INFO")
	replies(t, l, 3, line, "CLIENT", "LIST", "TYPE", "pubsub")
	replies(t, l, 3, servertest.Match(`^txt:$`), "CLIENT", "LIST", "TYPE", "normal")
	replies(t, l, 3, servertest.Simple("PONG"), "PING")
	if got := infoField(l, "pubsub_channels") + infoField(l, "pubsub_patterns"); got != "21" {
		t.Errorf("INFO's channels and patterns: %s", got)
	}
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, servertest.Match(` flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 `), "CLIENT", "INFO")

	states()
	replies(t, l, 2, servertest.Array("pong", ""), "PING")
	replies(t, l, 2, servertest.Array("pong", "x"), "PING", "x")
	replies(t, l, 2, servertest.Err("ERR Can't execute 'client|info'"), "CLIENT", "INFO")
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")

	l.Engine.Clients(func(c *engine.Client) bool { c.Multi(); return true })
	replies(t, l, 2, servertest.Simple("QUEUED"), "PING")
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, servertest.Simple("PONG"), "PING")
	l.Engine.Clients(func(c *engine.Client) bool { c.Multi(); return true })
	l.Do("SET", "k", "v")
	replies(t, l, 2, servertest.Simple("OK"), "QUIT")
	if !l.Closed() || l.Engine.Keyspace.DB(0).Len() != 0 {
		t.Error("QUIT inside MULTI did not end it")
	}
}

// TestFlushBreaksWatches: FLUSHALL, FLUSHDB and SWAPDB change watched keys that exist, and only those.
func TestFlushBreaksWatches(t *testing.T) {
	for line, broken := range map[string]bool{"FLUSHALL": true, "FLUSHDB": true, "SWAPDB 0 1": true, "SWAPDB 1 2": false,
		"SWAPDB 0 0": false, "DBSIZE": false} {
		for key, exists := range map[string]bool{"k": true, "none": false} {
			l := servertest.NewLocal(t)
			l.Do("SET", "k", "v")
			var c *engine.Client
			l.Engine.Clients(func(me *engine.Client) bool { c = me; return true })
			c.Watch([]byte(key))
			l.Do(strings.Fields(line)...)
			l.Feed([]byte("SELECT 0\r\n"))
			c.Multi()
			l.Do("PING")
			var out resp.Reply
			c.Reply = &out
			c.Exec()
			if got := string(out.B) == "*-1\r\n"; got != (broken && exists) {
				t.Errorf("%s with %s watched: EXEC replies %q", line, key, out.B)
			}
		}
	}
}

// idOf returns the client's number.
func idOf(c *servertest.Conn) string { return fmt.Sprint(c.Must("CLIENT", "ID").Int) }

// addrOf returns the client's own address.
func addrOf(c *servertest.Conn) string {
	return regexp.MustCompile(` addr=(\S+)`).FindStringSubmatch(c.Must("CLIENT", "INFO").Str)[1]
}

func TestClientKill(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		me := s.Dial()
		alive := func(c *servertest.Conn) bool {
			_, err := c.TryDo("PING")
			return err == nil
		}
		for _, words := range [][]string{{"ID", "id"}, {"ADDR", "addr"}, {"addr"}, {"USER", "default", "ID", "id", "TYPE", "normal"}} {
			victim, other := s.Dial(), s.Dial()
			id, addr := idOf(victim), addrOf(victim)
			other.Must("PING")
			args := []string{"CLIENT", "KILL"}
			for _, w := range words {
				args = append(args, strings.NewReplacer("id", id, "addr", addr).Replace(w))
			}
			v := me.Must(args...)
			if v.Str != "OK" && v.Int != 1 {
				t.Errorf("%v: %s", args, v)
			}
			if alive(victim) || !alive(other) || !alive(me) {
				t.Errorf("%v killed somebody else", args)
			}
		}
		others := 0
		for range 5 {
			s.Dial().Must("PING")
			others++
		}
		n := me.Must("CLIENT", "KILL", "LADDR", s.Addr).Int
		if n < int64(others) || !alive(me) {
			t.Errorf("killed %d of at least %d others", n, others)
		}
		me.Send("CLIENT", "KILL", "ID", idOf(me), "SKIPME", "no")
		me.Send("PING")
		me.Flush()
		if replies := me.MustClose(); len(replies) != 1 || replies[0].Int != 1 {
			t.Errorf("own end: %v", replies)
		}
	})
}

func TestClientListUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := servertest.Dial(t, path)
		if line := c.Must("CLIENT", "INFO").Str; !strings.Contains(line, " addr="+path+":0 laddr="+path+":0 ") ||
			!strings.Contains(line, " flags=U ") {
			t.Error(line)
		}
	}, "--unixsocket", path)
}

// TestLastCommand: cmd of CLIENT LIST is what a client has last asked for, though it was queued or refused.
func TestLastCommand(t *testing.T) {
	ours, redis := servertest.Start(t, servertest.Reactors[0]), servertest.StartRedis(t)
	shown := func(dial func() *servertest.Conn) (out []string) {
		c, other := dial(), dial()
		id := c.Must("CLIENT", "ID").String()
		for _, words := range []string{"MULTI", "SET k 1", "CLIENT GETNAME", "GET", "NOSUCH", "CONFIG GET", "CONFIG NOSUCH", "CONFIG", "EXEC",
			"MULTI", "SET k 1", "EXEC", "SET k 1", "LPUSH k 1", "SET k", "NOSUCH", "RESET", "SUBSCRIBE a", "GET k", "UNSUBSCRIBE",
			"MULTI", "SAVE", "DISCARD"} {
			c.Do(strings.Fields(words)...)
			line := other.Must("CLIENT", "LIST", "ID", id).Str
			out = append(out, words+": "+regexp.MustCompile(` cmd=\S+`).FindString(line))
		}
		return out
	}
	got, want := shown(ours.Dial), shown(redis.Dial)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s, redis-server has %s", got[i], want[i])
		}
	}
}
