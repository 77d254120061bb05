package main_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"latchkey/backend/account"
	"latchkey/backend/store/storetest"
	"latchkey/shared"
)

// answered is what a call was answered.
type answered struct {
	status int
	body   string
	err    error
}

func (a answered) String() string { return fmt.Sprintf("%d %s %v", a.status, a.body, a.err) }

// is reports whether an answer has the status, and the code if that is not "".
func (a answered) is(status int, code string) bool {
	return a.err == nil && a.status == status && (code == "" || strings.Contains(a.body, `"code":"`+code+`"`))
}

func (a answered) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if !a.is(status, code) {
		t.Errorf("%s: %s; want %d %s", what, a, status, code)
	}
}

// post calls the API from an address that nobody has called from, so that the
// limits of addresses, which are tested elsewhere, do not count. A server that
// has too many passwords and backup codes to hash says so, having changed
// nothing, and is asked again: see sound.
func (v *visitor) post(t *testing.T, path string, in any) (a answered) {
	t.Helper()
	for range 10 {
		a.status, a.body, _, a.err = visitorWith(t, v).call("POST", "/api/auth"+path, in)
		if a.err != nil || a.status != 503 {
			break
		}
	}
	return a
}

// get is post for calls that change nothing, and reads the answer into out.
func (v *visitor) get(t *testing.T, path string, out any) {
	t.Helper()
	status, body, _, err := visitorWith(t, v).call("GET", "/api/auth"+path, nil)
	if err == nil && status == 200 {
		err = json.Unmarshal([]byte(body), out)
	}
	if err != nil || status != 200 {
		t.Fatalf("%s: %d %s, %v", path, status, body, err)
	}
}

// signedIn reports whether the visitor has a session.
func (v *visitor) signedIn(t *testing.T) bool {
	t.Helper()
	var current *struct{}
	v.get(t, "/get-session", &current)
	return current != nil
}

// of is the same browser at another server of the same database.
func (v *visitor) of(t *testing.T, p *program) *visitor {
	t.Helper()
	w := visitorWith(t, v)
	w.origin = p.origin
	return w
}

// copies are n browsers that have the visitor's cookies so far, at any of the
// servers of a database.
func (v *visitor) copies(t *testing.T, n int, servers []*program) []*visitor {
	t.Helper()
	u, err := url.Parse(v.origin)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*visitor, n)
	for i := range all {
		all[i] = visit(t, servers[i%len(servers)].origin)
		all[i].client.Jar.SetCookies(u, v.client.Jar.Cookies(u))
	}
	return all
}

type in map[string]any

// sound starts a server behind a proxy that tells who calls. It fails the test
// if an answer was of the 5xx, unless only the machine is slow.
func sound(t *testing.T, flags ...string) *program {
	t.Helper()
	p := start(t, buildBinary(t), append(flags, "-trusted-proxies", "127.0.0.0/8")...)
	t.Cleanup(func() {
		said := p.said.String()
		busy := strings.Count(said, shared.ErrUnavailable.Error()+"\"\n") // no turn to hash within two seconds
		if failed := strings.Count(said, "msg=request") - len(wellAnswered.FindAllString(said, -1)); failed > busy {
			t.Errorf("%d answers were of the 5xx, of which %d because too much was to be hashed", failed, busy)
		}
	})
	return p
}

var wellAnswered = regexp.MustCompile(`msg=request .* status=[1-4]\d\d`)

// enrolled is somebody who is signed in, with two-factor authentication on.
type enrolled struct {
	*visitor
	id, email string
	secret    string   // of the authenticator, in base32
	step      int64    // of the last of its codes that was used
	codes     []string // the backup codes
}

// enrol makes an account with two-factor authentication.
func enrol(t *testing.T, v *visitor, email string) *enrolled {
	t.Helper()
	status, body, _, err := v.signUp(email)
	var up struct{ User struct{ ID string } }
	if err == nil {
		err = json.Unmarshal([]byte(body), &up)
	}
	if err != nil || status != 200 {
		t.Fatalf("sign-up of %s: %d %s, %v", email, status, body, err)
	}
	e := &enrolled{visitor: v, id: up.User.ID, email: email}
	e.codes = e.enable(t, false)
	e.prove(t)
	return e
}

