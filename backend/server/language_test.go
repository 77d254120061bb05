package server

import (
	"testing"

	"latchkey/shared"
	"latchkey/shared/message"
)

// TestErrorsInGerman tests the messages of refused forms in German.
func TestErrorsInGerman(t *testing.T) {
	de := message.German
	for _, tt := range []struct {
		err  *shared.Error
		want string
	}{
		{shared.ErrCredentials, de.T(message.ErrInvalidCredentials)},
		{shared.ErrDisabled, de.T(message.ErrAccountDisabled)},
		{shared.ErrValidation.WithMessage("[body.email] Invalid input"), de.T(message.ErrInvalidInput)},
		{shared.ErrTooManyRequests.After(9e9), de.T(message.ErrTooManyTries) + " " + de.T(message.TryAgainSecondsMany, 9)},
		{shared.ErrTooManyPasswords.After(15 * 60e9), de.T(message.ErrTooManyTries) + " " + de.T(message.TryAgainAboutMinutes, 15)},
		{shared.ErrLockedOut.After(7 * 3600e9), de.T(message.ErrLockoutCodes) + " " + de.T(message.TryAgainAboutHours, 7)},
		{shared.ErrBackupCodeUsed, de.T(message.ErrBackupCodeUsed)},
	} {
		if got := tt.err.Text(de); got != tt.want {
			t.Errorf("%v is %q; want %q", tt.err, got, tt.want)
		}
	}
}
