package account

import (
	"cmp"
	"context"
	"errors"

	"latchkey/backend/address"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// NewUser is the input of a sign-up.
type NewUser struct {
	Email, Name, Password string
	Image                 *string
	Remember              bool
	Invite                string // from the first administrator's link; empty for other users
	Callback              string // where a link that verifies the address leads
}

// SignInResult is a new session and the tokens for the browser to keep.
type SignInResult struct {
	Session     Session
	Token       Token
	KnownDevice KnownDeviceTokens
	Trust       TrustTokens // empty if the browser's tokens do not change
	User        User
}

// SignUp creates an account and signs the user in. If addresses must be verified and n has
// no invitation, it instead returns no session and sends an email to the address. It then
// does not reveal whether the address already has an account. Errors:
//   - [shared.ErrUserExists]: the address has an account, if that may be revealed
//   - [shared.ErrSignUpDisabled]: sign-up is off, and n has no invitation
//   - [shared.ErrInvite]: the invitation is not valid
func (s *Service) SignUp(ctx context.Context, client Client, n NewUser) (SignInResult, error) {
	set := s.Settings.Now()
	if !set.SignUpEnabled && n.Invite == "" {
		return SignInResult{}, shared.ErrSignUpDisabled
	}
	var err error
	if n.Email, err = address.Parse(n.Email); err != nil {
		return SignInResult{}, inField(err, "email")
	}
	if n.Name, err = checkName(n.Name); err != nil {
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
	o := SignInResult{
		User: User{ID: NewUserID(), Email: n.Email, Name: n.Name, Image: n.Image, Handle: newHandle(), CreatedAt: now, UpdatedAt: now},
	}
	if set.VerifyEmail == setting.Required && n.Invite == "" {
		return o, s.signUpUnverified(ctx, client, o.User, hashed, n)
	}
	// The first administrator has read the server's output, which identifies them without an
	// email. Their address counts as verified if the server cannot send email. Otherwise
	// they could not sign in once verification is required.
	o.User.EmailVerified = n.Invite != "" && !set.SendsEmail()
	o.KnownDevice = s.addKnownDevice(o.User.ID, hashed, client.KnownDevice, false)
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if n.Invite != "" { // first, so that only the holder of an invitation learns that an address is taken
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
		in := userTx{tx, o.User} // needs no lock: the user is not visible to others yet
		// It is not new: there is no other session in which the user could confirm it.
		first := Session{Method: MethodPassword, Remember: n.Remember}
		if o.Session, o.Token, err = s.createSession(ctx, in, client, first); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventSignUp, Actor{o.Session, o.User, client}))
	})
	return o, err
}

// errConcurrentSignUp means that another sign-up with the same address came first.
var errConcurrentSignUp = errors.New("another sign-up of this address came first")

// signUpUnverified creates an account that waits for the verification of its address. It
// does the same, and takes as long, if the address has an account.
func (s *Service) signUpUnverified(ctx context.Context, client Client, user User, hash string, n NewUser) error {
	may, err := s.allowReminder(ctx, user.Email)
	if err != nil {
		return err
	}
	err = s.createUnverified(ctx, client, user, hash, n, may)
	if errors.Is(err, errConcurrentSignUp) {
		err = s.createUnverified(ctx, client, user, hash, n, may) // now with a password to compare
	}
	return err
}

// createUnverified creates the account. If the address already has an account that waits
// for verification, either of the two callers may be an attacker. The attacker would get in
// when the owner follows the link from the other's sign-up. So unless both chose the same
// password, the account's password becomes void, and the owner chooses a new one after
// verification.
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
		e := s.event(shared.EventSignUp, user.ID, client)
		err := tx.AddUser(ctx, user)
		taken := errors.Is(err, shared.ErrUserExists)
		if err != nil && !taken {
			return err
		}
		waiting, err := tx.LockWaitingUser(ctx, user.Email) // the user just added, if the address was free
		if err != nil {
			return err
		}
		switch {
		case !taken:
			err = tx.AddPassword(ctx, Password{UserID: user.ID, Hash: hash, ChangedAt: s.Now()})
		case waiting != "" && before.Hash == "":
			return errConcurrentSignUp
		case same:
			// Run one statement, as the other cases do. It fails if the password has
			// changed.
			if err = tx.UsePassword(ctx, waiting, before.Hash); errors.Is(err, shared.ErrCredentials) {
				err = tx.VoidPassword(ctx, waiting)
			}
		default:
			err = tx.VoidPassword(ctx, waiting) // no effect if waiting is empty
		}
		if err != nil {
			return err
		}
		if taken {
			e.Kind, e.UserID = shared.EventSignUpTaken, ""
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
