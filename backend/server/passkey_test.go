package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/server"
	"latchkey/backend/setting"
	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
	"latchkey/backend/webauthn/authenticator"
	"latchkey/shared"
	"latchkey/shared/message"
)

const bob = "bob@example.test"

// says changes the statement of an authenticator or its browser.
type alteration = func(*authenticator.Statement)

// device returns an authenticator without passkeys.
func (s *testServer) device() *authenticator.Authenticator { return authenticator.New(s.url.String()) }

// registerOptions starts the registration of a passkey.
func (b *browser) registerOptions() testkit.Answer {
	b.t.Helper()
	a := b.Elsewhere().Get("/passkey/generate-register-options")
	want(b.t, a, 200, "")
	return a
}

// authenticateOptions starts an authentication with a passkey.
func (b *browser) authenticateOptions() testkit.Answer {
	b.t.Helper()
	a := b.Elsewhere().Get("/passkey/generate-authenticate-options")
	want(b.t, a, 200, "")
	return a
}

// createResponse returns the response of a device to options for a new passkey.
func createResponse(t *testing.T, device *authenticator.Authenticator, options testkit.Answer, changes ...alteration) json.RawMessage {
	t.Helper()
	response, err := device.Create([]byte(options.Body), changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// getResponse returns the response of a device to options for the use of a passkey.
func getResponse(t *testing.T, device *authenticator.Authenticator, options testkit.Answer, changes ...alteration) json.RawMessage {
	t.Helper()
	response, err := device.Get([]byte(options.Body), changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (b *browser) sendRegistration(response json.RawMessage) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Post("/passkey/verify-registration", body{"response": response})
}

func (b *browser) sendAuthentication(response json.RawMessage) testkit.Answer {
	b.t.Helper()
	return b.Elsewhere().Post("/passkey/verify-authentication", body{"response": response})
}

// register adds a passkey of the device to the browser's account.
func (b *browser) register(device *authenticator.Authenticator, changes ...alteration) testkit.Answer {
	b.t.Helper()
	return b.sendRegistration(createResponse(b.t, device, b.registerOptions(), changes...))
}

// authenticate signs in with a passkey of the device.
func (b *browser) authenticate(device *authenticator.Authenticator, changes ...alteration) testkit.Answer {
	b.t.Helper()
	return b.sendAuthentication(getResponse(b.t, device, b.authenticateOptions(), changes...))
}

// signUpWithPasskey creates an account with a passkey, and also returns the device that
// stores it.
func (s *testServer) signUpWithPasskey(t *testing.T, email string) (*browser, *authenticator.Authenticator) {
	t.Helper()
	b, device := s.signUp(t, email), s.device()
	want(t, b.register(device), 200, "")
	return b, device
}

// passkeys returns the passkeys of the browser's account.
func (b *browser) passkeys() (all []shared.Passkey) {
	b.t.Helper()
	b.Get("/passkey/list-user-passkeys").Into(b.t, &all)
	return all
}

// method returns the sign-in method of the browser's session.
func (b *browser) method() any { return b.Get("/list-sessions").Get("0.method") }

// rowKeys returns the keys of the database rows that a failed attempt must not change.
func (s *testServer) rowKeys(t *testing.T) string {
	t.Helper()
	var rows []string
	for line := range strings.Lines(s.dump(t)) {
		row := strings.Fields(line)
		if len(row) > 1 && slices.Contains([]string{"passkeys", "sessions", "users", "mails", "challenges", "trusted_devices"}, row[0]) {
			rows = append(rows, row[0]+" "+row[1])
		}
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}

// events returns how many events of a kind the log has.
func (s *testServer) events(t *testing.T, kind string) int {
	t.Helper()
	return strings.Count(s.dump(t), " "+kind+" ")
}

// exec executes SQL without the server.
func (s *testServer) exec(t *testing.T, query string) {
	t.Helper()
	pool := storetest.OpenSQL(t, s.database)
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// eachAs is [each] for tests that change the server's configuration or read emails.
// If change is not nil, eachAs calls it with the configuration.
func eachAs(t *testing.T, change func(*server.Config), test func(t *testing.T, s *testServer, accounts *account.Service)) {
	t.Helper()
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), change)
		s.database = url
		test(t, s, s.accounts)
	})
}

// wantMails sends the queued emails and returns them. It fails the test unless they have
// the recipient and the subjects.
func wantMails(t *testing.T, accounts *account.Service, recipient string, subjects ...string) (all []mail.Mail) {
	t.Helper()
	all = sendMails(t, accounts)
	var got []string
	for _, m := range all {
		got = append(got, m.Subject)
		if m.Recipient != recipient || !statesClient(m) {
			t.Errorf("email: %+v", m)
		}
	}
	if !slices.Equal(got, subjects) {
		t.Errorf("emails %q; want %q", got, subjects)
	}
	return all
}

// statesClient reports whether an email states when and from which address a client made
// the request.
func statesClient(m mail.Mail) bool {
	at := m.CreatedAt.UTC().Format(en.T(message.DateTimeLayout))
	before, _, _ := strings.Cut(en.T(message.MailRequestContext, at, ofClients, ""), ofClients)
	return strings.Contains(m.Text, before+ofClients)
}

func fromBase64(t *testing.T, v any) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(v))
	if err != nil {
		t.Errorf("%v is not base64url: %v", v, err)
	}
	return b
}

var passkeyCookie = regexp.MustCompile(`^latchkey\.passkey=[\w-]{43}; Path=/; Max-Age=300; HttpOnly; SameSite=Lax$`)

