package ui

import (
	"errors"
	"slices"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// identity is who is signed in, as far as the page knows.
type identity struct {
	user        *shared.User // nil if no user is, or it is not known yet
	confirmedAt time.Time    // when the server last said so, by this browser's clock
	since       time.Time    // when the session began; zero if that is not known
	problem     error        // why the user is not known

	permissions []string
	language    string       // that the user chose; "" for the browser's
	enrollBy    *shared.Time // when the user must have a second factor; nil if they have, or need none

	// version counts the changes of user: answers to questions from before are void.
	version int
}

// account is the id of the user, or "".
func (i *identity) account() string {
	if i.user == nil {
		return ""
	}
	return i.user.ID
}

// setUser makes user the one whose page this is, as the server said at a time.
func (i *identity) setUser(user shared.User, at time.Time) {
	i.user, i.confirmedAt, i.problem = &user, at, nil
}

// signIn is [identity.setUser] for a user who has just signed in. The server is yet
// to tell when the session began.
func (i *identity) signIn(user shared.User, at time.Time) {
	i.setUser(user, at)
	i.since = time.Time{}
	i.version++
}

// clearUser forgets the user.
func (i *identity) clearUser() {
	i.user, i.since, i.permissions, i.enrollBy = nil, time.Time{}, nil, nil
	i.version++
}

// expired reports whether there is a user of whom the server has not been heard for
// too long.
func (i *identity) expired() bool { return i.user != nil && expired(i.confirmedAt) }

// overdue reports whether the user can do nothing but get a second factor.
func (i *identity) overdue(now time.Time) bool { return i.enrollBy != nil && !i.enrollBy.After(now) }

// may reports whether the user has a permission.
func (i *identity) may(permission string) bool { return slices.Contains(i.permissions, permission) }

// A sessionAnswer is what the server's answer about the session means.
type sessionAnswer int

const (
	answerVoid      sessionAnswer = iota // the question is outdated, or the server failed
	answerOffline                        // there was none
	answerSignedIn                       // the user is known now
	answerEnded                          // the page or a snapshot shows a user, and no user is signed in
	answerSignedOut                      // no user is signed in
)

// answer takes the server's answer to the question who is signed in, which was asked
// at a version. hasSnapshot reports whether the browser keeps a snapshot.
func (i *identity) answer(version int, current *shared.Current, err error, hasSnapshot func() bool) sessionAnswer {
	if version != i.version {
		return answerVoid
	}
	i.problem = err
	switch {
	case errors.Is(err, client.ErrOffline):
		return answerOffline
	case err != nil:
		return answerVoid
	case current != nil:
		i.setUser(current.User, time.Now())
		i.since = current.Session.CreatedAt.Time
		i.permissions, i.enrollBy = current.Permissions, current.EnrollmentDeadline
		return answerSignedIn
	case i.user != nil || hasSnapshot():
		return answerEnded
	}
	return answerSignedOut
}

// useSnapshot takes the user of a snapshot, because the server cannot be asked.
func (i *identity) useSnapshot(k *snapshot) {
	i.setUser(k.User, k.At.Time)
	i.since = k.Since.Time
}
