package commands_test

// Many clients whose commands arrive in pieces of any size with pauses of any length, over TCP, unix sockets and TLS, while the
// server is paused, saves and reloads its settings now and then: every reply comes, once, in order, and up to the end of the
// connection.

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// script is what a client sends and what it must get.
type script struct{ sends, gets []byte }

func (s *script) add(reply string, words ...string) {
	s.sends = servertest.AppendCommand(s.sends, words...)
	s.gets = append(s.gets, reply...)
}

func bulkReply(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// newScript makes about n commands on keys that begin with name.
func newScript(r *rand.Rand, name string, n int) *script {
	s, value, sum := &script{}, "", 0
	s.add("+OK\r\n", "SET", name, value)
	for range n {
		switch k := r.IntN(100); {
		case k < 40:
			s.add(bulkReply(value), "GET", name)
		case k < 60:
			value = fmt.Sprint(r.Uint64())
			s.add("+OK\r\n", "SET", name, value)
		case k < 75:
			sum++
			s.add(fmt.Sprintf(":%d\r\n", sum), "INCR", name+":n")
		case k < 85:
			s.sends = append(s.sends, "PING\r\n"...)
			s.gets = append(s.gets, "+PONG\r\n"...)
		case k < 94:
			sum++
			s.add("+OK\r\n", "MULTI")
			s.add("+QUEUED\r\n", "INCR", name+":n")
			s.add("+QUEUED\r\n", "GET", name)
			s.add(fmt.Sprintf("*2\r\n:%d\r\n%s", sum, bulkReply(value)), "EXEC")
		case k < 99:
			s.add(bulkReply(strings.Repeat("e", 3000)), "ECHO", strings.Repeat("e", 3000))
		default: // large enough for a block of its own
			if r.IntN(10) == 0 {
				value = strings.Repeat("b", 300<<10)
				s.add("+OK\r\n", "SET", name, value)
				s.add(fmt.Sprintf(":%d\r\n", len(value)), "STRLEN", name)
				value = "small"
				s.add("+OK\r\n", "SET", name, value)
			}
		}
	}
	return s
}

// sendInPieces writes all of b.
func sendInPieces(r *rand.Rand, c net.Conn, b []byte) error {
	pauses := r.IntN(20)
	for len(b) > 0 {
		n := min(len(b), []int{1 + r.IntN(40), 1 + r.IntN(4000), 64 << 10, len(b)}[r.IntN(4)])
		if _, err := c.Write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; pauses > 0 && r.IntN(4) == 0 {
			pauses--
			time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond) // what this is about
		}
	}
	return nil
}

func TestCommandsInPieces(t *testing.T) {
	for _, reactor := range servertest.Reactors {
		for _, fsync := range []string{"everysec", "always"} {
			halves := []bool{false, true}
			if reactor == "evio" {
				halves = halves[:1] // it cannot tell a half-closed connection
			}
			for _, half := range halves {
				t.Run(fmt.Sprintf("%s/%s/half=%v", reactor, fsync, half), func(t *testing.T) {
					commandsInPieces(t, half, "--io-reactor", reactor, "--appendonly", "yes", "--appendfsync", fsync)
				})
			}
		}
	}
}

func commandsInPieces(t *testing.T, half bool, flags ...string) {
	const clients, connections = 120, 2
	seed := seeds.Draw(t)
	files := newTLSFiles(t)
	path, tlsPort := filepath.Join(t.TempDir(), "s"), unusedPort(t)
	p := servertest.StartProcess(t, append(files.flags(flags...)[2:], "--tls-port", tlsPort, "--tls-auth-clients", "no", "--unixsocket", path)...)
	dial := []func() (net.Conn, error){
		func() (net.Conn, error) { return net.Dial("tcp", p.Addr) },
		func() (net.Conn, error) { return net.Dial("unix", path) },
		func() (net.Conn, error) {
			return tls.Dial("tcp", "127.0.0.1:"+tlsPort, &tls.Config{InsecureSkipVerify: true})
		},
	}
	stop := make(chan struct{})
	var others, all sync.WaitGroup
	admin := p.Dial()
	others.Add(1)
	go func() {
		defer others.Done()
		r := rand.New(rand.NewPCG(seed, 1<<40))
		for {
			select {
			case <-stop:
				return
			default:
			}
			words := []string{"CLIENT", "PAUSE", fmt.Sprint(1 + r.IntN(10)), []string{"WRITE", "ALL"}[r.IntN(2)]}
			if half || r.IntN(3) == 0 { // a pause ends who sends no more
				words = []string{"BGREWRITEAOF"}
			}
			if _, err := admin.TryDo(words...); err != nil {
				return
			}
			time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
		}
	}()
	for i := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for k := range connections {
				n := 1 + r.IntN(50)
				if r.IntN(8) == 0 {
					n = 2000 + r.IntN(5000) // more than a client's share of a round
				}
				s := newScript(r, fmt.Sprintf("k%d:%d", i, k), n)
				if !half {
					s.add("+OK\r\n", "QUIT")
				}
				c, err := dial[(i+k)%len(dial)]()
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				sent := make(chan error, 1)
				seedOfPieces := r.Uint64()
				go func() {
					err := sendInPieces(rand.New(rand.NewPCG(seedOfPieces, 0)), c, s.sends)
					if err == nil && half {
						err = c.(interface{ CloseWrite() error }).CloseWrite()
					}
					sent <- err
				}()
				got, err := io.ReadAll(c)
				if err2 := <-sent; err != nil || err2 != nil || !bytes.Equal(got, s.gets) {
					at := 0
					for at < len(got) && at < len(s.gets) && got[at] == s.gets[at] {
						at++
					}
					t.Errorf("client %d, connection %d (%T): %d bytes of %d, the first %d as they should be; %v, %v", i, k, c, len(got), len(s.gets), at, err, err2)
				}
				c.Close()
			}
		}()
	}
	all.Wait()
	close(stop)
	others.Wait()
	c := p.Dial()
	eventually(t, "all clients are gone", func() bool { return c.Info("clients")["connected_clients"] == "2" })
}
