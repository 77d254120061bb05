package server_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/backend/account"
	"latchkey/backend/testkit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// entries returns the number of entries of the log that the page shows, and the sentence about it.
func (p openedPage) entries() (n int, says string) {
	p.b.t.Helper()
	log := p.In(p.b.t, "div", "class=log")
	return len(log.All("li")), strings.Join(log.Texts("p", "role=status"), " ")
}

// TestLogByForm tests that the filters and the pages of the log work without the app.
func TestLogByForm(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann).grant(account.PermissionAudit)
		log := b.openPage(shared.PageActivity)
		if n, says := log.entries(); n != 1 || says != en.T(message.EntriesOne) {
			t.Errorf("%d entries: %q", n, says)
		}
		warnings := log.press(log.button(en.T(message.GroupWarnings)))
		if n, _ := warnings.entries(); n != 0 || warnings.address != shared.PageActivity+"?show=warnings" ||
			attribute(warnings.button(en.T(message.GroupWarnings)), "aria-pressed") != "true" {
			t.Errorf("%s has %d entries", warnings.address, n)
		}
		all := warnings.press(warnings.button(en.T(message.ShowAllEvents)))
		if n, _ := all.entries(); n != 1 || all.address != shared.PageActivity+"?" {
			t.Errorf("%s has %d entries", all.address, n)
		}

		// The log of all users keeps the search of the page.
		s.addEvents(t, 70)
		newest := shared.PageSystem + "?search=ann&show=sign-in-failed"
		page := b.openPage(shared.PageSystem + "?search=ann")
		page = page.press(page.button(en.T(message.ShowItem)), "show=sign-in-failed")
		if n, says := page.entries(); n != 50 || says != en.T(message.EntriesNewest, 50) ||
			page.address != strings.Replace(newest, "?", "?day=&", 1) {
			t.Errorf("%s has %d entries: %q", page.address, n, says)
		}
		older := page.press(page.button(en.T(message.ShowMore)))
		query := mustParse(t, older.address).Query()
		if n, says := older.entries(); n != 20 || says != en.T(message.EntriesMany, 20) || query.Get("show") != "sign-in-failed" ||
			query.Get("search") != "ann" {
			t.Errorf("%s has %d entries: %q", older.address, n, says)
		}
		if n := len(older.All("option", "value=sign-in-failed", "selected")); n != 1 {
			t.Error("the filter is not chosen")
		}
		if links := older.In(t, "div", "class=log").All("a", "href="+newest); len(links) != 1 {
			t.Errorf("%d links lead to the newest entries", len(links))
		}
		other := older.press(older.button(en.T(message.ShowItem)), "show=factors")
		if n, _ := other.entries(); n != 0 || mustParse(t, other.address).Query().Has("before") {
			t.Errorf("%s has %d entries", other.address, n)
		}
		// The entries up to a day, which the other forms keep, and those of one user.
		day := b.openPage(shared.PageSystem)
		day = day.press(day.button(en.T(message.ShowItem)), "day=2026-11-01")
		if n, says := day.entries(); n != 0 || !strings.HasPrefix(day.address, shared.PageSystem+"?day=2026-11-01&") {
			t.Errorf("%s has %d entries: %q", day.address, n, says)
		}
		day = day.press(day.button(en.T(message.ShowItem)), "show=sign-in-failed", "day=2999-01-01")
		if n, _ := day.entries(); n != 50 {
			t.Errorf("%s has %d entries", day.address, n)
		}
		day = day.press(day.button(en.T(message.ShowMore)))
		if n, _ := day.entries(); n != 20 || len(day.All("input", "type=date", "value=2999-01-01")) != 1 {
			t.Errorf("%s has %d entries", day.address, n)
		}
		b.grant(account.PermissionUsers)
		links := b.openPage(shared.PageSystem).In(t, "li", "class=session user").All("a", "href")
		if len(links) != 1 {
			t.Fatalf("the user has %d links", len(links))
		}
		own := b.openPage(attribute(links[0], "href"))
		title := en.T(message.SecurityLogOfUser, ann)
		if n, _ := own.entries(); n != 1 || !slices.Contains(own.Texts("h2"), title) {
			t.Errorf("%s has %d entries below %q; want 1 below %q", own.address, n, own.Texts("h2"), title)
		}
		if n := len(own.In(t, "section", "aria-labelledby=log").All("a", "href="+shared.PageSystem+"#log")); n != 1 {
			t.Errorf("%d links lead to the log of all users", n)
		}
		own = own.press(own.button(en.T(message.ShowItem)), "show=factors")
		if n, _ := own.entries(); n != 0 || mustParse(t, own.address).Query().Get("user") == "" || !slices.Contains(own.Texts("h2"), title) {
			t.Errorf("%s has %d entries below %q; want none below %q", own.address, n, own.Texts("h2"), title)
		}

		// The entries of one session, of another user.
		s.signUp(t, bob)
		one := b.openPage(shared.PageActivity + "?session=" + s.signIn(t, bob).sessionID())
		links = one.In(t, "div", "class=log").All("a", "href="+shared.PageActivity)
		if n, _ := one.entries(); n != 0 || len(links) != 1 || testkit.Content(links[0]) != en.T(message.ShowAllEvents) {
			t.Errorf("of the session of another user, there are %d entries, and %d links to all", n, len(links))
		}
		if n := len(page.All("a", "href="+shared.ExportEvents.Path)); n != 1 {
			t.Errorf("%d links lead to the export", n)
		}
		for _, odd := range []string{"before=nowhere", "before=%27", "show=%00", "before=%00", "session=%FF", "show=x", "before=1&before=2",
			"day=%00", "day=9999-12-31", "day=0000-01-01", "day=x", "user=%00", "user=%FF", "user='"} {
			b.openPage(shared.PageActivity + "?" + odd)
			b.openPage(shared.PageSystem + "?" + odd)
		}
	})
}
