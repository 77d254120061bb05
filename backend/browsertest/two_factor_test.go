package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	"latchkey/shared/message"
)

// The labels of the two fields for codes from an authenticator app.
var (
	enrollmentCode = en.T(message.AuthenticatorCode)
	signInCode     = en.T(message.CodeFromAuthenticatorApp)
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

// enable turns on two-factor authentication on its page. It returns the authenticator app
// and the backup codes.
func (p *tab) enable() (*testkit.AuthenticatorApp, []string) {
	p.t.Helper()
	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	authenticator := p.scan()
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.See(en.T(message.DoneTwoFactorEnabled))
	codes := p.codes()
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))
	return authenticator, codes
}

// useBackupCode opens the field for a backup code on the second-factor page. It is a disclosure
// triangle, so that it works before the app runs.
func (p *tab) useBackupCode() {
	p.t.Helper()
	p.Click("DisclosureTriangle", en.T(message.UseBackupCode), "")
}

// notNow answers the question after a code: the browser is not trusted.
func (p *tab) notNow() {
	p.t.Helper()
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	p.Press(en.T(message.NotNow))
}

// trustBrowser answers the question after a code: the browser is trusted.
func (p *tab) trustBrowser() {
	p.t.Helper()
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	p.Press(en.T(message.TrustThisBrowser))
	p.At("/dashboard/settings")
	p.See(en.T(message.DoneBrowserTrusted))
}

// scanned has the apps of all tests: a tab enters codes for an account of another one.
var scanned testkit.Scanned

// scan returns an authenticator app with the key that the dialog shows.
func (p *tab) scan() *testkit.AuthenticatorApp {
	p.t.Helper()
	p.See(en.T(message.EnterKeyInstead))
	key := eval[string](p, `document.getElementById("factor-key").textContent`)
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(key) {
		p.t.Fatalf("the key is %q; want eight groups of four characters", key)
	}
	app := testkit.TypeKey(strings.ReplaceAll(key, " ", ""))
	scanned.Add(app)
	return app
}

// clipboard is held by the test that copies a text. All tabs have the same clipboard.
var clipboard sync.Mutex

// copies presses a button that copies a text, and waits until the page says so.
func (p *tab) copies(button, done, text string) {
	p.t.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	p.Press(button)
	p.See(done)
	if got := eval[string](p, `navigator.clipboard.readText()`); got != text {
		p.t.Errorf("the clipboard holds %q; want %q", got, text)
	}
}

