package commands

// COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a command that is given as arguments.

import (
	"strings"

	"redix/engine"
	"redix/engine/resp"
)

func commandGetKeys(c *engine.Client, args engine.Args) {
	replyKeys(c, args[2:], func(key []byte, _ string) { c.Reply.Bulk(key) })
}

func commandGetKeysAndFlags(c *engine.Client, args engine.Args) {
	replyKeys(c, args[2:], func(key []byte, flags string) {
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		replyWords(c, strings.Fields(flags), "")
	})
}

// replyKeys replies with an array of what each makes of the keys of words, a whole command.
func replyKeys(c *engine.Client, words engine.Args, each func(key []byte, flags string)) {
	row := rowOf(c.Server().Table, words)
	switch n := len(words); {
	case row == nil:
		c.Reply.Error("ERR Invalid command specified")
		return
	case len(row.Keys) == 0:
		c.Reply.Error("ERR The command has no key arguments")
		return
	case row.Arity > 0 && n != row.Arity, n < -row.Arity:
		c.Reply.Error("ERR Invalid number of arguments specified for command")
		return
	case !keysCount(row, words):
		c.Reply.Error("ERR Invalid arguments specified for command")
		return
	}
	mark, n := c.Reply.Begin(), 0
	for i := range row.Keys {
		row.Keys[i].Each(words, func(place int) {
			flags := row.Keys[i].Flags
			if row.KeyFlags != nil {
				flags = row.KeyFlags(words)
			}
			each(words[place], flags)
			n++
		})
	}
	c.Reply.EndArray(mark, n)
}

// keysCount tells whether the numbers of keys that words give are numbers of keys.
func keysCount(row *engine.Row, words engine.Args) bool {
	for i := range row.Keys {
		k := &row.Keys[i]
		if !k.NumKeys || k.Keyword != "" {
			continue
		}
		at := k.Index + k.KeyNum
		if at >= len(words) {
			return false
		}
		if n, ok := resp.ParseInt(words[at]); !ok || n < 1 || n > int64(len(words)-k.Index-k.FirstKey) {
			return false
		}
	}
	return true
}

// rowOf finds the command that words call; nil when there is none.
func rowOf(t *engine.Table, words engine.Args) *engine.Row {
	row := t.Lookup(words[0])
	if row == nil || row.Subs == nil || len(words) == 1 {
		return row
	}
	return t.LookupSub(row, words[1])
}

// bitfieldKeyFlags are those of BITFIELD: it only reads if all its operations do.
func bitfieldKeyFlags(args engine.Args) string {
	for i := 2; i < len(args); {
		switch left := len(args) - i - 1; {
		case left >= 2 && isWord(args[i], "get"):
			i += 3
		case left >= 1 && isWord(args[i], "overflow"):
			i += 2
		default:
			return "RW access update"
		}
	}
	return "RO access"
}

// setKeyFlags are those of SET: it reads only with GET.
func setKeyFlags(args engine.Args) string {
	for _, a := range args[min(3, len(args)):] {
		if isWord(a, "get") {
			return "RW access update"
		}
	}
	return "OW update"
}
