package shared

import (
	"testing"

	"latchkey/shared/message"
)

func TestDeviceName(t *testing.T) {
	for _, tt := range []struct {
		browser, os, kind string
		english, german   string
	}{
		{"Safari 18", "iOS", "mobile", "iPhone · Safari", "iPhone · Safari"},
		{"Safari 18", "iOS", "tablet", "iPad · Safari", "iPad · Safari"},
		{"Safari 18", "macOS", "desktop", "Mac · Safari", "Mac · Safari"},
		{"Edge 140", "Windows", "desktop", "Windows PC · Edge", "Windows-PC · Edge"},
		{"Firefox 153", "Linux", "desktop", "Linux PC · Firefox", "Linux-PC · Firefox"},
		{"Chrome 140", "Android", "mobile", "Android phone · Chrome", "Android-Telefon · Chrome"},
		{"Silk 128", "Android", "tablet", "Android tablet · Silk", "Android-Tablet · Silk"},
		{"Huawei Browser 15", "HarmonyOS", "mobile", "HarmonyOS phone · Huawei Browser", "HarmonyOS-Telefon · Huawei Browser"},
		{"Internet Explorer 11", "Windows Phone", "mobile", "Windows Phone · Internet Explorer", "Windows Phone · Internet Explorer"},
		{"Chrome 140", "ChromeOS", "desktop", "Chromebook · Chrome", "Chromebook · Chrome"},
		{"Samsung Internet 6", "Tizen", "unknown", "TV · Samsung Internet", "Fernseher · Samsung Internet"},
		{"Meta Quest Browser 39", "Android", "unknown", "Android · Meta Quest Browser", "Android · Meta Quest Browser"},
		{"PlayStation 5", "", "unknown", "PlayStation 5", "PlayStation 5"},
		{"Nintendo 3DS", "", "unknown", "Nintendo 3DS", "Nintendo 3DS"},
		{"curl 8", "", "unknown", "curl", "curl"},
		{"Go-http-client", "", "unknown", "Go-http-client", "Go-http-client"},
		{"Headless Chrome 140", "Linux", "bot", "Linux · Headless Chrome", "Linux · Headless Chrome"},
		{"", "Windows", "desktop", "Windows PC", "Windows-PC"},
		{"", "", "unknown", "Unknown device", "Unbekanntes Gerät"},
	} {
		d := Device{tt.browser, tt.os, tt.kind}
		if got := d.Name(message.English); got != tt.english {
			t.Errorf("%+v is %q; want %q", d, got, tt.english)
		}
		if got := d.Name(message.German); got != tt.german {
			t.Errorf("%+v is %q in German; want %q", d, got, tt.german)
		}
	}
}

func TestMethodText(t *testing.T) {
	for _, tt := range []struct{ method, passkey, want string }{
		{"password", "", "Password"},
		{"password", "ThinkPad", "Password"},
		{"password+totp", "", "Password and authenticator app"},
		{"password+passkey", "", "Password and passkey"},
		{"password+passkey", "ThinkPad", "Password and Passkey “ThinkPad”"},
		{"passkey", "", "Passkey"},
		{"passkey", "ThinkPad", "Passkey “ThinkPad”"},
		{"security-key", "YubiKey", "Security key “YubiKey”"},
		{"security-key+totp", "YubiKey", "Security key “YubiKey” and authenticator app"},
		{"", "", "Unknown"},
		{"magic+wand", "", "magic and wand"},
	} {
		if got := MethodText(message.English, tt.method, tt.passkey); got != tt.want {
			t.Errorf("%s by %q is %q; want %q", tt.method, tt.passkey, got, tt.want)
		}
	}
}
