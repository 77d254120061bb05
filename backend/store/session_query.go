package store

import (
	"bytes"
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/uptrace/bun"

	"latchkey/backend/account"
)

// batchSizes are the numbers of hashes for which there is a statement. A statement with
// spare places looks up its last hash several times. The sizes are fixed, because Postgres
// keeps the plan of a statement only if its cost does not depend on the parameters, as that
// of an array would.
var batchSizes = [...]int{1, 4, 16, maxBatch}

// sessionQueries has the statements that look up sessions by the hashes of their tokens,
// one for each of [batchSizes].
type sessionQueries [len(batchSizes)]*prepared

func newSessionQueries(pool *sql.DB, postgres bool, pooled *atomic.Bool) (all sessionQueries) {
	for i, n := range batchSizes {
		all[i] = &prepared{pool: pool, text: sessionText(n, postgres), record: postgres, pooled: pooled}
	}
	return all
}

// run sets the row of each look-up of a batch, with one statement.
func (all sessionQueries) run(ctx context.Context, batch []*lookup) error {
	size := 0
	for batchSizes[size] < len(batch) {
		size++
	}
	args := make([]any, batchSizes[size])
	for i := range args {
		args[i] = batch[min(i, len(batch)-1)].hash
	}
	rows, err := all[size].query(ctx, args)
	if err != nil {
		return err
	}
	return readSessions(rows, all[size].record, batch)
}

// runInTx is run for one look-up in a transaction.
func (all sessionQueries) runInTx(ctx context.Context, tx bun.Tx, one *lookup) error {
	rows, err := all[0].queryIn(ctx, tx, []any{one.hash})
	if err != nil {
		return err
	}
	return readSessions(rows, all[0].record, []*lookup{one})
}

// readSessions reads all rows, and assigns each to the look-ups of its hash. If record is
// set, the rows are records.
func readSessions(rows *sql.Rows, record bool, batch []*lookup) error {
	defer rows.Close()
	var found foundSession // each row in turn
	var rotated []byte     // the hash of the former token that found it; nil for the current one
	columns := append(make([]any, 0, 32), &rotated, timeColumn{&found.session.RotatedAt})
	columns = append(columns, sessionFields(&found.session)...)
	columns = append(columns, userFields(&found.user)...)
	columns = append(columns, &found.session.Permissions)
	for rows.Next() {
		if err := scanRow(rows, record, columns); err != nil {
			return err
		}
		hash := rotated
		if hash == nil {
			hash = found.session.TokenHash
		}
		row := found
		for _, one := range batch {
			if bytes.Equal(one.hash, hash) {
				one.row = &row
			}
		}
	}
	return rows.Err()
}

// The columns of a session and of a user, in the order of [sessionFields] and [userFields].
var (
	sessionColumns = []string{
		"id", "user_id", "token_hash", "created_at", "last_active_at", "expires_at", "confirmed_at", "method",
		"second_factor_at", "second_factor_by", "ip", "user_agent", "remember", "is_new", "passkey_id",
	}
	userColumns = []string{
		"id", "email", "name", "image", "email_verified", "two_factor_enabled", "handle", "language",
		"created_at", "updated_at", "disabled_at",
	}
)

// sessionText returns the statement that looks up n hashes. The two branches find current
// and former tokens. One condition with OR would be shorter, but could not use both indexes.
func sessionText(n int, postgres bool) string {
	// Postgres would read all users, rather than look up n of them, as long as there are
	// fewer than about 30,000. LIMIT keeps it from turning the subquery into a hash join.
	placeholder, join := "?", "JOIN {table} ON {table}.id = {id}"
	if postgres {
		placeholder, join = "$", "CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {table}.id = {id} LIMIT 1) AS {table}"
	}
	joined := func(table, id string) string { return strings.NewReplacer("{table}", table, "{id}", id).Replace(join) }
	hashes := make([]string, n)
	for i := range hashes {
		hashes[i] = placeholder + strconv.Itoa(i+1)
	}
	row := "found.rotated_hash, found.rotated_at, " + columnsOf("found", sessionColumns) + ", " + columnsOf("users", userColumns) +
		", (SELECT string_agg(name, ',' ORDER BY name) FROM permissions WHERE permissions.user_id = found.user_id)"
	return strings.NewReplacer(
		"{hashes}", strings.Join(hashes, ", "), "{row}", selectRow(row, postgres),
		"{session}", columnsOf("sessions", sessionColumns),
		"{join sessions}", joined("sessions", "rotated_tokens.session_id"), "{join users}", joined("users", "found.user_id"),
	).Replace(`
SELECT {row}
FROM (
	SELECT NULL AS rotated_hash, NULL AS rotated_at, {session}
	FROM sessions WHERE sessions.token_hash IN ({hashes})
	UNION ALL
	SELECT rotated_tokens.hash, rotated_tokens.rotated_at, {session}
	FROM rotated_tokens {join sessions} WHERE rotated_tokens.hash IN ({hashes})
) AS found {join users}`)
}

// newSessionList returns the statement that lists the sessions of a user, with the names of their
// passkeys. It lists expired ones, too: if the time were a parameter, the plan that Postgres keeps
// would read the sessions of all users that have not expired.
func newSessionList(pool *sql.DB, postgres bool, pooled *atomic.Bool) *prepared {
	placeholder := "?"
	if postgres {
		placeholder = "$"
	}
	text := strings.NewReplacer(
		"{row}", selectRow(columnsOf("sessions", sessionColumns)+", passkeys.name", postgres), "?", placeholder,
	).Replace(`
SELECT {row}
FROM sessions LEFT JOIN passkeys ON passkeys.id = sessions.passkey_id
WHERE sessions.user_id = ?1
ORDER BY sessions.last_active_at DESC, sessions.id`)
	return &prepared{pool: pool, text: text, record: postgres, pooled: pooled}
}

// sessionFields returns the destinations of [sessionColumns]. To name them takes less time
// than Bun's reflection.
func sessionFields(s *account.Session) []any {
	return []any{
		&s.ID, &s.UserID, &s.TokenHash, timeColumn{&s.CreatedAt}, timeColumn{&s.LastActiveAt}, timeColumn{&s.ExpiresAt},
		timeColumn{&s.ConfirmedAt}, &s.Method,
		nullTimeColumn{&s.SecondFactorAt}, nullTextColumn{(*string)(&s.SecondFactorBy)}, &s.IP, &s.UserAgent, &s.Remember,
		&s.IsNew, &s.PasskeyID,
	}
}

// userFields returns the destinations of [userColumns].
func userFields(u *account.User) []any {
	return []any{
		&u.ID, &u.Email, &u.Name, &u.Image, &u.EmailVerified, &u.TwoFactorEnabled, &u.Handle, nullTextColumn{&u.Language},
		timeColumn{&u.CreatedAt}, timeColumn{&u.UpdatedAt}, nullTimeColumn{&u.DisabledAt},
	}
}
