package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// Credentials are what a sign-in says.
type Credentials struct {
	Email, Password string
	Remember        bool
	Callback        string // where the link leads to by which the address is verified, if it has to be
}

// SignIn opens a session for who knows the password of an address. It fails with
// [shared.ErrCredentials] for who does not, and whether the address has an
// account cannot be told from the answer or its time; with
// [shared.ErrTooManyPasswords] after too many tries; with [TwoFactorRequiredError] if a
// second factor is; with [shared.ErrDisabled]; and with [shared.ErrUnavailable] if
// too many passwords wait to be looked at. Who knows the password is told if it
// is void, by [shared.ErrNewPasswordDue], and if the address has to be verified
// first, by [shared.ErrNotVerified] and by a mail.
func (s *Service) SignIn(ctx context.Context, client Client, c Credentials) (SignInResult, error) {
	email, err := address.Parse(c.Email)
	if err != nil {
		return SignInResult{}, inField(err, "email")
	}
	if utf8.RuneCountInString(c.Password) > maxPassword {
		return SignInResult{}, shared.ErrPasswordTooLong.In("password")
	}
	user, pw, err := s.Store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return SignInResult{}, err
	}
	hash, known := pw.Hash, pw.Hash != ""
	if !known {
		hash = s.Hasher.Decoy()
	}

	limit, who := SignInLimit, email
	if id, ok := s.knownDeviceID(client.KnownDevice, user.ID, hash); ok && known {
		limit, who = KnownDeviceSignInLimit, id
	}

	right, err := s.verifyPassword(ctx, limit, who, hash, c.Password)
	if errors.Is(err, shared.ErrTooManyPasswords) {
		return SignInResult{}, s.auditFailure(ctx, s.event(audit.EventSignInLimited, user.ID, client), err)
	} else if err != nil {
		return SignInResult{}, err
	}
	if !right || !known {
		return SignInResult{}, s.auditFailure(ctx, s.event(audit.EventSignInFailed, user.ID, client), shared.ErrCredentials)
	}
	if pw.Void {
		e := s.event(audit.EventSignInFailed, user.ID, client)
		e.Detail = DetailVoidPassword
		return SignInResult{}, s.auditFailure(ctx, e, shared.ErrNewPasswordDue)
	}

	kept := hash
	if s.Hasher.NeedsRehash(hash) {
		kept, err = s.Hasher.Hash(ctx, c.Password)
		if errors.Is(err, shared.ErrUnavailable) { // for want of room: the next sign-in will do
			kept = hash
		} else if err != nil {
			return SignInResult{}, err
		}
	}

	var o SignInResult
	var due *TwoFactorRequiredError
	err = s.inUserTx(ctx, user.ID, func(in userTx) (err error) {
		if kept == hash {
			err = in.UsePassword(ctx, user.ID, hash)
		} else {
			err = in.UpgradePassword(ctx, user.ID, hash, kept)
		}
		if err != nil {
			return err
		}
		if err := in.ResetAttempts(ctx, s.rateLimitKey(limit, who)); err != nil {
			return err
		}
		if o, due, err = s.completeFirstFactor(ctx, in, client, MethodPassword, c.Remember); err != nil || due != nil {
			return err
		}
		return s.finishSignIn(ctx, in, client, &o, "")
	})
	switch {
	case errors.Is(err, shared.ErrUnauthorized):
		return SignInResult{}, shared.ErrCredentials // deleted meanwhile
	case errors.Is(err, shared.ErrNotVerified):
		if may, failed := s.allowReminder(ctx, email); failed != nil || !may {
			return SignInResult{}, errors.Join(failed, err)
		}
		return SignInResult{}, errors.Join(s.requestEmail(ctx, s.Store, emailRequest{Purpose: purposeVerify, Email: email, Callback: c.Callback, From: client}), err)
	case err == nil && due != nil:
		return SignInResult{}, due
	}
	return o, s.auditRefusal(ctx, user.ID, client, err)
}

