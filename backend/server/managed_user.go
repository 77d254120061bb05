package server

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/backend/account"
	"latchkey/shared"
)

// pageSize is how many rows a page of a list has.
const pageSize = 50

func (s *Server) listUsers(c call, in shared.UserQuery) (out shared.UserPage, err error) {
	users, err := s.Accounts.Store.ManagedUsers(
		c.Context(),
		account.UserFilter{Search: in.Search, After: in.After, Limit: pageSize + 1},
		s.Accounts.Now(),
	)
	if err != nil {
		return out, err
	}
	if len(users) > pageSize {
		users = users[:pageSize]
		out.Next = users[pageSize-1].Email
	}
	out.Users = make([]shared.ManagedUser, len(users))
	for i, u := range users {
		out.Users[i] = shared.ManagedUser{
			User: userOf(u.User), Passkeys: u.Passkeys, Sessions: u.Sessions, Permissions: append([]string{}, u.Permissions...),
			LastActiveAt: timeOf(u.LastActiveAt), DisabledAt: timeOf(u.DisabledAt),
		}
	}
	return out, nil
}

func (s *Server) resetFactors(c call, _ shared.None) (shared.Status, error) {
	return manage(c, s.Accounts.ResetFactors)
}

func (s *Server) revokeUserSessions(c call, _ shared.None) (shared.Status, error) {
	return manage(c, s.Accounts.RevokeUserSessions)
}

func (s *Server) disableUser(c call, _ shared.None) (shared.Status, error) {
	return manage(c, s.Accounts.DisableUser)
}

func (s *Server) enableUser(c call, _ shared.None) (shared.Status, error) {
	return manage(c, s.Accounts.EnableUser)
}

// manage applies an administrator's action to the account that the path names.
func manage(c call, action func(context.Context, account.Actor, string) error) (shared.Status, error) {
	id := c.PathValue("id")
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) { // no database accepts it
		return shared.Status{}, shared.ErrNoSuchUser
	}
	err := action(c.Context(), c.Actor, id)
	return shared.Status{Status: err == nil}, err
}

func timeOf(t *time.Time) *shared.Time {
	if t == nil {
		return nil
	}
	return &shared.Time{Time: *t}
}
