//go:build darwin || freebsd || linux

// The lives of evio's server. A failing accept (no descriptor, no memory) ends it, with every connection (row 5), and
// with no error to show for it. So accepting is kept away from the limit by a margin of descriptors, and when it fails
// nevertheless the server is started again on the same addresses, while Run's goroutine does the duties of the loop.
//
//	New: plan, serve ─► Run: alive ─► ended ─► limp: attend, serve every 100 ms ─► alive ─► ... ─► Stop

package evio

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/evio"

	"redix/engine/reactor"
)

const restartDelay = 100 * time.Millisecond

// binding is one address as evio gets it.
type binding struct {
	index  int // in Options.Listen
	target string
	path   string // of a unix socket
	hidden string // the name that evio knows it by
	file   reactor.UnixPath
	wake   bool
}

// plan turns Options.Listen into what evio gets, which resolves names itself, but differently, and stops at the first
// address that does not exist.
func (r *Reactor) plan() error {
	r.addrs = make([]net.Addr, len(r.opt.Listen))
	for i, a := range r.opt.Listen {
		b := binding{index: i}
		var err error
		switch a.Network {
		case "tcp":
			err = b.planTCP(a)
		case "unix":
			err = b.planUnix(a.Addr)
		default:
			err = fmt.Errorf("listen on %s: unknown network %q", a.Addr, a.Network)
		}
		if err != nil && a.Optional && reactor.Absent(err) {
			r.opt.Log.Warn("address not available, going on without it", "address", a.Addr, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		r.bound = append(r.bound, b)
	}
	r.bound = append(r.bound, binding{wake: true})
	return nil
}

// planWake makes the directory of the wake socket, anew for each life: plugged removes it, so that nothing is left
// behind if this process is killed.
func (r *Reactor) planWake() error {
	r.removeWakeDir()
	var err error
	if r.wakeDir, err = os.MkdirTemp("", "redix-wake-"); err != nil {
		return fmt.Errorf("evio: no place for its wake socket: %w", err)
	}
	b := &r.bound[len(r.bound)-1]
	b.path = filepath.Join(r.wakeDir, "w")
	b.target = "unix://" + b.path
	return checkPath(b.path)
}

func (r *Reactor) removeWakeDir() {
	if r.wakeDir == "" {
		return
	}
	if err := os.RemoveAll(r.wakeDir); err != nil {
		r.opt.Log.Warn("cannot remove the directory of the wake socket", "error", err)
	}
	r.wakeDir = ""
}

func (b *binding) planTCP(a reactor.Address) error {
	at, err := a.Resolve()
	if err != nil {
		return err
	}
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	b.target = network + "://" + at.String()
	if !a.Optional {
		return nil
	}
	probe, err := net.Listen(network, at.String())
	if err != nil {
		return err
	}
	return probe.Close()
}

// planUnix gives evio a name of our own in the same directory, since it removes whatever has the name that it is given
// (row 7). started renames the socket.
func (b *binding) planUnix(path string) error {
	var random [4]byte
	rand.Read(random[:])
	b.path, b.hidden = path, filepath.Join(filepath.Dir(path), ".rx"+hex.EncodeToString(random[:]))
	b.target = "unix://" + b.hidden
	if err := checkPath(b.hidden); err != nil {
		return err
	}
	return reactor.ClearUnixPath(path)
}

// checkPath refuses what evio would take apart, and a name that is too long or taken.
func checkPath(path string) error {
	if strings.Contains(path, "?") || strings.Contains(path, "://") {
		return fmt.Errorf("unix socket in %s: evio takes no directory with ? or :// in its name", filepath.Dir(path))
	}
	return reactor.ClearUnixPath(path)
}

// serve starts a life and returns once the addresses are bound; the loop begins when Run has been called.
func (r *Reactor) serve() error {
	if err := r.planWake(); err != nil {
		return err
	}
	targets := make([]string, len(r.bound))
	for i := range r.bound {
		b := &r.bound[i]
		b.file.Remove()
		targets[i] = b.target
	}
	bound, ended := make(chan error, 1), make(chan error, 1)
	r.ended, r.alive = ended, make(chan struct{})
	events := evio.Events{NumLoops: 1, Opened: r.opened, Data: r.data, Closed: r.closed}
	events.Serving = func(s evio.Server) evio.Action {
		err := r.started(s)
		bound <- err
		if err != nil {
			return evio.Shutdown
		}
		<-r.start
		return evio.None
	}
	go func() { ended <- evio.Serve(events, targets...) }()
	select {
	case err := <-bound:
		if err != nil {
			<-ended
		}
		return err
	case err := <-ended:
		return err
	}
}

// started takes note of the addresses, so that another life gets the same, and connects to ourselves. A wake that was
// kicked meanwhile is made up for by a signal on the new connection.
func (r *Reactor) started(s evio.Server) error {
	for i := range r.bound {
		b, at := &r.bound[i], s.Addrs[i]
		switch {
		case b.wake:
		case b.path != "":
			r.addrs[b.index] = &net.UnixAddr{Net: "unix", Name: b.path}
			if err := b.reveal(r.opt.Listen[b.index].Perm); err != nil {
				return err
			}
		default:
			r.addrs[b.index] = at
			b.target = b.target[:strings.Index(b.target, "://")+3] + at.String()
		}
	}
	line, err := net.Dial("unix", r.bound[len(r.bound)-1].path)
	if err != nil {
		return fmt.Errorf("evio: cannot connect to its wake socket: %w", err)
	}
	r.line.Store(&line)
	r.onItsWay.Store(false)
	r.signal()
	return nil
}

// reveal gives a unix socket its mode and its name, if that is still free: planUnix looked a while ago.
func (b *binding) reveal(perm os.FileMode) error {
	if err := reactor.ClearUnixPath(b.path); err != nil {
		return err
	}
	if perm != 0 {
		if err := os.Chmod(b.hidden, perm); err != nil {
			return err
		}
	}
	if err := os.Rename(b.hidden, b.path); err != nil {
		return err
	}
	b.file = reactor.MarkUnixPath(b.path)
	return nil
}

// margin is how many descriptors evio can take before opened is told of the first: in each of two rounds one for every
// listener, and some for those refused but not yet closed.
func (r *Reactor) margin() int { return 16 + 2*len(r.bound) }

// limp is the loop while evio's server is down: wakes and ticks go on. It returns true when there is a new life, false
// after Stop.
func (r *Reactor) limp() bool {
	r.opt.Log.Error("evio has ended its server (usually: no descriptors left); all connections are lost, listening again")
	r.acceptWarn = reactor.LogLimit{}
	retry := time.NewTicker(restartDelay)
	defer retry.Stop()
	for {
		r.attend()
		if r.stopping {
			return false
		}
		select {
		case <-r.kick:
		case <-retry.C:
			err := r.serve()
			if err == nil {
				return true
			}
			r.acceptWarn.Warn(r.opt.Log, time.Now(), "cannot listen again yet", "error", err)
		}
	}
}

// release is the end of everything, after evio's.
func (r *Reactor) release() {
	r.stopping = true
	r.unplug()
	r.drain.close()
	if r.ticker != nil {
		r.ticker.Stop()
	}
	for i := range r.bound {
		r.bound[i].file.Remove()
	}
	r.removeWakeDir()
}