// enable gets a new authenticator, and returns the backup codes.
func (e *enrolled) enable(t *testing.T, replace bool) []string {
	t.Helper()
	a := e.post(t, "/two-factor/enable", in{"password": faultPassword, "replace": replace})
	var got struct {
		TOTPURI     string
		BackupCodes []string
	}
	if !a.is(200, "") || json.Unmarshal([]byte(a.body), &got) != nil {
		t.Fatal("enable: ", a)
	}
	uri, err := url.Parse(got.TOTPURI)
	if err != nil {
		t.Fatal(err)
	}
	e.secret = uri.Query().Get("secret")
	return got.BackupCodes
}

// prove shows the first code of a new authenticator: that of the step before
// this one, so that two more are good without waiting.
func (e *enrolled) prove(t *testing.T) {
	t.Helper()
	var a answered
	for range 3 { // a step may end under way
		e.step = stepNow() - 1
		if a = e.post(t, "/two-factor/verify-totp", in{"code": e.codeOf(t, e.step)}); a.status == 200 {
			return
		}
	}
	t.Fatal("verify-totp of an enrolment: ", a)
}

func stepNow() int64 { return time.Now().Unix() / 30 }

func (e *enrolled) codeOf(t *testing.T, step int64) string {
	t.Helper()
	code, err := hotp.GenerateCode(e.secret, uint64(step))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// code is the next code of the authenticator that is good.
func (e *enrolled) code(t *testing.T) string {
	t.Helper()
	now := stepNow()
	if e.step = max(e.step+1, now); e.step > now+1 {
		t.Fatal("the test uses more codes than there are without waiting")
	}
	return e.codeOf(t, e.step)
}

// wrong is a code that is not good at any time near now.
func (e *enrolled) wrong(t *testing.T) string {
	t.Helper()
	near := map[string]bool{}
	for off := int64(-20); off <= 20; off++ {
		near[e.codeOf(t, stepNow()+off)] = true
	}
	for n := 271828; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

// challenged is a browser whose password was right and that is asked for a code.
func (e *enrolled) challenged(t *testing.T, p *program) *visitor {
	t.Helper()
	return e.challengedAs(t, visit(t, p.origin))
}

func (e *enrolled) challengedAs(t *testing.T, v *visitor) *visitor {
	t.Helper()
	if a := e.signInAs(t, v); !a.is(403, "TWO_FACTOR_REQUIRED") {
		t.Fatal("a sign-in that a code is due for: ", a)
	}
	return v
}

func (e *enrolled) signInAs(t *testing.T, v *visitor) answered {
	t.Helper()
	return v.post(t, "/sign-in/email", in{"email": e.email, "password": faultPassword})
}

// sessions is how many the account has.
func (e *enrolled) sessions(t *testing.T) int {
	t.Helper()
	var list []struct{}
	e.get(t, "/list-sessions", &list)
	return len(list)
}

// codesLeft is how many backup codes are.
func (e *enrolled) codesLeft(t *testing.T) int {
	t.Helper()
	var status struct{ BackupCodesLeft int }
	e.get(t, "/two-factor/status", &status)
	return status.BackupCodesLeft
}

// atOnce makes n calls at the same time.
func atOnce(n int, call func(i int) answered) []answered {
	all := make([]answered, n)
	begin := make(chan struct{})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			<-begin
			all[i] = call(i)
		})
	}
	close(begin)
	calls.Wait()
	return all
}

// oneOf returns which of the answers is the one 200.
func oneOf(t *testing.T, what string, all []answered) (winner int) {
	t.Helper()
	won := 0
	for i, a := range all {
		switch {
		case a.err != nil || a.status >= 500:
			t.Errorf("%s: %s", what, a)
		case a.status == 200:
			winner = i
			won++
		}
	}
	if won != 1 {
		t.Errorf("%s: %d of %d were answered 200; want 1: %v", what, won, len(all), all)
	}
	return winner
}

// TestTwoFactorAtOnce holds that of many who spend the same thing at once one
// does, that guesses are all counted, and that what is revoked is dead, whichever
// server they ask (R01, R02, R03, R16).
func TestTwoFactorAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		testAtOnce(t, database, sound(t, "-database", database))
	})
	t.Run("two servers", func(t *testing.T) {
		t.Parallel()
		database, err := storetest.Shared(t).NewDatabase()
		if err != nil {
			t.Fatal(err)
		}
		flags := []string{"-database", database, "-key-file", filepath.Join(t.TempDir(), "keys")}
		testAtOnce(t, database, sound(t, flags...), sound(t, flags...))
	})
}

