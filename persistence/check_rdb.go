package persistence

import (
	"errors"
	"flag"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"redix/persistence/rdb"
)

const checkRDBUsage = `Usage: redix check-rdb PATH

PATH is a snapshot (dump.rdb), or a base file of a journal in RDB form. It is read to its end and not changed: what it holds, what is
wrong with it and where, and how many keys lie before that. The exit code is 0 if all is well, 1 if not, 2 for wrong usage.
`

// CheckRDB is the tool check-rdb: it reads a snapshot from its start to its end, believes nothing, and tells what it holds,
// what is wrong and where, and how much lies before that. args are the words after the tool's name; it returns the exit code.
func CheckRDB(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("check-rdb", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		fmt.Fprint(out, checkRDBUsage)
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	f, err := os.Open(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(out, "check-rdb:", err)
		return 1
	}
	defer f.Close()
	c := rdbCheck{out: out, seed: maphash.MakeSeed(), elems: map[uint64]struct{}{}}
	return c.run(f)
}

// rdbCheck is a check in progress.
type rdbCheck struct {
	out   io.Writer
	seed  maphash.Seed
	elems map[uint64]struct{} // hashes of the members or fields of the value at hand
	aux   []string
	done  uint64 // keys that were read whole
	libs  int
	keyed bool // a value is being read
	kind  rdb.Kind
	more  bool
}

const (
	elemTwice  = rdb.Wrong("a member or field that comes twice")
	auxShown   = 20 // items of AUX, and their bytes
	auxBytes   = 100
	keyShown   = 200 // bytes of a key
	emptyValue = rdb.Wrong("a value without elements, which no server keeps")
)

func (c *rdbCheck) run(f *os.File) int {
	info, err := f.Stat()
	if err != nil {
		fmt.Fprintln(c.out, "check-rdb:", err)
		return 1
	}
	if info.IsDir() {
		fmt.Fprintf(c.out, "check-rdb: %s is a directory; redix check-aof looks at those of journals\n", f.Name())
		return 1
	}
	r := rdb.NewReader(f)
	err = r.Read(c.put)
	s := r.Summary()
	if s.Version > 0 {
		fmt.Fprintf(c.out, "%s: %d bytes, version %d\n", f.Name(), info.Size(), s.Version)
	}
	if len(c.aux) > 0 {
		fmt.Fprintln(c.out, strings.Join(c.aux, ", "))
	}
	if s.Version > 0 {
		c.table(s)
	}
	if c.libs > 0 {
		fmt.Fprintf(c.out, "%d libraries of functions, which redix leaves out\n", c.libs)
	}
	if err != nil {
		fmt.Fprintf(c.out, "NOT OK: %v\n", err)
		if c.keyed {
			fmt.Fprintf(c.out, "in the value of key %.*q of database %d, a %s\n", keyShown, s.Key, s.DB, c.kind)
		}
		fmt.Fprintf(c.out, "%d keys lie before it and can be read\n", c.done)
		return 1
	}
	left := info.Size() - r.Offset()
	if left > 0 && s.Checksum == rdb.ChecksumNone {
		fmt.Fprintf(c.out, "NOT OK: rdb: %d bytes follow a file of version %d, at offset %d\n", left, s.Version, r.Offset())
		return 1
	}
	if left > 0 {
		fmt.Fprintf(c.out, "%d bytes follow it (commands, if this is a base file of a journal)\n", left)
	}
	fmt.Fprintf(c.out, "OK, %s\n", [...]string{rdb.ChecksumNone: "this version has no checksum", rdb.ChecksumOff: "written without a checksum",
		rdb.ChecksumIgnored: "checksum not looked at", rdb.ChecksumGood: "checksum good"}[s.Checksum])
	return 0
}

// table prints how many keys of each type there are.
func (c *rdbCheck) table(s rdb.Summary) {
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "type\tkeys\twith a deadline\t")
	keys, expires := uint64(0), uint64(0)
	for k := range rdb.Kinds {
		keys += s.Keys[k]
		expires += s.Expires[k]
		if s.Keys[k] > 0 {
			fmt.Fprintf(w, "%s\t%d\t%d\t\n", k, s.Keys[k], s.Expires[k])
		}
	}
	fmt.Fprintf(w, "all\t%d\t%d\t\n", keys, expires)
	_ = w.Flush()
}

// put looks at one item.
func (c *rdbCheck) put(it *rdb.Item) error {
	switch it.Op {
	case rdb.OpAux:
		if len(c.aux) < auxShown {
			c.aux = append(c.aux, fmt.Sprintf("%.*q %.*q", auxBytes, it.Name, auxBytes, it.Data))
		}
	case rdb.OpFunction:
		c.libs++
	case rdb.OpKey:
		c.keyed, c.kind = true, it.Kind
		clear(c.elems)
		if it.Kind == rdb.KindString && !it.More {
			c.whole()
		}
	case rdb.OpPart:
		if !it.More {
			c.whole()
		}
	case rdb.OpElem:
		if c.kind == rdb.KindSet {
			return c.once(it.Data)
		}
		c.more = true
	case rdb.OpField, rdb.OpMember:
		return c.once(it.Name)
	case rdb.OpEnd:
		if c.kind != rdb.KindStream && !c.more {
			return emptyValue
		}
		c.whole()
	}
	return nil
}

func (c *rdbCheck) whole() {
	c.done++
	c.keyed, c.more = false, false
}

// once refuses a member or field that was there before. Two that are different have one hash once in the life of a disk.
func (c *rdbCheck) once(name []byte) error {
	h := maphash.Bytes(c.seed, name)
	if _, ok := c.elems[h]; ok {
		return elemTwice
	}
	c.elems[h] = struct{}{}
	c.more = true
	return nil
}
