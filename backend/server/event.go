package server

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/language"
	"latchkey/shared"
)

// eventTexts is what each kind of event is called for people: for whose account
// it was, and for administrators.
var eventTexts = map[string]string{
	account.EventSignUp:          "The account was created",
	account.EventSignIn:          "Signed in",
	account.EventSignInFailed:    "Wrong password at sign-in",
	account.EventSignInLimited:   "Too many wrong passwords at sign-in",
	account.EventSignInRefused:   "Refused at sign-in, because the account is disabled",
	account.EventSignOut:         "Signed out",
	account.EventStepUp:          "Identity confirmed",
	account.EventPasswordFailed:  "Wrong password in a session",
	account.EventPasswordChanged: "Password changed",
	account.EventSessionRevoked:  "A session was ended",
	account.EventSessionsRevoked: "Other sessions were ended",
	account.EventUserUpdated:     "Profile changed",
	account.EventUserDeleted:     "The account was deleted",

	account.EventTwoFactorPending:      "Setting up two-factor authentication was begun",
	account.EventTwoFactorEnabled:      "Two-factor authentication turned on",
	account.EventTwoFactorDisabled:     "Two-factor authentication turned off",
	account.EventAuthenticatorReplaced: "Authenticator app replaced",
	account.EventTOTPURIRead:           "The key of the authenticator app was shown",
	account.EventBackupCodesMade:       "New backup codes made",
	account.EventBackupCodeUsed:        "A backup code was used",
	account.EventChallenged:            "Right password at sign-in, and a second factor asked for",
	account.EventCodeFailed:            "Wrong code",
	account.EventCodesLocked:           "Too many wrong codes",
	account.EventCodesUnlocked:         "Codes are taken again",
	account.EventCodeMailed:            "A code was sent by mail",
	account.EventDeviceTrusted:         "A browser is trusted, and asked for no second factor",
	account.EventTrustedDeviceRevoked:  "A browser is trusted no more",

	account.EventPasskeyAdded:   "Passkey added",
	account.EventPasskeyRenamed: "Passkey renamed",
	account.EventPasskeyDeleted: "Passkey removed",
	account.EventPasskeyFailed:  "A passkey was refused",
	account.EventPasskeyCopied:  "A passkey was refused, because there may be a copy of it",

	account.EventSettingChanged: "System key changed",
	account.EventMailDropped:    "A mail could not be delivered",

	account.EventSignUpTaken:           "Somebody tried to create an account with this address",
	account.EventResetRequested:        "A link to reset the password was asked for",
	account.EventPasswordReset:         "Password reset by a link in a mail",
	account.EventEmailVerified:         "Email address verified",
	account.EventEmailChangeRequested:  "Change of the email address asked for",
	account.EventEmailChanged:          "Email address changed",
	account.EventUserDeletionRequested: "Deletion of the account asked for",
	account.EventDisowned:              "Somebody said that it was not them, and the account was secured",

	account.EventFactorsReset:      "Second factors and passkeys reset by an administrator",
	account.EventSessionsEnded:     "Signed out everywhere by an administrator",
	account.EventUserDisabled:      "Account disabled by an administrator",
	account.EventUserEnabled:       "Account enabled by an administrator",
	account.EventPermissionGranted: "Permission given",
	account.EventPermissionRevoked: "Permission taken away",
	account.EventRecovered:         "Account recovered by whoever runs the server",
	account.EventKeyRotated:        "The server has a new key",
	account.EventKeyMissing:        "The server lacks the key of something that it keeps",
}

func (s *Server) listEvents(c call, in shared.EventQuery) (shared.EventPage, error) {
	in.User = c.User.ID
	page, err := s.eventPage(c, in)
	for i, e := range page.Events {
		// Of others who did something to the account, administrators, it is no
		// business of its owner where they were.
		if e.Actor != nil && e.Actor.ID != c.User.ID {
			e.Actor, e.IPAddress, e.Device, e.SessionID = nil, "", shared.Device{Kind: "unknown"}, ""
			page.Events[i] = e
		}
	}
	return page, err
}

func (s *Server) listAllEvents(c call, in shared.EventQuery) (shared.EventPage, error) {
	return s.eventPage(c, in)
}

func (s *Server) eventPage(c call, in shared.EventQuery) (out shared.EventPage, err error) {
	f := account.EventFilter{User: in.User, Before: in.Before, Limit: pageSize + 1}
	if in.Kind != "" {
		f.Kinds = []string{in.Kind}
	}
	events, err := s.Accounts.Store.Events(c.Context(), f)
	if err != nil {
		return out, err
	}
	if len(events) > pageSize {
		events = events[:pageSize]
		out.Next = events[pageSize-1].ID
	}
	out.Events, err = s.eventsOf(c.Context(), c.language(), events)
	return out, err
}

