// Command build reduces the size of the files that the server embeds. It needs no system
// tools.
//
//	go run ./web/build slim
//		copy go-app without its server, to compile the app with
//	go run ./web/build join FILE
//		join the data segments of a WebAssembly file, so that it compresses better
//	go run ./web/build [-quality N] [-budget BYTES] FILE…
//		write FILE.br and FILE.gz beside each FILE, and fail if a FILE.br exceeds the budget
//	go run ./web/build [-budget BYTES] size
//		compare the size of web/app.wasm with the builds that make has made for comparison
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

func main() {
	quality := flag.Int("quality", brotli.BestCompression, "brotli quality, 0 to 11")
	budget := flag.Int("budget", math.MaxInt, "maximum size of a brotli file, in bytes")
	flag.Parse()

	var err error
	switch flag.Arg(0) {
	case "slim":
		err = slim()
	case "join":
		err = joinSegments(flag.Arg(1))
	case "size":
		err = size(*budget)
	default:
		err = compress(*quality, *budget, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compress writes a gzip and a brotli file beside each file. It fails if a brotli file
// exceeds the budget.
func compress(quality, budget int, files []string) error {
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", file, megabytes(len(raw)))
		for _, form := range []struct {
			name, suffix string
			compress     func([]byte) ([]byte, error)
		}{
			{"gzip", ".gz", gzipped},
			{fmt.Sprintf("brotli %d", quality), ".br", func(b []byte) ([]byte, error) { return brotlied(b, quality) }},
		} {
			begin := time.Now()
			small, err := form.compress(raw)
			if err != nil {
				return err
			}
			if form.suffix == ".br" && len(small) > budget {
				return fmt.Errorf("%s is %d bytes over its budget of %d", file, len(small)-budget, budget)
			}
			if err := write(file+form.suffix, small); err != nil {
				return err
			}
			fmt.Printf("%s%s: %s (%s, %.1f s)\n", file, form.suffix, megabytes(len(small)), form.name, time.Since(begin).Seconds())
		}
	}
	return nil
}

// size compares the size of app.wasm with two builds that use go-app unmodified and the same
// flags: a hello world and the app itself. It fails if app.wasm exceeds the budget.
func size(budget int) error {
	fmt.Println("Compressing …")
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\traw\tgzip\tbrotli 11\t")
	row := func(name, file string) (br int, err error) {
		raw, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		gz, err := gzipped(raw)
		if err != nil {
			return 0, err
		}
		small, err := brotlied(raw, brotli.BestCompression)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", name, megabytes(len(raw)), megabytes(len(gz)), megabytes(len(small)))
		return len(small), nil
	}
	if _, err := row("hello world, unmodified go-app", "build/hello.wasm"); err != nil {
		return err
	}
	if _, err := row("app, unmodified go-app", "build/plain.wasm"); err != nil {
		return err
	}
	br, err := row("app.wasm", "web/app.wasm")
	if err != nil {
		return err
	}
	fmt.Fprintf(table, "budget\t\t\t%s\t\n", megabytes(budget))
	if err := table.Flush(); err != nil {
		return err
	}
	if err := packages("build/named.wasm"); err != nil {
		return err
	}
	if br > budget {
		return fmt.Errorf("app.wasm is %d bytes over its budget", br-budget)
	}
	return nil
}

func gzipped(raw []byte) ([]byte, error) {
	var small bytes.Buffer
	w, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	return finish(&small, w, raw)
}

func brotlied(raw []byte, quality int) ([]byte, error) {
	var small bytes.Buffer
	// The window is the whole file, which helps a little and costs nothing.
	w := brotli.NewWriterOptions(&small, brotli.WriterOptions{Quality: quality, LGWin: 24})
	return finish(&small, w, raw)
}

func finish(small *bytes.Buffer, w io.WriteCloser, raw []byte) ([]byte, error) {
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err := w.Close()
	return small.Bytes(), err
}

// write replaces a file atomically, so that an interrupted build does not leave a partial
// file.
func write(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".build-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	return err
}

func megabytes(n int) string { return fmt.Sprintf("%.3f MB", float64(n)/1e6) }
