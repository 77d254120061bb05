package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// A rate is how often an address may call a route.
type rate struct {
	// limits returns the limits as the settings have them. It is nil if inMemory is
	// set, for [defaultLimit].
	limits func(*setting.Settings) []account.RateLimit
	// guess is whether the route checks a password, a code or a passkey. Only wrong
	// ones count then.
	guess bool
	// inMemory is whether each replica counts for itself. A write to the database for
	// each read would make reads as slow as writes.
	inMemory bool
}

// Limits that are not settings are Better Auth's.
var (
	strictLimit  = account.RateLimit{Name: "address", Max: 3, Window: 10 * time.Second}
	defaultLimit = account.RateLimit{Name: "address", Max: 100, Window: 10 * time.Second}
	mailLimit    = account.RateLimit{Name: "address", Max: 3, Window: time.Minute}
)

var (
	// readRate is for what changes nothing.
	readRate    = rate{inMemory: true}
	defaultRate = rate{limits: func(*setting.Settings) []account.RateLimit { return []account.RateLimit{defaultLimit} }}
	strictRate  = rate{limits: func(*setting.Settings) []account.RateLimit { return []account.RateLimit{strictLimit} }}
	signUpRate  = rate{limits: func(set *setting.Settings) []account.RateLimit {
		return []account.RateLimit{strictLimit, hourlyLimit(set.SignUpsPerAddressHour)}
	}}
	mailRate = rate{limits: func(set *setting.Settings) []account.RateLimit {
		return []account.RateLimit{mailLimit, hourlyLimit(set.EmailsPerAddressHour)}
	}}
	signInRate = rate{guess: true, limits: func(set *setting.Settings) []account.RateLimit {
		return []account.RateLimit{guessLimit(set), hourlyLimit(set.GuessesPerAddressHour)}
	}}
	passkeyRate = rate{guess: true, limits: func(set *setting.Settings) []account.RateLimit {
		return []account.RateLimit{defaultLimit, hourlyLimit(set.GuessesPerAddressHour)}
	}}
	// confirmRate is for second factors and for step-ups.
	confirmRate = rate{guess: true, limits: func(set *setting.Settings) []account.RateLimit {
		return []account.RateLimit{guessLimit(set)}
	}}
)

func guessLimit(set *setting.Settings) account.RateLimit {
	return account.RateLimit{Name: "address", Max: set.GuessesPerAddress, Window: 10 * time.Second}
}

func hourlyLimit(max int) account.RateLimit {
	return account.RateLimit{Name: "address hour", Max: max, Window: time.Hour}
}

// limit counts a call by its address and a path, and fails if the call is one too
// many. It comes before anything else is done for the call.
func (s *Server) limit(c call, at rate, path string) error {
	if at.inMemory {
		return s.limitInMemory(c, path)
	}
	limits := at.limits(s.Accounts.Settings.Now())
	if at.guess {
		return s.admitGuess(c, path, limits)
	}
	for _, l := range limits {
		if err := s.Accounts.Allow(c.Context(), l, bucket(c.Client.IP)+" "+path); err != nil {
			return err
		}
	}
	return nil
}

// guesses are what a call was admitted with, until it is known whether the guesses
// are correct.
type guesses struct {
	reserved []account.Guess
	correct  bool
}

// admitGuess counts a call that guesses. A guess counts while it is wrong or not checked
// yet. A correct one does not count, so that an office that shares one address can sign
// in.
//
// A guess is counted before it is checked, or guesses made at once would pass together.
// A correct one is then taken off: only that one, and only in its own window. So an
// attacker gains nothing from signing in to an account of their own, and no more wrong
// guesses pass than the limit says, however many are sent at once and to however many
// accounts. If more guesses could be in flight, that many would pass.
//
// Correct ones that come at once must pass, too. While guesses of the address are not
// checked yet, the next one waits for its turn and is not refused. It would wait anyway:
// the server hashes as many passwords at once as there are processors. The limit of
// other calls (100 in ten seconds, counted by each replica) bounds how many correct ones
// pass, because each makes a hash and an entry in the log.
func (s *Server) admitGuess(c call, path string, all []account.RateLimit) error {
	if err := s.limitInMemory(c, path); err != nil {
		return err
	}
	caller := bucket(c.Client.IP) + " " + path
	for i, l := range all {
		g, err := s.queues.admit(c.Context(), caller, i == 0, func() (account.Guess, bool, error) {
			return s.Accounts.ReserveGuess(c.Context(), l, caller)
		})
		if err != nil {
			// Earlier limits admitted a guess that is not checked now.
			c.guesses.correct = true
			return err
		}
		c.guesses.reserved = append(c.guesses.reserved, g)
	}
	return nil
}

// settle tells the counters how a call's guesses ended, given the error that the call
// fails with. A guess that could not be checked, because there was no room to hash or
// the database was away, does not count either: nothing was learned from it, and a rush
// of correct ones must not lock an office out. settle comes before the answer: a caller
// who learns that a guess is correct may send the next one at once.
func (s *Server) settle(ctx context.Context, gs *guesses, err error) {
	if len(gs.reserved) == 0 {
		return
	}
	free := gs.correct || errors.Is(err, shared.ErrUnavailable)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for _, g := range gs.reserved {
		if err := s.Accounts.SettleGuess(ctx, g, free); err != nil {
			s.Log.WarnContext(ctx, "a guess was judged and could not be taken off its limit", "err", err)
			return
		}
	}
}

