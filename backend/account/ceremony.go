package account

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey/shared"
)

// RelyingParty is this server as authenticators know it (WebAuthn Level 3,
// section 4).
type RelyingParty struct {
	ID      string   // the domain that the passkeys belong to
	Origins []string // whose pages may use them, each exactly as browsers write it
	Related []string // those of Origins that are at other domains; none for most
}

// verifier is what the library needs to know of a relying party.
func (rp RelyingParty) verifier() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: rp.ID, RPDisplayName: rp.ID, RPOrigins: rp.Origins,
		// We ask for no extension that says anything, and look at none.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// CeremonyLifetime is how long a challenge can be answered: what WebAuthn Level
// 3, section 15.1, recommends where the user is verified.
const CeremonyLifetime = 5 * time.Minute

const (
	// ceremonyTimeout, in milliseconds, is what browsers are told, as Better Auth
	// does. They treat it as a hint.
	ceremonyTimeout = 60_000

	challengeSize = 32 // bytes; at least 16 (WebAuthn Level 3, section 13.4.3)
	// maxCredentialID is in bytes: WebAuthn Level 3, section 7.1, step 25.
	maxCredentialID = 1023
)

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
	Unasked       bool   // a registration that the browser asks nobody about
	UserID        string `bun:",nullzero"` // whose passkey it must be; empty if it is to tell that
	SessionID     string `bun:",nullzero"` // which asked; empty if none did
	ExpiresAt     time.Time
}

// algorithms are those of passkeys, by preference: EdDSA, ES256, RS256.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// creationOptions is PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3,
// section 5.1.8).
type creationOptions struct {
	Challenge              string                         `json:"challenge"`
	RP                     map[string]string              `json:"rp"`
	User                   map[string]string              `json:"user"`
	PubKeyCredParams       []protocol.CredentialParameter `json:"pubKeyCredParams"`
	Timeout                int                            `json:"timeout"`
	Attestation            string                         `json:"attestation"`
	ExcludeCredentials     []descriptor                   `json:"excludeCredentials"`
	AuthenticatorSelection selection                      `json:"authenticatorSelection"`
	Extensions             map[string]bool                `json:"extensions"`
	Hints                  []string                       `json:"hints"`
}

type selection struct {
	Attachment         string `json:"authenticatorAttachment,omitempty"`
	ResidentKey        string `json:"residentKey"`
	RequireResidentKey bool   `json:"requireResidentKey"`
	UserVerification   string `json:"userVerification"`
}

// requestOptions is PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3,
// section 5.1.10).
type requestOptions struct {
	RPID             string       `json:"rpId"`
	Challenge        string       `json:"challenge"`
	AllowCredentials []descriptor `json:"allowCredentials,omitempty"`
	Timeout          int          `json:"timeout"`
	UserVerification string       `json:"userVerification"`
}

// descriptor names a passkey to a browser.
type descriptor struct {
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
	Type       string   `json:"type"`
}

func descriptors(keys []Passkey) []descriptor {
	all := make([]descriptor, len(keys))
	for i, k := range keys {
		all[i] = descriptor{ID: k.Credential(), Type: string(protocol.PublicKeyCredentialType)}
		if k.Transports != "" {
			all[i].Transports = strings.Split(k.Transports, ",")
		}
	}
	return all
}

// userVerification is what is asked of authenticators. If it is required, answers
// of those that have not verified their user are refused. Else such a passkey is
// one factor.
func (s *Service) userVerification() protocol.UserVerificationRequirement {
	return protocol.UserVerificationRequirement(s.Settings.Now().PasskeyVerification)
}

