package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/mail"
	"latchkey/shared"
)

// maxImage is the maximum length of an image's address, in bytes. Front ends such as
// better-auth-ui store a small picture as a data URL. Each get-session returns it, so a larger
// picture needs a server of its own.
const maxImage = 4096

// User is an account. It is a row of the table users. Each field is a column with the
// field's name in snake_case, which a file in backend/store/migrations adds.
type User struct {
	ID               string `bun:",pk"`
	Email            string // as [address.Parse] returns it
	Name             string
	Image            *string
	EmailVerified    bool
	TwoFactorEnabled bool
	// Handle is the user's 64 random bytes for WebAuthn (Level 3, section 5.4.3: it must not
	// reveal who the user is).
	Handle     []byte
	Language   string `bun:",nullzero"` // one of [shared.Languages]; empty for the browser's
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DisabledAt *time.Time // when the account was disabled; nil if it is enabled
}

// NewUserID returns a new [User.ID].
func NewUserID() string { return rand.Text() }

// newHandle returns a new [User.Handle].
func newHandle() []byte {
	handle := make([]byte, maxHandle)
	rand.Read(handle)
	return handle
}

// checkName returns the name of a user or passkey in its stored form, or "" if it has no
// visible characters. It fails with [shared.ErrNameTooLong] and [shared.ErrNameControls], which
// are about the field "name".
func checkName(text string) (string, error) {
	if utf8.RuneCountInString(text) > shared.MaxName {
		return "", shared.ErrNameTooLong
	}
	name, ok := shared.ParseName(text)
	if !ok {
		return "", shared.ErrNameControls
	}
	return name, nil
}

func checkImage(image *string) error {
	if image == nil {
		return nil
	}
	u, err := url.Parse(*image)
	if err != nil || len(*image) > maxImage || !slices.Contains([]string{"https", "http", "data", ""}, u.Scheme) {
		const rule = "An image must be a URL (https://…) of at most %d bytes."
		return shared.ErrValidation.WithMessage(fmt.Sprintf(rule, maxImage)).In("image")
	}
	return nil
}

// UserByEmail returns the user of an email address in any spelling. An account may be older
// than the rules of [address.Parse], so UserByEmail also looks up addresses that Parse
// refuses. It fails with [ErrNotFound].
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	parsed, err := address.Parse(email)
	if err != nil {
		parsed = strings.ToLower(email)
	}
	user, _, err := s.Store.UserByEmail(ctx, parsed)
	return user, err
}

// UserChange describes a change of an account. Fields that are nil do not change.
type UserChange struct {
	Name     *string
	Image    **string // a pointer to nil removes the image
	Language *string
}

// UpdateUser changes the session's user. It records nothing if nothing differs.
func (s *Service) UpdateUser(ctx context.Context, actor Actor, change UserChange) error {
	if change == (UserChange{}) {
		return shared.ErrNothingToUpdate
	}
	if change.Name != nil {
		name, err := checkName(*change.Name)
		if err != nil {
			return err
		}
		change.Name = &name
	}
	if change.Image != nil {
		if err := checkImage(*change.Image); err != nil {
			return err
		}
	}
	if l := change.Language; l != nil && *l != "" && !slices.Contains(shared.Languages, *l) {
		languages := strings.Join(shared.Languages, " and ")
		return shared.ErrValidation.WithMessage("The language must be " + languages + ", or empty for the browser's language.").In("language")
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		members := changes(in.User, change)
		if len(members) == 0 {
			return nil
		}
		if err := in.UpdateUser(ctx, in.User.ID, change, s.Now()); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.withPersonal(s.sessionEvent(shared.EventUserUpdated, actor), in.User, members))
	})
}

// changes returns what differs after a change of a user, as members of a detail.
func changes(user User, change UserChange) map[string]string {
	members := map[string]string{}
	if change.Name != nil && *change.Name != user.Name {
		members[DetailNameBefore], members[DetailNameAfter] = user.Name, *change.Name
	}
	if change.Language != nil && *change.Language != user.Language {
		members[DetailLanguageBefore], members[DetailLanguageAfter] = user.Language, *change.Language
	}
	if change.Image != nil && textOf(*change.Image) != textOf(user.Image) {
		members[DetailImage] = "changed"
		if textOf(*change.Image) == "" {
			members[DetailImage] = "removed"
		}
	}
	return members
}

// textOf returns the text that p points to, or "" if p is nil.
func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// DeleteUser deletes the session's user and all data of the user, and sends a last email.
// Only the audit log remains, which does not name the user. It fails with
// [shared.ErrLastAdministrator].
func (s *Service) DeleteUser(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error { return s.deleteUser(ctx, in, actor) })
}

