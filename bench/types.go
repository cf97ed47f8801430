//go:build linux

// The set "types": every data type beside redis-server. Its parts:
//
//	rb-NAME-pN     redis-benchmark's default tests, with its own generator
//	big-NAME       one command on a structure of a million elements, 50 clients, pipeline 16
//	memory-NAME    resident memory per element (memory.go measures)
//	publish-10k    what others feel while a message goes to ten thousand subscribers (publish.go)

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"redix/bench/load"

	"github.com/tidwall/redcon"
)

const typesSet = "types"

func typeScenarios() []scenario {
	all := defaultTests()
	all = append(all, bigScenarios()...)
	all = append(all, typeMemoryScenarios()...)
	all = append(all, scenario{name: "publish-10k", about: "PING while messages of 200 B go to 10 k subscribers", maxRuns: 5, measure: publishToMany,
		flags:  append([]string{"--maxclients", "10100"}, noJournal...),
		bounds: []bound{ownAtMost(metricMax, 5000, 2000), ownAtMost(metricRound, 5000, 1000), ownAtMost(metricFanout, 5000, 1000)}})
	for i := range all {
		all[i].set = typesSet
	}
	return all
}

// defaultTest is one test of redis-benchmark's default set. Its data is 3 bytes, as there, and its keys, elements and
// scores are random ones of 100 k, where there they are one and the same.
type defaultTest struct {
	name string
	args []string
	// perSecond is how many requests make up a second, without pipelining and with 16.
	perSecond [2]int
	// before, if set, loads one element a request, so that none finds the structure empty.
	before load.Encode
	must   float64 // at pipeline 16
}

func defaultTests() []scenario {
	usual := [2]int{80_000, 600_000}
	tests := []defaultTest{
		{name: "ping-inline", args: []string{"-t", "ping_inline"}},
		{name: "ping-mbulk", args: []string{"-t", "ping_mbulk"}},
		{name: "default-set", args: words("SET key:__rand_int__ xxx")},
		{name: "default-get", args: words("GET key:__rand_int__"), before: func(dst []byte, i int) []byte {
			return redcon.AppendBulkString(appendKey(header(dst, 3, "SET"), i%keyCount), "xxx")
		}},
		{name: "incr", args: words("INCR counter:__rand_int__")},
		{name: "lpush", args: words("LPUSH mylist xxx")},
		{name: "rpush", args: words("RPUSH mylist xxx")},
		{name: "lpop", args: words("LPOP mylist"), before: listElement},
		{name: "rpop", args: words("RPOP mylist"), before: listElement},
		{name: "sadd", args: words("SADD myset element:__rand_int__")},
		{name: "hset", args: words("HSET myhash element:__rand_int__ xxx")},
		{name: "spop", args: words("SPOP myset"), before: func(dst []byte, i int) []byte {
			return appendElement(redcon.AppendBulkString(header(dst, 3, "SADD"), "myset"), i)
		}},
		{name: "zadd", args: words("ZADD myzset __rand_int__ element:__rand_int__")},
		{name: "zpopmin", args: words("ZPOPMIN myzset"), before: func(dst []byte, i int) []byte {
			dst = redcon.AppendBulkString(header(dst, 4, "ZADD"), "myzset")
			return appendElement(redcon.AppendBulkString(dst, strconv.Itoa(scatter(i)%keyCount)), i)
		}},
		{name: "mset", args: words("MSET" + strings.Repeat(" key:__rand_int__ xxx", 10)), perSecond: [2]int{50_000, 120_000}},
		{name: "xadd", args: words("XADD mystream * myfield xxx")},
	}
	for _, long := range []struct{ n, perSecond, pipelined int }{{100, 40_000, 90_000}, {300, 20_000, 36_000}, {500, 15_000, 24_000}, {600, 14_000, 20_000}} {
		tests = append(tests, defaultTest{name: fmt.Sprint("lrange-", long.n), args: words(fmt.Sprint("LRANGE mylist 0 ", long.n-1)),
			perSecond: [2]int{long.perSecond, long.pipelined}, before: listElement, must: 0.9})
	}
	var all []scenario
	for _, test := range tests {
		if test.perSecond == [2]int{} {
			test.perSecond = usual
		}
		if test.must == 0 {
			test.must = 0.8
		}
		for at, depth := range []int{1, 16} {
			must := []float64{1, test.must}[at]
			all = append(all, scenario{name: fmt.Sprintf("rb-%s-p%d", test.name, depth), flags: noJournal, bounds: atMost(metricCPU, must, 0.5),
				about:   fmt.Sprintf("redis-benchmark %s, pipeline %d", shortened(strings.Join(test.args, " ")), depth),
				measure: func(b *bench, s *server) (result, error) { return test.measure(b, s, depth, test.perSecond[at]) }})
		}
	}
	return all
}

