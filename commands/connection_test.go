package commands_test

// Who a client is: protocols, passwords, names, and the way back to a fresh state.

import (
	"fmt"
	"testing"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/reactor"
)

const (
	wrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	noAuth    = "NOAUTH Authentication required."
	badName   = "ERR Client names cannot contain spaces, newlines or special characters."
)

func TestConnection(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("PING").Simple("PONG"), do("ping", "").Bulk(""), do("PING", "a\r\nb").Bulk("a\r\nb"),
		do("PING", "a", "b").Err("ERR wrong number of arguments for 'ping' command"),
		do("ECHO", "x").Bulk("x"), do("ECHO").Err("ERR wrong number of arguments for 'echo' command"),
		do("SELECT", "15").OK(), do("SET", "k", "v").OK(), do("SELECT", "0").OK(), do("GET", "k").Null(),
		do("SELECT", "16").Err("ERR DB index is out of range"), do("SELECT", "-1").Err("ERR DB index is out of range"),
		do("SELECT", "x").Err(notInt), do("SELECT", "99999999999999999999").Err(notInt),
		do("AUTH", "x").Err("ERR AUTH <password> called without any password configured for the default user."),
		do("AUTH", "default", "x").OK(), do("AUTH", "me", "x").Err(wrongPass), do("AUTH", "a", "b", "c").Err(syntax),
		do("AUTH").Err("ERR wrong number of arguments for 'auth' command"),
		do("HELLO", "1").Err("NOPROTO unsupported protocol version"),
		do("HELLO", "x").Err("ERR Protocol version is not an integer or out of range"),
		do("HELLO", "3", "SETNAME").Err("ERR Syntax error in HELLO option 'SETNAME'"),
		do("HELLO", "3", "auth", "default").Err("ERR Syntax error in HELLO option 'auth'"),
		do("HELLO", "2", "SETNAME", "a b").Err(badName), do("CLIENT", "GETNAME").Null(),
		do("NOSUCH", "a", "b").Err("ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "),
	)
}

// hello is what HELLO replies.
func hello(proto int, id any) servertest.Want {
	return servertest.Map("server", "redis", "version", engine.RedisVersion, "proto", proto, "id", id, "mode", "standalone",
		"role", "master", "modules", servertest.Array())
}

// replies runs a command on a local server and checks its reply.
func replies(t *testing.T, l *servertest.Local, proto int, want servertest.Want, words ...string) {
	t.Helper()
	if problem := want(l.Do(words...), proto); problem != "" {
		t.Errorf("%s: %s", servertest.Words(words), problem)
	}
}

func TestHelloAndReset(t *testing.T) {
	l := servertest.NewLocal(t)
	replies(t, l, 2, hello(2, 1), "HELLO")
	replies(t, l, 3, hello(3, 1), "HELLO", "3", "SETNAME", "me")
	replies(t, l, 3, hello(3, 1), "HELLO")
	replies(t, l, 3, servertest.Null(), "GET", "none")
	replies(t, l, 3, servertest.Bulk("me"), "CLIENT", "GETNAME")
	replies(t, l, 3, servertest.Simple("OK"), "SELECT", "3")
	replies(t, l, 3, servertest.Simple("OK"), "CLIENT", "NO-TOUCH", "on")
	replies(t, l, 3, servertest.Simple("OK"), "CLIENT", "NO-EVICT", "on")
	replies(t, l, 3, servertest.Simple("OK"), "CLIENT", "SETINFO", "LIB-NAME", "lib")
	replies(t, l, 3, servertest.Match(` flags=eT db=3 .* resp=3 lib-name=lib lib-ver=\n`), "CLIENT", "INFO")
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, servertest.Null(), "CLIENT", "GETNAME")
	replies(t, l, 2, servertest.Match(`name= .* flags=N db=0 .* resp=2 lib-name=lib `), "CLIENT", "INFO")
}

