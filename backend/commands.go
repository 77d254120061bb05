package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/store"
	"latchkey/shared"
)

// A command is a subcommand of the program.
type command struct {
	name      string
	arguments string   // what follows the flags
	summary   string   // what it does
	flags     []string // the names of its flags; [config.define] has all flags
	check     func(args []string) error
	run       func(context.Context, config, io.Writer) error
}

// commands has the commands in the order of [usage].
var commands = []command{
	{"serve", "", "run the server (the default)", serveFlags, noArguments, serve},
	{"migrate", "", "migrate the database to the schema of this version", databaseFlags, noArguments, withDatabase(migrate)},
	{"grant", "EMAIL PERMISSION", "grant a permission to a user", databaseFlags, emailAndPermission, withAccounts(grant)},
	{"revoke", "EMAIL PERMISSION", "revoke a permission from a user", databaseFlags, emailAndPermission, withAccounts(revoke)},
	{"permissions", "", "list all users with permissions", databaseFlags, noArguments, withDatabase(permissions)},
	{"unlock", "EMAIL", "lift the lockout after too many wrong two-factor codes", databaseFlags, oneEmail, withAccounts(unlock)},
	{"recover", "EMAIL", "give emergency access to a user who cannot sign in: revoke\n" +
		"all sessions, remove two-factor authentication, void the\n" +
		"password, and print a reset link, valid for one hour",
		append([]string{"origin", "listen"}, databaseFlags...), oneEmail, withAccounts(emergencyAccess)},
	{"import better-auth", "", "take over the users of an application that uses Better Auth",
		append([]string{"from", "secret-file"}, importFlags...), noArguments, importBetterAuth},
	{"import users", "FILE", "add the users of a file, one JSON object on each line", importFlags, oneFile, importUsers},
	{"server-key", "ACTION [NAME]", "\"create NAME\" prints a new key for an application's back end,\n" +
		"\"list\" lists the keys, and \"revoke NAME\" revokes one", databaseFlags, serverKeyArguments, withAccounts(serverKey)},
	{"verify-log", "", "verify that the security log has not been tampered with", databaseFlags, noArguments, withAccounts(verifyLog)},
	{"rotate-key", "", "create a new key and re-encrypt all secrets with it", databaseFlags, noArguments, withDatabase(rotateKey)},
	{"seed", "", "fill an empty database with test data for benchmarks",
		append([]string{"origin", "cookie-prefix", "sessions", "per-user", "cookies"}, databaseFlags...), noArguments, withDatabase(seed)},
	{"health", "", "exit with 0 if the server at -listen is ready", []string{"listen"}, noArguments, health},
	{"version", "", "print the version", nil, noArguments, printVersion},
}

// databaseFlags are the flags of the commands that open the database.
var databaseFlags = []string{"data", "database", "key-file", "migration-wait", "log"}

// serveFlags are the flags of the server. The command serve is the default, so that
// latchkey -version works.
var serveFlags = append([]string{
	"listen", "origin", "rp-id", "related-origins", "mail-dir", "resend-url", "trusted-proxies", "trusted-origins",
	"cookie-prefix", "rate-limits", "version",
}, databaseFlags...)

// commandName returns the name of the command at the beginning of args, one or two words, and
// what follows it. name is "" if args begins with a flag.
func commandName(args []string) (name string, rest []string) {
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = strings.TrimSpace(name+" "+args[0]), args[1:]
		longer := func(k command) bool { return strings.HasPrefix(k.name, name+" ") }
		if !slices.ContainsFunc(commands, longer) {
			break
		}
	}
	return name, args
}

// findCommand returns the command with a name. If that is the first word of commands, its error
// names them.
func findCommand(name string) (command, error) {
	var longer []string
	for _, k := range commands {
		if k.name == name {
			return k, nil
		}
		if strings.HasPrefix(k.name, name+" ") {
			longer = append(longer, "latchkey "+k.name)
		}
	}
	if len(longer) > 0 {
		return command{}, fmt.Errorf("%q is not a whole command: use %s", name, strings.Join(longer, " or "))
	}
	return command{}, fmt.Errorf("unknown command %q; see latchkey -h", name)
}

func noArguments(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q; see latchkey -h", args[0])
	}
	return nil
}

func oneEmail(args []string) error {
	if len(args) != 1 {
		return errors.New("give exactly one email address, after the flags")
	}
	return nil
}

func emailAndPermission(args []string) error {
	if len(args) != 2 || !slices.Contains(account.Permissions, args[1]) {
		return fmt.Errorf("give an email address and a permission, after the flags. The permission is one of: %s",
			strings.Join(account.Permissions, ", "))
	}
	return nil
}

