package commands

import "redix/engine"

// The rows of the string group. A legend is at engine.Row.

const (
	writeGrow = engine.Write | engine.DenyOOM
	writeFast = engine.Write | engine.DenyOOM | engine.Fast
	readFast  = engine.Readonly | engine.Fast
)

var _ = register(stringRows)

var stringRows = []engine.Row{
	{Name: "append", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "RW insert"), Group: "string", Since: "2.0.0",
		Complexity: "O(1) amortized over appends; the string's room grows by doubling.",
		Summary:    "Adds bytes to the end of a string, which is created if need be.",
		Syntax:     "key value", Handler: appendString},
	{Name: "decr", Arity: 2, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Takes one from an integer; a missing key counts as 0.",
		Syntax: "key", Handler: decr},
	{Name: "decrby", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Takes a number from an integer; a missing key counts as 0.",
		Syntax: "key decrement", Handler: decrby},
	{Name: "get", Arity: 2, Flags: readFast, Keys: engine.OneKey(1, "RO access"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Replies with a string.", Syntax: "key", Handler: get},
	{Name: "getdel", Arity: 2, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW access delete"), Group: "string",
		Since: "6.2.0", Complexity: "O(1)", Summary: "Replies with a string and removes its key.",
		Syntax: "key", Handler: getdel},
	{Name: "getex", Arity: -2, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW access update"), Group: "string",
		Since: "6.2.0", Complexity: "O(1)", Summary: "Replies with a string and changes when its key expires.",
		Syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",

		Handler: getex},
	{Name: "getrange", Arity: 4, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "string", Since: "2.4.0",
		Complexity: "O(N) in the bytes replied.", Summary: "Replies with a part of a string.",
		Syntax: "key start end", Handler: getrange},
	{Name: "getset", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Sets a string and replies with the one before.",
		Syntax: "key value", Deprecated: "6.2.0", Replaced: "`SET` with the `!GET` argument", Handler: getset},
	{Name: "incr", Arity: 2, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Adds one to an integer; a missing key counts as 0.",
		Syntax: "key", Handler: incr},
	{Name: "incrby", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Adds a number to an integer; a missing key counts as 0.",
		Syntax: "key increment", Handler: incrby},
	{Name: "incrbyfloat", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "RW access update"), Group: "string",
		Since: "2.6.0", Complexity: "O(1)", Summary: "Adds a number to a float; a missing key counts as 0.",
		Syntax: "key increment", Handler: incrbyfloat},
	{Name: "lcs", Arity: -3, Flags: engine.Readonly, Keys: engine.KeyRange(1, 2, 1, "RO access"), Group: "string",
		Since: "7.0.0", Complexity: "O(N*M) in the lengths of the two strings.",
		Summary: "Finds the longest subsequence that two strings have in common.",
		Syntax:  "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]", Handler: lcs},
	{Name: "mget", Arity: -2, Flags: readFast, Keys: engine.KeyRange(1, -1, 1, "RO access"), Group: "string", Since: "1.0.0",
		Complexity: "O(N) in the number of keys.", Summary: "Replies with several strings.",
		Syntax: "key [key ...]", Hints: "request_policy:multi_shard", Handler: mget},
	{Name: "mset", Arity: -3, Flags: writeGrow, Keys: engine.KeyRange(1, -1, 2, "OW update"), Group: "string", Since: "1.0.1",
		Complexity: "O(N) in the number of keys.", Summary: "Sets several strings at once.",
		Syntax: "key value [key value ...]", Hints: "request_policy:multi_shard response_policy:all_succeeded", Handler: mset},
	{Name: "msetnx", Arity: -3, Flags: writeGrow, Keys: engine.KeyRange(1, -1, 2, "OW insert"), Group: "string",
		Since: "1.0.1", Complexity: "O(N) in the number of keys.",
		Summary: "Sets several strings at once if none of their keys exists.",
		Syntax:  "key value [key value ...]", Handler: msetnx},
	{Name: "psetex", Arity: 4, Flags: writeGrow, Keys: engine.OneKey(1, "OW update"), Group: "string", Since: "2.6.0",
		Complexity: "O(1)", Summary: "Sets a string that expires in so many milliseconds.",
		Syntax: "key milliseconds value", Deprecated: "2.6.12", Replaced: "`SET` with the `PX` argument", Handler: psetex},
	{Name: "set", Arity: -3, Flags: writeGrow, Keys: engine.OneKey(1, "RW access update variable_flags"), Group: "string",
		Since: "1.0.0", Complexity: "O(1)", Summary: "Sets a string, whatever its key held, and takes its expiry away.",
		Syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | " +
			"PXAT unix-time-milliseconds | KEEPTTL]",
		History: []string{"2.6.12: Added the EX, PX, NX and XX options.", "6.0.0: Added the KEEPTTL option.",
			"6.2.0: Added the GET, EXAT and PXAT options.", "7.0.0: NX and GET may be given together."},
		Handler: set},
	{Name: "setex", Arity: 4, Flags: writeGrow, Keys: engine.OneKey(1, "OW update"), Group: "string", Since: "2.0.0",
		Complexity: "O(1)", Summary: "Sets a string that expires in so many seconds.",
		Syntax: "key seconds value", Deprecated: "2.6.12", Replaced: "`SET` with the `EX` argument", Handler: setex},
	{Name: "setnx", Arity: 3, Flags: writeFast, Keys: engine.OneKey(1, "OW insert"), Group: "string", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Sets a string if its key does not exist.",
		Syntax: "key value", Deprecated: "2.6.12", Replaced: "`SET` with the `NX` argument", Handler: setnx},
	{Name: "setrange", Arity: 4, Flags: writeGrow, Keys: engine.OneKey(1, "RW update"), Group: "string", Since: "2.2.0",
		Complexity: "O(N) in the bytes written, and in the gap before them if there is one.",
		Summary:    "Overwrites a part of a string, which grows with zero bytes as needed.",
		Syntax:     "key offset value", Handler: setrange},
	{Name: "strlen", Arity: 2, Flags: readFast, Keys: engine.OneKey(1, "RO"), Group: "string", Since: "2.2.0",
		Complexity: "O(1)", Summary: "Replies with the length of a string in bytes.",
		Syntax: "key", Handler: strlen},
	{Name: "substr", Arity: 4, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "string", Since: "1.0.0",
		Complexity: "O(N) in the bytes replied.", Summary: "Replies with a part of a string.",
		Syntax: "key start end", Deprecated: "2.0.0", Replaced: "`GETRANGE`", Handler: getrange},
}
