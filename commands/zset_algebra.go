package commands

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Unions, intersections and differences of sorted sets and sets, whose members count as scored 1.
//
//	union          all members go through an index, where their scores are aggregated
//	intersection   each member of the smallest set is looked up in the others
//	difference     by what costs less: each member of the first set is looked up in the others, or those of the others
//	               are taken out of an index of the first
//
// The result is gathered beside the sets, put in order, and then replied with or stored. Scores are aggregated from the
// smallest set to the largest, as in redis-server: the order shows in sums of floats.

type operation uint8

const (
	opUnion operation = iota
	opInter
	opDiff
)

// aggregation is how the scores of a member in several sets become one.
type aggregation uint8

const (
	aggregateSum aggregation = iota
	aggregateMin
	aggregateMax
)

func (a aggregation) combine(x, y float64) float64 {
	switch {
	case a == aggregateSum:
		return zeroIfNaN(x + y)
	case a == aggregateMin && y < x, a == aggregateMax && y > x:
		return y
	}
	return x
}

// zeroIfNaN is for inf x 0, and for inf - inf.
func zeroIfNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// input is one of the sets that a result is made from.
type input struct {
	entry  keyspace.Entry
	found  bool
	isSet  bool
	view   zsetView
	weight float64
}

func (in *input) len() int {
	switch {
	case !in.found:
		return 0
	case in.isSet:
		return setLen(&in.entry)
	}
	return in.view.len()
}

func (in *input) each(visit func(m packed.Elem, score float64) bool) {
	switch {
	case !in.found:
	case in.isSet:
		eachMember(&in.entry, func(m packed.Elem) bool { return visit(m, 1) })
	default:
		in.view.each(0, in.view.len(), false, visit)
	}
}

func (in *input) score(m packed.Elem) (float64, bool) {
	if !in.found {
		return 0, false
	}
	if in.isSet {
		return 1, setHasElem(&in.entry, m)
	}
	var room [20]byte
	return in.view.score(elemBytes(m, room[:]))
}

// algebra is a command of this file at work.
type algebra struct {
	c          *engine.Client
	op         operation
	inputs     []input
	aggregate  aggregation
	withScores bool
	limit      int64 // of ZINTERCARD, 0: none
	result     []scored
}

// scored is a member of the result.
type scored struct {
	member []byte
	score  float64
}

// algebraForm says which options a command has.
type algebraForm struct {
	name   string
	op     operation
	store  bool // to the key before the number of keys
	counts bool // ZINTERCARD
}

// parse finds the sets, and then reads the options: an error in these comes second, as in redis-server.
func (a *algebra) parse(c *engine.Client, args [][]byte, f algebraForm) bool {
	a.c, a.op = c, f.op
	n, ok := intArg(c, args[0])
	if !ok {
		return false
	}
	if n < 1 {
		c.Reply.Error("ERR at least 1 input key is needed for '" + f.name + "' command")
		return false
	}
	if n > int64(len(args)-1) {
		c.Reply.Error(errSyntax)
		return false
	}
	if !a.find(args[1 : 1+n]) {
		return false
	}
	for rest := args[1+n:]; len(rest) > 0; {
		used := a.option(rest, f)
		if used == 0 {
			return false
		}
		rest = rest[used:]
	}
	return true
}

// find looks the sets up.
func (a *algebra) find(keys [][]byte) bool {
	for _, key := range keys { // this may remove expired keys, which is the end of entries found before
		if e, found := a.c.LookupRead(key); found && e.Type() != keyspace.TypeZset && e.Type() != keyspace.TypeSet {
			a.c.Reply.Error(errWrongType)
			return false
		}
	}
	a.inputs = make([]input, len(keys))
	for i, key := range keys {
		in := &a.inputs[i]
		in.weight = 1
		if in.entry, in.found = a.c.DB.Find(key); !in.found {
			continue
		}
		if in.isSet = in.entry.Type() == keyspace.TypeSet; !in.isSet {
			in.view = viewZset(&in.entry)
		}
	}
	return true
}

