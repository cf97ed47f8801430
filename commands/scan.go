package commands

import (
	"bytes"
	"encoding/binary"
	"slices"

	"redix/engine"
	"redix/engine/glob"
	"redix/engine/keyspace"
	"redix/engine/resp"
)

// Iteration over the keys of a database: KEYS in one go, SCAN in calls.
//
// A cursor is a position in the order of hashes, which nothing that happens between two calls can change (see
// keyspace.Index.Scan): a key that is there during the whole iteration is replied with exactly once. Any number is a
// cursor; one past the last position ends the iteration.
//
// Expired keys are never replied with. Those met are removed after the step that met them, because a step must not
// change the index under its own feet.

var scanRows = []engine.Row{
	{Name: "keys", Arity: 2, Flags: engine.Readonly | engine.AllKeys, Categories: "dangerous",
		Group: "generic", Since: "1.0.0", Complexity: "O(N), N the keys of the database; O(1) for a pattern without wildcards",
		Summary: "Replies with the keys that match a pattern.",
		Syntax:  "pattern", Hints: "request_policy:all_shards nondeterministic_output_order", Handler: keys},
	{Name: "scan", Arity: -2, Flags: engine.Readonly | engine.AllKeys,
		Group: "generic", Since: "2.8.0", Complexity: "O(1) a call, O(N) for all calls of an iteration over N keys",
		Summary: "Replies with some of the keys and the cursor that continues from there.",
		History: []string{"6.0.0: The TYPE option."},
		Syntax:  "cursor [MATCH pattern] [COUNT count] [TYPE type{@6.0.0}]",
		Hints:   "nondeterministic_output request_policy:special response_policy:special", Handler: scan},
}

var _ = register(scanRows)

const (
	scanCount = 10 // COUNT when it is not given
	// scanMost bounds the keys that one SCAN looks at, whatever its COUNT: about a millisecond's worth.
	scanMost = 8192
	// keysStep is how many keys KEYS looks at between two removals of what expired.
	keysStep = 1024
)

// filter picks the keys to reply with.
type filter struct {
	pattern []byte // nil: any
	kind    []byte // name of a type; nil: any
}

// sweep collects the reply of a walk over keys.
type sweep struct {
	filter
	c     *engine.Client
	found int
	dead  []byte // expired keys, each after its length
}

// step visits about count keys from the cursor on, replies with those that pass the filter, removes those that have
// expired, and returns the next cursor.
func (w *sweep) step(cursor uint64, count int) uint64 {
	w.dead = w.c.Server().Scratch[0][:0]
	next := w.c.DB.Scan(cursor, count, w.visit)
	for left := w.dead; len(left) > 0; {
		n, size := binary.Uvarint(left)
		key := left[size : size+int(n)]
		left = left[size+int(n):]
		w.c.DB.Lookup(key)
	}
	w.c.Server().Scratch[0] = w.dead[:0]
	return next
}

func (w *sweep) visit(e *keyspace.Entry) {
	key := e.Key()
	switch {
	case isExpired(w.c, e):
		w.dead = binary.AppendUvarint(w.dead, uint64(len(key)))
		w.dead = append(w.dead, key...)
	case w.kind != nil && string(w.kind) != typeNames[e.Type()]:
	case w.pattern != nil && !glob.Match(w.pattern, key):
	default:
		w.c.Reply.Bulk(key)
		w.found++
	}
}

func keys(c *engine.Client, args engine.Args) {
	pattern := args[1]
	if glob.IsLiteral(pattern) {
		if e, ok := c.DB.Lookup(pattern); ok {
			c.Reply.Array(1)
			c.Reply.Bulk(e.Key())
		} else {
			c.Reply.Array(0)
		}
		return
	}
	w := sweep{c: c, filter: filter{pattern: anyPattern(pattern)}}
	mark := c.Reply.Begin()
	for cursor := w.step(0, keysStep); cursor != 0; {
		cursor = w.step(cursor, keysStep)
	}
	c.Reply.EndArray(mark, w.found)
}

// anyPattern makes the pattern that matches every key nil.
func anyPattern(pattern []byte) []byte {
	if len(pattern) == 1 && pattern[0] == '*' {
		return nil
	}
	return pattern
}

func scan(c *engine.Client, args engine.Args) {
	cursor, ok := cursorArg(c, args[1])
	if !ok {
		return
	}
	w := sweep{c: c}
	count := int64(scanCount)
	for i := 2; i < len(args); i += 2 {
		switch {
		case i+1 == len(args):
			c.Reply.Error(errSyntax)
			return
		case isWord(args[i], "count"):
			if count, ok = intArg(c, args[i+1]); !ok {
				return
			}
			if count < 1 {
				c.Reply.Error(errSyntax)
				return
			}
		case isWord(args[i], "match"):
			w.pattern = anyPattern(args[i+1])
		case isWord(args[i], "type"):
			w.kind = bytes.ToLower(args[i+1])
		default:
			c.Reply.Error(errSyntax)
			return
		}
	}
	c.Reply.Array(2)
	mark := c.Reply.Begin()
	cursor = w.step(cursor, int(min(count, scanMost)))
	c.Reply.EndArray(mark, w.found)
	insertCursor(c.Reply, mark, cursor)
}

// insertCursor puts the cursor before the elements, which begin at mark: it is known last and comes first.
func insertCursor(r *resp.Reply, mark int, cursor uint64) {
	var head resp.Reply
	head.BulkInt(int64(cursor))
	r.B = slices.Insert(r.B, mark, head.B...)
}
