package commands_test

// Streams: replies and errors of each command, as redis-server 7.2 gives them. What depends on the clock is at the end.

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"redix/commands/servertest"
)

const (
	badID    = "ERR Invalid stream ID specified as stream command argument"
	smallID  = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	lastOfID = "18446744073709551615-18446744073709551615"
)

// entryOf is an entry as XRANGE shows it.
func entryOf(id string, fields ...any) any { return []any{id, fields} }

func TestXAdd(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("XADD", "s", "1-1", "a", "1").Bulk("1-1"), do("XADD", "s", "1-1", "a", "1").Err(smallID), do("XADD", "s", "0-9", "a", "1").Err(smallID),
		do("XADD", "s", "1", "a", "1").Err(smallID), do("XADD", "s", "1-*", "a", "2", "b", "x").Bulk("1-2"), do("XADD", "s", "2", "b", "1").Bulk("2-0"),
		do("XADD", "s", "0-0", "a", "1").Err("ERR The ID specified in XADD must be greater than 0-0"),
		do("XADD", "none", "0-0", "a", "1").Err("ERR The ID specified in XADD must be greater than 0-0"), do("EXISTS", "none").Int(0),
		do("XADD", "zero", "0-*", "a", "1").Bulk("0-1"),
		do("XADD", "s", "3-x", "a", "1").Err(badID), do("XADD", "s", "-", "a", "1").Err(badID), do("XADD", "s", "+", "a", "1").Err(badID),
		do("XADD", "s", strings.Repeat("1", 128), "a", "1").Err(badID), do("XADD", "s", "18446744073709551616", "a", "1").Err(badID),
		do("XADD", "s", "3", "a").Err("ERR wrong number of arguments for 'xadd' command"),
		do("XADD", "s", "3", "a", "1", "b").Err("ERR wrong number of arguments for 'xadd' command"),
		do("XADD", "s", "MAXLEN", "1", "NOMKSTREAM").Err("ERR wrong number of arguments for 'xadd' command"),
		do("XADD", "none", "NOMKSTREAM", "3", "a", "1").Null(), do("XADD", "s", "nomkstream", "3", "a", "1").Bulk("3-0"),
		do("XRANGE", "s", "-", "+").Array(entryOf("1-1", "a", "1"), entryOf("1-2", "a", "2", "b", "x"), entryOf("2-0", "b", "1"), entryOf("3-0", "a", "1")),
		do("XLEN", "s").Int(4), do("XLEN", "none").Int(0), do("TYPE", "s").Simple("stream"), do("OBJECT", "ENCODING", "s").Bulk("stream"),
		do("XADD", "m", lastOfID, "a", "1").Bulk(lastOfID),
		do("XADD", "m", "*", "a", "1").Err("ERR The stream has exhausted the last possible ID, unable to add more items"),
		do("XADD", "n", "5-18446744073709551615", "a", "1").Any(), do("XADD", "n", "5-*", "a", "1").Err(smallID),
		do("SET", "k", "v").OK(), do("XADD", "k", "1", "a", "1").Err("WRONGTYPE"), do("XLEN", "k").Err("WRONGTYPE"), do("XADD", "k", "0-0", "a", "1").Err("ERR The ID"),
		do("XADD", "quirk", " 5-+6", "", "").Bulk("5-6"), do("XADD", "quirk", "07", "\x00", "\r\n").Bulk("7-0"),
		do("XRANGE", "quirk", "-", "+").Array(entryOf("5-6", "", ""), entryOf("7-0", "\x00", "\r\n")),
		do("COPY", "s", "t").Int(1), do("XADD", "t", "9", "a", "1").Any(), do("XLEN", "s").Int(4), do("DEL", "s").Int(1), do("XLEN", "t").Int(5),
		do("RENAME", "t", "u").OK(), do("XLEN", "u").Int(5), do("MOVE", "u", "1").Int(1),
	)
}