// TestRegisterOptions tests the options for a new passkey. They contain a unique
// challenge, a handle that reveals nothing about the user, and only the user's own
// passkeys. The response sets the cookie of the ceremony.
func TestRegisterOptions(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		first := b.registerOptions()
		if cookies := first.Header.Values("Set-Cookie"); len(cookies) != 1 || !passkeyCookie.MatchString(cookies[0]) {
			t.Errorf("cookies: %q", cookies)
		}
		handle := fromBase64(t, first.Get("user.id"))
		if len(handle) != 64 || bytes.Contains(handle, []byte("ann")) || len(fromBase64(t, first.Get("challenge"))) < 32 {
			t.Errorf("options: %v", first)
		}
		for path, value := range map[string]any{
			"rp.id": "localhost", "rp.name": "Latchkey", "user.name": ann, "user.displayName": ann, "timeout": 60000.0, "attestation": "none",
			"pubKeyCredParams.0.alg": -8.0, "pubKeyCredParams.1.alg": -7.0, "pubKeyCredParams.2.alg": -257.0,
			"pubKeyCredParams.0.type": "public-key",
			"excludeCredentials":      []any{}, "hints": []any{}, "extensions": map[string]any{"credProps": true},
			"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		} {
			if got := first.Get(path); !reflect.DeepEqual(got, value) {
				t.Errorf("%s: %v; want %v", path, got, value)
			}
		}

		device := s.device()
		want(t, b.sendRegistration(createResponse(t, device, first)), 200, "")
		second := b.Get("/passkey/generate-register-options?name=Ann%20at%20home&authenticatorAttachment=cross-platform&context=x")
		want(t, second, 200, "")
		if second.Get("challenge") == first.Get("challenge") || second.Get("user.id") != first.Get("user.id") {
			t.Errorf("second options: %v", second)
		}
		for path, value := range map[string]any{
			"user.name": "Ann at home", "authenticatorSelection.authenticatorAttachment": "cross-platform",
			"excludeCredentials": []any{map[string]any{
				"id": base64.RawURLEncoding.EncodeToString(device.Keys[0].ID), "type": "public-key", "transports": []any{"internal", "hybrid"},
			}},
		} {
			if got := second.Get(path); !reflect.DeepEqual(got, value) {
				t.Errorf("%s: %v; want %v", path, got, value)
			}
		}
		other := s.signUp(t, bob).registerOptions()
		if other.Get("user.id") == first.Get("user.id") || strings.Contains(other.Body, b.passkeys()[0].CredentialID) {
			t.Errorf("options of another user: %v", other)
		}
		for _, query := range []string{"authenticatorAttachment=foo", "mediation=required", "name=" + strings.Repeat("n", 101), "name=a%00b"} {
			if a := b.Get("/passkey/generate-register-options?" + query); a.Status != 400 {
				t.Errorf("%s: %v", query, a)
			}
		}
	})
}

// TestAuthenticateOptions tests the options for the use of a passkey. They contain a
// unique challenge, and the response sets the cookie of the ceremony. Only in a session
// do they list passkeys: those of its user.
func TestAuthenticateOptions(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		b, challenges := s.browser(t), map[any]bool{}
		for range 20 {
			a := b.authenticateOptions()
			if cookies := a.Header.Values("Set-Cookie"); len(cookies) != 1 || !passkeyCookie.MatchString(cookies[0]) {
				t.Errorf("cookies: %q", cookies)
			}
			challenges[a.Get("challenge")] = true
			if len(fromBase64(t, a.Get("challenge"))) < 32 {
				t.Errorf("challenge: %v", a)
			}
			var o map[string]any
			json.Unmarshal([]byte(a.Body), &o)
			delete(o, "challenge")
			if !reflect.DeepEqual(o, map[string]any{"rpId": "localhost", "timeout": 60000.0, "userVerification": "required"}) {
				t.Errorf("options without a session: %v", a)
			}
		}
		if len(challenges) != 20 {
			t.Errorf("%d of 20 challenges differ", len(challenges))
		}
		a := owner.authenticateOptions()
		if id := a.Get("allowCredentials.0.id"); id != base64.RawURLEncoding.EncodeToString(device.Keys[0].ID) ||
			a.Get("allowCredentials.1") != nil {
			t.Errorf("options in a session: %v", a)
		}
		if a := s.signUp(t, bob).authenticateOptions(); a.Get("allowCredentials") != nil {
			t.Errorf("options of a user without passkeys: %v", a)
		}
		for _, b := range []*browser{s.browser(t), owner} { // neither has a pending sign-in
			want(t, b.Get("/passkey/generate-authenticate-options?secondFactor=true"), 401, "INVALID_TWO_FACTOR_COOKIE")
		}
		for _, path := range []string{"register", "authenticate"} {
			if a := owner.Do("HEAD", "/api/auth/passkey/generate-"+path+"-options", ""); a.Status != 405 || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("HEAD begins a ceremony: %v %v", a, a.Header)
			}
		}
		want(t, b.Get("/passkey/generate-authenticate-options?secondFactor=yes"), 400, "VALIDATION_ERROR")
	})
}

