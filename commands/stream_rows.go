package commands

import "redix/engine"

// The rows of the stream group. A legend is at engine.Row.

var _ = register(streamRows)

// streamsKeys are the keys after the word STREAMS, as many as there are IDs after them.
func streamsKeys(start int) []engine.KeySpec {
	return []engine.KeySpec{{Flags: "RO access", Keyword: "STREAMS", Start: start, Last: -1, Step: 1, Lim: 2}}
}

const (
	trimSyntax = "<MAXLEN | MINID{@6.2.0}>{strategy} [={equal} | ~{approximately}]{operator} threshold [LIMIT count{@6.2.0}]"
	oneID      = "O(1)"
)

var streamRows = []engine.Row{
	{Name: "xack", Arity: -4, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)) for each ID, N the pending entries.", Summary: "Acknowledges entries that a group has been given.",
		Syntax: "key group id [id ...]", Handler: xack},
	{Name: "xadd", Arity: -5, Flags: writeFast, Keys: engine.NotedKeys(engine.OneKey(1, "RW update"),
		"It does not only insert: trimming removes entries."), Group: "stream", Since: "5.0.0",
		Complexity: "O(1) to add, O(N) to trim N entries.", Summary: "Adds an entry to a stream, and trims it if asked to.",
		Syntax:  "key [NOMKSTREAM{@6.2.0}] [" + trimSyntax + "]{trim} <*{auto-id} | id>{id-selector} field value [field value ...]{data}",
		History: []string{"6.2.0: The NOMKSTREAM, MINID and LIMIT options.", "7.0.0: IDs of the form ms-*."},
		Hints:   "nondeterministic_output", Handler: xadd},
	{Name: "xautoclaim", Arity: -6, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW delete"), Group: "stream",
		Since: "6.2.0", Complexity: "O(1) for a small COUNT.", Summary: "Gives pending entries that wait for long to another consumer.",
		Syntax:  "key group consumer min-idle-time:string start:string [COUNT count] [JUSTID]",
		History: []string{"7.0.0: Replies with the IDs of deleted entries, which are no longer pending."},
		Hints:   "nondeterministic_output", Handler: xautoclaim},
	{Name: "xclaim", Arity: -6, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW update"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)) for each ID, N the pending entries.", Summary: "Gives pending entries to another consumer.",
		Syntax: "key group consumer min-idle-time:string id [id ...] [IDLE ms] [TIME unix-time-milliseconds] " +
			"[RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
		Hints: "nondeterministic_output", Handler: xclaim},
	{Name: "xdel", Arity: -3, Flags: engine.Write | engine.Fast, Keys: engine.OneKey(1, "RW delete"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)) for each ID.", Summary: "Deletes entries.", Syntax: "key id [id ...]", Handler: xdel},
	xgroupRow,
	xinfoRow,
	{Name: "xlen", Arity: 2, Flags: readFast, Keys: engine.OneKey(1, "RO"), Group: "stream", Since: "5.0.0",
		Complexity: oneID, Summary: "Counts the entries of a stream.", Syntax: "key", Handler: xlen},
	{Name: "xpending", Arity: -3, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)+M), N the pending entries, M those replied.",
		Summary:    "Tells what a group has been given and not acknowledged.",
		Syntax:     "key group [[IDLE min-idle-time{@6.2.0}] start:string end:string count [consumer]]{filters}", History: []string{"6.2.0: The IDLE option, and open ranges."},
		Hints: "nondeterministic_output", Handler: xpending},
	{Name: "xrange", Arity: -4, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)+M), N the entries, M those replied.", Summary: "Replies with the entries in a range of IDs.",
		Syntax: "key start:string end:string [COUNT count]", History: []string{"6.2.0: Open ranges."}, Handler: xrange},
	{Name: "xread", Arity: -4, Flags: engine.Readonly | engine.Blocking | engine.MovableKeys, Keys: streamsKeys(1), Group: "stream",
		Since: "5.0.0", Complexity: "O(log(N)+M) for each stream, N its entries, M those replied.",
		Summary: "Replies with the entries of several streams after given IDs, and waits for some if asked to.",
		Syntax:  "[COUNT count] [BLOCK milliseconds] <STREAMS key [key ...] id [id ...]>", Handler: xread},
	{Name: "xreadgroup", Arity: -7, Flags: engine.Write | engine.Blocking | engine.MovableKeys, Keys: streamsKeys(4), Group: "stream",
		Since: "5.0.0", Complexity: "O(log(N)+M) for each stream, N its entries, M those replied.",
		Summary: "Replies with entries that no consumer of the group has been given, or with those that this one has not acknowledged.",
		Syntax: "<GROUP group consumer>{group-block} [COUNT count] [BLOCK milliseconds] [NOACK] <STREAMS key [key ...] " +
			"id [id ...]>", Handler: xreadgroup},
	{Name: "xrevrange", Arity: -4, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "stream", Since: "5.0.0",
		Complexity: "O(log(N)+M), N the entries, M those replied.", Summary: "Replies with the entries in a range of IDs, the last one first.",
		Syntax: "key end:string start:string [COUNT count]", History: []string{"6.2.0: Open ranges."}, Handler: xrevrange},
	{Name: "xsetid", Arity: -3, Flags: writeFast, Keys: engine.OneKey(1, "RW update"), Group: "stream", Since: "5.0.0",
		Complexity: oneID, Summary: "Sets the last ID of a stream, for use by replication and the journal.",
		Syntax:  "key last-id [ENTRIESADDED entries-added{@7.0.0}] [MAXDELETEDID max-deleted-id{@7.0.0}]",
		History: []string{"7.0.0: The ENTRIESADDED and MAXDELETEDID options."}, Handler: xsetid},
	{Name: "xtrim", Arity: -4, Flags: engine.Write, Keys: engine.OneKey(1, "RW delete"), Group: "stream", Since: "5.0.0",
		Complexity: "O(N), N the entries removed.", Summary: "Removes entries from the front of a stream.",
		Syntax: "key <" + trimSyntax + ">{trim}", History: []string{"6.2.0: The MINID and LIMIT options."},
		Hints: "nondeterministic_output", Handler: xtrim},
}

