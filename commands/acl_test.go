package commands_test

// ACL: users and rules as they are shown, and every road to a handler without the right to take it.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine"
)

const (
	noKey      = "NOPERM No permissions to access a key"
	noChannel  = "NOPERM No permissions to access a channel"
	sha1234    = "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4" // of 1234
	badHash    = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	aclSyntax  = "ERR Error in ACL SETUSER modifier '%s': Syntax error"
	aclUnknown = "ERR Error in ACL SETUSER modifier '%s': Unknown command or category name in ACL"
)

func noCommand(user, command string) string {
	return "NOPERM User " + user + " has no permissions to run the '" + command + "' command"
}

func TestACL(t *testing.T) {
	do := servertest.Do
	set := func(rules ...string) *servertest.Step { return do(append([]string{"ACL", "SETUSER"}, rules...)...) }
	shown := func(commands, keys, channels string, selectors ...any) servertest.Want {
		return servertest.Map("flags", servertest.Sorted("on", "sanitize-payload"), "passwords", []any{}, "commands", commands,
			"keys", keys, "channels", channels, "selectors", servertest.Array(selectors...))
	}
	get := func(want servertest.Want) *servertest.Step { return do("ACL", "GETUSER", "u").Want(want) }
	servertest.Run(t,
		do("ACL", "WHOAMI").Bulk("default"), do("ACL", "USERS").Array("default"), do("ACL", "LIST").Array("user default on nopass sanitize-payload ~* &* +@all"),
		do("ACL", "GETUSER", "none").Null(), do("ACL", "CAT").Len(21), do("ACL", "CAT", "transaction").Sorted("discard", "exec", "multi", "unwatch", "watch"),
		do("ACL", "CAT", "nosuch").Err("ERR Unknown category 'nosuch'"), do("ACL", "CAT", "a", "b").Err("ERR unknown subcommand or wrong number"),
		do("ACL", "NOSUCH").Err("ERR unknown subcommand 'NOSUCH'. Try ACL HELP."), do("ACL", "HELP").Match("SETUSER"),
		// a user's life
		set("u").OK(), do("ACL", "LIST").Array(servertest.Match("default"), "user u off sanitize-payload resetchannels -@all"),
		set("u", "on", ">1234", "#"+sha1234, "nopass", ">1234").OK(),
		do("ACL", "GETUSER", "u").Match("^"+sha1234+"$"), do("AUTH", "u", "1234").OK(), do("ACL", "WHOAMI").Err(noCommand("u", "acl|whoami")),
		do("AUTH", "default", "").OK(), set("u", "<1234").OK(), do("AUTH", "u", "1234").Err(wrongPass),
		set("u", "<1234").Err("ERR Error in ACL SETUSER modifier '<1234': The password you are trying to remove from the user does not exist"),
		set("u", "!"+sha1234[1:]).Err("ERR Error in ACL SETUSER modifier '!"+sha1234[1:]+"': "+badHash),
		set("u", "#"+strings.ToUpper(sha1234)).Err("ERR Error in ACL SETUSER modifier '#"+strings.ToUpper(sha1234)+"': "+badHash),
		set("u", "nopass", "off").OK(), do("AUTH", "u", "x").Err(wrongPass), set("u", "on").OK(), do("AUTH", "u", "x").OK(), do("AUTH", "default", "x").OK(),
		set("a b").Err("ERR Usernames can't contain spaces or null characters"), set("a\x00b").Err("ERR Usernames can't contain spaces or null characters"),
		// rules for commands: their order, and what they make idle
		set("u", "reset", "on", "+get").OK(), get(shown("-@all +get", "", "")),
		set("u", "+@read", "-get", "+@string").OK(), get(shown("-@all +@read -get +@string", "", "")),
		set("u", "+GET").OK(), get(shown("-@all +@read +@string +get", "", "")),
		set("u", "+config|get", "+config|set", "-config").OK(), get(shown("-@all +@read +@string +get -config", "", "")),
		set("u", "+CONFIG|Get").OK(), get(shown("-@all +@read +@string +get -config +config|get", "", "")),
		set("u", "+@all", "-@dangerous", "+keys").OK(), get(shown("+@all -@dangerous +keys", "", "")),
		set("u", "nocommands", "+select|0", "+select|1", "+SELECT|0").OK(), get(shown("-@all +select|1 +select|0", "", "")),
		set("u", "+select").OK(), get(shown("-@all +select", "", "")),
		set("u", "+nosuch").Err(fmt.Sprintf(aclUnknown, "+nosuch")), set("u", "+config|nosuch").Err(fmt.Sprintf(aclUnknown, "+config|nosuch")),
		set("u", "-@nosuch").Err(fmt.Sprintf(aclUnknown, "-@nosuch")), set("u", "-select|0").Err(fmt.Sprintf(aclUnknown, "-select|0")),
		set("u", "+select|").Err(fmt.Sprintf(aclSyntax, "+select|")), set("u", "nosuch").Err(fmt.Sprintf(aclSyntax, "nosuch")),
		set("u", "+config|get|x").Err("ERR Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not supported"),
		// all or nothing
		set("u", "~k", "nosuch").Err(fmt.Sprintf(aclSyntax, "nosuch")), get(shown("-@all +select", "", "")),
		// keys and channels
		set("u", "~a*", "%R~b", "%w~b", "%W~c", "%R~d", "&n*", "&n*").OK(), get(shown("-@all +select", "~a* ~b %W~c %R~d", "&n*")),
		set("u", "allkeys", "allchannels").OK(), get(shown("-@all +select", "~*", "&*")),
		set("u", "~x").Err("ERR Error in ACL SETUSER modifier '~x': Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid"),
		set("u", "&x").Err("ERR Error in ACL SETUSER modifier '&x': Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid"),
		set("u", "resetkeys", "~x y").Err(fmt.Sprintf(aclSyntax, "~x y")), set("u", "resetkeys", "%RX~x").Err(fmt.Sprintf(aclSyntax, "%RX~x")),
		// selectors
		set("u", "reset", "on", "(+get ~a)", "(+set", "%W~b", "&c)").OK(), get(shown("-@all", "", "",
			servertest.Map("commands", "-@all +get", "keys", "~a", "channels", ""),
			servertest.Map("commands", "-@all +set", "keys", "%W~b", "channels", "&c"))),
		do("ACL", "LIST").Match(`^user u on sanitize-payload resetchannels -@all \(~a resetchannels -@all \+get\) \(%W~b resetchannels &c -@all \+set\)$`),
		set("u", "(+get", "~a").Err("ERR Unmatched parenthesis in acl selector starting at '(+get'."),
		set("u", "(on)").Err(fmt.Sprintf(aclSyntax, "(on)")), set("u", "clearselectors").OK(), get(shown("-@all", "", "")),
		// what it would do
		set("u", "+get", "~a", "(+mset ~b ~c)").OK(), do("ACL", "DRYRUN", "u", "get", "a").OK(),
		do("ACL", "DRYRUN", "u", "get", "b").Bulk("User u has no permissions to access the 'b' key"),
		do("ACL", "DRYRUN", "u", "mset", "b", "1", "c", "2").OK(),
		do("ACL", "DRYRUN", "u", "mset", "b", "1", "a", "2").Bulk("User u has no permissions to access the 'a' key"),
		do("ACL", "DRYRUN", "u", "config", "get", "x").Bulk("User u has no permissions to run the 'config|get' command"),
		do("ACL", "DRYRUN", "u", "nosuch").Err("ERR Command 'nosuch' not found"), do("ACL", "DRYRUN", "v", "get", "a").Err("ERR User 'v' not found"),
		do("ACL", "DRYRUN", "u", "get").Err("ERR wrong number of arguments for 'get' command"),
		set("u", "+publish", "&n*", "+psubscribe").OK(), do("ACL", "DRYRUN", "u", "publish", "nx", "m").OK(),
		do("ACL", "DRYRUN", "u", "publish", "x", "m").Bulk("User u has no permissions to access the 'x' channel"),
		do("ACL", "DRYRUN", "u", "psubscribe", "n*").OK(), do("ACL", "DRYRUN", "u", "psubscribe", "nx").Bulk("User u has no permissions to access the 'nx' channel"),
		// what RW means
		set("u", "reset", "on", "+@all", "%R~r", "%W~w").OK(),
		do("ACL", "DRYRUN", "u", "copy", "r", "w").OK(), do("ACL", "DRYRUN", "u", "copy", "w", "r").Match("'w' key"),
		do("ACL", "DRYRUN", "u", "set", "w", "1").OK(), do("ACL", "DRYRUN", "u", "set", "w", "1", "get").Match("'w' key"), do("ACL", "DRYRUN", "u", "strlen", "w").OK(),
		do("ACL", "DRYRUN", "u", "bitfield", "r", "get", "u1", "0").OK(), do("ACL", "DRYRUN", "u", "bitfield", "r", "set", "u1", "0", "1").Match("'r' key"),
		do("ACL", "DRYRUN", "u", "sort", "r", "store", "w").OK(), do("ACL", "DRYRUN", "u", "sort", "r", "store", "r").Match("'r' key"),
		do("ACL", "DRYRUN", "u", "getdel", "w").Match("'w' key"), do("ACL", "DRYRUN", "u", "xreadgroup", "group", "g", "c", "streams", "r", ">").Match("'r' key|OK"),
		// passwords out of nothing, the end of a user
		do("ACL", "GENPASS").Match("^[0-9a-f]{64}$"), do("ACL", "GENPASS", "5").Match("^[0-9a-f]{2}$"), do("ACL", "GENPASS", "4096").Len(1024),
		do("ACL", "GENPASS", "0").Err("ERR ACL GENPASS argument must be the number of bits"), do("ACL", "GENPASS", "4097").Err("ERR ACL GENPASS argument must"),
		do("ACL", "GENPASS", "x").Err(notInt), do("ACL", "DELUSER", "u", "default").Err("ERR The 'default' user cannot be removed"),
		do("ACL", "DELUSER", "u", "v").Int(1), do("ACL", "USERS").Array("default"),
		do("ACL", "LOAD").Err("ERR This Redis instance is not configured to use an ACL file."), do("ACL", "SAVE").Err("ERR This Redis instance is not"),
		do("ACL", "LOG", "x").Err(notInt), do("ACL", "LOG", "-1").Array(), do("ACL", "LOG", "RESET").OK(),
		do("CONFIG", "GET", "user").Map(), do("CONFIG", "SET", "rename-command", "x").Err("ERR Unknown option or number of arguments for CONFIG SET - 'rename-command'"),
	)
}

