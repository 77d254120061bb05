package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/audit"
	"latchkey/shared"
)

// A ServerKey is a key with which an application's back end asks for the sessions of its
// users. It opens nothing without the cookie of a user.
type ServerKey struct {
	ID         string `bun:",pk"`
	Name       string
	Hash       []byte // of the [ServerKeySecret]
	CreatedAt  time.Time
	CreatedBy  string     // the ID of a user; empty for the operator
	LastUsedAt *time.Time // nil before the first use
}

// MaxServerKeys is how many server keys there can be: some for each application and each of
// its environments. The text of [shared.ErrTooManyServerKeys] has the number, too.
const MaxServerKeys = 50

// ServerKeyPrefix begins every server key, so that people and programs that scan source code
// for secrets recognize one.
const ServerKeyPrefix = "latchkey_"

// ServerKeySecret is the text of a server key. The store has only its hash.
type ServerKeySecret string

func newServerKeySecret() ServerKeySecret {
	b := make([]byte, tokenSize)
	rand.Read(b)
	return ServerKeySecret(ServerKeyPrefix + base64.RawURLEncoding.EncodeToString(b))
}

// String returns a placeholder, so that formatting does not reveal the key.
func (k ServerKeySecret) String() string { return "[server key]" }

// Hash returns the hash under which the store finds the key.
func (k ServerKeySecret) Hash() []byte {
	h := sha256.Sum256([]byte(k))
	return h[:]
}

// CreateServerKey creates a server key. The secret is not available later. The name must be
// one that no other key has. Errors: [shared.ErrServerKeyNameRequired],
// [shared.ErrNameTooLong], [shared.ErrNameControls], [shared.ErrServerKeyName],
// [shared.ErrTooManyServerKeys].
func (s *Service) CreateServerKey(ctx context.Context, actor Actor, name string) (key ServerKey, secret ServerKeySecret, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		key, secret, err = s.addServerKey(ctx, in, s.sessionEvent(shared.EventServerKeyCreated, actor), name)
		return err
	})
	return key, secret, err
}

// CreateServerKeyOnHost is CreateServerKey on behalf of the operator.
func (s *Service) CreateServerKeyOnHost(ctx context.Context, name string) (key ServerKey, secret ServerKeySecret, err error) {
	err = s.Store.Tx(ctx, func(tx Store) error {
		key, secret, err = s.addServerKey(ctx, tx, s.event(shared.EventServerKeyCreated, "", Client{}), name)
		return err
	})
	return key, secret, err
}

func (s *Service) addServerKey(ctx context.Context, tx Store, e audit.Event, name string) (ServerKey, ServerKeySecret, error) {
	name = strings.TrimSpace(name)
	switch parsed, ok := shared.ParseName(name); {
	case !ok:
		return ServerKey{}, "", shared.ErrNameControls
	case parsed == "":
		return ServerKey{}, "", shared.ErrServerKeyNameRequired
	case utf8.RuneCountInString(name) > shared.MaxName:
		return ServerKey{}, "", shared.ErrNameTooLong
	}
	secret := newServerKeySecret()
	key := ServerKey{ID: rand.Text(), Name: name, Hash: secret.Hash(), CreatedAt: s.Now(), CreatedBy: e.ActorID}
	if err := tx.AddServerKey(ctx, key, MaxServerKeys); err != nil {
		return ServerKey{}, "", err
	}
	return key, secret, tx.AddEvent(ctx, s.Keys, withServerKey(e, key))
}

// RevokeServerKey revokes the server key with an ID. It fails with [shared.ErrNoSuchServerKey]
// if there is none.
func (s *Service) RevokeServerKey(ctx context.Context, actor Actor, id string) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		_, err := s.takeServerKey(ctx, in, s.sessionEvent(shared.EventServerKeyRevoked, actor), id)
		return err
	})
}

// RevokeServerKeyOnHost revokes the server key with a name or an ID, on behalf of the
// operator. It fails with [shared.ErrNoSuchServerKey] if there is none.
func (s *Service) RevokeServerKeyOnHost(ctx context.Context, nameOrID string) (key ServerKey, err error) {
	err = s.Store.Tx(ctx, func(tx Store) error {
		keys, err := tx.ServerKeys(ctx)
		if err != nil {
			return err
		}
		id := nameOrID
		if !slices.ContainsFunc(keys, func(k ServerKey) bool { return k.ID == id }) {
			if i := slices.IndexFunc(keys, func(k ServerKey) bool { return k.Name == nameOrID }); i >= 0 {
				id = keys[i].ID
			}
		}
		key, err = s.takeServerKey(ctx, tx, s.event(shared.EventServerKeyRevoked, "", Client{}), id)
		return err
	})
	return key, err
}

func (s *Service) takeServerKey(ctx context.Context, tx Store, e audit.Event, id string) (ServerKey, error) {
	key, err := tx.TakeServerKey(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return key, shared.ErrNoSuchServerKey
	} else if err != nil {
		return key, err
	}
	return key, tx.AddEvent(ctx, s.Keys, withServerKey(e, key))
}

// withServerKey returns e with the server key that it concerns. The event concerns no account.
func withServerKey(e audit.Event, key ServerKey) audit.Event {
	e.UserID, e.Subject = "", key.ID
	return withDetail(e, map[string]string{DetailServerKey: key.Name})
}

// CheckServerKey fails with [shared.ErrServerKey] unless there is a server key with the
// secret. It asks the database at each call, so that a revoked key ends at once. It records
// when the key was used, at most once a minute.
func (s *Service) CheckServerKey(ctx context.Context, secret ServerKeySecret) error {
	key, err := s.Store.ServerKeyByHash(ctx, secret.Hash())
	if errors.Is(err, ErrNotFound) {
		return shared.ErrServerKey
	} else if err != nil {
		return err
	}
	if now := s.Now(); key.LastUsedAt == nil || now.Sub(*key.LastUsedAt) >= touchInterval {
		s.Store.TouchServerKeyLater(key.ID, now)
	}
	return nil
}

type serverKeyStore interface {
	// AddServerKey adds a server key. It fails with [shared.ErrTooManyServerKeys] if there
	// are max keys, and with [shared.ErrServerKeyName] if one of them has the name.
	AddServerKey(ctx context.Context, k ServerKey, max int) error
	// ServerKeys returns the server keys, oldest first.
	ServerKeys(ctx context.Context) ([]ServerKey, error)
	// ServerKeyByHash fails with [ErrNotFound] if no server key has the hash.
	ServerKeyByHash(ctx context.Context, hash []byte) (ServerKey, error)
	// TakeServerKey deletes a server key and returns it. It fails with [ErrNotFound] if there
	// is none.
	TakeServerKey(ctx context.Context, id string) (ServerKey, error)
	// TouchServerKeyLater records within about a second when a server key was last used, as
	// TouchSessionLater does for sessions.
	TouchServerKeyLater(id string, at time.Time)
}
