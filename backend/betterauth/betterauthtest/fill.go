package betterauthtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
)

// A User is a user of the application, with all that a person has to sign in.
type User struct {
	ID       string
	Email    string          // as it is stored
	Password string          // empty if the user has none
	Browser  *testkit.Client // signed in when the user signed up

	// Two-factor authentication.
	App        *testkit.AuthenticatorApp
	Codes      []string // the backup codes that are not used
	UsedCode   string
	Trusted    *testkit.Client // a signed-in browser that is also a trusted device
	TrustedOut *testkit.Client // a signed-out browser that is a trusted device

	Devices []*authenticator.Authenticator // each has one passkey
}

// Users are the users that [Server.Fill] creates.
type Users struct {
	Plain *User // only has a password
	// The browsers of Plain.
	Brief  *testkit.Client // signed in with rememberMe: false
	Old    *testkit.Client // signed in six days ago
	Out    *testkit.Client // signed out, with the cookie that it had
	Admins *testkit.Client // the administrator in the place of Plain

	ResetToken string // of the link that resets the password of Plain

	TwoFactor *User // with App, Codes, UsedCode, Trusted and TrustedOut
	EmailCode *User // whose second factor is a code by email
	Begun     *User // has App and Codes, but never confirmed them
	Passkeys  *User // with Devices: a synced ES256, an EdDSA, and an RS256 that counts and does not verify the user
	OnlyKey   *User // without a password, with one Device
	Admin     *User
	Banned    *User // whose Browser is still signed in
	Pardoned  *User // whose ban is over
	Capitals  *User // whose email is stored with capitals, so that Better Auth refuses the password
	Twin      *User // whose email is in lower case; TwinCaps has the same in capitals
	TwinCaps  *User
	Social    *User // without a password, but with an account of GitHub
}

// All returns all users.
func (u *Users) All() []*User {
	return []*User{
		u.Plain, u.TwoFactor, u.EmailCode, u.Begun, u.Passkeys, u.OnlyKey, u.Admin,
		u.Banned, u.Pardoned, u.Capitals, u.Twin, u.TwinCaps, u.Social,
	}
}

// Fill creates the users of an application.
func (s *Server) Fill() *Users {
	s.t.Helper()
	u := &Users{}
	for _, user := range []struct {
		to   **User
		name string
	}{
		{&u.Plain, "plain"}, {&u.TwoFactor, "two-factor"}, {&u.EmailCode, "email-code"}, {&u.Begun, "begun"}, {&u.Passkeys, "passkeys"},
		{&u.OnlyKey, "only-key"}, {&u.Admin, "admin"}, {&u.Banned, "banned"}, {&u.Pardoned, "pardoned"}, {&u.Capitals, "capitals"},
		{&u.Twin, "twin"}, {&u.TwinCaps, "twin-caps"}, {&u.Social, "social"},
	} {
		*user.to = s.signUp(user.name + "@example.com")
	}
	s.fillPlain(u)
	s.fillTwoFactor(u)
	u.Passkeys.Devices = []*authenticator.Authenticator{authenticator.New(s.Origin), authenticator.New(s.Origin), authenticator.New(s.Origin)}
	u.Passkeys.Devices[1].Algorithm, u.Passkeys.Devices[1].Flags = authenticator.EdDSA, authenticator.UserPresent|authenticator.UserVerified
	u.Passkeys.Devices[2].Algorithm, u.Passkeys.Devices[2].Flags = authenticator.RS256, authenticator.UserPresent
	u.Passkeys.Devices[2].Counts = true
	for i, device := range u.Passkeys.Devices {
		s.addPasskey(u.Passkeys, device, fmt.Sprintf("Passkey %d 🔑", i+1))
	}
	s.SignInWithPasskey(u.Passkeys.Devices[2])
	s.SignInWithPasskey(u.Passkeys.Devices[2])
	u.OnlyKey.Devices = []*authenticator.Authenticator{authenticator.New(s.Origin)}
	s.addPasskey(u.OnlyKey, u.OnlyKey.Devices[0], "")
	s.change(u)
	return u
}

// signUp creates a user with a password of its own.
func (s *Server) signUp(email string) *User {
	s.t.Helper()
	u := &User{Email: email, Password: "Correct horse; battery staple " + email, Browser: s.Client()}
	answer := u.Browser.Post("/sign-up/email", map[string]any{"email": email, "name": "Ann 🙂", "password": u.Password})
	u.ID = fmt.Sprint(answer.Must(s.t, 200, "").Get("user.id"))
	return u
}

// signIn signs a user in with the password, in a new browser.
func (s *Server) signIn(u *User, remember bool) *testkit.Client {
	s.t.Helper()
	browser := s.Client()
	browser.Post("/sign-in/email", map[string]any{"email": u.Email, "password": u.Password, "rememberMe": remember}).Must(s.t, 200, "")
	return browser
}

