package ui

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/app/passkey"
	"latchkey/shared/message"
)

// passkeyOffer offers a passkey to a user who has signed in with a password. It shows nothing
// if the user has declined in this browser, or has used a passkey of this device or just added
// one.
type passkeyOffer struct {
	app.Compo
	Env    *env
	Method string // the sign-in method of the current session: [shared.Session].Method
	Count  int    // how many passkeys the user has

	ctx      app.Context
	platform bool // the device itself can store passkeys
}

func (o *passkeyOffer) OnMount(ctx app.Context) {
	defer rescue()
	o.ctx = ctx
	async(ctx, func() {
		platform := passkey.HasPlatform()
		dispatch(ctx, func(app.Context) { o.platform = platform })
	})
}

// due reports whether to offer a passkey. A user who has passkeys elsewhere gets the offer only
// if this device can store one.
func (o *passkeyOffer) due() bool {
	e := o.Env
	first, _, _ := strings.Cut(o.Method, "+")
	return first == "password" && (o.Count == 0 || o.platform) && passkey.Supported() && e.gotPasskey != e.account() &&
		!e.preferences.hasDeclined(e.account()) && len(e.snapshots.used(e.account())) == 0
}

func (o *passkeyOffer) decline(app.Context, app.Event) {
	focus(o.ctx, "passkeys", "title") // the focused button disappears
	toast(o.ctx, o.Env.T(message.DonePasskeyDeclined))
	o.Env.preferences.decline(o.Env.account())
}

// Render implements [app.Composer].
func (o *passkeyOffer) Render() app.UI {
	e := o.Env
	if !o.due() {
		return html.Div()
	}
	return row(html.Section().Class("card", "offer").Aria("labelledby", "passkey-offer"), tile("key", levelNone),
		html.H2().ID("passkey-offer").TabIndex(-1).Text(e.T(message.PasskeyOffer)), nil,
		[]app.UI{html.Span().ID("passkey-offer-text").Text(e.T(message.PasskeyOfferBenefit))},
		div("actions",
			button(e.T(message.NotNow), o.decline).Aria("describedby", "passkey-offer"),
			&addPasskeyButton{
				Env: e, ID: "passkey-offer-add", Label: e.T(message.AddPasskey), DescribedBy: "passkey-offer-text",
				Name: e.T(message.AddPasskey) + ": " + e.T(message.PasskeyOffer), // the row of passkeys has a button, too
			},
		),
	)
}
