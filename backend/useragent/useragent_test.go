package useragent

import (
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/shared"
)

// userAgents lists user agents of browsers, apps and programs, with the names to
// display. They are real, except for those that stand for a whole kind.
var userAgents = []struct{ browser, os, kind, agent string }{
	// Desktop browsers.
	{"Chrome 140", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{"Chrome 140", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{"Chrome 140", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{"Chrome 140", "ChromeOS", "desktop", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{"Chrome 49", "Windows", "desktop", "Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.112 Safari/537.36"},
	{"Chromium 83", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Ubuntu Chromium/83.0.4103.97 Chrome/83.0.4103.97 Safari/537.36"},
	{"Firefox 153", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"},
	{"Firefox 153", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:153.0) Gecko/20100101 Firefox/153.0"},
	{"Firefox 153", "Linux", "desktop", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"},
	{"Firefox 140", "FreeBSD", "desktop", "Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{"SeaMonkey 2", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Firefox/91.0 SeaMonkey/2.53.18"},
	{"Pale Moon 33", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Goanna/6.8 Firefox/128.0 PaleMoon/33.8.1"},
	{"Waterfox 56", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:56.0) Gecko/20100101 Firefox/56.0 Waterfox/56.2.8"},
	{"Safari 26", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15"},
	{"Safari", "macOS", "desktop", "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/125.2 (KHTML, like Gecko) Safari/125.8"},
	{"Edge 140", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"},
	{"Edge 18", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763"},
	{"Opera 121", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36 OPR/121.0.0.0"},
	{"Opera 12", "Windows", "desktop", "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18"},
	{"Vivaldi 7", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36 Vivaldi/7.4.3684.38"},
	{"Yandex Browser 25", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 YaBrowser/25.6.0.0 Safari/537.36"},
	{"Brave 140", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Brave Chrome/140.0.0.0 Safari/537.36"},
	{"Whale 4", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Whale/4.31.304.16 Safari/537.36"},
	{"DuckDuckGo", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15 Ddg/17.4"},
	{"DuckDuckGo", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36 Edg/123.0.0.0 Ddg/123.0.0.0"},
	{"Internet Explorer 11", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"},
	{"Internet Explorer 11", "Windows", "desktop", "Mozilla/5.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; .NET4.0E)"},
	{"Internet Explorer 9", "Windows", "desktop", "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Win64; x64; Trident/5.0)"},
	{"Internet Explorer 6", "Windows", "desktop", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)"},
	{"GNOME Web", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Safari/605.1.15 Epiphany/3.38.2"},
	{"Falkon 23", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Falkon/23.04.3 Chrome/108.0.5359.181 Safari/537.36"},
	{"Konqueror 22", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Konqueror/22.12.3 Chrome/87.0.4280.144 Safari/537.36"},

	// Phones and tablets.
	{"Chrome 140", "Android", "mobile", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"},
	{"Chrome 140", "Android", "tablet", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	{"Chrome 140", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.39 Mobile/15E148 Safari/604.1"},
	{"Chrome 140", "iOS", "tablet", "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.39 Mobile/15E148 Safari/604.1"},
	{"Safari 18", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"},
	{"Safari 26", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"},
	{"Safari 12", "iOS", "tablet", "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1"},
	{"Google app 390", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/390.0.0 Mobile/15E148 Safari/604.1"},
	{"Google app 15", "Android", "mobile", "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/121.0.6167.143 Mobile Safari/537.36 GSA/15.4.34.29.arm64"},
	{"Firefox 153", "Android", "mobile", "Mozilla/5.0 (Android 15; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0"},
	{"Firefox 153", "Android", "tablet", "Mozilla/5.0 (Android 15; Tablet; rv:153.0) Gecko/153.0 Firefox/153.0"},
	{"Firefox 143", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/605.1.15"},
	{"Firefox Focus 143", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Focus/143.0 Mobile/15E148 Safari/605.1.15"},
	{"Firefox Focus 8", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 12_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/8.1.1b4948 Focus/8.1 Mobile/15E148 Safari/605.1.15"},
	{"Samsung Internet 28", "Android", "mobile", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"},
	{"Edge 140", "Android", "mobile", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 EdgA/140.0.0.0"},
	{"Edge 140", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/140.0.3485.54 Mobile/15E148 Safari/604.1"},
	{"Opera 91", "Android", "mobile", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36 OPR/91.0.0.0"},
	{"Opera Touch", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1 OPT/5.6.0"},
	{"Opera GX 2", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1 OPX/2.3.3"},
	{"Opera Mini 73", "Android", "mobile", "Opera/9.80 (Android; Opera Mini/73.0.2254/191.303; U; en) Presto/2.12.423 Version/12.16"},
	{"Yandex Browser 25", "Android", "mobile", "Mozilla/5.0 (Linux; arm_64; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 YaBrowser/25.4.1.101.00 SA/3 Mobile Safari/537.36"},
	{"UC Browser 13", "Android", "mobile", "Mozilla/5.0 (Linux; U; Android 13; en-US; RMX3511 Build/TP1A.220905.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.8.2.1324 Mobile Safari/537.36"},
	{"DuckDuckGo", "Android", "mobile", "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.6422.147 Mobile DuckDuckGo/5 Safari/537.36"},
	{"DuckDuckGo", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15"},
	{"DuckDuckGo", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 Ddg/17.5"},
	{"GNOME Web", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15 Epiphany/605.1.15"},
	{"Brave", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Brave/1.62 Mobile/15E148 Safari/604.1"},
	{"Brave", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Brave/1 Mobile/15E148 Safari/E7FBAF"},
	{"Silk 128", "Android", "tablet", "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/128.4.1 like Chrome/128.0.6613.187 Safari/537.36"},
	{"Silk 3", "Android", "tablet", "Mozilla/5.0 (Linux; U; Android 4.4.3; en-us; KFTHWI Build/KTU84M) AppleWebKit/537.36 (KHTML, like Gecko) Silk/3.68 like Chrome/39.0.2171.93 Safari/537.36"},
	{"Meta Quest Browser 39", "Android", "unknown", "Mozilla/5.0 (Linux; Android 14; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/39.3.0.9.55 Chrome/136.0.7103.177 VR Safari/537.36"},
	{"Meta Quest Browser 39", "Android", "unknown", "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/39.3.0.9.55 Chrome/136.0.7103.177 VR Safari/537.36"},
	{"Mi Browser 14", "Android", "mobile", "Mozilla/5.0 (Linux; U; Android 13; en-gb; 2201117TY Build/TKQ1.221114.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.14.0-gn"},
	{"Huawei Browser 15", "HarmonyOS", "mobile", "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00; HMSCore 6.14.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.196 HuaweiBrowser/15.0.4.312 Mobile Safari/537.36"},
	{"Huawei Browser 5", "HarmonyOS", "mobile", "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.0.4.300"},
	{"vivo Browser 13", "Android", "mobile", "Mozilla/5.0 (Linux; Android 13; V2218A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/101.0.4951.74 Mobile Safari/537.36 VivoBrowser/13.7.10.0"},
	{"Ecosia", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1 (Ecosia ios@10.0.2.2020)"},
	{"Android Browser", "Android", "mobile", "Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; Galaxy S II Build/GRJ22) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30"},

	// Browsers embedded in apps.
	{"Instagram 300", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 300.0.5.17.101 (iPhone12,1; iOS 17_0_3; en_US; en; scale=2.00; 828x1792; 511541309)"},
	{"Instagram 309", "Android", "mobile", "Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.67 Mobile Safari/537.36 Instagram 309.1.0.41.113 Android (33/13; 420dpi; 1080x2177; samsung; SM-A536B; a53x; s5e8825; de_DE; 541635897)"},
	{"Facebook 440", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B91 [FBAN/FBIOS;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.1.1;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5;FBAV/440.0.0.38.107]"},
	{"Facebook", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B91 [FBAN/FBIOS;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.1.1;FBSS/3;FBID/phone;FBLC/en_US;FBOP/80]"},
	{"Facebook 438", "Android", "mobile", "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0.5993.111 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/438.0.0.33.118;]"},
	{"Messenger 433", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B74 [FBAN/MessengerForiOS;FBAV/433.0.0.29.109;FBBV/537456402;FBDV/iPhone13,2;FBMD/iPhone;FBSN/iOS;FBSV/17.1;FBSS/3;FBID/phone;FBLC/en_US;FBOP/0]"},
	{"LINE 13", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/13.14.0"},
	{"WeChat 8", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2e) NetType/WIFI Language/zh_CN"},
	{"TikTok 32", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_32.2.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en Region/US FalconTag/x BytedanceWebview/d8a21c6"},
	{"Snapchat 12", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21B74 Snapchat/12.58.0.42 (like Safari/8616.2.9.10.10, panda)"},
	{"LinkedIn", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.8962"},
	{"App", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"},
	{"App", "iOS", "tablet", "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"},
	{"App", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"},
	{"App", "Android", "mobile", "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.231105.004; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36"},
	{"Slack 4", "macOS", "desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.41.97 Chrome/130.0.6723.191 Electron/33.3.2 Safari/537.36 MacAppStore/23.6.0"},
	{"Visual Studio Code 1", "Windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.95.3 Chrome/128.0.6613.186 Electron/32.2.1 Safari/537.36"},
	{"App", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.6613.186 Electron/32.2.1 Safari/537.36"},

	// Televisions and consoles.
	{"Samsung Internet 6", "Tizen", "unknown", "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/6.0 Chrome/94.0.4606.31 TV Safari/537.36"},
	{"Chrome 94", "webOS", "unknown", "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager"},
	{"PlayStation 5", "", "unknown", "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15"},
	{"PlayStation 4", "", "unknown", "Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko)"},
	{"Edge 140", "Xbox", "unknown", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"},
	{"Nintendo Switch", "", "unknown", "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.21.3 NintendoBrowser/5.1.0.22474"},

	// Programs.
	{"curl 8", "", "unknown", "curl/8.15.0"},
	{"Wget 1", "", "unknown", "Wget/1.21.3"},
	{"okhttp 4", "", "unknown", "okhttp/4.12.0"},
	{"python-requests 2", "", "unknown", "python-requests/2.32.3"},
	{"Go-http-client", "", "unknown", "Go-http-client/2.0"},
	{"Googlebot 2", "", "bot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{"Googlebot 2", "Android", "bot", "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.7339.80 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
	{"bingbot 2", "", "bot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/136.0.0.0 Safari/537.36"},
	{"GPTBot 1", "", "bot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"},
	{"Applebot", "macOS", "bot", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)"},
	{"Headless Chrome 140", "Linux", "bot", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36"},
	{"", "", "unknown", ""},
	{"HTTPie 3", "", "unknown", "HTTPie/3.2.4"},
	{"PostmanRuntime 7", "", "unknown", "PostmanRuntime/7.43.0"},
	{"node", "", "unknown", "node"},
	{"Java 17", "", "unknown", "Java/17.0.11"},
	{"Dart 3", "", "unknown", "Dart/3.5 (dart:io)"},
	{"Vault", "", "unknown", "Vault/2024120101 CFNetwork/1490.0.4 Darwin/23.2.0"},
	{"Vault 4", "iOS", "mobile", "Vault/4.2.1 (com.example.vault; build:771; iOS 17.5.1) Alamofire/5.9.1"},
	{"App", "Android", "mobile", "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A.230901.001)"},
	{"PowerShell 5", "Windows", "desktop", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4412"},
	{"Thunderbird 128", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.3"},
	{"facebookexternalhit 1", "", "bot", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
	{"Twitterbot 1", "", "bot", "Twitterbot/1.0"},
	{"Bytespider", "Android", "bot", "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; https://zhanzhang.toutiao.com/)"},
	{"Yahoo! Slurp", "", "bot", "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)"},

	// User agents that resemble something else.
	{"Chrome 120", "Android", "mobile", "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
	{"Chrome 120", "Android", "mobile", "Mozilla/5.0 (Linux; Android 9; M BOT 60) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
	{"Chrome 120", "Android", "mobile", "Mozilla/5.0 (Linux; Android 12; CUBOT_P80/1.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
	{"Internet Explorer 11", "Windows Phone", "mobile", "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like Gecko) Mobile Safari/537"},
	{"Edge 15", "Windows Phone", "mobile", "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15254"},
	{"Chrome 130", "Android", "unknown", "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH21 Build/STT2.221208.001) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"},
	{"Silk 121", "Android", "unknown", "Mozilla/5.0 (Linux; Android 9; AFTMM) AppleWebKit/537.36 (KHTML, like Gecko) Silk/121.3.3 like Chrome/121.0.6167.180 Safari/537.36"},
	{"Moonlight 3", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Moonlight/3.1 Mobile/15E148 Safari/604.1"},
	{"Safari", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"},
	{"MyBank 4", "iOS", "mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MyBank/4.2"},
	{"Chrome", "Linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99999.0 Safari/537.36"},
	{"", "", "unknown", "Mozilla/5.0"},
	{"", "", "unknown", "Your account is closed please call us at 0800 123456"},
	{"", "", "unknown", "<b>hello</b>/1"},
	{"", "", "unknown", "\x80\xff/1"},
}

// TestParse checks that Parse returns the common names, and mistakes no other number
// in the user agent for the version.
func TestParse(t *testing.T) {
	for _, tt := range userAgents {
		want := shared.Device{Browser: tt.browser, OS: tt.os, Kind: tt.kind}
		if got := Parse(tt.agent); got != want {
			t.Errorf("%q is %+v; want %+v", tt.agent, got, want)
		}
	}
}

// FuzzParse checks that Parse returns only short names with harmless characters.
func FuzzParse(f *testing.F) {
	for _, tt := range userAgents {
		f.Add(tt.agent)
	}
	f.Fuzz(func(t *testing.T, userAgent string) {
		d := Parse(userAgent)
		for _, s := range []string{d.Browser, d.OS} {
			if len(s) > maxName+len(" 9999") || !utf8.ValidString(s) || strings.ContainsAny(s, "<>&\"'/:@") {
				t.Errorf("%q is %+v", userAgent, d)
			}
		}
		if d.Kind == "" {
			t.Errorf("%q has no kind", userAgent)
		}
	})
}