// DeleteUserByPasskey is DeleteUser, confirmed by a passkey. It fails as
// [Service.StepUpByPasskey] does, too.
func (s *Service) DeleteUserByPasskey(ctx context.Context, actor Actor, browser Token, response json.RawMessage) error {
	return s.withPasskey(ctx, actor, browser, response, func(in userTx) error { return s.deleteUser(ctx, in, actor) })
}

func (s *Service) deleteUser(ctx context.Context, in userTx, actor Actor) error {
	if err := in.DeleteUser(ctx, in.User.ID, requiredPermissions...); err != nil {
		return err
	}
	if err := s.send(ctx, in, s.compose(in.User, actor.Client, mail.AccountDeleted)); err != nil {
		return err
	}
	return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventUserDeleted, actor))
}

// RequestDeletion sends the session's user an email with a link that deletes the account. It
// fails with [shared.ErrTooManyRequests] after too many requests, and with
// [shared.ErrLastAdministrator] if the link would not work.
func (s *Service) RequestDeletion(ctx context.Context, actor Actor, callback string) error {
	if err := s.Allow(ctx, DeletionLimit, actor.Session.UserID); err != nil {
		return err
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		if last, err := in.IsLastHolder(ctx, in.User.ID, requiredPermissions...); err != nil {
			return err
		} else if last {
			return shared.ErrLastAdministrator
		}
		token, err := s.issueToken(ctx, in, purposeDelete, struct{}{})
		if err != nil {
			return err
		}
		if err := s.send(ctx, in, s.compose(in.User, actor.Client, mail.DeleteAccount{Link: s.linkToEmailPage(token, callback)})); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(shared.EventUserDeletionRequested, actor))
	})
}

// DeleteUserByLink deletes the session's user with the token of such a link. It uses the
// token up, even if it then fails with [shared.ErrToken] because the token belongs to
// another user.
func (s *Service) DeleteUserByLink(ctx context.Context, actor Actor, link string) error {
	token, ok := ParseToken(link)
	if !ok {
		return shared.ErrToken
	}
	t, err := s.Store.TakeOneTimeToken(ctx, token.Hash(), purposeDelete, s.Now())
	if errors.Is(err, ErrNotFound) || err == nil && t.UserID != actor.Session.UserID {
		return shared.ErrToken
	} else if err != nil {
		return err
	}
	return s.DeleteUser(ctx, actor)
}

// inField sets the input field of a shared error that has none. [shared.ErrUnavailable]
// concerns no field.
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
	// UserByEmail returns the user of an address and the user's password, whose hash is ""
	// if there is none. It fails with [ErrNotFound].
	UserByEmail(ctx context.Context, email string) (User, Password, error)
	// VerifyUser marks a user's address as verified. It reports whether it did: not if the
	// address was verified already or has changed.
	VerifyUser(ctx context.Context, user, email string, now time.Time) (bool, error)
	// ChangeEmail changes a user's address. It fails with [shared.ErrUserExists] if the new
	// one is taken.
	ChangeEmail(ctx context.Context, user, email string, verified bool, now time.Time) error
	// UpdateUser fails with [shared.ErrUnauthorized] if there is no such user.
	UpdateUser(ctx context.Context, user string, change UserChange, now time.Time) error
	// LockUser locks a user until the transaction ends, and returns it. A transaction that
	// changes several rows of a user calls it first, which prevents deadlocks. It fails with
	// [shared.ErrUnauthorized] if there is no such user.
	LockUser(ctx context.Context, user string) (User, error)
	// LockWaitingUser locks the user of an address whose account waits for verification and
	// was never signed in to. It returns the user's ID, or "" if there is none.
	LockWaitingUser(ctx context.Context, email string) (string, error)
	// DeleteUser deletes a user and all data of the user. Errors:
	//   - [shared.ErrUnauthorized]: there is no such user
	//   - [shared.ErrLastAdministrator]: the user is the last enabled one with one of the
	//     required permissions; of several such users at once, one stays
	DeleteUser(ctx context.Context, user string, required ...string) error
	// IsLastHolder reports whether a user is the last enabled one with one of the
	// permissions. The answer may change at once: DeleteUser decides.
	IsLastHolder(ctx context.Context, user string, permissions ...string) (bool, error)
	// CountUnverified returns how many users have not verified their address and can sign in.
	CountUnverified(ctx context.Context) (int, error)
	// AnyGrant reports whether any user has the permission.
	AnyGrant(ctx context.Context, permission string) (bool, error)
	// UserPermissions returns the permissions of a user.
	UserPermissions(ctx context.Context, user string) ([]string, error)
	// UsersWith returns the users who have a permission.
	UsersWith(ctx context.Context, permission string) ([]User, error)
	// Grant gives a user a permission. It does nothing if the user has it.
	Grant(ctx context.Context, user, permission string) error
	// Revoke takes a permission from a user. It fails with [ErrNotFound] if the user does
	// not have it.
	Revoke(ctx context.Context, user, permission string) error
}
