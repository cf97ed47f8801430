package commands

// Digests: redis-server's own, so that data can be compared between the two servers. All is SHA-1, and two ways to take
// something into a digest D of 20 bytes:
//
//	add(x)   D = D xor SHA1(x)            order does not matter
//	mix(x)   D = SHA1(D xor SHA1(x))      order matters
//
//	value    mix(type as 4 bytes, big endian), then
//	         string: mix(bytes)
//	         list:   for each element: mix(element)
//	         set:    for each member: add(member)
//	         hash:   for each field: add(F), where F has mixed field, then value
//	         zset:   for each member: add(M), where M has mixed member, then score in digits
//	         stream: for each entry: mix("ms.seq"), then for each field mix(name), mix(value)
//	         and with a deadline: add("!!expire!!")
//	key      mix(key), then the same as for a value
//	all      for each database that has keys: mix(its number as 4 bytes), then for each key: add(digest of the key)

import (
	"crypto/sha1" // the algorithm is given
	"encoding/binary"
	"encoding/hex"

	"redix/engine/keyspace"
	"redix/engine/packed"
	"redix/engine/resp"
)

// digest is what data comes down to.
type digest [sha1.Size]byte

func (d *digest) add(b []byte) {
	for i, x := range sha1.Sum(b) {
		d[i] ^= x
	}
}

func (d *digest) mix(b []byte) {
	d.add(b)
	*d = sha1.Sum(d[:])
}

func (d *digest) mixNumber(n uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	d.mix(b[:])
}

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

// digestTypes are redis-server's numbers of the types.
var digestTypes = [...]uint32{keyspace.TypeString: 0, keyspace.TypeList: 1, keyspace.TypeSet: 2, keyspace.TypeZset: 3,
	keyspace.TypeHash: 4, keyspace.TypeStream: 6}

var digestExpires = []byte("!!expire!!")

// value takes in an entry but for its key.
func (d *digest) value(e *keyspace.Entry) {
	var scratch, scratch2 [20]byte
	d.mixNumber(digestTypes[e.Type()])
	switch e.Type() {
	case keyspace.TypeString:
		d.mix(e.Bytes(scratch[:]))
	case keyspace.TypeHash:
		eachField(e, func(field, value packed.Elem) {
			var f digest
			f.mix(elemBytes(field, scratch[:0]))
			f.mix(elemBytes(value, scratch2[:0]))
			d.add(f[:])
		})
	case keyspace.TypeList:
		eachListElem(e, func(v packed.Elem) { d.mix(elemBytes(v, scratch[:0])) })
	case keyspace.TypeSet:
		eachMember(e, func(m packed.Elem) bool {
			d.add(elemBytes(m, scratch[:0]))
			return true
		})
	}
	if e.Type() == keyspace.TypeZset {
		d.zset(e)
	}
	if e.Type() == keyspace.TypeStream {
		d.stream(e)
	}
	if e.Deadline() != 0 {
		d.add(digestExpires)
	}
}

func (d *digest) zset(e *keyspace.Entry) {
	var scratch, digits [32]byte
	z := viewZset(e)
	z.each(0, z.len(), false, func(m packed.Elem, score float64) bool {
		var f digest
		f.mix(elemBytes(m, scratch[:0]))
		f.mix(resp.AppendDouble(digits[:0], score))
		d.add(f[:])
		return true
	})
}

// dataDigest is the digest of all databases. Keys whose time is over do not count, whether or not they are still there.
func dataDigest(ks *keyspace.Keyspace) (all digest) {
	for i := range ks.Len() {
		db := ks.DB(i)
		if db.Len() == 0 {
			continue
		}
		all.mixNumber(uint32(i))
		visit := func(e *keyspace.Entry) {
			if at := e.Deadline(); at != 0 && at <= ks.NowMs {
				return
			}
			var d digest
			d.mix(e.Key())
			d.value(e)
			all.add(d[:])
		}
		for cursor := db.Scan(0, digestStep, visit); cursor != 0; {
			cursor = db.Scan(cursor, digestStep, visit)
		}
	}
	return all
}

// digestStep is how many entries one step of a scan visits.
const digestStep = 512