// eventsOf is events as people read them who read a language.
func (s *Server) eventsOf(ctx context.Context, l *language.Language, events []account.Event) ([]shared.Event, error) {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ActorID, e.UserID)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
	emails, err := s.Accounts.Store.Emails(ctx, ids)
	if err != nil {
		return nil, err
	}
	person := func(id string) *shared.Person {
		if id == "" {
			return nil
		}
		return &shared.Person{ID: id, Email: emails[id]}
	}
	out := make([]shared.Event, len(events))
	for i, e := range events {
		out[i] = shared.Event{
			ID: e.ID, At: shared.Time{Time: e.At}, Kind: e.Kind, Text: l.Say(eventTexts[e.Kind]), IPAddress: e.IP, Device: account.DeviceOf(e.UserAgent),
			Subject: e.Subject, Detail: detailOf(l, e.Detail), SessionID: e.SessionID, Actor: person(e.ActorID), Account: person(e.UserID),
		}
		if out[i].Text == "" { // a newer server wrote it
			out[i].Text = e.Kind
		}
	}
	return out, nil
}

// detailOf is the detail of an event for people.
func detailOf(l *language.Language, text string) string {
	var says map[string]string
	if json.Unmarshal([]byte(text), &says) != nil {
		return text // empty
	}
	if by, ok := says["factor"]; ok {
		return confirmedBy(l, account.Factor(by))
	}
	before, changed := says["before"]
	after, there := says["after"]
	switch {
	case changed && there:
		return l.Say("from %s to %s", quoted(l, before), quoted(l, after))
	case there:
		return l.Say(after) // "changed": from what to what is a secret
	}
	var parts []string
	for name, value := range says {
		parts = append(parts, l.Say(name)+" "+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// confirmedBy says by which second factor something was confirmed.
func confirmedBy(l *language.Language, by account.Factor) string {
	switch by {
	case account.ByTOTP:
		return l.Say("confirmed with a code from the authenticator app")
	case account.ByBackupCode:
		return l.Say("confirmed with a backup code")
	case account.ByPasskey:
		return l.Say("confirmed with a passkey")
	}
	return string(by) // a newer server wrote it
}

func quoted(l *language.Language, value string) string {
	if value == "" {
		return l.Say("nothing")
	}
	return l.Say("“%s”", value)
}

const (
	// exportBatch is how many events an export reads at once.
	exportBatch = 1000
	// exportPatience is how long the client may take to receive each batch.
	exportPatience = 30 * time.Second
)

// exportEvents answers the whole log as CSV (RFC 4180), the newest first. It reads the
// log in batches, so that a slow client does not keep others from writing to it. The
// text is English whoever asks, because programs read it.
func (s *Server) exportEvents(c call, _ shared.None) (none shared.None, err error) {
	f := account.EventFilter{Limit: exportBatch}
	events, err := s.exportPart(c, f)
	if err != nil {
		return none, err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="security-log-`+s.Accounts.Now().Format("2006-01-02")+`.csv"`)
	w := csv.NewWriter(c.w)
	w.UseCRLF = true
	w.Write([]string{"time", "kind", "what", "account", "account id", "by", "by id", "address", "browser", "system", "session", "subject", "detail"})
	for {
		http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(exportPatience)) // longer than other answers take
		for _, e := range events {
			account, actor := orNone(e.Account), orNone(e.Actor)
			w.Write(plainCells(e.At.UTC().Format(time.RFC3339Nano), e.Kind, e.Text, account.Email, account.ID, actor.Email, actor.ID,
				e.IPAddress, e.Device.Browser, e.Device.OS, e.SessionID, e.Subject, e.Detail))
		}
		if w.Flush(); w.Error() != nil || len(events) < exportBatch {
			return none, nil // the client has gone, or has all of it
		}
		f.Before = events[len(events)-1].ID
		if events, err = s.exportPart(c, f); c.Context().Err() != nil {
			return none, nil // the client has gone
		} else if err != nil {
			s.Log.WarnContext(c.Context(), "the export of the security log was cut off", "err", err)
			panic(http.ErrAbortHandler) // a part must not look like the whole
		}
	}
}

// exportPart returns the next batch of an export. The route streams, so that the timeout
// is that of a batch.
func (s *Server) exportPart(c call, f account.EventFilter) ([]shared.Event, error) {
	ctx, cancel := context.WithTimeout(c.Context(), s.RequestTimeout)
	defer cancel()
	events, err := s.Accounts.Store.Events(ctx, f)
	if err != nil {
		return nil, err
	}
	return s.eventsOf(ctx, language.Of("en", ""), events)
}

func orNone(p *shared.Person) shared.Person {
	if p == nil {
		return shared.Person{}
	}
	return *p
}

// plainCells keeps spreadsheets from taking what a stranger wrote, such as a name
// of a browser, for a formula.
func plainCells(cells ...string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