// begin notes a ceremony under a new challenge.
func (s *Service) begin(ctx context.Context, c Ceremony, browser Token) (challenge string, err error) {
	raw := make([]byte, challengeSize)
	rand.Read(raw)
	challenge = base64.RawURLEncoding.EncodeToString(raw)
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
	case r.Upgrade && (full || due != nil || !s.Settings.Now().PasskeyAutoUpgrade || !s.upgradable(actor.Session)):
		return json.RawMessage("null"), nil
	case due != nil: // or a password would be enough to make a factor, and to go on by that
		return nil, due
	case full:
		return nil, shared.ErrTooManyPasskeys
	case r.Upgrade:
		verification = protocol.VerificationPreferred
	}
	c := Ceremony{Kind: ceremonyRegister, Unasked: r.Upgrade, UserID: actor.User.ID, SessionID: actor.Session.ID}
	challenge, err := s.begin(ctx, c, browser)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = actor.User.Email
	}
	return json.Marshal(creationOptions{
		Challenge:          challenge,
		RP:                 map[string]string{"id": s.RelyingParty.ID, "name": s.Settings.Now().AppName},
		User:               map[string]string{"id": actor.User.HandleText(), "name": name, "displayName": actor.User.Email},
		PubKeyCredParams:   algorithms,
		Timeout:            ceremonyTimeout,
		Attestation:        string(protocol.PreferNoAttestation),
		ExcludeCredentials: descriptors(keys),
		AuthenticatorSelection: selection{
			// At sign-in nobody says who they are: the authenticator has to find it.
			Attachment: r.Attachment, ResidentKey: string(protocol.ResidentKeyRequirementRequired), RequireResidentKey: true, UserVerification: string(verification),
		},
		Extensions: map[string]bool{"credProps": true},
		Hints:      []string{},
	})
}

// upgradable reports whether the session is of a password that was entered just
// now: what is made without asking must be of who has just signed in.
func (s *Service) upgradable(session Session) bool {
	first, _, _ := strings.Cut(session.Method, "+")
	return first == MethodPassword && s.Now().Sub(session.CreatedAt) < s.Settings.Now().FreshWindow
}

