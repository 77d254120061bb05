package betterauth

import (
	"context"
	"errors"
)

// A Database is an open transaction that reads the database of an application. All methods
// see it as it was when [Open] returned, whatever the application writes meanwhile.
//
// The functions that the methods call must not call methods of the Database.
type Database struct{}

// Open opens the database of a URL: postgres://…, postgresql://… or sqlite:PATH. It begins
// a transaction that can only read, and finds out the names of the tables and columns. An
// error names what is missing. The application can run meanwhile.
func Open(ctx context.Context, databaseURL string) (*Database, error) {
	return nil, errors.ErrUnsupported
}

// Close ends the transaction and closes the database.
func (d *Database) Close() error { return nil }

// Has reports whether a table exists.
func (d *Database) Has(table Table) bool { return false }

// Count returns how many rows a table has, including those that cannot be used. It is zero
// if there is no such table.
func (d *Database) Count(ctx context.Context, table Table) (int, error) {
	return 0, errors.ErrUnsupported
}

// Users calls fn with each row of the table user, in the order of CreatedAt, then ID. It
// returns the first error of fn. If it returns nil, fn has received every row.
func (d *Database) Users(ctx context.Context, fn func(User) error) error {
	return errors.ErrUnsupported
}

// Accounts is like [Database.Users] for the table account, in the order of UserID, CreatedAt, ID.
func (d *Database) Accounts(ctx context.Context, fn func(Account) error) error {
	return errors.ErrUnsupported
}

// TwoFactors is like [Database.Users] for the table twoFactor, in the order of UserID, ID.
func (d *Database) TwoFactors(ctx context.Context, fn func(TwoFactor) error) error {
	return errors.ErrUnsupported
}

// Passkeys is like [Database.Users] for the table passkey, in the order of CreatedAt, ID.
// Rows without CreatedAt come first, because they are older.
func (d *Database) Passkeys(ctx context.Context, fn func(Passkey) error) error {
	return errors.ErrUnsupported
}

// Sessions is like [Database.Users] for the table session, in the order of UserID. Of each
// user, the latest UpdatedAt comes first.
func (d *Database) Sessions(ctx context.Context, fn func(Session) error) error {
	return errors.ErrUnsupported
}

// Verifications is like [Database.Users] for the table verification, in the order of
// Identifier, then of CreatedAt. Of the same Identifier, the latest comes first, and is the
// one that counts.
func (d *Database) Verifications(ctx context.Context, fn func(Verification) error) error {
	return errors.ErrUnsupported
}