// codes returns the backup codes that the dialog shows.
func (p *tab) codes() []string {
	p.t.Helper()
	p.See(en.T(message.SaveBackupCodes))
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
	// The address says it earlier than the button, which the page may not have drawn yet.
	if strings.HasPrefix(eval[string](p, `location.pathname`), "/dashboard/") {
		p.Press(en.T(message.SignOut))
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
	p.AwaitFocus(en.T(message.SignIn)) // the heading
	p.TabTo(en.T(message.EmailAddress))
	p.Key(email)
	p.TabTo(en.T(message.AccountPassword))
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
	for range shared.PendingSignInTries {
		p.AwaitFocus(signInCode)
		p.Key(scanned.Wrong())
		p.Until("the server has responded", `!!document.getElementById("again") || document.getElementById("second-factor-code")?.value === "" &&
				document.getElementById("second-factor-submit").getAttribute("aria-busy") === "false"`)
	}
	p.See(tooManyCodes)
	p.AwaitFocus(en.T(message.SignInAgain))
}

var tooManyCodes = en.T(message.ErrSignInCodesExhausted)

// testEnroll checks each step of turning on two-factor authentication.
func testEnroll(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(firefox)
	other.signIn(email)
	other.lookAway()
	p.Open("/dashboard/settings/sessions")
	p.See(firefoxDevice)
	p.settings("two-factor")

	p.Press(en.T(message.EnableTwoFactor))
	p.With("dialog", en.T(message.EnableTwoFactor), en.T(message.EnableTwoFactorExplanation))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrEnterPassword))
	p.Fill(en.T(message.AccountPassword), "not the password")
	p.Press(en.T(message.ContinueAction))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrWrongCurrentPassword))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))

	// Users who cannot see the QR code get the key as text.
	p.AwaitFocus(enrollmentCode)
	p.The("heading", en.T(message.AddKeyToAuthenticatorApp))
	p.See(en.T(message.StepOfSteps, 2, 3))
	about := strings.Join([]string{ // what screen readers read with the field that has the focus
		en.T(message.StepOfSteps, 2, 3), en.T(message.AddKeyToAuthenticatorApp), en.T(message.ScanWithApp), en.T(message.HintSixDigitsNow),
	}, " ")
	p.With("textbox", enrollmentCode, about)
	p.The("image", en.T(message.QRCodeOfKey))
	authenticator := p.scan()
	if n := eval[int](p, `document.querySelectorAll("#factor a").length`); n != 0 {
		t.Error("at a desk, the dialog has a link for phones")
	}
	command(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: server.Origin, BrowserContextID: p.browserContext(),
	})
	p.Click("DisclosureTriangle", en.T(message.EnterKeyInstead), "")
	p.Until("the key is in view", `document.querySelector("#factor-manual button").getBoundingClientRect().bottom <=
		document.querySelector("#factor .foot").getBoundingClientRect().top`)
	p.copies(en.T(message.CopyKey), en.T(message.DoneKeyCopied), authenticator.Secret)
	testEnlarge(p)

	// The codes appear once the app has proved itself.
	p.Press(en.T(message.VerifyCode))
	p.With("textbox", enrollmentCode, about+" "+en.T(message.ErrEnterSixDigits))
	p.Key("12a")
	p.Press(en.T(message.VerifyCode))
	p.Field("factor-code", "12a")           // the user can correct it
	p.Fill(enrollmentCode, scanned.Wrong()) // the form submits itself
	p.With("textbox", enrollmentCode, about+" "+en.T(message.ErrInvalidCode))
	p.Field("factor-code", "")
	p.AwaitFocus(enrollmentCode)
	if p.Sees(en.T(message.DoneTwoFactorEnabled)) || p.Sees(en.T(message.SaveBackupCodes)) {
		t.Fatal("a wrong code enables two-factor authentication")
	}
	code := authenticator.Next()
	// A user may paste the code with the words around it, with an invisible mark and in
	// full-width digits.
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, code[:3])
	command(p, input.InsertText, input.InsertTextParams{Text: "Code: \u200e" + wide + " " + code[3:]})
	p.See(en.T(message.DoneTwoFactorEnabled))
	p.AwaitFocus(en.T(message.SaveBackupCodes))
	codes := p.codes()
	if !eval[bool](p, `fetch("/api/auth/two-factor/status").then((r) => r.json()).then((state) => state.enabled)`) {
		t.Error("two-factor authentication is not on although the page shows the backup codes")
	}

	// They stay until the user has saved them.
	p.Act(`history.back()`)
	p.With("checkbox", en.T(message.CodesSaved), en.T(message.ErrCodesNotSaved))
	p.AwaitFocus(en.T(message.CodesSaved))
	p.At("/dashboard/settings/two-factor")
	for range 3 {
		p.Key(kb.Escape)
		p.With("checkbox", en.T(message.CodesSaved), en.T(message.ErrCodesNotSaved))
		p.AwaitFocus(en.T(message.CodesSaved))
	}
	if again := p.codes(); !slices.Equal(again, codes) {
		t.Errorf("after Back and Escape, the codes are %q; want %q", again, codes)
	}
	p.None("button", en.T(message.CancelAction))
	p.Press(en.T(message.FinishSetup))
	p.With("checkbox", en.T(message.CodesSaved), en.T(message.ErrCodesNotSaved))
	p.AwaitFocus(en.T(message.CodesSaved))
	p.Act(`window.read = document.querySelector("#factor-saved-wrong > *"), true`)
	p.Press(en.T(message.FinishSetup))
	p.Until("screen readers read the same error again", `!read.isConnected && !!document.querySelector("#factor-saved-wrong > *")`)
	p.copies(en.T(message.CopyCodes), en.T(message.DoneCodesCopied), strings.Join(codes, "\n"))
	p.Gone(en.T(message.ErrCodesNotSaved))

	folder := t.TempDir()
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: p.browserContext(), DownloadPath: folder,
	})
	p.Press(en.T(message.DownloadCodes))
	p.See(en.T(message.DoneCodesDownloaded, "latchkey-backup-codes.txt"))
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
	p.Press(en.T(message.PrintCodes))
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

	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.See(en.T(message.DoneTwoFactorEnabled))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))
	p.See(en.T(message.NoTrustedDevices))
	p.Until("the page no longer contains the secrets", fmt.Sprintf(
		`![%q, %q, "otpauth:"].some((secret) => document.documentElement.outerHTML.includes(secret))`,
		authenticator.Secret[:4]+" "+authenticator.Secret[4:8], codes[0]))
	p.settings("sessions")
	p.See(en.T(message.NoOtherSessions))
	other.visit("profile")
	other.At("/sign-in")
	other.See(sessionEnded)

	// This session continues. The next sign-in requires a code.
	p.saveProfile()
	p.See(en.T(message.DoneProfileSaved))
	p.startSecondFactor(email)
	p.See(en.T(message.SigningInAs, email))
	code = authenticator.Current()
	p.Key(code)
	p.notNow()
	p.At("/dashboard/settings")
	p.settings("sessions")
	p.openSessions()
	p.See(en.T(message.MethodAndAuthenticatorApp, en.T(message.AccountPassword)))
	p.Open("/two-factor")
	p.At("/dashboard/settings")
	p.See(en.T(message.SignOut))
	p.startSecondFactor(email)
	p.Key(code)
	p.See(en.T(message.ErrCodeUsed))
	p.Field("second-factor-code", "")
	p.AwaitFocus(signInCode)
}

