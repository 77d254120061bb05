package ui

import (
	"errors"
	"slices"
	"time"

	"latchkey/app/client"
	"latchkey/shared"
)

// identity is the signed-in user, as far as the page knows.
type identity struct {
	user        *shared.User // nil if no user is signed in, or the page does not know yet
	confirmedAt time.Time    // when the server last confirmed it, by this browser's clock
	since       time.Time    // when the session began; zero if unknown
	problem     error        // why the user is unknown

	permissions []string
	language    string       // the user's choice; "" for the browser's
	enrollBy    *shared.Time // the deadline for a second factor; nil if the user has one or needs none

	// version counts the changes of user. Responses to calls from an earlier version are
	// ignored.
	version int
}

// account returns the ID of the user, or "".
func (i *identity) account() string {
	if i.user == nil {
		return ""
	}
	return i.user.ID
}

// setUser sets the user of the page, as the server confirmed at a time.
func (i *identity) setUser(user shared.User, at time.Time) {
	i.user, i.confirmedAt, i.problem = &user, at, nil
}

// signIn is [identity.setUser] for a user who has just signed in. The start of the session is
// unknown until the page fetches the session.
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

// expired reports whether there is a user whom the server has not confirmed for too long.
func (i *identity) expired() bool { return i.user != nil && expired(i.confirmedAt) }

// overdue reports whether the user can do nothing but enroll a second factor.
func (i *identity) overdue(now time.Time) bool { return i.enrollBy != nil && !i.enrollBy.After(now) }

// may reports whether the user has a permission.
func (i *identity) may(permission string) bool { return slices.Contains(i.permissions, permission) }

// A sessionAnswer is the meaning of the server's response about the session.
type sessionAnswer int

const (
	answerVoid      sessionAnswer = iota // the response is outdated, or the server failed
	answerOffline                        // there was no response
	answerSignedIn                       // the user is now known
	answerEnded                          // the page or a snapshot shows a user, and no user is signed in
	answerSignedOut                      // no user is signed in
)

// answer records the server's response to a fetch of the session that began at a version.
// hasSnapshot reports whether the browser stores a snapshot.
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
		i.setCurrent(current)
		return answerSignedIn
	case i.user != nil || hasSnapshot():
		return answerEnded
	}
	return answerSignedOut
}

// setCurrent sets the session and the user of a response of the server.
func (i *identity) setCurrent(current *shared.Current) {
	i.setUser(current.User, time.Now())
	i.since = current.Session.CreatedAt.Time
	i.permissions, i.enrollBy = current.Permissions, current.EnrollmentDeadline
}

// useSnapshot sets the user of a snapshot, because the server cannot be reached.
func (i *identity) useSnapshot(k *snapshot) {
	i.setUser(k.User, k.At.Time)
	i.since, i.language = k.Since.Time, k.Language
}
