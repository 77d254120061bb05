package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/address"
	"latchkey/backend/audit"
	"latchkey/shared"
	"latchkey/shared/message"
)

// maxImage, in bytes, is the longest address of an image.
const maxImage = 2048

// User is an account.
type User struct {
	ID               string `bun:",pk"`
	Email            string // as [address.Parse] returns it
	Name             string
	Image            *string
	EmailVerified    bool
	TwoFactorEnabled bool
	// Handle is 64 random bytes that WebAuthn knows the user by (WebAuthn
	// Level 3, section 5.4.3: it must not tell who the user is).
	Handle     []byte
	Language   string `bun:",nullzero"` // one of [shared.Languages]; empty for as the browser says
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DisabledAt *time.Time // since when nobody can sign in
}

const handleSize = 64

// checkName returns a name as it is kept: "" if there is nothing to see in it.
func checkName(text string, longest int) (string, error) {
	if utf8.RuneCountInString(text) > longest {
		return "", shared.ErrValidation.Saying(fmt.Sprintf("Names have at most %d characters.", longest)).In("name")
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
	Callback              string // where the link leads to by which the address is verified, if it has to be
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

// UserByEmail returns the user of an address in any spelling. An account may be older
// than the rules of [address.Parse], so UserByEmail looks up an address that they
// refuse as well. It fails with [ErrNotFound].
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	parsed, err := address.Parse(email)
	if err != nil {
		parsed = strings.ToLower(email)
	}
	user, _, err := s.Store.UserByEmail(ctx, parsed)
	return user, err
}

// SignUp makes an account and signs it in, or, where addresses have to be
// verified, does not: the session is then empty, the owner of the address gets a
// mail, and nothing tells whether the address had an account already. It fails
// with [shared.ErrUserExists] if it has one, where that is told, and with
// [shared.ErrSignUpDisabled].
func (s *Service) SignUp(ctx context.Context, client Client, n NewUser) (Opened, error) {
	set := s.Settings.Now()
	if !set.SignUpEnabled && n.Invite == "" {
		return Opened{}, shared.ErrSignUpDisabled
	}
	var err error
	if n.Email, err = address.Parse(n.Email); err != nil {
		return Opened{}, inField(err, "email")
	}
	if n.Name, err = checkName(n.Name, shared.MaxName); err != nil {
		return Opened{}, err
	}
	if err := checkImage(n.Image); err != nil {
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
	if set.VerifyEmail == Required && n.Invite == "" {
		return o, s.signUpUnverified(ctx, client, o.User, hashed, n)
	}
	// Who has the link of the first administrator reads what the server prints:
	// they need no mail to come in. Their address is as good as verified where
	// none can go out, or they could not come in again once it has to be.
	o.User.EmailVerified = n.Invite != "" && set.MailAPIKey == ""
	o.Browser = s.newBrowser(o.User.ID, hashed, client.Browser)
	err = s.Store.Tx(ctx, func(tx Store) (err error) {
		if n.Invite != "" { // first, so that an address is told of to who has one only
			if err := s.takeInvite(ctx, tx, n.Invite); err != nil {
				return err
			}
		}
		if err := tx.AddUser(ctx, o.User); err != nil {
			return err
		}
		if n.Invite != "" {
			if err := s.grantAll(ctx, tx, o.User.ID, client); err != nil {
				return err
			}
		}
		if s.mayOpen(o.User) != nil {
			if err := s.wish(ctx, tx, wish{Purpose: purposeVerify, Email: n.Email, Callback: n.Callback, From: client}); err != nil {
				return err
			}
		}
		if err := tx.AddPassword(ctx, Password{UserID: o.User.ID, Hash: hashed, ChangedAt: now}); err != nil {
			return err
		}
		in := userTx{tx, o.User} // nobody else knows of it yet
		if o.Session, o.Token, err = s.newSession(ctx, in, client, MethodPassword, "", n.Remember); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventSignUp, Actor{o.Session, o.User, client}))
	})
	return o, err
}

// errOvertaken is a sign-up that another one of the same address has overtaken.
var errOvertaken = errors.New("another sign-up of this address came first")

// signUpUnverified makes an account that waits for its address to be verified.
// It does the same, and takes as long, if the address has an account.
func (s *Service) signUpUnverified(ctx context.Context, client Client, user User, hash string, n NewUser) error {
	may, err := s.mayRemind(ctx, user.Email)
	if err != nil {
		return err
	}
	err = s.wait(ctx, client, user, hash, n, may)
	if errors.Is(err, errOvertaken) {
		err = s.wait(ctx, client, user, hash, n, may) // there is something to compare with now
	}
	return err
}

