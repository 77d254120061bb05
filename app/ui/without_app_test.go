//go:build !js

package ui

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	parser "golang.org/x/net/html"

	"latchkey/shared"
	"latchkey/shared/message"
)

// A parsedPage is a drawn page as a browser parses it.
type parsedPage struct {
	t    *testing.T
	root *parser.Node
}

// drawState draws the page at an address with its state.
func drawState(t *testing.T, address string, state shared.PageState) parsedPage {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if state.At.IsZero() {
		state.At = noon
	}
	var b bytes.Buffer
	Draw(&b, Page{Address: at, Name: "Latchkey", Language: message.English, Locale: "en", Zone: time.UTC, State: state})
	return parsedPage{t, parse(t, b.String())}
}

// parse parses the content of a page as browsers do.
func parse(t *testing.T, drawn string) *parser.Node {
	t.Helper()
	document := "<!doctype html><html><head></head><body>" + drawn + "</body></html>"
	root, err := parser.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// find returns the first element with an attribute, or nil.
func (p parsedPage) find(name, value string) *parser.Node {
	for n := range p.root.Descendants() {
		if got, ok := attr(n, name); ok && got == value {
			return n
		}
	}
	return nil
}

// id returns the element with an ID, which must exist.
func (p parsedPage) id(id string) *parser.Node {
	p.t.Helper()
	n := p.find("id", id)
	if n == nil {
		p.t.Fatalf("there is no element %s", id)
	}
	return n
}

// form returns the values of the form with a submit button, by name, as a browser would submit
// them.
func (p parsedPage) form(submit string) url.Values {
	p.t.Helper()
	form := p.id(submit)
	for form.Data != "form" {
		form = form.Parent
	}
	for _, want := range [][2]string{{"method", "post"}, {"action", ""}} {
		if got, _ := attr(form, want[0]); got != want[1] {
			p.t.Errorf("the %s of the form is %q", want[0], got)
		}
	}
	values := url.Values{}
	for n := range form.Descendants() {
		name, ok := attr(n, "name")
		kind, _ := attr(n, "type")
		_, checked := attr(n, "checked")
		if value, _ := attr(n, "value"); ok && n.Data == "input" && (kind != "checkbox" || checked) {
			values.Add(name, value)
		}
	}
	return values
}

// focus returns the ID of the element that gets the focus when the page loads. Those in the
// dialogs get it when the dialog opens.
func (p parsedPage) focus() (id string) {
	p.t.Helper()
	for n := range p.id("content").Descendants() {
		if _, ok := attr(n, "autofocus"); ok {
			if id != "" {
				p.t.Error("several elements have the attribute autofocus")
			}
			id, _ = attr(n, "id")
		}
	}
	return id
}

// text returns the text of an element.
func text(n *parser.Node) string {
	var b strings.Builder
	for n := range n.Descendants() {
		if n.Type == parser.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}

func attr(n *parser.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// described returns the text that describes the element with an ID.
func (p parsedPage) described(id string) string {
	p.t.Helper()
	var texts []string
	ids, _ := attr(p.id(id), "aria-describedby")
	for _, id := range strings.Fields(ids) {
		texts = append(texts, text(p.id(id)))
	}
	return strings.TrimSpace(strings.Join(texts, " "))
}

// refused returns the state of a page whose form was refused with an error, or with another
// text.
func refused(err *shared.Error, form shared.FormState) shared.PageState {
	form.Error = err
	if form.Text == "" {
		form.Text = err.Text(message.English)
	}
	return shared.PageState{Form: &form}
}

// TestRefusedSignIn tests that the server draws the form that it has refused with its error and
// what the user typed except the password.
func TestRefusedSignIn(t *testing.T) {
	const email = `ada"<b>@example.com`
	crossSite := en.T(message.ErrFormCrossSite)
	for _, tt := range []struct {
		what     string
		state    shared.PageState
		focus    string // the ID of the element
		says     string // the text that describes it
		forget   bool
		password bool // a link to a new password
	}{
		{"a form that was not submitted", shared.PageState{}, "", "", false, false},
		{
			"a wrong password", refused(shared.ErrCredentials, shared.FormState{Email: email}),
			"sign-in-password", en.T(message.ErrInvalidCredentials), false, false,
		},
		{
			"no address", refused(shared.ErrEmailRequired, shared.FormState{Forget: true}),
			"sign-in-email", en.T(message.ErrEnterEmailAddress), true, false,
		},
		{
			"too many attempts", refused(shared.ErrTooManyRequests.After(30*time.Second), shared.FormState{Email: email}),
			"sign-in-submit", shared.ErrTooManyRequests.After(30 * time.Second).Text(message.English), false, false,
		},
		{
			"an exposed password", refused(shared.ErrNewPasswordDue, shared.FormState{Email: email, Forget: true}),
			"sign-in-submit", shared.ErrNewPasswordDue.Text(message.English), true, true,
		},
		{
			"a form on another site", refused(shared.ErrCrossSite, shared.FormState{Text: crossSite}),
			"sign-in-submit", crossSite, false, false,
		},
		{
			"a fault with a request ID", refused(shared.ErrInternal.OfRequest("r1"), shared.FormState{Email: email}),
			"sign-in-submit", shared.ErrInternal.OfRequest("r1").Text(message.English), false, false,
		},
	} {
		p := drawState(t, "/sign-in?next=%2Fdashboard%2Fsettings", tt.state)
		if got := p.focus(); got != tt.focus {
			t.Errorf("%s: the focus is on %q; want %q", tt.what, got, tt.focus)
		}
		if tt.focus != "" {
			if got := p.described(tt.focus); got != tt.says || got == "" {
				t.Errorf("%s: the focused element is described by %q; want %q", tt.what, got, tt.says)
			}
			if p.alerts() != tt.says {
				t.Errorf("%s: the alerts are %q; want %q", tt.what, p.alerts(), tt.says)
			}
		}
		values := url.Values{"email": {""}, "password": {""}}
		if tt.state.Form != nil {
			values.Set("email", tt.state.Form.Email)
		}
		if !tt.forget {
			values.Set("rememberMe", "")
		}
		if got := p.form("sign-in-submit"); got.Encode() != values.Encode() {
			t.Errorf("%s: the form has %v; want %v", tt.what, got, values)
		}
		if disabled, _ := attr(p.id("sign-in-submit"), "aria-disabled"); disabled == "true" {
			t.Errorf("%s: without the app, the button would stay disabled", tt.what)
		}
		if button := p.find("class", "button"); (button != nil) != tt.password {
			t.Errorf("%s: there is a link to a new password: %t", tt.what, button != nil)
		}
	}
}

// alerts returns the texts of the alerts.
func (p parsedPage) alerts() string {
	var texts []string
	for n := range p.root.Descendants() {
		if role, _ := attr(n, "role"); role == "alert" && text(n) != "" {
			texts = append(texts, text(n))
		}
	}
	return strings.Join(texts, " ")
}

// TestRefusedSecondFactor tests that the server draws the form for the second factor, and draws it
// with its error if it has refused it.
func TestRefusedSecondFactor(t *testing.T) {
	code, backup := "second-factor-code", "second-factor-backupCode"
	pending := answers(t, map[string]any{
		shared.GetPendingSignIn.Path: shared.PendingSignIn{Email: "ada@example.com", Methods: []string{byApp, byMail}},
	})
	codeHint, backupHint := en.T(message.HintAuthenticatorCode), en.T(message.HintBackupCode)
	for _, tt := range []struct {
		what  string
		state shared.PageState
		focus string
		says  string
	}{
		{"a form that was not submitted", shared.PageState{}, code, codeHint},
		{
			"a wrong code", refused(shared.ErrInvalidCode, shared.FormState{TrustDevice: true}),
			code, en.T(message.HintCodeRefused) + " " + en.T(message.ErrInvalidCode),
		},
		{"no code", refused(shared.ErrCodeRequired, shared.FormState{}), code, codeHint + " " + en.T(message.ErrEnterSixDigits)},
		{
			"a wrong backup code", refused(shared.ErrInvalidBackupCode, shared.FormState{BackupCode: true}),
			backup, backupHint + " " + en.T(message.ErrInvalidBackupCode),
		},
		{
			"a lockout", refused(shared.ErrLockedOut.After(15*time.Minute), shared.FormState{Email: "ada@example.com"}),
			"second-factor-submit", shared.ErrLockedOut.After(15 * time.Minute).Text(message.English),
		},
	} {
		if tt.focus != "second-factor-submit" {
			tt.state.Answers = pending // the server does not send it with an error that tells to wait
		}
		p := drawState(t, "/two-factor", tt.state)
		if got := p.focus(); got != tt.focus {
			t.Errorf("%s: the focus is on %q; want %q", tt.what, got, tt.focus)
		}
		if got := p.described(tt.focus); got != tt.says {
			t.Errorf("%s: the focused element is described by %q; want %q", tt.what, got, tt.says)
		}
		values := url.Values{"code": {""}, "backupCode": {""}}
		if tt.focus == backup {
			values.Del("code") // the page asks for the backup code alone
		}
		if tt.state.Form != nil && tt.state.Form.TrustDevice {
			values.Set("trustDevice", "")
		}
		if got := p.form("second-factor-submit"); got.Encode() != values.Encode() {
			t.Errorf("%s: the form has %v; want %v", tt.what, got, values)
		}
		trust := p.id("second-factor-trust")
		if !isWithoutApp(trust.Parent.Parent.Parent) || p.described("second-factor-trust") != en.T(message.HintTrustDevice) {
			t.Errorf("%s: the box to trust the browser is not for browsers without the app, or lacks its hint", tt.what)
		}
		details := p.find("id", "second-factor-backup")
		if (details == nil) != (tt.focus == backup) {
			t.Errorf("%s: a way to a backup code: %t", tt.what, details != nil)
		}
		if details != nil {
			if _, open := attr(details, "open"); open || p.id(backup).Parent.Parent.Parent != details {
				t.Errorf("%s: the field for a backup code is not in closed details", tt.what)
			}
		}
		if !strings.Contains(text(p.root), en.T(message.SigningInAs, "ada@example.com")) {
			t.Errorf("%s: the page does not tell whose account it is", tt.what)
		}
	}
}

// TestFinalSecondFactor tests that the page of a sign-in that has ended leads to another, and to no
// page elsewhere after it.
func TestFinalSecondFactor(t *testing.T) {
	for address, want := range map[string]string{
		"/two-factor": "/sign-in",
		"/two-factor?next=%2Fdashboard%2Fsettings%2Fsessions": "/sign-in?next=%2Fdashboard%2Fsettings%2Fsessions",
		"/two-factor?next=https%3A%2F%2Fexample.com":          "/sign-in?next=%2Fdashboard%2Fsettings",
	} {
		p := drawState(t, address, refused(shared.ErrNoPendingSignIn, shared.FormState{}))
		if p.find("name", "code") != nil {
			t.Errorf("%s: the form is still there", address)
		}
		again := p.id("again")
		if href, _ := attr(again, "href"); href != want || text(again) != en.T(message.SignInAgain) || p.focus() != "again" {
			t.Errorf("%s: the link leads to %q, and the focus is on %q; want %q", address, href, p.focus(), want)
		}
		if got := p.described("again"); got != en.T(message.ErrSignInExpired) {
			t.Errorf("%s: the page says %q", address, got)
		}
	}
}

// TestCancelSecondFactor tests that users who cancel a sign-in get the same page after the next one.
func TestCancelSecondFactor(t *testing.T) {
	for address, want := range map[string]string{
		"/two-factor": "/sign-in",
		"/two-factor?next=%2Fdashboard%2Fsettings%2Fsessions": "/sign-in?next=%2Fdashboard%2Fsettings%2Fsessions",
		"/two-factor?next=https%3A%2F%2Fexample.com":          "/sign-in?next=%2Fdashboard%2Fsettings",
	} {
		cancel := drawState(t, address, shared.PageState{}).find("class", "button")
		if href, _ := attr(cancel, "href"); href != want || text(cancel) != en.T(message.CancelAction) {
			t.Errorf("%s: %q leads to %q; want %q", address, text(cancel), href, want)
		}
	}
}

// TestRefusedFormIsOfOnePage tests that only the page of a form shows its error, and only once.
func TestRefusedFormIsOfOnePage(t *testing.T) {
	address := &url.URL{Path: shared.PageSignIn}
	e := newEnv()
	e.page = &Page{Address: address, State: refused(shared.ErrCredentials, shared.FormState{})}
	other := form{env: e, fields: []string{"email", "password"}}
	if other.adopt(shared.PageTwoFactor) != nil || len(other.wrong) > 0 {
		t.Error("another page takes over the form")
	}
	f := form{env: e, fields: []string{"email", "password"}}
	if state := f.adopt(shared.PageSignIn); state == nil || f.wrong["password"] == "" {
		t.Errorf("the page does not take over the form: %v", f.wrong)
	}
	again := form{env: e, fields: []string{"email", "password"}}
	if again.adopt(shared.PageSignIn) != nil {
		t.Error("the page shows the error again when the user returns to it")
	}
}

// TestPasskeysNeedApp tests that the pages for signing in say what needs the app.
func TestPasskeysNeedApp(t *testing.T) {
	for _, path := range []string{shared.PageSignIn, shared.PageTwoFactor} {
		p := drawState(t, path, shared.PageState{})
		var said string
		for n := range p.root.Descendants() {
			if isWithoutApp(n) {
				said += text(n)
			}
		}
		if !strings.Contains(said, en.T(message.PasskeysNeedApp)) {
			t.Errorf("%s says %q", path, said)
		}
	}
}

// isWithoutApp reports whether an element is for browsers without the app.
func isWithoutApp(n *parser.Node) bool {
	class, _ := attr(n, "class")
	return class == "without-app"
}

// TestSignUpInvite tests that the page of an invitation is drawn as such at once.
func TestSignUpInvite(t *testing.T) {
	state := shared.PageState{Answers: answers(t, map[string]any{shared.About.Path: shared.AboutServer{Name: "Latchkey"}})}
	p := drawState(t, "/sign-up?invite=x", state)
	if got := text(p.id("notice")); got != en.T(message.FirstAdministrator) {
		t.Errorf("the notice is %q", got)
	}
	if p.find("id", "sign-up-email") == nil {
		t.Error("an invited user cannot sign up")
	}
	if drawState(t, "/sign-up", state).find("id", "sign-up-email") != nil {
		t.Error("a user without an invitation is offered to sign up")
	}
}

// TestAdoptedWait tests that the app first draws the server's sentence, which does not count down,
// and then waits.
func TestAdoptedWait(t *testing.T) {
	limited := shared.ErrTooManyRequests.After(30 * time.Second)
	e := newEnv()
	e.page = &Page{Address: &url.URL{Path: shared.PageSignIn}, State: refused(limited, shared.FormState{})}
	f := form{env: e, fields: []string{"email", "password"}}
	f.adopt(shared.PageSignIn)
	if f.wait() != 0 || f.problem != limited.Text(message.English) {
		t.Errorf("it first waits %d and says %q", f.wait(), f.problem)
	}
	ctx, _ := mount(t)
	f.resume(ctx)
	if got := f.wait(); got < 29 || got > 30 || f.problem != "" {
		t.Errorf("then it waits %d and says %q", got, f.problem)
	}
}