// TestPasskeys tests that a user can register a passkey of each algorithm and use it in a
// new browser and in a session.
func TestPasskeys(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		s.signUp(t, bob)
		user := owner.Session().Get("user.id")
		for i, by := range []authenticator.Algorithm{authenticator.ES256, authenticator.EdDSA, authenticator.RS256} {
			device := s.device()
			device.Algorithm, device.Counts = by, true
			device.AAGUID = uuid.MustParse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")
			options := owner.registerOptions()
			a := owner.Post("/passkey/verify-registration",
				body{"response": createResponse(t, device, options), "name": fmt.Sprintf("  Key %d ", i)})
			want(t, a, 200, "")
			var p shared.Passkey
			if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
				t.Fatal(a, err)
			}
			key := device.Keys[0]
			if p.ID == "" || a.Get("name") != fmt.Sprintf("Key %d", i) || p.UserID != user ||
				p.CredentialID != base64.RawURLEncoding.EncodeToString(key.ID) ||
				p.Counter != 1 || p.DeviceType != "multiDevice" || !p.BackedUp || !p.Synced || !p.UserVerified || p.Transports != "internal,hybrid" ||
				p.AAGUID != device.AAGUID.String() || p.Provider == nil || p.LastUsedAt != nil || p.RPID != "localhost" ||
				p.UserHandle != options.Get("user.id") {
				t.Errorf("algorithm %d: registered %v", by, a)
			}
			if der, err := base64.StdEncoding.DecodeString(p.PublicKey); err != nil || len(der) < 40 {
				t.Errorf("public key %q: %v", p.PublicKey, err)
			}
			if a.Get("session") != nil || a.Get("user") != nil || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("registration: %v %v", a, a.Header)
			}
			s.clock.Advance(time.Minute)

			// The passkey alone identifies the user.
			b := s.browser(t)
			a = b.authenticate(device)
			want(t, a, 200, "")
			if a.Get("user.id") != user || a.Get("session.userId") != user || a.Get("session.method") != "passkey" ||
				a.Get("session.isCurrent") != true {
				t.Errorf("algorithm %d: signed in %v", by, a)
			}
			cookie := regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax`)
			if cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !cookie.MatchString(cookies) || strings.Contains(a.Body, b.token()) {
				t.Errorf("algorithm %d: cookies %s", by, cookies)
			}
			wantAlive(t, b, true, "the user of a passkey")
			all := b.passkeys()
			if last := all[len(all)-1]; len(all) != i+1 || last.ID != p.ID || last.Counter != 2 || last.LastUsedAt == nil ||
				!last.LastUsedAt.After(last.CreatedAt.Time) {
				t.Errorf("algorithm %d: after its use %+v", by, all)
			}
			// In a session the server lists the passkeys, so the device need not store
			// the user handle.
			want(t, b.authenticate(device, func(s *authenticator.Statement) { s.UserHandle = nil }), 200, "")
		}
	})
}

// TestCreateSession tests that a registration creates no session: the response contains
// the session of the request.
func TestCreateSession(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		before := b.token()
		a := b.Post("/passkey/verify-registration", body{"response": createResponse(t, s.device(), b.registerOptions()), "createSession": true})
		want(t, a, 200, "")
		if current := b.Session(); a.Get("session.id") != current.Get("session.id") || a.Get("user.id") != current.Get("user.id") ||
			a.Get("credentialID") == nil {
			t.Errorf("registration: %v; current %v", a, current)
		}
		if b.token() != before || b.Get("/list-sessions").Get("1") != nil {
			t.Error("the registration made a session")
		}
	})
}

// TestTransports tests that the server stores only well-formed transports: the browser
// reports them, and no signature covers them.
func TestTransports(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		for said, kept := range map[string]string{
			"usb,nfc,usb":                    "usb,nfc",
			"<script>,internal,x\ny,a b,":    "internal",
			"smart-card,hybrid,telepathy":    "smart-card,hybrid,telepathy",
			"a,b,c,d,e,f,g,h,i,j,k":          "a,b,c,d,e,f,g,h",
			strings.Repeat("x", 17) + ",ble": "ble",
			"":                               "",
		} {
			device := s.device()
			if device.Transports = strings.Split(said, ","); said == "" {
				device.Transports = nil
			}
			a := b.register(device)
			want(t, a, 200, "")
			if a.Get("transports") != kept {
				t.Errorf("transports %q are kept as %q; want %q", said, a.Get("transports"), kept)
			}
		}
	})
}

// TestPasskeysOfOthers tests that users cannot register, change or delete another user's
// passkey, or finish another user's ceremony.
func TestPasskeysOfOthers(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		type st = authenticator.Statement
		owner, device := s.signUpWithPasskey(t, ann)
		mallory := s.signUp(t, bob)
		key := device.Keys[0]
		id := base64.RawURLEncoding.EncodeToString(key.ID)

		// The same credential ID, with an attacker's own key, with the owner's key, and a
		// second time for the owner.
		impostor := s.device()
		steal := func(s *st) { s.ID, s.RawID, s.AttestedID = id, id, key.ID }
		want(t, mallory.register(impostor, steal), 409, "PREVIOUSLY_REGISTERED")
		want(t, mallory.register(s.device(), steal, func(s *st) { s.PublicKey = key.Public() }), 409, "PREVIOUSLY_REGISTERED")
		want(t, owner.register(s.device(), steal), 409, "PREVIOUSLY_REGISTERED")
		if len(mallory.passkeys()) != 0 || len(owner.passkeys()) != 1 {
			t.Errorf("passkeys %v and %v", mallory.passkeys(), owner.passkeys())
		}
		for _, handle := range [][]byte{impostor.Keys[0].UserHandle, key.UserHandle} {
			impostor.Keys[0].ID = key.ID
			b := s.browser(t)
			a := b.authenticate(impostor, func(s *st) { s.UserHandle = handle })
			if a.Status < 400 || a.Status > 499 || b.SignedIn(t) {
				t.Errorf("an impostor's key: %v", a)
			}
		}

		// A different user is signed in than at the start of the ceremony.
		desk := s.signIn(t, ann)
		options := desk.registerOptions()
		want(t, desk.Post("/sign-out", body{}), 200, "")
		want(t, desk.SignIn(bob), 200, "")
		mine := s.device()
		want(t, desk.sendRegistration(createResponse(t, mine, options)), 401, "YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY")
		want(t, desk.sendRegistration(createResponse(t, s.device(), options)), 400, "CHALLENGE_NOT_FOUND")
		again := s.signIn(t, ann)
		options = again.registerOptions()
		want(t, again.Elsewhere().SignIn(ann), 200, "")
		want(t, again.sendRegistration(createResponse(t, s.device(), options)), 400, "CHALLENGE_NOT_FOUND")

		// In a user's session the server accepts no passkey of another user.
		want(t, mallory.register(mine), 200, "")
		options = again.authenticateOptions()
		options.Body = strings.Replace(options.Body, id, base64.RawURLEncoding.EncodeToString(mine.Keys[len(mine.Keys)-1].ID), 1)
		want(t, again.sendAuthentication(getResponse(t, mine, options)), 400, "AUTHENTICATION_FAILED")

		// Other users can neither rename nor delete it.
		p := owner.passkeys()[0].ID
		for _, guess := range []string{p, "", "x' OR '1'='1", id} {
			want(t, mallory.Post("/passkey/update-passkey", body{"id": guess, "name": "Mine"}), 404, "PASSKEY_NOT_FOUND")
			want(t, mallory.Post("/passkey/delete-passkey", body{"id": guess}), 404, "PASSKEY_NOT_FOUND")
		}
		if all := owner.passkeys(); len(all) != 1 || all[0].Name != nil {
			t.Errorf("the owner's passkeys: %+v", all)
		}
		want(t, s.browser(t).authenticate(device), 200, "")

		// The server no longer knows a deleted passkey, or one of a deleted account.
		want(t, owner.Post("/passkey/delete-passkey", body{"id": p}), 200, "")
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		want(t, mallory.Post("/delete-user", body{"password": testkit.Password}), 200, "")
		want(t, s.browser(t).authenticate(mine), 401, "PASSKEY_NOT_FOUND")
		wantAbsent(t, s.log.String(), "internal error")
	})
}

// TestCopiedPasskey tests two devices with copies of one passkey. The server must refuse
// the one whose counter is behind, log it and send the owner an email.
func TestCopiedPasskey(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner, device := s.signUp(t, ann), s.device()
		device.Counts = true
		want(t, owner.register(device, func(s *authenticator.Statement) { s.Key.Counter, s.Counter = 21, 21 }), 200, "")
		wantMails(t, accounts, ann, en.T(message.MailPasskeyAddedSubject))
		for _, count := range []uint32{5, 0, 21} {
			b := s.browser(t)
			a := b.authenticate(device, func(s *authenticator.Statement) { s.Counter = count })
			want(t, a, 400, "AUTHENTICATION_FAILED")
			if a.Get("message") != shared.ErrPasskeyCopied.Message || b.SignedIn(t) {
				t.Errorf("count %d: %v", count, a)
			}
			wantMails(t, accounts, ann, en.T(message.MailPasskeyCopiedSubject))
		}
		if p := owner.passkeys()[0]; p.Counter != 21 || p.LastUsedAt != nil {
			t.Errorf("after a copy was refused: %+v", p)
		}
		copied := device.Copy()
		device.Keys[0].Counter = 30
		want(t, s.browser(t).authenticate(device), 200, "")
		want(t, s.browser(t).authenticate(copied), 400, "AUTHENTICATION_FAILED")
		wantMails(t, accounts, ann, en.T(message.MailPasskeyCopiedSubject))
		want(t, owner.Elsewhere().Post("/step-up", body{"passkey": getResponse(t, copied, owner.authenticateOptions())}),
			400, "AUTHENTICATION_FAILED")
		wantMails(t, accounts, ann, en.T(message.MailPasskeyCopiedSubject))
		if n := s.events(t, shared.EventPasskeyCopied); n != 5 {
			t.Errorf("%d events of a copy; want 5", n)
		}
		want(t, s.browser(t).authenticate(device), 200, "")
		if p := owner.passkeys()[0]; p.Counter != 32 {
			t.Errorf("count %d; want 32", p.Counter)
		}
	})
}

// TestBackup tests that a single-device passkey may become a synced one but not the
// reverse, and that the server stores the current backup state.
func TestBackup(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		const present = authenticator.UserPresent | authenticator.UserVerified
		owner, device := s.signUp(t, ann), s.device()
		device.Flags = present
		a := owner.register(device)
		want(t, a, 200, "")
		if a.Get("deviceType") != "singleDevice" || a.Get("backedUp") != false || a.Get("synced") != false {
			t.Errorf("of one device: %v", a)
		}
		for _, use := range []struct {
			flags  authenticator.Flags
			status int
			kind   string
			synced bool
		}{
			{present, 200, "singleDevice", false},
			{present | authenticator.BackedUp, 400, "singleDevice", false},
			{present | authenticator.BackupEligible, 200, "multiDevice", false},
			{authenticator.Synced, 200, "multiDevice", true},
			{present | authenticator.BackupEligible, 200, "multiDevice", false},
			{present, 400, "multiDevice", false},
			{present | authenticator.BackedUp, 400, "multiDevice", false},
			{authenticator.Synced, 200, "multiDevice", true},
		} {
			device.Flags = use.flags
			if a := s.browser(t).authenticate(device); a.Status != use.status {
				t.Errorf("flags %b: %v; want %d", use.flags, a, use.status)
			}
			if p := owner.passkeys()[0]; p.DeviceType != use.kind || p.BackedUp != use.synced || p.Synced != use.synced {
				t.Errorf("after flags %b: %+v", use.flags, p)
			}
		}
	})
}

// TestRenameAndDeletePasskeys tests that users can rename and delete their passkeys in a fresh
// session. The response must contain what the browser signals to the device.
func TestRenameAndDeletePasskeys(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		p := owner.passkeys()[0]
		if p.Name != nil {
			t.Errorf("a name that the user did not choose: %q", *p.Name)
		}
		rename := func(name any) testkit.Answer {
			return owner.Post("/passkey/update-passkey", body{"id": p.ID, "name": name})
		}
		for _, name := range []string{"K", `<b>"ä"</b> '; DROP TABLE passkeys;--`, strings.Repeat("ñ", 100), "🔑"} {
			a := rename("  " + name + " ")
			want(t, a, 200, "")
			if a.Get("passkey.name") != name || a.Get("passkey.id") != p.ID || *owner.passkeys()[0].Name != name {
				t.Errorf("renamed to %q: %v", name, a)
			}
			if a.Get("rpId") != "localhost" || a.Get("userId") != p.UserHandle ||
				!slices.Equal(a.Strings("allAcceptedCredentialIds"), []string{p.CredentialID}) {
				t.Errorf("what to signal: %v", a)
			}
		}
		for _, name := range []any{"", "  ", strings.Repeat("n", 101), "a\nb", nil, 1, []string{"n"}} {
			want(t, rename(name), 400, "VALIDATION_ERROR")
		}
		want(t, rename("a\x00b"), 400, "BAD_REQUEST")
		for _, in := range []body{{}, {"id": p.ID}, {"name": "N"}, {"id": 1, "name": "N"}} {
			want(t, owner.Post("/passkey/update-passkey", in), 400, "VALIDATION_ERROR")
		}
		want(t, owner.Post("/passkey/delete-passkey", body{}), 400, "VALIDATION_ERROR")
		want(t, owner.Post("/passkey/update-passkey", body{"id": "unknown", "name": "N"}), 404, "PASSKEY_NOT_FOUND")
		want(t, owner.Post("/passkey/delete-passkey", body{"id": "unknown"}), 404, "PASSKEY_NOT_FOUND")

		// The server refuses an invalid name before it consumes the challenge.
		other := s.device()
		response := createResponse(t, other, owner.registerOptions())
		for _, name := range []any{strings.Repeat("n", 101), "a\tb", 1} {
			want(t, owner.Post("/passkey/verify-registration", body{"response": response, "name": name}), 400, "VALIDATION_ERROR")
		}
		a := owner.Post("/passkey/verify-registration", body{"response": response, "name": "   "})
		want(t, a, 200, "")
		if a.Get("name") != nil {
			t.Errorf("a blank name: %v", a)
		}

		// In a session that is not fresh, users can only list their passkeys.
		response = createResponse(t, s.device(), owner.registerOptions())
		s.clock.Advance(setting.FreshWindow)
		want(t, owner.Get("/passkey/generate-register-options"), 403, "SESSION_NOT_FRESH")
		want(t, owner.Get("/passkey/generate-register-options?mediation=conditional"), 403, "SESSION_NOT_FRESH")
		want(t, owner.sendRegistration(response), 403, "SESSION_NOT_FRESH")
		want(t, rename("Late"), 403, "SESSION_NOT_FRESH")
		want(t, owner.Post("/passkey/delete-passkey", body{"id": p.ID}), 403, "SESSION_NOT_FRESH")
		if n := len(owner.passkeys()); n != 2 {
			t.Errorf("%d passkeys; want 2", n)
		}
		want(t, owner.Elsewhere().Post("/step-up", body{"passkey": getResponse(t, device, owner.authenticateOptions())}), 200, "")

		a = owner.Post("/passkey/delete-passkey", body{"id": p.ID})
		want(t, a, 200, "")
		left := base64.RawURLEncoding.EncodeToString(other.Keys[0].ID)
		if a.Get("status") != true || a.Get("rpId") != "localhost" || a.Get("userId") != p.UserHandle ||
			!slices.Equal(a.Strings("allAcceptedCredentialIds"), []string{left}) {
			t.Errorf("deleted: %v", a)
		}
		want(t, owner.Post("/passkey/delete-passkey", body{"id": p.ID}), 404, "PASSKEY_NOT_FOUND")
		// The password is another sign-in method.
		a = owner.Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID})
		want(t, a, 200, "")
		if !reflect.DeepEqual(a.Get("allAcceptedCredentialIds"), []any{}) {
			t.Errorf("none is left: %v", a)
		}
	})
}