func TestPassword(t *testing.T) {
	l := servertest.NewLocal(t, "--requirepass", "secret")
	refused := servertest.Err(noAuth)
	replies(t, l, 2, refused, "GET", "k")
	replies(t, l, 2, refused, "PING")
	replies(t, l, 2, servertest.Err("ERR unknown command 'nosuch'"), "nosuch")
	replies(t, l, 2, servertest.Err("ERR wrong number of arguments"), "GET")
	replies(t, l, 2, servertest.Err("NOAUTH HELLO must be called with the client already authenticated"), "HELLO", "3")
	replies(t, l, 2, servertest.Err(wrongPass), "AUTH", "wrong")
	replies(t, l, 2, servertest.Err(wrongPass), "AUTH", "other", "secret")
	replies(t, l, 2, servertest.Err(wrongPass), "HELLO", "3", "AUTH", "default", "secret ", "SETNAME", "x")
	replies(t, l, 2, refused, "CLIENT", "GETNAME")
	replies(t, l, 3, hello(3, 1), "HELLO", "3", "AUTH", "default", "secret", "SETNAME", "x")
	replies(t, l, 3, servertest.Bulk("x"), "CLIENT", "GETNAME")
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, refused, "PING")
	replies(t, l, 2, servertest.Simple("OK"), "AUTH", "secret")
	replies(t, l, 2, servertest.Simple("PONG"), "PING")
	replies(t, l, 2, servertest.Simple("OK"), "CONFIG", "SET", "requirepass", "other")
	replies(t, l, 2, servertest.Simple("PONG"), "PING") // who is in stays in
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, servertest.Err(wrongPass), "AUTH", "secret")
	replies(t, l, 2, servertest.Simple("OK"), "AUTH", "other")
	replies(t, l, 2, servertest.Simple("OK"), "CONFIG", "SET", "requirepass", "")
	replies(t, l, 2, servertest.Simple("RESET"), "RESET")
	replies(t, l, 2, servertest.Simple("PONG"), "PING")
}

func TestQuit(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Send("PING")
		c.Send("QUIT", "now")
		c.Send("PING")
		c.Flush()
		left := c.MustClose()
		if got := fmt.Sprint(left); got != fmt.Sprint([]servertest.Value{{Kind: '+', Str: "PONG"}, {Kind: '+', Str: "OK"}}) {
			t.Errorf("replies before the end: %s", got)
		}
	})
}

// TestHTTP sends what a web page could make a browser send.
func TestHTTP(t *testing.T) {
	for _, request := range []string{"POST / HTTP/1.1\r\nSET k v\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nSET k v\r\n"} {
		l := servertest.NewLocal(t)
		out := l.Feed([]byte(request))
		if !l.Closed() {
			t.Errorf("%q: still open; replied %q", request, out)
		}
		if n := l.Engine.Keyspace.DB(0).Len(); n != 0 {
			t.Errorf("%q: the command after it ran", request)
		}
	}
}

// strangeConn comes from anywhere.
type strangeConn struct {
	reactor.Conn
	addr string
}

func (c strangeConn) RemoteAddr() string { return c.addr }

func TestProtectedMode(t *testing.T) {
	refused := func(l *servertest.Local, addr string) bool {
		text := l.Engine.Hooks.Greet(strangeConn{addr: addr})
		if text != "" && text[:7] != "DENIED " {
			t.Errorf("greeted by %q", text)
		}
		return text != ""
	}
	l := servertest.NewLocal(t)
	for addr, want := range map[string]bool{"127.0.0.1:5": false, "[::1]:5": false, "/run/x": false, "": false,
		"10.0.0.1:5": true, "[2001:db8::1]:5": true} {
		if got := refused(l, addr); got != want {
			t.Errorf("%q: refused %t", addr, got)
		}
	}
	if refused(servertest.NewLocal(t, "--protected-mode", "no"), "10.0.0.1:5") {
		t.Error("refused without protected mode")
	}
	if refused(servertest.NewLocal(t, "--requirepass", "x"), "10.0.0.1:5") {
		t.Error("refused although there is a password")
	}
}

func TestConnectionAllocates(t *testing.T) {
	l := servertest.NewLocal(t)
	l.MustNotAllocate([]string{"PING"}, []string{"PING", "x"}, []string{"ECHO", "x"}, []string{"SELECT", "1"},
		[]string{"DBSIZE"}, []string{"CLIENT", "ID"}, []string{"CLIENT", "REPLY", "ON"}, []string{"TIME"})
}
