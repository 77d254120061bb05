package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"latchkey/backend/account"
	"latchkey/backend/provider"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// ceremonyToken returns the token that binds passkey ceremonies to the browser. All
// ceremonies of a browser share it, so that two tabs do not cancel each other's. It fails
// for HEAD, which must not begin a ceremony.
func (s *Server) ceremonyToken(c call) (account.Token, error) {
	if c.Method == http.MethodHead {
		return "", shared.ErrMethod
	}
	token, ok := s.cookies.passkey(c.Request)
	if !ok {
		token = account.NewToken()
	}
	s.cookies.setPasskey(c.w, token)
	return token, nil
}

func (s *Server) generateRegisterOptions(c call, in shared.RegisterQuery) (json.RawMessage, error) {
	token, err := s.ceremonyToken(c)
	if err != nil {
		return nil, err
	}
	return s.Accounts.RegisterOptions(c.Context(), c.Actor, token, account.RegisterRequest{
		Name: in.Name, Attachment: in.Attachment, Upgrade: in.Mediation != "",
	})
}

func (s *Server) verifyRegistration(c call, in shared.Registration) (out shared.Registered, err error) {
	token, ok := s.cookies.passkey(c.Request)
	if !ok {
		return out, shared.ErrPasskeyChallenge
	}
	p, err := s.Accounts.AddPasskey(c.Context(), c.Actor, token, account.NewPasskey{
		Response: in.Response, Name: in.Name, Suggest: isTrue(in.SuggestName),
	})
	if err != nil {
		return out, err
	}
	out.Passkey = s.passkeyOf(p, c.User)
	if isTrue(in.CreateSession) {
		session, user := sessionOf(c.Session, c.Session.ID), userOf(c.User)
		out.Session, out.User = &session, &user
	}
	return out, nil
}

func (s *Server) generateAuthenticateOptions(c call, in shared.AuthenticateQuery) (json.RawMessage, error) {
	token, err := s.ceremonyToken(c)
	if err != nil {
		return nil, err
	}
	if in.SecondFactor != "" {
		c, err = s.findPendingSignIn(c)
	} else {
		c, err = s.authenticate(c)
	}
	if err != nil && (in.SecondFactor != "" || !errors.Is(err, shared.ErrUnauthorized)) {
		return nil, err
	}
	return s.Accounts.AuthenticateOptions(c.Context(), c.Actor, token)
}

func (s *Server) verifyAuthentication(c call, in shared.Authentication) (out shared.Authenticated, err error) {
	token, ok := s.cookies.passkey(c.Request)
	if !ok {
		return out, shared.ErrPasskeyChallenge
	}
	answer := account.PasskeyAnswer{
		Response:    in.Response,
		Browser:     token,
		TrustDevice: isTrue(in.TrustDevice),
		Remember:    remember(in.RememberMe),
	}
	if _, ok := s.cookies.pendingSignIn(c.Request); ok {
		if found, err := s.findPendingSignIn(c); err == nil {
			answer.Pending = found.PendingSignIn
		} else if !errors.Is(err, shared.ErrNoPendingSignIn) {
			return out, err
		}
	}
	o, err := s.Accounts.SignInByPasskey(c.Context(), c.Client, answer)
	c.guesses.correct = isCredentialCorrect(err)
	if due, ok := errors.AsType[*account.TwoFactorRequiredError](err); ok {
		out.SecondFactorDue, err = s.requireSecondFactor(c, due)
		return out, err
	}
	if err = passkeyError(err); err != nil {
		return out, err
	}
	if answer.Pending != nil {
		s.cookies.clearPendingSignIn(c.w)
	}
	s.issueSession(c, o)
	return shared.Authenticated{Session: sessionOf(o.Session, o.Session.ID), User: userOf(o.User)}, nil
}

func (s *Server) stepUpByPasskey(c call, response json.RawMessage) (account.Token, error) {
	token, ok := s.cookies.passkey(c.Request)
	if !ok {
		return "", shared.ErrPasskeyChallenge
	}
	stepped, err := s.Accounts.StepUpByPasskey(c.Context(), c.Actor, token, response)
	return stepped, passkeyError(err)
}

func (s *Server) deleteUserByPasskey(c call, response json.RawMessage) error {
	token, ok := s.cookies.passkey(c.Request)
	if !ok {
		return shared.ErrPasskeyChallenge
	}
	return passkeyError(s.Accounts.DeleteUserByPasskey(c.Context(), c.Actor, token, response))
}

// passkeyError gives an error the HTTP status of Better Auth: 401 if another passkey may
// work.
func passkeyError(err error) error {
	if errors.Is(err, shared.ErrPasskeyNotFound) || errors.Is(err, webauthn.ErrSignature) {
		return withStatus(http.StatusUnauthorized, err)
	}
	return err
}

func (s *Server) listPasskeys(c call, _ shared.None) ([]shared.Passkey, error) {
	passkeys, last, err := s.Accounts.Passkeys(c.Context(), c.User.ID)
	list := make([]shared.Passkey, len(passkeys))
	for i, p := range passkeys {
		list[i] = s.passkeyOf(p, c.User)
		list[i].LastCredential = last
	}
	return list, err
}

func (s *Server) updatePasskey(c call, in shared.PasskeyName) (shared.PasskeyUpdated, error) {
	p, all, err := s.Accounts.RenamePasskey(c.Context(), c.Actor, in.ID, in.Name)
	if err != nil {
		return shared.PasskeyUpdated{}, err
	}
	return shared.PasskeyUpdated{Passkey: s.passkeyOf(p, c.User), AcceptedPasskeys: s.acceptedPasskeys(c, all)}, nil
}

func (s *Server) deletePasskey(c call, in shared.PasskeyID) (shared.PasskeyDeleted, error) {
	left, token, err := s.Accounts.DeletePasskey(c.Context(), c.Actor, in.ID)
	if err != nil {
		return shared.PasskeyDeleted{}, err
	}
	s.cookies.setSession(c.w, c.Session, token)
	return shared.PasskeyDeleted{Status: true, AcceptedPasskeys: s.acceptedPasskeys(c, left)}, nil
}

func (s *Server) acceptedPasskeys(c call, passkeys []account.Passkey) shared.AcceptedPasskeys {
	ids := make([]string, len(passkeys))
	for i, p := range passkeys {
		ids[i] = p.Credential()
	}
	return shared.AcceptedPasskeys{RPID: s.Accounts.RelyingParty.ID, UserID: c.User.HandleText(), AllAcceptedCredentialIDs: ids}
}

func (s *Server) passkeyOf(p account.Passkey, owner account.User) shared.Passkey {
	out := shared.Passkey{
		ID: p.ID, Name: p.Name, UserID: p.UserID, CredentialID: p.Credential(), Counter: uint32(p.SignCount),
		PublicKey:  base64.StdEncoding.EncodeToString(p.PublicKey),
		DeviceType: "singleDevice", BackedUp: p.BackedUp, Transports: p.Transports, AAGUID: p.AAGUID,
		CreatedAt: shared.Time{Time: p.CreatedAt},
		Provider:  provider.Of(p.AAGUID), Synced: p.BackedUp, UserVerified: p.UserVerified,
		RPID: s.Accounts.RelyingParty.ID, UserHandle: owner.HandleText(),
	}
	if p.BackupEligible {
		out.DeviceType = "multiDevice"
	}
	if p.LastUsedAt != nil {
		out.LastUsedAt = &shared.Time{Time: *p.LastUsedAt}
	}
	return out
}
