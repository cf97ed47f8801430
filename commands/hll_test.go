package commands_test

import (
	"fmt"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// HyperLogLogs: replies, errors and bytes as redis-server 7.2 has them.

const (
	notSketch = "WRONGTYPE Key is not a valid HyperLogLog string value."
	corrupt   = "INVALIDOBJ Corrupted HLL object detected"
	hyll      = "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
)

func TestPFAdd(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("PFADD", "k").Int(1), do("PFADD", "k").Int(0), do("GET", "k").Bulk(hyll+"\x7f\xff"), do("TYPE", "k").Simple("string"),
		do("OBJECT", "ENCODING", "k").Bulk("raw"), do("PFCOUNT", "k").Int(0),
		do("GET", "k").Bulk("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"),
		do("PFADD", "k", "a").Int(1), do("PFADD", "k", "a").Int(0), do("PFADD", "k", "a", "hello", "").Int(1), do("PFCOUNT", "k").Int(3),
		do("PFDEBUG", "DECODE", "k").Bulk("Z:5938 v:2,1 Z:3277 v:1,1 Z:3494 v:2,1 Z:3672"),
		do("GET", "k").Bulk("HYLL\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x57\x31\x84\x4c\xcc\x80\x4d\xa5\x84\x4e\x57"),
		do("PFCOUNT", "none").Int(0), do("PFCOUNT", "none", "k", "k").Int(3), do("PFCOUNT", "none", "nothing").Int(0),
		do("EXPIRE", "k", "100").Int(1), do("PFADD", "k", "b", "c", "d").Int(1), do("TTL", "k").Between(98, 100),
		do("PFMERGE", "m").OK(), do("GET", "m").Bulk(hyll+"\x7f\xff"),
		do("PFMERGE", "m", "k", "none").OK(), do("PFCOUNT", "m").Int(6), do("PFADD", "x", "b", "z").Int(1),
		do("PFMERGE", "m", "x").OK(), do("PFCOUNT", "m").Int(7), do("PFCOUNT", "k", "x").Int(7), do("PFMERGE", "k", "k").OK(),
		do("TTL", "k").Between(98, 100), do("PFCOUNT", "k").Int(6), do("PFDEBUG", "encoding", "m").Simple("sparse"),
		do("PFDEBUG", "TODENSE", "m").Int(1), do("PFDEBUG", "TODENSE", "m").Int(0), do("PFDEBUG", "ENCODING", "m").Simple("dense"),
		do("STRLEN", "m").Int(12304), do("PFCOUNT", "m").Int(7), do("PFADD", "m", "new").Int(1), do("PFADD", "m", "new").Int(0),
		do("PFCOUNT", "m").Int(8), do("PFMERGE", "x", "m").OK(), do("STRLEN", "x").Int(12304), do("PFCOUNT", "x").Int(8),
		do("PFMERGE", "fresh", "m", "k").OK(), do("STRLEN", "fresh").Int(12304), do("PFCOUNT", "fresh").Int(8),
		do("PFDEBUG", "DECODE", "m").Err("ERR HLL encoding is not sparse"), do("PFDEBUG", "GETREG", "k").Len(16384),
		do("PFDEBUG", "ENCODING", "k").Simple("dense"), do("PFDEBUG", "x", "k").Err("ERR Unknown PFDEBUG subcommand 'x'"),
		do("PFDEBUG", "x", "none").Err("ERR The specified key does not exist"), do("PFDEBUG", "x").Err("ERR wrong number"),
		do("PFADD").Err("ERR wrong number"), do("PFCOUNT").Err("ERR wrong number"), do("PFMERGE").Err("ERR wrong number"),
		do("PFSELFTEST").OK(),
	)
}

