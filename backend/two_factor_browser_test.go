package main_test

import (
	"bytes"
	"context"
	"database/sql"
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
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/pquerna/otp/totp"

	"latchkey/shared"
)

// The names of the two fields that codes of an authenticator app go into.
const (
	atEnrolment = "Code"
	atSignIn    = "Code from your authenticator app"
)

// TestTwoFactorBrowser has people use a second factor in a real browser.
func TestTwoFactorBrowser(t *testing.T) {
	inBrowser(t, map[string]func(*testing.T, context.Context, *program){
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
	}, map[string]func(*testing.T, context.Context, string){
		"Locked":       testLocked,
		"StepUpByCode": testStepUpByCode,
	})
}

// A phone has somebody's authenticator app on it. It gives no code twice, as
// its owner would wait for the next.
type phone struct {
	t    *testing.T
	key  string
	last int64 // the step of the code that it gave last
}

// code is the earliest code that the server still takes, with five seconds to
// type it in.
func (a *phone) code() string {
	a.t.Helper()
	step := max(a.last+1, stepAt(time.Now().Add(5*time.Second))-1)
	for step > stepAt(time.Now())+1 {
		time.Sleep(time.Second)
	}
	a.last = step
	return a.codeAt(time.Unix(30*step, 0))
}

// current is the code that the app shows now, or the next.
func (a *phone) current() string {
	a.t.Helper()
	a.last = max(a.last, stepAt(time.Now().Add(5*time.Second))-1)
	return a.code()
}

func (a *phone) codeAt(when time.Time) string {
	a.t.Helper()
	code, err := totp.GenerateCode(a.key, when)
	if err != nil {
		a.t.Fatal(err)
	}
	return code
}

// enable turns two-factor authentication on and returns what the person has
// then: the app on their phone, and the codes that they wrote down.
func (p *tab) enable() (*phone, []string) {
	p.t.Helper()
	p.press("Enable 2FA")
	p.fill("Password", password)
	p.press("Continue")
	phone := p.scan()
	p.press("Continue")
	codes := p.codes()
	p.click(p.the("checkbox", "I saved them"))
	p.press("Continue")
	p.awaitFocus(atEnrolment)
	p.key(phone.code())
	p.see("2FA enabled successfully!")
	p.see("10 of 10 left")
	return phone, codes
}

// scan types the key that the dialog shows into an app.
func (p *tab) scan() *phone {
	p.t.Helper()
	p.see("Cannot scan it? Enter this key in the app:")
	key := eval[string](p, `document.getElementById("factor-key").textContent`)
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(key) {
		p.t.Fatalf("the key is %q; want eight groups of four", key)
	}
	return &phone{t: p.t, key: strings.ReplaceAll(key, " ", "")}
}

// codes reads the backup codes off the dialog.
func (p *tab) codes() []string {
	p.t.Helper()
	p.see("Save your backup codes")
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
	if p.sees("Sign out") {
		p.press("Sign out")
		p.at("/sign-in")
	} else {
		p.open("/sign-in")
	}
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.awaitFocus(atSignIn)
}

// signInByKeys does on the sign-in page what submitSignIn does with the mouse.
func (p *tab) signInByKeys(email string) {
	p.t.Helper()
	p.at("/sign-in")
	p.awaitFocus("Sign in") // the heading
	p.tabTo("Email")
	p.key(email)
	p.tabTo("Password")
	p.key(password + kb.Enter)
}

// challengeByKeys goes from the sign-in page to the one that asks for the second
// factor.
func (p *tab) challengeByKeys(email string) {
	p.t.Helper()
	p.signInByKeys(email)
	p.at("/two-factor")
	p.awaitFocus(atSignIn)
}

// guess types wrong codes until the sign-in takes no more.
func (p *tab) guess() {
	p.t.Helper()
	for i := range shared.ChallengeTries {
		p.awaitFocus(atSignIn)
		p.key(fmt.Sprintf("00000%d", i))
		p.wait("there is an answer", func() bool {
			return eval[bool](p, `!!document.getElementById("again") || document.getElementById("challenge-code")?.value === "" &&
				document.getElementById("challenge-submit").getAttribute("aria-busy") === "false"`)
		})
	}
	p.see(over)
	p.awaitFocus("Sign in again")
}

