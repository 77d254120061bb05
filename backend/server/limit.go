package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// The limits that belong to addresses are Better Auth's: per address and path.
// The others are settings: see [Server.limits].
var (
	strictLimit  = account.Limit{What: "address", Max: 3, Window: 10 * time.Second}
	defaultLimit = account.Limit{What: "address", Max: 100, Window: 10 * time.Second}
	mailLimit    = account.Limit{What: "address", Max: 3, Window: time.Minute}
)

// limits are those of the endpoint at a path. guess reports whether the endpoint
// judges a password, a code or a passkey, so that they are for what is wrong.
func (s *Server) limits(path string) (all []account.Limit, guess bool) {
	set := s.Accounts.Settings.Now()
	brief := account.Limit{What: "address", Max: set.GuessesPerAddress, Window: 10 * time.Second}
	hour := func(max int) account.Limit { return account.Limit{What: "address hour", Max: max, Window: time.Hour} }
	switch path = strings.TrimPrefix(path, "/api/auth"); {
	case strings.HasPrefix(path, "/sign-in"):
		return []account.Limit{brief, hour(set.GuessesPerAddressHour)}, true
	case path == "/passkey/verify-authentication":
		return []account.Limit{defaultLimit, hour(set.GuessesPerAddressHour)}, true
	case strings.HasPrefix(path, "/two-factor/verify-"), strings.HasPrefix(path, "/step-up"):
		return []account.Limit{brief}, true
	case strings.HasPrefix(path, "/sign-up"):
		return []account.Limit{strictLimit, hour(set.SignUpsPerAddressHour)}, false
	case path == "/request-password-reset", path == "/send-verification-email":
		return []account.Limit{mailLimit, hour(set.EmailsPerAddressHour)}, false
	case strings.HasPrefix(path, "/change-password"), strings.HasPrefix(path, "/change-email"), strings.HasPrefix(path, "/two-factor"):
		return []account.Limit{strictLimit}, false
	}
	return []account.Limit{defaultLimit}, false
}

// limit counts a call by its address and the path of its endpoint, before
// anything else is done. What changes something is counted in the database, for
// all replicas. What only reads is counted by each replica for itself: a write
// to the database for each read would make reads as slow as writes.
func (s *Server) limit(c call, path string) error {
	if reads(c.Request) && !strings.HasPrefix(path, "/api/auth/passkey/generate-") { // those note a challenge
		return s.limitHere(c, path)
	}
	all, guess := s.limits(path)
	if guess {
		return s.admitGuess(c, path, all)
	}
	for _, l := range all {
		if err := s.Accounts.Count(c.Context(), l, bucket(c.Client.IP)+" "+path); err != nil {
			return err
		}
	}
	return nil
}

// guesses are those that a call was admitted with, until it is known whether what
// it sent is right.
type guesses struct {
	open  []account.Guess
	right bool
}

// admitGuess counts a call that guesses: what is wrong, or not judged yet, counts,
// and what is right does not, so that an office that shares one address signs in.
//
// A guess is counted before it is judged, or guesses made at once would pass
// together, and taken off once it was right: by itself only, and in its own window
// only. So a sign-in to an account of their own gives an attacker nothing, and no
// more wrong guesses pass than the limit says, however many are sent at once and
// to however many accounts. A larger number of guesses in flight would let that
// many pass.
//
// Right ones that come at once must pass, too. While guesses of the address are not
// judged yet, the next one waits for its turn instead of being refused. It would
// wait anyway: hashes are made by as many at once as there are processors. How many
// right ones pass is bounded by what bounds other calls (100 in ten seconds, counted
// by each replica), because each makes a hash and an entry in the log.
func (s *Server) admitGuess(c call, path string, all []account.Limit) error {
	if err := s.limitHere(c, path); err != nil {
		return err
	}
	who := bucket(c.Client.IP) + " " + path
	for i, l := range all {
		g, err := s.queues.admit(c.Context(), who, i == 0, func() (account.Guess, bool, error) {
			return s.Accounts.Admit(c.Context(), l, who)
		})
		if err != nil {
			// Those before this limit were not judged, and nothing was learned.
			c.guesses.right = true
			return err
		}
		c.guesses.open = append(c.guesses.open, g)
	}
	return nil
}

