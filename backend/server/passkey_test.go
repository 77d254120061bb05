package server_test

import (
	"bytes"
	"database/sql"
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
	"github.com/uptrace/bun/driver/pgdriver"

	"latchkey/backend/account"
	"latchkey/backend/account/authenticator"
	"latchkey/backend/server"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

const bob = "bob@example.test"

// says is how an authenticator or its browser says something else.
type says = func(*authenticator.Statement)

// device is an authenticator that has no passkey yet.
func (s *site) device() *authenticator.Authenticator { return authenticator.New(s.url.String()) }

// registerOptions begins to add a passkey.
func (b *browser) registerOptions() answer {
	b.t.Helper()
	a := b.elsewhere().get("/passkey/generate-register-options")
	want(b.t, a, 200, "")
	return a
}

// authenticateOptions begins to use one.
func (b *browser) authenticateOptions() answer {
	b.t.Helper()
	a := b.elsewhere().get("/passkey/generate-authenticate-options")
	want(b.t, a, 200, "")
	return a
}

// made is what a device answers to options.
func made(t *testing.T, device *authenticator.Authenticator, options answer, changes ...says) json.RawMessage {
	t.Helper()
	response, err := device.Create([]byte(options.body), changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func used(t *testing.T, device *authenticator.Authenticator, options answer, changes ...says) json.RawMessage {
	t.Helper()
	response, err := device.Get([]byte(options.body), changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (b *browser) sendRegistration(response json.RawMessage) answer {
	b.t.Helper()
	return b.elsewhere().post("/passkey/verify-registration", body{"response": response})
}

func (b *browser) sendAuthentication(response json.RawMessage) answer {
	b.t.Helper()
	return b.elsewhere().post("/passkey/verify-authentication", body{"response": response})
}

// register adds a passkey of the device to the browser's account.
func (b *browser) register(device *authenticator.Authenticator, changes ...says) answer {
	b.t.Helper()
	return b.sendRegistration(made(b.t, device, b.registerOptions(), changes...))
}

// authenticate signs in by a passkey of the device.
func (b *browser) authenticate(device *authenticator.Authenticator, changes ...says) answer {
	b.t.Helper()
	return b.sendAuthentication(used(b.t, device, b.authenticateOptions(), changes...))
}

// keeping makes an account with a passkey, and the device that keeps it.
func (s *site) keeping(t *testing.T, email string) (*browser, *authenticator.Authenticator) {
	t.Helper()
	b, device := s.signUp(t, email), s.device()
	want(t, b.register(device), 200, "")
	return b, device
}

func (b *browser) passkeys() (all []shared.Passkey) {
	b.t.Helper()
	a := b.get("/passkey/list-user-passkeys")
	want(b.t, a, 200, "")
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		b.t.Fatalf("list-user-passkeys: %v, %v", a, err)
	}
	return all
}

// method is how the browser's session began.
func (b *browser) method() any { return b.get("/list-sessions").get("0.method") }

// kept is the rows of the database that an attempt which fails must leave, by
// their keys.
func (s *site) kept(t *testing.T) string {
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

func (s *site) events(t *testing.T, kind string) int {
	t.Helper()
	return strings.Count(s.dump(t), " "+kind+" ")
}

// exec changes the database behind the server's back.
func (s *site) exec(t *testing.T, query string) {
	t.Helper()
	var pool *sql.DB
	if path, ok := strings.CutPrefix(s.database, "sqlite:"); ok {
		var err error
		if pool, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(3000)"); err != nil {
			t.Fatal(err)
		}
	} else {
		pool = sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(s.database)))
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// eachAs is each for servers that are set otherwise, and for tests that read
// mails.
func eachAs(t *testing.T, change func(*server.Config), test func(t *testing.T, s *site, accounts *account.Service)) {
	t.Helper()
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		var accounts *account.Service
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) {
			accounts = c.Accounts
			if change != nil {
				change(c)
			}
		})
		s.database = url
		test(t, s, accounts)
	})
}