// as opens a connection of a user without a password.
func as(t *testing.T, s *servertest.Server, user string) *servertest.Conn {
	t.Helper()
	c := s.Dial()
	if v := c.Do("AUTH", user, "x"); v.Str != "OK" {
		t.Fatalf("AUTH %s: %s", user, v)
	}
	return c
}

// refuses expects an error and no other.
func refuses(t *testing.T, c *servertest.Conn, want string, words ...string) {
	t.Helper()
	if v := c.Do(words...); v.Err() != want {
		t.Errorf("%s: %s, want %s", servertest.Words(words), v, want)
	}
}

// TestACLEveryCommand tries every command and subcommand as a user who may run none, as one who may touch no key and no
// channel, and before login. Nothing may get to a handler: no reply but the refusal, nothing counted, nothing changed.
func TestACLEveryCommand(t *testing.T) {
	s := servertest.Start(t, servertest.Reactors[0], "--enable-module-command", "yes")
	admin := s.Dial()
	admin.Must("ACL", "SETUSER", "none", "on", "nopass", "~*", "&*", "-@all", "+multi", "+discard")
	admin.Must("ACL", "SETUSER", "blind", "on", "nopass", "+@all")
	admin.Must("SET", "x", "1")
	none, blind := as(t, s, "none"), as(t, s, "blind")
	tried, keyed := 0, 0
	each := func(visit func(r *engine.Row, words []string)) {
		try := func(r *engine.Row) {
			words := strings.Split(r.FullName, "|")
			for len(words) < max(r.Arity, -r.Arity) {
				words = append(words, "1") // a number, and the name of a key
			}
			visit(r, words)
		}
		for _, r := range commands.NewTable().Rows {
			if r.Subs == nil || r.Handler != nil {
				try(r)
			}
			for i := range r.Subs {
				try(&r.Subs[i])
			}
		}
	}
	admin.Must("CONFIG", "RESETSTAT")
	each(func(r *engine.Row, words []string) {
		if r.Flags&engine.NoAuth != 0 || r.Name == "multi" || r.Name == "discard" {
			return
		}
		tried++
		if r.Flags&engine.EndsMulti != 0 {
			refuses(t, none, "EXECABORT Transaction discarded because of: "+noCommand("none", r.FullName), words...)
			return
		}
		refuses(t, none, noCommand("none", r.FullName), words...)
		none.Must("MULTI")
		refuses(t, none, noCommand("none", r.FullName), words...)
		none.Must("DISCARD")
	})
	each(func(r *engine.Row, words []string) {
		named, args := false, engine.Args{}
		for _, w := range words {
			args = append(args, []byte(w))
		}
		for i := range r.Keys {
			r.Keys[i].Each(args, func(int) { named = named || !strings.Contains(r.Keys[i].Flags, "not_key") })
		}
		switch {
		case named:
			keyed++
			refuses(t, blind, noKey, words...)
		case r.Channels.First > 0:
			keyed++
			refuses(t, blind, noChannel, words...)
		}
	})
	s.OnLoop(func(e *engine.Server) {
		for _, cmd := range e.Table.Catalog.Commands {
			row := e.Table.Lookup([]byte(cmd.Name))
			if cmd.Parent != nil {
				container, sub, _ := strings.Cut(cmd.Name, "|")
				row = e.Table.LookupSub(e.Table.Lookup([]byte(container)), []byte(sub))
			}
			if row.Stats.Calls > 0 && cmd.Name != "config|resetstat" && cmd.Name != "multi" && cmd.Name != "discard" {
				t.Errorf("%s ran", cmd.Name)
			}
		}
	})
	admin.Must("CONFIG", "SET", "requirepass", "secret")
	stranger := s.Dial()
	each(func(r *engine.Row, words []string) {
		if r.Flags&(engine.NoAuth|engine.EndsMulti) == 0 {
			refuses(t, stranger, noAuth, words...)
		}
	})
	if v := admin.Do("GET", "x"); v.Str != "1" || admin.Must("DBSIZE").Int != 1 {
		t.Errorf("the data has changed: x is %s", v)
	}
	t.Logf("%d commands tried, %d of them name keys or channels", tried, keyed)
	if tried < 250 || keyed < 150 {
		t.Error("too few")
	}
}

