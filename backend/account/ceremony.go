package account

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// CeremonyLifetime is how long a challenge can be answered. WebAuthn Level 3, section 15.1,
// recommends this value with user verification.
const CeremonyLifetime = 5 * time.Minute

// The kinds of ceremonies. A response to one kind is not valid for the other.
const (
	ceremonyRegister     = "register"
	ceremonyAuthenticate = "authenticate"
)

// Ceremony is a WebAuthn challenge that waits for an authenticator's response.
type Ceremony struct {
	ChallengeHash []byte `bun:",pk"`
	BrowserHash   []byte // of the token in the browser's cookie
	Kind          string
	Conditional   bool   `bun:"unasked"`   // a registration without user interaction
	UserID        string `bun:",nullzero"` // the passkey's user; empty if the response must identify the user
	SessionID     string `bun:",nullzero"` // the session in which it began; empty if none
	ExpiresAt     time.Time
}

// descriptors returns the descriptors that identify passkeys to a browser.
func descriptors(passkeys []Passkey) []webauthn.Descriptor {
	all := make([]webauthn.Descriptor, len(passkeys))
	for i, k := range passkeys {
		all[i].ID = k.CredentialID
		if k.Transports != "" {
			all[i].Transports = strings.Split(k.Transports, ",")
		}
	}
	return all
}

// userVerification returns the requirement for user verification. If it is
// [webauthn.Required], the server refuses responses without user verification. Otherwise it
// counts such a response as one factor.
func (s *Service) userVerification() webauthn.Verification {
	return webauthn.Verification(s.Settings.Now().PasskeyVerification)
}

// beginCeremony stores a ceremony under a new challenge.
func (s *Service) beginCeremony(ctx context.Context, c Ceremony, browser Token) (challenge string, err error) {
	challenge = webauthn.NewChallenge()
	c.ChallengeHash, c.BrowserHash, c.ExpiresAt = challengeHash(challenge), browser.Hash(), s.Now().Add(CeremonyLifetime)
	return challenge, s.Store.AddCeremony(ctx, c)
}

func challengeHash(challenge string) []byte {
	h := sha256.Sum256([]byte(challenge))
	return h[:]
}

// RegisterRequest says which passkey to create.
type RegisterRequest struct {
	Name       string // the account's name in the authenticator; by default its address
	Attachment string // "platform", "cross-platform" or empty for either
	Upgrade    bool   // create it without user interaction, after a sign-in by password
}

// RegisterOptions returns the options with which a browser creates a passkey, as JSON. The
// JSON is null if r requests an upgrade that is not possible now. It fails with
// [shared.ErrTooManyPasskeys] and [shared.ErrFactorNotFresh].
func (s *Service) RegisterOptions(ctx context.Context, actor Actor, browser Token, r RegisterRequest) (json.RawMessage, error) {
	name, err := checkName(r.Name)
	if err != nil {
		return nil, err
	}
	passkeys, err := s.Store.Passkeys(ctx, actor.User.ID)
	if err != nil {
		return nil, err
	}
	due := s.CheckSecondFactor(ctx, actor)
	if due != nil && !errors.Is(due, shared.ErrFactorNotFresh) {
		return nil, due
	}
	full := len(passkeys) >= shared.PasskeysPerUser
	mayUpgrade := !full && due == nil && s.Settings.Now().PasskeyAutoUpgrade && s.canUpgrade(actor.Session)
	verification := s.userVerification()
	switch {
	case r.Upgrade && !mayUpgrade:
		return json.RawMessage("null"), nil
	case due != nil: // otherwise a password would be enough to add a factor
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
		Exclude: descriptors(passkeys), Attachment: r.Attachment, Verification: verification,
	})
}

// canUpgrade reports whether the session began with a password within the fresh window: a
// passkey that is created without interaction must belong to the user who has just signed
// in.
func (s *Service) canUpgrade(session Session) bool {
	first, _, _ := strings.Cut(session.Method, "+")
	return first == MethodPassword && s.Now().Sub(session.CreatedAt) < s.Settings.Now().FreshWindow
}

// AuthenticateOptions returns the options with which a browser uses a passkey, as JSON. The
// passkey must belong to the actor's user. If the actor's user is zero, it can belong to
// any user. The response is valid only for the actor's session, if there is one.
func (s *Service) AuthenticateOptions(ctx context.Context, actor Actor, browser Token) (json.RawMessage, error) {
	c := Ceremony{Kind: ceremonyAuthenticate, SessionID: actor.Session.ID}
	var allow []webauthn.Descriptor
	if actor.User.ID != "" {
		passkeys, err := s.Store.Passkeys(ctx, actor.User.ID)
		if err != nil {
			return nil, err
		}
		c.UserID, allow = actor.User.ID, descriptors(passkeys)
	}
	challenge, err := s.beginCeremony(ctx, c, browser)
	if err != nil {
		return nil, err
	}
	return s.RelyingParty.RequestOptions(challenge, allow, s.userVerification())
}

// takeCeremony deletes and returns the browser's ceremony for the challenge in a response.
// It runs before anything else in the response is trusted. challenge is "" if the response
// cannot be parsed. If there is no such ceremony, the response counts as an attempt, and
// takeCeremony deletes all ceremonies of the kind that the browser has. It then fails with
// refused, or with [shared.ErrPasskeyChallenge] if there were none.
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

