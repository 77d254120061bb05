package ui

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"latchkey/shared"
	"latchkey/shared/message"
)

// A level is how much a part of an account needs the attention of its user.
type level int

const (
	levelNone   level = iota // nothing to say
	levelOK                  // done
	levelAdvice              // could be better
	levelAlarm               // must be better
)

// name returns the name of the level in the stylesheet, which is also that of its icon.
func (l level) name() string { return [...]string{"none", "ok", "advice", "alarm"}[l] }

// word returns the word for a level. Pages never show a level by color alone.
func (t *env) word(l level) string {
	switch l {
	case levelOK:
		return t.T(message.LevelOK)
	case levelAdvice:
		return t.T(message.LevelAdvice)
	case levelAlarm:
		return t.T(message.LevelAlarm)
	default:
		return ""
	}
}

// A check is a row of the check-up.
type check struct {
	name   message.ID
	level  level
	text   string
	action checkAction
}

// A checkAction is what the user can do about a check.
type checkAction int

const (
	noAction checkAction = iota
	enableTwoFactor
	addPasskey
	makeBackupCodes
	verifyEmail
	reviewSessions
)

// checkUp returns the checks of an account.
func (t *env) checkUp(o *shared.Overview) []check {
	return []check{t.checkStrongWay(o), t.checkSecondWay(o), t.checkWaysBack(o), t.checkSessions(o)}
}

// checkStrongWay checks that knowing the password is not enough to sign in, or that the user
// can sign in without it. Administrators must have such a way.
func (t *env) checkStrongWay(o *shared.Overview) check {
	c := check{name: message.CheckStrongWay, level: levelOK}
	switch passkey := o.Passkeys.Count > 0; {
	case passkey && o.TwoFactor.Enabled:
		c.text = t.T(message.StrongWayBoth)
	case passkey:
		c.text = t.T(message.StrongWayPasskey)
	case o.TwoFactor.Enabled:
		c.text = t.T(message.StrongWayTwoFactor)
	case o.Admin:
		c.level, c.text, c.action = levelAlarm, t.T(message.StrongWayMissingAdministrator), enableTwoFactor
	default:
		c.level, c.text, c.action = levelAdvice, t.T(message.StrongWayMissing), enableTwoFactor
	}
	return c
}

// checkSecondWay checks that the user can still sign in after losing a device or forgetting the
// password.
func (t *env) checkSecondWay(o *shared.Overview) check {
	c := check{name: message.CheckSecondWay, level: levelOK}
	switch p := o.Passkeys; {
	case p.Count > 0 && o.Password.Set:
		c.text = t.T(message.SecondWayPasswordAndPasskey)
	case p.Count > 1:
		c.text = t.T(message.SecondWayPasskeys, p.Count)
	case p.Synced > 0:
		c.text = t.T(message.SecondWaySynced)
	case p.Count == 1:
		c.level, c.text, c.action = levelAdvice, t.T(message.SecondWayOnePasskey), addPasskey
	default:
		c.level, c.text, c.action = levelAdvice, t.T(message.SecondWayOnlyPassword), addPasskey
	}
	return c
}

// checkWaysBack checks the ways to recover the account: backup codes, and for a forgotten password
// an address that receives emails, or a passkey. Backup codes do not replace the password.
func (t *env) checkWaysBack(o *shared.Overview) check {
	c := check{name: message.CheckWaysBack, level: levelOK}
	codes, email := o.TwoFactor.BackupCodesLeft, o.User.EmailVerified && o.Delivers
	switch {
	case o.TwoFactor.Enabled && codes <= shared.FewBackupCodes:
		c.level, c.text, c.action = levelAdvice, t.fewText(codes), makeBackupCodes
		if codes == 0 {
			c.level = levelAlarm
		}
	case o.Delivers && !o.User.EmailVerified:
		c.level, c.text, c.action = levelAdvice, t.T(message.WaysBackUnverified), verifyEmail
	case o.TwoFactor.Enabled && email:
		c.text = t.T(message.WaysBackCodesAndEmail, codes)
	case email:
		c.text = t.T(message.WaysBackEmail)
	case o.Passkeys.Count > 0 && o.TwoFactor.Enabled:
		c.text = t.T(message.WaysBackCodesAndPasskey, codes)
	case o.Passkeys.Count > 0:
		c.text = t.T(message.WaysBackPasskey)
	default:
		c.level, c.text = levelAdvice, t.T(message.WaysBackNone)
	}
	return c
}

// checkSessions checks that the user knows every session.
func (t *env) checkSessions(o *shared.Overview) check {
	c := check{name: message.CheckSessions, level: levelOK}
	switch n := o.Sessions.New; {
	case n > 0:
		c.level, c.text = levelAdvice, t.plural(n, message.SessionsNewOne, message.SessionsNewMany)
		if o.Question == nil || n > 1 { // otherwise the question is above
			c.action = reviewSessions
		}
	default:
		c.text = t.plural(o.Sessions.Count, message.SessionsKnownOne, message.SessionsKnownMany)
	}
	return c
}

// advises reports whether one of the checks has one of the actions.
func advises(checks []check, actions ...checkAction) bool {
	return slices.ContainsFunc(checks, func(c check) bool { return slices.Contains(actions, c.action) })
}

// worst returns the level of the worst check, and how many checks are done.
func worst(checks []check) (l level, done int) {
	for _, c := range checks {
		l = max(l, c.level)
		if c.level == levelOK {
			done++
		}
	}
	return l, done
}

// nextCheck returns the index of the first of the worst checks, or -1 if there is nothing to do. asks
// is whether the page asks about a sign-in: then the check of the sessions would only repeat that.
func nextCheck(checks []check, asks bool) int {
	next := -1
	for i, c := range checks {
		if c.level > levelOK && !(asks && c.name == message.CheckSessions) && (next < 0 || c.level > checks[next].level) {
			next = i
		}
	}
	return next
}

// checkBadge draws the level of a check. The icon of its row shows the same.
func (t *env) checkBadge(c check) app.UI {
	text := t.word(c.level)
	if c.name == message.CheckSessions && c.level > levelOK {
		text = t.T(message.LevelReview)
	}
	return badge(c.level.name(), text)
}

// pageLevel returns the level that the list of pages shows for a page, and its word.
func (t *env) pageLevel(o *shared.Overview, path string) (level, string) {
	l := levelOf(o, path)
	if path == shared.PageSessions && l > levelOK {
		return l, t.T(message.NewCount, o.Sessions.New)
	}
	return l, t.word(l)
}

// levelOf returns the level of a page.
func levelOf(o *shared.Overview, path string) level {
	advise := func(yes bool) level {
		if yes {
			return levelAdvice
		}
		return levelOK
	}
	switch path {
	case shared.PageTwoFactorSettings:
		switch left := o.TwoFactor.BackupCodesLeft; {
		case o.TwoFactor.Enabled && left == 0:
			return levelAlarm
		case o.TwoFactor.Enabled:
			return advise(left <= shared.FewBackupCodes)
		case o.Passkeys.Count > 0:
			return levelNone // a passkey is as good
		case o.Admin:
			return levelAlarm
		}
		return levelAdvice
	case shared.PagePasskeys:
		return advise(o.Passkeys.Count == 0)
	case shared.PageSessions:
		return advise(o.Sessions.New > 0)
	case shared.PageProfile:
		if !o.Delivers && !o.User.EmailVerified {
			return levelNone // the user cannot verify it
		}
		return advise(!o.User.EmailVerified)
	default:
		return levelNone
	}
}