func TestACLPaths(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		admin := s.Dial()
		admin.Must("ACL", "SETUSER", "u", "on", "nopass", "+@all", "-config", "-acl", "+acl|whoami", "~u:*", "%R~r:*", "&u:*", "resetchannels", "&u:*", "&p*")
		admin.Must("RPUSH", "r:list", "1", "2")
		admin.Must("SET", "w1", "x")
		u := as(t, s, "u")
		if v := u.Do("ACL", "WHOAMI"); v.Str != "u" {
			t.Error(v)
		}
		refuses(t, u, noKey, "GET", "x")
		refuses(t, u, noKey, "LPUSH", "r:list", "1")
		refuses(t, u, noKey, "MGET", "u:1", "r:1", "x")
		refuses(t, u, noKey, "ZUNIONSTORE", "u:1", "2", "r:1", "x")
		refuses(t, u, noKey, "XREAD", "STREAMS", "u:1", "x", "0", "0")
		refuses(t, u, noKey, "OBJECT", "ENCODING", "x")
		refuses(t, u, noKey, "SORT", "r:list", "STORE", "x")
		refuses(t, u, noKey, "GEORADIUS", "u:g", "1", "1", "1", "m", "STORE", "x")
		refuses(t, u, noKey, "GEORADIUS", "u:g", "1", "1", "1", "m", "STORE", "u:1", "STORE", "x")
		refuses(t, u, noKey, "GEORADIUS", "u:g", "1", "1", "1", "m", "STOREDIST", "store", "STORE", "x")
		refuses(t, u, noKey, "GEORADIUSBYMEMBER", "u:g", "member", "1", "m", "STOREDIST", "u:1", "STOREDIST", "x")
		refuses(t, u, "ERR BY option of SORT denied due to insufficient ACL permissions.", "SORT", "r:list", "BY", "w*")
		refuses(t, u, "ERR GET option of SORT denied due to insufficient ACL permissions.", "SORT_RO", "r:list", "GET", "w*")
		refuses(t, u, noCommand("u", "config|get"), "CONFIG", "GET", "x")
		u.Must("SORT", "r:list", "BY", "nosort")
		// transactions: refused when queued, and again when run
		u.Must("MULTI")
		refuses(t, u, noKey, "SET", "x", "1")
		refuses(t, u, "EXECABORT Transaction discarded because of previous errors.", "EXEC")
		u.Must("MULTI")
		u.Must("SET", "u:1", "1")
		u.Must("GET", "r:2")
		u.Must("PUBLISH", "u:c", "m")
		admin.Must("ACL", "SETUSER", "u", "-set", "resetkeys", "~u:*", "resetchannels")
		const changed = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
			"This command is no longer allowed for the following reason: "
		got := u.Must("EXEC")
		for i, why := range []string{"no permission to execute the command or subcommand", "no permission to touch the specified keys",
			"no permission to access one of the channels used as arguments to the command"} {
			if len(got.Elems) != 3 || got.Elems[i].Err() != changed+why {
				t.Fatalf("EXEC: %s", got)
			}
		}
		admin.Must("ACL", "SETUSER", "u", "-exec")
		u.Must("MULTI")
		refuses(t, u, "EXECABORT Transaction discarded because of: "+noCommand("u", "exec"), "EXEC")
		// who waits is asked again when he is served
		admin.Must("ACL", "SETUSER", "u", "+exec", "~q*")
		u.Send("BLPOP", "q", "0")
		u.Flush()
		eventually(t, "it waits", func() bool { return admin.Info("clients")["blocked_clients"] == "1" })
		admin.Must("ACL", "SETUSER", "u", "resetkeys", "~u:*")
		admin.Must("RPUSH", "q", "1")
		if v := u.Receive(); v.Err() != noKey {
			t.Errorf("BLPOP: %s", v)
		}
		if v := admin.Must("LLEN", "q"); v.Int != 1 {
			t.Errorf("LLEN: %s", v)
		}
		if v := admin.Info("clients")["blocked_clients"]; v != "0" {
			t.Errorf("blocked_clients:%s", v)
		}
		const never = "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0"
		if v := admin.Info("commandstats")["cmdstat_blpop"]; v != never {
			t.Errorf("cmdstat_blpop:%s", v)
		}
		// HELLO, RESET
		c := s.Dial()
		refuses(t, c, wrongPass, "HELLO", "3", "AUTH", "nobody", "x")
		c.Must("HELLO", "3", "AUTH", "u", "x")
		refuses(t, c, noCommand("u", "config|get"), "CONFIG", "GET", "x")
		c.Must("RESET")
		if v := c.Must("ACL", "WHOAMI"); v.Str != "default" {
			t.Error(v)
		}
	})
}

