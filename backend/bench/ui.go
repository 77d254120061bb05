package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"latchkey/backend/testkit"
)

const (
	listed     = 10               // sessions of the user who opens the list
	times      = 5                // visits to each page, of which the median is printed
	visitLimit = 90 * time.Second // the longest time that a visit may take
)

// "Fast 4G" in Chromium's DevTools. The factors of 2.75 and 0.9 correct for throttling whole
// requests instead of packets:
// https://github.com/ChromeDevTools/devtools-frontend/blob/main/front_end/core/sdk/NetworkManager.ts
const (
	fast4GLatency  = 60 * 2.75      // ms for each request
	fast4GDownload = 9e6 / 8 * 0.9  // bytes a second
	fast4GUpload   = 1.5e6 / 8 * .9 // bytes a second
	slowCPU        = 4              // times as slow: about a mid-range phone compared with a computer
)

// A view is a page that a browser opens. usable is a JavaScript expression that is true
// once a user can do what the page is for.
type view struct {
	name, url, cookie, usable string
	plain                     bool // it has neither an app nor a service worker
	clicks                    bool // usable means that a click on Revoke has been handled
}

// settingsUsable waits for the app. How soon a click on Revoke is handled is measured in visits of
// their own, because the click leads to another page: see measureClick.
const settingsUsable = `!document.getElementById("app-wasm-loader") && !Object.hasOwn(document.body ?? {}, "replaceChild") &&
	!!document.querySelector(".session-row .revoke")`

const signInUsable = `(() => {
	const field = document.getElementById("sign-in-email");
	field?.focus();
	return !!field && document.activeElement === field && !field.disabled && !field.readOnly;
})()`

// helloUsable waits for the app, because the server renders the same words.
const helloUsable = `document.querySelector("h1")?.textContent === "Hello, world" && !document.getElementById("app-wasm-loader")`

// A visit has the measurements of opening a view. Times are in milliseconds since the
// start of the navigation.
type visit struct {
	Paint  float64 // when the first content was painted
	Usable float64 // when the view was usable
	Runs   float64 // when the app had taken over the page
	Bytes  float64 // how much the page had received when all of the above was true
	Worker bool    // whether the service worker controlled the page from the start

	Compile  float64 // when the browser began to load and compile the app
	Compiled float64 // when it had compiled the app
	Requests float64 // how many requests began between Compiled and Runs
}

// withoutScript is the end of the name of a page without its scripts: see [serveLeast].
const withoutScript = ", no script"

// leastUsable waits for a button, which a page without script needs no app for.
const leastUsable = `!!document.querySelector("main button")`

// measureVisit runs in the page before any other script. It waits for the service worker,
// because the next visit uses it.
const measureVisit = `self.measured = new Promise((resolve) => {
	const v = {};
	const instantiate = WebAssembly.instantiateStreaming;
	WebAssembly.instantiateStreaming = async (...args) => {
		v.Compile = performance.now();
		const program = await instantiate.apply(WebAssembly, args);
		v.Compiled = performance.now();
		return program;
	};
	const look = async () => {
		v.Worker ??= !!navigator.serviceWorker?.controller;
		if (!v.Usable && %s) {
			v.Usable = performance.now();
		}
		if (!v.Runs && document.body && !document.getElementById("app-wasm-loader") && document.readyState !== "loading" &&
				!Object.hasOwn(document.body, "replaceChild")) { // web/loader.js removes it when the app takes over
			v.Runs = performance.now();
			v.Requests = performance.getEntriesByType("resource"). // "other": the browser's, for the icon of the tab
				filter(({ startTime, initiatorType }) => startTime > v.Compiled && initiatorType !== "other").length;
		}
		v.Paint ??= performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
		if (!v.Paint || !v.Usable || !v.Runs || document.readyState !== "complete") {
			requestAnimationFrame(look);
			return;
		}
		v.Bytes = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type)).
			reduce((sum, entry) => sum + entry.transferSize, 0);
		if (!%t) {
			await navigator.serviceWorker.ready;
		}
		resolve(JSON.stringify(v));
	};
	requestAnimationFrame(look);
})`

// measureClick runs in each page before any other script. It clicks Revoke at the first paint, and
// waits for the question: on a page of its own or, if the app runs already, in a dialog.
const measureClick = `self.measured = new Promise((resolve) => {
	const began = sessionStorage.getItem("began");
	let clicked = false;
	const look = () => {
		const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
		if (paint && began && document.querySelector("main form button")) {
			resolve(JSON.stringify({ Usable: performance.timeOrigin + paint - began }));
			return;
		}
		if (document.querySelector("dialog#confirm[open]")) {
			resolve(JSON.stringify({ Usable: performance.now() }));
			return;
		}
		const button = document.querySelector(".session-row .revoke");
		if (paint && button && !clicked) {
			clicked = true;
			sessionStorage.setItem("began", performance.timeOrigin);
			button.click();
		}
		requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
})`

