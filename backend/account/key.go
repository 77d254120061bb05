package account

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"latchkey/shared"
)

// keySize is 32 bytes: the key of every primitive that sub-keys are made for.
const keySize = 32

// Keys are the secrets of the server that are not in its database. The first
// is the current one; the others are kept to read what was made with them.
type Keys struct {
	keys []key
}

type key struct {
	id     string
	secret []byte
}

// NewKeys makes one fresh key.
func NewKeys() Keys {
	secret := make([]byte, keySize)
	rand.Read(secret)
	return Keys{[]key{{id: strings.ToLower(rand.Text()[:8]), secret: secret}}}
}

// Rotated is the keys with a new one as the current one. The others stay, to read
// what was made with them.
func (ks Keys) Rotated() Keys { return Keys{append(NewKeys().keys, ks.keys...)} }

// ParseKeys reads a key file: a line a key, its id and then 32 bytes in
// base64, the current one first. Lines that begin with # are comments.
func ParseKeys(text string) (Keys, error) {
	var ks Keys
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, ok := strings.Cut(line, " ")
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if !ok || err != nil || len(secret) != keySize {
			return Keys{}, fmt.Errorf("line %d is not a key id followed by %d bytes in base64", n+1, keySize)
		}
		ks.keys = append(ks.keys, key{id, secret})
	}
	if len(ks.keys) == 0 {
		return Keys{}, errors.New("there is no key in it")
	}
	return ks, nil
}

// String does not print the keys.
func (ks Keys) String() string { return "[keys]" }

// Text is the keys in the form that [ParseKeys] reads.
func (ks Keys) Text() string {
	var b strings.Builder
	b.WriteString("# The keys of a Latchkey server. Keep a copy apart from the database's: without them it cannot be used.\n")
	for _, k := range ks.keys {
		fmt.Fprintf(&b, "%s %s\n", k.id, base64.StdEncoding.EncodeToString(k.secret))
	}
	return b.String()
}

// Check is the current key's id and a value that only the holder of the key
// can make. A database keeps it, so that a server with another key is refused
// at start.
func (ks Keys) Check() (id string, value []byte) {
	return ks.keys[0].id, ks.mac("key check", "")
}

// Knows reports whether one of the keys made a value of [Keys.Check].
func (ks Keys) Knows(id string, value []byte) bool {
	for _, k := range ks.keys {
		if k.id == id {
			return hmac.Equal(k.mac("key check", ""), value)
		}
	}
	return false
}

// mac is HMAC-SHA256 under a sub-key of the current key, so that a value made
// for one purpose is worthless for another.
func (ks Keys) mac(purpose, message string) []byte { return ks.keys[0].mac(purpose, message) }

// macs is what mac is, and was under each key before.
func (ks Keys) macs(purpose, message string) [][]byte {
	all := make([][]byte, 0, len(ks.keys))
	for _, k := range ks.keys {
		all = append(all, k.mac(purpose, message))
	}
	return all
}

// seal encrypts plain under the current key. Only who names the same place, a
// row's table, column and identity, can open it: a sealed value is worthless in
// another row.
func (ks Keys) seal(plain, place string) string {
	aead := ks.keys[0].aead()
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, []byte(plain), []byte(place))
	return sealedForm + "." + ks.keys[0].id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// unseal opens what seal has made, under whichever of the keys it was made.
func (ks Keys) unseal(sealed, place string) (string, error) {
	form, rest, _ := strings.Cut(sealed, ".")
	id, encoded, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || form != sealedForm {
		return "", fmt.Errorf("the sealed value at %s has another form", place)
	}
	for _, k := range ks.keys {
		if k.id != id {
			continue
		}
		aead := k.aead()
		if len(b) < aead.NonceSize() {
			break
		}
		plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(place))
		if err != nil {
			return "", fmt.Errorf("the sealed value at %s was not made for that place by these keys: %w", place, err)
		}
		return string(plain), nil
	}
	return "", &MissingKeyError{Key: id, Place: place}
}

// MissingKeyError is of a sealed value whose key the server lacks. It cannot be
// read now, which says nothing about it: nobody may take it for absent, or write
// over it.
type MissingKeyError struct {
	Key   string // the id
	Place string // table, column and what tells the row
}

func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("there is no key %q for the sealed value at %s", e.Key, e.Place)
}

// Unwrap makes errors.Is find the shared error.
func (e *MissingKeyError) Unwrap() error { return shared.ErrUnavailable }

// NoteMissingKey writes down that a call of a user, if it is known whose, needed
// a key that the server lacks.
func (s *Service) NoteMissingKey(ctx context.Context, actor Actor, missing *MissingKeyError) error {
	e := s.event(EventKeyMissing, actor.User.ID, actor.Client)
	e.Subject, e.Detail = missing.Place, detail(map[string]string{"key": missing.Key})
	return s.Store.AddEvent(ctx, s.Keys, e)
}

