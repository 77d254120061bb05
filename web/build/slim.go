package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

const (
	goApp = "github.com/maxence-charriere/go-app/v10"
	uuid  = "github.com/google/uuid"

	// goAppSum is the checksum in go.sum of the version of go-app that slim and
	// goapp_wasm.txt were written for.
	goAppSum = "h1:4JUSlVQ8zVIeL3acFJEpuerP6FLoEQWg6CUTtHcz7Ro="
)

// Source code that replaces the omitted files.
//
//go:embed goapp_wasm.txt
var goAppInstead []byte

//go:embed uuid_wasm.txt
var uuidInstead []byte

// slim copies go-app without its server, and writes build/wasm.mod, which is go.mod with that
// copy in place of go-app.
//
// The server is in the same package as the code for browsers. The linker removes the server's
// functions, but not net/http and crypto/tls, which have init functions. They are a fifth of
// the download and are never used. Another tenth encrypts the browser's storage, generates
// UUIDs and matches regular expressions, which the app does not need, either.
//
// Only the build of the app uses the copy. Everything else, including editors, uses go.mod
// and the unmodified go-app.
func slim() error {
	module, err := goAppModule()
	if err != nil {
		return err
	}
	if module.Sum != goAppSum {
		return fmt.Errorf(`go-app has the version %s, but web/build/slim.go was written for another one. To update it:
  - check in %s that
    pkg/app/http.go and pkg/app/resource.go still contain only its server, crypto.go its
    encryption and route.go its router, and that
    web/build/goapp_wasm.txt still declares what the rest needs from them;
  - check that it still calls nothing of %s except what web/build/uuid_wasm.txt declares;
  - set goAppSum in web/build/slim.go to %q;
  - run make test`, module.Version, module.Dir, uuid, module.Sum)
	}

	const to, uuidTo = "build/goapp", "build/uuid"
	if err := errors.Join(os.RemoveAll(to), os.RemoveAll(uuidTo), os.MkdirAll(uuidTo, 0o777)); err != nil {
		return err
	}
	// Only pkg is code; the rest is the project's website.
	if err := os.CopyFS(to+"/pkg", os.DirFS(module.Dir+"/pkg")); err != nil {
		return err
	}
	for _, name := range []string{"http.go", "resource.go", "crypto.go", "route.go"} {
		file := to + "/pkg/app/" + name
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := write(file, append([]byte("//go:build !wasm\n\n"), content...)); err != nil {
			return err
		}
	}
	goMod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	goSum, err := os.ReadFile("go.sum")
	if err != nil {
		return err
	}
	goAppMod, err := os.ReadFile(module.Dir + "/go.mod")
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{to + "/go.mod", goAppMod},
		{to + "/pkg/app/slim_wasm.go", goAppInstead},
		{uuidTo + "/go.mod", []byte("module " + uuid + "\n")},
		{uuidTo + "/uuid.go", uuidInstead},
		{"build/wasm.sum", goSum},
		// Last, because it is the target that make checks.
		{"build/wasm.mod", fmt.Appendf(goMod, "\nreplace (\n\t%s => ./%s\n\t%s => ./%s\n)\n", goApp, to, uuid, uuidTo)},
	} {
		if err := write(file.name, file.content); err != nil {
			return err
		}
	}
	return nil
}

type module struct{ Version, Dir, Sum string }

// goAppModule finds go-app in the version of go.mod. It downloads the module if necessary.
func goAppModule() (module, error) {
	cmd := exec.Command("go", "mod", "download", "-json", goApp)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return module{}, fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	var m module
	if err := json.Unmarshal(out, &m); err != nil {
		return module{}, fmt.Errorf("go mod download does not report where %s is (is it replaced in go.mod?): %w", goApp, err)
	}
	return m, nil
}
