package ui

import (
	"encoding/json"
	"strconv"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// snapshot is all that the app keeps of an account beyond the life of a page, so
// that it has something to show without a network. It holds what the page shows of
// the account, and nothing that is good for anything else.
type snapshot struct {
	User shared.User `json:"user"`
	At   shared.Time `json:"at"` // when the server last said who is signed in, by this browser's clock

	// Ahead is how far the server's clock was ahead of the browser's, in milliseconds:
	// without a network, the times that follow are relative to the server's time still.
	Ahead int64 `json:"ahead"`

	Since shared.Time `json:"since"` // when the session began

	Sessions  *snapshotList[shared.Session] `json:"sessions,omitempty"`
	Passkeys  *snapshotList[shared.Passkey] `json:"passkeys,omitempty"`
	TwoFactor *snapshotState                `json:"twoFactor,omitempty"`
}

type snapshotList[T any] struct {
	At   shared.Time `json:"at"`
	List []T         `json:"list"`
}

type snapshotState struct {
	At    shared.Time      `json:"at"`
	State shared.TwoFactor `json:"state"`
}

// snapshotTTL is how long the app shows a snapshot without having heard from the
// server: a week, after which a device that was lost while it was offline shows
// nothing.
const snapshotTTL = 7 * 24 * time.Hour

// clockError is how far a clock may be put back. A clock that is put back further
// may be meant to have a snapshot shown for longer.
const clockError = time.Hour

// expired reports whether what the server said at a time is too old to be shown. It
// goes by the wall clock: the monotonic clock may stand still while the machine
// sleeps.
func expired(at time.Time) bool {
	age := time.Since(at.Round(0))
	return age > snapshotTTL || age < -clockError
}

// snapshotKey names the snapshot in the storage. Installed apps have snapshots of
// that name.
const snapshotKey = "latchkey.kept"

// snapshots keeps the snapshot of the account that is signed in: in local, or in
// session for a session that ends when the browser does.
type snapshots struct {
	local, session storage
	client         *client.Client // knows how far the server's clock is ahead

	// early is the snapshot of an account of which it is not known yet where it may be
	// kept. After a sign-in the page asks for that and for its lists at once, and a
	// list may be answered first.
	early *snapshot
}

// load returns the snapshot, or nil if there is none. It wipes one that has expired.
func (s *snapshots) load() *snapshot {
	for _, from := range []storage{s.local, s.session} {
		text := from.get(snapshotKey)
		if text == "" {
			continue
		}
		k := new(snapshot)
		if json.Unmarshal([]byte(text), k) != nil || k.User.ID == "" || expired(k.At.Time) {
			s.wipe()
			return nil
		}
		return k
	}
	return nil
}

// saveUser begins a snapshot of user, who is signed in, and forgets that of any
// other user. since is when the session began, and remember tells that it may
// outlive the browser's run.
func (s *snapshots) saveUser(user shared.User, since time.Time, remember bool) {
	k := s.load()
	if k == nil || k.User.ID != user.ID {
		k = new(snapshot)
		if s.early != nil && s.early.User.ID == user.ID {
			k = s.early
		}
	}
	s.early = nil
	k.User = shared.User{
		ID: user.ID, Name: user.Name, Email: user.Email, EmailVerified: user.EmailVerified, TwoFactorEnabled: user.TwoFactorEnabled,
	}
	k.At, k.Since = shared.Time{Time: time.Now()}, shared.Time{Time: since}
	to, other := s.local, s.session
	if !remember {
		to, other = other, to
	}
	other.remove(snapshotKey)
	s.write(to, k)
}

// of returns the snapshot of an account, which is empty if there is none.
func (s *snapshots) of(account string) *snapshot {
	if k := s.load(); k != nil && k.User.ID == account {
		return k
	}
	return new(snapshot)
}

// update changes the snapshot of an account, "" for none.
func (s *snapshots) update(account string, change func(*snapshot)) {
	if account == "" {
		return
	}
	k := s.of(account)
	if k.User.ID == "" {
		if s.early == nil || s.early.User.ID != account {
			s.early = &snapshot{User: shared.User{ID: account}}
		}
		change(s.early)
		return
	}
	change(k)
	to := s.local
	if to.get(snapshotKey) == "" {
		to = s.session
	}
	s.write(to, k)
}

func (s *snapshots) write(to storage, k *snapshot) {
	k.Ahead = s.client.Ahead().Milliseconds()
	text, err := json.Marshal(k)
	if err != nil {
		return // there are only strings and times in it
	}
	to.set(snapshotKey, string(text))
}

// saveSessions keeps what the page shows of sessions: not their handles.
func (s *snapshots) saveSessions(account string, list []shared.Session, at time.Time) {
	shown := make([]shared.Session, len(list))
	for i, one := range list {
		shown[i] = shared.Session{
			CreatedAt: one.CreatedAt, IPAddress: one.IPAddress, IsCurrent: one.IsCurrent,
			LastActiveAt: one.LastActiveAt, Device: one.Device, Method: one.Method,
		}
	}
	s.update(account, func(k *snapshot) { k.Sessions = &snapshotList[shared.Session]{shared.Time{Time: at}, shown} })
}

// sessions returns the sessions of the snapshot and when they were so, the zero time
// if there are none. Their handles are good for nothing but telling rows apart.
func (s *snapshots) sessions(account string) ([]shared.Session, time.Time) {
	saved := s.of(account).Sessions
	if saved == nil {
		return nil, time.Time{}
	}
	for i := range saved.List {
		saved.List[i].Token = strconv.Itoa(i)
	}
	return saved.List, saved.At.Time
}

// savePasskeys keeps what the page shows of passkeys: not which they are.
func (s *snapshots) savePasskeys(account string, list []shared.Passkey, at time.Time) {
	shown := make([]shared.Passkey, len(list))
	for i, one := range list {
		shown[i] = shared.Passkey{
			Name: one.Name, CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt, DeviceType: one.DeviceType,
			Provider: one.Provider, Synced: one.Synced, UserVerified: one.UserVerified, LastCredential: one.LastCredential,
		}
	}
	s.update(account, func(k *snapshot) { k.Passkeys = &snapshotList[shared.Passkey]{shared.Time{Time: at}, shown} })
}

// passkeys returns the passkeys of the snapshot and when they were so, the zero time
// if there are none. Their ids are good for nothing but telling rows apart.
func (s *snapshots) passkeys(account string) ([]shared.Passkey, time.Time) {
	saved := s.of(account).Passkeys
	if saved == nil {
		return nil, time.Time{}
	}
	for i := range saved.List {
		saved.List[i].ID = strconv.Itoa(i)
	}
	return saved.List, saved.At.Time
}

func (s *snapshots) saveTwoFactor(account string, state shared.TwoFactor, at time.Time) {
	s.update(account, func(k *snapshot) { k.TwoFactor = &snapshotState{shared.Time{Time: at}, state} })
}

// twoFactor returns the state of the snapshot and when it was so, the zero time if
// there is none.
func (s *snapshots) twoFactor(account string) (shared.TwoFactor, time.Time) {
	saved := s.of(account).TwoFactor
	if saved == nil {
		return shared.TwoFactor{}, time.Time{}
	}
	return saved.State, saved.At.Time
}

// wipe forgets whatever this browser keeps of any account. It needs no server. A
// pending sign-out stays until the server has heard of it: see [pendingSignOut].
func (s *snapshots) wipe() {
	s.early = nil
	for _, name := range s.session.names() {
		s.session.remove(name)
	}
	for _, name := range s.local.names() {
		if name != pendingSignOutKey {
			s.local.remove(name)
		}
	}
}
