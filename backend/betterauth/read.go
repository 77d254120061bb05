package betterauth

import (
	"context"
	"strings"
)

// Users calls fn with each row of the table user, in the order of CreatedAt, then ID. It
// returns the first error of fn, which must not call methods of the Database. If Users
// returns nil, fn has received every row.
func (d *Database) Users(ctx context.Context, fn func(User) error) error {
	return d.read(ctx, TableUser, "createdAt id", func(r *row) error {
		u := User{
			ID:               r.text("id"),
			Email:            r.text("email"),
			EmailVerified:    r.flag("emailVerified", false),
			Name:             r.noteOrEmpty("name"),
			Image:            r.note("image"),
			TwoFactorEnabled: r.flag("twoFactorEnabled", false),
			CreatedAt:        r.time("createdAt"),
			Role:             r.noteOrEmpty("role"),
			Banned:           r.flag("banned", false),
			BanReason:        r.noteOrEmpty("banReason"),
			BanExpires:       r.optionalTime("banExpires"),
		}
		u.UpdatedAt = r.timeOr("updatedAt", u.CreatedAt)
		u.Err = r.err
		return fn(u)
	})
}

// Accounts is like [Database.Users] for the table account, in the order of UserID, then
// CreatedAt, then ID.
func (d *Database) Accounts(ctx context.Context, fn func(Account) error) error {
	return d.read(ctx, TableAccount, "userId createdAt id", func(r *row) error {
		a := Account{
			ID:         r.text("id"),
			UserID:     r.text("userId"),
			ProviderID: r.text("providerId"),
			AccountID:  r.optionalText("accountId"),
			Password:   r.optionalText("password"),
			CreatedAt:  r.time("createdAt"),
		}
		a.UpdatedAt = r.timeOr("updatedAt", a.CreatedAt)
		a.Err = r.err
		return fn(a)
	})
}

// TwoFactors is like [Database.Users] for the table twoFactor, in the order of UserID, then
// ID.
func (d *Database) TwoFactors(ctx context.Context, fn func(TwoFactor) error) error {
	return d.read(ctx, TableTwoFactor, "userId id", func(r *row) error {
		t := TwoFactor{
			ID:          r.text("id"),
			UserID:      r.text("userId"),
			Secret:      r.text("secret"),
			BackupCodes: r.text("backupCodes"),
			Verified:    r.flag("verified", true), // NULL in rows that are older than the column
		}
		t.Err = r.err
		return fn(t)
	})
}

// Passkeys is like [Database.Users] for the table passkey, in the order of CreatedAt, then
// ID. Rows without CreatedAt come first, because they are older than the column.
func (d *Database) Passkeys(ctx context.Context, fn func(Passkey) error) error {
	return d.read(ctx, TablePasskey, "createdAt id", func(r *row) error {
		p := Passkey{
			ID:           r.text("id"),
			UserID:       r.text("userId"),
			Name:         r.note("name"),
			CredentialID: r.base64("credentialID"),
			PublicKey:    r.base64("publicKey"),
			Counter:      r.counter("counter"),
			BackedUp:     r.flag("backedUp", false),
			AAGUID:       r.optionalText("aaguid"),
			CreatedAt:    r.optionalTime("createdAt"),
		}
		switch kind, _ := r.value("deviceType"); kind {
		case "multiDevice":
			p.MultiDevice = true
		case "singleDevice":
		default:
			r.fail("deviceType", "is unknown")
		}
		for transport := range strings.SplitSeq(r.optionalText("transports"), ",") {
			if transport = strings.TrimSpace(transport); transport != "" {
				p.Transports = append(p.Transports, transport)
			}
		}
		p.Err = r.err
		return fn(p)
	})
}

// Sessions is like [Database.Users] for the table session, in the order of UserID. Of each
// user, the latest UpdatedAt comes first.
func (d *Database) Sessions(ctx context.Context, fn func(Session) error) error {
	return d.read(ctx, TableSession, "userId -updatedAt -createdAt id", func(r *row) error {
		s := Session{
			ID:             r.text("id"),
			UserID:         r.text("userId"),
			Token:          r.text("token"),
			IP:             r.noteOrEmpty("ipAddress"),
			UserAgent:      r.noteOrEmpty("userAgent"),
			ImpersonatedBy: r.optionalText("impersonatedBy"),
			CreatedAt:      r.time("createdAt"),
			ExpiresAt:      r.time("expiresAt"),
		}
		s.UpdatedAt = r.timeOr("updatedAt", s.CreatedAt)
		s.Err = r.err
		return fn(s)
	})
}

// Verifications is like [Database.Users] for the table verification, in the order of
// Identifier. Of the same Identifier, the latest CreatedAt comes first, and is the one that
// counts.
func (d *Database) Verifications(ctx context.Context, fn func(Verification) error) error {
	return d.read(ctx, TableVerification, "identifier -createdAt id", func(r *row) error {
		v := Verification{
			ID:         r.text("id"),
			Identifier: r.text("identifier"),
			Value:      r.optionalText("value"),
			CreatedAt:  r.optionalTime("createdAt"),
			ExpiresAt:  r.time("expiresAt"),
		}
		v.Err = r.err
		return fn(v)
	})
}
