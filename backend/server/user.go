package server

import (
	"errors"

	"latchkey/backend/account"
	"latchkey/backend/setting"
	"latchkey/shared"
)

func (s *Server) signUp(c call, in shared.NewAccount) (shared.SignedUp, error) {
	o, err := s.Accounts.SignUp(c.Context(), c.Client, account.NewUser{
		Email: in.Email, Name: in.Name, Password: in.Password, Image: in.Image, Remember: remember(in.RememberMe), Invite: in.Invite,
		Callback: in.CallbackURL,
	})
	if err != nil {
		return shared.SignedUp{}, err
	}
	out := shared.SignedUp{User: userOf(o.User)}
	if o.Token != "" {
		s.issueSession(c, o)
		out.Token = &o.Session.ID
	}
	return out, nil
}

func (s *Server) signIn(c call, in shared.Credentials) (shared.SignedIn, error) {
	o, err := s.Accounts.SignIn(c.Context(), c.Client, account.Credentials{
		Email: in.Email, Password: in.Password, Remember: remember(in.RememberMe), Callback: in.CallbackURL,
	})
	c.guesses.correct = isCredentialCorrect(err)
	if due, ok := errors.AsType[*account.TwoFactorRequiredError](err); ok {
		if in.CallbackURL != "" {
			c.w.Header().Set("Location", in.CallbackURL)
		}
		body, err := s.requireSecondFactor(c, due)
		return shared.SignedIn{SecondFactorDue: body}, err
	} else if err != nil {
		return shared.SignedIn{}, err
	}
	s.issueSession(c, o)
	if in.CallbackURL != "" {
		c.w.Header().Set("Location", in.CallbackURL)
	}
	return shared.SignedIn{Redirect: in.CallbackURL != "", URL: in.CallbackURL, Token: o.Session.ID, User: userOf(o.User)}, nil
}

// isCredentialCorrect reports whether a sign-in that ended with err had the correct
// password or passkey, even if something else was missing.
func isCredentialCorrect(err error) bool {
	return err == nil || errors.Is(err, shared.ErrTwoFactorRequired) || errors.Is(err, shared.ErrNotVerified) ||
		errors.Is(err, shared.ErrDisabled) || errors.Is(err, shared.ErrNewPasswordDue)
}

// requireSecondFactor responds to a sign-in that needs a second factor. Depending on the
// setting TWO_FACTOR_SIGN_IN, it fails or succeeds, as Better Auth does, with a body that
// asks for the factor.
func (s *Server) requireSecondFactor(c call, due *account.TwoFactorRequiredError) (*shared.SecondFactorDue, error) {
	s.cookies.clearSession(c.w, c.Request) // of an earlier user
	s.cookies.setPendingSignIn(c.w, due.Token)
	if due.KnownDevice != "" && due.KnownDevice != c.Client.KnownDevice {
		s.cookies.setBrowser(c.w, due.KnownDevice)
	}
	body := &shared.SecondFactorDue{TwoFactorRedirect: true, TwoFactorMethods: methodsOf(due.Methods)}
	if s.Accounts.Settings.Now().TwoFactorSignIn == setting.AsRedirect {
		return body, nil
	}
	required := *shared.ErrTwoFactorRequired
	required.SecondFactorDue = body
	return nil, &required
}

// methodNames maps second factors to their names in Better Auth.
var methodNames = map[account.Factor]string{account.ByTOTP: "totp", account.ByEmailCode: "otp", account.ByPasskey: "passkey"}

// methodsOf returns the names of second factors in Better Auth.
func methodsOf(factors []account.Factor) (names []string) {
	for _, f := range factors {
		names = append(names, methodNames[f])
	}
	return names
}

func remember(answer *bool) bool { return answer == nil || *answer }

// issueSession sets the cookies of a new session: its token, and the tokens of a known
// and of a trusted device, if there are any. It clears the cookie of an earlier session, which
// could otherwise outlive this one.
func (s *Server) issueSession(c call, o account.SignInResult) {
	s.cookies.setSession(c.w, o.Session, o.Token)
	s.cookies.clearSigned(c.w, c.Request, sessionToken)
	if o.KnownDevice != "" {
		s.cookies.setBrowser(c.w, o.KnownDevice)
	}
	if o.Trust != "" {
		s.cookies.setTrust(c.w, c.Request, o.Trust)
	}
}