// testEnlarge checks that the QR code of the dialog can be enlarged, and that the field for the
// code keeps its input.
func testEnlarge(p *tab) {
	p.t.Helper()
	small := p.Place("image", en.T(message.QRCodeOfKey))
	p.Fill(enrollmentCode, "12")
	p.Press(en.T(message.EnlargeQRCode))
	p.The("button", en.T(message.ShrinkQRCode))
	large := p.Place("image", en.T(message.QRCodeOfKey))
	if was, is := small.Right-small.Left, large.Right-large.Left; is < 1.5*was {
		p.t.Errorf("the enlarged QR code is %v wide, and was %v before", is, was)
	}
	if code, button := p.Place("textbox", enrollmentCode), p.Place("button", en.T(message.VerifyCode)); code.Bottom > button.Top {
		p.t.Errorf("beside the enlarged QR code, the field is at %+v, behind the buttons at %+v", code, button)
	}
	p.Press(en.T(message.ShrinkQRCode))
	p.Field("factor-code", "12")
	p.Act(`document.getElementById("factor-code").value = "", document.getElementById("factor-code").focus(), true`)
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
	p.settings("two-factor")
	for _, scheme := range []string{"light", "dark"} {
		command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		p.Press(en.T(message.EnableTwoFactor))
		p.Fill(en.T(message.AccountPassword), password)
		p.Press(en.T(message.ContinueAction))
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
		p.Press(en.T(message.CancelAction))
		p.See(en.T(message.EnrollmentUnfinished))
	}
}

// testBackupCodes checks that each backup code works once, and that new codes
// replace the old ones.
func testBackupCodes(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	_, codes := p.enable()

	p.startSecondFactor(email)
	p.useBackupCode()
	p.AwaitFocus(en.T(message.BackupCode))
	p.Press(en.T(message.VerifyCode))
	p.AwaitFocus(en.T(message.BackupCode))
	p.See(en.T(message.ErrEnterBackupCode))
	p.Key("aaaaa-aaaaa" + kb.Enter)
	p.See(en.T(message.ErrInvalidBackupCode))
	p.AwaitFocus(en.T(message.BackupCode))
	// As copied from paper, with the letters that look like digits.
	p.Fill(en.T(message.BackupCode), strings.NewReplacer("-", " ", "0", "o", "1", "l").Replace(strings.ToUpper(codes[0])))
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.DoneBackupCodeUsed) + " " + en.T(message.BackupCodesRemaining, 9))
	p.At("/dashboard/settings") // the page does not ask to trust the browser: it may be borrowed
	p.settings("two-factor")
	p.See(en.T(message.BackupCodesOfTenLeft, 9))
	p.settings("sessions")
	p.openSessions()
	p.See(en.T(message.MethodAndBackupCode, en.T(message.AccountPassword)))

	p.startSecondFactor(email)
	p.useBackupCode()
	p.Fill(en.T(message.BackupCode), codes[0])
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.ErrBackupCodeUsed))
	p.Fill(en.T(message.BackupCode), codes[1])
	p.Press(en.T(message.VerifyCode))
	p.At("/dashboard/settings")
	p.settings("two-factor")
	p.See(en.T(message.BackupCodesOfTenLeft, 8))

	for _, code := range codes[2:8] {
		if status, body := p.post("two-factor/verify-backup-code", map[string]string{"code": code}); status != 200 {
			t.Fatalf("verify-backup-code: %d %s", status, body)
		}
	}
	p.Open("/dashboard/settings/two-factor")
	p.See(en.T(message.BackupCodesLeftMany, 2))
	p.Press(en.T(message.NewBackupCodes))
	p.The("dialog", en.T(message.NewBackupCodes))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.MakeNewCodes))
	renewed := p.codes()
	if slices.Contains(renewed, codes[9]) {
		t.Error("the new codes include an old one")
	}
	p.Key(kb.Escape) // the old codes no longer work, so the dialog stays open
	p.With("checkbox", en.T(message.CodesSaved), en.T(message.ErrCodesNotSaved))
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.See(en.T(message.DoneBackupCodesReady))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	if _, few, _ := strings.Cut(en.T(message.BackupCodesLeftMany), "%d"); p.Sees(few) {
		t.Error("the page still warns that few codes are left")
	}

	p.startSecondFactor(email)
	p.useBackupCode()
	p.Fill(en.T(message.BackupCode), codes[9])
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.ErrBackupCodeReplaced))
	p.Fill(en.T(message.BackupCode), renewed[9])
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.DoneBackupCodeUsed) + " " + en.T(message.BackupCodesRemaining, 9))
}

