package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

const (
	goApp = "github.com/maxence-charriere/go-app/v10"

	// goAppSum is what go.sum has for the version that slim and goapp_wasm.txt
	// were written for.
	goAppSum = "h1:4JUSlVQ8zVIeL3acFJEpuerP6FLoEQWg6CUTtHcz7Ro="
)

// goAppInstead is compiled in the place of what is left out.
//
//go:embed goapp_wasm.txt
var goAppInstead []byte

// slim makes a copy of go-app without its server, and build/wasm.mod, which is
// go.mod with that copy in the place of go-app.
//
// The server is in the same package as what runs in browsers. The linker drops
// its functions there, but not the TLS and the HTTP below them, which set
// themselves up at start: a fifth of the download, never used. The copy is for
// the build of the app alone. Everything else, editors too, goes by go.mod and
// has go-app as its authors made it.
func slim() error {
	module, err := goAppModule()
	if err != nil {
		return err
	}
	if module.Sum != goAppSum {
		return fmt.Errorf(`go-app is %s now; web/build/slim.go was written for another. To move on:
  - read in %s whether
    pkg/app/http.go and pkg/app/resource.go are still its server and nothing else,
    and whether web/build/goapp_wasm.txt still has what the rest asks of them;
  - set goAppSum in web/build/slim.go to %q;
  - run make test`, module.Version, module.Dir, module.Sum)
	}

	const (
		to         = "build/goapp"
		notForWasm = "//go:build !wasm\n\n"
	)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	// What is not in pkg is the project's web site.
	if err := os.CopyFS(to+"/pkg", os.DirFS(module.Dir+"/pkg")); err != nil {
		return err
	}
	if err := write(to+"/pkg/app/slim_wasm.go", goAppInstead); err != nil {
		return err
	}
	for _, file := range []struct{ to, before, from, after string }{
		{to: to + "/go.mod", from: module.Dir + "/go.mod"},
		{to: to + "/pkg/app/http.go", before: notForWasm, from: module.Dir + "/pkg/app/http.go"},
		{to: to + "/pkg/app/resource.go", before: notForWasm, from: module.Dir + "/pkg/app/resource.go"},
		{to: "build/wasm.sum", from: "go.sum"},
		// Last, because it is what make looks at.
		{to: "build/wasm.mod", from: "go.mod", after: "\nreplace " + goApp + " => ./" + to + "\n"},
	} {
		content, err := os.ReadFile(file.from)
		if err != nil {
			return err
		}
		if err := write(file.to, []byte(file.before+string(content)+file.after)); err != nil {
			return err
		}
	}
	return nil
}

type module struct{ Version, Dir, Sum string }

// goAppModule finds go-app as go.mod has it, and downloads it first if need be.
func goAppModule() (module, error) {
	cmd := exec.Command("go", "mod", "download", "-json", goApp)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return module{}, fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	var m module
	if err := json.Unmarshal(out, &m); err != nil {
		return module{}, fmt.Errorf("go mod download does not say where %s is; is it replaced in go.mod? %w", goApp, err)
	}
	return m, nil
}
