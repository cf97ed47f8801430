package engine

// Journal receives every effective write, in normalised form, after it took effect. All methods are called on the loop
// and none waits for the disk. Offsets count bytes since the start.
type Journal interface {
	// Append adds one record to the current batch. args die when it returns.
	Append(db int, args ...[]byte)
	// Appended is the offset after the last record.
	Appended() int64
	// HandOver gives the batch to the goroutine that writes, at the end of a round.
	HandOver()
	// Gather is HandOver for the end of a round, after which more may come: the batch may wait for it. If so it returns true and
	// has to be called again soon, after a round that may not sleep; quiet: there was nothing to do in this one.
	Gather(quiet bool) (waits bool)
	// Releasable is the offset up to which records are as durable as the policy demands before their replies may leave.
	Releasable() int64
	// Always tells whether the policy is appendfsync always: reads of what is not yet synced wait, too.
	Always() bool
	// Full tells that so much waits to be written that writers must be held back.
	Full() bool
	// Err is why nothing can be written at present; nil when all is well. Writes are refused with MISCONF meanwhile.
	Err() error
}

// PersistenceStatus is what INFO tells of journal and snapshots. Durations are nanoseconds, points in time Unix milliseconds,
// sizes bytes.
type PersistenceStatus struct {
	Rewriting, RewriteScheduled bool
	RewriteStartMs              int64 // of the rewrite that runs, Unix milliseconds
	RewriteFailed               bool  // the last one
	RewriteNs                   int64 // of the last one; negative: there was none
	RewriteFailures             int64 // since the last one that succeeded
	Rewrites                    int64

	Saving      bool
	SaveStartMs int64 // of the one that is running
	SaveFailed  bool  // the last one
	SaveNs      int64 // of the last one; negative: there was none
	Saves       int64 // that succeeded
	LastSaveMs  int64
	Changes     int64 // since the last one, or since the start

	KeysSaved, KeysToSave  int64 // of the snapshot that is running, whatever for
	Buffered, BufferedPeak int64 // memory that it takes now, and at most so far
	SavePeak, RewritePeak  int64 // at most, by the last of each

	LoadedKeys, LoadedExpired int64 // of the snapshot that was loaded last, at the start or by DEBUG RELOAD

	WriteFailed            bool // the last write to the file
	Size, BaseSize         int64
	Queue                  int64 // appended and not yet written
	Syncing                bool
	DelayedSyncs           int64
	Syncs                  int64
	SyncLastNs, SyncLongNs int64 // the last and the longest sync
}

// Loader brings the data from disk back, in steps, while the loop answers LOADING.
type Loader interface {
	// Step passes up to budget records to Server.Apply. It returns early when it would have to wait for the disk.
	Step(budget int) (done bool, err error)
	// Waiting tells that the last Step gave up because the disk has to bring more first: the reactor is woken then.
	Waiting() bool
	// Progress is how many bytes have been loaded, and of how many.
	Progress() (done, total int64)
}

// readMarks remembers, under appendfsync always, where in the journal each recently written key was last written, so
// that a read waits exactly when it may show what is not yet durable. Keys share marks by hash: a collision makes a
// read wait that need not.
type readMarks struct {
	keys [1 << 14]int64
	all  int64 // last record that changed keys which its command does not name
	last int64 // last record of all
}

func (m *readMarks) note(hash uint64, offset int64) { m.keys[hash%uint64(len(m.keys))] = offset }

func (m *readMarks) of(hash uint64) int64 { return max(m.all, m.keys[hash%uint64(len(m.keys))]) }
