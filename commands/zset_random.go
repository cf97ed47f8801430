package commands

import (
	"math"

	"redix/engine"
	"redix/engine/packed"
)

// ZRANDMEMBER. Ranks are drawn by lot, so every member has the same chance. By the count n asked for, of size members:
//
//	n < 0        -n independent draws
//	n >= size    all members
//	n < size     one pass that takes each member with the chance (wanted still) / (members still to come); of a tree, if
//	             less than a third is wanted, draws until n differ

func zrandmember(c *engine.Client, args engine.Args) {
	if len(args) == 2 {
		randomMember(c, args[1])
		return
	}
	n, ok := randCountArg(c, args[2])
	if !ok {
		return
	}
	r := memberReply{c, len(args) > 3}
	if len(args) > 4 || r.scores && !isWord(args[3], "withscores") {
		c.Reply.Error(errSyntax)
		return
	}
	if r.scores && (n < -math.MaxInt64/2 || n > math.MaxInt64/2) {
		c.Reply.Error(errRange)
		return
	}
	z, found, ok := zsetOf(c, args[1])
	switch {
	case !ok:
	case !found || n == 0:
		c.Reply.Array(0)
	case n < 0:
		r.repeated(z, -n)
	default:
		r.distinct(z, int(min(n, int64(z.len()))))
	}
}

// randomMember is ZRANDMEMBER without a count.
func randomMember(c *engine.Client, key []byte) {
	z, found, ok := zsetOf(c, key)
	switch {
	case !ok:
	case !found:
		c.Reply.Null()
	default:
		r := memberReply{c: c}
		i := below(c, z.len())
		z.each(i, i+1, false, r.member)
	}
}

// repeated replies with n independent choices, or an error if that gets too long.
func (r *memberReply) repeated(z zsetView, n int64) {
	const least = 6 // bytes of an empty bulk string
	mark, size := r.c.Reply.Begin(), z.len()
	if n <= maxRandomReply/least {
		r.header(int(n))
		places := z.places()
		for ; n > 0 && len(r.c.Reply.B)-mark <= maxRandomReply; n-- {
			i := below(r.c, size)
			if z.tree != nil {
				z.each(i, i+1, false, r.member)
				continue
			}
			m, at := packed.Next(z.blob, places[i])
			score, _ := scoreAt(z.blob, at)
			r.member(m, score)
		}
	}
	if n > 0 {
		r.c.Reply.B = r.c.Reply.B[:mark]
		r.c.Reply.Error(errRange)
	}
}

// places are the positions of a packed set's members.
func (z zsetView) places() []int {
	if z.tree != nil {
		return nil
	}
	places := make([]int, 0, z.len())
	for pos := packed.First(z.blob); pos < len(z.blob); {
		places = append(places, pos)
		pos = packed.Skip(z.blob, packed.Skip(z.blob, pos))
	}
	return places
}

// distinct replies with n different members, at most all.
func (r *memberReply) distinct(z zsetView, n int) {
	r.header(n)
	size := z.len()
	if z.tree != nil && n < size/3 {
		for chosen := make(map[int]bool, n); len(chosen) < n; {
			if i := below(r.c, size); !chosen[i] {
				chosen[i] = true
				z.each(i, i+1, false, r.member)
			}
		}
		return
	}
	z.each(0, size, false, func(m packed.Elem, score float64) bool {
		if n > 0 && below(r.c, size) < n {
			n--
			r.member(m, score)
		}
		size--
		return true
	})
}