func testAtOnce(t *testing.T, database string, servers ...*program) {
	server := func(i int) *program { return servers[i%len(servers)] }
	ann := enrol(t, visit(t, server(0).origin), "ann@example.test")
	db := storetest.Open(t, database)
	unlock := func() { // as time does
		t.Helper()
		if err := db.UnlockSecondFactor(t.Context(), ann.id); err != nil {
			t.Fatal(err)
		}
	}
	const n = 16
	// round makes n calls of which one is to open a session. Those that come too
	// late are no guesses: they must not lock the account.
	round := func(what string, call func(i int) answered) (winner int) {
		t.Helper()
		before := ann.sessions(t)
		winner = oneOf(t, what, atOnce(n, call))
		if opened := ann.sessions(t) - before; opened != 1 {
			t.Errorf("%s: %d sessions were opened; want 1", what, opened)
		}
		return winner
	}

	// Many challenges, one code.
	var browsers [n]*visitor
	for i := range browsers {
		browsers[i] = ann.challenged(t, server(i))
	}
	for _, code := range []struct{ what, path, code string }{
		{"one code of the authenticator", "/two-factor/verify-totp", ann.code(t)},
		{"another code of the authenticator", "/two-factor/verify-totp", ann.code(t)},
		{"one backup code", "/two-factor/verify-backup-code", ann.codes[0]},
	} {
		winner := round(code.what, func(i int) answered { return browsers[i].post(t, code.path, in{"code": code.code}) })
		if !browsers[winner].signedIn(t) {
			t.Errorf("%s: the one who was answered 200 is not signed in", code.what)
		}
		browsers[winner] = ann.challenged(t, server(winner))
	}

	// Many challenges, wrong codes: one count.
	wrong := ann.wrong(t)
	judged := 0
	for _, a := range atOnce(n, func(i int) answered { return browsers[i].post(t, "/two-factor/verify-totp", in{"code": wrong}) }) {
		switch {
		case a.is(401, "INVALID_CODE"):
			judged++
		case !a.is(429, "ACCOUNT_TEMPORARILY_LOCKED"):
			t.Error("a wrong code: ", a)
		}
	}
	if judged != 10 {
		t.Errorf("%d wrong codes in a row were judged; want 10", judged)
	}
	for i := range servers {
		ann.challenged(t, server(i)).post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[1]}).
			want(t, "the right code of a locked account", 429, "ACCOUNT_TEMPORARILY_LOCKED")
	}
	if locks := strings.Count(storetest.Dump(t, database), " codes-locked "); locks != 1 {
		t.Errorf("%d events tell of a lock; want 1", locks)
	}
	unlock()

	// One challenge.
	same := ann.challenged(t, server(0)).copies(t, n, servers)
	round("one challenge, several codes", func(i int) answered {
		return same[i].post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[1+i%5]})
	})
	if left := ann.codesLeft(t); left != 8 {
		t.Errorf("%d backup codes are left after two sign-ins; want 8", left)
	}

	// One enrolment, whose winner has the session from then on.
	ann.enable(t, true)
	ann.step = stepNow()
	first := ann.codeOf(t, ann.step)
	same = ann.copies(t, n, servers)
	ann.visitor = same[oneOf(t, "the first code of an authenticator", atOnce(n, func(i int) answered {
		return same[i].post(t, "/two-factor/verify-totp", in{"code": first})
	}))]

	for _, code := range []struct{ path, code string }{
		{"/two-factor/verify-totp", ann.code(t)},
		{"/two-factor/verify-backup-code", ann.codes[9]},
	} {
		same := ann.challenged(t, server(0)).copies(t, n, servers)
		round("one challenge, one code", func(i int) answered { return same[i].post(t, code.path, in{"code": code.code}) })
	}

	testRevoked(t, ann, servers)
}

