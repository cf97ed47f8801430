//go:build linux

// What the kernel knows: which CPU runs what, how much CPU and memory a process used, how many descriptors it may have.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func cpuMask(cpu int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(cpu)
	return &set
}

// eachThread calls do with the id of each thread of a process.
func eachThread(pid int, do func(tid int)) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			do(tid)
		}
	}
	return nil
}

// pinSelf moves every thread of this process to one CPU; threads and children made later inherit it.
func pinSelf(cpu int) error {
	var first error
	err := eachThread(os.Getpid(), func(tid int) {
		if err := unix.SchedSetaffinity(tid, cpuMask(cpu)); err != nil && err != unix.ESRCH && first == nil {
			first = fmt.Errorf("pin to CPU %d: %w", cpu, err)
		}
	})
	return errors.Join(err, first)
}

// favour lets all threads of a server alike go before the others on its CPU, if that is allowed: a virtual machine's own
// services run above normal priority, and take tens of milliseconds at a time. The threads among themselves compete as ever.
func favour(pid int) error {
	const most = -20
	// Where the kernel makes a group of each session it is the group's weight that counts; where it does not there is no such file.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(most)), 0)
	return eachThread(pid, func(tid int) { _ = unix.Setpriority(unix.PRIO_PROCESS, tid, most) })
}

// onCPU runs start on a thread pinned to cpu, so that a process it starts is born there, and puts the thread back.
func onCPU(cpu int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, cpuMask(cpu)); err != nil {
		return fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	return errors.Join(start(), unix.SchedSetaffinity(0, &before))
}

// cpuTime returns the CPU time a process has used, in the kernel's nanoseconds, threads that ended included: the
// process's own clock, read from outside. Children are not in it.
func cpuTime(pid int) (time.Duration, error) {
	const schedClock = 2 // the clock id of a process is its pid inverted, above three bits that name the clock
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// residentBytes returns the resident set of a process, exact to the page.
func residentBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Rss:")); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(string(bytes.TrimSpace(rest)), " kB"), 10, 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("no Rss in smaps_rollup of process %d", pid)
}

// glimpsedBytes is residentBytes for looking often: it reads the counters of the process, where that walks its page tables, which takes
// about 2 ms for 340 MB from whoever shares the CPU. Kernels before 6.16 keep a part of the counters on each CPU, at most 64
// pages of it.
func glimpsedBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, fmt.Errorf("unexpected statm of process %d: %.80q", pid, b)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// busyTime returns the time all CPUs have spent on anything, in ticks of 10 ms; time that the host of a virtual
// machine took from them counts as well.
func busyTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("unexpected /proc/stat: %.80q", line)
	}
	var ticks int64
	for i, f := range fields[1:9] {
		if i == 3 || i == 4 { // idle, iowait
			continue
		}
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// raiseFileLimit lifts the soft limit of open files to the hard one; servers inherit it. It returns the limit.
func raiseFileLimit() (uint64, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	lim.Cur = lim.Max
	return lim.Cur, unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
}

// machine describes where figures come from, one line an entry.
func machine() []string {
	var uts unix.Utsname
	_ = unix.Uname(&uts) // an empty kernel name is the worst that can come of it
	kernel := unix.ByteSliceToString(uts.Release[:])
	return []string{
		"CPU: " + procField("/proc/cpuinfo", "model name") + ", " + strconv.Itoa(runtime.NumCPU()) + " cores",
		"Memory: " + procField("/proc/meminfo", "MemTotal"),
		"Kernel: " + unix.ByteSliceToString(uts.Sysname[:]) + " " + kernel,
		"Go: " + runtime.Version(),
	}
}

// procField returns the first "name: value" of a proc file.
func procField(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
