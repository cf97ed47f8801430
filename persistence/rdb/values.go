package rdb

import (
	"encoding/binary"
	"math"
	"strconv"
)

// kinds tells what each Type is; Kinds for one that is not known.
func (t Type) kind() Kind {
	switch t {
	case TypeString:
		return KindString
	case TypeList, TypeListZiplist, TypeListQuicklist, TypeListQuicklist2:
		return KindList
	case TypeSet, TypeSetIntset, TypeSetListpack:
		return KindSet
	case TypeZset, TypeZset2, TypeZsetZiplist, TypeZsetListpack:
		return KindZset
	case TypeHash, TypeHashZipmap, TypeHashZiplist, TypeHashListpack, TypeHashTTL, TypeHashTTLPre, TypeHashListpackTTL, TypeHashListpackPre:
		return KindHash
	case TypeStream, TypeStream2, TypeStream3:
		return KindStream
	}
	return Kinds
}

// value reads the value of the key in it, which has been begun at an offset.
func (r *Reader) value(at int64, t Type) error {
	kind := t.kind()
	if kind == Kinds {
		if t == TypeModulePre || t == TypeModule {
			return r.fail(at, "a value of a module (type %d); modules cannot be loaded here", t)
		}
		return r.fail(at, "unknown type %d of a value", t)
	}
	r.it.Kind = kind
	r.inform.Keys[kind]++
	if r.it.DeadlineMs != 0 {
		r.inform.Expires[kind]++
	}
	switch t {
	case TypeString:
		return r.stringValue()
	case TypeStream, TypeStream2, TypeStream3:
		return r.streamValue(t)
	case TypeListQuicklist, TypeListQuicklist2:
		return r.quicklist(t)
	case TypeList, TypeSet, TypeZset, TypeZset2, TypeHash:
		return r.plainValue(t)
	case TypeHashTTL, TypeHashTTLPre:
		return r.hashTTL(t)
	}
	return r.blobValue(t)
}

// begin passes the key on, with its number of elements as far as that is told, and makes it ready for the elements.
func (r *Reader) begin(n uint64) error {
	r.it.Op, r.it.N = OpKey, n
	if err := r.emit(); err != nil {
		return err
	}
	r.it = Item{Kind: r.it.Kind, Type: r.it.Type, Offset: r.it.Offset}
	return nil
}

func (r *Reader) finish() error {
	r.it.Op, r.it.Name, r.it.Data, r.it.Fields = OpEnd, nil, nil, nil
	return r.emit()
}

// stringValue passes a string on as it arrives.
func (r *Reader) stringValue() error {
	at := r.Offset()
	n, plain, err := r.length()
	if err != nil {
		return err
	}
	if !plain || n <= partBytes {
		if plain {
			r.it.Data, err = r.bytes(at, n)
		} else {
			r.it.Data, err = r.specialString(at, byte(n))
		}
		if err != nil {
			return err
		}
		r.it.Op, r.it.N = OpKey, uint64(len(r.it.Data))
		return r.emit()
	}
	if n > maxString {
		return r.fail(at, "a string of %d bytes", n)
	}
	r.it.Op, r.it.N, r.it.More = OpKey, n, true
	for n > 0 {
		b, err := r.take(int(min(n, partBytes)))
		if err != nil {
			return err
		}
		n -= uint64(len(b))
		r.it.Data, r.it.More = b, n > 0
		if err := r.emit(); err != nil {
			return err
		}
		r.it = Item{Op: OpPart, Offset: r.it.Offset}
	}
	return nil
}

// plainValue reads a value whose elements are strings of their own.
func (r *Reader) plainValue(t Type) error {
	n, err := r.count()
	if err != nil {
		return err
	}
	if err := r.begin(n); err != nil {
		return err
	}
	for ; n > 0; n-- {
		r.it.Offset = r.Offset()
		b, err := r.string()
		if err != nil {
			return err
		}
		switch t {
		case TypeList, TypeSet:
			r.it.Op, r.it.Data = OpElem, b
		case TypeHash:
			r.it.Op, r.it.Name = OpField, r.keep(b)
			r.it.Data, err = r.string()
		default:
			r.it.Op, r.it.Name = OpMember, r.keep(b)
			r.it.Score, err = r.score(t)
		}
		if err != nil {
			return err
		}
		if err := r.emit(); err != nil {
			return err
		}
	}
	return r.finish()
}

