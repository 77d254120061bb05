package server

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"latchkey/shared"
)

func (s *Server) requestPasswordReset(c call, in shared.ResetRequest) (shared.ResetRequested, error) {
	if err := s.Accounts.RequestPasswordReset(c.Context(), c.Client, in.Email, in.RedirectTo); err != nil {
		return shared.ResetRequested{}, err
	}
	return shared.ResetRequested{Status: true, Message: "If this email exists in our system, check your email for the reset link"}, nil
}

// openPasswordReset redirects a link to the page that asks for the new password. It does
// not consume the token, because that page may be loaded twice.
func (s *Server) openPasswordReset(c call, in shared.Callback) (shared.None, error) {
	if in.CallbackURL == "" {
		return shared.None{}, redirect(originOf(s.Origin) + withQuery(shared.PageEmail, "error", shared.ErrToken.Code))
	}
	return shared.None{}, s.redirectToReset(c, c.PathValue("token"), in.CallbackURL)
}

// redirectToReset returns a [redirect] to the page that asks for a new password, with the
// token or, if that is invalid, with an error code.
func (s *Server) redirectToReset(c call, token, to string) error {
	if strings.HasPrefix(to, "/") {
		to = originOf(s.Origin) + to
	}
	if err := s.Accounts.CheckResetToken(c.Context(), token); err != nil {
		_, err = redirectToCallback(shared.None{}, asInvalidToken(err), to)
		return err
	}
	return redirect(withQuery(to, "token", token))
}

func (s *Server) resetPassword(c call, in shared.PasswordReset) (shared.Status, error) {
	token := c.URL.Query().Get("token")
	if in.Token != nil {
		token = *in.Token
	}
	return linkStatus(asInvalidToken(s.Accounts.ResetPassword(c.Context(), c.Client, token, in.NewPassword)))
}

// checkLink reports whether a link works, or why not: it was used, has expired, or is
// invalid. It does not consume the token.
func (s *Server) checkLink(c call, in shared.LinkCheck) (out shared.CheckedLink, err error) {
	if in.Purpose == shared.LinkReportNotMe {
		err = s.Accounts.CheckReportToken(c.Context(), in.Token)
	} else {
		out.Email, err = s.Accounts.ResetTokenEmail(c.Context(), in.Token)
	}
	status, err := linkStatus(err)
	out.Status = status.Status
	return out, err
}

// linkStatus returns the response of an endpoint that only succeeds or fails. The status
// of an invalid token is 400.
func linkStatus(err error) (shared.Status, error) {
	for _, e := range []error{shared.ErrToken, shared.ErrTokenUsed, shared.ErrTokenExpired, shared.ErrTokenSuperseded} {
		if errors.Is(err, e) {
			err = withStatus(http.StatusBadRequest, err)
		}
	}
	return shared.Status{Status: err == nil}, err
}

// asInvalidToken replaces the errors of used, expired and revoked tokens by
// [shared.ErrToken], the only one that Better Auth has.
func asInvalidToken(err error) error {
	if errors.Is(err, shared.ErrTokenUsed) || errors.Is(err, shared.ErrTokenExpired) || errors.Is(err, shared.ErrTokenSuperseded) {
		return shared.ErrToken
	}
	return err
}

func (s *Server) sendVerificationEmail(c call, in shared.EmailRequest) (shared.Status, error) {
	signedIn, err := s.authenticate(c)
	if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
		return shared.Status{}, err
	}
	err = s.Accounts.RequestVerification(c.Context(), signedIn.Actor, in.Email, in.CallbackURL)
	return shared.Status{Status: err == nil}, err
}

func (s *Server) changeEmail(c call, in shared.EmailChange) (shared.Status, error) {
	err := s.Accounts.RequestEmailChange(c.Context(), c.Actor, in.NewEmail, in.CallbackURL)
	return shared.Status{Status: err == nil}, err
}

func (s *Server) resendEmailChange(c call, _ shared.None) (shared.Status, error) {
	err := s.Accounts.ResendEmailChange(c.Context(), c.Actor)
	return shared.Status{Status: err == nil}, err
}

func (s *Server) cancelEmailChange(c call, _ shared.None) (shared.Status, error) {
	err := s.Accounts.CancelEmailChange(c.Context(), c.Actor)
	return shared.Status{Status: err == nil}, err
}

func (s *Server) verifyEmail(c call, in shared.EmailLink) (out shared.EmailVerified, err error) {
	if err := cmp.Or(refuseHead(c), requireScript(c, in)); err != nil {
		return out, err
	}
	signedIn, err := s.authenticate(c)
	if err != nil && !errors.Is(err, shared.ErrUnauthorized) {
		return out, err
	}
	user, err := s.Accounts.VerifyEmail(c.Context(), signedIn.Actor, in.Token)
	if errors.Is(err, shared.ErrToken) || errors.Is(err, shared.ErrTokenUsed) || errors.Is(err, shared.ErrTokenSuperseded) {
		err = withStatus(http.StatusUnauthorized, shared.ErrToken)
	}
	if user != nil {
		changed := userOf(*user)
		out.User = &changed
	}
	out.Status = true
	return redirectToCallback(out, err, in.CallbackURL)
}

func (s *Server) deleteUserCallback(c call, in shared.EmailLink) (shared.Deleted, error) {
	if err := cmp.Or(refuseHead(c), requireScript(c, in)); err != nil {
		return shared.Deleted{}, err
	}
	signedIn, err := s.authenticate(c)
	if errors.Is(err, shared.ErrUnauthorized) {
		return redirectToCallback(shared.Deleted{}, shared.ErrUserInfo, in.CallbackURL)
	} else if err != nil {
		return shared.Deleted{}, err
	} else if s.enrollmentDue(signedIn) {
		return redirectToCallback(shared.Deleted{}, shared.ErrEnrollmentDue, in.CallbackURL)
	}
	out, err := s.respondDeleted(c, s.Accounts.DeleteUserByLink(c.Context(), signedIn.Actor, in.Token))
	return redirectToCallback(out, err, in.CallbackURL)
}

func (s *Server) reportNotMe(c call, in shared.LinkToken) (shared.NotMeReport, error) {
	reset, err := s.Accounts.ReportNotMe(c.Context(), c.Client, in.Token)
	status, err := linkStatus(asInvalidToken(err))
	return shared.NotMeReport{Status: status.Status, Token: string(reset)}, err
}

// refuseHead fails for HEAD, which email programs send to check a link. HEAD must not
// consume the token.
func refuseHead(c call) error {
	if c.Method == http.MethodHead {
		return shared.ErrMethod
	}
	return nil
}

// redirectToCallback returns a [redirect] to the callback of a link, if it has one, with
// the code of err in the query. If the server is at fault, it returns err itself, so that
// the user can open the link again.
func redirectToCallback[Out any](out Out, err error, callback string) (Out, error) {
	if callback == "" {
		return out, err
	}
	if err == nil {
		return out, redirect(callback)
	}
	e, ok := errors.AsType[*shared.Error](err)
	if !ok || errors.Is(err, shared.ErrUnavailable) {
		return out, err
	}
	return out, redirect(withQuery(callback, "error", e.Code))
}

// withQuery returns an address with a parameter added to its query. It changes nothing
// else. The address must be one that [Server.mayRedirectTo] accepts.
func withQuery(address, name, value string) string {
	address, fragment, found := strings.Cut(address, "#")
	if found {
		fragment = "#" + fragment
	}
	sign := "?"
	if strings.Contains(address, "?") {
		sign = "&"
	}
	return address + sign + name + "=" + url.QueryEscape(value) + fragment
}
