// What to do with a file whose sync failed. The kernel may have marked the pages clean that it could not write, so a
// second fdatasync can succeed while the bytes are lost: neither the file's end nor a later sync of it means anything.
// Everything after the last good sync moves to a new file instead.
//
//	old   [ synced ............ | in doubt ............ ]        manifest: old ... size S
//	                            S                                          new
//	new                         [ SELECT | in doubt, again ]     synced before the manifest names it
//
// The bytes in doubt come from memory. Under the policy no they are not kept there; then they are read back from the
// old file, which is the best copy there is: that policy promises what survives the death of the process, and the page
// cache that is read here is what would survive it.

package persistence

import "fmt"

// replaceFile goes from DISTRUST to HEALTHY, or fails and can be called again.
func (w *writer) replaceFile() error {
	w.collect(true)         // a sync of the old file, which must not count for the new one
	_ = w.collectFill(true) // of a file that is not trusted any more
	if w.spare == nil {
		f, err := w.writeSpare()
		if err != nil {
			return err
		}
		w.spare = f
	}
	old := w.file
	man := w.man.clone()
	last := len(man.incr) - 1
	if old.synced > 0 {
		man.incr[last].size = old.synced
		man.incr = append(man.incr, w.spare.listed)
	} else {
		man.incr[last] = w.spare.listed
	}
	visible, err := w.publishManifest(man)
	if !visible {
		return err
	}
	w.unsure = w.unsure || err != nil
	w.file, w.spare = w.spare, nil
	w.torn, w.distrust = false, false
	w.j.figures.rewritten.Add(1)
	w.j.figures.currentSize.Add(w.file.size - (old.size - old.synced))
	w.at.fileSize, w.at.sum = w.file.size, w.file.sum
	w.covered(w.at)
	w.retire(old)
	w.j.opts.Log.Warn("journal: file replaced after a failed sync", "old", old.name, "kept", old.synced, "new", w.file.name)
	return nil
}

// writeSpare writes and syncs the successor of w.file. A successor that cannot be synced is no better and is removed;
// the next attempt takes a new name.
func (w *writer) writeSpare() (*logFile, error) {
	f, err := w.openNew()
	if err != nil {
		return nil, err
	}
	put := func(p []byte) error {
		parts, size := w.framer.raw([][]byte{p})
		sum := f.sum
		if w.checked() {
			parts, size, sum = w.framer.batch(parts, f.size, f.size, f.sum, w.j.Policy() == Always)
		}
		if err := f.putAt(parts, f.size); err != nil {
			return err
		}
		f.size, f.sum = f.size+size, sum
		return nil
	}
	if w.syncedAt.db != noDB {
		err = put(appendSelect(nil, w.syncedAt.db))
		f.head, f.headSum = f.size, f.sum
	}
	if err == nil {
		err = w.copyBack(put)
	}
	if err == nil {
		err = w.kept.each(put)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		w.discard(f)
		return nil, fmt.Errorf("journal: writing %s, to replace %s after its sync failed: %w", f.name, w.file.name, err)
	}
	f.synced = f.size
	return f, nil
}

// copyBack reads what is in doubt and not in memory.
func (w *writer) copyBack(put func([]byte) error) error {
	from, sum, to := w.file.synced, w.syncedAt.sum, w.file.size
	if from < w.file.head {
		from, sum = w.file.head, w.file.headSum
	}
	if w.kept.size > 0 {
		to = w.keptAt
	}
	c := newChecker(w.file, to)
	c.at, c.sum = from, sum
	for c.at < to {
		if !w.checked() {
			p, err := c.read(c.at, batchSize)
			if err != nil {
				return err
			}
			if err := put(p); err != nil {
				return err
			}
			c.at += int64(len(p))
			continue
		}
		records, err := c.records()
		if err != nil {
			return err
		}
		if err := put(records); err != nil {
			return err
		}
	}
	return nil
}

// retire cuts the replaced file to what counts of it, for readers that do not know the manifest's size key, and closes
// it. None of this has to succeed.
func (w *writer) retire(old *logFile) {
	if old.synced == 0 {
		_ = old.Close()
		if !w.unsure {
			_ = w.fs.Remove(w.path(old.name))
		}
		return
	}
	err := old.Truncate(old.synced)
	if err == nil {
		err = old.Sync()
	}
	if err != nil {
		w.j.opts.Log.Warn("journal: cutting the replaced file; redis-server must not load this directory before its next rewrite",
			"file", old.name, "size", old.synced, "error", err)
	}
	_ = old.Close()
}
