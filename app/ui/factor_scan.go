package ui

import (
	"net/url"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/app/html"
	"latchkey/shared/message"
)

func (d *factorDialog) drawScan() app.UI {
	e := d.Env
	link := html.A(d.uri).Text(e.T(message.OpenInAuthenticatorApp)).OnClick(on(d.open))
	same, scan := "", e.T(message.ScanWithApp)
	if d.task == moveTask {
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
		html.P().Text(scan),
		html.Div().Class("qr-box", size).Body(
			qrCode(d.path, d.side, e.T(message.QRCodeOfKey)),
			linkButton(resize, d.resize).ID("factor-resize"),
		),
		html.Fieldset().Class("page", "step").Attr("disabled", d.Offline).Body(
			d.form.code(e.T(message.AuthenticatorCode), e.T(message.HintSixDigitsNow), d.prove),
		),
		html.Div().Body(app.If(same != "", func() app.UI { return hint(same) })),
		html.Details().Class("key").Body(
			html.Summary().Class("link").Text(e.T(message.EnterKeyInstead)),
			html.Div().Body(
				html.Code().ID("factor-key").Attr("translate", "no").Text(inFours(d.key())),
				button(e.T(message.CopyKey), d.copyKey),
			),
		),
	}
	if coarsePointer() { // a phone cannot scan its own screen
		parts = append([]app.UI{link.Class("otpauth")}, parts...)
	} else {
		parts = append(parts, html.Div().Body(link))
	}
	return html.Div().Class("step", "scan").Body(parts...)
}

// key returns the new key from its URI.
func (d *factorDialog) key() string {
	uri, err := url.Parse(d.uri)
	if err != nil {
		return ""
	}
	return uri.Query().Get("secret")
}

func (d *factorDialog) open(_ app.Context, e app.Event) {
	e.Call("stopPropagation") // otherwise go-app opens an empty window, too
}

func (d *factorDialog) resize(app.Context, app.Event) {
	d.large = !d.large
}

func (d *factorDialog) copyKey(app.Context, app.Event) {
	d.copy(d.key(), d.Env.T(message.DoneKeyCopied))
}
