package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// cpuTime returns the CPU time that a process and its descendants have used so far, including
// those that have ended. It needs Linux.
func cpuTime(root int) (time.Duration, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	type process struct{ own, ended time.Duration }
	processes := make(map[int]process)
	children := make(map[int][]int)
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		// These are the fields after the name, which is in parentheses: see proc(5).
		first, rest, _ := strings.Cut(string(stat), " (")
		rest = rest[strings.LastIndex(rest, ")")+1:]
		var f [18]int
		for i, field := range strings.Fields(rest)[:len(f)] {
			f[i], _ = strconv.Atoi(field) // the first is a letter
		}
		pid, _ := strconv.Atoi(first)
		parent, user, system, endedUser, endedSystem, threads := f[1], f[11], f[12], f[13], f[14], f[17]
		own := time.Duration(user+system) * tick
		if precise, err := schedTime(pid); err == nil && threads == 1 {
			own = precise
		}
		processes[pid] = process{own, time.Duration(endedUser+endedSystem) * tick}
		children[parent] = append(children[parent], pid)
	}
	if _, ok := processes[root]; !ok {
		return 0, errors.New("the process has ended, or this is not Linux")
	}
	var sum time.Duration
	for tree := []int{root}; len(tree) > 0; tree = tree[1:] {
		p := processes[tree[0]]
		sum += p.own + p.ended
		tree = append(tree, children[tree[0]]...)
	}
	return sum, nil
}

// schedTime returns the CPU time of the main thread of a process, in nanoseconds. A process
// of Postgres has no other one.
func schedTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(stat), " ")
	n, err := strconv.ParseInt(first, 10, 64)
	return time.Duration(n), err
}

// residentMemory returns the resident memory of a process in bytes, or 0 if it is unknown.
func residentMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes * 1024
}
