package commands_test

// The same random commands to redix and to a real redis-server, in pipelines of random length, must have the same
// replies and leave the same data.
//
//	TEST_SEED=n    repeats a run
//	REDIX_DIFF=n    commands in each run (make difftest sets a million)

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/servertest"
	"redix/engine/seeds"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// number of commands in one run, unless REDIX_DIFF says otherwise.
const diffCommands = 6000

// leastCompared is what all runs together compare at least.
const leastCompared = 200_000

const (
	maxPipeline   = 40
	dumpEvery     = 1500 // commands between two comparisons of all data
	flushEvery    = 4    // and how many of those until everything is deleted
	maxDiffs      = 8    // differences shown before a run gives up
	shownCommands = 10   // commands before a difference that are shown
)

// diffRun is what a run varies besides its commands.
type diffRun struct {
	name    string
	reactor string
	proto   int
	flags   []string // for both servers
	ours    []string // for redix, and for the other if it has what came with 7.2
}

// diffGroups are the groups of commands that are compared, by the letter of their keys; files of groups add their own, with
// their shapes.
var diffGroups = map[string]string{"s": "string", "h": "hash", "k": "generic"}

// smallLimits make encodings change all the time, for the groups that set limits.
var smallLimits = diffRun{flags: []string{"--hash-max-listpack-entries", "6", "--hash-max-listpack-value", "32"}}

// commonFlags are for all runs.
var commonFlags []string

// diffRuns pair each reactor with a protocol; small limits make encodings change all the time.
func diffRuns() []diffRun {
	var runs []diffRun
	for i, reactor := range servertest.Reactors {
		runs = append(runs,
			diffRun{reactor: reactor, proto: 2 + i%2, flags: commonFlags},
			diffRun{reactor: reactor, proto: 3 - i%2, flags: slices.Concat(commonFlags, smallLimits.flags), ours: smallLimits.ours})
		runs[len(runs)-2].name = fmt.Sprintf("%s/RESP%d", reactor, runs[len(runs)-2].proto)
		runs[len(runs)-1].name = fmt.Sprintf("%s/RESP%d/small", reactor, runs[len(runs)-1].proto)
	}
	return runs
}

func TestDiffRandom(t *testing.T) {
	count := seeds.Count(t, "REDIX_DIFF", diffCommands)
	compared, played := 0, 0
	for _, group := range slices.Sorted(maps.Keys(diffGroups)) {
		for _, run := range diffRuns() {
			t.Run(diffGroups[group]+"/"+run.name, func(t *testing.T) {
				g := newSource(t, group)
				d := newDuo(t, run)
				d.play(g, group, count)
				compared += d.compared
				played++
			})
		}
	}
	t.Logf("%d replies compared with redis-server's, in %d runs over %d groups of commands", compared, played, len(diffGroups))
	if count >= diffCommands && played == len(diffGroups)*len(diffRuns()) && compared < leastCompared {
		t.Errorf("%d replies compared in all, want at least %d", compared, leastCompared)
	}
}

func newSource(t *testing.T, group string) *source {
	return &source{Rand: rand.New(rand.NewPCG(seeds.Draw(t), uint64(group[0]))), home: group, nowMs: time.Now().UnixMilli()}
}

// duo is a connection to each of the two servers.
type duo struct {
	t           *testing.T
	ours, redis *servertest.Conn
	asker       *servertest.Conn // to redis-server, for the comparisons' own questions
	dumps       [2]*servertest.Conn
	history     [][]string
	diffs       int
	compared    int  // replies
	parted      bool // the data may differ in a way that is meant: see parts
	db          string
}

// parts are commands that may leave different data on the two servers, which is known and meant, by name, with the beginning
// of the error that tells of it.
var parts = map[string]string{}

// meansToPart tells whether a command has left different data, as parts says.
func meansToPart(words []string, ours, redis reply) bool {
	for _, m := range meantToPart {
		if m.of(against) && m.when(words, ours, redis) {
			return true
		}
	}
	text := parts[strings.ToLower(words[0])]
	return text != "" && (strings.HasPrefix(ours.Err(), text) || strings.HasPrefix(redis.Err(), text))
}

func newDuo(t *testing.T, run diffRun) *duo {
	s := servertest.Start(t, run.reactor, slices.Concat(run.flags, run.ours)...)
	theirs := run.flags
	if !before72(against) {
		theirs = slices.Concat(theirs, run.ours)
	}
	r := servertest.StartRedis(t, theirs...)
	d := &duo{t: t, ours: s.Dial(), redis: r.Dial(), asker: r.Dial(), dumps: [2]*servertest.Conn{s.Dial(), r.Dial()}}
	d.hello(run.proto)
	return d
}

func (d *duo) hello(proto int) {
	if proto == 3 {
		d.ours.Hello(3)
		d.redis.Hello(3)
	}
}

