package keyspace

import "encoding/binary"

// Object is a value that is too large for its entry's record: a Table, or a structure of another package that keeps its
// elements in blocks of the arena. The record holds the number of a handle; the handles are a slice of Objects, one
// for each large value, so the garbage collector's work does not grow with the elements.
type Object interface {
	// Bytes is the memory that the object takes, exactly as far as the arena counts it (Arena.OnHeap included). It is asked for at each
	// change while a snapshot runs.
	Bytes() int64
	// Copy returns an object with the same contents and nothing shared.
	Copy() Object
	// FreeStep gives back a part of the object's blocks, some tens of microseconds' worth; true when all are gone. It is
	// called, over and over, once no entry refers to the object.
	FreeStep() (done bool)
}

const handleBytes = 4

// SetObject gives the entry's key an object as its value, whatever it held. The entry owns it from then on.
func (db *DB) SetObject(e *Entry, key []byte, enc Encoding, o Object, deadline int64) {
	b := db.write(e, key, enc, handleBytes, deadline)
	binary.LittleEndian.PutUint32(b, db.ks.handle(o))
}

// handle returns a free handle's number, which now stands for o.
func (ks *Keyspace) handle(o Object) uint32 {
	if k := len(ks.freeNums); k > 0 {
		n := ks.freeNums[k-1]
		ks.freeNums = ks.freeNums[:k-1]
		ks.objects[n] = o
		return n
	}
	ks.objects = append(ks.objects, o)
	return uint32(len(ks.objects) - 1)
}

func (e *Entry) handleNumber() uint32 { return binary.LittleEndian.Uint32(e.b[e.valAt:]) }

// HasObject tells whether the entry's value is an Object.
func (e *Entry) HasObject() bool { return e.Encoding().hasObject() }

// Object returns the object of an entry whose encoding has one, for reading.
func (db *DB) Object(e *Entry) Object {
	return db.ks.objects[e.handleNumber()]
}

// MutableObject returns the object of an entry, to be changed.
func (db *DB) MutableObject(e *Entry) Object {
	db.ks.touchValue(e)
	return db.Object(e)
}

// DropObject frees, in slices and later, an object that no entry owns.
func (ks *Keyspace) DropObject(o Object) { ks.garbage = append(ks.garbage, garbage{obj: o}) }