const groupOptions = "<id | ${new-id}>{id-selector} "

var xgroupRow = engine.Row{Name: "xgroup", Arity: -2, Group: "stream", Since: "5.0.0", Complexity: "As the subcommand",
	Summary: "Container of the commands for consumer groups.", Subs: []engine.Row{
		{Name: "create", Arity: -5, Flags: engine.Write | engine.DenyOOM, Keys: engine.OneKey(2, "RW insert"), Since: "5.0.0",
			Complexity: oneID, Summary: "Makes a consumer group.",
			Syntax:  "key group " + groupOptions + "[MKSTREAM] [ENTRIESREAD entries-read{entriesread}]",
			History: []string{"7.0.0: The ENTRIESREAD option."}, Handler: xgroupCreate},
		{Name: "createconsumer", Arity: 5, Flags: engine.Write | engine.DenyOOM, Keys: engine.OneKey(2, "RW insert"), Since: "6.2.0",
			Complexity: oneID, Summary: "Makes a consumer in a group.", Syntax: "key group consumer", Handler: xgroupCreateConsumer},
		{Name: "delconsumer", Arity: 5, Flags: engine.Write, Keys: engine.OneKey(2, "RW delete"), Since: "5.0.0",
			Complexity: oneID, Summary: "Removes a consumer, with what it has pending.", Syntax: "key group consumer", Handler: xgroupDelConsumer},
		{Name: "destroy", Arity: 4, Flags: engine.Write, Keys: engine.OneKey(2, "RW delete"), Since: "5.0.0",
			Complexity: "O(N), N the pending entries of the group.", Summary: "Removes a consumer group.", Syntax: "key group",
			Handler: xgroupDestroy},
		{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "5.0.0", Complexity: oneID,
			Summary: "Lists the subcommands.", Handler: help},
		{Name: "setid", Arity: -5, Flags: engine.Write, Keys: engine.OneKey(2, "RW update"), Since: "5.0.0",
			Complexity: oneID, Summary: "Sets the last entry that a group has been given.",
			Syntax: "key group " + groupOptions + "[ENTRIESREAD entries-read{entriesread}]", History: []string{"7.0.0: The ENTRIESREAD option."},
			Handler: xgroupSetID},
	}}

var xinfoRow = engine.Row{Name: "xinfo", Arity: -2, Group: "stream", Since: "5.0.0", Complexity: "As the subcommand",
	Summary: "Container of the commands that look into streams.", Subs: []engine.Row{
		{Name: "consumers", Arity: 4, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO access"), Since: "5.0.0",
			Complexity: oneID, Summary: "Lists the consumers of a group.", Syntax: "key group", Hints: "nondeterministic_output",
			History: []string{"7.2.0: The inactive field."}, Handler: xinfoConsumers},
		{Name: "groups", Arity: 3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO access"), Since: "5.0.0",
			Complexity: oneID, Summary: "Lists the consumer groups of a stream.", Syntax: "key",
			History: []string{"7.0.0: The entries-read and lag fields."}, Handler: xinfoGroups},
		{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "5.0.0", Complexity: oneID,
			Summary: "Lists the subcommands.", Handler: help},
		{Name: "stream", Arity: -3, Flags: engine.Readonly, Keys: engine.OneKey(2, "RO access"), Since: "5.0.0",
			Complexity: oneID, Summary: "Tells about a stream, its groups and its entries.", Syntax: "key [FULL [COUNT count]]{full-block}",
			History: []string{"6.0.0: The FULL option.",
				"7.0.0: The max-deleted-entry-id, entries-added, recorded-first-entry-id, entries-read and lag fields.",
				"7.2.0: The active-time field, and seen-time means the last attempt."}, Handler: xinfoStream},
	}}
