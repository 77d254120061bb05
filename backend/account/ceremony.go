package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/backend/audit"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// CeremonyLifetime is how long a challenge can be answered: what WebAuthn Level
// 3, section 15.1, recommends where the user is verified.
const CeremonyLifetime = 5 * time.Minute

// The kinds of ceremonies. An answer to one is none to another.
const (
	ceremonyRegister     = "register"
	ceremonyAuthenticate = "authenticate"
)

// Ceremony is a challenge that waits for the answer of an authenticator.
type Ceremony struct {
	ChallengeHash []byte `bun:",pk"`
	BrowserHash   []byte // of the token in the browser's cookie
	Kind          string
	Conditional   bool   `bun:"unasked"`   // a registration that the browser asks nobody about
	UserID        string `bun:",nullzero"` // whose passkey it must be; empty if it is to tell that
	SessionID     string `bun:",nullzero"` // which asked; empty if none did
	ExpiresAt     time.Time
}

// descriptors returns what identifies passkeys to a browser.
func descriptors(keys []Passkey) []webauthn.Descriptor {
	all := make([]webauthn.Descriptor, len(keys))
	for i, k := range keys {
		all[i].ID = k.CredentialID
		if k.Transports != "" {
			all[i].Transports = strings.Split(k.Transports, ",")
		}
	}
	return all
}

// userVerification is what is asked of authenticators. If it is required, answers
// of those that have not verified their user are refused. Else such a passkey is
// one factor.
func (s *Service) userVerification() webauthn.Verification {
	return webauthn.Verification(s.Settings.Now().PasskeyVerification)
}

// beginCeremony notes a ceremony under a new challenge.
func (s *Service) beginCeremony(ctx context.Context, c Ceremony, browser Token) (challenge string, err error) {
	challenge = webauthn.NewChallenge()
	c.ChallengeHash, c.BrowserHash, c.ExpiresAt = challengeHash(challenge), browser.Hash(), s.Now().Add(CeremonyLifetime)
	return challenge, s.Store.AddCeremony(ctx, c)
}

func challengeHash(challenge string) []byte {
	h := sha256.Sum256([]byte(challenge))
	return h[:]
}

// RegisterRequest is what is asked of a new passkey.
type RegisterRequest struct {
	Name       string // what the authenticator calls the account; the address if empty
	Attachment string // "platform", "cross-platform" or empty for either
	Upgrade    bool   // the browser is to make it without asking
}

// RegisterOptions are options to make a passkey with in a browser, as JSON. They
// are null if an upgrade is not to be tried. It fails with
// [shared.ErrTooManyPasskeys] if the user can have no more, and with
// [shared.ErrFactorNotFresh].
func (s *Service) RegisterOptions(ctx context.Context, actor Actor, browser Token, r RegisterRequest) (json.RawMessage, error) {
	name, err := checkName(r.Name, shared.MaxPasskeyName)
	if err != nil {
		return nil, err
	}
	keys, err := s.Store.Passkeys(ctx, actor.User.ID)
	if err != nil {
		return nil, err
	}
	due := s.CheckSecondFactor(ctx, actor)
	if due != nil && !errors.Is(due, shared.ErrFactorNotFresh) {
		return nil, due
	}
	full := len(keys) >= shared.PasskeysPerUser
	verification := s.userVerification()
	switch {
	case r.Upgrade && (full || due != nil || !s.Settings.Now().PasskeyAutoUpgrade || !s.canUpgrade(actor.Session)):
		return json.RawMessage("null"), nil
	case due != nil: // or a password would be enough to make a factor, and to go on by that
		return nil, due
	case full:
		return nil, shared.ErrTooManyPasskeys
	case r.Upgrade:
		verification = webauthn.Preferred
	}
	c := Ceremony{Kind: ceremonyRegister, Conditional: r.Upgrade, UserID: actor.User.ID, SessionID: actor.Session.ID}
	challenge, err := s.beginCeremony(ctx, c, browser)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = actor.User.Email
	}
	return s.RelyingParty.CreationOptions(webauthn.Creation{
		Challenge: challenge, RPName: s.Settings.Now().AppName,
		UserHandle: actor.User.Handle, UserName: name, DisplayName: actor.User.Email,
		Exclude: descriptors(keys), Attachment: r.Attachment, Verification: verification,
	})
}