// Subscribers who lose the right to a channel, and connections of users who are deleted, are closed; others stay.
func TestACLKills(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		admin := s.Dial()
		admin.Must("ACL", "SETUSER", "u", "on", "nopass", "+@all", "~*", "&a", "&b*", "&p?")
		by := map[string]*servertest.Conn{}
		for _, words := range []string{"SUBSCRIBE a", "SUBSCRIBE bx", "PSUBSCRIBE b*", "PSUBSCRIBE p?", "SSUBSCRIBE a", "PING"} {
			by[words] = as(t, s, "u")
			by[words].Must(strings.Fields(words)...)
		}
		refuses(t, as(t, s, "u"), noChannel, "PSUBSCRIBE", "bx") // a pattern must be one of the user's own
		refuses(t, as(t, s, "u"), noChannel, "SUBSCRIBE", "a", "c")
		refuses(t, as(t, s, "u"), noChannel, "SSUBSCRIBE", "c")
		refuses(t, as(t, s, "u"), noChannel, "SPUBLISH", "c", "m")
		as(t, s, "u").Must("UNSUBSCRIBE", "c")
		admin.Must("ACL", "SETUSER", "u", "&more")
		for what, c := range by {
			c.Must("PING")
			_ = what
		}
		admin.Must("ACL", "SETUSER", "u", "resetchannels", "&b*", "&p?")
		for _, gone := range []string{"SUBSCRIBE a", "SSUBSCRIBE a"} {
			by[gone].MustClose()
			delete(by, gone)
		}
		for _, c := range by {
			c.Must("PING")
		}
		admin.Must("ACL", "SETUSER", "u", "resetchannels", "&bx")
		for _, gone := range []string{"PSUBSCRIBE b*", "PSUBSCRIBE p?"} {
			by[gone].MustClose()
			delete(by, gone)
		}
		waits := as(t, s, "u")
		waits.Send("BLPOP", "k", "0")
		waits.Flush()
		self := as(t, s, "u")
		if v := self.Do("ACL", "DELUSER", "u"); v.Int != 1 { // its own: closed behind the reply
			t.Errorf("DELUSER: %s", v)
		}
		self.MustClose()
		waits.MustClose()
		for _, c := range by {
			c.MustClose()
		}
		if v := admin.Must("CLIENT", "LIST").Str; strings.Contains(v, "user=u") {
			t.Errorf("left: %s", v)
		}
	})
}