const over = "Too many wrong codes for this sign-in. Sign in again."

// post calls the API as the page does, and returns the status of the answer.
func (p *tab) post(path string, body any) (status int, answer json.RawMessage) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := eval[struct {
		Status int
		Body   json.RawMessage
	}](p, fmt.Sprintf(`fetch(%q, {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).
		then(async (r) => ({Status: r.status, Body: await r.json()}))`, "/api/auth/"+path, b))
	return got.Status, got.Body
}

// fieldIs waits until what is in a field is text.
func (p *tab) fieldIs(id, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s holds %q", id, text), func() bool {
		return eval[string](p, fmt.Sprintf(`document.getElementById(%q)?.value ?? "there is none"`, id)) == text
	})
}

func testEnrol(t *testing.T, ctx context.Context, server *program) {
	p, other := browse(t, ctx, server.origin), browse(t, ctx, server.origin)
	email := p.signUp()
	other.as(firefox)
	other.signIn(email)
	p.open("/dashboard/settings")
	p.see("Firefox 153 on Windows")

	p.press("Enable 2FA")
	p.the("dialog", "Enable 2FA")
	p.awaitFocus("Password")
	p.press("Continue")
	p.with("textbox", "Password", "Enter your password.")
	p.fill("Password", "not the password")
	p.press("Continue")
	p.with("textbox", "Password", "This is not your current password.")
	p.fill("Password", password)
	p.press("Continue")

	// The key is in the picture's place for whoever does not see it.
	p.awaitFocus("Add the key to your authenticator app")
	p.the("image", "QR code of the key below")
	phone := p.scan()
	uri := eval[string](p, `document.querySelector("#factor a").href`)
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != phone.key || !strings.HasSuffix(u.Path, ":"+email) {
		t.Errorf("the link is to %s; want the key %s of %s", uri, phone.key, email)
	}
	command(p, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		Origin: server.origin, BrowserContextID: p.profile(),
	})
	p.press("Copy key")
	p.see("The key is copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != phone.key {
		t.Errorf("what is copied is %q; want %q", got, phone.key)
	}

	p.press("Continue")
	p.awaitFocus("Save your backup codes")
	codes := p.codes()
	p.press("Continue")
	p.with("checkbox", "I saved them", "Tick the box once you have saved the codes: they are not shown again.")
	p.awaitFocus("I saved them")
	p.press("Copy")
	p.see("The codes are copied.")
	if got := eval[string](p, `navigator.clipboard.readText()`); got != strings.Join(codes, "\n") {
		t.Errorf("what is copied is %q; want %q", got, codes)
	}

	folder := t.TempDir()
	command(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: p.profile(), DownloadPath: folder,
	})
	p.press("Download")
	p.see("The codes are in your downloads: latchkey-backup-codes.txt")
	var file string
	p.wait("the file is there", func() bool {
		b, err := os.ReadFile(filepath.Join(folder, "latchkey-backup-codes.txt"))
		file = string(b)
		return err == nil && strings.HasSuffix(file, "authenticator app.\n")
	})
	for _, want := range append(codes, email, strings.TrimPrefix(server.origin, "http://"), fmt.Sprint(time.Now().Year())) {
		if !strings.Contains(file, want) {
			t.Errorf("the file does not say %q:\n%s", want, file)
		}
	}

	eval[bool](p, `window.print = () => { window.printed = true }, true`)
	p.press("Print")
	p.wait("it prints", func() bool { return eval[bool](p, `window.printed === true`) })
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	lines := strings.Fields(eval[string](p, `document.body.innerText`))
	for _, word := range append([]string{"Latchkey", "backup", "codes", email}, codes...) {
		if i := slices.Index(lines, word); i >= 0 {
			lines = slices.Delete(lines, i, i+1)
		} else {
			t.Errorf("%q is not printed", word)
		}
	}
	host := strings.TrimPrefix(server.origin, "http://")
	if rest := strings.Join(lines, " "); !strings.HasPrefix(rest, "at "+host+" Made on ") || !strings.HasSuffix(rest, fmt.Sprint(" ", time.Now().Year(), ". Each works once.")) || len(lines) != 10 {
		t.Errorf("beside the codes it prints %q; want just where and when they are from", rest)
	}
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})

	// The way back leads to the same key and the same codes.
	p.press("Back")
	if again := p.scan(); again.key != phone.key {
		t.Errorf("going back shows the key %s; want %s", again.key, phone.key)
	}
	p.press("Continue")
	if again := p.codes(); !slices.Equal(again, codes) {
		t.Errorf("going back shows the codes %q; want %q", again, codes)
	}
	p.click(p.the("checkbox", "I saved them"))
	p.press("Continue")
	p.awaitFocus(atEnrolment)
	p.press("Back")
	p.codes()
	if !eval[bool](p, `document.getElementById("factor-saved").checked`) {
		t.Error("that the codes are saved is forgotten")
	}
	p.press("Continue")
	p.awaitFocus(atEnrolment)

	p.press("Verify")
	p.with("textbox", atEnrolment, "The six digits that the app shows now. Enter the six digits of the code.")
	p.key("12a")
	p.press("Verify")
	p.fieldIs("factor-code", "12a") // to be mended
	p.fill(atEnrolment, "000000")   // sends itself
	p.with("textbox", atEnrolment, "The six digits that the app shows now. Invalid code. Please try again.")
	p.fieldIs("factor-code", "")
	p.awaitFocus(atEnrolment)
	if p.sees("2FA enabled successfully!") {
		t.Fatal("a wrong code enabled it")
	}
	code := phone.code()
	command(p, input.InsertText, input.InsertTextParams{Text: " " + code[:3] + " " + code[3:]}) // as it is pasted
	p.see("2FA enabled successfully!")
	p.awaitFocus("Two-factor authentication")
	p.see("10 of 10 left")
	p.see("None. To trust one, tick the box when you enter a code at sign-in.")
	p.see("You are signed in nowhere else.")
	if html := eval[string](p, `document.documentElement.outerHTML`); strings.Contains(html, phone.key[:4]+" "+phone.key[4:8]) || strings.Contains(html, codes[0]) || strings.Contains(html, "otpauth:") {
		t.Error("the secrets are still in the page")
	}
	other.press("Save")
	other.at("/sign-in")
	other.see(ended)

	// This session goes on, and the next one needs a code.
	p.press("Save")
	p.see("Your profile is saved.")
	p.challenge(email)
	code = phone.current()
	p.key(code)
	p.at("/dashboard/settings")
	p.see("Password and authenticator app")
	p.open("/two-factor")
	p.at("/dashboard/settings")
	p.see("Sign out")
	p.challenge(email)
	p.key(code)
	p.see("This code has been used already. Wait for the next one.")
	p.fieldIs("challenge-code", "")
	p.awaitFocus(atSignIn)
}

