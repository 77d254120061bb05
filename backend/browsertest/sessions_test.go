package browsertest

import (
	"fmt"
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSessionsBrowser tests the page of sessions in a real browser.
func TestSessionsBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Details":  testSessionDetails,
		"Question": testSignInQuestion,
		"Report":   testSignInReport,
		"Narrow":   testSessionsNarrow,
	}, map[string]func(*testing.T){
		"Watched": testSessionsWatched,
	})
}

// testSessionDetails checks that a row opens details, by mouse and by keyboard, and that they
// have the entries of the log of their own session only.
func testSessionDetails(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(firefox)
	other.signIn(email)
	if status, _ := other.post("update-user", map[string]any{"name": "Ada King"}); status != 200 {
		t.Fatalf("update-user: status %d", status)
	}
	p.settings("sessions")
	if p.Sees("Mozilla/5.0") || p.Sees("Firefox 153") {
		t.Error("closed rows show the details")
	}

	p.Act(`document.querySelector(".session-row summary").focus()`)
	p.Key(kb.Enter)
	p.Until("the first row is open", `document.querySelector(".session-row > details").open`)
	p.See(en.T(message.SignedInUntil))
	p.cardSays("sessions", en.T(message.EventSignUp))
	p.cardOmits("sessions", en.T(message.EventUserUpdated))
	if p.Sees("Firefox 153 on Windows") {
		t.Error("the details of the other session are open, too")
	}
	p.Key(kb.Enter)
	p.Until("the first row is closed", `!document.querySelector(".session-row > details").open`)

	const row = `document.getElementById("device-" + %q).closest(".session-row")`
	of := fmt.Sprintf(row, other.session())
	p.Act(of + `.querySelector("summary").click()`)
	change := en.T(message.DetailFieldChange, en.T(message.DisplayName), en.T(message.DetailQuoted, "Ada Lovelace"),
		en.T(message.DetailQuoted, "Ada King"))
	for _, text := range []string{
		en.T(message.AccountPassword), "Firefox 153 on Windows", firefox, "127.0.0.1", en.T(message.EventUserUpdated), change,
		en.T(message.EventSignIn),
	} {
		p.Until("the details say "+text, of+`.innerText.includes(`+testkit.Quote(text)+`)`)
	}
	p.cardOmits("sessions", en.T(message.EventSignUp))
}

// testSignInQuestion checks that a new sign-in has a group of its own, with a question whose
// answer is kept.
func testSignInQuestion(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(safari)
	other.signIn(email)
	p.settings("sessions")
	p.The("heading", en.T(message.NewSession))
	p.None("heading", en.T(message.OtherSessions))
	p.With("group", en.T(message.WasThisYou), safariDevice)
	height := eval[float64](p, `document.querySelector(".session-list").getBoundingClientRect().height`)
	p.Press(en.T(message.YesItWasMe))
	p.See(en.T(message.DoneSignInConfirmed))
	p.See(en.T(message.SignInWasYou))
	p.Until("the focus is in the row", `document.activeElement.localName === "summary"`)
	if got := eval[float64](p, `document.querySelector(".session-list").getBoundingClientRect().height`); got != height {
		t.Errorf("the answer changes the height of the list from %g to %g", height, got)
	}
	p.Open("/dashboard/settings/sessions")
	p.The("heading", en.T(message.OtherSessions))
	if p.Sees(en.T(message.WasThisYou)) {
		t.Error("the page asks again")
	}
}

// testSignInReport checks that "no" signs everyone out and leads to a new password.
func testSignInReport(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(safari)
	other.signIn(email)
	p.settings("sessions")
	p.Press(en.T(message.NoSecureAccount))
	p.The("dialog", en.T(message.ConfirmSecureAccount))
	p.Press(en.T(message.CancelAction))
	p.Press(en.T(message.NoSecureAccount))
	p.The("dialog", en.T(message.ConfirmSecureAccount))
	p.Press(en.T(message.SecureAccount))
	p.At("/reset-password")
	p.Fill(en.T(message.NewPassword), "another, and longer one")
	p.Press(en.T(message.SetNewPassword))
	p.At("/sign-in")
	p.See(en.T(message.DonePasswordReset))
	p.submitSignIn(email, "another, and longer one")
	p.At("/dashboard/settings")
	other.Until("the other browser is signed out", `dispatchEvent(new Event("focus")), location.pathname === "/sign-in"`)
}

