package commands_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// ziplistWord returns what is at the borders of a ziplist's heads: integers of each width, text of the lengths at which heads and sizes
// get longer, text that is nearly an integer.
func ziplistWord(rng *rand.Rand, longest int) string {
	edges := []int64{0, 12, 13, 1 << 7, 1 << 15, 1 << 23, 1 << 31, math.MaxInt64, math.MinInt64}
	lengths := []int{0, 1, 20, 62, 63, 64, 65, 240, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256, 4095, 4096, 16382, 16383, 16384}
	switch rng.IntN(6) {
	case 0:
		n := edges[rng.IntN(len(edges))] + rng.Int64N(3) - 1
		if rng.IntN(2) == 0 {
			n = -n
		}
		return strconv.FormatInt(n, 10)
	case 1:
		return strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(64), 10)
	case 2:
		near := []string{"", "-", "-0", "+1", "00", "01", " 1", "1 ", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", "18446744073709551616"}
		return near[rng.IntN(len(near))]
	case 3:
		b := make([]byte, rng.IntN(40))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	case 4:
		return "user:" + strconv.Itoa(rng.IntN(1000)) + ":name"
	}
	n := min(lengths[rng.IntN(len(lengths))], longest)
	return strings.Repeat(string(rune('a'+rng.IntN(26))), n)
}

// ziplistScore returns a score of any kind that there is, but for -0: redis-server takes it for 0 where a sorted set is not in a
// ziplist (TestZiplists has it).
func ziplistScore(rng *rand.Rand) string {
	var f float64
	switch rng.IntN(8) {
	case 0:
		f = float64(rng.IntN(30) - 10)
	case 1: // around where not every integer is a double
		f = float64(int64(1)<<53 + rng.Int64N(9) - 4)
	case 2: // around where integers end
		f = math.Nextafter(1<<63, []float64{0, math.MaxFloat64}[rng.IntN(2)])
	case 3:
		return []string{"inf", "-inf", "5e-324", "-5e-324", "2.2250738585072011e-308", "1.7976931348623157e308"}[rng.IntN(6)]
	case 4:
		f = float64(rng.IntN(1000)) / 100
	case 5:
		f = rng.NormFloat64()
	default:
		for f = math.NaN(); math.IsNaN(f); {
			f = math.Float64frombits(rng.Uint64())
		}
	}
	if rng.IntN(2) == 0 {
		f = -f
	}
	return strconv.FormatFloat(f+0, 'g', -1, 64)
}

// TestZiplistsRandom: redis-server loads a snapshot of random small collections, looks at all of each (sanitize-dump-payload), and
// has the same data; redix has it when it loads what redis-server then saves.
func TestZiplistsRandom(t *testing.T) {
	rng := newSource(t, "ziplists").Rand
	for _, limits := range [][]string{
		nil,
		{"--hash-max-listpack-value", "20000", "--zset-max-listpack-value", "20000", "--list-max-listpack-size", "-5",
			"--hash-max-listpack-entries", "10000", "--zset-max-listpack-entries", "10000"},
	} {
		longest := 64
		if limits != nil {
			longest = 20000
		}
		s := servertest.Start(t, servertest.Reactors[0], limits...)
		c := s.Dial()
		for i := range 200 {
			key := "k" + strconv.Itoa(i)
			n := 1 + rng.IntN(60)
			if limits != nil && i%20 == 0 {
				n = 6000 // up to where ziplists end: in small integers they get more than LZF takes
			}
			for range n {
				word := ziplistWord(rng, longest)
				if n == 6000 {
					word = strconv.Itoa(rng.IntN(16000))
				}
				switch i % 3 {
				case 0:
					c.Send("HSET", key, word, ziplistWord(rng, min(longest, n*3)))
				case 1:
					c.Send("ZADD", key, ziplistScore(rng), word)
				default:
					c.Send("RPUSH", key, word)
				}
			}
			c.Flush()
			for range n {
				if v := c.Receive(); v.Kind == '-' {
					t.Fatalf("%s", v)
				}
			}
		}
		for _, compress := range []string{"yes", "no"} {
			c.Must("CONFIG", "SET", "rdbcompression", compress)
			want, digest := servertest.Dump(c), c.Must("DEBUG", "DIGEST").Str
			c.Must("SAVE")
			redis := servertest.StartRedis(t, append([]string{"--dir", s.Dir, "--sanitize-dump-payload", "yes"}, limits...)...)
			r := redis.Dial()
			sameDump(t, "rdbcompression "+compress+": in redis-server", servertest.Dump(r), want)
			r.Must("SAVE")
			redis.Kill()
			c.Must("DEBUG", "RELOAD", "NOSAVE")
			if got := c.Must("DEBUG", "DIGEST").Str; got != digest { // redis-server 7.0 has other digits of scores in it
				t.Fatalf("rdbcompression %s: back from redis-server the digest is %s, was %s", compress, got, digest)
			}
		}
	}
}