// wantMails reads the mails that wait, which must have just these subjects.
func wantMails(t *testing.T, accounts *account.Service, recipient string, subjects ...string) (all []account.Mail) {
	t.Helper()
	var got []string
	for {
		found, err := accounts.HandOnMail(t.Context(), func(m account.Mail) error {
			all, got = append(all, m), append(got, m.Subject)
			if m.Recipient != recipient || !strings.Contains(m.Text, " UTC, from 198.18.") {
				t.Errorf("mail: %+v", m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
	}
	if !slices.Equal(got, subjects) {
		t.Errorf("mails %q; want %q", got, subjects)
	}
	return all
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

func TestRegisterOptions(t *testing.T) { // P01, P36
	each(t, func(t *testing.T, s *site) {
		b := s.signUp(t, ann)
		first := b.registerOptions()
		if cookies := first.header.Values("Set-Cookie"); len(cookies) != 1 || !passkeyCookie.MatchString(cookies[0]) {
			t.Errorf("cookies: %q", cookies)
		}
		handle := fromBase64(t, first.get("user.id"))
		if len(handle) != 64 || bytes.Contains(handle, []byte("ann")) || len(fromBase64(t, first.get("challenge"))) < 32 {
			t.Errorf("options: %v", first)
		}
		for path, value := range map[string]any{
			"rp.id": "localhost", "rp.name": "Latchkey", "user.name": ann, "user.displayName": ann, "timeout": 60000.0, "attestation": "none",
			"pubKeyCredParams.0.alg": -8.0, "pubKeyCredParams.1.alg": -7.0, "pubKeyCredParams.2.alg": -257.0, "pubKeyCredParams.0.type": "public-key",
			"excludeCredentials": []any{}, "hints": []any{}, "extensions": map[string]any{"credProps": true},
			"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		} {
			if got := first.get(path); !reflect.DeepEqual(got, value) {
				t.Errorf("%s: %v; want %v", path, got, value)
			}
		}

		device := s.device()
		want(t, b.sendRegistration(made(t, device, first)), 200, "")
		second := b.get("/passkey/generate-register-options?name=Ann%20at%20home&authenticatorAttachment=cross-platform&context=x")
		want(t, second, 200, "")
		if second.get("challenge") == first.get("challenge") || second.get("user.id") != first.get("user.id") {
			t.Errorf("second options: %v", second)
		}
		for path, value := range map[string]any{
			"user.name": "Ann at home", "authenticatorSelection.authenticatorAttachment": "cross-platform",
			"excludeCredentials": []any{map[string]any{
				"id": base64.RawURLEncoding.EncodeToString(device.Keys[0].ID), "type": "public-key", "transports": []any{"internal", "hybrid"},
			}},
		} {
			if got := second.get(path); !reflect.DeepEqual(got, value) {
				t.Errorf("%s: %v; want %v", path, got, value)
			}
		}
		if other := s.signUp(t, bob).registerOptions(); other.get("user.id") == first.get("user.id") || strings.Contains(other.body, fmt.Sprint(b.passkeys()[0].CredentialID)) {
			t.Errorf("options of another: %v", other)
		}
		for _, query := range []string{"authenticatorAttachment=foo", "mediation=required", "name=" + strings.Repeat("n", 101), "name=a%00b"} {
			if a := b.get("/passkey/generate-register-options?" + query); a.status != 400 {
				t.Errorf("%s: %v", query, a)
			}
		}
	})
}

func TestAuthenticateOptions(t *testing.T) { // P16, P36
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		b, challenges := s.browser(t), map[any]bool{}
		for range 20 {
			a := b.authenticateOptions()
			if cookies := a.header.Values("Set-Cookie"); len(cookies) != 1 || !passkeyCookie.MatchString(cookies[0]) {
				t.Errorf("cookies: %q", cookies)
			}
			challenges[a.get("challenge")] = true
			if len(fromBase64(t, a.get("challenge"))) < 32 {
				t.Errorf("challenge: %v", a)
			}
			var o map[string]any
			json.Unmarshal([]byte(a.body), &o)
			delete(o, "challenge")
			if !reflect.DeepEqual(o, map[string]any{"rpId": "localhost", "timeout": 60000.0, "userVerification": "required"}) {
				t.Errorf("options of anybody: %v", a)
			}
		}
		if len(challenges) != 20 {
			t.Errorf("%d of 20 challenges differ", len(challenges))
		}
		a := owner.authenticateOptions()
		if id := a.get("allowCredentials.0.id"); id != base64.RawURLEncoding.EncodeToString(device.Keys[0].ID) || a.get("allowCredentials.1") != nil {
			t.Errorf("options in a session: %v", a)
		}
		if a := s.signUp(t, bob).authenticateOptions(); a.get("allowCredentials") != nil {
			t.Errorf("options of who has no passkey: %v", a)
		}
		for _, b := range []*browser{s.browser(t), owner} { // nobody is asked for one
			want(t, b.get("/passkey/generate-authenticate-options?secondFactor=true"), 401, "INVALID_TWO_FACTOR_COOKIE")
		}
		for _, path := range []string{"register", "authenticate"} {
			if a := owner.request("HEAD", "/api/auth/passkey/generate-"+path+"-options", ""); a.status != 405 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("HEAD begins a ceremony: %v %v", a, a.header)
			}
		}
		want(t, b.get("/passkey/generate-authenticate-options?secondFactor=yes"), 400, "VALIDATION_ERROR")
	})
}

func TestPasskeys(t *testing.T) { // P02
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		s.signUp(t, bob)
		user := owner.get("/get-session").get("user.id")
		for i, by := range []authenticator.Algorithm{authenticator.ES256, authenticator.EdDSA, authenticator.RS256} {
			device := s.device()
			device.Algorithm, device.Counts = by, true
			device.AAGUID = uuid.MustParse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")
			options := owner.registerOptions()
			a := owner.post("/passkey/verify-registration", body{"response": made(t, device, options), "name": fmt.Sprintf("  Key %d ", i)})
			want(t, a, 200, "")
			var p shared.Passkey
			if err := json.Unmarshal([]byte(a.body), &p); err != nil {
				t.Fatal(a, err)
			}
			key := device.Keys[0]
			if p.ID == "" || a.get("name") != fmt.Sprintf("Key %d", i) || p.UserID != user || p.CredentialID != base64.RawURLEncoding.EncodeToString(key.ID) ||
				p.Counter != 1 || p.DeviceType != "multiDevice" || !p.BackedUp || !p.Synced || !p.UserVerified || p.Transports != "internal,hybrid" ||
				p.AAGUID != device.AAGUID.String() || p.Provider == nil || p.LastUsedAt != nil || p.RPID != "localhost" || p.UserHandle != options.get("user.id") {
				t.Errorf("algorithm %d: registered %v", by, a)
			}
			if der, err := base64.StdEncoding.DecodeString(p.PublicKey); err != nil || len(der) < 40 {
				t.Errorf("public key %q: %v", p.PublicKey, err)
			}
			if a.get("session") != nil || a.get("user") != nil || a.header.Get("Set-Cookie") != "" {
				t.Errorf("registration: %v %v", a, a.header)
			}
			s.wait(time.Minute)

			// Who it is, the passkey says alone.
			b := s.browser(t)
			a = b.authenticate(device)
			want(t, a, 200, "")
			if a.get("user.id") != user || a.get("session.userId") != user || a.get("session.method") != "passkey" || a.get("session.isCurrent") != true {
				t.Errorf("algorithm %d: signed in %v", by, a)
			}
			if all := strings.Join(a.header.Values("Set-Cookie"), "\n"); !regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax`).MatchString(all) ||
				strings.Contains(a.body, b.token()) {
				t.Errorf("algorithm %d: cookies %s", by, all)
			}
			wantAlive(t, b, true, "who has a passkey")
			all := b.passkeys()
			if last := all[len(all)-1]; len(all) != i+1 || last.ID != p.ID || last.Counter != 2 || last.LastUsedAt == nil || !last.LastUsedAt.After(last.CreatedAt.Time) {
				t.Errorf("algorithm %d: after its use %+v", by, all)
			}
			// In a session the server says whose, and a key may keep no handle.
			want(t, b.authenticate(device, func(s *authenticator.Statement) { s.UserHandle = nil }), 200, "")
		}
	})
}

// TestCreateSession holds that a registration makes no session: what it answers
// is the one that there is.
func TestCreateSession(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.signUp(t, ann)
		before := b.token()
		a := b.post("/passkey/verify-registration", body{"response": made(t, s.device(), b.registerOptions()), "createSession": true})
		want(t, a, 200, "")
		if current := b.get("/get-session"); a.get("session.id") != current.get("session.id") || a.get("user.id") != current.get("user.id") || a.get("credentialID") == nil {
			t.Errorf("registration: %v; current %v", a, current)
		}
		if b.token() != before || b.get("/list-sessions").get("1") != nil {
			t.Error("the registration made a session")
		}
	})
}

// TestTransports holds that what the browser says, and nobody signs, is kept if
// it can be a transport.
func TestTransports(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
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
			if a.get("transports") != kept {
				t.Errorf("transports %q are kept as %q; want %q", said, a.get("transports"), kept)
			}
		}
	})
}

// TestPasskeysOfOthers holds that a ceremony and a passkey are one account's.
func TestPasskeysOfOthers(t *testing.T) { // P09, P30, P33
	each(t, func(t *testing.T, s *site) {
		type st = authenticator.Statement
		owner, device := s.keeping(t, ann)
		mallory := s.signUp(t, bob)
		key := device.Keys[0]
		id := base64.RawURLEncoding.EncodeToString(key.ID)

		// The same credential: with an own key, with the owner's, and for the owner again.
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
			if a.status < 400 || a.status > 499 || b.alive() {
				t.Errorf("an impostor's key: %v", a)
			}
		}

		// Who is signed in now is not who began.
		desk := s.signIn(t, ann)
		options := desk.registerOptions()
		want(t, desk.post("/sign-out", body{}), 200, "")
		want(t, desk.post("/sign-in/email", body{"email": bob, "password": goodPassword}), 200, "")
		mine := s.device()
		want(t, desk.sendRegistration(made(t, mine, options)), 401, "YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY")
		want(t, desk.sendRegistration(made(t, s.device(), options)), 400, "CHALLENGE_NOT_FOUND")
		again := s.signIn(t, ann)
		options = again.registerOptions()
		want(t, again.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword}), 200, "")
		want(t, again.sendRegistration(made(t, s.device(), options)), 400, "CHALLENGE_NOT_FOUND")

		// A passkey does not answer for another in whose session it was asked for.
		want(t, mallory.register(mine), 200, "")
		options = again.authenticateOptions()
		options.body = strings.Replace(options.body, id, base64.RawURLEncoding.EncodeToString(mine.Keys[len(mine.Keys)-1].ID), 1)
		want(t, again.sendAuthentication(used(t, mine, options)), 400, "AUTHENTICATION_FAILED")

		// Nor can others name it, rename it or delete it.
		p := owner.passkeys()[0].ID
		for _, guess := range []string{p, "", "x' OR '1'='1", id} {
			want(t, mallory.post("/passkey/update-passkey", body{"id": guess, "name": "Mine"}), 404, "PASSKEY_NOT_FOUND")
			want(t, mallory.post("/passkey/delete-passkey", body{"id": guess}), 404, "PASSKEY_NOT_FOUND")
		}
		if all := owner.passkeys(); len(all) != 1 || all[0].Name != nil {
			t.Errorf("the owner's passkeys: %+v", all)
		}
		want(t, s.browser(t).authenticate(device), 200, "")

		// One that was deleted is not known any more, and nor is one whose account was.
		want(t, owner.post("/passkey/delete-passkey", body{"id": p}), 200, "")
		want(t, s.browser(t).authenticate(device), 401, "PASSKEY_NOT_FOUND")
		want(t, mallory.post("/delete-user", body{"password": goodPassword}), 200, "")
		want(t, s.browser(t).authenticate(mine), 401, "PASSKEY_NOT_FOUND")
		wantAbsent(t, s.log.String(), "internal error")
	})
}

// TestCopiedPasskey holds that of two that have one passkey, the one that has
// lost count is refused, and that the owner and the log are told.
func TestCopiedPasskey(t *testing.T) { // P24
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		owner, device := s.signUp(t, ann), s.device()
		device.Counts = true
		want(t, owner.register(device, func(s *authenticator.Statement) { s.Key.Counter, s.Counter = 21, 21 }), 200, "")
		wantMails(t, accounts, ann, "A passkey was added")
		for _, count := range []uint32{5, 0, 21} {
			b := s.browser(t)
			a := b.authenticate(device, func(s *authenticator.Statement) { s.Counter = count })
			want(t, a, 400, "AUTHENTICATION_FAILED")
			if !strings.Contains(a.body, "copy of it") || b.alive() {
				t.Errorf("count %d: %v", count, a)
			}
			wantMails(t, accounts, ann, "A passkey may have been copied")
		}
		if p := owner.passkeys()[0]; p.Counter != 21 || p.LastUsedAt != nil {
			t.Errorf("after a copy was refused: %+v", p)
		}
		copied := device.Copy()
		device.Keys[0].Counter = 30
		want(t, s.browser(t).authenticate(device), 200, "")
		want(t, s.browser(t).authenticate(copied), 400, "AUTHENTICATION_FAILED")
		wantMails(t, accounts, ann, "A passkey may have been copied")
		want(t, owner.elsewhere().post("/step-up", body{"passkey": used(t, copied, owner.authenticateOptions())}), 400, "AUTHENTICATION_FAILED")
		wantMails(t, accounts, ann, "A passkey may have been copied")
		if n := s.events(t, account.EventPasskeyCopied); n != 5 {
			t.Errorf("%d events tell of a copy; want 5", n)
		}
		want(t, s.browser(t).authenticate(device), 200, "")
		if p := owner.passkeys()[0]; p.Counter != 32 {
			t.Errorf("count %d; want 32", p.Counter)
		}
	})
}

// TestBackup holds that a passkey of one device may become one that is synced,
// and that whether it is now is kept.
func TestBackup(t *testing.T) { // P12
	each(t, func(t *testing.T, s *site) {
		const present = authenticator.UserPresent | authenticator.UserVerified
		owner, device := s.signUp(t, ann), s.device()
		device.Flags = present
		a := owner.register(device)
		want(t, a, 200, "")
		if a.get("deviceType") != "singleDevice" || a.get("backedUp") != false || a.get("synced") != false {
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
			if a := s.browser(t).authenticate(device); a.status != use.status {
				t.Errorf("flags %b: %v; want %d", use.flags, a, use.status)
			}
			if p := owner.passkeys()[0]; p.DeviceType != use.kind || p.BackedUp != use.synced || p.Synced != use.synced {
				t.Errorf("after flags %b: %+v", use.flags, p)
			}
		}
	})
}

func TestKeepPasskeysTidy(t *testing.T) { // F34
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		p := owner.passkeys()[0]
		if p.Name != nil {
			t.Errorf("a name that was not given: %q", *p.Name)
		}
		rename := func(name any) answer {
			return owner.post("/passkey/update-passkey", body{"id": p.ID, "name": name})
		}
		for _, name := range []string{"K", `<b>"ä"</b> '; DROP TABLE passkeys;--`, strings.Repeat("ñ", 100), "🔑"} {
			a := rename("  " + name + " ")
			want(t, a, 200, "")
			if a.get("passkey.name") != name || a.get("passkey.id") != p.ID || *owner.passkeys()[0].Name != name {
				t.Errorf("renamed to %q: %v", name, a)
			}
			if a.get("rpId") != "localhost" || a.get("userId") != p.UserHandle || fmt.Sprint(a.get("allAcceptedCredentialIds")) != "["+p.CredentialID+"]" {
				t.Errorf("what to signal: %v", a)
			}
		}
		for _, name := range []any{"", "  ", strings.Repeat("n", 101), "a\nb", nil, 1, []string{"n"}} {
			want(t, rename(name), 400, "VALIDATION_ERROR")
		}
		want(t, rename("a\x00b"), 400, "BAD_REQUEST")
		for _, in := range []body{{}, {"id": p.ID}, {"name": "N"}, {"id": 1, "name": "N"}} {
			want(t, owner.post("/passkey/update-passkey", in), 400, "VALIDATION_ERROR")
		}
		want(t, owner.post("/passkey/delete-passkey", body{}), 400, "VALIDATION_ERROR")
		want(t, owner.post("/passkey/update-passkey", body{"id": "unknown", "name": "N"}), 404, "PASSKEY_NOT_FOUND")
		want(t, owner.post("/passkey/delete-passkey", body{"id": "unknown"}), 404, "PASSKEY_NOT_FOUND")

		// A name that is too long is found before the challenge is spent.
		other := s.device()
		response := made(t, other, owner.registerOptions())
		for _, name := range []any{strings.Repeat("n", 101), "a\tb", 1} {
			want(t, owner.post("/passkey/verify-registration", body{"response": response, "name": name}), 400, "VALIDATION_ERROR")
		}
		a := owner.post("/passkey/verify-registration", body{"response": response, "name": "   "})
		want(t, a, 200, "")
		if a.get("name") != nil {
			t.Errorf("a blank name: %v", a)
		}

		// In a session that is not fresh, they can only be looked at.
		response = made(t, s.device(), owner.registerOptions())
		s.wait(account.FreshWindow)
		want(t, owner.get("/passkey/generate-register-options"), 403, "SESSION_NOT_FRESH")
		want(t, owner.get("/passkey/generate-register-options?mediation=conditional"), 403, "SESSION_NOT_FRESH")
		want(t, owner.sendRegistration(response), 403, "SESSION_NOT_FRESH")
		want(t, rename("Late"), 403, "SESSION_NOT_FRESH")
		want(t, owner.post("/passkey/delete-passkey", body{"id": p.ID}), 403, "SESSION_NOT_FRESH")
		if n := len(owner.passkeys()); n != 2 {
			t.Errorf("%d passkeys; want 2", n)
		}
		want(t, owner.elsewhere().post("/step-up", body{"passkey": used(t, device, owner.authenticateOptions())}), 200, "")

		a = owner.post("/passkey/delete-passkey", body{"id": p.ID})
		want(t, a, 200, "")
		left := base64.RawURLEncoding.EncodeToString(other.Keys[0].ID)
		if a.get("status") != true || a.get("rpId") != "localhost" || a.get("userId") != p.UserHandle || fmt.Sprint(a.get("allAcceptedCredentialIds")) != "["+left+"]" {
			t.Errorf("deleted: %v", a)
		}
		want(t, owner.post("/passkey/delete-passkey", body{"id": p.ID}), 404, "PASSKEY_NOT_FOUND")
		// With a password there is always another way in.
		a = owner.post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID})
		want(t, a, 200, "")
		if !reflect.DeepEqual(a.get("allAcceptedCredentialIds"), []any{}) {
			t.Errorf("none is left: %v", a)
		}
	})
}

