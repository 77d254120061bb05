package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/uptrace/bun/driver/pgdriver"
)

// OpenSQL opens the database at url without the store, beside a server that uses it. It closes the
// database at the end of the test.
func OpenSQL(t testing.TB, url string) *sql.DB {
	t.Helper()
	var pool *sql.DB
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		var err error
		if pool, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)"); err != nil {
			t.Fatal(err)
		}
	} else {
		pool = openPostgres(url)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// openPostgres opens a Postgres database without the store. The timeouts of the driver are five and
// ten seconds, and a busy machine may need longer.
func openPostgres(url string) *sql.DB {
	return sql.OpenDB(pgdriver.NewConnector(pgdriver.WithTimeout(patience), pgdriver.WithDSN(url)))
}

// Dump returns the whole content of the database at url at one moment, as an attacker with a
// copy would see it. Each row is one line that begins with the name of its table.
func Dump(t *testing.T, url string) string {
	t.Helper()
	pool := OpenSQL(t, url)
	defer pool.Close()
	begin, names := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	if strings.HasPrefix(url, "sqlite:") {
		begin, names = "BEGIN", "SELECT name FROM sqlite_master WHERE type = 'table'"
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// One transaction reads all tables. Otherwise a row that a server moves from one table
	// to another meanwhile, such as an event that is linked, could be missing.
	if _, err := conn.ExecContext(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	var tables []string
	rows, err := conn.QueryContext(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range tables {
		if err := dump(t.Context(), &b, conn, table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func dump(ctx context.Context, b *strings.Builder, conn *sql.Conn, table string) error {
	rows, err := conn.QueryContext(ctx, `SELECT * FROM "`+table+`"`)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells, at := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		at[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		b.WriteString(table)
		for _, cell := range cells {
			if raw, ok := cell.([]byte); ok {
				cell = string(raw)
			}
			fmt.Fprintf(b, " %v", cell)
		}
		b.WriteString("\n")
	}
	return rows.Err()
}
