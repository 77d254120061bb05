package server

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/backend/account"
	"latchkey/backend/useragent"
	"latchkey/shared"
	"latchkey/shared/message"
)

// eventText returns the description of an event with the members of its detail. It is empty
// for a kind that only a newer server knows.
func eventText(l *message.Language, kind string, members map[string]string) string {
	switch {
	case members[account.DetailPassword] == "void":
		return l.T(message.EventSignInVoidPassword)
	case members[account.DetailCause] == account.CauseReport:
		return l.T(message.EventPasswordSetAfterReport)
	case members[account.DetailCause] == account.CauseOperator:
		return l.T(message.EventPasswordSetByOperatorLink)
	case members[account.DetailResent] != "":
		return l.T(message.EventEmailChangeResent)
	}
	return l.T(shared.EventText(kind))
}

// detailText returns the detail of an event as text for users. It leaves out members that only
// a newer server knows.
func detailText(l *message.Language, kind string, members map[string]string) string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	passkey := members[account.DetailPasskey]
	if method, ok := members[account.DetailMethod]; ok {
		add(shared.MethodText(l, method, passkey))
	} else if passkey != "" {
		add(quoted(l, passkey))
	}
	if name := members[account.DetailServerKey]; name != "" {
		add(quoted(l, name))
	}
	add(changeText(l, members))
	add(profileText(l, members))
	if agent := members[account.DetailUserAgent]; agent != "" {
		add(deviceText(l, kind, useragent.Parse(agent).Name(l)))
	}
	if n := members[account.DetailCount]; n != "" {
		add(endedText(l, kind, n))
	}
	add(proofText(l, kind, members))
	if id := members[account.DetailKey]; id != "" {
		add(l.T(message.DetailKey) + " " + id)
	}
	return capitalized(strings.Join(parts, ", "))
}

// capitalized returns text with its first letter in upper case.
func capitalized(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return text
	}
	return string(unicode.ToUpper(r)) + text[n:]
}

// deviceText returns which session or trusted device an action ended. The entry also names the
// device of the session that did it.
func deviceText(l *message.Language, kind, device string) string {
	if kind == shared.EventTrustedDeviceRevoked {
		return l.T(message.DetailDevice, device)
	}
	return l.T(message.DetailEnded, device)
}

// changeText returns what an action replaced, and with what.
func changeText(l *message.Language, members map[string]string) string {
	before, hasBefore := members[account.DetailBefore]
	after, hasAfter := members[account.DetailAfter]
	switch {
	case hasBefore && hasAfter:
		return l.T(message.DetailFromTo, quoted(l, before), quoted(l, after))
	case hasAfter: // "changed": both values are secret
		return l.T(message.DetailChanged)
	}
	return ""
}

// profileText returns what changed in a profile.
func profileText(l *message.Language, members map[string]string) string {
	var parts []string
	for _, field := range []struct {
		label         message.ID
		before, after string
		value         func(*message.Language, string) string
	}{
		{message.DisplayName, account.DetailNameBefore, account.DetailNameAfter, quoted},
		{message.LanguageChoice, account.DetailLanguageBefore, account.DetailLanguageAfter, languageName},
	} {
		if after, ok := members[field.after]; ok {
			parts = append(parts, l.T(message.DetailFieldChange,
				l.T(field.label), field.value(l, members[field.before]), field.value(l, after)))
		}
	}
	switch members[account.DetailImage] {
	case "changed":
		parts = append(parts, l.T(message.DetailPictureChanged))
	case "removed":
		parts = append(parts, l.T(message.DetailPictureRemoved))
	}
	return strings.Join(parts, ", ")
}

// languageName returns the name of a user's choice of language, as the profile shows it: in
// that language.
func languageName(l *message.Language, tag string) string {
	name := tag // of a newer server
	switch tag {
	case "":
		name = l.T(message.SameAsBrowser)
	case message.English.Tag:
		name = "English"
	case message.German.Tag:
		name = "Deutsch"
	}
	return quoted(l, name)
}

// endedText returns how many sessions or trusted devices an action ended.
func endedText(l *message.Language, kind, n string) string {
	one, many := message.DetailSessionsOne, message.DetailSessionsMany
	if kind == shared.EventTrustedDeviceRevoked {
		one, many = message.DetailDevicesOne, message.DetailDevicesMany
	}
	if n == "1" {
		return l.T(one)
	}
	return l.T(many, n)
}

// proofText returns what confirmed an action.
func proofText(l *message.Language, kind string, members map[string]string) string {
	entered, factor := members[account.DetailEntered], members[account.DetailFactor]
	if kind == shared.EventStepUp { // the factor is what confirmed it, or else the password
		entered, factor = cmp.Or(factor, "password"), ""
	}
	entered, factor = shared.ProofText(l, entered), shared.ProofText(l, factor)
	switch {
	case entered != "" && factor != "":
		return l.T(message.DetailConfirmedInSession, entered, factor)
	case entered != "":
		return l.T(message.DetailConfirmedWith, entered)
	case factor != "":
		return l.T(message.DetailInSession, factor)
	}
	return ""
}

func quoted(l *message.Language, value string) string {
	if value == "" {
		return l.T(message.DetailNothing)
	}
	return l.T(message.DetailQuoted, value)
}