// TestDeletedPasskey holds that with a passkey ends what it may have opened.
func TestDeletedPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		owner.enrol()
		elsewhere, trusted, theirs := s.browser(t), s.browser(t), s.signUp(t, bob)
		want(t, elsewhere.authenticate(device), 200, "")
		trusted.passPassword(ann)
		want(t, trusted.post("/passkey/verify-authentication", body{"response": used(t, device, trusted.authenticateOptions()), "trustDevice": true}), 200, "")
		waiting := s.challenge(t, ann)
		answer := used(t, device, waiting.authenticateOptions())

		id, token := owner.get("/get-session").get("session.id"), owner.token()
		want(t, owner.post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 200, "")
		if owner.token() == token || owner.get("/get-session").get("session.id") != id {
			t.Error("the session does not go on under a new token")
		}
		wantAlive(t, elsewhere, false, "who signed in by a passkey that was deleted")
		wantAlive(t, trusted, false, "who was trusted by it")
		wantAlive(t, theirs, true, "somebody else")
		want(t, trusted.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword}), 403, "TWO_FACTOR_REQUIRED")
		want(t, waiting.sendAuthentication(answer), 401, "PASSKEY_NOT_FOUND")
		wantAlive(t, waiting, false, "who waited for a second factor")
	})
}