// testTrustedDevices checks that a trusted device needs no second factor until
// the user revokes it.
func testTrustedDevices(t *testing.T, server *testkit.Program) {
	current, other := browse(t, server), browse(t, server)
	email := current.signUp()
	authenticator, codes := current.enable()

	current.startSecondFactor(email)
	current.Fill(signInCode, authenticator.Next())
	current.trustBrowser()
	current.settings("two-factor")
	current.The("heading", en.T(message.TrustedDevices))
	other.As(safari)
	signInTrusting := func(code string) {
		t.Helper()
		other.startSession(email, func(c *testkit.Client, browser string) testkit.Answer {
			c.Post("/sign-in/email", map[string]any{"email": email, "password": password}, browser).Want(t, 403, "TWO_FACTOR_REQUIRED")
			return c.Post("/two-factor/verify-backup-code", map[string]any{"code": code, "trustDevice": true}, browser)
		})
	}
	signInTrusting(codes[0])

	// Neither device needs a second factor again.
	other.Press(en.T(message.SignOut))
	other.At("/sign-in")
	other.submitSignIn(email, password)
	other.At("/dashboard/settings")
	other.settings("sessions")
	other.openSessions()
	other.See(en.T(message.MethodOnTrustedDevice, en.T(message.AccountPassword)))

	current.Open("/dashboard/settings/two-factor")
	current.With("button", en.T(message.RevokeThis), en.T(message.TrustedDevices)+" "+safariDevice)
	current.Click("button", en.T(message.RevokeThis), en.T(message.TrustedDevices)+" "+safariDevice)
	current.The("dialog", en.T(message.ConfirmUntrustDevice))
	current.Press(en.T(message.CancelAction))
	current.Click("button", en.T(message.RevokeThis), en.T(message.TrustedDevices)+" "+safariDevice)
	current.Press(en.T(message.RevokeThis))
	current.See(en.T(message.DoneDeviceUntrusted, safariDevice))
	current.AwaitFocus(en.T(message.TrustedDevices))
	current.Await("the list no longer contains the device", func() bool {
		return len(current.All("listitem", "")) > 0 &&
			eval[int](current, `document.querySelectorAll("[aria-labelledby=trusted-devices] li").length`) == 1
	})
	if n := len(current.All("button", en.T(message.RevokeTrustedDevices))); n != 0 {
		t.Error("the page offers to revoke all devices although only one is left")
	}

	// The session of the revoked device continues. Its next sign-in requires a
	// code.
	other.saveProfile()
	other.See(en.T(message.DoneProfileSaved))
	signInTrusting(codes[1])
	other.settings("two-factor")
	other.Press(en.T(message.RevokeTrustedDevices))
	other.The("dialog", en.T(message.ConfirmRevokeTrustedDevices))
	other.Press(en.T(message.RevokeAll))
	other.See(en.T(message.DoneTrustedDevicesRevoked))
	other.See(en.T(message.NoTrustedDevices))
	current.startSecondFactor(email)
}

