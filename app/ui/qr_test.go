//go:build !js

package ui

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"latchkey/app/html"
)

// TestQRPathCanBeRead tests that an independent library reads the codes.
func TestQRPathCanBeRead(t *testing.T) {
	for i := range 50 {
		key := make([]byte, 20)
		rand.Read(key)
		email := strings.Repeat("a", 5*i) + "@example.com" // up to the longest address
		want := "otpauth://totp/Latchkey:" + email + "?algorithm=SHA1&digits=6&issuer=Latchkey&period=30&secret=" +
			base32.StdEncoding.EncodeToString(key)

		path, side := qrPath(want)
		bitmap, err := gozxing.NewBinaryBitmapFromImage(drawn(t, path, side))
		if err != nil {
			t.Fatal(err)
		}
		// The hint says that the image is a drawing, because the reader's search for a code in
		// a photograph does not always find it there.
		got, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
		if err != nil {
			t.Fatalf("the code of %s cannot be read: %v", want, err)
		}
		if got.GetText() != want {
			t.Errorf("the code of %s says %s", want, got)
		}
	}
}

// drawn renders a path as a browser does, with 3 pixels for each module.
func drawn(t *testing.T, path string, side int) image.Image {
	t.Helper()
	const scale = 3
	img := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		var x, y, w, back int
		if _, err := fmt.Sscanf(part, "M%d %dh%dv1h-%d", &x, &y, &w, &back); err != nil || back != w {
			t.Fatalf("%q: %v", part, err)
		}
		if x < quiet || y < quiet || x+w > side-quiet || y+1 > side-quiet {
			t.Fatalf("%q is in the quiet zone", part)
		}
		draw.Draw(img, image.Rect(x*scale, y*scale, (x+w)*scale, (y+1)*scale), image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	return img
}

func TestQRCodeIsBlackOnWhite(t *testing.T) {
	path, side := qrPath("otpauth://totp/Latchkey:ada@example.com?secret=JBSWY3DPEHPK3PXP")
	html := html.String(qrCode(path, side, "QR code"))
	for _, want := range []string{`fill="#fff"`, `fill="#000"`, `role="img"`, `aria-label="QR code"`} {
		if !strings.Contains(html, want) {
			t.Errorf("there is no %s in %s", want, html)
		}
	}
	if strings.Contains(html, "style=") {
		t.Error("the policy forbids styles in the page")
	}
}
