package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/betterauth"
	"latchkey/backend/importer"
	"latchkey/backend/keyring"
	"latchkey/backend/store"
)

// importFlags are the flags of both import commands.
var importFlags = append([]string{"dry-run", "json", "origin", "listen", "rp-id"}, databaseFlags...)

// importTimeout limits a statement of an import. No request waits for it, and it may have to wait
// for another import, which is one transaction.
const importTimeout = time.Minute

// importBetterAuth takes over the users of an application that uses Better Auth. It first does
// everything without writing, so that an error leaves not even an empty database behind.
func importBetterAuth(ctx context.Context, c config, out io.Writer) (err error) {
	c.log = slog.New(slog.NewTextHandler(os.Stderr, nil)) // out has the report alone
	contents, err := c.lookAtTarget(ctx)
	if err != nil {
		return err
	}
	if contents.Import != nil {
		return c.printEarlier(out, *contents.Import)
	}
	secrets, err := c.readSecrets()
	if err != nil {
		return err
	}
	database, err := betterauth.Open(ctx, c.from)
	if err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	source := importer.BetterAuth{Database: database, Secrets: secrets, Now: account.Now()}

	var report importer.Report
	source.Progress = progress(ctx, database, "Checked")
	dry := account.Service{Keys: keyring.New(), Now: account.Now, Settings: c.settings}
	err = dry.TryImport(func(i *account.Importer) error {
		report, err = source.AddTo(ctx, i)
		return err
	})
	if err != nil {
		return explainSecret(err)
	}
	if c.dryRun {
		report.DryRun = true
		return c.printReport(out, report)
	}
	source.Progress, c.statementTimeout = progress(ctx, database, "Imported"), importTimeout
	var earlier *account.Import
	add := func(ctx context.Context, _ config, accounts *account.Service, _ io.Writer) error {
		done, was, err := accounts.Import(ctx, "better-auth", func(i *account.Importer) (any, error) {
			report, err = source.AddTo(ctx, i)
			return report, err
		})
		if was { // another process was faster
			earlier = &done
		}
		return err
	}
	if err := withAccounts(add)(ctx, c, out); err != nil {
		return err
	}
	if earlier != nil {
		return c.printEarlier(out, *earlier)
	}
	return c.printReport(out, report)
}

// lookAtTarget fails unless the database can take an import, or has one already. It changes
// nothing.
func (c config) lookAtTarget(ctx context.Context) (store.Contents, error) {
	if c.from == c.database {
		return store.Contents{}, errors.New("-from and -database must be different databases")
	}
	contents, err := store.Look(ctx, c.database)
	if err != nil {
		return contents, fmt.Errorf("open the database: %w", err)
	}
	if contents.AnyUser && contents.Import == nil {
		return contents, fmt.Errorf("-database: %w: import into an empty one", account.ErrNotEmpty)
	}
	return contents, nil
}

// readSecrets returns the secrets of the application.
func (c config) readSecrets() (betterauth.Secrets, error) {
	secret := c.betterAuthSecret
	if c.secretFile != "" {
		text, err := os.ReadFile(c.secretFile)
		if err != nil {
			return betterauth.Secrets{}, fmt.Errorf("-secret-file: %w", err)
		}
		secret = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	}
	if secret == "" && c.betterAuthSecrets == "" {
		return betterauth.Secrets{}, errors.New("give the application's secret: its file as -secret-file, " +
			"or the secret itself as BETTER_AUTH_SECRET in the environment")
	}
	return betterauth.ParseSecrets(secret, c.betterAuthSecrets)
}

// explainSecret says what to do about a secret that is not the application's.
func explainSecret(err error) error {
	switch {
	case errors.Is(err, betterauth.ErrVersion):
		return fmt.Errorf("%w. Set BETTER_AUTH_SECRETS in the environment as the application does", err)
	case errors.Is(err, betterauth.ErrSecret):
		return fmt.Errorf("%w. Give the secret that the application uses", err)
	}
	return err
}

// progressEvery is how often the progress is printed.
const progressEvery = 2 * time.Second

// progress returns a function that prints to the standard error how many rows of a table were
// read.
func progress(ctx context.Context, database *betterauth.Database, verb string) func(betterauth.Table, int) {
	last := time.Now()
	totals := make(map[betterauth.Table]int)
	for _, table := range []betterauth.Table{
		betterauth.TableUser, betterauth.TableAccount, betterauth.TableTwoFactor, betterauth.TablePasskey, betterauth.TableSession,
		betterauth.TableVerification,
	} {
		totals[table], _ = database.Count(ctx, table) // it only tells how long it will take
	}
	return func(table betterauth.Table, rows int) {
		if time.Since(last) < progressEvery {
			return
		}
		last = time.Now()
		fmt.Fprintf(os.Stderr, "%s %d of %d rows of the table %s.\n", verb, rows, max(rows, totals[table]), table)
	}
}

// printReport prints the report of an import, as JSON if that is wanted.
func (c config) printReport(out io.Writer, r importer.Report) error {
	if c.json {
		return json.NewEncoder(out).Encode(r)
	}
	r.Print(out)
	return nil
}

// printEarlier prints the report of an import that was made before.
func (c config) printEarlier(out io.Writer, done account.Import) error {
	var r importer.Report
	if err := json.Unmarshal([]byte(done.Report), &r); err != nil {
		return fmt.Errorf("decode the report of the import: %w", err)
	}
	r.Notes = append(r.Notes, fmt.Sprintf("This is the report of the import of %s. Nothing was changed now: "+
		"a database takes one import, and what has changed in the source since then stays out.", done.At.Format(time.RFC3339)))
	return c.printReport(out, r)
}

// errDryRun ends the transaction of a dry run.
var errDryRun = errors.New("dry run")

// importUsers adds the users of a file. A dry run does not create a database that does not exist.
func importUsers(ctx context.Context, c config, out io.Writer) error {
	if _, err := os.Stat(c.args[0]); err != nil { // before the database is created
		return err
	}
	contents, err := store.Look(ctx, c.database)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if contents.AnyTable || !c.dryRun {
		c.statementTimeout = importTimeout
		return withAccounts(importFile)(ctx, c, out)
	}
	dry := account.Service{Keys: keyring.New(), Now: account.Now, Settings: c.settings}
	return dry.TryImport(func(i *account.Importer) error {
		report, err := c.addFile(ctx, i)
		if err != nil {
			return err
		}
		return c.printReport(out, report)
	})
}

// importFile adds the users of a file to a database. A dry run adds them in a transaction that it
// undoes, because those that the database has already are skipped.
func importFile(ctx context.Context, c config, accounts *account.Service, out io.Writer) error {
	var report importer.Report
	err := accounts.ImportUsers(ctx, func(i *account.Importer) (_ any, err error) {
		if report, err = c.addFile(ctx, i); err == nil && c.dryRun {
			err = errDryRun
		}
		return report, err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	return c.printReport(out, report)
}

// addFile adds the users of the file in the arguments.
func (c config) addFile(ctx context.Context, i *account.Importer) (importer.Report, error) {
	file, err := os.Open(c.args[0])
	if err != nil {
		return importer.Report{}, err
	}
	defer file.Close()
	report, err := importer.Users(ctx, file, account.Now(), i)
	report.DryRun = c.dryRun
	return report, err
}

func oneFile(args []string) error {
	if len(args) != 1 {
		return errors.New("give exactly one file, after the flags")
	}
	return nil
}