// testReplaceAuthenticator checks that a user can move to another authenticator app.
func testReplaceAuthenticator(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	old, codes := p.enable()

	p.Press(en.T(message.MoveToNewPhone))
	p.The("dialog", en.T(message.MoveToNewPhone))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	abandoned := p.scan()
	p.Key(kb.Escape)
	p.See(en.T(message.PhoneMoveUnfinished))
	p.startSecondFactor(email)
	p.Key(old.Next()) // the old app still works
	p.notNow()
	p.At("/dashboard/settings")

	p.settings("two-factor")
	p.Press(en.T(message.MoveToNewPhone))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	authenticator := p.scan()
	if authenticator.Secret == old.Secret || authenticator.Secret == abandoned.Secret {
		t.Error("the new key equals an earlier one")
	}
	p.See(en.T(message.DeleteOldEntry))
	p.See(en.T(message.StepOfSteps, 2, 2)) // the backup codes stay valid, so the dialog skips them
	p.AwaitFocus(enrollmentCode)
	p.Key(old.CodeAt(time.Now()))
	p.See(en.T(message.ErrCodeFromOldAuthenticator))
	p.Key(authenticator.Next())
	p.See(en.T(message.DoneMovedToNewPhone))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))

	p.startSecondFactor(email)
	p.Key(old.Next())
	p.With("textbox", signInCode, en.T(message.HintCodeRefused)+" "+en.T(message.ErrInvalidCode))
	p.Field("second-factor-code", "")
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.notNow()
	p.At("/dashboard/settings")
	p.startSecondFactor(email)
	p.useBackupCode()
	p.Fill(en.T(message.BackupCode), codes[3])
	p.Press(en.T(message.VerifyCode))
	p.See(en.T(message.DoneBackupCodeUsed) + " " + en.T(message.BackupCodesRemaining, 9))
}

// testDisable checks that a user can turn off two-factor authentication with
// the password.
func testDisable(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()
	other.startSecondFactor(email)
	other.Key(authenticator.Next())
	other.notNow()
	other.At("/dashboard/settings")
	other.lookAway()

	p.Press(en.T(message.DisableTwoFactor))
	p.The("dialog", en.T(message.ConfirmDisableTwoFactor))
	p.Fill(en.T(message.AccountPassword), "not the password")
	p.Press(en.T(message.DisableTwoFactor))
	p.With("textbox", en.T(message.AccountPassword), en.T(message.ErrWrongCurrentPassword))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.DisableTwoFactor))
	p.See(en.T(message.DoneTwoFactorDisabled))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.The("button", en.T(message.EnableTwoFactor))
	if len(p.All("heading", en.T(message.TrustedDevices))) > 0 {
		t.Error("the page lists trusted devices without two-factor authentication")
	}
	other.visit("profile")
	other.At("/sign-in")
	other.See(sessionEnded)
	other.submitSignIn(email, password)
	other.At("/dashboard/settings/profile")
	other.settings("two-factor")
	other.The("button", en.T(message.EnableTwoFactor))
}

