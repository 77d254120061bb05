package account

import (
	"context"
	"crypto/rand"

	"latchkey/backend/setting"
	"latchkey/shared"
)

// A signIn is a sign-in whose factors were verified.
type signIn struct {
	Client   Client
	Method   string // the first factor
	Second   Factor // empty if there was none
	Remember bool
	Passkey  string // the ID of the passkey that was one of the factors; empty if none was
	Hash     string // of the user's password; issueSession looks it up if it is empty

	HasPasskeys bool // the user has passkeys, which can be the second factor
}

// issueSession creates the session at the end of every sign-in, and makes the browser a
// known device. It refuses a missing second factor, an unverified address if verification is
// required, and a disabled account.
func (s *Service) issueSession(ctx context.Context, in userTx, g signIn) (SignInResult, error) {
	method := g.Method
	if g.Second != "" {
		method += "+" + string(g.Second)
	} else if in.User.TwoFactorEnabled && method != MethodPasskey {
		return SignInResult{}, shared.ErrTwoFactorRequired
	}
	if err := s.checkSignInAllowed(in.User); err != nil {
		return SignInResult{}, err
	}
	if g.Hash == "" {
		var err error
		if g.Hash, err = passwordHash(ctx, in); err != nil {
			return SignInResult{}, err
		}
	}
	device, known := s.knownDevice(g.Client.KnownDevice, in.User.ID, g.Hash)
	isNew := !known || device.New
	session := Session{
		Method: method, SecondFactorBy: g.secondFactorShown(), Remember: g.Remember, IsNew: isNew, PasskeyID: g.Passkey,
	}
	session, token, err := s.createSession(ctx, in, g.Client, session)
	if err != nil {
		return SignInResult{}, err
	}
	tokens := s.addKnownDevice(in.User.ID, g.Hash, g.Client.KnownDevice, isNew)
	return SignInResult{User: in.User, Session: session, Token: token, KnownDevice: tokens}, nil
}

// secondFactorShown returns the second factor that the user presented, or "" if none.
func (g signIn) secondFactorShown() Factor {
	switch {
	case g.Method == MethodPasskey:
		return ByPasskey
	case g.Second == byTrustedDevice, g.Second == ByEmailCode: // these prove only the browser or access to the mailbox
		return ""
	}
	return g.Second
}

// checkSignInAllowed fails with [shared.ErrDisabled] if the user is disabled, and with
// [shared.ErrNotVerified] if the user must verify the address first.
func (s *Service) checkSignInAllowed(user User) error {
	if user.DisabledAt != nil {
		return shared.ErrDisabled
	}
	if s.Settings.Now().VerifyEmail == setting.Required && !user.EmailVerified {
		return shared.ErrNotVerified
	}
	return nil
}

// createSession adds a session of the user in a client, under a new token. session says how
// it was opened.
func (s *Service) createSession(ctx context.Context, in userTx, client Client, session Session) (Session, Token, error) {
	user, now, set := in.User.ID, s.Now(), s.Settings.Now()
	lifetime := BriefLifetime
	if session.Remember {
		lifetime = min(set.SessionIdle, set.SessionLifetime)
	}
	token := NewToken()
	session.ID, session.UserID, session.TokenHash = rand.Text(), user, token.Hash()
	session.CreatedAt, session.LastActiveAt, session.ConfirmedAt, session.ExpiresAt = now, now, now, now.Add(lifetime)
	session.IP, session.UserAgent = client.IP, client.UserAgent
	if session.SecondFactorBy != "" {
		session.SecondFactorAt = &now
	}
	n, err := in.AddSession(ctx, session)
	if err == nil && n > set.SessionsPerUser {
		err = in.TrimSessions(ctx, user, session.ID, set.SessionsPerUser)
	}
	if err != nil {
		return Session{}, "", err
	}
	return session, token, nil
}
