package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"latchkey/backend/account"
	"latchkey/backend/keyring"
	"latchkey/backend/store"
)

// config is what the flags say.
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

	settings *account.Live // the system keys, of which so far the environment's are known

	args []string // that are not flags

	// Of the command seed.
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

Each flag can be set by the environment too: -trusted-proxies by
LATCHKEY_TRUSTED_PROXIES. A flag on the command line wins.

The system keys (APP_NAME, RESEND_API_KEY and others) are set on the page
/dashboard/system. Where the environment has a variable of that name, it wins.

flags:
`

// parse reads the command line: a command and the flags, which fall back to
// the environment.
func parse(args []string, getenv func(string) string, out io.Writer) (command string, c config, err error) {
	command = "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	f := flag.NewFlagSet("latchkey", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() { fmt.Fprint(out, usage); f.PrintDefaults() }
	f.StringVar(&c.listen, "listen", "127.0.0.1:8080", "the `address` to answer at")
	origin := f.String("origin", "", "the `URL` that browsers find the server at; cookies, allowed hosts and links follow from it (default http://localhost and the port of -listen)")
	f.StringVar(&c.rpID, "rp-id", "", "the `domain` that passkeys belong to: the origin's host or a domain above it. Passkeys are lost when it changes (default the origin's host)")
	related := f.String("related-origins", "", "`URLs` of other sites whose pages may use the same passkeys, with commas between")
	f.StringVar(&c.data, "data", "data", "the `folder` for what the server keeps in files")
	f.StringVar(&c.database, "database", "", "the database `URL`: sqlite:PATH or postgres://…?sslmode=verify-full (default an SQLite file in -data)")
	f.StringVar(&c.keyFile, "key-file", "", "the `file` with the server's keys, made if the database is new (default keys in -data)")
	f.DurationVar(&c.migrationWait, "migration-wait", store.MigrationWait, "the `time` to wait while another process migrates the database")
	f.StringVar(&c.mailDir, "mail-dir", "", "the `folder` to write mails to, one JSON file each (default mail in -data)")
	resend := f.String("resend-url", "https://api.resend.com", "the `URL` of Resend's API, or of another that speaks it; mail goes there once RESEND_API_KEY is set")
	proxies := f.String("trusted-proxies", "", "`CIDRs` of proxies that are believed when they say who called, with commas between")
	origins := f.String("trusted-origins", "", "`URLs` of other sites whose pages may call the API, with commas between")
	f.StringVar(&c.cookiePrefix, "cookie-prefix", "latchkey", "how the names of cookies `begin`; better-auth gives Better Auth's")
	limits := f.String("rate-limits", "on", "`on|off`: off is for measuring only")
	format := f.String("log", "text", "the log's `format`: text or json")
	f.IntVar(&c.sessions, "sessions", 10_000, "seed: the `number` of sessions to make")
	f.IntVar(&c.perUser, "per-user", 10, "seed: the `number` of them that each user has")
	f.StringVar(&c.cookiesFile, "cookies", "", "seed: the `file` to write e-mail, number of sessions and Cookie header of some 20 000 of them to, with tabs between")

	f.VisitAll(func(fl *flag.Flag) {
		name := "LATCHKEY_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		if v := getenv(name); v != "" {
			if e := fl.Value.Set(v); e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
			}
		}
	})
	if err := errors.Join(err, f.Parse(args)); err != nil {
		return command, c, err
	}
	c.args = f.Args()
	switch command {
	case "grant", "revoke":
	case "unlock", "recover":
		if f.NArg() != 1 {
			return command, c, errors.New("say the e-mail address of the account, after the flags")
		}
	case "serve", "migrate", "permissions", "seed", "verify-log", "rotate-key":
		if f.NArg() > 0 {
			return command, c, fmt.Errorf("%q is not a flag; see latchkey -h", f.Arg(0))
		}
	default:
		return command, c, fmt.Errorf("there is no command %q; see latchkey -h", command)
	}

	if c.migrationWait <= 0 {
		return command, c, fmt.Errorf("-migration-wait is a time such as 10m, not %v", c.migrationWait)
	}
	if c.database == "" {
		c.database = "sqlite:" + filepath.Join(c.data, "latchkey.db")
	}
	if c.keyFile == "" {
		c.keyFile = filepath.Join(c.data, "keys")
	}
	if c.mailDir == "" {
		c.mailDir = filepath.Join(c.data, "mail")
	}
	if c.origin, err = parseOrigin(*origin, c.listen); err != nil {
		return command, c, err
	}
	if c.rpID, err = parseRPID(c.rpID, c.origin); err != nil {
		return command, c, err
	}
	if c.relatedOrigins, err = parseRelated(list(*related), c.origin); err != nil {
		return command, c, fmt.Errorf("-related-origins: %w", err)
	}
	if c.resendURL, err = parseAPI(*resend); err != nil {
		return command, c, fmt.Errorf("-resend-url: %w", err)
	}
	for _, s := range list(*proxies) {
		p, err := parseProxy(s)
		if err != nil {
			return command, c, fmt.Errorf("-trusted-proxies: %q is neither an address nor a CIDR", s)
		}
		c.trustedProxies = append(c.trustedProxies, p)
	}
	for _, s := range list(*origins) {
		u, err := parseOrigin(s, "")
		if err != nil {
			return command, c, fmt.Errorf("-trusted-origins: %w", err)
		}
		c.trustedOrigins = append(c.trustedOrigins, u.String())
	}
	if c.cookiePrefix == "" || strings.ContainsFunc(c.cookiePrefix, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_", r) }) {
		return command, c, fmt.Errorf("-cookie-prefix: %q has other characters than a-z, 0-9, - and _", c.cookiePrefix)
	}
	switch *limits {
	case "on":
	case "off":
		c.unlimited = true
	default:
		return command, c, fmt.Errorf("-rate-limits is on or off, not %q", *limits)
	}
	if c.settings, err = account.NewLive(getenv); err != nil {
		return command, c, err
	}
	switch *format {
	case "text":
		c.log = slog.New(slog.NewTextHandler(out, nil))
	case "json":
		c.log = slog.New(slog.NewJSONHandler(out, nil))
	default:
		return command, c, fmt.Errorf("-log is text or json, not %q", *format)
	}
	return command, c, nil
}

// parseOrigin reads the URL that browsers find a server at. It is http only
// for this machine: everywhere else others could read the cookies. Its errors say
// what to write, which is then taken.
func parseOrigin(s, listen string) (*url.URL, error) {
	if s == "" {
		_, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("-listen: %w", err)
		}
		s = "http://localhost:" + port
	}
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "*") || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the origin %q is not of the form https://accounts.example.com", s)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if ip == nil {
		host = strings.TrimSuffix(host, ".")
		name, err := idna.Lookup.ToASCII(host)
		if err != nil || strings.Contains(name, "..") {
			return nil, fmt.Errorf("the origin %q has a host that browsers do not take for a name: it is letters, digits and hyphens with dots between, as in https://accounts.example.com", s)
		}
		host = name
	} else if ip.To4() == nil {
		host = "[" + host + "]"
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback()
	switch {
	case u.Scheme == "http" && !local && (ip != nil || numeric(host)):
		return nil, fmt.Errorf("the origin %q is not encrypted, so anybody on the way could read the cookies, and there are no passkeys for an IP address: put a proxy with TLS in front and write its name, such as https://accounts.example.com", s)
	case u.Scheme == "http" && !local:
		return nil, fmt.Errorf("the origin %q is not encrypted, so anybody on the way could read the cookies: put a proxy with TLS in front and write https://%s", s, host)
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); strings.HasSuffix(u.Host, ":") || u.Port() != "" && (err != nil || strconv.FormatUint(n, 10) != u.Port()) {
		return nil, fmt.Errorf("the origin %q has a port that is none: write it as %s://%s, or with a number from 1 to 65535", s, u.Scheme, host)
	}
	bare := &url.URL{Scheme: u.Scheme, Host: host}
	if u.Port() != "" {
		bare.Host += ":" + u.Port()
	}
	if u.String() != bare.String() {
		return nil, fmt.Errorf("the origin %q is more than scheme, host and port, or not as browsers write it: write %s", s, bare)
	}
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		bare.Host = host // as browsers write it
	}
	return bare, nil
}

// passkeyOrigins are the origins whose pages may use our passkeys: ours, those of
// related sites, and those that may call the API and that browsers let use
// passkeys of our domain.
func (c config) passkeyOrigins() []string {
	origins := append([]string{c.origin.String()}, c.relatedOrigins...)
	for _, trusted := range c.trustedOrigins {
		u, err := url.Parse(trusted)
		under := err == nil && (u.Hostname() == c.rpID || strings.HasSuffix(u.Hostname(), "."+c.rpID))
		if under && !slices.Contains(origins, trusted) {
			origins = append(origins, trusted)
		}
	}
	return origins
}

// parseRPID reads the domain that passkeys belong to, and refuses those that no
// browser would use for pages of the origin (WebAuthn Level 3, section 5.1.3,
// step 8).
func parseRPID(s string, origin *url.URL) (string, error) {
	host := origin.Hostname()
	if net.ParseIP(host) != nil || numeric(host) {
		return "", fmt.Errorf("the origin %q is an IP address, for which there are no passkeys: write a name, such as http://localhost for this machine", origin)
	}
	if s == "" {
		s = host
	}
	at := func(fix string, args ...any) error {
		return fmt.Errorf("-rp-id %q is not a domain that pages of %s can use passkeys of: %s", s, origin, fmt.Sprintf(fix, args...))
	}
	if strings.ContainsAny(s, ":/@? ") || s != strings.ToLower(s) || strings.HasSuffix(s, ".") || strings.HasPrefix(s, ".") {
		return "", at("write the bare name in lower case, such as %s", host)
	}
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", at("write %s", host)
	}
	if ascii != s {
		return "", at("write it as browsers do, %s", ascii)
	}
	if s != host && !strings.HasSuffix(host, "."+s) {
		return "", at("write %s, or a domain above it", host)
	}
	if suffix, _ := publicsuffix.PublicSuffix(s); suffix == s && s != "localhost" {
		if s == host {
			return "", fmt.Errorf("the origin %q is at %s, under which anybody can have a site: write the name of yours, such as https://accounts.%s", origin, s, s)
		}
		own, err := publicsuffix.EffectiveTLDPlusOne(host)
		if err != nil {
			own = host
		}
		return "", at("anybody can have a site under it. Write %s", own)
	}
	return s, nil
}

// numeric reports whether browsers read a host as an IP address, in one of its
// stranger forms (URL Standard, section 3.5, "ends in a number").
func numeric(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == ""
}

// maxRelated is how many sites browsers look at: WebAuthn Level 3, section
// 5.11, names five labels before the public suffix as what each has to.
const maxRelated = 5

// parseRelated reads the origins of other sites that share the passkeys of ours,
// which is one of those that browsers look at.
func parseRelated(all []string, origin *url.URL) (origins []string, err error) {
	labels := map[string]bool{}
	if own, err := publicsuffix.EffectiveTLDPlusOne(origin.Hostname()); err == nil {
		label, _, _ := strings.Cut(own, ".")
		labels[label] = true
	}
	for _, s := range all {
		u, err := parseOrigin(s, "")
		if err != nil {
			return nil, err
		}
		site, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname())
		if u.Scheme != "https" || err != nil {
			return nil, fmt.Errorf("%q is not the address of a site, such as https://example.com", s)
		}
		label, _, _ := strings.Cut(site, ".")
		labels[label] = true
		origins = append(origins, u.String())
	}
	if len(labels) > maxRelated {
		return nil, fmt.Errorf("browsers look at %d different names, as example in https://example.com and https://example.de, and with yours these are %d: leave some out", maxRelated, len(labels))
	}
	return origins, nil
}

func parseProxy(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() {
		return p, errors.New("an IPv4 prefix is written as such")
	}
	return p, err
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// open opens the database, brings it to our schema, and makes sure that our
// keys are its keys.
func (c config) open(ctx context.Context) (store.DB, keyring.Keys, error) {
	db, err := store.Open(c.database)
	if err != nil {
		return db, keyring.Keys{}, err
	}
	keys, err := c.prepare(ctx, db)
	if err != nil {
		db.Close()
	}
	return db, keys, err
}

func (c config) prepare(ctx context.Context, db store.DB) (keyring.Keys, error) {
	keys, made, err := c.keys() // first: a server without keys changes nothing
	if err != nil {
		return keyring.Keys{}, err
	}
	applied, err := db.MigrateWith(ctx, store.Migration{Wait: c.migrationWait, Waiting: func(waited time.Duration) {
		c.log.Info("another process migrates the database: waiting for it", "waited", waited.Round(time.Second), "limit", c.migrationWait)
	}})
	if err != nil {
		return keyring.Keys{}, err
	}
	if len(applied) > 0 {
		c.log.Info("the database was migrated", "to", applied[len(applied)-1])
	}
	if slices.Contains(applied, store.ChainVersion) { // a log from before it was one
		if err := db.SignChain(ctx, keys); err != nil {
			return keyring.Keys{}, err
		}
	}
	if err := db.CheckKeys(ctx, keys); errors.Is(err, store.ErrKeys) {
		if made {
			os.Remove(c.keyFile) // it would only be mistaken for the right one
		}
		return keyring.Keys{}, fmt.Errorf("%w than the one in %s: point -key-file at the file that it was made with", err, c.keyFile)
	} else if err != nil {
		return keyring.Keys{}, err
	}
	return keys, nil
}

// keys reads the key file, or makes one that only its owner can read.
func (c config) keys() (keys keyring.Keys, made bool, err error) {
	text, err := os.ReadFile(c.keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if made, err = writeOnce(c.keyFile, keyring.New().Text()); err == nil {
			text, err = os.ReadFile(c.keyFile)
		}
	}
	if err != nil {
		return keys, made, err
	}
	if info, err := os.Stat(c.keyFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		c.log.Warn("others can read the key file: make it its owner's alone", "file", c.keyFile, "mode", info.Mode().Perm())
	}
	if keys, err = keyring.Parse(string(text)); err != nil {
		return keys, made, fmt.Errorf("%s: %w", c.keyFile, err)
	}
	return keys, made, nil
}

// writeOnce writes a file unless it is there, whole or not at all: of several
// servers that write it at once, one does and all read the same. Only its owner
// can read it.
func writeOnce(name, text string) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return false, err
	}
	if err := os.Link(f.Name(), name); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}
