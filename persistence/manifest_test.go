// The manifest's format, its errors, and the names that need quotes.

package persistence

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"redix/persistence/vfs"
)

func TestManifestRoundTrip(t *testing.T) {
	in := "file a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.base.aof seq 1 type h\n" +
		"file a.aof.1.incr.aof seq 1 type i size 77\nfile a.aof.2.incr.aof seq 2 type i\n"
	m, err := parseManifest([]byte(in), "m")
	if err != nil || string(m.encode(true)) != string(appendManifestSum([]byte(in))) {
		t.Fatalf("%q, %v", m.encode(true), err)
	}
	if base, incr := m.lastSeq(); base != 2 || incr != 2 || m.empty() || len(m.live()) != 3 {
		t.Fatal(base, incr)
	}
	loose := "# a comment\nFILE 'a' Seq 1 TYPE i startoffset 5 endoffset 9\r\n"
	if m, err = parseManifest([]byte(loose), "m"); err != nil || string(m.encode(true)) != string(appendManifestSum([]byte("file a seq 1 type i\n"))) {
		t.Fatalf("%q, %v", m.encode(true), err)
	}
}

func TestManifestErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "line 1: the file is empty",
		"\n":                       "line 1: invalid format",
		"file a seq 1 type i\n\n":  "line 2: invalid format",
		"file a seq 1 type i":      "no newline",
		"file a seq 1 type\n":      "invalid format",
		"file a seq 1\n":           "invalid format",
		"file a seq 1 kind i\n":    "missing",
		"file a seq 1 type x\n":    "unknown file type",
		"file a seq 1 type incr\n": "unknown file type",
		"file a seq 0 type i\n":    "sequence number",
		"file a seq -1 type i\n":   "sequence number",
		"file a seq 1x type i\n":   "sequence number",
		"file a seq 99999999999999999999 type i\n":                   "sequence number",
		"file ../a seq 1 type i\n":                                   "not a plain file name",
		"file .. seq 1 type i\n":                                     "not a plain file name",
		"file \"\" seq 1 type i\n":                                   "not a plain file name",
		"file \"a\\x2fb\" seq 1 type i\n":                            "not a plain file name",
		"file \"a seq 1 type i\n":                                    "unbalanced",
		"file \"a\"b seq 1 type i\n":                                 "closing quote",
		"file a seq 1 type i size -1\n":                              "invalid size",
		"file a seq 1 type i size x\n":                               "invalid size",
		"file a seq 1 type b\nfile b seq 2 type b\n":                 "line 2: a second base",
		"file a seq 2 type i\nfile b seq 2 type i\n":                 "does not follow",
		"file a seq 2 type i\nfile b seq 1 type i\n":                 "does not follow",
		"file a seq 1 type h\nfile a seq 1 type i\n":                 "listed twice",
		"file " + strings.Repeat("x", 1100) + " seq 1 type i\n":      "longer than",
		"# " + strings.Repeat("x", 1100) + "\nfile a seq 1 type i\n": "line 1: longer than",
	} {
		if _, err := parseManifest([]byte(in), "dir/m"); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "dir/m") {
			t.Errorf("%.60q: %v, want %q", in, err, want)
		}
	}
}

func TestQuotedNames(t *testing.T) {
	for name, want := range map[string]string{
		"plain.aof":      `plain.aof`,
		"with blank":     `"with blank"`,
		"q\"uo\\te'":     `"q\"uo\\te'"`,
		"\n\r\t\x01\xff": `"\n\r\t\x01\xff"`,
		"\u00e9":         `"\xc3\xa9"`,
	} {
		got := quoteName(name)
		if got != want {
			t.Errorf("%q is written %s, want %s", name, got, want)
		}
		words, err := splitWords("x " + got + " y")
		if err != nil || !reflect.DeepEqual(words, []string{"x", name, "y"}) {
			t.Errorf("%s is read %q, %v", got, words, err)
		}
	}
	if words, err := splitWords(`'a\'b' "\a\b\q\xZZ"`); err != nil || !reflect.DeepEqual(words, []string{"a'b", "\a\bqxZZ"}) {
		t.Errorf("%q, %v", words, err)
	}
}

// FuzzManifest: what parses is written so that it parses to the same.
func FuzzManifest(f *testing.F) {
	f.Add([]byte("file a seq 1 type b\nfile \"b c\" seq 1 type i size 5\n"))
	f.Add(appendManifestSum([]byte("file a seq 1 type i\n")))
	f.Add([]byte("file 'x\\'' seq 3 type h\n# c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data, "m")
		if err != nil || (m.empty() && len(m.history) == 0) {
			return
		}
		for _, l := range strings.Split(string(m.encode(true)), "\n") {
			if len(l) >= manifestLineMax {
				return // quoting made it longer; Open keeps our own names short
			}
		}
		again, err := parseManifest(m.encode(true), "m")
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v then %+v, %v", m, again, err)
		}
	})
}

// TestManifestWithoutChecksum: aof-checksum no writes nothing that redis-server would not, in the manifest neither.
func TestManifestWithoutChecksum(t *testing.T) {
	for _, checked := range []bool{false, true} {
		dir := t.TempDir()
		r := openRigWith(t, vfs.OS{}, dir, EverySec, checked)
		if err := r.j.Close(time.Second); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*", "*.manifest"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		data, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(data), "#"); got != checked || !strings.HasSuffix(string(data), "\n") {
			t.Errorf("aof-checksum %v gives the manifest %q", checked, data)
		}
	}
}
