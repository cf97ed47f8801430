package commands

import "redix/engine"

// The rows of the bitmap group. A legend is at engine.Row.

var _ = register(bitmapRows)

const fieldSyntax = "<GET encoding offset>{get-block} | <[OVERFLOW <WRAP | SAT | FAIL>{overflow-block}] " +
	"<<SET encoding offset value:integer>{set-block} | <INCRBY encoding offset increment>{incrby-block}>{write-operation}>{write}"

var bitmapRows = []engine.Row{
	{Name: "bitcount", Arity: -2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "bitmap", Since: "2.6.0",
		Complexity: "O(N) in the bytes looked at.", Summary: "Counts the bits of a string that are set.",
		Syntax: "key [start end [BYTE | BIT]{unit@7.0.0}]{range}", History: []string{"7.0.0: Added the `BYTE|BIT` option."}, Handler: bitcount},
	{Name: "bitfield", Arity: -2, Flags: writeGrow, Keys: engine.NotedKeys(engine.OneKey(1, "RW access update variable_flags"),
		"It writes unless all its operations are GET."), Group: "bitmap",
		Since: "3.2.0", Complexity: "O(1) for each operation.",
		Summary: "Reads, sets and adds to integers of any width at any bit of a string.",
		Syntax:  "key [" + fieldSyntax + " ...]{operation}", KeyFlags: bitfieldKeyFlags, Handler: bitfield},
	{Name: "bitfield_ro", Arity: -2, Flags: readFast, Keys: engine.OneKey(1, "RO access"), Group: "bitmap", Since: "6.0.0",
		Complexity: "O(1) for each operation.", Summary: "Reads integers of any width at any bit of a string.",
		Syntax: "key [GET encoding offset [GET encoding offset ...]]{get-block}", Handler: bitfieldRO},
	{Name: "bitop", Arity: -4, Flags: writeGrow, Group: "bitmap", Since: "2.6.0",
		Keys:       []engine.KeySpec{{Flags: "OW update", Index: 2, Step: 1}, {Flags: "RO access", Index: 3, Last: -1, Step: 1}},
		Complexity: "O(N) in the bytes of all source strings.",
		Summary:    "Combines strings bit by bit and stores the result.",
		Syntax:     "<AND | OR | XOR | NOT>{operation} destkey key [key ...]", Handler: bitop},
	{Name: "bitpos", Arity: -3, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "bitmap", Since: "2.8.7",
		Complexity: "O(N) in the bytes looked at.", Summary: "Finds the first bit of a string that is set, or clear.",
		Syntax: "key bit [start [end [BYTE | BIT]{unit@7.0.0}]{end-unit-block}]{range}", History: []string{"7.0.0: Added the `BYTE|BIT` option."}, Handler: bitpos},
	{Name: "getbit", Arity: 3, Flags: readFast, Keys: engine.OneKey(1, "RO access"), Group: "bitmap", Since: "2.2.0",
		Complexity: "O(1)", Summary: "Replies with a bit of a string.", Syntax: "key offset", Handler: getbit},
	{Name: "setbit", Arity: 4, Flags: writeGrow, Keys: engine.OneKey(1, "RW access update"), Group: "bitmap", Since: "2.2.0",
		Complexity: "O(1)", Summary: "Sets or clears a bit of a string, which grows with zero bits as needed.",
		Syntax: "key offset value:integer", Handler: setbit},
}
