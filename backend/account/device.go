package account

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/shared"
	"latchkey/shared/message"
)

// maxDeviceWord, in bytes, is longer than the names of browsers and systems. A
// client can send any name, and other users' pages show it in their lists.
const maxDeviceWord = 40

// DeviceOf names the browser and the system that sent a user agent, as people name
// them. It looks for [products] in the order of that table, because most
// browsers also claim to be Chrome and Safari. A version is the major one of the
// product that gives the name, and is left out where the agent names none: the
// number after Safari/ is WebKit's build, and systems freeze their versions ("Mac
// OS X 10_15_7", "Android 10", "Windows NT 10.0"), so a system has no version.
func DeviceOf(userAgent string) shared.Device {
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

// A product is a browser or an app that is known by the token it puts into its
// user agents.
type product struct {
	token string // that begins a word of the agent
	name  string // as people name it
	// version is the token before the version; "" if it is token itself, and "-" if
	// there is none that people know.
	version string
}

// products are what is told apart, the more particular first: an app before the
// browser that it embeds, and a browser before the one that it is built from. The
// names and tokens are those of the vendors' documentation and of uap-core.
var products = []product{
	// Apps that show pages.
	{"[LinkedInApp]", "LinkedIn", "-"},
	{"FBAN/Messenger", "Messenger", "FBAV/"},
	{"FB_IAB/MESSENGER", "Messenger", "FBAV/"},
	{"FB_IAB/Orca", "Messenger", "FBAV/"},
	{"Barcelona ", "Threads", ""},
	{"Instagram ", "Instagram", ""},
	{"FBAN/", "Facebook", "FBAV/"},
	{"FB_IAB/", "Facebook", "FBAV/"},
	{"FBIOS", "Facebook", "FBAV/"},
	{"musical_ly_", "TikTok", ""},
	{"trill_", "TikTok", ""},
	{"BytedanceWebview/", "TikTok", "-"},
	{"Snapchat/", "Snapchat", ""},
	{"[Pinterest/", "Pinterest", "-"},
	{"Pinterest/", "Pinterest", "-"},
	{"Twitter for ", "X", "-"},
	{"TwitterAndroid", "X", "-"},
	{"WhatsApp/", "WhatsApp", "-"},
	{"Telegram-Android/", "Telegram", ""},
	{"MicroMessenger/", "WeChat", ""},
	{"Line/", "LINE", ""},
	{"KAKAOTALK/", "KakaoTalk", ""},
	{"KAKAOTALK ", "KakaoTalk", ""},
	{"AlipayClient/", "Alipay", ""},
	{"DingTalk/", "DingTalk", ""},
	{"baiduboxapp/", "Baidu", ""},
	{"NAVER(", "Naver", "-"},
	{"YaApp_", "Yandex", "-"},
	{"YaSearchApp/", "Yandex", "-"},
	{"GSA/", "Google app", ""},
	{"GoogleApp/", "Google app", ""},
	{"Slack_SSB/", "Slack", ""},
	{"Slack/", "Slack", ""},
	{"Teams/", "Microsoft Teams", "-"},
	{"discord/", "Discord", ""},
	{"Discord/", "Discord", ""},
	{"Code/", "Visual Studio Code", ""},
	{"obsidian/", "Obsidian", ""},
	{"WindowsPowerShell/", "PowerShell", ""},

	// Browsers that are built from others. DuckDuckGo's numbers are those of the
	// browser below it, or never change.
	{"DuckDuckGo/", "DuckDuckGo", "-"},
	{"Ddg/", "DuckDuckGo", "-"},
	{"EdgiOS/", "Edge", ""},
	{"EdgA/", "Edge", ""},
	{"Edg/", "Edge", ""},
	{"Edge/", "Edge", ""},
	{"OPX/", "Opera GX", ""},
	{"OPT/", "Opera Touch", "-"},
	{"OPiOS/", "Opera", ""},
	{"Opera Mini/", "Opera Mini", ""},
	{"OPR/", "Opera", ""},
	{"Opera/", "Opera", "Version/"}, // Opera/9.80 stands for all from 10 on
	{"Vivaldi/", "Vivaldi", ""},
	{"YaBrowser/", "Yandex Browser", ""},
	{"UCBrowser/", "UC Browser", ""},
	{"UBrowser/", "UC Browser", ""},
	{"SamsungBrowser/", "Samsung Internet", ""},
	{"HuaweiBrowser/", "Huawei Browser", ""},
	{"MiuiBrowser/", "Mi Browser", ""},
	{"VivoBrowser/", "vivo Browser", ""},
	{"HeyTapBrowser/", "HeyTap Browser", ""},
	{"OculusBrowser/", "Meta Quest Browser", ""},
	{"PicoBrowser/", "PICO Browser", ""},
	{"Silk/", "Silk", ""},
	{"Whale/", "Whale", ""},
	{"Brave Chrome/", "Brave", ""},
	{"Brave/", "Brave", "-"}, // 1 for all versions
	{"Ecosia ", "Ecosia", "-"},
	{"Ecosia/", "Ecosia", "-"},
	{"AlohaBrowser/", "Aloha", ""},
	{"Puffin/", "Puffin", ""},
	{"MQQBrowser/", "QQ Browser", ""},
	{"QQBrowser/", "QQ Browser", ""},
	{"QuarkPC/", "Quark", ""},
	{"Quark/", "Quark", ""},
	{"Maxthon/", "Maxthon", ""},
	{"coc_coc_browser/", "Cốc Cốc", ""},
	{"CocCocBrowser/", "Cốc Cốc", ""},
	{"Avast/", "Avast Secure Browser", ""},
	{"AVG/", "AVG Secure Browser", ""},
	{"Norton/", "Norton Browser", ""},
	{"AvastSecureBrowser/", "Avast Secure Browser", ""},
	{"Sleipnir/", "Sleipnir", ""},
	{"Falkon/", "Falkon", ""},
	{"Konqueror/", "Konqueror", ""},
	{"qutebrowser/", "qutebrowser", ""},
	{"Epiphany/", "GNOME Web", "-"},
	{"Ladybird/", "Ladybird", "-"},
	{"PaleMoon/", "Pale Moon", ""},
	{"Waterfox/", "Waterfox", ""},
	{"SeaMonkey/", "SeaMonkey", ""},
	{"Thunderbird/", "Thunderbird", ""},
	{"Klar/", "Firefox Klar", ""},
	{"Focus/", "Firefox Focus", ""},
	{"FxiOS/", "Firefox", ""},
	{"Firefox/", "Firefox", ""},
	{"CriOS/", "Chrome", ""},
	{"CrKey/", "Chromecast", "-"},
	{"CrKey", "Chromecast", "-"},
	{"IEMobile/", "Internet Explorer", ""},
	{"HeadlessChrome/", "Headless Chrome", ""},
}

var productTokens = indexOf(len(products), func(i int) string { return products[i].token })

// app is the name of an app that does not tell its own.
const app = "App"

// browser names the program that sent the agent: "" if it does not tell.
func (a agent) browser() string {
	if !strings.HasPrefix(string(a), "Mozilla/") && !strings.HasPrefix(string(a), "Opera/") {
		return a.program()
	}
	if i, end := a.first(productTokens, false); i >= 0 {
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
		return app
	case a.find("Chromium/") >= 0:
		return a.versioned("Chromium", "Chromium/")
	case chrome:
		return a.versioned("Chrome", "Chrome/")
	case webKit && a.word("Android"):
		return "Android Browser" // says Version/4.0, whatever it is
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

// internetExplorer returns the name and version of Internet Explorer. Trident is the
// one to believe: in compatibility mode the browser claims to be version 7.
func (a agent) internetExplorer() string {
	const name = "Internet Explorer"
	for _, of := range []struct{ trident, version string }{{"Trident/7", " 11"}, {"Trident/6", " 10"}, {"Trident/5", " 9"}, {"Trident/4", " 8"}} {
		if a.find(of.trident) >= 0 {
			return name + of.version
		}
	}
	return a.versioned(name, "MSIE ")
}

// program names what sent an agent that is no browser's: "curl 8". It is the first
// product, if that looks like a name.
func (a agent) program() string {
	first, rest, _ := strings.Cut(string(a), " ")
	name, version, hasVersion := strings.Cut(first, "/")
	if !isName(name) || !hasVersion && rest != "" {
		return ""
	}
	switch {
	case name == "Dalvik":
		return app
	case name == "Go-http-client", // whose number is that of HTTP
		strings.Contains(rest, "CFNetwork/"): // before which a build is
		return name
	}
	return versioned(name, version)
}

// ownProduct is the first product of a browser's agent that not all such agents
// have, with its version: "" if there is none.
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
		case "Mozilla", "AppleWebKit", "Version", "Mobile", "Safari", "Chrome", "Gecko", "Electron", "NetType", "Language", "JsSdk", "MacAppStore":
			continue
		}
		return versioned(name, version)
	}
	return ""
}