func TestXTrim(t *testing.T) {
	do := servertest.Do
	steps := []*servertest.Step{}
	for i := range 40 {
		steps = append(steps, do("XADD", "s", strconv.Itoa(i+1), "a", strconv.Itoa(i)).Any())
	}
	steps = append(steps,
		do("XTRIM", "s", "MAXLEN", "~", "35").Int(0), do("XTRIM", "s", "MAXLEN", "~", "30").Int(10), do("XTRIM", "s", "MAXLEN", "=", "27").Int(3),
		do("XTRIM", "s", "MINID", "~", "20").Int(0), do("XTRIM", "s", "MINID", "~", "21-0").Int(7), do("XTRIM", "s", "MINID", "23").Int(2),
		do("XTRIM", "s", "MAXLEN", "~", "0", "LIMIT", "7").Int(0), do("XTRIM", "s", "MAXLEN", "~", "0", "LIMIT", "8").Int(8), do("XLEN", "s").Int(10),
		do("XADD", "s", "MAXLEN", "3", "50", "a", "b").Bulk("50-0"), do("XADD", "s", "MINID", "=", "40", "51", "a", "b").Bulk("51-0"),
		do("XRANGE", "s", "-", "+").Array(entryOf("40-0", "a", "39"), entryOf("50-0", "a", "b"), entryOf("51-0", "a", "b")),
		do("XTRIM", "s", "MAXLEN", "-1").Err("ERR The MAXLEN argument must be >= 0."), do("XTRIM", "s", "MAXLEN", "x").Err("ERR value is not an integer or out of range"),
		do("XTRIM", "s", "MAXLEN", "~", "5", "LIMIT", "-1").Err("ERR The LIMIT argument must be >= 0."), do("XTRIM", "s", "MINID", "x").Err(badID),
		do("XTRIM", "s", "MAXLEN", "5", "LIMIT", "1").Err("ERR syntax error, LIMIT cannot be used without the special ~ option"),
		do("XTRIM", "s", "LIMIT", "1").Err("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"), do("XTRIM", "s", "LIMIT", "0").
			Err("ERR syntax error, XTRIM must be called with a trimming strategy"),
		do("XTRIM", "s", "MAXLEN", "5", "MINID", "5").Err("ERR syntax error, MAXLEN and MINID options at the same time are not compatible"),
		do("XTRIM", "s", "MAXLEN", "5", "x").Err("ERR syntax error"), do("XTRIM", "s", "NOMKSTREAM", "MAXLEN", "5").Err("ERR syntax error"),
		do("XTRIM", "none", "MAXLEN", "5").Int(0), do("SET", "k", "v").OK(), do("XTRIM", "k", "MAXLEN", "5").Err("WRONGTYPE"),
		do("XADD", "s", "LIMIT", "5", "90", "a", "b").Err("ERR syntax error, LIMIT cannot"),
		do("XDEL", "s", "50", "50", "99").Int(1), do("XDEL", "s", "40", "x").Err(badID), do("XDEL", "none", "1").Int(0), do("XDEL", "none", "x").Int(0),
		do("XDEL", "s", "40", "51").Int(2), do("XLEN", "s").Int(0), do("EXISTS", "s").Int(1), do("XADD", "s", "51", "a", "b").Err(smallID),
	)
	servertest.RunWith(t, []string{"--stream-node-max-entries", "10"}, steps...)
}

func TestXRange(t *testing.T) {
	do := servertest.Do
	one, two, three := entryOf("1-1", "f", "1"), entryOf("1-2", "f", "2"), entryOf("3-0", "g", "3")
	servertest.Run(t,
		do("XADD", "s", "1-1", "f", "1").Any(), do("XADD", "s", "1-2", "f", "2").Any(), do("XADD", "s", "3", "g", "3").Any(),
		do("XRANGE", "s", "1", "1").Array(one, two), do("XRANGE", "s", "(1-1", "+").Array(two, three), do("XRANGE", "s", "-", "(3-0").Array(one, two),
		do("XRANGE", "s", "2", "-").Array(), do("XREVRANGE", "s", "+", "-").Array(three, two, one), do("XREVRANGE", "s", "(3-0", "1-2").Array(two),
		do("XRANGE", "s", "-", "+", "COUNT", "2").Array(one, two), do("XREVRANGE", "s", "+", "-", "count", "1").Array(three),
		do("XRANGE", "s", "-", "+", "COUNT", "0").Null(), do("XRANGE", "s", "-", "+", "COUNT", "-5").Null(), do("XRANGE", "none", "-", "+", "COUNT", "0").Array(),
		do("XRANGE", "s", "-", "+", "COUNT", "x").Err("ERR value is not an integer"), do("XRANGE", "s", "-", "+", "x", "1").Err("ERR syntax error"),
		do("XRANGE", "s", "-", "+", "COUNT").Err("ERR syntax error"), do("XRANGE", "s", "x", "+").Err(badID), do("XRANGE", "s", "(", "+").Err(badID),
		do("XRANGE", "s", "(-", "+").Err(badID), do("XRANGE", "s", "("+lastOfID, "+").Err("ERR invalid start ID for the interval"),
		do("XRANGE", "s", "-", "(0-0").Err("ERR invalid end ID for the interval"), do("XREVRANGE", "s", "(0-0", "-").Err("ERR invalid end ID for the interval"),
		do("SET", "k", "v").OK(), do("XRANGE", "k", "-", "+").Err("WRONGTYPE"), do("XRANGE", "k", "x", "+").Err(badID),
	)
}

