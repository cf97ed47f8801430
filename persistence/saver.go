// Savers turn what a snapshot gives out into the bytes of a file: commands, or RDB. Both run on the loop, and do little more
// than copy; compressing, checksums and the disk are the goroutine's (see outfile.go).

package persistence

import (
	"iter"
	"strconv"
	"time"

	"redix/engine"
	"redix/engine/keyspace"
	"redix/persistence/rdb"
)

// partStep is about how many bytes of a large value are written between two looks at the clock.
const partStep = 16 << 10

// commandSaver writes the commands that make up the entries.
type commandSaver struct {
	*BaseWriter
	rebuild Rebuild
	put     func(args ...[]byte)
	db      int // of the entry that is written

	// A large value, in parts: rebuild runs as a coroutine that stops in put when a part is complete.
	next   func() (struct{}, bool)
	stop   func()
	partDB int
}

func newCommandSaver(b *BaseWriter, rebuild Rebuild) *commandSaver {
	s := &commandSaver{BaseWriter: b, rebuild: rebuild}
	s.put = func(args ...[]byte) { b.Append(s.db, args...) }
	return s
}

// Save implements keyspace.Saver.
func (s *commandSaver) Save(db int, e *keyspace.Entry) {
	s.db = db
	s.rebuild(e, s.put)
}

// errStopped unwinds a coroutine whose value is not wanted any more.
type errStopped struct{}

// SavePart implements keyspace.Saver. Commands of other entries may come between its parts.
func (s *commandSaver) SavePart(db int, e *keyspace.Entry) (done bool) {
	if s.next == nil {
		s.partDB = db
		s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
			defer func() {
				if r := recover(); r != nil && r != (errStopped{}) {
					panic(r)
				}
			}()
			written := 0
			s.rebuild(e, func(args ...[]byte) {
				s.Append(s.partDB, args...)
				for _, a := range args {
					written += len(a)
				}
				if written >= partStep {
					written = 0
					if !yield(struct{}{}) {
						panic(errStopped{})
					}
				}
			})
		})
	}
	if _, more := s.next(); more {
		return false
	}
	s.next, s.stop = nil, nil
	return true
}

// giveUp ends a coroutine that is half way.
func (s *commandSaver) giveUp() {
	if s.stop != nil {
		s.stop()
		s.next, s.stop = nil, nil
	}
}

// finish ends the file.
func (s *commandSaver) finish() { s.Finish() }

// EntryWriter writes one entry after the other in RDB format: Begin all of a small one or the head of a large one, Next about
// budget bytes more. Between Begin and the end of an entry, that entry does not change.
type EntryWriter interface {
	Begin(dst []byte, e *keyspace.Entry) (out []byte, done bool)
	Next(dst []byte, budget int) (out []byte, done bool)
}

// rdbSaver writes RDB. In the middle of a large value, other entries gather in side.
type rdbSaver struct {
	*outFile
	whole, aside EntryWriter // into cur, into side
	parts        EntryWriter
	sizes        []dbSize
	db           int // in force at the end of cur
	inPart       bool
	side         []byte
	sideSpans    []rdb.Span
	sideDB       int
}

type dbSize struct{ keys, expires int }

// sideMax is how many bytes may gather in side before changes have to wait for the large value's end.
const sideMax = 1 << 20