// play sends count random commands.
func (d *duo) play(g *source, group string, count int) {
	deck := deckOf(group)
	for done, dumps := 0, 0; done < count && d.diffs < maxDiffs; {
		batch := d.drawBatch(g, deck)
		d.compareBatch(batch)
		if done/dumpEvery != (done+len(batch))/dumpEvery {
			d.compareData()
			if dumps++; dumps%flushEvery == 0 {
				d.reset()
			}
		}
		done += len(batch)
	}
	d.compareData()
}

// deckOf returns the shapes of a group that the table knows, each as often as its weight.
func deckOf(group string) []*shape {
	table := commands.NewTable()
	var deck []*shape
	for i := range shapes[group] {
		s := &shapes[group][i]
		name, sub, _ := strings.Cut(s.name, " ")
		row := table.Lookup([]byte(name))
		if row == nil || sub != "" && table.LookupSub(row, []byte(sub)) == nil {
			continue
		}
		for range s.weight {
			deck = append(deck, s)
		}
	}
	return deck
}

// drawBatch draws a pipeline. It ends behind a command whose reply can only be judged with the data as it is then.
func (d *duo) drawBatch(g *source, deck []*shape) [][]string {
	var batch [][]string
	for range 1 + g.IntN(maxPipeline) {
		words := pick(g, deck).draw(g)
		batch = append(batch, words)
		if isRandom(words) {
			break
		}
	}
	return batch
}

func (d *duo) compareBatch(batch [][]string) {
	d.t.Helper()
	for _, words := range batch {
		d.ours.Send(words...)
		d.redis.Send(words...)
	}
	d.ours.Flush()
	d.redis.Flush()
	differ := false
	for _, words := range batch {
		ours, err := d.ours.TryReceive()
		if err != nil {
			d.t.Fatalf("%s: %v%s", servertest.Words(words), err, d.before(words))
		}
		redis := d.redis.Receive()
		if strings.EqualFold(words[0], "select") && redis.Str == "OK" {
			d.db = words[1]
		}
		d.parted = d.parted || meansToPart(words, ours, redis)
		if d.parted {
			continue
		}
		d.compared++
		if problem := d.compare(words, ours, redis); problem != "" && !differ {
			differ = true
			d.t.Errorf("db %q: %s\n ours  %s\n redis %s\n %s%s", d.db, servertest.Words(words), ours, redis, problem, d.before(words))
		}
		d.history = append(d.history, words)
	}
	if differ {
		d.diffs++
	}
	if differ || d.parted { // the data may differ now, and everything after it
		d.reset()
	}
	if len(d.history) > 4000 {
		d.history = slices.Delete(d.history, 0, 2000)
	}
}

// before lists the last commands that have a word in common with words, other than short ones.
func (d *duo) before(words []string) string {
	var lines []string
	for i := len(d.history) - 1; i >= 0 && len(lines) < shownCommands; i-- {
		if slices.ContainsFunc(d.history[i][1:], func(w string) bool {
			return len(w) == 2 && slices.Contains(words[1:], w)
		}) {
			lines = append(lines, "   "+servertest.Words(d.history[i]))
		}
	}
	slices.Reverse(lines)
	return "\n before:\n" + strings.Join(lines, "\n")
}

// reset empties both servers.
func (d *duo) reset() {
	d.t.Helper()
	for _, c := range []*servertest.Conn{d.ours, d.redis} {
		c.Must("FLUSHALL")
		c.Must("SELECT", "0")
	}
	d.db = "0"
	d.parted = false
	d.history = nil
}

// compareData compares everything that the two servers hold.
func (d *duo) compareData() {
	d.t.Helper()
	ours, redis := servertest.Dump(d.dumps[0]), servertest.Dump(d.dumps[1])
	if ours == redis {
		return
	}
	a, b := strings.Split(ours, "\n"), strings.Split(redis, "\n")
	for _, line := range a {
		if !slices.Contains(b, line) {
			d.t.Errorf("only redix has %.300s", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			d.t.Errorf("only redis-server has %.300s", line)
		}
	}
	d.diffs++
	d.reset()
}

// notCompared are the commands of the compared groups that have no shape, with the reason.
var notCompared = map[string]string{
	"dump":            "other bytes for the same value: see rdb_test.go",
	"restore":         "needs what DUMP gave: see rdb_test.go",
	"restore-asking":  "as RESTORE",
	"object|help":     "text",
	"object|idletime": "tells the time",
	"wait":            "there are no replicas",
	"waitaof":         "since redis-server 7.2",
}

func TestDiffCoversAllCommands(t *testing.T) {
	known := map[string]bool{}
	for _, group := range shapes {
		for _, s := range group {
			known[strings.ReplaceAll(s.name, " ", "|")] = true
		}
	}
	check := func(name, group string) {
		if slices.Contains(slices.Collect(maps.Values(diffGroups)), group) && !known[name] && notCompared[name] == "" {
			t.Errorf("%s is neither compared with redis-server nor listed with a reason", name)
		}
	}
	for _, row := range commands.NewTable().Rows {
		if len(row.Subs) == 0 {
			check(row.Name, row.Group)
		}
		for i := range row.Subs {
			check(row.Subs[i].FullName, row.Group)
		}
	}
}