func words(line string) []string { return strings.Fields(line) }

func shortened(line string) string {
	if len(line) > 60 {
		return line[:60] + "..."
	}
	return line
}

func (test *defaultTest) measure(b *bench, s *server, depth, perSecond int) (result, error) {
	if b.redisBenchmark == "" {
		return nil, errNoRedisBenchmark
	}
	requests := b.count(int(float64(perSecond) * b.duration.Seconds()))
	if test.before != nil {
		if _, err := fill(b, s, requests, test.before); err != nil {
			return nil, err
		}
	}
	return redisBenchmark(b, s, depth, requests, test.args...)
}

func listElement(dst []byte, _ int) []byte {
	return redcon.AppendBulkString(redcon.AppendBulkString(header(dst, 3, "RPUSH"), "mylist"), "xxx")
}

// appendElement appends an element as redis-benchmark names it, 20 bytes.
func appendElement(dst []byte, n int) []byte {
	return append(appendDigits(append(dst, "$20\r\nelement:"...), n, 12), "\r\n"...)
}

// scatter turns 0, 1, 2 ... into numbers without order.
func scatter(n int) int { return int(uint64(n) * 0x9e3779b97f4a7c15 >> 33) }

const (
	bigCount  = 1_000_000
	sinterSet = 100_000
	bigDepth  = 16
	chunk     = 50 // elements that one command of the preparation adds
	readCount = 10 // entries that one XREADGROUP reads and one XACK acknowledges
)

// bigTest is a command on one structure of a million elements.
type bigTest struct {
	name, about string
	// before prepares it: command number i adds the elements from i*chunk on, or a single one.
	before load.Encode
	single bool
	encode func(dst []byte, n int, random *rand.Rand) []byte
}

func bigScenarios() []scenario {
	tests := []bigTest{
		{name: "zadd", about: "ZADD of a new score of a random member", before: bigZset,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				dst = redcon.AppendBulkString(header(dst, 4, "ZADD"), "z")
				return appendMember(redcon.AppendBulkString(dst, strconv.Itoa(random.IntN(bigCount))), random.IntN(n))
			}},
		{name: "zrank", about: "ZRANK of a random member", before: bigZset,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				return appendMember(redcon.AppendBulkString(header(dst, 3, "ZRANK"), "z"), random.IntN(n))
			}},
		{name: "zrange", about: "ZRANGE of 10 members at a random rank", before: bigZset,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				at := random.IntN(n)
				return load.Command(dst, "ZRANGE", "z", strconv.Itoa(at), strconv.Itoa(at+9))
			}},
		{name: "sadd", about: "SADD of a member of which half are there", before: bigSet,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				return appendMember(redcon.AppendBulkString(header(dst, 3, "SADD"), "m"), random.IntN(2*n))
			}},
		{name: "sismember", about: "SISMEMBER of a member of which half are there", before: bigSet,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				return appendMember(redcon.AppendBulkString(header(dst, 3, "SISMEMBER"), "m"), random.IntN(2*n))
			}},
		{name: "xadd", about: "XADD of three small fields to a stream", before: bigStream, single: true,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				dst = redcon.AppendBulkString(redcon.AppendBulkString(header(dst, 9, "XADD"), "x"), "*")
				return appendFields(dst, random.IntN(n))
			}},
		{name: "lindex", about: "LINDEX in the middle of a list of 32 B elements", before: bigList,
			encode: func(dst []byte, n int, random *rand.Rand) []byte {
				return load.Command(dst, "LINDEX", "l", strconv.Itoa(n/2+random.IntN(max(n/100, 1))))
			}},
	}
	var all []scenario
	for _, test := range tests {
		all = append(all, scenario{name: "big-" + test.name, about: test.about + ", 1 M elements, 50 clients, pipeline 16", flags: noJournal,
			bounds: atMost(metricCPU, 1, 0.5), measure: test.measure})
	}
	return append(all,
		scenario{name: "big-sinter", about: "SINTER of two sets of 100 k strings that share half, 2 clients", flags: noJournal,
			bounds: atMost(metricCPU, 1, 0.5), measure: intersection},
		scenario{name: "big-xreadgroup", about: "XREADGROUP of 10 entries and XACK of them in turn, 1 M entries, 1 client, pipeline 16",
			flags: noJournal, bounds: atMost(metricCPU, 1, 0.5), measure: groupReading})
}

