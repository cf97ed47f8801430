package commands_test

// Compaction of the arena under all data types: what is moved must stay what it was, while it is read, written, expires,
// is evicted, and is written by a snapshot.

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// fillTypes makes values of all types, small and large.
func fillTypes(l *servertest.Local, rng *rand.Rand, n int) {
	word := func() string {
		return strings.Repeat(string(rune('a'+rng.IntN(26))), 1+rng.IntN(60)) + strconv.Itoa(rng.IntN(1000))
	}
	for i := range n {
		k := strconv.Itoa(rng.IntN(20))
		switch rng.IntN(14) {
		case 0:
			l.Do("SET", "s"+k, strings.Repeat("x", rng.IntN(300)))
		case 1:
			l.Do("SET", "big"+k, strings.Repeat("y", 60<<10+rng.IntN(20<<10)), "EX", "1000")
		case 2, 3:
			l.Do("HSET", "h"+k, word(), word())
		case 4, 5:
			l.Do("SADD", "set"+k, word(), word(), word())
		case 6, 7:
			l.Do("ZADD", "z"+k, strconv.Itoa(rng.IntN(500)), word(), strconv.Itoa(rng.IntN(5)), word())
		case 8:
			l.Do("RPUSH", "l"+k, word(), word(), strings.Repeat("e", rng.IntN(4000)))
		case 9:
			l.Do("XADD", "x"+k, fmt.Sprintf("%d-%d", i+1, rng.IntN(5)), word(), word())
		case 10:
			l.Do("XGROUP", "CREATE", "x"+k, "g", "0")
			l.Do("XREADGROUP", "GROUP", "g", "c"+strconv.Itoa(rng.IntN(3)), "COUNT", "30", "STREAMS", "x"+k, ">")
		case 11:
			l.Do("EXPIRE", "h"+k, "1000")
			l.Do("ZPOPMIN", "z"+k)
			l.Do("LPOP", "l"+k)
			l.Do("SPOP", "set"+k)
		case 12:
			l.Do("LINSERT", "l"+k, "BEFORE", word(), word())
			l.Do("ZREMRANGEBYRANK", "z"+k, "3", strconv.Itoa(3+rng.IntN(10)))
			l.Do("XTRIM", "x"+k, "MAXLEN", "500")
		case 13:
			if rng.IntN(20) == 0 {
				l.Do("DEL", []string{"h", "z", "l", "x", "set"}[rng.IntN(5)]+k)
			}
			l.Do("HDEL", "h"+k, word())
		}
	}
}

// fillSorted makes sorted sets of hundreds of members, which are trees, and takes most members out again.
func fillSorted(l *servertest.Local, rng *rand.Rand) {
	for _, key := range []string{"z0", "z1"} {
		for range 30 {
			words := []string{"ZADD", key}
			for range 40 {
				words = append(words, strconv.Itoa(rng.IntN(100_000)), strings.Repeat("m", rng.IntN(90))+strconv.Itoa(rng.IntN(1_000_000)))
			}
			l.Do(words...)
		}
		for l.Do("ZCARD", key).Int > 500 {
			from := rng.IntN(100_000)
			l.Do("ZREMRANGEBYSCORE", key, strconv.Itoa(from), strconv.Itoa(from+1000))
		}
	}
}

func digestOf(l *servertest.Local) string {
	d := l.Do("DEBUG", "DIGEST").Str
	for i := range 20 { // what the digest does not see
		d += l.Do("XPENDING", "x"+strconv.Itoa(i), "g").String() + l.Do("XINFO", "STREAM", "x"+strconv.Itoa(i), "FULL", "COUNT", "0").String()
	}
	return d
}

func TestCompaction(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	l := servertest.NewLocal(t)
	ks := l.Engine.Keyspace
	for round := range 12 {
		fillTypes(l, rng, 1500)
		fillSorted(l, rng)
		before := digestOf(l)
		used := ks.Used()
		if !ks.StartCompaction(true) {
			t.Fatal("nothing to compact")
		}
		for step := 0; ks.CompactStep(); step++ {
			if round%2 == 1 && step%3 == 0 {
				fillTypes(l, rng, 10)
				before, used = "", 0
			}
		}
		if now := digestOf(l); before != "" && now != before {
			t.Fatalf("round %d: the data has changed", round)
		}
		if used != 0 && ks.Used() != used {
			t.Fatalf("round %d: %d bytes were in use, now %d", round, used, ks.Used())
		}
		for i := range 20 { // the orders and the links
			k := strconv.Itoa(i)
			up, down := l.Do("ZRANGE", "z"+k, "0", "-1").Strings(), l.Do("ZRANGE", "z"+k, "0", "-1", "REV").Strings()
			for j, m := range up {
				if down[len(up)-1-j] != m {
					t.Fatalf("z%s reads differently backwards", k)
				}
				if j%50 == 0 && l.Do("ZRANK", "z"+k, m).Int != int64(j) {
					t.Fatalf("z%s: rank of %s", k, m)
				}
			}
			if n := len(l.Do("XREVRANGE", "x"+k, "+", "-").Elems); int64(n) != l.Do("XLEN", "x"+k).Int {
				t.Fatalf("x%s has %d entries backwards", k, n)
			}
		}
	}
	st := ks.CompactionStats()
	if st.Passes != 12 || st.Moved < 10000 || st.ObjectsMoved < 50 || st.SlabsFreed == 0 {
		t.Errorf("%+v", st)
	}
	l.Do("FLUSHALL")
	l.Do("CONFIG", "SET", "activedefrag", "no")
	if a := ks.Arena(); a.Used() != 0 || a.Blocks() != 0 {
		t.Errorf("%d bytes in %d blocks are left", a.Used(), a.Blocks())
	}
}

// TestDefrag: after 70 % of the keys went and others of other sizes came, slabs follow what is in use.
func TestDefrag(t *testing.T) {
	seed := seeds.Draw(t)
	ratio := func(activedefrag string) float64 {
		rng := rand.New(rand.NewPCG(seed, 0))
		l := servertest.NewLocal(t, "--activedefrag", activedefrag, "--active-defrag-ignore-bytes", "1mb",
			"--active-defrag-cycle-min", "90", "--active-defrag-cycle-max", "90")
		for i := range 120_000 {
			l.Do("SET", "k"+strconv.Itoa(i), strings.Repeat("x", 100+rng.IntN(200)))
		}
		for i := range 120_000 {
			if rng.IntN(10) < 7 {
				l.Do("DEL", "k"+strconv.Itoa(i))
			}
		}
		for i := range 8000 {
			l.Do("SET", "n"+strconv.Itoa(i), strings.Repeat("x", 400+rng.IntN(500)))
		}
		a := l.Engine.Keyspace.Arena()
		began := time.Now() // what it may take is a share of real time
		for time.Since(began) < 5*time.Second && a.Waste() > a.Used()/12 {
			l.Advance(100 * time.Millisecond)
			if activedefrag == "no" {
				break
			}
		}
		if n := l.Do("DBSIZE").Int; n < 40_000 {
			t.Fatalf("%d keys", n)
		}
		return float64(a.Used()+a.Waste()) / float64(a.Used())
	}
	with, without := ratio("yes"), ratio("no")
	if with > 1.1 || without < 1.4 {
		t.Errorf("memory in slabs to memory in use: %.2f with activedefrag, %.2f without", with, without)
	}
}
