package acl

import "strings"

// Category is a set of command categories, a bit for each.
type Category uint32

// categoryNames are the categories in redis-server's order; a category's bit is its place.
var categoryNames = [...]string{"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
	"hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection",
	"transaction", "scripting"}

// Categories returns the names of all categories in their order.
func Categories() []string { return categoryNames[:] }

// CategoryNamed returns the category of a name in any case, 0 if there is none.
func CategoryNamed(name string) Category {
	for i, n := range categoryNames {
		if strings.EqualFold(n, name) {
			return 1 << i
		}
	}
	return 0
}

// Names returns the names of the set in their order.
func (c Category) Names() []string {
	var names []string
	for i, n := range categoryNames {
		if c&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// maxCommands is how many commands and subcommands a catalog holds.
const maxCommands = 1024

// Command is what rules need to know of a command, or of a container's subcommand.
type Command struct {
	ID         int    // given by Catalog.Add
	Name       string // lower case; of a subcommand with its container's: "config|get"
	Categories Category
	NoAuth     bool // runs before anybody has said who he is, so every user may run it
	Parent     *Command
	Subs       []*Command // of a container
}

// Catalog holds all commands by their own names, whatever they are called by now.
type Catalog struct {
	Commands []*Command // a container before its subcommands
	byName   map[string]*Command
}

// Add puts a command into the catalog and numbers it.
func (c *Catalog) Add(cmd *Command) {
	if len(c.Commands) == maxCommands {
		panic("acl: too many commands")
	}
	if c.byName == nil {
		c.byName = map[string]*Command{}
	}
	cmd.ID = len(c.Commands)
	c.Commands = append(c.Commands, cmd)
	c.byName[cmd.Name] = cmd
	if cmd.Parent != nil {
		cmd.Parent.Subs = append(cmd.Parent.Subs, cmd)
	}
}

// Lookup returns the command of a name in any case, nil if there is none.
func (c *Catalog) Lookup(name string) *Command { return c.byName[strings.ToLower(name)] }
