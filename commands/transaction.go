package commands

// Transactions: the commands that begin, run and drop them. Queueing, watching and the journal's MULTI ... EXEC are in
// engine/transaction.go.

import "redix/engine"

const transactionFlags = engine.Noscript | engine.Loading | engine.Stale

const transactionFast = transactionFlags | engine.Fast | engine.AllowBusy

var transactionRows = []engine.Row{
	{Name: "discard", Arity: 1, Flags: transactionFast | engine.RunsInMulti, Group: "transactions", Since: "2.0.0",
		Complexity: "O(N) where N is the number of queued commands",
		Summary:    "Drops the commands queued since MULTI, and all watches.", Handler: discard},
	{Name: "exec", Arity: 1, Flags: transactionFlags | engine.SkipSlowlog | engine.RunsInMulti | engine.EndsMulti, Group: "transactions",
		Since: "1.2.0", Complexity: "Depends on the queued commands.",
		Summary: "Runs the commands queued since MULTI, unless a watched key has changed.", Handler: exec},
	{Name: "multi", Arity: 1, Flags: transactionFast | engine.RunsInMulti, Group: "transactions", Since: "1.2.0",
		Complexity: "O(1)", Summary: "Begins to queue commands for EXEC.", Handler: multi},
	{Name: "unwatch", Arity: 1, Flags: transactionFast, Group: "transactions", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Drops all watches.", Handler: unwatch},
	{Name: "watch", Arity: -2, Flags: transactionFast | engine.RunsInMulti, Keys: engine.KeyRange(1, -1, 1, "RO"),
		Group: "transactions", Since: "2.2.0", Complexity: "O(1) for every key.",
		Summary: "Makes the next EXEC depend on keys not changing before it.", Syntax: "key [key ...]", Handler: watch},
}

var _ = register(transactionRows)

func multi(c *engine.Client, _ engine.Args) {
	if c.InMulti() {
		c.Reply.Error("ERR MULTI calls can not be nested")
		return
	}
	c.Multi()
	c.Reply.OK()
}

func exec(c *engine.Client, _ engine.Args) {
	if !c.InMulti() {
		c.Reply.Error("ERR EXEC without MULTI")
		return
	}
	c.Exec()
}

func discard(c *engine.Client, _ engine.Args) {
	if !c.InMulti() {
		c.Reply.Error("ERR DISCARD without MULTI")
		return
	}
	c.Discard()
	c.Reply.OK()
}

func watch(c *engine.Client, args engine.Args) {
	if c.InMulti() {
		c.Reply.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	for _, key := range args[1:] {
		c.Watch(key)
	}
	c.Reply.OK()
}

func unwatch(c *engine.Client, _ engine.Args) {
	c.Unwatch()
	c.Reply.OK()
}
