package resp

// Fuzzing: what a stream means must not depend on the pieces it arrives in, no input may panic, and where redcon's
// parser accepts a frame too, both must have read the same. Failing inputs are kept under testdata.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

var fuzzSeeds = []string{
	"*1\r\n$4\r\nPING\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nabcdefghijkl\r\n", "PING\r\n", "SET k \"a\\x41\\n\" 'b c'\r\n",
	"$-2", "*1\r\n$-2\r\n", "$9223372036854775807", "*1\r\n$9223372036854775807\r\n", "*3000000000", "*3000000000\r\n",
	"$9223372036854775807 x\r\n", "*-1\r\n*0\r\n\r\nPING\r\n", "*2147483647\r\n$1\r\na\r\n", "*1\rx$1\rxaxx", "*1\r\n$00\r\n",
	"*7\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$12\r\n666666666666\r\n$0\r\n\r\n", "a\x00b \"\x00\"\n", "*1\r\n\r\n",
	"*2\r\n$20\r\nbbbbbbbbbbbbbbbbbbbb\r\n$12\r\ncccccccccccc\r\nGET \"\"\n", "\"a", "\"\\x\n", "'\\'\n",
}

func FuzzParserPieces(f *testing.F) {
	for i, s := range fuzzSeeds {
		f.Add([]byte(s), uint64(i), true)
		f.Add([]byte(s+frameOf("ECHO", "x")), uint64(i), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, authenticated bool) {
		l := &Limits{MaxBulk: 1 << 20, MaxInline: 64, BigBulk: 10}
		rng := rand.New(rand.NewPCG(seed, 0))
		pieces := func(int) int { return 1 + rng.IntN(30) }
		want := run(bytes.Clone(stream), l, authenticated, false, whole).String()
		for name, cut := range map[string]func(int) int{"whole": whole, "bytes": byByte, "pieces": pieces} {
			for _, takeBig := range []bool{false, true} {
				got := run(bytes.Clone(stream), l, authenticated, takeBig, cut)
				if got.String() != want {
					t.Fatalf("%s, big %v: %q\n got %s\nwant %s", name, takeBig, stream, got, want)
				}
			}
		}
	})
}

// readRedcon reads a first frame with redcon, whose parser panics on some input.
func readRedcon(stream []byte) (args [][]byte, n int, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	complete, args, kind, rest, err := redcon.ReadNextCommand(stream, nil)
	return args, len(stream) - len(rest), complete && err == nil && kind != redcon.Tile38
}

func FuzzParserLikeRedcon(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 4096 {
			return // redcon's work on a line grows with its square
		}
		theirs, theirN, ok := readRedcon(bytes.Clone(stream))
		if !ok {
			return
		}
		if stream[0] != '*' {
			// Its lines know one space and other escapes: compare plain words only.
			line, _, _ := bytes.Cut(stream, []byte{'\n'})
			if bytes.ContainsAny(bytes.TrimSuffix(line, []byte{'\r'}), "\"'\\\t\v\f\r") {
				return
			}
		}
		var p Parser
		ours, n, err := p.Next(bytes.Clone(stream), nil, testLimits(), true)
		if err != nil {
			return
		}
		if fmt.Sprintf("%q", ours) != fmt.Sprintf("%q", theirs) || n != theirN {
			t.Fatalf("%q\nours   %d %q\nredcon %d %q", stream, n, ours, theirN, theirs)
		}
	})
}

// FuzzNumbers checks that every number accepted is printed as one that reads the same.
func FuzzNumbers(f *testing.F) {
	for _, s := range strings.Fields("0 -0 1 -9223372036854775808 9223372036854775808 1e400 0x1p-1074 0x.8 inf nan 1e-4951 1e99999999 . 1_0") {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, ok := ParseInt(text); ok && fmt.Sprint(n) != string(text) {
			t.Fatalf("%q is taken for the integer %d", text, n)
		}
		if v, ok := ParseFloat(text); ok {
			if back, ok := ParseFloat(AppendDouble(nil, v)); back != v || !ok {
				t.Fatalf("%q is %v, printed %s", text, v, AppendDouble(nil, v))
			}
		}
		x, ok := ParseLongDouble(text)
		if _, double := ParseFloat(text); double && !ok && len(text) <= longDoubleText {
			t.Fatalf("%q is a double but no long double", text)
		}
		if ok {
			if _, ok := ParseLongDouble(x.Append(nil)); !ok {
				t.Fatalf("%q is printed %s", text, x.Append(nil))
			}
		}
	})
}