// profile is the browser that a tab belongs to: its cookies and permissions.
func (p *tab) profile() cdp.BrowserContextID {
	p.t.Helper()
	return command(p, target.GetTargetInfo, target.GetTargetInfoParams{}).TargetInfo.BrowserContextID
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

func testQR(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.signUp()
	for _, scheme := range []string{"light", "dark"} {
		command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		p.press("Enable 2FA")
		p.fill("Password", password)
		p.press("Continue")
		p.scan()
		status, body := p.post("two-factor/get-totp-uri", map[string]string{"password": password})
		var issued struct{ TOTPURI string }
		if err := json.Unmarshal(body, &issued); err != nil || status != 200 {
			t.Fatalf("get-totp-uri is %d %s", status, body)
		}

		for _, width := range []int64{1280, 360} {
			p.do(chromedp.EmulateViewport(width, 900))
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
		p.do(chromedp.EmulateViewport(1280, 900))
		p.press("Cancel")
		p.see("You started turning it on and did not finish.")
	}
}

func testBackupCodes(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	email := p.signUp()
	_, codes := p.enable()

	p.challenge(email)
	p.press("Use a backup code")
	p.awaitFocus("Backup code")
	p.press("Verify")
	p.awaitFocus("Backup code")
	p.see("Enter one of your backup codes.")
	p.key("aaaaa-aaaaa" + kb.Enter)
	p.see("This is not one of your backup codes. Upper and lower case matter.")
	p.awaitFocus("Backup code")
	p.fill("Backup code", strings.ReplaceAll(codes[0], "-", " ")) // off paper
	p.press("Verify")
	p.at("/dashboard/settings")
	p.see("You are signed in. That backup code is used up now. 9 are left.")
	p.see("9 of 10 left")
	p.see("Password and backup code")

	p.challenge(email)
	p.press("Use a backup code")
	p.fill("Backup code", codes[0])
	p.press("Verify")
	p.see("This backup code has been used already. Each works once.")
	p.fill("Backup code", codes[1])
	p.press("Verify")
	p.see("8 of 10 left")

	for _, code := range codes[2:8] {
		if status, body := p.post("two-factor/verify-backup-code", map[string]string{"code": code}); status != 200 {
			t.Fatalf("verify-backup-code is %d %s", status, body)
		}
	}
	p.open("/dashboard/settings")
	p.see("Only 2 of your backup codes are left.")
	p.press("New backup codes")
	p.the("dialog", "New backup codes")
	p.fill("Password", password)
	p.press("Make new codes")
	renewed := p.codes()
	if slices.Contains(renewed, codes[9]) {
		t.Error("an old code is among the new ones")
	}
	p.key(kb.Escape) // the old ones are void: it does not throw these away
	p.with("checkbox", "I saved them", "Tick the box once you have saved the codes: they are not shown again.")
	p.click(p.the("checkbox", "I saved them"))
	p.press("Done")
	p.see("Your new backup codes are ready.")
	p.see("10 of 10 left")
	p.awaitFocus("Two-factor authentication")
	if p.sees("of your backup codes") {
		t.Error("it still warns")
	}

	p.challenge(email)
	p.press("Use a backup code")
	p.fill("Backup code", codes[9])
	p.press("Verify")
	p.see("This is not one of your backup codes.")
	p.fill("Backup code", renewed[9])
	p.press("Verify")
	p.see("9 of 10 left")
}

func testTrustedDevices(t *testing.T, ctx context.Context, server *program) {
	here, there := browse(t, ctx, server.origin), browse(t, ctx, server.origin)
	email := here.signUp()
	phone, codes := here.enable()

	trust := func(p *tab) {
		t.Helper()
		p.challenge(email)
		p.click(p.the("checkbox", "Trust this device for 30 days"))
	}
	trust(here)
	here.press("Verify") // which asks for a code, and does not forget the tick
	here.fill(atSignIn, phone.code())
	here.at("/dashboard/settings")
	here.the("heading", "Trusted devices")
	there.as(safari)
	trust(there)
	there.press("Use a backup code")
	there.fill("Backup code", codes[0])
	there.press("Verify")
	there.see("9 of 10 left")

	// Neither is asked again.
	there.press("Sign out")
	there.at("/sign-in")
	there.submitSignIn(email, password)
	there.at("/dashboard/settings")
	there.see("Password on a trusted device")

	here.open("/dashboard/settings")
	here.with("button", "Revoke", "Trusted devices Safari 18 on iOS")
	here.click(here.with("button", "Revoke", "Trusted devices Safari 18 on iOS"))
	here.the("dialog", "Trust this device no more?")
	here.press("Cancel")
	here.click(here.with("button", "Revoke", "Trusted devices Safari 18 on iOS"))
	here.press("Revoke")
	here.see("Safari 18 on iOS is no longer trusted.")
	here.awaitFocus("Trusted devices")
	here.wait("the row is gone", func() bool {
		return len(here.all("listitem", "")) > 0 && eval[int](here, `document.querySelectorAll("[aria-labelledby=trusted-devices] li").length`) == 1
	})
	if n := len(here.all("button", "Revoke all trusted devices")); n != 0 {
		t.Error("one device can be revoked all at once")
	}

	// Its session goes on, and its next sign-in asks.
	there.press("Save")
	there.see("Your profile is saved.")
	trust(there)
	there.press("Use a backup code")
	there.fill("Backup code", codes[1])
	there.press("Verify")
	there.at("/dashboard/settings")
	there.press("Revoke all trusted devices")
	there.the("dialog", "Revoke all trusted devices?")
	there.press("Revoke all")
	there.see("No device is trusted any more.")
	there.see("None. To trust one,")
	here.challenge(email)
}

func testNewPhone(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	email := p.signUp()
	old, codes := p.enable()

	p.press("Move to a new phone")
	p.the("dialog", "Move to a new phone")
	p.fill("Password", password)
	p.press("Continue")
	given := p.scan()
	p.key(kb.Escape)
	p.see("You started moving to a new phone and did not finish.")
	p.challenge(email)
	p.key(old.code()) // as before
	p.at("/dashboard/settings")

	p.press("Move to a new phone")
	p.fill("Password", password)
	p.press("Continue")
	phone := p.scan()
	if phone.key == old.key || phone.key == given.key {
		t.Error("the new key is an old one")
	}
	p.see("The new entry has the same name as the old one.")
	p.press("Continue") // the backup codes stay: there are none to save
	p.awaitFocus(atEnrolment)
	p.key(old.codeAt(time.Now()))
	p.see("This code is from your old authenticator. Enter the one from the new entry.")
	p.key(phone.code())
	p.see("Your new phone is set up.")
	p.awaitFocus("Two-factor authentication")
	p.see("10 of 10 left")

	p.challenge(email)
	p.key(old.code())
	p.see("Invalid code. Please try again.")
	p.fieldIs("challenge-code", "")
	p.awaitFocus(atSignIn)
	p.key(phone.code())
	p.at("/dashboard/settings")
	p.challenge(email)
	p.press("Use a backup code")
	p.fill("Backup code", codes[3])
	p.press("Verify")
	p.see("9 of 10 left")
}

func testDisable(t *testing.T, ctx context.Context, server *program) {
	p, other := browse(t, ctx, server.origin), browse(t, ctx, server.origin)
	email := p.signUp()
	phone, _ := p.enable()
	other.challenge(email)
	other.key(phone.code())
	other.at("/dashboard/settings")

	p.press("Disable 2FA")
	p.the("dialog", "Disable 2FA?")
	p.fill("Password", "not the password")
	p.press("Disable 2FA")
	p.with("textbox", "Password", "This is not your current password.")
	p.fill("Password", password)
	p.press("Disable 2FA")
	p.see("2FA has been disabled.")
	p.awaitFocus("Two-factor authentication")
	p.the("button", "Enable 2FA")
	if len(p.all("heading", "Trusted devices")) > 0 {
		t.Error("trusted devices are listed where nothing is asked for")
	}
	other.press("Save")
	other.at("/sign-in")
	other.see(ended)
	other.submitSignIn(email, password)
	other.at("/dashboard/settings")
	other.see("Enable 2FA")
}

// testChallenge is about the page itself: what it keeps, and how it ends.
func testChallenge(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	email := p.signUp()
	phone, _ := p.enable()

	// Where one wanted to go outlasts the challenge, and a reload of it.
	p.press("Sign out")
	p.at("/sign-in")
	p.open("/sign-in?next=/dashboard/settings%3Fa=b")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.open(eval[string](p, `location.pathname + location.search`))
	p.awaitFocus(atSignIn)
	p.the("button", "Send a code by email")
	p.click(p.the("DisclosureTriangle", "Lost access?"))
	p.see("If none of these is left, ask whoever runs this server to let you in again.")
	p.key("  ")
	p.fill(atSignIn, phone.code())
	p.at("/dashboard/settings")
	if search := eval[string](p, `location.search`); search != "?a=b" {
		t.Errorf("it went to %q", search)
	}
	if kept := eval[string](p, `JSON.stringify({...sessionStorage})`); kept != "{}" {
		t.Errorf("afterwards the page keeps %s", kept)
	}

	// A clock that is wrong is another thing than a wrong code.
	p.challenge(email)
	p.key(phone.codeAt(time.Now().Add(4 * time.Minute)))
	p.see("This code is from another time: the clock of your phone seems to be about ")
	p.fieldIs("challenge-code", "")

	// Another tab of the browser goes on as well.
	second := p.another()
	second.open("/two-factor")
	second.awaitFocus(atSignIn)
	second.key(phone.code())
	second.at("/dashboard/settings")
	p.at("/dashboard/settings")

	// Cancel, and the browser's own way back.
	p.challenge(email)
	p.click(p.the("link", "Cancel"))
	p.at("/sign-in")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	eval[bool](p, `history.back(), true`)
	p.at("/sign-in")

	// A challenge takes five codes.
	p.submitSignIn(email, password)
	p.at("/two-factor")
	p.guess()
	p.press("Sign in again")
	p.at("/sign-in")
	p.see(over)

	// There may be none: it was used, or ten minutes have passed.
	p.post("two-factor/verify-totp", map[string]string{"code": "000000"}) // ends it
	p.open("/two-factor?next=/dashboard/settings%3Fc=d")
	p.awaitFocus(atSignIn)
	p.key("123456")
	p.see("This sign-in has expired, or was finished elsewhere. Sign in again.")
	p.awaitFocus("Sign in again")
	p.key(kb.Enter)
	p.at("/sign-in")
	p.awaitFocus("Sign in")
	p.submitSignIn(email, password)
	p.at("/two-factor")
	if next := eval[string](p, `new URLSearchParams(location.search).get("next")`); next != "/dashboard/settings?c=d" {
		t.Errorf("after that it would go to %q", next)
	}
}

func testEmailCode(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	email := p.signUp()
	p.enable()
	p.challenge(email)
	p.press("Send a code by email")
	p.see("A code is on its way to your email address.")
	p.awaitFocus("Code from the email")
	p.key("000000")
	p.see("Invalid code. Please try again.")
	p.fieldIs("challenge-code", "")
	p.press("Send a new code")
	p.see("Code number 2 is on its way to your email address. Only the newest one works.")
	p.fill("Code from the email", mailed(t, server, email))
	p.at("/dashboard/settings")
	p.see("Password and code by email")
}

// mailed waits for the last code that was sent to an address.
func mailed(t *testing.T, server *program, to string) string {
	t.Helper()
	digits := regexp.MustCompile(`Your code is (\d{6})`)
	for range 100 {
		files, err := filepath.Glob(filepath.Join(server.data, "mail", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, file := range files { // in the order of their times
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if code := digits.FindSubmatch(b); code != nil && bytes.Contains(b, []byte(to)) {
				codes = append(codes, string(code[1]))
			}
		}
		if len(codes) == 2 {
			return codes[1]
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("there is no mail")
	return ""
}

// testTwoFactorKeyboard puts the mouse away.
func testTwoFactorKeyboard(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	email := p.signUp()

	p.tabTo("Enable 2FA")
	p.key(kb.Enter)
	p.awaitFocus("Password")
	p.key(kb.Escape)
	p.awaitFocus("Enable 2FA") // where it was
	p.key(kb.Enter)
	p.awaitFocus("Password")
	p.key(password + kb.Enter)
	p.awaitFocus("Add the key to your authenticator app")
	phone := p.scan()
	p.tabTo("Continue")
	p.key(kb.Enter)
	p.awaitFocus("Save your backup codes")
	codes := p.codes()
	p.tabTo("I saved them")
	p.key(" ")
	p.tabTo("Continue")
	p.key(kb.Enter)
	p.awaitFocus(atEnrolment)
	p.key(phone.code())
	p.awaitFocus("Two-factor authentication")
	p.see("2FA enabled successfully!")

	p.tabTo("Sign out")
	p.key(kb.Enter)
	p.challengeByKeys(email)
	p.tabTo("Use a backup code")
	p.key(kb.Enter)
	p.awaitFocus("Backup code")
	p.key(codes[0] + kb.Enter)
	p.at("/dashboard/settings")
	p.awaitFocus("Settings")
	p.see("9 of 10 left")
	p.see("None. To trust one,")

	p.tabTo("Sign out")
	p.key(kb.Enter)
	p.challengeByKeys(email)
	p.tabTo("Use a backup code")
	p.key(kb.Enter)
	p.awaitFocus("Backup code")
	p.tabTo("Use your authenticator app")
	p.key(kb.Enter)
	p.awaitFocus(atSignIn)
	p.tabTo("Trust this device for 30 days")
	p.key(" ")
	p.tabTo(atSignIn, backwards)
	p.key(phone.code())
	p.at("/dashboard/settings")
	p.awaitFocus("Settings")
	p.see("Trusted until")

	p.tabTo("Sign out")
	p.key(kb.Enter)
	p.signInByKeys(email)
	p.at("/dashboard/settings") // and nothing was asked
	p.awaitFocus("Settings")
	p.see("Password on a trusted device")
}

// testTwoFactorNarrow looks that nothing is wider than a small phone.
func testTwoFactorNarrow(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.do(chromedp.EmulateViewport(320, 640))
	email := p.signUp()
	p.press("Enable 2FA")
	p.fits(320, "the password's step")
	p.fill("Password", password)
	p.press("Continue")
	phone := p.scan()
	p.fits(320, "the key's step")
	p.press("Continue")
	p.codes()
	p.fits(320, "the backup codes' step")
	p.click(p.the("checkbox", "I saved them"))
	p.press("Continue")
	p.awaitFocus(atEnrolment)
	p.fits(320, "the code's step")
	p.key(phone.code())
	p.see("2FA enabled successfully!")
	p.fits(320, "the settings page")
	p.challenge(email)
	p.click(p.the("DisclosureTriangle", "Lost access?"))
	p.see("ask whoever runs this server")
	p.fits(320, "the challenge")
	p.press("Use a backup code")
	p.fits(320, "the challenge for a backup code")
	p.press("Use your authenticator app")
	p.click(p.the("checkbox", "Trust this device for 30 days"))
	p.fill(atSignIn, phone.code())
	p.see("Trusted until")
	p.fits(320, "the settings page with a trusted device")
}

// testTwoFactorPhone turns it on with the phone that the app is on, which cannot
// scan its own screen. All is done with a finger.
func testTwoFactorPhone(t *testing.T, ctx context.Context, server *program) {
	p := browse(t, ctx, server.origin)
	p.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	p.signUp()
	p.fits(360, "the settings page")
	p.tap("button", "Enable 2FA")
	p.awaitFocus("Password")
	p.fits(360, "the password's step")
	p.key(password)
	p.tap("button", "Continue")
	phone := p.scan()
	p.fits(360, "the key's step")

	// The link is what one sees first, and as large as a button.
	link := p.the("link", "Open in an authenticator app")
	p.see("Or scan this with another device:")
	at, code := p.place(link), p.place(p.the("image", "QR code of the key below"))
	if at.top < 0 || at.bottom > code.top || at.bottom-at.top < 44 || at.right-at.left < 250 {
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
	eval[bool](p, `window.open = () => { window.opened = true }, true`)
	p.tap("link", "Open in an authenticator app") // there is none here
	if eval[bool](p, `window.opened === true`) {
		t.Error("the link opens an empty window beside the app")
	}
	if again := p.scan(); again.key != phone.key {
		t.Errorf("after that the dialog shows the key %s; want %s", again.key, phone.key)
	}

	p.tap("button", "Continue")
	p.codes()
	p.fits(360, "the backup codes' step")
	p.tap("checkbox", "I saved them")
	p.tap("button", "Continue")
	p.awaitFocus(atEnrolment)
	p.fits(360, "the code's step")
	p.key(phone.code())
	p.see("2FA enabled successfully!")
	p.fits(360, "the settings page with 2FA")
}

// openDatabase opens the database of a program that was started with file.
func openDatabase(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// testLocked guesses, by keyboard alone, until no code is taken any more.
func testLocked(t *testing.T, ctx context.Context, binary string) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p := browse(t, ctx, server.origin)
	email := p.signUp()
	phone, _ := p.enable()

	p.tabTo("Sign out")
	p.key(kb.Enter)
	for range 2 {
		p.challengeByKeys(email)
		p.guess()
		p.key(kb.Enter)
	}
	p.challengeByKeys(email)
	p.key("123456") // nobody looks whether it is right
	const why = "Too many wrong codes. So that nobody can guess one, none is taken for a while. Try again in "
	p.see(why + "1")
	p.fieldIs("challenge-code", "")
	p.awaitFocus(atSignIn)
	if !eval[bool](p, `document.getElementById("challenge-submit").getAttribute("aria-disabled") === "true"`) {
		t.Error("the button looks as if it could be used")
	}
	left := func() string {
		return regexp.MustCompile(`1\d:\d\d`).FindString(eval[string](p, `document.querySelector(".trouble").innerText`))
	}
	// A screen reader says it once: if the seconds ticked for it, too, it would
	// say them without end.
	heard := func() (texts []string) {
		for _, node := range p.all("StaticText", "") {
			if text := words(node.Name); strings.Contains(text, "Try again") {
				texts = append(texts, text)
			}
		}
		return texts
	}
	before, once := left(), heard()
	if len(once) != 1 || !regexp.MustCompile(`^`+regexp.QuoteMeta(why)+`about 1\d minutes\.$`).MatchString(once[0]) {
		t.Errorf("a screen reader says %q", once)
	}
	p.wait("it counts down", func() bool { now := left(); return now != "" && now < before })
	if again := heard(); !slices.Equal(again, once) {
		t.Errorf("a second later a screen reader says %q; before, it said %q", again, once)
	}
	p.tabTo("Verify")
	p.key(kb.Enter) // does nothing
	p.tabTo("Use a backup code")
	p.key(kb.Enter)
	p.awaitFocus("Backup code")
	p.see(why + "1")

	// The server says how long; so the page is asked again once it is shorter.
	db := openDatabase(t, file)
	if _, err := db.ExecContext(t.Context(), `UPDATE second_factor_tries SET locked_until = ?`, time.Now().UTC().Add(4*time.Second).Format("2006-01-02 15:04:05.999999-07:00")); err != nil {
		t.Fatal(err)
	}
	p.open("/two-factor")
	p.awaitFocus(atSignIn)
	p.key("123456")
	p.see("Try again in ")
	p.wait("the wait is over", func() bool {
		return eval[bool](p, `document.getElementById("challenge-submit").getAttribute("aria-disabled") === "false"`)
	})
	p.see("You can try again now.")
	p.awaitFocus(atSignIn)
	p.key(phone.code())
	p.at("/dashboard/settings")
}

func testStepUpByCode(t *testing.T, ctx context.Context, binary string) {
	file := filepath.Join(t.TempDir(), "latchkey.db")
	server := start(t, binary, "-rate-limits", "off", "-database", "sqlite:"+file)
	p := browse(t, ctx, server.origin)
	p.signUp()
	phone, _ := p.enable()
	db := openDatabase(t, file)
	if _, err := db.ExecContext(t.Context(), "UPDATE sessions SET confirmed_at = '2026-01-01 00:00:00+00:00'"); err != nil {
		t.Fatal(err)
	}

	p.press("Delete account")
	p.the("dialog", "Delete your account?")
	p.press("Delete account")
	p.the("dialog", "Is it still you?")
	p.awaitFocus("Password")
	p.press("Use a code from your authenticator app")
	p.awaitFocus(atEnrolment)
	p.key("000000")
	p.see("Invalid code. Please try again.")
	p.fieldIs("step-up-code", "")
	p.press("Use your password")
	p.awaitFocus("Password")
	p.press("Use a code from your authenticator app")
	p.awaitFocus(atEnrolment)
	p.key(phone.code())
	p.at("/sign-in") // the deletion went on by itself
	p.see("Your account is deleted.")
}
