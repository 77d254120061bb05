package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"latchkey/backend/testkit"
	"latchkey/shared"
)

// The labels of the two fields for codes from an authenticator app.
const (
	enrollmentCode = "Code"
	signInCode     = "Code from your authenticator app"
)

// TestTwoFactorBrowser tests two-factor authentication in a real browser.
func TestTwoFactorBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Enroll":               testEnroll,
		"QR":                   testQR,
		"BackupCodes":          testBackupCodes,
		"TrustedDevices":       testTrustedDevices,
		"ReplaceAuthenticator": testReplaceAuthenticator,
		"Disable":              testDisable,
		"PendingSignIn":        testPendingSignIn,
		"EmailCode":            testEmailCode,
		"Keyboard":             testTwoFactorKeyboard,
		"Reopened":             testTwoFactorReopened,
		"Narrow":               testTwoFactorNarrow,
		"Phone":                testTwoFactorPhone,
	}, map[string]func(*testing.T){
		"Locked":       testLockout,
		"StepUpByCode": testStepUpByCode,
		"FactorDue":    testFactorDue,
	})
}

// enable turns on two-factor authentication. It returns the authenticator app
// and the backup codes.
func (p *tab) enable() (*testkit.AuthenticatorApp, []string) {
	p.t.Helper()
	p.Press("Enable 2FA")
	p.Fill("Password", password)
	p.Press("Continue")
	authenticator := p.scan()
	p.Press("Continue")
	codes := p.codes()
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.See("2FA enabled successfully!")
	p.See("10 of 10 left")
	return authenticator, codes
}

// scan returns an authenticator app with the key that the dialog shows.
func (p *tab) scan() *testkit.AuthenticatorApp {
	p.t.Helper()
	p.See("Cannot scan it? Enter this key in the app:")
	key := eval[string](p, `document.getElementById("factor-key").textContent`)
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(key) {
		p.t.Fatalf("the key is %q; want eight groups of four characters", key)
	}
	return testkit.TypeKey(strings.ReplaceAll(key, " ", ""))
}

