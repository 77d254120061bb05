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
		{"", "", message.English, "09:05 on 4 November 2026"},
		{"", "de", message.German, "4.11.2026 um 09:05 Uhr"},
		{"de", "en", message.German, "4.11.2026 um 09:05 Uhr"},
		{"en", "de", message.English, "09:05 on 4 November 2026"},
	} {
		m := s.compose(User{Language: tt.chosen}, Client{Language: tt.browser}, mail.Alert{Change: mail.NewSignIn})
		if m.Subject != tt.subject || !strings.Contains(m.Text, tt.occasion+"\n\n") || !strings.Contains(m.HTML, `<html lang="`+tt.lang+`">`) {
			t.Errorf("to a user who has chosen %q, from a browser that reads %q, the email is %+v", tt.chosen, tt.browser, m)
		}
		if !strings.HasSuffix(m.Text, "\n-- \nLatchkey\nhttps://accounts.example.com\n") {
			t.Errorf("the email ends with %q", m.Text)
		}
	}
}

// TestAlertFactor checks that an alert names the factor that confirmed the change.
func TestAlertFactor(t *testing.T) {
	s := mailing(t)
	for by, want := range map[Factor]bool{ByTOTP: true, ByBackupCode: true, ByPasskey: true, ByEmailCode: false, "": false} {
		m := s.compose(User{}, Client{}, mail.Alert{Change: mail.BackupCodesMade, ConfirmedBy: mail.Factor(by)})
		if strings.Contains(m.Text, "It was confirmed with ") != want {
			t.Errorf("by %q: %s", by, m.Text)
		}
	}
}