// testRevoked holds that what is revoked at one server is dead at all, for
// whoever asks after the answer.
func testRevoked(t *testing.T, ann *enrolled, servers []*program) {
	t.Helper()
	server := func(i int) *program { return servers[i%len(servers)] }
	var trusted []struct{ ID string }
	browsers := make([]*visitor, 3)
	for i := range browsers {
		browsers[i] = ann.challenged(t, server(i))
		browsers[i].post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[6+i], "trustDevice": true}).want(t, "a code", 200, "")
		if i == 0 {
			ann.get(t, "/list-trusted-devices", &trusted)
		}
	}
	if len(trusted) != 1 {
		t.Fatalf("one browser is trusted, but the list is %v", trusted)
	}
	for _, p := range servers {
		ann.signInAs(t, browsers[0].of(t, p)).want(t, "a sign-in of a trusted browser", 200, "")
	}
	ann.post(t, "/revoke-trusted-device", in{"id": trusted[0].ID}).want(t, "revoke", 200, "")
	for _, p := range servers {
		ann.signInAs(t, browsers[0].of(t, p)).want(t, "a sign-in of a browser that is trusted no more", 403, "TWO_FACTOR_REQUIRED")
	}
	browsers = browsers[1:]
	inSession := browsers[0].copies(t, 4, servers)
	usedUntil(t, ann, "/revoke-other-sessions", len(inSession), func(loop int) (alive bool) {
		status, body, _, err := visitorWith(t, inSession[loop]).session()
		if err != nil || status != 200 {
			t.Errorf("a session in use: %d %s, %v", status, body, err)
		}
		return body != "null"
	})
	usedUntil(t, ann, "/revoke-trusted-devices", len(browsers), func(loop int) (alive bool) {
		a := ann.signInAs(t, browsers[loop].of(t, server(loop)))
		if !a.is(200, "") && !a.is(403, "TWO_FACTOR_REQUIRED") {
			t.Error("a sign-in of a browser that was trusted: ", a)
		}
		return a.status == 200
	})
}

// usedUntil revokes something while it is used in n loops, and holds that no use
// succeeds that was begun after the answer.
func usedUntil(t *testing.T, owner *enrolled, revoke string, n int, use func(loop int) (alive bool)) {
	t.Helper()
	var revoked atomic.Bool
	var loops, begun sync.WaitGroup
	begun.Add(n)
	for loop := range n {
		loops.Go(func() {
			if !use(loop) {
				t.Errorf("%s: what is to be revoked is dead already", revoke)
			}
			begun.Done()
			for late := false; !late; {
				late = revoked.Load()
				if use(loop) && late {
					t.Errorf("%s: a use that was begun after the answer succeeded", revoke)
				}
			}
		})
	}
	begun.Wait()
	owner.post(t, revoke, in{}).want(t, revoke, 200, "")
	revoked.Store(true)
	loops.Wait()
}

// TestTwoFactorRightCodeIsNoGuess holds that who sends the first code of an
// authenticator several times at once is not locked out for it.
func TestTwoFactorRightCodeIsNoGuess(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := sound(t, "-database", database)
		ann := enrol(t, visit(t, p.origin), "ann@example.test")
		for range 3 {
			ann.enable(t, true)
			ann.step = stepNow()
			code := ann.codeOf(t, ann.step)
			same := ann.copies(t, 32, []*program{p})
			ann.visitor = same[oneOf(t, "the first code of an authenticator", atOnce(len(same), func(i int) answered {
				return same[i].post(t, "/two-factor/verify-totp", in{"code": code})
			}))]
			ann.post(t, "/two-factor/verify-totp", in{"code": ann.code(t)}).want(t, "the next right code", 200, "")
		}
	})
}

// TestTwoFactorKilled holds that a backup code whose use was answered stays
// used, and that none is half used (X02).
func TestTwoFactorKilled(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		p := sound(t, "-database", database)
		ann := enrol(t, visit(t, p.origin), "ann@example.test")
		uses := make([]struct {
			browser *visitor
			answer  answered // zero if there was none
		}, len(ann.codes))
		for i := range uses {
			uses[i].browser = ann.challenged(t, p)
		}

		const loops = 3
		var spending sync.WaitGroup
		spent := make(chan struct{}, len(uses))
		for loop := range loops {
			spending.Go(func() {
				for i := loop; i < len(uses); i += loops {
					u := &uses[i]
					if u.answer = u.browser.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[i]}); u.answer.err != nil {
						return // killed
					}
					u.answer.want(t, "a backup code", 200, "")
					spent <- struct{}{}
				}
			})
		}
		for range 4 {
			<-spent
		}
		p.kill()
		spending.Wait()
		p.start()

		// Each code is either kept, or used with all that follows from it.
		dump := storetest.Dump(t, database)
		kept, used, opened := strings.Count(dump, "\nbackup_codes "+ann.id), strings.Count(dump, " backup-code-used "), strings.Count(dump, " password+backup-code ")
		if kept+used != len(uses) || opened != used {
			t.Errorf("of %d codes %d are kept, %d were used, and opened %d sessions", len(uses), kept, used, opened)
		}
		notices := map[string]bool{} // by id: one may be in the folder and still in the database
		for _, row := range regexp.MustCompile(`(?m)^mails (\w+) \S+ A backup code was used `).FindAllStringSubmatch(dump, -1) {
			notices[row[1]] = true
		}
		files, err := filepath.Glob(filepath.Join(p.data, "mail", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.Contains(contents(t, file), `"A backup code was used"`) {
				_, id, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
				notices[id] = true
			}
		}
		if len(notices) != used {
			t.Errorf("%d notices tell of %d used codes", len(notices), used)
		}
		var browser *visitor
		tried := 0
		for i, u := range uses {
			if u.answer.status != 200 {
				continue
			}
			if tried%5 == 0 { // a challenge takes five tries
				browser = ann.challenged(t, p) // which tells that 2FA is on
			}
			tried++
			a := browser.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[i]})
			if !a.is(401, "INVALID_BACKUP_CODE") || !strings.Contains(a.body, "used already") {
				t.Errorf("a backup code whose use was answered before the server was killed: %s", a)
			}
			if !u.browser.signedIn(t) {
				t.Error("a session that a backup code had opened is gone")
			}
		}
		if tried < 4 {
			t.Errorf("%d used codes were tried again; want 4 at least", tried)
		}
	})
}

