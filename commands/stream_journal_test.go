package commands_test

// What streams leave in the journal, and that it brings back everything: entries, groups, consumers, what is pending.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine/keyspace"
)

func TestJournalOfStreams(t *testing.T) {
	claim := func(consumer, id, retries, last string) string {
		return "XCLAIM s g " + consumer + " 0 " + id + " TIME NOW+0 RETRYCOUNT " + retries + " FORCE JUSTID LASTID " + last
	}
	checkRecords(t, []string{"--stream-node-max-entries", "2"}, []journalled{
		{"XADD s 1-1 f v", "XADD s 1-1 f v"}, {"XADD s 1-* f v", "XADD s 1-2 f v"}, {"XADD s 0-1 f v", ""}, {"XADD s 2 f v", "XADD s 2 f v"},
		{"XADD none NOMKSTREAM * f v", ""}, {"XADD s MAXLEN ~ 1 3 f v", "XADD s MAXLEN = 2 3 f v"}, {"XADD s MAXLEN ~ 1 LIMIT 100 4-* f v", "XADD s MAXLEN = 1 LIMIT 100 4-0 f v"},
		{"XADD s MINID ~ 4 5 f v", "XADD s MINID = 4-0 5 f v"}, {"XADD s MAXLEN = 9 6 f v", "XADD s MAXLEN = 9 6 f v"}, {"XTRIM s MAXLEN ~ 100", ""},
		{"XTRIM s MAXLEN ~ 1", "XTRIM s MAXLEN = 1"}, {"XTRIM s MINID 6", ""}, {"XTRIM s MAXLEN 0", "XTRIM s MAXLEN 0"}, {"XDEL s 6", ""},
		{"XADD t 1 f v", "XADD t 1 f v"}, {"XTRIM t MINID ~ 9", "XTRIM t MINID = 18446744073709551615-18446744073709551615"},
		{"XADD s 7 f v", "XADD s 7 f v"}, {"XADD s 8 f v", "XADD s 8 f v"}, {"XADD s 9 f v", "XADD s 9 f v"}, {"XSETID s 9", "XSETID s 9"},
		{"XGROUP CREATE s g $", "XGROUP CREATE s g $"}, {"XGROUP SETID s g 6 ENTRIESREAD 0", "XGROUP SETID s g 6 ENTRIESREAD 0"}, {"XGROUP CREATE s g 0", ""},
		{"XREADGROUP GROUP g c COUNT 2 STREAMS s >", claim("c", "7-0", "1", "7-0") + "; " + claim("c", "8-0", "1", "8-0") + "; XGROUP SETID s g 8-0 ENTRIESREAD 2"},
		{"XREADGROUP GROUP g c STREAMS s 0", ""}, {"XREADGROUP GROUP g d STREAMS s 0", "XGROUP CREATECONSUMER s g d"},
		{"XREADGROUP GROUP g e NOACK STREAMS s >", "XGROUP CREATECONSUMER s g e; XGROUP SETID s g 9-0 ENTRIESREAD 3"}, {"XREADGROUP GROUP g e STREAMS s >", ""},
		{"XREADGROUP GROUP g h STREAMS s >", "XGROUP CREATECONSUMER s g h"},
		{"XCLAIM s g d 0 7 JUSTID", claim("d", "7-0", "2", "9-0")}, {"XCLAIM s g d 0 7", claim("d", "7-0", "3", "9-0")}, {"XCLAIM s g d 10000 7", ""},
		{"XCLAIM s g d 10000 7 LASTID 10", "XGROUP SETID s g 10-0 ENTRIESREAD 3"}, {"XCLAIM s g i 10000 7", "XGROUP CREATECONSUMER s g i"},
		{"XAUTOCLAIM s g c 0 - COUNT 1", claim("c", "7-0", "4", "10-0")}, {"XDEL s 8", "XDEL s 8"}, {"XAUTOCLAIM s g d 0 8", claim("c", "8-0", "2", "10-0")},
		{"XACK s g 7", "XACK s g 7"}, {"XACK s g 7", ""}, {"XGROUP CREATECONSUMER s g z", "XGROUP CREATECONSUMER s g z"}, {"XGROUP CREATECONSUMER s g z", ""},
		{"XGROUP DELCONSUMER s g z", "XGROUP DELCONSUMER s g z"}, {"XGROUP DELCONSUMER s g z", ""}, {"XGROUP DESTROY s g", "XGROUP DESTROY s g"},
		{"XGROUP DESTROY s g", ""}, {"XRANGE s - +", ""}, {"XREAD STREAMS s 0", ""}, {"XINFO STREAM s FULL", ""},
	})
}

