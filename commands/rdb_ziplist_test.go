package commands_test

import (
	"fmt"
	"strings"
	"testing"

	"redix/commands"
	"redix/commands/servertest"
	"redix/persistence/rdb"
)

// TestZiplists: small collections are written as ziplists where that pays, and come back from them, here and in redis-server.
func TestZiplists(t *testing.T) {
	elems := []string{"", "0", "12", "13", "-1", "127", "-128", "128", "32767", "-32768", "32768", "8388607", "-8388608", "8388608",
		"2147483647", "-2147483648", "2147483648", "9223372036854775807", "-9223372036854775808", "007", "text"}
	for _, n := range []int{62, 63, 64, 250, 251, 252, 253, 254, 255, 300, 2000} {
		elems = append(elems, strings.Repeat("x", n)+fmt.Sprint(n))
	}
	scores := []string{"0", "-0", "1", "-1", "0.1", "3.0000000000000004", "inf", "-inf", "1e300", "5e-324", "9007199254740991", "9007199254740992",
		"-9007199254740993", "12345678901234567", "123456.789"}
	hash, list, zset := []string{"HSET", "hash"}, []string{"RPUSH", "list"}, []string{"ZADD", "zset"}
	for i, e := range elems {
		hash, list = append(hash, "f"+e, e), append(list, e)
		zset = append(zset, scores[i%len(scores)], "m"+e)
	}
	flags := []string{"--hash-max-listpack-value", "4000", "--zset-max-listpack-value", "4000", "--list-max-listpack-size", "-5"}
	l := servertest.NewLocal(t, flags...)
	redis := servertest.StartRedis(t, flags...).Dial()
	db := l.Engine.Keyspace.DB(0)
	read := map[string][]string{"hash": {"HGETALL", "hash"}, "list": {"LRANGE", "list", "0", "-1"}, "zset": {"ZRANGE", "zset", "0", "-1", "WITHSCORES"}}
	for _, c := range []struct {
		key, encoding string
		words         []string
		typ           rdb.Type
	}{{"hash", "listpack", hash, rdb.TypeHashZiplist}, {"list", "listpack", list, rdb.TypeListQuicklist}, {"zset", "listpack", zset, rdb.TypeZsetZiplist}} {
		l.Do(c.words...)
		redis.Must(c.words...)
		if got := l.Do("OBJECT", "ENCODING", c.key).Str; got != c.encoding {
			t.Fatalf("%s is a %s", c.key, got)
		}
		e, _ := db.Find([]byte(c.key))
		data := commands.NewEntryWriter(commands.RDBOptions{Compress: true}).DumpValue(nil, &e)
		plain := commands.NewEntryWriter(commands.RDBOptions{}).DumpValue(nil, &e)
		if data[0] != byte(c.typ) || len(data) >= len(plain) {
			t.Errorf("%s is written as type %d in %d bytes, uncompressed %d", c.key, data[0], len(data), len(plain))
		}
		want := l.Do(read[c.key]...).String()
		l.Do("DEL", c.key)
		redis.Must("DEL", c.key)
		l.Do("RESTORE", c.key, "0", string(data))
		if got := l.Do(read[c.key]...).String(); got != want {
			t.Errorf("%s comes back as %s, was %s", c.key, got, want)
		}
		redis.Must("RESTORE", c.key, "0", string(data))
		got := redis.Must("DUMP", c.key).Str
		l.Do("DEL", c.key)
		l.Do("RESTORE", c.key, "0", got)
		if got := l.Do(read[c.key]...).String(); got != want {
			t.Errorf("%s comes back from redis-server as %s, was %s", c.key, got, want)
		}
	}
	l.Do("HSET", "small", "name", "anna", "age", "30")
	e, _ := db.Find([]byte("small"))
	if data := commands.NewEntryWriter(commands.RDBOptions{Compress: true}).DumpValue(nil, &e); data[0] != byte(rdb.TypeHash) {
		t.Errorf("a hash of 20 bytes is written as type %d", data[0])
	}
}
