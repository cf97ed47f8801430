package commands_test

// What loading takes: REDIX_LOAD_KEYS keys (a million by default) of 16 bytes with values of 128.
//
//	go test ./commands -run '^$' -bench RDBLoad -benchtime 1x

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"redix/commands"
	"redix/commands/servertest"
	"redix/persistence"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// writeStrings writes a snapshot of n strings, values of size bytes.
func writeStrings(tb testing.TB, path string, n, size int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	crc := uint64(0)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = 'a' + byte(rng.IntN(26))
	}
	b := rdb.AppendResizeDB(rdb.AppendSelectDB(rdb.AppendHeader(nil), 0), n, 0)
	flush := func() {
		crc = rdb.CRC64(crc, b)
		if _, err := w.Write(b); err != nil {
			tb.Fatal(err)
		}
		b = b[:0]
	}
	for i := range n {
		at := rng.IntN(len(noise) - size)
		b = rdb.AppendString(rdb.AppendType(b, rdb.TypeString), fmt.Appendf(nil, "key:%012d", i))
		b = rdb.AppendString(b, noise[at:at+size])
		if len(b) > 1<<19 {
			flush()
		}
	}
	b = rdb.AppendEOF(b)
	flush()
	b = rdb.AppendChecksum(b, crc)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkRDBLoad(b *testing.B) {
	n := 1_000_000
	if s := os.Getenv("REDIX_LOAD_KEYS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	path := filepath.Join(b.TempDir(), "dump.rdb")
	writeStrings(b, path, n, 128)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			f, _ := os.Open(path)
			if err := rdb.NewReader(f).Read(func(*rdb.Item) error { return nil }); err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/key")
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			l := servertest.NewLocal(b)
			start := time.Now()
			load, err := persistence.OpenRDB(persistence.RDBOptions{FS: vfs.OS{}, Path: path, Checksum: true,
				Builder: commands.NewEntryBuilder(l.Engine, false, false), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
			if err != nil {
				b.Fatal(err)
			}
			for done := false; !done; {
				if done, err = load.Step(64); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(n), "ns/key")
			if got := l.Engine.Keyspace.DB(0).Len(); got != n {
				b.Fatalf("%d keys, want %d", got, n)
			}
		}
	})
}
