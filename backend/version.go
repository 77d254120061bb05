package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"latchkey/backend/site"
)

// printVersion prints the module's version and the source revision, if Go has recorded
// them, the version of the content that browsers cache, and the Go version and platform.
func printVersion(_ context.Context, _ config, out io.Writer) error {
	module, revision := buildVersion()
	_, err := fmt.Fprintf(out, "latchkey %s\nrevision %s\ncontent  %s\nbuilt by %s for %s/%s\n",
		module, revision, site.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version returns the version of the module. Where that is not a release, it returns the
// revision.
func version() string {
	module, revision := buildVersion()
	if module == develVersion {
		return revision
	}
	return module
}

// develVersion is the version of a module that was not built from a release.
const develVersion = "(devel)"

// buildVersion returns the version of the module and the revision of its source, where Go
// has recorded them.
func buildVersion() (module, revision string) {
	module, revision = develVersion, "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			module = info.Main.Version
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if settings["vcs.revision"] != "" {
			revision = settings["vcs.revision"]
		}
		if settings["vcs.modified"] == "true" {
			revision += " (modified)"
		}
	}
	return module, revision
}