// streamReply is what XREAD replies of some streams: pairs of key and entries.
func streamReply(pairs ...any) servertest.Want {
	return func(v reply, proto int) string {
		if proto == 3 {
			return servertest.Map(pairs...)(v, proto)
		}
		var flat []any
		for i := 0; i < len(pairs); i += 2 {
			flat = append(flat, []any{pairs[i], pairs[i+1]})
		}
		return servertest.Array(flat...)(v, proto)
	}
}

func TestXRead(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("XADD", "s", "1", "f", "1").Any(), do("XADD", "s", "2", "f", "2").Any(), do("XADD", "t", "5", "g", "5").Any(),
		do("XREAD", "STREAMS", "s", "t", "1", "0").Want(streamReply("s", []any{entryOf("2-0", "f", "2")}, "t", []any{entryOf("5-0", "g", "5")})),
		do("XREAD", "COUNT", "1", "STREAMS", "s", "none", "t", "0", "0", "5").Want(streamReply("s", []any{entryOf("1-0", "f", "1")})),
		do("XREAD", "STREAMS", "s", "$").Null(), do("XREAD", "BLOCK", "1", "STREAMS", "s", "2").Null(), do("XREAD", "STREAMS", "s", lastOfID).Null(),
		do("MULTI").OK(), do("XREAD", "BLOCK", "0", "STREAMS", "s", "$").Any(), do("EXEC").Array(nil),
		do("XREAD", "COUNT", "-3", "STREAMS", "s", "1").Want(streamReply("s", []any{entryOf("2-0", "f", "2")})),
		do("XREAD", "STREAMS", "s", "t", "0").Err("ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."),
		do("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "t", "0").Err("ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."),
		do("XREAD", "COUNT", "1", "BLOCK", "1").Err("ERR syntax error"), do("XREAD", "COUNT", "x", "STREAMS", "s", "0").Err("ERR value is not an integer"),
		do("XREAD", "BLOCK", "x", "STREAMS", "s", "0").Err("ERR timeout is not an integer or out of range"), do("XREAD", "BLOCK", "-1", "STREAMS", "s", "0").
			Err("ERR timeout is negative"), do("XREAD", "BLOCK", "9223372036854775807", "STREAMS", "s", "0").Err("ERR timeout is out of range"),
		do("XREAD", "STREAMS", "s", ">").Err("ERR The > ID can be specified only when calling XREADGROUP"), do("XREAD", "STREAMS", "s", "+").Err(badID),
		do("XREAD", "GROUP", "g", "c", "STREAMS", "s", "0").Err("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."),
		do("XREAD", "NOACK", "STREAMS", "s", "0").Err("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."),
		do("XREADGROUP", "COUNT", "1", "NOACK", "STREAMS", "s", "t", "0", "0").Err("ERR Missing GROUP option for XREADGROUP"),
		do("SET", "k", "v").OK(), do("XREAD", "STREAMS", "s", "k", "0", "0").Err("WRONGTYPE"),
	)
}

