package commands_test

// Clients that mean harm, or know no better: broken frames, numbers and sizes at the ends of what can be written,
// patterns that cost, half a request and then nothing. Each is tried before login, after login, byte by byte and inside
// MULTI, by clients that wait for the end and by clients that vanish. After each the server must be there, its memory
// back where it was, its clients forgotten, and nobody else may have waited.

import (
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine"
	"redix/engine/seeds"
)

const (
	hostilePatience = 20 * time.Second
	longestStall    = 700 * time.Millisecond // for others; the machine may be busy with other tests
	hostileSlack    = 128 << 10              // bytes of used memory: the index may have grown
	hostileHeap     = 64 << 20               // bytes of Go heap after all of them
	bytewiseMost    = 400                    // input up to which it is sent byte by byte
	hostileTogether = 3                      // clients that try the same at one time
)

// command encodes a command whose words are separated by spaces; ~ stands for a space inside one.
func command(words string) string {
	list := strings.Fields(words)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "~", " ")
	}
	return string(servertest.AppendCommand(nil, list...))
}

func repeated(n int, s string) string { return strings.Repeat(s, n) }

// hostileInputs are the attacks by name.
func hostileInputs(random *rand.Rand) map[string]string {
	in := map[string]string{
		// frames
		"count -1": "*-1\r\n", "count -2": "*-2\r\n", "count min": "*-9223372036854775808\r\n", "count max": "*9223372036854775807\r\n",
		"count over int32": "*2147483648\r\n", "count int32": "*2147483647\r\n$1\r\na\r\n", "count not a number": "*x\r\n", "count plus": "*+1\r\n$4\r\nPING\r\n",
		"count zeros": "*0001\r\n$4\r\nPING\r\n", "count nothing": "*\r\n", "count without end": "*" + repeated(100_000, "1"), "empty frames": repeated(10_000, "*0\r\n"),
		"blank lines": repeated(20_000, "\r\n"), "million announced": "*1000000\r\n" + repeated(1000, "$1\r\na\r\n"), "size -1": "*1\r\n$-1\r\n", "size -2": "*1\r\n$-2\r\n",
		"size max": "*1\r\n$9223372036854775807\r\n", "size over": "*1\r\n$9223372036854775808\r\n", "size 512 MB": "*2\r\n$3\r\nGET\r\n$536870912\r\nabc",
		"size 512 MB + 1": "*2\r\n$3\r\nGET\r\n$536870913\r\nabc", "size without end": "*1\r\n$" + repeated(100_000, "1"), "size space": "*1\r\n$4 \r\nPING\r\n",
		"no size": "*1\r\nPING\r\n", "nested": repeated(1000, "*1\r\n"), "integer argument": "*1\r\n:1\r\n", "no payload end": "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
		"half": "*2\r\n$3\r\nGET\r\n$5\r\nab", "bulk first": "$4\r\nPING\r\n", "empty name": "*1\r\n$0\r\n\r\n", "zero bytes": repeated(5000, "\x00"), "high bytes": repeated(5000, "\xff\n"),
		"large half": "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n" + repeated(3<<20, "x"), "RESP3 request": "%1\r\n+a\r\n+b\r\n|1\r\n+c\r\n+d\r\n>1\r\n+e\r\n",
		// other protocols and inline
		"HTTP": "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n", "POST": "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n", "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + repeated(600, "\x7f"),
		"inline quotes": "GET \"abc\r\n", "inline escapes": "GET \"\\x\\xzz\\\"\r\n", "inline long": repeated(70_000, "a"), "inline many words": repeated(30_000, "a ") + "\r\n", "inline lines": repeated(20_000, "x\n"),
		// commands that are none, too many words
		"unknown": command("nosuch a b c"), "unknown long": command(repeated(5000, "n") + " " + repeated(5000, "a")), "subcommand": command("CONFIG " + repeated(5000, "x")),
		"many words": command("DEL" + repeated(5000, " k")), "many pings": repeated(20_000, command("PING")), "line ends": command("nosuch \r\n+OK\r\n"),
		// numbers
		"LRANGE": command("RPUSH l a b") + command("LRANGE l -9223372036854775808 9223372036854775807"), "GETRANGE": command("SET k v") + command("GETRANGE k -9223372036854775808 9223372036854775807"),
		"SETRANGE": command("SETRANGE k 9223372036854775807 x") + command("SETRANGE k 536870912 x") + command("SETRANGE k -1 x"), "SETBIT": command("SETBIT k 9223372036854775807 1") + command("SETBIT k 4294967296 1"),
		"BITFIELD": command("BITFIELD k SET u63 9223372036854775807 1") + command("BITFIELD k GET u1 #9223372036854775807") + command("BITFIELD k GET i65 0"),
		"numkeys":  command("SINTERCARD 9223372036854775807 k") + command("ZUNION 2147483647 k") + command("LMPOP 4294967297 k LEFT") + command("ZINTERSTORE d -1 k") + command("BLMPOP 0 999999999999999999999 k LEFT"),
		"counts":   command("RPUSH l a") + command("LPOP l 9223372036854775807") + command("SPOP s 9223372036854775807") + command("SRANDMEMBER s -9223372036854775808") + command("HRANDFIELD h -9223372036854775808"),
		"expiry":   command("SET k v PX 9223372036854775807") + command("SET k v EX 9223372036854775807") + command("SET k v") + command("EXPIRE k 9223372036854775807") + command("PEXPIREAT k -9223372036854775808"),
		"overflow": command("SET k 9223372036854775807") + command("INCR k") + command("DECRBY k -9223372036854775808") + command("INCRBYFLOAT k 1e4000") + command("HINCRBYFLOAT h f nan"),
		"scans":    command("SCAN 18446744073709551615 COUNT 9223372036854775807") + command("SCAN -1") + command("SSCAN s 99999999999999999999") + command("SCAN 0 COUNT 0"),
		"streams":  command("XADD x 18446744073709551615-18446744073709551615 a b") + command("XADD x * a b") + command("XRANGE x - + COUNT 9223372036854775807") + command("XTRIM x MAXLEN -1") + command("XSETID x 0-0"),
		"scores":   command("ZADD z nan a") + command("ZADD z 1e400 a inf b -inf c") + command("ZINCRBY z inf c") + command("ZRANGE z 0 -1 BYSCORE LIMIT -9223372036854775808 9223372036854775807") + command("ZRANDMEMBER z -9223372036854775808"),
		"geo":      command("GEOADD g 180 90 a") + command("GEOADD g 1 1 a") + command("GEOSEARCH g FROMLONLAT 1e308 1 BYRADIUS 1e308 km ASC") + command("GEOSEARCH g FROMMEMBER a BYBOX -1 nan m"),
		"waits":    command("BLPOP l 9223372036854775807") + command("BLPOP l 1e300") + command("BLPOP l -0.1") + command("XREAD BLOCK 9223372036854775807 STREAMS x $") + command("BLPOP l 99999999999"),
		"server": command("SELECT 9223372036854775807") + command("SWAPDB 0 -1") + command("CLIENT KILL ID 9223372036854775808") + command("CLIENT UNBLOCK 9223372036854775807") + command("SLOWLOG GET -2") +
			command("MEMORY USAGE k SAMPLES 9223372036854775807") + command("OBJECT ENCODING k") + command("DEBUG STRINGMATCH-LEN x x") + command("CONFIG SET maxclients 99999999999999999999") + command("HELLO 9223372036854775807"),
		"hyperloglog": command("SET k HYLL\x01\x01\x01\x01") + command("PFADD k a") + command("PFCOUNT k") + command("SET p HYLL"+repeated(12300, "\xff")) + command("PFCOUNT p"),
		// users
		"passwords": repeated(200, command("AUTH default wrong")+command("AUTH "+repeated(1000, "u")+" "+repeated(1000, "p"))), "password halves": command("HELLO 3 AUTH default") + command("HELLO 3 AUTH x y SETNAME"),
		"ACL": command("ACL SETUSER u ((((") + command("ACL SETUSER u ()))") + command("ACL SETUSER u +@ -| +| %~ %RW &") + command("ACL SETUSER u "+repeated(500, "(+get~~a)")) +
			command("ACL GENPASS 9223372036854775807") + command("ACL LOG -9223372036854775808") + command("ACL DRYRUN u zunion 9223372036854775807 k") + command("ACL DELUSER u"),
		// patterns
		"stars": command("SET "+repeated(5000, "a")+" v") + command("KEYS "+repeated(2000, "*a")+"b") + command("KEYS "+repeated(5000, "*")) + command("SCAN 0 MATCH "+repeated(2000, "a*")+"b"), "classes": command("KEYS "+repeated(2000, "[a")) + command("KEYS [^") + command("KEYS \\") + command("KEYS [z-a"),
		"pattern subscriptions": repeated(300, command("PSUBSCRIBE "+repeated(50, "*?[a-"))) + command("PUNSUBSCRIBE"), "CONFIG GET": command("CONFIG GET " + repeated(3000, "*a")),
		// many of a kind
		"subscriptions": command("SUBSCRIBE" + numbered(3000, "c")), "watches": command("WATCH" + numbered(3000, "k")), "waits at many keys": command("BLPOP" + numbered(3000, "l") + " 0"),
		"transactions": command("MULTI") + repeated(3000, command("SET k v")), "names": command("CLIENT SETNAME "+repeated(100_000, "n")) + command("CLIENT SETINFO LIB-NAME "+repeated(100_000, "n")),
		"replies not read": command("SET k "+repeated(60_000, "v")) + repeated(400, command("GET k")), "help": repeated(200, command("COMMAND DOCS")),
		"sets": command("SADD s" + numbered(20_000, "m")), "hashes": command("HSET h" + numbered(20_000, "f")), "sort": command("RPUSH l"+numbered(5000, "e")) + command("SORT l BY w* GET a* GET b* ALPHA"),
	}
	noise := make([]byte, 20_000)
	for i := range noise {
		noise[i] = byte(random.IntN(256))
	}
	in["noise"] = string(noise)
	in["noise in frames"] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n" + string(noise) + "\r\n" + command("BITCOUNT k") + command("APPEND k x") + command("LPUSH k x")
	// a request cut and one byte changed, at random places
	for i := range 40 {
		b := []byte(command("MSET a 1 b 2 c 3") + command("XADD x * f v") + command("HGETALL h"))
		b[random.IntN(len(b))] = byte(random.IntN(256))
		in["changed "+strconv.Itoa(i)] = string(b[:1+random.IntN(len(b))])
	}
	return in
}