// codes returns the backup codes that the dialog shows.
func (p *tab) codes() []string {
	p.t.Helper()
	p.See("Save your backup codes")
	codes := eval[[]string](p, `[...document.querySelectorAll("#factor .codes li")].map((li) => li.textContent)`)
	form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){2}[0-9a-hjkmnp-tv-z]{4}$`)
	if len(codes) != 10 || slices.ContainsFunc(codes, func(c string) bool { return !form.MatchString(c) }) {
		p.t.Fatalf("the backup codes are %q; want ten codes of three groups", codes)
	}
	return codes
}

// startSecondFactor signs in with a password and waits for the second-factor
// page. It signs out first if necessary.
func (p *tab) startSecondFactor(email string) {
	p.t.Helper()
	if p.Sees("Sign out") {
		p.Press("Sign out")
		p.At("/sign-in")
	} else {
		p.Open("/sign-in")
	}
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.AwaitFocus(signInCode)
}

// signInByKeyboard signs in on the sign-in page with the keyboard alone.
func (p *tab) signInByKeyboard(email string) {
	p.t.Helper()
	p.At("/sign-in")
	p.AwaitFocus("Sign in") // the heading
	p.TabTo("Email")
	p.Key(email)
	p.TabTo("Password")
	p.Key(password + kb.Enter)
}

// startSecondFactorByKeyboard signs in with a password, by keyboard alone, and
// waits for the second-factor page.
func (p *tab) startSecondFactorByKeyboard(email string) {
	p.t.Helper()
	p.signInByKeyboard(email)
	p.At("/two-factor")
	p.AwaitFocus(signInCode)
}

// exhaustCodes enters wrong codes until the pending sign-in ends.
func (p *tab) exhaustCodes() {
	p.t.Helper()
	for i := range shared.PendingSignInTries {
		p.AwaitFocus(signInCode)
		p.Key(fmt.Sprintf("00000%d", i))
		p.Until("the server has responded", `!!document.getElementById("again") || document.getElementById("second-factor-code")?.value === "" &&
				document.getElementById("second-factor-submit").getAttribute("aria-busy") === "false"`)
	}
	p.See(tooManyCodes)
	p.AwaitFocus("Sign in again")
}

const tooManyCodes = "Too many wrong codes for this sign-in. Sign in again."

// testEnroll checks each step of turning on two-factor authentication.
func testEnroll(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(firefox)
	other.signIn(email)
	p.Open("/dashboard/settings")
	p.See("Firefox 153 on Windows")

	p.Press("Enable 2FA")
	p.The("dialog", "Enable 2FA")
	p.AwaitFocus("Password")
	p.Press("Continue")
	p.With("textbox", "Password", "Enter your password.")
	p.Fill("Password", "not the password")
	p.Press("Continue")
	p.With("textbox", "Password", "This is not your current password.")
	p.Fill("Password", password)
	p.Press("Continue")

	// Users who cannot see the QR code get the key as text.
	p.AwaitFocus("Add the key to your authenticator app")
	p.The("image", "QR code of the key below")
	authenticator := p.scan()
	uri := eval[string](p, `document.querySelector("#factor a").href`)
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != authenticator.Secret ||
		!strings.HasSuffix(u.Path, ":"+email) {
		t.Errorf("the link is %s; want the key %s of %s", uri, authenticator.Secret, email)
	}
	command(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: server.Origin, BrowserContextID: p.browserContext(),
	})
	p.Press("Copy key")
	p.See("The key is copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != authenticator.Secret {
		t.Errorf("the clipboard holds %q; want %q", got, authenticator.Secret)
	}

	p.Press("Continue")
	p.AwaitFocus("Save your backup codes")
	codes := p.codes()
	p.Press("Continue")
	p.With("checkbox", "I saved them", "Check the box once you have saved the codes: they are not shown again.")
	p.AwaitFocus("I saved them")
	p.Press("Copy")
	p.See("The codes are copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != strings.Join(codes, "\n") {
		t.Errorf("the clipboard holds %q; want %q", got, codes)
	}

	folder := t.TempDir()
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: p.browserContext(), DownloadPath: folder,
	})
	p.Press("Download")
	p.See("The codes are in your downloads: latchkey-backup-codes.txt")
	var file string
	p.Await("the download is complete", func() bool {
		b, err := os.ReadFile(filepath.Join(folder, "latchkey-backup-codes.txt"))
		file = string(b)
		return err == nil && strings.HasSuffix(file, "authenticator app.\n")
	})
	for _, want := range append(codes, email, strings.TrimPrefix(server.Origin, "http://"), fmt.Sprint(time.Now().Year())) {
		if !strings.Contains(file, want) {
			t.Errorf("the file does not contain %q:\n%s", want, file)
		}
	}

	p.Act(`window.print = () => { window.printed = true }`)
	p.Press("Print")
	p.Until("the page prints", `window.printed === true`)
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	lines := strings.Fields(eval[string](p, `document.body.innerText`))
	for _, word := range append([]string{"Latchkey", "backup", "codes", email}, codes...) {
		if i := slices.Index(lines, word); i >= 0 {
			lines = slices.Delete(lines, i, i+1)
		} else {
			t.Errorf("the printed page does not contain %q", word)
		}
	}
	host := strings.TrimPrefix(server.Origin, "http://")
	rest, end := strings.Join(lines, " "), fmt.Sprint(" ", time.Now().Year(), ". Each works once.")
	if !strings.HasPrefix(rest, "at "+host+" Made on ") || !strings.HasSuffix(rest, end) || len(lines) != 10 {
		t.Errorf("the printed page also contains %q; want only the server and the date", rest)
	}
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})

	// Going back shows the same key and the same codes.
	p.Press("Back")
	if back := p.scan(); back.Secret != authenticator.Secret {
		t.Errorf("going back shows the key %s; want %s", back.Secret, authenticator.Secret)
	}
	p.Press("Continue")
	if back := p.codes(); !slices.Equal(back, codes) {
		t.Errorf("going back shows the codes %q; want %q", back, codes)
	}
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(enrollmentCode)
	p.Press("Back")
	p.codes()
	if !eval[bool](p, `document.getElementById("factor-saved").checked`) {
		t.Error("the check mark for the saved codes is gone")
	}
	p.Press("Continue")
	p.AwaitFocus(enrollmentCode)

	p.Press("Verify")
	p.With("textbox", enrollmentCode, "The six digits that the app shows now. Enter the six digits of the code.")
	p.Key("12a")
	p.Press("Verify")
	p.Field("factor-code", "12a")    // the user can correct it
	p.Fill(enrollmentCode, "000000") // the form submits itself
	p.With("textbox", enrollmentCode, "The six digits that the app shows now. Invalid code. Please try again.")
	p.Field("factor-code", "")
	p.AwaitFocus(enrollmentCode)
	if p.Sees("2FA enabled successfully!") {
		t.Fatal("a wrong code enables two-factor authentication")
	}
	code := authenticator.Next()
	// A user may paste the code with an invisible mark and in full-width digits.
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, code[:3])
	command(p, input.InsertText, input.InsertTextParams{Text: " \u200e" + wide + " " + code[3:]})
	p.See("2FA enabled successfully!")
	p.AwaitFocus("Two-factor authentication")
	p.See("10 of 10 left")
	p.See("None. To trust one, tick the box when you enter a code at sign-in.")
	p.See("You are signed in nowhere else.")
	html := eval[string](p, `document.documentElement.outerHTML`)
	if strings.Contains(html, authenticator.Secret[:4]+" "+authenticator.Secret[4:8]) || strings.Contains(html, codes[0]) ||
		strings.Contains(html, "otpauth:") {
		t.Error("the page still contains the secrets")
	}
	other.Press("Save")
	other.At("/sign-in")
	other.See(sessionEnded)

	// This session continues. The next sign-in requires a code.
	p.Press("Save")
	p.See("Your profile is saved.")
	p.startSecondFactor(email)
	code = authenticator.Current()
	p.Key(code)
	p.At("/dashboard/settings")
	p.See("Password and authenticator app")
	p.Open("/two-factor")
	p.At("/dashboard/settings")
	p.See("Sign out")
	p.startSecondFactor(email)
	p.Key(code)
	p.See("This code has already been used. Wait for the next one.")
	p.Field("second-factor-code", "")
	p.AwaitFocus(signInCode)
}

// readQR decodes the QR code in a picture.
func readQR(picture image.Image, hints map[gozxing.DecodeHintType]any) (*gozxing.Result, error) {
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return nil, err
	}
	return qrcode.NewQRCodeReader().Decode(bitmap, hints)
}

// testQR checks that the QR code in a screenshot contains the URI that the
// server issued.
func testQR(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	for _, scheme := range []string{"light", "dark"} {
		command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		p.Press("Enable 2FA")
		p.Fill("Password", password)
		p.Press("Continue")
		p.scan()
		status, body := p.post("two-factor/get-totp-uri", map[string]string{"password": password})
		var issued struct{ TOTPURI string }
		if err := json.Unmarshal(body, &issued); err != nil || status != 200 {
			t.Fatalf("get-totp-uri: %d %s", status, body)
		}

		for _, width := range []int64{1280, 360} {
			p.Do(chromedp.EmulateViewport(width, 900))
			shot := command(p, page.CaptureScreenshot, page.CaptureScreenshotParams{})
			picture, err := png.Decode(bytes.NewReader(shot.Data))
			if err != nil {
				t.Fatal(err)
			}
			read, err := readQR(picture, nil)
			if err != nil {
				// In about three of a thousand screenshots, the reader does not
				// find the corners of the code. The test cuts the code out, and
				// reads it as a pure barcode.
				at := eval[[]int](p, `(r => [r.left + 2, r.top + 2, r.right - 2, r.bottom - 2].map(Math.round))(
					document.querySelector(".qr").getBoundingClientRect())`)
				code := picture.(interface {
					SubImage(image.Rectangle) image.Image
				}).SubImage(image.Rect(at[0], at[1], at[2], at[3]))
				read, err = readQR(code, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
			}
			if err != nil {
				t.Errorf("%s, %d pixels wide: the reader cannot read the QR code: %v", scheme, width, err)
			} else if read.GetText() != issued.TOTPURI {
				t.Errorf("%s, %d pixels wide: the QR code contains %s; want %s", scheme, width, read, issued.TOTPURI)
			}
		}
		p.Do(chromedp.EmulateViewport(1280, 900))
		p.Press("Cancel")
		p.See("You started turning it on and did not finish.")
	}
}

// testBackupCodes checks that each backup code works once, and that new codes
// replace the old ones.
func testBackupCodes(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	_, codes := p.enable()

	p.startSecondFactor(email)
	p.Press("Use a backup code")
	p.AwaitFocus("Backup code")
	p.Press("Verify")
	p.AwaitFocus("Backup code")
	p.See("Enter one of your backup codes.")
	p.Key("aaaaa-aaaaa" + kb.Enter)
	p.See("This is not one of your backup codes. In a code of ten characters, upper and lower case matter.")
	p.AwaitFocus("Backup code")
	p.Fill("Backup code", strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))) // as copied from paper
	p.Press("Verify")
	p.At("/dashboard/settings")
	p.See("You are signed in. That backup code is used up now. 9 are left.")
	p.See("9 of 10 left")
	p.See("Password and backup code")

	p.startSecondFactor(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[0])
	p.Press("Verify")
	p.See("This backup code has already been used. Each code works only once.")
	p.Fill("Backup code", codes[1])
	p.Press("Verify")
	p.See("8 of 10 left")

	for _, code := range codes[2:8] {
		if status, body := p.post("two-factor/verify-backup-code", map[string]string{"code": code}); status != 200 {
			t.Fatalf("verify-backup-code: %d %s", status, body)
		}
	}
	p.Open("/dashboard/settings")
	p.See("Only 2 of your backup codes are left.")
	p.Press("New backup codes")
	p.The("dialog", "New backup codes")
	p.Fill("Password", password)
	p.Press("Make new codes")
	renewed := p.codes()
	if slices.Contains(renewed, codes[9]) {
		t.Error("the new codes include an old one")
	}
	p.Key(kb.Escape) // the old codes no longer work, so the dialog stays open
	p.With("checkbox", "I saved them", "Check the box once you have saved the codes: they are not shown again.")
	p.Click("checkbox", "I saved them", "")
	p.Press("Done")
	p.See("Your new backup codes are ready.")
	p.See("10 of 10 left")
	p.AwaitFocus("Two-factor authentication")
	if p.Sees("of your backup codes") {
		t.Error("the page still warns that few codes are left")
	}

	p.startSecondFactor(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[9])
	p.Press("Verify")
	p.See("This is not one of your backup codes.")
	p.Fill("Backup code", renewed[9])
	p.Press("Verify")
	p.See("9 of 10 left")
}

// testTrustedDevices checks that a trusted device needs no second factor until
// the user revokes it.
func testTrustedDevices(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	authenticator, codes := current.enable()

	signInTrusting := func(p *tab) {
		t.Helper()
		p.startSecondFactor(email)
		p.Click("checkbox", "Trust this device for 30 days", "")
	}
	signInTrusting(current)
	current.Press("Verify") // the page asks for a code and keeps the check mark
	current.Fill(signInCode, authenticator.Next())
	current.At("/dashboard/settings")
	current.The("heading", "Trusted devices")
	other.As(safari)
	signInTrusting(other)
	other.Press("Use a backup code")
	other.Fill("Backup code", codes[0])
	other.Press("Verify")
	other.See("9 of 10 left")

	// Neither device needs a second factor again.
	other.Press("Sign out")
	other.At("/sign-in")
	other.submitSignIn(email, password)
	other.At("/dashboard/settings")
	other.See("Password on a trusted device")

	current.Open("/dashboard/settings")
	current.With("button", "Revoke", "Trusted devices Safari 18 on iOS")
	current.Click("button", "Revoke", "Trusted devices Safari 18 on iOS")
	current.The("dialog", "Trust this device no more?")
	current.Press("Cancel")
	current.Click("button", "Revoke", "Trusted devices Safari 18 on iOS")
	current.Press("Revoke")
	current.See("Safari 18 on iOS is no longer trusted.")
	current.AwaitFocus("Trusted devices")
	current.Await("the list no longer contains the device", func() bool {
		return len(current.All("listitem", "")) > 0 &&
			eval[int](current, `document.querySelectorAll("[aria-labelledby=trusted-devices] li").length`) == 1
	})
	if n := len(current.All("button", "Revoke all trusted devices")); n != 0 {
		t.Error("the page offers to revoke all devices although only one is left")
	}

	// The session of the revoked device continues. Its next sign-in requires a
	// code.
	other.Press("Save")
	other.See("Your profile is saved.")
	signInTrusting(other)
	other.Press("Use a backup code")
	other.Fill("Backup code", codes[1])
	other.Press("Verify")
	other.At("/dashboard/settings")
	other.Press("Revoke all trusted devices")
	other.The("dialog", "Revoke all trusted devices?")
	other.Press("Revoke all")
	other.See("No device is trusted any more.")
	other.See("None. To trust one,")
	current.startSecondFactor(email)
}

// testReplaceAuthenticator checks that a user can move to another authenticator app.
func testReplaceAuthenticator(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	old, codes := p.enable()

	p.Press("Move to a new phone")
	p.The("dialog", "Move to a new phone")
	p.Fill("Password", password)
	p.Press("Continue")
	abandoned := p.scan()
	p.Key(kb.Escape)
	p.See("You started moving to a new phone and did not finish.")
	p.startSecondFactor(email)
	p.Key(old.Next()) // the old app still works
	p.At("/dashboard/settings")

	p.Press("Move to a new phone")
	p.Fill("Password", password)
	p.Press("Continue")
	authenticator := p.scan()
	if authenticator.Secret == old.Secret || authenticator.Secret == abandoned.Secret {
		t.Error("the new key equals an earlier one")
	}
	p.See("The new entry has the same name as the old one.")
	p.Press("Continue") // the backup codes stay valid, so the dialog skips them
	p.AwaitFocus(enrollmentCode)
	p.Key(old.CodeAt(time.Now()))
	p.See("This code is from your old authenticator. Enter the one from the new entry.")
	p.Key(authenticator.Next())
	p.See("Your new phone is set up.")
	p.AwaitFocus("Two-factor authentication")
	p.See("10 of 10 left")

	p.startSecondFactor(email)
	p.Key(old.Next())
	p.See("Invalid code. Please try again.")
	p.Field("second-factor-code", "")
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.At("/dashboard/settings")
	p.startSecondFactor(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[3])
	p.Press("Verify")
	p.See("9 of 10 left")
}

// testDisable checks that a user can turn off two-factor authentication with
// the password.
func testDisable(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()
	other.startSecondFactor(email)
	other.Key(authenticator.Next())
	other.At("/dashboard/settings")

	p.Press("Disable 2FA")
	p.The("dialog", "Disable 2FA?")
	p.Fill("Password", "not the password")
	p.Press("Disable 2FA")
	p.With("textbox", "Password", "This is not your current password.")
	p.Fill("Password", password)
	p.Press("Disable 2FA")
	p.See("2FA has been disabled.")
	p.AwaitFocus("Two-factor authentication")
	p.The("button", "Enable 2FA")
	if len(p.All("heading", "Trusted devices")) > 0 {
		t.Error("the page lists trusted devices without two-factor authentication")
	}
	other.Press("Save")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.submitSignIn(email, password)
	other.At("/dashboard/settings")
	other.See("Enable 2FA")
}

// testPendingSignIn checks what the second-factor page stores, and how a pending
// sign-in ends.
func testPendingSignIn(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()

	// The destination survives the second factor, and a reload of its page.
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Open(eval[string](p, `location.pathname + location.search`))
	p.AwaitFocus(signInCode)
	p.The("button", "Send a code by email")
	p.Click("DisclosureTriangle", "Lost access?", "")
	p.See("If none of these is left, ask whoever runs this server to let you in again.")
	p.Key("  ")
	p.Fill(signInCode, authenticator.Next())
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("signing in leads to the query %q; want ?a=b", search)
	}
	if stored := eval[string](p, `JSON.stringify({...sessionStorage})`); stored != "{}" {
		t.Errorf("after the sign-in, the page still stores %s", stored)
	}

	// The page distinguishes a wrong clock from a wrong code.
	p.startSecondFactor(email)
	p.Key(authenticator.CodeAt(time.Now().Add(4 * time.Minute)))
	p.See("This code is not for the current time. Your phone's clock seems to be about ")
	p.Field("second-factor-code", "")

	// Another tab can complete the sign-in.
	second := p.another()
	second.Open("/two-factor")
	second.AwaitFocus(signInCode)
	second.Key(authenticator.Next())
	second.At("/dashboard/settings")
	p.At("/dashboard/settings")

	// Both Cancel and the Back button of the browser lead to the sign-in page.
	p.startSecondFactor(email)
	p.Click("link", "Cancel", "")
	p.At("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Act(`history.back()`)
	p.At("/sign-in")

	// A pending sign-in accepts five codes.
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.exhaustCodes()
	p.Press("Sign in again")
	p.At("/sign-in")
	p.See(tooManyCodes)

	// A pending sign-in may be complete, or older than ten minutes.
	p.post("two-factor/verify-totp", map[string]string{"code": "000000"}) // ends the pending sign-in
	p.Open("/two-factor?next=/dashboard/settings%3Fc=d")
	p.AwaitFocus(signInCode)
	p.Key("123456")
	p.See("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.AwaitFocus("Sign in again")
	p.Key(kb.Enter)
	p.At("/sign-in")
	p.AwaitFocus("Sign in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	if next := eval[string](p, `new URLSearchParams(location.search).get("next")`); next != "/dashboard/settings?c=d" {
		t.Errorf("the next sign-in would lead to %q; want /dashboard/settings?c=d", next)
	}
}

var emailedCode = regexp.MustCompile(`Your code is (\d{6})`)

// testEmailCode checks signing in with a code that the server sends by email.
func testEmailCode(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.enable()
	p.startSecondFactor(email)
	p.Press("Send a code by email")
	p.See("A code is on its way to your email address.")
	p.AwaitFocus("Code from the email")
	p.Key("000000")
	p.See("Invalid code. Please try again.")
	p.Field("second-factor-code", "")
	p.Press("Send a new code")
	p.See("Code number 2 is on its way to your email address. Only the newest one works.")
	var codes []string
	testkit.Eventually(t, "two emails with a code have arrived", func() bool {
		codes = nil
		for _, e := range server.Emails(email) {
			if code := emailedCode.FindStringSubmatch(e.Text); code != nil {
				codes = append(codes, code[1])
			}
		}
		return len(codes) == 2
	})
	p.Fill("Code from the email", codes[1])
	p.At("/dashboard/settings")
	p.See("Password and code by email")
}

// testTwoFactorKeyboard checks two-factor authentication with the keyboard
// alone.
func testTwoFactorKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()

	p.TabTo("Enable 2FA")
	p.Key(kb.Enter)
	p.AwaitFocus("Password")
	p.Key(kb.Escape)
	p.AwaitFocus("Enable 2FA") // the focus returns
	p.Key(kb.Enter)
	p.AwaitFocus("Password")
	p.Key(password + kb.Enter)
	p.AwaitFocus("Add the key to your authenticator app")
	authenticator := p.scan()
	p.TabTo("Continue")
	p.Key(kb.Enter)
	p.AwaitFocus("Save your backup codes")
	codes := p.codes()
	p.TabTo("I saved them")
	p.Key(" ")
	p.TabTo("Continue")
	p.Key(kb.Enter)
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.AwaitFocus("Two-factor authentication")
	p.See("2FA enabled successfully!")

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	p.startSecondFactorByKeyboard(email)
	p.TabTo("Use a backup code")
	p.Key(kb.Enter)
	p.AwaitFocus("Backup code")
	p.Key(codes[0] + kb.Enter)
	p.At("/dashboard/settings")
	p.AwaitFocus("Settings")
	p.See("9 of 10 left")
	p.See("None. To trust one,")

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	p.startSecondFactorByKeyboard(email)
	p.TabTo("Use a backup code")
	p.Key(kb.Enter)
	p.AwaitFocus("Backup code")
	p.TabTo("Use your authenticator app")
	p.Key(kb.Enter)
	p.AwaitFocus(signInCode)
	p.TabTo("Trust this device for 30 days")
	p.Key(" ")
	p.TabTo(signInCode, testkit.Backwards)
	p.Key(authenticator.Next())
	p.At("/dashboard/settings")
	p.AwaitFocus("Settings")
	p.See("Trusted until")

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	p.signInByKeyboard(email)
	p.At("/dashboard/settings") // without a second factor
	p.AwaitFocus("Settings")
	p.See("Password on a trusted device")
}

// delayClose delays the close event of a dialog until the test calls deliver. The browser
// dispatches that event after it has restored the focus, and a quick user may have opened
// the dialog again by then.
func (p *tab) delayClose() (deliver func()) {
	p.t.Helper()
	p.Act(`addEventListener("close", (e) => {
		e.stopImmediatePropagation()
		window.deliverClose = () => e.target.dispatchEvent(new Event("close"))
	}, {capture: true, once: true}), true`)
	return func() {
		p.t.Helper()
		p.Until("the page hears that the dialog was closed", `deliverClose(), true`)
	}
}

// testTwoFactorReopened checks that a dialog works if the user closes it and opens it
// again at once.
func testTwoFactorReopened(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.signUp()
	p.Press("Enable 2FA")
	p.AwaitFocus("Password")
	deliver := p.delayClose()
	p.Key(kb.Escape)
	p.AwaitFocus("Enable 2FA")
	p.Key(kb.Enter)
	p.AwaitFocus("Password")
	deliver()
	p.Key(password + kb.Enter)
	p.AwaitFocus("Add the key to your authenticator app")
}

// testTwoFactorNarrow checks that the pages for two-factor authentication fit a
// small phone.
func testTwoFactorNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	email := p.signUp()
	p.Press("Enable 2FA")
	p.Fits(320, "the password step")
	p.Fill("Password", password)
	p.Press("Continue")
	authenticator := p.scan()
	p.Fits(320, "the key step")
	p.Press("Continue")
	p.codes()
	p.Fits(320, "the backup codes step")
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(enrollmentCode)
	p.Fits(320, "the code step")
	p.Key(authenticator.Next())
	p.See("2FA enabled successfully!")
	p.Fits(320, "the settings page")
	p.startSecondFactor(email)
	p.Click("DisclosureTriangle", "Lost access?", "")
	p.See("ask whoever runs this server")
	p.Fits(320, "the second-factor page")
	p.Press("Use a backup code")
	p.Fits(320, "the second-factor page for a backup code")
	p.Press("Use your authenticator app")
	p.Click("checkbox", "Trust this device for 30 days", "")
	p.Fill(signInCode, authenticator.Next())
	p.See("Trusted until")
	p.Fits(320, "the settings page with a trusted device")
}

// testTwoFactorPhone turns on two-factor authentication on the phone that runs
// the authenticator app. The phone cannot scan its own screen. The test uses
// touch alone.
func testTwoFactorPhone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	p.signUp()
	p.Fits(360, "the settings page")
	p.Tap("button", "Enable 2FA")
	p.AwaitFocus("Password")
	p.Fits(360, "the password step")
	p.Key(password)
	p.Tap("button", "Continue")
	authenticator := p.scan()
	p.Fits(360, "the key step")

	// The link is above the QR code, and as large as a button.
	p.See("Or scan this with another device:")
	at, code := p.Place("link", "Open in an authenticator app"), p.Place("image", "QR code of the key below")
	if at.Top < 0 || at.Bottom > code.Top || at.Bottom-at.Top < 44 || at.Right-at.Left < 250 {
		t.Errorf("the link is at %+v, and the QR code at %+v", at, code)
	}
	status, body := p.post("two-factor/get-totp-uri", map[string]string{"password": password})
	var issued struct{ TOTPURI string }
	if err := json.Unmarshal(body, &issued); err != nil || status != 200 {
		t.Fatalf("get-totp-uri: %d %s", status, body)
	}
	if uri := eval[string](p, `document.querySelector("#factor .otpauth").href`); uri != issued.TOTPURI {
		t.Errorf("the link is %s; want %s", uri, issued.TOTPURI)
	}
	// The browser follows the link, and nothing else happens. The test cancels
	// the navigation at the last moment. Otherwise the browser would ask which
	// app to open, and ignore touches on the page.
	p.Act(`window.open = () => { window.opened = true },
		document.querySelector("#factor .otpauth").addEventListener("click", (e) => {
			let prevented = e.defaultPrevented
			Event.prototype.preventDefault.call(e)
			e.preventDefault = () => { prevented = true }
			setTimeout(() => { window.followed = !prevented }) // after all other listeners
		}), true`)
	p.Tap("link", "Open in an authenticator app")
	p.Until("the browser follows the link", `window.followed === true`)
	if eval[bool](p, `window.opened === true`) {
		t.Error("the link opens an empty window beside the app")
	}
	if rescanned := p.scan(); rescanned.Secret != authenticator.Secret {
		t.Errorf("after the tap, the dialog shows the key %s; want %s", rescanned.Secret, authenticator.Secret)
	}

	p.Tap("button", "Continue")
	p.codes()
	p.Fits(360, "the backup codes step")
	p.Tap("checkbox", "I saved them")
	p.Tap("button", "Continue")
	p.AwaitFocus(enrollmentCode)
	p.Fits(360, "the code step")
	p.Key(authenticator.Next())
	p.See("2FA enabled successfully!")
	p.Fits(360, "the settings page with 2FA")
}

// testLockout enters wrong codes, by keyboard alone, until the server locks the
// account out.
func testLockout(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	for range 2 {
		p.startSecondFactorByKeyboard(email)
		p.exhaustCodes()
		p.Key(kb.Enter)
	}
	p.startSecondFactorByKeyboard(email)
	p.Key("123456") // the server no longer checks the code
	const lockedOut = "Too many wrong codes. To prevent guessing, codes are not accepted for a while. Try again in "
	p.See(lockedOut + "1")
	p.Field("second-factor-code", "")
	p.AwaitFocus(signInCode)
	if !eval[bool](p, `document.getElementById("second-factor-submit").getAttribute("aria-disabled") === "true"`) {
		t.Error("the button looks enabled during the lockout")
	}
	remaining := func() string {
		return regexp.MustCompile(`1\d:\d\d`).FindString(eval[string](p, `document.querySelector(".form-error").innerText`))
	}
	// A screen reader announces the wait once. If its text counted the seconds,
	// the screen reader would announce each of them.
	announced := func() (texts []string) {
		for _, node := range p.All("StaticText", "") {
			if text := testkit.Text(node.Name); strings.Contains(text, "Try again") {
				texts = append(texts, text)
			}
		}
		return texts
	}
	before, once := remaining(), announced()
	if len(once) != 1 || !regexp.MustCompile(`^`+regexp.QuoteMeta(lockedOut)+`about 1\d minutes\.$`).MatchString(once[0]) {
		t.Errorf("a screen reader announces %q", once)
	}
	p.Await("the wait counts down", func() bool { now := remaining(); return now != "" && now < before })
	if second := announced(); !slices.Equal(second, once) {
		t.Errorf("a second later, a screen reader announces %q; want %q as before", second, once)
	}
	p.TabTo("Verify")
	p.Key(kb.Enter) // has no effect
	p.TabTo("Use a backup code")
	p.Key(kb.Enter)
	p.AwaitFocus("Backup code")
	p.See(lockedOut + "1")

	// The page learns the length of the wait from the server, so it loads again
	// after the test shortens the wait.
	execSQL(t, db, `UPDATE second_factor_tries SET locked_until = ?`,
		time.Now().UTC().Add(30*time.Second).Format("2006-01-02 15:04:05.999999-07:00"))
	p.Open("/two-factor")
	p.AwaitFocus(signInCode)
	p.Key("123456")
	p.See("Try again in ")
	p.Until("the wait has ended", `document.getElementById("second-factor-submit").getAttribute("aria-disabled") === "false"`)
	p.See("You can try again now.")
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.At("/dashboard/settings")
}

// testStepUpByCode checks that a user can confirm a sensitive action with a
// code.
func testStepUpByCode(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	authenticator, _ := p.enable()
	expireFreshness(t, db)

	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.Press("Delete account")
	p.The("dialog", "Is it still you?")
	p.AwaitFocus("Password")
	p.Press("Use a code from your authenticator app")
	p.AwaitFocus(enrollmentCode)
	p.Key("000000")
	p.See("Invalid code. Please try again.")
	p.Field("step-up-code", "")
	p.Press("Use your password")
	p.AwaitFocus("Password")
	p.Press("Use a code from your authenticator app")
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.At("/sign-in") // the deletion continues without another click
	p.See("Your account is deleted.")
}

// testFactorDue checks that the step-up for an action that weakens a second factor asks
// for a second factor, not for a password, and that the action then continues.
func testFactorDue(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	authenticator, codes := p.enable()

	expireFreshness(t, db)
	p.Press("New backup codes")
	p.The("dialog", "New backup codes")
	p.Fill("Password", password)
	p.Press("Make new codes")
	p.The("dialog", "Is it still you?")
	p.AwaitFocus(enrollmentCode)
	p.See("This changes how your account is protected.")
	if n := len(p.All("button", "Use your password")); n != 0 {
		t.Error("the dialog offers the password, which is no second factor")
	}
	p.Press("Use a backup code")
	p.AwaitFocus("Backup code")
	p.Press("Continue")
	p.See("Enter one of your backup codes.")
	p.Fill("Backup code", codes[0])
	p.Press("Continue")
	p.codes() // the new ones
	p.Click("checkbox", "I saved them", "")
	p.Press("Done")
	p.See("10 of 10 left")

	// The second factor also counts for the next action, until it is too old.
	p.Press("Disable 2FA")
	p.The("dialog", "Disable 2FA?")
	p.Press("Cancel")
	expireFreshness(t, db)
	p.Press("Disable 2FA")
	p.The("dialog", "Disable 2FA?")
	p.Fill("Password", password)
	p.Key(kb.Enter)
	p.The("dialog", "Is it still you?")
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.See("2FA has been disabled.")
}