// TestLastWayIn holds that nobody can lock themselves out, at whatever speed.
func TestLastWayIn(t *testing.T) { // P34
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		if other, _ := s.keeping(t, bob); other.passkeys()[0].LastWayIn { // whose passkey and password do not count
			t.Error("beside a password, a passkey is said to be the last way in")
		}
		s.exec(t, "DELETE FROM passwords WHERE user_id = '"+fmt.Sprint(owner.get("/get-session").get("user.id"))+"'")
		if !owner.passkeys()[0].LastWayIn {
			t.Error("the list does not say that it is the last way in")
		}
		a := owner.post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID})
		want(t, a, 409, "LAST_WAY_IN")
		if !strings.Contains(a.body, "Add another passkey first") {
			t.Errorf("the last way in: %v", a)
		}
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")

		// Of two that are deleted at once, one stays.
		for range 3 {
			want(t, b.register(s.device()), 200, "")
			var won atomic.Int32
			var both sync.WaitGroup
			for _, p := range b.passkeys() {
				other := b.elsewhere()
				both.Go(func() {
					switch a := other.post("/passkey/delete-passkey", body{"id": p.ID}); {
					case a.status == 200:
						won.Add(1)
					case a.code() != "LAST_WAY_IN" && a.code() != "UNAUTHORIZED": // the first deed ends what else is under way
						t.Errorf("delete: %v", a)
					}
				})
			}
			both.Wait()
			if n := len(b.passkeys()); won.Load() != 1 || n != 1 {
				t.Fatalf("%d of 2 were deleted, %d are left", won.Load(), n)
			}
		}
		want(t, b.post("/delete-user", body{}), 200, "") // but who wants to go may
	})
}

