package commands_test

// The same random steps to redix and to a real redis-server, by a crowd of connections many of which wait: after each
// step the same connections must have been served, with the same replies.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

func init() {
	for _, name := range []string{"blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin"} {
		notCompared[name] = "compared by TestDiffBlocking"
	}
}

const (
	crowdSize  = 12
	crowdSteps = 1500
)

// crowd are the connections to one server.
type crowd struct {
	t       *testing.T
	dial    func() *servertest.Conn
	control *servertest.Conn
	members []*guest
}

type guest struct {
	conn    *servertest.Conn
	id      string
	waiting bool
	inMulti bool
	replies chan reply
}

func newCrowd(t *testing.T, dial func() *servertest.Conn, proto int) *crowd {
	c := &crowd{t: t, dial: dial, control: dial()}
	for i := range crowdSize {
		c.members = append(c.members, nil)
		c.join(i, proto)
	}
	return c
}

// join gives place i a new connection.
func (c *crowd) join(i, proto int) {
	m := &guest{conn: c.dial(), replies: make(chan reply, 100)}
	if proto == 3 {
		m.conn.Hello(3)
	}
	m.id = fmt.Sprint(m.conn.Must("CLIENT", "ID").Int)
	c.members[i] = m
	go func() {
		for {
			_ = m.conn.SetReadDeadline(time.Time{})
			v, err := servertest.Read(m.conn.In)
			if err != nil {
				close(m.replies)
				return
			}
			m.replies <- v
		}
	}()
}

// leave closes the connection at place i and waits until the server has noticed.
func (c *crowd) leave(i, proto int) {
	m := c.members[i]
	m.conn.Close()
	for strings.Contains(c.control.Must("CLIENT", "LIST", "ID", m.id).Str, "id="+m.id+" ") {
	}
	c.join(i, proto)
}

func (c *crowd) isWaiting(m *guest) bool {
	line := c.control.Must("CLIENT", "LIST", "ID", m.id).Str
	_, flags, _ := strings.Cut(line, " flags=")
	flags, _, _ = strings.Cut(flags, " ")
	return strings.Contains(flags, "b")
}

// take returns the next reply of a member, or false when it has begun to wait.
func (c *crowd) take(m *guest) (reply, bool) {
	for {
		select {
		case v := <-m.replies:
			return v, true
		default:
		}
		if c.isWaiting(m) {
			return reply{}, false
		}
	}
}

// step makes place i send commands, @3 standing for the identifier of place 3, and tells what came of it.
func (c *crowd) step(i int, commands [][]string) []string {
	m := c.members[i]
	for _, words := range commands {
		words = slices.Clone(words)
		for k, w := range words {
			if at, ok := strings.CutPrefix(w, "@"); ok {
				var place int
				fmt.Sscan(at, &place)
				words[k] = c.members[place].id
			}
		}
		m.conn.Send(words...)
	}
	m.conn.Flush()
	var events []string
	for range commands {
		v, ok := c.take(m)
		if !ok {
			m.waiting = true
			events = append(events, fmt.Sprintf("%d waits", i))
			break
		}
		events = append(events, fmt.Sprintf("%d %s", i, v))
	}
	switch last := commands[len(commands)-1]; {
	case last[0] == "MULTI":
		m.inMulti = true
	case last[0] == "DISCARD" || last[0] == "RESET" || last[0] == "EXEC" && len(last) == 1:
		m.inMulti = false
	}
	for at, other := range c.members {
		if other.waiting && !c.isWaiting(other) {
			other.waiting = false
			events = append(events, fmt.Sprintf("%d served: %s", at, <-other.replies))
		}
	}
	return events
}

// steps are what one client does: commands separated by semicolons. L stands for a key that holds a list, Z for one that
// holds a sorted set, E for an end; t holds anything.
type steps struct{ waits, others []string }

// Who waits at one key only is served in the same way by redis-server 7.0, which takes the element from the key that was
// fed, and by 7.2, which runs the command again. So clients that wait at several keys get a run without commands that feed
// more than one key at a time.
var (
	waitsAtOne = steps{
		waits: []string{"BLPOP L 0", "BRPOP L 0", "BLMOVE L L E E 0", "BRPOPLPUSH L L 0", "BLMPOP 0 1 L E COUNT 2", "BLMPOP 0 1 L E",
			"BZPOPMIN Z 0", "BZPOPMAX Z 0", "BZMPOP 0 1 Z MIN COUNT 2", "BZMPOP 0 1 Z MAX", "BLPOP t 0", "BZPOPMIN t 0", "BLMOVE a t E E 0",
			"BLPOP a a 0"},
		others: append(fedOneByOne, "SELECT 1;RPUSH L 7;SELECT 0", "SELECT 1;DEL a;DEL b;ZADD x 9 q;SELECT 0", "MULTI;#;#;EXEC",
			"MULTI;#;#;#;EXEC", "MULTI;BLPOP L 0;BLMOVE L L E E 0;BZPOPMIN Z 0;EXEC", "MULTI;RPUSH L 1 2 3;DEL L;RPUSH L 4;EXEC",
			"SELECT 1;FLUSHDB;RPUSH L 7 8;SWAPDB 0 1;SELECT 0", "SELECT 1;FLUSHDB;ZADD Z 7 m;SELECT 0;SWAPDB 1 0"),
	}
	waitsAtSeveral = steps{
		waits: []string{"BLPOP L L 0", "BRPOP L L L 0", "BLPOP a b c a 0", "BLMPOP 0 2 L L E COUNT 2", "BLMPOP 0 3 a b c LEFT", "BZPOPMIN x y 0",
			"BZPOPMAX Z Z 0", "BZMPOP 0 2 Z Z MIN COUNT 2", "BLPOP L 0", "BZPOPMIN Z 0"},
		others: append(fedOneByOne, "MULTI;RPUSH L 1 2 3;LPOP L;EXEC"),
	}
	fedOneByOne = []string{"LPUSH L 1 2", "RPUSH L 3", "RPUSH L 4 5 6", "ZADD Z 1 m 2 n", "ZADD Z 3 o", "DEL L", "LPOP L", "LMOVE L L LEFT RIGHT",
		"RENAME L L", "RENAME Z Z", "COPY L L REPLACE", "LPOP a 9", "ZPOPMIN x 9", "SET t v", "DEL t", "LPUSH t 1", "ZADD t 1 m", "EXPIRE L -1",
		"DEL Z", "SELECT 1;RPUSH a 7 8;MOVE a 0;SELECT 0", "ZUNIONSTORE Z 2 x y", "FLUSHALL", "LINSERT a BEFORE 1 0", "GETDEL t",
		"CLIENT UNBLOCK @", "CLIENT UNBLOCK @ ERROR", "CLIENT UNBLOCK @ TIMEOUT"}
)

