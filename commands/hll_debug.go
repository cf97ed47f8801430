package commands

import (
	"bytes"
	"strconv"

	"redix/engine"
	"redix/engine/hll"
	"redix/engine/keyspace"
)

// PFDEBUG and PFSELFTEST, for tests of values and of the estimate, and the rows of the hyperloglog group.

var _ = register(hllRows)

var hllRows = []engine.Row{
	{Name: "pfadd", Arity: -2, Flags: writeFast, Keys: engine.OneKey(1, "RW insert"), Group: "hyperloglog", Since: "2.8.9",
		Complexity: "O(1) for each element.", Summary: "Adds elements to a HyperLogLog, which is created if need be.",
		Syntax: "key [element [element ...]]", Handler: pfadd},
	{Name: "pfcount", Arity: -2, Flags: engine.Readonly | engine.MayReplicate | engine.Brief,
		Keys: engine.NotedKeys(engine.KeyRange(1, -1, 1, "RW access"),
			"It writes the count that it found into the value, which is replicated."), Group: "hyperloglog",
		Since: "2.8.9", Complexity: "O(1) for one key whose estimate is kept, else O(N) in the number of keys.",
		Summary: "Estimates how many different elements one or more HyperLogLogs have seen.",
		Syntax:  "key [key ...]", Handler: pfcount},
	{Name: "pfdebug", Arity: 3, Flags: engine.ForServers | writeGrow | engine.Admin, Keys: engine.OneKey(2, "RW access"), Group: "hyperloglog",
		Since: "2.8.9", Complexity: "O(1)", Summary: "Shows how a HyperLogLog is kept.",
		Syntax: "subcommand key", Handler: pfdebug},
	{Name: "pfmerge", Arity: -2, Flags: writeGrow, Group: "hyperloglog", Since: "2.8.9",
		Keys:       []engine.KeySpec{{Flags: "RW access insert", Index: 1, Step: 1}, {Flags: "RO access", Index: 2, Last: -1, Step: 1}},
		Complexity: "O(N) in the number of keys.", Summary: "Adds to a HyperLogLog what others have seen.",
		Syntax: "destkey [sourcekey [sourcekey ...]]", Handler: pfmerge},
	{Name: "pfselftest", Arity: 1, Flags: engine.ForServers | engine.Admin, Group: "hyperloglog", Since: "2.8.9", Complexity: "O(1)",
		Summary: "Checks the registers and the estimate of HyperLogLogs.", Handler: pfselftest},
}

func pfdebug(c *engine.Client, args engine.Args) {
	e, found := c.LookupWrite(args[2])
	if !found {
		c.Reply.Error("ERR The specified key does not exist")
		return
	}
	b, ok := validHLL(c, &e)
	if !ok {
		return
	}
	switch verb := args[1]; {
	case isWord(verb, "getreg"):
		if b, ok = makeDense(c, &e, args[2], b); !ok {
			return
		}
		c.Reply.Array(hll.Registers)
		for i := range hll.Registers {
			c.Reply.Int(int64(hll.DenseRegister(b, i)))
		}
	case isWord(verb, "decode"):
		if hll.IsDense(b) {
			c.Reply.Error("ERR HLL encoding is not sparse")
			return
		}
		c.Reply.Bulk(hll.AppendOpcodes(nil, b))
	case isWord(verb, "encoding"):
		if hll.IsDense(b) {
			c.Reply.Simple("dense")
		} else {
			c.Reply.Simple("sparse")
		}
	case isWord(verb, "todense"):
		was := hll.IsDense(b)
		if _, ok = makeDense(c, &e, args[2], b); ok {
			c.Reply.Int(map[bool]int64{true: 0, false: 1}[was])
		}
	default:
		name, _, _ := bytes.Cut(verb, []byte{0}) // where redis-server takes its end to be
		c.Reply.Errorf("ERR Unknown PFDEBUG subcommand '%s'", name)
	}
}

// makeDense stores the dense form of a sparse value and returns it.
func makeDense(c *engine.Client, e *keyspace.Entry, key, b []byte) (dense []byte, ok bool) {
	if hll.IsDense(b) {
		return b, true
	}
	if dense, ok = hll.AppendToDense(nil, b); !ok {
		c.Reply.Error(errCorruptHLL)
		return nil, false
	}
	c.DB.SetString(e, key, dense, e.Deadline())
	c.Event(0, "", key)
	c.Changed(1)
	return dense, true
}

// selfTestElements are added by PFSELFTEST: the loop waits for it, which takes some milliseconds.
const selfTestElements = 100_000

// pfselftest counts numbers, looking at the error of the estimate at each power of ten. The standard error is 0.81 %;
// six times that does not happen.
func pfselftest(c *engine.Client, _ engine.Args) {
	d := hll.Editor{B: hll.AppendNew(nil), Limit: c.Server().Config.HLLSparseMaxBytes}
	var room [20]byte
	for n, check := 1, 10; n <= selfTestElements; n++ {
		register, count := hll.Place(strconv.AppendInt(room[:0], int64(n), 10))
		_, ok := d.Raise(register, count)
		if again, _ := d.Raise(register, count); !ok || again {
			c.Reply.Errorf("TESTFAILED Register %d does not keep %d", register, count)
			return
		}
		if n < check {
			continue
		}
		estimate, ok := hll.Count(d.B)
		if off := int64(estimate) - int64(n); !ok || max(off, -off)*20 > int64(max(n, 40)) {
			c.Reply.Errorf("TESTFAILED Too high error: %d elements are estimated as %d", n, estimate)
			return
		}
		check *= 10
	}
	c.Reply.OK()
}
