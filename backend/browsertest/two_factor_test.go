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

// The names of the two fields that codes of an authenticator app go into.
const (
	atEnrolment = "Code"
	atSignIn    = "Code from your authenticator app"
)

// TestTwoFactorBrowser has people use a second factor in a real browser.
func TestTwoFactorBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Enrol":          testEnrol,
		"QR":             testQR,
		"BackupCodes":    testBackupCodes,
		"TrustedDevices": testTrustedDevices,
		"NewPhone":       testNewPhone,
		"Disable":        testDisable,
		"Challenge":      testChallenge,
		"EmailCode":      testEmailCode,
		"Keyboard":       testTwoFactorKeyboard,
		"Narrow":         testTwoFactorNarrow,
		"Phone":          testTwoFactorPhone,
	}, map[string]func(*testing.T){
		"Locked":       testLocked,
		"StepUpByCode": testStepUpByCode,
	})
}

// enable turns two-factor authentication on and returns what the person has
// then: the app on their phone, and the codes that they wrote down.
func (p *tab) enable() (*testkit.Phone, []string) {
	p.t.Helper()
	p.Press("Enable 2FA")
	p.Fill("Password", password)
	p.Press("Continue")
	phone := p.scan()
	p.Press("Continue")
	codes := p.codes()
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(atEnrolment)
	p.Key(phone.Next())
	p.See("2FA enabled successfully!")
	p.See("10 of 10 left")
	return phone, codes
}

// scan types the key that the dialog shows into an app.
func (p *tab) scan() *testkit.Phone {
	p.t.Helper()
	p.See("Cannot scan it? Enter this key in the app:")
	key := eval[string](p, `document.getElementById("factor-key").textContent`)
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(key) {
		p.t.Fatalf("the key is %q; want eight groups of four", key)
	}
	return testkit.TypeKey(strings.ReplaceAll(key, " ", ""))
}

// codes reads the backup codes off the dialog.
func (p *tab) codes() []string {
	p.t.Helper()
	p.See("Save your backup codes")
	codes := eval[[]string](p, `[...document.querySelectorAll("#factor .codes li")].map((li) => li.textContent)`)
	form := regexp.MustCompile(`^[A-Za-z0-9]{5}-[A-Za-z0-9]{5}$`)
	if len(codes) != 10 || slices.ContainsFunc(codes, func(c string) bool { return !form.MatchString(c) }) {
		p.t.Fatalf("the backup codes are %q", codes)
	}
	return codes
}

// challenge goes from anywhere to the page that asks for the second factor.
func (p *tab) challenge(email string) {
	p.t.Helper()
	if p.Sees("Sign out") {
		p.Press("Sign out")
		p.At("/sign-in")
	} else {
		p.Open("/sign-in")
	}
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.AwaitFocus(atSignIn)
}

// signInByKeys does on the sign-in page what submitSignIn does with the mouse.
func (p *tab) signInByKeys(email string) {
	p.t.Helper()
	p.At("/sign-in")
	p.AwaitFocus("Sign in") // the heading
	p.TabTo("Email")
	p.Key(email)
	p.TabTo("Password")
	p.Key(password + kb.Enter)
}

// challengeByKeys goes from the sign-in page to the one that asks for the second
// factor.
func (p *tab) challengeByKeys(email string) {
	p.t.Helper()
	p.signInByKeys(email)
	p.At("/two-factor")
	p.AwaitFocus(atSignIn)
}

// guess types wrong codes until the sign-in takes no more.
func (p *tab) guess() {
	p.t.Helper()
	for i := range shared.ChallengeTries {
		p.AwaitFocus(atSignIn)
		p.Key(fmt.Sprintf("00000%d", i))
		p.Until("there is an answer", `!!document.getElementById("again") || document.getElementById("challenge-code")?.value === "" &&
				document.getElementById("challenge-submit").getAttribute("aria-busy") === "false"`)
	}
	p.See(over)
	p.AwaitFocus("Sign in again")
}

const over = "Too many wrong codes for this sign-in. Sign in again."

