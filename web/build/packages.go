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

// packages prints which packages most of the app's code comes from. Beside the
// code a program has data, most of it tables of that same code and its types.
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

// from returns the package that a function is from, by what it is called in a
// program: the package's path, a dot, and its name.
func from(function string, paths map[string]string) string {
	for i, char := range function {
		if path, ok := paths[function[:i]]; ok && char == '.' {
			return path
		}
	}
	return "made by the linker, or without a package"
}

// dependencies are the packages that the app is made of, by how the linker
// spells them.
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

// functions returns how long the code of each function of a program is and
// what it is called, in the same order.
func functions(wasm []byte) (sizes []int, names []string) {
	const custom, code = 0, 10            // kinds of sections
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
			section = section[1:] // Go writes only this kind of names
			section = block(&section)
			for range number(&section) {
				number(&section) // what the function is called by
				names = append(names, string(block(&section)))
			}
		}
	}
	return sizes, names
}

// number takes a number off the front of b.
func number(b *[]byte) int {
	n, length := binary.Uvarint(*b)
	*b = (*b)[length:]
	return int(n)
}

// block takes what its length stands before off the front of b.
func block(b *[]byte) []byte {
	n := number(b)
	taken := (*b)[:n]
	*b = (*b)[n:]
	return taken
}