// score reads the score of a member of a plain sorted set.
func (r *Reader) score(t Type) (float64, error) {
	at := r.Offset()
	var score float64
	if t == TypeZset2 {
		bits, err := r.uint64()
		if err != nil {
			return 0, err
		}
		score = math.Float64frombits(bits)
	} else {
		n, err := r.byte()
		if err != nil {
			return 0, err
		}
		switch n {
		case 253:
			score = math.NaN()
		case 254:
			score = math.Inf(1)
		case 255:
			score = math.Inf(-1)
		default:
			b, err := r.take(int(n))
			if err != nil {
				return 0, err
			}
			if score, err = parseScore(b); err != nil {
				return 0, r.fail(at, "a score of %q", b)
			}
		}
	}
	if math.IsNaN(score) {
		return 0, r.fail(at, "a score that is no number")
	}
	return score, nil
}

// parseScore reads digits, as printf's %.17g or older servers' %.0f writes them.
func parseScore(b []byte) (float64, error) {
	for _, c := range b {
		if c == '_' || c == 'x' || c == 'X' || c == 'p' || c == 'P' { // what Go reads and C does not, or nobody writes
			return 0, strconv.ErrSyntax
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil && math.IsInf(f, 0) { // out of range: as strtod
		return f, nil
	}
	return f, err
}

// hashTTL reads a hash whose fields may have times to live; it is taken only if none has.
func (r *Reader) hashTTL(t Type) error {
	if t == TypeHashTTL {
		if _, err := r.uint64(); err != nil { // the first of all times
			return err
		}
	}
	n, err := r.count()
	if err != nil {
		return err
	}
	if err := r.begin(n); err != nil {
		return err
	}
	for ; n > 0; n-- {
		r.it.Offset = r.Offset()
		ttl, err := r.count()
		if err != nil {
			return err
		}
		if ttl != 0 {
			return r.fail(r.it.Offset, "%s", fieldTTL)
		}
		field, err := r.string()
		if err != nil {
			return err
		}
		r.it.Op, r.it.Name = OpField, r.keep(field)
		if r.it.Data, err = r.string(); err != nil {
			return err
		}
		if err := r.emit(); err != nil {
			return err
		}
	}
	return r.finish()
}

const fieldTTL = "a hash field with a time to live, which cannot be kept here"

// quicklist reads a list of nodes.
func (r *Reader) quicklist(t Type) error {
	n, err := r.count()
	if err != nil {
		return err
	}
	if err := r.begin(0); err != nil {
		return err
	}
	for ; n > 0; n-- {
		container := uint64(containerPack)
		at := r.Offset()
		if t == TypeListQuicklist2 {
			if container, err = r.count(); err != nil {
				return err
			}
		}
		r.it.Offset = r.Offset()
		b, err := r.string()
		switch {
		case err != nil:
		case len(b) == 0: // also where it would be an empty element: redis-server never writes one as a node of its own
			err = r.fail(at, "a node without bytes")
		case container == containerPlain:
			r.it.Op, r.it.Data = OpElem, b
			err = r.emit()
		case container != containerPack:
			err = r.fail(at, "unknown container %d of a node", container)
		case t == TypeListQuicklist2:
			err = r.elements(walkListpack, b, 1)
		default:
			err = r.elements(walkZiplist, b, 1)
		}
		if err != nil {
			return err
		}
	}
	return r.finish()
}

// A walk visits the elements of a blob, until visit returns an error; what is wrong with the blob itself it returns as a
// Wrong. Elements die when visit returns.
type walk func(r *Reader, blob []byte, visit func(v []byte) error) error

// blobValue reads a collection that is one blob.
func (r *Reader) blobValue(t Type) error {
	if t == TypeHashListpackTTL {
		if _, err := r.uint64(); err != nil {
			return err
		}
	}
	at := r.Offset()
	b, err := r.string()
	if err != nil {
		return err
	}
	if err := r.begin(0); err != nil {
		return err
	}
	r.it.Offset = at
	switch t {
	case TypeHashZipmap:
		err = r.elements(walkZipmap, b, 2)
	case TypeListZiplist:
		err = r.elements(walkZiplist, b, 1)
	case TypeZsetZiplist, TypeHashZiplist:
		err = r.elements(walkZiplist, b, 2)
	case TypeSetIntset:
		err = r.elements(walkIntset, b, 1)
	case TypeSetListpack:
		err = r.elements(walkListpack, b, 1)
	case TypeHashListpackTTL, TypeHashListpackPre:
		err = r.elements(walkListpack, b, 3)
	default:
		err = r.elements(walkListpack, b, 2)
	}
	if err != nil {
		return err
	}
	return r.finish()
}

// elements passes on what is in a blob, whose elements come in groups: one, field and value, or field, value and deadline.
func (r *Reader) elements(w walk, blob []byte, group int) error {
	i := 0
	err := w(r, blob, func(v []byte) error {
		i++
		switch {
		case group == 1:
			r.it.Op, r.it.Data = OpElem, v
			return r.emit()
		case i%group == 1:
			r.it.Name = r.keep(v)
			return nil
		case i%group == 2 || group == 2:
			return r.paired(v, group)
		}
		if string(v) != "0" {
			return Wrong(fieldTTL)
		}
		r.it.Op = OpField
		return r.emit()
	})
	switch {
	case err != nil:
	case i%group != 0:
		err = Wrong("an element without its value")
	}
	if wrong, ok := err.(Wrong); ok {
		return r.fail(r.it.Offset, "%s", string(wrong))
	}
	return err
}

// paired deals with what follows a field or member.
func (r *Reader) paired(v []byte, group int) error {
	if r.it.Kind == KindZset {
		score, err := parseScore(v)
		if err != nil || math.IsNaN(score) {
			return Wrong("a score of " + strconv.Quote(string(v)))
		}
		r.it.Op, r.it.Score = OpMember, score
		return r.emit()
	}
	r.it.Op, r.it.Data = OpField, v
	if group == 3 { // the deadline is to come
		r.it.Data = append([]byte(nil), v...)
		return nil
	}
	return r.emit()
}

// walkIntset reads: width (4) | count (4) | integers, ascending.
func walkIntset(r *Reader, b []byte, visit func(v []byte) error) error {
	if len(b) < intsetHead {
		return Wrong("an intset that is cut short")
	}
	width, n := binary.LittleEndian.Uint32(b), uint64(binary.LittleEndian.Uint32(b[4:]))
	b = b[intsetHead:]
	if width != 2 && width != 4 && width != 8 || n*uint64(width) != uint64(len(b)) {
		return Wrong("an intset whose size is not that of its integers")
	}
	for last := int64(math.MinInt64); len(b) > 0; b = b[width:] {
		var v int64
		switch width {
		case 2:
			v = int64(int16(binary.LittleEndian.Uint16(b)))
		case 4:
			v = int64(int32(binary.LittleEndian.Uint32(b)))
		default:
			v = int64(binary.LittleEndian.Uint64(b))
		}
		if v <= last && !(v == math.MinInt64 && uint64(len(b)) == n*uint64(width)) {
			return Wrong("an intset that is not ascending")
		}
		last = v
		if err := visit(strconv.AppendInt(r.digits[:0], v, 10)); err != nil {
			return err
		}
	}
	return nil
}

// walkZipmap reads a zipmap:
//
//	count (1; 254: not known) | length | field | length | free (1) | value | free bytes | ... | FFh
//
// A length is a byte up to 253, or 254 and four bytes.
func walkZipmap(_ *Reader, b []byte, visit func(v []byte) error) error {
	bad := Wrong("a zipmap that makes no sense")
	if len(b) < 2 || b[len(b)-1] != 0xff {
		return bad
	}
	count := int(b[0])
	b = b[1:]
	for n := 0; ; n++ {
		if b[0] == 0xff {
			if len(b) != 1 || n%2 != 0 || count < 254 && n/2 != count {
				return bad
			}
			return nil
		}
		size, head := int(b[0]), 1
		if size == 254 {
			if len(b) < 5 {
				return bad
			}
			size, head = int(binary.LittleEndian.Uint32(b[1:])), 5
		}
		free := 0
		if n%2 == 1 {
			if len(b) <= head {
				return bad
			}
			free = int(b[head])
			head++
		}
		if len(b)-head <= size+free { // the end is still to come
			return bad
		}
		if err := visit(b[head : head+size : head+size]); err != nil {
			return err
		}
		b = b[head+size+free:]
	}
}

// walkZiplist reads a ziplist:
//
//	bytes of all (4) | offset of the last entry (4) | entries (2, FFFFh: not known) | entry | entry | ... | FFh
//
//	entry   size of the entry before (1, or FEh and 4) | head | body
//	head    00llllll                string of l bytes
//	        01llllll l              string of up to 16,383 bytes
//	        10...... llll           string, its length in 4 bytes, big endian
//	        C0h, D0h, E0h, F0h, FEh integer of 2, 4, 8, 3, 1 bytes
//	        1111vvvv                integer v-1, v from 1 to 13
func walkZiplist(r *Reader, b []byte, visit func(v []byte) error) error {
	const head = 10
	bad := Wrong("a ziplist that makes no sense")
	if len(b) < head+1 || uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) || b[len(b)-1] != 0xff {
		return bad
	}
	tail, count := int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint16(b[8:]))
	pos, before, last, n := head, 0, head, 0
	for ; pos < len(b)-1; n++ {
		start := pos
		size := int(b[pos])
		pos++
		if size == 254 {
			if len(b)-1-pos < 4 {
				return bad
			}
			size = int(binary.LittleEndian.Uint32(b[pos:]))
			pos += 4
		}
		if size == 255 && pos == start+1 || size != before {
			return bad
		}
		v, next, ok := ziplistEntry(r, b[:len(b)-1], pos)
		if !ok {
			return bad
		}
		if err := visit(v); err != nil {
			return err
		}
		before, last, pos = next-start, start, next
	}
	if last != tail || count != math.MaxUint16 && count != n {
		return bad
	}
	return nil
}

