package commands

import "redix/engine"

// The rows of the set group. A legend is at engine.Row.

var _ = register(setRows)

// storeKeys are a destination and the sets that it is made from.
func storeKeys(flags string) []engine.KeySpec {
	return append(engine.OneKey(1, flags), engine.KeyRange(2, -1, 1, "RO access")...)
}

// countedKeys are keys that come after their number at place index.
func countedKeys(index int, flags string) []engine.KeySpec {
	return []engine.KeySpec{{Flags: flags, Index: index, NumKeys: true, KeyNum: 0, FirstKey: 1, Step: 1}}
}

var setRows = []engine.Row{
	{Name: "sadd", Arity: -3, Flags: writeFast, Keys: engine.OneKey(1, "RW insert"), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the number of members to add.", Summary: "Adds members to a set, which is created if need be.",
		Syntax: "key member [member ...]", History: []string{"2.4.0: Takes several members."}, Handler: sadd},
	{Name: "scard", Arity: 2, Flags: readFast, Keys: engine.OneKey(1, "RO"), Group: "set", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Counts the members of a set.", Syntax: "key", Handler: scard},
	{Name: "sdiff", Arity: -2, Flags: engine.Readonly, Keys: engine.KeyRange(1, -1, 1, "RO access"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the members of all sets.",
		Summary: "Replies with the members of the first set that no other has.", Syntax: "key [key ...]",
		Hints: "nondeterministic_output_order", Handler: sdiff},
	{Name: "sdiffstore", Arity: -3, Flags: engine.Write | engine.DenyOOM, Keys: storeKeys("OW update"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the members of all sets.",
		Summary: "Stores the members of the first set that no other has.", Syntax: "destination key [key ...]",
		Handler: sdiffstore},
	{Name: "sinter", Arity: -2, Flags: engine.Readonly, Keys: engine.KeyRange(1, -1, 1, "RO access"), Group: "set",
		Since: "1.0.0", Complexity: "O(N*M), N the members of the smallest set, M the number of sets.",
		Summary: "Replies with the members that all sets have.", Syntax: "key [key ...]",
		Hints: "nondeterministic_output_order", Handler: sinter},
	{Name: "sintercard", Arity: -3, Flags: engine.Readonly | engine.MovableKeys, Keys: countedKeys(1, "RO access"),
		Group: "set", Since: "7.0.0", Complexity: "O(N*M), N the members of the smallest set, M the number of sets.",
		Summary: "Counts the members that all sets have, up to a limit.", Syntax: "numkeys key [key ...] [LIMIT limit]",
		Handler: sintercard},
	{Name: "sinterstore", Arity: -3, Flags: engine.Write | engine.DenyOOM, Keys: storeKeys("RW update"), Group: "set",
		Since: "1.0.0", Complexity: "O(N*M), N the members of the smallest set, M the number of sets.",
		Summary: "Stores the members that all sets have.", Syntax: "destination key [key ...]", Handler: sinterstore},
	{Name: "sismember", Arity: 3, Flags: readFast, Keys: engine.OneKey(1, "RO"), Group: "set", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Tells whether a set has a member.", Syntax: "key member", Handler: sismember},
	{Name: "smembers", Arity: 2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "set", Since: "1.0.0",
		Complexity: "O(N) in the size of the set.", Summary: "Replies with all members of a set.",
		Syntax: "key", Hints: "nondeterministic_output_order", Handler: smembers},
	{Name: "smismember", Arity: -3, Flags: readFast, Keys: engine.OneKey(1, "RO access"), Group: "set", Since: "6.2.0",
		Complexity: "O(N) in the number of members asked for.", Summary: "Tells which of several members a set has.",
		Syntax: "key member [member ...]", Handler: smismember},
	{Name: "smove", Arity: 4, Flags: engine.Write | engine.Fast,
		Keys:  append(engine.OneKey(1, "RW access delete"), engine.OneKey(2, "RW insert")...),
		Group: "set", Since: "1.0.0", Complexity: "O(1)", Summary: "Moves a member from one set to another.",
		Syntax: "source destination member", Handler: smove},
	{Name: "spop", Arity: -2, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW access delete"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the number of members removed.",
		Summary: "Removes members chosen by chance and replies with them.", Syntax: "key [count{@3.2.0}]",
		History: []string{"3.2.0: The count."}, Hints: "nondeterministic_output", Handler: spop},
	{Name: "srandmember", Arity: -2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the number of members replied.",
		Summary: "Replies with members chosen by chance.", Syntax: "key [count{@2.6.0}]", History: []string{"2.6.0: The count."},
		Hints: "nondeterministic_output", Handler: srandmember},
	{Name: "srem", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW delete"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the number of members to remove.",
		Summary: "Removes members from a set, and the set with its last member.", Syntax: "key member [member ...]",
		History: []string{"2.4.0: Takes several members."}, Handler: srem},
	{Name: "sscan", Arity: -3, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "set", Since: "2.8.0",
		Complexity: "O(1) a call, O(N) for all calls of an iteration over N members.",
		Summary:    "Replies with some of the members, and the cursor that continues from there.",
		Syntax:     "key cursor [MATCH pattern] [COUNT count]", Hints: "nondeterministic_output", Handler: sscan},
	{Name: "sunion", Arity: -2, Flags: engine.Readonly, Keys: engine.KeyRange(1, -1, 1, "RO access"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the members of all sets.",
		Summary: "Replies with the members that any of the sets has.", Syntax: "key [key ...]",
		Hints: "nondeterministic_output_order", Handler: sunion},
	{Name: "sunionstore", Arity: -3, Flags: engine.Write | engine.DenyOOM, Keys: storeKeys("OW update"), Group: "set",
		Since: "1.0.0", Complexity: "O(N) in the members of all sets.",
		Summary: "Stores the members that any of the sets has.", Syntax: "destination key [key ...]", Handler: sunionstore},
}
