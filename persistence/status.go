package persistence

import (
	"time"

	"redix/engine"
)

// What INFO tells of the journal.

// written remembers how base files turned out.
type written struct {
	files  int64
	took   time.Duration // of the last one
	failed bool          // the last one
	peak   int64         // memory for bytes on their way, at most, of the last one
}

// status is engine.Hooks.Persistence.
func (a *Attachment) status() engine.PersistenceStatus {
	st := engine.PersistenceStatus{Rewriting: a.Rewriting(), RewriteScheduled: a.rewriteScheduled, RewriteFailed: a.written.failed,
		RewriteFailures: int64(a.failures), Rewrites: a.written.files, RewriteNs: -1, RewritePeak: a.written.peak,
		Saving: a.saving(), SaveFailed: a.server.SaveFailed, Saves: a.saves.count, SaveNs: int64(a.saves.took), SavePeak: a.saves.peak,
		LastSaveMs: a.saves.lastMs, Changes: a.server.Dirty - a.saves.changes}
	if a.written.files > 0 {
		st.RewriteNs = int64(a.written.took)
	}
	if j := a.job; j != nil {
		if j.base != nil {
			st.RewriteStartMs = j.started.UnixMilli()
		} else {
			st.SaveStartMs = j.started.UnixMilli()
		}
		if j.snapshot != nil {
			j.keys[0], j.keys[1] = j.snapshot.Progress()
		}
		st.KeysSaved, st.KeysToSave = int64(j.keys[0]), int64(j.keys[1])
		st.Buffered = j.saver.Buffered()
		j.peak = max(j.peak, st.Buffered)
		st.BufferedPeak = j.peak
	}
	if a.builder != nil {
		st.LoadedKeys, st.LoadedExpired, _ = a.builder.Made()
	}
	if a.journal != nil {
		j := a.journal.Stats()
		st.WriteFailed = !j.LastWriteOK
		st.Size, st.BaseSize, st.Queue = j.CurrentSize, j.BaseSize, j.Queue
		st.Syncing, st.DelayedSyncs = j.PendingBioFsync, j.DelayedFsync
		st.Syncs, st.SyncLastNs, st.SyncLongNs = j.Fsyncs, j.FsyncLastNs, j.FsyncMaxNs
	}
	return st
}