// TestTwoFactorLocksSurvive holds that a server that was killed knows which
// codes were wrong, who was locked, and who called too often (X03).
func TestTwoFactorLocksSurvive(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		ann := enrol(t, visit(t, p.origin), "ann@example.test")
		wrong := ann.wrong(t)
		// Codes in a session are counted apart from those at sign-in.
		try := func(n int) {
			t.Helper()
			browser := ann.challenged(t, p)
			for range n {
				browser.post(t, "/two-factor/verify-totp", in{"code": wrong}).want(t, "a wrong code at sign-in", 401, "INVALID_CODE")
				ann.post(t, "/two-factor/verify-totp", in{"code": wrong}).want(t, "a wrong code in a session", 401, "INVALID_CODE")
			}
		}
		waiting := ann.challenged(t, p)
		try(5)
		try(2)
		p.kill()
		p.start()
		try(3)
		locked := func(when string) {
			t.Helper()
			for what, browser := range map[string]*visitor{"a challenge from before": waiting, "a new challenge": ann.challenged(t, p)} {
				what += " " + when
				browser.post(t, "/two-factor/verify-totp", in{"code": ann.codeOf(t, stepNow())}).want(t, what, 429, "ACCOUNT_TEMPORARILY_LOCKED")
				browser.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[0]}).want(t, what, 429, "ACCOUNT_TEMPORARILY_LOCKED")
			}
		}
		locked("after ten wrong codes")

		stranger := visit(t, p.origin)
		often := func() (status int, body string) {
			status, body, _, err := stranger.call("POST", "/api/auth/two-factor/verify-totp", in{"code": wrong})
			if err != nil {
				t.Fatal(err)
			}
			return status, body
		}
		began := time.Now()
		status, body := 0, ""
		for range 4 {
			status, body = often()
		}
		if status != 429 || !strings.Contains(body, "TOO_MANY_REQUESTS") {
			t.Errorf("the fourth call of an address: %d %s; want 429", status, body)
		}
		p.kill()
		p.start()
		status, body = often()
		if time.Since(began) < 10*time.Second && status != 429 { // else it may call again
			t.Errorf("a call of an address that had called too often before the server was killed: %d %s; want 429", status, body)
		}
		locked("after the server was killed")
		if !ann.signedIn(t) {
			t.Error("the session is gone after the server was killed")
		}
	})
}

// TestTwoFactorRestart holds that a sign-in that waits for its second factor,
// and an enrolment that waits for its proof, can be finished at a server that
// was stopped or killed meanwhile (X05).
func TestTwoFactorRestart(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		ann := enrol(t, visit(t, p.origin), "ann@example.test")
		for how, end := range map[string]func(){"stopped": p.stop, "killed": p.kill} {
			byTOTP, byBackupCode, byMail, trusted := ann.challenged(t, p), ann.challenged(t, p), ann.challenged(t, p), ann.challenged(t, p)
			byMail.post(t, "/two-factor/send-otp", in{}).want(t, "send-otp", 200, "")
			code := mailedCode(t, p, ann.email)
			trusted.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[0], "trustDevice": true}).want(t, "a code", 200, "")
			old := ann.secret
			ann.enable(t, true)
			pending := ann.secret

			end()
			p.start()
			ann.secret = old
			byTOTP.post(t, "/two-factor/verify-totp", in{"code": ann.code(t)}).want(t, how+", a code of the authenticator", 200, "")
			byBackupCode.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[1]}).want(t, how+", a backup code", 200, "")
			byMail.post(t, "/two-factor/verify-otp", in{"code": code}).want(t, how+", a code by mail", 200, "")
			for what, v := range map[string]*visitor{"authenticator": byTOTP, "backup code": byBackupCode, "mail": byMail} {
				if !v.signedIn(t) {
					t.Errorf("%s, %s: not signed in", how, what)
				}
			}
			ann.signInAs(t, trusted).want(t, how+", a trusted browser", 200, "")
			ann.codes, ann.secret = ann.codes[2:], pending
			ann.prove(t)
		}
	})
}

