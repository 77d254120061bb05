package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Section 5.5 of the WebAssembly specification, "Modules".
const (
	wasmHeader  = "\x00asm\x01\x00\x00\x00"
	dataSection = 11
	i32Const    = 0x41
	end         = 0x0b
)

var errSegments = errors.New("the data section is not as Go's linker writes it; if Go is new, adapt web/build/segments.go")

// joinSegments joins the data segments of a WebAssembly file into one.
//
// Go's linker begins a new segment after each eight zeros, up to 100,000 segments, so that
// the file is small without compression. A compressed file is small where bytes repeat, as
// zeros do and the addresses of segments do not: they are a twelfth of the download.
func joinSegments(file string) error {
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	joined, err := joinedSegments(module)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return write(file, joined)
}

func joinedSegments(module []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(module, []byte(wasmHeader))
	if !ok {
		return nil, errors.New("not a WebAssembly module of version 1")
	}
	joined := []byte(wasmHeader)
	for len(rest) > 0 {
		in := reader{rest[1:]}
		content := in.bytes(in.number())
		if in.rest == nil {
			return nil, errSegments
		}
		if rest[0] == dataSection {
			memory, base, err := readSegments(content)
			if err != nil {
				return nil, err
			}
			segment := append(appendSigned([]byte{1, 0, i32Const}, base), end)
			segment = append(binary.AppendUvarint(segment, uint64(len(memory))), memory...)
			joined = append(binary.AppendUvarint(append(joined, dataSection), uint64(len(segment))), segment...)
		} else {
			joined = append(joined, rest[:len(rest)-len(in.rest)]...)
		}
		rest = in.rest
	}
	return joined, nil
}

// readSegments returns the memory that a data section describes, from the address base.
func readSegments(content []byte) (memory []byte, base uint64, err error) {
	type segment struct {
		at      uint64
		content []byte
	}
	var segments []segment
	in := reader{content}
	for n := in.number(); n > 0; n-- {
		kind, op := in.number(), in.number()
		at := in.number() // signed, but never negative
		stop := in.number()
		segments = append(segments, segment{at, in.bytes(in.number())})
		if in.rest == nil || kind != 0 || op != i32Const || stop != end {
			return nil, 0, errSegments
		}
	}
	slices.SortFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	if len(in.rest) > 0 || len(segments) == 0 {
		return nil, 0, errSegments
	}
	base = segments[0].at
	for _, s := range segments {
		top := base + uint64(len(memory))
		if s.at < top {
			return nil, 0, errSegments
		}
		memory = append(memory, make([]byte, s.at-top)...)
		memory = append(memory, s.content...)
	}
	return memory, base, nil
}

// appendSigned appends n as a signed LEB128 number. It has a sign bit, which an unsigned one
// lacks.
func appendSigned(b []byte, n uint64) []byte {
	for ; n > 0x3f; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// reader reads WebAssembly's encoding. After an error, rest is nil.
type reader struct{ rest []byte }

// number reads an unsigned LEB128 number, which is the same as a uvarint.
func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest = nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
