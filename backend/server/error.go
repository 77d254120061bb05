package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"latchkey/shared"
)

// statuses maps every error of the API to its HTTP status.
var statuses = map[*shared.Error]int{
	shared.ErrBadRequest:       http.StatusBadRequest,
	shared.ErrValidation:       http.StatusBadRequest,
	shared.ErrFieldRequired:    http.StatusBadRequest,
	shared.ErrMediaType:        http.StatusUnsupportedMediaType,
	shared.ErrTooLarge:         http.StatusRequestEntityTooLarge,
	shared.ErrNotFound:         http.StatusNotFound,
	shared.ErrMethod:           http.StatusMethodNotAllowed,
	shared.ErrHost:             http.StatusMisdirectedRequest,
	shared.ErrInternal:         http.StatusInternalServerError,
	shared.ErrUnavailable:      http.StatusServiceUnavailable,
	shared.ErrTooManyRequests:  http.StatusTooManyRequests,
	shared.ErrTooManyPasswords: http.StatusTooManyRequests,

	shared.ErrAppTooOld:    http.StatusBadRequest,
	shared.ErrOtherAccount: http.StatusConflict,

	shared.ErrNoOrigin:           http.StatusForbidden,
	shared.ErrOrigin:             http.StatusForbidden,
	shared.ErrCrossSite:          http.StatusForbidden,
	shared.ErrCallbackURL:        http.StatusForbidden,
	shared.ErrRedirectURL:        http.StatusForbidden,
	shared.ErrErrorCallbackURL:   http.StatusForbidden,
	shared.ErrNewUserCallbackURL: http.StatusForbidden,
	shared.ErrUnauthorized:       http.StatusUnauthorized,
	shared.ErrNotFresh:           http.StatusForbidden,
	shared.ErrForbidden:          http.StatusForbidden,
	shared.ErrConfirmDeletion:    http.StatusForbidden,
	shared.ErrSessionEnded:       http.StatusNotFound,
	shared.ErrCredentials:        http.StatusUnauthorized,
	shared.ErrToken:              http.StatusNotFound,
	shared.ErrInvite:             http.StatusForbidden,

	shared.ErrNotVerified:    http.StatusForbidden,
	shared.ErrDisabled:       http.StatusForbidden,
	shared.ErrNewPasswordDue: http.StatusForbidden,
	shared.ErrEnrollmentDue:  http.StatusForbidden,

	shared.ErrTokenExpired:    http.StatusUnauthorized,
	shared.ErrTokenUsed:       http.StatusGone,
	shared.ErrTokenSuperseded: http.StatusGone,
	shared.ErrUserNotFound:    http.StatusUnauthorized,
	shared.ErrInvalidUser:     http.StatusUnauthorized,
	shared.ErrUserInfo:        http.StatusNotFound,
	shared.ErrEmailMismatch:   http.StatusBadRequest,
	shared.ErrVerified:        http.StatusBadRequest,
	shared.ErrSameEmail:       http.StatusBadRequest,
	shared.ErrNoEmailChange:   http.StatusBadRequest,

	shared.ErrTwoFactorRequired:     http.StatusForbidden,
	shared.ErrNoPendingSignIn:       http.StatusUnauthorized,
	shared.ErrTooManyCodes:          http.StatusBadRequest,
	shared.ErrLockedOut:             http.StatusTooManyRequests,
	shared.ErrInvalidCode:           http.StatusUnauthorized,
	shared.ErrInvalidBackupCode:     http.StatusUnauthorized,
	shared.ErrTOTPNotEnabled:        http.StatusBadRequest,
	shared.ErrTOTPEnabled:           http.StatusBadRequest,
	shared.ErrLastSecondFactor:      http.StatusConflict,
	shared.ErrTwoFactorNotEnabled:   http.StatusBadRequest,
	shared.ErrBackupCodesNotEnabled: http.StatusBadRequest,
	shared.ErrOTPNotConfigured:      http.StatusBadRequest,
	shared.ErrOTPExpired:            http.StatusBadRequest,

	shared.ErrPasskeyChallenge:  http.StatusBadRequest,
	shared.ErrPasskeyOfAnother:  http.StatusUnauthorized,
	shared.ErrPasskeyRegistered: http.StatusConflict,
	shared.ErrRegistration:      http.StatusBadRequest,
	shared.ErrAuthentication:    http.StatusBadRequest,
	shared.ErrPasskeyNotFound:   http.StatusNotFound,
	shared.ErrTooManyPasskeys:   http.StatusConflict,
	shared.ErrLastCredential:    http.StatusConflict,

	shared.ErrInvalidEmail:       http.StatusBadRequest,
	shared.ErrUserExists:         http.StatusUnprocessableEntity,
	shared.ErrPasswordTooShort:   http.StatusBadRequest,
	shared.ErrPasswordTooLong:    http.StatusBadRequest,
	shared.ErrPasswordTooCommon:  http.StatusBadRequest,
	shared.ErrSamePassword:       http.StatusBadRequest,
	shared.ErrInvalidPassword:    http.StatusBadRequest,
	shared.ErrCredentialNotFound: http.StatusBadRequest,
	shared.ErrEmailNotUpdatable:  http.StatusBadRequest,
	shared.ErrFieldNotAllowed:    http.StatusBadRequest,
	shared.ErrNothingToUpdate:    http.StatusBadRequest,
	shared.ErrSignUpDisabled:     http.StatusBadRequest,

	shared.ErrUnknownSetting:  http.StatusBadRequest,
	shared.ErrInvalidSetting:  http.StatusBadRequest,
	shared.ErrSettingReadOnly: http.StatusConflict,
	shared.ErrStaleRevision:   http.StatusConflict,
	shared.ErrMailRefused:     http.StatusFailedDependency, // not 502: proxies replace its body

	shared.ErrServerKey:          http.StatusUnauthorized,
	shared.ErrServerKeyInBrowser: http.StatusForbidden,
	shared.ErrServerKeyEndpoint:  http.StatusForbidden,
	shared.ErrServerKeyName:      http.StatusConflict,
	shared.ErrTooManyServerKeys:  http.StatusConflict,
	shared.ErrNoSuchServerKey:    http.StatusNotFound,

	shared.ErrNoSuchUser: http.StatusNotFound,
	shared.ErrYourself:   http.StatusConflict,

	shared.ErrLastAdministrator: http.StatusConflict,
}

