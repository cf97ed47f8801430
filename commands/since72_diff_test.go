package commands_test

// What came with Redis 7.2, to redix and to a server that has it (REDIX_PEER; see package peer), one command after the other.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"redix/commands/servertest"
)

// newWith72 are commands whose replies have changed or come with 7.2, or that 7.0 could not show. What differs by nature is
// masked by maskedNew.
var newWith72 = []string{
	// encodings
	"CONFIG SET set-max-listpack-entries 4 set-max-listpack-value 5 list-max-listpack-size 4 set-max-intset-entries 3", "SADD a 1 2 3", "OBJECT ENCODING a", "SADD a 4",
	"OBJECT ENCODING a", "SADD a x", "OBJECT ENCODING a", "SADD b 1 x", "OBJECT ENCODING b", "SADD b 2 3", "OBJECT ENCODING b", "SADD b 4", "OBJECT ENCODING b", "SADD c 1 abcde",
	"OBJECT ENCODING c", "SADD c abcdef", "OBJECT ENCODING c", "SREM c abcdef", "OBJECT ENCODING c", "SUNIONSTORE d c c", "OBJECT ENCODING d", "SUNIONSTORE d a", "OBJECT ENCODING d",
	"RPUSH l 1 2 3 4", "OBJECT ENCODING l", "RPUSH l 5", "OBJECT ENCODING l", "LTRIM l 0 2", "OBJECT ENCODING l", "LPOP l", "OBJECT ENCODING l",
	"SORT l STORE m", "OBJECT ENCODING m", "LINSERT l BEFORE 2 x", "LSET l 0 y", "OBJECT ENCODING l", "CONFIG GET set-max-listpack-*", "CONFIG SET set-max-listpack-value 5b",
	"ZADD z -0 a 1.1 b 3 c 1e21 d 0.1 e", "ZRANGE z 0 -1 WITHSCORES", "ZINCRBY z 0.2 e", "ZRANK z c WITHSCORE", "ZREVRANK z c WITHSCORE", "ZRANK z none WITHSCORE", "ZRANK z c WITHSCORES",
	"ZRANK z c WITHSCORE x", "ZRANK nokey c WITHSCORE", "ZMSCORE z a b none", "ZPOPMIN z 2", "FLUSHALL",
	// clients
	"CLIENT SETINFO LIB-NAME redis-x", "CLIENT SETINFO lib-ver 1.2", "CLIENT SETINFO LIB-NAME a b", `CLIENT SETINFO LIB-NAME "a b"`, "CLIENT SETINFO LIB-VER a\nb", "CLIENT SETINFO x y",
	"CLIENT SETINFO LIB-NAME", "CLIENT LIST ID 0", "CLIENT NO-TOUCH ON", "CLIENT NO-TOUCH off", "CLIENT NO-TOUCH x", "CLIENT NO-TOUCH", "CLIENT LIST ID", "CLIENT LIST TYPE x", "CLIENT LIST USER x",
	"CLIENT SETNAME x", "CLIENT GETNAME", "CLIENT INFO", "CLIENT HELP x", "CLIENT TRACKINGINFO", "CLIENT REPLY x", "CLIENT KILL TYPE x", "CLIENT NO-EVICT x",
	// expiry
	"SET k v EX 9223372036854775807", "SET k v PX 9223372036854775807", "SET k v EXAT 9223372036854775807", "SET k v PXAT 9223372036854775807", "SET k v EX 0", "SET k v EXAT -1", "GET k",
	"SETEX k 9223372036854775807 v", "PSETEX k 9223372036854775807 v", "SET k v", "EXPIRE k 9223372036854775807", "EXPIRE k -9223372036854775808", "PEXPIRE k 9223372036854775807",
	"EXPIREAT k 9223372036854775807", "PEXPIREAT k 9223372036854775807", "PEXPIRETIME k", "EXPIREAT k 9223372036854775", "PEXPIRETIME k", "EXPIRETIME k", "EXPIRE k 10 NX XX", "EXPIRE k 10 GT LT", "EXPIRE k 10 GT x",
	"EXPIRE k 1 GT", "GETEX k PERSIST", "GETEX k EX 9223372036854775807", "GETEX k PXAT 0", "GETEX k EXAT x", "GETEX k PX 1 PERSIST", "EXISTS k",
	// streams
	"XADD x 1-1 f v", "XGROUP CREATE x g 0", "XREADGROUP GROUP g c STREAMS x >", "XREADGROUP GROUP g d STREAMS x >", "XINFO CONSUMERS x g", "XINFO STREAM x FULL", "XINFO GROUPS x", "XCLAIM x g e 0 9-9", "XAUTOCLAIM x g f 0 9-9",
	"XINFO CONSUMERS x g", "XGROUP CREATECONSUMER x g e", "XGROUP DELCONSUMER x g c", "XREADGROUP GROUP g c STREAMS x y >", "XREAD STREAMS x y 1", "XREADGROUP GROUP g c STREAMS x $", "XREAD STREAMS x >",
	"XSETID x 1-1 ENTRIESADDED 5", "XSETID x 1-1 ENTRIESADDED 5 MAXDELETEDID 9-9", "XSETID x 0-1", "XSETID y 1-1", "XREADGROUP GROUP none c STREAMS x >", "XADD x MAXLEN ~ 5 LIMIT -1 * f v", "XTRIM x MAXLEN 5 LIMIT 1", "XTRIM x LIMIT 0",
	// what waits, in a transaction
	"MULTI", "BLPOP nolist 0", "BZPOPMIN none 0", "XREAD BLOCK 0 STREAMS none $", "WAIT 0 0", "EXEC", "BLPOP x 0", "BLPOP none x", "BLPOP none -1", "BLMPOP 0 1 none x", "BZMPOP 0 0 none MIN", "BLPOP none 1e400", "BLMPOP 0.01 1 none LEFT",
	// waiting for the journal
	"WAITAOF 0 0 0", "WAITAOF 1 0 0", "WAITAOF 2 0 0", "WAITAOF -1 0 0", "WAITAOF 0 -1 0", "WAITAOF 0 0 -1", "WAITAOF x 0 0", "WAITAOF 0 x 0", "WAITAOF 0 0 x", "WAITAOF 0 0", "WAIT 0 x", "WAIT x 0", "WAIT 0 -1",
	// commands about commands
	"COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", "COMMAND GETKEYS GET", "COMMAND GETKEYS SORT a BY b STORE c", "COMMAND GETKEYS SORT_RO a BY w*", "COMMAND GETKEYSANDFLAGS SORT a STORE c", "COMMAND GETKEYSANDFLAGS XREADGROUP GROUP g c STREAMS a b > >",
	"COMMAND GETKEYS ZUNIONSTORE a 2 b c", "COMMAND GETKEYS ZUNIONSTORE a 3 b c", "COMMAND GETKEYS BITFIELD_RO k", "COMMAND GETKEYSANDFLAGS BITFIELD k GET u8 0", "COMMAND GETKEYSANDFLAGS SET k v GET", "COMMAND GETKEYS GEORADIUS k 1 1 1 m STORE d",
	"COMMAND GETKEYS LMPOP 2 a b LEFT", "COMMAND GETKEYS BLMPOP 0 2 a b LEFT", "COMMAND GETKEYS OBJECT ENCODING k", "COMMAND GETKEYS OBJECT HELP", "COMMAND GETKEYS PFMERGE d s", "COMMAND INFO nosuch", "COMMAND LIST FILTERBY ACLCAT nosuch", "COMMAND DOCS nosuch",
	// access
	"ACL CAT", "ACL CAT nosuch", "ACL SETUSER u on nopass ~a* %R~b* &c* +@read -get +config|get (+set ~x) sanitize-payload", "ACL GETUSER u", "ACL DRYRUN u GET b1", "ACL DRYRUN u GETDEL b1", "ACL DRYRUN u SET x 1", "ACL DRYRUN u SET y 1", "ACL DRYRUN u STRLEN b1", "ACL DRYRUN u STRLEN q",
	"ACL DRYRUN u CONFIG GET x", "ACL DRYRUN u CONFIG SET x y", "ACL DRYRUN u SUBSCRIBE d", "ACL DRYRUN u nosuch", "ACL DRYRUN none GET x", "ACL DRYRUN u GET", "ACL LIST", "ACL SETUSER u +@all -@all +select|0", "ACL GETUSER u", "ACL SETUSER u +config|get|x", "ACL SETUSER u (+get", "ACL LOG x", "ACL GENPASS x", "ACL WHOAMI x",
	"ACL SETUSER u reset +get|s +@read +@write -@string -@all +@all", "ACL GETUSER u", "ACL DELUSER u default", "ACL DELUSER u",
	// statistics, times and notifications
	"CONFIG SET latency-tracking no", "LATENCY HISTOGRAM nosuch", "LATENCY RESET x", "LATENCY LATEST", "LATENCY HISTORY x", "LATENCY GRAPH x", "CONFIG SET notify-keyspace-events AKEn", "CONFIG GET notify-keyspace-events", "CONFIG SET notify-keyspace-events KEnm", "CONFIG GET notify-keyspace-events",
	"CONFIG SET notify-keyspace-events y", "SLOWLOG GET -2", "SLOWLOG GET x", "CONFIG GET locale-collate", "CONFIG SET loglevel nothing", "CONFIG SET loglevel none", "CONFIG SET loglevel notice",
	// scans, encodings of numbers, and the rest
	"SET k 1", "SCAN 0 COUNT 0", "SCAN 0 COUNT x", "SCAN 0 TYPE string COUNT 1000", "SCAN x", "SCAN 0 MATCH", "SSCAN k 0", "HSCAN nokey 0", "ZSCAN nokey 0 COUNT 5", "INCRBYFLOAT k 1e17", "INCRBYFLOAT k 0.1", "GET k", "HINCRBYFLOAT h f 3.0e3", "HINCRBYFLOAT h f nan", "GEOADD geo 1 1 a", "GEOPOS geo a", "GEODIST geo a a",
	"GEOSEARCH geo FROMLONLAT 1 1 BYRADIUS 1 m WITHCOORD WITHDIST WITHHASH", "SETRANGE k 536870912 x", "BITFIELD k SET u8 4294967295 1", "LCS k geo", "LCS k nokey LEN IDX", "OBJECT FREQ k", "OBJECT HELP x", "MSETNX a 1 b", "SINTERCARD 0 a", "SINTERCARD 1 a LIMIT -1", "LMPOP 1 a x", "ZMPOP 1 z MIN COUNT 0",
	"RESTORE r 0 x", "RESTORE r -1 x", "RESTORE r 0 x FREQ 256", "COPY k k", "COPY k q DB 99", "MOVE k 0", "RENAME none a", "SWAPDB 0 99", "DEBUG QUICKLIST-PACKED-THRESHOLD 1gb", "DEBUG SET-ACTIVE-EXPIRE x", "DEBUG LISTPACK k", "DEBUG OBJECT nokey", "DEBUG JMAP", "DEBUG DIGEST-VALUE k", "DEBUG RELOAD x", "FAILOVER", "PUBSUB SHARDNUMSUB a",
	"SPUBLISH c m", "PUBSUB CHANNELS", "RESET",
}

