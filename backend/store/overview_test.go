package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/backend/store/storetest"
)

// TestAccountState checks that the state of an account has nothing of other accounts and
// nothing that has expired.
func TestAccountState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		later, past := now.Add(time.Hour), now.Add(-time.Hour)
		required := []string{"users.manage", "settings.manage"}
		for _, user := range []string{"ann", "bob"} {
			addUser(t, db, user)
			if err := db.Grant(t.Context(), user, map[string]string{"ann": "users.manage", "bob": "audit.read"}[user]); err != nil {
				t.Fatal(err)
			}
			session := addSession(t, db, user, "session of "+user, now)
			another := addSession(t, db, user, "another of "+user, now)
			name := "Key of " + user
			used, earlier := now.Add(-time.Minute), now.Add(-2*time.Minute)
			add := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			add(db.AddPassword(t.Context(), account.Password{UserID: user, Hash: "h", ChangedAt: now}))
			set := account.BackupCodeSet{UserID: user, Salt: []byte("salt")}
			add(db.ReplaceBackupCodes(t.Context(), set, [][]byte{[]byte("1"), []byte("2")}, now))
			for i, p := range []account.Passkey{{BackedUp: true, LastUsedAt: &earlier}, {Name: &name, LastUsedAt: &used}, {BackedUp: true}} {
				p.ID, p.UserID, p.CredentialID, p.PublicKey, p.CreatedAt = fmt.Sprint(user, i), user, []byte(fmt.Sprint(user, i)), []byte("k"), now
				add(db.AddPasskey(t.Context(), p))
			}
			for i, expires := range []time.Time{later, past} {
				id := fmt.Sprint(user, i)
				add(db.AddTrustedDevice(t.Context(), account.TrustedDevice{
					ID: id, UserID: user, Hash: []byte(id), CreatedAt: now, LastUsedAt: now, ExpiresAt: expires,
				}))
			}
			for i, token := range []account.OneTimeToken{
				{Purpose: "change", CreatedAt: now, ExpiresAt: later},
				{Purpose: "change", CreatedAt: now.Add(time.Second), ExpiresAt: later, Data: "newest of " + user},
				{Purpose: "change", CreatedAt: now.Add(2 * time.Second), ExpiresAt: later, UsedAt: &past},
				{Purpose: "change", CreatedAt: now.Add(3 * time.Second), ExpiresAt: now},
				{Purpose: "another", CreatedAt: now.Add(4 * time.Second), ExpiresAt: later},
			} {
				token.Hash, token.UserID = []byte(fmt.Sprint(user, i)), user
				add(db.AddOneTimeToken(t.Context(), token))
			}
			add(db.AddTOTP(t.Context(), account.TOTP{ID: "totp of " + user, UserID: user, SessionID: &session.ID, ExpiresAt: &later}))

			state, err := db.AccountState(t.Context(), session, now, required, []string{"other", "change"})
			if err != nil || state.PasswordChangedAt == nil || !state.PasswordChangedAt.Equal(now) || state.TwoFactorSince != nil ||
				!state.TwoFactorPending || state.BackupCodes != 2 || state.Passkeys != 3 || state.SyncedPasskeys != 2 ||
				state.PasskeyUsedAt == nil || !state.PasskeyUsedAt.Equal(used) || state.PasskeyUsed == nil || *state.PasskeyUsed != name ||
				state.TrustedDevices != 1 || state.LastHolder != (user == "ann") {
				t.Errorf("the state is %+v, %v", state, err)
			}
			if token := state.Token; token.Data != "newest of "+user || token.UserID != user || token.Purpose != "change" ||
				string(token.Hash) != user+"1" || !token.ExpiresAt.Equal(later) || !token.CreatedAt.Equal(now.Add(time.Second)) {
				t.Errorf("the token is %+v", token)
			}
			state, err = db.AccountState(t.Context(), another, later, required, []string{"other"})
			if err != nil || state.TwoFactorPending || state.TrustedDevices != 0 || state.Token.Hash != nil {
				t.Errorf("in another session, an hour later: %+v, %v", state, err)
			}
			add(db.ActivateTOTP(t.Context(), account.TOTP{ID: "totp of " + user, UserID: user}, used, now))
			add(db.VoidPassword(t.Context(), user))
			state, err = db.AccountState(t.Context(), session, now, required, []string{"change"})
			if err != nil || state.TwoFactorSince == nil || !state.TwoFactorSince.Equal(used) || state.TwoFactorPending ||
				state.PasswordChangedAt != nil {
				t.Errorf("with an authenticator, without a password: %+v, %v", state, err)
			}
		}
	})
}

