package commands_test

// A widely used client library, unmodified, in both protocols: what it sends at connection, what it makes of the replies.

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redix/commands/servertest"
)

// forEachClient runs a test with go-redis in both protocols on both reactors.
func forEachClient(t *testing.T, options redis.Options, f func(t *testing.T, c *redis.Client), flags ...string) {
	t.Helper()
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		for _, proto := range []int{2, 3} {
			t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
				o := options
				o.Addr, o.Protocol = s.Addr, proto
				c := redis.NewClient(&o)
				defer c.Close()
				f(t, c)
				if err := c.FlushAll(t.Context()).Err(); err != nil {
					t.Error(err)
				}
			})
		}
	}, flags...)
}

// wantReply compares the reply of a command with what it must be.
func wantReply[T comparable](t *testing.T, cmd interface{ Result() (T, error) }, want T) {
	t.Helper()
	if got, err := cmd.Result(); err != nil || got != want {
		t.Errorf("%v: %v, %v; want %v", cmd, got, err, want)
	}
}

func wantErr(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || err.Error() != text {
		t.Errorf("error %v, want %s", err, text)
	}
}

func TestGoRedisStrings(t *testing.T) {
	forEachClient(t, redis.Options{}, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		wantReply(t, c.Ping(ctx), "PONG")
		wantReply(t, c.Set(ctx, "k", "v", time.Hour), "OK")
		wantReply(t, c.Get(ctx, "k"), "v")
		if ttl := c.TTL(ctx, "k").Val(); ttl < 59*time.Minute || ttl > time.Hour {
			t.Errorf("TTL %v", ttl)
		}
		wantReply(t, c.TTL(ctx, "none"), -2)
		wantErr(t, c.Get(ctx, "none").Err(), redis.Nil.Error())
		wantReply(t, c.SetNX(ctx, "k", "w", 0), false)
		wantReply(t, c.SetArgs(ctx, "k", "w", redis.SetArgs{Get: true, KeepTTL: true}), "v")
		wantReply(t, c.IncrBy(ctx, "n", 5), 5)
		wantReply(t, c.IncrByFloat(ctx, "n", 0.5), 5.5)
		wantReply(t, c.Append(ctx, "k", "xyz"), 4)
		wantReply(t, c.GetRange(ctx, "k", 1, -1), "xyz")
		wantReply(t, c.GetEx(ctx, "k", 0), "wxyz")
		wantReply(t, c.GetDel(ctx, "k"), "wxyz")
		wantReply(t, c.MSet(ctx, "a", 1, "b", 2), "OK")
		if got := c.MGet(ctx, "a", "none", "b").Val(); len(got) != 3 || got[0] != "1" || got[1] != nil || got[2] != "2" {
			t.Errorf("MGET: %v", got)
		}
		wantErr(t, c.HGet(ctx, "a", "f").Err(), wrongType)
		wantErr(t, c.Incr(ctx, "n").Err(), notInt)
		binary := "\x00\r\n\xff$3\r\n"
		wantReply(t, c.Set(ctx, "binary", binary, 0), "OK")
		wantReply(t, c.Get(ctx, "binary"), binary)
	})
}

func TestGoRedisHashes(t *testing.T) {
	type record struct {
		Name string  `redis:"name"`
		Age  int     `redis:"age"`
		Size float64 `redis:"size"`
		OK   bool    `redis:"ok"`
	}
	forEachClient(t, redis.Options{}, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		want := record{"Ann", 33, 1.75, true}
		wantReply(t, c.HSet(ctx, "h", want), 4)
		var got record
		if err := c.HGetAll(ctx, "h").Scan(&got); err != nil || got != want {
			t.Errorf("HGETALL: %+v, %v", got, err)
		}
		wantReply(t, c.HIncrBy(ctx, "h", "age", 2), 35)
		wantReply(t, c.HIncrByFloat(ctx, "h", "size", 0.25), 2)
		wantReply(t, c.HExists(ctx, "h", "none"), false)
		wantReply(t, c.HSetNX(ctx, "h", "name", "Bob"), false)
		if kv := c.HRandFieldWithValues(ctx, "h", 2).Val(); len(kv) != 2 || c.HGet(ctx, "h", kv[0].Key).Val() != kv[0].Value {
			t.Errorf("HRANDFIELD: %v", kv)
		}
		for i := range 2000 {
			c.HSet(ctx, "big", "f"+strconv.Itoa(i), i)
		}
		found := map[string]string{}
		for it := c.HScan(ctx, "big", 0, "f*", 50).Iterator(); it.Next(ctx); {
			field := it.Val()
			it.Next(ctx)
			found[field] = it.Val()
		}
		if len(found) != 2000 || found["f77"] != "77" {
			t.Errorf("HSCAN found %d fields", len(found))
		}
		wantReply(t, c.HDel(ctx, "h", "name", "none"), 1)
		wantReply(t, c.HLen(ctx, "h"), 3)
	})
}

