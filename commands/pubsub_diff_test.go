package commands_test

// Publish and subscribe: random steps by a few connections, to redix and to a real redis-server, by compareClients.

import (
	"slices"
	"strings"
)

func init() {
	clientScripts["pubsub"] = []string{
		"SUBSCRIBE K", "SUBSCRIBE K K K", "SUBSCRIBE K;SUBSCRIBE K", "SSUBSCRIBE K", "SSUBSCRIBE K K", "PSUBSCRIBE a*", "PSUBSCRIBE ab* ?",
		"PSUBSCRIBE [ab]* K", "PSUBSCRIBE *", "SUBSCRIBE K;PSUBSCRIBE a:?;SSUBSCRIBE K", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE",
		"UNSUBSCRIBE K", "UNSUBSCRIBE K K none", "UNSUBSCRIBE", "PUNSUBSCRIBE a*", "PUNSUBSCRIBE ? * none", "PUNSUBSCRIBE", "SUNSUBSCRIBE K",
		"SUNSUBSCRIBE K none K", "SUNSUBSCRIBE", "SUBSCRIBE K;UNSUBSCRIBE K;SUBSCRIBE K", "RESET", "QUIT", "HELLO 2", "HELLO 3", "HELLO 3",
		"PUBLISH K 1", "PUBLISH K 2", "PUBLISH K 3", "PUBLISH none x", "SPUBLISH K 1", "SPUBLISH K 2", "SPUBLISH none x", "PUBLISH K", "SPUBLISH K",
		"PUBLISH K 1;PUBLISH K 2;SPUBLISH K 3;PUBLISH K 4", "RESET;MULTI;PUBLISH K 1;SPUBLISH K 2;PUBLISH K 3;EXEC", "MULTI;PUBLISH K 1;DISCARD",
		"PUBSUB NUMPAT", "PUBSUB NUMSUB K K none", "PUBSUB SHARDNUMSUB K K none", "PUBSUB CHANNELS a:1", "PUBSUB SHARDCHANNELS b:3", "PUBSUB NUMSUB",
		"PUBSUB CHANNELS a b", "GET K", "PING", "PING x", "ECHO x", "CLIENT INFO", "SUBSCRIBE K;GET K;PING;SET K 1",
	}
}

// sameTold takes out what differs by nature from what a step of connection at has made arrive: redis-server keeps patterns
// and a client's subscriptions without order, and since 7.2 a client's message to itself comes after the reply.
func sameTold(at string, got []string) []string {
	got = slices.Clone(got)
	isOwn := func(line string) bool { return strings.HasPrefix(line, at) && strings.Contains(line, "message\" ") }
	slices.SortStableFunc(got, func(a, b string) int {
		switch {
		case !strings.HasPrefix(a, at) || !strings.HasPrefix(b, at) || isOwn(a) == isOwn(b):
			return 0
		case isOwn(b):
			return -1
		}
		return 1
	})
	for from := 0; from < len(got); {
		kind := strings.SplitN(got[from], " ", 3)
		to := from + 1
		for to < len(got) && len(kind) == 3 && strings.HasPrefix(got[to], kind[0]+" "+kind[1]+" ") {
			to++
		}
		switch run := got[from:to]; {
		case strings.Contains(got[from], "pmessage"):
			slices.Sort(run)
		case strings.Contains(got[from], "unsubscribe"): // the counts stay in their order
			var names []string
			for _, line := range run {
				names = append(names, strings.Split(line, " ")[2])
			}
			slices.Sort(names)
			for i, line := range run {
				words := strings.Split(line, " ")
				words[2] = names[i]
				run[i] = strings.Join(words, " ")
			}
		}
		from = to
	}
	return got
}