// ziplistEntry reads head and body of the entry at pos.
func ziplistEntry(r *Reader, b []byte, pos int) (v []byte, next int, ok bool) {
	rest := b[pos:]
	if len(rest) == 0 {
		return nil, 0, false
	}
	h := rest[0]
	head, size, isString := 1, 0, true
	switch {
	case h < 0x40:
		size = int(h)
	case h < 0x80:
		if len(rest) < 2 {
			return nil, 0, false
		}
		head, size = 2, int(h&0x3f)<<8|int(rest[1])
	case h < 0xc0:
		if len(rest) < 5 {
			return nil, 0, false
		}
		head, size = 5, int(binary.BigEndian.Uint32(rest[1:]))
	default:
		isString = false
		if size = ziplistInt(h); size < 0 {
			return nil, 0, false
		}
	}
	if size > len(rest)-head {
		return nil, 0, false
	}
	next = pos + head + size
	body := rest[head : head+size : head+size]
	switch {
	case isString:
		return body, next, true
	case size == 0:
		return strconv.AppendInt(r.digits[:0], int64(h&0x0f)-1, 10), next, true
	}
	return strconv.AppendInt(r.digits[:0], signed(body), 10), next, true
}

// ziplistInt is how many bytes follow a head, -1 if it is none of an integer.
func ziplistInt(h byte) int {
	switch h {
	case 0xc0:
		return 2
	case 0xd0:
		return 4
	case 0xe0:
		return 8
	case 0xf0:
		return 3
	case 0xfe:
		return 1
	case 0xff:
		return -1
	}
	if h > 0xf0 {
		return 0
	}
	return -1
}

// signed reads a little-endian integer of 1 to 8 bytes.
func signed(b []byte) int64 {
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	shift := 64 - 8*len(b)
	return int64(v<<shift) >> shift
}
