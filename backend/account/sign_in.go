package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"latchkey/shared"
)

// Credentials are what a sign-in says.
type Credentials struct {
	Email, Password string
	Remember        bool
	Device          Device
}

// SignIn opens a session for who knows the password of an address. Whether the
// address has an account cannot be told from the answer or its time.
func (s *Service) SignIn(ctx context.Context, from Client, c Credentials) (Opened, error) {
	if !ValidEmail(c.Email) {
		return Opened{}, shared.ErrInvalidEmail.In("email")
	}
	if utf8.RuneCountInString(c.Password) > maxPassword {
		return Opened{}, shared.ErrPasswordTooLong.In("password")
	}
	email := strings.ToLower(c.Email)
	user, hash, err := s.Store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, shared.ErrNotFound) {
		return Opened{}, err
	}
	known := hash != ""
	if !known {
		hash = s.Hasher.decoy
	}

	limit, who := SignInTries, email
	if id, ok := s.deviceOf(c.Device, user.ID); ok && known {
		limit, who = DeviceTries, id
	}

	// The try is counted before it is judged and outside the transaction, so
	// that tries made all at once are all counted; but only when its turn has
	// come, so that who was turned away for want of room has lost nothing.
	done, err := s.Hasher.turn(ctx)
	if err != nil {
		return Opened{}, err
	}
	defer done()
	if err := s.Count(ctx, limit, who); err != nil {
		if errors.Is(err, shared.ErrTooManyRequests) {
			err = errors.Join(tooManyPasswords(err), s.Store.AddEvent(ctx, s.event(EventSignInLimited, user.ID, from)))
		}
		return Opened{}, err
	}
	if !matches(hash, c.Password) || !known {
		if err := s.Store.AddEvent(ctx, s.event(EventSignInFailed, user.ID, from)); err != nil {
			return Opened{}, err
		}
		return Opened{}, shared.ErrCredentials
	}

	o := Opened{User: user}
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if err := tx.UsePassword(ctx, user.ID, hash); err != nil {
			return err
		}
		if err := tx.ForgetAttempts(ctx, s.attemptKey(limit, who)); err != nil {
			return err
		}
		if o.Session, o.Token, err = s.openSession(ctx, tx, user.ID, from, MethodPassword, c.Remember); err != nil {
			return err
		}
		return tx.AddEvent(ctx, s.sessionEvent(EventSignIn, o.Session, from))
	})
	return o, err
}

// tooManyPasswords is [shared.ErrTooManyRequests] in the words of a limit on
// passwords.
func tooManyPasswords(err error) error {
	var e *shared.Error
	if errors.Is(err, shared.ErrTooManyRequests) && errors.As(err, &e) {
		return shared.ErrTooManyPasswords.After(e.RetryAfter)
	}
	return err
}

// Device is a value that a browser keeps once it has signed in to an account.
// It opens nothing. It says that the browser may try passwords although
// somebody else has tried too many.
type Device string

const deviceIDSize = 16

// NewDevice makes the device value of a browser that has signed in as user.
func (s *Service) NewDevice(user string) Device {
	id := make([]byte, deviceIDSize)
	rand.Read(id)
	return Device(base64.RawURLEncoding.EncodeToString(append(id, s.deviceMAC(id, user)...)))
}

// KnowsDevice reports whether d was made for user.
func (s *Service) KnowsDevice(d Device, user string) bool {
	_, ok := s.deviceOf(d, user)
	return ok
}

// deviceOf returns the id in d if d was made for user.
func (s *Service) deviceOf(d Device, user string) (id string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(string(d))
	if err != nil || len(b) < deviceIDSize {
		return "", false
	}
	return string(b[:deviceIDSize]), hmac.Equal(b[deviceIDSize:], s.deviceMAC(b[:deviceIDSize], user))
}

func (s *Service) deviceMAC(id []byte, user string) []byte {
	return s.Keys.mac("device", string(id)+user)
}