// TestPasskeyIsRemembered holds that a sign-in by passkey keeps to what the
// person says of the device, too.
func TestPasskeyIsRemembered(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		_, device := s.keeping(t, ann)
		for _, test := range []struct {
			says body
			kept bool
		}{{body{}, true}, {body{"rememberMe": true}, true}, {body{"rememberMe": false}, false}} {
			b := s.browser(t)
			test.says["response"] = used(t, device, b.authenticateOptions())
			a := b.elsewhere().post("/passkey/verify-authentication", test.says)
			want(t, a, 200, "")
			cookie := a.header.Get("Set-Cookie")
			for _, c := range a.header["Set-Cookie"] {
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

// TestPasskeyNames holds that a name is one that can be seen, and does nothing to
// what is beside it.
func TestPasskeyNames(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, _ := s.keeping(t, ann)
		id := b.passkeys()[0].ID
		for _, name := range []string{"\u200b", "a\u202eb", "\u2066", "\ufeffx", "\u200d\u200c"} {
			want(t, b.elsewhere().post("/passkey/update-passkey", body{"id": id, "name": name}), 400, "VALIDATION_ERROR")
		}
		for _, name := range []string{"Ann’s 👩\u200d💻", "می\u200cخواهم", "Ключ"} {
			want(t, b.elsewhere().post("/passkey/update-passkey", body{"id": id, "name": name}), 200, "")
		}
	})
}

// TestPasskeyOrigins holds that pages of a trusted origin under our domain can use
// passkeys, and those of no other.
func TestPasskeyOrigins(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := open(t, storetest.Migrated(t, url), func(c *server.Config) {
			rp := &c.Accounts.RelyingParty
			rp.Origins = append(rp.Origins, "http://localhost:3000")
		})
		b := s.signUp(t, ann)
		for origin, status := range map[string]int{"http://localhost:3000": 200, "http://localhost:3001": 400, "http://app.localhost:3000": 400} {
			want(t, b.register(authenticator.New(origin)), status, map[int]string{400: "FAILED_TO_VERIFY_REGISTRATION"}[status])
		}
	})
}

func TestPasskeysPerUser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner := s.signUp(t, ann)
		for range 16 {
			want(t, owner.register(s.device()), 200, "")
		}
		var waiting []answer
		for range 9 {
			waiting = append(waiting, owner.registerOptions())
		}
		upgrade := owner.get("/passkey/generate-register-options?mediation=conditional")
		var won atomic.Int32
		var all sync.WaitGroup
		for _, options := range waiting[:8] {
			response := made(t, s.device(), options)
			b := owner.elsewhere()
			all.Go(func() {
				switch a := b.sendRegistration(response); {
				case a.status == 200:
					won.Add(1)
				case a.status != 409 || a.code() != "TOO_MANY_PASSKEYS":
					t.Errorf("registration: %v", a)
				}
			})
		}
		all.Wait()
		if n := len(owner.passkeys()); won.Load() != 4 || n != shared.PasskeysPerUser {
			t.Errorf("%d of 8 at once were added to 16, which makes %d; want 4 and 20", won.Load(), n)
		}
		for _, options := range []answer{waiting[8], upgrade} {
			want(t, owner.sendRegistration(made(t, s.device(), options)), 409, "TOO_MANY_PASSKEYS")
		}
		want(t, owner.get("/passkey/generate-register-options"), 409, "TOO_MANY_PASSKEYS")
		if a := owner.get("/passkey/generate-register-options?mediation=conditional"); a.status != 200 || a.body != "null" {
			t.Errorf("an upgrade: %v", a)
		}
		want(t, s.signUp(t, bob).register(s.device()), 200, "")
		want(t, owner.post("/passkey/delete-passkey", body{"id": owner.passkeys()[0].ID}), 200, "")
		want(t, owner.register(s.device()), 200, "")
	})
}

