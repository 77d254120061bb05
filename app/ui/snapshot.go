package ui

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/app/client"
	"latchkey/app/passkey"
	"latchkey/shared"
)

// snapshot is the account data that the app stores in the browser to show it without a
// network. It holds only data that the page shows, and no tokens, handles or secrets.
type snapshot struct {
	User shared.User `json:"user"`
	At   shared.Time `json:"at"` // when the server last confirmed the user, by this browser's clock

	// Ahead is how far the server's clock was ahead of the browser's, in milliseconds.
	// The following times are by the server's clock, even without a network.
	Ahead int64 `json:"ahead"`

	Since    shared.Time `json:"since"`              // when the session began
	Language string      `json:"language,omitempty"` // the user's choice

	Overview  *snapshotOverview             `json:"overview,omitempty"`
	Sessions  *snapshotList[shared.Session] `json:"sessions,omitempty"`
	Passkeys  *snapshotList[shared.Passkey] `json:"passkeys,omitempty"`
	TwoFactor *snapshotState                `json:"twoFactor,omitempty"`

	Used []string `json:"used,omitempty"` // the checksums of the passkeys of this device that were used in this browser
}

type snapshotList[T any] struct {
	At   shared.Time `json:"at"`
	List []T         `json:"list"`
}

type snapshotOverview struct {
	At    shared.Time     `json:"at"`
	Value shared.Overview `json:"value"`
}

type snapshotState struct {
	At    shared.Time      `json:"at"`
	State shared.TwoFactor `json:"state"`
}

// snapshotTTL is how long the app shows a snapshot without a response from the server. After
// that, a device that was lost while offline shows nothing.
const snapshotTTL = 7 * 24 * time.Hour

// clockError is how far a clock may be set back. An attacker could set it back further to
// extend the time for which a snapshot is shown.
const clockError = time.Hour

// expired reports whether data that the server confirmed at a time is too old to be shown. It
// uses the wall clock, because the monotonic clock may stop while the machine sleeps.
func expired(at time.Time) bool {
	age := time.Since(at.Round(0))
	return age > snapshotTTL || age < -clockError
}

// snapshotKey is the name of the snapshot in the storage. Do not rename it: installed apps
// have stored snapshots under this name.
const snapshotKey = "latchkey.kept"

// snapshots stores the snapshot of the signed-in account: in local, or in session for a
// session that ends with the browser.
type snapshots struct {
	local, session storage
	client         *client.Client // tells how far the server's clock is ahead
	preferences    *preferences

	// early is the snapshot of an account whose storage is not known yet. After a sign-in
	// the page fetches the session and its lists at the same time, and a list may arrive
	// first.
	early *snapshot
}

// load returns the snapshot, or nil if there is none. It wipes a snapshot that has expired or
// is invalid.
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

// saveUser saves the signed-in user in the snapshot, and deletes the snapshot of any other
// user. since is when the session began. remember means that the session may outlive the
// browser process.
func (s *snapshots) saveUser(user shared.User, since time.Time, remember bool) {
	k := s.load()
	if k == nil || k.User.ID != user.ID {
		k = new(snapshot)
		if s.early != nil && s.early.User.ID == user.ID {
			k = s.early
		}
	}
	s.early = nil
	k.User = shownUser(user)
	k.At, k.Since = shared.Time{Time: time.Now()}, shared.Time{Time: since}
	to, other := s.local, s.session
	if !remember {
		to, other = other, to
	}
	other.remove(snapshotKey)
	s.write(to, k)
}

// shownUser returns the data of a user that the page shows.
func shownUser(user shared.User) shared.User {
	return shared.User{
		ID: user.ID, Name: user.Name, Email: user.Email, EmailVerified: user.EmailVerified, TwoFactorEnabled: user.TwoFactorEnabled,
	}
}

// of returns the snapshot of an account, or an empty one if there is none.
func (s *snapshots) of(account string) *snapshot {
	if k := s.load(); k != nil && k.User.ID == account {
		return k
	}
	return new(snapshot)
}

// update changes the snapshot of an account. It does nothing if account is "".
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
		return // cannot happen: it has only strings, numbers and times
	}
	to.set(snapshotKey, string(text))
}

// saveSessions saves the data of sessions that the page shows, without their handles.
func (s *snapshots) saveSessions(account string, list []shared.Session, at time.Time) {
	shown := shownSessions(list)
	s.update(account, func(k *snapshot) { k.Sessions = &snapshotList[shared.Session]{shared.Time{Time: at}, shown} })
}

// shownSessions returns the data of sessions that the page shows.
func shownSessions(list []shared.Session) []shared.Session {
	shown := make([]shared.Session, len(list))
	for i, one := range list {
		shown[i] = shared.Session{
			CreatedAt: one.CreatedAt, IPAddress: one.IPAddress, IsCurrent: one.IsCurrent, IsNew: one.IsNew,
			LastActiveAt: one.LastActiveAt, Device: one.Device, Method: one.Method, ExpiresAt: one.ExpiresAt,
			PasskeyName: one.PasskeyName,
		}
	}
	return shown
}

// numberRows sets the handles of sessions, which the snapshot lacks, to row numbers.
func numberRows(list []shared.Session) []shared.Session {
	for i := range list {
		list[i].Token = strconv.Itoa(i)
	}
	return list
}