// verifyRegistration verifies an authenticator's response to a registration, and returns
// the new passkey. Errors:
//   - [shared.ErrPasskeyChallenge]: no such challenge in this session
//   - [shared.ErrPasskeyOfAnother]: the ceremony was for another user
//   - [shared.ErrRegistration], [shared.ErrRegistrationUnverified]: the response is wrong,
//     or lacks user verification
func (s *Service) verifyRegistration(
	ctx context.Context,
	actor Actor,
	browser Token,
	response json.RawMessage,
) (made webauthn.Credential, err error) {
	// The challenge is empty if the response cannot be parsed.
	registration, parseErr := webauthn.ParseRegistration(response)
	ceremony, err := s.takeCeremony(ctx, browser, ceremonyRegister, registration.Challenge, shared.ErrRegistration)
	switch {
	case err != nil:
		return made, err
	case ceremony.UserID != actor.User.ID:
		return made, shared.ErrPasskeyOfAnother
	case ceremony.SessionID != actor.Session.ID:
		return made, shared.ErrPasskeyChallenge
	case parseErr != nil:
		return made, passkeyError(parseErr, shared.ErrRegistration)
	}
	made, err = s.RelyingParty.VerifyRegistration(registration, webauthn.RegistrationPolicy{
		UserHandle: actor.User.Handle, Verification: s.userVerification(), Conditional: ceremony.Conditional,
	})
	return made, passkeyError(err, shared.ErrRegistration)
}

// passkeyError maps an error of package [webauthn] to a shared error. refused is the shared
// error for a response that the package refused. Other errors stay unchanged.
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

// verifiedAssertion is an authenticator's response that was correct when it was verified.
// It grants nothing until the transaction of the change uses the passkey.
type verifiedAssertion struct {
	Passkey      // as it will be after its use
	user         User
	userVerified bool // in this response
}

// verifyPasskey verifies an authenticator's response to a challenge. If session is not nil,
// the challenge must belong to that session. Errors:
//   - [shared.ErrPasskeyChallenge]: no such challenge
//   - [shared.ErrPasskeyNotFound]: no user has the passkey, whatever else is wrong
//   - [shared.ErrAuthentication]: the response is wrong; also [webauthn.ErrSignature] if
//     the signature is wrong
//   - [shared.ErrAuthenticationUnverified]: the response lacks user verification
func (s *Service) verifyPasskey(
	ctx context.Context,
	session *Session,
	from Client,
	browser Token,
	response json.RawMessage,
) (verified verifiedAssertion, err error) {
	// The challenge is empty if the response cannot be parsed.
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
	passkey, user, err := s.Store.PasskeyByCredential(ctx, assertion.CredentialID)
	known := !errors.Is(err, ErrNotFound)
	if known && err != nil {
		return verified, err
	}
	if !known {
		passkey = Passkey{CredentialID: assertion.CredentialID, PublicKey: webauthn.DecoyKey(), BackupEligible: assertion.BackupEligible}
	}
	verified = verifiedAssertion{Passkey: passkey, user: user, userVerified: assertion.UserVerified}
	err = s.verifyAssertion(verified, ceremony, assertion)
	if !known && (err == nil || errors.Is(err, shared.ErrAuthentication)) {
		err = shared.ErrPasskeyNotFound
	}
	if err != nil {
		e := s.withPasskeyName(s.event(shared.EventPasskeyFailed, passkey.UserID, from), user, passkey)
		return verified, s.auditFailure(ctx, e, err)
	}
	now := s.Now()
	verified.SignCount, verified.LastUsedAt = int64(assertion.SignCount), &now
	verified.BackupEligible, verified.BackedUp, verified.UserVerified = assertion.BackupEligible, assertion.BackedUp, verified.userVerified
	if verified.HandleUnknown && len(assertion.UserHandle) > 0 {
		verified.Handle, verified.HandleUnknown = assertion.UserHandle, false
	}
	return verified, nil
}

// verifyAssertion follows WebAuthn Level 3, section 7.2, except for the counter, which is
// checked when the passkey is used. It checks the user last, so that an attacker learns
// neither which user has the passkey nor whether it exists.
func (s *Service) verifyAssertion(p verifiedAssertion, ceremony Ceremony, a webauthn.Assertion) error {
	if ceremony.UserID == "" && len(a.UserHandle) == 0 { // the response must identify the user
		return shared.ErrAuthentication
	}
	stored := webauthn.Credential{ID: p.CredentialID, PublicKey: p.PublicKey, BackupEligible: p.BackupEligible}
	if err := s.RelyingParty.VerifyAssertion(a, stored, s.userVerification()); err != nil {
		return passkeyError(err, shared.ErrAuthentication)
	}
	if len(a.UserHandle) > 0 && !p.hasHandle(a.UserHandle, p.user) || ceremony.UserID != "" && ceremony.UserID != p.user.ID {
		return shared.ErrAuthentication
	}
	return nil
}

type ceremonyStore interface {
	AddCeremony(ctx context.Context, c Ceremony) error
	// TakeCeremony deletes the browser's unexpired ceremony with the challenge and the kind,
	// and returns it. It fails with [ErrNotFound] if there is none: of several callers, one
	// succeeds.
	TakeCeremony(ctx context.Context, browser, challenge []byte, kind string, now time.Time) (Ceremony, error)
	// DeleteCeremonies deletes a browser's unexpired ceremonies of the kind, and returns how
	// many.
	DeleteCeremonies(ctx context.Context, browser []byte, kind string, now time.Time) (int, error)
}
