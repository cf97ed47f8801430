package commands

// What the HTTP port shows, on the loop's side: it answers questions that other goroutines ask, with copies, and walks over
// the keyspace a little at each tick to find large keys.

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"redix/commands/httpport"
	"redix/engine"
	"redix/engine/acl"
	"redix/engine/keyspace"
)

const (
	// figuresAge is how old figures may be that are given out again: however many ask, the loop copies them so often.
	figuresAge = 200 * time.Millisecond
	// maxQuestions is how many may wait for the loop.
	maxQuestions = 256
	// walkSlice is how long the walk goes on at one tick, walkStep the keys between two looks at the clock.
	walkSlice = 100 * time.Microsecond
	walkStep  = 16
	// bigKeys is how many large keys are remembered; bigKeyBytes of their names.
	bigKeys     = 16
	bigKeyBytes = 128
	// slowShown is how many entries of the slow log are copied.
	slowShown = 32
)

// figureSections are the parts of INFO that figures are taken from.
var figureSections = engine.Args{[]byte("server"), []byte("clients"), []byte("memory"), []byte("persistence"), []byte("stats"),
	[]byte("replication"), []byte("cpu"), []byte("errorstats"), []byte("cluster"), []byte("keyspace")}

// Observer is the loop's end of the HTTP port. Ask may be called by any goroutine, all else belongs to the loop.
type Observer struct {
	server *engine.Server
	latest *httpport.Figures
	walk   keyWalk

	mu    sync.Mutex
	queue []question
}

type question struct {
	httpport.Question
	reply chan httpport.Answer
}

// Observe starts to measure what is shown. It is called when all other hooks are set, since it adds itself to them.
func Observe(s *engine.Server) *Observer {
	s.Observe()
	o := &Observer{server: s}
	cron, woken := s.Hooks.Cron, s.Hooks.Woken
	s.Hooks.Cron = func() {
		if cron != nil {
			cron()
		}
		o.cron()
	}
	s.Hooks.Woken = func() {
		if woken != nil {
			woken()
		}
		o.answerAll()
	}
	return o
}

// Ask implements httpport.Source.
func (o *Observer) Ask(ctx context.Context, q httpport.Question) (httpport.Answer, error) {
	asked := question{q, make(chan httpport.Answer, 1)}
	o.mu.Lock()
	full := len(o.queue) >= maxQuestions
	if !full {
		o.queue = append(o.queue, asked)
	}
	o.mu.Unlock()
	if full {
		return httpport.Answer{}, errors.New("too many ask at once")
	}
	o.server.Reactor.Wake()
	select {
	case a := <-asked.reply:
		return a, nil
	case <-ctx.Done():
		return httpport.Answer{}, ctx.Err()
	}
}

// answerAll answers what was asked.
func (o *Observer) answerAll() {
	o.mu.Lock()
	queue := o.queue
	o.queue = nil
	o.mu.Unlock()
	for _, q := range queue {
		q.reply <- o.answer(q.Question)
	}
}

func (o *Observer) answer(q httpport.Question) httpport.Answer {
	a := httpport.Answer{PProf: o.server.Config.HTTP.PProf}
	if !q.Open {
		a.Access = httpAccess(o.server, q)
	}
	if a.Access == httpport.NeedPassword || a.Access == httpport.Protected {
		return a
	}
	if now := time.Now(); o.latest == nil || now.Sub(o.latest.At) > figuresAge {
		o.latest = o.figures(now)
	}
	a.Figures = o.latest
	return a
}

// shownCommands are those whose replies the HTTP port shows parts of: who may not run them, and not read all keys, sees
// nothing.
var shownCommands = []string{"info", "slowlog|get", "scan"}

// httpAccess is who may see the figures: a user who might ask for them as a client, who is the default user until another
// name and password are shown.
func httpAccess(s *engine.Server, q httpport.Question) httpport.Access {
	user := s.Users.Default
	switch {
	case q.HasPassword && s.Users.NeedsLogin():
		if user = s.Users.Authenticate([]byte(q.User), []byte(q.Password)); user == nil {
			return httpport.NeedPassword
		}
	case s.Users.NeedsLogin():
		return httpport.NeedPassword
	}
	for _, name := range shownCommands {
		call := acl.Call{Command: s.Users.Catalog.Lookup(name)}
		if call.Command == nil { // a command that was renamed to nothing
			continue
		}
		if why, _ := user.Check(&call); why != acl.Allowed || !user.AllowsAllKeys(&call, acl.Read) {
			return httpport.NeedPassword
		}
	}
	switch {
	case s.Users.NeedsLogin() || !s.Config.ProtectedMode:
		return httpport.Granted
	case engine.IsLocal(q.Addr):
		return httpport.GrantedHere
	}
	return httpport.Protected
}

