package betterauth_test

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"latchkey/backend/betterauth"
	"latchkey/backend/betterauth/betterauthtest"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestReal tests that what a real Better Auth has stored is read as it was made. TestMoveIn reads
// both databases, so this test reads one, unless it is thorough.
func TestReal(t *testing.T) {
	t.Parallel()
	each := storetest.EachURL
	if !testkit.Thorough() {
		each = func(t *testing.T, test func(*testing.T, string)) { test(t, storetest.SQLite(t)) }
	}
	each(t, func(t *testing.T, database string) {
		server := betterauthtest.Start(t, database, rand.Text()+rand.Text(), "http://localhost:"+port(t))
		users := server.Fill()
		server.Kill() // so that SQLite's write-ahead log is needed
		secrets := parse(t, server.Secret, "")
		got := readAll(t, open(t, database))
		for id, err := range got.errors() {
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		checkUsers(t, got, users)
		checkTwoFactors(t, got, users, secrets)
		checkPasskeys(t, got, users)
		checkSessions(t, got, users, secrets)
		checkVerifications(t, got, users, secrets)
	})
}

func port(t *testing.T) string {
	t.Helper()
	_, port, _ := strings.Cut(testkit.FreeAddress(t), ":")
	return port
}

func checkUsers(t *testing.T, got content, users *betterauthtest.Users) {
	t.Helper()
	if len(got.Users) != len(users.All()) {
		t.Errorf("%d users; want %d", len(got.Users), len(users.All()))
	}
	for _, u := range users.All() {
		row := find(t, got.Users, func(row betterauth.User) bool { return row.ID == u.ID })
		twoFactor := u == users.TwoFactor || u == users.EmailCode
		if row.Email != u.Email || row.Name != "Ann 🙂" || row.TwoFactorEnabled != twoFactor || time.Since(row.CreatedAt).Abs() > time.Hour ||
			row.Image != nil || row.EmailVerified || row.Banned != (u == users.Banned || u == users.Pardoned) ||
			(row.BanExpires != nil) != (u == users.Pardoned) || (row.BanReason == "spam") != (u == users.Banned) ||
			(row.Role == "admin") != (u == users.Admin) {
			t.Errorf("got %+v", row)
		}
		var passwords, others int
		for _, a := range got.Accounts {
			if a.UserID == u.ID && a.ProviderID == betterauth.ProviderCredential && a.AccountID == u.ID && len(a.Password) == 32+1+128 {
				passwords++
			} else if a.UserID == u.ID {
				others++
			}
		}
		if (passwords == 1) != (u.Password != "") || (others == 1) != (u == users.Social) {
			t.Errorf("%s: %d passwords, %d other accounts", u.Email, passwords, others)
		}
	}
}

// find returns the one row that is.
func find[Row any](t *testing.T, rows []Row, is func(Row) bool) Row {
	t.Helper()
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !is(r) })
	if len(rows) != 1 {
		t.Fatalf("%d rows; want one: %+v", len(rows), rows)
	}
	return rows[0]
}

func checkTwoFactors(t *testing.T, got content, users *betterauthtest.Users, secrets betterauth.Secrets) {
	t.Helper()
	if len(got.TwoFactors) != 2 {
		t.Errorf("%d rows", len(got.TwoFactors))
	}
	for _, u := range []*betterauthtest.User{users.TwoFactor, users.Begun} {
		row := find(t, got.TwoFactors, func(row betterauth.TwoFactor) bool { return row.UserID == u.ID })
		key, err := secrets.TOTPKey(row.Secret)
		if secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key); err != nil || secret != u.App.Secret {
			t.Errorf("the key of %s: %v", u.Email, err)
		}
		if codes, err := secrets.BackupCodes(row.BackupCodes); err != nil || !slices.Equal(codes, u.Codes) || slices.Contains(codes, u.UsedCode) {
			t.Errorf("the codes of %s: got %q, %v; want %q", u.Email, codes, err, u.Codes)
		}
		if row.Verified != (u == users.TwoFactor) {
			t.Errorf("got %+v", row)
		}
	}
}

