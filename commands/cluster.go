package commands

// CLUSTER and its relatives, as a server answers that is no part of a cluster: clients and tools ask, and act on this
// very error.

import "redix/engine"

const errNoCluster = "ERR This instance has cluster support disabled"

const (
	clusterFlags = engine.Stale
	clusterAdmin = engine.Admin | engine.Stale | engine.NoAsyncLoading
	clusterWords = "nondeterministic_output"
)

func noCluster(c *engine.Client, _ engine.Args) { c.Reply.Error(errNoCluster) }

// clusterSub is a subcommand that a cluster would have.
func clusterSub(name string, arity int, flags engine.Flags, since, syntax, hints, summary string) engine.Row {
	return engine.Row{Name: name, Arity: arity, Flags: flags, Since: since, Syntax: syntax, Hints: hints, Complexity: "O(1)",
		Summary: summary, Handler: noCluster}
}

var clusterRows = []engine.Row{
	{Name: "asking", Arity: 1, Flags: engine.Fast, Categories: "connection", Group: "cluster", Since: "3.0.0", Complexity: "O(1)",
		Summary: "Would let the next command reach a slot that is being moved; there is no cluster.", Handler: noCluster},
	{Name: "readonly", Arity: 1, Flags: engine.Loading | engine.Stale | engine.Fast, Categories: "connection", Group: "cluster",
		Since: "3.0.0", Complexity: "O(1)", Summary: "Would let a replica of a cluster answer reads; there is no cluster.", Handler: noCluster},
	{Name: "readwrite", Arity: 1, Flags: engine.Loading | engine.Stale | engine.Fast, Categories: "connection", Group: "cluster",
		Since: "3.0.0", Complexity: "O(1)", Summary: "Would end READONLY; there is no cluster.", Handler: noCluster},
	{Name: "cluster", Arity: -2, Group: "cluster", Since: "3.0.0", Complexity: "Depends on subcommand.",
		Summary: "Container of the commands of a cluster; there is none, so all but HELP fail.", Subs: []engine.Row{
			clusterSub("addslots", -3, clusterAdmin, "3.0.0", "slot [slot ...]", "", "Gives slots to this node."),
			clusterSub("addslotsrange", -4, clusterAdmin, "7.0.0", "start-slot end-slot [start-slot end-slot ...]{range}", "", "Gives ranges of slots to this node."),
			clusterSub("bumpepoch", 2, clusterAdmin, "3.0.0", "", clusterWords, "Advances the epoch."),
			clusterSub("count-failure-reports", 3, engine.Admin|engine.Stale, "3.0.0", "node-id", clusterWords, "Counts the reports of a node's failure."),
			clusterSub("countkeysinslot", 3, clusterFlags, "3.0.0", "slot", "", "Counts the keys of a slot."),
			clusterSub("delslots", -3, clusterAdmin, "3.0.0", "slot [slot ...]", "", "Takes slots from this node."),
			clusterSub("delslotsrange", -4, clusterAdmin, "7.0.0", "start-slot end-slot [start-slot end-slot ...]{range}", "", "Takes ranges of slots from this node."),
			clusterSub("failover", -2, clusterAdmin, "3.0.0", "[FORCE | TAKEOVER]{options}", "", "Makes this replica the master."),
			clusterSub("flushslots", 2, clusterAdmin, "3.0.0", "", "", "Takes all slots from this node."),
			clusterSub("forget", 3, clusterAdmin, "3.0.0", "node-id", "", "Removes a node."),
			clusterSub("getkeysinslot", 4, clusterFlags, "3.0.0", "slot count", clusterWords, "Names keys of a slot."),
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			clusterSub("info", 2, clusterFlags, "3.0.0", "", clusterWords, "Describes the cluster."),
			clusterSub("keyslot", 3, clusterFlags, "3.0.0", "key:string", "", "Tells the slot of a key."),
			clusterSub("links", 2, clusterFlags, "7.0.0", "", clusterWords, "Lists the connections to other nodes."),
			clusterSub("meet", -4, clusterAdmin, "3.0.0", "ip port [cluster-bus-port{@4.0.0}]", "", "Introduces a node."),
			clusterSub("myid", 2, clusterFlags, "3.0.0", "", "", "Tells this node's name."),
			clusterSub("myshardid", 2, clusterFlags, "7.2.0", "", clusterWords, "Tells this node's shard."),
			clusterSub("nodes", 2, clusterFlags, "3.0.0", "", clusterWords, "Lists the nodes."),
			clusterSub("replicas", 3, engine.Admin|engine.Stale, "5.0.0", "node-id", clusterWords, "Lists the replicas of a node."),
			clusterSub("replicate", 3, clusterAdmin, "3.0.0", "node-id", "", "Makes this node a replica."),
			clusterSub("reset", -2, engine.Admin|engine.Noscript|engine.Stale, "3.0.0", "[HARD | SOFT]{reset-type}", "", "Resets this node."),
			clusterSub("saveconfig", 2, clusterAdmin, "3.0.0", "", "", "Writes the node's configuration."),
			clusterSub("set-config-epoch", 3, clusterAdmin, "3.0.0", "config-epoch", "", "Sets the epoch of a new node."),
			clusterSub("setslot", -4, clusterAdmin, "3.0.0", "slot <IMPORTING node-id{importing} | MIGRATING node-id{migrating} | "+
				"NODE node-id{node} | STABLE>{subcommand}", "", "Binds a slot to a node."),
			clusterSub("shards", 2, engine.Loading|engine.Stale, "7.0.0", "", clusterWords, "Lists the shards."),
			replacedSub(clusterSub("slaves", 3, engine.Admin|engine.Stale, "3.0.0", "node-id", clusterWords, "Lists the replicas of a node."), "5.0.0", "`CLUSTER REPLICAS`"),
			replacedSub(clusterSub("slots", 2, engine.Loading|engine.Stale, "3.0.0", "", clusterWords, "Lists the slots and their nodes."), "7.0.0", "`CLUSTER SHARDS`"),
		}},
}

// replacedSub is a subcommand that another has replaced since a version.
func replacedSub(row engine.Row, since, by string) engine.Row {
	row.Deprecated, row.Replaced = since, by
	return row
}

var _ = register(clusterRows)
