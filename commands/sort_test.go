package commands_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

// SORT: replies, errors and the order of checks as redis-server 7.2 has them.

const notDouble = "ERR One or more scores can't be converted into double"

func TestSort(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("RPUSH", "l", "3", "10", "-1", "2.5", "10").Int(5), do("SORT", "l").Array("-1", "2.5", "3", "10", "10"),
		do("SORT", "l", "DESC").Array("10", "10", "3", "2.5", "-1"), do("SORT", "l", "desc", "asc").Array("-1", "2.5", "3", "10", "10"),
		do("SORT", "l", "ALPHA").Array("-1", "10", "10", "2.5", "3"), do("SORT_RO", "l", "LIMIT", "1", "2").Array("2.5", "3"),
		do("SORT", "l", "LIMIT", "-5", "1").Array("-1"), do("SORT", "l", "LIMIT", "9", "1").Array(),
		do("SORT", "l", "LIMIT", "3", most).Array("10", "10"), do("SORT", "l", "LIMIT", "3", least).Array("10", "10"),
		do("SORT", "l", "LIMIT", "0", "0").Array(), do("SORT", "none").Array(), do("SORT", "none", "STORE", "d").Int(0),
		do("SADD", "s", "b", "a", "c").Int(3), do("SORT", "s").Err(notDouble), do("SORT", "s", "ALPHA", "DESC").Array("c", "b", "a"),
		do("ZADD", "z", "3", "x", "1", "y", "2", "zz").Int(3), do("SORT", "z", "ALPHA").Array("x", "y", "zz"),
		do("SORT", "z", "BY", "nosort").Array("y", "zz", "x"), do("SORT", "z", "BY", "nosort", "DESC").Array("x", "zz", "y"),
		do("SORT", "z", "BY", "nosort", "DESC", "LIMIT", "1", "1").Array("zz"), do("SORT", "z", "BY", "no", "LIMIT", "1", "9").Array("zz", "x"),
		do("SORT", "l", "BY", "nosort").Array("3", "10", "-1", "2.5", "10"), do("SORT", "l", "BY", "n", "LIMIT", "1", "2").Array("10", "-1"),
		do("SORT", "l", "BY", "n", "DESC", "LIMIT", "1", "2").Array("2.5", "-1"),
		do("SORT", "s", "BY", "nosort", "STORE", "d").Int(3), do("LRANGE", "d", "0", "-1").Array("a", "b", "c"),
		do("SORT", "s", "BY", "nosort", "DESC", "LIMIT", "0", "2", "STORE", "d").Int(2), do("LRANGE", "d", "0", "-1").Array("c", "b"),
		do("SORT", "l", "STORE", "l").Int(5), do("LRANGE", "l", "0", "-1").Array("-1", "2.5", "3", "10", "10"),
		do("SET", "d", "v", "EX", "100").OK(), do("SORT", "l", "LIMIT", "0", "1", "STORE", "d").Int(1), do("TTL", "d").Int(-1),
		do("TYPE", "d").Simple("list"), do("SORT", "none", "STORE", "d").Int(0), do("EXISTS", "d").Int(0),
		do("RPUSH", "odd", "", " 7", "\t1", "1e1", "0x2").Int(5), do("SORT", "odd").Array("", "\t1", "0x2", " 7", "1e1"),
		do("RPUSH", "bad", "1", "1 ").Int(2), do("SORT", "bad").Err(notDouble), do("SORT", "bad", "STORE", "d").Err(notDouble),
		do("RPUSH", "nan", "nan").Int(1), do("SORT", "nan").Err(notDouble), do("SORT", "nan", "BY", "nosort").Array("nan"),
		do("SET", "k", "v").OK(), do("SORT", "k").Err(wrongType), do("SORT_RO", "k", "LIMIT", "x", "y").Err(notInt),
		do("SORT", "k", "LIMIT", "1").Err(syntax), do("SORT", "k", "BY").Err(syntax), do("SORT", "k", "GET").Err(syntax),
		do("SORT", "k", "NONE").Err(syntax), do("SORT_RO", "l", "STORE", "d").Err(syntax), do("SORT", "l", "STORE").Err(syntax),
		do("SORT", "l", "LIMIT", "0", "1.5").Err(notInt), do("SORT").Err("ERR wrong number"),
	)
}

