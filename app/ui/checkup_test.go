package ui

import (
	"fmt"
	"testing"

	"latchkey/shared"
	"latchkey/shared/message"
)

// overview returns the overview of an account that its server protects as well as it can. change
// changes it.
func overview(change func(o *shared.Overview)) *shared.Overview {
	o := &shared.Overview{
		User:      shared.User{EmailVerified: true},
		Password:  shared.PasswordState{Set: true},
		TwoFactor: shared.TwoFactor{Enabled: true, BackupCodesLeft: 10},
		Passkeys:  shared.PasskeySummary{Count: 1},
		Sessions:  shared.SessionSummary{Count: 1},
		Delivers:  true,
	}
	if change != nil {
		change(o)
	}
	return o
}

func TestCheckUp(t *testing.T) {
	const ok, advice, alarm = levelOK, levelAdvice, levelAlarm
	off, none := shared.TwoFactor{}, shared.TwoFactor{Enabled: true}
	few := shared.TwoFactor{Enabled: true, BackupCodesLeft: shared.FewBackupCodes}
	for _, tt := range []struct {
		what    string
		change  func(o *shared.Overview)
		levels  [4]level
		actions [4]checkAction
	}{
		{"everything", nil, [4]level{ok, ok, ok, ok}, [4]checkAction{}},
		{
			"a new account",
			func(o *shared.Overview) {
				o.TwoFactor, o.Passkeys, o.User.EmailVerified = off, shared.PasskeySummary{}, false
			},
			[4]level{advice, advice, advice, ok}, [4]checkAction{enableTwoFactor, addPasskey, verifyEmail},
		},
		{
			"an administrator with a password only",
			func(o *shared.Overview) { o.TwoFactor, o.Passkeys, o.Admin = off, shared.PasskeySummary{}, true },
			[4]level{alarm, advice, ok, ok}, [4]checkAction{enableTwoFactor, addPasskey},
		},
		{
			"an administrator with a passkey", func(o *shared.Overview) { o.TwoFactor, o.Admin = off, true },
			[4]level{ok, ok, ok, ok}, [4]checkAction{},
		},
		{
			"an administrator with 2FA", func(o *shared.Overview) { o.Passkeys, o.Admin = shared.PasskeySummary{}, true },
			[4]level{ok, advice, ok, ok}, [4]checkAction{noAction, addPasskey},
		},
		{
			"one passkey on one device, and no password",
			func(o *shared.Overview) { o.TwoFactor, o.Password.Set = off, false },
			[4]level{ok, advice, ok, ok}, [4]checkAction{noAction, addPasskey},
		},
		{
			"one synced passkey, and no password",
			func(o *shared.Overview) {
				o.TwoFactor, o.Password.Set, o.Passkeys = off, false, shared.PasskeySummary{Count: 1, Synced: 1}
			},
			[4]level{ok, ok, ok, ok}, [4]checkAction{},
		},
		{
			"two passkeys, and no password",
			func(o *shared.Overview) { o.Password.Set, o.Passkeys = false, shared.PasskeySummary{Count: 2} },
			[4]level{ok, ok, ok, ok}, [4]checkAction{},
		},
		{
			"few backup codes, and an address that is not verified",
			func(o *shared.Overview) { o.TwoFactor, o.User.EmailVerified = few, false },
			[4]level{ok, ok, advice, ok}, [4]checkAction{noAction, noAction, makeBackupCodes},
		},
		{
			"no backup codes", func(o *shared.Overview) { o.TwoFactor = none },
			[4]level{ok, ok, alarm, ok}, [4]checkAction{noAction, noAction, makeBackupCodes},
		},
		{
			"a server that sends no emails, and 2FA",
			func(o *shared.Overview) { o.Delivers, o.User.EmailVerified = false, false },
			[4]level{ok, ok, ok, ok}, [4]checkAction{},
		},
		{
			"a server that sends no emails, 2FA and no passkey: backup codes do not replace a password",
			func(o *shared.Overview) { o.Delivers, o.Passkeys = false, shared.PasskeySummary{} },
			[4]level{ok, advice, advice, ok}, [4]checkAction{noAction, addPasskey},
		},
		{
			"a server that sends no emails, and a passkey",
			func(o *shared.Overview) { o.Delivers, o.TwoFactor = false, off },
			[4]level{ok, ok, ok, ok}, [4]checkAction{},
		},
		{
			"a server that sends no emails, and a password only",
			func(o *shared.Overview) { o.Delivers, o.TwoFactor, o.Passkeys = false, off, shared.PasskeySummary{} },
			[4]level{advice, advice, advice, ok}, [4]checkAction{enableTwoFactor, addPasskey},
		},
		{
			"a new session, which the question is about",
			func(o *shared.Overview) { o.Sessions.New, o.Question = 1, new(shared.Session) },
			[4]level{ok, ok, ok, advice}, [4]checkAction{},
		},
		{
			"two new sessions",
			func(o *shared.Overview) { o.Sessions.New, o.Question = 2, new(shared.Session) },
			[4]level{ok, ok, ok, advice}, [4]checkAction{3: reviewSessions},
		},
	} {
		checks := en.checkUp(overview(tt.change))
		for i, c := range checks {
			if c.level != tt.levels[i] || c.action != tt.actions[i] {
				t.Errorf("%s: %s is %s with action %d; want %s with %d",
					tt.what, en.T(c.name), c.level.name(), c.action, tt.levels[i].name(), tt.actions[i])
			}
			if c.text == "" || c.action != noAction && c.level == levelOK {
				t.Errorf("%s: %s says %q and has action %d", tt.what, en.T(c.name), c.text, c.action)
			}
		}
	}
}

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		levels []level
		worst  level
		done   int
	}{
		{[]level{levelOK, levelOK}, levelOK, 2},
		{[]level{levelOK, levelAdvice}, levelAdvice, 1},
		{[]level{levelAlarm, levelAdvice, levelOK}, levelAlarm, 1},
	} {
		var checks []check
		for _, l := range tt.levels {
			checks = append(checks, check{level: l})
		}
		if l, done := worst(checks); l != tt.worst || done != tt.done {
			t.Errorf("the worst of %v is %s with %d done; want %s with %d", tt.levels, l.name(), done, tt.worst.name(), tt.done)
		}
	}
}

