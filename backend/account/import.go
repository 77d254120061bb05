package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/backend/passhash"
	"latchkey/backend/webauthn"
	"latchkey/shared"
)

// An Import records that the users of another system were imported.
type Import struct {
	N      int `bun:",pk"` // 1
	Source string
	At     time.Time
	Report string // JSON
}

// ErrNotEmpty means that a database has accounts already.
var ErrNotEmpty = errors.New("the database has accounts already")

// Refused is the reason for which an [Importer] does not take something over. It completes the
// sentence "They were not taken over:".
type Refused string

func (r Refused) Error() string { return string(r) }

// The reasons of an [Importer].
const (
	RefusedAddress    Refused = "the email address is not valid here"
	RefusedTwin       Refused = "another user has the same email address"
	RefusedUserID     Refused = "the ID is empty, longer than 255 bytes, not valid here or not unique"
	RefusedNoUser     Refused = "the user was not taken over"
	RefusedHash       Refused = "the form of the password's hash is unknown"
	RefusedExpensive  Refused = "the password's hash takes more than a second or 256 MiB"
	RefusedSecond     Refused = "the user has another one already"
	RefusedCredential Refused = "another passkey has the same credential ID"
	RefusedKey        Refused = "the public key is not valid"
	RefusedExpired    Refused = "it has expired"
	RefusedTooOld     Refused = "it is older than SESSION_LIFETIME"
	RefusedTooMany    Refused = "the user has more than SESSIONS_PER_USER"
	RefusedDisabled   Refused = "the user is banned"
)

// importEvent records an import of a source.
func (s *Service) importEvent(source string) audit.Event {
	e := s.event(shared.EventImported, "", Client{})
	e.Subject = source
	return e
}

// importBatch is how many rows one statement inserts. A larger batch is not faster.
const importBatch = 500

// An Importer adds the users of another system, with what they have there. Each method fails
// with [Refused] if a rule does not allow that. Any other error ends the import.
type Importer struct {
	s     *Service
	tx    Store // nil if nothing is to be written
	has   Store // the tx if the database has users already, or else nil
	write func(ctx context.Context, rows any) error

	users       map[string]*importedUser
	emails      map[string]bool
	credentials map[string]bool

	rows importRows
}

// An importedUser is what the rules need to know about a user who was added.
type importedUser struct {
	createdAt               time.Time
	disabled                bool
	password, totp, passkey bool
	sessions                int
}

// importRows are rows that are not written yet.
type importRows struct {
	users     []User
	passwords []Password
	totps     []TOTP
	sets      []BackupCodeSet
	codes     []BackupCode
	passkeys  []Passkey
	sessions  []Session
	devices   []TrustedDevice
	tokens    []OneTimeToken
}

// TryImport calls fn with an Importer that writes nothing.
func (s *Service) TryImport(fn func(*Importer) error) error {
	return fn(s.newImporter(nil))
}

// Import calls fn with an Importer for an empty database, and records what fn returns as the
// report. All is written in one transaction. If the database has an import already, it changes
// nothing and returns that. It fails with [ErrNotEmpty] if the database has accounts of
// another origin.
func (s *Service) Import(
	ctx context.Context, source string, fn func(*Importer) (report any, err error),
) (done Import, earlier bool, err error) {
	err = s.Store.Tx(ctx, func(tx Store) error {
		if err := tx.LockUsers(ctx); err != nil {
			return err
		}
		done, err = tx.Import(ctx)
		if earlier = err == nil; earlier || !errors.Is(err, ErrNotFound) {
			return err
		}
		if any, err := tx.AnyUser(ctx); err != nil {
			return err
		} else if any {
			return ErrNotEmpty
		}
		report, err := s.addImported(ctx, tx, nil, fn)
		if err != nil {
			return err
		}
		done = Import{N: 1, Source: source, At: s.Now(), Report: report}
		return errors.Join(tx.AddImport(ctx, done), tx.AddEvent(ctx, s.Keys, s.importEvent(source)))
	})
	return done, earlier, err
}