// DetailVoidPassword is the [audit.Event].Detail of an [audit.EventSignInFailed] whose password
// was right, but void.
const DetailVoidPassword = `{"password":"void"}`

// auditFailure records an attempt that has failed, and returns the error that
// answers it: failed, or the error of the audit log if that did not take the event.
// The log's error wins, so that a caller learns nothing from an attempt that is not
// on record.
func (s *Service) auditFailure(ctx context.Context, e audit.Event, failed error) error {
	if err := s.Store.AddEvent(ctx, s.Keys, e); err != nil {
		return err
	}
	return failed
}

// auditRefusal writes down that somebody who proved who they are was refused
// because the account is disabled. It returns why the sign-in has failed.
func (s *Service) auditRefusal(ctx context.Context, user string, client Client, failed error) error {
	if errors.Is(failed, shared.ErrDisabled) {
		return s.auditFailure(ctx, s.event(audit.EventSignInRefused, user, client), failed)
	}
	return failed
}

// finishSignIn has the browser that has signed in be known to the account, the
// owner hear of one that was not, and the log tell. by is the passkey that it was
// by, if it was by one.
func (s *Service) finishSignIn(ctx context.Context, in userTx, client Client, o *SignInResult, by string) error {
	pw, err := in.Password(ctx, in.User.ID)
	if err != nil && !errors.Is(err, shared.ErrCredentialNotFound) { // an account without a password has an empty hash
		return err
	}
	if _, known := s.knownDeviceID(client.KnownDevice, in.User.ID, pw.Hash); !known && s.Settings.Now().NewDeviceMail {
		if err := s.notify(ctx, in, client, reversal{Session: o.Session.ID}, "", mail.NewSignIn{}); err != nil {
			return err
		}
	}
	o.KnownDevice = s.addKnownDevice(in.User.ID, pw.Hash, client.KnownDevice)
	e := s.sessionEvent(audit.EventSignIn, Actor{o.Session, in.User, client})
	e.Subject = by
	return in.AddEvent(ctx, s.Keys, e)
}

// KnownDeviceTokens is what a browser keeps once it has signed in to an account: a
// value for each of the last few accounts. It opens nothing. It says that the
// browser may try passwords although somebody else has tried too many, and dies
// with the password.
type KnownDeviceTokens string

const (
	deviceIDSize = 16
	// knownDeviceAccounts is how many accounts a browser is known to, the one that
	// signed in last first.
	knownDeviceAccounts = 4
)

// addKnownDevice is what a browser keeps that had kept old, and that has signed in
// as a user whose password has the given hash.
func (s *Service) addKnownDevice(user, hash string, old KnownDeviceTokens) KnownDeviceTokens {
	if _, ok := s.knownDeviceID(old, user, hash); ok {
		return old
	}
	id := make([]byte, deviceIDSize)
	rand.Read(id)
	values := []string{base64.RawURLEncoding.EncodeToString(append(id, s.Keys.MAC("browser", knownDeviceText(id, user, hash))...))}
	if old != "" {
		values = append(values, strings.Split(string(old), ".")...)
	}
	return KnownDeviceTokens(strings.Join(values[:min(len(values), knownDeviceAccounts)], "."))
}

// knownDeviceID returns the id in b that was made for the user and their password.
func (s *Service) knownDeviceID(b KnownDeviceTokens, user, hash string) (id string, ok bool) {
	for value := range strings.SplitSeq(string(b), ".") {
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) <= deviceIDSize {
			continue
		}
		for _, mac := range s.Keys.MACs("browser", knownDeviceText(raw[:deviceIDSize], user, hash)) {
			if hmac.Equal(raw[deviceIDSize:], mac) {
				return string(raw[:deviceIDSize]), true
			}
		}
	}
	return "", false
}

// knownDeviceText is what the MAC in a browser's value is of.
func knownDeviceText(id []byte, user, hash string) string { return string(id) + user + " " + hash }