// TestConfirmSession checks which sessions can confirm which.
func TestConfirmSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		type session struct {
			isNew   bool
			created time.Duration // after now
			expired bool
		}
		known, older, newer := session{created: -time.Hour}, session{isNew: true}, session{isNew: true, created: time.Minute}
		knownLater, expired := session{created: 2 * time.Minute}, session{expired: true}
		for i, test := range []struct {
			what           string
			current, other session
			third          *session
			want           bool
		}{
			{"a known one a new one", known, newer, nil, true},
			{"a known one a new one that is older", knownLater, older, nil, true},
			{"an older one a newer one", older, newer, nil, true},
			{"a newer one an older one", newer, older, nil, false},
			{"one of the same time", newer, newer, nil, false},
			{"an older one a newer one, while there is a known one", older, newer, &known, false},
			{"an older one a newer one, while there is a known one that has expired", older, newer, &expired, true},
			{"a known one a known one", known, knownLater, nil, false},
			{"a known one a new one that has expired", known, session{isNew: true, expired: true}, nil, false},
		} {
			user := fmt.Sprint("user", i)
			addUser(t, db, user)
			add := func(id string, s session) account.Session {
				t.Helper()
				one := account.Session{
					ID: user + id, UserID: user, TokenHash: []byte(user + id), CreatedAt: now.Add(s.created), LastActiveAt: now,
					ExpiresAt: now.Add(time.Hour), ConfirmedAt: now, IsNew: s.isNew,
				}
				if s.expired {
					one.ExpiresAt = now
				}
				if _, err := db.AddSession(t.Context(), one); err != nil {
					t.Fatal(err)
				}
				return one
			}
			current, other := add("current", test.current), add("other", test.other)
			if test.third != nil {
				add("third", *test.third)
			}
			stranger := current
			stranger.UserID = "ann"
			for what, by := range map[string]account.Session{"itself": other, "another user": stranger} {
				if ok, err := db.ConfirmSession(t.Context(), by, other.ID, now); ok || err != nil {
					t.Errorf("%s: confirmed by %s: %t, %v", test.what, what, ok, err)
				}
			}
			for _, want := range []bool{test.want, false} { // once
				if ok, err := db.ConfirmSession(t.Context(), current, other.ID, now); ok != want || err != nil {
					t.Errorf("%s: %t, %v; want %t", test.what, ok, err, want)
				}
			}
			all, err := db.Sessions(t.Context(), user, now.Add(-time.Second))
			for _, s := range all {
				if s.ID == other.ID && s.IsNew != (test.other.isNew && !test.want) {
					t.Errorf("%s: new %t afterward", test.what, s.IsNew)
				}
				if s.ID == current.ID && s.IsNew != test.current.isNew {
					t.Errorf("%s: the one that confirms is new %t afterward", test.what, s.IsNew)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSessions tests that the list has the unexpired sessions of the user only, the most recently
// active one first, in a transaction and outside of one.
func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db store.DB) {
		addUser(t, db, "ann")
		addUser(t, db, "bob")
		addSession(t, db, "bob", "of bob", now)
		for id, s := range map[string]struct{ active, expires time.Duration }{
			"b": {0, time.Hour}, "c": {0, time.Hour}, "a": {time.Second, time.Microsecond}, "expired": {time.Minute, 0},
		} {
			one := account.Session{
				ID: id, UserID: "ann", TokenHash: []byte(id), CreatedAt: now, LastActiveAt: now.Add(s.active),
				ExpiresAt: now.Add(s.expires), ConfirmedAt: now,
			}
			if _, err := db.AddSession(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
		check := func(db account.Store) error {
			all, err := db.Sessions(t.Context(), "ann", now)
			var ids []string
			for _, s := range all {
				ids = append(ids, s.ID)
			}
			if got := strings.Join(ids, " "); got != "a b c" {
				t.Errorf("the sessions are %q, %v; want %q", got, err, "a b c")
			}
			return err
		}
		for range 7 { // Postgres makes a plan that it keeps at the sixth time
			if err := check(db); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Tx(t.Context(), check); err != nil {
			t.Error(err)
		}
	})
}