// TestDeletedPasskey tests that deleting a passkey revokes the sessions, the trusted
// devices and the ceremonies that it may have started.
func TestDeletedPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		owner.enroll()
		elsewhere, trusted, theirs := s.browser(t), s.browser(t), s.signUp(t, bob)
		want(t, elsewhere.authenticate(device), 200, "")
		trusted.passPassword(ann)
		response := getResponse(t, device, trusted.authenticateOptions())
		want(t, trusted.Post("/passkey/verify-authentication", body{"response": response, "trustDevice": true}), 200, "")
		waiting := s.pendingSignIn(t, ann)
		response = getResponse(t, device, waiting.authenticateOptions())

		id, token := owner.Session().Get("session.id"), owner.token()
		want(t, owner.Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 200, "")
		if owner.token() == token || owner.Session().Get("session.id") != id {
			t.Error("the session does not go on under a new token")
		}
		wantAlive(t, elsewhere, false, "a session of the deleted passkey")
		wantAlive(t, trusted, false, "a browser that the passkey made trusted")
		wantAlive(t, theirs, true, "another user")
		want(t, trusted.Elsewhere().SignIn(ann), 403, "TWO_FACTOR_REQUIRED")
		want(t, waiting.sendAuthentication(response), 401, "PASSKEY_NOT_FOUND")
		wantAlive(t, waiting, false, "the browser that waited for a second factor")
	})
}

