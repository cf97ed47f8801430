package commands

import "redix/engine"

// The rows of SORT. Which keys BY and GET lead to follows from the data: clients are told that they are unknown, and
// the journal counts them as all.

var _ = register(sortRows)

const sortSyntax = "key [BY pattern{by-pattern#1}] [LIMIT offset count] [GET pattern [GET pattern ...]]{get-pattern#1} " +
	"[ASC | DESC]{order} [ALPHA{sorting}]"

const sortComplexity = "O(N+M*log(M)) where N is the number of elements and M the number of those that are sorted; O(N) if the " +
	"order is kept."

const sortByNote = "What BY and GET lead to: unknown, since it follows from the elements."

var sortRows = []engine.Row{
	{Name: "sort", Arity: -2, Flags: writeGrow | engine.MovableKeys | engine.AllKeys, Group: "generic", Since: "1.0.0",
		Keys: []engine.KeySpec{{Flags: "RO access", Index: 1, Step: 1}, {Flags: "RO access", Note: sortByNote},
			{Flags: "OW update", Find: sortStorePlace, Note: "STORE's destination: unknown, since the word may stand anywhere."}},
		Categories: "-keyspace set sortedset list dangerous", Complexity: sortComplexity,
		Summary: "Sorts the elements of a list, a set or a sorted set, and replies with them or stores them.",
		Syntax:  sortSyntax + " [STORE destination:key]", Handler: sortKey},
	{Name: "sort_ro", Arity: -2, Flags: engine.Readonly | engine.MovableKeys | engine.AllKeys, Group: "generic", Since: "7.0.0",
		Keys:       []engine.KeySpec{{Flags: "RO access", Index: 1, Step: 1}, {Flags: "RO access", Note: sortByNote}},
		Categories: "-keyspace set sortedset list dangerous", Complexity: sortComplexity,
		Summary: "Sorts the elements of a list, a set or a sorted set.",
		Syntax:  sortSyntax, Handler: sortKeyRO},
}

// sortStorePlace finds the key after the last STORE of a call; 0 is none. A key that is called as an option is: it is skipped, as SORT does. (redis-server
// takes it for the option here, so that ACL rules are asked about another key than the one that is written to.)
func sortStorePlace(args engine.Args) (place int) {
	for i := 2; i < len(args); i++ {
		switch left := len(args) - i - 1; {
		case left >= 2 && isWord(args[i], "limit"):
			i += 2
		case left >= 1 && (isWord(args[i], "by") || isWord(args[i], "get")):
			i++
		case left >= 1 && isWord(args[i], "store"):
			i++
			place = i
		}
	}
	return place
}
