package commands

import (
	"bytes"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/engine/list"
	"redix/engine/packed"
)

// Patterns of SORT: where an element leads to.
//
//	#                 the element itself
//	prefix*postfix    the string at the key with the element in place of the first star
//	...*...->field    that field of the hash at the key, if the field has a name
//	anything else     nothing

// sortPattern is a pattern taken apart.
type sortPattern struct {
	self, star      bool
	prefix, postfix []byte
	field           []byte // nil: none
	digits          [20]byte
}

func parseSortPattern(pattern []byte) (p sortPattern) {
	if string(pattern) == "#" {
		p.self = true
		return p
	}
	if p.prefix, p.postfix, p.star = bytes.Cut(pattern, []byte("*")); !p.star {
		return p
	}
	if key, field, found := bytes.Cut(p.postfix, []byte("->")); found && len(field) > 0 {
		p.postfix, p.field = key, field
	}
	return p
}

// lookup returns what the pattern leads to from an element: a view that lives until the next look-up.
func (p *sortPattern) lookup(c *engine.Client, element []byte) (value []byte, found bool) {
	if p.self {
		return element, true
	}
	if !p.star {
		return nil, false
	}
	key := append(c.Server().Scratch[0][:0], p.prefix...)
	key = append(append(key, element...), p.postfix...)
	c.Server().Scratch[0] = key
	e, found := c.LookupRead(key)
	switch {
	case !found:
		return nil, false
	case p.field == nil:
		if e.Type() != keyspace.TypeString {
			return nil, false
		}
		return e.Bytes(p.digits[:]), true
	case e.Type() != keyspace.TypeHash:
		return nil, false
	}
	v, found := hashGet(&e, p.field)
	return elemBytes(v, p.digits[:]), found
}

// eachListElemIn visits n elements of a list, which must exist, from element from on: views.
func eachListElemIn(e *keyspace.Entry, from, n int, visit func(v packed.Elem)) {
	listSpans(e, from, n, func(span []byte, _ int) bool {
		for pos := 0; pos < len(span); {
			var v packed.Elem
			v, pos = list.Next(span, pos)
			visit(v)
		}
		return true
	})
}
