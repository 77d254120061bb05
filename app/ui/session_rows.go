package ui

import (
	"slices"

	"latchkey/shared"
)

// A sessionGroup is a part of the list of sessions.
type sessionGroup int

const (
	thisDevice sessionGroup = iota
	newSignIns              // whose sign-ins the user has not answered
	otherSessions
)

// listedSession is a session as the list shows it.
type listedSession struct {
	shared.Session
	Group sessionGroup // stays the same while the row is shown
	Ended bool         // the session has ended since the list was shown
	Open  bool         // its details are shown
	Log   *sessionLog  // its entries of the security log; nil until the user opens the details
}

// sessionLog is what the security log has of one session.
type sessionLog struct {
	Events []shared.Event
	Known  bool
	Wrong  string // why there are none
}

// sessionRows keeps the rows of the list where they are while the user looks at it. Times
// change in place, and a session that has ended is marked. A session that has begun waits
// until the user asks for it.
type sessionRows struct {
	rows    []listedSession
	waiting []shared.Session // began after the list was shown
}

func groupOf(one shared.Session) sessionGroup {
	switch {
	case one.IsCurrent:
		return thisDevice
	case one.IsNew:
		return newSignIns
	}
	return otherSessions
}

// reset shows the sessions of a list, in the order of the list within each group. Details stay
// open.
func (r *sessionRows) reset(list []shared.Session) {
	rows := make([]listedSession, 0, len(list))
	for group := thisDevice; group <= otherSessions; group++ {
		for _, one := range list {
			if groupOf(one) != group {
				continue
			}
			row := listedSession{Session: one, Group: group}
			if old := r.row(one.Token); old != nil {
				row.Open, row.Log = old.Open, old.Log
			}
			rows = append(rows, row)
		}
	}
	r.rows, r.waiting = rows, nil
}

// update changes the rows in place to those of a newer list, and returns the sessions that
// have ended.
func (r *sessionRows) update(list []shared.Session) (ended []shared.Session) {
	r.waiting = nil
	for _, one := range list {
		if row := r.row(one.Token); row != nil {
			row.Session, row.Ended = one, false
		} else {
			r.waiting = append(r.waiting, one)
		}
	}
	for i := range r.rows {
		row := &r.rows[i]
		listed := slices.ContainsFunc(list, func(one shared.Session) bool { return one.Token == row.Token })
		if !listed && !row.Ended {
			row.Ended = true
			ended = append(ended, row.Session)
		}
	}
	return ended
}

// showWaiting shows the sessions that have begun, each at the top of its group, and removes
// those that have ended. It returns the handle of the first one that it shows.
func (r *sessionRows) showWaiting() (first string) {
	r.rows = slices.DeleteFunc(r.rows, func(row listedSession) bool { return row.Ended })
	for _, one := range slices.Backward(r.waiting) {
		group := groupOf(one)
		at := slices.IndexFunc(r.rows, func(row listedSession) bool { return row.Group >= group })
		if at < 0 {
			at = len(r.rows)
		}
		r.rows = slices.Insert(r.rows, at, listedSession{Session: one, Group: group})
	}
	for _, row := range r.rows {
		if slices.ContainsFunc(r.waiting, func(one shared.Session) bool { return one.Token == row.Token }) {
			first = row.Token
			break
		}
	}
	r.waiting = nil
	return first
}

// row returns the row of a session, or nil if there is none.
func (r *sessionRows) row(handle string) *listedSession {
	for i := range r.rows {
		if r.rows[i].Token == handle {
			return &r.rows[i]
		}
	}
	return nil
}
