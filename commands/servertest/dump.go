package servertest

// All data of a server as text, to compare two servers or one before and after a restart.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// databases is how many databases a dump covers.
const databases = 16

// Dump returns the data of a server as sorted lines, one for each key: database, key, type, whether it expires, value. It
// asks for nothing but plain commands, so that it works on every server, and leaves the connection at database 0.
func Dump(c *Conn) string {
	c.t.Helper()
	var lines []string
	for db := range databases {
		if v := c.Do("SELECT", strconv.Itoa(db)); v.Kind == '-' {
			break // the server has fewer, or wants a password first
		}
		for _, key := range c.Must("KEYS", "*").Strings() {
			lines = append(lines, dumpKey(c, db, key))
		}
	}
	c.Do("SELECT", "0")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func dumpKey(c *Conn, db int, key string) string {
	c.t.Helper()
	expires := c.Must("PTTL", key).Int >= 0
	kind := c.Must("TYPE", key).Str
	var value Value
	switch kind {
	case "string":
		value = c.Must("GET", key)
	case "hash":
		value = c.Must("HGETALL", key).Sorted(true)
	case "list":
		value = c.Must("LRANGE", key, "0", "-1")
	case "set":
		value = c.Must("SMEMBERS", key).Sorted(false)
	case "zset":
		value = c.Must("ZRANGE", key, "0", "-1", "WITHSCORES").scores()
	case "stream":
		value = c.Must("XRANGE", key, "-", "+")
	case "none": // it has expired since
		return ""
	default:
		c.t.Fatalf("a key of type %s", kind)
	}
	return fmt.Sprintf("%d %q %s expires=%v %q", db, key, kind, expires, value.Strings())
}

// scores makes the scores behind members of a flat reply the shortest digits: redis-server 7.0 prints more.
func (v Value) scores() Value {
	for i := 1; i < len(v.Elems); i += 2 {
		if f, err := strconv.ParseFloat(v.Elems[i].Str, 64); err == nil {
			v.Elems[i].Str = strconv.FormatFloat(f+0, 'g', -1, 64)
		}
	}
	return v
}