// TestUpgrade holds that a browser may make a passkey that nobody was asked
// about where it was told to, and nowhere else.
func TestUpgrade(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		type st = authenticator.Statement
		unasked := func(s *st) { s.Flags &^= authenticator.UserPresent | authenticator.UserVerified }
		owner, device := s.signUp(t, ann), s.device()
		begin := func() answer {
			t.Helper()
			a := owner.get("/passkey/generate-register-options?mediation=conditional")
			want(t, a, 200, "")
			return a
		}
		options := begin()
		if options.get("authenticatorSelection.userVerification") != "preferred" {
			t.Errorf("options: %v", options)
		}
		a := owner.sendRegistration(made(t, device, options, unasked))
		want(t, a, 200, "")
		if a.get("userVerified") != false {
			t.Errorf("registered: %v", a)
		}
		for what, change := range map[string]says{
			"another origin": client("origin", "https://evil.test"),
			"cross-origin":   client("crossOrigin", true),
			"another RP ID":  func(s *st) { s.RPID = "evil.test" },
			"ES384":          cose(map[int]any{3: -35}),
		} {
			if a := owner.sendRegistration(made(t, s.device(), begin(), unasked, change)); a.status != 400 {
				t.Errorf("%s: %v", what, a)
			}
		}
		ordinary := owner.registerOptions()
		begin() // of another tab
		want(t, owner.sendRegistration(made(t, s.device(), ordinary, unasked)), 400, "FAILED_TO_VERIFY_REGISTRATION")

		// Who has not entered a password just now did not sign in so.
		for what, b := range map[string]*browser{"by passkey": s.browser(t), "long ago": s.signIn(t, ann)} {
			if what == "by passkey" {
				want(t, b.authenticate(device), 200, "")
			} else {
				s.wait(account.FreshWindow)
				want(t, b.elsewhere().post("/step-up", body{"password": goodPassword}), 200, "")
			}
			if a := b.get("/passkey/generate-register-options?mediation=conditional"); a.status != 200 || a.body != "null" {
				t.Errorf("signed in %s: %v", what, a)
			}
		}

		// It opens something once it has verified its user.
		want(t, s.browser(t).authenticate(device, unasked), 400, "AUTHENTICATION_FAILED")
		b := s.browser(t)
		want(t, b.authenticate(device), 200, "")
		if p := b.passkeys(); len(p) != 1 || !p[0].UserVerified {
			t.Errorf("passkeys: %+v", p)
		}
	})
}

func TestNoUpgrade(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Accounts.Settings = set(t, "PASSKEY_AUTO_UPGRADE=off") }, func(t *testing.T, s *site, _ *account.Service) {
		owner := s.signUp(t, ann)
		if a := owner.get("/passkey/generate-register-options?mediation=conditional"); a.status != 200 || a.body != "null" {
			t.Errorf("an upgrade: %v", a)
		}
		want(t, owner.register(s.device()), 200, "")
	})
}

// TestPasskeyIsTwoFactors holds that a passkey which verifies its user signs in
// alone, and that after a password it is the second factor.
func TestPasskeyIsTwoFactors(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		_, others := s.keeping(t, bob)
		p, _ := owner.enrol()
		user := owner.get("/get-session").get("user.id")
		id := base64.RawURLEncoding.EncodeToString(device.Keys[0].ID)

		alone := s.browser(t)
		want(t, alone.authenticate(device), 200, "")
		if alone.method() != "passkey" || alone.get("/get-session").get("user.twoFactorEnabled") != true {
			t.Errorf("alone: %v", alone.get("/list-sessions"))
		}

		asked := func() (*browser, answer) {
			t.Helper()
			b := s.browser(t)
			a := b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword, "rememberMe": false})
			want(t, a, 403, "TWO_FACTOR_REQUIRED")
			if fmt.Sprint(a.get("twoFactorMethods")) != "[totp otp passkey]" {
				t.Errorf("methods: %v", a)
			}
			options := b.get("/passkey/generate-authenticate-options?secondFactor=true")
			want(t, options, 200, "")
			if options.get("allowCredentials.0.id") != id || options.get("allowCredentials.1") != nil {
				t.Errorf("options of a challenge: %v", options)
			}
			return b, options
		}
		b, options := asked()
		challenge := b.cookie("latchkey.two_factor")
		a := b.sendAuthentication(used(t, device, options, func(s *authenticator.Statement) { s.UserHandle = nil }))
		want(t, a, 200, "")
		if a.get("session.method") != "password+passkey" || a.get("user.id") != user {
			t.Errorf("after a password: %v", a)
		}
		if all := strings.Join(a.header.Values("Set-Cookie"), "\n"); !strings.Contains(all, "latchkey.two_factor=; Path=/; Max-Age=0") ||
			!regexp.MustCompile(`latchkey\.session_token=[\w-]{43}; Path=/; HttpOnly`).MatchString(all) { // not remembered, as was said with the password
			t.Errorf("cookies: %s", all)
		}
		want(t, s.holding(t, "latchkey.two_factor", challenge).verify(p.next()), 401, "INVALID_TWO_FACTOR_COOKIE")

		// The options of anybody will do, too: autofill has asked for them before.
		b, _ = asked()
		want(t, b.authenticate(device), 200, "")
		if b.method() != "password+passkey" {
			t.Errorf("by autofill: %v", b.get("/list-sessions"))
		}

		// What is wrong leaves the challenge for a better answer.
		b, options = asked()
		before := s.kept(t)
		a = b.sendAuthentication(used(t, device, options, func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified }))
		want(t, a, 400, "AUTHENTICATION_FAILED")
		options = b.get("/passkey/generate-authenticate-options?secondFactor=true")
		options.body = strings.Replace(options.body, id, base64.RawURLEncoding.EncodeToString(others.Keys[0].ID), 1)
		want(t, b.sendAuthentication(used(t, others, options)), 400, "AUTHENTICATION_FAILED")
		if s.kept(t) != before || b.alive() {
			t.Error("a wrong passkey did something")
		}
		want(t, b.verify(p.next()), 200, "")

		// Another's passkey opens their account, as it would without the challenge.
		b, _ = asked()
		want(t, b.authenticate(others), 200, "")
		if a := b.get("/get-session"); a.get("user.email") != bob || b.method() != "passkey" {
			t.Errorf("another's passkey: %v", a)
		}

		// Trust is given by a passkey as by a code.
		b, options = asked()
		a = b.post("/passkey/verify-authentication", body{"response": used(t, device, options), "trustDevice": true})
		want(t, a, 200, "")
		want(t, b.elsewhere().post("/sign-in/email", body{"email": ann, "password": goodPassword}), 200, "")

		// Wrong codes lock codes, and not the passkey.
		for range 10 {
			want(t, s.challenge(t, ann).verify("000000"), 401, "INVALID_CODE")
		}
		b, options = asked()
		want(t, b.verify(p.next()), 429, "ACCOUNT_TEMPORARILY_LOCKED")
		want(t, b.sendAuthentication(used(t, device, options)), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
	})
}