// ImportUsers calls fn with an Importer that adds users to those of the database, in one
// transaction.
func (s *Service) ImportUsers(ctx context.Context, fn func(*Importer) (report any, err error)) error {
	return s.Store.Tx(ctx, func(tx Store) error {
		if _, err := s.addImported(ctx, tx, tx, fn); err != nil {
			return err
		}
		return tx.AddEvent(ctx, s.Keys, s.importEvent("users"))
	})
}

// addImported calls fn with an Importer that writes to tx, and returns the report as JSON. has is
// that of an Importer.
func (s *Service) addImported(ctx context.Context, tx, has Store, fn func(*Importer) (report any, err error)) (string, error) {
	i := s.newImporter(tx)
	i.has = has
	report, err := fn(i)
	if err == nil {
		err = i.flush(ctx, 1)
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(report)
	return string(text), err
}

func (s *Service) newImporter(tx Store) *Importer {
	i := &Importer{s: s, tx: tx, write: func(context.Context, any) error { return nil }}
	if tx != nil {
		i.write = tx.AddRows
	}
	i.users, i.emails, i.credentials = make(map[string]*importedUser), make(map[string]bool), make(map[string]bool)
	return i
}

// Reserve keeps the account of an address for the user of a later [Importer.AddUser] who has
// it in exactly this form.
func (i *Importer) Reserve(email string) { i.emails[email] = false }

// AddUser adds a user. Its ID stays. The name loses what [shared.ParseName] refuses, and an
// image that is not valid is left out. It gets a new [User].Handle.
func (i *Importer) AddUser(ctx context.Context, u User) error {
	email, err := address.Parse(u.Email)
	if err != nil {
		return RefusedAddress
	}
	taken, known := i.emails[email]
	switch {
	case taken, known && u.Email != email: // another user has it in exactly this form
		return RefusedTwin
	case !isImportedID(u.ID) || i.users[u.ID] != nil:
		return RefusedUserID
	}
	if err := i.checkNew(ctx, u.ID, email); err != nil {
		return err
	}
	now := i.s.Now()
	u.Email, u.Name = email, importedName(u.Name)
	if checkImage(u.Image) != nil {
		u.Image = nil
	}
	u.Handle = newHandle()
	u.CreatedAt, u.UpdatedAt = importedTime(u.CreatedAt, now), importedTime(u.UpdatedAt, now)
	i.emails[email], i.users[u.ID] = true, &importedUser{createdAt: u.CreatedAt, disabled: u.DisabledAt != nil}
	i.rows.users = append(i.rows.users, u)
	return i.flush(ctx, importBatch)
}

// checkNew fails with [Refused] if the database has a user with the address or the ID already.
func (i *Importer) checkNew(ctx context.Context, id, email string) error {
	if i.has == nil {
		return nil
	}
	_, _, err := i.has.UserByEmail(ctx, email)
	if err == nil {
		return RefusedTwin
	}
	if errors.Is(err, ErrNotFound) {
		_, err = i.has.UserByID(ctx, id)
	}
	if err == nil {
		return RefusedUserID
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// user returns a user that was added. It fails with [RefusedNoUser].
func (i *Importer) user(id string) (*importedUser, error) {
	u := i.users[id]
	if u == nil {
		return nil, RefusedNoUser
	}
	return u, nil
}

// AddPassword adds the hash of a user's password, in one of the forms of [passhash.Form].
func (i *Importer) AddPassword(ctx context.Context, user, hash string, changedAt time.Time) error {
	u, err := i.user(user)
	switch {
	case err != nil:
		return err
	case u.password:
		return RefusedSecond
	}
	switch passhash.FormOf(hash) {
	case passhash.Unknown:
		return RefusedHash
	case passhash.Expensive:
		return RefusedExpensive
	}
	u.password = true
	i.rows.passwords = append(i.rows.passwords, Password{UserID: user, Hash: hash, ChangedAt: importedTime(changedAt, i.s.Now())})
	return i.flush(ctx, importBatch)
}

// AddTOTP adds the key of a user's authenticator app, and the backup codes, and returns how many of
// these it has added: see [usableCodes]. The user's TwoFactorEnabled must be true.
func (i *Importer) AddTOTP(ctx context.Context, user string, key []byte, codes []string) (n int, err error) {
	u, err := i.user(user)
	switch {
	case err != nil:
		return 0, err
	case u.totp:
		return 0, RefusedSecond
	}
	codes = usableCodes(codes)
	u.totp = true
	now := i.s.Now()
	a := TOTP{ID: rand.Text(), UserID: user, Verified: true, Since: &now}
	a.Secret = i.s.Keys.Seal(string(key), a.aad())
	i.rows.totps = append(i.rows.totps, a)
	if len(codes) > 0 && i.tx != nil {
		set := newBackupCodeSet(user)
		set.Iterations = importedCodeIterations
		i.rows.sets = append(i.rows.sets, set)
		for _, code := range codes {
			i.rows.codes = append(i.rows.codes, BackupCode{user, i.s.Keys.MAC(backupCodePurpose, set.hash(code))})
		}
	}
	return len(codes), i.flush(ctx, importBatch)
}

// AddPasskey adds a passkey, whose user handle is unknown. An empty name, ID or time of its
// creation gets a value.
func (i *Importer) AddPasskey(ctx context.Context, p Passkey) error {
	u, err := i.user(p.UserID)
	switch {
	case err != nil:
		return err
	case i.credentials[string(p.CredentialID)]:
		return RefusedCredential
	case !webauthn.IsCredentialID(p.CredentialID) || !webauthn.IsUsableKey(p.PublicKey):
		return RefusedKey
	}
	i.credentials[string(p.CredentialID)], u.passkey = true, true
	if !isImportedID(p.ID) {
		p.ID = rand.Text()
	}
	p.AAGUID, p.Transports = webauthn.ParseAAGUID(p.AAGUID), strings.Join(webauthn.ParseTransports(strings.Split(p.Transports, ",")), ",")
	if p.Name != nil {
		if name := importedName(*p.Name); name != "" {
			p.Name = &name
		} else {
			p.Name = nil
		}
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = u.createdAt
	}
	p.CreatedAt, p.HandleUnknown, p.SignCount = importedTime(p.CreatedAt, i.s.Now()), true, max(p.SignCount, 0)
	i.rows.passkeys = append(i.rows.passkeys, p)
	return i.flush(ctx, importBatch)
}

// AddSession adds a session whose token is the given one. The sessions of a user must come one
// after the other, the most recently used one first. The session is as fresh as it was: the
// user last confirmed their identity when it began.
func (i *Importer) AddSession(ctx context.Context, session Session, token Token) error {
	u, err := i.user(session.UserID)
	now, set := i.s.Now(), i.s.Settings.Now()
	session.CreatedAt, session.LastActiveAt = importedTime(session.CreatedAt, now), importedTime(session.LastActiveAt, now)
	end := session.CreatedAt.Add(set.SessionLifetime)
	switch {
	case err != nil:
		return err
	case u.disabled:
		return RefusedDisabled
	case !session.ExpiresAt.After(now):
		return RefusedExpired
	case !end.After(now):
		return RefusedTooOld
	case u.sessions >= set.SessionsPerUser:
		return RefusedTooMany
	}
	u.sessions++
	if !isImportedID(session.ID) {
		session.ID = rand.Text()
	}
	if ip, err := netip.ParseAddr(session.IP); err != nil || ip.Zone() != "" { // a zone may be any text
		session.IP = ""
	}
	session.UserAgent = strings.ToValidUTF8(session.UserAgent[:min(len(session.UserAgent), MaxUserAgent)], "")
	session.Method, session.TokenHash = MethodImported, token.Hash()
	session.ConfirmedAt, session.ExpiresAt = session.CreatedAt, earlier(session.ExpiresAt, end)
	i.rows.sessions = append(i.rows.sessions, session)
	return i.flush(ctx, importBatch)
}

// AddTrustedDevice adds a device that needs no second factor. Its token is the given one.
func (i *Importer) AddTrustedDevice(ctx context.Context, user string, token Token, createdAt, expiresAt time.Time) error {
	u, err := i.user(user)
	now := i.s.Now()
	switch {
	case err != nil:
		return err
	case u.disabled:
		return RefusedDisabled
	case !expiresAt.After(now):
		return RefusedExpired
	}
	createdAt = importedTime(createdAt, now)
	i.rows.devices = append(i.rows.devices, TrustedDevice{
		ID: rand.Text(), UserID: user, Hash: token.Hash(),
		CreatedAt: createdAt, LastUsedAt: createdAt, ExpiresAt: earlier(expiresAt, now.Add(TrustLifetime)),
	})
	return i.flush(ctx, importBatch)
}

// AddResetLink adds a link that sets a new password. Its token is text.
func (i *Importer) AddResetLink(ctx context.Context, user, text string, createdAt, expiresAt time.Time) error {
	u, err := i.user(user)
	now := i.s.Now()
	token, ok := parseLinkToken(text)
	switch {
	case err != nil:
		return err
	case u.disabled:
		return RefusedDisabled
	case !ok || !expiresAt.After(now):
		return RefusedExpired
	}
	t := OneTimeToken{
		Hash: token.Hash(), Purpose: purposeReset, UserID: user,
		CreatedAt: importedTime(createdAt, now), ExpiresAt: earlier(expiresAt, now.Add(importedLinkLifetime)),
	}
	t.Data = i.s.Keys.Seal("{}", t.aad()) // a passwordReset without a cause
	i.rows.tokens = append(i.rows.tokens, t)
	return i.flush(ctx, importBatch)
}

// importedLinkLifetime is the lifetime of links that reset a password in Better Auth.
const importedLinkLifetime = time.Hour

// ImportedUsers are users of an [Importer].
type ImportedUsers struct {
	WithoutWayIn int // those with neither a password nor a passkey, who must request a link by email
	PasskeyOnly  int // those with passkeys and without a password
}

// Users counts the users that were added.
func (i *Importer) Users() (n ImportedUsers) {
	for _, u := range i.users {
		switch {
		case u.password:
		case u.passkey:
			n.PasskeyOnly++
		default:
			n.WithoutWayIn++
		}
	}
	return n
}

// flush writes the rows if there are at least n of one table. Rows of other tables refer to
// those of users, so these are written first.
func (i *Importer) flush(ctx context.Context, n int) error {
	r := &i.rows
	if max(len(r.users), len(r.passwords), len(r.totps), len(r.codes), len(r.passkeys), len(r.sessions), len(r.devices), len(r.tokens)) < n {
		return nil
	}
	for _, rows := range []struct {
		n    int
		rows any
	}{
		{len(r.users), &r.users}, {len(r.passwords), &r.passwords}, {len(r.totps), &r.totps}, {len(r.sets), &r.sets},
		{len(r.codes), &r.codes}, {len(r.passkeys), &r.passkeys}, {len(r.sessions), &r.sessions}, {len(r.devices), &r.devices},
		{len(r.tokens), &r.tokens},
	} {
		if rows.n == 0 {
			continue
		}
		if err := i.write(ctx, rows.rows); err != nil {
			return err
		}
	}
	*r = importRows{
		users: r.users[:0], passwords: r.passwords[:0], totps: r.totps[:0], sets: r.sets[:0], codes: r.codes[:0],
		passkeys: r.passkeys[:0], sessions: r.sessions[:0], devices: r.devices[:0], tokens: r.tokens[:0],
	}
	return nil
}

type importStore interface {
	// LockUsers keeps all other transactions from adding or changing users until this one ends.
	LockUsers(ctx context.Context) error
	// AnyUser reports whether there is any account.
	AnyUser(ctx context.Context) (bool, error)
	// AddRows adds rows. rows is a pointer to a slice of one of the types that are stored.
	AddRows(ctx context.Context, rows any) error
	// Import returns the import of the database. It fails with [ErrNotFound] if there was none.
	Import(ctx context.Context) (Import, error)
	AddImport(ctx context.Context, i Import) error
}
