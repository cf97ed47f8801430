package commands_test

// redigo, unmodified: RESP2, a pool of connections, pipelines by hand.

import (
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"redix/commands/servertest"
)

func TestRedigo(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		pool := &redis.Pool{
			MaxIdle:      4,
			TestOnBorrow: func(c redis.Conn, _ time.Time) error { _, err := c.Do("PING"); return err },
			Dial: func() (redis.Conn, error) {
				return redis.Dial("tcp", s.Addr, redis.DialPassword("secret"), redis.DialDatabase(2), redis.DialClientName("tester"))
			},
		}
		defer pool.Close()
		for range 3 { // from the second round on, from the pool
			redigoOnce(t, pool)
		}
		if _, err := redis.Dial("tcp", s.Addr, redis.DialPassword("wrong")); err == nil {
			t.Error("a wrong password is taken")
		}
		wantQuietLog(t, s)
	}, "--requirepass", "secret")
}

func redigoOnce(t *testing.T, pool *redis.Pool) {
	t.Helper()
	c := pool.Get()
	defer c.Close()
	if name, err := redis.String(c.Do("CLIENT", "GETNAME")); err != nil || name != "tester" {
		t.Errorf("CLIENT GETNAME: %q, %v", name, err)
	}
	if _, err := c.Do("SET", "k", []byte("v\r\n\x00"), "PX", 60000); err != nil {
		t.Error(err)
	}
	if v, err := redis.Bytes(c.Do("GET", "k")); err != nil || string(v) != "v\r\n\x00" {
		t.Errorf("GET: %q, %v", v, err)
	}
	if _, err := redis.String(c.Do("GET", "none")); err != redis.ErrNil {
		t.Errorf("GET of nothing: %v", err)
	}
	type album struct {
		Title string `redis:"title"`
		Year  int    `redis:"year"`
	}
	if _, err := c.Do("HSET", redis.Args{}.Add("album").AddFlat(&album{"Blue", 1971})...); err != nil {
		t.Error(err)
	}
	fields, err := redis.Values(c.Do("HGETALL", "album"))
	var got album
	if err != nil || redis.ScanStruct(fields, &got) != nil || got != (album{"Blue", 1971}) {
		t.Errorf("HGETALL: %+v, %v", got, err)
	}
	for _, words := range [][]any{{"MULTI"}, {"SET", "n", 41}, {"INCR", "n"}} {
		if err := c.Send(words[0].(string), words[1:]...); err != nil {
			t.Error(err)
		}
	}
	if r, err := redis.Values(c.Do("EXEC")); err != nil || len(r) != 2 || r[1] != int64(42) {
		t.Errorf("EXEC: %v, %v", r, err)
	}
	if _, err := c.Do("FLUSHDB"); err != nil {
		t.Error(err)
	}
}

// A subscriber with a health check: PING is answered with a message in RESP2.
func TestRedigoSubscriber(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		dial := func() redis.Conn {
			c, err := redis.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		publisher, c := dial(), dial()
		defer publisher.Close()
		defer c.Close()
		sub := redis.PubSubConn{Conn: c}
		if err := sub.PSubscribe("news.*"); err != nil {
			t.Fatal(err)
		}
		if m, ok := sub.Receive().(redis.Subscription); !ok || m.Count != 1 {
			t.Fatalf("PSUBSCRIBE: %+v", m)
		}
		if err := sub.Ping("alive"); err != nil {
			t.Fatal(err)
		}
		if m, ok := sub.Receive().(redis.Pong); !ok || m.Data != "alive" {
			t.Errorf("PING: %+v", m)
		}
		if n, err := redis.Int(publisher.Do("PUBLISH", "news.art", "hello")); err != nil || n != 1 {
			t.Errorf("PUBLISH: %d, %v", n, err)
		}
		if m, ok := sub.Receive().(redis.Message); !ok || m.Pattern != "news.*" || m.Channel != "news.art" || string(m.Data) != "hello" {
			t.Errorf("message: %+v", m)
		}
		wantQuietLog(t, s)
	})
}