func TestXGroup(t *testing.T) {
	do := servertest.Do
	noKey := "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option"
	servertest.Run(t,
		do("XGROUP", "CREATE", "s", "g", "$").Err(noKey), do("XGROUP", "DESTROY", "s", "g").Err(noKey), do("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM").OK(),
		do("XGROUP", "CREATE", "s", "g", "$").Err("BUSYGROUP Consumer Group name already exists"), do("XLEN", "s").Int(0),
		do("XGROUP", "CREATE", "s", "h", "x").Err(badID), do("XGROUP", "CREATE", "s", "h", "0", "ENTRIESREAD", "-2").Err("ERR value for ENTRIESREAD must be positive or -1"),
		do("XGROUP", "CREATE", "s", "h", "0", "ENTRIESREAD", "3").OK(), do("XGROUP", "CREATE", "s", "i", "0", "x").Err("ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP."),
		do("XGROUP", "SETID", "s", "none", "0").Err("NOGROUP No such consumer group 'none' for key name 's'"), do("XGROUP", "SETID", "s", "g", "-").OK(),
		do("XGROUP", "CREATECONSUMER", "s", "g", "c").Int(1), do("XGROUP", "CREATECONSUMER", "s", "g", "c").Int(0),
		do("XGROUP", "CREATECONSUMER", "s", "none", "c").Err("NOGROUP"), do("XGROUP", "DELCONSUMER", "s", "g", "none").Int(0),
		do("XADD", "s", "1", "f", "1").Any(), do("XADD", "s", "2", "f", "2").Any(), do("XADD", "s", "3", "f", "3").Any(),
		do("XREADGROUP", "GROUP", "g", "c", "COUNT", "2", "STREAMS", "s", ">").Want(streamReply("s", []any{entryOf("1-0", "f", "1"), entryOf("2-0", "f", "2")})),
		do("XREADGROUP", "GROUP", "g", "d", "STREAMS", "s", ">").Want(streamReply("s", []any{entryOf("3-0", "f", "3")})),
		do("XREADGROUP", "GROUP", "g", "d", "STREAMS", "s", ">").Null(), do("XREADGROUP", "GROUP", "g", "d", "STREAMS", "s", "0").Want(streamReply("s", []any{entryOf("3-0", "f", "3")})),
		do("XREADGROUP", "GROUP", "g", "e", "STREAMS", "s", "0").Want(streamReply("s", []any{})),
		do("XDEL", "s", "2").Int(1), do("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "1").Want(streamReply("s", []any{[]any{"2-0", nil}})),
		do("XREADGROUP", "GROUP", "none", "c", "STREAMS", "s", "0").Err("NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option"),
		do("XREADGROUP", "GROUP", "g", "c", "STREAMS", "none", "0").Err("NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option"),
		do("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "$").Err("ERR The $ ID is meaningless in the context of XREADGROUP"),
		do("XPENDING", "s", "g").Array(3, "1-0", "3-0", []any{[]any{"c", "2"}, []any{"d", "1"}}), do("XPENDING", "s", "none").Err("NOGROUP No such key 's' or consumer group 'none'"),
		do("XPENDING", "s", "g", "-", "+", "10", "d").Array([]any{"3-0", "d", servertest.Between(0, 60000), 2}), do("XPENDING", "s", "g", "-", "+", "10", "x").Array(),
		do("XPENDING", "s", "g", "(1", "+", "1").Array([]any{"2-0", "c", servertest.Between(0, 60000), 1}), do("XPENDING", "s", "g", "IDLE", "100000000", "-", "+", "9").Array(),
		do("XPENDING", "s", "g", "-").Err("ERR syntax error"), do("XPENDING", "s", "g", "IDLE", "1", "-", "+").Err("ERR syntax error"), do("XPENDING", "s", "g", "-", "+", "x").Err("ERR value is not"),
		do("XACK", "s", "g", "1", "1", "9").Int(1), do("XACK", "s", "g", "2", "x").Err(badID), do("XACK", "s", "none", "x").Int(0), do("XACK", "none", "g", "1").Int(0),
		do("XPENDING", "s", "h").Array(0, nil, nil, nil), do("XGROUP", "DELCONSUMER", "s", "g", "d").Int(1), do("XPENDING", "s", "g").Array(1, "2-0", "2-0", []any{[]any{"c", "1"}}),
		do("XGROUP", "DESTROY", "s", "g").Int(1), do("XGROUP", "DESTROY", "s", "g").Int(0), do("XGROUP", "HELP").Match("^CREATE "), do("XINFO", "HELP").Match("^STREAM "),
		do("SET", "k", "v").OK(), do("XGROUP", "CREATE", "k", "g", "0").Err("WRONGTYPE"), do("XACK", "k", "g", "1").Err("WRONGTYPE"), do("XPENDING", "k", "g").Err("WRONGTYPE"),
	)
}

func TestXClaim(t *testing.T) {
	do := servertest.Do
	read := func(count string) *servertest.Step {
		return do("XREADGROUP", "GROUP", "g", "a", "COUNT", count, "STREAMS", "s", ">").Any()
	}
	idle := servertest.Between(0, 60000)
	servertest.Run(t,
		do("XCLAIM", "s", "g", "c", "0", "1").Err("NOGROUP No such key 's' or consumer group 'g'"), do("XAUTOCLAIM", "s", "g", "c", "0", "0").Err("NOGROUP No such key 's' or consumer group 'g'"),
		do("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM").OK(), do("XADD", "s", "1", "f", "1").Any(), do("XADD", "s", "2", "f", "2").Any(), do("XADD", "s", "3", "f", "3").Any(),
		do("XADD", "s", "4", "f", "4").Any(), do("XADD", "s", "5", "f", "5").Any(), read("3"),
		do("XCLAIM", "s", "g", "b", "0", "1", "4").Array(entryOf("1-0", "f", "1")), do("XCLAIM", "s", "g", "b", "0", "2", "JUSTID").Array("2-0"),
		do("XPENDING", "s", "g", "-", "+", "9").Array([]any{"1-0", "b", idle, 2}, []any{"2-0", "b", idle, 1}, []any{"3-0", "a", idle, 1}),
		do("XCLAIM", "s", "g", "b", "0", "4", "FORCE", "RETRYCOUNT", "7", "IDLE", "5000").Array(entryOf("4-0", "f", "4")),
		do("XPENDING", "s", "g", "IDLE", "5000", "-", "+", "9").Array([]any{"4-0", "b", servertest.Between(5000, 65000), 7}),
		do("XCLAIM", "s", "g", "b", "0", "9", "FORCE").Array(), do("XCLAIM", "s", "g", "b", "100000", "1").Array(), do("XCLAIM", "s", "g", "b", "0", "1", "TIME", "1", "LASTID", "5").
			Array(entryOf("1-0", "f", "1")), do("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">").Null(),
		do("XCLAIM", "s", "g", "b", "x", "1").Err("ERR Invalid min-idle-time argument for XCLAIM"), do("XCLAIM", "s", "g", "b", "0", "1", "IDLE", "x").Err("ERR Invalid IDLE option argument for XCLAIM"),
		do("XCLAIM", "s", "g", "b", "0", "1", "TIME", "x").Err("ERR Invalid TIME option argument for XCLAIM"), do("XCLAIM", "s", "g", "b", "0", "1", "RETRYCOUNT", "x").Err("ERR Invalid RETRYCOUNT option argument for XCLAIM"),
		do("XCLAIM", "s", "g", "b", "0", "1", "x").Err("ERR Unrecognized XCLAIM option 'x'"), do("XCLAIM", "s", "g", "b", "0", "1", "LASTID", "x").Err(badID), do("XCLAIM", "s", "g", "b", "0", "1", "TIME").Err("ERR Unrecognized XCLAIM option 'TIME'"),
		// entries that have been deleted are no longer pending
		do("XDEL", "s", "1", "3").Int(2), do("XCLAIM", "s", "g", "b", "0", "1").Array(), do("XPENDING", "s", "g").Array(3, "2-0", "4-0", []any{[]any{"a", "1"}, []any{"b", "2"}}),
		do("XAUTOCLAIM", "s", "g", "c", "0", "-", "COUNT", "2").Array("4-0", []any{entryOf("2-0", "f", "2")}, []any{"3-0"}),
		do("XAUTOCLAIM", "s", "g", "c", "0", "4", "JUSTID").Array("0-0", []any{"4-0"}, []any{}), do("XAUTOCLAIM", "s", "g", "c", "100000", "-").Array("0-0", []any{}, []any{}),
		do("XAUTOCLAIM", "s", "g", "c", "100000", "-", "COUNT", "1").Array("0-0", []any{}, []any{}), do("XAUTOCLAIM", "s", "g", "c", "0", "(4").Array("0-0", []any{}, []any{}),
		do("XAUTOCLAIM", "s", "g", "c", "x", "-").Err("ERR Invalid min-idle-time argument for XAUTOCLAIM"), do("XAUTOCLAIM", "s", "g", "c", "0", "x").Err(badID),
		do("XAUTOCLAIM", "s", "g", "c", "0", "-", "COUNT", "0").Err("ERR COUNT must be > 0"), do("XAUTOCLAIM", "s", "g", "c", "0", "-", "x").Err("ERR syntax error"),
		do("XAUTOCLAIM", "s", "g", "c", "0", "("+lastOfID).Err("ERR invalid start ID for the interval"),
		do("SET", "k", "v").OK(), do("XCLAIM", "k", "g", "b", "0", "1").Err("WRONGTYPE"), do("XAUTOCLAIM", "k", "g", "b", "x", "1").Err("ERR Invalid min-idle-time"),
	)
}

func TestXInfo(t *testing.T) {
	do := servertest.Do
	group := func(name string, pending, consumers int, last string, read, lag any) servertest.Want {
		return servertest.Map("name", name, "consumers", consumers, "pending", pending, "last-delivered-id", last, "entries-read", read, "lag", lag)
	}
	when := servertest.Between(1_500_000_000_000, 9_000_000_000_000)
	servertest.Run(t,
		do("XINFO", "STREAM", "s").Err("ERR no such key"), do("XADD", "s", "1", "f", "1").Any(), do("XADD", "s", "2", "f", "2").Any(), do("XADD", "s", "3", "f", "3").Any(),
		do("XINFO", "STREAM", "s").Map("length", 3, "radix-tree-keys", 1, "radix-tree-nodes", 2, "last-generated-id", "3-0", "max-deleted-entry-id", "0-0",
			"entries-added", 3, "recorded-first-entry-id", "1-0", "groups", 0, "first-entry", entryOf("1-0", "f", "1"), "last-entry", entryOf("3-0", "f", "3")),
		do("XGROUP", "CREATE", "s", "a", "0").OK(), do("XGROUP", "CREATE", "s", "b", "2").OK(), do("XGROUP", "CREATE", "s", "c", "$").OK(), do("XGROUP", "CREATE", "s", "d", "9").OK(),
		do("XREADGROUP", "GROUP", "a", "x", "COUNT", "2", "STREAMS", "s", ">").Any(), do("XGROUP", "CREATECONSUMER", "s", "a", "y").Int(1),
		do("XINFO", "GROUPS", "s").Array(group("a", 2, 2, "2-0", 2, 1), group("b", 0, 0, "2-0", nil, nil), group("c", 0, 0, "3-0", nil, 0), group("d", 0, 0, "9-0", nil, nil)),
		do("XINFO", "CONSUMERS", "s", "a").Array(
			servertest.Map("name", "x", "pending", 2, "idle", servertest.Between(0, 60000), "inactive", servertest.Between(0, 60000)),
			servertest.Map("name", "y", "pending", 0, "idle", servertest.Between(0, 60000), "inactive", -1)),
		do("XINFO", "STREAM", "s", "FULL", "COUNT", "1").Map("length", 3, "radix-tree-keys", 1, "radix-tree-nodes", 2, "last-generated-id", "3-0",
			"max-deleted-entry-id", "0-0", "entries-added", 3, "recorded-first-entry-id", "1-0", "entries", []any{entryOf("1-0", "f", "1")},
			"groups", servertest.Array(servertest.Map("name", "a", "last-delivered-id", "2-0", "entries-read", 2, "lag", 1, "pel-count", 2,
				"pending", []any{[]any{"1-0", "x", when, 1}}, "consumers", servertest.Array(
					servertest.Map("name", "x", "seen-time", when, "active-time", when, "pel-count", 2, "pending", []any{[]any{"1-0", when, 1}}),
					servertest.Map("name", "y", "seen-time", when, "active-time", -1, "pel-count", 0, "pending", []any{}))),
				servertest.Match("b"), servertest.Match("c"), servertest.Match("d"))),
		do("XDEL", "s", "2").Int(1), do("XINFO", "GROUPS", "s").Array(group("a", 2, 2, "2-0", 2, nil), group("b", 0, 0, "2-0", nil, nil), group("c", 0, 0, "3-0", nil, 0), group("d", 0, 0, "9-0", nil, nil)),
		do("XINFO", "STREAM", "s", "FULL", "COUNT").Err("ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."),
		do("XINFO", "STREAM", "s", "FULL", "COUNT", "x").Err("ERR value is not an integer"), do("XINFO", "CONSUMERS", "s", "none").Err("NOGROUP No such consumer group 'none' for key name 's'"),
		do("XSETID", "s", "1").Err("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"),
		do("XSETID", "s", "2").Err("ERR The ID specified in XSETID is smaller than the target stream top item"),
		do("XSETID", "s", "5", "ENTRIESADDED", "1").Err("ERR The entries_added specified in XSETID is smaller than the target stream length"),
		do("XSETID", "s", "5", "ENTRIESADDED", "-1").Err("ERR entries_added must be positive"), do("XSETID", "s", "5", "MAXDELETEDID", "6").
			Err("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"), do("XSETID", "s", "5", "x").Err("ERR syntax error"), do("XSETID", "none", "5").Err("ERR no such key"),
		do("XSETID", "s", "5", "ENTRIESADDED", "9", "MAXDELETEDID", "4").OK(), do("XADD", "s", "5", "f", "v").Err(smallID),
		do("SET", "k", "v").OK(), do("XINFO", "STREAM", "k").Err("WRONGTYPE"), do("XSETID", "k", "5").Err("WRONGTYPE"),
	)
}

// TestStreamClock: IDs from the clock, and what waits for how long.
func TestStreamClock(t *testing.T) {
	l := servertest.NewLocal(t)
	now := l.NowMs()
	id := func(ms int64, seq int) string { return strconv.FormatInt(ms, 10) + "-" + strconv.Itoa(seq) }
	want := func(got reply, text string) {
		t.Helper()
		if got.Str != text {
			t.Errorf("%s, want %s", got, text)
		}
	}
	want(l.Do("XADD", "s", "*", "f", "v"), id(now, 0))
	want(l.Do("XADD", "s", "*", "f", "v"), id(now, 1))
	l.Advance(10 * time.Millisecond)
	want(l.Do("XADD", "s", "*", "f", "v"), id(now+10, 0))
	want(l.Do("XADD", "s", id(now+5000, 7), "f", "v"), id(now+5000, 7))
	want(l.Do("XADD", "s", "*", "f", "v"), id(now+5000, 8))
	l.Do("XGROUP", "CREATE", "s", "g", "0")
	l.Do("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "s", ">")
	l.Advance(3 * time.Second)
	if v := l.Do("XPENDING", "s", "g", "IDLE", "3001", "-", "+", "9"); len(v.Elems) != 0 {
		t.Error(v)
	}
	if v := l.Do("XPENDING", "s", "g", "IDLE", "3000", "-", "+", "9"); len(v.Elems) != 1 || v.Elems[0].Elems[2].Int != 3000 {
		t.Error(v)
	}
	l.Do("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "5")
	l.Advance(time.Second)
	if v := l.Do("XINFO", "CONSUMERS", "s", "g").Elems[0].Pairs(); v["idle"] != "1000" || v["inactive"] != "4000" {
		t.Error(v)
	}
	if v := l.Do("XAUTOCLAIM", "s", "g", "d", "4001", "-"); len(v.Elems[1].Elems) != 0 {
		t.Error(v)
	}
}

func TestStreamsDoNotAllocate(t *testing.T) {
	l := servertest.NewLocal(t)
	for i := range 3000 {
		l.Do("XADD", "s", "*", "field", strconv.Itoa(i))
	}
	l.Do("XGROUP", "CREATE", "s", "g", "$")
	l.MustNotAllocate(
		[]string{"XADD", "s", "MAXLEN", "~", "1000", "*", "field", "value", "n", "1"}, []string{"XLEN", "s"}, []string{"XADD", "s", "MAXLEN", "1200", "*", "field", "value"},
		[]string{"XRANGE", "s", "-", "+", "COUNT", "10"}, []string{"XREVRANGE", "s", "+", "-", "COUNT", "10"}, []string{"XREAD", "COUNT", "3", "STREAMS", "s", "0"},
		[]string{"XREADGROUP", "GROUP", "g", "c", "COUNT", "10", "STREAMS", "s", ">"}, []string{"XPENDING", "s", "g"}, []string{"XACK", "s", "g", "1-1"},
		[]string{"XAUTOCLAIM", "s", "g", "c", "0", "-", "COUNT", "1"}, []string{"XTRIM", "s", "MAXLEN", "~", "1000"})
}
