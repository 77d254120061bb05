// Package useragent parses User-Agent headers: it names the browser, the operating system
// and the kind of device. It only parses text, and knows nothing about sessions or
// requests.
package useragent

import (
	"slices"
	"strings"
	"unicode"

	"latchkey/shared"
)

// App is the [shared.Device] browser of an app whose user agent does not name it.
const App = "App"

// Parse returns the browser and the system that sent a user agent, by their common names.
// It searches for [products] in the order of that table, because most browsers also claim
// to be Chrome and Safari.
//
// The version is the major version of the product that gives the name. Parse omits it if
// the agent does not state it: the number after Safari/ is WebKit's build. Systems have
// no version, because browsers freeze it ("Mac OS X 10_15_7", "Android 10", "Windows NT
// 10.0").
//
// Parse parses an agent that it has parsed lately only once.
func Parse(userAgent string) shared.Device { return parsed.of(userAgent) }

func parse(userAgent string) shared.Device {
	a := agent(userAgent)
	d := shared.Device{OS: a.system(), Kind: "unknown"}
	if name, isBot := a.bot(); isBot {
		d.Browser, d.Kind = name, "bot"
		return d
	}
	d.Browser = a.browser()
	if console := a.console(); console != "" {
		d.Browser, d.OS = console, ""
	}
	d.Kind = a.kind(d.OS)
	return d
}

// An agent is the value of a User-Agent header (RFC 9110, section 10.1.5).
type agent string

// browser names the program that sent the agent, or returns "" if the agent does not
// say.
func (a agent) browser() string {
	if !strings.HasPrefix(string(a), "Mozilla/") && !strings.HasPrefix(string(a), "Opera/") {
		return a.program()
	}
	if i, end := a.first(productTokens(), false); i >= 0 {
		switch p := products[i]; p.version {
		case "":
			return versioned(p.name, string(a[end:]))
		case "-":
			return p.name
		default:
			return a.versioned(p.name, p.version)
		}
	}
	chrome, webKit := a.find("Chrome/") >= 0, a.find("AppleWebKit/") >= 0
	switch {
	case a.find("Trident/") >= 0 || a.find("MSIE ") >= 0:
		return a.internetExplorer()
	case a.find("Electron/") >= 0, chrome && a.find("Version/4.0") >= 0, a.word("wv"), // Android's WebView
		webKit && !chrome && a.find("Safari/") < 0 && a.find("Chromium/") < 0: // Apple's
		if own := a.ownProduct(); own != "" {
			return own
		}
		return App
	case a.find("Chromium/") >= 0:
		return a.versioned("Chromium", "Chromium/")
	case chrome:
		return a.versioned("Chrome", "Chrome/")
	case webKit && a.word("Android"):
		return "Android Browser" // its agent always has Version/4.0
	case webKit && a.find("Version/") >= 0:
		return a.versioned("Safari", "Version/")
	case webKit:
		if own := a.ownProduct(); own != "" {
			return own
		}
		return "Safari"
	default:
		return a.ownProduct()
	}
}

// internetExplorer returns the name and version of Internet Explorer. It derives the
// version from Trident's, because in compatibility mode the browser claims to be version
// 7.
func (a agent) internetExplorer() string {
	const name = "Internet Explorer"
	for _, engine := range []struct{ token, version string }{
		{"Trident/7", " 11"}, {"Trident/6", " 10"}, {"Trident/5", " 9"}, {"Trident/4", " 8"},
	} {
		if a.find(engine.token) >= 0 {
			return name + engine.version
		}
	}
	return a.versioned(name, "MSIE ")
}

// program names the sender of an agent that is not a browser's, such as "curl 8". It
// returns the first product, if that looks like a name.
func (a agent) program() string {
	first, rest, _ := strings.Cut(string(a), " ")
	name, version, hasVersion := strings.Cut(first, "/")
	if !isName(name) || !hasVersion && rest != "" {
		return ""
	}
	switch {
	case name == "Dalvik":
		return App
	case name == "Go-http-client", // the number is that of HTTP
		strings.Contains(rest, "CFNetwork/"): // the number is a build
		return name
	}
	return versioned(name, version)
}

