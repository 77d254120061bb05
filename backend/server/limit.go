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

// A rate limits how often an address may call a route.
type rate struct {
	// limits returns the limits under the current settings. It is nil if inMemory is set:
	// [defaultLimit] applies then.
	limits func(*setting.Settings) []account.RateLimit
	// guess is set if the route checks a password, a code or a passkey. Then only wrong
	// ones count.
	guess bool
	// inMemory is set if each replica counts separately. Writing to the database for each
	// read would make reads as slow as writes.
	inMemory bool
}

// The limits that are not settings are Better Auth's.
var (
	strictLimit  = account.RateLimit{Name: "address", Max: 3, Window: 10 * time.Second}
	defaultLimit = account.RateLimit{Name: "address", Max: 100, Window: 10 * time.Second}
	mailLimit    = account.RateLimit{Name: "address", Max: 3, Window: time.Minute}
)

var (
	// readRate is for reads, and for links, which carry a random token.
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

// limit counts a call by its address and a path, and fails if the call exceeds a limit.
// It runs before the server decodes the call. The calls of a back end for all of its users
// come from one address, so the limit of reads does not apply to them.
func (s *Server) limit(c call, at rate, path string) error {
	if at.inMemory && c.Client.BackEnd != account.NoBackEnd {
		return nil
	}
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

// guesses are the guesses that the limits have counted for a call. They count until the
// server knows whether they are correct.
type guesses struct {
	reserved []account.Guess
	correct  bool
	deadline time.Time // until when they should be settled
}

// admitGuess counts a guess before the server checks it, and fails if the guess exceeds a
// limit. Wrong and unchecked guesses count. A correct one does not, so that an office
// behind one address can sign in.
//
// If guesses were counted after the check, parallel ones would all pass. [Server.settle]
// uncounts a correct guess: only that one, and only in its own window. So attackers gain
// nothing by signing in to their own account. The limit also bounds the guesses in
// flight, because that many would otherwise pass, and those spread over many accounts.
//
// Parallel correct guesses must pass, too. While guesses of the address are unchecked,
// the next one waits instead of being refused. It would wait anyway: the server hashes
// only as many passwords at once as there are processors. Each correct guess costs a hash
// and an entry in the log. The limit of other calls (100 in ten seconds, counted by each
// replica) bounds their number.
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
			// The earlier limits have counted a guess that will not be checked.
			c.guesses.correct = true
			return err
		}
		c.guesses.reserved = append(c.guesses.reserved, g)
	}
	return nil
}

// settle settles the guesses of a call that ended with err. Correct guesses stop
// counting. So do guesses that the server could not check, because it was too busy to
// hash or the database was unavailable: the caller learned nothing from them, and a rush
// of correct ones must not lock out an office. settle runs before the response is
// written, because a caller whose guess is correct may send the next one at once.
func (s *Server) settle(ctx context.Context, gs *guesses, err error) {
	if len(gs.reserved) == 0 {
		return
	}
	free := gs.correct || errors.Is(err, shared.ErrUnavailable)
	deadline := gs.deadline
	if least := time.Now().Add(settleTimeout); deadline.Before(least) {
		deadline = least
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for _, g := range gs.reserved {
		if err := s.Accounts.SettleGuess(ctx, g, free); err != nil {
			s.Log.WarnContext(ctx, "cannot update the rate limit after a password or code was checked", "err", err)
			return
		}
	}
}

// settleTimeout is how long [Server.settle] may take at least. Together with the time limit of a
// request, it stays under five seconds: the time in which the server must respond. A call that ends
// sooner leaves the rest of that time, because a correct guess that is not settled counts as a
// wrong one.
const settleTimeout = 500 * time.Millisecond

// queues hold the guesses that wait for unchecked ones from the same address.
type queues struct {
	wait     time.Duration // at most
	mu       sync.Mutex
	byCaller map[string]*queue
}

// A queue holds the waiting guesses of one caller. Only the guess at its head queries the
// database, so that the caller causes one query at a time.
type queue struct {
	head    chan struct{} // holds a value while a guess is at the head
	waiting int
}

// queuePoll is how often the head of a queue retries. It polls because another replica
// may settle a guess. A hash takes longer: about 50 ms.
const queuePoll = 20 * time.Millisecond

// admit calls try, which reports whether a retry may succeed soon. If so, admit queues
// the guess and retries until qs.wait is over. If other guesses of the caller are in the
// queue, admit joins it before the first try. If mayWait is not set, admit calls try
// once.
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

// limitInMemory counts a call on this replica only. The path must be one of a fixed set:
// if callers chose it, they would evade the limit and fill the memory.
func (s *Server) limitInMemory(c call, path string) error {
	if s.Accounts.Unlimited {
		return nil
	}
	return s.memory.allow(defaultLimit, bucket(c.Client.IP)+" "+path, s.Accounts.Now())
}

// isReadOnly reports whether the method of a request is GET or HEAD.
func isReadOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// bucket returns the key under which limits count an address. For IPv6 it is the /64
// prefix, because one customer has all of it.
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

// A counter enforces an [account.RateLimit] in memory.
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

// allow counts a call, and fails if it exceeds the limit.
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

// client returns the client of a request.
func (s *Server) client(r *http.Request) account.Client {
	ua := r.UserAgent()
	ua = strings.ToValidUTF8(ua[:min(len(ua), account.MaxUserAgent)], "")
	return account.Client{
		IP: s.address(r), UserAgent: ua, Language: languageOf(r).Tag, KnownDevice: s.cookies.browser(r), Trust: s.cookies.trust(r),
	}
}

// address returns the IP address of the caller: the peer of the connection or, if the
// peer is a trusted proxy, the rightmost address in X-Forwarded-For that is not a trusted
// proxy. If all are trusted proxies, it is the rightmost one, which the nearest proxy
// saw.
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

// parseAddr parses an address with or without a port. It normalizes the address, so that
// limits count each address once: it unmaps IPv4-mapped IPv6 and removes the zone.
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
