package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestImportUsers imports the file of the documentation.
func TestImportUsers(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, database string) {
		dir := shellDir(t)
		file := filepath.Join(dir, "users.jsonl")
		lines := testkit.Fence(t, betterAuth, "json", "grace@example.com")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env := []string{"LATCHKEY_DATABASE=" + database}
		command := testkit.Fence(t, betterAuth, "sh", "import users")
		write(lines)
		p := testkit.Start(t, "-database", database, "-data", filepath.Join(dir, "data"), "-rate-limits", "off")
		first := p.Client().SignUp("first@example.com").Must(t, 200, "")

		for _, c := range []struct{ add, want string }{
			{`{"email": "x@example.com", "passwordHsh": ""}`, `line 3: unknown member "passwordHsh"`},
			{`{"email": 7}`, `line 3: the member "email" has the wrong type`},
			{`{"email": "x@example.com"} {}`, "line 3: there must be one object"},
			{`{"email": "x@example.com", "totpSecret": "1"}`, "line 3: totpSecret is not base32"},
			{`{"email": "x@example.com", "backupCodes": ["1"]}`, "line 3: backupCodes need"},
			{`nonsense`, "line 3: it is not a valid JSON object"},
			{strings.Repeat("x", 100_000), "line 3 is longer"},
		} {
			write(lines + c.add)
			if out, err := testkit.Run(t, "import", "users", "-database", database, "-data", filepath.Join(dir, "data"), file); err == nil ||
				!strings.Contains(out, c.want) {
				t.Errorf("%.60s: %v, %s; want %q", c.add, err, out, c.want)
			}
		}
		write(lines)
		runShell(t, dir, env, mustReplace(t, command, "import users", "import users -dry-run"))
		signIn(p.Client(), "grace@example.com", "rasmuslerdorf").Want(t, 401, "INVALID_EMAIL_OR_PASSWORD")

		write(lines + `{"email": "FIRST@example.com"}` + "\n" + `{"email": "other@example.com", "passwordHash": "md5"}` + "\n" +
			`{"email": "same@example.com", "id": "` + fmt.Sprint(first.Get("user.id")) + `"}`)
		out := runShell(t, dir, env, command)
		for _, want := range []string{
			"3  users", "1  passwords", "1  authenticators", "2  backup codes", "1  users: another user", "1  users: the ID",
			"1  passwords: the form",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("the report lacks %q:\n%s", want, out)
			}
		}
		if again := runShell(t, dir, env, command); !strings.Contains(again, "0  users\n") || !strings.Contains(again, "4  users: another user") {
			t.Errorf("the second time: %s", again)
		}
		empty, data := storetest.SQLite(t), filepath.Join(dir, "nothing")
		dry, err := testkit.Run(t, "import", "users", "-dry-run", "-database", empty, "-data", data, file)
		if _, missing := os.Stat(data); err != nil || !strings.Contains(dry, "5  users") || missing == nil || hasTables(t, empty) {
			t.Errorf("a dry run without a database: %v, %s; it must write nothing", err, dry)
		}
		out, err = testkit.Run(t, "import", "users", "-database", empty, "-data", data, file+"x")
		if err == nil || !strings.Contains(out, "no such file") || hasTables(t, empty) {
			t.Errorf("without the file: %v, %s; it must write nothing", err, out)
		}
		for range 2 { // the hash is new after the first time
			signIn(p.Client(), "grace@example.com", "rasmuslerdorf").Want(t, 200, "")
		}
	})
}
