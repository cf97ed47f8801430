package commands

import (
	"bytes"
	"cmp"
	"slices"

	"redix/engine"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Searches of positions. GEORADIUS, GEORADIUSBYMEMBER and GEOSEARCH are one search with different ways to say where; all
// options may come in any order. The cells that cover the shape are ranges of scores; each member in these is measured.

// geoForm says which command a search is.
type geoForm struct {
	name     string
	byMember bool // GEORADIUSBYMEMBER
	search   bool // GEOSEARCH and GEOSEARCHSTORE
	store    bool // GEOSEARCHSTORE
	readOnly bool // without STORE
}

type geoSort uint8

const (
	unsorted geoSort = iota
	nearest
	farthest
)

// geoSearch is a search at work.
type geoSearch struct {
	c     *engine.Client
	form  geoForm
	z     zsetView
	found bool // the key exists; if not, the arguments are checked all the same

	geoShape
	unit                          float64 // meters
	fromMember, fromPosition      bool
	byRadius                      bool
	withDist, withHash, withCoord bool
	sort                          geoSort
	count                         int64
	any                           bool
	storeKey                      []byte
	storeDist                     bool
	hits                          []hit
}

// hit is a member that was found.
type hit struct {
	member []byte
	meters float64
	score  float64
	at     position
}

func georadius(c *engine.Client, args engine.Args) { geoRun(c, args, geoForm{name: "georadius"}) }

func georadiusRO(c *engine.Client, args engine.Args) {
	geoRun(c, args, geoForm{name: "georadius_ro", readOnly: true})
}

func georadiusbymember(c *engine.Client, args engine.Args) {
	geoRun(c, args, geoForm{name: "georadiusbymember", byMember: true})
}

func georadiusbymemberRO(c *engine.Client, args engine.Args) {
	geoRun(c, args, geoForm{name: "georadiusbymember_ro", byMember: true, readOnly: true})
}

func geosearch(c *engine.Client, args engine.Args) {
	geoRun(c, args, geoForm{name: "geosearch", search: true})
}

func geosearchstore(c *engine.Client, args engine.Args) {
	geoRun(c, args, geoForm{name: "geosearchstore", search: true, store: true})
}

func geoRun(c *engine.Client, args engine.Args, f geoForm) {
	s := geoSearch{c: c, form: f, unit: 1}
	key, rest := args[1], args[2:]
	if f.store {
		s.storeKey, key, rest = args[1], args[2], args[3:]
	}
	var ok bool
	if s.z, s.found, ok = zsetOf(c, key); !ok {
		return
	}
	if !f.search {
		if rest, ok = s.place(rest); !ok {
			return
		}
	}
	for len(rest) > 0 {
		used := s.option(rest)
		if used == 0 {
			return
		}
		rest = rest[used:]
	}
	if s.check(string(args[0])) {
		s.finish()
	}
}

// place reads the fixed arguments of GEORADIUS and GEORADIUSBYMEMBER.
func (s *geoSearch) place(args [][]byte) (rest [][]byte, ok bool) {
	if !s.form.byMember {
		if s.center, ok = positionArg(s.c, args[0], args[1]); !ok {
			return nil, false
		}
		return args[4:], s.radiusArg(args[2], args[3])
	}
	if !s.found {
		return args[3:], true
	}
	return args[3:], s.member(args[0]) && s.radiusArg(args[1], args[2])
}

func (s *geoSearch) member(member []byte) (ok bool) {
	if s.center, ok = s.z.position(member); !ok {
		s.c.Reply.Error("ERR could not decode requested zset member")
	}
	return ok
}

func (s *geoSearch) radiusArg(length, unit []byte) (ok bool) {
	if s.radius, ok = resp.ParseFloat(length); !ok {
		s.c.Reply.Error("ERR need numeric radius")
		return false
	}
	if s.radius < 0 {
		s.c.Reply.Error("ERR radius cannot be negative")
		return false
	}
	s.unit, ok = lengthUnitArg(s.c, unit)
	s.radius *= s.unit
	return ok
}

func (s *geoSearch) boxArg(width, height, unit []byte) (ok bool) {
	if s.width, ok = resp.ParseFloat(width); !ok {
		s.c.Reply.Error("ERR need numeric width")
		return false
	}
	if s.height, ok = resp.ParseFloat(height); !ok {
		s.c.Reply.Error("ERR need numeric height")
		return false
	}
	if s.width < 0 || s.height < 0 {
		s.c.Reply.Error("ERR height or width cannot be negative")
		return false
	}
	s.unit, ok = lengthUnitArg(s.c, unit)
	s.width, s.height = s.width*s.unit, s.height*s.unit
	return ok
}

// option reads one option from the front of words and returns how many these are, or 0 when it has replied with an error.
func (s *geoSearch) option(words [][]byte) int {
	word, more := words[0], len(words)-1
	switch {
	case isWord(word, "withdist"):
		s.withDist = true
	case isWord(word, "withhash"):
		s.withHash = true
	case isWord(word, "withcoord"):
		s.withCoord = true
	case isWord(word, "any"):
		s.any = true
	case isWord(word, "asc"):
		s.sort = nearest
	case isWord(word, "desc"):
		s.sort = farthest
	case isWord(word, "count") && more > 0:
		return s.countArg(words[1])
	case s.form.search:
		return s.searchOption(words)
	case !s.form.readOnly && more > 0 && (isWord(word, "store") || isWord(word, "storedist")):
		s.storeKey, s.storeDist = words[1], len(word) > len("store")
		return 2
	default:
		s.c.Reply.Error(errSyntax)
		return 0
	}
	return 1
}

func (s *geoSearch) countArg(arg []byte) int {
	var ok bool
	if s.count, ok = intArg(s.c, arg); !ok {
		return 0
	}
	if s.count <= 0 {
		s.c.Reply.Error("ERR COUNT must be > 0")
		return 0
	}
	return 2
}

// searchOption is option for those that only GEOSEARCH and GEOSEARCHSTORE have.
func (s *geoSearch) searchOption(words [][]byte) int {
	word, more, ok := words[0], len(words)-1, true
	used := 0
	switch {
	case isWord(word, "frommember") && more > 0 && !s.fromPosition:
		used, s.fromMember = 2, true
		ok = !s.found || s.member(words[1])
	case isWord(word, "fromlonlat") && more > 1 && !s.fromMember:
		used, s.fromPosition = 3, true
		s.center, ok = positionArg(s.c, words[1], words[2])
	case isWord(word, "byradius") && more > 1 && !s.box:
		used, s.byRadius = 3, true
		ok = s.radiusArg(words[1], words[2])
	case isWord(word, "bybox") && more > 2 && !s.byRadius:
		used, s.box = 4, true
		ok = s.boxArg(words[1], words[2], words[3])
	case isWord(word, "storedist") && s.form.store:
		used, s.storeDist = 1, true
	default:
		s.c.Reply.Error(errSyntax)
	}
	if !ok {
		return 0
	}
	return used
}

// check replies with what is wrong with the options together; typed is the command's name as the client gave it.
func (s *geoSearch) check(typed string) bool {
	r := s.c.Reply
	switch {
	case s.storeKey != nil && (s.withDist || s.withHash || s.withCoord):
		what := "STORE option in GEORADIUS"
		if s.form.store {
			what = "GEOSEARCHSTORE"
		}
		r.Error("ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case s.form.search && !s.fromMember && !s.fromPosition:
		r.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + typed)
	case s.form.search && !s.byRadius && !s.box:
		r.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + typed)
	case s.any && s.count == 0:
		r.Error("ERR the ANY argument requires COUNT argument")
	default:
		return true
	}
	return false
}

