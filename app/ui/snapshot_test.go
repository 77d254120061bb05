package ui

import (
	"strings"
	"testing"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

func newSnapshots() (s *snapshots, local, session memory) {
	local, session = memory{}, memory{}
	return &snapshots{local: local, session: session, client: new(client.Client), preferences: &preferences{storage: local}}, local, session
}

var ada = shared.User{ID: "ada", Email: "ada@example.com", Name: "Ada"}

func TestSnapshotLifetime(t *testing.T) {
	s, local, session := newSnapshots()
	s.saveUser(ada, time.Now(), true)
	if len(local) != 1 || len(session) != 0 {
		t.Errorf("of a session that is remembered it keeps %v, %v", local, session)
	}
	s.saveUser(ada, time.Now(), false)
	if len(local) != 0 || len(session) != 1 {
		t.Errorf("of a session that ends with the browser it keeps %v, %v", local, session)
	}
	s.saveTwoFactor("ada", shared.TwoFactor{Enabled: true}, time.Now())
	if len(local) != 0 || len(session) != 1 {
		t.Errorf("with a state it keeps %v, %v", local, session)
	}
	if state, at := s.twoFactor("ada"); at.IsZero() || !state.Enabled {
		t.Errorf("the state is %v of %v", state, at)
	}
}

// TestWipeLeavesOthers tests that the app deletes nothing that an application on the same origin
// stores.
func TestWipeLeavesOthers(t *testing.T) {
	s, local, session := newSnapshots()
	s.saveUser(ada, time.Now(), true)
	session.set("latchkey.two-factor", "totp")
	for _, storage := range []memory{local, session} {
		storage.set("draft", "text")
		storage.set("latchkeys", "text")
	}
	s.wipe()
	for _, storage := range []memory{local, session} {
		if len(storage) != 2 || storage["draft"] != "text" || storage["latchkeys"] != "text" {
			t.Errorf("it keeps %v", storage)
		}
	}
}

// TestSnapshotEarlyList tests a list that arrives before the page knows where to store the
// snapshot.
func TestSnapshotEarlyList(t *testing.T) {
	s, local, session := newSnapshots()
	at := time.Now().Truncate(time.Second)
	s.saveSessions("ada", []shared.Session{{Token: "handle", IPAddress: "192.0.2.1"}}, at)
	if len(local)+len(session) != 0 {
		t.Fatalf("it keeps %v, %v", local, session)
	}
	s.saveUser(ada, at, false)
	list, then := s.sessions("ada")
	if len(list) != 1 || list[0].IPAddress != "192.0.2.1" || !then.Equal(at) {
		t.Errorf("the sessions are %v of %v", list, then)
	}
	if strings.Contains(session[snapshotKey], "handle") {
		t.Errorf("the handle is in %s", session[snapshotKey])
	}
}

func TestSnapshotHasOneAccount(t *testing.T) {
	s, _, _ := newSnapshots()
	s.saveUser(ada, time.Now(), true)
	s.savePasskeys("ada", []shared.Passkey{{}}, time.Now())
	if list, _ := s.passkeys("eve"); list != nil {
		t.Errorf("another account has the passkeys %v", list)
	}
	s.saveUser(shared.User{ID: "eve"}, time.Now(), true)
	for _, account := range []string{"ada", "eve"} {
		if list, _ := s.passkeys(account); list != nil {
			t.Errorf("after another user signs in, %s has the passkeys %v", account, list)
		}
	}
	s.savePasskeys("", []shared.Passkey{{}}, time.Now())
	if list, _ := s.passkeys(""); list != nil {
		t.Errorf("no account has the passkeys %v", list)
	}
}

func TestSnapshotExpires(t *testing.T) {
	for _, age := range []time.Duration{8 * 24 * time.Hour, -2 * time.Hour} {
		s, local, _ := newSnapshots()
		s.saveUser(ada, time.Now(), true)
		k := s.load()
		k.At.Time = time.Now().Add(-age)
		s.write(local, k)
		local["latchkey.other"], local[pendingSignOutKey] = "dark", "2026-05-04T12:00:00Z"
		if s.load() != nil {
			t.Errorf("after %v there is still a snapshot", age)
		}
		if len(local) != 1 || local[pendingSignOutKey] == "" {
			t.Errorf("after %v there is %v", age, local)
		}
	}
}

func TestSnapshotInvalid(t *testing.T) {
	for _, text := range []string{"{", "null", `{"user":{}}`} {
		s, local, session := newSnapshots()
		local[snapshotKey], session["latchkey.other"] = text, "x"
		if s.load() != nil || len(local)+len(session) != 0 {
			t.Errorf("%s leaves %v, %v", text, local, session)
		}
	}
}

// TestSnapshotOverview tests that the snapshot has what the home shows without a network, and
// neither handles nor what only the server needs.
func TestSnapshotOverview(t *testing.T) {
	s, local, _ := newSnapshots()
	s.saveUser(ada, time.Now(), true)
	s.saveLanguage("ada", "de")
	secret := shared.Session{ID: "secret-id", Token: "secret-token", UserID: "secret-user", UserAgent: "secret-agent", IPAddress: "192.0.2.1"}
	o := shared.Overview{
		User:      ada,
		TwoFactor: shared.TwoFactor{Enabled: true, BackupCodesLeft: 7},
		Sessions:  shared.SessionSummary{Count: 4, Newest: []shared.Session{secret, secret}},
		Question:  &secret,
		Newest: &shared.Event{
			ID: "secret-event", SessionID: "secret-session", Subject: "secret-subject", IPAddress: "secret-address", Text: "Signed in",
		},
	}
	at := time.Now().Truncate(time.Second)
	s.saveOverview("ada", o, at)
	if strings.Contains(local[snapshotKey], "secret") {
		t.Errorf("the snapshot has secrets: %s", local[snapshotKey])
	}
	if o.Sessions.Newest[0].Token != "secret-token" || o.Question == nil {
		t.Error("saving changes the overview that the page shows")
	}
	got, then := s.overview("ada")
	if !then.Equal(at) || got.User.Email != ada.Email || got.TwoFactor.BackupCodesLeft != 7 || got.Sessions.Count != 4 ||
		got.Newest.Text != "Signed in" || got.Question != nil {
		t.Errorf("the overview is %+v of %v", got, then)
	}
	if list := got.Sessions.Newest; len(list) != 2 || list[0].IPAddress != "192.0.2.1" || list[0].Token == list[1].Token {
		t.Errorf("the sessions are %+v; want two with different rows", list)
	}
	var i identity
	i.useSnapshot(s.load())
	if i.language != "de" {
		t.Errorf("without a network, the user's language is %q; want de", i.language)
	}
	if _, then := s.overview("eve"); !then.IsZero() {
		t.Error("another account has the overview")
	}
	s.wipe()
	if _, then := s.overview("ada"); !then.IsZero() {
		t.Error("the overview outlives the account's other data")
	}
}
