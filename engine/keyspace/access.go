package keyspace

// The 24 access bits of a record, where they count uses (Order Rarest): the minute of the last access in the upper 16
// bits, a counter in the lower 8, after redis-server's LFU, so that the two tell the same of a key.

const (
	accessMask = 1<<24 - 1
	minuteMask = 1<<16 - 1
	counterMax = 255

	// NewFrequency is the counter of an entry that has just been made.
	NewFrequency = 5
)

// CounterBits are the access bits of an entry with a counter, accessed now.
func CounterBits(counter uint8, nowMs int64) uint32 {
	return uint32(nowMs/60000)&minuteMask<<8 | uint32(counter)
}

// Frequency returns the counter in access bits, less one for each decayMinutes that have passed since the last access.
func Frequency(bits uint32, nowMs int64, decayMinutes int) uint8 {
	counter := int64(bits & counterMax)
	if decayMinutes > 0 {
		minutes := (uint32(nowMs/60000) - bits>>8) & minuteMask
		counter -= int64(minutes) / int64(decayMinutes)
	}
	return uint8(max(counter, 0))
}

// CountAccess notes an access of an entry whose bits are a counter: it grows with a chance of one in its distance from
// NewFrequency times logFactor, plus 1.
func (e *Entry) CountAccess(logFactor, decayMinutes int) {
	ks := e.db.ks
	counter := Frequency(e.Access(), ks.NowMs, decayMinutes)
	if counter < counterMax {
		distance := uint64(max(int(counter)-NewFrequency, 0))
		odds := distance*uint64(logFactor) + 1
		if odds == 1 || ks.Rand()%odds == 0 {
			counter++
		}
	}
	e.SetAccess(CounterBits(counter, ks.NowMs))
}