func numbered(n int, prefix string) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(" " + prefix + strconv.Itoa(i))
	}
	return out.String()
}

// hostileStages are what comes before the input; bytewise sends it byte by byte.
var hostileStages = []struct {
	name, before string
	bytewise     bool
}{
	{"before login", "", false},
	{"after login", command("AUTH secret"), false},
	{"byte by byte", command("AUTH secret"), true},
	{"inside MULTI", command("AUTH secret") + command("MULTI"), false},
}

func TestHostileClients(t *testing.T) {
	inputs := hostileInputs(rand.New(rand.NewPCG(seeds.Draw(t), 0)))
	tried := 0
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		h := newHostile(t, s)
		for _, stage := range hostileStages {
			for name, in := range inputs {
				if stage.bytewise && len(in) > bytewiseMost {
					continue
				}
				what := stage.name + ": " + name
				tried++
				vanish := tried%2 == 0
				for range hostileTogether {
					h.attack(what, stage.before, in, stage.bytewise, vanish)
				}
				h.check(what)
				if t.Failed() {
					return
				}
			}
		}
		h.end()
	}, "--requirepass", "secret", "--enable-debug-command", "no")
	t.Logf("%d attacks, %d clients each", tried, hostileTogether)
}

// hostile is a server under attack, and those who watch it.
type hostile struct {
	t       *testing.T
	s       *servertest.Server
	admin   *servertest.Conn
	used    int64
	heap    uint64
	stop    chan struct{}
	stopped chan struct{}
	longest atomic.Int64 // nanoseconds that another client has waited for a PONG since the last look
	worst   time.Duration
	worstAt string
}

