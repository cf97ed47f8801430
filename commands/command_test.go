package commands_test

// COMMAND: the rows against the facts of Redis 7.2 (testdata/commands-7.2.tsv: group, command, arity, flags,
// first:last:step, ACL categories, since) and against a real redis-server 7.

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// described is a command as COMMAND INFO describes it.
type described struct {
	name, arity, flags, keys, categories string
	hints, specs                         string
	subs                                 []described
}

// describe takes an element of COMMAND INFO apart. Sets have no order; notes are prose.
func describe(v servertest.Value) (d described) {
	list := func(v servertest.Value) string {
		words := v.Strings()
		slices.Sort(words)
		return strings.Join(words, ",")
	}
	e := v.Elems
	d.name, d.arity = strings.ReplaceAll(e[0].Str, "|", " "), fmt.Sprint(e[1].Int)
	d.flags = strings.Join(e[2].Strings(), ",")
	d.keys = fmt.Sprintf("%d:%d:%d", e[3].Int, e[4].Int, e[5].Int)
	d.categories = strings.Join(e[6].Strings(), ",")
	d.hints = list(e[7])
	for _, spec := range e[8].Elems {
		for pair := range slices.Chunk(spec.Elems, 2) {
			switch pair[0].Str {
			case "notes":
			case "flags":
				d.specs += " flags=" + list(pair[1])
			default:
				d.specs += " " + pair[0].Str + "=" + pair[1].String()
			}
		}
	}
	for _, s := range e[9].Elems {
		d.subs = append(d.subs, describe(s))
	}
	return d
}

// each visits the command and its subcommands.
func (d *described) each(visit func(d *described)) {
	visit(d)
	for i := range d.subs {
		d.subs[i].each(visit)
	}
}

func TestRowsAreThoseOf72(t *testing.T) {
	tsv, err := os.ReadFile("testdata/commands-7.2.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for line := range strings.Lines(string(tsv)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		known[f[1]] = f
	}
	l := servertest.NewLocal(t)
	docs := map[string]map[string]string{}
	var note func(v servertest.Value)
	note = func(v servertest.Value) {
		for pair := range slices.Chunk(v.Elems, 2) {
			docs[strings.ReplaceAll(pair[0].Str, "|", " ")] = pair[1].Pairs()
			for field := range slices.Chunk(pair[1].Elems, 2) {
				if field[0].Str == "subcommands" {
					note(field[1])
				}
			}
		}
	}
	note(l.Do("COMMAND", "DOCS"))
	n := 0
	for _, v := range l.Do("COMMAND").Elems {
		d := describe(v)
		d.each(func(d *described) {
			n++
			doc := docs[d.name]
			want, ok := known[d.name]
			if !ok {
				t.Errorf("%s is no command of Redis 7.2", d.name)
				return
			}
			got := []string{doc["group"], d.name, d.arity, d.flags, d.keys, d.categories, doc["since"]}
			if !slices.Equal(got, want) {
				t.Errorf("%s:\n%q, want\n%q", d.name, got, want)
			}
			if doc["summary"] == "" {
				t.Errorf("%s has no summary", d.name)
			}
		})
	}
	if count := l.Do("COMMAND", "LIST"); len(count.Elems) != n || n < 100 {
		t.Errorf("COMMAND LIST has %d names, COMMAND %d rows", len(count.Elems), n)
	}
	if count := l.Do("COMMAND", "COUNT"); count.Int != int64(len(l.Do("COMMAND").Elems)) {
		t.Errorf("COMMAND COUNT: %s", count)
	}
}