// TestLevelOf tests the levels in the list of pages, for each page in the order of
// [settingsPages].
func TestLevelOf(t *testing.T) {
	for _, tt := range []struct {
		want   string
		change func(o *shared.Overview)
	}{
		{"[ok ok ok none none ok]", nil},
		{"[none ok ok none none ok]", func(o *shared.Overview) { o.TwoFactor, o.Admin = shared.TwoFactor{}, true }},
		{"[advice advice ok none none ok]", func(o *shared.Overview) { o.TwoFactor, o.Passkeys = shared.TwoFactor{}, shared.PasskeySummary{} }},
		{"[alarm advice ok none none ok]", func(o *shared.Overview) {
			o.TwoFactor, o.Passkeys, o.Admin = shared.TwoFactor{}, shared.PasskeySummary{}, true
		}},
		{"[advice ok advice none none advice]", func(o *shared.Overview) {
			o.TwoFactor.BackupCodesLeft, o.Sessions.New, o.User.EmailVerified = 1, 1, false
		}},
		{"[alarm ok ok none none none]", func(o *shared.Overview) {
			o.TwoFactor.BackupCodesLeft, o.Delivers, o.User.EmailVerified = 0, false, false
		}},
	} {
		var levels []string
		for _, page := range settingsPages {
			levels = append(levels, levelOf(overview(tt.change), page.path).name())
		}
		if got := fmt.Sprint(levels); got != tt.want {
			t.Errorf("the levels are %s; want %s", got, tt.want)
		}
	}
}

// TestWords tests that each level that a page shows has a word of its own in each language.
func TestWords(t *testing.T) {
	for _, l := range message.Languages {
		e, words := &env{Language: l}, map[string]bool{}
		for _, level := range []level{levelOK, levelAdvice, levelAlarm} {
			words[e.word(level)] = true
		}
		if len(words) != 3 || words[""] {
			t.Errorf("in %s, the words are %v", l.Tag, words)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "ada": "A", "  Augusta  Ada   King ": "AK", "Élodie Ångström": "ÉÅ", "山田 太郎": "山太", "": "A",
	} {
		if got := initials(shared.User{Name: name, Email: "ada@example.com"}); got != want {
			t.Errorf("the initials of %q are %q; want %q", name, got, want)
		}
	}
}