// settle has the counts know what became of a call's guesses, given the error that
// the call fails with. Those that could not be judged, for want of room to hash or of
// the database, do not count either: nothing was learned from them, and a rush of
// right ones must not shut an office out. It must be called before the call is
// answered: who is told that they are right may send the next one at once.
func (s *Server) settle(c call, err error) {
	if len(c.guesses.open) == 0 {
		return
	}
	free := c.guesses.right || errors.Is(err, shared.ErrUnavailable)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), settleTimeout)
	defer cancel()
	for _, g := range c.guesses.open {
		if err := s.Accounts.Settle(ctx, g, free); err != nil {
			s.Log.WarnContext(ctx, "a guess was judged and could not be taken off its limit", "err", err)
			return
		}
	}
}

// settleTimeout and requestTimeout together stay under the five seconds within
// which a request must be answered.
const settleTimeout = 500 * time.Millisecond

// queues are the guesses that wait for others of their address, which are not
// judged yet.
type queues struct {
	wait time.Duration // at most
	mu   sync.Mutex
	open map[string]*queue
}

// A queue is the guesses of one address. The one at its head asks the database, so
// that it is asked by one call of an address at a time.
type queue struct {
	head    chan struct{} // has room for one
	waiting int
}

// queuePoll is how often the head of a queue asks whether there is room. Others
// may make it on another replica. It is below the 50 ms that a hash takes.
const queuePoll = 20 * time.Millisecond

// admit calls try, which reports whether it may succeed in a moment. If it may, or
// if others wait already, admit waits and tries again, unless it must not wait.
func (qs *queues) admit(ctx context.Context, who string, mayWait bool, try func() (account.Guess, bool, error)) (account.Guess, error) {
	qs.mu.Lock()
	q := qs.open[who]
	if !mayWait || q == nil {
		qs.mu.Unlock()
		g, undecided, err := try()
		if !mayWait || !undecided {
			return g, err
		}
		qs.mu.Lock()
		if q = qs.open[who]; q == nil {
			q = &queue{head: make(chan struct{}, 1)}
			qs.open[who] = q
		}
	}
	q.waiting++
	qs.mu.Unlock()
	defer func() {
		qs.mu.Lock()
		defer qs.mu.Unlock()
		if q.waiting--; q.waiting == 0 {
			delete(qs.open, who)
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

// limitHere counts a call in memory. The path is never the caller's own, or
// they could have as many counts as they like.
func (s *Server) limitHere(c call, path string) error {
	if s.Accounts.Unlimited {
		return nil
	}
	return s.reads.count(defaultLimit, bucket(c.Client.IP)+" "+path, s.Accounts.Now())
}

// reads reports whether a request changes nothing.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// bucket is the address that limits count by: the /64 of an IPv6 address,
// because one customer has all of it.
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

// windows counts in memory what [account.Limit] says.
type windows struct {
	mu    sync.Mutex
	open  map[string]window
	swept time.Time
}

type window struct {
	n   int
	end time.Time
}

func newWindows() *windows { return &windows{open: map[string]window{}} }

func (ws *windows) count(l account.Limit, who string, now time.Time) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if now.Sub(ws.swept) >= l.Window {
		for who, w := range ws.open {
			if !now.Before(w.end) {
				delete(ws.open, who)
			}
		}
		ws.swept = now
	}
	w := ws.open[who]
	if !now.Before(w.end) {
		w = window{end: now.Add(l.Window)}
	}
	w.n++
	ws.open[who] = w
	if w.n > l.Max {
		return shared.ErrTooManyRequests.After(w.end.Sub(now))
	}
	return nil
}

// maxUserAgent, in bytes, is longer than those of browsers; what is kept of
// longer ones is their beginning.
const maxUserAgent = 512

// client is where a request comes from.
func (s *Server) client(r *http.Request) account.Client {
	ua := r.UserAgent()
	ua = strings.ToValidUTF8(ua[:min(len(ua), maxUserAgent)], "")
	return account.Client{IP: s.address(r), UserAgent: ua, Language: languageOf(r).Tag, Browser: s.cookies.browser(r), Trust: s.cookies.trust(r)}
}

// address is the socket's, or what trusted proxies say before it: the
// right-most address of X-Forwarded-For that is not a trusted proxy's. Where
// all are, the right-most: the one that the nearest proxy saw itself.
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

// parseAddr reads an address, with a port or without, as one form only: an
// IPv4 address in IPv6 clothes and a zone would count as others.
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