// settleTimeout and requestTimeout together stay under the five seconds within
// which a request must be answered.
const settleTimeout = 500 * time.Millisecond

// queues are the guesses that wait for earlier ones of their address, which are not
// checked yet.
type queues struct {
	wait     time.Duration // at most
	mu       sync.Mutex
	byCaller map[string]*queue
}

// A queue is the guesses of one address. Only the one at its head asks the database, so
// that one call of an address asks at a time.
type queue struct {
	head    chan struct{} // has room for one
	waiting int
}

// queuePoll is how often the head of a queue asks whether there is room. Another replica
// may make room. A hash takes longer, some 50 ms.
const queuePoll = 20 * time.Millisecond

// admit calls try, which reports whether it may succeed in a moment. If so, or if other
// guesses of the caller wait already, admit waits and tries again. It does neither unless
// mayWait is set.
func (qs *queues) admit(ctx context.Context, caller string, mayWait bool, try func() (account.Guess, bool, error)) (account.Guess, error) {
	qs.mu.Lock()
	q := qs.byCaller[caller]
	if !mayWait || q == nil {
		qs.mu.Unlock()
		g, undecided, err := try()
		if !mayWait || !undecided {
			return g, err
		}
		qs.mu.Lock()
		if q = qs.byCaller[caller]; q == nil {
			q = &queue{head: make(chan struct{}, 1)}
			qs.byCaller[caller] = q
		}
	}
	q.waiting++
	qs.mu.Unlock()
	defer func() {
		qs.mu.Lock()
		defer qs.mu.Unlock()
		if q.waiting--; q.waiting == 0 {
			delete(qs.byCaller, caller)
		}
	}()

	ctx, cancel := context.WithTimeout(ctx, qs.wait)
	defer cancel()
	select {
	case q.head <- struct{}{}:
		defer func() { <-q.head }()
	case <-ctx.Done():
		return account.Guess{}, shared.ErrTooManyRequests.After(time.Second)
	}
	for {
		g, undecided, err := try()
		if !undecided {
			return g, err
		}
		select {
		case <-time.After(queuePoll):
		case <-ctx.Done():
			return g, err
		}
	}
}

// limitInMemory counts a call on this replica only. The path must not be the caller's own,
// or a caller could have as many counters as they like.
func (s *Server) limitInMemory(c call, path string) error {
	if s.Accounts.Unlimited {
		return nil
	}
	return s.memory.allow(defaultLimit, bucket(c.Client.IP)+" "+path, s.Accounts.Now())
}

// isReadOnly reports whether the method of a request says that it changes nothing.
func isReadOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// bucket returns what limits count an address as: the /64 of an IPv6 address, because one
// customer has all of it.
func bucket(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() {
		return ip
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// A counter limits calls in memory, as [account.RateLimit] says.
type counter struct {
	mu      sync.Mutex
	windows map[string]window
	cleaned time.Time // when expired windows were last deleted
}

type window struct {
	n   int
	end time.Time
}

func newCounter() *counter { return &counter{windows: map[string]window{}} }

// allow counts a call, and fails if it is one too many.
func (c *counter) allow(l account.RateLimit, caller string, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.cleaned) >= l.Window {
		maps.DeleteFunc(c.windows, func(_ string, w window) bool { return !now.Before(w.end) })
		c.cleaned = now
	}
	w := c.windows[caller]
	if !now.Before(w.end) {
		w = window{end: now.Add(l.Window)}
	}
	w.n++
	c.windows[caller] = w
	if w.n > l.Max {
		return shared.ErrTooManyRequests.After(w.end.Sub(now))
	}
	return nil
}

// maxUserAgent, in bytes, is longer than those of browsers. Longer ones are truncated.
const maxUserAgent = 512

// client returns the client of a request.
func (s *Server) client(r *http.Request) account.Client {
	ua := r.UserAgent()
	ua = strings.ToValidUTF8(ua[:min(len(ua), maxUserAgent)], "")
	return account.Client{
		IP: s.address(r), UserAgent: ua, Language: languageOf(r).Tag, KnownDevice: s.cookies.browser(r), Trust: s.cookies.trust(r),
	}
}

// address returns the IP address of the caller. That is the peer of the socket or, if the
// peer is a trusted proxy, the right-most address in X-Forwarded-For that is not a trusted
// proxy. If all are trusted proxies, it is the right-most one, which the nearest proxy saw.
func (s *Server) address(r *http.Request) string {
	peer, ok := peerOf(r)
	if !ok {
		return ""
	}
	if !s.isProxy(peer) {
		return peer.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	nearest := peer
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		if !s.isProxy(hop) {
			return hop.String()
		}
		if i == len(hops)-1 {
			nearest = hop
		}
	}
	return nearest.String()
}

func (s *Server) isProxy(addr netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseAddr parses an address with or without a port. It returns one form for each address:
// it unmaps IPv4-mapped IPv6 and removes the zone, which would count as other addresses.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = ap.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