func testEnrol(t *testing.T, server *testkit.Program) {
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

	// The key is in the picture's place for whoever does not see it.
	p.AwaitFocus("Add the key to your authenticator app")
	p.The("image", "QR code of the key below")
	phone := p.scan()
	uri := eval[string](p, `document.querySelector("#factor a").href`)
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != phone.Secret || !strings.HasSuffix(u.Path, ":"+email) {
		t.Errorf("the link is to %s; want the key %s of %s", uri, phone.Secret, email)
	}
	command(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: server.Origin, BrowserContextID: p.profile(),
	})
	p.Press("Copy key")
	p.See("The key is copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != phone.Secret {
		t.Errorf("what is copied is %q; want %q", got, phone.Secret)
	}

	p.Press("Continue")
	p.AwaitFocus("Save your backup codes")
	codes := p.codes()
	p.Press("Continue")
	p.With("checkbox", "I saved them", "Tick the box once you have saved the codes: they are not shown again.")
	p.AwaitFocus("I saved them")
	p.Press("Copy")
	p.See("The codes are copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != strings.Join(codes, "\n") {
		t.Errorf("what is copied is %q; want %q", got, codes)
	}

	folder := t.TempDir()
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: p.profile(), DownloadPath: folder,
	})
	p.Press("Download")
	p.See("The codes are in your downloads: latchkey-backup-codes.txt")
	var file string
	p.Await("the file is there", func() bool {
		b, err := os.ReadFile(filepath.Join(folder, "latchkey-backup-codes.txt"))
		file = string(b)
		return err == nil && strings.HasSuffix(file, "authenticator app.\n")
	})
	for _, want := range append(codes, email, strings.TrimPrefix(server.Origin, "http://"), fmt.Sprint(time.Now().Year())) {
		if !strings.Contains(file, want) {
			t.Errorf("the file does not say %q:\n%s", want, file)
		}
	}

	eval[bool](p, `window.print = () => { window.printed = true }, true`)
	p.Press("Print")
	p.Until("it prints", `window.printed === true`)
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	lines := strings.Fields(eval[string](p, `document.body.innerText`))
	for _, word := range append([]string{"Latchkey", "backup", "codes", email}, codes...) {
		if i := slices.Index(lines, word); i >= 0 {
			lines = slices.Delete(lines, i, i+1)
		} else {
			t.Errorf("%q is not printed", word)
		}
	}
	host := strings.TrimPrefix(server.Origin, "http://")
	if rest := strings.Join(lines, " "); !strings.HasPrefix(rest, "at "+host+" Made on ") || !strings.HasSuffix(rest, fmt.Sprint(" ", time.Now().Year(), ". Each works once.")) || len(lines) != 10 {
		t.Errorf("beside the codes it prints %q; want just where and when they are from", rest)
	}
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})

	// The way back leads to the same key and the same codes.
	p.Press("Back")
	if again := p.scan(); again.Secret != phone.Secret {
		t.Errorf("going back shows the key %s; want %s", again.Secret, phone.Secret)
	}
	p.Press("Continue")
	if again := p.codes(); !slices.Equal(again, codes) {
		t.Errorf("going back shows the codes %q; want %q", again, codes)
	}
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(atEnrolment)
	p.Press("Back")
	p.codes()
	if !eval[bool](p, `document.getElementById("factor-saved").checked`) {
		t.Error("that the codes are saved is forgotten")
	}
	p.Press("Continue")
	p.AwaitFocus(atEnrolment)

	p.Press("Verify")
	p.With("textbox", atEnrolment, "The six digits that the app shows now. Enter the six digits of the code.")
	p.Key("12a")
	p.Press("Verify")
	p.Field("factor-code", "12a") // to be mended
	p.Fill(atEnrolment, "000000") // sends itself
	p.With("textbox", atEnrolment, "The six digits that the app shows now. Invalid code. Please try again.")
	p.Field("factor-code", "")
	p.AwaitFocus(atEnrolment)
	if p.Sees("2FA enabled successfully!") {
		t.Fatal("a wrong code enabled it")
	}
	code := phone.Next()
	command(p, input.InsertText, input.InsertTextParams{Text: " " + code[:3] + " " + code[3:]}) // as it is pasted
	p.See("2FA enabled successfully!")
	p.AwaitFocus("Two-factor authentication")
	p.See("10 of 10 left")
	p.See("None. To trust one, tick the box when you enter a code at sign-in.")
	p.See("You are signed in nowhere else.")
	if html := eval[string](p, `document.documentElement.outerHTML`); strings.Contains(html, phone.Secret[:4]+" "+phone.Secret[4:8]) || strings.Contains(html, codes[0]) || strings.Contains(html, "otpauth:") {
		t.Error("the secrets are still in the page")
	}
	other.Press("Save")
	other.At("/sign-in")
	other.See(ended)

	// This session goes on, and the next one needs a code.
	p.Press("Save")
	p.See("Your profile is saved.")
	p.challenge(email)
	code = phone.Current()
	p.Key(code)
	p.At("/dashboard/settings")
	p.See("Password and authenticator app")
	p.Open("/two-factor")
	p.At("/dashboard/settings")
	p.See("Sign out")
	p.challenge(email)
	p.Key(code)
	p.See("This code has been used already. Wait for the next one.")
	p.Field("challenge-code", "")
	p.AwaitFocus(atSignIn)
}

