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
	trustedOrigins []string
	cookiePrefix   string
	unlimited      bool
	log            *slog.Logger

	settings *setting.Cache // from the environment and the defaults, until accounts loads them

	args    []string // the arguments that are not flags
	version bool     // print the version and exit

	// Flags of the command seed.
	sessions, perUser int
	cookiesFile       string
}

const usage = `Latchkey is self-hosted account security: sign-in, two-factor authentication,
passkeys and active sessions.

usage: latchkey [command] [flags] [arguments]

commands:
  serve                    answer requests (the default)
  migrate                  bring the database to the schema of this program
  grant EMAIL PERMISSION   give an account a permission
  revoke EMAIL PERMISSION  take it away
  permissions              list who has which
  unlock EMAIL             take codes again of an account that too many wrong ones
                           have locked
  recover EMAIL            let somebody in again who has lost all else: end what is
                           open of the account, ask for no second factor, and print
                           a link for a new password
  verify-log               check that nobody has tampered with the security log
  rotate-key               make a new key and seal everything anew under it
  seed                     fill an empty database for measuring
  health                   ask the server at -listen whether it is ready
  version                  print the version

Each flag can be set by the environment too: -trusted-proxies by
LATCHKEY_TRUSTED_PROXIES. A flag on the command line wins.

The system keys (APP_NAME, RESEND_API_KEY and others) are set on the page
/dashboard/system. Where the environment has a variable of that name, it wins.

flags:
`

// parse parses the command line: an optional command, flags and arguments. A flag that is
// not given has its value from the environment.
func parse(args []string, getenv func(string) string, out io.Writer) (command string, c config, err error) {
	command = "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	f := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() { fmt.Fprint(out, usage); f.PrintDefaults() }
	texts := c.define(f)
	if err := errors.Join(fromEnvironment(f, getenv), f.Parse(args)); err != nil {
		return command, c, err
	}
	c.args = f.Args()
	c.version = c.version || command == "version"
	known, ok := commands[command]
	if !ok {
		return command, c, fmt.Errorf("there is no command %q; see latchkey -h", command)
	}
	if err := known.check(c.args); err != nil || c.version {
		return command, c, err
	}
	return command, c, c.finish(texts, getenv, out)
}

// texts has the values of flags that finish parses once all flags are read.
type texts struct {
	origin, relatedOrigins, resendURL, trustedProxies, trustedOrigins, rateLimits, log string
}

// define defines the flags, and returns those that finish parses.
func (c *config) define(f *flag.FlagSet) *texts {
	t := new(texts)
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "the `address` to answer at")
	f.StringVar(&t.origin, "origin", "", "the `URL` that browsers find the server at; cookies, allowed hosts and links follow from it "+
		"(default http://localhost and the port of -listen)")
	f.StringVar(&c.rpID, "rp-id", "", "the `domain` that passkeys belong to: the origin's host or a domain above it. "+
		"Passkeys are lost when it changes (default the origin's host)")
	f.StringVar(&t.relatedOrigins, "related-origins", "", "`URLs` of other sites whose pages may use the same passkeys, with commas between")
	f.StringVar(&c.data, "data", "data", "the `folder` for what the server keeps in files")
	f.StringVar(&c.database, "database", "", "the database `URL`: sqlite:PATH or postgres://…?sslmode=verify-full "+
		"(default an SQLite file in -data)")
	f.StringVar(&c.keyFile, "key-file", "", "the `file` with the server's keys, made if the database is new (default keys in -data)")
	f.DurationVar(&c.migrationWait, "migration-wait", store.MigrationWait, "the `time` to wait while another process migrates the database")
	f.StringVar(&c.mailDir, "mail-dir", "", "the `folder` to write mails to, one JSON file each (default mail in -data)")
	f.StringVar(&t.resendURL, "resend-url", "https://api.resend.com", "the `URL` of Resend's API, or of another that speaks it; "+
		"mail goes there once RESEND_API_KEY is set")
	f.StringVar(&t.trustedProxies, "trusted-proxies", "", "`CIDRs` of proxies that are believed when they say who called, with commas between")
	f.StringVar(&t.trustedOrigins, "trusted-origins", "", "`URLs` of other sites whose pages may call the API, with commas between")
	f.StringVar(&c.cookiePrefix, "cookie-prefix", "latchkey", "how the names of cookies `begin`; better-auth gives Better Auth's")
	f.StringVar(&t.rateLimits, "rate-limits", "on", "`on|off`: off is for measuring only")
	f.StringVar(&t.log, "log", "text", "the log's `format`: text or json")
	f.IntVar(&c.sessions, "sessions", 10_000, "seed: the `number` of sessions to make")
	f.IntVar(&c.perUser, "per-user", 10, "seed: the `number` of them that each user has")
	f.StringVar(&c.cookiesFile, "cookies", "", "seed: the `file` to write e-mail, number of sessions and Cookie header "+
		"of some 20 000 of them to, with tabs between")
	f.BoolVar(&c.version, "version", false, "print the version and exit")
	return t
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
		return fmt.Errorf("-migration-wait is a time such as 10m, not %v", c.migrationWait)
	}
	c.database = cmp.Or(c.database, "sqlite:"+filepath.Join(c.data, "latchkey.db"))
	c.keyFile = cmp.Or(c.keyFile, filepath.Join(c.data, "keys"))
	c.mailDir = cmp.Or(c.mailDir, filepath.Join(c.data, "mail"))
	if err := c.parseOrigins(t); err != nil {
		return err
	}
	if !cookiePrefix.MatchString(c.cookiePrefix) {
		return fmt.Errorf("-cookie-prefix: %q has other characters than a-z, 0-9, - and _", c.cookiePrefix)
	}
	switch t.rateLimits {
	case "on":
	case "off":
		c.unlimited = true
	default:
		return fmt.Errorf("-rate-limits is on or off, not %q", t.rateLimits)
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
		return fmt.Errorf("-log is text or json, not %q", t.log)
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
			return fmt.Errorf("-trusted-proxies: %q is neither an address nor a CIDR", s)
		}
		c.trustedProxies = append(c.trustedProxies, p)
	}
	for _, s := range list(t.trustedOrigins) {
		u, err := parseOrigin(s, "")
		if err != nil {
			return fmt.Errorf("-trusted-origins: %w", err)
		}
		c.trustedOrigins = append(c.trustedOrigins, u.String())
	}
	return nil
}
