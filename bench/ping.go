//go:build linux

// A client that nobody holds up: PINGs from a process of its own, above normal priority.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"redix/bench/load"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// pingPort names the variable of the environment that makes this program nothing but a pinger of that port.
const pingPort = "REDIX_BENCH_PING"

// pinger is a child that sends PINGs, one after the other. It is another process because what this one does
// (its collector, its other threads) would hold a client of its own up for longer than the server does.
type pinger struct {
	cmd *exec.Cmd
	in  io.Closer
	out io.ReadCloser
}

// startPinger starts the child, on the load's CPU.
func startPinger(ctx context.Context, port int) (*pinger, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &pinger{cmd: exec.CommandContext(ctx, program)}
	p.cmd.Env = append(os.Environ(), pingPort+"="+strconv.Itoa(port))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the pinger: %w", err)
	}
	var ready [1]byte
	if _, err := io.ReadFull(p.out, ready[:]); err != nil {
		return nil, errors.Join(fmt.Errorf("the pinger does not begin: %w", err), p.cmd.Wait())
	}
	return p, nil
}

// stop ends the child and returns its round trips.
func (p *pinger) stop() (*hdrhistogram.Histogram, error) {
	p.in.Close()
	var s hdrhistogram.Snapshot
	err := json.NewDecoder(p.out).Decode(&s)
	if err := errors.Join(err, p.cmd.Wait()); err != nil {
		return nil, fmt.Errorf("pinger: %w", err)
	}
	return hdrhistogram.Import(&s), nil
}

// pingIfAsked makes this process a pinger if it was started as one. It returns false otherwise.
func pingIfAsked() bool {
	port, err := strconv.Atoi(os.Getenv(pingPort))
	if err != nil {
		return false
	}
	latency, err := ping(port)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(latency.Export())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	return true
}

// ping measures round trips until the standard input ends; a byte on the standard output tells that it has begun. Nothing is
// allocated meanwhile.
func ping(port int) (*hdrhistogram.Histogram, error) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	fd, err := load.Dial(port)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var over atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	if err := goFirst(); err != nil {
		return nil, err
	}
	latency := hdrhistogram.New(100, int64(time.Minute), 3)
	request, answer := load.Command(nil, "PING"), make([]byte, 64)
	for begun := false; !over.Load(); {
		before := time.Now()
		if _, err := unix.Write(fd, request); err != nil {
			return nil, err
		}
		n, err := unix.Read(fd, answer)
		if err != nil {
			return nil, err
		}
		took := time.Since(before)
		if string(answer[:n]) != "+PONG\r\n" {
			return nil, fmt.Errorf("PING answered %q", answer[:n])
		}
		if err := latency.RecordValue(int64(took)); err != nil {
			return nil, err
		}
		if !begun {
			begun = true
			latency.Reset()
			if _, err := os.Stdout.Write([]byte{'\n'}); err != nil {
				return nil, err
			}
		}
	}
	return latency, nil
}

// goFirst puts this process before all of normal priority, or as far up as is allowed. It must be all of its threads: one that goes
// first may spin for what a thread of the Go runtime holds that it keeps from running.
func goFirst() error {
	fifo := unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1}
	return eachThread(os.Getpid(), func(tid int) {
		if unix.SchedSetAttr(tid, &fifo, 0) != nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, -20) // or it stays as it is
		}
	})
}
