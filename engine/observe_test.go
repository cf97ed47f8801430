package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"redix/engine/keyspace"
	"redix/engine/seeds"
)

// Keys that are used often are found among many that are not, with rates that are near the truth and not above it.
func TestHotKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	s := &Server{Keyspace: keyspace.New(1, 0, nil)}
	s.Observe()
	o, c := s.observed, &Client{DB: s.Keyspace.DB(0)}
	begun := time.Unix(1000, 0)
	o.roll(begun)
	const commands = 2_000_000
	frames := make([]frame, batchFrames)
	get := &Row{FirstKey: 1}
	for range commands / batchFrames {
		for i := range frames {
			f := &frames[i]
			switch r := random.IntN(100); {
			case r < 5:
				f.row, f.args = get, Args{nil, []byte("hot:5%")}
			case r < 7:
				f.row, f.args = get, Args{nil, []byte("hot:2%")}
			case r < 10:
				f.row, f.args = &Row{}, Args{nil} // PING
			default:
				f.row, f.args = get, Args{nil, fmt.Appendf(nil, "key:%d", random.IntN(1_000_000))}
			}
		}
		o.sample(s, c, frames)
	}
	o.roll(begun.Add(10 * time.Second))
	if len(o.Hot) < 2 || o.Hot[0].Key != "hot:5%" || o.Hot[1].Key != "hot:2%" {
		t.Fatalf("found %+v", o.Hot)
	}
	for i, share := range []float64{0.05, 0.02} {
		if got, want := o.Hot[i].PerSecond, share*commands/10; got < want*0.7 || got > want*1.2 {
			t.Errorf("%s: %.0f a second, want about %.0f", o.Hot[i].Key, got, want)
		}
	}
	for _, k := range o.Hot[2:] {
		if k.PerSecond > 0.01*commands/10 {
			t.Errorf("%+v is not hot", k)
		}
	}
	o.roll(begun.Add(20 * time.Second))
	for range 10_000 { // until all counters are taken and have room for a key
		o.sample(s, c, frames)
	}
	if n := testing.AllocsPerRun(1000, func() { o.sample(s, c, frames) }); n > 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
