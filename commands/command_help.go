package commands

// HELP of every container, from its rows.

import (
	"strings"

	"redix/engine"
)

// help replies with the subcommands of the container that it is called in.
func help(c *engine.Client, _ engine.Args) {
	container := c.LastRow.Parent
	lines := []string{strings.ToUpper(container.Name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for i := range container.Subs {
		if sub := &container.Subs[i]; sub.Name != "help" {
			lines = append(lines, strings.TrimSpace(strings.ToUpper(sub.Name)+" "+sub.Syntax), "    "+sub.Summary)
		}
	}
	replyHelp(c, append(lines, "HELP", "    Replies with this text."))
}

func replyHelp(c *engine.Client, lines []string) {
	c.Reply.Array(len(lines))
	for _, l := range lines {
		c.Reply.Simple(l)
	}
}
