// Replay of whole, torn and damaged files.

package persistence

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"redix/engine/seeds"
	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

// files makes a directory with the given incr files.
func files(t testing.TB, contents ...string) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.MkdirAll("/aofdir", 0o755); err != nil {
		t.Fatal(err)
	}
	var man manifest
	for i, c := range contents {
		f := listed{name: fmt.Sprintf("a.aof.%d.incr.aof", i+1), seq: int64(i + 1), kind: typeIncr, size: -1}
		man.incr = append(man.incr, f)
		store(t, mem, f.name, c)
	}
	store(t, mem, "a.aof.manifest", string(man.encode(true)))
	return mem
}

func store(t testing.TB, fsys vfs.FS, name, data string) {
	t.Helper()
	if _, err := vfs.WriteFile(fsys, "/aofdir/tmp", "/aofdir/"+name, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

// replayed gives what a directory holds, one "db words" per command.
func replayed(fsys vfs.FS, loadTruncated bool) ([]string, Result, error) {
	opts := testOptions(fsys, "/", Always)
	opts.LoadTruncated = loadTruncated
	_, plan, err := Open(opts)
	if err != nil {
		return nil, Result{}, err
	}
	var got []string
	res, err := Replay(plan, func(db int, args [][]byte) error {
		got = append(got, fmt.Sprintf("%d %s", db, joined(args)))
		return nil
	}, nil)
	return got, res, err
}

func frame(words string) string {
	var args [][]byte
	for _, w := range strings.Fields(words) {
		args = append(args, []byte(w))
	}
	return string(appendFrame(nil, args))
}

func TestReplay(t *testing.T) {
	long := strings.Repeat("x", 3*blockBody)
	a, b := frame("SET a 1"), frame("SET b 2")
	for _, c := range []struct {
		name  string
		files []string
		want  []string
		err   string // part of it
		cut   int64  // bytes dropped
	}{
		{name: "empty file", files: []string{""}},
		{name: "two files", files: []string{frame("select 3") + a, b}, want: []string{"3 SET a 1", "0 SET b 2"}},
		{name: "annotations", files: []string{"#TS:1700000000\r\n" + a + "#x\n" + b}, want: []string{"0 SET a 1", "0 SET b 2"}},
		{name: "endless annotation", files: []string{"#" + strings.Repeat("x", 70000) + "\n"}, err: "annotation"},
		{name: "torn annotation", files: []string{a + "#TS:17"}, want: []string{"0 SET a 1"}, cut: 6},
		{name: "empty words", files: []string{"*2\r\n$0\r\n\r\n$0\r\n\r\n"}, want: []string{"0  "}},
		{name: "long", files: []string{a + frame("SET a "+long) + b}, want: []string{"0 SET a 1", "0 SET a " + long, "0 SET b 2"}},
		{name: "transaction", files: []string{frame("multi") + a + frame("SELECT 2") + b + frame("EXEC") + a},
			want: []string{"0 multi", "0 SET a 1", "2 SET b 2", "2 EXEC", "2 SET a 1"}},
		{name: "torn transaction", files: []string{a + frame("MULTI") + b}, want: []string{"0 SET a 1"}, cut: int64(len(frame("MULTI") + b))},
		{name: "torn in transaction", files: []string{a + frame("MULTI") + b + "*1\r\n$4\r\nEX"}, want: []string{"0 SET a 1"},
			cut: int64(len(frame("MULTI")+b)) + 10},
		{name: "multi across files", files: []string{a + frame("MULTI"), b + frame("EXEC")}, err: "1.incr.aof: the record at offset 27 is incomplete"},
		{name: "multi in multi", files: []string{frame("MULTI") + frame("MULTI")}, err: "MULTI is out of place"},
		{name: "exec alone", files: []string{a + frame("EXEC")}, err: "at offset 27: EXEC is out of place"},
		{name: "torn middle file", files: []string{a + b[:9], b}, err: "1.incr.aof: the record at offset 27 is incomplete"},
		{name: "zeros at the end", files: []string{a + b[:12] + strings.Repeat("\x00", 100000)}, want: []string{"0 SET a 1"}, cut: 100012},
		{name: "zeros alone", files: []string{a + "\x00\x00"}, want: []string{"0 SET a 1"}, cut: 2},
		{name: "zeros in the middle", files: []string{a + strings.Repeat("\x00", 100) + b}, err: "at offset 27"},
		{name: "zeros in a middle file", files: []string{a + "\x00\x00", b}, err: "at offset 27"},
		{name: "garbage", files: []string{a + "hello" + b}, err: "bad file format reading the append only file /aofdir/a.aof.1.incr.aof at offset 27"},
		{name: "bad word end", files: []string{"*1\r\n$2\r\nabcd" + b}, err: "at offset 10 (record at 0)"},
		{name: "no words", files: []string{"*0\r\n" + b}, err: "without words"},
		{name: "negative words", files: []string{"*-1\r\n" + b}, err: "in a number"},
		{name: "null word", files: []string{"*1\r\n$-1\r\n" + b}, err: "in a number"},
		{name: "negative length", files: []string{"*1\r\n$-2\r\n" + b}, err: "in a number"},
		{name: "plus", files: []string{"*+1\r\n$1\r\na\r\n"}, err: "in a number"},
		{name: "no digits", files: []string{"*\r\n" + b}, err: "without digits"},
		{name: "lone LF", files: []string{"*1\n$1\r\na\r\n"}, err: "in a number"},
		{name: "lone CR", files: []string{"*1\rx$1\r\na\r\n"}, err: "CR without LF"},
		{name: "too many words", files: []string{"*3000000000\r\n" + b}, err: "out of range"},
		{name: "overflow", files: []string{"*1\r\n$9223372036854775808\r\n" + b}, err: "out of range"},
		{name: "leading zeros", files: []string{"*" + strings.Repeat("0", 30) + "1\r\n$1\r\na\r\n"}, err: "too many digits"},
		{name: "length beyond the end", files: []string{a + "*1\r\n$4000000000\r\n" + b}, want: []string{"0 SET a 1"}, cut: 44},
		{name: "words beyond the end", files: []string{a + "*2000000000\r\n$1\r\na\r\n"}, want: []string{"0 SET a 1"}, cut: 20},
		{name: "bad select", files: []string{frame("SELECT -1")}, err: "SELECT of database"},
		{name: "select range", files: []string{frame("SELECT 2147483648")}, err: "SELECT of database"},
		{name: "select words", files: []string{frame("SELECT 1 2")}, err: "one argument"},
		{name: "rdb", files: []string{"REDIS0011"}, err: "RDB format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := files(t, c.files...)
			got, res, err := replayed(mem, true)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				for i, want := range c.files {
					if now, _ := vfs.ReadFile(mem, fmt.Sprintf("/aofdir/a.aof.%d.incr.aof", i+1), 1<<30); string(now) != want {
						t.Fatal("a damaged file was changed")
					}
				}
				return
			}
			if err != nil || strings.Join(got, "\n") != strings.Join(c.want, "\n") || res.Dropped != c.cut {
				t.Fatalf("got %.200q, dropped %d, error %v", got, res.Dropped, err)
			}
			if c.cut > 0 { // once cut, it is whole, for the strict as well
				if got, res, err := replayed(mem, false); err != nil || strings.Join(got, "\n") != strings.Join(c.want, "\n") || res.Dropped != 0 {
					t.Fatalf("after the cut: %.200q, %+v, %v", got, res, err)
				}
			}
		})
	}
}