// TestLastCredential tests that users cannot delete their last sign-in method, even with
// parallel requests.
func TestLastCredential(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		if other, _ := s.signUpWithPasskey(t, bob); other.passkeys()[0].LastCredential { // another user's passkey and password do not count
			t.Error("the list says that a passkey beside a password is the last way in")
		}
		s.exec(t, "DELETE FROM passwords WHERE user_id = '"+fmt.Sprint(owner.Session().Get("user.id"))+"'")
		if !owner.passkeys()[0].LastCredential {
			t.Error("the list does not say that it is the last way in")
		}
		a := owner.Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID})
		want(t, a, 409, "LAST_WAY_IN")
		if a.Get("message") != shared.ErrLastCredential.Message {
			t.Errorf("the last way in: %v", a)
		}
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")

		// If two requests delete both passkeys at the same time, one passkey stays.
		left := device
		for range 3 {
			added := s.device()
			want(t, b.register(added), 200, "")
			var won atomic.Int32
			var both sync.WaitGroup
			for _, p := range b.passkeys() {
				other := b.Elsewhere()
				both.Go(func() {
					switch a := other.Post("/passkey/delete-passkey", body{"id": p.ID}); {
					case a.Status == 200:
						won.Add(1)
					case a.Code() != "LAST_WAY_IN" && a.Code() != "UNAUTHORIZED": // the first request revokes the session of the second
						t.Errorf("delete: %v", a)
					}
				})
			}
			both.Wait()
			if n := len(b.passkeys()); won.Load() != 1 || n != 1 {
				t.Fatalf("%d of 2 were deleted, %d are left", won.Load(), n)
			}
			if _, err := added.Get([]byte(b.authenticateOptions().Body)); err == nil {
				left = added
			}
		}
		// The user may still delete the account.
		want(t, b.Post("/delete-user", body{"passkey": getResponse(t, left, b.authenticateOptions())}), 200, "")
	})
}

// TestPasskeyIsRemembered tests that a passkey's session ends when the browser closes, if
// the user chose not to stay signed in.
func TestPasskeyIsRemembered(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		_, device := s.signUpWithPasskey(t, ann)
		for _, test := range []struct {
			says body
			kept bool
		}{{body{}, true}, {body{"rememberMe": true}, true}, {body{"rememberMe": false}, false}} {
			b := s.browser(t)
			test.says["response"] = getResponse(t, device, b.authenticateOptions())
			a := b.Elsewhere().Post("/passkey/verify-authentication", test.says)
			want(t, a, 200, "")
			cookie := a.Header.Get("Set-Cookie")
			for _, c := range a.Header["Set-Cookie"] {
				if strings.HasPrefix(c, "latchkey.session_token=") {
					cookie = c
				}
			}
			if kept := strings.Contains(cookie, "Max-Age"); kept != test.kept {
				t.Errorf("%v: %s", test.says["rememberMe"], cookie)
			}
		}
	})
}

// TestPasskeyNames tests that the server refuses passkey names that are invisible or
// change the direction of the text around them.
func TestPasskeyNames(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b, _ := s.signUpWithPasskey(t, ann)
		id := b.passkeys()[0].ID
		for _, name := range []string{"\u200b", "a\u202eb", "\u2066", "\ufeffx", "\u200d\u200c"} {
			want(t, b.Elsewhere().Post("/passkey/update-passkey", body{"id": id, "name": name}), 400, "VALIDATION_ERROR")
		}
		for _, name := range []string{"Ann’s 👩\u200d💻", "می\u200cخواهم", "Ключ"} {
			want(t, b.Elsewhere().Post("/passkey/update-passkey", body{"id": id, "name": name}), 200, "")
		}
	})
}

// TestSuggestedPasskeyNames tests the names that the server gives passkeys on request: they
// are in the user's language, differ from each other, and are in the notice.
func TestSuggestedPasskeyNames(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.signUp(t, ann)
		sendMails(t, s.accounts)
		add := func(in body) any {
			t.Helper()
			in["response"] = createResponse(t, s.device(), b.registerOptions())
			a := b.Elsewhere().Post("/passkey/verify-registration", in)
			want(t, a, 200, "")
			return a.Get("name")
		}
		if got := add(body{}); got != nil {
			t.Errorf("without a request: %v", got)
		}
		sendMails(t, s.accounts)
		for _, want := range []string{"Windows PC · Firefox", "Windows PC · Firefox 2"} {
			if got := add(body{"suggestName": true}); got != want {
				t.Errorf("the name is %v; want %s", got, want)
			}
			if mails := sendMails(t, s.accounts); len(mails) != 1 || !strings.Contains(mails[0].Text, "“"+want+"”") {
				t.Errorf("the notice does not name %s: %+v", want, mails)
			}
		}
		if got := add(body{"suggestName": true, "name": " Mine "}); got != "Mine" {
			t.Errorf("with a name: %v", got)
		}
		want(t, b.Elsewhere().Post("/update-user", body{"language": "de"}), 200, "")
		if got, want := add(body{"suggestName": true}), "Windows-PC · Firefox"; got != want {
			t.Errorf("in German: %v; want %s", got, want)
		}
	})
}

// TestPasskeyOrigins tests that only pages of our own and of trusted origins can use
// passkeys.
func TestPasskeyOrigins(t *testing.T) {
	t.Parallel()
	storetest.EachMigrated(t, func(t *testing.T, url string) {
		s := open(t, storetest.Open(t, url), func(c *server.Config) {
			rp := &c.Accounts.RelyingParty
			rp.Origins = append(rp.Origins, "http://localhost:3000")
		})
		b := s.signUp(t, ann)
		for origin, status := range map[string]int{"http://localhost:3000": 200, "http://localhost:3001": 400, "http://app.localhost:3000": 400} {
			want(t, b.register(authenticator.New(origin)), status, map[int]string{400: "FAILED_TO_VERIFY_REGISTRATION"}[status])
		}
	})
}

