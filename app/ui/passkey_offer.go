package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared/message"
)

// offersPasskey reports whether the home offers a passkey to a user who has signed in with a
// password, on a device that can store one. It does not if the check-up has that action already,
// or if the user has declined in this browser, has used a passkey of this device, or has just
// added one.
func (h *home) offersPasskey(checks []check) bool {
	e, newest := h.Env, h.Overview.Sessions.Newest
	if len(newest) == 0 || advises(checks, enableTwoFactor, addPasskey) {
		return false
	}
	first, _, _ := strings.Cut(newest[0].Method, "+")
	return first == "password" && h.platform && passkey.Supported() && e.gotPasskey != e.account() &&
		!e.preferences.hasDeclined(e.account()) && len(e.snapshots.used(e.account())) == 0
}

func (h *home) declinePasskey(app.Context, app.Event) {
	focus(h.ctx, "passkeys", "title") // the focused button disappears
	toast(h.ctx, h.Env.T(message.DonePasskeyDeclined))
	h.Env.preferences.decline(h.Env.account())
}

// passkeyOffer draws the offer of a passkey.
func (h *home) passkeyOffer() app.UI {
	e := h.Env
	return row(html.Section().Class("card", "offer").Aria("labelledby", "passkey-offer"), tile("key", levelNone),
		html.H2().ID("passkey-offer").TabIndex(-1).Text(e.T(message.PasskeyOffer)), nil,
		[]app.UI{html.Span().ID("passkey-offer-text").Text(e.T(message.PasskeyOfferBenefit))},
		div("actions",
			button(e.T(message.NotNow), h.declinePasskey).Aria("describedby", "passkey-offer"),
			&addPasskeyButton{Env: e, ID: "passkey-offer-add", Label: e.T(message.AddPasskey), DescribedBy: "passkey-offer-text"},
		),
	)
}
