package commands_test

// What commands read and write beside the loop: others are served meanwhile, and a transaction is one all the same.

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redix/commands/servertest"
)

// aclPipe makes the ACL file a pipe: who loads it waits until write has been called.
func aclPipe(t *testing.T, path string) (write func(content string)) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil { // waits for a reader
			t.Error(err)
		}
	}
}

func withACLFile(t *testing.T, f func(t *testing.T, s *servertest.Server, path string)) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users.acl")
			if err := os.WriteFile(path, []byte("user default on nopass ~* &* +@all\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			f(t, servertest.Start(t, reactor, "--aclfile", path), path)
		})
	}
}

const aclTwoUsers = "user default on nopass ~* &* +@all\nuser fromfile on nopass +@all\n"

func TestACLLoadInTransaction(t *testing.T) {
	withACLFile(t, func(t *testing.T, s *servertest.Server, path string) {
		write := aclPipe(t, path)
		c, other := s.Dial(), s.Dial()
		begin := func() {
			for _, words := range [][]string{{"MULTI"}, {"SET", "k", "from the transaction"}, {"ACL", "LOAD"}, {"ACL", "USERS"}, {"GET", "k"}} {
				c.Must(words...)
			}
			c.Send("EXEC")
			c.Send("ECHO", "after")
			c.Flush()
			eventually(t, "EXEC waits", func() bool { return other.Info("clients")["blocked_clients"] == "1" })
		}
		id := c.Must("CLIENT", "ID").Int

		begin()
		other.Must("SET", "k", "meanwhile")
		if v := other.Must("CLIENT", "UNBLOCK", strconv.FormatInt(id, 10)); v.Int != 0 {
			t.Errorf("CLIENT UNBLOCK ends it: %s", v)
		}
		if v := other.Must("GET", "k"); v.Str != "meanwhile" {
			t.Errorf("the transaction has begun: %s", v)
		}
		write(aclTwoUsers)
		v := c.Receive()
		if len(v.Elems) != 4 || v.Elems[0].Str != "OK" || v.Elems[1].Str != "OK" || !slices.Equal(v.Elems[2].Strings(), []string{"default", "fromfile"}) || v.Elems[3].Str != "from the transaction" {
			t.Errorf("EXEC: %s", v)
		}
		if v := c.Receive(); v.Str != "after" {
			t.Errorf("after EXEC: %s", v)
		}

		c.Must("WATCH", "k")
		begin()
		other.Must("SET", "k", "changed")
		write("user default off\n")
		if v := c.Receive(); !v.Null() {
			t.Errorf("a watched key changed while EXEC waited: %s", v)
		}
		c.Receive()

		begin()
		other.Must("CLIENT", "KILL", "ID", strconv.FormatInt(id, 10))
		write("user default off\n")
		if v := other.Must("GET", "k"); v.Str != "changed" {
			t.Errorf("the client was gone, and its transaction ran: %s", v)
		}
		other.Must("ACL", "WHOAMI")
	})
}

// What ACL SAVE writes is what the users were at its place in the transaction, and ACL LOAD after it sees that.
func TestACLSaveInTransaction(t *testing.T) {
	withACLFile(t, func(t *testing.T, s *servertest.Server, path string) {
		c := s.Dial()
		for _, words := range [][]string{{"MULTI"}, {"ACL", "SETUSER", "early"}, {"ACL", "SAVE"}, {"INCR", "n"}, {"ACL", "SETUSER", "late"},
			{"ACL", "LOAD"}, {"ACL", "USERS"}, {"ACL", "SAVE"}, {"GET", "n"}} {
			c.Must(words...)
		}
		v := c.Must("EXEC")
		var got []string
		for _, e := range v.Elems {
			got = append(got, e.String())
		}
		if len(v.Elems) != 8 || v.Elems[1].Str != "OK" || v.Elems[2].Int != 1 || v.Elems[4].Str != "OK" ||
			!slices.Equal(v.Elems[5].Strings(), []string{"default", "early"}) || v.Elems[6].Str != "OK" || v.Elems[7].Str != "1" {
			t.Errorf("EXEC: %q", got)
		}
		content, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(content), "user early ") || strings.Contains(string(content), "user late ") {
			t.Errorf("the file: %s, %v", content, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil { // which no file replaces
			t.Fatal(err)
		}
		c.Must("MULTI")
		c.Must("ACL", "SAVE")
		c.Must("PING")
		if v := c.Must("EXEC"); len(v.Elems) != 2 || !strings.Contains(v.Elems[0].Err(), "error trying to save the ACLs") || v.Elems[1].Str != "PONG" {
			t.Errorf("a failing ACL SAVE: %s", v)
		}
	})
}

// CONFIG REWRITE writes the values of its place in the transaction.
func TestConfigRewriteInTransaction(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "r.conf")
	if err := os.WriteFile(conf, []byte("maxclients 100\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := servertest.StartConfigured(t, conf, "--dir", dir).Dial()
	for _, words := range [][]string{{"MULTI"}, {"CONFIG", "SET", "maxclients", "200"}, {"CONFIG", "REWRITE"}, {"CONFIG", "SET", "maxclients", "300"}} {
		c.Must(words...)
	}
	if v := c.Must("EXEC"); len(v.Elems) != 3 || v.Elems[1].Str != "OK" {
		t.Errorf("EXEC: %s", v)
	}
	if content, _ := os.ReadFile(conf); !strings.HasPrefix(string(content), "maxclients 200\n") {
		t.Errorf("the file: %s", content)
	}
	c.Must("CONFIG", "REWRITE")
	if content, _ := os.ReadFile(conf); !strings.HasPrefix(string(content), "maxclients 300\n") {
		t.Errorf("the file: %s", content)
	}
}