// TestPasskeysPerUser tests that an account has at most 20 passkeys, even if a user adds
// several in parallel.
func TestPasskeysPerUser(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner := s.signUp(t, ann)
		for range 16 {
			want(t, owner.register(s.device()), 200, "")
		}
		var waiting []testkit.Answer
		for range 9 {
			waiting = append(waiting, owner.registerOptions())
		}
		upgrade := owner.Get("/passkey/generate-register-options?mediation=conditional")
		var won atomic.Int32
		var all sync.WaitGroup
		for _, options := range waiting[:8] {
			response := createResponse(t, s.device(), options)
			b := owner.Elsewhere()
			all.Go(func() {
				switch a := b.sendRegistration(response); {
				case a.Status == 200:
					won.Add(1)
				case a.Status != 409 || a.Code() != "TOO_MANY_PASSKEYS":
					t.Errorf("registration: %v", a)
				}
			})
		}
		all.Wait()
		if n := len(owner.passkeys()); won.Load() != 4 || n != shared.PasskeysPerUser {
			t.Errorf("%d of 8 at once were added to 16, which makes %d; want 4 and 20", won.Load(), n)
		}
		for _, options := range []testkit.Answer{waiting[8], upgrade} {
			want(t, owner.sendRegistration(createResponse(t, s.device(), options)), 409, "TOO_MANY_PASSKEYS")
		}
		want(t, owner.Get("/passkey/generate-register-options"), 409, "TOO_MANY_PASSKEYS")
		if a := owner.Get("/passkey/generate-register-options?mediation=conditional"); a.Status != 200 || a.Body != "null" {
			t.Errorf("an upgrade: %v", a)
		}
		want(t, s.signUp(t, bob).register(s.device()), 200, "")
		want(t, owner.Post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 200, "")
		want(t, owner.register(s.device()), 200, "")
	})
}

// TestUpgrade tests when a browser may create a passkey without asking the user: only
// right after a sign-in with a password, and only in a ceremony that was started for
// that.
func TestUpgrade(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		type st = authenticator.Statement
		unasked := func(s *st) { s.Flags &^= authenticator.UserPresent | authenticator.UserVerified }
		owner, device := s.signUp(t, ann), s.device()
		begin := func() testkit.Answer {
			t.Helper()
			a := owner.Get("/passkey/generate-register-options?mediation=conditional")
			want(t, a, 200, "")
			return a
		}
		options := begin()
		if options.Get("authenticatorSelection.userVerification") != "preferred" {
			t.Errorf("options: %v", options)
		}
		a := owner.sendRegistration(createResponse(t, device, options, unasked))
		want(t, a, 200, "")
		if a.Get("userVerified") != false {
			t.Errorf("registered: %v", a)
		}
		for what, change := range map[string]alteration{
			"another origin": client("origin", "https://evil.test"),
			"cross-origin":   client("crossOrigin", true),
			"another RP ID":  func(s *st) { s.RPID = "evil.test" },
			"ES384":          cose(map[int]any{3: -35}),
		} {
			if a := owner.sendRegistration(createResponse(t, s.device(), begin(), unasked, change)); a.Status != 400 {
				t.Errorf("%s: %v", what, a)
			}
		}
		ordinary := owner.registerOptions()
		begin() // in another tab
		want(t, owner.sendRegistration(createResponse(t, s.device(), ordinary, unasked)), 400, "FAILED_TO_VERIFY_REGISTRATION")

		// These sessions did not just start with a password.
		for what, b := range map[string]*browser{"by passkey": s.browser(t), "long ago": s.signIn(t, ann)} {
			if what == "by passkey" {
				want(t, b.authenticate(device), 200, "")
			} else {
				s.clock.Advance(setting.FreshWindow)
				want(t, b.Elsewhere().Post("/step-up", body{"password": testkit.Password}), 200, "")
			}
			if a := b.Get("/passkey/generate-register-options?mediation=conditional"); a.Status != 200 || a.Body != "null" {
				t.Errorf("signed in %s: %v", what, a)
			}
		}

		// The passkey signs in only if the authenticator verifies the user.
		want(t, s.browser(t).authenticate(device, unasked), 400, "AUTHENTICATION_FAILED")
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")
		if p := b.passkeys(); len(p) != 1 || !p[0].UserVerified {
			t.Errorf("passkeys: %+v", p)
		}
	})
}

func TestNoUpgrade(t *testing.T) {
	off := func(c *server.Config) { c.Accounts.Settings = set(t, "PASSKEY_AUTO_UPGRADE=off") }
	eachAs(t, off, func(t *testing.T, s *testServer, _ *account.Service) {
		owner := s.signUp(t, ann)
		if a := owner.Get("/passkey/generate-register-options?mediation=conditional"); a.Status != 200 || a.Body != "null" {
			t.Errorf("an upgrade: %v", a)
		}
		want(t, owner.register(s.device()), 200, "")
	})
}

