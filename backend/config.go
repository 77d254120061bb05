package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"latchkey/backend/mail/mailer"
	"latchkey/backend/origins"
	"latchkey/backend/setting"
	"latchkey/backend/store"
)

// config is the configuration from the flags and the environment.
type config struct {
	listen         string
	origin         *url.URL
	rpID           string
	relatedOrigins []string
	data           string
	database       string
	keyFile        string
	migrationWait  time.Duration
	mailDir        string
	resendURL      *url.URL
	trustedProxies []netip.Prefix
	trustedOrigins origins.List
	cookiePrefix   string
	unlimited      bool
	log            *slog.Logger

	settings *setting.Cache // from the environment and the defaults, until accounts loads them

	statementTimeout time.Duration // of the database; zero means [store.Timeout]

	args    []string // the arguments that are not flags
	version bool     // print the version and exit, instead of the command

	// Flags of the import commands, and the secrets of the application from its environment.
	from, secretFile                    string
	betterAuthSecret, betterAuthSecrets string
	dryRun, json                        bool

	// Flags of the command seed.
	sessions, perUser int
	cookiesFile       string
}

// parse parses the command line: an optional command, flags and arguments. A flag that is
// not given has its value from the environment.
func parse(args []string, getenv func(string) string, out io.Writer) (k command, c config, err error) {
	name, help := "serve", printUsage
	if given, rest := commandName(args); given != "" {
		name, help, args = given, printCommandUsage, rest
	}
	if k, err = findCommand(name); err != nil {
		return k, c, err
	}
	texts := new(texts)
	f := c.flagSet(texts, k.flags)
	f.SetOutput(out)
	f.Usage = func() { help(out, k, f) }
	if err := errors.Join(fromEnvironment(f, getenv), f.Parse(args)); err != nil {
		return k, c, err
	}
	c.args = f.Args()
	if err := k.check(c.args); err != nil {
		return k, c, err
	}
	if c.version || k.name == "version" { // even if another flag is invalid
		k, err = findCommand("version")
		return k, c, err
	}
	return k, c, c.finish(texts, getenv, out)
}

// texts has the values of flags that finish parses once all flags are read.
type texts struct {
	origin, relatedOrigins, resendURL, trustedProxies, trustedOrigins, rateLimits, log string
}

// flagSet returns the flags with the given names. A command accepts its own flags only, and
// all flags have their defaults, whether the command has them or not.
func (c *config) flagSet(t *texts, names []string) *flag.FlagSet {
	all := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	c.define(all, t)
	f := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	for _, name := range names {
		one := all.Lookup(name)
		f.Var(one.Value, one.Name, one.Usage)
	}
	return f
}

// define defines all flags. finish parses those in t.
func (c *config) define(f *flag.FlagSet, t *texts) {
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "the `address` to listen on")
	f.StringVar(&t.origin, "origin", "", "the public `URL` of the server, from which cookies, allowed hosts and links are derived "+
		"(default http://localhost with the port of -listen)")
	f.StringVar(&c.rpID, "rp-id", "", "the `domain` that passkeys are bound to (RP ID): the origin's host or a parent domain. "+
		"Existing passkeys stop working if it changes (default the origin's host)")
	f.StringVar(&t.relatedOrigins, "related-origins", "",
		"a comma-separated list of `URLs` of other sites whose pages may use the same passkeys")
	f.StringVar(&c.data, "data", "data", "the `folder` for the server's files")
	f.StringVar(&c.database, "database", "", "the database `URL`: sqlite:PATH or postgres://…?sslmode=verify-full "+
		"(default the SQLite file latchkey.db in -data)")
	f.StringVar(&c.keyFile, "key-file", "", "the `file` with the server's keys, created if it does not exist and the database is new "+
		"(default keys in -data)")
	f.DurationVar(&c.migrationWait, "migration-wait", store.MigrationWait, "the `time` to wait while another process migrates the database")
	f.StringVar(&c.mailDir, "mail-dir", "", "the `folder` to which emails are written while neither SMTP_URL nor RESEND_API_KEY "+
		"is set, one JSON file each "+
		"(default mail in -data)")
	f.StringVar(&t.resendURL, "resend-url", "https://api.resend.com", "the `URL` of Resend's API, or of a compatible one; "+
		"emails are sent there once RESEND_API_KEY is set, unless SMTP_URL is set")
	f.StringVar(&t.trustedProxies, "trusted-proxies", "",
		"a comma-separated list of `CIDRs` of proxies whose X-Forwarded-For header is trusted")
	f.StringVar(&t.trustedOrigins, "trusted-origins", "", "a comma-separated list of `URLs` of other sites whose pages may call the API; "+
		"https://*.example.com stands for all hosts below example.com")
	f.StringVar(&c.cookiePrefix, "cookie-prefix", "latchkey", "the `prefix` of cookie names; use better-auth for Better Auth's names")
	f.StringVar(&t.rateLimits, "rate-limits", "on", "`on|off`; use off for benchmarks only")
	f.StringVar(&t.log, "log", "text", "the log's `format`: text or json")
	f.IntVar(&c.sessions, "sessions", 10_000, "the `number` of sessions to create")
	f.IntVar(&c.perUser, "per-user", 10, "the `number` of sessions per user")
	f.StringVar(&c.cookiesFile, "cookies", "", "the `file` to which to write a sample of up to 20,000 sessions, "+
		"one per line: email, number of sessions and Cookie header, separated by tabs")
	f.StringVar(&c.from, "from", "", "the database `URL` of the application: sqlite:PATH or postgres://…. It is only read")
	f.StringVar(&c.secretFile, "secret-file", "", "the `file` with the application's secret (default BETTER_AUTH_SECRET in the environment)")
	f.BoolVar(&c.dryRun, "dry-run", false, "report what would be taken over, and write nothing")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	f.BoolVar(&c.version, "version", false, "print the version and exit")
}