// A noticed is a mail as -mail-dir has it.
type noticed struct{ To, From, Subject, Text, HTML, At string }

// mails waits for n mails to an address with a subject, and returns all to it.
func mails(t *testing.T, p *program, to string, n int) (all []noticed) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d mails to %s", n, to), 3*time.Second, func() bool {
		all = nil
		files, err := filepath.Glob(filepath.Join(p.data, "mail", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files { // by time
			var m noticed
			readJSON(t, file, &m)
			if m.To == to {
				all = append(all, m)
			}
		}
		return len(all) >= n
	})
	return all
}

var codeInMail = regexp.MustCompile(`Your code is (\d{6})\.`)

// mailedCode waits for the one mail with a code and takes it out of the folder.
func mailedCode(t *testing.T, p *program, to string) (code string) {
	t.Helper()
	eventually(t, "a code by mail", 20*time.Second, func() bool {
		files, err := filepath.Glob(filepath.Join(p.data, "mail", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			var m noticed
			readJSON(t, file, &m)
			if found := codeInMail.FindStringSubmatch(m.Text); found != nil && m.To == to {
				code = found[1]
				return os.Remove(file) == nil
			}
		}
		return false
	})
	return code
}

// TestTwoFactorNotices holds that the owner hears of what was done to the second
// factor, and that no secret is in the mails or the log (A36, A37, D11).
func TestTwoFactorNotices(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, flags []string) {
		p := sound(t, flags...)
		secrets := secrets{}
		ann := enrol(t, secrets.visit(t, p.origin), "ann@example.test")
		secrets.keep(ann)
		subjects := map[string]int{"Two-factor authentication is on": 1}

		ann.enable(t, true)
		ann.prove(t)
		secrets.keep(ann)
		subjects["Your authenticator was replaced"] = 1

		a := ann.post(t, "/two-factor/generate-backup-codes", in{"password": faultPassword})
		var made struct{ BackupCodes []string }
		if err := json.Unmarshal([]byte(a.body), &made); err != nil || len(made.BackupCodes) != 10 {
			t.Fatal("new backup codes: ", a)
		}
		ann.codes = made.BackupCodes
		secrets.keep(ann)
		subjects["New backup codes were made"] = 1

		browser := ann.challengedAs(t, secrets.visit(t, p.origin))
		browser.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[0], "trustDevice": true}).want(t, "a backup code", 200, "")
		ann.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[1]}).want(t, "a backup code in a session", 200, "")
		subjects["A backup code was used"], subjects["New sign-in"] = 2, 1

		for range 2 {
			browser := ann.challengedAs(t, secrets.visit(t, p.origin))
			for range 5 {
				browser.post(t, "/two-factor/verify-totp", in{"code": ann.wrong(t)}).want(t, "a wrong code", 401, "INVALID_CODE")
			}
		}
		subjects["Somebody is trying codes"] = 1

		const next = "another good password"
		secrets[next] = "the new password"
		ann.post(t, "/change-password", in{"currentPassword": faultPassword, "newPassword": next}).want(t, "a new password", 200, "")
		subjects["Your password was changed"] = 1
		ann.post(t, "/two-factor/disable", in{"password": next}).want(t, "disable", 200, "")
		subjects["Two-factor authentication is off"] = 1

		n := 0
		for _, of := range subjects {
			n += of
		}
		all := mails(t, p, ann.email, n)
		for _, m := range all {
			subjects[m.Subject]--
			if m.From == "" || m.At == "" || !strings.Contains(m.Text, " UTC, from 198.18.") || !strings.Contains(m.HTML, "<p>") {
				t.Errorf("a mail: %+v", m)
			}
			secrets.notIn(t, "a mail", fmt.Sprint(m))
		}
		for subject, lacking := range subjects {
			if lacking != 0 {
				t.Errorf("mails that say %q: %d more than there are should be", subject, lacking)
			}
		}
		secrets.notIn(t, "the log", p.said.String())
	})
}