// A torn end is refused without LoadTruncated, and left alone.
func TestTornRefused(t *testing.T) {
	whole := frame("SET a 1")
	mem := files(t, whole+"*2\r\n$3")
	_, _, err := replayed(mem, false)
	if err == nil || !strings.Contains(err.Error(), "unexpected end of file") || !strings.Contains(err.Error(), "aof-load-truncated") {
		t.Fatal(err)
	}
	if size, _ := mem.Stat("/aofdir/a.aof.1.incr.aof"); size != int64(len(whole)+6) {
		t.Fatal(size)
	}
}

// The synced part of a replaced file cannot be torn.
func TestTornInsideSyncedSize(t *testing.T) {
	mem := files(t, frame("SET a 1")+"*2\r\n")
	store(t, mem, "a.aof.manifest", "file a.aof.1.incr.aof seq 1 type i size 30\n")
	if _, _, err := replayed(mem, true); err == nil || !strings.Contains(err.Error(), "offset 27") {
		t.Fatal(err)
	}
	store(t, mem, "a.aof.manifest", "file a.aof.1.incr.aof seq 1 type i size 32\n")
	if _, _, err := replayed(mem, true); err == nil || !strings.Contains(err.Error(), "were synced") {
		t.Fatal(err)
	}
	store(t, mem, "a.aof.manifest", "file a.aof.1.incr.aof seq 1 type i size 27\n")
	if got, _, err := replayed(mem, true); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
}

// batchesIn gives the end of each batch of a file, and how many records (k, v) lie before it.
func batchesIn(t testing.TB, fsys vfs.FS, path string) (ends []int64, records []int) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	n := 0
	for c := newChecker(f, size); c.at < size; {
		data, err := c.records()
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(data, []byte("SET\r\n"))
		ends, records = append(ends, c.at), append(records, n)
	}
	return ends, records
}