// resealBatch is how many rows are sealed anew in one transaction: few enough
// that nobody else waits for long.
const resealBatch = 200

// Reseal seals anew, under the current key, what is sealed under another, and
// returns how many values that was. What cannot be read stays as it is: lost says
// why. Afterwards nothing else that is sealed needs the old keys. It writes the
// log's end anew, too.
func (s *Service) Reseal(ctx context.Context) (n int, lost []error, err error) {
	again := func(tx Store, row any, column string, at *string, place string) error {
		if *at == "" || strings.HasPrefix(*at, sealedForm+"."+s.Keys.keys[0].id+".") {
			return nil
		}
		plain, err := s.Keys.unseal(*at, place)
		if err != nil {
			lost = append(lost, err)
			return nil
		}
		was := *at
		*at = s.Keys.seal(plain, place)
		resealed, err := tx.Reseal(ctx, row, column, was)
		if resealed {
			n++
		}
		return err
	}
	err = errors.Join(
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.TOTPsAfter(ctx, after, resealBatch)
			for i := range rows {
				a := &rows[i]
				after, err = a.ID, errors.Join(err, again(tx, a, "secret", &a.Secret, a.place()))
			}
			return after, len(rows), err
		}),
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.MailsAfter(ctx, after, resealBatch)
			for i := range rows {
				m := &rows[i]
				after, err = m.ID, errors.Join(err, again(tx, m, "text", &m.Text, m.place("text")),
					again(tx, m, "html", &m.HTML, m.place("html")), again(tx, m, "asked", &m.Asked, m.place("asked")))
			}
			return after, len(rows), err
		}),
		s.inBatches(ctx, func(tx Store, after string) (string, int, error) {
			rows, err := tx.OneTimeTokensAfter(ctx, []byte(after), resealBatch)
			for i := range rows {
				t := &rows[i]
				after, err = string(t.Hash), errors.Join(err, again(tx, t, "data", &t.Data, t.place()))
			}
			return after, len(rows), err
		}),
		s.Store.Tx(ctx, func(tx Store) error {
			rows, err := tx.Settings(ctx)
			for i := range rows {
				r := &rows[i]
				if slices.ContainsFunc(registry, func(k KeySpec) bool { return k.Name == r.Key && k.Secret() }) {
					err = errors.Join(err, again(tx, r, "value", &r.Value, r.place()))
				}
			}
			return err
		}),
	)
	if err != nil {
		return n, lost, err
	}
	e := s.event(EventKeyRotated, "", Client{})
	e.Detail = detail(map[string]string{"key": s.Keys.keys[0].id})
	return n, lost, s.Store.AddEvent(ctx, s.Keys, e)
}

// inBatches runs fn in one transaction after another, until it has had fewer rows
// than a batch. It is handed what it returned: after which row to go on.
func (s *Service) inBatches(ctx context.Context, fn func(tx Store, after string) (string, int, error)) error {
	after := ""
	for n := resealBatch; n == resealBatch; {
		err := s.Store.Tx(ctx, func(tx Store) (err error) {
			after, n, err = fn(tx, after)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type sealedStore interface {
	// TOTPsAfter returns up to n, by their IDs, from behind the given one on.
	TOTPsAfter(ctx context.Context, id string, n int) ([]TOTP, error)
	// MailsAfter does the same for mails.
	MailsAfter(ctx context.Context, id string, n int) ([]Mail, error)
	// OneTimeTokensAfter does the same for tokens, by their hashes.
	OneTimeTokensAfter(ctx context.Context, hash []byte, n int) ([]OneTimeToken, error)
	// Reseal writes a column of a row, which is a pointer to one of the above or
	// to a [Setting], and reports whether it did: not if it is no longer as it
	// was.
	Reseal(ctx context.Context, row any, column, was string) (bool, error)
}

// sealedForm begins sealed values: XChaCha20-Poly1305, whose nonces are long
// enough to be random.
const sealedForm = "v1"

// aead is the cipher of sealed values.
func (k key) aead() cipher.AEAD {
	aead, err := chacha20poly1305.NewX(k.sub("seal"))
	if err != nil {
		panic(err) // only for keys of another size
	}
	return aead
}

func (k key) mac(purpose, message string) []byte {
	h := hmac.New(sha256.New, k.sub(purpose))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// sub is the key of one purpose.
func (k key) sub(purpose string) []byte {
	sub, err := hkdf.Key(sha256.New, k.secret, nil, "latchkey "+purpose, keySize)
	if err != nil {
		panic(err) // only for lengths over 255 hashes
	}
	return sub
}