var (
	clientFields = regexp.MustCompile(`\b(id|addr|laddr|fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem)=\S*`)
	laterFields  = regexp.MustCompile(` (watch|tot-net-in|tot-net-out|tot-cmds)=\S*`)
)

// maskedNew prints a reply without times, memory and what is in no order.
func maskedNew(words []string, v reply) string {
	if words[0] == "CONFIG" && words[1] == "GET" {
		v = v.Sorted(true)
	}
	if words[0] == "ACL" && words[1] == "CAT" || len(words) > 1 && words[1] == "GETKEYSANDFLAGS" {
		v = v.Sorted(false)
	}
	if name(words) == "xinfo" {
		return withoutTimes(words, v)
	}
	if strings.Contains(v.Str, " laddr=") {
		return laterFields.ReplaceAllString(clientFields.ReplaceAllString(v.Str, "$1=N"), "")
	}
	return v.String()
}

// otherHere are those of newWith72 whose reply is another here, with the reason.
var otherHere = map[string]string{
	"CONFIG GET notify-keyspace-events": "n is shown beside A too: without it CONFIG REWRITE would lose it",
	"CONFIG SET loglevel none":          "there is a level error",
}

func TestDiffSince72(t *testing.T) {
	p := servertest.StartRedis(t)
	if before72(against) {
		t.Skip("SKIPPED: " + against.String() + " is older than 7.2 (REDIX_PEER names another)")
	}
	for i, reactor := range servertest.Reactors {
		t.Run(fmt.Sprintf("%s/RESP%d", reactor, 2+i), func(t *testing.T) {
			ours, theirs := servertest.Start(t, reactor).Dial(), p.Dial()
			theirs.Must("FLUSHALL")
			if i > 0 {
				ours.Hello(3)
				theirs.Hello(3)
			}
			for _, line := range newWith72 {
				words := strings.Split(line, " ")
				for k, w := range words {
					words[k] = strings.Trim(w, `"`)
				}
				a, b := maskedNew(words, ours.Do(words...)), maskedNew(words, theirs.Do(words...))
				if a != b && otherHere[line] == "" {
					t.Errorf("%s\n ours   %s\n theirs %s", line, a, b)
				}
			}
			ours.Must("CONFIG", "SET", "latency-tracking", "yes")
		})
	}
	t.Logf("%d replies compared with %s", len(newWith72)*len(servertest.Reactors), against)
}

