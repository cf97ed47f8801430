package commands_test

// Keyspace notifications: the same random commands to redix and to a real redis-server, and to a client of each that
// listens to everything the same messages in the same order.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// eventCommands is how many commands of each group are compared.
const eventCommands = 1500

// listener is a connection that sends commands and one that hears of what they do.
type listener struct {
	conn, events *servertest.Conn
	ends         int
}

func newListener(dial func() *servertest.Conn) *listener {
	l := &listener{conn: dial(), events: dial()}
	l.conn.Must("CONFIG", "SET", "notify-keyspace-events", "KEAmn")
	l.conn.Must("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	l.events.Must("PSUBSCRIBE", "*")
	return l
}

// run sends commands and returns the messages that they have caused, then the kinds of their replies, and the last reply.
func (l *listener) run(commands [][]string) ([]string, reply) {
	for _, words := range commands {
		l.conn.Send(words...)
	}
	l.ends++
	end := fmt.Sprint("end", l.ends)
	l.conn.Send("PUBLISH", end, "")
	l.conn.Flush()
	var replies []string
	var last reply
	for range commands {
		last = l.conn.Receive()
		replies = append(replies, string(last.Kind))
	}
	l.conn.Receive()
	var got []string
	for {
		m := l.events.Receive().Strings()
		if m[2] == end {
			return append(got, strings.Join(replies, "")), last
		}
		got = append(got, strings.Join(m[2:], " "))
	}
}

// notHeard are the commands that do not do the same on both servers.
var notHeard = map[string]bool{"spop": true, "debug": true, "pfdebug": true, "randomkey": true, "object": true, "memory": true}

// toldHere are events that redis-server 7.0 leaves out, by command. It grows a string for a BITFIELD whose operations all
// fail, or changes registers before PFADD meets a damaged one, and tells nobody, the journal neither. Since 7.2 consumers
// are made also when there is nothing for them, so that it is not the same ones that there are.
var toldHere = map[string]string{"bitfield": "setbit", "pfadd": "pfadd", "xclaim": consumerEvents, "xautoclaim": consumerEvents,
	"xreadgroup": consumerEvents, "xgroup": consumerEvents}

const consumerEvents = "xgroup-createconsumer xgroup-delconsumer"

// sameEvents compares what a command has caused. SORT may visit any elements of a set, and so miss keys, in any order; a
// command that is refused may have missed its key before or after its other arguments were read.
func sameEvents(words, ours, redis []string) bool {
	ours, redis = slices.Clone(ours), slices.Clone(redis)
	without := func(messages []string, event string) []string {
		return slices.DeleteFunc(messages, func(m string) bool {
			return strings.HasSuffix(m, " "+event) || strings.HasPrefix(m, "__keyevent@") && strings.Contains(m, ":"+event+" ")
		})
	}
	name := strings.ToLower(words[0])
	for _, extra := range strings.Fields(toldHere[name]) {
		ours, redis = without(ours, extra), without(redis, extra)
	}
	if ours[len(ours)-1] == "-" || strings.HasPrefix(name, "sort") {
		ours, redis = without(ours, "keymiss"), without(redis, "keymiss")
	}
	return slices.Equal(ours, redis)
}

func TestDiffEvents(t *testing.T) {
	for i, group := range slices.Sorted(maps.Keys(diffGroups)) {
		t.Run(diffGroups[group], func(t *testing.T) {
			g := newSource(t, group)
			s, p := servertest.Start(t, servertest.Reactors[i%len(servertest.Reactors)]), servertest.StartRedis(t)
			ours, redis := newListener(s.Dial), newListener(func() *servertest.Conn { return servertest.Dial(t, p.Addr) })
			deck, bad := deckOf(group), 0
			var history []string
			for n := 0; n < eventCommands && bad < maxDiffs; n++ {
				words := pick(g, deck).draw(g)
				if notHeard[strings.ToLower(words[0])] {
					continue
				}
				history = append(history, servertest.Words(words))
				a, replyA := ours.run([][]string{words})
				b, replyB := redis.run([][]string{words})
				if isMeant(words, replyA, replyB) {
					a[len(a)-1], b[len(b)-1] = "-", "-" // one of them may have refused it
				}
				parted := meansToPart(words, replyA, replyB)
				if !parted && !sameEvents(words, a, b) {
					t.Errorf("%s\n ours  %q\n redis %q\n before: %s", servertest.Words(words), a, b,
						strings.Join(history[max(0, len(history)-6):], "\n "))
					bad++
					parted = true
				}
				if parted {
					ours.run([][]string{{"FLUSHALL"}, {"SELECT", "0"}})
					redis.run([][]string{{"FLUSHALL"}, {"SELECT", "0"}})
				}
			}
		})
	}
}

// TestEventsInClasses: only the classes asked for are published, and each where asked for.
func TestEventsInClasses(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		for _, test := range []struct{ classes, want string }{
			{"", ""}, {"A", ""}, {"K", ""}, {"KA", "K:set K:expire K:del"}, {"EA", "E:set E:expire E:del"}, {"K$", "K:set"}, {"Eg", "E:expire E:del"},
			{"Kn", "K:new"}, {"KEx", ""}, {"Em", "E:keymiss"}, {"KEh", ""}, {"KE$g", "K:set E:set K:expire E:expire K:del E:del"},
		} {
			c, l := s.Dial(), s.Dial()
			l.Must("PSUBSCRIBE", "__key*@3__:*")
			c.Must("CONFIG", "SET", "notify-keyspace-events", test.classes)
			for _, words := range []string{"SELECT 3", "SET k v EX 100", "DEL k", "GET k", "PUBLISH __key-end@3__: x"} {
				c.Must(strings.Split(words, " ")...)
			}
			var got []string
			for {
				m := l.Receive().Strings()
				if m[3] == "x" {
					break
				}
				switch m[2] {
				case "__keyspace@3__:k":
					got = append(got, "K:"+m[3])
				default:
					event, ok := strings.CutPrefix(m[2], "__keyevent@3__:")
					if !ok || m[3] != "k" {
						t.Errorf("message %q", m)
					}
					got = append(got, "E:"+event)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%q: %s, want %s", test.classes, got, test.want)
			}
		}
	})
}

