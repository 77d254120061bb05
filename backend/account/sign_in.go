package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// Credentials are the input of a sign-in by password.
type Credentials struct {
	Email, Password string
	Remember        bool
	Callback        string // where a link that verifies the address leads
}

// SignIn authenticates a user by email address and password, and issues a session. Errors:
//   - [shared.ErrCredentials]: wrong password, or no such account, with the same response
//     and timing
//   - [shared.ErrTooManyPasswords]: too many attempts
//   - [TwoFactorRequiredError]: the sign-in waits for a second factor
//   - [shared.ErrDisabled]: the account is disabled
//   - [shared.ErrNewPasswordDue]: the password is correct but void
//   - [shared.ErrNotVerified]: the user must verify the address first; an email with a link
//     is sent
//   - [shared.ErrUnavailable]: too many passwords wait to be hashed
func (s *Service) SignIn(ctx context.Context, client Client, c Credentials) (SignInResult, error) {
	email, err := address.Parse(c.Email)
	if err != nil {
		return SignInResult{}, inField(err, "email")
	}
	if utf8.RuneCountInString(c.Password) > maxPassword {
		return SignInResult{}, shared.ErrPasswordTooLong.In("password")
	}
	user, hash, limitKey, err := s.checkSignIn(ctx, client, email, c.Password)
	if err != nil {
		return SignInResult{}, err
	}
	upgraded, err := s.upgradedHash(ctx, hash, c.Password)
	if err != nil {
		return SignInResult{}, err
	}

	if upgraded != hash {
		client.KnownDevice = s.rebindKnownDevice(client.KnownDevice, user.ID, hash, upgraded)
	}

	var o SignInResult
	var due *TwoFactorRequiredError
	err = s.Store.Tx(ctx, func(tx Store) error {
		u, hasPasskeys, err := tx.LockUserByPassword(ctx, user.ID, hash)
		if err != nil { // it was changed or deleted meanwhile
			return err
		}
		in := userTx{tx, u}
		if upgraded != hash {
			if err := in.UpgradePassword(ctx, user.ID, hash, upgraded); err != nil {
				return err
			}
		}
		if err := s.resetRateLimit(ctx, in, limitKey); err != nil {
			return err
		}
		g := signIn{Client: client, Method: MethodPassword, Remember: c.Remember, Hash: upgraded, HasPasskeys: hasPasskeys}
		if o, due, err = s.completeFirstFactor(ctx, in, g); err != nil || due != nil {
			return err
		}
		return s.finishSignIn(ctx, in, client, o)
	})
	switch {
	case errors.Is(err, shared.ErrNotVerified):
		may, requested := s.allowReminder(ctx, email)
		if may {
			request := emailRequest{Purpose: purposeVerify, Email: email, Callback: c.Callback, From: client}
			requested = s.requestEmail(ctx, s.Store, request)
		}
		return SignInResult{}, callerError(requested, err)
	case err == nil && due != nil:
		due.KnownDevice = client.KnownDevice
		return SignInResult{}, due
	}
	return o, s.auditRefusal(ctx, user.ID, client, err)
}

// checkSignIn checks the password for an email address. It returns the user, the hash of
// the password, and the rate limit key to reset after the sign-in. It takes the same time
// whether or not the address has an account.
func (s *Service) checkSignIn(
	ctx context.Context, client Client, email, password string,
) (user User, hash string, limitKey []byte, err error) {
	user, pw, err := s.Store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return user, "", nil, err
	}
	hash, known := pw.Hash, pw.Hash != ""
	if !known {
		hash = s.Hasher.Decoy()
	}

	limit, key := SignInLimit, email
	if device, ok := s.knownDevice(client.KnownDevice, user.ID, hash); ok && known {
		limit, key = KnownDeviceSignInLimit, device.ID
	}

	right, err := s.verifyPassword(ctx, limit, key, hash, password)
	if errors.Is(err, shared.ErrTooManyPasswords) {
		return user, "", nil, s.auditFailure(ctx, s.event(shared.EventSignInLimited, user.ID, client), err)
	} else if err != nil {
		return user, "", nil, err
	}
	if !right || !known {
		return user, "", nil, s.auditFailure(ctx, s.event(shared.EventSignInFailed, user.ID, client), shared.ErrCredentials)
	}
	if pw.Void {
		e := s.event(shared.EventSignInFailed, user.ID, client)
		e.Detail = DetailVoidPassword
		return user, "", nil, s.auditFailure(ctx, e, shared.ErrNewPasswordDue)
	}
	return user, hash, s.rateLimitKey(limit, key), nil
}

// upgradedHash returns the hash to store for a correct password: the same hash, or a new
// one if the algorithm or cost is outdated. If no hashing slot is free, it returns the old
// hash, and the next sign-in upgrades it.
func (s *Service) upgradedHash(ctx context.Context, hash, password string) (string, error) {
	if !s.Hasher.NeedsRehash(hash) {
		return hash, nil
	}
	upgraded, err := s.Hasher.Hash(ctx, password)
	if errors.Is(err, shared.ErrUnavailable) {
		return hash, nil
	}
	return upgraded, err
}

// auditFailure records a failed attempt, and returns the error for the caller.
func (s *Service) auditFailure(ctx context.Context, e audit.Event, failed error) error {
	return callerError(s.Store.AddEvent(ctx, s.Keys, e), failed)
}

// callerError returns the error for the caller of an attempt that failed. recorded is the
// error of the writes that follow the failure, such as the event in the audit log. It wins,
// so that a caller learns nothing from an attempt that is not recorded.
func callerError(recorded, failed error) error {
	if recorded != nil {
		return recorded
	}
	return failed
}

