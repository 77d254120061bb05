package betterauth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"latchkey/backend/betterauth"
	"latchkey/backend/betterauth/betterauthtest"
	"latchkey/backend/store/storetest"
)

// execute runs statements in a database, as its owner.
func execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	db := storetest.OpenSQL(t, url)
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

func open(t testing.TB, url string) *betterauth.Database {
	t.Helper()
	d, err := betterauth.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// content is everything in a database.
type content struct {
	Users         []betterauth.User
	Accounts      []betterauth.Account
	TwoFactors    []betterauth.TwoFactor
	Passkeys      []betterauth.Passkey
	Sessions      []betterauth.Session
	Verifications []betterauth.Verification
}

func all[Row any](t testing.TB, read func(context.Context, func(Row) error) error) (rows []Row) {
	t.Helper()
	err := read(t.Context(), func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readAll(t testing.TB, d *betterauth.Database) content {
	t.Helper()
	c := content{all(t, d.Users), all(t, d.Accounts), all(t, d.TwoFactors), all(t, d.Passkeys), all(t, d.Sessions), all(t, d.Verifications)}
	for table, n := range map[betterauth.Table]int{
		betterauth.TableUser: len(c.Users), betterauth.TableAccount: len(c.Accounts), betterauth.TableTwoFactor: len(c.TwoFactors),
		betterauth.TablePasskey: len(c.Passkeys), betterauth.TableSession: len(c.Sessions), betterauth.TableVerification: len(c.Verifications),
	} {
		if counted, err := d.Count(t.Context(), table); err != nil || counted != n {
			t.Errorf("Count(%q) = %d, %v; want %d", table, counted, err, n)
		}
	}
	return c
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func encoded(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

const (
	publicES256 = "pQECAyYgASFYIM/tOUmpGY1QGrQejk3+4rg9TgQd45FO7UtHgQPP7BxPIlggCVcDafKFZS7dcaegfBTDBTQ2+ufpWyGXa9ItDb9ejWk="
	publicEdDSA = "pAEBAycgBiFYIKrdr3X71pkJLEV73PBIvRWWbwxexCby8l99+BQxLCvI"
)

// Two dates, in whole seconds because a variant has no more.
const (
	early = "2026-11-27T13:17:48Z"
	late  = "2026-11-28T13:17:48Z"
)

// want returns the rows that every variant has. The ids of integers are "1", "2", those of
// UUIDs a UUID.
func want(id1, id2 string) content {
	name, image, banned := "ES256 🔑", "https://example.com/a.png", at(late)
	return content{
		Users: []betterauth.User{
			{
				ID: id1, Email: "ann@example.com", EmailVerified: true, Name: "Änn", Image: &image, TwoFactorEnabled: true,
				CreatedAt: at(early), UpdatedAt: at(late), Role: "admin", Banned: true, BanReason: "spam", BanExpires: &banned,
			},
			{ID: id2, Email: "Bob@Example.COM", CreatedAt: at(late), UpdatedAt: at(late)},
		},
		Accounts: []betterauth.Account{
			{ID: id1, UserID: id1, ProviderID: "credential", AccountID: id1, Password: "00:ff", CreatedAt: at(early), UpdatedAt: at(late)},
			{ID: id2, UserID: id2, ProviderID: "github", AccountID: "42", CreatedAt: at(early), UpdatedAt: at(late)},
		},
		TwoFactors: []betterauth.TwoFactor{
			{ID: id1, UserID: id1, Secret: "aa", BackupCodes: "bb", Verified: true},
			{ID: id2, UserID: id2, Secret: "cc", BackupCodes: "dd"},
		},
		Passkeys: []betterauth.Passkey{
			{
				ID: id2, UserID: id2, CredentialID: []byte("old"), PublicKey: encoded(publicEdDSA), Counter: 3,
			},
			{
				ID: id1, UserID: id1, Name: &name, CredentialID: []byte{0xfb, 0xef, 0xbe}, PublicKey: encoded(publicES256), MultiDevice: true,
				BackedUp: true, Transports: []string{"internal", "hybrid"}, AAGUID: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", CreatedAt: &banned,
			},
		},
		Sessions: []betterauth.Session{
			{
				ID: id2, UserID: id1, Token: "token2", ImpersonatedBy: id2, CreatedAt: at(early), UpdatedAt: at(late), ExpiresAt: at(late),
			},
			{
				ID: id1, UserID: id1, Token: "token1", IP: "192.0.2.1", UserAgent: "Firefox", CreatedAt: at(early), UpdatedAt: at(early),
				ExpiresAt: at(late),
			},
		},
		Verifications: []betterauth.Verification{
			{ID: id2, Identifier: "reset-password:x", Value: id1, CreatedAt: &banned, ExpiresAt: at(late)},
			{ID: id1, Identifier: "reset-password:x", Value: id2, CreatedAt: new(at(early)), ExpiresAt: at(late)},
		},
	}
}

// A variant is how one of the adapters stores the rows of want.
type variant struct {
	name     string
	database string // "sqlite" or "postgres"
	tables   string // the names of user, account, twoFactor, passkey, session, verification
	snake    bool   // columns in snake_case, or else in camelCase
	id       string // the type of ids
	date     string // the type of dates
	value    func(string) string
	boolean  string
}

func iso(s string) string { return "'" + strings.Replace(s, "Z", ".000Z", 1) + "'" }

func milliseconds(s string) string { return fmt.Sprint(at(s).UnixMilli()) }

func seconds(s string) string { return fmt.Sprint(at(s).Unix()) }

func zoneless(s string) string {
	return "'" + strings.TrimSuffix(strings.Replace(s, "T", " ", 1), "Z") + "'"
}

const (
	camel   = "user account twoFactor passkey session verification"
	plural  = "users accounts twoFactors passkeys sessions verifications"
	snake   = "user account two_factor passkey session verification"
	snakes  = "users accounts two_factors passkeys sessions verifications"
	models  = "User Account TwoFactor Passkey Session Verification"
	integer = "integer"
)

var variants = []variant{
	{name: "Kysely", database: "sqlite", tables: camel, id: "text", date: "date", value: iso, boolean: integer},
	{name: "Kysely", database: "postgres", tables: camel, id: "text", date: "timestamptz", value: iso, boolean: "boolean"},
	{name: "KyselyBefore", database: "postgres", tables: camel, id: "text", date: "timestamp", value: zoneless, boolean: "boolean"},
	{name: "UUID", database: "postgres", tables: camel, id: "uuid", date: "timestamptz", value: iso, boolean: "boolean"},
	{name: "Serial", database: "postgres", tables: camel, id: "bigint", date: "timestamptz", value: iso, boolean: "boolean"},
	{name: "Serial", database: "sqlite", tables: camel, id: integer, date: "date", value: iso, boolean: integer},
	{name: "Drizzle", database: "postgres", tables: snake, snake: true, id: "text", date: "timestamp", value: zoneless, boolean: "boolean"},
	{name: "DrizzleZone", database: "postgres", tables: snakes, snake: true, id: "text", date: "timestamptz", value: iso, boolean: "boolean"},
	{name: "Drizzle", database: "sqlite", tables: snake, snake: true, id: "text", date: integer, value: milliseconds, boolean: integer},
	{name: "DrizzleSeconds", database: "sqlite", tables: snakes, snake: true, id: "text", date: integer, value: seconds, boolean: integer},
	{name: "Prisma", database: "postgres", tables: camel, id: "text", date: "timestamp(3)", value: zoneless, boolean: "boolean"},
	{name: "PrismaModels", database: "postgres", tables: models, id: "text", date: "timestamp(3)", value: zoneless, boolean: "boolean"},
	{name: "Prisma", database: "sqlite", tables: plural, id: "TEXT", date: "DATETIME", value: milliseconds, boolean: "BOOLEAN"},
	{
		name: "PrismaAdapter", database: "sqlite", tables: models, id: "TEXT", date: "DATETIME",
		value: func(s string) string { return strings.Replace(iso(s), "Z", "+00:00", 1) }, boolean: "BOOLEAN",
	},
	{name: "Default", database: "sqlite", tables: camel, id: "text", date: "date", value: zoneless, boolean: integer}, // CURRENT_TIMESTAMP
}

// ids returns the first two ids.
func (v variant) ids() (id1, id2 string) {
	switch v.id {
	case "uuid":
		return "6f2cf0e9-0000-4000-8000-000000000001", "6f2cf0e9-0000-4000-8000-000000000002"
	case "bigint", integer:
		return "1", "2"
	}
	return "9DaH56f48HFDHiejJKSOjm4PdoOG3W3K", "zDaH56f48HFDHiejJKSOjm4PdoOG3W3K"
}

// statements creates the tables with their rows, and more that the import does not know.
func (v variant) statements() []string {
	id1, id2 := v.ids()
	yes, no := "TRUE", "FALSE"
	if v.database == "sqlite" {
		yes, no = "1", "0"
	}
	replace := strings.NewReplacer(
		"ID1", "'"+id1+"'", "ID2", "'"+id2+"'", "EARLY", v.value(early), "LATE", v.value(late), "YES", yes, "NO", no,
		":id", " "+v.id, ":date", " "+v.date, ":bool", " "+v.boolean,
		"ES256KEY", "'"+publicES256+"'", "EDDSAKEY", "'"+publicEdDSA+"'",
	)
	tables := strings.Fields(v.tables)
	var statements []string
	for i, table := range []struct{ columns, rows string }{{
		`id:id, name:text, email:text, emailVerified:bool, image:text, createdAt:date, updatedAt:date, twoFactorEnabled:bool, role:text, ` +
			`banned:bool, banReason:text, banExpires:date, favoriteColor:text, lastSeen:date`,
		`(ID2, '', 'Bob@Example.COM', NO, NULL, LATE, LATE, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
			(ID1, 'Änn', 'ann@example.com', YES, 'https://example.com/a.png', EARLY, LATE, YES, 'admin', YES, 'spam', LATE, 'blue', NULL)`,
	}, {
		`id:id, accountId:text, providerId:text, userId:id, accessToken:text, password:text, createdAt:date, updatedAt:date, issuer:text`,
		`(ID2, '42', 'github', ID2, 'token', NULL, EARLY, LATE, NULL), (ID1, ID1, 'credential', ID1, NULL, '00:ff', EARLY, LATE, 'local')`,
	}, {
		`id:id, secret:text, backupCodes:text, userId:id, verified:bool, failedVerificationCount:int, lockedUntil:date`,
		`(ID2, 'cc', 'dd', ID2, NO, 3, LATE), (ID1, 'aa', 'bb', ID1, NULL, 0, NULL)`,
	}, {
		`id:id, name:text, publicKey:text, userId:id, credentialID:text, counter:int, deviceType:text, backedUp:bool, transports:text, ` +
			`createdAt:date, aaguid:text`,
		`(ID1, 'ES256 🔑', ES256KEY, ID1, '----', 0, 'multiDevice', YES, 'internal,hybrid', LATE, 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd'),
			(ID2, NULL, EDDSAKEY, ID2, 'b2xk', 3, 'singleDevice', NO, NULL, NULL, NULL)`,
	}, {
		`id:id, expiresAt:date, token:text, createdAt:date, updatedAt:date, ipAddress:text, userAgent:text, userId:id, impersonatedBy:text`,
		`(ID1, LATE, 'token1', EARLY, EARLY, '192.0.2.1', 'Firefox', ID1, NULL), (ID2, LATE, 'token2', EARLY, LATE, '', NULL, ID1, ID2)`,
	}, {
		`id:id, identifier:text, value:text, expiresAt:date, createdAt:date, updatedAt:date`,
		`(ID1, 'reset-password:x', ID2, LATE, EARLY, EARLY), (ID2, 'reset-password:x', ID1, LATE, LATE, LATE)`,
	}} {
		columns := strings.NewReplacer(":text", " text", ":int", " integer").Replace(v.columns(table.columns))
		statements = append(statements,
			fmt.Sprintf(`CREATE TABLE "%s" (%s)`, tables[i], replace.Replace(columns)),
			fmt.Sprintf(`INSERT INTO "%s" VALUES %s`, tables[i], replace.Replace(table.rows)))
	}
	return append(statements, `CREATE TABLE "rateLimit" (id text, key text, count integer)`, `CREATE TABLE jwks (id text)`)
}

// columns quotes the names of columns, in snake_case if the variant has that.
func (v variant) columns(list string) string {
	columns := strings.Split(list, ", ")
	for i, column := range columns {
		name, kind, _ := strings.Cut(column, ":")
		if v.snake {
			name = betterauthtest.SnakeCase(name)
		}
		columns[i] = `"` + name + `":` + kind
	}
	return strings.Join(columns, ", ")
}

func (v variant) url(t *testing.T) string {
	t.Helper()
	if v.database == "sqlite" {
		return storetest.SQLite(t)
	}
	return storetest.Postgres(t)
}

// TestVariants tests that all adapters' ways to store the same rows are read as the same.
func TestVariants(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		t.Run(v.name+"/"+v.database, func(t *testing.T) {
			t.Parallel()
			url := v.url(t)
			execute(t, url, v.statements()...)
			got, want := readAll(t, open(t, url)), want(v.ids())
			for i := range reflect.TypeFor[content]().NumField() {
				got, want := reflect.ValueOf(got).Field(i), reflect.ValueOf(want).Field(i)
				for j := range max(got.Len(), want.Len()) {
					if got.Len() != want.Len() || !reflect.DeepEqual(got.Index(j).Interface(), want.Index(j).Interface()) {
						t.Errorf("got  %+v\nwant %+v", got, want)
						break
					}
				}
			}
		})
	}
}