func TestSortPatterns(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("RPUSH", "l", "1", "2", "3", "4").Int(4), do("MSET", "w1", "30", "w2", "10", "w3", "20", "n1", "one", "n2", "two").OK(),
		do("HSET", "h1", "f", "5", "g", "x").Int(2), do("HSET", "h2", "f", "-5").Int(1), do("HSET", "h3", "f", "0.5").Int(1),
		do("SORT", "l", "BY", "w*").Array("4", "2", "3", "1"), do("SORT", "l", "BY", "w*", "DESC").Array("1", "3", "2", "4"),
		do("SORT", "l", "BY", "h*->f", "LIMIT", "0", "3").Array("2", "4", "3"), do("SORT", "l", "BY", "n*").Err(notDouble),
		do("SORT", "l", "BY", "n*", "ALPHA").Array("3", "4", "1", "2"), do("SORT", "l", "BY", "n*", "ALPHA", "DESC").Array("2", "1", "3", "4"),
		do("SORT", "l", "GET", "n*").Array("one", "two", nil, nil),
		do("SORT", "l", "BY", "w*", "GET", "#", "GET", "h*->g", "GET", "n*").Array("4", nil, nil, "2", nil, "two", "3", nil, nil, "1", "x", "one"),
		do("SORT", "l", "GET", "constant", "LIMIT", "0", "1").Array(nil), do("SET", "constant", "v").OK(),
		do("SORT", "l", "GET", "constant", "LIMIT", "0", "1").Array(nil), do("SORT", "l", "GET", "h*", "LIMIT", "0", "1").Array(nil),
		do("SORT", "l", "GET", "n*->f", "LIMIT", "0", "1").Array(nil), do("SET", "n1->", "arrow").OK(),
		do("SORT", "l", "GET", "n*->", "LIMIT", "0", "1").Array("arrow"), do("SORT", "l", "GET", "w*", "LIMIT", "0", "2").Array("30", "10"),
		do("SORT", "l", "GET", "n*", "GET", "w*", "STORE", "d").Int(8),
		do("LRANGE", "d", "0", "-1").Array("one", "30", "two", "10", "", "20", "", ""),
		do("SORT", "l", "BY", "w*", "BY", "nosort", "BY", "w*").Array("1", "2", "3", "4"),
		do("SET", "w4", "5", "PXAT", "1").OK(), do("SORT", "l", "BY", "w*").Array("4", "2", "3", "1"),
		do("SADD", "s", "1", "2", "3").Int(3), do("SORT", "s", "BY", "w*", "GET", "n*").Array("two", nil, "one"),
		do("COMMAND", "GETKEYS", "SORT", "l", "BY", "store", "STORE", "x", "GET", "store", "STORE", "d").Array("l", "d"),
		do("COMMAND", "GETKEYS", "SORT_RO", "l", "BY", "w*").Array("l"),
	)
}

func TestSortLarge(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds.Draw(t), 3))
	l := servertest.NewLocal(t)
	var want []int
	for range 40 {
		words := []string{"RPUSH", "l"}
		for range 100 {
			n := r.IntN(10_000) - 5000
			want = append(want, n)
			words = append(words, strconv.Itoa(n))
		}
		l.Do(words...)
	}
	slices.Sort(want)
	if v := l.Do("SORT", "l", "STORE", "d"); v.Int != int64(len(want)) {
		t.Fatalf("SORT: %s", v)
	}
	for i, v := range l.Do("LRANGE", "d", "0", "-1").Elems {
		if v.Str != fmt.Sprint(want[i]) {
			t.Fatalf("element %d is %s, want %d", i, v, want[i])
		}
	}
	if v := l.Do("OBJECT", "ENCODING", "d"); v.Str != "quicklist" {
		t.Errorf("kept as %s", v)
	}
}

// TestSortAgainstModel sorts so many elements that they are sorted by digits: scores of all signs and sizes, many of them
// equal, whole and in windows, up and down, by numbers and by text.
func TestSortAgainstModel(t *testing.T) {
	seed := seeds.Draw(t)
	r := rand.New(rand.NewPCG(seed, 4))
	for round := range 12 {
		l := servertest.NewLocal(t)
		kind := []string{"RPUSH", "SADD"}[round%2]
		var all []string
		for range 200 + r.IntN(1500) {
			v := strconv.Itoa(r.IntN(600) - 300)
			switch r.IntN(4) {
			case 0:
				v = strconv.FormatInt(int64(r.Uint64()), 10)
			case 1:
				v = strconv.FormatFloat(r.NormFloat64()*1e3, 'g', 3, 64)
			}
			if kind == "RPUSH" || !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
		l.Do(append([]string{kind, "k"}, all...)...)
		for _, alpha := range []bool{false, true} {
			slices.SortFunc(all, func(a, b string) int {
				x, _ := strconv.ParseFloat(a, 64)
				y, _ := strconv.ParseFloat(b, 64)
				if alpha {
					x, y = 0, 0
				}
				return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
			})
			for range 8 {
				offset, count := r.IntN(len(all)), r.IntN(len(all))
				words, want := []string{"SORT", "k", "LIMIT", strconv.Itoa(offset), strconv.Itoa(count)}, slices.Clone(all)
				if r.IntN(2) == 0 {
					words = append(words, "DESC")
					slices.Reverse(want)
				}
				if alpha {
					words = append(words, "ALPHA")
				}
				want = want[offset:min(offset+count, len(want))]
				if got := l.Do(words...).Strings(); !slices.Equal(got, want) {
					t.Fatalf("seed %d, %s of %d: %q: %.300q, want %.300q", seed, kind, len(all), words, got, want)
				}
			}
		}
	}
}

func TestJournalOfSort(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"RPUSH l 2 1", "RPUSH l 2 1"}, {"SORT l", ""}, {"SORT_RO l DESC", ""}, {"SORT l STORE d", "SORT l STORE d"},
		{"SORT none STORE none", ""}, {"SORT none STORE d", "SORT none STORE d"}, {"SORT l LIMIT 5 1 STORE d", ""},
		{"SET w1 x PXAT 1", "SET w1 x PXAT 1"}, {"SORT l BY w* ALPHA STORE d", "DEL w1; SORT l BY w* ALPHA STORE d"},
	})
}
