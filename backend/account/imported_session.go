package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"latchkey/shared"
)

// SignedToken returns the token for a cookie's value that Better Auth has signed. The value
// contains the signature, so that its holder knows more than the database of Better Auth, which
// has the value without it. The token has the form of the others, and cannot be told from the
// value's hash in our database.
func SignedToken(value string) Token {
	h := sha256.Sum256([]byte(value))
	return Token(base64.RawURLEncoding.EncodeToString(h[:]))
}

// RenewToken gives the actor's session a new token, in place of one that
// [SignedToken] returned, and makes the browser a known device. The session is as fresh as
// before. remember tells whether the browser keeps the cookie when it closes. If another call was
// faster, RenewToken returns no token, because the response to that call sets the cookies. It
// fails with [shared.ErrUnauthorized] if the session has ended meanwhile, and with [ErrRotated]
// if the user has confirmed their identity under a newer token, which the caller may not have.
func (s *Service) RenewToken(ctx context.Context, actor Actor, remember bool) (o SignInResult, err error) {
	// First, so that a database that fails here leaves the session its token.
	hash, err := passwordHash(ctx, userTx{s.Store, actor.User})
	if err != nil {
		return o, err
	}
	token, now := NewToken(), s.Now()
	renewed := actor.Session
	renewed.TokenHash, renewed.Remember = token.Hash(), remember
	err = s.Store.RotateSession(ctx, renewed, RotatedToken{actor.Session.TokenHash, renewed.ID, now, now.Add(rotationMemory)})
	if errors.Is(err, shared.ErrUnauthorized) {
		o.Session, o.User, err = s.Store.SessionByHash(ctx, actor.Session.TokenHash, now)
		switch {
		case errors.Is(err, ErrNotFound):
			err = shared.ErrUnauthorized
		case err == nil && !o.Session.wasRenewed():
			err = ErrRotated
		}
		return o, err
	} else if err != nil {
		return o, err
	}
	o = SignInResult{User: actor.User, Session: renewed, Token: token}
	o.KnownDevice = s.addKnownDevice(actor.User.ID, hash, actor.Client.KnownDevice, false)
	return o, nil
}
