// Package supervise is how the process gets on with whoever has started it: systemd (sd_notify with its watchdog), upstart, a
// shell that wants its prompt back (daemonize), a log that is rotated, a pid file, a health check. It knows no server.
package supervise

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"redix/engine/config"
)

// Notifier talks to the service manager: newline separated assignments in one datagram (sd_notify(3)). The zero value has
// nobody to talk to.
type Notifier struct {
	conn     *net.UnixConn
	upstart  bool
	watchdog time.Duration // 0: none
	beat     atomic.Int64  // when Beat was called last, monotonic nanoseconds since start
	start    time.Time
	messages chan string
}

// NewNotifier finds out whom to talk to. The error is a warning: the process can go on.
func NewNotifier(mode config.Supervision, getenv func(string) string) (*Notifier, error) {
	n := &Notifier{start: time.Now(), messages: make(chan string, 16)}
	socket, job := getenv("NOTIFY_SOCKET"), getenv("UPSTART_JOB")
	switch {
	case mode == config.SupervisedNo, mode == config.SupervisedAuto && socket == "" && job == "":
		return n, nil
	case mode == config.SupervisedUpstart, mode == config.SupervisedAuto && socket == "":
		n.upstart = job != ""
		if !n.upstart {
			return n, fmt.Errorf("supervised upstart, but there is no UPSTART_JOB in the environment")
		}
		return n, nil
	case socket == "":
		return n, fmt.Errorf("supervised systemd, but there is no NOTIFY_SOCKET in the environment")
	}
	name := socket
	if strings.HasPrefix(name, "@") {
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return n, fmt.Errorf("supervised: %w", err)
	}
	n.conn = conn
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		if pid := getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
			n.watchdog = time.Duration(us) * time.Microsecond
		}
	}
	go n.send()
	return n, nil
}

// send is the goroutine that writes, so that nobody waits for the other side.
func (n *Notifier) send() {
	every := n.watchdog / 3
	if every <= 0 {
		every = time.Hour
	}
	tick := time.NewTicker(every)
	for {
		select {
		case m := <-n.messages:
			_, _ = n.conn.Write([]byte(m)) // a manager that does not listen is no reason to stop
		case <-tick.C:
			if n.watchdog > 0 && time.Since(n.start)-time.Duration(n.beat.Load()) < n.watchdog {
				_, _ = n.conn.Write([]byte("WATCHDOG=1"))
			}
		}
	}
}

// Name is what INFO shows: no, systemd or upstart.
func (n *Notifier) Name() string {
	switch {
	case n.conn != nil:
		return "systemd"
	case n.upstart:
		return "upstart"
	}
	return "no"
}

func (n *Notifier) tell(m string) {
	if n.conn == nil {
		return
	}
	select {
	case n.messages <- m:
	default: // sixteen wait: the manager is asleep
	}
}

// Beat tells that the loop runs: as long as it does, the watchdog is kept quiet.
func (n *Notifier) Beat() { n.beat.Store(int64(time.Since(n.start))) }

// Ready tells that the server serves; upstart is told by a stop of the process, which it continues.
func (n *Notifier) Ready() {
	n.tell("READY=1\nSTATUS=Ready to accept connections")
	if n.upstart {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // cannot fail for oneself
	}
}

// Progress tells what the server is at, and that it needs more time for it.
func (n *Notifier) Progress(status string) {
	n.tell("STATUS=" + status + "\nEXTEND_TIMEOUT_USEC=30000000")
}

// Stopping tells that the end has begun; it waits a moment for the message to leave.
func (n *Notifier) Stopping() {
	if n.conn != nil {
		_ = n.conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = n.conn.Write([]byte("STOPPING=1\nSTATUS=Stopping\nEXTEND_TIMEOUT_USEC=120000000"))
	}
}
