//go:build linux

// Publishing to a crowd: what others feel while a message goes to ten thousand subscribers.

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"redix/bench/load"

	"golang.org/x/sys/unix"
)

const (
	crowdCount    = 10_000
	crowdMessages = 30
	crowdMessage  = 200 // bytes
	crowdPause    = 20 * time.Millisecond
	crowdSettle   = 300 * time.Millisecond // for what ten thousand connections leave to be done
)

// publishToMany publishes to a crowd of subscribers while a pinger asks. Each subscriber must have all of the messages in the end.
func publishToMany(b *bench, s *server) (result, error) {
	n := b.count(crowdCount)
	fds, err := subscribeMany(b, s, n)
	defer func() {
		for _, fd := range fds {
			load.CloseNow(fd)
		}
	}()
	if err != nil {
		return nil, err
	}
	reader, err := readOn(fds)
	if err != nil {
		return nil, err
	}
	defer reader.stop()
	if err := b.pause(crowdSettle); err != nil {
		return nil, err
	}
	if err := favour(s.pid); err != nil {
		return nil, err
	}
	if err := s.forgetRounds(); err != nil {
		return nil, err
	}
	pings, err := startPinger(b.ctx, s.port)
	if err != nil {
		return nil, err
	}
	from, err := cpuTime(s.pid)
	if err == nil {
		err = publish(b, s, n)
	}
	latency, pingErr := pings.stop()
	if err := errors.Join(err, pingErr); err != nil {
		return nil, err
	}
	to, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	r := latencies(load.Stats{Latency: latency})
	r[metricCPU] = microseconds(to-from) / float64(crowdMessages*n)
	if err := s.longestRound(r); err != nil {
		return nil, err
	}
	if err := reader.stop(); err != nil {
		return nil, err
	}
	if err := readAll(fds, crowdMessages*len(load.Command(nil, "message", "x", crowdText)), reader.got); err != nil {
		return nil, err
	}
	return r, nil
}

var crowdText = strings.Repeat("m", crowdMessage)

// publish sends the messages, each when the last has long been delivered.
func publish(b *bench, s *server, n int) error {
	for range crowdMessages {
		if _, err := s.control.nc.Write(load.Command(nil, "PUBLISH", "x", crowdText)); err != nil {
			return err
		}
		if err := b.pause(crowdPause + time.Duration(n)*8*time.Microsecond); err != nil {
			return err
		}
		if reply, err := s.control.read("PUBLISH"); err != nil || reply != fmt.Sprint(n) {
			return errors.Join(err, fmt.Errorf("PUBLISH answers %s, want %d", reply, n))
		}
	}
	return nil
}

// subscribeMany opens n connections that subscribe to x.
func subscribeMany(b *bench, s *server, n int) (fds []int, err error) {
	command := load.Command(nil, "SUBSCRIBE", "x")
	for len(fds) < n {
		fd, err := load.Dial(s.port)
		if err != nil {
			return fds, fmt.Errorf("connection %d: %w", len(fds), err)
		}
		fds = append(fds, fd)
		if _, err := unix.Write(fd, command); err != nil {
			return fds, err
		}
		if len(fds)%connectStep == 0 { // a turn for the server to accept
			if _, err := s.control.do("PING"); err != nil {
				return fds, err
			}
		}
	}
	return fds, readAll(fds, len("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"), make([]int, n))
}

// readAll reads from each of the blocking sockets what is missing of size bytes; got is what has been read of them.
func readAll(fds []int, size int, got []int) error {
	buf := make([]byte, 64<<10)
	for i, fd := range fds {
		for have := got[i]; have < size; {
			n, err := unix.Read(fd, buf[:min(size-have, len(buf))])
			if err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return fmt.Errorf("subscriber %d has %d bytes of %d: %w", i, have, size, errors.Join(err, errors.New("the end")))
			}
			have += n
		}
	}
	return nil
}

// crowdLook is how often subscribers are looked at. The kernel gives a reader 40 ms before it acknowledges by a timer, and those
// timers would run on the server's core.
const crowdLook = 2 * time.Millisecond

// crowdReader reads what subscribers get. It looks for it again and again: if it slept until something came, the server would have to wake
// it with each message, which subscribers on other machines do not ask of it.
type crowdReader struct {
	epfd int
	got  []int // bytes, by subscriber
	over chan struct{}
	done chan error
}

func readOn(fds []int) (*crowdReader, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	r := &crowdReader{epfd: epfd, got: make([]int, len(fds)), over: make(chan struct{}), done: make(chan error, 1)}
	for i, fd := range fds {
		// Fd is what comes back with an event: the place of the subscriber.
		if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			unix.Close(epfd)
			return nil, err
		}
	}
	go func() { r.done <- r.run(fds) }()
	return r, nil
}

func (r *crowdReader) run(fds []int) error {
	events := make([]unix.EpollEvent, 1024)
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.EpollWait(r.epfd, events, 0)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			k, err := unix.Read(fds[e.Fd], buf)
			if err != nil && err != unix.EINTR || err == nil && k == 0 {
				return fmt.Errorf("subscriber %d: %w", e.Fd, errors.Join(err, errors.New("the end")))
			}
			r.got[e.Fd] += max(k, 0)
		}
		if n == len(events) {
			continue
		}
		select {
		case <-r.over:
			return nil
		case <-time.After(crowdLook):
		}
	}
}

// stop ends the reading; it may be called again.
func (r *crowdReader) stop() error {
	if r.epfd < 0 {
		return nil
	}
	close(r.over)
	err := <-r.done
	unix.Close(r.epfd)
	r.epfd = -1
	return err
}