// AuthenticateOptions are options to use a passkey with in a browser, as JSON: a
// passkey of the actor's user, in the session if there is one; or, if the caller is
// unknown, of any user.
func (s *Service) AuthenticateOptions(ctx context.Context, actor Actor, browser Token) (json.RawMessage, error) {
	c := Ceremony{Kind: ceremonyAuthenticate, SessionID: actor.Session.ID}
	o := requestOptions{RPID: s.RelyingParty.ID, Timeout: ceremonyTimeout, UserVerification: string(s.userVerification())}
	if actor.User.ID != "" {
		keys, err := s.Store.Passkeys(ctx, actor.User.ID)
		if err != nil {
			return nil, err
		}
		c.UserID, o.AllowCredentials = actor.User.ID, descriptors(keys)
	}
	var err error
	if o.Challenge, err = s.begin(ctx, c, browser); err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// take spends the challenge that an answer says it is for, before anything of
// the answer is believed. An answer to none of its browser's spends them all: it
// is an attempt, whatever it says. It then fails as refused; and with
// [shared.ErrPasskeyChallenge] if there were none.
func (s *Service) take(ctx context.Context, browser Token, kind string, client *protocol.CollectedClientData, refused error) (Ceremony, error) {
	if client != nil {
		c, err := s.Store.TakeCeremony(ctx, browser.Hash(), challengeHash(client.Challenge), kind, s.Now())
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

// ofOurPage is what the library does not ask of client data, or not as
// strictly.
func (rp RelyingParty) ofOurPage(c protocol.CollectedClientData) bool {
	return slices.Contains(rp.Origins, c.Origin) && !c.CrossOrigin && c.TopOrigin == ""
}

// person is a user as the library asks for one.
type person struct {
	User
	keys []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return p.Handle }
func (p person) WebAuthnName() string                       { return p.Email }
func (p person) WebAuthnDisplayName() string                { return p.Email }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.keys }

// judgeRegistration is the passkey that an authenticator says it has made. It
// fails with [shared.ErrPasskeyChallenge], with [shared.ErrPasskeyOfAnother] if
// it was asked to make it for somebody else, and with [shared.ErrRegistration].
func (s *Service) judgeRegistration(ctx context.Context, actor Actor, browser Token, response json.RawMessage) (Passkey, error) {
	parsed, parseErr := protocol.ParseCredentialCreationResponseBytes(response)
	var client *protocol.CollectedClientData
	if parseErr == nil {
		client = &parsed.Response.CollectedClientData
	}
	ceremony, err := s.take(ctx, browser, ceremonyRegister, client, shared.ErrRegistration)
	switch {
	case err != nil:
		return Passkey{}, err
	case ceremony.UserID != actor.User.ID:
		return Passkey{}, shared.ErrPasskeyOfAnother
	case ceremony.SessionID != actor.Session.ID:
		return Passkey{}, shared.ErrPasskeyChallenge
	case !s.RelyingParty.ofOurPage(*client):
		return Passkey{}, shared.ErrRegistration
	}
	asked := webauthn.SessionData{
		Challenge: client.Challenge, RelyingPartyID: s.RelyingParty.ID, UserID: actor.User.Handle, CredParams: algorithms,
		UserVerification: protocol.VerificationPreferred,
	}
	flags := parsed.Response.AttestationObject.AuthData.Flags
	if ceremony.Unasked {
		// Nobody was there to be present or verified: WebAuthn Level 3, section
		// 7.1, step 14.
		asked.Mediation = protocol.MediationConditional
	} else if s.userVerification() == protocol.VerificationRequired {
		asked.UserVerification = protocol.VerificationRequired
		if flags.HasUserPresent() && !flags.HasUserVerified() {
			return Passkey{}, shared.ErrRegistrationUnverified
		}
	}
	if o := parsed.Response.AttestationObject; !plain(o) || !usable(o.AuthData.AttData.CredentialPublicKey) {
		return Passkey{}, shared.ErrRegistration
	}
	verifier, err := s.RelyingParty.verifier()
	if err != nil {
		return Passkey{}, err
	}
	made, err := verifier.CreateCredential(person{User: actor.User}, asked, parsed)
	if err != nil || len(made.ID) == 0 || len(made.ID) > maxCredentialID {
		return Passkey{}, shared.ErrRegistration
	}
	return newPasskey(actor.User.ID, made, s.Now()), nil
}

// plain reports whether an attestation is what we ask for: none, or that of the
// passkey's own key. Certificates say nothing here, and can be made so that
// looking at them takes seconds.
func plain(a protocol.AttestationObject) bool {
	_, certified := a.AttStatement["x5c"]
	return a.Format == string(protocol.AttestationFormatNone) || a.Format == string(protocol.AttestationFormatPacked) && !certified
}

// usable reports whether a COSE key is one that can sign in: on its curve, of
// the type that goes with its algorithm, and not so large that a stranger could
// keep us busy with it.
func usable(key []byte) bool {
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return false
	}
	switch k := parsed.(type) {
	case webauthncose.OKPPublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgEdDSA)
	case webauthncose.EC2PublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256)
	case webauthncose.RSAPublicKeyData:
		bits := new(big.Int).SetBytes(k.Modulus).BitLen()
		e := new(big.Int).SetBytes(k.Exponent)
		return k.Algorithm == int64(webauthncose.AlgRS256) && bits >= minRSA && bits <= maxRSA && e.Cmp(big.NewInt(65537)) == 0
	}
	return false
}

const (
	minRSA = 2048 // bits: NIST SP 800-57, part 1, for today
	maxRSA = 4096 // takes a tenth of a millisecond to look at
)

// rightPasskey is an answer of an authenticator that was right when it was
// looked at. It is worth nothing until it is used, in the transaction of what it
// is good for.
type rightPasskey struct {
	Passkey  // as it is once it is used
	user     User
	verified bool // it has verified its user just now
}

// ErrSignature says that another key than the passkey's has signed an answer.
var ErrSignature = errors.New("the signature is wrong")

// decoyKey is a P-256 key, in COSE, whose private half is forgotten: what is
// asked of a passkey that is not known here, so that the answer takes as long as
// to one that is.
var decoyKey = func() []byte {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		panic(err)
	}
	key, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	})
	if err != nil {
		panic(err)
	}
	return key
}()