// TestTwoFactorAtRest holds that who steals the database, its files or the log
// has nothing that opens an account (D03, D04, D11).
func TestTwoFactorAtRest(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		// A folder for mails that cannot be made: they wait in the database.
		data := t.TempDir()
		blocked := filepath.Join(data, "blocked")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		keyFile := filepath.Join(data, "keys")
		p := sound(t, "-database", database, "-key-file", keyFile, "-mail-dir", filepath.Join(blocked, "mail"))
		secrets := secrets{}

		// One who has replaced the authenticator and the backup codes, and has
		// another replacement pending.
		ann := enrol(t, secrets.visit(t, p.origin), "ann@example.test")
		secrets.keep(ann)
		ann.enable(t, true)
		ann.prove(t)
		secrets.keep(ann)
		proved := ann.secret
		ann.enable(t, true)
		secrets.keep(ann)
		ann.secret = proved
		// One whose first enrolment is pending.
		bob := &enrolled{visitor: secrets.visit(t, p.origin), email: "bob@example.test"}
		if status, body, _, err := bob.signUp(bob.email); status != 200 {
			t.Fatal(status, body, err)
		}
		bob.codes = bob.enable(t, false)
		secrets.keep(bob)

		// Right codes and wrong ones of each kind, in a challenge and a session, a
		// trusted browser, and what no endpoint understands.
		challenged := func() *visitor { return ann.challengedAs(t, secrets.visit(t, p.origin)) }
		right := ann.code(t)
		secrets[right] = "a right code"
		challenged().post(t, "/two-factor/verify-totp", in{"code": right}).want(t, "a right code", 200, "")
		trusted := challenged()
		trusted.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[0], "trustDevice": true}).want(t, "a backup code", 200, "")
		ann.signInAs(t, trusted).want(t, "a trusted browser", 200, "")
		ann.post(t, "/two-factor/verify-backup-code", in{"code": ann.codes[1]}).want(t, "a backup code in a session", 200, "")
		wrong, wrongBackupCode, mistyped := ann.wrong(t), "Wr0ng-c0de7", faultPassword+" mistyped"
		secrets[wrong], secrets[wrongBackupCode], secrets[mistyped] = "a wrong code", "a wrong backup code", "a mistyped password"
		for _, v := range []*visitor{challenged(), ann.visitor} {
			v.post(t, "/two-factor/verify-totp", in{"code": wrong}).want(t, "a wrong code", 401, "INVALID_CODE")
			v.post(t, "/two-factor/verify-backup-code", in{"code": wrongBackupCode}).want(t, "a wrong backup code", 401, "INVALID_BACKUP_CODE")
			v.post(t, "/two-factor/disable", in{"password": mistyped})
			for _, value := range []string{right, ann.codes[2], faultPassword} {
				v.post(t, "/two-factor/verify-totp", value).want(t, "a string for a body", 400, "")
				v.post(t, "/two-factor/verify-totp", in{"code": []string{value}}).want(t, "a list for a code", 400, "")
				v.post(t, "/two-factor/verify-totp?code="+url.QueryEscape(value), in{value: value}).want(t, "an unknown field", 400, "")
			}
		}
		byMail := challenged()
		byMail.post(t, "/two-factor/send-otp", in{}).want(t, "send-otp", 200, "")
		ann.post(t, "/two-factor/send-otp", in{}).want(t, "send-otp in a session", 200, "")

		// The codes by mail are known only once the mails are handed on.
		stolen := map[string]string{"the database": storetest.Dump(t, database)}
		for _, file := range sqliteFiles(t, database) {
			stolen[filepath.Base(file)+", in use"] = contents(t, file)
		}
		codes := handOnCodes(t, database, keyFile)
		if len(codes) != 2 {
			t.Fatalf("%d codes by mail; want 2", len(codes))
		}
		for i, code := range codes {
			secrets[code] = fmt.Sprintf("code %d by mail", i)
		}
		if a, b := byMail.post(t, "/two-factor/verify-otp", in{"code": codes[0]}), byMail.post(t, "/two-factor/verify-otp", in{"code": codes[1]}); a.status != 200 && b.status != 200 {
			t.Errorf("neither code by mail opens a session: %s; %s", a, b)
		}
		stolen["the database, later"] = storetest.Dump(t, database)
		p.kill()
		for _, file := range sqliteFiles(t, database) {
			stolen[filepath.Base(file)+", left behind"] = contents(t, file)
		}
		for where, text := range stolen {
			secrets.notIn(t, where, text)
		}
		if all := fmt.Sprint(stolen); strings.Count(all, ann.email) < len(stolen)/2 {
			t.Error("what was stolen does not hold the addresses either: it is not what it should be")
		}
		secrets.notIn(t, "the log", p.said.String())
	})
}