func (test *bigTest) measure(b *bench, s *server) (result, error) {
	n := b.count(bigCount/chunk) * chunk
	commands := n / chunk
	if test.single {
		commands = n
	}
	if _, err := fill(b, s, commands, test.before); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	batches := max(1, b.count(scriptCommands)/bigDepth)
	return timed(b, s, load.Closed{Conns: clientCount, Warmup: b.duration / 5,
		Source: load.NewScript(batches, bigDepth, func(dst []byte, _ int) []byte { return test.encode(dst, n, random) })})
}

// appendMember appends a member of 13 bytes.
func appendMember(dst []byte, n int) []byte {
	return append(appendDigits(append(dst, "$13\r\nmember"...), n, 7), "\r\n"...)
}

func bigZset(dst []byte, i int) []byte {
	dst = redcon.AppendBulkString(header(dst, 2+2*chunk, "ZADD"), "z")
	for k := i * chunk; k < (i+1)*chunk; k++ {
		dst = appendMember(redcon.AppendBulkString(dst, strconv.Itoa(scatter(k)%bigCount)), k)
	}
	return dst
}

func bigSet(dst []byte, i int) []byte { return appendSetChunk(dst, "m", i*chunk) }

func appendSetChunk(dst []byte, key string, from int) []byte {
	dst = redcon.AppendBulkString(header(dst, 2+chunk, "SADD"), key)
	for k := from; k < from+chunk; k++ {
		dst = appendMember(dst, k)
	}
	return dst
}

func bigList(dst []byte, i int) []byte {
	dst = redcon.AppendBulkString(header(dst, 2+chunk, "RPUSH"), "l")
	for k := i * chunk; k < (i+1)*chunk; k++ {
		dst = appendValue(dst, k, 32)
	}
	return dst
}

// bigStream adds entry i, of three small fields.
func bigStream(dst []byte, i int) []byte {
	dst = redcon.AppendBulkString(header(dst, 9, "XADD"), "x")
	return appendFields(appendEntryID(dst, i), i)
}

// appendEntryID appends the identifier of entry i, of a time that has passed.
func appendEntryID(dst []byte, i int) []byte {
	return append(appendDigits(append(dst, "$15\r\n"...), 1_500_000_000_000+i, 13), "-0\r\n"...)
}

// appendFields appends three fields with values of 8, 4 and 10 bytes.
func appendFields(dst []byte, i int) []byte {
	dst = appendValue(append(dst, "$4\r\nname\r\n"...), i, 8)
	dst = append(appendDigits(append(dst, "$3\r\nage\r\n$4\r\n"...), i%10_000, 4), "\r\n"...)
	return appendValue(append(dst, "$4\r\ncity\r\n"...), i+1, 10)
}

// intersection measures SINTER.
func intersection(b *bench, s *server) (result, error) {
	n := b.count(sinterSet/chunk) * chunk
	for at, key := range []string{"a", "b"} {
		if _, err := fill(b, s, n/chunk, func(dst []byte, i int) []byte { return appendSetChunk(dst, key, at*n/2+i*chunk) }); err != nil {
			return nil, err
		}
	}
	return timed(b, s, load.Closed{Conns: 2, Warmup: b.duration / 5,
		Source: load.NewScript(1, 1, func(dst []byte, _ int) []byte { return load.Command(dst, "SINTER", "a", "b") })})
}

