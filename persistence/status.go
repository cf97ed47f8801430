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
}

// status is engine.Hooks.Persistence.
func (a *Attachment) status() engine.PersistenceStatus {
	st := engine.PersistenceStatus{Rewriting: a.base != nil, RewriteFailed: a.written.failed, Rewrites: a.written.files,
		RewriteNs: -1}
	if a.written.files > 0 {
		st.RewriteNs = int64(a.written.took)
	}
	if a.base != nil {
		st.RewriteStartMs = a.started.UnixMilli()
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
