package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"latchkey/backend/account"
	"latchkey/shared"
)

// The limits that belong to addresses are Better Auth's: per address and path.
// Those an hour are ours, against who keeps just below the others.
var (
	strictLimit  = account.Limit{What: "address", Max: 3, Window: 10 * time.Second}
	defaultLimit = account.Limit{What: "address", Max: 100, Window: 10 * time.Second}
	signInHour   = account.Limit{What: "address hour", Max: 100, Window: time.Hour}
	mailLimit    = account.Limit{What: "address", Max: 3, Window: time.Minute}
	mailHour     = account.Limit{What: "address hour", Max: 10, Window: time.Hour}
	signUpHour   = account.Limit{What: "address hour", Max: 20, Window: time.Hour}
)

// limits are those of the endpoint at a path.
func limits(path string) []account.Limit {
	switch path = strings.TrimPrefix(path, "/api/auth"); {
	case strings.HasPrefix(path, "/sign-in"):
		return []account.Limit{strictLimit, signInHour}
	case strings.HasPrefix(path, "/sign-up"):
		return []account.Limit{strictLimit, signUpHour}
	case path == "/passkey/verify-authentication":
		return []account.Limit{defaultLimit, signInHour}
	case path == "/request-password-reset", path == "/send-verification-email":
		return []account.Limit{mailLimit, mailHour}
	case strings.HasPrefix(path, "/change-password"), strings.HasPrefix(path, "/change-email"), strings.HasPrefix(path, "/two-factor"), strings.HasPrefix(path, "/step-up"):
		return []account.Limit{strictLimit}
	}
	return []account.Limit{defaultLimit}
}

// limit counts a call by its address and the path of its endpoint, before
// anything else is done. What changes something is counted in the database, for
// all replicas. What only reads is counted by each replica for itself: a write
// to the database for each read would make reads as slow as writes.
func (s *Server) limit(c call, path string) error {
	if reads(c.Request) && !strings.HasPrefix(path, "/api/auth/passkey/generate-") { // those note a challenge
		return s.limitHere(c, path)
	}
	for _, l := range limits(path) {
		if err := s.Accounts.Count(c.Context(), l, bucket(c.From.IP)+" "+path); err != nil {
			return err
		}
	}
	return nil
}

// limitHere counts a call in memory. The path is never the caller's own, or
// they could have as many counts as they like.
func (s *Server) limitHere(c call, path string) error {
	if s.Accounts.Unlimited {
		return nil
	}
	return s.reads.count(defaultLimit, bucket(c.From.IP)+" "+path, s.Accounts.Now())
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
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	peer, ok := parseAddr(host)
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
