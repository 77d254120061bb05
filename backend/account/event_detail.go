package account

import (
	"encoding/json"
	"maps"
	"strconv"

	"latchkey/backend/audit"
)

// The members of [audit.Event].Detail, a JSON object of strings. All but the first block may
// name the user: see [Service.withPersonal].
const (
	// What the user entered for the action: "password", or "password+new-code" for the password
	// and the first code of a new authenticator.
	DetailEntered = "entered"
	// The second factor that the session had presented last. Of an [shared.EventStepUp], the one
	// that it presented.
	DetailFactor = "factor"

	DetailMethod    = "method"    // the [Session].Method of a new session
	DetailUserAgent = "userAgent" // of the session or the trusted device that ended
	DetailCount     = "count"     // how many sessions or trusted devices ended
	DetailKey       = "key"       // the ID of a key of the server
	DetailPassword  = "password"  // "void": the password was correct but void
	DetailResent    = "resent"    // "true": the user asked for the link of a pending change again
	DetailServerKey = "serverKey" // the name of a [ServerKey]
	DetailCause     = "cause"     // why a new password was set, if the user did not ask for a link: see below

	// What the action replaced, and with what. In an [shared.EventSettingChanged], After is
	// "changed" for a secret. The two are sealed in the log of a user.
	DetailBefore = "before"
	DetailAfter  = "after"

	DetailPasskey        = "passkey" // the name of the passkey at that time
	DetailNameBefore     = "nameBefore"
	DetailNameAfter      = "nameAfter"
	DetailLanguageBefore = "languageBefore"
	DetailLanguageAfter  = "languageAfter"
	DetailImage          = "image" // "changed" or "removed"

	detailSealed = "sealed" // the members that may name the user, sealed
)

// DetailVoidPassword is the [audit.Event].Detail of an [shared.EventSignInFailed] with a
// correct but void password.
const DetailVoidPassword = `{"password":"void"}`

// The values of [DetailCause].
const (
	CauseReport   = "report"   // the user had reported that something "wasn't me"
	CauseOperator = "operator" // the operator had recovered the account
)

// detail encodes members as an [audit.Event].Detail.
func detail(members map[string]string) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

// withDetail returns e with more members of its detail.
func withDetail(e audit.Event, members map[string]string) audit.Event {
	all := parseDetail(e.Detail)
	maps.Copy(all, members)
	e.Detail = detail(all)
	return e
}

func parseDetail(text string) map[string]string {
	members := map[string]string{}
	if json.Unmarshal([]byte(text), &members) != nil {
		return map[string]string{} // the text is empty
	}
	return members
}

// withCount returns e with how many sessions or trusted devices ended.
func withCount(e audit.Event, n int) audit.Event {
	return withDetail(e, map[string]string{DetailCount: strconv.Itoa(n)})
}

// withPersonal returns e with members of its detail that may name the user of the account. The
// log cannot forget an entry, so they are sealed with a key that also depends on the user's
// random handle. Nobody can read them once the account is deleted.
func (s *Service) withPersonal(e audit.Event, user User, members map[string]string) audit.Event {
	if len(members) == 0 {
		return e
	}
	return withDetail(e, map[string]string{detailSealed: s.Keys.SealFor(user.Handle, detail(members), detailAAD(e))})
}

// withPasskeyName returns e with the name of the passkey that it concerns, if it has one.
func (s *Service) withPasskeyName(e audit.Event, user User, p Passkey) audit.Event {
	e.Subject = p.ID
	if p.Name == nil {
		return e
	}
	return s.withPersonal(e, user, map[string]string{DetailPasskey: *p.Name})
}

func detailAAD(e audit.Event) string { return "events|detail|" + e.ID }

// EventDetail returns the members of an event's detail. handle is that of the event's account.
// Without it, as for a deleted account, the members that may name the user are missing. They
// are also missing if the server lacks the key.
func (s *Service) EventDetail(e audit.Event, handle []byte) map[string]string {
	members := parseDetail(e.Detail)
	sealed, ok := members[detailSealed]
	if !ok {
		return members
	}
	delete(members, detailSealed)
	if len(handle) == 0 {
		return members
	}
	if plain, err := s.Keys.UnsealFor(handle, sealed, detailAAD(e)); err == nil {
		maps.Copy(members, parseDetail(plain))
	}
	return members
}