func (s *Server) updateUser(c call, in shared.UserChange) (shared.Status, error) {
	switch {
	case in.Email != nil:
		return shared.Status{}, shared.ErrEmailNotUpdatable.In("email")
	case in.TwoFactorEnabled != nil:
		return shared.Status{}, shared.ErrFieldNotAllowed.In("twoFactorEnabled")
	}
	change := account.UserChange{Name: in.Name, Language: in.Language}
	if in.Image.Given {
		change.Image = &in.Image.Value
	}
	if err := s.Accounts.UpdateUser(c.Context(), c.Actor, change); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

func (s *Server) changePassword(c call, in shared.PasswordChange) (shared.PasswordChanged, error) {
	token, browser, err := s.Accounts.ChangePassword(c.Context(), c.Actor, in.CurrentPassword, in.NewPassword)
	if err != nil {
		return shared.PasswordChanged{}, err
	}
	s.cookies.setSession(c.w, c.Session, token)
	s.cookies.setBrowser(c.w, browser)
	return shared.PasswordChanged{Token: c.Session.ID, User: userOf(c.User)}, nil
}

func (s *Server) verifyPassword(c call, in shared.Password) (shared.Status, error) {
	if err := s.Accounts.ConfirmPassword(c.Context(), c.Actor, in.Password); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

// listAccounts returns the password of the caller in Better Auth's form, unless there is none
// or it is void: front ends then offer a reset instead of a change.
func (s *Server) listAccounts(c call, _ shared.None) ([]shared.SignInAccount, error) {
	p, err := s.Accounts.Store.Password(c.Context(), c.User.ID)
	switch {
	case errors.Is(err, shared.ErrCredentialNotFound) || err == nil && p.Void:
		return []shared.SignInAccount{}, nil
	case err != nil:
		return nil, err
	}
	return []shared.SignInAccount{{
		ID: c.User.ID, ProviderID: shared.ProviderCredential, AccountID: c.User.ID, UserID: c.User.ID,
		CreatedAt: shared.Time{Time: c.User.CreatedAt}, UpdatedAt: shared.Time{Time: p.ChangedAt}, Scopes: []string{},
	}}, nil
}

// deleteUser deletes the caller's account. A fresh session does not confirm that: a user who
// leaves a browser for a moment would lose the account.
func (s *Server) deleteUser(c call, in shared.UserDeletion) (shared.Deleted, error) {
	switch {
	case in.Token != nil:
		return s.respondDeleted(c, s.Accounts.DeleteUserByLink(c.Context(), c.Actor, *in.Token))
	case in.Password != nil:
		if err := s.Accounts.ConfirmPassword(c.Context(), c.Actor, *in.Password); err != nil {
			return shared.Deleted{}, err
		}
		return s.respondDeleted(c, s.Accounts.DeleteUser(c.Context(), c.Actor))
	case in.Passkey != nil:
		return s.respondDeleted(c, s.deleteUserByPasskey(c, in.Passkey))
	case !s.Accounts.Fresh(c.Session):
		return shared.Deleted{}, shared.ErrNotFresh
	case !s.Accounts.Settings.Now().DeliversEmail():
		return shared.Deleted{}, shared.ErrConfirmDeletion
	}
	err := s.Accounts.RequestDeletion(c.Context(), c.Actor, in.CallbackURL)
	return shared.Deleted{Success: err == nil, Message: shared.DeletionMailed}, err
}

// respondDeleted returns the response to a deletion. If the deletion succeeded, it clears
// the browser's session cookie and stored data.
func (s *Server) respondDeleted(c call, err error) (shared.Deleted, error) {
	if err != nil {
		return shared.Deleted{}, err
	}
	s.cookies.clearSession(c.w, c.Request)
	s.clearSiteData(c.w)
	return shared.Deleted{Success: true, Message: shared.UserDeleted}, nil
}

func userOf(u account.User) shared.User {
	return shared.User{
		ID: u.ID, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Image: u.Image, TwoFactorEnabled: u.TwoFactorEnabled,
		CreatedAt: shared.Time{Time: u.CreatedAt}, UpdatedAt: shared.Time{Time: u.UpdatedAt},
	}
}
