package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// packages prints the packages that contribute most to the app's code. A program also has
// data, mostly tables about that code and its types.
func packages(file string) error {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sizes, names := functions(wasm)
	if len(sizes) == 0 || len(sizes) != len(names) {
		return errors.New(file + " has no names of functions: it must be linked without -s")
	}
	paths, err := dependencies()
	if err != nil {
		return err
	}

	total, by := 0, map[string]int{}
	for i, size := range sizes {
		total += size
		by[from(names[i], paths)] += size
	}
	fmt.Printf("\n%s of code, by package:\n", megabytes(total))
	largest := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(by[b]-by[a], cmp.Compare(a, b)) })
	for _, path := range largest[:min(15, len(largest))] {
		fmt.Printf("%11s  %s\n", megabytes(by[path]), path)
	}
	return nil
}

// from returns the package of a function. The function's name in the program is the
// package's path, a dot and its own name.
func from(function string, paths map[string]string) string {
	for i, char := range function {
		if path, ok := paths[function[:i]]; ok && char == '.' {
			return path
		}
	}
	return "made by the linker, or without a package"
}

// dependencies returns the paths of the app's packages, by the linker's spelling.
func dependencies() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-modfile=build/wasm.mod", "-deps", "./app")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	special := regexp.MustCompile(`[^\w.]`)
	paths := map[string]string{"main": "latchkey/app"}
	for path := range strings.FieldsSeq(string(out)) {
		paths[special.ReplaceAllString(path, "_")] = path
	}
	return paths, nil
}

// functions returns the code size and the name of each function of a program, in the same
// order.
func functions(wasm []byte) (sizes []int, names []string) {
	const custom, code = 0, 10            // section IDs
	for wasm = wasm[8:]; len(wasm) > 0; { // after the magic number and the version
		kind := wasm[0]
		wasm = wasm[1:]
		section := block(&wasm)
		switch {
		case kind == code:
			for range number(&section) {
				sizes = append(sizes, len(block(&section)))
			}
		case kind == custom && string(block(&section)) == "name":
			section = section[1:] // the subsection ID: Go writes only function names
			section = block(&section)
			for range number(&section) {
				number(&section) // the function's index
				names = append(names, string(block(&section)))
			}
		}
	}
	return sizes, names
}

// number reads a varint and advances b past it.
func number(b *[]byte) int {
	n, length := binary.Uvarint(*b)
	*b = (*b)[length:]
	return int(n)
}

// block reads a length-prefixed block and advances b past it.
func block(b *[]byte) []byte {
	n := number(b)
	taken := (*b)[:n]
	*b = (*b)[n:]
	return taken
}