func checkPasskeys(t *testing.T, got content, users *betterauthtest.Users) {
	t.Helper()
	if len(got.Passkeys) != 4 {
		t.Errorf("%d passkeys", len(got.Passkeys))
	}
	for _, u := range []*betterauthtest.User{users.Passkeys, users.OnlyKey} {
		for i, device := range u.Devices {
			key := device.Keys[0]
			row := find(t, got.Passkeys, func(row betterauth.Passkey) bool { return string(row.CredentialID) == string(key.ID) })
			var public map[int]any
			if err := webauthncbor.Unmarshal(row.PublicKey, &public); err != nil {
				t.Error(err)
			}
			want, err := webauthncbor.Marshal(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			synced := i == 0
			if row.UserID != u.ID || string(want) != string(row.PublicKey) || row.Counter != int64(key.Counter) || row.MultiDevice != synced ||
				row.BackedUp != synced || !slices.Equal(row.Transports, device.Transports) || row.AAGUID != device.AAGUID.String() ||
				(row.Name == nil) != (u == users.OnlyKey) || row.CreatedAt == nil || len(key.UserHandle) != 32 {
				t.Errorf("got %+v; want %+v", row, key)
			}
		}
	}
	if counter := users.Passkeys.Devices[2].Keys[0].Counter; counter != 3 {
		t.Errorf("the counter is %d", counter)
	}
}

func checkSessions(t *testing.T, got content, users *betterauthtest.Users, secrets betterauth.Secrets) {
	t.Helper()
	session := func(browser *testkit.Client) *betterauth.Session {
		t.Helper()
		cookie := decoded(t, browser, "session_token")
		i := slices.IndexFunc(got.Sessions, func(s betterauth.Session) bool { return betterauth.Sign(secrets.Signing(), s.Token) == cookie })
		if i < 0 {
			return nil
		}
		return &got.Sessions[i]
	}
	for _, u := range users.All() {
		if s := session(u.Browser); s == nil || s.UserID != u.ID || s.UserAgent != testkit.Firefox || s.ImpersonatedBy != "" || isBrief(s) {
			t.Errorf("%s: got %+v", u.Email, s)
		}
	}
	if s := session(users.Brief); s == nil || !isBrief(s) {
		t.Errorf("brief: got %+v", s)
	}
	if value := decoded(t, users.Brief, "dont_remember"); value != betterauth.Sign(secrets.Signing(), "true") {
		t.Errorf("the cookie dont_remember: %q", value)
	}
	if s := session(users.Old); s == nil || time.Since(s.CreatedAt) < 6*24*time.Hour || time.Since(s.UpdatedAt) > time.Hour {
		t.Errorf("old: got %+v", s)
	}
	if s := session(users.Out); s != nil {
		t.Errorf("signed out: got %+v", s)
	}
	if s := session(users.Admins); s == nil || s.UserID != users.Plain.ID || s.ImpersonatedBy != users.Admin.ID {
		t.Errorf("impersonated: got %+v", s)
	}
	var of []string // the users, in order
	for _, s := range got.Sessions {
		of = append(of, s.UserID)
	}
	if of = slices.Compact(of); len(of) != len(users.All()) {
		t.Errorf("the sessions of one user do not come together: %q", of)
	}
}

// isBrief reports whether a session began without "remember me".
func isBrief(s *betterauth.Session) bool {
	return s.ExpiresAt.Sub(s.CreatedAt).Round(time.Second) == 24*time.Hour
}

// decoded returns the decoded value of a cookie of Better Auth.
func decoded(t *testing.T, browser *testkit.Client, name string) string {
	t.Helper()
	value, err := url.PathUnescape(browser.Cookie("better-auth." + name))
	if err != nil || value == "" {
		t.Fatalf("the cookie %s: %q, %v", name, value, err)
	}
	return value
}

func checkVerifications(t *testing.T, got content, users *betterauthtest.Users, secrets betterauth.Secrets) {
	t.Helper()
	for _, browser := range []*testkit.Client{users.TwoFactor.Trusted, users.TwoFactor.TrustedOut} {
		cookie := decoded(t, browser, "trust_device")
		row := find(t, got.Verifications, func(v betterauth.Verification) bool {
			return betterauth.TrustCookie(secrets.Signing(), v.Identifier, users.TwoFactor.ID) == cookie
		})
		if row.Value != users.TwoFactor.ID || row.ExpiresAt.Sub(*row.CreatedAt).Round(time.Minute) != 30*24*time.Hour {
			t.Errorf("got %+v", row)
		}
	}
	row := find(t, got.Verifications, func(v betterauth.Verification) bool {
		return v.Identifier == betterauth.PrefixResetPassword+users.ResetToken
	})
	if row.Value != users.Plain.ID || row.ExpiresAt.Sub(*row.CreatedAt).Round(time.Minute) != time.Hour {
		t.Errorf("got %+v", row)
	}
}
