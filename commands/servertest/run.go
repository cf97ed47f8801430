package servertest

// How a table of steps is played.

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// caller names the place of the step in the test's file.
func caller() string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("%s:%d", file[strings.LastIndexByte(file, '/')+1:], line)
}

// delivery is how the bytes of a table's commands reach the server.
type delivery string

const (
	whole     delivery = "whole"
	bytewise  delivery = "bytewise"
	pipelined delivery = "pipelined"
)

// maxBytewise is the size of a command from which on its bytes are not sent one by one: a system call each.
const maxBytewise = 4096

// Run plays a table of steps in all ways; see the top of this file's neighbour, steps.go.
func Run(t *testing.T, steps ...*Step) {
	t.Helper()
	RunWith(t, nil, steps...)
}

// RunWith is Run for servers with flags.
func RunWith(t *testing.T, flags []string, steps ...*Step) {
	t.Helper()
	dumps := map[string]string{}
	for _, reactor := range Reactors {
		for _, proto := range []int{2, 3} {
			for _, d := range []delivery{whole, bytewise, pipelined} {
				name := fmt.Sprintf("%s/RESP%d/%s", reactor, proto, d)
				t.Run(name, func(t *testing.T) {
					s := Start(t, reactor, flags...)
					play(t, s, proto, d, steps)
					dumps[name] = Dump(s.Dial())
				})
			}
		}
	}
	t.Run("journal", func(t *testing.T) { dumps["journal"] = replay(t, flags, steps) })
	for name, got := range dumps {
		if want := dumps["journal"]; got != want && !t.Failed() {
			t.Errorf("the data differs after %s:\n%s\nfrom the journal:\n%s", name, cut(got), cut(want))
		}
	}
}

// play runs the steps on one connection.
func play(t *testing.T, s *Server, proto int, d delivery, steps []*Step) {
	t.Helper()
	c := s.Dial()
	if proto == 3 {
		c.Hello(3)
	}
	if d == pipelined {
		for _, step := range steps {
			c.Send(step.words...)
		}
		sent := make(chan error, 1)
		go func() { sent <- c.TryFlush() }()
		defer func() {
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}()
	}
	for _, step := range steps {
		if d != pipelined {
			c.Send(step.words...)
			if d == bytewise && len(c.out) <= maxBytewise {
				c.FlushBytes()
			} else {
				c.Flush()
			}
		}
		v, err := c.TryReceive()
		if err != nil {
			t.Fatalf("%s: %s: %v", step.where, Words(step.words), err)
		}
		if problem := step.check(v, proto); problem != "" {
			t.Errorf("%s: %s: %s", step.where, Words(step.words), problem)
		}
	}
}

// replay runs the steps with a journal and returns the dump after the data has been loaded from it, which must be
// the one from before.
func replay(t *testing.T, flags []string, steps []*Step) string {
	t.Helper()
	dir := t.TempDir()
	journal := append([]string{"--appendonly", "yes", "--appendfsync", "no", "--dir", dir}, flags...)
	s := Start(t, Reactors[0], journal...)
	s.WaitLoaded()
	play(t, s, 2, whole, steps)
	before := Dump(s.Dial())
	s.Stop()
	s = Start(t, Reactors[0], journal...)
	s.WaitLoaded()
	after := Dump(s.Dial())
	if before != after {
		t.Errorf("the data came back from the journal changed:\n%s\nwas:\n%s", cut(after), cut(before))
	}
	return after
}

// cut shortens a dump for a failure's text.
func cut(dump string) string {
	const most = 4 << 10
	if len(dump) > most {
		return dump[:most] + "..."
	}
	return dump
}

// Play runs steps on a connection that the test has, once and in RESP2 to begin with: a step's HELLO does not change what
// form its own reply is expected in.
func Play(t *testing.T, c *Conn, steps ...*Step) {
	t.Helper()
	proto := 2
	for _, step := range steps {
		if len(step.words) > 1 && strings.EqualFold(step.words[0], "HELLO") && (step.words[1] == "2" || step.words[1] == "3") {
			proto = int(step.words[1][0] - '0')
		}
		if problem := step.check(c.Do(step.words...), proto); problem != "" {
			t.Errorf("%s: %s: %s", step.where, Words(step.words), problem)
		}
	}
}