func newHostile(t *testing.T, s *servertest.Server) *hostile {
	h := &hostile{t: t, s: s, admin: s.Dial(), stop: make(chan struct{}), stopped: make(chan struct{})}
	h.admin.Must("AUTH", "secret")
	watcher := s.Dial()
	watcher.Must("AUTH", "secret")
	go h.watch(watcher)
	for i := range 2000 { // the index and the free lists find their sizes
		h.admin.Must("SET", "warm"+strconv.Itoa(i), strings.Repeat("x", i))
	}
	h.admin.Must("FLUSHALL")
	for range 3 {
		h.attack("warm-up", command("AUTH secret"), command("SADD s"+numbered(20_000, "m")), false, false)
		h.admin.Must("FLUSHALL")
	}
	eventually(t, "what was freed is free", func() bool { return h.garbage() == 0 })
	h.used, h.heap = h.usedMemory(), heapInUse()
	return h
}

// watch is the client that must not be kept waiting.
func (h *hostile) watch(c *servertest.Conn) {
	defer close(h.stopped)
	for {
		select {
		case <-h.stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		start := time.Now()
		if v, err := c.TryDo("PING"); err != nil || v.Str != "PONG" {
			h.t.Errorf("another client's PING: %s, %v", v, err)
			return
		}
		h.longest.Store(max(h.longest.Load(), int64(time.Since(start))))
	}
}

func (h *hostile) usedMemory() (n int64) {
	h.s.OnLoop(func(e *engine.Server) { n = e.UsedMemory() })
	return n
}

func (h *hostile) garbage() (n int) {
	h.s.OnLoop(func(e *engine.Server) { n = int(e.Keyspace.Garbage()) })
	return n
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// attack sends the input. A client that does not vanish waits until the server has closed the connection, which it must
// do when the client has said that nothing more will come.
func (h *hostile) attack(what, before, in string, bytewise, vanish bool) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.s.Addr)
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(hostilePatience))
	tcp := conn.(*net.TCPConn)
	drained := make(chan error, 1)
	if !vanish { // it reads while it writes, or both would wait for one another
		go func() {
			_, err := io.Copy(io.Discard, conn)
			drained <- err
		}()
	}
	_, err = io.WriteString(conn, before)
	for i := 0; bytewise && err == nil && i < len(in); i++ {
		_, err = io.WriteString(conn, in[i:i+1])
	}
	if !bytewise && err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(h.writePatience(vanish)))
		_, _ = io.WriteString(conn, in) // it may be closed in the middle, or, unread, not take all
	}
	if vanish {
		_ = tcp.SetLinger(0) // as a machine that crashes, not as a program that ends
		return
	}
	_ = tcp.CloseWrite()
	if err := <-drained; err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			h.t.Fatalf("%s: the server does not close the connection", what)
		}
	}
}

