package server

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"latchkey/backend/account"
	"latchkey/shared"
)

// serverKeyOf returns the server key of a request, and reports whether there is one. Other
// bearer tokens are not for this server: proxies add some. Of several Authorization headers
// with a key, none is valid.
func serverKeyOf(r *http.Request) (secret account.ServerKeySecret, given bool) {
	values := r.Header["Authorization"]
	for _, value := range values {
		scheme, token, _ := strings.Cut(value, " ")
		token = strings.TrimSpace(token)
		if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(token, account.ServerKeyPrefix) {
			continue
		}
		if given = true; len(values) == 1 {
			secret = account.ServerKeySecret(token)
		}
	}
	return secret, given
}

// checkServerKey refuses server keys from browsers and for anything but [shared.GetSession],
// whether they are valid or not. Browsers always send Sec-Fetch-Site, which scripts cannot
// remove. They are not recognized by Sec-Fetch-Mode, which fetch of Node also sends.
func (s *Server) checkServerKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given := serverKeyOf(r)
		switch {
		case !given:
			next.ServeHTTP(w, r)
		case r.Header["Origin"] != nil || r.Header["Sec-Fetch-Site"] != nil:
			s.fail(w, r, shared.ErrServerKeyInBrowser)
		case r.URL.Path != shared.GetSession.Path:
			s.fail(w, r, shared.ErrServerKeyEndpoint)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// noCookies is the parameter, which Better Auth has, too, of a back end that cannot forward
// the cookies of a response.
const noCookies = "disableRefresh"

// authenticateBackEnd marks the client of a call with a valid server key as a back end. It
// fails if the key is not valid: such a call is never treated as one without a key.
func (s *Server) authenticateBackEnd(c *call) error {
	secret, given := serverKeyOf(c.Request)
	if !given {
		return nil
	}
	// Guesses count before the database is asked, so that a caller cannot keep it busy. The
	// keys that this replica knows do not count.
	if !s.knownKeys.has(secret) {
		if err := s.limitInMemory(*c, "server key"); err != nil {
			return err
		}
	}
	if err := s.Accounts.CheckServerKey(c.Context(), secret); err != nil {
		return err
	}
	s.knownKeys.add(secret)
	c.Client.BackEnd = account.BackEndCookies
	if c.URL.Query().Has(noCookies) {
		c.Client.BackEnd = account.BackEndNoCookies
	}
	return nil
}

// knownKeys are the hashes of server keys that were valid when they were used. Each use asks
// the database nevertheless.
type knownKeys struct {
	mu     sync.Mutex
	hashes map[string]bool
}

func (k *knownKeys) has(secret account.ServerKeySecret) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hashes[string(secret.Hash())]
}

// add adds a valid key. It forgets the others if some of them must have been revoked.
func (k *knownKeys) add(secret account.ServerKeySecret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hashes == nil || len(k.hashes) > account.MaxServerKeys {
		k.hashes = map[string]bool{}
	}
	k.hashes[string(secret.Hash())] = true
}

func (s *Server) listServerKeys(c call, _ shared.None) ([]shared.ServerKey, error) {
	keys, err := s.Accounts.Store.ServerKeys(c.Context())
	if err != nil {
		return nil, err
	}
	return s.serverKeysOf(c.Context(), keys)
}

func (s *Server) createServerKey(c call, in shared.ServerKeyName) (out shared.NewServerKey, err error) {
	key, secret, err := s.Accounts.CreateServerKey(c.Context(), c.Actor, in.Name)
	if err != nil {
		return out, err
	}
	return shared.NewServerKey{ServerKey: serverKeyBy(key, c.User.Email), Key: string(secret)}, nil
}

func (s *Server) revokeServerKey(c call, in shared.ServerKeyID) (shared.Status, error) {
	err := s.Accounts.RevokeServerKey(c.Context(), c.Actor, in.ID)
	return shared.Status{Status: err == nil}, err
}

// serverKeysOf converts server keys to the API's form.
func (s *Server) serverKeysOf(ctx context.Context, keys []account.ServerKey) ([]shared.ServerKey, error) {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.CreatedBy
	}
	users, err := s.Accounts.Store.EventUsers(ctx, ids)
	list := make([]shared.ServerKey, len(keys))
	for i, k := range keys {
		list[i] = serverKeyBy(k, users[k.CreatedBy].Email)
	}
	return list, err
}

// serverKeyBy converts a server key to the API's form. email is the address of its creator, or
// "" if there is none any longer.
func serverKeyBy(k account.ServerKey, email string) shared.ServerKey {
	out := shared.ServerKey{ID: k.ID, Name: k.Name, CreatedAt: shared.Time{Time: k.CreatedAt}, LastUsedAt: timeOf(k.LastUsedAt)}
	if by := k.CreatedBy; by != "" {
		if email != "" {
			by = email
		}
		out.CreatedBy = &by
	}
	return out
}
