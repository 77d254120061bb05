package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"latchkey/shared"
)

const (
	maxEmail = 254  // RFC 5321, section 4.5.3.1, less the angle brackets
	maxName  = 100  // characters; the longest that fits a line of the page
	maxImage = 2048 // bytes of an address
)

// User is an account.
type User struct {
	ID               string `bun:",pk"`
	Email            string // lower case
	Name             string
	Image            *string
	EmailVerified    bool
	TwoFactorEnabled bool
	// Handle is 64 random bytes that WebAuthn knows the user by (WebAuthn
	// Level 3, section 5.4.3: it must not tell who the user is).
	Handle     []byte
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DisabledAt *time.Time // since when nobody can sign in
}

const handleSize = 64

// emailForm is Better Auth's.
var emailForm = regexp.MustCompile(`^(?:[A-Za-z0-9_'+\-]+\.)*[A-Za-z0-9_'+\-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$`)

// ValidEmail reports whether s has the form of an e-mail address.
func ValidEmail(s string) bool { return len(s) <= maxEmail && emailForm.MatchString(s) }

func checkName(name string) error {
	if utf8.RuneCountInString(name) > maxName {
		return shared.ErrValidation.Saying(fmt.Sprintf("Names have at most %d characters.", maxName)).In("name")
	}
	return checkVisible(name)
}

// checkVisible refuses names with characters that do something to those around
// them, such as turning the line. Two that do not show are part of words and of
// emoji (U+200C, U+200D).
func checkVisible(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d' }) {
		return shared.ErrValidation.Saying("Names cannot contain control characters.").In("name")
	}
	return nil
}

func checkImage(image *string) error {
	if image == nil {
		return nil
	}
	u, err := url.Parse(*image)
	if err != nil || len(*image) > maxImage || !slices.Contains([]string{"https", "http", "data", ""}, u.Scheme) {
		return shared.ErrValidation.Saying(fmt.Sprintf("An image is the address of one (https://…), of at most %d bytes.", maxImage)).In("image")
	}
	return nil
}

// NewUser is what a sign-up says.
type NewUser struct {
	Email, Name, Password string
	Image                 *string
	Remember              bool
	Invite                string // of the first administrator; empty for others
}

// Opened is a session that has just been opened, and what the browser is to
// keep of it.
type Opened struct {
	Session Session
	Token   Token
	Browser KnownBrowser
	Trust   TrustTokens // empty to keep what it has
	User    User
}

// SignUp makes an account and signs it in. It fails with
// [shared.ErrUserExists] if the address has one.
func (s *Service) SignUp(ctx context.Context, from Client, n NewUser) (Opened, error) {
	if !ValidEmail(n.Email) {
		return Opened{}, shared.ErrInvalidEmail.In("email")
	}
	n.Email = strings.ToLower(n.Email)
	if err := errors.Join(checkName(n.Name), checkImage(n.Image)); err != nil {
		return Opened{}, err
	}
	if err := checkNewPassword(n.Password, n.Email, n.Name); err != nil {
		return Opened{}, inField(err, "password")
	}
	hashed, err := s.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return Opened{}, err
	}
	now := s.Now()
	handle := make([]byte, handleSize)
	rand.Read(handle)
	o := Opened{User: User{ID: rand.Text(), Email: n.Email, Name: n.Name, Image: n.Image, Handle: handle, CreatedAt: now, UpdatedAt: now}}
	o.Browser = s.newBrowser(o.User.ID, hashed, from.Browser)
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if err := tx.AddUser(ctx, o.User); err != nil {
			return err
		}
		if n.Invite != "" {
			if err := s.takeInvite(ctx, tx, n.Invite, o.User.ID); err != nil {
				return err
			}
		}
		if err := tx.AddPassword(ctx, Password{UserID: o.User.ID, Hash: hashed, ChangedAt: now}); err != nil {
			return err
		}
		in := locked{tx, o.User} // nobody else knows of it yet
		if o.Session, o.Token, err = s.openSession(ctx, in, from, MethodPassword, "", n.Remember); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(EventSignUp, o.Session, from))
	})
	return o, err
}

// UserChange is what to change of an account. What is nil stays.
type UserChange struct {
	Name  *string
	Image **string // a pointer to nil takes the image away
}

// UpdateUser changes the session's user.
func (s *Service) UpdateUser(ctx context.Context, session Session, from Client, change UserChange) error {
	if change.Name == nil && change.Image == nil {
		return shared.ErrNothingToUpdate
	}
	if change.Name != nil {
		if err := checkName(*change.Name); err != nil {
			return err
		}
	}
	if change.Image != nil {
		if err := checkImage(*change.Image); err != nil {
			return err
		}
	}
	return s.deed(ctx, session, func(in locked) error {
		if err := in.UpdateUser(ctx, session.UserID, change, s.Now()); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(EventUserUpdated, session, from))
	})
}

// DeleteUser deletes the session's user and all that is the user's. What
// remains is the audit log, which does not name them.
func (s *Service) DeleteUser(ctx context.Context, session Session, from Client) error {
	return s.deed(ctx, session, func(in locked) error {
		if err := in.DeleteUser(ctx, session.UserID); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(EventUserDeleted, session, from))
	})
}

// inField says which input a shared error is the fault of. That something is not
// available is none's.
func inField(err error, field string) error {
	var e *shared.Error
	if errors.As(err, &e) && e.Field == "" && !errors.Is(err, shared.ErrUnavailable) {
		return e.In(field)
	}
	return err
}

type userStore interface {
	// AddUser fails with [shared.ErrUserExists] if the address is taken.
	AddUser(ctx context.Context, u User) error
	// UserByID fails with [ErrNotFound] if there is no such user.
	UserByID(ctx context.Context, id string) (User, error)
	// UserByEmail returns the user of an address and the hash of their
	// password, "" if they have none. It fails with [ErrNotFound].
	UserByEmail(ctx context.Context, email string) (User, string, error)
	// UpdateUser fails with [shared.ErrUnauthorized] if there is no such user.
	UpdateUser(ctx context.Context, user string, change UserChange, now time.Time) error
	// LockUser makes whoever else calls it for the user wait until the
	// transaction ends. What touches several rows of a user calls it first, so
	// that no two can wait for each other. It returns the user, and fails with
	// [shared.ErrUnauthorized] if there is none.
	LockUser(ctx context.Context, user string) (User, error)
	// DeleteUser deletes a user and all that is theirs. It fails with
	// [shared.ErrUnauthorized] if it is gone already.
	DeleteUser(ctx context.Context, user string) error
	// AnyGrant reports whether anybody has the permission.
	AnyGrant(ctx context.Context, permission string) (bool, error)
	// UserPermissions returns those that a user has.
	UserPermissions(ctx context.Context, user string) ([]string, error)
	// UsersWith returns the users who have a permission.
	UsersWith(ctx context.Context, permission string) ([]User, error)
	// Grant gives a user a permission, or lets it be if they have it.
	Grant(ctx context.Context, user, permission string) error
	// Revoke takes a permission from a user. It fails with [ErrNotFound] if the
	// user does not have it.
	Revoke(ctx context.Context, user, permission string) error
}
