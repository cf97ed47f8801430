// retained keeps the bytes written since the last good sync, so that they can be written once more, to another file.
//
//	chunks [ 64 KiB | 64 KiB | 700 KiB | 64 KiB, part full ]      small batches are copied together,
//	              ▲ skip: bytes of the first chunk already synced   large ones are taken over as they are

package persistence

type retained struct {
	chunks [][]byte
	skip   int   // bytes at the start of chunks[0] that are synced
	size   int64 // bytes in chunks, without skip

	get func() []byte // gives an empty buffer
	put func([]byte)  // takes one back
}

// add retains p. It tells whether it took the buffer over; if not, p was copied.
func (r *retained) add(p []byte) (took bool) {
	r.size += int64(len(p))
	last := len(r.chunks) - 1
	if last >= 0 && cap(r.chunks[last])-len(r.chunks[last]) >= len(p) {
		r.chunks[last] = append(r.chunks[last], p...)
		return false
	}
	if len(p) > batchSize/4 {
		r.chunks = append(r.chunks, p)
		return true
	}
	r.chunks = append(r.chunks, append(r.get(), p...))
	return false
}

// dropBefore forgets all but the last rest bytes.
func (r *retained) dropBefore(rest int64) {
	drop := r.size - rest
	if drop <= 0 {
		return
	}
	r.size = rest
	n := 0
	for n < len(r.chunks) && drop >= int64(len(r.chunks[n])-r.skip) {
		drop -= int64(len(r.chunks[n]) - r.skip)
		r.skip = 0
		r.put(r.chunks[n])
		n++
	}
	r.skip += int(drop)
	kept := copy(r.chunks, r.chunks[n:])
	clear(r.chunks[kept:])
	r.chunks = r.chunks[:kept]
}

// each passes the retained bytes to fn, in order, until it fails.
func (r *retained) each(fn func([]byte) error) error {
	skip := r.skip
	for _, c := range r.chunks {
		if len(c) > skip {
			if err := fn(c[skip:]); err != nil {
				return err
			}
		}
		skip = 0
	}
	return nil
}
