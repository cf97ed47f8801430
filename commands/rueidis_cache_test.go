package commands_test

// rueidis with its cache on the client's side, as it is by default: what it has read it answers itself until the server
// tells that it has changed.

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"redix/commands/servertest"
)

func TestRueidisCache(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, ForceSingleClient: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		plain := s.Dial()
		ctx := t.Context()
		get := func(key string) (value string, cached bool) {
			t.Helper()
			r := c.DoCache(ctx, c.B().Get().Key(key).Cache(), time.Hour)
			value, err := r.ToString()
			if err != nil && !rueidis.IsRedisNil(err) {
				t.Fatal(err)
			}
			return value, r.IsCacheHit()
		}
		calls := func() string { return plain.Info("commandstats")["cmdstat_get"] }

		plain.Must("SET", "k", "first")
		if v, cached := get("k"); v != "first" || cached {
			t.Fatalf("%q, cached %v: it has not been read before", v, cached)
		}
		before := calls()
		for range 100 {
			if v, cached := get("k"); v != "first" || !cached {
				t.Fatalf("%q, cached %v", v, cached)
			}
		}
		if now := calls(); now != before {
			t.Errorf("the server was asked: %s, before %s", now, before)
		}

		// every kind of change is told
		plain.Must("SET", "l", "")
		for i, change := range [][]string{
			{"SET", "k", "second"}, {"APPEND", "k", "!"}, {"DEL", "k"}, {"SET", "k", "back"}, {"PEXPIRE", "k", "20"}, {"RENAME", "l", "k"}, {"FLUSHALL"},
		} {
			before, _ := get("k") // again remembered
			want := before
			switch i {
			case 0:
				want = "second"
			case 1:
				want = "second!"
			case 2, 4, 5, 6:
				want = ""
			case 3:
				want = "back"
			}
			plain.Must(change...)
			eventually(t, change[0]+" is told", func() bool { v, _ := get("k"); return v == want })
		}

		// a struct of many keys, read at one stroke, of which one changes
		keys := make([]string, 20)
		for i := range keys {
			keys[i] = "many:" + strconv.Itoa(i)
			plain.Must("SET", keys[i], strconv.Itoa(i))
		}
		for range 2 {
			all, err := rueidis.MGetCache(c, ctx, time.Hour, keys)
			if err != nil || len(all) != len(keys) {
				t.Fatalf("%d keys, %v", len(all), err)
			}
		}
		plain.Must("INCRBY", "many:7", "100")
		eventually(t, "the change of one is told", func() bool { v, _ := get("many:7"); return v == "107" })
		if v, cached := get("many:8"); v != "8" || !cached {
			t.Errorf("its neighbour: %q, cached %v", v, cached)
		}
		wantQuietLog(t, s)
	})
}

// In broadcast mode the client hears of its prefixes, whether it has read the key or not.
func TestRueidisBroadcast(t *testing.T) {
	servertest.Both(t, func(t *testing.T, s *servertest.Server) {
		told := make(chan string, 100)
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, ForceSingleClient: true,
			ClientTrackingOptions: []string{"PREFIX", "user:", "PREFIX", "object:", "BCAST"},
			OnInvalidations: func(messages []rueidis.RedisMessage) {
				for _, m := range messages {
					key, _ := m.ToString()
					told <- key
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		plain := s.Dial()
		plain.Must("SET", "other:1", "v")
		plain.Must("SET", "user:1", "v")
		select {
		case key := <-told:
			if key != "user:1" {
				t.Errorf("told of %s", key)
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing is told")
		}
		wantQuietLog(t, s)
	})
}