// runUI measures the pages, and go-app's hello world for comparison, and prints a table.
func runUI() error {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	d, err := newSQLite(dir)
	if err != nil {
		return err
	}
	accounts, err := latchkey{}.fill(d, listed, listed)
	if err != nil {
		return err
	}
	s, err := startServer(latchkey{}, d)
	if err != nil {
		return err
	}
	defer s.stop()
	hello, err := serveHello()
	if err != nil {
		return err
	}
	defer hello.Close()
	settings := view{
		name: fmt.Sprintf("settings, %d sessions", listed), url: s.origin + "/dashboard/settings/sessions", cookie: accounts[0].cookie,
		usable: settingsUsable, clicks: true,
	}
	signIn := view{name: "sign-in", url: s.origin + "/sign-in", usable: signInUsable}
	least, err := serveLeast(settings, signIn)
	if err != nil {
		return err
	}
	defer least.Close()

	var table, starts strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\t\tfirst paint\tusable\tapp runs\ttransfer\t")
	trace := tabwriter.NewWriter(&starts, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(trace, "\t\t\tfirst paint\tcompiling\tcompiled\tapp runs\trequests\t")
	for _, throttled := range []bool{false, true} {
		for _, v := range []view{
			settings,
			{name: settings.name + withoutScript, url: "http://" + least.Addr + "/0", usable: leastUsable, plain: true},
			signIn,
			{name: signIn.name + withoutScript, url: "http://" + least.Addr + "/1", usable: leastUsable, plain: true},
			{name: "go-app's hello world", url: "http://" + hello.Addr, usable: helloUsable},
		} {
			if !wanted(v.name) {
				continue
			}
			if err := v.measure(w, trace, dir, throttled); err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
		}
	}
	w.Flush()
	trace.Flush()

	printUI(table.String(), starts.String())
	return nil
}

// printUI prints the table of the pages and that of the starts of their apps.
func printUI(pages, starts string) {
	fmt.Printf("%d cores, %s, medians of %d visits. Cold: the first visit of a new profile. "+
		"Warm: its second, controlled by the service worker.\n"+
		"Fast 4G: %.1f Mbit/s down, %.2f up, %.0f ms of latency per request, and the CPU slowed down to 1/%d. "+
		"Usable: a click on Revoke\n"+
		"at the first paint leads to its question; the email field takes the focus; the app has rendered. "+
		"Transfer: of the page, without the service worker.\n\n",
		runtime.NumCPU(), runtime.Version(), times, fast4GDownload*8/1e6, fast4GUpload*8/1e6, fast4GLatency, slowCPU)
	fmt.Println(pages)
	fmt.Printf("The start of the app. Requests: those between its compilation and its taking over.\n\n%s\n", starts)
	fmt.Print(uiBudget)
}

// uiBudget has the numbers to compare the results with. They were measured on two cores,
// too, and hold only for an idle machine.
const uiBudget = `Budget: the settings page paints before Better Auth's React page and, when warm, is usable no later.
That page: first paint 228 ms, usable 277 ms cold and 250 ms warm. On Fast 4G: 1088 ms and 1103 ms cold, 748 ms warm. Transfer: 228 KB.
On Fast 4G, cold: forms are usable at the first paint, before the app runs.
`

// measure writes the lines for one view, and to trace those of its app's start.
func (v view) measure(w, trace *tabwriter.Writer, dir string, throttled bool) error {
	speed := "plain"
	if throttled {
		speed = "Fast 4G"
	}
	var cold, warm []visit
	for i := range times {
		fmt.Fprintf(os.Stderr, "%s, %s: %d of %d …\n", v.name, speed, i+1, times)
		first, second, err := v.twice(dir, throttled)
		if err != nil {
			return err
		}
		cold, warm = append(cold, first), append(warm, second)
	}
	for _, line := range []struct {
		name   string
		visits []visit
	}{{"cold", cold}, {"warm", warm}} {
		median := func(of func(visit) float64) float64 {
			slices.SortFunc(line.visits, func(a, b visit) int { return cmp.Compare(of(a), of(b)) })
			return of(line.visits[len(line.visits)/2])
		}
		fmt.Fprintf(w, "%-33s\t%s\t%s\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f KB\t\n", v.name, speed, line.name,
			median(func(v visit) float64 { return v.Paint }), median(func(v visit) float64 { return v.Usable }),
			median(func(v visit) float64 { return v.Runs }), median(func(v visit) float64 { return v.Bytes })/1e3)
		if v.plain {
			continue
		}
		fmt.Fprintf(trace, "%-33s\t%s\t%s\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f\t\n", v.name, speed, line.name,
			median(func(v visit) float64 { return v.Paint }), median(func(v visit) float64 { return v.Compile }),
			median(func(v visit) float64 { return v.Compiled }), median(func(v visit) float64 { return v.Runs }),
			median(func(v visit) float64 { return v.Requests }))
	}
	return nil
}

// twice visits a view in a new browser profile, and then again.
func (v view) twice(dir string, throttled bool) (cold, warm visit, err error) {
	err = v.inProfile(dir, func(browser context.Context) (err error) {
		if cold, err = v.visit(browser, throttled); err != nil {
			return fmt.Errorf("the first visit: %w", err)
		}
		if warm, err = v.visit(browser, throttled); err != nil {
			return fmt.Errorf("the second visit: %w", err)
		}
		if !v.plain && (cold.Worker || !warm.Worker) {
			return errors.New("the service worker controlled the first visit, or did not control the second")
		}
		if v.clicks {
			warm.Usable, err = v.click(browser, throttled)
		}
		return err
	})
	if err != nil || !v.clicks {
		return cold, warm, err
	}
	err = v.inProfile(dir, func(browser context.Context) (err error) {
		cold.Usable, err = v.click(browser, throttled)
		return err
	})
	return cold, warm, err
}

// inProfile calls f with a browser that has a new profile.
func (v view) inProfile(dir string, f func(browser context.Context) error) error {
	profile, err := os.MkdirTemp(dir, "profile-")
	if err != nil {
		return err
	}
	browser, end, err := startBrowser(profile)
	if err != nil {
		return err
	}
	defer end()
	return f(browser)
}

// click opens a view, and returns when a click on Revoke was handled, in milliseconds since the start
// of the navigation.
func (v view) click(browser context.Context, throttled bool) (float64, error) {
	is, err := v.run(browser, throttled, measureClick)
	return is.Usable, err
}

// visit opens a view in its own tab.
func (v view) visit(browser context.Context, throttled bool) (visit, error) {
	return v.run(browser, throttled, fmt.Sprintf(measureVisit, v.usable, v.plain))
}

// settling is how long a new browser and its tab need to finish loading their own parts, on all
// processors. Users open a page in a browser that runs.
const settling = time.Second

// run opens a view in its own tab with a script, and returns what the script measures.
func (v view) run(browser context.Context, throttled bool, script string) (visit, error) {
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	if err := chromedp.Do(tab); err != nil { // without a timeout, which would apply to the browser, too
		return visit{}, err
	}
	time.Sleep(settling)
	ctx, cancel := context.WithTimeout(tab, visitLimit)
	defer cancel()

	if err := v.prepare(ctx, throttled, script); err != nil {
		return visit{}, err
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(v.url)); err != nil {
		return visit{}, err
	}
	measured, err := chromedp.Run(ctx, chromedp.Evaluate[string](`self.measured`, chromedp.EvalAwaitPromise))
	for err != nil && ctx.Err() == nil { // the click has led to another page
		time.Sleep(10 * time.Millisecond)
		measured, err = chromedp.Run(ctx, chromedp.Evaluate[string](`self.measured`, chromedp.EvalAwaitPromise))
	}
	if err != nil {
		return visit{}, err
	}
	// V8 caches compiled code if the page stays open until V8 has optimized nothing for two
	// seconds.
	time.Sleep(4 * time.Second)
	var is visit
	return is, json.Unmarshal([]byte(measured), &is)
}

func (v view) prepare(ctx context.Context, throttled bool, script string) error {
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	if err != nil {
		return err
	}
	if cookies, _ := http.ParseCookie(v.cookie); len(cookies) > 0 {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{
			URL: v.url, Name: cookies[0].Name, Value: cookies[0].Value, HTTPOnly: new(true), SameSite: network.CookieSameSiteLax,
		})
		if err != nil {
			return err
		}
	}
	if throttled {
		_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{
				Latency: fast4GLatency, DownloadThroughput: fast4GDownload, UploadThroughput: fast4GUpload,
			}},
		})
		if err != nil {
			return err
		}
		if _, err := chromedp.Call(ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slowCPU}); err != nil {
			return err
		}
	}
	_, err = chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: script,
	})
	return err
}

// startBrowser starts Chromium with its profile in a folder.
func startBrowser(profile string) (ctx context.Context, end func(), err error) {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, errors.New("there is no browser: apt-get install chromium")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1280, 900),
		chromedp.Env("LANGUAGE=en_US"),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-features", testkit.HiddenPages),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with a sandbox
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(allocator)
	end = func() { endBrowser(); endAllocator() }
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return ctx, end, nil
}