// auditRefusal records that an authenticated user was refused because the account is
// disabled. It returns the error for the caller.
func (s *Service) auditRefusal(ctx context.Context, user string, client Client, failed error) error {
	if errors.Is(failed, shared.ErrDisabled) {
		return s.auditFailure(ctx, s.event(shared.EventSignInRefused, user, client), failed)
	}
	return failed
}

// reportsSignIn reports whether the user gets an email about a sign-in: if the browser of the
// client has just become known, unless NEW_DEVICE_MAIL is off.
func (s *Service) reportsSignIn(o SignInResult, client Client) bool {
	return o.KnownDevice != client.KnownDevice && s.Settings.Now().NewDeviceMail
}

// finishSignIn records a sign-in, and notifies the user if that is due. The notice about a
// backup code has already reported the sign-in, too.
func (s *Service) finishSignIn(ctx context.Context, in userTx, client Client, o SignInResult) error {
	if s.reportsSignIn(o, client) && o.Session.SecondFactorBy != ByBackupCode {
		if err := s.notify(ctx, in, client, reversal{Session: o.Session.ID}, proof{}, mail.NewSignIn); err != nil {
			return err
		}
	}
	e := s.sessionEvent(shared.EventSignIn, Actor{o.Session, in.User, client})
	e = s.withPasskeyName(e, in.User, Passkey{ID: o.Session.PasskeyID, Name: o.Session.PasskeyName})
	return in.AddEvent(ctx, s.Keys, withDetail(e, map[string]string{DetailMethod: o.Session.Method}))
}

// passwordHash returns the hash of the user's password. It is "" if the user has none.
func passwordHash(ctx context.Context, in userTx) (string, error) {
	p, err := in.Password(ctx, in.User.ID)
	if errors.Is(err, shared.ErrCredentialNotFound) {
		err = nil
	}
	return p.Hash, err
}

// KnownDeviceTokens are the tokens that a browser keeps after sign-in, one for each of the
// last few accounts. They grant no access. A known device has its own limit of password
// attempts, which an attacker elsewhere cannot use up. A change of the password invalidates
// the token.
type KnownDeviceTokens string

const (
	deviceIDSize = 16
	// knownDeviceAccounts is the number of accounts for which a browser can be known. The
	// most recent ones stay.
	knownDeviceAccounts = 4
)

// newDeviceWindow is how long the sign-ins in a browser are new after the first one. It is how
// long the link in the email about the first one works. If it were shorter, an attacker could
// sign in twice, and the second session could answer the question about the first.
var newDeviceWindow = tokenLifetimes[purposeReport]

// The purposes of the MACs of tokens. The ID in the token of a new device begins with the time
// of the first sign-in.
const (
	knownDevicePurpose = "browser"
	newDevicePurpose   = "new browser"
)

// addKnownDevice adds a token to old, the tokens of a browser, after a sign-in of a user
// whose password has the hash. It returns old if the user's token is among them. isNew says
// that the session is [Session].IsNew.
func (s *Service) addKnownDevice(user, hash string, old KnownDeviceTokens, isNew bool) KnownDeviceTokens {
	if _, ok := s.knownDevice(old, user, hash); ok {
		return old
	}
	id := make([]byte, deviceIDSize)
	rand.Read(id)
	if isNew {
		binary.BigEndian.PutUint64(id, uint64(s.Now().Unix()))
	}
	values := []string{s.knownDeviceToken(id, user, hash, isNew)}
	if old != "" {
		values = append(values, strings.Split(string(old), ".")...)
	}
	return KnownDeviceTokens(strings.Join(values[:min(len(values), knownDeviceAccounts)], "."))
}

// rebindKnownDevice returns b with the user's token bound to another hash of the same password.
// Without that, a browser would be new after a sign-in that upgrades the hash.
func (s *Service) rebindKnownDevice(b KnownDeviceTokens, user, old, hash string) KnownDeviceTokens {
	values := strings.Split(string(b), ".")
	for i, value := range values {
		if d, ok := s.knownDevice(KnownDeviceTokens(value), user, old); ok {
			values[i] = s.knownDeviceToken([]byte(d.ID), user, hash, d.New)
		}
	}
	return KnownDeviceTokens(strings.Join(values, "."))
}

// knownDeviceToken returns the token of a device with the ID.
func (s *Service) knownDeviceToken(id []byte, user, hash string, isNew bool) string {
	purpose := knownDevicePurpose
	if isNew {
		purpose = newDevicePurpose
	}
	return base64.RawURLEncoding.EncodeToString(slices.Concat(id, s.Keys.MAC(purpose, knownDeviceText(id, user, hash))))
}

// A knownDevice is what a token says about a browser.
type knownDevice struct {
	ID  string
	New bool // the first sign-in was new, and less than the [newDeviceWindow] ago
}

// knownDevice returns the device of the token in b that is valid for the user and the
// password with the hash.
func (s *Service) knownDevice(b KnownDeviceTokens, user, hash string) (d knownDevice, ok bool) {
	for value := range strings.SplitSeq(string(b), ".") {
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) <= deviceIDSize {
			continue
		}
		id, text := raw[:deviceIDSize], knownDeviceText(raw[:deviceIDSize], user, hash)
		for _, purpose := range []string{knownDevicePurpose, newDevicePurpose} {
			for _, mac := range s.Keys.MACs(purpose, text) {
				if hmac.Equal(raw[deviceIDSize:], mac) {
					first := time.Unix(int64(binary.BigEndian.Uint64(id)), 0)
					return knownDevice{string(id), purpose == newDevicePurpose && s.Now().Sub(first) < newDeviceWindow}, true
				}
			}
		}
	}
	return d, false
}

// knownDeviceText returns the input of a token's MAC.
func knownDeviceText(id []byte, user, hash string) string { return string(id) + user + " " + hash }