// The end of a real journal is cut at every byte of its last 4 KiB: what was whole is loaded, and the journal goes on.
func TestCutAtEveryByte(t *testing.T) {
	for _, checked := range []bool{true, false} {
		mem := vfs.NewMem()
		r := openRigWith(t, mem, "/", Always, checked)
		for range 40 {
			r.add(5)
			r.release()
		}
		r.close()
		path := "/aofdir/a.aof.1.incr.aof"
		size, _ := mem.Stat(path)
		ends, records := r.ends, []int(nil)
		if checked {
			ends, records = batchesIn(t, mem, path)
		}
		if size < 5000 || size != ends[len(ends)-1] || len(ends) < 40 {
			t.Fatal(size, len(ends))
		}
		for cut := size - 4096; cut <= size; cut++ {
			fsys := mem.Kill()
			f, err := fsys.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(cut); err != nil {
				t.Fatal(err)
			}
			want := 0
			for i, end := range ends {
				if end <= cut && checked {
					want = records[i]
				} else if end <= cut {
					want = i + 1
				}
			}
			if cut%64 == 0 {
				again := openRigWith(t, fsys, "/", Always, checked)
				again.add(1)
				again.close()
				want++
			}
			mustLoad(t, fsys, "/", want)
		}
	}
}

func TestApplyErrorNamesThePlace(t *testing.T) {
	mem := files(t, frame("SET a 1")+frame("NOSUCH"))
	_, plan, err := Open(testOptions(mem, "/", Always))
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("unknown command")
	_, err = Replay(plan, func(_ int, args [][]byte) error {
		if string(args[0]) == "NOSUCH" {
			return boom
		}
		return nil
	}, nil)
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "a.aof.1.incr.aof, command at offset 27") {
		t.Fatal(err)
	}
}

// The loop's way: slices, and a Wake when bytes have come.
func TestStepInSlices(t *testing.T) {
	var want bytes.Buffer
	var contents []string
	for i := range 3 {
		var c []byte
		for k := range 30000 {
			f := frame(fmt.Sprintf("SET key:%d:%d value", i, k))
			c = append(c, f...)
		}
		contents = append(contents, string(c))
		want.Write(c)
	}
	_, plan, err := Open(testOptions(files(t, contents...), "/", Always))
	if err != nil {
		t.Fatal(err)
	}
	wake := make(chan struct{}, 1)
	var got []byte
	slice := 0
	r := NewReplayer(plan, ReplayOptions{
		Apply: func(_ int, args [][]byte) error {
			got = appendFrame(got, args)
			slice++
			return nil
		},
		Wake: func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		},
	})
	last := int64(0)
	for {
		slice = 0
		done, err := r.Step(100)
		if err != nil {
			t.Fatal(err)
		}
		at, total := r.Progress()
		if slice > 100 || at < last || at > total {
			t.Fatal(slice, at, last, total)
		}
		last = at
		if done {
			break
		}
		if slice == 0 && at < total {
			select {
			case <-wake:
			default: // a file's end, or the block came while Step looked
			}
		}
	}
	if res := r.Result(); !bytes.Equal(got, want.Bytes()) || res.Commands != 90000 || res.Bytes != int64(want.Len()) || last != plan.Total {
		t.Fatalf("%d bytes of %d, %+v", len(got), want.Len(), res)
	}
}

// TestBaseInRDB has a base file in RDB format, followed by commands.
func TestBaseInRDB(t *testing.T) {
	body := rdb.AppendSelectDB(rdb.AppendHeader(nil), 0)
	var want []string
	for i := range 20000 {
		key, value := fmt.Sprint("k", i), strings.Repeat("v", 100)
		body = rdb.AppendString(rdb.AppendString(rdb.AppendType(body, rdb.TypeString), []byte(key)), []byte(value))
		want = append(want, key+"="+value)
	}
	body = rdb.AppendEOF(body)
	body = rdb.AppendChecksum(body, rdb.CRC64(0, body))
	want = append(want, "SET a 1", "SET b 2")
	for _, budget := range []int{1, 7, 64, 100000} {
		mem := files(t, frame("SET b 2"))
		store(t, mem, "a.aof.1.base.rdb", string(body)+frame("SET a 1"))
		store(t, mem, "a.aof.manifest", "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\n")
		_, plan, err := Open(testOptions(mem, "/", Always))
		if err != nil {
			t.Fatal(err)
		}
		got := &listBuilder{}
		r := NewReplayer(plan, ReplayOptions{
			Apply: func(_ int, args [][]byte) error { got.lines = append(got.lines, joined(args)); return nil },
			Base:  func() Builder { return got },
		})
		for done := false; !done; {
			if done, err = r.Step(budget); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got.lines, want) {
			t.Fatalf("budget %d: %d lines, want %d", budget, len(got.lines), len(want))
		}
		if done, total := r.Progress(); done != total {
			t.Errorf("progress ends at %d of %d", done, total)
		}
	}
}

