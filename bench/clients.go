//go:build linux

// Clients that do little or nothing: idle ones, and ones that send without reading.

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"redix/bench/load"

	"golang.org/x/sys/unix"
)

const (
	idleCount   = 10_000
	idlePause   = 3 * time.Second // longer than the 2 s after which redis-server shrinks an idle client's buffers
	lazyGets    = 200_000
	lazyLimit   = 30 * time.Second
	neverCount  = 10
	neverGets   = 20_000
	neverPause  = 2 * time.Second
	bigValue    = 1000
	connectStep = 200
)

// idleConnections measures the growth of the resident set per connection, before any of them has said a word and
// when each has sent one PING and been quiet for a while.
func idleConnections(b *bench, s *server) (result, error) {
	n := b.count(idleCount)
	before, err := settledBytes(b, s)
	if err != nil {
		return nil, err
	}
	var fds []int
	defer func() {
		for _, fd := range fds {
			load.CloseNow(fd)
		}
	}()
	for len(fds) < n {
		fd, err := load.Dial(s.port)
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", len(fds), err)
		}
		fds = append(fds, fd)
		if len(fds)%connectStep == 0 { // a turn for the server to accept: the backlog holds 511
			if _, err := s.control.do("PING"); err != nil {
				return nil, err
			}
		}
	}
	if err := awaitClients(b, s, n+1); err != nil {
		return nil, err
	}
	fresh, err := settledBytes(b, s)
	if err != nil {
		return nil, err
	}
	for i, fd := range fds {
		if err := pingOver(fd); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	if err := b.pause(idlePause); err != nil {
		return nil, err
	}
	used, err := settledBytes(b, s)
	return result{metricPerFresh: float64(fresh-before) / float64(n), metricPerConn: float64(used-before) / float64(n)}, err
}

// awaitClients waits until the server has accepted n connections: the kernel completes them ahead of it.
func awaitClients(b *bench, s *server, n int) error {
	for deadline := time.Now().Add(5 * time.Second); ; {
		connected, ok, err := s.control.infoNumber("clients", "connected_clients")
		if err != nil || !ok || connected == float64(n) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s connections accepted, want %d", number(connected), n)
		}
		if err := b.pause(10 * time.Millisecond); err != nil {
			return err
		}
	}
}

// pingOver sends PING over a blocking socket and waits for the answer.
func pingOver(fd int) error {
	if _, err := unix.Write(fd, load.Command(nil, "PING")); err != nil {
		return err
	}
	var answer [64]byte
	n, err := unix.Read(fd, answer[:])
	if err == nil && string(answer[:max(n, 0)]) != "+PONG\r\n" {
		err = fmt.Errorf("PING answered %q", answer[:max(n, 0)])
	}
	return err
}

// setBigValue stores the value that lazy clients ask for, and returns n GETs of it.
func setBigValue(s *server, n int) ([]byte, error) {
	_, err := s.control.do("SET", "big", strings.Repeat("x", bigValue))
	return []byte(strings.Repeat(string(load.Command(nil, "GET", "big")), n)), err
}

// lazyReader writes all requests before it reads a byte. A server that stops reading while replies are pending
// never gets them all: then fewer are answered, after lazyLimit.
func lazyReader(b *bench, s *server) (result, error) {
	n := b.count(lazyGets)
	requests, err := setBigValue(s, n)
	if err != nil {
		return nil, err
	}
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	before, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if err := nc.SetDeadline(started.Add(lazyLimit)); err != nil {
		return nil, err
	}
	answered := 0
	if _, err := nc.Write(requests); err == nil {
		answered, err = readReplies(nc, n)
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) {
		return nil, err
	}
	seconds := time.Since(started).Seconds()
	after, err := cpuTime(s.pid)
	return result{metricAnswered: float64(answered) / b.scale, metricSeconds: seconds,
		metricCPU: microseconds(after-before) / float64(n)}, err
}

// readReplies reads until n replies have come, the connection ends or its deadline passes.
func readReplies(nc net.Conn, n int) (answered int, err error) {
	var counter load.ReplyCounter
	chunk := make([]byte, 256<<10)
	for answered < n {
		k, readErr := nc.Read(chunk)
		replies, err := counter.Feed(chunk[:k])
		answered += replies
		if err != nil {
			return answered, err
		}
		if readErr != nil {
			break
		}
	}
	if k, first := counter.Errors(); k > 0 {
		return answered, fmt.Errorf("%d error replies, the first: %s", k, first)
	}
	return answered, nil
}

// neverRead lets clients send and never read, and measures what the server then spends on waiting for them. A
// client that the server no longer reads from, or disconnects, has done its part.
func neverRead(b *bench, s *server) (result, error) {
	requests, err := setBigValue(s, b.count(neverGets))
	if err != nil {
		return nil, err
	}
	before, err := settledBytes(b, s)
	if err != nil {
		return nil, err
	}
	for range neverCount {
		nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			return nil, err
		}
		defer nc.Close()
		if err := nc.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		_, _ = nc.Write(requests) // however it ends
	}
	after, err := settledBytes(b, s)
	if err != nil {
		return nil, err
	}
	cpuFrom, err := cpuTime(s.pid)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if err := b.pause(neverPause); err != nil {
		return nil, err
	}
	cpuTo, err := cpuTime(s.pid)
	waited := time.Since(started)
	if _, pingErr := s.control.do("PING"); pingErr != nil {
		return nil, fmt.Errorf("with clients that do not read: %w", pingErr)
	}
	return result{metricGrowth: float64(after - before), metricWaitCPU: 100 * float64(cpuTo-cpuFrom) / float64(waited)}, err
}
