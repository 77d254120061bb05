package server

import (
	"errors"
	"net/http"
	"slices"

	"latchkey/backend/account"
	"latchkey/backend/server/wire"
	"latchkey/backend/useragent"
	"latchkey/shared"
)

func (s *Server) getSession(c call, _ shared.None) (*shared.Current, error) {
	c, err := s.authenticate(c)
	if errors.Is(err, shared.ErrUnauthorized) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	current := &shared.Current{
		Session: sessionOf(c.Session, c.Session.ID), User: userOf(c.User), Permissions: c.Session.Permissions, Language: c.User.Language,
		Remember: c.Session.Remember,
	}
	if due := s.Accounts.EnrollmentDeadline(c.Actor); !due.IsZero() {
		current.EnrollmentDeadline = &shared.Time{Time: due}
	}
	return current, nil
}

func (s *Server) listSessions(c call, _ shared.None) ([]shared.Session, error) {
	sessions, err := s.Accounts.Store.Sessions(c.Context(), c.User.ID, s.Accounts.Now())
	if err != nil {
		return nil, err
	}
	return sessionsOf(sessions, c.Session.ID), nil
}

// sessionsOf converts the sessions of a user to the API's form. It moves the current session
// to the front. The others stay in the order of their activity.
func sessionsOf(sessions []account.Session, current string) []shared.Session {
	list := make([]shared.Session, 0, len(sessions))
	for _, session := range sessions {
		list = append(list, sessionOf(session, current))
	}
	if i := slices.IndexFunc(list, func(s shared.Session) bool { return s.IsCurrent }); i > 0 {
		first := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, first)
	}
	return list
}

func (s *Server) revokeSession(c call, in shared.SessionHandle) (shared.Status, error) {
	if err := s.Accounts.RevokeSession(c.Context(), c.Actor, in.Token); err != nil {
		return shared.Status{}, err
	}
	if in.Token == c.Session.ID {
		s.cookies.clearSession(c.w, c.Request)
	}
	return shared.Status{Status: true}, nil
}

func (s *Server) revokeSessions(c call, _ shared.None) (shared.Status, error) {
	if err := s.Accounts.RevokeAllSessions(c.Context(), c.Actor); err != nil {
		return shared.Status{}, err
	}
	s.cookies.clearSession(c.w, c.Request)
	return shared.Status{Status: true}, nil
}

func (s *Server) revokeOtherSessions(c call, _ shared.None) (shared.Status, error) {
	if err := s.Accounts.RevokeOtherSessions(c.Context(), c.Actor); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

// signOut revokes the sessions whose cookies the browser has, and makes it delete the data that it
// has stored for the site. The cookie that Better Auth has set may be for all hosts of a domain. This
// server cannot clear that, so its session must end, too.
func (s *Server) signOut(c call, _ shared.None) (shared.Success, error) {
	cookie, own := s.cookies.session(c.Request)
	signed, _, imported := s.cookies.signed(c.Request, sessionToken)
	for token, ok := range map[account.Token]bool{cookie.Token: own, signed: imported} {
		if !ok {
			continue
		}
		if err := s.Accounts.SignOut(c.Context(), c.Client, token); err != nil {
			return shared.Success{}, err
		}
	}
	s.cookies.clearSession(c.w, c.Request)
	s.clearSiteData(c.w)
	return shared.Success{Success: true}, nil
}

// clearSiteData makes the browser delete its caches and storage, including the service
// worker's. An application on the same origin (SHARED_ORIGIN) would lose its storage, too. So there
// the browser deletes only what it can load again, and the app deletes the snapshot: see
// [shared.SignedOutCookie].
func (s *Server) clearSiteData(w http.ResponseWriter) {
	if !s.Accounts.Settings.Now().SharedOrigin {
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
		return
	}
	w.Header().Set("Clear-Site-Data", `"cache"`)
	s.cookies.setSignedOut(w, s.Accounts.Now())
}

// clearKeptPages responds to [web.ClearPath]. Other sites must not make the browser load the app again.
func clearKeptPages(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		w.Header().Set("Clear-Site-Data", `"cache"`)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
}

func (s *Server) stepUp(c call, in shared.Proof) (out shared.Status, err error) {
	var token account.Token
	switch {
	case in.Password != nil:
		token, err = s.Accounts.StepUp(c.Context(), c.Actor, *in.Password)
	case in.Code != nil:
		token, err = s.Accounts.StepUpByCode(c.Context(), c.Actor, account.ByTOTP, *in.Code)
	case in.BackupCode != nil:
		token, err = s.Accounts.StepUpByCode(c.Context(), c.Actor, account.ByBackupCode, *in.BackupCode)
	case in.Passkey != nil:
		token, err = s.stepUpByPasskey(c, in.Passkey)
	default:
		err = wire.Invalid("password", "[body.password] Invalid input: expected string, received undefined")
	}
	c.guesses.correct = err == nil
	if err != nil {
		return shared.Status{}, err
	}
	s.cookies.setSession(c.w, c.Session, token)
	return shared.Status{Status: true}, nil
}

func sessionOf(s account.Session, current string) shared.Session {
	out := shared.Session{
		ID: s.ID, Token: s.ID, UserID: s.UserID, IPAddress: s.IP, UserAgent: s.UserAgent, Method: s.Method,
		ExpiresAt: shared.Time{Time: s.ExpiresAt}, CreatedAt: shared.Time{Time: s.CreatedAt},
		UpdatedAt: shared.Time{Time: s.LastActiveAt}, LastActiveAt: shared.Time{Time: s.LastActiveAt},
		IsCurrent: s.ID == current, Device: useragent.Parse(s.UserAgent), ConfirmedAt: shared.Time{Time: s.ConfirmedAt},
		IsNew: s.IsNew, PasskeyName: s.PasskeyName,
	}
	if s.SecondFactorAt != nil {
		by := string(s.SecondFactorBy)
		out.SecondFactorAt, out.SecondFactorBy = &shared.Time{Time: *s.SecondFactorAt}, &by
	}
	return out
}