// testQR looks at the page with a camera, so to speak: what it reads is what
// the server has issued.
func readQR(picture image.Image, hints map[gozxing.DecodeHintType]any) (*gozxing.Result, error) {
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return nil, err
	}
	return qrcode.NewQRCodeReader().Decode(bitmap, hints)
}

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
			t.Fatalf("get-totp-uri is %d %s", status, body)
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
				// Of some three codes in a thousand, the reader does not find the corners
				// in a picture. Cut out, it is a drawing.
				at := eval[[]int](p, `(r => [r.left + 2, r.top + 2, r.right - 2, r.bottom - 2].map(Math.round))(document.querySelector(".qr").getBoundingClientRect())`)
				code := picture.(interface {
					SubImage(image.Rectangle) image.Image
				}).SubImage(image.Rect(at[0], at[1], at[2], at[3]))
				read, err = readQR(code, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
			}
			if err != nil {
				t.Errorf("%s, %d wide: the QR code cannot be read: %v", scheme, width, err)
			} else if read.GetText() != issued.TOTPURI {
				t.Errorf("%s, %d wide: the QR code says %s; want %s", scheme, width, read, issued.TOTPURI)
			}
		}
		p.Do(chromedp.EmulateViewport(1280, 900))
		p.Press("Cancel")
		p.See("You started turning it on and did not finish.")
	}
}

