package engine

// Stats are the counters that INFO shows. The loop owns them.
type Stats struct {
	StartMs        int64
	Connections    int64 // accepted
	Rejected       int64 // refused because of maxclients
	Commands       int64
	ErrorReplies   int64
	Errors         map[string]int64 // by the first word of the reply
	KeyspaceHits   int64
	KeyspaceMisses int64

	NetInputBytes, NetOutputBytes int64
	Reads, Writes                 int64 // of sockets
	QueryLimitDisconnections      int64
	OutputLimitDisconnections     int64
	TimeoutDisconnections         int64
	EvictedClients                int64

	Evicted            int64 // keys
	EvictionExceededNs int64 // used memory has been over maxmemory, without the time since it last was
	EvictionNs         int64 // spent on it
	EvictionSliceNsMax int64

	Rounds       int64
	BackgroundNs int64
	SliceNsMax   int64 // longest slice of background work
	// SliceUsedNsMax is the most of the processor that one took: without what ran in between, on the same processor.
	SliceUsedNsMax int64
	PeakMemory     int64
	LateExpiryMs   int64 // how far active expiry was behind when last looked at
	ExpiryNs       int64 // spent on active expiry
	ExpiryCut      int64 // slices at whose end keys were still due
	RoundsNs       int64 // spent in rounds
	RoundNsMax     int64 // longest round
	// FanoutUsedNsMax is the most of the processor that a slice of fan-out took, counted as SliceUsedNsMax is; soft interrupts that come
	// while it sends count where the kernel does not keep them apart.
	FanoutUsedNsMax int64

	// Over about the last 1.6 s.
	OpsPerSec, InputKbps, OutputKbps float64
	RoundsPerSec, RoundNs            float64
	samples                          [16]sample
	sampleAt                         int
	lastCommands, lastIn, lastOut    int64
	lastRounds, lastRoundsNs         int64
	lastSampleMs                     int64
}

// minSample is the least time in seconds between two samples.
const minSample = 0.09

type sample struct{ ops, in, out, rounds, roundsNs float64 }

// roundSampled is how many rounds there are to one that Observation.Rounds counts.
const roundSampled = 16

// maxErrorKinds bounds Errors: past it, new kinds are not told apart, as in redis-server.
const maxErrorKinds = 128

func (st *Stats) countError(kind string) {
	if st.Errors == nil {
		st.Errors = map[string]int64{}
	}
	if _, ok := st.Errors[kind]; !ok && len(st.Errors) >= maxErrorKinds {
		return
	}
	st.Errors[kind]++
}

// Reset is CONFIG RESETSTAT.
func (st *Stats) Reset() {
	*st = Stats{StartMs: st.StartMs, PeakMemory: st.PeakMemory,
		lastSampleMs: st.lastSampleMs, samples: st.samples, sampleAt: st.sampleAt}
}

// sampleRates is called by cron, at most hz times a second.
func (st *Stats) sampleRates(nowMs int64) {
	took := float64(nowMs-st.lastSampleMs) / 1000
	if took >= 0 && took < minSample {
		return
	}
	if st.lastSampleMs > 0 && took > 0 { // the clock may have been set back
		st.samples[st.sampleAt] = sample{
			ops: float64(st.Commands-st.lastCommands) / took,
			in:  float64(st.NetInputBytes-st.lastIn) / 1024 / took,
			out: float64(st.NetOutputBytes-st.lastOut) / 1024 / took,

			rounds: float64(st.Rounds-st.lastRounds) / took, roundsNs: float64(st.RoundsNs-st.lastRoundsNs) / took,
		}
		st.sampleAt = (st.sampleAt + 1) % len(st.samples)
	}
	st.lastSampleMs, st.lastCommands, st.lastIn, st.lastOut = nowMs, st.Commands, st.NetInputBytes, st.NetOutputBytes
	st.lastRounds, st.lastRoundsNs = st.Rounds, st.RoundsNs
	var sum sample
	for _, x := range st.samples {
		sum.ops += x.ops
		sum.in += x.in
		sum.out += x.out
		sum.rounds += x.rounds
		sum.roundsNs += x.roundsNs
	}
	n := float64(len(st.samples))
	st.OpsPerSec, st.InputKbps, st.OutputKbps = sum.ops/n, sum.in/n, sum.out/n
	st.RoundsPerSec, st.RoundNs = sum.rounds/n, sum.roundsNs/max(sum.rounds, 1)
}
