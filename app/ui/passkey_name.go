package ui

import (
	"strconv"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// deviceAtHand returns the browser's user agent, and whether its device has a touchscreen. The
// latter distinguishes an iPad from a Mac, because an iPad has a Mac's user agent.
func deviceAtHand() (userAgent string, touch bool) {
	if !app.IsClient {
		return "", false
	}
	navigator := app.Window().Get("navigator")
	points := navigator.Get("maxTouchPoints")
	return navigator.Get("userAgent").String(), points.Truthy() && points.Int() > 1
}

// suggestName returns a name for a passkey from such a device. platform reports whether the
// device has a platform authenticator.
func (t *env) suggestName(userAgent string, touch, platform bool) string {
	has := func(what string) bool { return strings.Contains(userAgent, what) }
	system, by := "", ""
	switch {
	case has("iPhone"):
		system, by = "iPhone", t.T(message.FaceOrTouchID)
	case has("iPad"), has("Macintosh") && touch:
		system, by = "iPad", t.T(message.FaceOrTouchID)
	case has("Macintosh"):
		system, by = "Mac", "Touch ID"
	case has("Windows"):
		system, by = "Windows", "Windows Hello"
	case has("Android") && has("Mobile"):
		system = t.T(message.AndroidPhone)
	case has("Android"):
		system = t.T(message.AndroidTablet)
	case has("CrOS"):
		system = "Chromebook"
	case has("Linux"):
		system = "Linux"
	default:
		return t.T(message.PasskeyFactor)
	}
	if platform && by != "" {
		return system + " · " + by
	}
	return system
}

// elsewhereName returns a name for a passkey that is not on the user's device. where is from
// [passkey.Elsewhere]. If the passkey is on the device, it returns name.
func (t *env) elsewhereName(where, name string) string {
	switch where {
	case "security-key":
		return t.T(message.SecurityKey)
	case "phone":
		return t.T(message.PhoneOrTablet)
	default:
		return name
	}
}

// providerName returns a better name than name for a passkey whose provider is known: the
// system on which it was created, and the provider.
func (t *env) providerName(name string, p *shared.Provider) string {
	if p == nil || p.Name == "" {
		return name
	}
	system, by, _ := strings.Cut(name, " · ")
	if name == t.T(message.PasskeyFactor) || name == t.T(message.SecurityKey) || name == t.T(message.PhoneOrTablet) ||
		strings.Contains(p.Name, system) {
		return p.Name
	}
	if by != "" && strings.Contains(p.Name, by) {
		return name
	}
	return system + " · " + p.Name
}

// renameByProvider gives a new passkey a name from its provider, which is unknown until the
// passkey exists, and then refreshes the page. It reports false if the name stays. It ignores
// errors, because the first name is good enough.
func (t *env) renameByProvider(ctx app.Context, one shared.Passkey, others []shared.Passkey) bool {
	name := t.passkeyName(one)
	better := t.providerName(name, one.Provider)
	if better == name {
		return false
	}
	in := shared.PasskeyName{ID: one.ID, Name: t.unused(better, others)}
	call(ctx, t, shared.UpdatePasskey, in, func(ctx app.Context, _ shared.PasskeyUpdated, _ error) { refresh(ctx) })
	return true
}

// unused returns name, with a number appended if another passkey has that name.
func (t *env) unused(name string, list []shared.Passkey) string {
	taken := map[string]bool{}
	for _, one := range list {
		taken[t.passkeyName(one)] = true
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = name + " " + strconv.Itoa(n)
	}
	return free
}

// nameFits reports whether the name of a passkey is valid. If it is not, it shows the error
// at the field.
func (f *form) nameFits(ctx app.Context) bool {
	if f.busy || f.wait() > 0 {
		return false
	}
	name := strings.TrimSpace(f.value("name"))
	wrong := f.env.wrongName(name)
	if seen, ok := shared.ParseName(name); ok && seen == "" {
		wrong = f.env.T(message.ErrEnterName)
	}
	if wrong != "" {
		f.refuse(ctx, "name", wrong)
		return false
	}
	f.problem, f.wrong = "", nil
	return true
}