func testBackupCodes(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	_, codes := p.enable()

	p.challenge(email)
	p.Press("Use a backup code")
	p.AwaitFocus("Backup code")
	p.Press("Verify")
	p.AwaitFocus("Backup code")
	p.See("Enter one of your backup codes.")
	p.Key("aaaaa-aaaaa" + kb.Enter)
	p.See("This is not one of your backup codes. Upper and lower case matter.")
	p.AwaitFocus("Backup code")
	p.Fill("Backup code", strings.ReplaceAll(codes[0], "-", " ")) // off paper
	p.Press("Verify")
	p.At("/dashboard/settings")
	p.See("You are signed in. That backup code is used up now. 9 are left.")
	p.See("9 of 10 left")
	p.See("Password and backup code")

	p.challenge(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[0])
	p.Press("Verify")
	p.See("This backup code has been used already. Each works once.")
	p.Fill("Backup code", codes[1])
	p.Press("Verify")
	p.See("8 of 10 left")

	for _, code := range codes[2:8] {
		if status, body := p.post("two-factor/verify-backup-code", map[string]string{"code": code}); status != 200 {
			t.Fatalf("verify-backup-code is %d %s", status, body)
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
		t.Error("an old code is among the new ones")
	}
	p.Key(kb.Escape) // the old ones are void: it does not throw these away
	p.With("checkbox", "I saved them", "Tick the box once you have saved the codes: they are not shown again.")
	p.Click("checkbox", "I saved them", "")
	p.Press("Done")
	p.See("Your new backup codes are ready.")
	p.See("10 of 10 left")
	p.AwaitFocus("Two-factor authentication")
	if p.Sees("of your backup codes") {
		t.Error("it still warns")
	}

	p.challenge(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[9])
	p.Press("Verify")
	p.See("This is not one of your backup codes.")
	p.Fill("Backup code", renewed[9])
	p.Press("Verify")
	p.See("9 of 10 left")
}

func testTrustedDevices(t *testing.T, server *testkit.Program) {
	here, there := browse(t, server), browse(t, server)
	email := here.signUp()
	phone, codes := here.enable()

	trust := func(p *tab) {
		t.Helper()
		p.challenge(email)
		p.Click("checkbox", "Trust this device for 30 days", "")
	}
	trust(here)
	here.Press("Verify") // which asks for a code, and does not forget the tick
	here.Fill(atSignIn, phone.Next())
	here.At("/dashboard/settings")
	here.The("heading", "Trusted devices")
	there.As(safari)
	trust(there)
	there.Press("Use a backup code")
	there.Fill("Backup code", codes[0])
	there.Press("Verify")
	there.See("9 of 10 left")

	// Neither is asked again.
	there.Press("Sign out")
	there.At("/sign-in")
	there.submitSignIn(email, password)
	there.At("/dashboard/settings")
	there.See("Password on a trusted device")

	here.Open("/dashboard/settings")
	here.With("button", "Revoke", "Trusted devices Safari 18 on iOS")
	here.Click("button", "Revoke", "Trusted devices Safari 18 on iOS")
	here.The("dialog", "Trust this device no more?")
	here.Press("Cancel")
	here.Click("button", "Revoke", "Trusted devices Safari 18 on iOS")
	here.Press("Revoke")
	here.See("Safari 18 on iOS is no longer trusted.")
	here.AwaitFocus("Trusted devices")
	here.Await("the row is gone", func() bool {
		return len(here.All("listitem", "")) > 0 && eval[int](here, `document.querySelectorAll("[aria-labelledby=trusted-devices] li").length`) == 1
	})
	if n := len(here.All("button", "Revoke all trusted devices")); n != 0 {
		t.Error("one device can be revoked all at once")
	}

	// Its session goes on, and its next sign-in asks.
	there.Press("Save")
	there.See("Your profile is saved.")
	trust(there)
	there.Press("Use a backup code")
	there.Fill("Backup code", codes[1])
	there.Press("Verify")
	there.At("/dashboard/settings")
	there.Press("Revoke all trusted devices")
	there.The("dialog", "Revoke all trusted devices?")
	there.Press("Revoke all")
	there.See("No device is trusted any more.")
	there.See("None. To trust one,")
	here.challenge(email)
}

func testNewPhone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	old, codes := p.enable()

	p.Press("Move to a new phone")
	p.The("dialog", "Move to a new phone")
	p.Fill("Password", password)
	p.Press("Continue")
	given := p.scan()
	p.Key(kb.Escape)
	p.See("You started moving to a new phone and did not finish.")
	p.challenge(email)
	p.Key(old.Next()) // as before
	p.At("/dashboard/settings")

	p.Press("Move to a new phone")
	p.Fill("Password", password)
	p.Press("Continue")
	phone := p.scan()
	if phone.Secret == old.Secret || phone.Secret == given.Secret {
		t.Error("the new key is an old one")
	}
	p.See("The new entry has the same name as the old one.")
	p.Press("Continue") // the backup codes stay: there are none to save
	p.AwaitFocus(atEnrolment)
	p.Key(old.CodeAt(time.Now()))
	p.See("This code is from your old authenticator. Enter the one from the new entry.")
	p.Key(phone.Next())
	p.See("Your new phone is set up.")
	p.AwaitFocus("Two-factor authentication")
	p.See("10 of 10 left")

	p.challenge(email)
	p.Key(old.Next())
	p.See("Invalid code. Please try again.")
	p.Field("challenge-code", "")
	p.AwaitFocus(atSignIn)
	p.Key(phone.Next())
	p.At("/dashboard/settings")
	p.challenge(email)
	p.Press("Use a backup code")
	p.Fill("Backup code", codes[3])
	p.Press("Verify")
	p.See("9 of 10 left")
}

