package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// The normalised form of each write: what the journal gets must not depend on time, on a float's arithmetic, or on
// conditions that have been decided.

// recorder is a journal that keeps its records as text.
type recorder struct {
	records []string
	size    int64
}

func (r *recorder) Append(db int, args ...[]byte) {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = string(a)
		r.size += int64(len(a))
	}
	text := strings.Join(words, " ")
	if db != 0 {
		text = fmt.Sprintf("%d: %s", db, text)
	}
	r.records = append(r.records, text)
}

func (r *recorder) Appended() int64   { return r.size }
func (r *recorder) HandOver()         {}
func (r *recorder) Gather(bool) bool  { return false }
func (r *recorder) Releasable() int64 { return r.size }
func (r *recorder) Always() bool      { return false }
func (r *recorder) Full() bool        { return false }
func (r *recorder) Err() error        { return nil }

// journalled is one command and the records it must leave; NOW+n in them is the clock and n milliseconds.
type journalled struct{ command, records string }

func checkRecords(t *testing.T, flags []string, steps []journalled) {
	t.Helper()
	l := servertest.NewLocal(t, flags...)
	r := &recorder{}
	l.Engine.Journal = r
	for _, s := range steps {
		r.records = nil
		l.Do(strings.Split(s.command, " ")...)
		var want []string
		for w := range strings.SplitSeq(s.records, "; ") {
			head, ms, ok := strings.Cut(w, "NOW+")
			if ok {
				var n int64
				fmt.Sscan(ms, &n)
				w = fmt.Sprint(head, l.NowMs()+n) + strings.TrimLeft(ms, "0123456789")
			}
			if w != "" {
				want = append(want, w)
			}
		}
		if !slices.Equal(r.records, want) {
			t.Errorf("%s: journal has %q, want %q", s.command, r.records, want)
		}
	}
}

func TestJournalOfStrings(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"SET k v", "SET k v"}, {"GET k", ""}, {"SET k v NX", ""}, {"SET k v XX", "SET k v"}, {"SET k v GET", "SET k v"},
		{"SET k v NX GET", ""}, {"SET k v EX 10", "SET k v PXAT NOW+10000"}, {"SET k v PX 10 XX GET", "SET k v PXAT NOW+10"},
		{"SET k v PXAT 99999999999999", "SET k v PXAT 99999999999999"}, {"SET k v KEEPTTL XX", "SET k v KEEPTTL"},
		{"SET k v EX 0", ""}, {"SETEX k 10 v", "SET k v PXAT NOW+10000"}, {"PSETEX k 10 v", "SET k v PXAT NOW+10"},
		{"SETNX k v", ""}, {"SETNX new v", "SETNX new v"}, {"GETSET k v", "SET k v"}, {"GETDEL k", "DEL k"}, {"GETDEL k", ""},
		{"SET k v", "SET k v"}, {"GETEX k", ""}, {"GETEX k PERSIST", ""}, {"GETEX k EX 5", "PEXPIREAT k NOW+5000"},
		{"GETEX k PERSIST", "PERSIST k"}, {"GETEX k PXAT 1", "DEL k"}, {"MSET a 1 b 2", "MSET a 1 b 2"},
		{"MSETNX a 1 z 2", ""}, {"MSETNX y 1 z 2", "MSETNX y 1 z 2"}, {"INCR n", "INCR n"}, {"DECRBY n 5", "DECRBY n 5"},
		{"INCRBYFLOAT f 0.5", "SET f 0.5 KEEPTTL"}, {"INCRBYFLOAT f x", ""}, {"APPEND a x", "APPEND a x"},
		{"SETRANGE a 1 y", "SETRANGE a 1 y"}, {"SETRANGE none 1 ", ""}, {"LCS a b", ""},
		{"SET gone v PXAT 1", "SET gone v PXAT 1"}, {"GET gone", "DEL gone"},
	})
	checkRecords(t, []string{"--default-ttl", "60"}, []journalled{
		{"SET k v", "SET k v PXAT NOW+60000"}, {"SET k w XX", "SET k w PXAT NOW+60000"}, {"SET k v KEEPTTL", "SET k v KEEPTTL"},
		{"MSET a 1", "MSET a 1"}, {"SETNX b 1", "SETNX b 1"}, {"GETSET k x", "SET k x"},
	})
}

func TestJournalOfHashes(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"HSET h f v g w", "HSET h f v g w"}, {"HMSET h f v", "HMSET h f v"}, {"HSETNX h f x", ""}, {"HSETNX h n 1", "HSETNX h n 1"},
		{"HINCRBY h n 2", "HINCRBY h n 2"}, {"HINCRBY h f 2", ""}, {"HINCRBYFLOAT h n 0.5", "HSET h n 3.5"},
		{"HDEL h none", ""}, {"HDEL h f none", "HDEL h f none"}, {"HRANDFIELD h", ""}, {"HSCAN h 0", ""}, {"HGETALL h", ""},
		{"HDEL h g n", "HDEL h g n"}, {"EXISTS h", ""},
	})
}

// TestJournalReadsTakenOverArguments: a value that SET has taken over is still read by the journal; MSET could have
// freed it before.
func TestJournalReadsTakenOverArguments(t *testing.T) {
	l := servertest.NewLocal(t)
	r := &recorder{}
	l.Engine.Journal = r
	big := strings.Repeat("b", 300_000)
	for _, words := range [][]string{{"SET", "k", big}, {"SET", "k", big, "GET"}, {"MSET", "k", big, "k", "1"},
		{"MSET", "k", big, "k", big}, {"APPEND", "a", big}, {"SETRANGE", "s", "0", big}, {"SETNX", "nx", big}} {
		r.records = nil
		l.Do(words...)
		want := strings.TrimSuffix(strings.Join(words, " "), " GET")
		if len(r.records) != 1 || r.records[0] != want {
			t.Errorf("%s: the journal has another record", servertest.Words(words))
		}
	}
}
