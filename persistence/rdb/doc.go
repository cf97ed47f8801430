// Package rdb writes and reads the snapshot format of Redis. It knows bytes, not keys: nothing here refers to a keyspace.
//
//	file     "REDIS" version (4 digits) | item | item | ... | FFh | CRC64 (8 bytes; from version 5 on)
//
//	item     FAh name value       AUX: who wrote the file, when; unknown names are passed over
//	         FEh n                SELECTDB: keys that follow are in database n
//	         FBh keys expires     RESIZEDB: so many keys and deadlines are to come in this database
//	         [deadline] [idle | freq] type key value
//	         F5h, F6h string      functions;   F7h ... module data;   F4h n n n   slot of a cluster
//
//	deadline FCh milliseconds (8 bytes), or FDh seconds (4 bytes), of Unix time
//	idle     F8h n, seconds since the last access;   freq   F9h byte, of the LFU counter
//
// Integers of fixed size are little endian, except in a length:
//
//	n        00xxxxxx                        6 bits
//	         01xxxxxx xxxxxxxx               14 bits
//	         80h and 4 bytes, big endian     32 bits
//	         81h and 8 bytes, big endian     64 bits
//	string   n, n bytes
//	         C0h, C1h, C2h and 1, 2, 4 bytes     the digits of a signed integer
//	         C3h n m, n bytes                    m bytes, compressed with LZF (lzf.go)
//
// The types of values, and who writes them:
//
//	 0 string      string                                             all
//	 1 list        n, n strings                                       up to 3.0; this package
//	 2 set         n, n strings                                       all
//	 3 zset        n, n (string, score in digits)                     up to 3.2
//	 4 hash        n, n (string, string)                              all
//	 5 zset        n, n (string, score as 8 bytes)                    from 4.0 on
//	 9 hash        a zipmap in a string                               up to 2.4
//	10 list        a ziplist in a string                              up to 3.0
//	11 set         an intset in a string                              all
//	12 zset        a ziplist in a string: member, score, ...          up to 6.2; this package
//	13 hash        a ziplist in a string: field, value, ...           up to 6.2; this package
//	14 list        n, n ziplists                                      3.2 to 6.2; this package
//	15 stream      nodes, ids, groups (see stream.go)                 from 5.0 on
//	16 hash        a listpack in a string                             from 7.0 on
//	17 zset        a listpack in a string                             from 7.0 on
//	18 list        n, n (1, string | 2, listpack)                     from 7.0 on
//	19 stream      and first, deleted, added, read                    7.0
//	20 set         a listpack in a string                             from 7.2 on
//	21 stream      and when consumers were active                     from 7.2 on
//	22..25 hash    with times to live of fields                       from 7.4 on
//	 6, 7          values of modules: not read
//
// A value as DUMP gives it is type | value | version (2 bytes) | CRC64 of all before (8 bytes).
//
// # What is written
//
// Version 9 with types that redis-server 5 knows, most in their plain forms: what loads such a value makes the encoding that
// suits it. Small hashes, sorted sets and lists may be ziplists, which compress better (ZiplistWriter). Streams are of the
// first type that loses nothing, see StreamType.
//
// # What is read
//
// Versions 1 to 12: Redis 2.6 to 7.4 and Valkey up to 8. Input is not trusted: a length is believed as far as bytes
// arrive, blobs are checked byte by byte, and what makes no sense is an error with an offset. That no member, field or key
// comes twice is for the receiver to see.
//
// Sources of facts: rdb.h, rdb.c, ziplist.c, listpack.c, intset.c, zipmap.c and t_stream.c of Redis 7.2; the layouts are
// described in their first comments. CRC64 is the one of the Jones polynomial, reflected, from 0 and with nothing added.
package rdb
