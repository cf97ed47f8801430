package commands_test

// When two replies are the same. Most have to be equal to the byte; some have an order that nobody promises, some are
// drawn by lot, some tell the time.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"redix/commands/servertest"
	"redix/engine/peer"
)

type reply = servertest.Value

// comparer returns what is wrong with ours, given the same command's reply of redis-server; "" if nothing.
type comparer func(d *duo, words []string, ours, redis reply) string

// comparers judge the replies that need not be equal, by command.
var comparers = map[string]comparer{
	"keys":            anyOrder(false),
	"hkeys":           anyOrder(false),
	"hvals":           anyOrder(false),
	"hgetall":         anyOrder(true),
	"scan":            scanned(false),
	"hscan":           scanned(true),
	"randomkey":       randomKey,
	"hrandfield":      randomFields,
	"ttl":             about(10),
	"pttl":            about(10_000),
	"expiretime":      about(10),
	"pexpiretime":     about(10_000),
	"object refcount": sameKind, // redis-server shares small integers, which shows in their count
}

// against is the server that the tests of this package compare with; nothing if there is none.
var against = peer.Found()

// deviation is a difference that is known and meant.
type deviation struct {
	why  string
	of   func(peer.Release) bool // of which servers
	when func(words []string, ours, redis reply) bool
}

func always(peer.Release) bool { return true }

// Of servers before 7.2, which redix follows, and of those that have what came after it.
var (
	before72 = peer.Release.Before72
	after72  = peer.Release.After72
	since72  = func(r peer.Release) bool { return !r.Before72() }
	valkey   = peer.Release.Valkey
)

// meant are differences from the server that are wanted. Those before72 show redix to be as 7.2: with a later server they
// must not occur.
var meant = []deviation{
	{"INCRBYFLOAT with an integer as its result stores an int here, as redis-server does once it has loaded its journal", always,
		func(words []string, ours, redis reply) bool {
			return name(words) == "object encoding" && ours.Str == "int" && redis.Str == "embstr"
		}},
	{"redis-server cuts an argument that it quotes in an error at a zero byte", always,
		func(words []string, ours, redis reply) bool {
			cut, _, found := strings.Cut(ours.Str, "\x00")
			return found && ours.Kind == '-' && redis.Kind == '-' && cut == redis.Str
		}},
}

// meantToPart are those after which the data may differ.
var meantToPart []deviation

func isMeant(words []string, ours, redis reply) bool {
	for _, m := range slices.Concat(meant, meantToPart) {
		if m.of(against) && m.when(words, ours, redis) {
			return true
		}
	}
	return false
}

// name is the key of comparers for a command.
func name(words []string) string {
	n := strings.ToLower(words[0])
	if n == "object" && len(words) > 1 {
		n += " " + strings.ToLower(words[1])
	}
	return n
}

// isRandom tells whether a reply is judged by asking redis-server about its data.
func isRandom(words []string) bool {
	return drawsByLot[name(words)]
}

// drawsByLot are the commands whose replies chance decides.
var drawsByLot = map[string]bool{"randomkey": true, "hrandfield": true}

func (d *duo) compare(words []string, ours, redis reply) string {
	if ours.Equal(redis) || isMeant(words, ours, redis) {
		return ""
	}
	if c := comparers[name(words)]; c != nil && ours.Kind == redis.Kind && ours.Kind != '-' {
		return c(d, words, ours, redis)
	}
	return "the replies differ"
}

func sameKind(*duo, []string, reply, reply) string { return "" }

func anyOrder(pairs bool) comparer {
	return func(_ *duo, _ []string, ours, redis reply) string {
		if !ours.Sorted(pairs).Equal(redis.Sorted(pairs)) {
			return "the replies differ, in whatever order"
		}
		return ""
	}
}

// scanned compares whole scans. A mistaken word may have made one end early: then nothing can be said.
func scanned(pairs bool) comparer {
	return func(_ *duo, _ []string, ours, redis reply) string {
		if len(ours.Elems) != 2 || len(redis.Elems) != 2 {
			return "a scan has two parts"
		}
		if ours.Elems[0].Str != "0" || redis.Elems[0].Str != "0" {
			return ""
		}
		if !ours.Elems[1].Sorted(pairs).Equal(redis.Elems[1].Sorted(pairs)) {
			return "the scans differ, in whatever order"
		}
		return ""
	}
}

// about accepts times that differ by no more than slack. Negative replies stand for something and must be equal.
func about(slack int64) comparer {
	return func(_ *duo, _ []string, ours, redis reply) string {
		if ours.Int < 0 || redis.Int < 0 || max(ours.Int-redis.Int, redis.Int-ours.Int) > slack {
			return "the times differ"
		}
		return ""
	}
}

func randomKey(d *duo, _ []string, ours, redis reply) string {
	if d.ask("EXISTS", ours.Str).Int != 1 {
		return "there is no such key"
	}
	return ""
}

// ask asks redis-server about the data in the database in use.
func (d *duo) ask(words ...string) reply {
	d.t.Helper()
	if d.db != "" {
		d.asker.Must("SELECT", d.db)
	}
	return d.asker.Must(words...)
}

// randomFields judges HRANDFIELD: the number of fields, that they exist, their values, and that a positive count
// draws none twice.
func randomFields(d *duo, words []string, ours, redis reply) string {
	if ours.Kind == '$' {
		ours.Elems = []reply{ours}
	} else if len(ours.Elems) != len(redis.Elems) {
		return fmt.Sprintf("%d elements, redis-server has %d", len(ours.Elems), len(redis.Elems))
	}
	fields, values := ours.Strings(), []string(nil)
	if len(words) == 4 {
		flat := fields
		fields = nil
		for pair := range slices.Chunk(flat, 2) {
			fields, values = append(fields, pair[0]), append(values, pair[1])
		}
	}
	if len(fields) == 0 {
		return ""
	}
	known := d.ask(append([]string{"HMGET", words[1]}, fields...)...)
	for i, v := range known.Elems {
		if v.Null() || values != nil && v.Str != values[i] {
			return fmt.Sprintf("field %q is %s in redis-server", fields[i], v)
		}
	}
	slices.Sort(fields)
	if count, _ := strconv.Atoi(words[min(2, len(words)-1)]); count > 0 && len(slices.Compact(fields)) != len(known.Elems) {
		return "a field was drawn twice"
	}
	return shapeDiffers(ours, redis)
}

// shapeDiffers compares nesting: HRANDFIELD WITHVALUES is flat in RESP2 and made of pairs in RESP3.
func shapeDiffers(ours, redis reply) string {
	for i := range redis.Elems {
		if ours.Elems[i].Kind != redis.Elems[i].Kind || len(ours.Elems[i].Elems) != len(redis.Elems[i].Elems) {
			return "the forms differ"
		}
	}
	return ""
}