// testSessionsWatched checks what a user sees who watches the page: times change and sessions
// end in place, and new ones wait until the user asks for them. No row moves.
func testSessionsWatched(t *testing.T) {
	server, db := startWithDatabase(t)
	p, desk, phone := browse(t, server), browse(t, server), browse(t, server)
	email := p.signUp()
	desk.As(firefox)
	desk.signIn(email)
	p.fakeClock() // takes effect on the next page
	p.Open("/dashboard/settings/sessions")
	p.See(firefoxDevice)
	p.Until("the rows are drawn", `(window.rows = [...document.querySelectorAll(".session-row")]).length === 2`)
	// places returns where the rows are, and whether they are the first ones.
	places := func() []float64 {
		t.Helper()
		return eval[[]float64](p, `window.rows.map((row) => row.isConnected ? row.getBoundingClientRect().top + scrollY : -1)`)
	}
	first := places()
	minute := func() { // the page asks within 75 seconds
		t.Helper()
		p.Act(`pass(0.025)`)
	}
	unmoved := func(what string) {
		t.Helper()
		if got := places(); !slices.Equal(got, first) {
			t.Errorf("%s: the rows are at %v; want %v", what, got, first)
		}
	}

	execSQL(t, db, `UPDATE sessions SET last_active_at = ? WHERE user_agent LIKE '%Firefox%'`,
		time.Now().Add(-3*time.Hour).UTC().Format("2006-01-02 15:04:05+00:00"))
	minute()
	p.cardSays("sessions", en.T(message.ActiveAgo, en.T(message.HoursAgoMany, 3)))
	unmoved("another time")

	phone.As(safari)
	phone.signIn(email)
	minute()
	p.With("button", en.T(message.NewSessionsOne), "")
	if !eval[bool](p, `!!document.getElementById("show-new-sessions").closest("[aria-live=polite]")`) {
		t.Error("screen readers do not announce the new session")
	}
	unmoved("a new session")
	if p.Sees(safariDevice) {
		t.Error("the new session is shown before the user asks for it")
	}
	p.Press(en.T(message.NewSessionsOne))
	p.See(safariDevice)
	p.None("button", en.T(message.NewSessionsOne))
	p.Until("the focus is in the new row",
		`document.activeElement.localName === "summary" && document.activeElement.innerText.includes(`+testkit.Quote(safariDevice)+`)`)

	p.Until("there are three rows", `(window.rows = [...document.querySelectorAll(".session-row")]).length === 3`)
	first = places()
	if status, _ := phone.post("revoke-session", map[string]any{"token": phone.session()}); status != 200 {
		t.Fatalf("revoke-session: status %d", status)
	}
	minute()
	p.See(en.T(message.SessionHasEnded))
	p.Until("screen readers learn of the end",
		`[...document.querySelectorAll("[role=status]")].some((e) => e.textContent === `+
			testkit.Quote(en.T(message.DoneDeviceSignedOut, safariDevice))+`)`)
	unmoved("an ended session")
	if n := len(p.All("button", en.T(message.RevokeThis))); n != 2 {
		t.Errorf("the page offers to revoke %d sessions; want 2", n)
	}
	// The row leaves when the user comes back to the page.
	p.Act(`Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true}),
		document.dispatchEvent(new Event("visibilitychange")), delete document.visibilityState`)
	p.Until("the page has noticed that the user is back",
		`dispatchEvent(new Event("focus")), document.querySelectorAll(".session-row").length === 2`)

	// A home that is watched shows a new sign-in once the user asks for it. Nothing moves before.
	p.settings("")
	place := func() float64 {
		return eval[float64](p, `document.querySelector(".check-up").getBoundingClientRect().top`)
	}
	top := place()
	phone.signIn(email)
	minute()
	p.The("button", en.T(message.ShowNews))
	if got := place(); got != top || p.Sees(safariDevice) {
		t.Errorf("the check-up is at %g; want %g, and no question about the sign-in yet", got, top)
	}
	p.Press(en.T(message.ShowNews))
	p.AwaitFocus(en.T(message.WasThisYou))
	p.cardSays("question", safariDevice)
	p.None("button", en.T(message.ShowNews))

	// A page that is watched learns that its own session has ended.
	if status, _ := desk.post("revoke-session", map[string]any{"token": p.session()}); status != 200 {
		t.Fatalf("revoke-session: status %d", status)
	}
	minute()
	p.At("/sign-in")
	p.See(sessionEnded)
}

// testSessionsNarrow checks that all rows have the same height on the narrowest phone, with
// room for two lines.
func testSessionsNarrow(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	for _, agent := range []string{firefox, safari} {
		other := browse(t, server)
		other.As(agent)
		other.signIn(email)
	}
	p.Do(chromedp.EmulateViewport(320, 640))
	p.settings("sessions")
	p.See(safariDevice)
	heights := eval[[]float64](p, `[...document.querySelectorAll(".session-row summary")].map((e) => e.getBoundingClientRect().height)`)
	slices.Sort(heights)
	if len(heights) != 3 || heights[0] != heights[2] || heights[2] > 96 {
		t.Errorf("the rows are %v pixels high; want one height of at most 96", heights)
	}
	p.Fits(320, "the sessions")
}
