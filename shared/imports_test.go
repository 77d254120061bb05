package shared_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	bun      = "github.com/uptrace/bun"
	goApp    = "github.com/maxence-charriere/go-app"
	otp      = "github.com/pquerna/otp"
	webauthn = "github.com/go-webauthn/webauthn"
)

// importRules lists what each package must not import. Each name includes everything below it.
var importRules = []struct {
	path string
	goos string // "" for the one that the tests run on
	slim bool   // with the modules of web/build/slim.go

	stdOnly  bool     // depends on nothing but the standard library
	never    []string // not even indirectly
	directly []string // not in its own files; its dependencies may
}{
	{path: "shared", stdOnly: true, never: []string{"latchkey"}, directly: []string{"net/http"}},
	{path: "shared/message", stdOnly: true, never: []string{"latchkey"}, directly: []string{"net/http"}},
	{path: "web", never: []string{bun, goApp, "latchkey/app", "latchkey/backend"}, directly: []string{"net/http"}},
	{path: "web/build", never: []string{"latchkey"}},
	{path: "web/dev", stdOnly: true, never: []string{"latchkey"}},
	{
		path: "app",
		goos: "js",
		// Each of these adds up to a megabyte to the download.
		never:    []string{"html/template", "text/template", "golang.org/x/text", otp, webauthn, "latchkey/backend"},
		directly: []string{"net/http"},
	},
	{
		path: "app",
		goos: "js",
		slim: true,
		never: []string{
			"net/http", "crypto", "math/big", "regexp", "database/sql", "log", "text", "html/template", "time/tzdata",
			"golang.org/x", otp, webauthn, "latchkey/backend",
		},
	},
	{
		path:  "app/client",
		never: []string{goApp, "latchkey/app/ui", "latchkey/backend"},
	},
	{path: "app/html", goos: "js", never: []string{"latchkey"}},
	{path: "app/passkey", goos: "js", never: []string{goApp, "latchkey"}},
	{
		path: "backend",
		directly: []string{
			"latchkey/backend/testkit", "latchkey/backend/store/storetest", "latchkey/backend/betterauth/betterauthtest", "testing",
		},
	},
	{
		path:    "backend/atomicfile",
		stdOnly: true,
		never:   []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:    "backend/audit",
		stdOnly: true,
		never:   []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/address",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/origins",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/language",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/provider",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/keyring",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path: "backend/mail",
		never: []string{
			bun, goApp, "latchkey/backend/account", "latchkey/backend/store", "latchkey/backend/server", "latchkey/app", "latchkey/web",
		},
		directly: []string{"database/sql"},
	},
	{
		path: "backend/mail/mailer",
		never: []string{
			bun, goApp, otp, webauthn, "latchkey/backend/account", "latchkey/backend/setting", "latchkey/backend/store",
			"latchkey/backend/server", "latchkey/app", "latchkey/web",
		},
		directly: []string{"database/sql"},
	},
	{
		path:  "backend/mail/smtpurl",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/passhash",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/betterauth",
		never: []string{goApp, otp, webauthn, "latchkey/backend", "latchkey/app", "latchkey/shared", "latchkey/web"},
	},
	{
		path:     "backend/importer",
		never:    []string{goApp, "latchkey/backend/store", "latchkey/backend/server", "latchkey/app", "latchkey/web"},
		directly: []string{bun, "net/http", "database/sql", webauthn},
	},
	{
		path:  "backend/webauthn",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path:  "backend/webauthn/authenticator", // it must not share code with what it tests
		never: []string{"latchkey"},
	},
	{
		path: "backend/setting",
		never: []string{
			bun, goApp, otp, webauthn, "latchkey/backend/account", "latchkey/backend/server", "latchkey/backend/store",
			"latchkey/app", "latchkey/web",
		},
		directly: []string{"net/http", "database/sql"},
	},
	{
		path:  "backend/useragent",
		never: []string{"latchkey/backend", "latchkey/app", "latchkey/web"},
	},
	{
		path: "backend/account",
		never: []string{
			bun, goApp, "latchkey/backend/store", "latchkey/backend/server", "latchkey/backend/mail/mailer", "latchkey/app", "latchkey/web",
		},
		directly: []string{"net/http", "database/sql", "html/template", "text/template", webauthn},
	},
	{
		path:     "backend/store",
		never:    []string{goApp, "latchkey/backend/server", "latchkey/app", "latchkey/web"},
		directly: []string{webauthn},
	},
	{
		path:     "backend/server",
		never:    []string{bun, "latchkey/backend/store"},
		directly: []string{goApp, "latchkey/app", "database/sql", webauthn},
	},
	{
		path:     "backend/site", // it draws the pages from the components of the app
		never:    []string{bun, otp, webauthn, "latchkey/backend/account", "latchkey/backend/server", "latchkey/backend/store"},
		directly: []string{goApp, "latchkey/app/client", "latchkey/app/html", "latchkey/app/passkey"},
	},
	{
		path:  "backend/server/wire",
		never: []string{bun, goApp, otp, webauthn, "latchkey/app", "latchkey/backend", "latchkey/web"},
	},
}

func TestImports(t *testing.T) {
	for _, rule := range importRules {
		name := rule.path
		if rule.slim {
			name += " slimmed"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "latchkey/" + rule.path
			for _, p := range dependencies(t, path, rule.goos, rule.slim) {
				if !below(p.path, path) {
					if rule.stdOnly && !p.standard {
						t.Errorf("%s depends on %s, which is not in the standard library", path, p.path)
					}
					if below(p.path, rule.never...) {
						t.Errorf("%s depends on %s", path, p.path)
					}
					continue
				}
				for _, name := range p.imports {
					if below(name, rule.directly...) {
						t.Errorf("%s imports %s", p.path, name)
					}
				}
			}
		})
	}
}

// TestOneDoorToTheApp tests that the server takes nothing from the app but the pages, which
// package site draws.
func TestOneDoorToTheApp(t *testing.T) {
	for _, p := range dependencies(t, "latchkey/backend", "", false) {
		for _, name := range p.imports {
			if below(p.path, "latchkey/backend") && below(name, "latchkey/app") && (p.path != "latchkey/backend/site" || name != "latchkey/app/ui") {
				t.Errorf("%s imports %s", p.path, name)
			}
		}
	}
}

type dependency struct {
	path     string
	standard bool
	imports  []string
}

// dependencies lists a package and everything that it imports, directly or indirectly.
func dependencies(t *testing.T, path, goos string, slim bool) []dependency {
	t.Helper()
	args := []string{"list", "-deps", "-f", `{{.ImportPath}} {{.Standard}} {{.Dir}} {{join .Imports " "}}`}
	if slim {
		if _, err := os.Stat("../build/wasm.mod"); err != nil {
			const want = "build/wasm.mod does not exist: run make build"
			if os.Getenv("CI") != "" {
				t.Fatal(want)
			}
			t.Skip(want)
		}
		args = append(args, "-modfile=../build/wasm.mod")
	}
	cmd := exec.Command("go", append(args, path)...)
	if goos == "js" {
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	}
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", path, err)
	}
	var all []dependency
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		path, standard, dir, imports := words[0], words[1] == "true", words[2], words[3:]
		all = append(all, dependency{path, standard, imports})
		// Reading the folder makes go test discard its cached result when the folder
		// changes.
		if below(path, "latchkey") {
			if _, err := os.ReadDir(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// below reports whether a package is one of names, or below one of them.
func below(path string, names ...string) bool {
	for _, name := range names {
		if path == name || strings.HasPrefix(path, name+"/") {
			return true
		}
	}
	return false
}
