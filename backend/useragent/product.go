package useragent

// A product is a browser or an app that puts a token into its user agents.
type product struct {
	token string // begins a word of the agent
	name  string // the common name
	// version is the token before the version. It is "" if token itself precedes the
	// version, and "-" if the name has no version.
	version string
}

// products lists the browsers and apps that [Parse] recognizes, the more specific
// first: an app before the browser that it embeds, and a browser before the one that
// it is based on. The names and tokens are from the vendors' documentation and from
// uap-core.
var products = []product{
	// Apps that embed a browser.
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

	// Browsers that are based on others. DuckDuckGo's numbers are the version of the
	// underlying browser, or never change.
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
	{"Opera/", "Opera", "Version/"}, // from version 10 on, always Opera/9.80
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
	{"Brave/", "Brave", "-"}, // always 1
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

// systems maps words in user agents to operating systems, the more specific first.
var systems = []struct{ word, name string }{
	{"Windows Phone", "Windows Phone"}, // its agents also contain Android and iPhone
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
	{"OculusBrowser", "Android"}, // its agents contain Linux in desktop mode
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

// screens lists words in the agents of televisions and headsets.
var screens = []string{"TV", "SMART-TV", "SmartTV", "SMART_TV", "BRAVIA", "CrKey", "OculusBrowser", "PicoBrowser"}

var screenWords = indexOf(len(screens), func(i int) string { return screens[i] })