// wait makes the account. If one with the address waits already, either of the
// two who have signed up may be a stranger, who would come in by the mail that
// the other opens: unless both have chosen the same password, that of neither is
// good, and whoever reads the mails chooses one.
func (s *Service) wait(ctx context.Context, client Client, user User, hash string, n NewUser, may bool) error {
	_, before, err := s.Store.UserByEmail(ctx, user.Email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	slot, err := s.Hasher.Acquire(ctx)
	if err != nil {
		return err
	}
	same := slot.Verify(cmp.Or(before.Hash, s.Hasher.Decoy()), n.Password)
	slot.Release()
	return s.Store.Tx(ctx, func(tx Store) error {
		e := s.event(audit.EventSignUp, user.ID, client)
		err := tx.AddUser(ctx, user)
		taken := errors.Is(err, shared.ErrUserExists)
		if err != nil && !taken {
			return err
		}
		waiting, err := tx.LockWaitingUser(ctx, user.Email) // of a free address the one just made
		if err != nil {
			return err
		}
		switch {
		case !taken:
			err = tx.AddPassword(ctx, Password{UserID: user.ID, Hash: hash, ChangedAt: s.Now()})
		case waiting != "" && before.Hash == "":
			return errOvertaken
		case same:
			// As many statements as else. Fails if it is not the same any more.
			if err = tx.UsePassword(ctx, waiting, before.Hash); errors.Is(err, shared.ErrCredentials) {
				err = tx.VoidPassword(ctx, waiting)
			}
		default:
			err = tx.VoidPassword(ctx, waiting) // perhaps of nobody
		}
		if err != nil {
			return err
		}
		if taken {
			e.Kind, e.UserID = audit.EventSignUpTaken, ""
		}
		if may {
			if err := s.wish(ctx, tx, wish{Purpose: wishSignUp, Email: user.Email, Callback: n.Callback, From: client}); err != nil {
				return err
			}
		}
		return tx.AddEvent(ctx, s.Keys, e)
	})
}

// UserChange is what to change of an account. What is nil stays.
type UserChange struct {
	Name     *string
	Image    **string // a pointer to nil takes the image away
	Language *string
}

// UpdateUser changes the session's user.
func (s *Service) UpdateUser(ctx context.Context, actor Actor, change UserChange) error {
	if change.Name == nil && change.Image == nil && change.Language == nil {
		return shared.ErrNothingToUpdate
	}
	if change.Name != nil {
		name, err := checkName(*change.Name, shared.MaxName)
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
		return shared.ErrValidation.Saying("Languages are " + strings.Join(shared.Languages, " and ") + ", or nothing for what the browser says.").In("language")
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := in.UpdateUser(ctx, in.User.ID, change, s.Now()); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventUserUpdated, actor))
	})
}

// DeleteUser deletes the session's user and all that is the user's. What
// remains is the audit log, which does not name them.
func (s *Service) DeleteUser(ctx context.Context, actor Actor) error {
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		if err := in.DeleteUser(ctx, in.User.ID); err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventUserDeleted, actor))
	})
}

// AskDeletion mails the session's user a link that deletes their account. It fails
// with [shared.ErrTooManyRequests] after too many.
func (s *Service) AskDeletion(ctx context.Context, actor Actor, callback string) error {
	if err := s.Count(ctx, DeletionMails, actor.Session.UserID); err != nil {
		return err
	}
	return s.inSessionTx(ctx, actor, func(in userTx) error {
		token, err := s.issue(ctx, in, purposeDelete, struct{}{})
		if err != nil {
			return err
		}
		err = s.send(ctx, in, s.mail(in.User, actor.Client, message.MailDeleteAccountSubject,
			say(message.MailDeleteAccount),
			open(s.linkTo(shared.PageEmail, token, cmp.Or(callback, shared.PageHome))),
			say(message.MailIfNotYouEndSession),
			s.occasion(actor.Client)))
		if err != nil {
			return err
		}
		return in.AddEvent(ctx, s.Keys, s.sessionEvent(audit.EventUserDeletionRequested, actor))
	})
}

// DeleteUserByLink is DeleteUser by the token of a link in an email. It fails with
// [shared.ErrToken] if the token is not one of the session's user. A token that
// another user sends is used up.
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
	// UserByEmail returns the user of an address and their password, whose hash
	// is "" if they have none. It fails with [ErrNotFound].
	UserByEmail(ctx context.Context, email string) (User, Password, error)
	// VerifyUser makes the address of a user verified, and reports whether it
	// did: not if it was, or is another by now.
	VerifyUser(ctx context.Context, user, email string, now time.Time) (bool, error)
	// ChangeEmail gives a user another address. It fails with
	// [shared.ErrUserExists] if it is taken.
	ChangeEmail(ctx context.Context, user, email string, verified bool, now time.Time) error
	// UpdateUser fails with [shared.ErrUnauthorized] if there is no such user.
	UpdateUser(ctx context.Context, user string, change UserChange, now time.Time) error
	// LockUser makes whoever else calls it for the user wait until the
	// transaction ends. What touches several rows of a user calls it first, so
	// that no two can wait for each other. It returns the user, and fails with
	// [shared.ErrUnauthorized] if there is none.
	LockUser(ctx context.Context, user string) (User, error)
	// LockWaitingUser is LockUser of an address, if its account waits to be
	// verified and was never signed in to. It returns the user's ID, or "".
	LockWaitingUser(ctx context.Context, email string) (string, error)
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
