package ui

import (
	"cmp"
	"strings"

	"latchkey/app/passkey"
	"latchkey/shared"
)

// passkeySignals tells authenticators what has changed, once each time: which
// passkeys the account has, and what its owner is called.
type passkeySignals struct {
	accepted string // the credential IDs that were told last
	details  string // and the address and name
}

// accept tells which passkeys there are, so that authenticators offer no others.
// Where there are none it tells nothing: the browser may be making the first one at
// this moment, after a sign-in by password, and would forget it.
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

// send tells which passkeys the server accepts.
func (s *passkeySignals) send(accepted shared.AcceptedPasskeys) {
	if accepted.AllAcceptedCredentialIDs == nil {
		accepted.AllAcceptedCredentialIDs = []string{}
	}
	if now := "all: " + strings.Join(accepted.AllAcceptedCredentialIDs, " "); now != s.accepted {
		s.accepted = now
		passkey.SignalAccepted(accepted)
	}
}

// called tells what user is called, if that has changed and there is a passkey.
func (s *passkeySignals) called(user shared.User, list []shared.Passkey) {
	now := user.Email + " " + user.Name
	if s.details == now {
		return
	}
	first := s.details == ""
	s.details = now
	if !first && len(list) > 0 {
		passkey.SignalDetails(list[0].RPID, list[0].UserHandle, user.Email, cmp.Or(user.Name, user.Email))
	}
}
