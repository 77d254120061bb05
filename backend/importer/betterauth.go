package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/betterauth"
)

// BetterAuth is an application that uses Better Auth.
type BetterAuth struct {
	Database *betterauth.Database
	Secrets  betterauth.Secrets
	Now      time.Time
	// Progress is called now and then with the number of rows of a table that are read.
	Progress func(table betterauth.Table, rows int)

	importer *account.Importer
	report   Report
	factors  map[string]factor // by user
	rows     int               // of the present table
}

// A factor is a user's authenticator app.
type factor struct {
	key   []byte // nil if it cannot be read or decrypted
	codes []string
	err   error // why not
}

// AddTo adds everything to an importer.
func (b *BetterAuth) AddTo(ctx context.Context, i *account.Importer) (Report, error) {
	b.importer, b.factors = i, make(map[string]factor)
	b.report = Report{Skipped: []Skipped{}, Notes: []string{}}
	var failed []string // users whose authenticator cannot be taken over
	steps := []struct {
		table betterauth.Table
		run   func(context.Context) error
	}{
		{betterauth.TableTwoFactor, b.readFactors},
		{betterauth.TableUser, func(ctx context.Context) (err error) {
			failed, err = b.addUsers(ctx)
			if err == nil && len(failed) > 0 {
				err = withoutFactor(failed, b.factors[failed[0]].err)
			}
			return err
		}},
		{betterauth.TableAccount, b.addPasswords},
		{betterauth.TablePasskey, b.addPasskeys},
		{betterauth.TableSession, b.addSessions},
		{betterauth.TableVerification, b.addVerifications},
	}
	for _, step := range steps {
		b.rows = 0
		if err := step.run(ctx); err != nil {
			return b.report, err
		}
	}
	b.addNotes()
	return b.report, nil
}

// withoutFactor returns the error for users who would lose their second factor.
func withoutFactor(users []string, why error) error {
	return fmt.Errorf("cannot decrypt the authenticators of %d users (%s): %w", len(users), examples(users, maxExamples), why)
}

// progressEvery is how many rows are read between two calls of Progress.
const progressEvery = 1000

func (b *BetterAuth) count(table betterauth.Table) {
	if b.rows++; b.rows%progressEvery == 0 {
		b.Progress(table, b.rows)
	}
}

// isUnusable reports whether err is the reason for which a row cannot be used, and counts it.
func (b *BetterAuth) isUnusable(what, user string, err error) bool {
	if err != nil {
		b.report.skipFor(what, user, err.Error())
	}
	return err != nil
}

// readFactors decrypts the authenticator apps. It fails if the secret decrypts none, because it
// must be another application's.
func (b *BetterAuth) readFactors(ctx context.Context) error {
	decrypted := 0
	var why error
	err := b.Database.TwoFactors(ctx, func(row betterauth.TwoFactor) error {
		b.count(betterauth.TableTwoFactor)
		if row.UserID == "" {
			b.report.skipFor("totps", "", row.Err.Error())
			return nil
		}
		f := factor{err: row.Err}
		if row.Err == nil {
			key, err := b.Secrets.TOTPKey(row.Secret)
			if err == nil {
				decrypted++
				f.codes, err = b.Secrets.BackupCodes(row.BackupCodes)
			} else {
				why = err
			}
			if f.err = err; err == nil {
				f.key = key
			}
		}
		_, second := b.factors[row.UserID]
		switch {
		case row.Err == nil && !row.Verified:
			b.report.skipFor("totps", row.UserID, "the user has never finished setting it up")
		case second:
			b.report.skipFor("totps", row.UserID, string(account.RefusedSecond))
		default:
			b.factors[row.UserID] = f
		}
		return nil
	})
	if err == nil && decrypted == 0 && why != nil {
		err = fmt.Errorf("the secret decrypts no authenticator: %w", why)
	}
	return err
}