// testPendingSignIn checks what the second-factor page stores, and how a pending
// sign-in ends.
func testPendingSignIn(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()

	// The destination survives the second factor, and a reload of its page.
	p.Press(en.T(message.SignOut))
	p.At("/sign-in")
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Open(eval[string](p, `location.pathname + location.search`))
	p.AwaitFocus(signInCode)
	p.The("button", en.T(message.SendCodeByEmail))
	p.Click("DisclosureTriangle", en.T(message.LostAccess), "")
	p.See(en.T(message.LostAccessAskOperator))
	if n := eval[int](p, `document.querySelectorAll(".lost-access button").length`); n > 0 {
		t.Errorf("the ways without the phone repeat %d buttons of the page", n)
	}
	p.See(en.T(message.SigningInAs, email))
	p.useBackupCode()
	p.AwaitFocus(en.T(message.BackupCode))
	p.Press(en.T(message.UseAuthenticatorApp))
	p.Fill(signInCode, authenticator.Next())
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	p.With("heading", en.T(message.TrustThisBrowserQuestion), en.T(message.TrustThisBrowserText))
	p.Until("the window has the title of the heading", titled(message.TrustThisBrowserQuestion))
	// The question stays when the user looks at another window in between.
	p.Until("the page knows the user", `document.dispatchEvent(new Event("visibilitychange")), !!document.getElementById("sign-out")`)
	p.At("/two-factor")
	p.notNow()
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
	second.notNow()
	second.At("/dashboard/settings")
	p.At("/dashboard/settings")

	// Both Cancel and the Back button of the browser lead to the sign-in page.
	p.startSecondFactor(email)
	p.Click("link", en.T(message.CancelAction), "")
	p.At("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Act(`history.back()`)
	p.At("/sign-in")

	// A pending sign-in accepts five codes.
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.exhaustCodes()
	p.Click("link", en.T(message.SignInAgain), "")
	p.At("/sign-in")
	p.See(tooManyCodes)

	// A pending sign-in may be complete, or older than ten minutes.
	p.post("two-factor/verify-totp", map[string]string{"code": "000000"}) // ends the pending sign-in
	p.Open("/two-factor?next=/dashboard/settings%3Fc=d")
	p.At("/sign-in")
	p.See(en.T(message.ErrSignInExpired))
	p.AwaitFocus(en.T(message.SignIn))
	p.submitSignIn(email, password)
	p.At("/two-factor")
	if next := eval[string](p, `new URLSearchParams(location.search).get("next")`); next != "/dashboard/settings?c=d" {
		t.Errorf("the next sign-in would lead to %q; want /dashboard/settings?c=d", next)
	}
}

var emailedCode = regexp.MustCompile(regexp.QuoteMeta(prefix(message.MailSignInCode)) + `(\d{6})`)

// testEmailCode checks signing in with a code that the server sends by email.
func testEmailCode(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.enable()
	p.startSecondFactor(email)
	p.Press(en.T(message.SendCodeByEmail))
	p.See(en.T(message.DoneCodeEmailed))
	p.AwaitFocus(en.T(message.CodeFromEmail))
	p.Key("000000")
	p.See(en.T(message.ErrInvalidCode))
	p.Field("second-factor-code", "")
	p.Press(en.T(message.SendNewCode))
	p.See(en.T(message.DoneCodeEmailedNumber, 2))
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
	p.Fill(en.T(message.CodeFromEmail), codes[1])
	p.trustBrowser()
	p.settings("sessions")
	p.openSessions()
	p.See(en.T(message.MethodAndEmailCode, en.T(message.AccountPassword)))
}

// testTwoFactorKeyboard checks two-factor authentication with the keyboard
// alone.
func testTwoFactorKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.settings("two-factor")

	p.TabTo(en.T(message.EnableTwoFactor))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.EnableTwoFactor)) // the focus returns
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Key(password + kb.Enter)
	p.AwaitFocus(enrollmentCode)
	authenticator := p.scan()
	p.Key(authenticator.Next())
	p.AwaitFocus(en.T(message.SaveBackupCodes))
	p.See(en.T(message.DoneTwoFactorEnabled))
	codes := p.codes()
	p.TabTo(en.T(message.CodesSaved))
	p.Key(" ")
	p.TabTo(en.T(message.FinishSetup))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))

	p.TabTo(en.T(message.SignOut))
	p.Key(kb.Enter)
	p.startSecondFactorByKeyboard(email)
	p.TabTo(en.T(message.UseBackupCode))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.BackupCode))
	p.Key(codes[0] + kb.Enter)
	p.At("/dashboard/settings")
	p.AwaitFocus(en.T(message.SecurityHome))
	p.settings("two-factor")
	p.See(en.T(message.BackupCodesOfTenLeft, 9))
	p.See(en.T(message.NoTrustedDevices))

	p.TabTo(en.T(message.SignOut))
	p.Key(kb.Enter)
	p.startSecondFactorByKeyboard(email)
	p.TabTo(en.T(message.UseBackupCode))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.BackupCode))
	p.TabTo(en.T(message.UseAuthenticatorApp))
	p.Key(kb.Enter)
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	p.TabTo(en.T(message.TrustThisBrowser))
	p.Key(kb.Enter)
	p.At("/dashboard/settings")
	p.AwaitFocus(en.T(message.SecurityHome))
	p.settings("two-factor")
	p.See(en.T(message.TrustedUntil))

	p.TabTo(en.T(message.SignOut))
	p.Key(kb.Enter)
	p.signInByKeyboard(email)
	p.At("/dashboard/settings") // without a second factor
	p.AwaitFocus(en.T(message.SecurityHome))
	p.settings("sessions")
	p.openSessions()
	p.See(en.T(message.MethodOnTrustedDevice, en.T(message.AccountPassword)))
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
	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	deliver := p.delayClose()
	p.Key(kb.Escape)
	p.AwaitFocus(en.T(message.EnableTwoFactor))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.AccountPassword))
	deliver()
	p.Key(password + kb.Enter)
	p.AwaitFocus(enrollmentCode)
}