// withDatabase returns a command that opens and migrates the database, and calls run.
func withDatabase(run func(context.Context, config, store.DB, io.Writer) error) func(context.Context, config, io.Writer) error {
	return func(ctx context.Context, c config, out io.Writer) error {
		db, _, err := c.open(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		return run(ctx, c, db, out)
	}
}

// withAccounts returns a command that opens and migrates the database, and calls run with
// the account service.
func withAccounts(run func(context.Context, config, *account.Service, io.Writer) error) func(context.Context, config, io.Writer) error {
	return func(ctx context.Context, c config, out io.Writer) error {
		db, keys, err := c.open(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		accounts, err := c.accounts(ctx, db, keys)
		if err != nil {
			return err
		}
		err = run(ctx, c, accounts, out)
		return errors.Join(err, linkAll(ctx, accounts))
	}
}

// migrate does nothing more: opening the database migrates it.
func migrate(context.Context, config, store.DB, io.Writer) error { return nil }

// permissions prints each grant as an email address, a tab and a permission. Like grant
// and revoke, it works while a server runs, which reads permissions from the database for
// each request.
func permissions(ctx context.Context, _ config, db store.DB, out io.Writer) error {
	grants, err := db.Permissions(ctx)
	for _, g := range grants {
		fmt.Fprintf(out, "%s\t%s\n", g.Email, g.Permission)
	}
	return err
}

// grant gives a permission to a user.
func grant(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	user, permission, err := userAndPermission(ctx, c, accounts)
	if err != nil {
		return err
	}
	if err := accounts.GrantPermission(ctx, user.ID, permission); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s has the permission %s.\n", user.Email, permission)
	return nil
}

// revoke takes a permission away from a user.
func revoke(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	user, permission, err := userAndPermission(ctx, c, accounts)
	if err != nil {
		return err
	}
	err = accounts.RevokePermission(ctx, user.ID, permission)
	if errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("%s does not have the permission %s", user.Email, permission)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s no longer has the permission %s.\n", user.Email, permission)
	return nil
}

// userAndPermission returns the user and the permission that the arguments name.
func userAndPermission(ctx context.Context, c config, accounts *account.Service) (user account.User, permission string, err error) {
	user, err = accounts.UserByEmail(ctx, c.args[0])
	return user, c.args[1], noAccount(err, c.args[0])
}

// unlock lifts the lockout of an account's second factor after too many wrong codes.
func unlock(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	email := c.args[0]
	lifted, err := accounts.LiftLockout(ctx, email)
	if err != nil {
		return noAccount(err, email)
	}
	said := "no lockout"
	if lifted {
		said = "lockout lifted"
	}
	fmt.Fprintf(out, "%s: %s.\n", email, said)
	return nil
}

// emergencyAccess gives emergency access to an account whose owner has lost every way to
// sign in, and prints the link for a new password.
func emergencyAccess(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	email := c.args[0]
	token, err := accounts.GrantEmergencyAccess(ctx, email)
	if err != nil {
		return noAccount(err, email)
	}
	fmt.Fprintf(out, `%s is signed out everywhere, and two-factor authentication is off. The old
password no longer works. To set a new one, open this link within one hour. It works
once and is not shown again:

  %s%s?token=%s

Passkeys still work. The user should delete lost ones.
`, email, c.origin, shared.PageResetPassword, string(token))
	return nil
}

// verifyLog verifies the whole security log. It fails if an entry was added, changed or
// removed.
func verifyLog(ctx context.Context, _ config, accounts *account.Service, out io.Writer) error {
	report, err := accounts.VerifyLog(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The security log is intact: %s.\n", entries(report.Entries()))
	if !report.LinkedAt.IsZero() {
		fmt.Fprintf(out, "The newest link of its chain is from %s.\n", report.LinkedAt.Format(time.RFC3339))
	}
	if report.Unlinked > 0 {
		verb, deleted := "are", "one of them"
		if report.Unlinked == 1 {
			verb, deleted = "is", "it"
		}
		fmt.Fprintf(out, "%s %s not linked yet, the oldest since %s: the log would not show it if %s were deleted.\n",
			entries(report.Unlinked), verb, report.Oldest.Format(time.RFC3339), deleted)
	}
	return nil
}

// entries returns a number of entries in words.
func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprint(n, " entries")
}

// noAccount replaces [account.ErrNotFound] by an error for the operator. It returns other
// errors unchanged.
func noAccount(err error, email string) error {
	if errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("no account has the email address %s", email)
	}
	return err
}