// TestEventsOfExpiry: a key that expires is told of without anybody asking for it, and once.
func TestEventsOfExpiry(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, l := s.Dial(), s.Dial()
		c.Must("CONFIG", "SET", "notify-keyspace-events", "Ex")
		l.Must("SUBSCRIBE", "__keyevent@0__:expired")
		const n = 100
		for i := range n {
			c.Send("SET", strconv.Itoa(i), "v", "PX", strconv.Itoa(1+i%20))
		}
		c.Flush()
		for range n {
			c.Receive()
		}
		seen := map[string]bool{}
		for range n {
			m := l.Receive().Strings()
			if m[1] != "__keyevent@0__:expired" || seen[m[2]] {
				t.Fatalf("message %q", m)
			}
			seen[m[2]] = true
		}
	})
}

// TestMissesToldAndCounted: who looks at a key from outside tells nobody that it is missing, and may not count it.
func TestMissesToldAndCounted(t *testing.T) {
	s, p := servertest.Start(t, servertest.Reactors[0]), servertest.StartRedis(t)
	ours, redis := newListener(s.Dial), newListener(func() *servertest.Conn { return servertest.Dial(t, p.Addr) })
	for _, words := range []string{"SET there 1", "OBJECT ENCODING k", "OBJECT REFCOUNT k", "OBJECT IDLETIME k", "OBJECT FREQ k", "OBJECT ENCODING there",
		"MEMORY USAGE k", "MEMORY USAGE there", "DEBUG OBJECT k", "TTL k", "TYPE k", "EXISTS k there", "TOUCH k", "DUMP k", "GET k"} {
		command := [][]string{strings.Fields(words)}
		a, _ := ours.run(command)
		b, _ := redis.run(command)
		if !slices.Equal(a[:len(a)-1], b[:len(b)-1]) {
			t.Errorf("%s told %q, redis-server %q", words, a, b)
		}
		infoA, infoB := s.Dial().Info("stats"), servertest.Dial(t, p.Addr).Info("stats")
		for _, field := range []string{"keyspace_hits", "keyspace_misses"} {
			if infoA[field] != infoB[field] {
				t.Errorf("%s: %s is %s, redis-server has %s", words, field, infoA[field], infoB[field])
			}
		}
	}
}