// keeper is a journal that keeps its records, and a loader that gives them back.
type keeper struct {
	recorder
	all  [][][]byte
	done int
	load func(db int, args [][]byte) error
}

func (k *keeper) Append(_ int, args ...[]byte) {
	own := make([][]byte, len(args))
	for i, a := range args {
		own[i] = slices.Clone(a)
	}
	k.all = append(k.all, own)
}

func (k *keeper) Step(budget int) (done bool, err error) {
	for ; budget > 0 && k.done < len(k.all); budget-- {
		if err := k.load(0, k.all[k.done]); err != nil {
			return false, fmt.Errorf("%q: %w", k.all[k.done], err)
		}
		k.done++
	}
	return k.done == len(k.all), nil
}

func (k *keeper) Waiting() bool { return false }

func (k *keeper) Progress() (done, total int64) { return int64(k.done), int64(len(k.all)) }

// reload returns a server that has loaded the records.
func (k *keeper) reload(t *testing.T, flags ...string) *servertest.Local {
	t.Helper()
	l := servertest.NewLocal(t, flags...)
	k.load = l.Engine.Apply
	l.Engine.Hooks.Loaded = func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.Engine.Load(k)
	for l.Engine.EndOfRound() {
	}
	return l
}

// wholeState is all that XINFO tells of the streams, but for times when consumers were seen and the deliveries that reading
// the history counts: neither is journalled.
func wholeState(l *servertest.Local) string {
	var b strings.Builder
	for i := range 4 {
		key := fmt.Sprint("x", i)
		v := l.Do("XINFO", "STREAM", key, "FULL", "COUNT", "0")
		fmt.Fprintf(&b, "%s %s\n", key, withoutClocks(v))
	}
	return b.String()
}

// withoutClocks prints a reply without the consumers' times and without the numbers of blocks and nodes.
func withoutClocks(v reply) string {
	if len(v.Elems) == 0 {
		return v.String()
	}
	var b strings.Builder
	b.WriteString("[")
	for i := 0; i < len(v.Elems); i++ {
		switch v.Elems[i].Str {
		case "seen-time", "active-time", "radix-tree-nodes", "radix-tree-keys":
			i++
		default:
			b.WriteString(withoutClocks(v.Elems[i]) + " ")
		}
	}
	b.WriteString("]")
	return b.String()
}

// TestStreamsComeBack plays random commands and compares everything with what comes back from the journal, and from the
// commands that a rewrite of it consists of.
func TestStreamsComeBack(t *testing.T) {
	g := newSource(t, "x")
	flags := []string{"--stream-node-max-entries", "4"}
	l := servertest.NewLocal(t, flags...)
	k := &keeper{}
	l.Engine.Journal = k
	deck := deckOf("x")
	deck = slices.DeleteFunc(deck, func(s *shape) bool { return s.name == "xread" || s.name == "copy" })
	history := 0
	for step := range 6000 {
		words := pick(g, deck).draw(g)
		if name(words) == "xreadgroup" && (len(words) < 3 || words[len(words)-1] != ">" || !strings.EqualFold(words[len(words)-3], "streams")) {
			history++
			continue
		}
		l.Do(words...)
		if step%1000 != 999 {
			continue
		}
		want := wholeState(l)
		k.done = 0
		if got := wholeState(k.reload(t, flags...)); got != want {
			t.Fatalf("from the journal: %s", firstDifference(got, want))
		}
		base := &keeper{}
		db := l.Engine.Keyspace.DB(0)
		for cursor := db.Scan(0, 100, base.rebuild); cursor != 0; {
			cursor = db.Scan(cursor, 100, base.rebuild)
		}
		if got := wholeState(base.reload(t, flags...)); got != want {
			t.Fatalf("rebuilt: %s", firstDifference(got, want))
		}
	}
	if len(k.all) < 1000 || history == 0 {
		t.Errorf("%d records", len(k.all))
	}
}

func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	from := max(0, i-200)
	return fmt.Sprintf("...%s\nwas ...%s", got[from:min(i+200, len(got))], want[from:min(i+200, len(want))])
}

func (k *keeper) rebuild(e *keyspace.Entry) {
	commands.Rebuild(e, func(args ...[]byte) { k.Append(0, args...) })
}