// addUsers adds the users with their authenticators. failed are those whose authenticator
// cannot be read or decrypted.
func (b *BetterAuth) addUsers(ctx context.Context) (failed []string, err error) {
	err = b.Database.Users(ctx, func(row betterauth.User) error {
		if row.Err == nil {
			b.importer.Reserve(row.Email)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	admins := 0
	err = b.Database.Users(ctx, func(row betterauth.User) error {
		b.count(betterauth.TableUser)
		if b.isUnusable("users", row.ID, row.Err) {
			return nil
		}
		f, hasFactor := b.factors[row.ID]
		added := b.report.Users
		if err := b.report.count(&b.report.Users, "users", row.ID, b.importer.AddUser(ctx, b.userOf(row, hasFactor))); err != nil {
			return err
		}
		if b.report.Users == added {
			return nil // its authenticator is skipped below
		}
		if slices.Contains(strings.Split(row.Role, ","), "admin") {
			admins++
		}
		switch {
		case hasFactor && !row.TwoFactorEnabled:
			b.report.skipFor("totps", row.ID, "the user has turned it off")
		case hasFactor && f.key == nil:
			failed = append(failed, row.ID)
			return nil
		case hasFactor:
			return b.addFactor(ctx, row.ID, f)
		case row.TwoFactorEnabled:
			b.report.skipFor("emailCodes", row.ID, "codes by email alone are no second factor here; the user signs in with the password")
		}
		delete(b.factors, row.ID)
		return nil
	})
	if err == nil && len(failed) == 0 {
		for user := range b.factors {
			b.report.skipFor("totps", user, string(account.RefusedNoUser))
		}
	}
	b.report.note(admins, "administrator", "There were %s. Roles are not taken over: give a permission with "+
		"latchkey grant EMAIL PERMISSION.")
	return failed, err
}

func (b *BetterAuth) addFactor(ctx context.Context, user string, f factor) error {
	delete(b.factors, user)
	n, err := b.importer.AddTOTP(ctx, user, f.key, f.codes)
	if err != nil {
		return b.report.skip("totps", user, err)
	}
	b.report.TOTPs++
	b.report.BackupCodes += n
	return nil
}

// userOf returns a user as the import adds it. A banned user is disabled.
func (b *BetterAuth) userOf(row betterauth.User, hasFactor bool) account.User {
	u := account.User{
		ID: row.ID, Email: row.Email, Name: row.Name, Image: row.Image, EmailVerified: row.EmailVerified,
		TwoFactorEnabled: row.TwoFactorEnabled && hasFactor, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.Banned && (row.BanExpires == nil || row.BanExpires.After(b.Now)) {
		u.DisabledAt = &b.Now
	}
	return u
}

func (b *BetterAuth) addPasswords(ctx context.Context) error {
	return b.Database.Accounts(ctx, func(row betterauth.Account) error {
		b.count(betterauth.TableAccount)
		switch {
		case b.isUnusable("accounts", row.UserID, row.Err):
		case row.ProviderID != betterauth.ProviderCredential:
			b.report.skipFor("accounts", row.UserID, fmt.Sprintf("signing in with %q is not supported", row.ProviderID))
		case row.Password == "":
			b.report.skipFor("accounts", row.UserID, "it has no password")
		default:
			err := b.importer.AddPassword(ctx, row.UserID, row.Password, row.UpdatedAt)
			return b.report.count(&b.report.Passwords, "accounts", row.UserID, err)
		}
		return nil
	})
}

func (b *BetterAuth) addPasskeys(ctx context.Context) error {
	return b.Database.Passkeys(ctx, func(row betterauth.Passkey) error {
		b.count(betterauth.TablePasskey)
		if b.isUnusable("passkeys", row.UserID, row.Err) {
			return nil
		}
		p := account.Passkey{
			ID: row.ID, UserID: row.UserID, Name: row.Name, CredentialID: row.CredentialID, PublicKey: row.PublicKey,
			SignCount: row.Counter, AAGUID: row.AAGUID, Transports: strings.Join(row.Transports, ","),
			BackupEligible: row.MultiDevice, BackedUp: row.BackedUp,
		}
		if row.CreatedAt != nil {
			p.CreatedAt = *row.CreatedAt
		}
		return b.report.count(&b.report.Passkeys, "passkeys", row.UserID, b.importer.AddPasskey(ctx, p))
	})
}

// The lifetime of a session for which the user chose not to stay signed in.
const briefLifetime = 24 * time.Hour

func (b *BetterAuth) addSessions(ctx context.Context) error {
	secret := b.Secrets.Signing()
	return b.Database.Sessions(ctx, func(row betterauth.Session) error {
		b.count(betterauth.TableSession)
		switch {
		case b.isUnusable("sessions", row.UserID, row.Err):
			return nil
		case row.ImpersonatedBy != "":
			b.report.skipFor("sessions", row.UserID, "an administrator had opened it as the user")
			return nil
		}
		session := account.Session{
			ID: row.ID, UserID: row.UserID, CreatedAt: row.CreatedAt, LastActiveAt: row.UpdatedAt, ExpiresAt: row.ExpiresAt,
			IP: row.IP, UserAgent: row.UserAgent,
			// The row does not say whether the cookie stays when the browser closes. But only
			// such a session lives for a day from its beginning.
			Remember: row.ExpiresAt.Sub(row.CreatedAt).Round(time.Second) != briefLifetime,
		}
		token := account.SignedToken(betterauth.Sign(secret, row.Token))
		return b.report.count(&b.report.Sessions, "sessions", row.UserID, b.importer.AddSession(ctx, session, token))
	})
}

// addVerifications adds the trusted devices and the links that reset a password. The other
// one-time tokens are for something that is over within minutes.
func (b *BetterAuth) addVerifications(ctx context.Context) error {
	secret, last := b.Secrets.Signing(), ""
	return b.Database.Verifications(ctx, func(row betterauth.Verification) error {
		b.count(betterauth.TableVerification)
		if b.isUnusable("verifications", "", row.Err) || !row.ExpiresAt.After(b.Now) {
			return nil
		}
		createdAt := b.Now
		if row.CreatedAt != nil {
			createdAt = *row.CreatedAt
		}
		again := row.Identifier == last
		last = row.Identifier
		if link, ok := strings.CutPrefix(row.Identifier, betterauth.PrefixResetPassword); ok {
			if again {
				return nil
			}
			err := b.importer.AddResetLink(ctx, row.Value, link, createdAt, row.ExpiresAt)
			return b.report.count(&b.report.ResetLinks, "resetLinks", row.Value, err)
		}
		if !strings.HasPrefix(row.Identifier, betterauth.PrefixTrustDevice) {
			return nil
		}
		err := error(account.RefusedSecond)
		if !again {
			token := account.SignedToken(betterauth.TrustCookie(secret, row.Identifier, row.Value))
			err = b.importer.AddTrustedDevice(ctx, row.Value, token, createdAt, row.ExpiresAt)
		}
		return b.report.count(&b.report.TrustedDevices, "trustedDevices", row.Value, err)
	})
}

// addNotes adds what the operator should know.
func (b *BetterAuth) addNotes() {
	r := &b.report
	if b.Secrets.IsDefault() {
		r.Notes = append(r.Notes, "The secret is the one that Better Auth uses if an application has none. It is public, so that "+
			"anyone with a copy of the old database can use its sessions. Consider ending them all.")
	}
	if r.TOTPs == 0 && r.Sessions+r.TrustedDevices > 0 {
		r.Notes = append(r.Notes, "No user has an authenticator, so the secret could not be verified. If it is wrong, "+
			"all users have to sign in again.")
	}
	if !b.Database.Has(betterauth.TableSession) {
		r.Notes = append(r.Notes, "The database has no sessions, because the application keeps them elsewhere. All users have to sign in again.")
	}
	n := b.importer.Users()
	r.note(n.WithoutWayIn, "user", "%s without a password and without a passkey can sign in after requesting a new password by email.")
	r.note(n.PasskeyOnly, "user", "%s with passkeys and without a password cannot sign in with a security key that has no PIN if "+
		"PASSKEY_USER_VERIFICATION is required.")
}
