package commands

import (
	"strconv"

	"redix/engine"
	"redix/engine/resp"
)

// Positions: sorted sets whose scores are cells of the earth (geo_hash.go). Searches are in geo_search.go.

// positionArg reads a longitude and a latitude.
func positionArg(c *engine.Client, lon, lat []byte) (p position, ok bool) {
	var okLon, okLat bool
	p.lon, okLon = resp.ParseFloat(lon)
	p.lat, okLat = resp.ParseFloat(lat)
	switch {
	case !okLon || !okLat:
		c.Reply.Error(errNotFloat)
	case !p.valid():
		c.Reply.Errorf("ERR invalid longitude,latitude pair %s,%s", fixed6(p.lon), fixed6(p.lat))
	default:
		return p, true
	}
	return p, false
}

// fixed6 prints a float as C's %f.
func fixed6(f float64) string {
	switch {
	case f > maxFinite:
		return "inf"
	case f < -maxFinite:
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

const maxFinite = 0x1p1023 * (1 + (1 - 0x1p-52))

// lengthUnitArg reads a unit of length; it returns its meters.
func lengthUnitArg(c *engine.Client, arg []byte) (meters float64, ok bool) {
	switch {
	case isWord(arg, "m"):
		return 1, true
	case isWord(arg, "km"):
		return 1000, true
	case isWord(arg, "ft"):
		return 0.3048, true
	case isWord(arg, "mi"):
		return 1609.34, true
	}
	c.Reply.Error("ERR unsupported unit provided. please use M, KM, FT, MI")
	return 0, false
}

// geoadd is journalled as ZADD with the scores of the positions.
func geoadd(c *engine.Client, args engine.Args) {
	var f zaddFlags
	at := 2
	for at < len(args) && (isWord(args[at], "nx") || isWord(args[at], "xx") || isWord(args[at], "ch")) {
		f.option(args[at])
		at++
	}
	triples := args[at:]
	if len(triples)%3 != 0 || len(triples) == 0 || f.nx && f.xx {
		c.Reply.Error(errSyntax)
		return
	}
	n := len(triples) / 3
	scores, pairs := make([]float64, 0, n), make([][]byte, 0, at+2*n)
	pairs = append(append(pairs, wordZAdd), args[1:at]...)
	for i := 0; i < len(triples); i += 3 {
		p, ok := positionArg(c, triples[i], triples[i+1])
		if !ok {
			return
		}
		score := scoreOf(p)
		scores = append(scores, score)
		pairs = append(pairs, strconv.AppendUint(nil, uint64(score), 10), triples[i+2])
	}
	if zaddPairs(c, args[1], scores, pairs[at:], &f) > 0 {
		c.PropagateArgs(c.DB, pairs)
	}
}

// position looks up a member's position.
func (z zsetView) position(member []byte) (position, bool) {
	score, ok := z.score(member)
	return positionOf(score), ok
}

func geopos(c *engine.Client, args engine.Args) {
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, member := range args[2:] {
		if found {
			if p, has := z.position(member); has {
				replyPosition(c, p)
				continue
			}
		}
		c.Reply.NullArray()
	}
}

func replyPosition(c *engine.Client, p position) {
	c.Reply.Array(2)
	replyDegrees(c, p.lon)
	replyDegrees(c, p.lat)
}

// replyDegrees replies with 17 decimal places, less the zeros at their end.
func replyDegrees(c *engine.Client, f float64) {
	var room [32]byte
	text := resp.AppendHumanFloat(room[:0], f)
	if c.Reply.Proto != 3 {
		c.Reply.Bulk(text)
		return
	}
	r := c.Reply
	r.B = append(r.B, ',')
	r.B = append(r.B, text...)
	r.B = append(r.B, '\r', '\n')
}

// replyDistance replies with meters in a unit, with four decimal places.
func replyDistance(c *engine.Client, f float64) {
	var room [32]byte
	c.Reply.Bulk(strconv.AppendFloat(room[:0], f, 'f', 4, 64))
}

func geodist(c *engine.Client, args engine.Args) {
	unit := 1.0
	if len(args) > 5 {
		c.Reply.Error(errSyntax)
		return
	}
	if len(args) == 5 {
		var ok bool
		if unit, ok = lengthUnitArg(c, args[4]); !ok {
			return
		}
	}
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	if found {
		a, okA := z.position(args[2])
		b, okB := z.position(args[3])
		if okA && okB {
			replyDistance(c, distance(a, b)/unit)
			return
		}
	}
	c.Reply.Null()
}

const geoAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// geohash replies with the usual geohash text, whose latitudes go to 90 degrees: of its 11 letters 52 bits are known, the last
// letter is always 0.
func geohash(c *engine.Client, args engine.Args) {
	z, found, ok := zsetOf(c, args[1])
	if !ok {
		return
	}
	c.Reply.Array(len(args) - 2)
	for _, member := range args[2:] {
		p, has := position{}, false
		if found {
			p, has = z.position(member)
		}
		if !has {
			c.Reply.Null()
			continue
		}
		bits := cellAt(p, geoBits, 90).bits
		var text [11]byte
		for i := range text[:10] {
			text[i] = geoAlphabet[bits>>(52-5*(i+1))&31]
		}
		text[10] = '0'
		c.Reply.Bulk(text[:])
	}
}