func TestACLLog(t *testing.T) {
	l := servertest.NewLocal(t, "--acllog-max-len", "3")
	l.Do("ACL", "SETUSER", "u", "on", "nopass", "+@all", "~a", "&c")
	log := func() []map[string]servertest.Value {
		var out []map[string]servertest.Value
		for _, e := range l.Do("ACL", "LOG").Elems {
			m := map[string]servertest.Value{}
			for i := 0; i < len(e.Elems); i += 2 {
				m[e.Elems[i].Str] = e.Elems[i+1]
			}
			out = append(out, m)
		}
		return out
	}
	show := func() string {
		l.Do("AUTH", "default", "")
		out := ""
		for _, m := range log() {
			out += fmt.Sprintf("%d %s %s %s %s %s #%d\n", m["count"].Int, m["reason"].Str, m["context"].Str, m["object"].Str,
				m["username"].Str, m["age-seconds"].Str, m["entry-id"].Int)
		}
		return out
	}
	expect := func(want string) {
		t.Helper()
		if got := show(); got != want {
			t.Errorf("ACL LOG:\n%swant\n%s", got, want)
		}
	}
	l.Do("AUTH", "u", "x")
	l.Do("GET", "b")
	l.Do("MULTI")
	l.Do("GET", "b")
	l.Do("DISCARD")
	l.Advance(1500 * time.Millisecond)
	l.Do("GET", "b")
	expect("2 key toplevel b u 0 #0\n1 key multi b u 1.5 #1\n")
	if info := log()[0]["client-info"].Str; !strings.Contains(info, " cmd=get user=u ") {
		t.Errorf("client-info: %s", info)
	}
	if m := log()[0]; m["timestamp-last-updated"].Int-m["timestamp-created"].Int != 1500 {
		t.Errorf("times: %v", m)
	}
	l.Advance(61 * time.Second) // too long for one entry
	l.Do("AUTH", "u", "x")
	l.Do("GET", "b")
	l.Do("PUBLISH", "d", "m")
	l.Do("aUTH", "u2", "x")
	expect("1 auth toplevel aUTH u2 0 #4\n1 channel toplevel d u 0 #3\n1 key toplevel b u 0 #2\n")
	l.Do("ACL", "SETUSER", "u", "-get")
	l.Do("AUTH", "u", "x")
	l.Do("GET", "b")
	expect("1 command toplevel get u 0 #5\n1 auth toplevel aUTH u2 0 #4\n1 channel toplevel d u 0 #3\n")
	if n := len(l.Do("ACL", "LOG", "2").Elems); n != 2 {
		t.Errorf("ACL LOG 2: %d", n)
	}
	stats := l.Do("INFO", "stats").Str
	for _, want := range []string{"acl_access_denied_auth:1", "acl_access_denied_cmd:1", "acl_access_denied_key:4", "acl_access_denied_channel:1"} {
		if !strings.Contains(stats, want+"\r\n") {
			t.Errorf("INFO lacks %s", want)
		}
	}
	l.Do("ACL", "LOG", "reset")
	expect("")
	l.Do("CONFIG", "SET", "acllog-max-len", "0")
	l.Do("AUTH", "u2", "x")
	expect("")
}

