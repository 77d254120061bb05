package server_test

import (
	"strings"
	"testing"

	"latchkey/backend/account"
)

// TestImportedPassword holds that who comes from Better Auth signs in with the
// password from there, and that what is kept of it is then ours (U06).
func TestImportedPassword(t *testing.T) {
	// What Better Auth 1.7.25 wrote for it.
	const imported = "38845ea470bdb59056e9652af9c85818:4777bd05cece81882b1c2d6fcc1f80a58f63cfae126da415bc12815345d1b1fdc2f4792cd9f3fd4c90839e7eb3ed9ab3d292c124d359eec3d68ddfcfd7b2cf97"
	each(t, func(t *testing.T, s *site) {
		id := s.signUp(t, ann).id()
		hash := func() string {
			t.Helper()
			p, err := s.db.Password(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return p.Hash
		}
		signIn := func(password string) answer {
			t.Helper()
			return s.browser(t).post("/sign-in/email", body{"email": ann, "password": password})
		}
		stronger := account.NewHasher(account.Cost{Memory: 128, Time: 1, Threads: 1}, account.HashWait)
		raised, err := stronger.Hash(t.Context(), "correct horse battery 1")
		if err != nil {
			t.Fatal(err)
		}
		for what, old := range map[string]string{"from Better Auth": imported, "of another cost": raised} {
			s.exec(t, "UPDATE passwords SET hash = '"+old+"'")
			want(t, signIn("correct horse battery 2"), 401, "INVALID_EMAIL_OR_PASSWORD")
			if hash() != old {
				t.Errorf("a wrong password has changed the hash %s", what)
			}
			want(t, signIn("correct horse battery 1"), 200, "")
			ours := hash()
			if !strings.HasPrefix(ours, "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Errorf("the hash %s became %s", what, ours)
			}
			want(t, signIn("correct horse battery 1"), 200, "")
			if hash() != ours {
				t.Errorf("a hash of ours was made anew")
			}
			want(t, signIn("correct horse battery 2"), 401, "INVALID_EMAIL_OR_PASSWORD")
		}
	})
}