// TestPFOfAnything: a client can set any string.
func TestPFOfAnything(t *testing.T) {
	do := servertest.Do
	dense := "HYLL\x00" + hyll[5:]
	servertest.Run(t,
		do("SET", "s", "v").OK(), do("SET", "n", "12").OK(), do("HSET", "h", "f", "v").Int(1),
		do("PFADD", "s", "a").Err(notSketch), do("PFCOUNT", "s").Err(notSketch), do("PFCOUNT", "none", "n").Err(notSketch),
		do("PFMERGE", "d", "none", "s").Err(notSketch), do("PFMERGE", "n").Err(notSketch), do("PFDEBUG", "x", "s").Err(notSketch),
		do("PFADD", "h", "a").Err(wrongType), do("PFCOUNT", "h").Err(wrongType), do("PFCOUNT", "none", "h").Err(wrongType),
		do("PFMERGE", "d", "h").Err(wrongType), do("PFMERGE", "h", "none").Err(wrongType), do("PFDEBUG", "x", "h").Err(wrongType),
		do("EXISTS", "d").Int(0),
		do("SET", "k", dense).OK(), do("PFADD", "k", "a").Err(notSketch), do("SET", "k", "HYLL\x02"+hyll[5:]).OK(),
		do("PFCOUNT", "k").Err(notSketch), do("SET", "k", hyll[:15]).OK(), do("PFADD", "k").Err(notSketch),
		do("SET", "k", hyll).OK(), do("PFCOUNT", "k").Err(corrupt), do("PFADD", "k", "a").Err(corrupt), do("PFADD", "k").Int(0),
		do("PFMERGE", "k").Err(corrupt), do("PFCOUNT", "k", "k").Err(corrupt), do("PFDEBUG", "GETREG", "k").Err(corrupt),
		do("PFDEBUG", "TODENSE", "k").Err(corrupt), do("PFDEBUG", "DECODE", "k").Bulk(""),
		do("SET", "k", hyll+"\x7f\xff\x00").OK(), do("PFCOUNT", "k").Err(corrupt),
		do("SET", "k", hyll+"\x40\x00\xff").OK(), do("PFADD", "k", "a").Err(corrupt), do("PFCOUNT", "k").Err(corrupt),
		do("SET", "k", hyll+strings.Repeat("\xff", 40_000)).OK(), do("PFADD", "k", "a").Err(corrupt),
		do("SET", "k", dense+strings.Repeat("\xff", 12288)).OK(), do("PFCOUNT", "k").Int(-1<<63), do("PFADD", "k", "a").Int(0),
		do("SET", "k", hyll[:15]+"\x00\x7f\xff").OK(), do("PFADD", "k").Int(0), do("PFADD", "k", "a").Int(1),
		do("PFCOUNT", "k").Int(1),
	)
}

func TestPFSparseLimit(t *testing.T) {
	do := servertest.Do
	servertest.RunWith(t, []string{"--hll-sparse-max-bytes", "22"},
		do("PFADD", "k", "a").Int(1), do("STRLEN", "k").Int(21), do("PFADD", "k", "hello").Int(1), do("STRLEN", "k").Int(12304),
		do("PFCOUNT", "k").Int(2), do("PFMERGE", "m", "k").OK(), do("STRLEN", "m").Int(12304),
		do("PFADD", "a", "a").Int(1), do("PFADD", "b", "hello").Int(1), do("PFMERGE", "c", "a", "b").OK(),
		do("STRLEN", "c").Int(12304), do("PFCOUNT", "c").Int(2),
	)
}

func TestPFDoesNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	for i := range 100 {
		l.Do("PFADD", "k", fmt.Sprint(i))
		l.Do("PFADD", "dense", fmt.Sprint(-i))
	}
	l.Do("PFDEBUG", "TODENSE", "dense")
	l.MustNotAllocate(
		[]string{"DEL", "fresh"}, []string{"PFADD", "fresh", "a"}, []string{"PFADD", "fresh", "b"}, []string{"PFCOUNT", "fresh"},
		[]string{"PFADD", "k", "5"}, []string{"PFADD", "dense", "5"}, []string{"PFCOUNT", "k", "dense"}, []string{"PFMERGE", "m", "k"},
		[]string{"PFMERGE", "d", "dense", "k"}, []string{"PFCOUNT", "m"})
}

// TestJournalOfPF: what PFCOUNT notes in the string is journalled, or the data would differ after a restart.
func TestJournalOfPF(t *testing.T) {
	checkRecords(t, nil, []journalled{
		{"PFADD k a b", "PFADD k a b"}, {"PFADD k a b", ""}, {"PFCOUNT k", "PFCOUNT k"}, {"PFCOUNT k", ""}, {"PFCOUNT k none", ""},
		{"PFADD k", ""}, {"PFADD new", "PFADD new"}, {"PFMERGE m k new", "PFMERGE m k new"}, {"PFCOUNT m k", ""},
		{"PFDEBUG ENCODING m", ""}, {"PFDEBUG TODENSE m", "PFDEBUG TODENSE m"}, {"PFDEBUG TODENSE m", ""},
		{"PFDEBUG GETREG k", "PFDEBUG GETREG k"}, {"PFSELFTEST", ""}, {"SET k v", "SET k v"}, {"PFMERGE m k", ""},
	})
}
