package servertest

// What a process costs, read from /proc.

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc/pid/stat.
const clockTick = 10 * time.Millisecond

// CPU returns the processor time that the process has used, user and system.
func (p *Process) CPU() time.Duration {
	p.t.Helper()
	fields := p.proc("stat")
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// RSS returns the memory that the process occupies, in bytes.
func (p *Process) RSS() int64 {
	p.t.Helper()
	pages, _ := strconv.ParseInt(p.proc("stat")[21], 10, 64)
	return pages * int64(os.Getpagesize())
}

// proc returns the words of a file of the process, from the one after its name in brackets on.
func (p *Process) proc(name string) []string {
	p.t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/" + name)
	if err != nil {
		p.t.Fatal(err)
	}
	s := string(b)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
}
