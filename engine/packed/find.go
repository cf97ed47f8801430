// Search by value. It encodes the value searched for once and compares bytes, which the rule of one form for each value
// makes enough.

package packed

// FindPair searches a sequence of key and value in turn for a key. keyPos and valPos are where key and value begin,
// endPos is where the value ends; all are 0 when ok is false. The count of elements must be even.
func FindPair(blob, field []byte) (keyPos, valPos, endPos int, ok bool) {
	pos, end, ok := find(blob, field, 2)
	if !ok {
		return 0, 0, 0, false
	}
	return pos, end, Skip(blob, end), true
}

// Find searches all elements for s. pos and end are where it begins and ends.
func Find(blob, s []byte) (pos, end int, ok bool) {
	return find(blob, s, 1)
}

// find compares every stride-th element with an encoded form in two parts: a head (an integer whole, or the
// length of a string) and the bytes of a string. The last byte is compared before the rest: fields of one length tend
// to differ there, as in user:1, user:2.
func find(blob, s []byte, stride int) (pos, end int, ok bool) {
	var buf [16]byte
	head, body := buf[:0], s
	if n, isInt := ParseInt(s); isInt {
		head, body = AppendInt(head, n), nil
	} else {
		head = appendStringHead(head, len(s))
	}
	h, size := head[0], len(head)+len(body)
	last := head[len(head)-1]
	if len(body) > 0 {
		last = body[len(body)-1]
	}
	for pos = First(blob); pos < len(blob); {
		if blob[pos] == h && len(blob)-pos >= size && blob[pos+size-1] == last {
			at := pos + len(head)
			if string(blob[at:at+len(body)]) == string(body) && string(blob[pos:at]) == string(head) {
				return pos, pos + size, true
			}
		}
		for range stride {
			if b := blob[pos]; b <= str6Max { // the usual case, and a table read less than Skip
				pos += 1 + int(b)
			} else {
				pos = Skip(blob, pos)
			}
		}
	}
	return 0, 0, false
}
