// The matcher against a table of surprises, against a plain recursive matcher, and for its bound of work.

package glob

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"redix/engine/seeds"
)

func TestTable(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"**", "", false}, {"?", "", false}, {"[^", "", false},
		{"*", "a", true}, {"**", "a", true}, {"a*", "a", true}, {"a**", "a", true}, {"*a", "a", true}, {"*?", "a", true},
		{"a*b", "ab", true}, {"a*b", "axxb", true}, {"a*b", "axxbc", false}, {"*ab", "abab", true}, {"*ab*ab", "abab", true},
		{"*ab*ab", "aba", false}, {"*aab", "aaab", true}, {"a*b*c", "abcbc", true}, {"*a?c", "aababc", true},
		{"h?llo", "hello", true}, {"h?llo", "hllo", false}, {"h[ae]llo", "hallo", true}, {"h[^e]llo", "hello", false},
		{"h[a-b]llo", "hbllo", true}, {"h[b-a]llo", "hallo", true}, {"[a-c]", "d", false},
		{"[", "[", false}, {"[a", "a", true}, {"[^", "z", true}, {"[^a", "a", false}, {"[", "", false},
		{"[]", "]", false}, {"[^]", "]", true}, {"[^]x", "ax", true}, {"[]a]", "a]", false},
		{"[a-]b]", "_", true}, {"[a-]b]", "b", true}, {"[a-]", "_", true}, {"[a-", "-", true}, {"[a-", "a", true},
		{"[\\]]", "]", true}, {"[\\", "\\", true}, {"[\\\\]", "\\", true}, {"[\\^a]", "^", true}, {"[a^]", "^", true},
		{"\\*", "*", true}, {"\\*", "a", false}, {"\\", "\\", true}, {"a\\", "a\\", true}, {"\\a", "a", true},
		{"*\\*", "ab*", true}, {"*\\", "a\\", true}, {"*[", "a", false}, {"*[^", "a", true},
		{"\xff*", "\xffa", true}, {"[\xf0-\xff]", "\xf5", true}, {"[a-\xff]", "b", false}, {"[a-\xff]", "\x01", true},
		{"[a-\xff]", "\xff", true}, {"\x00?", "\x00\x00", true}, {"A", "a", false},
		{strings.Repeat("*a", 3000), strings.Repeat("a", 3000), true},
	} {
		if got := Match([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestFoldTable(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"A*C", "abc", true}, {"a*c", "ABC", true}, {"\\A", "a", true}, {"[A-C]", "b", true}, {"[a-c]", "B", true},
		{"[ABC]", "c", true}, {"[\\A]", "a", false}, {"[\\A]", "A", true}, {"[Z-a]", "z", false}, {"\xc0", "\xe0", false},
		{"[", "{", false}, {"@", "`", false}, {"*BC", "xxabc", true},
		{"[\x80-\xfe]", "\x90", true}, {"[p-\xc3]", "p", false}, {"[p-\xff]", "a", true}, {"[\xf0-\xff]", "\xf5", false},
	} {
		if got := MatchFold([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("MatchFold(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestLiteralPrefix(t *testing.T) {
	for _, c := range []struct{ pattern, prefix string }{
		{"", ""}, {"abc", "abc"}, {"user:*", "user:"}, {"a?b", "a"}, {"a[b]", "a"}, {"a\\*b", "a"}, {"*", ""}, {"a]^-", "a]^-"},
	} {
		p := []byte(c.pattern)
		if got := string(Prefix(p)); got != c.prefix {
			t.Errorf("Prefix(%q) = %q", c.pattern, got)
		}
		if got := IsLiteral(p); got != (c.pattern == c.prefix) {
			t.Errorf("IsLiteral(%q) = %v", c.pattern, got)
		}
	}
}

// slow tries every length for every star. It shares one with the matcher: tokens have their table, stars are the matter.
func slow(pattern, s []byte, fold bool) bool {
	if len(pattern) == 0 || len(s) == 0 {
		return len(s) == 0 && len(bytes.Trim(pattern, "*")) == 0
	}
	if pattern[0] == '*' {
		return slow(pattern[1:], s, fold) || slow(pattern, s[1:], fold)
	}
	hit, next := one(pattern, 0, s[0], fold)
	return hit && slow(pattern[next:], s[1:], fold)
}

// agree holds a pair against the slow matcher, where it is small enough for that, and against the bound of work.
func agree(t *testing.T, pattern, s []byte) {
	for _, fold := range []bool{false, true} {
		got, steps := match(pattern, s, fold)
		if limit := 2 * (len(pattern) + 1) * (len(s) + 1); steps > limit {
			t.Fatalf("%q on %q: %d steps, limit %d", pattern, s, steps, limit)
		}
		if len(pattern) <= 12 && len(s) <= 12 && len(s) > 0 {
			if want := slow(pattern, s, fold); got != want {
				t.Fatalf("%q on %q, fold %v: %v, want %v", pattern, s, fold, got, want)
			}
		}
		if p := Prefix(pattern); got && !fold && !bytes.HasPrefix(s, p) {
			t.Fatalf("%q matches %q without its prefix %q", pattern, s, p)
		}
		if IsLiteral(pattern) && !fold && got != bytes.Equal(pattern, s) {
			t.Fatalf("literal %q on %q: %v", pattern, s, got)
		}
	}
}

// word is a random string over an alphabet.
func word(rng *rand.Rand, alphabet string, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return b
}

func TestAgainstSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	matched := 0
	for range 200_000 {
		pattern, s := word(rng, "aaabB**??[]^-\\\xff", rng.IntN(11)), word(rng, "aaabB\xff", rng.IntN(11))
		agree(t, pattern, s)
		if Match(pattern, s) {
			matched++
		}
	}
	if matched < 1000 {
		t.Fatalf("only %d matches: the patterns test nothing", matched)
	}
}

// TestHostile feeds patterns that make a matcher with one branch per star take exponential time.
func TestHostile(t *testing.T) {
	s := bytes.Repeat([]byte("a"), 3000)
	for _, p := range []string{
		strings.Repeat("*a", 500) + "*b", strings.Repeat("a*", 500) + "b", strings.Repeat("*?", 500) + "b",
		"*" + strings.Repeat("a?", 500) + "b*", "*" + strings.Repeat("[^b]", 500) + "b*", strings.Repeat("*[a-z]", 300) + "[^a]",
		"*" + strings.Repeat("a", 2000) + "b", strings.Repeat("*", 3000) + "b",
	} {
		agree(t, []byte(p), s)
		if Match([]byte(p), s) {
			t.Errorf("%.20q matches", p)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte("h[^a-c]*o?\\"), []byte("hello world"))
	f.Add([]byte("*["), []byte("x"))
	f.Fuzz(func(t *testing.T, pattern, s []byte) { agree(t, pattern, s) })
}

func TestAllocs(t *testing.T) {
	pattern, s := []byte("user:*:[a-z]?ssion*"), []byte("user:1000:settings:session:9")
	if n := testing.AllocsPerRun(100, func() {
		if !Match(pattern, s) || !MatchFold(pattern, s) {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkPrefixStar(b *testing.B) {
	pattern, s := []byte("user:*"), []byte("user:1000:settings")
	for range b.N {
		Match(pattern, s)
	}
}

func BenchmarkInfix(b *testing.B) {
	pattern, s := []byte("*settings*"), []byte("user:1000:settings:7")
	for range b.N {
		Match(pattern, s)
	}
}

// BenchmarkHostile is the worst case by the bound: 500 tokens tried at each of 3000 bytes.
func BenchmarkHostile(b *testing.B) {
	pattern, s := []byte("*"+strings.Repeat("a?", 250)+"b*"), bytes.Repeat([]byte("a"), 3000)
	for range b.N {
		Match(pattern, s)
	}
}