// canUpgrade reports whether the session is of a password that was entered just
// now: what is made without asking must be of who has just signed in.
func (s *Service) canUpgrade(session Session) bool {
	first, _, _ := strings.Cut(session.Method, "+")
	return first == MethodPassword && s.Now().Sub(session.CreatedAt) < s.Settings.Now().FreshWindow
}

// AuthenticateOptions are options to use a passkey with in a browser, as JSON: a
// passkey of the actor's user, in the session if there is one; or, if the caller is
// unknown, of any user.
func (s *Service) AuthenticateOptions(ctx context.Context, actor Actor, browser Token) (json.RawMessage, error) {
	c := Ceremony{Kind: ceremonyAuthenticate, SessionID: actor.Session.ID}
	var allow []webauthn.Descriptor
	if actor.User.ID != "" {
		keys, err := s.Store.Passkeys(ctx, actor.User.ID)
		if err != nil {
			return nil, err
		}
		c.UserID, allow = actor.User.ID, descriptors(keys)
	}
	challenge, err := s.beginCeremony(ctx, c, browser)
	if err != nil {
		return nil, err
	}
	return s.RelyingParty.RequestOptions(challenge, allow, s.userVerification())
}

// takeCeremony spends the challenge that an answer says it is for, or "" if the answer
// cannot be read, before anything of the answer is believed. An answer to none of
// its browser's spends them all: it is an attempt, whatever it says. It then fails
// as refused; and with [shared.ErrPasskeyChallenge] if there were none.
func (s *Service) takeCeremony(ctx context.Context, browser Token, kind, challenge string, refused error) (Ceremony, error) {
	if challenge != "" {
		c, err := s.Store.TakeCeremony(ctx, browser.Hash(), challengeHash(challenge), kind, s.Now())
		if !errors.Is(err, ErrNotFound) {
			return c, err
		}
	}
	n, err := s.Store.DeleteCeremonies(ctx, browser.Hash(), kind, s.Now())
	if err == nil {
		err = refused
		if n == 0 {
			err = shared.ErrPasskeyChallenge
		}
	}
	return Ceremony{}, err
}

// verifyRegistration is the passkey that an authenticator says it has made. It
// fails with [shared.ErrPasskeyChallenge], with [shared.ErrPasskeyOfAnother] if
// it was asked to make it for somebody else, and with [shared.ErrRegistration].
func (s *Service) verifyRegistration(ctx context.Context, actor Actor, browser Token, response json.RawMessage) (Passkey, error) {
	// The challenge of one that cannot be read is empty.
	registration, parseErr := webauthn.ParseRegistration(response)
	ceremony, err := s.takeCeremony(ctx, browser, ceremonyRegister, registration.Challenge, shared.ErrRegistration)
	switch {
	case err != nil:
		return Passkey{}, err
	case ceremony.UserID != actor.User.ID:
		return Passkey{}, shared.ErrPasskeyOfAnother
	case ceremony.SessionID != actor.Session.ID:
		return Passkey{}, shared.ErrPasskeyChallenge
	case parseErr != nil:
		return Passkey{}, passkeyError(parseErr, shared.ErrRegistration)
	}
	made, err := s.RelyingParty.VerifyRegistration(registration, webauthn.RegistrationPolicy{
		UserHandle: actor.User.Handle, Verification: s.userVerification(), Conditional: ceremony.Conditional,
	})
	if err != nil {
		return Passkey{}, passkeyError(err, shared.ErrRegistration)
	}
	return newPasskey(actor.User.ID, made, s.Now()), nil
}

// passkeyError returns the error of a call whose response the [webauthn] package did
// not accept. refused is the shared error for it. What is wrong with the server
// is no refusal.
func passkeyError(err error, refused *shared.Error) error {
	switch {
	case errors.Is(err, webauthn.ErrUserNotVerified):
		if refused == shared.ErrRegistration {
			return shared.ErrRegistrationUnverified
		}
		return shared.ErrAuthenticationUnverified
	case errors.Is(err, webauthn.ErrSignature):
		return fmt.Errorf("%w: %w", refused, webauthn.ErrSignature)
	case errors.Is(err, webauthn.ErrInvalid):
		return refused
	}
	return err
}