// groupReading measures a consumer that reads a stream and acknowledges, until it has read it all or time is up. There is one
// client, so that each XACK names what the XREADGROUP before it has read.
func groupReading(b *bench, s *server) (result, error) {
	n := b.count(bigCount/readCount) * readCount
	if _, err := fill(b, s, n, bigStream); err != nil {
		return nil, err
	}
	if _, err := s.control.do("XGROUP", "CREATE", "x", "g", "0"); err != nil {
		return nil, err
	}
	return timed(b, s, load.Closed{Conns: 1, Source: &load.Sequence{Count: 2 * n / readCount, Depth: bigDepth, Encode: func(dst []byte, i int) []byte {
		if i%2 == 0 {
			return load.Command(dst, "XREADGROUP", "GROUP", "g", "c", "COUNT", strconv.Itoa(readCount), "STREAMS", "x", ">")
		}
		dst = redcon.AppendBulkString(redcon.AppendBulkString(header(dst, 3+readCount, "XACK"), "x"), "g")
		for k := i / 2 * readCount; k < (i/2+1)*readCount; k++ {
			dst = appendEntryID(dst, k)
		}
		return dst
	}}})
}

// typeMemory is a structure whose memory is measured, with the bound on its size as a ratio.
type typeMemory struct {
	name, about string
	must        float64
	data        dataset
}

func typeMemoryScenarios() []scenario {
	const million, small = 1_000_000, 100_000
	tests := []typeMemory{
		{"zset", "member, one sorted set of 1 M members of 13 B", 0.7, dataset{count: million, keys: oneKey, encode: func(dst []byte, i int) []byte {
			dst = redcon.AppendBulkString(header(dst, 4, "ZADD"), "z")
			return appendMember(redcon.AppendBulkString(dst, strconv.Itoa(scatter(i)%million)), i)
		}}},
		{"set", "member, one set of 1 M strings of 13 B", 0.7, dataset{count: million, keys: oneKey, encode: func(dst []byte, i int) []byte {
			return appendMember(redcon.AppendBulkString(header(dst, 3, "SADD"), "m"), i)
		}}},
		{"intset", "member, one set of 1 M integers", 1, dataset{count: million, keys: oneKey, encode: func(dst []byte, i int) []byte {
			return load.Command(dst, "SADD", "m", strconv.Itoa(scatter(i)))
		}}},
		{"list", "element, one list of 1 M elements of 32 B", 1, dataset{count: million, keys: oneKey, encode: func(dst []byte, i int) []byte {
			return appendValue(redcon.AppendBulkString(header(dst, 3, "RPUSH"), "l"), i, 32)
		}}},
		{"stream", "entry, one stream of 1 M entries of 3 small fields", 1, dataset{count: million, keys: oneKey, encode: bigStream}},
		{"small-zset", "sorted set, 100 k of 10 members of 8 B", 0.85, dataset{count: small, keys: everyKey, encode: func(dst []byte, i int) []byte {
			dst = appendKey(header(dst, 22, "ZADD"), i)
			for k := range 10 {
				dst = appendValue(redcon.AppendBulkString(dst, strconv.Itoa(k)), 10*i+k, 8)
			}
			return dst
		}}},
		{"small-list", "list, 100 k of 10 elements of 8 B", 0.85, dataset{count: small, keys: everyKey, encode: tenOf("RPUSH")}},
		{"small-set", "set, 100 k of 10 members of 8 B", 0.85, dataset{count: small, keys: everyKey, encode: tenOf("SADD")}},
	}
	// redis-server 7.0 keeps small lists in a quicklist and small sets of strings in a hash table; 7.2 has a listpack for both:
	// 107 B in a block of 112, and an object of 16, an entry of 24, a key in 24 and 11 of the table.
	const listpack72 = 112 + 16 + 24 + 24 + 11
	var all []scenario
	for _, test := range tests {
		bounds := atMost(metricPerKey, test.must, test.must)
		if test.name == "small-list" || test.name == "small-set" {
			bounds = append(bounds, ownAtMost(metricPerKey, math.Floor(test.must*listpack72), math.Floor(test.must*listpack72)))
		}
		all = append(all, scenario{name: "memory-" + test.name, about: "resident memory per " + test.about, flags: noJournal, maxRuns: 2,
			bounds: bounds, measure: memoryPer(test.data)})
	}
	return all
}

// tenOf encodes a command that adds ten values of 8 bytes to a key of their own.
func tenOf(name string) load.Encode {
	return func(dst []byte, i int) []byte {
		dst = appendKey(header(dst, 12, name), i)
		for k := range 10 {
			dst = appendValue(dst, 10*i+k, 8)
		}
		return dst
	}
}