func testDisable(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	phone, _ := p.enable()
	other.challenge(email)
	other.Key(phone.Next())
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
		t.Error("trusted devices are listed where nothing is asked for")
	}
	other.Press("Save")
	other.At("/sign-in")
	other.See(ended)
	other.submitSignIn(email, password)
	other.At("/dashboard/settings")
	other.See("Enable 2FA")
}

// testChallenge is about the page itself: what it keeps, and how it ends.
func testChallenge(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	phone, _ := p.enable()

	// Where one wanted to go outlasts the challenge, and a reload of it.
	p.Press("Sign out")
	p.At("/sign-in")
	p.Open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.Open(eval[string](p, `location.pathname + location.search`))
	p.AwaitFocus(atSignIn)
	p.The("button", "Send a code by email")
	p.Click("DisclosureTriangle", "Lost access?", "")
	p.See("If none of these is left, ask whoever runs this server to let you in again.")
	p.Key("  ")
	p.Fill(atSignIn, phone.Next())
	p.At("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
	if kept := eval[string](p, `JSON.stringify({...sessionStorage})`); kept != "{}" {
		t.Errorf("afterwards the page keeps %s", kept)
	}

	// A clock that is wrong is another thing than a wrong code.
	p.challenge(email)
	p.Key(phone.CodeAt(time.Now().Add(4 * time.Minute)))
	p.See("This code is from another time: the clock of your phone seems to be about ")
	p.Field("challenge-code", "")

	// Another tab of the browser goes on as well.
	second := p.another()
	second.Open("/two-factor")
	second.AwaitFocus(atSignIn)
	second.Key(phone.Next())
	second.At("/dashboard/settings")
	p.At("/dashboard/settings")

	// Cancel, and the browser's own way back.
	p.challenge(email)
	p.Click("link", "Cancel", "")
	p.At("/sign-in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	eval[bool](p, `history.back(), true`)
	p.At("/sign-in")

	// A challenge takes five codes.
	p.submitSignIn(email, password)
	p.At("/two-factor")
	p.guess()
	p.Press("Sign in again")
	p.At("/sign-in")
	p.See(over)

	// There may be none: it was used, or ten minutes have passed.
	p.post("two-factor/verify-totp", map[string]string{"code": "000000"}) // ends it
	p.Open("/two-factor?next=/dashboard/settings%3Fc=d")
	p.AwaitFocus(atSignIn)
	p.Key("123456")
	p.See("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.AwaitFocus("Sign in again")
	p.Key(kb.Enter)
	p.At("/sign-in")
	p.AwaitFocus("Sign in")
	p.submitSignIn(email, password)
	p.At("/two-factor")
	if next := eval[string](p, `new URLSearchParams(location.search).get("next")`); next != "/dashboard/settings?c=d" {
		t.Errorf("after that it would go to %q", next)
	}
}

var emailedCode = regexp.MustCompile(`Your code is (\d{6})`)

func testEmailCode(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.enable()
	p.challenge(email)
	p.Press("Send a code by email")
	p.See("A code is on its way to your email address.")
	p.AwaitFocus("Code from the email")
	p.Key("000000")
	p.See("Invalid code. Please try again.")
	p.Field("challenge-code", "")
	p.Press("Send a new code")
	p.See("Code number 2 is on its way to your email address. Only the newest one works.")
	var codes []string
	testkit.Eventually(t, "there are two emails with a code", func() bool {
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

// testTwoFactorKeyboard puts the mouse away.
func testTwoFactorKeyboard(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()

	p.TabTo("Enable 2FA")
	p.Key(kb.Enter)
	p.AwaitFocus("Password")
	p.Key(kb.Escape)
	p.AwaitFocus("Enable 2FA") // where it was
	p.Key(kb.Enter)
	p.AwaitFocus("Password")
	p.Key(password + kb.Enter)
	p.AwaitFocus("Add the key to your authenticator app")
	phone := p.scan()
	p.TabTo("Continue")
	p.Key(kb.Enter)
	p.AwaitFocus("Save your backup codes")
	codes := p.codes()
	p.TabTo("I saved them")
	p.Key(" ")
	p.TabTo("Continue")
	p.Key(kb.Enter)
	p.AwaitFocus(atEnrolment)
	p.Key(phone.Next())
	p.AwaitFocus("Two-factor authentication")
	p.See("2FA enabled successfully!")

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	p.challengeByKeys(email)
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
	p.challengeByKeys(email)
	p.TabTo("Use a backup code")
	p.Key(kb.Enter)
	p.AwaitFocus("Backup code")
	p.TabTo("Use your authenticator app")
	p.Key(kb.Enter)
	p.AwaitFocus(atSignIn)
	p.TabTo("Trust this device for 30 days")
	p.Key(" ")
	p.TabTo(atSignIn, testkit.Backwards)
	p.Key(phone.Next())
	p.At("/dashboard/settings")
	p.AwaitFocus("Settings")
	p.See("Trusted until")

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	p.signInByKeys(email)
	p.At("/dashboard/settings") // and nothing was asked
	p.AwaitFocus("Settings")
	p.See("Password on a trusted device")
}

// testTwoFactorNarrow looks that nothing is wider than a small phone.
func testTwoFactorNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(320, 640))
	email := p.signUp()
	p.Press("Enable 2FA")
	p.Fits(320, "the password's step")
	p.Fill("Password", password)
	p.Press("Continue")
	phone := p.scan()
	p.Fits(320, "the key's step")
	p.Press("Continue")
	p.codes()
	p.Fits(320, "the backup codes' step")
	p.Click("checkbox", "I saved them", "")
	p.Press("Continue")
	p.AwaitFocus(atEnrolment)
	p.Fits(320, "the code's step")
	p.Key(phone.Next())
	p.See("2FA enabled successfully!")
	p.Fits(320, "the settings page")
	p.challenge(email)
	p.Click("DisclosureTriangle", "Lost access?", "")
	p.See("ask whoever runs this server")
	p.Fits(320, "the challenge")
	p.Press("Use a backup code")
	p.Fits(320, "the challenge for a backup code")
	p.Press("Use your authenticator app")
	p.Click("checkbox", "Trust this device for 30 days", "")
	p.Fill(atSignIn, phone.Next())
	p.See("Trusted until")
	p.Fits(320, "the settings page with a trusted device")
}

// testTwoFactorPhone turns it on with the phone that the app is on, which cannot
// scan its own screen. All is done with a finger.
func testTwoFactorPhone(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	p.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	p.signUp()
	p.Fits(360, "the settings page")
	p.Tap("button", "Enable 2FA")
	p.AwaitFocus("Password")
	p.Fits(360, "the password's step")
	p.Key(password)
	p.Tap("button", "Continue")
	phone := p.scan()
	p.Fits(360, "the key's step")

	// The link is what one sees first, and as large as a button.
	p.See("Or scan this with another device:")
	at, code := p.Place("link", "Open in an authenticator app"), p.Place("image", "QR code of the key below")
	if at.Top < 0 || at.Bottom > code.Top || at.Bottom-at.Top < 44 || at.Right-at.Left < 250 {
		t.Errorf("the link is at %+v, and the QR code at %+v", at, code)
	}
	status, body := p.post("two-factor/get-totp-uri", map[string]string{"password": password})
	var issued struct{ TOTPURI string }
	if err := json.Unmarshal(body, &issued); err != nil || status != 200 {
		t.Fatalf("get-totp-uri is %d %s", status, body)
	}
	if uri := eval[string](p, `document.querySelector("#factor .otpauth").href`); uri != issued.TOTPURI {
		t.Errorf("the link is to %s; want %s", uri, issued.TOTPURI)
	}
	// The browser follows the link, and nothing else happens. Here it is kept from
	// that at the last moment: it would ask which app to open, and take no touch on
	// the page until it has an answer.
	eval[bool](p, `window.open = () => { window.opened = true },
		document.querySelector("#factor .otpauth").addEventListener("click", (e) => {
			window.followed = !e.defaultPrevented
			e.preventDefault()
		}), true`)
	p.Tap("link", "Open in an authenticator app")
	p.Until("the browser follows the link", `window.followed === true`)
	if eval[bool](p, `window.opened === true`) {
		t.Error("the link opens an empty window beside the app")
	}
	if again := p.scan(); again.Secret != phone.Secret {
		t.Errorf("after that the dialog shows the key %s; want %s", again.Secret, phone.Secret)
	}

	p.Tap("button", "Continue")
	p.codes()
	p.Fits(360, "the backup codes' step")
	p.Tap("checkbox", "I saved them")
	p.Tap("button", "Continue")
	p.AwaitFocus(atEnrolment)
	p.Fits(360, "the code's step")
	p.Key(phone.Next())
	p.See("2FA enabled successfully!")
	p.Fits(360, "the settings page with 2FA")
}

// testLocked guesses, by keyboard alone, until no code is taken any more.
func testLocked(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	email := p.signUp()
	phone, _ := p.enable()

	p.TabTo("Sign out")
	p.Key(kb.Enter)
	for range 2 {
		p.challengeByKeys(email)
		p.guess()
		p.Key(kb.Enter)
	}
	p.challengeByKeys(email)
	p.Key("123456") // nobody looks whether it is right
	const why = "Too many wrong codes. So that nobody can guess one, none is taken for a while. Try again in "
	p.See(why + "1")
	p.Field("challenge-code", "")
	p.AwaitFocus(atSignIn)
	if !eval[bool](p, `document.getElementById("challenge-submit").getAttribute("aria-disabled") === "true"`) {
		t.Error("the button looks as if it could be used")
	}
	left := func() string {
		return regexp.MustCompile(`1\d:\d\d`).FindString(eval[string](p, `document.querySelector(".trouble").innerText`))
	}
	// A screen reader says it once: if the seconds ticked for it, too, it would
	// say them without end.
	heard := func() (texts []string) {
		for _, node := range p.All("StaticText", "") {
			if text := testkit.Words(node.Name); strings.Contains(text, "Try again") {
				texts = append(texts, text)
			}
		}
		return texts
	}
	before, once := left(), heard()
	if len(once) != 1 || !regexp.MustCompile(`^`+regexp.QuoteMeta(why)+`about 1\d minutes\.$`).MatchString(once[0]) {
		t.Errorf("a screen reader says %q", once)
	}
	p.Await("it counts down", func() bool { now := left(); return now != "" && now < before })
	if again := heard(); !slices.Equal(again, once) {
		t.Errorf("a second later a screen reader says %q; before, it said %q", again, once)
	}
	p.TabTo("Verify")
	p.Key(kb.Enter) // does nothing
	p.TabTo("Use a backup code")
	p.Key(kb.Enter)
	p.AwaitFocus("Backup code")
	p.See(why + "1")

	// The server says how long; so the page is asked again once it is shorter.
	alter(t, db, `UPDATE second_factor_tries SET locked_until = ?`, time.Now().UTC().Add(4*time.Second).Format("2006-01-02 15:04:05.999999-07:00"))
	p.Open("/two-factor")
	p.AwaitFocus(atSignIn)
	p.Key("123456")
	p.See("Try again in ")
	p.Until("the wait is over", `document.getElementById("challenge-submit").getAttribute("aria-disabled") === "false"`)
	p.See("You can try again now.")
	p.AwaitFocus(atSignIn)
	p.Key(phone.Next())
	p.At("/dashboard/settings")
}

func testStepUpByCode(t *testing.T) {
	server, db := startWithDatabase(t)
	p := browse(t, server)
	p.signUp()
	phone, _ := p.enable()
	stale(t, db)

	p.Press("Delete account")
	p.The("dialog", "Delete your account?")
	p.Press("Delete account")
	p.The("dialog", "Is it still you?")
	p.AwaitFocus("Password")
	p.Press("Use a code from your authenticator app")
	p.AwaitFocus(atEnrolment)
	p.Key("000000")
	p.See("Invalid code. Please try again.")
	p.Field("step-up-code", "")
	p.Press("Use your password")
	p.AwaitFocus("Password")
	p.Press("Use a code from your authenticator app")
	p.AwaitFocus(atEnrolment)
	p.Key(phone.Next())
	p.At("/sign-in") // the deletion went on by itself
	p.See("Your account is deleted.")
}
