package account

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"latchkey/backend/keyring"
	"latchkey/backend/webauthn/authenticator"
)

// newTestImporter returns an Importer that writes nothing, with the user ann, and its time.
func newTestImporter(t *testing.T) (*Importer, time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s := &Service{Keys: keyring.New(), Now: func() time.Time { return now }, Settings: presets(t)}
	i := s.newImporter(nil)
	if err := i.AddUser(t.Context(), User{ID: "ann", Email: "ann@example.test", CreatedAt: now, UpdatedAt: now}); err != nil {
		t.Fatal(err)
	}
	return i, now
}

// TestImportedTimes tests that no date of another system makes a session live longer than
// SESSION_LIFETIME, or cannot be stored or sent.
func TestImportedTimes(t *testing.T) {
	i, now := newTestImporter(t)
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for _, createdAt := range []time.Time{now.Add(time.Hour), far, now.AddDate(0, 0, -1)} {
		err := i.AddSession(t.Context(), Session{ID: "s", UserID: "ann", CreatedAt: createdAt, LastActiveAt: far, ExpiresAt: far}, NewToken())
		if err != nil {
			t.Fatal(err)
		}
		got := i.rows.sessions[len(i.rows.sessions)-1]
		end := now.Add(i.s.Settings.Now().SessionLifetime)
		if got.ExpiresAt.After(end) || got.LastActiveAt.After(now) || got.ConfirmedAt.After(now) {
			t.Errorf("a session that began at %v: %+v", createdAt, got)
		}
	}
	before := time.Date(-1199, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := i.AddUser(t.Context(), User{ID: "bob", Email: "bob@example.test", CreatedAt: before, UpdatedAt: before}); err != nil {
		t.Fatal(err)
	}
	if u := i.rows.users[1]; u.CreatedAt.Year() != 1970 || u.UpdatedAt.Year() != 1970 {
		t.Errorf("a user of before the common era: %v, %v", u.CreatedAt, u.UpdatedAt)
	}
}

// TestImportedIDs tests that an ID that cannot be part of a path, or be stored, is refused or
// replaced.
func TestImportedIDs(t *testing.T) {
	i, now := newTestImporter(t)
	for _, id := range []string{"", ".", "..", "/../bob", "bob/", "a\nb", "a\x00b", "a\xffb", strings.Repeat("x", 256), "ann"} {
		err := i.AddUser(t.Context(), User{ID: id, Email: "bob@example.test", CreatedAt: now, UpdatedAt: now})
		if !errors.Is(err, RefusedUserID) {
			t.Errorf("the user ID %q: %v", id, err)
		}
		session := Session{ID: id, UserID: "ann", CreatedAt: now, LastActiveAt: now, ExpiresAt: now.Add(time.Hour), IP: "fe80::1%" + id + "<b>"}
		if err := i.AddSession(t.Context(), session, NewToken()); err != nil {
			t.Fatal(err)
		}
		if got := i.rows.sessions[len(i.rows.sessions)-1]; id != "ann" && got.ID == id || got.IP != "" {
			t.Errorf("the session ID %q became %q, and the address %q", id, got.ID, got.IP)
		}
	}
}

// TestImportedPasskey tests that what a browser said about a passkey to another system is checked
// as if it said so to this one.
func TestImportedPasskey(t *testing.T) {
	i, _ := newTestImporter(t)
	public, err := webauthncbor.Marshal(authenticator.NewKey([]byte("id"), "localhost", nil, authenticator.ES256).Public())
	if err != nil {
		t.Fatal(err)
	}
	p := Passkey{
		ID: "..", UserID: "ann", CredentialID: []byte("id"), PublicKey: public, SignCount: -1,
		AAGUID: "<b>", Transports: "usb,<script>,usb," + strings.Repeat("x", 1000),
	}
	if err := i.AddPasskey(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := i.rows.passkeys[0]; got.ID == ".." || got.AAGUID != "" || got.Transports != "usb" || got.SignCount != 0 {
		t.Errorf("%+v", got)
	}
	p.CredentialID = []byte(strings.Repeat("x", 1024))
	if err := i.AddPasskey(t.Context(), p); !errors.Is(err, RefusedKey) {
		t.Errorf("a credential ID of 1024 bytes: %v", err)
	}
}

// TestImportedBackupCodes tests that no code opens an account that is empty, or that anybody finds
// by trying.
func TestImportedBackupCodes(t *testing.T) {
	got := usableCodes([]string{"", " - ", "1", "12345", "qPB9E-7n4Ln", "qPB9E7n4Ln", "qpb9e7n4ln", strings.Repeat("x", 65)})
	if want := []string{"qPB9E7n4Ln", "qpb9e7n4ln"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}