// ownProduct returns the first product, with its version, that is not part of every
// browser's agent. It returns "" if there is none.
func (a agent) ownProduct() string {
	depth := 0
	for _, word := range strings.Fields(string(a)) {
		open := depth > 0 || strings.ContainsAny(word[:1], "([")
		depth += strings.Count(word, "(") + strings.Count(word, "[") - strings.Count(word, ")") - strings.Count(word, "]")
		name, version, _ := strings.Cut(word, "/")
		if open || version == "" || !unicode.IsDigit(rune(version[0])) || !isName(name) {
			continue
		}
		switch name {
		case "Mozilla", "AppleWebKit", "Version", "Mobile", "Safari", "Chrome", "Gecko", "Electron", "NetType", "Language", "JsSdk",
			"MacAppStore":
			continue
		}
		return versioned(name, version)
	}
	return ""
}

// botMarks are parts of the user agents of bots. Other user agents can have them, too.
var botMarks = []string{"http", "bot", "Bot", "BOT", "rawler", "pider", "HeadlessChrome"}

// bot names the bot that sent the agent, and reports whether a bot sent it. Bots state a
// URL or have "bot" in their name. So do some phones: "CUBOT".
func (a agent) bot() (name string, isBot bool) {
	if !slices.ContainsFunc(botMarks, func(mark string) bool { return strings.Contains(string(a), mark) }) {
		return "", false // nearly every agent
	}
	hasURL := strings.Contains(string(a), "http://") || strings.Contains(string(a), "https://")
	isBot = hasURL || strings.Contains(string(a), "HeadlessChrome/")
	for _, word := range strings.FieldsFunc(string(a), func(r rune) bool { return strings.ContainsRune(" ;,()", r) }) {
		name, version, _ := strings.Cut(word, "/")
		lower := strings.ToLower(name)
		if strings.Contains(lower, "http:") || strings.Contains(lower, "https:") || !isName(name) {
			continue
		}
		for _, kind := range []string{"bot", "crawler", "spider"} {
			if strings.HasSuffix(lower, kind) && version != "" || strings.Contains(lower, kind) && hasURL {
				return versioned(name, version), true
			}
		}
	}
	switch _, after, compatible := strings.Cut(string(a), "compatible; "); {
	case !isBot:
		return "", false
	case strings.Contains(string(a), "HeadlessChrome/"):
		return a.browser(), true
	case compatible:
		name, version, _ := strings.Cut(after, "/")
		name, _, _ = strings.Cut(name, ";")
		if isName(strings.NewReplacer(" ", "", "!", "").Replace(name)) {
			return versioned(name, version), true
		}
		return "", true
	case strings.HasPrefix(string(a), "Mozilla/"):
		return "", true
	default:
		return a.program(), true
	}
}

// system names the operating system, or returns "" if the agent does not say.
func (a agent) system() string {
	if i, _ := a.first(systemWords(), true); i >= 0 {
		return systems[i].name
	}
	return ""
}

// console names a game console by its model, because its browser has no name. It returns
// "" for other devices.
func (a agent) console() string {
	if at := a.find("PlayStation "); at >= 0 {
		model := string(a[at+len("PlayStation "):])
		if strings.HasPrefix(model, "Vita") {
			return "PlayStation Vita"
		}
		return versioned("PlayStation", model)
	}
	for _, name := range []string{"Nintendo Switch", "Nintendo WiiU", "Nintendo 3DS"} {
		if a.find(name) >= 0 {
			return name
		}
	}
	return ""
}

// kind returns the kind of the device: "desktop", "mobile", "tablet" or "unknown".
// Televisions, consoles and headsets are "unknown".
func (a agent) kind(os string) string {
	if i, _ := a.first(screenWords(), true); i >= 0 {
		return "unknown"
	}
	switch os {
	case "Windows", "macOS", "Linux", "ChromeOS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris":
		return "desktop"
	case "Windows Phone", "KaiOS", "BlackBerry":
		return "mobile"
	case "iOS":
		if a.word("iPad") {
			return "tablet"
		}
		return "mobile"
	case "Android", "HarmonyOS":
		switch {
		case strings.Contains(string(a), "; AFT"): // Amazon's models for televisions
			return "unknown"
		case a.word("Tablet"):
			return "tablet"
		case a.word("Mobile"), a.word("Phone"), !strings.HasPrefix(string(a), "Mozilla/"):
			return "mobile"
		default: // browsers on tablets leave "Mobile" out
			return "tablet"
		}
	}
	return "unknown"
}
