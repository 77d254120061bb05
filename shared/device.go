package shared

import (
	"strings"

	"latchkey/shared/message"
)

// Device describes the device of a user agent. Unknown parts are empty.
type Device struct {
	Browser string `json:"browser"` // "Firefox 153"
	OS      string `json:"os"`      // "Windows"
	Kind    string `json:"kind"`    // "desktop", "mobile", "tablet", "bot", "unknown"
}

// Name returns what people call the device, and its browser without the version: "iPhone ·
// Safari".
func (d Device) Name(l *message.Language) string {
	switch what, browser := d.what(l), d.product(); {
	case what == "" && browser == "":
		return l.T(message.UnknownDevice)
	case what == "":
		return browser
	case browser == "":
		return what
	default:
		return what + " · " + browser
	}
}

// what returns the kind of thing that the device is, or "" if it is unknown.
func (d Device) what(l *message.Language) string {
	switch d.OS {
	case "iOS":
		if d.Kind == "tablet" {
			return "iPad"
		}
		return "iPhone"
	case "macOS":
		return "Mac"
	case "ChromeOS":
		return "Chromebook"
	case "Tizen", "webOS":
		return l.T(message.TelevisionDevice)
	case "Windows Phone":
		return d.OS
	}
	switch {
	case d.OS == "":
		return ""
	case d.Kind == "desktop":
		return l.T(message.DesktopDevice, d.OS)
	case d.Kind == "mobile":
		return l.T(message.PhoneDevice, d.OS)
	case d.Kind == "tablet":
		return l.T(message.TabletDevice, d.OS)
	default:
		return d.OS
	}
}

// product returns the browser without its version. The number of a game console is not a
// version.
func (d Device) product() string {
	i := strings.LastIndexByte(d.Browser, ' ')
	if i < 0 || strings.Trim(d.Browser[i+1:], "0123456789") != "" || strings.HasPrefix(d.Browser, "PlayStation ") {
		return d.Browser
	}
	return d.Browser[:i]
}