func (s *steps) draw(r *rand.Rand) [][]string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	script := pick(s.others...)
	if r.IntN(2) == 0 {
		script = pick(s.waits...)
	}
	for strings.Contains(script, "#") {
		inner := pick(s.others...)
		if !strings.Contains(inner, "MULTI") {
			script = strings.Replace(script, "#", inner, 1)
		}
	}
	var commands [][]string
	for line := range strings.SplitSeq(script, ";") {
		words := strings.Split(line, " ")
		for i, w := range words {
			switch w {
			case "L":
				words[i] = pick("a", "b", "c")
			case "Z":
				words[i] = pick("x", "y")
			case "E":
				words[i] = pick("LEFT", "RIGHT")
			case "@":
				words[i] = fmt.Sprintf("@%d", r.IntN(crowdSize))
			}
		}
		commands = append(commands, words)
	}
	return commands
}

// transactions are steps of clients that watch, queue and run, with mistakes.
var transactions = steps{
	waits: []string{"WATCH L", "WATCH L L Z", "UNWATCH", "MULTI", "EXEC", "DISCARD", "WATCH", "EXEC x"},
	others: []string{"SET L v", "APPEND L x", "GET L", "DEL L L", "INCR L", "HSET L f v", "RENAME L L", "COPY L L REPLACE", "EXPIRE L 100", "PERSIST L",
		"EXPIRE L -1", "MOVE L 1", "SELECT 1", "SELECT 0", "SWAPDB 0 1", "FLUSHDB", "FLUSHALL", "NOSUCH", "SET L", "GETDEL L", "MSET a 1 b 2",
		"SETRANGE L 1 x", "TOUCH L", "LPUSH L x", "BLPOP L 0", "ZADD Z 1 m", "ZINCRBY Z 0 m", "CLIENT NOSUCH", "SHUTDOWN x", "RESET", "SETNX L v",
		"UNLINK L", "PING", "ECHO a", "SADD L m", "SMOVE L L m", "GETEX L PERSIST", "PUBLISH L x"},
}

// compareCrowds plays random steps on both servers.
func compareCrowds(t *testing.T, reactor string, proto int, kind *steps) {
	r := newSource(t, "b").Rand
	s, p := servertest.Start(t, reactor), servertest.StartRedis(t)
	ours := newCrowd(t, s.Dial, proto)
	redis := newCrowd(t, func() *servertest.Conn { return servertest.Dial(t, p.Addr) }, proto)
	var history []string
	for range crowdSteps {
		at := r.IntN(crowdSize)
		if ours.members[at].waiting {
			if r.IntN(10) == 0 {
				history = append(history, fmt.Sprintf("%d leaves", at))
				ours.leave(at, proto)
				redis.leave(at, proto)
			}
			continue
		}
		commands := kind.draw(r)
		if valkey(against) && ours.members[at].inMulti && slices.Contains([]string{"MULTI", "WATCH"}, commands[0][0]) {
			continue // there the transaction fails, as by any command that it must not hold
		}
		history = append(history, fmt.Sprintf("%d %q", at, commands))
		if a, b := ours.step(at, commands), redis.step(at, commands); !slices.Equal(a, b) {
			t.Fatalf("%s\n ours  %q\n redis %q", strings.Join(history[max(0, len(history)-40):], "\n"), a, b)
		}
	}
	if a, b := servertest.Dump(ours.control), servertest.Dump(redis.control); a != b {
		t.Errorf("the data differs:\n%s\n%s", a, b)
	}
}

func TestDiffBlocking(t *testing.T) {
	for i, kind := range []*steps{&waitsAtOne, &waitsAtSeveral, &waitsAtOne, &waitsAtSeveral} {
		proto, name := 2+i/2%2, servertest.Reactors[(i+i/2)%len(servertest.Reactors)]
		t.Run(fmt.Sprintf("%s/RESP%d/%d", name, proto, i%2+1), func(t *testing.T) { compareCrowds(t, name, proto, kind) })
	}
}

func TestDiffTransactions(t *testing.T) {
	for i, name := range servertest.Reactors {
		t.Run(name, func(t *testing.T) { compareCrowds(t, name, 3-i%2, &transactions) })
	}
}
