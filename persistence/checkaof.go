// The tool behind `redix check-aof`: it reads a journal as a start would, changes nothing, and tells what is wrong, where, and
// what is good; told to, it cuts off what is not.

package persistence

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"redix/persistence/rdb"
	"redix/persistence/vfs"
)

const checkUsage = `Usage: redix check-aof [--fix] [--drop-damaged] [--yes] PATH

PATH is a manifest, a directory that holds one (or whose appendonlydir does), or a single append only file.

  --fix           cut off a torn end: the rest of a batch or command that was being written
  --drop-damaged  with --fix: cut off everything from the first damaged byte of the last file on
  --yes           do not ask before cutting

What is cut off is kept beside the file, in FILE.cut-OFFSET. The exit code is 0 if all is well in the end, else 1. A server
that has the files open must not run.
`

// aofCheck is one run of the tool.
type aofCheck struct {
	fs       vfs.FS
	in       io.Reader
	out      io.Writer
	fix, yes bool
	drop     bool
}

// counter is a Builder that only counts.
type counter struct{ keys int64 }

func (c *counter) PutAll(items []rdb.Item) (int, error) {
	for i := range items {
		if items[i].Op == rdb.OpKey {
			c.keys++
		}
	}
	return len(items), nil
}

func (*counter) Drop() {}

func (c *counter) Made() (keys, expired, empty int64) { return c.keys, 0, 0 }

// CheckAOF runs `redix check-aof` with the words after its name and gives the exit code.
func CheckAOF(args []string, in io.Reader, out io.Writer) int {
	c := &aofCheck{fs: vfs.OS{}, in: in, out: out}
	flags := flag.NewFlagSet("check-aof", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&c.fix, "fix", false, "")
	flags.BoolVar(&c.drop, "drop-damaged", false, "")
	flags.BoolVar(&c.yes, "yes", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 || c.drop && !c.fix {
		fmt.Fprint(out, checkUsage)
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 1
	}
	plan, err := c.plan(flags.Arg(0))
	if err == nil {
		err = c.run(plan)
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	return 0
}

// plan finds out what PATH is.
func (c *aofCheck) plan(path string) (*Plan, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		found, err := filepath.Glob(filepath.Join(path, "*.manifest"))
		if err == nil && len(found) == 0 { // it may be the server's own directory
			found, err = filepath.Glob(filepath.Join(path, "*", "*.manifest"))
		}
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("%s: found %d manifests, expected one", path, len(found))
		}
		path = found[0]
	}
	p := &Plan{fs: c.fs, dir: filepath.Dir(path), manifestPath: path, rdbChecksum: true, log: slog.New(slog.DiscardHandler)}
	if strings.HasSuffix(path, ".manifest") {
		return p, p.read()
	}
	size, err := c.fs.Stat(path)
	p.Files = []PlanFile{{Name: filepath.Base(path), Path: path, Base: true, Size: size}}
	p.Total = size
	return p, err
}

// run reads the journal and mends it, if it is to be mended.
func (c *aofCheck) run(p *Plan) error {
	for _, f := range p.Files {
		fmt.Fprintf(c.out, "%s: %d bytes\n", f.Path, f.Size)
	}
	var base counter
	opts := ReplayOptions{Apply: func(int, [][]byte) error { return nil }, Base: func() Builder { return &base }}
	res, err := ReplayWith(p, opts, nil)
	if base.keys > 0 {
		fmt.Fprintf(c.out, "good: %d keys of a base file in RDB form, %d commands, in %d bytes\n", base.keys, res.Commands, res.Bytes)
	} else {
		fmt.Fprintf(c.out, "good: %d commands in %d bytes\n", res.Commands, res.Bytes)
	}
	bad := (*LoadError)(nil)
	if err == nil {
		if fill := c.fillOf(p); fill > 0 {
			fmt.Fprintf(c.out, "%d bytes of fill at the end, which the next start cuts off\n", fill)
		}
		fmt.Fprintln(c.out, "All is well.")
		return nil
	}
	if !errors.As(err, &bad) {
		return err
	}
	fmt.Fprintln(c.out, err)
	size, serr := c.fs.Stat(bad.Path)
	if serr != nil {
		return serr
	}
	last := p.Files[len(p.Files)-1]
	if !bad.Torn {
		c.tellLater(bad, size)
	}
	switch {
	case !c.fix:
		return errors.New("nothing was changed")
	case bad.Path != last.Path || last.capped:
		return errors.New("more should follow behind this place, so it is not cut off here: restore the file from a copy; nothing was changed")
	case !bad.Torn && !c.drop:
		return fmt.Errorf("this is damage and no torn end: to give up the %d bytes from offset %d on, add --drop-damaged; nothing was changed",
			size-bad.Offset, bad.Offset)
	}
	return c.cut(bad, size)
}

// fillOf is how many bytes of fill the last file ends in.
func (c *aofCheck) fillOf(p *Plan) int64 {
	if len(p.Files) == 0 {
		return 0
	}
	f := p.Files[len(p.Files)-1]
	size, err := c.fs.Stat(f.Path)
	if err != nil || f.capped {
		return 0
	}
	return size - f.Size
}

// tellLater says what seems whole behind a damaged place.
func (c *aofCheck) tellLater(bad *LoadError, size int64) {
	f, err := c.fs.OpenFile(bad.Path, os.O_RDONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	ck := newChecker(f, size)
	batches, bytes, next := 0, int64(0), bad.Offset+1
	_ = ck.heads(bad.Offset+1, func(h batchHead, at int64) bool {
		if at >= next && at+h.size <= size {
			batches++
			bytes += h.size
			next = at + h.size
		}
		return true
	})
	fmt.Fprintf(c.out, "behind it: %d bytes, in which %d batches of %d bytes in all begin as they should\n", size-bad.Offset, batches, bytes)
}

// cut keeps the bytes from the bad place on in another file and then cuts them off.
func (c *aofCheck) cut(bad *LoadError, size int64) error {
	fmt.Fprintf(c.out, "cutting %s at offset %d drops its last %d bytes\n", bad.Path, bad.Offset, size-bad.Offset)
	if !c.yes {
		fmt.Fprint(c.out, "Continue? [y/N] ")
		line, _ := bufio.NewReader(c.in).ReadString('\n')
		if answer := strings.TrimSpace(line); !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
			return errors.New("nothing was changed")
		}
	}
	keep := fmt.Sprintf("%s.cut-%d", bad.Path, bad.Offset)
	if err := copyTail(bad.Path, bad.Offset, keep); err != nil {
		return fmt.Errorf("keeping what is cut off: %w", err)
	}
	f, err := c.fs.OpenFile(bad.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(bad.Offset); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "done; what was cut off is in %s\n", keep)
	return nil
}

// copyTail copies path from offset on to a new file and syncs it.
func copyTail(path string, offset int64, to string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
