// Files that changed on disk: one bit flipped, pieces lost, doubled or moved, another server gone on with them. What must
// hold: what is loaded was written, in order and without a gap; what is refused is told with file and offset.

package persistence

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redix/engine/seeds"
	"redix/persistence/vfs"
)

const incrPath = "/aofdir/a.aof.1.incr.aof"

// flips is how many places are tried in each file; REDIX_LONG tries every bit.
const flips = 2000

// filled makes a journal of some batches of one to four records that was killed: fill follows the last one, if tail is set.
func filled(t *testing.T, tail bool) (disk *vfs.Mem, records int) {
	t.Helper()
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", Always)
	for i := range 60 {
		r.add(1 + i%4)
		r.release()
	}
	disk = mem.PowerCut(nil)
	r.close()
	if !tail {
		disk = mem.PowerCut(nil)
	}
	return disk, r.count
}

func contentOf(t testing.TB, fsys vfs.FS, path string) []byte {
	t.Helper()
	data, err := vfs.ReadFile(fsys, path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withContent is a copy of a disk with other bytes in one file.
func withContent(t testing.TB, disk *vfs.Mem, path string, data []byte) *vfs.Mem {
	t.Helper()
	out := disk.Kill()
	if _, err := vfs.WriteFile(out, "/aofdir/tmp", path, data); err != nil {
		t.Fatal(err)
	}
	return out
}

// endsOfBatches gives, for each place where a batch may end, the number of records before it.
func endsOfBatches(t *testing.T, disk *vfs.Mem) (ends []int64, at map[int64]int) {
	t.Helper()
	f, err := disk.OpenFile(incrPath, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	at = map[int64]int{0: 0}
	n := 0
	for c := newChecker(f, size); ; {
		data, err := c.records()
		if err != nil {
			return ends, at
		}
		n += bytes.Count(data, []byte("SET\r\n"))
		ends = append(ends, c.at)
		at[c.at] = n
	}
}

func TestFlippedBits(t *testing.T) {
	for _, tail := range []bool{true, false} {
		disk, count := filled(t, tail)
		mustLoad(t, disk.Kill(), "/", count)
		ends, _ := endsOfBatches(t, disk)
		data := contentOf(t, disk, incrPath)
		end := ends[len(ends)-1]
		if end < 4000 || int64(len(data)) < end || tail && int64(len(data)) == end {
			t.Fatal(end, len(data))
		}
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		refused := 0
		for i := range flips {
			bit := rng.Int64N(end * 8)
			if i < int(end-ends[len(ends)-2])*8 { // each bit of the last batch, behind which nothing proves that it was synced
				bit = ends[len(ends)-2]*8 + int64(i)
			}
			bad := bytes.Clone(data)
			bad[bit/8] ^= 1 << (bit % 8)
			n, err := load(withContent(t, disk, incrPath, bad), "/")
			if err == nil {
				t.Fatalf("tail %v: bit %d of byte %d flipped, in %d: loaded %d records of %d without an error", tail, bit%8, bit/8, end, n, count)
			}
			if !strings.Contains(err.Error(), incrPath) || !strings.Contains(err.Error(), "offset") {
				t.Fatalf("byte %d: %v", bit/8, err)
			}
			refused++
		}
		t.Logf("%d flips refused", refused)
	}
}

func TestFlippedBitsOfManifest(t *testing.T) {
	disk, count := filled(t, false)
	path := "/aofdir/a.aof.manifest"
	data := contentOf(t, disk, path)
	for bit := range len(data) * 8 {
		bad := bytes.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		n, err := load(withContent(t, disk, path, bad), "/")
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("bit %d of byte %d (%q): loaded %d of %d, %v", bit%8, bit/8, bad, n, count, err)
		}
	}
}

// A batch that is lost, doubled, swapped with the next, or replaced by fill.
func TestMovedBatches(t *testing.T) {
	disk, _ := filled(t, true)
	ends, _ := endsOfBatches(t, disk)
	data := contentOf(t, disk, incrPath)
	part := func(i int) []byte { return data[ends[i]:ends[i+1]] }
	lines := func(from, n int64) (out []byte) {
		for at := from; at < from+n; at++ {
			out = append(out, fillByte(at))
		}
		return out
	}
	for i := 3; i < len(ends)-2; i += 5 {
		before, after := data[:ends[i]], data[ends[i+1]:]
		for what, bad := range map[string][][]byte{
			"lost":    {before, after},
			"doubled": {before, part(i), part(i), after},
			"swapped": {before, part(i + 1), part(i), data[ends[i+2]:]},
			"filled":  {before, lines(ends[i], ends[i+1]-ends[i]), after},
			"zeroed":  {before, make([]byte, ends[i+1]-ends[i]), after},
		} {
			n, err := load(withContent(t, disk, incrPath, bytes.Join(bad, nil)), "/")
			// The last batches of a file may be gone without a trace, if nothing follows that knows of them.
			if err == nil {
				t.Fatalf("batch %d %s: loaded %d records", i, what, n)
			}
			if !strings.Contains(err.Error(), fmt.Sprint("offset ", ends[i])) && !strings.Contains(err.Error(), fmt.Sprint("offset ", ends[i+1])) {
				t.Fatalf("batch %d at %d %s: %v", i, ends[i], what, err)
			}
		}
	}
}

// Cut at every byte: what was whole is loaded. (TestCutAtEveryByte cuts one that was closed.)
func TestKilledThenCut(t *testing.T) {
	disk, _ := filled(t, true)
	ends, at := endsOfBatches(t, disk)
	data := contentOf(t, disk, incrPath)
	last := ends[len(ends)-1]
	for cut := last - 2000; cut <= int64(len(data)); cut++ {
		want := 0
		for _, end := range ends {
			if end <= cut {
				want = at[end]
			}
		}
		mustLoad(t, withContent(t, disk, incrPath, data[:cut]), "/", want)
	}
}

// What another server writes behind a checked journal, after fill or not, is loaded, and the journal goes on in a new file.
func TestAnotherServerWentOn(t *testing.T) {
	for _, tail := range []bool{true, false} {
		disk, count := filled(t, tail)
		data := contentOf(t, disk, incrPath)
		more := "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
		db := 0
		for i := count; i < count+5; i++ {
			if dbOf(i) != db {
				db = dbOf(i)
				more += frame(fmt.Sprint("SELECT ", db))
			}
			more += frame(fmt.Sprintf("SET k%d v%d", i, i))
		}
		for _, stamp := range []string{"", "#TS:1700000000\r\n"} {
			fsys := withContent(t, disk, incrPath, append(bytes.Clone(data), stamp+more...))
			r := openRig(t, fsys, "/", Always)
			if r.count != count+5 {
				t.Fatalf("tail %v: %d records, want %d", tail, r.count, count+5)
			}
			r.add(3)
			r.release()
			r.close()
			mustLoad(t, fsys, "/", count+8)
			// Its first bytes damaged: not to be taken for a torn batch.
			for i := range 18 {
				bad := append(bytes.Clone(data), stamp+more...)
				bad[len(data)+len(stamp)+i] ^= 1
				if n, err := load(withContent(t, disk, incrPath, bad), "/"); err == nil {
					t.Fatalf("tail %v, stamp %q, byte %d damaged: loaded %d records", tail, stamp, i, n)
				}
			}
			// Its end torn.
			mustLoad(t, withContent(t, disk, incrPath, append(bytes.Clone(data), stamp+more[:len(more)-3]...)), "/", count+4)
		}
	}
}

func TestLargeBatches(t *testing.T) {
	for _, size := range []int{blockBody - 200, blockBody, 3*blockBody + 17} {
		mem := vfs.NewMem()
		opts := testOptions(mem, "/", Always)
		j, _, err := Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Start(); err != nil {
			t.Fatal(err)
		}
		value := bytes.Repeat([]byte("x"), size)
		for i := range 3 {
			j.Append(0, []byte("SET"), fmt.Append(nil, i), value)
			j.HandOver()
		}
		if err := j.Close(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		got, _, err := replayed(mem.PowerCut(nil), false)
		if err != nil || len(got) != 3 || len(got[2]) != len("0 SET 2 ")+size {
			t.Fatal(len(got), err)
		}
		data := contentOfLarge(t, mem)
		for _, at := range []int{batchHeadSize + 5, len(data) / 2, len(data) - size/2} {
			bad := bytes.Clone(data)
			bad[at] ^= 4
			if got, _, err := replayed(withContent(t, mem, incrPath, bad), true); err == nil {
				t.Fatalf("size %d, byte %d of %d: loaded %d", size, at, len(data), len(got))
			}
		}
		got, _, err = replayed(withContent(t, mem, incrPath, data[:len(data)-size/2]), true)
		if err != nil || len(got) == 3 {
			t.Fatal(len(got), err)
		}
	}
}

// A large batch is several writes. Killed before the last one, which is the closing line, it is torn wherever that would begin in its sector; a closing
// line that is there and damaged is damage.
func TestLargeBatchWithoutItsEnd(t *testing.T) {
	for extra := range fillLine {
		mem := vfs.NewMem()
		j := startAlways(t, mem)
		j.Append(0, []byte("SET"), []byte("k"), []byte("v"))
		syncAll(j)
		j.Append(0, []byte("SET"), []byte("large"), bytes.Repeat([]byte("x"), gatherMax+extra))
		if err := j.Close(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		data := contentOfLarge(t, mem)
		tail := bytes.LastIndex(data, []byte("#}"))
		torn := bytes.Clone(data)
		for i := tail; i < len(torn); i++ {
			torn[i] = fillByte(int64(i))
		}
		if got, _, err := replayed(withContent(t, mem, incrPath, torn), true); err != nil || len(got) != 1 {
			t.Fatalf("closing line of %d bytes not written: loaded %d, %v", len(data)-tail, len(got), err)
		}
		bad := bytes.Clone(data)
		bad[tail+2] ^= 1
		if got, _, err := replayed(withContent(t, mem, incrPath, bad), true); err == nil {
			t.Fatalf("closing line damaged: loaded %d", len(got))
		}
	}
}

func contentOfLarge(t *testing.T, mem *vfs.Mem) []byte {
	t.Helper()
	data, err := vfs.ReadFile(mem, incrPath, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files written without checksums stay as they are, and a change of the directive begins a new file.
func TestChecksumSwitched(t *testing.T) {
	mem := vfs.NewMem()
	want := 0
	for i, checked := range []bool{false, true, true, false, false, true} {
		r := openRigWith(t, mem, "/", []Policy{Always, EverySec, No}[i%3], checked)
		if r.count != want {
			t.Fatalf("round %d: %d records, want %d", i, r.count, want)
		}
		r.add(7)
		r.release()
		r.close()
		want += 7
	}
	if got := strings.Count(manifestOf(mem), "type i"); got != 4 {
		t.Fatalf("%d files", got)
	}
	mustLoad(t, mem, "/", want)
}

// A file without checksums that ends within a record is known for what it is, whatever the file before it was: batches with
// checksums go to another one.
func TestChecksumSwitchedAfterTornEnd(t *testing.T) {
	mem := vfs.NewMem()
	for _, checked := range []bool{true, false} {
		r := openRigWith(t, mem, "/", Always, checked)
		r.add(7)
		r.release()
		r.close()
	}
	const path = "/aofdir/a.aof.2.incr.aof"
	data := contentOf(t, mem, path)
	for cut := range len(data) {
		mem := withContent(t, mem, path, data[:cut])
		want := 0
		for range 3 {
			r := openRig(t, mem, "/", Always)
			if r.count < 7 || r.count < want {
				t.Fatalf("cut at %d: %d records, want %d", cut, r.count, want)
			}
			r.add(3)
			r.release()
			r.close()
			want = r.count
		}
		mustLoad(t, mem, "/", want)
	}
}

// Under always the file is longer than its batches while it is open and not afterwards; the policy can change under way.
func TestFillComesAndGoes(t *testing.T) {
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", Always)
	sizes := func() (file, counted int64) {
		file, err := mem.Stat(incrPath)
		if err != nil {
			t.Fatal(err)
		}
		return file, r.j.Stats().CurrentSize
	}
	for range 300 {
		r.add(2)
		r.release()
		if file, counted := sizes(); file < counted+fillLine {
			t.Fatalf("%d bytes of %d: no fill", counted, file)
		}
	}
	r.j.SetPolicy(EverySec)
	r.add(1)
	r.release()
	r.until("the end of the fill", func() bool { file, counted := sizes(); return file == counted || poke(r) })
	r.j.SetPolicy(Always)
	r.add(1)
	r.release()
	r.add(1)
	r.release()
	if file, counted := sizes(); file < counted+fillLine {
		t.Fatal("no fill after the policy came back")
	}
	r.close()
	if file, counted := sizes(); file != counted {
		t.Fatalf("closed with %d bytes of %d", file, counted)
	}
	mustLoad(t, mem.PowerCut(nil), "/", r.count)
}

// A disk too full for fill is not too full for records: no error shows.
func TestNoRoomForFill(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFaulty(mem)
	r := openRig(t, fsys, "/", Always)
	fsys.Before = func(op vfs.Op, name string) {
		if op == vfs.OpOpen && strings.HasSuffix(name, "incr.aof") {
			fsys.Add(vfs.Fault{Op: vfs.OpWrite, First: fsys.Count(vfs.OpWrite) + 1, Count: 1, Err: fmt.Errorf("no space"), Short: 100})
		}
	}
	for range 50 {
		r.add(3)
		r.until("synced", func() bool {
			if err := r.j.Err(); err != nil {
				t.Fatal(err)
			}
			return r.j.Synced() == r.j.Appended()
		})
	}
	if fsys.Fired() != 1 {
		t.Fatalf("%d writes failed", fsys.Fired())
	}
	fsys.Before = nil
	r.close()
	mustLoad(t, mem.PowerCut(nil), "/", r.count)
}

func checkTool(t *testing.T, answer string, args ...string) (code int, out string) {
	t.Helper()
	var b strings.Builder
	code = CheckAOF(args, strings.NewReader(answer), &b)
	return code, b.String()
}

func TestCheckTool(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, vfs.OS{}, dir, Always)
	for range 30 {
		r.add(3)
		r.release()
	}
	r.close()
	aof := filepath.Join(dir, "aofdir")
	path := filepath.Join(aof, "a.aof.1.incr.aof")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(wantCode int, wantText string, answer string, args ...string) {
		t.Helper()
		if code, out := checkTool(t, answer, args...); code != wantCode || !strings.Contains(out, wantText) {
			t.Fatalf("check-aof %v: exit code %d\n%s\nwant %d, %q", args, code, out, wantCode, wantText)
		}
	}
	put := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	same := func(want []byte) {
		t.Helper()
		if now, _ := os.ReadFile(path); !bytes.Equal(now, want) {
			t.Fatalf("the file has %d bytes, want %d", len(now), len(want))
		}
	}
	expect(0, "Usage", "", "--help")
	for _, what := range []string{dir, aof, filepath.Join(aof, "a.aof.manifest"), path} {
		expect(0, "90 commands", "", what)
	}
	expect(1, "Usage", "")
	expect(1, "Usage", "", "--drop-damaged", aof)
	expect(1, "no such file", "", filepath.Join(dir, "nothing"))

	torn := good[:len(good)-20]
	put(torn)
	expect(1, "nothing was changed", "", aof)
	expect(1, "nothing was changed", "n\n", "--fix", aof)
	same(torn)
	expect(0, "done", "y\n", "--fix", aof)
	expect(0, "87 commands", "", aof)
	kept, _ := filepath.Glob(path + ".cut-*")
	if now, _ := os.ReadFile(path); len(kept) != 1 {
		t.Fatal(kept)
	} else if rest, _ := os.ReadFile(kept[0]); !bytes.Equal(append(now, rest...), torn) {
		t.Fatal("what was cut off was not kept")
	}

	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	put(bad)
	expect(1, "damaged at offset", "", aof)
	expect(1, "begin as they should", "", aof)
	expect(1, "--drop-damaged", "y\n", "--fix", aof)
	same(bad)
	expect(0, "done", "", "--fix", "--drop-damaged", "--yes", aof)
	expect(0, "All is well", "", aof)
	mustLoad(t, vfs.OS{}, dir, countOf(t, dir))
}

func countOf(t *testing.T, dir string) int {
	t.Helper()
	n, err := load(vfs.OS{}, dir)
	if err != nil || n < 20 {
		t.Fatal(n, err)
	}
	return n
}

// rewritten makes a journal whose base file, in commands, has so many records; three more are in the incr file. It was closed.
func rewritten(t *testing.T, records int) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	r := openRig(t, mem, "/", EverySec)
	for r.count < records {
		r.add(min(records-r.count, 1000))
		r.release()
	}
	b, err := r.j.StartBase()
	if err != nil {
		t.Fatal(err)
	}
	fill(b, records)
	b.Finish()
	if err := r.ended(b); err != nil {
		t.Fatal(err)
	}
	r.add(3)
	r.close()
	return mem.PowerCut(nil)
}

const basePath = "/aofdir/a.aof.1.base.aof"

// refusedBase expects that a base file does not load, and that the error names file and offset.
func refusedBase(t *testing.T, disk *vfs.Mem, data []byte, what string) {
	t.Helper()
	n, err := load(withContent(t, disk, basePath, data), "/")
	if err == nil || !strings.Contains(err.Error(), basePath) || !strings.Contains(err.Error(), "offset") && len(data) > 0 && !strings.Contains(err.Error(), "bytes") {
		t.Fatalf("%s: loaded %d records, error %v", what, n, err)
	}
}

func TestFlippedBitsOfBase(t *testing.T) {
	for _, records := range []int{8, 20000} {
		disk := rewritten(t, records)
		mustLoad(t, disk.Kill(), "/", records+3)
		data := contentOf(t, disk, basePath)
		batches := bytes.Count(data, []byte("#{"))
		if records > 8 && batches < 3 || records == 8 && batches != 1 {
			t.Fatalf("%d batches in %d bytes", batches, len(data))
		}
		rng := rand.New(rand.NewPCG(seeds.Draw(t), 0))
		flip := func(bit int) {
			bad := bytes.Clone(data)
			bad[bit/8] ^= 1 << (bit % 8)
			refusedBase(t, disk, bad, fmt.Sprintf("bit %d of byte %d of %d flipped", bit%8, bit/8, len(data)))
		}
		if records == 8 {
			for bit := range len(data) * 8 {
				flip(bit)
			}
			for cut := range data {
				refusedBase(t, disk, data[:cut], fmt.Sprintf("cut at %d of %d", cut, len(data)))
			}
			continue
		}
		for i := range 200 {
			if bit := rng.IntN(len(data) * 8); i%2 == 0 {
				flip(bit)
				continue
			}
			// In a mark, or beside it.
			at := bytes.Index(data[rng.IntN(len(data)/2):], []byte("#{"))
			flip(min(len(data)-1, max(0, at+rng.IntN(64)-16))*8 + rng.IntN(8))
		}
		ends := []int{}
		for at := 0; ; at++ {
			k := bytes.Index(data[at:], []byte("#{"))
			if k < 0 {
				break
			}
			at += k
			ends = append(ends, at)
		}
		for _, cut := range append(ends, rng.IntN(len(data)), len(data)-1) { // a cut between two batches, too
			refusedBase(t, disk, data[:cut], fmt.Sprintf("cut at %d of %d", cut, len(data)))
		}
		last := ends[len(ends)-1]
		refusedBase(t, disk, slices.Concat(data[:ends[1]], data[last:], data[ends[1]:last]), "batches swapped")
	}
}