// saveOverview saves the overview as the home shows it. The home asks no question without a
// network, because the answer could not be sent.
func (s *snapshots) saveOverview(account string, o shared.Overview, at time.Time) {
	o.User, o.Question = shownUser(o.User), nil
	o.Sessions.Newest = shownSessions(o.Sessions.Newest)
	if o.Newest != nil {
		o.Newest = &shared.Event{At: o.Newest.At, Kind: o.Newest.Kind, Text: o.Newest.Text}
	}
	s.update(account, func(k *snapshot) { k.Overview = &snapshotOverview{shared.Time{Time: at}, o} })
}

// overview returns the overview in the snapshot and when it was loaded, or the zero time if
// there is none. The handles of its sessions are row numbers.
func (s *snapshots) overview(account string) (shared.Overview, time.Time) {
	saved := s.of(account).Overview
	if saved == nil {
		return shared.Overview{}, time.Time{}
	}
	numberRows(saved.Value.Sessions.Newest)
	return saved.Value, saved.At.Time
}

// saveLanguage saves the user's choice of language.
func (s *snapshots) saveLanguage(account, choice string) {
	s.update(account, func(k *snapshot) { k.Language = choice })
}

// sessions returns the sessions of the snapshot and when they were loaded, or the zero time if
// there are none. Their handles are row numbers.
func (s *snapshots) sessions(account string) ([]shared.Session, time.Time) {
	saved := s.of(account).Sessions
	if saved == nil {
		return nil, time.Time{}
	}
	return numberRows(saved.List), saved.At.Time
}

// savePasskeys saves the data of passkeys that the page shows, with checksums in place of
// their IDs.
func (s *snapshots) savePasskeys(account string, list []shared.Passkey, at time.Time) {
	shown := make([]shared.Passkey, len(list))
	for i, one := range list {
		shown[i] = shared.Passkey{
			Name: one.Name, CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt, DeviceType: one.DeviceType,
			Provider: one.Provider, Synced: one.Synced, UserVerified: one.UserVerified, LastCredential: one.LastCredential,
			Transports: one.Transports, CredentialID: checksum(one.CredentialID),
		}
	}
	s.update(account, func(k *snapshot) { k.Passkeys = &snapshotList[shared.Passkey]{shared.Time{Time: at}, shown} })
}

// passkeys returns the passkeys of the snapshot and when they were loaded, or the zero time if
// there are none. Their IDs are row numbers.
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

// savePasskeyUsed records that the passkey of a browser's response was used in this browser, if
// it is a passkey of this device.
func (s *snapshots) savePasskeyUsed(account string, response []byte) {
	if passkey.Attached(response) {
		s.saveUsed(account, passkey.CredentialID(response))
	}
}

func (s *snapshots) saveUsed(account, credential string) {
	sum := checksum(credential)
	s.update(account, func(k *snapshot) {
		if !slices.Contains(k.Used, sum) {
			k.Used = append(k.Used, sum)
		}
	})
}

// used returns the passkeys of an account that were used in this browser, for [isUsed].
func (s *snapshots) used(account string) []string { return s.of(account).Used }

// isUsed reports whether a passkey is among used. A passkey from the snapshot has a checksum in
// place of its ID.
func isUsed(used []string, one shared.Passkey) bool {
	return slices.Contains(used, checksum(one.CredentialID)) || slices.Contains(used, one.CredentialID)
}

// checksum returns a short checksum (FNV-1a) of the ID of a passkey or an account. It tells the few
// in a browser apart, and does not reveal the ID.
func checksum(id string) string {
	sum := uint32(2166136261)
	for i := range len(id) {
		sum = (sum ^ uint32(id[i])) * 16777619
	}
	return strconv.FormatUint(uint64(sum), 36)
}

func (s *snapshots) saveTwoFactor(account string, state shared.TwoFactor, at time.Time) {
	s.update(account, func(k *snapshot) { k.TwoFactor = &snapshotState{shared.Time{Time: at}, state} })
}

// twoFactor returns the state in the snapshot and when it was loaded, or the zero time if
// there is none.
func (s *snapshots) twoFactor(account string) (shared.TwoFactor, time.Time) {
	saved := s.of(account).TwoFactor
	if saved == nil {
		return shared.TwoFactor{}, time.Time{}
	}
	return saved.State, saved.At.Time
}

// storagePrefix begins the name of everything that the app stores. An application on the same
// origin has other names.
const storagePrefix = "latchkey."

// wipe deletes everything that the app has stored in this browser, of any account. It needs no
// server. A pending sign-out stays until it reaches the server: see [pendingSignOut]. The
// preferences stay, too.
func (s *snapshots) wipe() {
	s.early = nil
	s.preferences.load() // another tab may have changed them
	defer s.preferences.save()
	for _, name := range s.session.names() {
		if strings.HasPrefix(name, storagePrefix) && name != linkKey { // of a page for users who are signed out
			s.session.remove(name)
		}
	}
	for _, name := range s.local.names() {
		if strings.HasPrefix(name, storagePrefix) && name != pendingSignOutKey && !isPreference(name) {
			s.local.remove(name)
		}
	}
}