// newRDBSaver begins a file with the contents of ks at this moment. out is not running yet.
func newRDBSaver(out *outFile, ks *keyspace.Keyspace, o rdbOptions) *rdbSaver {
	s := &rdbSaver{outFile: out, db: noDB}
	s.whole, s.parts, s.aside = o.entries(&out.spans), o.entries(&out.spans), o.entries(&s.sideSpans)
	for i := range ks.Len() {
		s.sizes = append(s.sizes, dbSize{ks.DB(i).Len(), ks.DB(i).Expires()})
	}
	s.cur = rdb.AppendHeader(s.cur)
	aux := func(name, value string) { s.cur = rdb.AppendAux(s.cur, name, value) }
	aux("redis-ver", engine.RedisVersion)
	aux("redis-bits", strconv.Itoa(strconv.IntSize))
	aux("ctime", strconv.FormatInt(time.Now().Unix(), 10))
	aux("used-mem", strconv.FormatInt(ks.Used(), 10))
	if o.base {
		aux("aof-base", "1")
	} else {
		aux("aof-base", "0")
	}
	var crc uint64
	var short []byte
	strings := rdb.Compressor{Compress: true}
	out.encode = func(c chunk, put func(p []byte)) {
		spans := c.spans
		for from := 0; from < len(c.b); {
			to, n := min(from+pieceBytes, len(c.b)), 0
			for n < len(spans) && int(spans[n].At) < to {
				n++
			}
			if n > 0 {
				to = max(to, spans[n-1].End())
			}
			b := c.b[from:to]
			if n > 0 {
				short = strings.Recompress(short[:0], b, from, spans[:n])
				b = short
			}
			if o.checksum {
				crc = rdb.CRC64(crc, b)
			}
			put(b)
			if from, spans = to, spans[n:]; from < len(c.b) {
				giveWay()
			}
		}
	}
	out.trailer = func() []byte { return rdb.AppendChecksum(nil, crc) }
	return s
}

// rdbOptions say how a file is written.
type rdbOptions struct {
	entries  func(later *[]rdb.Span) EntryWriter
	checksum bool
	base     bool // of a journal
}

// Save implements keyspace.Saver.
func (s *rdbSaver) Save(db int, e *keyspace.Entry) {
	if !s.inPart {
		s.selectDB(db)
		s.cur = appendWhole(s.whole, s.cur, e)
		s.pass()
		return
	}
	if db != s.sideDB {
		s.side = rdb.AppendSelectDB(s.side, db)
		s.sideDB = db
	}
	s.side = appendWhole(s.aside, s.side, e)
}

func (s *rdbSaver) selectDB(db int) {
	if db != s.db {
		s.cur = rdb.AppendSelectDB(s.cur, db)
		if n := &s.sizes[db]; n.keys > 0 { // the first time: a hint for whoever loads the file
			s.cur = rdb.AppendResizeDB(s.cur, n.keys, n.expires)
			*n = dbSize{}
		}
		s.db = db
	}
}

func appendWhole(w EntryWriter, dst []byte, e *keyspace.Entry) []byte {
	dst, done := w.Begin(dst, e)
	for !done {
		dst, done = w.Next(dst, chunkBytes)
	}
	return dst
}

// SavePart implements keyspace.Saver.
func (s *rdbSaver) SavePart(db int, e *keyspace.Entry) (done bool) {
	if s.inPart {
		s.cur, done = s.parts.Next(s.cur, partStep)
	} else {
		s.selectDB(db)
		s.cur, done = s.parts.Begin(s.cur, e)
		s.sideDB = db
	}
	s.inPart = !done
	if done && len(s.side) > 0 {
		for _, sp := range s.sideSpans {
			sp.At += uint32(len(s.cur))
			s.spans = append(s.spans, sp)
		}
		s.cur = append(s.cur, s.side...)
		s.sideSpans = s.sideSpans[:0]
		s.db = s.sideDB
		if s.side = s.side[:0]; cap(s.side) > 2*sideMax {
			s.side = nil
		}
	}
	s.pass()
	return done
}

// Crowded implements keyspace.Saver.
func (s *rdbSaver) Crowded() bool { return len(s.side) >= sideMax || s.outFile.Crowded() }

// Buffered is the memory that it takes for bytes on their way, at present.
func (s *rdbSaver) Buffered() int64 { return s.outFile.Buffered() + int64(cap(s.side)) }

func (s *rdbSaver) giveUp() {}

// finish ends the file.
func (s *rdbSaver) finish() {
	s.cur = rdb.AppendEOF(s.cur)
	s.Finish()
}