// TestSecurityKey holds that, where keys need not verify their user, one that
// has not is one factor.
func TestSecurityKey(t *testing.T) {
	eachAs(t, func(c *server.Config) { c.Accounts.Settings = set(t, "PASSKEY_USER_VERIFICATION=preferred") }, func(t *testing.T, s *site, _ *account.Service) {
		owner, key := s.signUp(t, ann), s.device()
		key.Flags = authenticator.UserPresent
		options := owner.registerOptions()
		if options.get("authenticatorSelection.userVerification") != "preferred" || owner.authenticateOptions().get("userVerification") != "preferred" {
			t.Errorf("options: %v", options)
		}
		a := owner.sendRegistration(made(t, key, options))
		want(t, a, 200, "")
		if a.get("userVerified") != false {
			t.Errorf("registered: %v", a)
		}
		want(t, owner.register(s.device(), func(s *authenticator.Statement) { s.Flags &^= authenticator.UserPresent }), 400, "FAILED_TO_VERIFY_REGISTRATION")
		b := s.browser(t)
		want(t, b.authenticate(key), 200, "")
		if b.method() != "security-key" {
			t.Errorf("alone: %v", b.get("/list-sessions"))
		}
		want(t, b.elsewhere().post("/step-up", body{"passkey": used(t, key, b.authenticateOptions())}), 400, "AUTHENTICATION_FAILED")

		p, _ := owner.enrol()
		b = s.browser(t)
		a = b.authenticate(key)
		want(t, a, 403, "TWO_FACTOR_REQUIRED")
		if a.get("twoFactorRedirect") != true || a.get("session") != nil || a.get("user") != nil || b.alive() || b.cookie("latchkey.two_factor") == "" {
			t.Errorf("the first of two factors: %v", a)
		}
		want(t, b.authenticate(key), 403, "TWO_FACTOR_REQUIRED") // it is not the second one, too
		wantAlive(t, b, false, "who has one factor twice")
		want(t, b.verify(p.next()), 200, "")
		if b.method() != "security-key+totp" {
			t.Errorf("with a code: %v", b.get("/list-sessions"))
		}
		b = s.challenge(t, ann)
		want(t, b.authenticate(key), 200, "")
		if b.method() != "password+passkey" {
			t.Errorf("after a password: %v", b.get("/list-sessions"))
		}
		b = s.browser(t)
		want(t, b.authenticate(key, func(s *authenticator.Statement) { s.Flags |= authenticator.UserVerified }), 200, "")
		if b.method() != "passkey" {
			t.Errorf("verified: %v", b.get("/list-sessions"))
		}
	})
}

func TestStepUpByPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		mallory, others := s.keeping(t, bob)
		stepUp := func(b *browser, response json.RawMessage) answer {
			t.Helper()
			return b.elsewhere().post("/step-up", body{"passkey": response})
		}
		want(t, stepUp(s.browser(t), used(t, device, s.browser(t).authenticateOptions())), 401, "UNAUTHORIZED")
		s.wait(account.FreshWindow)
		stale := func() {
			t.Helper()
			want(t, owner.get("/passkey/generate-register-options"), 403, "SESSION_NOT_FRESH")
		}
		stale()

		unverified := func(s *authenticator.Statement) { s.Flags &^= authenticator.UserVerified }
		want(t, stepUp(owner, used(t, device, owner.authenticateOptions(), unverified)), 400, "AUTHENTICATION_FAILED")
		want(t, stepUp(owner, used(t, device, owner.authenticateOptions(), client("origin", "https://evil.test"))), 400, "AUTHENTICATION_FAILED")
		bad := func(s *authenticator.Statement) { s.Signature = []byte("signature") }
		want(t, stepUp(owner, used(t, device, owner.authenticateOptions(), bad)), 401, "PASSKEY_NOT_FOUND")
		for _, response := range []string{"{}", "[]", "1", `"x"`} {
			owner.authenticateOptions()
			want(t, stepUp(owner, json.RawMessage(response)), 400, "AUTHENTICATION_FAILED")
		}
		stale()

		// Another's passkey, and challenges of another browser, another session, or none.
		want(t, stepUp(owner, used(t, others, ofAnybody(owner.authenticateOptions()))), 400, "AUTHENTICATION_FAILED")
		want(t, stepUp(owner, used(t, device, ofAnybody(mallory.authenticateOptions()))), 400, "CHALLENGE_NOT_FOUND")
		before := s.holding(t, "latchkey.passkey", owner.cookie("latchkey.passkey"))
		want(t, stepUp(owner, used(t, device, before.authenticateOptions())), 400, "CHALLENGE_NOT_FOUND")
		second := s.signIn(t, ann)
		second.jar.SetCookies(s.url, before.jar.Cookies(s.url))
		options := owner.authenticateOptions()
		want(t, stepUp(second, used(t, device, options)), 400, "CHALLENGE_NOT_FOUND")
		want(t, stepUp(owner, used(t, device, options)), 400, "CHALLENGE_NOT_FOUND") // it is spent
		stale()

		id, token := owner.get("/get-session").get("session.id"), owner.token()
		response := used(t, device, owner.authenticateOptions())
		a := stepUp(owner, response)
		want(t, a, 200, "")
		if a.body != `{"status":true}` || owner.token() == token || owner.get("/get-session").get("session.id") != id {
			t.Errorf("step-up: %v", a)
		}
		want(t, owner.get("/passkey/generate-register-options"), 200, "")
		want(t, stepUp(owner, response), 400, "CHALLENGE_NOT_FOUND")
		if owner.passkeys()[0].LastUsedAt == nil {
			t.Error("a step-up is no use")
		}
		if s.events(t, account.EventStepUp) != 1 {
			t.Errorf("%d events tell of a step-up; want 1", s.events(t, account.EventStepUp))
		}
	})
}