// botMarks are parts of what bots send. Others may have them, too.
var botMarks = []string{"http", "bot", "Bot", "BOT", "rawler", "pider", "HeadlessChrome"}

// bot names the bot that sent the agent, and reports whether one did. Bots tell
// their address, or are called so; a phone may have "BOT" in its name.
func (a agent) bot() (name string, isBot bool) {
	if !slices.ContainsFunc(botMarks, func(mark string) bool { return strings.Contains(string(a), mark) }) {
		return "", false // as nearly all
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

// systems are operating systems by words of the agents, the more particular first.
var systems = []struct{ word, name string }{
	{"Windows Phone", "Windows Phone"}, // which also claims Android and iPhone
	{"Xbox", "Xbox"},
	{"Windows", "Windows"},
	{"OpenHarmony", "HarmonyOS"},
	{"HarmonyOS", "HarmonyOS"},
	{"KAIOS", "KaiOS"},
	{"Tizen", "Tizen"},
	{"Web0S", "webOS"},
	{"webOS", "webOS"},
	{"WEBOS", "webOS"},
	{"iPhone", "iOS"},
	{"iPad", "iOS"},
	{"iPod", "iOS"},
	{"iOS", "iOS"},
	{"Android", "Android"},
	{"OculusBrowser", "Android"}, // says that it is on Linux when it shows pages for desktops
	{"CrOS", "ChromeOS"},
	{"Macintosh", "macOS"},
	{"Mac OS X", "macOS"},
	{"macOS", "macOS"},
	{"FreeBSD", "FreeBSD"},
	{"OpenBSD", "OpenBSD"},
	{"NetBSD", "NetBSD"},
	{"SunOS", "Solaris"},
	{"BlackBerry", "BlackBerry"},
	{"BB10", "BlackBerry"},
	{"Linux", "Linux"},
}

var systemWords = indexOf(len(systems), func(i int) string { return systems[i].word })

// system names the operating system: "" if the agent does not tell.
func (a agent) system() string {
	if i, _ := a.first(systemWords, true); i >= 0 {
		return systems[i].name
	}
	return ""
}

// console names a console by its model, because its browser has no name: "" if it
// is none.
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

// screens are words of televisions and of glasses.
var screens = []string{"TV", "SMART-TV", "SmartTV", "SMART_TV", "BRAVIA", "CrKey", "OculusBrowser", "PicoBrowser"}

var screenWords = indexOf(len(screens), func(i int) string { return screens[i] })

// kind tells what the device is: "unknown" for televisions, consoles and glasses, too.
func (a agent) kind(os string) string {
	if i, _ := a.first(screenWords, true); i >= 0 {
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

// An index has the places of tokens in a table by their first bytes: an agent is read
// once for all of them, since a list shows hundreds of agents.
type index struct {
	tokens []string
	places [256][]int
}

func indexOf(n int, token func(int) string) *index {
	in := new(index)
	for i := range n {
		in.tokens = append(in.tokens, token(i))
		in.places[token(i)[0]] = append(in.places[token(i)[0]], i)
	}
	return in
}

// first returns the place in the table of the first token that is in the agent, and
// where in the agent it ends; -1 if none is. A token begins a word, and whole tells
// that it ends one, too.
func (a agent) first(in *index, whole bool) (place, end int) {
	place = -1
	for at := range len(a) {
		for _, i := range in.places[a[at]] {
			if place >= 0 && i >= place {
				break
			}
			if a.has(in.tokens[i], at, whole) {
				place, end = i, at+len(in.tokens[i])
			}
		}
	}
	return place, end
}

// has reports whether token is in the agent at that place, where a word begins and,
// if it has to be whole, after which one ends. A number is no part of a word that it
// follows: "iPhone12,1".
func (a agent) has(token string, at int, whole bool) bool {
	if !strings.HasPrefix(string(a[at:]), token) || at > 0 && isWordByte(a[at-1]) && isWordByte(token[0]) {
		return false
	}
	end := at + len(token)
	return !whole || end == len(a) || !isWordByte(a[end]) || unicode.IsDigit(rune(a[end]))
}

// find returns where token begins in the agent at the beginning of a word, or -1.
func (a agent) find(token string) int { return a.search(token, false) }

// word reports whether a word, or some, are in the agent.
func (a agent) word(word string) bool { return a.search(word, true) >= 0 }

func (a agent) search(token string, whole bool) int {
	for from := 0; ; from++ {
		at := strings.Index(string(a[from:]), token)
		if at < 0 {
			return -1
		}
		if from += at; a.has(token, from, whole) {
			return from
		}
	}
}

// versioned is the name with the version that follows token in the agent, if there
// is one.
func (a agent) versioned(name, token string) string {
	at := a.find(token)
	if at < 0 {
		return name
	}
	return versioned(name, string(a[at+len(token):]))
}

// versioned is the name with the number that version begins with, if it begins with
// one that can be a version.
func versioned(name, version string) string {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	if end > 0 && end <= 4 && strings.Trim(version[:end], "0") != "" {
		name += " " + version[:end]
	}
	return name
}

// isName reports whether a product has a name that can be shown.
func isName(s string) bool {
	return s != "" && len(s) <= maxDeviceWord && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.' || r == '+')
	})
}

func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-'
}

// maxMailedWord is longer than "Internet Explorer 11" and too short for a
// message.
const maxMailedWord = 24

// deviceInMail names a device in an email: "Firefox 153 on Windows". An attacker who
// knows a password can send any user agent, and the email would repeat it: so it
// names nothing that email programs make a link of, and nothing long.
func deviceInMail(userAgent string) paragraph {
	fit := func(s string) bool {
		return s != "" && utf8.RuneCountInString(s) <= maxMailedWord &&
			!strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	d := DeviceOf(userAgent)
	name := verbatim(d.Browser)
	switch {
	case d.Browser == app:
		name = say(message.AnApp)
	case !fit(d.Browser):
		name = say(message.AnUnknownBrowser)
	}
	if fit(d.OS) {
		return say(message.BrowserOnSystem, name, d.OS)
	}
	return name
}
