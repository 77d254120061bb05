package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// NewUser is what a sign-up says.
type NewUser struct {
	Email, Name, Password string
	Image                 *string
	Remember              bool
	Invite                string // of the first administrator; empty for others
	Callback              string // where the link leads to by which the address is verified, if it has to be
}

// SignInResult is a session that has just been opened, and what the browser is to
// keep of it.
type SignInResult struct {
	Session     Session
	Token       Token
	KnownDevice KnownDeviceTokens
	Trust       TrustTokens // empty to keep what it has
	User        User
}

// SignUp makes an account and signs it in, or, where addresses have to be
// verified, does not: the session is then empty, the owner of the address gets a
// mail, and nothing tells whether the address had an account already. It fails
// with [shared.ErrUserExists] if it has one, where that is told, and with
// [shared.ErrSignUpDisabled].
func (s *Service) SignUp(ctx context.Context, client Client, n NewUser) (SignInResult, error) {
	set := s.Settings.Now()
	if !set.SignUpEnabled && n.Invite == "" {
		return SignInResult{}, shared.ErrSignUpDisabled
	}
	var err error
	if n.Email, err = address.Parse(n.Email); err != nil {
		return SignInResult{}, inField(err, "email")
	}
	if n.Name, err = checkName(n.Name, shared.MaxName); err != nil {
		return SignInResult{}, err
	}
	if err := checkImage(n.Image); err != nil {
		return SignInResult{}, err
	}
	if err := checkNewPassword(n.Password, n.Email, n.Name); err != nil {
		return SignInResult{}, inField(err, "password")
	}
	hashed, err := s.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return SignInResult{}, err
	}
	now := s.Now()
	handle := make([]byte, handleSize)
	rand.Read(handle)
	o := SignInResult{
		User: User{ID: rand.Text(), Email: n.Email, Name: n.Name, Image: n.Image, Handle: handle, CreatedAt: now, UpdatedAt: now},
	}
	if set.VerifyEmail == setting.Required && n.Invite == "" {
		return o, s.signUpUnverified(ctx, client, o.User, hashed, n)
	}
	// Who has the link of the first administrator reads what the server prints:
	// they need no mail to come in. Their address is as good as verified where
	// none can go out, or they could not come in again once it has to be.
	o.User.EmailVerified = n.Invite != "" && set.MailAPIKey == ""
	o.KnownDevice = s.addKnownDevice(o.User.ID, hashed, client.KnownDevice)
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if n.Invite != "" { // first, so that an address is told of to who has one only
			if err := s.takeInvite(ctx, tx, n.Invite); err != nil {
				return err
			}
		}
		if err := tx.AddUser(ctx, o.User); err != nil {
			return err
		}
		if n.Invite != "" {
			if err := s.grantAll(ctx, tx, o.User.ID, client); err != nil {
				return err
			}
		}
		if s.checkSignInAllowed(o.User) != nil {
			if err := s.requestEmail(ctx, tx, emailRequest{Purpose: purposeVerify, Email: n.Email, Callback: n.Callback, From: client}); err != nil {
				return err
			}
		}
		if err := tx.AddPassword(ctx, Password{UserID: o.User.ID, Hash: hashed, ChangedAt: now}); err != nil {
			return err
		}
		in := userTx{tx, o.User} // nobody else knows of it yet
		if o.Session, o.Token, err = s.createSession(ctx, in, client, MethodPassword, "", n.Remember); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventSignUp, Actor{o.Session, o.User, client}))
	})
	return o, err
}

// errConcurrentSignUp is a sign-up that another one of the same address has overtaken.
var errConcurrentSignUp = errors.New("another sign-up of this address came first")

// signUpUnverified makes an account that waits for its address to be verified.
// It does the same, and takes as long, if the address has an account.
func (s *Service) signUpUnverified(ctx context.Context, client Client, user User, hash string, n NewUser) error {
	may, err := s.allowReminder(ctx, user.Email)
	if err != nil {
		return err
	}
	err = s.createUnverified(ctx, client, user, hash, n, may)
	if errors.Is(err, errConcurrentSignUp) {
		err = s.createUnverified(ctx, client, user, hash, n, may) // there is something to compare with now
	}
	return err
}

// createUnverified makes the account. If one with the address waits already, either of the
// two who have signed up may be a stranger, who would come in by the mail that
// the other opens: unless both have chosen the same password, that of neither is
// good, and whoever reads the mails chooses one.
func (s *Service) createUnverified(ctx context.Context, client Client, user User, hash string, n NewUser, may bool) error {
	_, before, err := s.Store.UserByEmail(ctx, user.Email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return err
	}
	same := slot.Verify(cmp.Or(before.Hash, s.Hasher.Decoy()), n.Password)
	slot.Release()
	return s.Store.Tx(ctx, func(tx Store) error {
		e := s.event(audit.EventSignUp, user.ID, client)
		err := tx.AddUser(ctx, user)
		taken := errors.Is(err, shared.ErrUserExists)
		if err != nil && !taken {
			return err
		}
		waiting, err := tx.LockWaitingUser(ctx, user.Email) // of a free address the one just made
		if err != nil {
			return err
		}
		switch {
		case !taken:
			err = tx.AddPassword(ctx, Password{UserID: user.ID, Hash: hash, ChangedAt: s.Now()})
		case waiting != "" && before.Hash == "":
			return errConcurrentSignUp
		case same:
			// As many statements as else. Fails if it is not the same any more.
			if err = tx.UsePassword(ctx, waiting, before.Hash); errors.Is(err, shared.ErrCredentials) {
				err = tx.VoidPassword(ctx, waiting)
			}
		default:
			err = tx.VoidPassword(ctx, waiting) // perhaps of nobody
		}
		if err != nil {
			return err
		}
		if taken {
			e.Kind, e.UserID = audit.EventSignUpTaken, ""
		}
		if may {
			request := emailRequest{Purpose: requestSignUp, Email: user.Email, Callback: n.Callback, From: client}
			if err := s.requestEmail(ctx, tx, request); err != nil {
				return err
			}
		}
		return tx.AddEvent(ctx, s.Keys, e)
	})
}
