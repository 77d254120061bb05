package server_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/backend/testkit"
	"latchkey/shared"
)

// TestReplacedBackupCode tests that the error for a code of the previous set says so, for a
// year, and does not count as a guess.
func TestReplacedBackupCode(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		app, first := owner.enroll()
		renew := func() []string {
			t.Helper()
			want(t, owner.verify(nextCode(app)), 200, "")
			a := owner.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password})
			want(t, a, 200, "")
			return a.Strings("backupCodes")
		}
		says := func(code, message string) {
			t.Helper()
			a := s.pendingSignIn(t, ann).spend(code)
			if want(t, a, 401, "INVALID_BACKUP_CODE"); a.Get("message") != message {
				t.Errorf("%s: %v; want %q", code, a, message)
			}
		}
		invalid, older := shared.ErrInvalidBackupCode.Message, shared.ErrBackupCodeReplaced.Message
		want(t, s.pendingSignIn(t, ann).spend(first[0]), 200, "")
		second := renew()
		says(first[0], older) // it was used before
		says(strings.ToUpper(first[1]), older)
		says("0000-0000-0000", invalid)
		says("aaaaa-bbbbb", invalid)
		for range 10 { // as many guesses would lock the account out
			says(first[2], older)
		}
		want(t, s.pendingSignIn(t, ann).spend(second[0]), 200, "")

		third := renew()
		says(first[1], invalid) // two sets ago
		says(second[1], older)
		s.clock.Advance(366 * 24 * time.Hour)
		says(second[1], invalid)
		want(t, s.pendingSignIn(t, ann).spend(third[0]), 200, "")

		// The codes of another user are not from an older set.
		bob := s.signUp(t, "bob@example.test")
		_, bobs := bob.enroll()
		says(bobs[0], invalid)
		want(t, bob.Elsewhere().Post("/two-factor/generate-backup-codes", body{"password": testkit.Password}), 200, "")
		says(bobs[0], invalid)
	})
}
