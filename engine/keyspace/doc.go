// Package keyspace holds every key, value and deadline outside the Go heap.
//
// Terms, from the outside in:
//
//	Keyspace   16 databases over one arena; the loop sets its clock once a round
//	DB         an index of keys, a timer wheel of deadlines
//	Index      extendible hashing: a directory of segments; maps a hash to a Ref
//	Table      a large hash: an Index of field records
//	Arena      slabs of blocks; a block is named by its Ref (36 bits, in 4-byte units)
//	record     the bytes of one key with its value, or of one field of a Table
//
//	 hash of key ─► directory ─► segment ─► slot ─────► record
//	                [top bits]   [64 buckets  [ref,tag]   [header|links|key|value]
//	                              of 8 slots]
//
// What follows from this layout:
//
//   - The garbage collector has nothing to scan: slabs come from mmap, slots and links are integers. Only the
//     directory (one pointer for some 300 keys) and the Tables are Go objects.
//   - Growth is bounded: a full segment splits alone (4 KiB moved), the directory doubles by copying pointers.
//   - The order of the hash's top bits never changes for a key. SCAN cursors are positions in that order, so splits,
//     merges and moved records cannot make a scan miss a key that was there all the time (see Index.Scan).
//   - A record holds its key and its deadline, so it can be moved by whoever finds its slot.
//
// Every change of an entry passes DB.write, DB.Resize, DB.Writable, DB.SetDeadline, DB.Delete or the Table methods
// reached through DB.MutableTable; each calls Keyspace.touch or touchValue first. That is the choke point.
//
// Nothing here locks, reads a clock, or knows of commands and files. Entries, and slices taken from them, are views:
// they die at the next change of the keyspace.
package keyspace