// finish searches, and replies or stores.
func (s *geoSearch) finish() {
	if s.count > 0 && s.sort == unsorted && !s.any {
		s.sort = nearest
	}
	if s.found {
		s.collect()
	}
	switch s.sort {
	case nearest:
		slices.SortStableFunc(s.hits, func(a, b hit) int { return cmp.Compare(a.meters, b.meters) })
	case farthest:
		slices.SortStableFunc(s.hits, func(a, b hit) int { return cmp.Compare(b.meters, a.meters) })
	}
	if s.count > 0 {
		s.hits = s.hits[:min(int64(len(s.hits)), s.count)]
	}
	if s.storeKey != nil {
		s.storeHits()
		return
	}
	s.c.Reply.Array(len(s.hits))
	for i := range s.hits {
		s.reply(&s.hits[i])
	}
}

// collect finds the members in the shape; with ANY, no more than COUNT.
func (s *geoSearch) collect() {
	cells := s.cells()
	last := 0
	for i, c := range cells {
		if c == (cell{}) || last > 0 && c == cells[last] { // the cells around may be the same when they are huge
			continue
		}
		last = i
		low, high := c.scores()
		from, to := s.z.countBelow(low, false), s.z.countBelow(high, false)
		s.z.each(from, to, false, func(m packed.Elem, score float64) bool {
			if s.full() {
				return false
			}
			p := positionOf(score)
			if meters, ok := s.holds(p); ok {
				s.hits = append(s.hits, hit{elemBytes(m, nil), meters, score, p})
			}
			return true
		})
		if s.full() {
			return
		}
	}
}

func (s *geoSearch) full() bool { return s.any && int64(len(s.hits)) >= s.count }

func (s *geoSearch) reply(h *hit) {
	c, parts := s.c, 1
	for _, with := range [...]bool{s.withDist, s.withHash, s.withCoord} {
		if with {
			parts++
		}
	}
	if parts > 1 {
		c.Reply.Array(parts)
	}
	c.Reply.Bulk(h.member)
	if s.withDist {
		replyDistance(c, h.meters/s.unit)
	}
	if s.withHash {
		c.Reply.Int(int64(h.score))
	}
	if s.withCoord {
		replyPosition(c, h.at)
	}
}

// storeHits makes a sorted set of what was found, by position or by distance. The members may be views of the
// sorted set that it replaces: storeScored copies them first.
func (s *geoSearch) storeHits() {
	members := make([]scored, len(s.hits))
	for i := range s.hits {
		h := &s.hits[i]
		members[i] = scored{h.member, h.score}
		if s.storeDist {
			members[i].score = h.meters / s.unit
		}
	}
	slices.SortFunc(members, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), bytes.Compare(a.member, b.member))
	})
	members = slices.CompactFunc(members, func(a, b scored) bool { return bytes.Equal(a.member, b.member) })
	event := "georadiusstore"
	if s.form.search {
		event = "geosearchstore"
	}
	storeScored(s.c, s.storeKey, members, event)
}
