package ui

import (
	"cmp"
	"strings"

	"latchkey/app/passkey"
	"latchkey/shared"
)

// passkeySignals tells authenticators which passkeys the account has and what its user is
// called. It signals each change once.
type passkeySignals struct {
	accepted string // the credential IDs in the last signal
	details  string // the address and name in the last signal
}

// accept signals the account's passkeys, so that authenticators offer no others. It does
// nothing if there are none: the browser may be creating the first passkey at that moment,
// after a sign-in with a password, and would delete it.
func (s *passkeySignals) accept(list []shared.Passkey) {
	if len(list) == 0 {
		return
	}
	accepted := shared.AcceptedPasskeys{RPID: list[0].RPID, UserID: list[0].UserHandle}
	for _, one := range list {
		accepted.AllAcceptedCredentialIDs = append(accepted.AllAcceptedCredentialIDs, one.CredentialID)
	}
	s.send(accepted)
}

// send signals the passkeys that the server accepts.
func (s *passkeySignals) send(accepted shared.AcceptedPasskeys) {
	if accepted.AllAcceptedCredentialIDs == nil {
		accepted.AllAcceptedCredentialIDs = []string{}
	}
	if now := "all: " + strings.Join(accepted.AllAcceptedCredentialIDs, " "); now != s.accepted {
		s.accepted = now
		passkey.SignalAccepted(accepted)
	}
}

// called signals the user's address and name to the authenticators of the passkeys in list, if
// they may not know them: another page or browser may have changed them.
func (s *passkeySignals) called(user shared.User, list []shared.Passkey) {
	if now := user.Email + " " + user.Name; len(list) > 0 && now != s.details {
		s.details = now
		passkey.SignalDetails(list[0].RPID, list[0].UserHandle, user.Email, cmp.Or(user.Name, user.Email))
	}
}