// Checks of a user with rules allocate nothing; those of one without cost less than that.
func TestACLAllocates(t *testing.T) {
	l := servertest.NewLocal(t)
	l.Do("ACL", "SETUSER", "u", "on", "nopass", "+@all", "-@dangerous", "~k*", "%R~r*", "(~x +get)", "&c")
	l.Do("SET", "k", "v")
	l.Do("AUTH", "u", "x")
	for _, words := range []string{"GET k", "GET x", "MGET k1 k2 r3", "SET k v", "SET k v GET", "EXISTS k r", "ZCARD k2"} {
		l.MustNotAllocate(strings.Fields(words))
	}
}

// TestACLFiles: users come from the configuration or from a file, are written back there, and survive a restart.
func TestACLFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "users.acl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\nuser default on nopass ~* &* +@all\nuser u on nopass ~a +@all (+get ~b)\r\nuser gone on nopass +@all\n")
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		admin := s.Dial()
		u, gone, c := as(t, s, "u"), as(t, s, "gone"), s.Dial()
		refuses(t, u, noKey, "GET", "c")
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		admin.Must("ACL", "SETUSER", "v", "on", ">pw", "+@read", "-get", "%R~x*", "&c")
		list := admin.Must("ACL", "LIST")
		admin.Must("ACL", "SAVE")
		if saved, err := os.ReadFile(file); err != nil || string(saved) != strings.Join(list.Strings(), "\n")+"\n" {
			t.Errorf("saved %q (%v)", saved, err)
		}
		admin.Must("ACL", "DELUSER", "v")
		admin.Must("ACL", "LOAD")
		if again := admin.Must("ACL", "LIST"); !again.Equal(list) {
			t.Errorf("loaded %s, want %s", again, list)
		}
		// a file with mistakes changes nothing and tells all of them
		write("user u on nosuch +nosuch +@nosuch\nuser u on\nnouser x\nuser v (+get\nuser w >x <y\n")
		v := admin.Do("ACL", "LOAD").Err()
		for _, want := range []string{":1: Syntax error. ", ":1: Error in applying operation '+nosuch': Unknown command or category name in ACL. ",
			"'+@nosuch'", "WARNING: Duplicate user 'u' found on line 2. ", ":3 should start with user keyword followed by the username. ",
			":4: Unmatched parenthesis in selector definition.", ":5: The password you are trying to remove from the user does not exist. ",
			"WARNING: ACL errors detected, no change to the previously active ACL rules was performed"} {
			if !strings.Contains(v, want) {
				t.Errorf("LOAD: %s\nlacks %s", v, want)
			}
		}
		if again := admin.Must("ACL", "LIST"); !again.Equal(list) {
			t.Errorf("after mistakes %s, want %s", again, list)
		}
		// connections of users who stay go on, with what these may do now
		write("user u on nopass ~c +@all\n")
		u.Must("MULTI")
		admin.Must("ACL", "LOAD")
		u.Must("DISCARD")
		u.Must("GET", "c")
		refuses(t, u, noKey, "GET", "a")
		gone.MustClose()
		c.Must("PING")
		if got := admin.Must("ACL", "USERS").Strings(); fmt.Sprint(got) != "[default u]" {
			t.Errorf("users %v", got)
		}
		// the disk is waited for even inside a transaction
		admin.Must("MULTI")
		admin.Must("ACL", "SAVE")
		admin.Must("ACL", "LOAD")
		if v := admin.Must("EXEC"); v.Elems[0].Str != "OK" || v.Elems[1].Str != "OK" {
			t.Errorf("EXEC: %s", v)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		refuses(t, admin, "ERR Error loading ACLs, opening file '"+file+"': No such file or directory", "ACL", "LOAD")
		write(string(before))
	}, "--aclfile", file)
}

// CONFIG REWRITE keeps the users of a server without an ACL file.
func TestACLRewrite(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "r.conf")
	if err := os.WriteFile(conf, []byte("user u on nopass ~a +get\n# a comment\nrename-command DEBUG debug2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := servertest.StartConfigured(t, conf, "--dir", dir, "--enable-debug-command", "yes")
	c := p.Dial()
	c.Must("CONFIG", "REWRITE")
	c.Must("ACL", "SETUSER", "v", "on", ">pw", "(+set ~b)")
	list := c.Must("ACL", "LIST")
	c.Must("CONFIG", "REWRITE")
	p.Terminate()
	content, err := os.ReadFile(conf)
	if err != nil || strings.Contains(string(content), "user default") || !strings.Contains(string(content), "# a comment") ||
		!strings.Contains(string(content), "rename-command DEBUG debug2") {
		t.Errorf("%s (%v)", content, err)
	}
	c = servertest.StartConfigured(t, conf, "--dir", dir).Dial() // the flag has been written, too
	if got := c.Must("ACL", "LIST"); !got.Equal(list) {
		t.Errorf("%s, want %s, from\n%s", got, list, content)
	}
	c.Must("DEBUG2", "HELP")
}
