package engine

import "time"

// workPace is when Hooks.Work may run: while commands keep coming it takes one part in workShare+1 of the loop's time, since what
// follows from it (compressing, the kernel's writing) takes as much again and more, and where there is one processor, from the same
// clients. It may always run when no command has come for quietNs, and when clients wait for it. Times are nanoseconds of the
// loop's clock.
type workPace struct {
	at        int64 // from when on it may run
	commandAt int64 // when a command was last seen to have come
	commands  int64 // Stats.Commands then
}

const (
	// workShare makes 200,000 to 250,000 keys of 144 bytes a second of one processor that is busy.
	workShare = 24
	// quietNs is how long no command must have come for Hooks.Work to take all of the time.
	quietNs = int64(time.Millisecond)
)

// may tells whether it may run now, when so many commands have come in all.
func (p *workPace) may(now, commands int64, awaited bool) bool {
	if commands != p.commands {
		p.commands, p.commandAt = commands, now
	}
	return awaited || now >= p.at || now-p.commandAt > quietNs
}

// worked notes that it ran until now, and used so much of the processor.
func (p *workPace) worked(now, used int64) { p.at = now + workShare*used }

// wait is how long it may not run, and so the longest that the loop should sleep.
func (p *workPace) wait(now int64) time.Duration {
	return max(time.Duration(p.at-now), time.Millisecond/10)
}