// testTwoFactorNarrow checks that the pages for two-factor authentication fit a
// small phone.
func testTwoFactorNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	email := p.signUp()
	p.settings("two-factor")
	p.Press(en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Fits(320, "the password step")
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.ContinueAction))
	authenticator := p.scan()
	p.Fits(320, "the key step")
	p.Press(en.T(message.EnlargeQRCode))
	p.AwaitFocus(en.T(message.ShrinkQRCode))
	p.Fits(320, "the key step with a large QR code")
	p.Fill(enrollmentCode, authenticator.Next())
	p.codes()
	p.Fits(320, "the backup codes step")
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.Fits(320, "the page with 2FA")
	p.startSecondFactor(email)
	p.Click("DisclosureTriangle", en.T(message.LostAccess), "")
	p.See(en.T(message.LostAccessAskOperator))
	p.Fits(320, "the second-factor page")
	p.useBackupCode()
	p.AwaitFocus(en.T(message.BackupCode))
	p.Fits(320, "the second-factor page for a backup code")
	p.Press(en.T(message.UseAuthenticatorApp))
	p.Fill(signInCode, authenticator.Next())
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	p.Fits(320, "the question about trust")
	p.trustBrowser()
	p.settings("two-factor")
	p.See(en.T(message.TrustedUntil))
	p.Fits(320, "the page with a trusted device")
}

// testTwoFactorPhone turns on two-factor authentication on the phone that runs
// the authenticator app. The phone cannot scan its own screen. The test uses
// touch alone.
func testTwoFactorPhone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	email := p.signUp()
	p.settings("two-factor")
	p.Tap("button", en.T(message.EnableTwoFactor))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Fits(360, "the password step")
	p.Key(password)
	p.Tap("button", en.T(message.ContinueAction))
	authenticator := p.scan()
	p.AwaitFocus(en.T(message.AddKeyToAuthenticatorApp)) // no keyboard covers the key
	p.Fits(360, "the key step")
	visible := func(role, name string) {
		t.Helper()
		if at := p.Place(role, name); at.Top < 0 || at.Bottom > 740 {
			t.Errorf("the %s %q is at %+v, outside of the screen", role, name, at)
		}
	}
	visible("button", en.T(message.VerifyCode))
	visible("button", en.T(message.CancelAction))
	if field, button := p.Place("textbox", enrollmentCode), p.Place("button", en.T(message.VerifyCode)); field.Bottom > button.Top {
		t.Errorf("the field for the code is at %+v, behind the buttons at %+v", field, button)
	}

	// The link is above the QR code, and as large as a button.
	p.See(en.T(message.ScanWithOtherDevice))
	at, code := p.Place("link", en.T(message.OpenInAuthenticatorApp)), p.Place("image", en.T(message.QRCodeOfKey))
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
	p.Tap("link", en.T(message.OpenInAuthenticatorApp))
	p.Until("the browser follows the link", `window.followed === true`)
	if eval[bool](p, `window.opened === true`) {
		t.Error("the link opens an empty window beside the app")
	}
	if rescanned := p.scan(); rescanned.Secret != authenticator.Secret {
		t.Errorf("after the tap, the dialog shows the key %s; want %s", rescanned.Secret, authenticator.Secret)
	}

	p.Tap("textbox", enrollmentCode)
	p.Key(authenticator.Next())
	p.codes()
	p.Fits(360, "the backup codes step")
	visible("button", en.T(message.FinishSetup))
	p.Tap("checkbox", en.T(message.CodesSaved))
	p.Tap("button", en.T(message.FinishSetup))
	p.AwaitFocus(en.T(message.TwoFactorAuthentication))
	p.Fits(360, "the page with 2FA")

	p.startSecondFactor(email)
	visible("link", en.T(message.CancelAction))
	visible("DisclosureTriangle", en.T(message.UseBackupCode))
	p.Key(authenticator.Next())
	p.AwaitFocus(en.T(message.TrustThisBrowserQuestion))
	visible("button", en.T(message.TrustThisBrowser))
	visible("button", en.T(message.NotNow))
}

