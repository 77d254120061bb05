package account

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/mail"
	"latchkey/backend/webauthn"
	"latchkey/shared/message"
)

// mailing returns a service that can compose emails.
func mailing(t *testing.T) *Service {
	return &Service{
		Settings: presets(t), RelyingParty: webauthn.RelyingParty{Origins: []string{"https://accounts.example.com", "https://other.example"}},
		Now: func() time.Time { return time.Date(2026, 11, 4, 9, 5, 0, 0, time.UTC) },
	}
}

// TestMailLanguage checks that an email is in the language that the user has chosen, or
// else in the client's language.
func TestMailLanguage(t *testing.T) {
	s := mailing(t)
	for _, tt := range []struct {
		chosen, browser string
		want            *message.Language
		time            string
	}{
		{"", "", message.English, "Nov 4, 2026, 9:05 AM"},
		{"", "de", message.German, "04.11.2026, 09:05"},
		{"de", "en", message.German, "04.11.2026, 09:05"},
		{"en", "de", message.English, "Nov 4, 2026, 9:05 AM"},
	} {
		l := tt.want
		context := l.T(message.MailRequestContext, tt.time, l.T(message.AnUnknownAddress), l.T(message.AnUnknownBrowser))
		m := s.compose(User{Language: tt.chosen}, Client{Language: tt.browser}, mail.Alert{Change: mail.NewSignIn})
		if m.Subject != l.T(message.MailNewSignInSubject) || !strings.Contains(m.Text, context+"\n\n") ||
			!strings.Contains(m.HTML, `<html lang="`+l.Tag+`">`) {
			t.Errorf("to a user who has chosen %q, from a browser that reads %q, the email is %+v", tt.chosen, tt.browser, m)
		}
		if !strings.HasSuffix(m.Text, "\n-- \nLatchkey\nhttps://accounts.example.com\n") {
			t.Errorf("the email ends with %q", m.Text)
		}
	}
}

// TestAlertProof checks that an alert tells what was entered for the change from what the
// session had presented before.
func TestAlertProof(t *testing.T) {
	s, en := mailing(t), message.English
	password, newCode := en.T(message.ProofPassword), en.T(message.ProofNewCode)
	for by, want := range map[proof]string{
		{enteredPassword, ByTOTP}:      en.T(message.MailConfirmedInSession, password, en.T(message.ProofTOTP)),
		{enteredNewCode, ByBackupCode}: en.T(message.MailConfirmedInSession, newCode, en.T(message.ProofBackupCode)),
		{enteredPassword, ""}:          en.T(message.MailConfirmedWith, password),
		{"", ByPasskey}:                en.T(message.MailInSession, en.T(message.ProofPasskey)),
		{"", ByEmailCode}:              "",
		{"", ""}:                       "",
	} {
		m := s.compose(User{}, Client{}, mail.Alert{Change: mail.BackupCodesMade, Entered: by.Entered, Factor: string(by.Factor)})
		start := en.T(message.MailBackupCodesMade) + "\n\n"
		if want != "" {
			start += want + "\n\n"
		}
		if context, _, _ := strings.Cut(en.T(message.MailRequestContext), "%"); !strings.HasPrefix(m.Text, start+context) {
			t.Errorf("by %q: the email is\n%s; want it to begin with\n%s", by, m.Text, start)
		}
	}
}