func (s *Server) fillPlain(u *Users) {
	s.t.Helper()
	u.Brief = s.signIn(u.Plain, false)
	u.Old = s.signIn(u.Plain, true)
	leaves := s.signIn(u.Plain, true)
	u.Out = leaves.Copy()
	leaves.Post("/sign-out", map[string]any{}).Must(s.t, 200, "")

	s.Client().Post("/request-password-reset", map[string]any{"email": u.Plain.Email, "redirectTo": "/reset"}).Must(s.t, 200, "")
	identifier := s.Query(`SELECT identifier FROM verification WHERE identifier LIKE 'reset-password:%'`)
	u.ResetToken = strings.TrimPrefix(identifier, "reset-password:")

	s.Exec(fmt.Sprintf(`UPDATE "user" SET role = 'admin' WHERE id = '%s'`, u.Admin.ID))
	u.Admins = s.signIn(u.Admin, true)
	u.Admins.Post("/admin/impersonate-user", map[string]any{"userId": u.Plain.ID}).Must(s.t, 200, "")
}

func (s *Server) fillTwoFactor(u *Users) {
	s.t.Helper()
	enable := func(u *User) {
		s.t.Helper()
		answer := u.Browser.Post("/two-factor/enable", map[string]any{"password": u.Password})
		u.App, u.Codes = answer.Scan(s.t), answer.Strings("backupCodes")
	}
	enable(u.Begun)
	u.EmailCode.Browser.Post("/two-factor/enable", map[string]any{"password": u.EmailCode.Password, "method": "otp"}).Must(s.t, 200, "")

	user := u.TwoFactor
	enable(user)
	user.Browser.Post("/two-factor/verify-totp", map[string]any{"code": user.App.Code(0)}).Must(s.t, 200, "")
	user.UsedCode, user.Codes = user.Codes[3], slices.Delete(slices.Clone(user.Codes), 3, 4)
	for _, browser := range []**testkit.Client{&user.Trusted, &user.TrustedOut} {
		*browser = s.signIn(user, true)
		(*browser).Post("/two-factor/verify-totp", map[string]any{"code": user.App.Code(0), "trustDevice": true}).Must(s.t, 200, "")
	}
	user.TrustedOut.Post("/sign-out", map[string]any{}).Must(s.t, 200, "")
	s.signIn(user, true).Post("/two-factor/verify-backup-code", map[string]any{"code": user.UsedCode}).Must(s.t, 200, "")
}

// addPasskey creates a passkey on a device.
func (s *Server) addPasskey(u *User, device *authenticator.Authenticator, name string) {
	s.t.Helper()
	options := u.Browser.Get("/passkey/generate-register-options").Must(s.t, 200, "")
	response, err := device.Create([]byte(options.Body))
	if err != nil {
		s.t.Fatal(err)
	}
	u.Browser.Post("/passkey/verify-registration", map[string]any{"response": response, "name": name}).Must(s.t, 200, "")
}

// SignInWithPasskey signs in with the passkey of a device, in a new browser.
func (s *Server) SignInWithPasskey(device *authenticator.Authenticator) *testkit.Client {
	s.t.Helper()
	browser := s.Client()
	options := browser.Get("/passkey/generate-authenticate-options").Must(s.t, 200, "")
	response, err := device.Get([]byte(options.Body))
	if err != nil {
		s.t.Fatal(err)
	}
	browser.Post("/passkey/verify-authentication", map[string]any{"response": json.RawMessage(response)}).Must(s.t, 200, "")
	return browser
}

// change changes in the database what cannot be made by calls.
func (s *Server) change(u *Users) {
	s.t.Helper()
	stamp := func(away time.Duration) string {
		return "'" + time.Now().Add(away).UTC().Format("2006-01-02T15:04:05.000Z") + "'"
	}
	const day = 24 * time.Hour
	update := func(user *User, set string) {
		s.t.Helper()
		s.Exec(fmt.Sprintf(`UPDATE "user" SET %s WHERE id = '%s'`, set, user.ID))
	}
	u.Capitals.Email, u.TwinCaps.Email = "Capitals@Example.COM", "Twin@Example.COM"
	update(u.Capitals, `email = 'Capitals@Example.COM'`)
	update(u.TwinCaps, `email = 'Twin@Example.COM'`)
	update(u.Banned, `banned = TRUE, "banReason" = 'spam'`)
	update(u.Pardoned, `banned = TRUE, "banExpires" = `+stamp(-day))

	// The session was refreshed a moment ago.
	token := s.token(u.Old)
	s.Exec(fmt.Sprintf(`UPDATE session SET "createdAt" = %s WHERE token = '%s'`, stamp(-6*day), token))

	u.OnlyKey.Password, u.Social.Password = "", ""
	s.Exec(fmt.Sprintf(`DELETE FROM account WHERE "userId" = '%s'`, u.OnlyKey.ID))
	set := `"providerId" = 'github', "accountId" = '583231', password = NULL`
	s.Exec(fmt.Sprintf(`UPDATE account SET %s WHERE "userId" = '%s'`, set, u.Social.ID))
}

// token returns the token of the session that a browser is signed in with.
func (s *Server) token(browser *testkit.Client) string {
	s.t.Helper()
	return fmt.Sprint(browser.Session().Must(s.t, 200, "").Get("session.token"))
}