func TestGoRedisKeys(t *testing.T) {
	forEachClient(t, redis.Options{DB: 3, ClientName: "tester"}, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		wantReply(t, c.ClientGetName(ctx), "tester")
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 3000 {
				p.Set(ctx, "key:"+strconv.Itoa(i), i, 0)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for it := c.Scan(ctx, 0, "key:*", 100).Iterator(); it.Next(ctx); {
			found[it.Val()] = true
		}
		if len(found) != 3000 {
			t.Errorf("SCAN found %d keys", len(found))
		}
		wantReply(t, c.DBSize(ctx), 3000)
		wantReply(t, c.Expire(ctx, "key:1", time.Hour), true)
		wantReply(t, c.ExpireGT(ctx, "key:1", time.Minute), false)
		wantReply(t, c.Persist(ctx, "key:1"), true)
		at := time.Now().Add(time.Hour).Truncate(time.Second)
		wantReply(t, c.ExpireAt(ctx, "key:1", at), true)
		wantReply(t, c.ExpireTime(ctx, "key:1"), time.Duration(at.Unix())*time.Second)
		wantReply(t, c.Rename(ctx, "key:2", "other"), "OK")
		wantErr(t, c.Rename(ctx, "key:2", "other").Err(), "ERR no such key")
		wantReply(t, c.Copy(ctx, "other", "copy", 3, false), 1)
		wantReply(t, c.Type(ctx, "copy"), "string")
		wantReply(t, c.ObjectEncoding(ctx, "copy"), "int")
		wantReply(t, c.Unlink(ctx, "copy", "other", "none"), 2)
		wantReply(t, c.Exists(ctx, "key:1", "key:2"), 1)
		if m := c.ConfigGet(ctx, "maxclients").Val(); m["maxclients"] == "" {
			t.Errorf("CONFIG GET: %v", m)
		}
		if info := c.InfoMap(ctx, "server").Val(); info["Server"]["redis_version"] == "" {
			t.Errorf("INFO: %v", info)
		}
		if cmds, err := c.Command(ctx).Result(); err != nil || cmds["get"] == nil || cmds["get"].FirstKeyPos != 1 {
			t.Errorf("COMMAND: get is %+v, %v", cmds["get"], err)
		}
	})
}

func TestGoRedisPipelines(t *testing.T) {
	forEachClient(t, redis.Options{PoolSize: 10}, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		const workers, rounds, each = 20, 10, 30
		var work sync.WaitGroup
		for w := range workers {
			work.Go(func() {
				for range rounds {
					if err := pipelineOnce(ctx, c, w, each); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		work.Wait()
		wantReply(t, c.Get(ctx, "all"), strconv.Itoa(workers*rounds*each))
	})
}

// pipelineOnce sends n increments and other commands at a time, one of them mistaken, and checks each answer.
func pipelineOnce(ctx context.Context, c *redis.Client, worker, n int) error {
	var gets []*redis.StringCmd
	var wrong *redis.IntCmd
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range n {
			key := fmt.Sprintf("w%d:%d", worker, i)
			p.Incr(ctx, "all")
			p.Set(ctx, key, key, time.Minute)
			gets = append(gets, p.Get(ctx, key))
		}
		wrong = p.HLen(ctx, "all")
		return nil
	})
	if err == nil || wrong.Err() == nil || wrong.Err().Error() != wrongType {
		return fmt.Errorf("HLEN of a string: %w", errors.Join(err, wrong.Err()))
	}
	for i, get := range gets {
		if want := fmt.Sprintf("w%d:%d", worker, i); get.Val() != want {
			return fmt.Errorf("%v, want %s", get, want)
		}
	}
	return nil
}

func TestGoRedisPassword(t *testing.T) {
	forEachClient(t, redis.Options{Password: "secret"}, func(t *testing.T, c *redis.Client) {
		wantReply(t, c.Ping(t.Context()), "PONG")
		o := *c.Options()
		for password, want := range map[string]string{
			"wrong": "WRONGPASS invalid username-password pair or user is disabled.",
			"":      "NOAUTH Authentication required.",
		} {
			o.Password = password
			other := redis.NewClient(&o)
			defer other.Close()
			wantErr(t, other.Get(t.Context(), "k").Err(), want)
		}
	}, "--requirepass", "secret")
}
