package commands_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redix/commands/servertest"
	"redix/engine/seeds"
)

func TestLCS(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("MSET", "a", "ohmytext", "b", "mynewtext", "i", "12345", "k", "2345").OK(),
		do("LCS", "a", "b").Bulk("mytext"), do("LCS", "a", "b", "LEN").Int(6), do("LCS", "i", "k").Bulk("2345"),
		do("LCS", "a", "b", "IDX").Map("matches", []any{[]any{[]any{4, 7}, []any{5, 8}}, []any{[]any{2, 3}, []any{0, 1}}}, "len", 6),
		do("LCS", "a", "b", "idx", "minmatchlen", "4", "withmatchlen").Map("matches", []any{[]any{[]any{4, 7}, []any{5, 8}, 4}}, "len", 6),
		do("LCS", "a", "b", "IDX", "MINMATCHLEN", "-5").Map("matches", servertest.Len(2), "len", 6),
		do("LCS", "a", "b", "MINMATCHLEN", "9").Bulk("mytext"), do("LCS", "a", "none").Bulk(""), do("LCS", "none", "a", "LEN").Int(0),
		do("LCS", "none", "none", "IDX").Map("matches", []any{}, "len", 0), do("LCS", "a", "a").Bulk("ohmytext"),
		do("LCS", "a", "b", "foo").Err(syntax), do("LCS", "a", "b", "MINMATCHLEN").Err(syntax),
		do("LCS", "a", "b", "MINMATCHLEN", "x").Err(notInt),
		do("LCS", "a", "b", "IDX", "LEN").Err("ERR If you want both the length and indexes, please just use IDX."),
		do("LCS", "a").Err("ERR wrong number"), do("HSET", "h", "f", "v").Int(1),
		do("LCS", "a", "h", "foo").Err("ERR The specified keys must contain string values"), do("LCS", "h", "a").Err("ERR The specified"),
		do("SETRANGE", "big", "12000", "x").Int(12001), do("LCS", "big", "big", "LEN").
			Err("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"),
		do("SETRANGE", "big", "300000", "a").Int(300001), do("LCS", "big", "b").Bulk("x"), do("LCS", "k", "big").Bulk(""),
	)
}

// naiveLCS keeps the whole table and goes back through it, preferring the second string.
func naiveLCS(a, b string) string {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := 1; i > 0 && j <= len(b); j++ {
			if table[i][j] = max(table[i-1][j], table[i][j-1]); a[i-1] == b[j-1] {
				table[i][j] = table[i-1][j-1] + 1
			}
		}
	}
	var out []byte
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			i, j = i-1, j-1
			out = append(out, a[i])
		case table[i-1][j] > table[i][j-1]:
			i--
		default:
			j--
		}
	}
	slices.Reverse(out)
	return string(out)
}

func TestLCSAgainstTable(t *testing.T) {
	seed := seeds.Draw(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	random := func() string {
		var b strings.Builder
		letters := 1 + rng.IntN(5)
		for range rng.IntN(60) {
			b.WriteByte(byte('a' + rng.IntN(letters)))
		}
		return b.String()
	}
	l := servertest.NewLocal(t)
	for range 500 {
		a, b := random(), random()
		l.Do("MSET", "a", a, "b", b)
		want := naiveLCS(a, b)
		if got := l.Do("LCS", "a", "b").Str; got != want {
			t.Fatalf("seed %d: LCS of %q and %q is %q, want %q", seed, a, b, got, want)
		}
		var runs []string
		index := l.Do("LCS", "a", "b", "IDX", "WITHMATCHLEN")
		for _, run := range index.Elems[1].Elems {
			i, j := run.Elems[0].Elems, run.Elems[1].Elems
			if part := a[i[0].Int : i[1].Int+1]; part != b[j[0].Int:j[1].Int+1] || int64(len(part)) != run.Elems[2].Int {
				t.Fatalf("seed %d: run %s of %q and %q does not match", seed, run, a, b)
			} else {
				runs = append(runs, part)
			}
		}
		slices.Reverse(runs)
		if got := strings.Join(runs, ""); got != want || index.Elems[3].Int != int64(len(want)) {
			t.Fatalf("seed %d: runs of %q and %q make %q, want %q", seed, a, b, got, want)
		}
	}
}
