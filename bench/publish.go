//go:build linux

// Publishing to a crowd: what others feel while a message goes to ten thousand subscribers.

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"redix/bench/load"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

const (
	crowdCount    = 10_000
	crowdMessages = 30
	crowdMessage  = 200 // bytes
	crowdPause    = 20 * time.Millisecond
	crowdSettle   = 300 * time.Millisecond // for what ten thousand connections leave to be done
)

// publishToMany publishes to a crowd of subscribers, and sends PINGs one after the other over a connection of its own from
// each message on until it has long been delivered. The subscribers' sockets hold all of the messages; each must have them in the
// end.
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
	if err := b.pause(crowdSettle); err != nil {
		return nil, err
	}
	pinger, err := dialControl(s.port)
	if err != nil {
		return nil, err
	}
	defer pinger.close()
	message := strings.Repeat("m", crowdMessage)
	latency := hdrhistogram.New(100, int64(time.Minute), 3)
	from, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	for range crowdMessages {
		if _, err := s.control.nc.Write(load.Command(nil, "PUBLISH", "x", message)); err != nil {
			return nil, err
		}
		for began := time.Now(); time.Since(began) < crowdPause+time.Duration(n)*8*time.Microsecond; {
			before := time.Now()
			if _, err := pinger.do("PING"); err != nil {
				return nil, err
			}
			if err := latency.RecordValue(int64(time.Since(before))); err != nil {
				return nil, err
			}
		}
		if reply, err := s.control.read("PUBLISH"); err != nil || reply != fmt.Sprint(n) {
			return nil, errors.Join(err, fmt.Errorf("PUBLISH answers %s, want %d", reply, n))
		}
	}
	to, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	if err := readAll(fds, crowdMessages*len(load.Command(nil, "message", "x", message))); err != nil {
		return nil, err
	}
	r := latencies(load.Stats{Latency: latency})
	r[metricCPU] = microseconds(to-from) / float64(crowdMessages*n)
	return r, nil
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
	return fds, readAll(fds, len("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"))
}

// readAll reads size bytes from each of the blocking sockets.
func readAll(fds []int, size int) error {
	buf := make([]byte, 64<<10)
	for i, fd := range fds {
		for have := 0; have < size; {
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