func TestRowsAgainstRedis(t *testing.T) {
	redis := servertest.StartRedis(t).Dial()
	l := servertest.NewLocal(t)
	for _, v := range l.Do("COMMAND").Elems {
		d := describe(v)
		d.each(func(d *described) {
			theirs := redis.Do("COMMAND", "INFO", strings.ReplaceAll(d.name, " ", "|")).Elems[0]
			if theirs.Null() {
				doc := l.Do("COMMAND", "DOCS", strings.ReplaceAll(d.name, " ", "|"))
				if !before72(against) || !strings.Contains(doc.String(), "7.2.0") {
					t.Errorf("%s is unknown to redis-server, and not new in 7.2", d.name)
				}
				return
			}
			want := describe(theirs)
			for _, field := range []struct{ name, got, want string }{
				{"arity", d.arity, want.arity}, {"flags", d.flags, want.flags}, {"keys", d.keys, want.keys},
				{"categories", d.categories, want.categories}, {"tips", d.hints, want.hints}, {"key specifications", d.specs, want.specs},
			} {
				if field.got != field.want && !rowDiffers(strings.ReplaceAll(d.name, " ", "|"), field.name) {
					t.Errorf("%s: %s\n%s, redis-server\n%s", d.name, field.name, field.got, field.want)
				}
			}
		})
	}
}

func TestCommand(t *testing.T) {
	do := servertest.Do
	servertest.Run(t,
		do("COMMAND", "INFO", "get", "nosuch", "config|get", "config|nosuch", "CONFIG").Len(5),
		do("COMMAND", "INFO", "nosuch").Array(servertest.Null()), do("COMMAND", "DOCS", "nosuch").Map(),
		do("COMMAND", "COUNT", "x").Err("ERR wrong number of arguments for 'command|count' command"),
		do("COMMAND", "NOSUCH").Err("ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."),
		do("COMMAND", "HELP").Match(`^GETKEYS command \[arg \[arg ...\]\]$`),
		do("COMMAND", "GETKEYS", "get", "a").Array("a"), do("COMMAND", "GETKEYS", "MSET", "a", "b", "c", "d").Array("a", "c"),
		do("COMMAND", "GETKEYS", "memory", "usage", "a").Array("a"), do("COMMAND", "GETKEYS", "del", "a", "b").Array("a", "b"),
		do("COMMAND", "GETKEYS", "nosuch", "a").Err("ERR Invalid command specified"),
		do("COMMAND", "GETKEYS", "memory", "nosuch").Err("ERR Invalid command specified"),
		do("COMMAND", "GETKEYS", "get").Err("ERR Invalid number of arguments specified for command"),
		do("COMMAND", "GETKEYS", "get", "a", "b").Err("ERR Invalid number of arguments specified for command"),
		do("COMMAND", "GETKEYS", "ping").Err("ERR The command has no key arguments"),
		do("COMMAND", "GETKEYSANDFLAGS", "rename", "a", "b").Array(
			servertest.Array("a", servertest.Sorted(servertest.Simple("RW"), servertest.Simple("access"), servertest.Simple("delete"))),
			servertest.Array("b", servertest.Sorted(servertest.Simple("OW"), servertest.Simple("update")))),
		do("COMMAND", "GETKEYSANDFLAGS", "set", "a", "b", "EX", "9").Array(
			servertest.Array("a", servertest.Sorted(servertest.Simple("OW"), servertest.Simple("update")))),
		do("COMMAND", "GETKEYSANDFLAGS", "set", "a", "b", "get").Array(
			servertest.Array("a", servertest.Sorted(servertest.Simple("RW"), servertest.Simple("access"), servertest.Simple("update")))),
		do("COMMAND", "GETKEYS", "sintercard", "2", "a", "b", "limit", "1").Array("a", "b"),
		do("COMMAND", "GETKEYS", "sintercard", "0", "a").Err("ERR Invalid arguments specified for command"),
		do("COMMAND", "GETKEYS", "sintercard", "3", "a", "b").Err("ERR Invalid arguments specified for command"),
		do("COMMAND", "GETKEYS", "sintercard", "9223372036854775807", "a").Err("ERR Invalid arguments specified for command"),
		do("COMMAND", "LIST", "FILTERBY", "PATTERN", "CONFIG*").
			Sorted("config", "config|get", "config|set", "config|resetstat", "config|rewrite", "config|help"),
		do("COMMAND", "LIST", "filterby", "aclcat", "nosuch").Array(), do("COMMAND", "LIST", "filterby", "module", "x").Array(),
		do("COMMAND", "LIST", "filterby", "nosuch", "x").Err(syntax), do("COMMAND", "LIST", "x").Err(syntax),
		do("COMMAND", "LIST", "filterby", "pattern").Err(syntax),
	)
}