// statusOf returns the HTTP status of the error with the code of e.
func statusOf(e *shared.Error) int {
	for known, status := range statuses {
		if known.Is(e) {
			return status
		}
	}
	return http.StatusInternalServerError
}

// withStatus returns err with another HTTP status than usual. Better Auth returns one
// error with different statuses at different endpoints.
func withStatus(status int, err error) error { return statusError{err, status} }

type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

// A redirect is an address to redirect the caller to. It is an error so that every
// handler can return it.
type redirect string

func (to redirect) Error() string { return "redirected" }

// unavailableRetry is how long a client should wait before it calls an unavailable server
// again.
const unavailableRetry = 2 * time.Second

// fail writes the response to a call that failed.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Content-Type", "application/json")
	if to, ok := errors.AsType[redirect](err); ok {
		w.Header().Set("Location", string(to))
		w.WriteHeader(http.StatusFound)
		return
	}
	e, status := s.explain(w, r, err)
	body, fault := json.Marshal(e)
	if fault != nil {
		panic(fault) // strings and a number
	}
	w.WriteHeader(status)
	w.Write(body)
}

// explain maps err to the response. Unknown errors are logged in full and reported as
// internal.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, err error) (e *shared.Error, status int) {
	e, ok := errors.AsType[*shared.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		e = shared.ErrUnavailable // the client has disconnected
	case !ok:
		s.Log.ErrorContext(r.Context(), "internal error", "path", logPath(r), "err", err)
		e = shared.ErrInternal
	case errors.Is(err, shared.ErrUnavailable):
		s.Log.WarnContext(r.Context(), "unavailable", "path", logPath(r), "err", err)
		if e.RetryAfter == 0 {
			e = e.After(unavailableRetry)
		}
	}
	if e.RetryAfter > 0 {
		after := strconv.Itoa(e.RetryAfter)
		w.Header().Set("Retry-After", after)
		w.Header().Set("X-Retry-After", after) // Better Auth's clients read this one
	}
	status = statusOf(e)
	if known, ok := errors.AsType[statusError](err); ok {
		status = known.status
	}
	if status >= http.StatusInternalServerError {
		e = e.OfRequest(requestID(r.Context()))
	}
	return e, status
}
