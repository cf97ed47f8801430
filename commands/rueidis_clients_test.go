package commands_test

// rueidis, unmodified: it pipelines everything by itself, so that what many goroutines ask for shares one connection.

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"redix/commands/servertest"
)

// forRueidis runs a test with rueidis in both protocols on both reactors.
func forRueidis(t *testing.T, options rueidis.ClientOption, f func(t *testing.T, c rueidis.Client), flags ...string) {
	t.Helper()
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		for _, resp2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("RESP2=%v", resp2), func(t *testing.T) {
				o := options
				o.InitAddress, o.AlwaysRESP2, o.ForceSingleClient = []string{s.Addr}, resp2, true
				o.DisableCache = o.DisableCache || resp2 // its cache needs push messages
				c, err := rueidis.NewClient(o)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				f(t, c)
			})
		}
		wantQuietLog(t, s)
	}, flags...)
}

// wantQuietLog fails if the server has warned of something.
func wantQuietLog(t *testing.T, s *servertest.Server) {
	t.Helper()
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") || strings.Contains(line, "protocol error") {
			t.Errorf("the server says %s", line)
		}
	}
}

func TestRueidis(t *testing.T) {
	forRueidis(t, rueidis.ClientOption{DisableCache: true, SelectDB: 3, ClientName: "tester"}, func(t *testing.T, c rueidis.Client) {
		ctx := t.Context()
		text := func(want string, words ...string) {
			t.Helper()
			got, err := c.Do(ctx, c.B().Arbitrary(words...).Build()).ToString()
			if err != nil || got != want {
				t.Errorf("%q: %q, %v; want %q", words, got, err, want)
			}
		}
		text("tester", "CLIENT", "GETNAME")
		text("OK", "SET", "k", "v", "EX", "100")
		text("v", "GET", "k")
		if err := c.Do(ctx, c.B().Get().Key("none").Build()).Error(); !rueidis.IsRedisNil(err) {
			t.Errorf("GET of nothing: %v", err)
		}
		if m, err := c.Do(ctx, c.B().Hset().Key("h").FieldValue().FieldValue("a", "1").FieldValue("b", "2").Build()).AsInt64(); err != nil || m != 2 {
			t.Errorf("HSET: %d, %v", m, err)
		}
		if m, err := c.Do(ctx, c.B().Hgetall().Key("h").Build()).AsStrMap(); err != nil || len(m) != 2 || m["b"] != "2" {
			t.Errorf("HGETALL: %v, %v", m, err)
		}
		c.Do(ctx, c.B().Zadd().Key("z").ScoreMember().ScoreMember(1.5, "one").ScoreMember(2, "two").Build())
		if z, err := c.Do(ctx, c.B().Zrange().Key("z").Min("0").Max("-1").Withscores().Build()).AsZScores(); err != nil || len(z) != 2 || z[0].Score != 1.5 {
			t.Errorf("ZRANGE: %v, %v", z, err)
		}
		id, err := c.Do(ctx, c.B().Xadd().Key("x").Id("*").FieldValue().FieldValue("f", "v").Build()).ToString()
		if err != nil {
			t.Error(err)
		}
		if x, err := c.Do(ctx, c.B().Xread().Streams().Key("x").Id("0").Build()).AsXRead(); err != nil || len(x["x"]) != 1 || x["x"][0].ID != id {
			t.Errorf("XREAD: %v, %v", x, err)
		}
		var re *rueidis.RedisError
		if err := c.Do(ctx, c.B().Incr().Key("h").Build()).Error(); !errors.As(err, &re) || re.Error() != strings.TrimPrefix(wrongType, "-") {
			t.Errorf("INCR of a hash: %v", err)
		}
		for i, r := range c.DoMulti(ctx, c.B().Multi().Build(), c.B().Incr().Key("n").Build(), c.B().Exec().Build()) {
			if r.Error() != nil {
				t.Errorf("MULTI, command %d: %v", i, r.Error())
			}
		}
		c.Do(ctx, c.B().Flushdb().Build())
	})
}

// Many goroutines, one connection: each must get its own reply.
func TestRueidisPipelinesByItself(t *testing.T) {
	forRueidis(t, rueidis.ClientOption{DisableCache: true}, func(t *testing.T, c rueidis.Client) {
		ctx := t.Context()
		const workers, each = 50, 100
		var work sync.WaitGroup
		for w := range workers {
			work.Go(func() {
				for i := range each {
					key := fmt.Sprintf("w%d:%d", w, i)
					if err := c.Do(ctx, c.B().Set().Key(key).Value(key).Ex(time.Minute).Build()).Error(); err != nil {
						t.Error(err)
						return
					}
					if got, err := c.Do(ctx, c.B().Get().Key(key).Build()).ToString(); err != nil || got != key {
						t.Errorf("GET %s: %q, %v", key, got, err)
						return
					}
					c.Do(ctx, c.B().Incr().Key("all").Build())
				}
			})
		}
		work.Wait()
		if n, err := c.Do(ctx, c.B().Get().Key("all").Build()).ToString(); err != nil || n != strconv.Itoa(workers*each) {
			t.Errorf("all: %s, %v", n, err)
		}
		c.Do(ctx, c.B().Flushdb().Build())
	})
}

func TestRueidisPubSubAndBlocking(t *testing.T) {
	forRueidis(t, rueidis.ClientOption{DisableCache: true}, func(t *testing.T, c rueidis.Client) {
		ctx := t.Context()
		own, free := c.Dedicate()
		defer free()
		got := make(chan string, 1)
		ended := own.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { got <- m.Channel + " " + m.Message }})
		if err := own.Do(ctx, own.B().Subscribe().Channel("news").Build()).Error(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the message arrives", func() bool {
			n, err := c.Do(ctx, c.B().Publish().Channel("news").Message("hello").Build()).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			return n == 1
		})
		select {
		case m := <-got:
			if m != "news hello" {
				t.Errorf("message %q", m)
			}
		case err := <-ended:
			t.Errorf("the subscription ended: %v", err)
		case <-time.After(10 * time.Second):
			t.Error("no message")
		}
		popped := make(chan []string, 1)
		go func() {
			words, err := c.Do(ctx, c.B().Blpop().Key("queue").Timeout(10).Build()).AsStrSlice()
			if err != nil {
				words = []string{err.Error()}
			}
			popped <- words
		}()
		c.Do(ctx, c.B().Rpush().Key("queue").Element("job").Build())
		if words := <-popped; len(words) != 2 || words[1] != "job" {
			t.Errorf("BLPOP: %q", words)
		}
	})
}

func TestRueidisPassword(t *testing.T) {
	forRueidis(t, rueidis.ClientOption{DisableCache: true, Password: "secret"}, func(t *testing.T, c rueidis.Client) {
		if err := c.Do(t.Context(), c.B().Ping().Build()).Error(); err != nil {
			t.Error(err)
		}
	}, "--requirepass", "secret")
}
