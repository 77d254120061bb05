package browsertest

import (
	"latchkey/backend/testkit"
	"latchkey/shared/message"
	"slices"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestLogBrowser tests the page of the security log in a real browser.
func TestLogBrowser(t *testing.T) {
	suite(t, map[string]func(*testing.T, *testkit.Program){
		"Filters": testLogFilters,
		"Details": testLogDetails,
	}, nil)
}

// testLogFilters checks the filters of a user's own log, by mouse and by keyboard, and that a
// changed filter is announced.
func testLogFilters(t *testing.T, server *testkit.Program) {
	p := browse(t, server)
	email := p.signUp()
	p.settings("activity")
	p.The("heading", en.T(message.DayToday))
	p.cardSays("log", en.T(message.EventSignUp))
	pressed := func(want string) {
		t.Helper()
		p.Until("only the filter "+want+" is pressed", `(() => {
			const all = [...document.querySelectorAll(".chip[aria-pressed=true]")]
			return all.length === 1 && all[0].textContent === `+testkit.Quote(want)+`
		})()`)
	}
	says := func(status string) {
		t.Helper()
		p.Until("the page announces "+status,
			`document.querySelector("[aria-labelledby=log] [role=status]").textContent === `+testkit.Quote(status))
	}
	pressed(en.T(message.AllEvents))
	says(en.T(message.EntriesOne))
	live := func(want string) {
		t.Helper()
		p.Until("the count is announced: "+want,
			`document.querySelector("[aria-labelledby=log] [role=status]").ariaLive === `+testkit.Quote(want))
	}
	live("off") // until the user chooses a filter
	const widths = `[...document.querySelectorAll(".chip")].map((e) => e.getBoundingClientRect().width)`
	wide := eval[[]float64](p, widths)
	if n := len(p.All("button", en.T(message.EventIsWarning))); n != 0 {
		t.Errorf("%d buttons have the name of a weight", n)
	}

	p.Press(en.T(message.GroupWarnings))
	p.See(en.T(message.NoWarnings))
	pressed(en.T(message.GroupWarnings))
	says(en.T(message.EntriesMany, 0))
	live("polite")
	if got := eval[[]float64](p, widths); !slices.Equal(got, wide) {
		t.Errorf("with another filter, the chips are %v pixels wide; want %v", got, wide)
	}
	p.cardOmits("log", en.T(message.EventSignUp))

	client := testkit.NewClient(p.Origin)
	client.Post("/sign-in/email", map[string]any{"email": email, "password": "not the password"}).Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
	p.Press(en.T(message.ShowAllEvents))
	p.AwaitFocus(en.T(message.AllEvents))
	pressed(en.T(message.AllEvents))
	p.cardSays("log", en.T(message.EventSignInFailed))
	p.cardSays("log", en.T(message.EventSignUp))
	says(en.T(message.EntriesMany, 2))

	p.TabTo(en.T(message.GroupWarnings))
	p.Key(kb.Enter)
	says(en.T(message.EntriesOne))
	p.AwaitFocus(en.T(message.GroupWarnings))
	p.cardSays("log", en.T(message.EventSignInFailed))
	p.cardSays("log", en.T(message.EventIsWarning))
	p.cardOmits("log", en.T(message.EventSignUp))
	entries := eval[int](p, "history.length")
	p.Press(en.T(message.GroupFactors))
	p.See(en.T(message.NoEventsFound))

	// The address has the filter. So it is still chosen when the user comes back, and a link to the
	// page itself shows everything.
	if got := eval[string](p, "location.search"); got != "?show=factors" || eval[int](p, "history.length") != entries {
		t.Errorf("the address has %q, and the history another entry", got)
	}
	p.settings("")
	p.Act("history.back()")
	p.At("/dashboard/settings/activity")
	pressed(en.T(message.GroupFactors))
	p.See(en.T(message.NoEventsFound))
	p.Click("link", en.T(message.SecurityLog), "")
	pressed(en.T(message.AllEvents))
	p.cardSays("log", en.T(message.EventSignUp))
}

// testLogDetails checks that an entry says what has changed and which session was revoked.
func testLogDetails(t *testing.T, server *testkit.Program) {
	p, other := browse(t, server), browse(t, server)
	email := p.signUp()
	other.As(safari)
	other.signIn(email)
	for path, body := range map[string]map[string]any{
		"update-user": {"name": "Ada King"}, "revoke-session": {"token": other.session()},
	} {
		if status, _ := p.post(path, body); status != 200 {
			t.Fatalf("%s: status %d", path, status)
		}
	}
	p.settings("activity")
	quoted := func(text string) string { return en.T(message.DetailQuoted, text) }
	p.cardSays("log", en.T(message.DetailFieldChange, en.T(message.DisplayName), quoted("Ada Lovelace"), quoted("Ada King")))
	p.Until("the entry names the session that was revoked",
		`[...document.querySelectorAll(".event")].some((e) => e.innerText.includes(`+testkit.Quote(en.T(message.EventSessionRevoked))+
			`) && e.innerText.includes(`+testkit.Quote(safariDevice)+`))`)
	p.Until("the sign-in says how", `[...document.querySelectorAll(".event")].some((e) => e.innerText.includes(`+
		testkit.Quote(en.T(message.EventSignIn))+`) && e.innerText.includes(`+testkit.Quote(en.T(message.AccountPassword))+`))`)
}
