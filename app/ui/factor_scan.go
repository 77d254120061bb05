package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared/message"
)

func (d *factorDialog) drawScan() app.UI {
	e := d.Env
	same, scan := "", e.T(message.ScanWithApp)
	if d.change == moveChange {
		same = e.T(message.DeleteOldEntry)
	}
	if coarsePointer() {
		scan = e.T(message.ScanWithOtherDevice)
	}
	size, resize := "", e.T(message.EnlargeQRCode)
	if d.large {
		size, resize = "large", e.T(message.ShrinkQRCode)
	}
	parts := []app.UI{
		html.P().ID("factor-text").Text(scan),
		html.Div().Class("qr-box", size).Body(
			qrCode(d.path, d.side, e.T(message.QRCodeOfKey)),
			linkButton(resize, d.resize).ID("factor-resize"),
		),
		html.Div().Body(app.If(same != "", func() app.UI { return hint(same) })),
		html.Details().Class("key").ID("factor-manual").On(onEvent("toggle", d.showKey)).Body(
			html.Summary().Class("link").Text(e.T(message.EnterKeyInstead)),
			html.Div().Body(
				html.Code().ID("factor-key").Attr("translate", "no").Text(inFours(d.key())),
				button(e.T(message.CopyKey), d.copyKey),
			),
		),
		// It gets the focus, so it also says what to do.
		html.Fieldset().Class("page", "step").Attr("disabled", d.Offline).Body(
			d.form.code(e.T(message.AuthenticatorCode), e.T(message.HintSixDigitsNow), d.prove, "factor-stage factor-text"),
		),
	}
	if coarsePointer() { // a phone cannot scan its own screen
		link := html.A(d.uri).Class("otpauth").Text(e.T(message.OpenInAuthenticatorApp)).OnClick(on(d.open))
		parts = append([]app.UI{link}, parts...)
	}
	return html.Div().Class("step", "scan").Body(parts...)
}

func (d *factorDialog) key() string { return keyOf(d.uri) }

// keyOf returns the key in an otpauth URI.
func keyOf(otpauth string) string {
	uri, err := url.Parse(otpauth)
	if err != nil {
		return ""
	}
	return uri.Query().Get("secret")
}

func (d *factorDialog) open(_ app.Context, e app.Event) {
	e.Call("stopPropagation") // otherwise go-app opens an empty window, too
}

// showKey scrolls to the key when the user opens it.
func (d *factorDialog) showKey(app.Context, app.Event) {
	if key := element("factor-manual"); key.Truthy() && key.Get("open").Bool() {
		key.Call("scrollIntoView", map[string]any{"block": "nearest"})
	}
}

func (d *factorDialog) resize(app.Context, app.Event) {
	d.large = !d.large
}

func (d *factorDialog) copyKey(app.Context, app.Event) {
	d.copy(d.key(), d.Env.T(message.DoneKeyCopied))
}