// listBuilder notes the strings that it is given.
type listBuilder struct{ lines []string }

func (b *listBuilder) PutAll(items []rdb.Item) (int, error) {
	for i := range items {
		if items[i].Op == rdb.OpKey {
			b.lines = append(b.lines, string(items[i].Name)+"="+string(items[i].Data))
		}
	}
	return len(items), nil
}

func (b *listBuilder) Drop()                              {}
func (b *listBuilder) Made() (keys, expired, empty int64) { return int64(len(b.lines)), 0, 0 }

func TestMissingFile(t *testing.T) {
	mem := files(t, "", "")
	if err := mem.Remove("/aofdir/a.aof.2.incr.aof"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := replayed(mem, true); err == nil || !strings.Contains(err.Error(), "names a.aof.2.incr.aof") {
		t.Fatal(err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpOpen, vfs.OpRead} {
		for nth := 1; nth <= 2; nth++ {
			fsys := vfs.NewFaulty(files(t, frame("SET a 1")))
			fsys.Add(vfs.Fault{Op: op, First: nth, Count: 1, Err: errors.New("bad sector")})
			if _, _, err := replayed(fsys, true); err == nil || !strings.Contains(err.Error(), "bad sector") {
				t.Fatal(op, nth, err)
			}
		}
	}
}

// However the bytes arrive, the frames are the same.
func TestScannerResumes(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
	for range 200 {
		var args [][]byte
		for range 1 + rng.IntN(6) {
			args = append(args, bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(30)))
		}
		data := appendFrame(nil, args)
		var s frameScanner
		for n := 0; ; n += rng.IntN(4) {
			n = min(n, len(data))
			size, err := s.next(data[:n], int64(len(data)))
			if err != nil || (size > 0) != (n == len(data)) {
				t.Fatalf("%q at %d: %d, %v", data, n, size, err)
			}
			if size > 0 {
				break
			}
		}
		if got := words(nil, data, s.words); fmt.Sprint(got) != fmt.Sprint(args) {
			t.Fatalf("%q, want %q", got, args)
		}
	}
}

// FuzzReplay: no input panics; what was loaded, and cut, loads again to the same; and what is loaded is a prefix of what
// the file holds.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(frame("SET a 1") + frame("MULTI") + frame("SET b 2") + frame("EXEC")))
	f.Add([]byte("#TS:1\r\n*1\r\n$-2\r\n"))
	f.Add([]byte("*1\r\n$9223372036854775807\r\n"))
	f.Add([]byte("*3000000000\r\n"))
	f.Add([]byte("*1\r\n$3\r\nab\x00\x00\x00"))
	var fr framer
	parts, size, sum := fr.batch([][]byte{[]byte(frame("SET a 1"))}, 0, 0, 0, true)
	batches := bytes.Join(parts, nil)
	parts, _, _ = fr.batch([][]byte{[]byte(frame("SET b 2"))}, size, 0, sum, true)
	batches = append(batches, bytes.Join(parts, nil)...)
	f.Add(batches)
	f.Add(append(bytes.Clone(batches), fillBlock[:640]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := files(t, string(data))
		got, _, err := replayed(mem, true)
		if err != nil {
			return
		}
		again, res, err := replayed(mem, false)
		if err != nil || res.Dropped != 0 || strings.Join(got, "\n") != strings.Join(again, "\n") {
			t.Fatalf("%q then %q, %v", got, again, err)
		}
		if now, _ := vfs.ReadFile(mem, "/aofdir/a.aof.1.incr.aof", 1<<30); !bytes.HasPrefix(data, now) {
			t.Fatalf("%q became %q", data, now)
		}
	})
}

func BenchmarkReplay(b *testing.B) {
	var c []byte
	for k := range 200000 {
		c = append(c, frame(fmt.Sprintf("SET key:%d value:%d", k, k))...)
	}
	mem := files(b, string(c))
	b.SetBytes(int64(len(c)))
	for range b.N {
		_, plan, err := Open(testOptions(mem, "/", Always))
		if err != nil {
			b.Fatal(err)
		}
		res, err := Replay(plan, func(int, [][]byte) error { return nil }, nil)
		if err != nil || res.Commands != 200000 {
			b.Fatal(res, err)
		}
	}
	b.ReportMetric(float64(b.N)*200000/b.Elapsed().Seconds()/1e6, "Mcommands/s")
}
