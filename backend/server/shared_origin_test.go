package server_test

import (
	"strings"
	"testing"

	"latchkey/backend/server"
	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestSharedOriginPaths tests that the documented proxy leads all paths of the server to it, except
// those that an application on the same origin has itself.
func TestSharedOriginPaths(t *testing.T) {
	config := testkit.Fence(t, "../../web/docs/better-auth.md", "caddyfile", "@latchkey path")
	_, list, _ := strings.Cut(config, "@latchkey path ")
	list, _, _ = strings.Cut(list, "reverse_proxy")
	patterns := strings.Fields(strings.ReplaceAll(list, "\\\n", " "))

	paths := []string{ // besides those in the route table
		"/web/app.css", "/web/app.wasm", "/web/providers/x.svg", "/app.js", "/app-worker.js", "/wasm_exec.js", "/manifest.webmanifest",
		"/docs", "/docs/security", "/dashboard/settings/", "/dashboard/system/",
		"/.well-known/change-password", "/.well-known/passkey-endpoints", "/.well-known/webauthn",
	}
	for _, rt := range server.Routes() {
		if rt.Path != shared.PageHome {
			paths = append(paths, rt.Path)
		}
	}
	used := map[string]bool{}
	for _, path := range paths {
		found := false
		for _, pattern := range patterns {
			prefix, below := strings.CutSuffix(pattern, "*")
			if path == pattern || below && strings.HasPrefix(path, prefix) {
				found, used[pattern] = true, true
			}
		}
		if !found {
			t.Errorf("%s does not lead to the server", path)
		}
	}
	for _, pattern := range patterns {
		if !used[pattern] {
			t.Errorf("the server has nothing at %s", pattern)
		}
	}
	for _, path := range []string{"/", "/dashboard", "/favicon.ico", "/account", "/api/tasks"} {
		for _, pattern := range patterns {
			if prefix, below := strings.CutSuffix(pattern, "*"); path == pattern || below && strings.HasPrefix(path, prefix) {
				t.Errorf("%s leads to the server, by %s", path, pattern)
			}
		}
	}
}
