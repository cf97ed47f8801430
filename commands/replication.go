package commands

// Replication and modules, as a master without replicas answers that takes no modules. What would need replication fails
// and says so.

import (
	"redix/engine"
	"redix/engine/config"
	"redix/engine/resp"
)

const (
	errNoReplication = "ERR This server does not support replication"
	replicaFlags     = engine.Admin | engine.Noscript | engine.Stale | engine.NoAsyncLoading
	moduleFlags      = engine.Admin | engine.Noscript | engine.NoAsyncLoading
)

var replicationRows = []engine.Row{
	{Name: "failover", Arity: -1, Flags: engine.Admin | engine.Noscript | engine.Stale, Group: "server", Since: "6.2.0", Complexity: "O(1)",
		Summary: "Would hand over to a replica; there is none.",
		Syntax:  "[TO host port [FORCE]]{target} [ABORT] [TIMEOUT milliseconds]", Handler: failover},
	{Name: "psync", Arity: -3, Flags: moduleFlags | engine.NoMulti, Group: "server", Since: "2.8.0",
		Summary: "Would begin replication; there is none.", Syntax: "replicationid offset", Handler: noReplication},
	{Name: "replconf", Arity: -1, Flags: engine.ForServers | adminFlags | engine.AllowBusy, Group: "server", Since: "3.0.0", Complexity: "O(1)",
		Summary: "Would set up replication; there is none.", Handler: replconf},
	{Name: "replicaof", Arity: 3, Flags: replicaFlags, Group: "server", Since: "5.0.0", Complexity: "O(1)",
		Summary: "Makes the server a master, which it is; it cannot be a replica.",
		Syntax:  "<host port | NO ONE>{args}", Handler: replicaof},
	{Name: "role", Arity: 1, Flags: engine.Noscript | engine.Loading | engine.Stale | engine.Fast, Categories: "admin dangerous",
		Group: "server", Since: "2.8.12", Complexity: "O(1)", Summary: "Replies with the server's part in replication: master.", Handler: role},
	{Name: "slaveof", Arity: 3, Flags: replicaFlags, Group: "server", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Makes the server a master, which it is; it cannot be a replica.",
		Syntax:  "<host port | NO ONE>{args}", Replaced: "`REPLICAOF`", Deprecated: "5.0.0", Handler: replicaof},
	{Name: "sync", Arity: 1, Flags: moduleFlags | engine.NoMulti, Group: "server", Since: "1.0.0",
		Summary: "Would begin replication; there is none.", Handler: noReplication},
	{Name: "module", Arity: -2, Group: "server", Since: "4.0.0", Complexity: "Depends on subcommand.",
		Summary: "Container of the commands for modules; none can be loaded.", Subs: []engine.Row{
			{Name: "help", Arity: 2, Flags: engine.Loading | engine.Stale, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Replies with this text.", Handler: help},
			{Name: "list", Arity: 2, Flags: engine.Admin | engine.Noscript, Since: "4.0.0", Complexity: "O(1)",
				Summary: "Lists the modules: none.", Hints: "nondeterministic_output_order",
				Handler: func(c *engine.Client, _ engine.Args) { c.Reply.Array(0) }},
			{Name: "load", Arity: -3, Flags: moduleFlags, Since: "4.0.0", Complexity: "O(1)", Syntax: "path [arg [arg ...]]",
				Summary: "Would load a module; it is not allowed.", Guard: moduleGuard, Handler: noModules},
			{Name: "loadex", Arity: -3, Flags: moduleFlags, Since: "7.0.0", Complexity: "O(1)",
				Syntax:  "path [CONFIG name value [CONFIG name value ...]]{configs} [ARGS args [args ...]]",
				Summary: "Would load a module with its configuration; it is not allowed.", Guard: moduleGuard, Handler: noModules},
			{Name: "unload", Arity: 3, Flags: moduleFlags, Since: "4.0.0", Complexity: "O(1)", Syntax: "name",
				Summary: "Would unload a module; it is not allowed.", Guard: moduleGuard, Handler: noModules},
		}},
}

var _ = register(replicationRows)

func noReplication(c *engine.Client, _ engine.Args) { c.Reply.Error(errNoReplication) }

// moduleGuard closes what would load modules, as far as the configuration says.
var moduleGuard = &engine.Guard{Directive: "enable-module-command",
	Access: func(v *config.Values) config.Access { return v.ModuleCommand }}

func noModules(c *engine.Client, _ engine.Args) { c.Reply.Error("ERR This server has no modules") }

func role(c *engine.Client, _ engine.Args) {
	c.Reply.Array(3)
	c.Reply.BulkString("master")
	c.Reply.Int(0)
	c.Reply.Array(0)
}

func replicaof(c *engine.Client, args engine.Args) {
	if isWord(args[1], "no") && isWord(args[2], "one") {
		c.Reply.OK()
		return
	}
	if port, ok := resp.ParseInt(args[2]); !ok || port < 0 || port > 65535 {
		c.Reply.Error("ERR Invalid master port")
		return
	}
	c.Reply.Error(errNoReplication)
}

func replconf(c *engine.Client, args engine.Args) {
	if len(args)%2 == 0 {
		c.Reply.Error(errSyntax)
		return
	}
	c.Reply.Error(errNoReplication)
}

// failover checks its arguments, as far as a server without replicas gets.
func failover(c *engine.Client, args engine.Args) {
	if len(args) == 2 && isWord(args[1], "abort") {
		c.Reply.Error("ERR No failover in progress.")
		return
	}
	var timeout int64
	var to, force bool
	for i := 1; i < len(args); i++ {
		left := len(args) - 1 - i
		switch {
		case isWord(args[i], "timeout") && left >= 1 && timeout == 0:
			ms, ok := intArg(c, args[i+1])
			if !ok {
				return
			}
			if ms <= 0 {
				c.Reply.Error("ERR FAILOVER timeout must be greater than 0")
				return
			}
			timeout = ms
			i++
		case isWord(args[i], "to") && left >= 2 && !to:
			if _, ok := intArg(c, args[i+2]); !ok {
				return
			}
			to = true
			i += 2
		case isWord(args[i], "force") && !force:
			force = true
		default:
			c.Reply.Error(errSyntax)
			return
		}
	}
	c.Reply.Error("ERR FAILOVER requires connected replicas.")
}
