package commands

import (
	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// Ranges of sorted sets. Whatever a range is given by, it is turned into ranks first, which costs O(log n); then it is
// counted, replied with, stored or removed.

const (
	errScoreRange = "ERR min or max is not a float"
	errLexRange   = "ERR min or max not valid string range item"
)

// rangeBy says what a range is given by.
type rangeBy uint8

const (
	byRank rangeBy = iota
	byScore
	byLex
)

// scoreBound is one end of a range of scores.
type scoreBound struct {
	score     float64
	exclusive bool
}

func parseScoreBound(arg []byte) (b scoreBound, ok bool) {
	if len(arg) > 0 && arg[0] == '(' {
		b.exclusive = true
		arg = arg[1:]
	}
	b.score, ok = resp.ParseBound(arg)
	return b, ok
}

// lexBound is one end of a range of members.
type lexBound struct {
	member    []byte
	infinite  int // -1: before all members; 1: after all
	exclusive bool
}

func parseLexBound(arg []byte) (b lexBound, ok bool) {
	if len(arg) == 0 {
		return b, false
	}
	switch arg[0] {
	case '(', '[':
		return lexBound{member: arg[1:], exclusive: arg[0] == '('}, true
	case '+':
		return lexBound{infinite: 1}, len(arg) == 1 || arg[1] == 0 // a zero byte is an end for redis-server
	case '-':
		return lexBound{infinite: -1}, len(arg) == 1 || arg[1] == 0
	}
	return b, false
}

// span is a range as it was asked for.
type span struct {
	by              rangeBy
	first, last     int64 // ranks, negative: from the end
	low, high       scoreBound
	lexLow, lexHigh lexBound
}

// parse reads the ends of the range, the lower one first, and replies with an error of its kind.
func (s *span) parse(c *engine.Client, low, high []byte) (ok bool) {
	var ok2 bool
	switch s.by {
	case byRank:
		if s.first, ok = intArg(c, low); ok {
			s.last, ok = intArg(c, high)
		}
		return ok
	case byScore:
		s.low, ok = parseScoreBound(low)
		s.high, ok2 = parseScoreBound(high)
		if !ok || !ok2 {
			c.Reply.Error(errScoreRange)
		}
	default:
		s.lexLow, ok = parseLexBound(low)
		s.lexHigh, ok2 = parseLexBound(high)
		if !ok || !ok2 {
			c.Reply.Error(errLexRange)
		}
	}
	return ok && ok2
}

// ranks returns the ranks from:to of the members in the range. With reverse, the ranks asked for count from the end.
func (s *span) ranks(z zsetView, reverse bool) (from, to int) {
	n := z.len()
	switch s.by {
	case byRank:
		first, last := s.first, s.last
		if first < 0 {
			first = max(first+int64(n), 0)
		}
		if last < 0 {
			last += int64(n)
		}
		if first > last || first >= int64(n) {
			return 0, 0
		}
		from, to = int(first), int(min(last, int64(n)-1))+1
		if reverse {
			from, to = n-to, n-from
		}
	case byScore:
		from = z.countBelow(s.low.score, s.low.exclusive)
		to = z.countBelow(s.high.score, !s.high.exclusive)
	default:
		from = z.countLex(s.lexLow, s.lexLow.exclusive)
		to = z.countLex(s.lexHigh, !s.lexHigh.exclusive)
	}
	return from, max(from, to)
}

func (z zsetView) countLex(b lexBound, inclusive bool) int {
	switch b.infinite {
	case -1:
		return 0
	case 1:
		return z.len()
	}
	return z.countBefore(b.member, inclusive)
}

// zsetRange is what ZRANGE and its relatives ask for.
type zsetRange struct {
	span
	reverse       bool
	withScores    bool
	offset, limit int64 // limit negative: all
}

// fixed says which options a command has decided already.
type fixed struct {
	by      bool // by what
	reverse bool
	scores  bool // without WITHSCORES
}

// options reads what follows the ends of a range, and then those.
func (r *zsetRange) options(c *engine.Client, low, high []byte, rest [][]byte, f fixed) bool {
	r.limit = -1
	for i := 0; i < len(rest); i++ {
		switch {
		case !f.scores && isWord(rest[i], "withscores"):
			r.withScores = true
		case isWord(rest[i], "limit") && i+2 < len(rest):
			var ok bool
			if r.offset, ok = intArg(c, rest[i+1]); !ok {
				return false
			}
			if r.limit, ok = intArg(c, rest[i+2]); !ok {
				return false
			}
			i += 2
		case !f.reverse && isWord(rest[i], "rev"):
			r.reverse, f.reverse = true, true
		case !f.by && isWord(rest[i], "bylex"):
			r.by, f.by = byLex, true
		case !f.by && isWord(rest[i], "byscore"):
			r.by, f.by = byScore, true
		default:
			c.Reply.Error(errSyntax)
			return false
		}
	}
	if r.limit != -1 && r.by == byRank {
		c.Reply.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
		return false
	}
	if r.withScores && r.by == byLex {
		c.Reply.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
		return false
	}
	if r.reverse && r.by != byRank {
		low, high = high, low
	}
	return r.parse(c, low, high)
}

// within returns the ranks of the members to reply with.
func (r *zsetRange) within(z zsetView) (from, to int) {
	from, to = r.ranks(z, r.reverse)
	if r.by == byRank {
		return from, to
	}
	n := int64(to - from)
	if r.offset < 0 || r.offset >= n {
		return 0, 0
	}
	n -= r.offset
	if r.limit >= 0 {
		n = min(n, r.limit)
	}
	if r.reverse {
		to -= int(r.offset)
		return to - int(n), to
	}
	from += int(r.offset)
	return from, from + int(n)
}

func zrange(c *engine.Client, args engine.Args) { rangeReply(c, args, zsetRange{}, fixed{}) }

func zrevrange(c *engine.Client, args engine.Args) {
	rangeReply(c, args, zsetRange{reverse: true}, fixed{by: true, reverse: true})
}

func zrangebyscore(c *engine.Client, args engine.Args) {
	rangeReply(c, args, zsetRange{span: span{by: byScore}}, fixed{by: true, reverse: true})
}

func zrevrangebyscore(c *engine.Client, args engine.Args) {
	rangeReply(c, args, zsetRange{span: span{by: byScore}, reverse: true}, fixed{by: true, reverse: true})
}

func zrangebylex(c *engine.Client, args engine.Args) {
	rangeReply(c, args, zsetRange{span: span{by: byLex}}, fixed{by: true, reverse: true})
}

func zrevrangebylex(c *engine.Client, args engine.Args) {
	rangeReply(c, args, zsetRange{span: span{by: byLex}, reverse: true}, fixed{by: true, reverse: true})
}

func rangeReply(c *engine.Client, args engine.Args, r zsetRange, f fixed) {
	if !r.options(c, args[2], args[3], args[4:], f) {
		return
	}
	z, found, ok := zsetOf(c, args[1])
	switch {
	case !ok:
	case !found:
		c.Reply.Array(0)
	default:
		from, to := r.within(z)
		m := memberReply{c, r.withScores}
		m.header(to - from)
		m.all(z, from, to, r.reverse)
	}
}

// memberReply replies with members, maybe with their scores: flat in RESP2, as pairs in RESP3.
type memberReply struct {
	c      *engine.Client
	scores bool
}

// header starts the array for n members.
func (r *memberReply) header(n int) {
	if r.scores && r.c.Reply.Proto != 3 {
		n *= 2
	}
	r.c.Reply.Array(n)
}

// all replies with the members of ranks from to to-1, the last one first when reverse.
func (r *memberReply) all(z zsetView, from, to int, reverse bool) {
	if z.tree == nil || r.scores {
		z.each(from, to, reverse, r.member)
		return
	}
	at := from
	if reverse {
		at = to - 1
	}
	for cursor := z.tree.At(at); from < to; from++ { // what most ask for, without a call back for each
		r.c.Reply.Bulk(cursor.Member())
		if reverse {
			cursor.Prev()
		} else {
			cursor.Next()
		}
	}
}

func (r *memberReply) member(m packed.Elem, score float64) bool {
	if r.scores && r.c.Reply.Proto == 3 {
		r.c.Reply.Array(2)
	}
	replyElem(r.c, m)
	if r.scores {
		r.c.Reply.Double(score)
	}
	return true
}

func zrangestore(c *engine.Client, args engine.Args) {
	var r zsetRange
	if !r.options(c, args[3], args[4], args[5:], fixed{scores: true}) {
		return
	}
	e, found, ok := readOf(c, args[2], keyspace.TypeZset)
	if !ok {
		return
	}
	var dst zsetEdit
	if found {
		z := viewZset(&e)
		from, to := r.within(z)
		coming := 0 // by score or member the number is not known ahead, for redis-server
		if r.by == byRank {
			coming = to - from
		}
		dst.beginNew(c, coming, 0)
		var room [20]byte
		z.each(from, to, false, func(m packed.Elem, score float64) bool {
			dst.append(elemBytes(m, room[:]), score)
			return true
		})
	} else {
		dst.beginNew(c, 0, 0)
	}
	dst.store(args[1], "zrangestore")
}

func zcount(c *engine.Client, args engine.Args) { countRange(c, args, byScore) }

func zlexcount(c *engine.Client, args engine.Args) { countRange(c, args, byLex) }

func countRange(c *engine.Client, args engine.Args, by rangeBy) {
	s := span{by: by}
	if !s.parse(c, args[2], args[3]) {
		return
	}
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	n := 0
	if found {
		from, to := s.ranks(z, false)
		n = to - from
	}
	c.Reply.Int(int64(n))
}

func zremrangebyrank(c *engine.Client, args engine.Args) {
	removeRange(c, args, byRank, "zremrangebyrank")
}
func zremrangebyscore(c *engine.Client, args engine.Args) {
	removeRange(c, args, byScore, "zremrangebyscore")
}
func zremrangebylex(c *engine.Client, args engine.Args) {
	removeRange(c, args, byLex, "zremrangebylex")
}

func removeRange(c *engine.Client, args engine.Args, by rangeBy, event string) {
	s := span{by: by}
	if !s.parse(c, args[2], args[3]) {
		return
	}
	e, found, ok := writeOf(c, args[1], keyspace.TypeZset)
	if !ok {
		return
	}
	n := 0
	if found {
		from, to := s.ranks(viewZset(&e), false)
		if n = to - from; n > 0 {
			var z zsetEdit
			z.begin(c, e, args[1], 0, nil)
			z.delRange(from, to)
			gone := z.end()
			zsetShrunk(c, args[1], n, gone, event)
		}
	}
	c.Reply.Int(int64(n))
}
