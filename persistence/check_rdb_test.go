package persistence

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redix/persistence/rdb"
)

func TestCheckRDB(t *testing.T) {
	str := func(b []byte, key, value string) []byte {
		return rdb.AppendString(rdb.AppendString(rdb.AppendType(b, rdb.TypeString), []byte(key)), []byte(value))
	}
	set := func(b []byte, key string, members ...string) []byte {
		b = rdb.AppendLen(rdb.AppendString(rdb.AppendType(b, rdb.TypeSet), []byte(key)), uint64(len(members)))
		for _, m := range members {
			b = rdb.AppendString(b, []byte(m))
		}
		return b
	}
	end := func(b []byte) []byte {
		b = rdb.AppendEOF(b)
		return rdb.AppendChecksum(b, rdb.CRC64(0, b))
	}
	start := rdb.AppendAux(rdb.AppendHeader(nil), "redis-ver", "7.2.4")
	good := end(set(str(rdb.AppendExpire(str(bytes.Clone(start), "a", "1"), 4102444800000), "b", "2"), "s", "x", "y"))
	flipped := bytes.Clone(good)
	flipped[len(start)+6] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		exit int
		want []string
	}{
		{"good", good, 0, []string{"version 9", `"redis-ver" "7.2.4"`, "string     2                1", "set     1                0", "OK, checksum good"}},
		{"flipped", flipped, 1, []string{"NOT OK: rdb: the checksum is", "3 keys lie before it"}},
		{"cut", good[:len(good)-12], 1, []string{"NOT OK: rdb: cut short, at offset", `key "s" of database 0, a set`, "2 keys lie before it"}},
		{"twice", end(set(str(bytes.Clone(start), "a", "1"), "s", "x", "y", "x")), 1, []string{"comes twice", `key "s"`, "1 keys lie"}},
		{"empty value", end(set(bytes.Clone(start), "s")), 1, []string{"without elements"}},
		{"followed", append(bytes.Clone(good), "*1"...), 0, []string{"2 bytes follow"}},
		{"no snapshot", []byte("*1\r\n$4\r\nPING\r\n"), 1, []string{"not an RDB file", "0 keys"}},
		{"empty", nil, 1, []string{"cut short, at offset 0"}},
	} {
		path := filepath.Join(t.TempDir(), "f.rdb")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if got := CheckRDB([]string{path}, &out); got != c.exit {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.exit)
		}
		for _, w := range c.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: no %q in\n%s", c.name, w, out.String())
			}
		}
	}
	var out strings.Builder
	if CheckRDB(nil, &out) != 2 || CheckRDB([]string{"/nowhere/at/all"}, &out) != 1 || CheckRDB([]string{"-x"}, &out) != 2 ||
		CheckRDB([]string{"--help"}, &out) != 0 || CheckRDB([]string{t.TempDir()}, &out) != 1 || !strings.Contains(out.String(), "is a directory") {
		t.Errorf("wrong exit codes\n%s", out.String())
	}
}