// option reads one option from the front of words and returns how many these are, or 0 when it has replied with an error.
func (a *algebra) option(words [][]byte, f algebraForm) int {
	c, n := a.c, len(a.inputs)
	aggregates := f.op != opDiff && !f.counts
	switch {
	case aggregates && len(words) > n && isWord(words[0], "weights"):
		for i := range a.inputs {
			var ok bool
			if a.inputs[i].weight, ok = resp.ParseFloat(words[1+i]); !ok {
				c.Reply.Error("ERR weight value is not a float")
				return 0
			}
		}
		return 1 + n
	case aggregates && len(words) > 1 && isWord(words[0], "aggregate"):
		for i, name := range [...]string{"sum", "min", "max"} {
			if isWord(words[1], name) {
				a.aggregate = aggregation(i)
				return 2
			}
		}
	case !f.store && !f.counts && isWord(words[0], "withscores"):
		a.withScores = true
		return 1
	case f.counts && len(words) > 1 && isWord(words[0], "limit"):
		var ok bool
		if a.limit, ok = resp.ParseInt(words[1]); !ok || a.limit < 0 {
			c.Reply.Error("ERR LIMIT can't be negative")
			return 0
		}
		return 2
	}
	c.Reply.Error(errSyntax)
	return 0
}

// run computes the result, in order.
func (a *algebra) run() {
	switch a.op {
	case opUnion:
		slices.SortStableFunc(a.inputs, inputSize)
		a.union()
	case opInter:
		a.intersect(func(m packed.Elem, score float64) bool {
			a.result = append(a.result, scored{elemBytes(m, nil), score})
			return true
		})
	default:
		a.difference()
	}
	slices.SortFunc(a.result, func(x, y scored) int {
		if x.score != y.score {
			return cmp.Compare(x.score, y.score)
		}
		return bytes.Compare(x.member, y.member)
	})
}

func inputSize(a, b input) int { return cmp.Compare(a.len(), b.len()) }

// gathered are members in an index of their own.
type gathered struct {
	ks      *keyspace.Keyspace
	members *keyspace.Members
	refs    []keyspace.Ref
}

func (a *algebra) gather() *gathered {
	ks := a.c.Server().Keyspace
	return &gathered{ks: ks, members: ks.NewMembers()}
}

func (g *gathered) add(member []byte, score float64) {
	r := g.ks.NewMember(member, math.Float64bits(score))
	g.members.Enter(r)
	g.refs = append(g.refs, r)
}

// take makes the result of the members and frees what was gathered. Members are copied: the records go.
func (g *gathered) take(a *algebra) {
	size := 0
	for _, r := range g.refs {
		m, _ := g.ks.Member(r)
		size += len(m)
	}
	text := make([]byte, 0, size)
	a.result = make([]scored, 0, len(g.refs))
	for _, r := range g.refs {
		m, bits := g.ks.Member(r)
		from := len(text)
		text = append(text, m...)
		a.result = append(a.result, scored{text[from:len(text):len(text)], math.Float64frombits(bits)})
		g.ks.Arena().Free(r)
	}
	for !g.members.FreeStep() {
	}
}

func (a *algebra) union() {
	g := a.gather()
	var room [20]byte
	for i := range a.inputs {
		in := &a.inputs[i]
		in.each(func(m packed.Elem, score float64) bool {
			score = zeroIfNaN(score * in.weight)
			member := elemBytes(m, room[:])
			if r := g.members.Find(member); r != 0 {
				_, old := g.ks.Member(r)
				g.ks.SetMember(r, math.Float64bits(a.aggregate.combine(math.Float64frombits(old), score)))
			} else {
				g.add(member, score)
			}
			return true
		})
	}
	g.take(a)
}