// sqliteFiles is what there is of an SQLite database; nothing of another.
func sqliteFiles(t *testing.T, database string) []string {
	t.Helper()
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		return nil
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no file, %v", path, err)
	}
	return files
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// handOnCodes hands on all mails that wait, as another server would, and returns
// the codes in them.
func handOnCodes(t *testing.T, database, keyFile string) (codes []string) {
	t.Helper()
	keys, err := account.ParseKeys(contents(t, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return account.Now().Add(time.Hour) } // when nobody else has them
	post := account.Service{Store: storetest.Open(t, database), Keys: keys, Now: later}
	for more := true; more; {
		more, err = post.HandOnMail(t.Context(), func(m account.Mail) error {
			if found := codeInMail.FindStringSubmatch(m.Text); found != nil {
				codes = append(codes, found[1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// secrets are what nobody may find, and what they are.
type secrets map[string]string

// visit makes a browser whose every cookie is a secret.
func (s secrets) visit(t *testing.T, origin string) *visitor {
	t.Helper()
	v := visit(t, origin)
	v.client.Jar = watchedJar{v.client.Jar, s}
	return v
}

type watchedJar struct {
	http.CookieJar
	secrets secrets
}

func (j watchedJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		for token := range strings.SplitSeq(c.Value, ".") { // some hold several
			if token != "" {
				j.secrets[token] = "the cookie " + c.Name
			}
		}
	}
	j.CookieJar.SetCookies(u, cookies)
}

// keep makes a secret of all that an account has now.
func (s secrets) keep(e *enrolled) {
	s[faultPassword] = "the password"
	s[e.secret] = "the secret of an authenticator"
	for _, code := range e.codes {
		s[code] = "a backup code"
	}
	if code, err := hotp.GenerateCode(e.secret, uint64(e.step)); err == nil {
		s[code] = "a code of an authenticator"
	}
}

// notIn holds that a text has none of the secrets in any form.
func (s secrets) notIn(t *testing.T, where, text string) {
	t.Helper()
	for value, what := range s {
		for _, form := range forms(value) {
			if within(text, form) {
				t.Errorf("%s is in %s, as %q", what, where, form)
			}
		}
	}
}

// forms is a secret as it may be written: plain or encoded, itself or what it
// encodes or its hash, which for a short one is as good.
func forms(value string) []string {
	plain := []string{value}
	if raw, err := base32.StdEncoding.DecodeString(value); err == nil {
		plain = append(plain, string(raw)) // of an authenticator
	}
	if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(raw) >= 16 {
		plain = append(plain, string(raw)) // of a cookie
	}
	if bare := strings.ReplaceAll(value, "-", ""); bare != value && len(bare) == 10 {
		plain = append(plain, bare, strings.ToUpper(bare), strings.ToLower(bare)) // a backup code
	}
	all := slices.Clone(plain)
	for _, p := range plain {
		if len(p) <= 11 { // a hash of a code is soon guessed
			hash := sha256.Sum256([]byte(p))
			all = append(all, string(hash[:]), hex.EncodeToString(hash[:]))
		}
		b := []byte(p)
		// Without padding: with it, this is its beginning.
		all = append(all, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), base64.RawStdEncoding.EncodeToString(b),
			base64.RawURLEncoding.EncodeToString(b), base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	}
	return all
}

// within reports whether a text has a form. Six digits are looked for alone: in
// longer numbers and fractions of seconds they may be by chance.
func within(text, form string) bool {
	code := len(form) == 6 && strings.Trim(form, "0123456789") == ""
	for {
		before, after, found := strings.Cut(text, form)
		if !found || !code {
			return found
		}
		if strings.TrimRight(before, "0123456789.") == before && strings.TrimLeft(after, "0123456789") == after {
			return true
		}
		text = after
	}
}