// verifiedAssertion is an answer of an authenticator that was right when it was
// looked at. It is worth nothing until it is used, in the transaction of what it
// is good for.
type verifiedAssertion struct {
	Passkey      // as it is once it is used
	user         User
	userVerified bool // it has verified its user just now
}

// verifyPasskey looks at the answer of an authenticator to a challenge that was
// asked in the given session; in any, or in none, if it is nil. It fails with
// [shared.ErrPasskeyChallenge]; with [shared.ErrPasskeyNotFound] if the passkey is
// not known here, whatever else is wrong; and with [shared.ErrAuthentication],
// which is also [webauthn.ErrSignature] if the signature is wrong.
func (s *Service) verifyPasskey(
	ctx context.Context,
	session *Session,
	from Client,
	browser Token,
	response json.RawMessage,
) (verified verifiedAssertion, err error) {
	// The challenge of one that cannot be read is empty.
	assertion, parseErr := webauthn.ParseAssertion(response)
	ceremony, err := s.takeCeremony(ctx, browser, ceremonyAuthenticate, assertion.Challenge, shared.ErrAuthentication)
	switch {
	case err != nil:
		return verified, err
	case session != nil && ceremony.SessionID != session.ID:
		return verified, shared.ErrPasskeyChallenge
	case parseErr != nil:
		return verified, passkeyError(parseErr, shared.ErrAuthentication)
	}
	key, user, err := s.Store.PasskeyByCredential(ctx, assertion.CredentialID)
	known := !errors.Is(err, ErrNotFound)
	if known && err != nil {
		return verified, err
	}
	if !known {
		key = Passkey{CredentialID: assertion.CredentialID, PublicKey: webauthn.DecoyKey(), BackupEligible: assertion.BackupEligible}
	}
	verified = verifiedAssertion{Passkey: key, user: user, userVerified: assertion.UserVerified}
	err = s.verifyAssertion(verified, ceremony, assertion)
	if !known && (err == nil || errors.Is(err, shared.ErrAuthentication)) {
		err = shared.ErrPasskeyNotFound
	}
	if err != nil {
		e := s.event(audit.EventPasskeyFailed, key.UserID, from)
		e.Subject = key.ID
		return verified, s.auditFailure(ctx, e, err)
	}
	now := s.Now()
	verified.SignCount, verified.LastUsedAt = int64(assertion.SignCount), &now
	verified.BackupEligible, verified.BackedUp, verified.UserVerified = assertion.BackupEligible, assertion.BackedUp, verified.userVerified
	return verified, nil
}

// verifyAssertion does what WebAuthn Level 3, section 7.2, asks, but for the
// counter, which is judged when the passkey is used. Whose the passkey is, is
// judged last: a stranger must not learn it, nor whether it is there.
func (s *Service) verifyAssertion(p verifiedAssertion, ceremony Ceremony, a webauthn.Assertion) error {
	if ceremony.UserID == "" && len(a.UserHandle) == 0 { // who it is, it has to say
		return shared.ErrAuthentication
	}
	stored := webauthn.Credential{ID: p.CredentialID, PublicKey: p.PublicKey, BackupEligible: p.BackupEligible}
	if err := s.RelyingParty.VerifyAssertion(a, stored, s.userVerification()); err != nil {
		return passkeyError(err, shared.ErrAuthentication)
	}
	if len(a.UserHandle) > 0 && !bytes.Equal(a.UserHandle, p.user.Handle) || ceremony.UserID != "" && ceremony.UserID != p.user.ID {
		return shared.ErrAuthentication
	}
	return nil
}

type ceremonyStore interface {
	AddCeremony(ctx context.Context, c Ceremony) error
	// TakeCeremony spends the unexpired ceremony of the kind that the
	// browser has under the challenge, and returns it. It fails with
	// [ErrNotFound] if there is none: of several who take it, one does.
	TakeCeremony(ctx context.Context, browser, challenge []byte, kind string, now time.Time) (Ceremony, error)
	// DeleteCeremonies deletes the unexpired ones of the kind that a browser has,
	// and returns how many.
	DeleteCeremonies(ctx context.Context, browser []byte, kind string, now time.Time) (int, error)
}
