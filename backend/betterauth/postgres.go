package betterauth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
)

const (
	dialTimeout = 10 * time.Second
	// readTimeout is how long the server may take to sort a table before its first row. A
	// million sessions take some seconds.
	readTimeout = 5 * time.Minute
)

// keepAlive limits how long it takes to notice that the server is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}

// A postgresURL is the URL of an application's database, in the forms that node-postgres
// and Prisma accept.
type postgresURL struct {
	dsn        string // with the parameters that the driver knows
	searchPath string // empty for the default of the server
	plain      bool   // the connection may be unencrypted
}

var errURL = errors.New("the URL of Better Auth's database is not valid") // without the URL, which has a password

func parsePostgresURL(databaseURL string) (postgresURL, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return postgresURL{}, errURL
	}
	var parsed postgresURL
	given, known := u.Query(), make(url.Values)
	for _, name := range []string{"sslmode", "sslrootcert", "sslcert", "sslkey", "host"} {
		if value := given.Get(name); value != "" {
			known.Set(name, value)
		}
	}
	switch known.Get("sslmode") {
	case "no-verify": // of node-postgres
		known.Set("sslmode", "require")
	case "", "allow", "prefer":
		parsed.plain = true
	}
	if host := known.Get("host"); strings.HasPrefix(host, "/") && !strings.Contains(host, ".s.PGSQL.") {
		port := u.Port()
		if port == "" {
			port = "5432"
		}
		known.Set("host", strings.TrimSuffix(host, "/")+"/.s.PGSQL."+port) // a folder of sockets, as for libpq
	}
	parsed.searchPath = given.Get("search_path")
	if schema := given.Get("schema"); schema != "" { // of Prisma
		parsed.searchPath = quoted(schema)
	}
	if path := searchPathOption(given.Get("options")); path != "" {
		parsed.searchPath = path
	}
	u.RawQuery = known.Encode()
	parsed.dsn = u.String()
	return parsed, nil
}

// searchPathOption returns the search path in the parameter "options", which has the command
// line of a server process: -c search_path=… or --search_path=….
func searchPathOption(options string) string {
	words := strings.Fields(options)
	for i, word := range words {
		if word == "-c" && i+1 < len(words) {
			word = "-c" + words[i+1]
		}
		for _, prefix := range []string{"-csearch_path=", "--search_path=", "--search-path="} {
			if path, ok := strings.CutPrefix(word, prefix); ok {
				return path
			}
		}
	}
	return ""
}

func openPostgres(ctx context.Context, databaseURL string) (*Database, error) {
	parsed, err := parsePostgresURL(databaseURL)
	if err != nil {
		return nil, err
	}
	connector, err := parsed.connector()
	if err != nil {
		return nil, err
	}
	setup := []string{
		// The source waits while the target writes.
		"SET LOCAL idle_in_transaction_session_timeout = 0",
		"SET LOCAL statement_timeout = 0",
	}
	if parsed.searchPath != "" {
		setup = append(setup, "SELECT set_config('search_path', '"+strings.ReplaceAll(parsed.searchPath, "'", "''")+"', TRUE)")
	}
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	d, err := begin(ctx, sql.OpenDB(connector), postgresDialect{}, options, setup...)
	if parsed.plain && connector.Config().TLSConfig != nil && isWithoutTLS(err) {
		connector.Config().TLSConfig = nil
		return begin(ctx, sql.OpenDB(connector), postgresDialect{}, options, setup...)
	}
	return d, err
}

// isWithoutTLS reports whether an error of the driver says that the server has no TLS.
func isWithoutTLS(err error) bool {
	return err != nil && strings.Contains(err.Error(), "SSL is not enabled")
}

func (p postgresURL) connector() (connector *pgdriver.Connector, err error) {
	defer func() {
		if recover() != nil { // the driver panics on a URL that it does not understand
			err = errURL
		}
	}()
	connector = pgdriver.NewConnector(
		pgdriver.WithDialTimeout(dialTimeout),
		pgdriver.WithReadTimeout(readTimeout),
		pgdriver.WithWriteTimeout(dialTimeout),
		pgdriver.WithApplicationName("latchkey import"),
		pgdriver.WithTracing(false),
		pgdriver.WithDSN(p.dsn),
	)
	dial := connector.Config().Dialer
	connector.Config().Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			tcp.SetKeepAliveConfig(keepAlive)
		}
		return conn, err
	}
	return connector, nil
}

type postgresDialect struct{}

// columns selects only what the search path finds: of two tables of the same name, the
// first one.
func (postgresDialect) columns() string {
	return `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
		FROM pg_catalog.pg_attribute a
		JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_table_is_visible(c.oid)
		AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attnum`
}

// text takes a timestamp without zone for UTC, as ORMs write it, whatever the zones of the
// server and of this process are. An infinite one is NULL.
func (postgresDialect) text(c foundColumn) string {
	name := quoted(c.name)
	if !slices.Contains([]string{"timestamp with time zone", "timestamp without time zone", "date"}, c.kind) {
		return name + "::text"
	}
	utc := name + "::timestamp"
	if c.kind == "timestamp with time zone" {
		utc = name + " AT TIME ZONE 'UTC'"
	}
	return fmt.Sprintf(`CASE WHEN isfinite(%s) THEN to_char(%s, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END`, name, utc)
}

func (postgresDialect) explain(err error) error { return err }
