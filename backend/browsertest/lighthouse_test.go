//go:build lighthouse

package browsertest

import (
	"encoding/json"
	"latchkey/backend/testkit"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLighthouse runs Lighthouse on the pages. Accessibility and best practices
// must score 100. Performance depends on the machine, so the test only logs it.
func TestLighthouse(t *testing.T) {
	modules := testkit.InstallModules(t, "testdata/lighthouse")
	chromium, err := testkit.Chromium()
	if err != nil {
		t.Fatal(err)
	}
	server := testkit.Start(t, "-rate-limits", "off")
	client := server.Client()
	client.SignUp("ada@example.com").Must(t, 200, "")
	var cookies []string
	for _, cookie := range client.Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	signedIn, err := json.Marshal(map[string]string{"Cookie": strings.Join(cookies, "; ")})
	if err != nil {
		t.Fatal(err)
	}

	for path, headers := range map[string]string{
		"/sign-in": "{}", "/sign-up": "{}", "/forgot-password": "{}", "/dashboard/settings": string(signedIn),
	} {
		t.Run(path, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.json")
			flags := "--headless=new --disable-gpu --no-first-run --disable-features=" + testkit.HiddenPages + " --user-data-dir=" + t.TempDir()
			if os.Geteuid() == 0 {
				flags += " --no-sandbox" // Chromium refuses to run as root with a sandbox
			}
			run := func() ([]byte, error) {
				lighthouse := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "lighthouse", "cli", "index.js"), server.Origin+path,
					"--quiet", "--no-enable-error-reporting", "--only-categories=accessibility,best-practices,performance",
					"--output=json", "--output-path="+file, "--chrome-flags="+flags, "--extra-headers="+headers)
				lighthouse.Env = append(os.Environ(), "CHROME_PATH="+chromium)
				return lighthouse.CombinedOutput()
			}
			out, err := run()
			// Lighthouse sometimes loses the beginning of its trace, and asks to run it again:
			// https://github.com/GoogleChrome/lighthouse/issues/15382
			for tries := 1; err != nil && strings.Contains(string(out), "NO_NAVSTART") && tries < 4; tries++ {
				out, err = run()
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var report struct {
				FinalDisplayedURL string
				Categories        map[string]struct{ Score float64 }
				Audits            map[string]struct {
					Score        float64
					DisplayValue string
				}
			}
			testkit.ReadJSON(t, file, &report)
			if report.FinalDisplayedURL != server.Origin+path {
				t.Errorf("Lighthouse tested %s; want %s", report.FinalDisplayedURL, server.Origin+path)
			}
			for _, name := range []string{"accessibility", "best-practices"} {
				if score := report.Categories[name].Score; score != 1 {
					t.Errorf("%s: %g of 100; see %s", name, 100*score, saveReport(t, file))
				}
			}
			t.Logf("performance: %.0f of 100", 100*report.Categories["performance"].Score)
			for _, name := range []string{
				"first-contentful-paint", "largest-contentful-paint", "speed-index", "total-blocking-time", "cumulative-layout-shift",
			} {
				t.Logf("  %s: %s, %.0f of 100", name, report.Audits[name].DisplayValue, 100*report.Audits[name].Score)
			}
		})
	}
}

// saveReport moves a report to the build folder and returns its new path.
func saveReport(t *testing.T, file string) string {
	t.Helper()
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestLighthouse"), "/", "-")
	saved := filepath.Join("..", "..", "build", "lighthouse"+name+".json")
	if err := os.Rename(file, saved); err != nil {
		t.Fatal(err)
	}
	return saved
}