// TestPasskeyNotices holds that the owner is told, and that the log has it all.
func TestPasskeyNotices(t *testing.T) { // A37, W04
	eachAs(t, nil, func(t *testing.T, s *site, accounts *account.Service) {
		owner, device := s.signUp(t, ann), s.device()
		options := owner.registerOptions()
		secrets := []string{owner.cookie("latchkey.passkey"), fmt.Sprint(options.get("challenge"))}
		wantAbsent(t, s.dump(t), secrets...)
		a := owner.post("/passkey/verify-registration", body{"response": made(t, device, options), "name": `Ann's <b>key</b>`})
		want(t, a, 200, "")
		id := fmt.Sprint(a.get("id"))
		for _, m := range wantMails(t, accounts, ann, "A passkey was added") {
			if !strings.Contains(m.Text, "Ann's <b>key</b>") || strings.Contains(m.HTML, "<b>key") {
				t.Errorf("mail: %+v", m)
			}
		}
		want(t, owner.post("/passkey/update-passkey", body{"id": id, "name": "Key"}), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
		want(t, s.browser(t).authenticate(device, func(s *authenticator.Statement) { s.Signature = []byte("x") }), 401, "PASSKEY_NOT_FOUND")
		wantMails(t, accounts, ann)
		want(t, owner.post("/passkey/delete-passkey", body{"id": id}), 200, "")
		wantMails(t, accounts, ann, "A passkey was removed")
		for _, kind := range []string{account.EventPasskeyAdded, account.EventPasskeyRenamed, account.EventSignIn, account.EventPasskeyFailed, account.EventPasskeyDeleted} {
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

// TestPasskeyAnswersAtOnce holds that of many who send one answer at once, one
// gets what it is for.
func TestPasskeyAnswersAtOnce(t *testing.T) { // R05
	each(t, func(t *testing.T, s *site) {
		owner, device := s.keeping(t, ann)
		atOnce := func(what string, send func() answer) {
			t.Helper()
			var won atomic.Int32
			var all sync.WaitGroup
			start := make(chan struct{})
			for range 16 {
				all.Go(func() {
					<-start
					switch a := send(); {
					case a.status == 200:
						won.Add(1)
					case a.status < 400 || a.status > 499:
						t.Errorf("%s: %v", what, a)
					}
				})
			}
			close(start)
			all.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d of 16 at once were answered 200; want 1", what, won.Load())
			}
		}
		for range 3 {
			b := s.browser(t)
			response, before := used(t, device, b.authenticateOptions()), s.events(t, account.EventSignIn)
			atOnce("a sign-in", func() answer { return b.sendAuthentication(response) })
			if n := s.events(t, account.EventSignIn) - before; n != 1 {
				t.Errorf("an answer signed in %d times", n)
			}
			response = made(t, s.device(), owner.registerOptions())
			atOnce("a registration", func() answer { return owner.sendRegistration(response) })
			step := used(t, device, owner.authenticateOptions())
			atOnce("a step-up", func() answer { return owner.elsewhere().post("/step-up", body{"passkey": step}) })
		}
		if n := len(owner.passkeys()); n != 4 {
			t.Errorf("%d passkeys; want 4", n)
		}
	})
}

// TestTooManyChallenges holds that nobody fills the database with challenges.
func TestTooManyChallenges(t *testing.T) { // Z05
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for range 400 {
			if a := b.get("/passkey/generate-authenticate-options"); a.status == 429 {
				if a.header.Get("Retry-After") == "" {
					t.Errorf("no Retry-After: %v", a.header)
				}
				return
			}
		}
		t.Error("400 challenges were given to one address")
	})
}

// TestPasskeyGuessesAreLimited holds that an address can send as many answers an
// hour as passwords.
func TestPasskeyGuessesAreLimited(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for range 100 {
			want(t, b.post("/passkey/verify-authentication", body{"response": body{}}), 400, "CHALLENGE_NOT_FOUND")
		}
		s.wait(time.Minute)
		want(t, b.post("/passkey/verify-authentication", body{"response": body{}}), 429, "TOO_MANY_REQUESTS")
		s.wait(time.Hour)
		want(t, b.post("/passkey/verify-authentication", body{"response": body{}}), 400, "CHALLENGE_NOT_FOUND")
	})
}

// TestPasskeyCookie is the cookie under the names that Better Auth's has.
func TestPasskeyCookie(t *testing.T) { // P36
	eachAs(t, func(c *server.Config) { c.CookiePrefix = "better-auth" }, func(t *testing.T, s *site, _ *account.Service) {
		b, device := s.browser(t), s.device()
		want(t, b.post("/sign-up/email", body{"email": ann, "name": "", "password": goodPassword}), 200, "")
		a := b.registerOptions()
		if got := a.header.Get("Set-Cookie"); !regexp.MustCompile(`^better-auth\.better-auth-passkey=[\w-]{43}; Path=/; Max-Age=300; HttpOnly; SameSite=Lax$`).MatchString(got) {
			t.Errorf("cookie %q", got)
		}
		want(t, b.sendRegistration(made(t, device, a)), 200, "")
		want(t, s.browser(t).authenticate(device), 200, "")
	})
}