// judgePasskey looks at the answer of an authenticator to a challenge that was
// asked in the given session; in any, or in none, if it is nil. It fails with
// [shared.ErrPasskeyChallenge]; with [shared.ErrPasskeyNotFound] if the passkey is
// not known here, whatever else is wrong; and with [shared.ErrAuthentication],
// which is also [ErrSignature] if the signature is wrong.
func (s *Service) judgePasskey(ctx context.Context, session *Session, from Client, browser Token, response json.RawMessage) (right rightPasskey, err error) {
	parsed, parseErr := protocol.ParseCredentialRequestResponseBytes(response)
	var client *protocol.CollectedClientData
	if parseErr == nil {
		client = &parsed.Response.CollectedClientData
	}
	ceremony, err := s.take(ctx, browser, ceremonyAuthenticate, client, shared.ErrAuthentication)
	switch {
	case err != nil:
		return right, err
	case session != nil && ceremony.SessionID != session.ID:
		return right, shared.ErrPasskeyChallenge
	}
	key, user, err := s.Store.PasskeyByCredential(ctx, parsed.RawID)
	known := !errors.Is(err, ErrNotFound)
	if known && err != nil {
		return right, err
	}
	flags := parsed.Response.AuthenticatorData.Flags
	if !known {
		key = Passkey{CredentialID: parsed.RawID, PublicKey: decoyKey, BackupEligible: flags.HasBackupEligible()}
	}
	right = rightPasskey{Passkey: key, user: user, verified: flags.HasUserVerified()}
	err = s.judgeAssertion(right, ceremony, parsed)
	if !known && (err == nil || errors.Is(err, shared.ErrAuthentication)) {
		err = shared.ErrPasskeyNotFound
	}
	if err != nil {
		e := s.event(EventPasskeyFailed, key.UserID, from)
		e.Subject = key.ID
		return right, s.auditFailure(ctx, e, err)
	}
	now := s.Now()
	right.SignCount, right.LastUsedAt = int64(parsed.Response.AuthenticatorData.Counter), &now
	right.BackupEligible, right.BackedUp, right.UserVerified = flags.HasBackupEligible(), flags.HasBackupState(), right.verified
	return right, nil
}

// judgeAssertion does what WebAuthn Level 3, section 7.2, asks, but for the
// counter, which is judged when the passkey is used. Whose the passkey is, is
// judged last: a stranger must not learn it, nor whether it is there.
func (s *Service) judgeAssertion(p rightPasskey, ceremony Ceremony, parsed *protocol.ParsedCredentialAssertionData) error {
	flags, handle := parsed.Response.AuthenticatorData.Flags, parsed.Response.UserHandle
	switch {
	case !s.RelyingParty.ofOurPage(parsed.Response.CollectedClientData):
		return shared.ErrAuthentication
	case ceremony.UserID == "" && len(handle) == 0: // who it is, it has to say
		return shared.ErrAuthentication
	case s.userVerification() == protocol.VerificationRequired && flags.HasUserPresent() && !flags.HasUserVerified():
		return shared.ErrAuthenticationUnverified
	}
	asked := webauthn.SessionData{
		Challenge: parsed.Response.CollectedClientData.Challenge, RelyingPartyID: s.RelyingParty.ID, UserID: handle,
		UserVerification: s.userVerification(),
	}
	key := webauthn.Credential{ID: p.CredentialID, PublicKey: p.PublicKey}
	// A passkey that was of one device may become one that is synced, as when
	// iCloud Keychain is switched on. The library takes any change for a fault.
	key.Flags.BackupEligible = p.BackupEligible || flags.HasBackupEligible()
	verifier, err := s.RelyingParty.verifier()
	if err != nil {
		return err
	}
	_, err = verifier.ValidateLogin(person{User: User{Handle: handle}, keys: []webauthn.Credential{key}}, asked, parsed)
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Type == protocol.ErrAssertionSignature.Type {
		return fmt.Errorf("%w: %w", shared.ErrAuthentication, ErrSignature)
	}
	if err != nil || len(handle) > 0 && !bytes.Equal(handle, p.user.Handle) || ceremony.UserID != "" && ceremony.UserID != p.user.ID {
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
