// Package persistence writes and reads the journal: the append-only file (AOF), in the multi-part layout of
// redis-server 7, so that either server loads what the other wrote.
//
//	dir/appenddirname/
//	    appendonly.aof.manifest         the list of files, in load order; replaced atomically
//	    appendonly.aof.2.base.aof       the keyspace at the moment of the last rewrite (absent before the first)
//	    appendonly.aof.5.incr.aof       commands since then; the last one is being appended to
//
// Two sides share a Journal, and bytes change owner between them in one place, HandOver:
//
//	the loop                                          the writer goroutine
//	Append ─► batch ─► HandOver ══ queue ══► write(2) ─► fdatasync ─► Wake
//	Releasable, Err, Full, Stats ◄── atomics ────────────────┘
//
// A batch holds whole records (and, since a round hands over once, whole transactions). Offsets count the bytes that
// the loop appended since the start of the process: appended >= written >= synced.
//
// # What is promised
//
//	policy     a reply may leave when     survives kill -9   survives a power cut
//	always     synced  >= its record      everything         everything
//	everysec   written >= its record      everything         all but the last second, or two on a slow disk
//	no         written >= its record      everything         what the kernel had written by itself
//
// # What a file looks like
//
// With aof-checksum yes (the default) all that one write(2) adds to an incr file stands between two comment lines, which
// carry its length, what had been synced before, and a CRC-32C that is chained from batch to batch (batch.go). Under always
// the file is longer than what it holds: comment lines of 64 bytes are written ahead, and batches over them (fill.go).
//
//	#{len,unsynced,sum\n records #}sum---\n #{len,unsynced,sum\n records #}sum-\n #-----\n#-----\n#-----\n
//	└───────────── batch ──────────────────┘└──────────── batch ─────────────────┘└── fill, under always ──┘
//
// A base file of commands is made of such batches, too (rewrite.go). Its size stands in the manifest, so that an end that is
// missing is found; one in RDB form has a checksum and an end of its own.
//
// Redis-server skips these lines, and what it writes behind them is loaded here. At load each batch is checked before one
// of its commands runs (check.go):
//
//	the batch checks                                      its commands run
//	the last batches of the last file do not, and          cut off, with a warning (aof-load-truncated yes), or refused
//	  look as a write looks that was cut short
//	a batch does not check that a later one knows to       refused, with file and offset; nothing is changed
//	  have been synced, or of which all was written
//	no marks: files of other servers                       every record runs; a torn last one is cut off or refused
//
// The manifest ends in a line with its own CRC-32C. `redix check-aof` (checkaof.go) reads a journal in the same way.
//
// # When the disk fails
//
// The writer is always in one of these states; Err is nil in the first only, and every arrow back is retried, after
// 100 ms at first and then ever more slowly up to once a second, until it succeeds:
//
//	                 write fails or is short
//	         ┌────────────────────────────────────► TORN: the file may end in half a batch
//	         │ ◄────────── truncated to the last whole batch; the unwritten batches are written again
//	         │
//	         │       fdatasync fails
//	HEALTHY ─┼────────────────────────────────────► DISTRUST: this file is never written or synced again
//	         │                                         1 a new incr file gets every byte after the last good sync
//	         │                                           (kept in memory for this) and is synced
//	         │                                         2 the manifest lists the old file up to its synced size only,
//	         │                                           and the new file after it: from here on this is the truth
//	         │ ◄───────────────────────────────────    3 the old file is truncated to that size
//	         │
//	         │       the directory cannot be synced after the manifest was renamed
//	         └────────────────────────────────────► UNSURE: the new manifest is visible, perhaps not durable
//	           ◄────────── directory synced           (nothing counts as synced meanwhile)
//
// "Up to its synced size only" is a fourth key in the manifest line (base files have it from the beginning), `size N`, which
// redis-server skips as it skips every key that it does not know. It closes the gap between steps 2 and 3: without it a crash
// there would load the records after the last good sync twice. Redis-server, which ignores the key, is right after step 3.
//
// A process that dies in one of these states leaves bytes that read well and may not be on disk, and names that may not be. So a start
// syncs the directories, and writes what no batch knows to have been synced once more in its place before it syncs the file.
//
// Fill is no reason for any of these states but by a failed sync: if it cannot be written it is cut off, none is tried for a minute,
// and batches make the file longer, as under the other policies. A batch over fill that fails takes the fill with it:
// TORN cuts the file behind the last whole batch.
//
// While the state is not HEALTHY the caller refuses writes (MISCONF), so that what is kept in memory does not grow; Full
// bounds it in any case.
package persistence
