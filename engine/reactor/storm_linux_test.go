// What happens when descriptors run out. The limit is the process's, so the server is a child of the test: this binary
// again, told by the environment. The same child, without a limit, is what the command line measures:
//
//	go test -c ./engine/reactor
//	REACTOR_CHILD=epoll taskset -c 0 ./reactor.test &
//	taskset -c 1 redis-benchmark -p PORT -P 1 -c 50 -n 1000000 -t set

package reactor_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redix/engine/reactor"
)

func TestMain(m *testing.M) {
	if name := os.Getenv("REACTOR_CHILD"); name != "" {
		child(name)
		return
	}
	os.Exit(m.Run())
}

// child serves "+OK\r\n" for every read until it is interrupted, or echoes with a limit on descriptors. It prints its
// address. REACTOR_DROP makes its limit fall below what is in use for 300 ms, once a client has sent "!".
func child(name string) {
	limit, _ := strconv.Atoi(os.Getenv("REACTOR_LIMIT"))
	if limit > 0 {
		setLimit(limit)
	}
	ok := []byte("+OK\r\n")
	h := &hooks{data: func(c reactor.Conn, in []byte, own bool) { c.Write(ok) }}
	opt := reactor.Options{Listen: []reactor.Address{{Network: "tcp", Addr: "127.0.0.1:0"}}}
	if limit > 0 {
		h = echo()
		opt.ReserveFDs = 4
	}
	var restoreAt time.Time
	h.tick = func(now time.Time) time.Duration {
		if !restoreAt.IsZero() && now.After(restoreAt) {
			setLimit(limit)
			restoreAt = time.Time{}
		}
		return 10 * time.Millisecond
	}
	if os.Getenv("REACTOR_DROP") != "" {
		h.data = func(c reactor.Conn, in []byte, own bool) {
			if in[0] == '!' && restoreAt.IsZero() {
				restoreAt = time.Now().Add(300 * time.Millisecond)
				setLimit(4)
			}
			c.Write(in)
		}
	}
	for _, e := range engines {
		if e.name != name {
			continue
		}
		r, err := e.open(opt, h)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		h.woken = r.Stop
		go func() { <-interrupted; r.Wake() }()
		fmt.Println(r.Addrs()[0])
		if err := r.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func setLimit(n int) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = uint64(n)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
}

// startChild returns the child's address and a function that ends it and tells the CPU time it used.
func startChild(t *testing.T, name string, env ...string) (addr string, end func() time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "REACTOR_CHILD="+name)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no address from the child: %v", err)
	}
	return line[:len(line)-1], func() time.Duration {
		t.Helper()
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("the child: %v", err)
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
}

// tryEcho tells whether a new connection is served.
func tryEcho(addr string) (net.Conn, bool) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, false
	}
	c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Write([]byte("x")); err == nil {
		if n, err := c.Read(make([]byte, 1)); n == 1 && err == nil {
			c.SetDeadline(time.Now().Add(3 * patience))
			return c, true
		}
	}
	c.Close()
	return nil, false
}

// More clients than descriptors: those inside are served on, the others wait or are closed, nothing spins, and when the
// storm is over there is room again. REACTOR_LIMIT keeps some in reserve (ReserveFDs), so it is no EMFILE here.
func TestConnectionStorm(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		addr, end := startChild(t, e.name, "REACTOR_LIMIT=64")
		first, ok := tryEcho(addr)
		if !ok {
			t.Fatal("not served before the storm")
		}
		var storm []net.Conn
		for range 300 {
			c, err := net.DialTimeout("tcp", addr, time.Second)
			if err != nil {
				break
			}
			storm = append(storm, c)
			mustWrite(t, first, []byte("still here"))
			mustRead(t, first, 10)
		}
		time.Sleep(300 * time.Millisecond) // the time in which it must not spin
		mustWrite(t, first, []byte("still here"))
		mustRead(t, first, 10)
		refused := 0
		for _, c := range storm {
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			switch told, err := io.ReadAll(c); {
			case string(told) == "refused\n":
				refused++
			case err == nil:
				t.Errorf("closed after %q", told)
			}
			c.Close()
		}
		if refused == 0 {
			t.Error("nobody was refused")
		}
		served := false
		for end := time.Now().Add(patience); !served && time.Now().Before(end); {
			_, served = tryEcho(addr)
		}
		if !served {
			t.Error("not served after the storm")
		}
		if cpu := end(); cpu > 250*time.Millisecond {
			t.Errorf("the storm cost %v of CPU", cpu)
		}
	})
}

// A limit below what is in use makes accept itself fail (EMFILE). epoll keeps its connections; evio loses them, but
// comes back on the same address.
func TestAcceptFails(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		addr, end := startChild(t, e.name, "REACTOR_LIMIT=64", "REACTOR_DROP=1")
		first, ok := tryEcho(addr)
		if !ok {
			t.Fatal("not served at the start")
		}
		mustWrite(t, first, []byte("!"))
		mustRead(t, first, 1)
		for range 20 {
			if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
				defer c.Close()
			}
		}
		served := false
		for end := time.Now().Add(patience); !served && time.Now().Before(end); {
			_, served = tryEcho(addr)
		}
		if !served {
			t.Fatal("not served after accept had failed")
		}
		if e.name == "epoll" {
			mustWrite(t, first, []byte("still here"))
			mustRead(t, first, 10)
		} else if rest := mustEnd(t, first); len(rest) > 0 {
			t.Errorf("got %q", rest)
		}
		if cpu := end(); cpu > 250*time.Millisecond {
			t.Errorf("it cost %v of CPU", cpu)
		}
	})
}