// testLockout enters wrong codes, by keyboard alone, until the server locks the
// account out.
func testLockout(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	email := p.signUp()
	authenticator, _ := p.enable()

	p.TabTo(en.T(message.SignOut))
	p.Key(kb.Enter)
	for range 2 {
		p.startSecondFactorByKeyboard(email)
		p.exhaustCodes()
		p.Key(kb.Enter)
	}
	p.startSecondFactorByKeyboard(email)
	p.Key("123456") // the server no longer checks the code
	lockedOut := en.T(message.ErrLockoutCodes) + " " + retryIn
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
			if text := testkit.Text(node.Name); strings.Contains(text, retryIn) {
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
	p.TabTo(en.T(message.VerifyCode))
	p.Key(kb.Enter) // has no effect
	p.TabTo(en.T(message.UseBackupCode))
	p.Key(kb.Enter)
	p.AwaitFocus(en.T(message.BackupCode))
	p.See(lockedOut + "1")

	// The page learns the length of the wait from the server, so it loads again
	// after the test shortens the wait.
	execSQL(t, db, `UPDATE second_factor_tries SET locked_until = ?`,
		time.Now().UTC().Add(30*time.Second).Format("2006-01-02 15:04:05.999999-07:00"))
	p.Open("/two-factor")
	p.AwaitFocus(signInCode)
	p.Key("123456")
	p.See(retryIn)
	p.Until("the wait has ended", `document.getElementById("second-factor-submit").getAttribute("aria-disabled") === "false"`)
	p.See(en.T(message.TryAgainNow))
	p.AwaitFocus(signInCode)
	p.Key(authenticator.Next())
	p.notNow()
	p.At("/dashboard/settings")
}

// testStepUpByCode checks that a user can confirm a sensitive action with a
// code.
func testStepUpByCode(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.addAuthenticator(true)
	p.signUp()
	p.addPasskey("Mine")
	authenticator, _ := p.enable()
	p.settings("passkeys")
	expireFreshness(t, db)

	p.Press(en.T(message.RenameItem))
	p.Fill(en.T(message.PasskeyName), "Yours")
	p.Click("button", en.T(message.SaveChanges), "Mine")
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Press(en.T(message.UseAuthenticatorCode))
	p.AwaitFocus(enrollmentCode)
	p.Key(scanned.Wrong())
	p.See(en.T(message.ErrInvalidCode))
	p.Field("step-up-code", "")
	p.Press(en.T(message.UsePassword))
	p.AwaitFocus(en.T(message.AccountPassword))
	p.Press(en.T(message.UseAuthenticatorCode))
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.See(en.T(message.DonePasskeyRenamed)) // the action continues without another click
}

// testFactorDue checks that the step-up for an action that weakens a second factor asks
// for a second factor, not for a password, and that the action then continues.
func testFactorDue(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	authenticator, codes := p.enable()

	expireFreshness(t, db)
	p.Press(en.T(message.NewBackupCodes))
	p.The("dialog", en.T(message.NewBackupCodes))
	p.Fill(en.T(message.AccountPassword), password)
	p.Press(en.T(message.MakeNewCodes))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.AwaitFocus(enrollmentCode)
	p.See(en.T(message.ProtectionChangeNeedsCode))
	p.Act(`history.back()`) // closes the dialog on top
	p.None("dialog", en.T(message.ConfirmIdentity))
	p.awaitIdle("the button is idle after canceling")
	p.Press(en.T(message.MakeNewCodes))
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.AwaitFocus(enrollmentCode)
	if n := len(p.All("button", en.T(message.UsePassword))); n != 0 {
		t.Error("the dialog offers the password, which is no second factor")
	}
	p.Press(en.T(message.UseBackupCode))
	p.AwaitFocus(en.T(message.BackupCode))
	p.Press(en.T(message.ContinueAction))
	p.See(en.T(message.ErrEnterBackupCode))
	p.Fill(en.T(message.BackupCode), codes[0])
	p.Press(en.T(message.ContinueAction))
	p.codes() // the new ones
	p.Click("checkbox", en.T(message.CodesSaved), "")
	p.Press(en.T(message.FinishSetup))
	p.See(en.T(message.BackupCodesOfTenLeft, 10))

	// The second factor also counts for the next action, until it is too old.
	p.Press(en.T(message.DisableTwoFactor))
	p.The("dialog", en.T(message.ConfirmDisableTwoFactor))
	p.Press(en.T(message.CancelAction))
	expireFreshness(t, db)
	p.Press(en.T(message.DisableTwoFactor))
	p.The("dialog", en.T(message.ConfirmDisableTwoFactor))
	p.Fill(en.T(message.AccountPassword), password)
	p.Key(kb.Enter)
	p.The("dialog", en.T(message.ConfirmIdentity))
	p.AwaitFocus(enrollmentCode)
	p.Key(authenticator.Next())
	p.See(en.T(message.DoneTwoFactorDisabled))
}
