package commands_test

// Clients that wait in SAVE, or in FLUSHALL where there are save points, and are unblocked, killed, half closed or gone meanwhile.

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/persistence/vfs"
)

// slowSnapshots holds each snapshot file at its first sync.
type slowSnapshots struct {
	*vfs.Faulty
	asked chan struct{} // one came there
	let   chan struct{} // lets it go on
}

func newSlowSnapshots() *slowSnapshots {
	f := &slowSnapshots{Faulty: vfs.NewFaulty(vfs.OS{}), asked: make(chan struct{}), let: make(chan struct{})}
	f.Before = func(op vfs.Op, name string) {
		if op == vfs.OpSync && strings.Contains(filepath.Base(name), "temp-redix-") {
			f.asked <- struct{}{}
			<-f.let
		}
	}
	return f
}

func TestClientsThatWaitForSnapshots(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		t.Run(reactor, func(t *testing.T) {
			disk := newSlowSnapshots()
			s := servertest.StartOn(t, disk, reactor, "--save", "3600 1000000")
			c := s.Dial()
			for _, words := range [][]string{{"SAVE"}, {"FLUSHALL"}, {"FLUSHALL", "ASYNC"}} {
				saves := c.Info("persistence")["rdb_saves"]
				// begin has a client wait; end lets the file be written, which is to be complete whatever became of the client.
				begin := func() (waits *servertest.Conn, id string) {
					t.Helper()
					c.Must("SET", "k", words[0])
					waits = s.Dial()
					id = waits.Must("CLIENT", "ID").String()
					waits.Send(words...)
					waits.Send("ECHO", "behind")
					waits.Flush()
					<-disk.asked
					if n := c.Info("clients")["blocked_clients"]; n != "1" {
						t.Errorf("%q: %s blocked clients", words, n)
					}
					return waits, id
				}
				end := func() {
					t.Helper()
					disk.let <- struct{}{}
					waitInfo(t, c, "the file", func(f map[string]string) bool { return f["rdb_saves"] != saves })
					saves = c.Info("persistence")["rdb_saves"]
					if f := c.Info("persistence"); f["rdb_last_bgsave_status"] != "ok" || f["rdb_bgsave_in_progress"] != "0" {
						t.Errorf("%q: status %s, in progress %s", words, f["rdb_last_bgsave_status"], f["rdb_bgsave_in_progress"])
					}
					if n := c.Info("clients")["blocked_clients"]; n != "0" {
						t.Errorf("%q: %s blocked clients afterwards", words, n)
					}
					b, err := os.ReadFile(filepath.Join(s.Dir, "dump.rdb"))
					if has := strings.Contains(string(b), "\x01k"); err != nil || has != (words[0] == "SAVE") {
						t.Errorf("%q: the file has the key: %v (%v)", words, has, err)
					}
				}
				answered := func(waits *servertest.Conn) {
					t.Helper()
					if v := waits.Receive(); v.Str != "OK" {
						t.Errorf("%q: %s", words, v)
					}
					if v := waits.Receive(); v.Str != "behind" {
						t.Errorf("behind %q: %s", words, v)
					}
				}

				// CLIENT UNBLOCK says that there is nobody to unblock, as redis-server does, where nobody can ask meanwhile.
				waits, id := begin()
				for _, how := range []string{"TIMEOUT", "ERROR"} {
					if v := c.Must("CLIENT", "UNBLOCK", id, how); v.Int != 0 {
						t.Errorf("%q: CLIENT UNBLOCK %s: %s", words, how, v)
					}
				}
				if v := c.Do("SAVE"); v.Err() != "ERR Background save already in progress" {
					t.Errorf("SAVE beside %q: %s", words, v)
				}
				end()
				answered(waits)

				// CLIENT KILL closes it without a reply, at once.
				waits, id = begin()
				if v := c.Must("CLIENT", "KILL", "ID", id); v.Int != 1 {
					t.Errorf("%q: CLIENT KILL: %s", words, v)
				}
				if got := waits.MustClose(); len(got) != 0 {
					t.Errorf("%q: killed, received %v", words, got)
				}
				end()

				// One that is gone is noticed at the latest afterwards.
				waits, _ = begin()
				waits.Conn.(*net.TCPConn).SetLinger(0)
				waits.Close()
				end()

				// One that sends no more gets its replies. With evio, which closes it, it gets none.
				waits, _ = begin()
				if err := waits.Conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				c.Must("PING")
				end()
				if reactor != "evio" {
					answered(waits)
				}
				if got := waits.MustClose(); len(got) != 0 {
					t.Errorf("half closed behind %q: received %v", words, got)
				}
			}
			disk.Before = nil
		})
	}
}

// Of a half closed connection redis-server says the same.
func TestHalfClosedSaveInRedis(t *testing.T) {
	for name, start := range map[string]func(t testing.TB, flags ...string) *servertest.Process{
		"redix": servertest.StartProcess, "redis-server": servertest.StartRedis,
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "--save", "3600 1000000")
			for _, command := range []string{"SAVE", "FLUSHALL"} {
				c := p.Dial()
				c.Send("SET", "k", "v")
				c.Send(command)
				c.Send("CLIENT", "UNBLOCK", "1")
				c.Send("ECHO", "behind")
				c.Flush()
				if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				got := c.MustClose()
				if len(got) != 4 || got[0].Str != "OK" || got[1].Str != "OK" || got[2].Int != 0 || got[3].Str != "behind" {
					t.Errorf("%s: %v", command, got)
				}
			}
		})
	}
}