// intersect visits the members that all sets have, with their scores, until visit returns false.
func (a *algebra) intersect(visit func(m packed.Elem, score float64) bool) {
	slices.SortStableFunc(a.inputs, inputSize)
	a.inputs[0].each(func(m packed.Elem, score float64) bool {
		score = zeroIfNaN(score * a.inputs[0].weight)
		for i := range a.inputs[1:] {
			in := &a.inputs[1+i]
			other, ok := in.score(m)
			if !ok {
				return true
			}
			score = a.aggregate.combine(score, other*in.weight)
		}
		return visit(m, score)
	})
}

func (a *algebra) difference() {
	first, others := &a.inputs[0], a.inputs[1:]
	all := 0
	for i := range a.inputs {
		all += a.inputs[i].len()
	}
	if first.len()*len(a.inputs)/2 > all {
		a.subtract(first, others)
		return
	}
	slices.SortStableFunc(others, func(x, y input) int { return inputSize(y, x) })
	first.each(func(m packed.Elem, score float64) bool {
		for i := range others {
			if _, ok := others[i].score(m); ok {
				return true
			}
		}
		a.result = append(a.result, scored{elemBytes(m, nil), score})
		return true
	})
}

// subtract is the second way to a difference. A member that was taken out is known by a score that is not a number.
func (a *algebra) subtract(first *input, others []input) {
	g := a.gather()
	var room [20]byte
	first.each(func(m packed.Elem, score float64) bool {
		g.add(elemBytes(m, room[:]), score)
		return true
	})
	for i := range others {
		others[i].each(func(m packed.Elem, _ float64) bool {
			if r := g.members.Find(elemBytes(m, room[:])); r != 0 {
				g.ks.SetMember(r, math.Float64bits(math.NaN()))
			}
			return true
		})
	}
	g.take(a)
	a.result = slices.DeleteFunc(a.result, func(s scored) bool { return math.IsNaN(s.score) })
}

func zunion(c *engine.Client, args engine.Args) {
	algebraReply(c, args, algebraForm{name: "zunion", op: opUnion})
}

func zinter(c *engine.Client, args engine.Args) {
	algebraReply(c, args, algebraForm{name: "zinter", op: opInter})
}

func zdiff(c *engine.Client, args engine.Args) {
	algebraReply(c, args, algebraForm{name: "zdiff", op: opDiff})
}

func algebraReply(c *engine.Client, args engine.Args, f algebraForm) {
	var a algebra
	if !a.parse(c, args[1:], f) {
		return
	}
	a.run()
	r := memberReply{c, a.withScores}
	r.header(len(a.result))
	for _, s := range a.result {
		r.member(packed.Elem{Str: s.member}, s.score)
	}
}

func zintercard(c *engine.Client, args engine.Args) {
	var a algebra
	if !a.parse(c, args[1:], algebraForm{name: "zintercard", op: opInter, counts: true}) {
		return
	}
	n := int64(0)
	a.intersect(func(packed.Elem, float64) bool {
		n++
		return n != a.limit
	})
	c.Reply.Int(n)
}

func zunionstore(c *engine.Client, args engine.Args) {
	algebraStore(c, args, algebraForm{name: "zunionstore", op: opUnion, store: true})
}

func zinterstore(c *engine.Client, args engine.Args) {
	algebraStore(c, args, algebraForm{name: "zinterstore", op: opInter, store: true})
}

func zdiffstore(c *engine.Client, args engine.Args) {
	algebraStore(c, args, algebraForm{name: "zdiffstore", op: opDiff, store: true})
}

func algebraStore(c *engine.Client, args engine.Args, f algebraForm) {
	var a algebra
	if a.parse(c, args[2:], f) {
		a.run()
		storeScored(c, args[1], a.result, f.name)
	}
}

// storeScored makes a sorted set of members in order the value of a key. The encoding follows from all of them.
func storeScored(c *engine.Client, key []byte, members []scored, event string) {
	longest := 0
	for _, s := range members {
		longest = max(longest, len(s.member))
	}
	var dst zsetEdit
	dst.beginNew(c, len(members), longest)
	for _, s := range members {
		dst.append(s.member, s.score)
	}
	dst.store(key, event)
}
