//go:build linux

package commands_test

// Soak: a mixed load of all groups over clients that come and go, for as long as REDIX_SOAK says (make soak: half an hour).
// Keys are few, what they hold is thrown away now and then, and so the memory after each throwing away must stay where
// it was after the warm-up: what the server counts, and what the kernel counts for its process.

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands/servertest"
)

const (
	soakShort   = 10 * time.Second // inside make test, and paced
	soakPeriods = 8                // looks at the memory, of which
	soakWarmUp  = 3                // show how much it may be
	soakWorkers = 4
	soakPace    = 4 * time.Millisecond // between two batches of a client
	dataSlack   = 1 << 20              // bytes that the keyspace may grow by,
	usedSlack   = 24 << 20             // used_memory, which counts what the collector has not looked at yet,
	rssSlack    = 32 << 20             // and the resident memory
)

func TestSoak(t *testing.T) {
	length, pace := soakShort, soakPace
	if s := os.Getenv("REDIX_SOAK"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		pace = 0
	}
	p := servertest.StartProcess(t, "--appendonly", "yes", "--auto-aof-rewrite-min-size", "16mb", "--loglevel", "warning")
	admin := p.Dial()
	admin.Must("ACL", "SETUSER", "u", "on", "nopass", "+@all", "-@admin", "~*", "&*", "(%R~s* +get)")
	k := &soak{t: t, addr: p.Addr, pace: pace, stop: make(chan struct{})}
	seed := newSource(t, "s").Uint64()
	for i := range soakWorkers {
		k.workers.Add(1)
		go k.work(rand.New(rand.NewPCG(seed, uint64(i))))
	}
	var data, used, rss []int64
	for range soakPeriods {
		time.Sleep(length / soakPeriods) // the load is what passes here
		k.pause.Lock()
		admin.Must("FLUSHALL")
		eventually(t, "what was thrown away is free", func() bool { return admin.Info("memory")["lazyfree_pending_objects"] == "0" })
		info := admin.Info("memory")
		data, used, rss = append(data, number64(t, info["used_memory_dataset"])), append(used, number64(t, info["used_memory"])), append(rss, p.RSS())
		k.pause.Unlock()
	}
	close(k.stop)
	k.workers.Wait()
	t.Logf("%d commands on %d connections in %v; keyspace %v, used_memory %v, resident %v KiB", k.commands.Load(), k.connections.Load(), length,
		kibibytes(data), kibibytes(used), kibibytes(rss))
	flat(t, "the keyspace", data, dataSlack)
	flat(t, "used_memory", used, usedSlack)
	flat(t, "resident memory", rss, rssSlack)
	eventually(t, "all clients are forgotten", func() bool {
		c := admin.Info("clients")
		return c["connected_clients"] == "1" && c["blocked_clients"] == "0"
	})
	if k.commands.Load() < 1000 || k.connections.Load() < soakWorkers {
		t.Error("too little load to show anything")
	}
}

// flat fails if a size after the warm-up is larger than all those during it by more than slack.
func flat(t *testing.T, what string, sizes []int64, slack int64) {
	t.Helper()
	if limit := slices.Max(sizes[:soakWarmUp]) + slack; slices.Max(sizes[soakWarmUp:]) > limit {
		t.Errorf("%s grew to %d, more than %d", what, slices.Max(sizes[soakWarmUp:]), limit)
	}
}

func number64(t *testing.T, digits string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func kibibytes(sizes []int64) string {
	out := make([]int64, len(sizes))
	for i, n := range sizes {
		out[i] = n >> 10
	}
	return fmt.Sprint(out)
}

// soak is the load.
type soak struct {
	t                     *testing.T
	addr                  string
	pace                  time.Duration
	stop                  chan struct{}
	workers               sync.WaitGroup
	pause                 sync.RWMutex // held for reading by who sends
	commands, connections atomic.Int64
}

// work opens one connection after the other until it is stopped.
func (k *soak) work(random *rand.Rand) {
	defer k.workers.Done()
	decks := map[string][]*shape{}
	for group := range diffGroups {
		decks[group] = deckOf(group)
	}
	for {
		select {
		case <-k.stop:
			return
		default:
		}
		if err := k.visit(random, decks); err != nil {
			k.t.Error(err)
			return
		}
	}
}

// soakOpenings are what a client may begin with.
var soakOpenings = [][]string{{"PING"}, {"HELLO", "3"}, {"HELLO", "3", "AUTH", "u", "x"}, {"AUTH", "u", "x"}, {"AUTH", "u2", "x"},
	{"CLIENT", "SETNAME", "soak"}, {"SELECT", "1"}, {"CLIENT", "NO-TOUCH", "on"}}

// visit is one connection: some batches, and then an end in good order or not. That a reply does not come soon is no error: the
// client may be waiting for a key.
func (k *soak) visit(random *rand.Rand, decks map[string][]*shape) error {
	conn, err := net.Dial("tcp", k.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	k.connections.Add(1)
	in := bufio.NewReader(conn)
	homes := homes()
	g := &source{Rand: random, nowMs: time.Now().UnixMilli()}
	batches := 1 + g.IntN(100)
	for i := range batches {
		select {
		case <-k.stop:
			return nil
		default:
		}
		g.home = homes[g.IntN(len(homes))]
		var out []byte
		n := 1 + g.IntN(30)
		for j := range n {
			words := pick(g, decks[g.home]).draw(g)
			switch {
			case i == 0 && j == 0:
				words = pick(g, soakOpenings)
			case g.IntN(20) == 0:
				words = []string{"SET", "e" + strconv.Itoa(g.IntN(1000)), "v", "PX", strconv.Itoa(1 + g.IntN(200))}
			case g.IntN(200) == 0:
				words = pick(g, [][]string{{"SUBSCRIBE", "a", "b"}, {"PSUBSCRIBE", "a*"}, {"PUBLISH", "a", "m"}, {"MULTI"}, {"EXEC"},
					{"ACL", "WHOAMI"}, {"WATCH", "s0", "h0"}, {"RESET"}, {"INFO"}, {"CLIENT", "LIST"}, {"ACL", "LOG"}, {"BLPOP", "l0", "0.01"}})
			}
			out = servertest.AppendCommand(out, words...)
		}
		k.pause.RLock()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		_, err := conn.Write(out)
		for j := 0; j < n && err == nil; j++ {
			if g.IntN(2000) == 0 { // it leaves without a word
				k.pause.RUnlock()
				return nil
			}
			_, err = servertest.Read(in)
			k.commands.Add(1)
		}
		k.pause.RUnlock()
		if err != nil {
			return nil // closed (QUIT), or waiting
		}
		time.Sleep(k.pace) // the load in a test of all is a light one
	}
	return nil
}
