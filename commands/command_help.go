package commands

// HELP of every container, from its rows.

import (
	"strings"

	"redix/engine"
)

// help replies with the subcommands of the container that it is called in.
func help(c *engine.Client, _ engine.Args) {
	container := c.LastRow.Parent
	lines := []string{helpHead(container.Name)}
	for i := range container.Subs {
		if sub := &container.Subs[i]; sub.Name != "help" {
			lines = append(lines, helpLines(strings.TrimSpace(sub.Name+" "+plainSyntax(sub.Syntax)), sub.Summary)...)
		}
	}
	replyHelp(c, lines)
}

func helpHead(container string) string {
	return strings.ToUpper(container) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
}

// helpLines are a subcommand, the first word of usage, and indented under it what it does.
func helpLines(usage, summary string) []string {
	name, rest, _ := strings.Cut(usage, " ")
	return []string{strings.TrimSpace(strings.ToUpper(name) + " " + rest), "    " + summary}
}

// replyHelp replies with lines, those of HELP itself last.
func replyHelp(c *engine.Client, lines []string) {
	lines = append(lines, helpLines("help", "Replies with this text.")...)
	c.Reply.Array(len(lines))
	for _, l := range lines {
		c.Reply.Simple(l)
	}
}