// TestPasskeyIsTwoFactors tests that a passkey with user verification signs in alone, and
// that after a password it is the second factor.
func TestPasskeyIsTwoFactors(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		_, others := s.signUpWithPasskey(t, bob)
		app, _ := owner.enroll()
		user := owner.Session().Get("user.id")
		id := base64.RawURLEncoding.EncodeToString(device.Keys[0].ID)

		alone := s.browser(t)
		want(t, alone.authenticate(device), 200, "")
		if alone.method() != "passkey" || alone.Session().Get("user.twoFactorEnabled") != true {
			t.Errorf("alone: %v", alone.Get("/list-sessions"))
		}

		asked := func() (*browser, testkit.Answer) {
			t.Helper()
			b := s.browser(t)
			a := b.Elsewhere().Post("/sign-in/email", body{"email": ann, "password": testkit.Password, "rememberMe": false})
			want(t, a, 403, "TWO_FACTOR_REQUIRED")
			if fmt.Sprint(a.Get("twoFactorMethods")) != "[totp otp passkey]" {
				t.Errorf("methods: %v", a)
			}
			options := b.Get("/passkey/generate-authenticate-options?secondFactor=true")
			want(t, options, 200, "")
			if options.Get("allowCredentials.0.id") != id || options.Get("allowCredentials.1") != nil {
				t.Errorf("options of a pending sign-in: %v", options)
			}
			return b, options
		}
		b, options := asked()
		pending := b.Cookie("latchkey.two_factor")
		a := b.sendAuthentication(getResponse(t, device, options, func(s *authenticator.Statement) { s.UserHandle = nil }))
		want(t, a, 200, "")
		if a.Get("session.method") != "password+passkey" || a.Get("user.id") != user {
			t.Errorf("after a password: %v", a)
		}
		if all := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !strings.Contains(all, "latchkey.two_factor=; Path=/; Max-Age=0") ||
			!regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; HttpOnly`).MatchString(all) { // "rememberMe" was false
			t.Errorf("cookies: %s", all)
		}
		want(t, s.holding(t, "latchkey.two_factor", pending).verify(nextCode(app)), 401, "INVALID_TWO_FACTOR_COOKIE")

		// Options from before the password are valid, too, because autofill requests them
		// early.
		b, _ = asked()
		want(t, b.authenticate(device), 200, "")
		if b.method() != "password+passkey" {
			t.Errorf("by autofill: %v", b.Get("/list-sessions"))
		}

		// The sign-in can continue after a wrong response.
		b, options = asked()
		before := s.rowKeys(t)
		a = b.sendAuthentication(getResponse(t, device, options, func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified }))
		want(t, a, 400, "AUTHENTICATION_FAILED")
		options = b.Get("/passkey/generate-authenticate-options?secondFactor=true")
		options.Body = strings.Replace(options.Body, id, base64.RawURLEncoding.EncodeToString(others.Keys[0].ID), 1)
		want(t, b.sendAuthentication(getResponse(t, others, options)), 400, "AUTHENTICATION_FAILED")
		if s.rowKeys(t) != before || b.SignedIn(t) {
			t.Error("a wrong passkey did something")
		}
		want(t, b.verify(nextCode(app)), 200, "")

		// Another user's passkey signs in to that user's account, as without a pending
		// sign-in.
		b, _ = asked()
		want(t, b.authenticate(others), 200, "")
		if a := b.Session(); a.Get("user.email") != bob || b.method() != "passkey" {
			t.Errorf("another user's passkey: %v", a)
		}

		// A passkey can make a device trusted, as a code can.
		b, options = asked()
		a = b.Post("/passkey/verify-authentication", body{"response": getResponse(t, device, options), "trustDevice": true})
		want(t, a, 200, "")
		want(t, b.Elsewhere().SignIn(ann), 200, "")

		// Wrong codes lock the codes, but not the passkey.
		for range 10 {
			want(t, s.pendingSignIn(t, ann).verify(s.apps.Wrong()), 401, "INVALID_CODE")
		}
		b, options = asked()
		want(t, b.verify(nextCode(app)), 429, "ACCOUNT_TEMPORARILY_LOCKED")
		want(t, b.sendAuthentication(getResponse(t, device, options)), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
	})
}

// TestSecurityKey tests that if user verification is optional, a passkey without it
// counts as one factor.
func TestSecurityKey(t *testing.T) {
	preferred := func(c *server.Config) { c.Accounts.Settings = set(t, "PASSKEY_USER_VERIFICATION=preferred") }
	eachAs(t, preferred, func(t *testing.T, s *testServer, _ *account.Service) {
		owner, key := s.signUp(t, ann), s.device()
		key.Flags = authenticator.UserPresent
		options := owner.registerOptions()
		if options.Get("authenticatorSelection.userVerification") != "preferred" ||
			owner.authenticateOptions().Get("userVerification") != "preferred" {
			t.Errorf("options: %v", options)
		}
		a := owner.sendRegistration(createResponse(t, key, options))
		want(t, a, 200, "")
		if a.Get("userVerified") != false {
			t.Errorf("registered: %v", a)
		}
		absent := func(s *authenticator.Statement) { s.Flags &^= authenticator.UserPresent }
		want(t, owner.register(s.device(), absent), 400, "FAILED_TO_VERIFY_REGISTRATION")
		b := s.browser(t)
		want(t, b.authenticate(key), 200, "")
		if b.method() != "security-key" {
			t.Errorf("alone: %v", b.Get("/list-sessions"))
		}
		want(t, b.Elsewhere().Post("/step-up", body{"passkey": getResponse(t, key, b.authenticateOptions())}), 400, "AUTHENTICATION_FAILED")

		app, _ := owner.enroll()
		b = s.browser(t)
		a = b.authenticate(key)
		want(t, a, 403, "TWO_FACTOR_REQUIRED")
		if a.Get("twoFactorRedirect") != true || a.Get("session") != nil || a.Get("user") != nil || b.SignedIn(t) ||
			b.Cookie("latchkey.two_factor") == "" {
			t.Errorf("the first of two factors: %v", a)
		}
		want(t, b.authenticate(key), 403, "TWO_FACTOR_REQUIRED") // it does not count as two factors
		wantAlive(t, b, false, "the browser that has sent one factor twice")
		want(t, b.verify(nextCode(app)), 200, "")
		if b.method() != "security-key+totp" {
			t.Errorf("with a code: %v", b.Get("/list-sessions"))
		}
		b = s.pendingSignIn(t, ann)
		want(t, b.authenticate(key), 200, "")
		if b.method() != "password+passkey" {
			t.Errorf("after a password: %v", b.Get("/list-sessions"))
		}
		b = s.browser(t)
		want(t, b.authenticate(key, func(s *authenticator.Statement) { s.Flags |= authenticator.UserVerified }), 200, "")
		if b.method() != "passkey" {
			t.Errorf("verified: %v", b.Get("/list-sessions"))
		}
	})
}

func TestStepUpByPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		mallory, others := s.signUpWithPasskey(t, bob)
		stepUp := func(b *browser, response json.RawMessage) testkit.Answer {
			t.Helper()
			return b.Elsewhere().Post("/step-up", body{"passkey": response})
		}
		want(t, stepUp(s.browser(t), getResponse(t, device, s.browser(t).authenticateOptions())), 401, "UNAUTHORIZED")
		s.clock.Advance(setting.FreshWindow)
		stale := func() {
			t.Helper()
			want(t, owner.Get("/passkey/generate-register-options"), 403, "SESSION_NOT_FRESH")
		}
		stale()

		unverified := func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified }
		want(t, stepUp(owner, getResponse(t, device, owner.authenticateOptions(), unverified)), 400, "AUTHENTICATION_FAILED")
		want(t, stepUp(owner, getResponse(t, device, owner.authenticateOptions(), client("origin", "https://evil.test"))),
			400, "AUTHENTICATION_FAILED")
		bad := func(s *authenticator.Statement) { s.Signature = []byte("signature") }
		want(t, stepUp(owner, getResponse(t, device, owner.authenticateOptions(), bad)), 401, "AUTHENTICATION_FAILED")
		for _, response := range []string{"{}", "[]", "1", `"x"`} {
			owner.authenticateOptions()
			want(t, stepUp(owner, json.RawMessage(response)), 400, "AUTHENTICATION_FAILED")
		}
		stale()

		// Another user's passkey, and challenges of another browser, of another session,
		// or of none.
		want(t, stepUp(owner, getResponse(t, others, withoutAllowList(owner.authenticateOptions()))), 400, "AUTHENTICATION_FAILED")
		want(t, stepUp(owner, getResponse(t, device, withoutAllowList(mallory.authenticateOptions()))), 400, "CHALLENGE_NOT_FOUND")
		before := s.holding(t, "latchkey.passkey", owner.Cookie("latchkey.passkey"))
		want(t, stepUp(owner, getResponse(t, device, before.authenticateOptions())), 400, "CHALLENGE_NOT_FOUND")
		second := s.signIn(t, ann)
		second.SetCookie("latchkey.passkey", before.Cookie("latchkey.passkey"))
		options := owner.authenticateOptions()
		want(t, stepUp(second, getResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		want(t, stepUp(owner, getResponse(t, device, options)), 400, "CHALLENGE_NOT_FOUND") // the other session has consumed it
		stale()

		id, token := owner.Session().Get("session.id"), owner.token()
		response := getResponse(t, device, owner.authenticateOptions())
		a := stepUp(owner, response)
		want(t, a, 200, "")
		if a.Body != `{"status":true}` || owner.token() == token || owner.Session().Get("session.id") != id {
			t.Errorf("step-up: %v", a)
		}
		want(t, owner.Get("/passkey/generate-register-options"), 200, "")
		want(t, stepUp(owner, response), 400, "CHALLENGE_NOT_FOUND")
		if owner.passkeys()[0].LastUsedAt == nil {
			t.Error("a step-up does not count as a use of the passkey")
		}
		if s.events(t, shared.EventStepUp) != 1 {
			t.Errorf("%d events of a step-up; want 1", s.events(t, shared.EventStepUp))
		}
	})
}

// TestPasskeyNotices tests that the owner gets an email about each new and each deleted
// passkey. The log must record all actions on passkeys, without secrets.
func TestPasskeyNotices(t *testing.T) {
	eachAs(t, nil, func(t *testing.T, s *testServer, accounts *account.Service) {
		owner, device := s.signUp(t, ann), s.device()
		options := owner.registerOptions()
		secrets := []string{owner.Cookie("latchkey.passkey"), fmt.Sprint(options.Get("challenge"))}
		wantAbsent(t, s.dump(t), secrets...)
		a := owner.Post("/passkey/verify-registration", body{"response": createResponse(t, device, options), "name": `Ann's <b>key</b>`})
		want(t, a, 200, "")
		id := fmt.Sprint(a.Get("id"))
		for _, m := range wantMails(t, accounts, ann, en.T(message.MailPasskeyAddedSubject)) {
			if !strings.Contains(m.Text, "Ann's <b>key</b>") || strings.Contains(m.HTML, "<b>key") {
				t.Errorf("email: %+v", m)
			}
		}
		want(t, owner.Post("/passkey/update-passkey", body{"id": id, "name": "Key"}), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
		want(t, s.browser(t).authenticate(device, func(s *authenticator.Statement) { s.Signature = []byte("x") }), 401, "AUTHENTICATION_FAILED")
		wantMails(t, accounts, ann)
		want(t, owner.Post("/passkey/delete-passkey", body{"id": id}), 200, "")
		wantMails(t, accounts, ann, en.T(message.MailPasskeyRemovedSubject))
		for _, kind := range []string{
			shared.EventPasskeyAdded, shared.EventPasskeyRenamed, shared.EventSignIn, shared.EventPasskeyFailed,
			shared.EventPasskeyDeleted,
		} {
			if n := s.events(t, kind); n != 1 {
				t.Errorf("%d events %q; want 1", n, kind)
			}
		}
		if n := strings.Count(s.dump(t), " "+id+" "); n != 5 {
			t.Errorf("%d events name the passkey; want 5", n)
		}
		wantAbsent(t, s.log.String(), append(secrets, base64.RawURLEncoding.EncodeToString(device.Keys[0].UserHandle))...)
	})
}

