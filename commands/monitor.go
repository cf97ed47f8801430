package commands

import "redix/engine"

// MONITOR. What is shown, and to whom, is in engine/monitor.go.

var monitorRows = []engine.Row{
	{Name: "monitor", Arity: 1, Flags: adminFlags, Group: "server", Since: "1.0.0",
		Summary: "Shows all commands that the server runs, as they come.", Handler: monitor},
}

var _ = register(monitorRows)

func monitor(c *engine.Client, _ engine.Args) {
	switch {
	case c.InExec():
		c.Reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	case c.Monitoring():
	default:
		c.Monitor()
		c.Reply.OK()
	}
}