// TestDiffDocs: groups, versions and arguments of all commands. Summaries and histories are redix's own.
func TestDiffDocs(t *testing.T) {
	theirs := servertest.StartRedis(t).Dial()
	if before72(against) {
		t.Skip("SKIPPED: " + against.String() + " is older than 7.2 (REDIX_PEER names another)")
	}
	ours := servertest.Start(t, servertest.Reactors[0]).Dial()
	count, arguments := 0, 0
	var compare func(a, b reply)
	compare = func(a, b reply) {
		want := fieldsOf(b)
		for pair := range slices.Chunk(a.Elems, 2) {
			count++
			name := pair[0].Str
			x, y := fieldsOf(pair[1]), fieldsOf(want[name])
			for _, field := range []string{"since", "group", "doc_flags", "deprecated_since", "replaced_by"} {
				if !x[field].Equal(y[field]) && !(valkey(against) && name == "cluster|slots") { // deprecated no more there
					t.Errorf("%s: %s\n ours   %s\n theirs %s", name, field, x[field], y[field])
				}
			}
			other := otherArguments[name]
			if other != "" && strings.HasSuffix(other, "Valkey's") && !valkey(against) {
				other = ""
			}
			p, q := argumentLines(x["arguments"], ""), argumentLines(y["arguments"], "")
			if arguments += len(p); !slices.Equal(p, q) && other == "" {
				t.Errorf("%s: arguments\n ours\n%s theirs\n%s", name, strings.Join(p, ""), strings.Join(q, ""))
			} else if slices.Equal(p, q) && other != "" {
				t.Errorf("%s: the same arguments, which are not meant to be: %s", name, other)
			}
			compare(x["subcommands"], y["subcommands"])
		}
	}
	compare(ours.Must("COMMAND", "DOCS"), theirs.Must("COMMAND", "DOCS"))
	t.Logf("%d commands and %d arguments compared with %s", count, arguments, against)
}

// otherArguments are the commands whose arguments are others beside a server of later than 7.2, with the reason.
var otherArguments = map[string]string{
	"client|kill":     "MAXAGE came with 7.4",
	"hscan":           "NOVALUES came with 7.4",
	"cluster|setslot": "TIMEOUT is Valkey's",
	"zscan":           "NOSCORES is Valkey's",
	"bitcount":        "an end that may be missing is Valkey's",
	"shutdown":        "ABORT as an alternative to the other words is Valkey's",
}

// argumentLines shows arguments with all that is told of them, one a line.
func argumentLines(arguments reply, indent string) (all []string) {
	for _, a := range arguments.Elems {
		line, f := indent, fieldsOf(a)
		for pair := range slices.Chunk(a.Elems, 2) {
			if field := pair[0].Str; field != "arguments" && field != "summary" {
				line += " " + field + "=" + pair[1].Sorted(false).String()
			}
		}
		all = append(all, line+"\n")
		all = append(all, argumentLines(f["arguments"], indent+"    ")...)
	}
	return all
}