// writePatience is how long a client tries to send what the server may not want to take.
func (h *hostile) writePatience(vanish bool) time.Duration {
	if vanish {
		return 50 * time.Millisecond
	}
	return hostilePatience
}

// check waits until the attackers are gone, and looks at what they have left.
func (h *hostile) check(what string) {
	h.t.Helper()
	h.admin.Must("FLUSHALL")
	h.admin.Must("ACL", "LOG", "RESET")
	n, used := 0, int64(0)
	for end := time.Now().Add(hostilePatience); ; time.Sleep(time.Millisecond) {
		h.s.OnLoop(func(e *engine.Server) { n, used = e.NumClients(), e.UsedMemory() })
		if n == 2 && used <= h.used+hostileSlack {
			break
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s: %d clients (want 2), %d bytes used, %d before", what, n, used, h.used)
		}
	}
	subscribed, waiting := 0, 0
	h.s.OnLoop(func(e *engine.Server) {
		subscribed = e.NumNames(engine.Channels) + e.NumNames(engine.Patterns) + e.NumNames(engine.Shards)
		clients, keys := e.NumBlocked()
		waiting = clients + keys
	})
	if subscribed+waiting != 0 {
		h.t.Fatalf("%s: %d subscriptions and %d waits are left", what, subscribed, waiting)
	}
	if v := h.admin.Must("ACL", "LIST"); len(v.Elems) != 1 {
		h.t.Fatalf("%s: users %s", what, v)
	}
	if took := time.Duration(h.longest.Swap(0)); took > h.worst {
		h.worst, h.worstAt = took, what
	}
}

func (h *hostile) end() {
	h.t.Helper()
	close(h.stop)
	<-h.stopped
	heap := heapInUse()
	h.t.Logf("the longest PING of another client took %v (%s); heap %d KiB before, %d after", h.worst, h.worstAt, h.heap>>10, heap>>10)
	if h.worst > longestStall {
		h.t.Errorf("another client waited for %v (%s)", h.worst, h.worstAt)
	}
	if heap > h.heap+hostileHeap {
		h.t.Errorf("the heap grew from %d to %d", h.heap, heap)
	}
}
