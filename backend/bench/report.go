package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// progress reports on standard error what the benchmark does.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// print prints all that was measured.
func (b *bench) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, %d cores, %s, %s\nLatchkey at commit %s", processor(), runtime.NumCPU(), kernel(), b.postgres, commit())
	for _, p := range b.products {
		if other, ok := p.(*betterAuth); ok {
			fmt.Fprintf(out, "; %s", other.version)
		}
	}
	fmt.Fprintf(out, "\n%s, %d sessions, %g s for each line\n", time.Now().UTC().Format(time.DateOnly), *sessions, *seconds)
	for _, kind := range []string{postgresKind, sqliteKind} {
		b.printRatios(out, kind)
		b.printLines(out, kind)
	}
	if len(b.notes) > 0 {
		fmt.Fprintf(out, "\n%s\n", strings.Join(b.notes, "\n"))
	}
	if info, err := os.Stat(*binaryFile); err == nil {
		fmt.Fprintf(out, "binary: %.1f MB\n", float64(info.Size())/1e6)
	}
}

// pair returns the lines of both products, or nil for those that were not measured.
func (b *bench) pair(kind, operation string, clients int) (ours, theirs *line) {
	for i := range b.lines {
		l := &b.lines[i]
		switch {
		case l.kind != kind || l.operation != operation || l.clients != clients:
		case l.product == latchkey{}.String():
			ours = l
		default:
			theirs = l
		}
	}
	return ours, theirs
}

// printRatios prints the table of Latchkey's measurements divided by Better Auth's.
func (b *bench) printRatios(out io.Writer, kind string) {
	if !slices.ContainsFunc(b.lines, func(l line) bool { return l.kind == kind && l.product != latchkey{}.String() }) {
		return
	}
	about, columns := "", ""
	if kind == postgresKind {
		about = " Statements of a call: Latchkey's, and Better Auth's in parentheses."
		columns = "database CPU at 16\tstatements\t"
	}
	fmt.Fprintf(out, "\n%s: Latchkey's number divided by Better Auth's.%s\n\n", kind, about)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tcalls/s at 1\tat 16\tat 64\tserver CPU at 16\t%s\n", columns)
	for _, o := range operations {
		if cells := b.ratios(kind, o); cells != nil && o.name != enableAtOnce.name {
			fmt.Fprintf(w, "%-20s\t%s\t\n", o.name, strings.Join(cells, "\t"))
		}
	}
	w.Flush()
}

// ratios returns the cells of an operation in the table of ratios, or nil if there are none.
func (b *bench) ratios(kind string, o operation) (cells []string) {
	var cpu []string
	for _, clients := range o.clients {
		ours, theirs := b.pair(kind, o.name, clients)
		if ours == nil || theirs == nil {
			return nil
		}
		cells = append(cells, ratio(ours.result.perSecond(), theirs.result.perSecond()))
		if clients != 16 {
			continue
		}
		cpu = append(cpu, ratio(float64(ours.server), float64(theirs.server)))
		if kind == postgresKind {
			statements := fmt.Sprintf("%d (%d)", ours.statements, theirs.statements)
			cpu = append(cpu, ratio(float64(ours.postgres), float64(theirs.postgres)), statements)
		}
	}
	return append(cells, cpu...)
}

// printLines prints the table of all measurements.
func (b *bench) printLines(out io.Writer, kind string) {
	if !slices.ContainsFunc(b.lines, func(l line) bool { return l.kind == kind }) {
		return
	}
	fmt.Fprintf(out, "\n%s: CPU is for each call. Memory is the server's at the end of the load.\n\n", kind)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := ""
	if kind == postgresKind {
		columns = "database CPU\tstatements\t"
	}
	fmt.Fprintf(w, "\t\tclients\tcalls/s\tp95\tmemory\tserver CPU\t%s\n", columns)
	for _, o := range operations {
		for _, clients := range o.clients {
			ours, theirs := b.pair(kind, o.name, clients)
			for _, l := range []*line{ours, theirs} {
				if l != nil {
					l.print(w)
				}
			}
		}
	}
	w.Flush()
}

func (l line) print(w io.Writer) {
	fmt.Fprintf(w, "%-20s\t%-11s\t%d\t%.0f\t%s\t%s\t%s\t", l.operation, l.product, l.clients, l.result.perSecond(),
		milliseconds(l.result.percentile(95)), megabytes(l.memory), microseconds(l.server))
	if l.kind == postgresKind {
		fmt.Fprintf(w, "%s\t%d\t", microseconds(l.postgres), l.statements)
	}
	if l.operation == enableAtOnce.name {
		fmt.Fprintf(w, "  all in %.2f s", l.result.lasted.Seconds())
	}
	if l.result.refused > 0 {
		fmt.Fprintf(w, "  %d refused", l.result.refused)
	}
	fmt.Fprintln(w)
}

// ratio returns a/b with three significant digits.
func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	switch r := a / b; {
	case r >= 99.95:
		return fmt.Sprintf("%.0f", r)
	case r >= 9.995:
		return fmt.Sprintf("%.1f", r)
	case r >= 0.0995:
		return fmt.Sprintf("%.2f", r)
	default:
		return fmt.Sprintf("%.3f", r)
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1e3)
}
func microseconds(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }
func megabytes(n int64) string            { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// processor returns the name of the processor.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(release))
}