// TestPasskeyAnswersAtOnce tests that if many parallel requests send the same passkey
// response, one succeeds.
func TestPasskeyAnswersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		owner, device := s.signUpWithPasskey(t, ann)
		atOnce := func(what string, send func() testkit.Answer) {
			t.Helper()
			testkit.OnlySuccess(t, what, testkit.AtOnce(16, func(int) testkit.Answer { return send() }))
		}
		for range 3 {
			b := s.browser(t)
			response, before := getResponse(t, device, b.authenticateOptions()), s.events(t, shared.EventSignIn)
			atOnce("a sign-in", func() testkit.Answer { return b.sendAuthentication(response) })
			if n := s.events(t, shared.EventSignIn) - before; n != 1 {
				t.Errorf("an answer signed in %d times", n)
			}
			response = createResponse(t, s.device(), owner.registerOptions())
			atOnce("a registration", func() testkit.Answer { return owner.sendRegistration(response) })
			step := getResponse(t, device, owner.authenticateOptions())
			atOnce("a step-up", func() testkit.Answer { return owner.Elsewhere().Post("/step-up", body{"passkey": step}) })
		}
		if n := len(owner.passkeys()); n != 4 {
			t.Errorf("%d passkeys; want 4", n)
		}
	})
}

// TestTooManyChallenges tests that a limit keeps an address from filling the database
// with challenges.
func TestChallengeLimit(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		s.clock.Freeze()
		b := s.browser(t)
		for range 400 {
			if a := b.Get("/passkey/generate-authenticate-options"); a.Status == 429 {
				if a.Header.Get("Retry-After") == "" {
					t.Errorf("no Retry-After: %v", a.Header)
				}
				return
			}
		}
		t.Error("one address got 400 challenges")
	})
}

// TestPasskeyGuessesAreLimited tests that an address can send a hundred wrong passkey
// responses an hour, as many as passwords.
func TestPasskeyGuessesAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t)
		for range 100 {
			want(t, b.Post("/passkey/verify-authentication", body{"response": body{}}), 400, "CHALLENGE_NOT_FOUND")
		}
		s.clock.Advance(time.Minute)
		want(t, b.Post("/passkey/verify-authentication", body{"response": body{}}), 429, "TOO_MANY_REQUESTS")
		s.clock.Advance(time.Hour)
		want(t, b.Post("/passkey/verify-authentication", body{"response": body{}}), 400, "CHALLENGE_NOT_FOUND")
	})
}

// TestPasskeyCookie tests that with Better Auth's prefix the passkey cookie has Better
// Auth's name.
func TestPasskeyCookie(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.CookiePrefix = "better-auth" }, func(t *testing.T, s *testServer, _ *account.Service) {
		b, device := s.browser(t), s.device()
		want(t, b.SignUp(ann), 200, "")
		a := b.registerOptions()
		cookie := regexp.MustCompile(`^better-auth\.better-auth-passkey=[\w-]{43}; Path=/; Max-Age=300; HttpOnly; SameSite=Lax$`)
		if got := a.Header.Get("Set-Cookie"); !cookie.MatchString(got) {
			t.Errorf("cookie %q", got)
		}
		want(t, b.sendRegistration(createResponse(t, device, a)), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
	})
}
