package acl

import "slices"

// Where a denial happened.
const (
	ContextTopLevel = "toplevel"
	ContextMulti    = "multi"
)

const (
	groupMs   = 60_000 // denials of one kind within this time are one entry
	groupScan = 10     // looked for among so many of the newest entries
)

// Entry is a line of the log.
type Entry struct {
	ID         int64
	Count      int64
	Reason     Denial
	Context    string
	Object     string // the command, key or channel
	User       string
	CreatedMs  int64
	UpdatedMs  int64
	ClientInfo string // of the last of them
}

// Log keeps the latest denials, the newest first, and counts them all.
type Log struct {
	entries []*Entry
	nextID  int64
	Counts  [DeniedChannel + 1]int64 // by reason
}

// Add counts a denial and keeps it, with at most max entries. e has Reason, Context, Object, User and CreatedMs;
// info makes its ClientInfo when it is needed.
func (l *Log) Add(e Entry, max int, info func() string) {
	l.Counts[e.Reason]++
	if max == 0 {
		l.entries = nil
		return
	}
	for i, old := range l.entries[:min(len(l.entries), groupScan)] {
		if old.Reason != e.Reason || old.Context != e.Context || old.Object != e.Object || old.User != e.User ||
			e.CreatedMs-old.UpdatedMs > groupMs || old.UpdatedMs-e.CreatedMs > groupMs {
			continue
		}
		old.Count++
		old.UpdatedMs, old.ClientInfo = e.CreatedMs, info()
		copy(l.entries[1:i+1], l.entries[:i])
		l.entries[0] = old
		return
	}
	e.ID, e.Count, e.UpdatedMs, e.ClientInfo = l.nextID, 1, e.CreatedMs, info()
	l.nextID++
	l.entries = slices.Insert(l.entries, 0, &e)
	if len(l.entries) > max {
		clear(l.entries[max:])
		l.entries = l.entries[:max]
	}
}

// Newest returns up to n entries.
func (l *Log) Newest(n int64) []*Entry { return l.entries[:min(int64(len(l.entries)), n)] }

// Reset forgets the entries.
func (l *Log) Reset() { l.entries = nil }