// fromEnvironment sets flags from the environment. It does not set -version: a server must
// not exit because another program uses LATCHKEY_VERSION.
func fromEnvironment(f *flag.FlagSet, getenv func(string) string) (err error) {
	f.VisitAll(func(fl *flag.Flag) {
		name := "LATCHKEY_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		if v := getenv(name); v != "" && fl.Name != "version" {
			if e := fl.Value.Set(v); e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
			}
		}
	})
	return err
}

// finish validates the flags, and sets the defaults that depend on other flags.
func (c *config) finish(t *texts, getenv func(string) string, out io.Writer) (err error) {
	if c.migrationWait <= 0 {
		return fmt.Errorf("-migration-wait must be a positive duration such as 10m, not %v", c.migrationWait)
	}
	c.database = cmp.Or(c.database, "sqlite:"+filepath.Join(c.data, "latchkey.db"))
	c.keyFile = cmp.Or(c.keyFile, filepath.Join(c.data, "keys"))
	c.mailDir = cmp.Or(c.mailDir, filepath.Join(c.data, "mail"))
	if err := c.parseOrigins(t); err != nil {
		return err
	}
	if !cookiePrefix.MatchString(c.cookiePrefix) {
		return fmt.Errorf("-cookie-prefix may contain only a-z, 0-9, - and _, not %q", c.cookiePrefix)
	}
	c.betterAuthSecret, c.betterAuthSecrets = getenv("BETTER_AUTH_SECRET"), getenv("BETTER_AUTH_SECRETS")
	switch t.rateLimits {
	case "on":
	case "off":
		c.unlimited = true
	default:
		return fmt.Errorf("-rate-limits must be on or off, not %q", t.rateLimits)
	}
	if c.settings, err = setting.NewCache(getenv); err != nil {
		return err
	}
	switch t.log {
	case "text":
		c.log = slog.New(slog.NewTextHandler(out, nil))
	case "json":
		c.log = slog.New(slog.NewJSONHandler(out, nil))
	default:
		return fmt.Errorf("-log must be text or json, not %q", t.log)
	}
	return nil
}

var cookiePrefix = regexp.MustCompile(`^[a-z0-9_-]+$`)

// parseOrigins parses the flags with URLs, domains and IP addresses.
func (c *config) parseOrigins(t *texts) (err error) {
	if c.origin, err = parseOrigin(t.origin, c.listen); err != nil {
		return err
	}
	if c.rpID, err = parseRPID(c.rpID, c.origin); err != nil {
		return err
	}
	if c.relatedOrigins, err = parseRelated(list(t.relatedOrigins), c.origin); err != nil {
		return fmt.Errorf("-related-origins: %w", err)
	}
	if c.resendURL, err = mailer.ParseAPI(t.resendURL); err != nil {
		return fmt.Errorf("-resend-url: %w", err)
	}
	for _, s := range list(t.trustedProxies) {
		p, err := parseProxy(s)
		if err != nil {
			return fmt.Errorf("-trusted-proxies: %q is neither an IP address nor a CIDR", s)
		}
		c.trustedProxies = append(c.trustedProxies, p)
	}
	for _, s := range list(t.trustedOrigins) {
		p, err := parseTrusted(s)
		if err != nil {
			return fmt.Errorf("-trusted-origins: %w", err)
		}
		c.trustedOrigins = append(c.trustedOrigins, p)
	}
	return nil
}
