package commands_test

// MEMORY, the fields of INFO that tell of memory, and redis-cli's searches that need both.

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine/peer"
)

func TestMemoryCommands(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("MEMORY", "USAGE", "none").Null(),
		do("SET", "k", strings.Repeat("x", 1000)).OK(),
		do("MEMORY", "USAGE", "k").Between(1000, 1200),
		do("MEMORY", "USAGE", "k", "SAMPLES", "0").Between(1000, 1200),
		do("MEMORY", "USAGE", "k", "samples", "5").Between(1000, 1200),
		do("MEMORY", "USAGE", "k", "SAMPLES", "-1").Err("ERR syntax error"),
		do("MEMORY", "USAGE", "k", "SAMPLES").Err("ERR syntax error"),
		do("MEMORY", "USAGE", "k", "SAMPLES", "x").Err("ERR value is not an integer or out of range"),
		do("MEMORY", "USAGE", "k", "x", "1").Err("ERR syntax error"),
		do("MEMORY", "USAGE").Err("ERR wrong number of arguments for 'memory|usage' command"),
		do("MEMORY", "PURGE").OK(),
		do("MEMORY", "DOCTOR").Match("(?s).*Only .* are in use.*"),
		do("MEMORY", "MALLOC-STATS").Match("(?s).*arena: [0-9]+ bytes in [0-9]+ blocks.* 1024 .*"),
		do("MEMORY", "HELP").Len(13),
		do("MEMORY", "STATS", "x").Err("ERR wrong number of arguments for 'memory|stats' command"),
		do("MEMORY").Err("ERR wrong number of arguments for 'memory' command"),
	)
}

// flatKeys returns the names in the reply to MEMORY STATS.
func flatKeys(v servertest.Value) (names []string) {
	for i := 0; i+1 < len(v.Elems); i += 2 {
		names = append(names, v.Elems[i].Str)
		if len(v.Elems[i+1].Elems) > 0 {
			names = append(names, flatKeys(v.Elems[i+1])...)
		}
	}
	return names
}

// TestMemoryNames: MEMORY STATS and INFO memory have what redis-server has, under its names.
func TestMemoryNames(t *testing.T) {
	r := servertest.StartRedis(t).Dial()
	s := servertest.Start(t, "epoll").Dial()
	for _, c := range []*servertest.Conn{r, s} {
		c.Must("SET", "k", "v", "EX", "100")
	}
	ours, redis := flatKeys(s.Must("MEMORY", "STATS")), flatKeys(r.Must("MEMORY", "STATS"))
	have := map[string]bool{}
	for _, n := range ours {
		have[n] = true
	}
	for _, n := range redis {
		if !have[n] {
			t.Errorf("MEMORY STATS: no %s", n)
		}
	}
	for _, section := range []string{"memory", "stats"} {
		our := s.Info(section)
		for name := range r.Info(section) {
			if _, ok := our[name]; !ok && !strings.HasPrefix(name, "io_threaded") && !strings.HasPrefix(name, "dump_payload") && !strings.HasPrefix(name, "expire_cycle") &&
				!strings.HasPrefix(name, "total_reads") && !strings.HasPrefix(name, "total_writes") && !strings.HasPrefix(name, "reply_buffer") {
				t.Errorf("INFO %s: no %s", section, name)
			}
		}
	}
}

// TestMemoryFigures: the parts add up, and follow what is stored.
func TestMemoryFigures(t *testing.T) {
	c := servertest.StartProcess(t).Dial()
	number := func(name string) int {
		n, err := strconv.Atoi(c.Info("memory")[name])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := number("used_memory")
	for i := range 2000 {
		c.Must("SET", "k"+strconv.Itoa(i), strings.Repeat("x", 10_000))
	}
	if grown := number("used_memory") - before; grown < 20_000_000 || grown > 22_000_000 {
		t.Errorf("used_memory has grown by %d for 20 MB", grown)
	}
	if n := number("used_memory_dataset") + number("used_memory_overhead"); n < 20_000_000 || n > 23_000_000 {
		t.Errorf("dataset and overhead are %d", n)
	}
	if rss, used := number("used_memory_rss"), number("used_memory"); rss < used {
		t.Errorf("%d are resident of %d in use", rss, used)
	}
	if v := c.Must("MEMORY", "DOCTOR").Str; !strings.Contains(v, "Nothing looks wrong") && !strings.Contains(v, "Go runtime") {
		t.Errorf("MEMORY DOCTOR: %s", v)
	}
	for i := range 2000 {
		c.Must("DEL", "k"+strconv.Itoa(i))
	}
	if v := c.Must("MEMORY", "DOCTOR").Str; !strings.Contains(v, "too little") {
		t.Errorf("MEMORY DOCTOR of an empty server: %s", v)
	}
	if n := number("used_memory"); n > before+1<<20 {
		t.Errorf("%d bytes are in use after everything was deleted, %d before", n, before)
	}
}

// TestRedisCLIKeys: redis-cli finds the hottest and the largest keys.
func TestRedisCLIKeys(t *testing.T) {
	cli := peer.Tool(t, "redis-cli")
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c := s.Dial()
		c.Must("SET", "cold", "1")
		c.Must("SET", "large", strings.Repeat("x", 5000))
		c.Must("SET", "hot", "1")
		for range 500 {
			c.Must("GET", "hot")
		}
		for _, test := range []struct{ flag, want string }{
			{"--hotkeys", `hot key found with counter: \d+\s+keyname: "?hot`},
			{"--memkeys", `Biggest string found '"large"' has 5\d\d\d bytes`},
			{"--bigkeys", `Biggest string found '"large"' has 5000 bytes`},
		} {
			host, port, _ := strings.Cut(s.Addr, ":")
			out, err := exec.Command(cli, "-h", host, "-p", port, test.flag).CombinedOutput()
			if err != nil || !regexp.MustCompile(test.want).Match(out) {
				t.Errorf("redis-cli %s: %v: %s", test.flag, err, out)
			}
		}
	}, "--maxmemory-policy", "allkeys-lfu")
}