// figures copies what is shown. It takes as long as INFO and 2 microseconds for each command that is in use.
func (o *Observer) figures(now time.Time) *httpport.Figures {
	s := o.server
	f := &httpport.Figures{At: now, Text: infoText(s, figureSections), SlowLen: s.SlowLogLen(), Keys: o.walk.keys()}
	f.Loading, f.Loaded, f.ToLoad = s.LoadProgress()
	if s.Journal != nil {
		if err := s.Journal.Err(); err != nil {
			f.WritesRefused = err.Error()
		}
	}
	eachRow(s.Table, func(r *engine.Row) {
		if r.Stats == (engine.CallStats{}) {
			return
		}
		c := httpport.Command{Name: r.FullName, Stats: r.Stats}
		if r.Latency != nil {
			h := *r.Latency
			c.Latency = &h
		}
		f.Commands = append(f.Commands, c)
	})
	s.SlowLog(func(e *engine.SlowEntry) bool {
		f.Slow = append(f.Slow, *e)
		return len(f.Slow) < slowShown
	})
	rounds := s.Observed().Rounds
	f.Rounds = &rounds
	f.Keys.Hottest = s.Observed().Hot
	for i := range s.Keyspace.Len() {
		f.Keys.Total += int64(s.Keyspace.DB(i).Len())
	}
	o.walk.scale(&f.Keys)
	return f
}

// cron walks on.
func (o *Observer) cron() {
	if loading, _, _ := o.server.LoadProgress(); !loading {
		o.walk.step(o.server.Keyspace, time.Now())
	}
}

// keyWalk goes over all keys, slowly and again and again, by SCAN's cursor.
type keyWalk struct {
	db     int
	cursor uint64
	begun  time.Time
	seen   walked
	last   walked // of the last whole walk
	whole  float64
}

type walked struct {
	keys  int64
	types map[keyspace.Type]httpport.TypeOfKeys
	big   []httpport.BigKey // the biggest first
}

// step visits keys for a slice; a walk that ends ends the step.
func (w *keyWalk) step(ks *keyspace.Keyspace, now time.Time) {
	if w.seen.types == nil {
		w.seen = walked{types: map[keyspace.Type]httpport.TypeOfKeys{}}
		w.begun = now
	}
	for time.Since(now) < walkSlice {
		db := ks.DB(w.db)
		if db.Len() > 0 {
			w.cursor = db.Scan(w.cursor, walkStep, func(e *keyspace.Entry) { w.seen.visit(e) })
		}
		if db.Len() > 0 && w.cursor != 0 {
			continue
		}
		w.cursor = 0
		if w.db++; w.db == ks.Len() {
			w.db = 0
			w.last, w.whole = w.seen, max(now.Sub(w.begun).Seconds(), 0.001)
			w.seen = walked{}
			return
		}
	}
}

func (w *walked) visit(e *keyspace.Entry) {
	size := e.Size()
	t := w.types[e.Type()]
	t.Keys++
	t.Bytes += size
	w.types[e.Type()] = t
	w.keys++
	if len(w.big) == bigKeys && size <= w.big[bigKeys-1].Bytes {
		return
	}
	key := e.Key()
	w.insert(httpport.BigKey{Key: string(key[:min(len(key), bigKeyBytes)]), Type: typeNames[e.Type()], DB: e.DB().ID, Bytes: size})
}

// insert keeps the biggest, the biggest first.
func (w *walked) insert(k httpport.BigKey) {
	i, _ := slices.BinarySearchFunc(w.big, k, func(a, b httpport.BigKey) int { return cmp.Compare(b.Bytes, a.Bytes) })
	w.big = slices.Insert(w.big, i, k)
	w.big = w.big[:min(len(w.big), bigKeys)]
}

// keys is what is known: the last whole walk, or the one that goes on as long as there is none.
func (w *keyWalk) keys() httpport.Keys {
	from := &w.last
	if w.whole == 0 {
		from = &w.seen
	}
	k := httpport.Keys{Visited: w.seen.keys, WalkSecs: w.whole, Biggest: slices.Clone(from.big)}
	for t, sum := range from.types {
		sum.Name = typeNames[t]
		k.Types = append(k.Types, sum)
	}
	slices.SortFunc(k.Types, func(a, b httpport.TypeOfKeys) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return k
}

// scale makes an estimate for all keys of what was seen of some: SCAN's order is that of a hash, so any part of it is a
// fair sample.
func (w *keyWalk) scale(k *httpport.Keys) {
	seen := int64(0)
	for _, t := range k.Types {
		seen += t.Keys
	}
	for i := range k.Types {
		t := &k.Types[i]
		share := float64(k.Total) / float64(max(seen, 1))
		t.Keys, t.Bytes = int64(float64(t.Keys)*share+0.5), int64(float64(t.Bytes)*share+0.5)
	}
}
